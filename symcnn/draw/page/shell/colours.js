// Numbers as colours: signed ones about 0, one-signed ones from 0; what is not finite in colours of its own.
// The scale of a tensor is the same for all its maps and all moments of the training.

const scales = new Map();

function scaleOf(tensor) {
  if (!scales.has(tensor.key)) {
    let low = Infinity, high = -Infinity;
    for (let moment = 0; moment < tensor.data.length; moment++) {
      for (const value of tensor.at(moment)) {
        if (!Number.isFinite(value)) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    if (low > high) [low, high] = [0, 0];
    const most = Math.max(Math.abs(low), Math.abs(high));
    const kind = low < 0 ? "signed" : "positive";
    scales.set(tensor.key, kind === "signed" ? { kind, low: -most, high: most } : { kind, low: 0, high });
  }
  return scales.get(tensor.key);
}

function coloursOf(tensor) {
  const { kind, low, high } = scaleOf(tensor);
  const palette = page.palettes[kind];
  const last = palette.length - 1;
  return {
    css: (value) => palette[high > low ? Math.round(((value - low) / (high - low)) * last) : kind === "signed" ? last / 2 | 0 : 0],
    odd: (value) => (Number.isNaN(value) ? page.palettes.nan : page.palettes.infinite),
  };
}

// The legend of the scales in use.
function legend(list) {
  const kinds = [...new Set(list.filter((t) => t.size > 1).map((t) => scaleOf(t).kind))];
  return kinds.map((kind) => {
    const words = kind === "signed" ? ["−", "0", "+", "signed, scaled per tensor"] : ["0", "", "max", "from 0, scaled per tensor"];
    const bar = make("canvas", { width: 120, height: 12, role: "img", "aria-label": `colour scale: ${words[3]}` });
    const context = bar.getContext("2d");
    page.palettes[kind].forEach((colour, n, all) => {
      context.fillStyle = colour;
      context.fillRect((n * 120) / all.length, 0, 120 / all.length + 1, 12);
    });
    return make("p", { class: "scale" }, words[0], " ", bar, ` ${words[2]} `, make("span", { class: "quiet" }, words[3]));
  });
}
