// What is said about the chosen unit: what it is the sum of, or how its error splits; and what is framed for it.

const LISTED = 9;

// {heading, text, terms, total, value, frames}: frames are [tensor key, region].
function inspected(step, tensor, n) {
  const index = unflat(n, tensor.shape);
  const value = tensor.at(state.moment)[n];
  const found = { heading: `${tensor.symbol}${bracket(index)} = ${shown(value)}`, groups: [], frames: [], value };
  if (isAbsent(tensor, n)) found.groups.push({ text: "The table of connections has no such weight; its gradient is 0.", terms: [] });
  else if (step.direction === "forward") inspectForward(step, tensor, index, found);
  else inspectBackward(step, tensor, index, found);
  return found;
}

function inspectForward(step, tensor, index, found) {
  if (step.makes.includes(tensor.key)) {
    for (const link of linksOf(tensor.key)) found.frames.push(...connected(link, index));
    found.missing = missing(tensor.key, index);
    const terms = termsOfValue(tensor.key, index);
    if (terms) found.groups.push({ text: sumText(terms), terms, total: found.value });
    else found.groups.push(slopes(tensor.key, index) || { text: "It is computed from all that is framed.", terms: [] });
    return;
  }
  const link = linkOf(step.value, tensor.key);
  const part = link && link.windows ? readersOf(link, index) : null;
  if (!part) return;
  found.frames.push([step.value, part]);
  const count = part.reduce((a, [, size]) => a * size, 1);
  found.groups.push({ text: `It is read by ${many(count, "unit")} of ${tensors[step.value].symbol}.`, terms: [] });
}

// The channels of maps that a unit is not connected with, by the table of its filters.
function missing(value, unit) {
  const link = linksOf(value).find((l) => l.kind === "products" && tensors[l.source].absent);
  const source = link && tensors[link.source];
  if (!source || source.shape.length !== 4) return [];
  const step = source.shape[2] * source.shape[3], first = unit[0] * source.shape[1];
  return [...Array(source.shape[1]).keys()].filter((channel) => isAbsent(source, (first + channel) * step));
}

// What is framed for a unit in what it reads, channel by channel where it does not see all of them.
function connected(link, unit) {
  const part = region(link, unit), gone = missing(link.value, unit);
  if (!gone.length || part.length !== 3) return [[link.source, part]];
  const channels = [...Array(part[0][1]).keys()].map((n) => part[0][0] + n).filter((n) => !gone.includes(n));
  return channels.map((n) => [link.source, [[n, 1], part[1], part[2]]]);
}

function inspectBackward(step, tensor, index, found) {
  if (tensor.key === step.error) {
    found.missing = missing(step.value, index);
    for (const [key, source] of targets(step)) {
      const link = linkOf(step.value, source);
      if (!link || !link.windows) continue;
      found.frames.push(...connected(link, index).map(([, part]) => [key, part]));
      if (!isExplained(link)) continue;
      const terms = sharesOfError(link, index, found.value);
      const whole = isSplit(link) ? found.value : null;
      found.groups.push({ text: splitText(link, key, terms), terms, total: whole });
    }
  }
  const made = targets(step).find(([key]) => key === tensor.key);
  if (made) {
    const link = linkOf(step.value, made[1]);
    if (!link || !link.windows) return;
    const part = readersOf(link, index);
    if (part && step.error) found.frames.push([step.error, part]);
    const paired = link.kind === "products" && linkOf(step.value, link.other);
    if (paired && part) {
      const unit = part.map(([first]) => first);
      const seen = [...unitsIn(part)].length > 1 ? windowOfTap(link, paired, index, part) : region(paired, unit);
      if (seen) found.frames.push([link.other, seen]);
    }
    const terms = isExplained(link) && step.error ? termsOfError(link, index, tensors[step.error]) : null;
    if (terms) found.groups.push({ text: sumText(terms), terms, total: found.value });
    else found.groups.push(...samePlace(step, tensor, index));
  }
}

// [key of the tensor that the step makes, the source it belongs to].
function targets(step) {
  return step.makes.map((key) => [key, tensors[key].of]);
}

// Whether the shares are of the error itself: they add up to it.
function isSplit(link) {
  if (link.kind === "first maximum") return true;
  return link.kind === "factor" && Math.abs(link.factor * sizesOf(link).reduce((a, b) => a * b, 1) - 1) < 1e-6;
}

// For a tap of a filter, the part of the other source that meets it: what the first and the last reader pair it with.
function windowOfTap(link, paired, index, part) {
  const shape = tensors[link.other].shape;
  const corners = [part.map(([first]) => first), part.map(([first, size]) => first + size - 1)];
  const [low, high] = corners.map((unit) => {
    const t = placeIn(link, unit, index);
    return unflat(t, sizesOf(paired)).map((offset, k) => edges(paired.windows[k], unit)[0] + offset);
  });
  return low.map((first, k) => {
    const from = Math.max(Math.min(first, high[k]), 0);
    return [from, Math.min(Math.max(first, high[k]), shape[k] - 1) - from + 1];
  });
}

