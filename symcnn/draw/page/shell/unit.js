// The chosen unit on the screen: its products with both factors, as signed bars, or a few numbers with their names.

const LISTED = 9;

function showUnit(found) {
  const holder = byId("unit");
  holder.replaceChildren(make("h2", { class: "value" }, found.heading));
  if (found.missing?.length) {
    const listed = found.missing.join(", ");
    holder.append(make("p", {}, `By the table of connections it does not see channel${found.missing.length > 1 ? "s" : ""} ${listed}.`));
  }
  for (const group of found.groups) {
    const sum = group.terms.reduce((a, term) => a + term.value, 0);
    const block = make("div", { class: "terms", "data-sum": sum, "data-total": group.total ?? "" });
    block.append(make("p", {}, group.text));
    if (group.facts) block.append(named(group.facts));
    else if (group.terms.length) block.append(listed(group.terms));
    if (group.terms.length > 1 && group.total !== null && !group.facts) {
      block.append(make("p", { class: "sum" }, `Sum: ${shown(sum)}`));
    }
    holder.append(block);
  }
  holder.scrollTop = 0;
}

// Numbers with their names; what has a role in a window of many is shown in bold.
function named(facts) {
  const short = facts.length <= 2 * LISTED ? facts : facts.filter(([role], n) => role || n < LISTED);
  const isWindow = facts.some(([role]) => !role);
  const rows = short.map(([role, name, value]) => {
    const cells = [make("td", {}, role), make("th", { scope: "row" }, name), make("td", {}, shown(value))];
    return make("tr", { class: role && isWindow ? "chosen" : false }, ...cells);
  });
  if (short.length < facts.length) rows.push(make("tr", {}, make("td"), make("th", { scope: "row" }, `and ${many(facts.length - short.length, "other")}`), make("td")));
  return make("table", { class: "facts" }, make("tbody", {}, ...rows));
}

// The largest terms as signed bars, and the rest in one line.
function listed(terms) {
  const order = terms.map((_, n) => n).sort((a, b) => size(terms[b]) - size(terms[a]) || a - b);
  const top = terms.length > LISTED ? order.slice(0, LISTED - 1) : order.sort((a, b) => a - b);
  const rest = terms.filter((_, n) => !top.includes(n)).reduce((sum, term) => sum + term.value, 0);
  const most = Math.max(1e-30, ...terms.map(size).filter(Number.isFinite));
  const rows = top.map((n) => row(terms[n], most));
  if (top.length < terms.length) {
    rows.push(row({ to: `the other ${(terms.length - top.length).toLocaleString("en")}`, value: rest }));
  }
  const heads = [terms[0].to ? "goes to" : "unit", "times", terms[0].to ? "share" : "product"];
  const head = make("tr", {}, make("td"), ...heads.map((text) => make("th", { scope: "col" }, text)));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
}

function size(entry) {
  return Number.isNaN(entry.value) ? Infinity : Math.abs(entry.value);
}

function row({ factors, to, value }, most) {
  const [left, right] = factors || [];
  const first = make("th", { scope: "row" }, to || left[0], to || !left ? "" : make("span", { class: "quiet" }, shown(left[1])));
  const times = right ? factorCell(right) : "";
  const heavy = right && right[0] === "the switch" ? "chosen" : false;
  return make("tr", { class: heavy }, make("td", {}, most ? signedBar(value, most) : ""), first, make("td", {}, ...times), make("td", {}, shown(value)));
}

// A factor: its name with its number below it, or the number alone.
function factorCell([name, number]) {
  return name ? [name, make("span", { class: "quiet" }, shown(number))] : [shown(number)];
}

function signedBar(value, most) {
  const part = Number.isFinite(value) ? Math.min(value / most, 1) : 0;
  const bar = make("canvas", { width: 42, height: 12, "aria-hidden": "true" });
  const context = bar.getContext("2d");
  context.fillStyle = faint();
  context.fillRect(20, 0, 1, 12);
  context.fillStyle = page.palettes.signed.at(part < 0 ? 20 : -21);
  context.fillRect(part < 0 ? 20 + 20 * part : 21, 2, Math.abs(20 * part), 8);
  return bar;
}
