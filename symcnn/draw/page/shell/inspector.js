// What is said about the chosen unit: what it is the sum of, or how its error splits; and what is framed for it.

// {heading, groups, frames, value, missing}: a group is {text, terms, total, facts}, where facts, [role, name, number],
// are shown in place of the terms; frames are [tensor key, region].
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
    found.groups.push(largest(tensor.key, index, found) || sumOf(tensor.key, index, found) || slopes(tensor.key, index) || atTheLabel(step));
    return;
  }
  const link = linkOf(step.value, tensor.key);
  const part = link && link.windows ? readersOf(link, index) : null;
  if (!part) return;
  found.frames.push([step.value, part]);
  const count = part.reduce((a, [, size]) => a * size, 1);
  const every = count > 1 && count === tensors[step.value].size ? "all " : "";
  found.groups.push({ text: `It is read by ${every}${many(count, "unit")} of ${tensors[step.value].symbol}.`, terms: [] });
}

function sumOf(key, index, found) {
  const terms = termsOfValue(key, index);
  return terms && { text: sumText(terms), terms, total: found.value };
}

// A unit that is the largest of its window: all of the window, with the switch.
function largest(key, index, found) {
  const [link] = linksOf(key).filter((l) => l.kind === "first maximum");
  const terms = link && termsOfValue(key, index);
  if (!terms) return null;
  const source = tensors[link.source], numbers = source.at(state.moment), best = switchOf(link, index);
  const units = [...reads(link, index)];
  const facts = units.map(([t, n]) => [t === best ? "the switch" : "", `${source.symbol}${bracket(unflat(n, source.shape))}`, numbers[n]]);
  return { text: `It is the largest of ${many(units.length, "unit")} of ${source.symbol}:`, terms, total: found.value, facts };
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
  const made = targets(step).find(([key]) => key === tensor.key);
  if (tensor.key === step.error) inspectSent(step, index, found);
  else if (made) inspectMade(step, tensor, index, made[1], found);
  if (!found.groups.length) found.groups.push(...samePlace(step, tensor, index));
  if (!found.groups.length) found.groups.push({ text: "The backward rule reads it; its own step says what it is made of.", terms: [] });
}

// The error that comes in: where it goes.
function inspectSent(step, index, found) {
  found.missing = missing(step.value, index);
  for (const [key, source] of targets(step)) {
    const link = linkOf(step.value, source);
    if (!link || !link.windows) continue;
    found.frames.push(...connected(link, index).map(([, part]) => [key, part]));
    if (!isExplained(link)) continue;
    const terms = sharesOfError(link, index, found.value);
    const facts = link.kind === "slope" ? product(terms[0], `${tensors[key].symbol}${bracket(index)}`, found.heading) : null;
    found.groups.push({ text: splitText(link, key, terms), terms, total: isSplit(link) ? found.value : null, facts });
  }
  if (!found.groups.length) found.groups.push({ text: "It goes to all that is framed, by the equation above.", terms: [] });
}

// An error or a gradient that the step makes: what it is the sum of.
function inspectMade(step, tensor, index, source, found) {
  const link = linkOf(step.value, source);
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
  const facts = terms?.length === 1 && link.kind === "slope" ? product(terms[0], found.heading.split(" = ")[0]) : null;
  if (terms) found.groups.push({ text: facts ? "The error times how steep it is there:" : madeText(link, terms), terms, total: found.value, facts });
  else if (step.sums?.[tensor.key]) found.groups.push(weighted(step.sums[tensor.key], index, found));
}

// An error that is made of what stands at the same place, each with its weight.
function weighted(parts, index, found) {
  const terms = parts.map(([key, weight]) => {
    const part = tensors[key], number = part.at(state.moment)[flat(index, part.shape)];
    return term(number * weight, [[`${part.symbol}${bracket(index)}`, number], ["", weight]]);
  });
  return { text: "It is made of what stands at its place:", terms, total: found.value };
}

// The three numbers of a slope's step.
function product({ factors: [error, slope], value, to }, name, heading) {
  const from = heading ? heading.split(" = ")[0] : error[0];
  return [["error", from, error[1]], ["slope f′", ...slope], ["product", to || name, value]];
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
  const links = linksOf(key).filter((link) => link.kind === "slope" && tensors[link.slope]);
  if (!links.length) return null;
  const facts = links.flatMap((link) => {
    const source = tensors[link.source], [slope, words] = partial(link, index, 0);
    const input = [`${source.symbol}${bracket(index)}`, source.at(state.moment)[flat(index, source.shape)]];
    return [["of", ...input], ["slope f′", words, slope]];
  });
  return { text: "A function of one unit; its slope is what the error will be multiplied with:", terms: [], facts };
}

// A loss: the label, and what stands there.
function atTheLabel(step) {
  const facts = [];
  for (const label of step.reads.map((key) => tensors[key]).filter((t) => t.integer && t.size === 1)) {
    const n = label.at(state.moment)[0];
    const rows = (step.beside || []).map((key) => tensors[key]).filter((t) => t.shape.length === 1 && n < t.size);
    if (rows.length) facts.push(["the label", label.symbol, n], ...rows.map((t) => ["there", `${t.symbol}[${n}]`, t.at(state.moment)[n]]));
  }
  return { text: "It is computed from all that is framed, by the equation above.", terms: [], facts };
}

function sumText(terms) {
  if (terms.length === 1 && !terms[0].factors[1][0]) return "It is this unit, times a number:";
  if (terms.length === 1) return "It is one product:";
  return terms.length ? `It is the sum of ${many(terms.length, "product")}:` : "Nothing comes from here.";
}

function madeText(link, terms) {
  if (link.kind !== "first maximum") return sumText(terms);
  const here = terms.some(({ factors }) => factors[1][1] === 1);
  return here ? "It is the switch of its window, and gets all of the error:" : "It is not the switch of its window, and gets nothing:";
}

function splitText(link, key, terms) {
  const name = tensors[key].symbol;
  if (!terms.length) return `Nothing of it goes to ${name}.`;
  if (link.kind === "first maximum") return `All of it goes to the switch, where ${tensors[link.source].symbol} is the largest of ${many(terms.length, "unit")}:`;
  if (isSplit(link) && terms.length === 1) return `All of it is passed on to ${name}:`;
  if (isSplit(link)) return `It splits evenly over ${many(terms.length, "unit")} of ${name}:`;
  if (link.kind === "slope") return `Times the slope, it is an error in ${name}:`;
  return `Its share in ${many(terms.length, "unit")} of ${name}:`;
}

function many(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}