// What the other tensors of the step have at the same place: the fallback where nothing is declared.
function samePlace(step, tensor, index) {
  const alike = [...step.reads, ...step.makes].map((key) => tensors[key]).filter((t) => t !== tensor);
  const same = alike.filter((t) => String(t.shape) === String(tensor.shape));
  if (!same.length) return [];
  const n = flat(index, tensor.shape);
  const text = same.map((t) => `${t.symbol}${bracket(index)} = ${shown(t.at(state.moment)[n])}`);
  return [{ text: `At the same place: ${text.join(", ")}.`, terms: [] }];
}

function slopes(key, index) {
  const links = linksOf(key).filter((link) => link.kind === "slope");
  if (!links.length) return null;
  const text = links.map((link) => {
    const [slope, words] = partial(link, index, 0);
    return `${words} = ${shown(slope)}`;
  });
  return { text: `How steep it is there: ${text.join(", ")}`, terms: [] };
}

function sumText(terms) {
  if (terms.length === 1) return "It is one product:";
  return terms.length ? `It is the sum of ${many(terms.length, "product")}:` : "Nothing comes from here.";
}

function splitText(link, key, terms) {
  const name = tensors[key].symbol;
  if (link.kind === "first maximum") return `All of it goes to the switch, the largest of ${many(terms.length, "unit")} of ${name}:`;
  if (isSplit(link) && terms.length === 1) return `All of it is passed on to ${name}:`;
  if (isSplit(link)) return `It splits evenly over ${many(terms.length, "unit")} of ${name}:`;
  if (link.kind === "slope") return `Times the slope, it is an error of ${name}:`;
  return `Its share in ${many(terms.length, "unit")} of ${name}:`;
}

function many(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

// Showing it ---------------------------------------------------------------------------------

function showUnit(found) {
  const holder = byId("unit");
  holder.replaceChildren(make("h3", {}, "Unit"), make("p", { class: "value" }, found.heading));
  if (found.missing?.length) {
    const listed = found.missing.join(", ");
    holder.append(make("p", {}, `By the table of connections it does not see channel${found.missing.length > 1 ? "s" : ""} ${listed}.`));
  }
  for (const group of found.groups) {
    const sum = group.terms.reduce((a, term) => a + term.value, 0);
    const block = make("div", { class: "terms", "data-sum": sum, "data-total": group.total ?? "" });
    block.append(make("p", {}, group.text));
    if (group.terms.length) block.append(listed(group.terms));
    if (group.terms.length && group.total !== null) block.append(make("p", { class: "sum" }, `Sum: ${shown(sum)}`));
    holder.append(block);
  }
}

// The largest terms as signed bars, and the rest in one line.
function listed(terms) {
  const order = terms.map((_, n) => n).sort((a, b) => size(terms[b]) - size(terms[a]) || a - b);
  const top = terms.length > LISTED ? order.slice(0, LISTED - 1) : order.sort((a, b) => a - b);
  const most = Math.max(...terms.map(size), 1e-30);
  const rows = top.map((n) => row(terms[n], most));
  if (top.length < terms.length) {
    const chosen = new Set(top);
    const rest = terms.reduce((sum, term, n) => (chosen.has(n) ? sum : sum + term.value), 0);
    rows.push(row({ name: `the other ${(terms.length - top.length).toLocaleString("en")}`, value: rest }, most));
  }
  const heads = ["of", "product", "share"].map((text) => make("th", { scope: "col" }, text));
  const head = make("tr", {}, make("td"), ...heads);
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
}

function size(entry) {
  return Number.isNaN(entry.value) ? Infinity : Math.abs(entry.value);
}

function row(entry, most) {
  const part = Number.isFinite(entry.value) ? Math.min(entry.value / most, 1) : 0;
  const bar = make("canvas", { width: 42, height: 12, "aria-hidden": "true" });
  const context = bar.getContext("2d");
  context.fillStyle = faint();
  context.fillRect(20, 0, 1, 12);
  context.fillStyle = page.palettes.signed.at(part < 0 ? 20 : -21);
  context.fillRect(part < 0 ? 20 + 20 * part : 21, 2, Math.abs(20 * part), 8);
  const product = entry.right === undefined ? "" : `${shown(entry.left)} · ${entry.right}`;
  const cells = [make("th", { scope: "row" }, entry.name), make("td", {}, product), make("td", {}, shown(entry.value))];
  return make("tr", {}, make("td", {}, bar), ...cells);
}
