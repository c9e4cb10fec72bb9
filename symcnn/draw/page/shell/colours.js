// Numbers as colours: signed ones about 0, one-signed ones from 0; what is not finite in colours of its own.
// All maps of a tensor have one scale, at each moment of the training its own: errors shrink a thousandfold.

function scaleOf(tensor) {
  const [low, high] = tensor.scales[Math.min(state.moment, tensor.scales.length - 1)];
  return { kind: tensor.kind, low, high };
}

function coloursOf(tensor) {
  const { kind, low, high } = scaleOf(tensor);
  const palette = page.palettes[kind];
  const last = palette.length - 1;
  return {
    css: (value) => palette[high > low ? Math.round(((value - low) / (high - low)) * last) : kind === "signed" ? last / 2 : 0],
    odd: (value) => (Number.isNaN(value) ? page.palettes.nan : page.palettes.infinite),
  };
}

// The legend of the scales in use.
function legend(list) {
  const kinds = [...new Set(list.filter((t) => t.size > 1).map((t) => scaleOf(t).kind))];
  return kinds.map((kind) => {
    const words = kind === "signed" ? ["−", "0", "+", "signed, scaled per tensor"] : ["least", "", "most", "one sign, scaled per tensor"];
    const bar = make("canvas", { width: 120, height: 12, role: "img", "aria-label": `colour scale: ${words[3]}` });
    const context = bar.getContext("2d");
    page.palettes[kind].forEach((colour, n, all) => {
      context.fillStyle = colour;
      context.fillRect((n * 120) / all.length, 0, 120 / all.length + 1, 12);
    });
    return make("p", { class: "scale" }, words[0], " ", bar, ` ${words[2]} `, make("span", { class: "quiet" }, words[3]));
  });
}
