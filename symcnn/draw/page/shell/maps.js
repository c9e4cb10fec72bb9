// A tensor as pictures: maps as tiles in rows, a short vector as bars, a long one as a strip, a number as text.

const LARGEST = 112, HIGHEST = 210; // of one of several maps, and of all of them
const ALONE = [340, 170]; // the width and height of a map that is the only one

class Maps {
  constructor(tensor, width) {
    this.tensor = tensor;
    const shape = of(tensor.view || tensor.shape, axesSeen(tensor.view || tensor.shape));
    const long = shape.length === 1 && shape[0] > 40;
    this.kind = tensor.size === 1 ? "number" : long ? "strip" : shape.length === 1 ? "bars" : "tiles";
    if (this.kind === "tiles") this.layTiles(shape, width);
    if (this.kind === "bars") Object.assign(this, { width: shape[0] * 30, height: 84, cell: 30 });
    if (this.kind === "strip") {
      this.cell = 9;
      this.columns = Math.max(1, Math.floor(width / this.cell));
      this.width = Math.min(shape[0], this.columns) * this.cell;
      this.height = Math.ceil(shape[0] / this.columns) * this.cell;
    }
    if (this.kind === "number") Object.assign(this, { width: 120, height: 28 });
  }

  // The largest whole scale at which a tile is not too wide and all of them not too high. The maps of a filter stand in
  // a row of their own; where such rows are short, several stand side by side.
  layTiles(shape, width) {
    const [h, w] = shape.slice(-2);
    const row = shape.length > 2 ? shape[shape.length - 3] : 1;
    const groups = shape.slice(0, -3).reduce((a, b) => a * b, 1);
    const alone = row * groups === 1;
    const joined = row * w <= 12 || row === 1 ? row * groups : row;
    const rows = (row * groups) / joined;
    const most = alone ? Math.min(ALONE[0] / w, ALONE[1] / h) : LARGEST / Math.max(h, w);
    for (let scale = Math.max(1, Math.min(16, Math.floor(most))); ; scale--) {
      const gap = scale < 3 ? 3 : 6, across = w * scale + gap, down = h * scale + gap;
      const columns = Math.max(1, Math.min(joined, Math.floor((width + gap) / across)));
      const lines = Math.ceil(joined / columns);
      const blockWidth = columns * across + (rows > 1 ? 2 * gap : 0), blockHeight = lines * down;
      const abreast = lines === 1 ? Math.max(1, Math.min(rows, Math.floor((width + 3 * gap) / blockWidth))) : 1;
      const height = Math.ceil(rows / abreast) * blockHeight - gap;
      if (height > HIGHEST && scale > (h === 1 ? 4 : 2)) continue;
      Object.assign(this, { h, w, joined, scale, across, down, columns, blockWidth, blockHeight, abreast, height });
      this.width = abreast * blockWidth - (rows > 1 ? 3 : 1) * gap;
      return;
    }
  }

  // The rectangle of unit n: [x, y, width, height].
  place(n) {
    if (this.kind === "number") return [0, 0, this.width, this.height];
    if (this.kind === "bars") return [n * this.cell, 0, this.cell, this.height];
    if (this.kind === "strip") {
      const cell = this.cell;
      return [(n % this.columns) * cell, Math.floor(n / this.columns) * cell, cell, cell];
    }
    const { h, w, scale, joined, columns, abreast } = this;
    const tile = Math.floor(n / (h * w)), inside = n % (h * w);
    const group = Math.floor(tile / joined), k = tile % joined;
    const x = (group % abreast) * this.blockWidth + (k % columns) * this.across;
    const y = Math.floor(group / abreast) * this.blockHeight + Math.floor(k / columns) * this.down;
    return [x + (inside % w) * scale, y + Math.floor(inside / w) * scale, scale, scale];
  }

  // The unit at a point, or null.
  unitAt(x, y) {
    if (this.kind === "number") return 0;
    if (this.kind === "bars") return Math.min(Math.floor(x / this.cell), this.tensor.size - 1);
    if (this.kind === "strip") {
      const n = Math.floor(y / this.cell) * this.columns + Math.floor(x / this.cell);
      return n < this.tensor.size ? n : null;
    }
    const { h, w, scale, joined, columns, abreast } = this;
    const [blockX, left] = divided(x, this.blockWidth), [blockY, top] = divided(y, this.blockHeight);
    const [column, dx] = divided(left, this.across), [line, dy] = divided(top, this.down);
    const i = Math.floor(dy / scale), j = Math.floor(dx / scale), k = line * columns + column;
    if (i >= h || j >= w || column >= columns || k >= joined || blockX >= abreast) return null;
    const n = (((blockY * abreast + blockX) * joined + k) * h + i) * w + j;
    return n < this.tensor.size ? n : null;
  }

