// How a value is made of the units it reads, and how an error splits: d value[u] / d source[v], from what a link
// declares. "products": paired with another source, row by row of their windows. "factor": a number. "first maximum": 1 for
// the first of the largest, 0 for the others. "slope": a tensor of the value's shape.

function linkOf(value, source) {
  return page.links.find((link) => link.value === value && link.source === source);
}

function linksOf(value) {
  return page.links.filter((link) => link.value === value);
}

// Whether all numbers of a link are on the page.
function isExplained(link) {
  const needed = link ? [link.source, link.other, link.slope].filter(Boolean) : [];
  return Boolean(link && link.kind) && needed.every((key) => tensors[key] && !tensors[key].left);
}

// d value[unit] / d source[the t-th unit of the window], and what it is called; null where they are not connected.
function partial(link, unit, t) {
  if (link.kind === "factor") return [link.factor, ""];
  if (link.kind === "slope") {
    const slope = tensors[link.slope];
    return [slope.at(state.moment)[flat(unit, slope.shape)], `${slope.symbol}${bracket(unit)}`];
  }
  if (link.kind === "first maximum") return t === switchOf(link, unit) ? [1, "the switch"] : [0, "not the switch"];
  const paired = linkOf(link.value, link.other);
  const index = nth(paired, unit, t);
  const other = tensors[link.other];
  if (!index || isAbsent(other, flat(index, other.shape))) return [null, ""];
  return [other.at(state.moment)[flat(index, other.shape)], `${other.symbol}${bracket(index)}`];
}

// The place in its window of the first of the largest; a NaN is the largest.
function switchOf(link, unit) {
  const values = tensors[link.source].at(state.moment);
  let best = -1, largest = -Infinity;
  for (const [t, n] of reads(link, unit)) {
    if (Number.isNaN(values[n])) return t;
    if (best < 0 || values[n] > largest) [best, largest] = [t, values[n]];
  }
  return best;
}

// A product: [name, number] of both factors, where there are two; `to` is what a share goes to.
function term(value, factors, to) {
  return { value, factors, to };
}

// What a unit of a value is the sum of: null where its links do not say.
function termsOfValue(value, unit) {
  const links = linksOf(value);
  if (!links.length || !links.every(isExplained)) return null;
  const terms = [], done = new Set();
  for (const link of links) {
    if (done.has(link.source)) continue;
    if (link.kind === "slope") return null;
    if (link.kind === "products") done.add(link.other);
    const source = tensors[link.source], numbers = source.at(state.moment);
    for (const [t, n] of reads(link, unit)) {
      const [factor, words] = partial(link, unit, t);
      const index = unflat(n, source.shape);
      if (factor === null || (link.kind === "first maximum" && factor === 0)) continue;
      terms.push(term(numbers[n] * factor, [[`${source.symbol}${bracket(index)}`, numbers[n]], [words, factor]]));
    }
  }
  return terms;
}

// The shares of the error of a unit that go to one of the sources.
function sharesOfError(link, unit, error) {
  const source = tensors[link.source];
  const shares = [...reads(link, unit)].map(([t, n]) => {
    const [factor, words] = isAbsent(source, n) ? [null, ""] : partial(link, unit, t);
    return factor === null ? null : term(error * factor, [["", error], [words, factor]], `${source.error}${bracket(unflat(n, source.shape))}`);
  });
  return shares.filter(Boolean);
}

// What the error of a source's unit is the sum of: the shares that come from the units that read it.
function termsOfError(link, index, errors) {
  const value = tensors[link.value];
  const part = readersOf(link, index);
  if (!part) return [];
  if (errors.left) return null;
  if (isAbsent(tensors[link.source], flat(index, tensors[link.source].shape))) return [];
  const terms = [...unitsIn(part)].map((unit) => {
    const error = errors.at(state.moment)[flat(unit, value.shape)];
    const [factor, words] = partial(link, unit, placeIn(link, unit, index));
    return factor === null ? null : term(error * factor, [[`${errors.symbol}${bracket(unit)}`, error], [words, factor]]);
  });
  return terms.filter(Boolean);
}

function bracket(index) {
  return index.length ? `[${index.join(", ")}]` : "";
}
