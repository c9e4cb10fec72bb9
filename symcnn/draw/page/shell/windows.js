// Which units of its source a unit reads, and which units read a unit: both from the windows that a link declares.
// A window [axis, step, start, size, per, low, high] says, for one axis of the source: the unit with index i along `axis`
// of the value reads the positions floor((step i + start) / per) to floor((step i + start + size - 1) / per), of those
// from low to high; without an axis, every unit reads all from low to high.

function edges([axis, step, start, size, per, low, high], unit) {
  if (axis === null) return [low, high];
  const first = step * unit[axis] + start;
  return [Math.floor(first / per), Math.floor((first + size - 1) / per)];
}

// How wide the window is along each axis, borders included.
function sizesOf(link) {
  return link.windows.map(([axis, , , size, , low, high]) => (axis === null ? high - low + 1 : size));
}

function exists(link, index) {
  return index.every((i, k) => i >= Math.max(0, link.windows[k][5]) && i <= link.windows[k][6]);
}

// The index in the source of the t-th unit (row by row) of the window of a unit, or null where that is a border.
function nth(link, unit, t) {
  const index = unflat(t, sizesOf(link)).map((offset, k) => edges(link.windows[k], unit)[0] + offset);
  return exists(link, index) ? index : null;
}

// All that a unit reads: [t, flat index in the source], borders left out.
function* reads(link, unit) {
  const shape = tensors[link.source].shape;
  const count = sizesOf(link).reduce((a, b) => a * b, 1);
  for (let t = 0; t < count; t++) {
    const index = nth(link, unit, t);
    if (index && index.every((i, k) => i < shape[k])) yield [t, flat(index, shape)];
  }
}

// The part of the source that a unit reads, as [first, size] an axis, borders left out.
function region(link, unit) {
  return link.windows.map((window, k) => {
    const [first, last] = edges(window, unit);
    const low = Math.max(first, window[5], 0);
    return [low, Math.max(0, Math.min(last, window[6], tensors[link.source].shape[k] - 1) - low + 1)];
  });
}

// The part of the value that reads a unit of the source, as [first, size] an axis; null where nothing does.
function readersOf(link, index) {
  if (!exists(link, index)) return null;
  const ranges = tensors[link.value].shape.map((n) => [0, n - 1]);
  for (const [k, [axis, step, start, size, per]] of link.windows.entries()) {
    if (axis === null) continue;
    // per * index - size + 1 <= step * unit + start <= per * index + per - 1
    const ends = [per * index[k] - size + 1 - start, per * index[k] + per - 1 - start].map((n) => n / step);
    const [low, high] = step > 0 ? ends : ends.reverse();
    ranges[axis] = [Math.max(ranges[axis][0], Math.ceil(low)), Math.min(ranges[axis][1], Math.floor(high))];
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
  return flat(index.map((i, k) => i - edges(link.windows[k], unit)[0]), sizesOf(link));
}
