// The numbers of the page: decoded when they are first asked for, and the arithmetic of their indices.

class Tensor {
  constructor(key, record) {
    Object.assign(this, record);
    this.key = key;
    this.size = this.shape.reduce((a, b) => a * b, 1);
    this.decoded = []; // one array a moment
  }

  // What was recorded at a moment of the training; a tensor that does not change is recorded once.
  at(moment) {
    const n = Math.min(moment, this.data.length - 1);
    if (!this.decoded[n]) this.decoded[n] = decode(this.data[n], this.numbers);
    return this.decoded[n];
  }
}

function isAbsent(tensor, n) {
  return Boolean(tensor.absent) && tensor.absent[n] === "1";
}

function decode(text, numbers) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  if (numbers === "f8") return Float64Array.from({ length: bytes.length / 8 }, (_, n) => view.getFloat64(8 * n, true));
  return Float32Array.from({ length: bytes.length / 4 }, (_, n) => view.getFloat32(4 * n, true));
}

function flat(index, shape) {
  return index.reduce((sum, i, axis) => sum * shape[axis] + i, 0);
}

function unflat(n, shape) {
  const index = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(n % shape[axis]);
    n = Math.floor(n / shape[axis]);
  }
  return index;
}

// Four significant digits, as people write them.
function shown(value) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size === 0 ? "0" : size >= 1e-4 && size < 1e6 ? String(+size.toPrecision(4)) : size.toExponential(3);
  return value < 0 ? `−${text}` : text;
}
