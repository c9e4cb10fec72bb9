// Which units of its source a unit reads, and which units read a unit: both from the windows that a link declares.
// A window [axis, step, start, size] says, for one axis of the source: the unit with index i along `axis` of the value
// reads `size` positions from start + step * i on; without an axis, every unit reads the same.

function firstOf([axis, step, start], unit) {
  return start + (axis === null ? 0 : step * unit[axis]);
}

function sizesOf(link) {
  return link.windows.map((w) => w[3]);
}

// The index in the source of the t-th unit (row by row) of the window of a unit, or null where that is padding.
function nth(link, unit, t) {
  const shape = tensors[link.source].shape;
  const index = unflat(t, sizesOf(link)).map((offset, k) => firstOf(link.windows[k], unit) + offset);
  return index.every((i, k) => i >= 0 && i < shape[k]) ? index : null;
}

// All that a unit reads: [t, flat index in the source], padding left out.
function* reads(link, unit) {
  const shape = tensors[link.source].shape;
  const count = sizesOf(link).reduce((a, b) => a * b, 1);
  for (let t = 0; t < count; t++) {
    const index = nth(link, unit, t);
    if (index) yield [t, flat(index, shape)];
  }
}

// The part of the source that a unit reads, as [first, size] an axis, padding left out.
function region(link, unit) {
  return link.windows.map((w, k) => {
    const first = firstOf(w, unit);
    const low = Math.max(first, 0);
    return [low, Math.min(first + w[3], tensors[link.source].shape[k]) - low];
  });
}

// The part of the value that reads a unit of the source, as [first, size] an axis; null where nothing does.
function readersOf(link, index) {
  const ranges = tensors[link.value].shape.map((n) => [0, n - 1]);
  for (const [k, [axis, step, start, size]] of link.windows.entries()) {
    const low = index[k] - start - size + 1, high = index[k] - start;
    if (axis === null || step === 0) {
      if (low > 0 || high < 0) return null;
    } else {
      const ends = [low / step, high / step].sort((a, b) => a - b);
      ranges[axis] = [Math.max(ranges[axis][0], Math.ceil(ends[0])), Math.min(ranges[axis][1], Math.floor(ends[1]))];
    }
  }
  return ranges.some(([a, b]) => a > b) ? null : ranges.map(([a, b]) => [a, b - a + 1]);
}

// The units in a region, as indices, row by row.
function* unitsIn(part) {
  const sizes = part.map(([, size]) => size);
  const count = sizes.reduce((a, b) => a * b, 1);
  for (let n = 0; n < count; n++) yield unflat(n, sizes).map((offset, k) => part[k][0] + offset);
}

// Where in the window of a unit a source's unit stands: its t.
function placeIn(link, unit, index) {
  return flat(index.map((i, k) => i - firstOf(link.windows[k], unit)), sizesOf(link));
}