  // By how much an arrow key, or a change of map, moves along the flat index; 0 where there is nothing.
  moved(n, key) {
    const width = this.kind === "tiles" ? this.w : this.kind === "strip" ? this.columns : 1;
    const map = this.kind === "tiles" ? this.h * this.w : 1;
    const inside = n % map;
    const steps = {
      ArrowLeft: inside % width || map === 1 ? -1 : 0,
      ArrowRight: (inside + 1) % width || map === 1 ? 1 : 0,
      ArrowUp: this.kind === "bars" ? -1 : inside >= width || map === 1 ? -width : 0,
      ArrowDown: this.kind === "bars" ? 1 : inside + width < map || map === 1 ? width : 0,
      PageUp: -map,
      PageDown: map,
    };
    const to = n + (steps[key] || 0);
    return to >= 0 && to < this.tensor.size ? to : n;
  }

  paint(context) {
    const numbers = this.tensor.at(state.moment), colour = coloursOf(this.tensor);
    context.clearRect(0, 0, this.width, this.height);
    if (this.kind === "number") this.paintNumber(context, numbers[0]);
    else if (this.kind === "bars") this.paintBars(context, numbers, colour);
    else this.paintCells(context, numbers, colour);
  }

  paintNumber(context, value) {
    context.fillStyle = ink();
    context.font = "600 17px system-ui, sans-serif";
    context.fillText(shown(value), 6, 20);
  }

  paintBars(context, numbers, colour) {
    const finite = numbers.filter(Number.isFinite).map(Math.abs);
    const most = Math.max(1e-30, ...finite);
    const signed = numbers.some((v) => v < 0);
    const room = this.height - 18, zero = signed ? room / 2 : room;
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    for (const [n, value] of numbers.entries()) {
      const size = Number.isFinite(value) ? (value / most) * (signed ? room / 2 : room) : 0;
      context.fillStyle = Number.isFinite(value) ? colour.css(value) : colour.odd(value);
      if (Number.isFinite(value)) context.fillRect(n * 30 + 5, zero - Math.max(size, 0), 20, Math.max(Math.abs(size), 1));
      else context.fillRect(n * 30 + 5, 0, 20, room);
      context.strokeStyle = faint();
      context.strokeRect(n * 30 + 5.5, zero - Math.max(size, 0) + 0.5, 19, Math.max(Math.abs(size), 1) - 1);
      context.fillStyle = ink();
      context.fillText(String(n), n * 30 + 15, this.height - 4);
    }
    context.fillStyle = faint();
    context.fillRect(0, zero - 0.5, this.width, 1);
  }

  paintCells(context, numbers, colour) {
    context.fillStyle = faint();
    for (const [n, value] of numbers.entries()) {
      const [x, y, width, height] = this.place(n);
      context.fillStyle = isAbsent(this.tensor, n) ? faint() : Number.isFinite(value) ? colour.css(value) : colour.odd(value);
      context.fillRect(x, y, width, height);
      if (!Number.isFinite(value) && width >= 4) {
        context.fillStyle = "#ffffff";
        context.fillRect(x + 1, y + 1, width - 2, 1);
      }
    }
  }

  // Frames around regions ([first, size] an axis) and single units; one frame around all, where all is meant.
  frame(context, part, strong) {
    const { shape, view } = this.tensor;
    if (part.every(([, size], k) => size === shape[k])) return outline(context, [1, 1, this.width - 2, this.height - 2], strong);
    if (this.kind === "tiles" && (!view || part[1][1] === shape[1])) {
      const all = view ? [part[0], ...view.slice(1).map((n) => [0, n])] : part, axes = axesSeen(view || shape);
      return this.frameMaps(context, of(all, axes), of(view || shape, axes), strong);
    }
    for (const index of unitsIn(part)) outline(context, this.place(flat(index, shape)), strong);
  }

  // A frame around a part of each map, of those that are meant.
  frameMaps(context, part, shape, strong) {
    for (const index of unitsIn([...part.slice(0, -2), [part.at(-2)[0], 1], [part.at(-1)[0], 1]])) {
      const [x, y, w, h] = this.place(flat(index, shape));
      outline(context, [x, y, w * part.at(-1)[1], h * part.at(-2)[1]], strong);
    }
  }
}

// Maps of a single unit are the entries of a vector or of a table, and maps of a single row the rows of one map.
function axesSeen(shape) {
  const last = shape.length - 1, all = [...shape.keys()];
  if (last < 2 || shape[last - 1] > 1) return all;
  return all.filter((k) => k < last - 1 || (k === last && shape[last] > 1));
}

function of(list, places) {
  return places.map((k) => list[k]);
}

function divided(n, by) {
  const whole = Math.floor(n / by);
  return [whole, n - whole * by];
}

function outline(context, [x, y, width, height], strong) {
  context.lineWidth = strong ? 4 : 3;
  context.strokeStyle = "#ffffff";
  context.strokeRect(x, y, width, height);
  context.lineWidth = strong ? 2.5 : 1.5;
  context.strokeStyle = strong ? "#000000" : "#d1008f";
  context.strokeRect(x, y, width, height);
}

function ink() {
  return getComputedStyle(document.documentElement).getPropertyValue("--ink");
}

function faint() {
  return getComputedStyle(document.documentElement).getPropertyValue("--faint");
}
