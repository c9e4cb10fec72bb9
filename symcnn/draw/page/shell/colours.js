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
  const most = Math.max(Math.abs(low), Math.abs(high)); // divided first: high - low may be infinite
  const share = (value) => (value / most - low / most) / (high / most - low / most);
  return {
    css: (value) => palette[high > low ? Math.round(share(value) * last) : kind === "signed" ? last / 2 : 0],
    odd: (value) => (Number.isNaN(value) ? page.palettes.nan : page.palettes.infinite),
  };
}

function colourBar(kind, width, label) {
  const bar = make("canvas", { width, height: 12, role: "img", "aria-label": label });
  const context = bar.getContext("2d");
  page.palettes[kind].forEach((colour, n, all) => {
    context.fillStyle = colour;
    context.fillRect((n * width) / all.length, 0, width / all.length + 1, 12);
  });
  return bar;
}

function swatch(colour, label) {
  const square = make("canvas", { width: 12, height: 12, role: "img", "aria-label": label });
  Object.assign(square.getContext("2d"), { fillStyle: colour }).fillRect(0, 0, 12, 12);
  return square;
}

// The legend of the scales in use, and of the marks that are no colours of a scale.
function legend(list) {
  const kinds = [...new Set(list.filter((t) => t.size > 1).map((t) => scaleOf(t).kind))];
  const scales = kinds.map((kind) => {
    const words = kind === "signed" ? ["−", "+", "signed: 0 is white"] : ["least", "most", "of one sign"];
    const bar = colourBar(kind, 120, `colour scale, ${words[2]}`);
    return make("p", { class: "scale" }, words[0], bar, words[1], make("span", { class: "quiet" }, words[2]));
  });
  const numbers = list.map((tensor) => tensor.at(state.moment));
  const marks = [
    [page.palettes.nan, "NaN", numbers.some((all) => all.some(Number.isNaN))],
    [page.palettes.infinite, "infinite", numbers.some((all) => all.some((v) => Math.abs(v) === Infinity))],
    [faint(), "no such weight", list.some((tensor) => tensor.absent?.includes("1"))],
  ];
  const used = marks.filter(([, , isUsed]) => isUsed).map(([colour, words]) => make("p", { class: "scale" }, swatch(colour, words), words));
  const note = make("p", { class: "quiet" }, "Each tensor has a scale of its own.");
  return [...scales, ...used, ...(scales.length ? [note] : [])];
}
