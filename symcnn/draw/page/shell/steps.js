// The page itself: one state, shown anew after each change.

const page = JSON.parse(byId("data").textContent);
const tensors = Object.fromEntries(Object.entries(page.tensors).map(([key, record]) => [key, new Tensor(key, record)]));
const state = { step: 0, moment: page.moments.length - 1, unit: null, timer: null };
const BEAT = 1400; // milliseconds a step, when it plays
const LEGIBLE = 0.75; // how small the diagram may become before it scrolls instead
let panels = [];

function go(step) {
  const to = Math.max(0, Math.min(page.steps.length - 1, step));
  if (to !== state.step) state.unit = null;
  state.step = to;
  show();
}

function show() {
  const step = page.steps[state.step];
  markDiagram();
  followDiagram();
  showTensors(step);
  byId("title").textContent = step.title;
  byId("equations").replaceChildren(...step.equations.flatMap(markup));
  byId("equations").tabIndex = byId("equations").scrollWidth > byId("equations").clientWidth ? 0 : -1;
  byId("sentence").textContent = step.sentence;
  byId("scales").replaceChildren(...legend(panels.map((p) => p.maps.tensor)));
  byId("count").textContent = `${state.step + 1} / ${page.steps.length}`;
  byId("slider").value = state.step + 1;
  byId("slider").setAttribute("aria-valuetext", `step ${state.step + 1} of ${page.steps.length}: ${step.title}`);
  byId("live").textContent = `Step ${state.step + 1} of ${page.steps.length}. ${step.title}. ${step.sentence}`;
  byId("when").textContent = page.moments[state.moment] || "";
  byId("back").disabled = byId("first").disabled = state.step === 0;
  byId("step").disabled = byId("last").disabled = state.step === page.steps.length - 1;
  byId("batch").hidden = !/<mi>N<\/mi>/.test(step.equations.join(""));
  byId("hint").hidden = Boolean(state.unit);
  byId("unit").replaceChildren();
  remember();
  if (state.unit) choose(...state.unit);
}

// The deep link; in a sandboxed frame the address cannot be changed, and nothing is lost.
function remember() {
  const film = page.moments.length > 1 ? `&moment=${state.moment + 1}` : "";
  try {
    history.replaceState(null, "", `#step=${state.step + 1}${film}`);
  } catch {
    // no address of its own
  }
}

// A number beyond the last step or moment leads to the last one; a step that is no number from 1 on, to the first.
function recall() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const step = Number(wanted.get("step")), moment = Number(wanted.get("moment"));
  if (Number.isInteger(moment) && moment >= 1) state.moment = Math.min(moment, page.moments.length) - 1;
  byId("moment").value = state.moment;
  state.step = Number.isInteger(step) ? Math.max(0, Math.min(page.steps.length - 1, step - 1)) : 0;
}

// The diagram -----------------------------------------------------------------------------------

function markDiagram() {
  for (const [n, step] of page.steps.entries()) {
    const progress = n < state.step ? "done" : n === state.step ? "current" : "todo";
    const named = [step.element, ...step.wires].map((id) => byId(id)).filter(Boolean);
    for (const element of [...named, byId(`rail-${n}`)]) {
      element.classList.remove("done", "current", "todo");
      element.classList.add(progress);
    }
    const current = n === state.step ? "step" : "false";
    for (const element of [byId(step.element), byId(`rail-${n}`)]) element?.setAttribute("aria-current", current);
  }
}

// In a long network the diagram scrolls by itself: the current box stays in view, the page stays where it is.
function followDiagram() {
  keepInView(byId("diagram"), byId(page.steps[state.step].element));
  keepInView(byId("rail"), byId(`rail-${state.step}`));
}

function keepInView(holder, box) {
  if (!box || !holder.clientHeight) return;
  const outer = holder.getBoundingClientRect(), inner = box.getBoundingClientRect();
  if (inner.top < outer.top || inner.bottom > outer.bottom) holder.scrollTop += inner.top - outer.top - holder.clientHeight / 3;
  if (inner.left < outer.left || inner.right > outer.right) holder.scrollLeft += inner.left - outer.left - holder.clientWidth / 3;
}

function openDiagram() {
  const picture = byId("diagram").querySelector("svg");
  picture.style.minWidth = `${Math.round(LEGIBLE * picture.getAttribute("width"))}px`;
  for (const [n, step] of page.steps.entries()) {
    const box = byId(step.element);
    if (!box) continue;
    box.setAttribute("tabindex", "0");
    box.setAttribute("role", "button");
    box.setAttribute("aria-label", `Step ${n + 1}: ${step.title}`);
    box.addEventListener("click", () => go(n));
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter") go(n);
    });
  }
  const cells = page.steps.map((step, n) => {
    const cell = make("button", { type: "button", id: `rail-${n}`, class: step.direction }, step.title.replace(/^\S+ · /, ""));
    cell.addEventListener("click", () => go(n));
    cell.style.gridRow = page.steps.findIndex((other) => other.value === step.value) + 2;
    cell.style.gridColumn = step.direction === "forward" ? 1 : 2;
    return cell;
  });
  byId("rail").replaceChildren(make("span", { class: "quiet" }, "Forward ↓"), make("span", { class: "quiet" }, "Backward ↑"), ...cells);
}

// The tensors -----------------------------------------------------------------------------------

function showTensors(step) {
  const width = Math.max(240, byId("tensors").clientWidth - 24);
  const groups = [["in", step.reads], ["also", step.beside || []], ["out", step.makes]].map(([side, keys]) =>
    keys.map((key) => panel(side, tensors[key], width)),
  );
  panels = groups.flat();
  byId("tensors").replaceChildren(...groups.filter((group) => group.length).map((group) => make("div", { class: "group" }, ...group.map((p) => p.element))));
  paint([]);
}

function panel(side, tensor, width) {
  const maps = new Maps(tensor, width);
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const canvas = make("canvas", {
    width: Math.round(maps.width * ratio),
    height: Math.round(maps.height * ratio),
    tabindex: 0,
    role: "application",
    "aria-roledescription": "tensor",
    "aria-label": `${tensor.title}, ${tensor.about}. Enter chooses a unit, arrows move it.`,
    "data-tensor": tensor.key,
  });
  canvas.style.width = `${maps.width}px`;
  canvas.style.height = `${maps.height}px`;
  canvas.getContext("2d").scale(ratio, ratio);
  canvas.addEventListener("click", (event) => {
    const n = maps.unitAt(event.offsetX, event.offsetY);
    if (n !== null) choose(tensor.key, n);
  });
  canvas.addEventListener("keydown", (event) => moveUnit(event, maps));
  const heading = make("h2", {}, `${side} `, make("b", {}, tensor.title), " ", ...about(tensor));
  const scroller = make("div", { class: "maps" }, canvas);
  return { maps, canvas, element: make("article", { class: side }, heading, scroller, tensor.left ? make("p", { class: "quiet" }, tensor.left) : "") };
}

// Its size, what its colours stand for at both ends, and how much of it is not finite.
function about(tensor) {
  if (tensor.size < 2) return [make("span", { class: "quiet" }, tensor.about)];
  const odd = tensor.at(state.moment).reduce((count, v) => count + !Number.isFinite(v), 0);
  const { kind, low, high } = scaleOf(tensor);
  const bar = () => [shown(low), colourBar(kind, 64, `colours from ${shown(low)} to ${shown(high)}`), shown(high)];
  const scale = make("span", { class: "scale" }, ...(low < high ? bar() : odd < tensor.size ? [`all ${shown(low)}`] : []));
  const odds = odd ? [` · ${odd.toLocaleString("en")} NaN or infinite`] : [];
  return [make("span", { class: "quiet" }, tensor.about), scale, ...odds];
}

function paint(frames) {
  for (const { maps, canvas } of panels) {
    const context = canvas.getContext("2d");
    maps.paint(context);
    for (const [key, part] of frames) if (key === maps.tensor.key) maps.frame(context, part, false);
    if (state.unit && state.unit[0] === maps.tensor.key) outline(context, maps.place(state.unit[1]), true);
  }
}

function choose(key, n) {
  state.unit = [key, n];
  const found = inspected(page.steps[state.step], tensors[key], n);
  byId("hint").hidden = true;
  showUnit(found);
  paint(found.frames);
  byId("live").textContent = [found.heading, ...found.groups.map((g) => g.text)].join(". ");
}

function release() {
  state.unit = null;
  byId("hint").hidden = false;
  byId("unit").replaceChildren();
  paint([]);
}

function moveUnit(event, maps) {
  const key = maps.tensor.key;
  const chosen = state.unit && state.unit[0] === key;
  if (event.key === "Enter" && !chosen) choose(key, 0);
  else if (chosen && /^(Arrow|Page)/.test(event.key)) choose(key, maps.moved(state.unit[1], event.key));
  else return;
  event.preventDefault();
  event.stopPropagation();
}

// Controls --------------------------------------------------------------------------------------

function play(on = !state.timer) {
  clearInterval(state.timer);
  state.timer = on ? setInterval(tick, BEAT) : null;
  byId("play").textContent = on ? "❚❚ Pause" : "▶ Play";
  byId("play").setAttribute("aria-pressed", String(on));
  if (on && state.step === page.steps.length - 1) go(0);
}

function tick() {
  if (state.step === page.steps.length - 1) play(false);
  else go(state.step + 1);
}

function toMoment(moment) {
  state.moment = Math.max(0, Math.min(page.moments.length - 1, moment));
  byId("moment").value = state.moment;
  show();
}

function keyed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || byId("keys").open) return;
  if (event.target.matches("input") && /^(Arrow|Home|End|Page)/.test(event.key)) return;
  const actions = {
    ArrowLeft: () => go(state.step - 1),
    ArrowRight: () => go(state.step + 1),
    Home: () => go(0),
    End: () => go(page.steps.length - 1),
    Escape: release,
    "?": () => byId("keys").showModal(),
    "[": () => toMoment(state.moment - 1),
    "]": () => toMoment(state.moment + 1),
    " ": () => play(),
  };
  if (!actions[event.key] || (event.key === " " && event.target.matches("button"))) return;
  event.preventDefault();
  actions[event.key]();
}

function open() {
  byId("slider").max = page.steps.length;
  byId("moment").max = page.moments.length - 1;
  byId("film").hidden = page.moments.length < 2;
  byId("notes").textContent = page.notes.join(" ");
  const clicks = {
    first: () => go(0), back: () => go(state.step - 1), play: () => play(), step: () => go(state.step + 1),
    last: () => go(page.steps.length - 1), help: () => byId("keys").showModal(), close: () => byId("keys").close(),
  };
  for (const [id, action] of Object.entries(clicks)) byId(id).addEventListener("click", action);
  byId("slider").addEventListener("input", (event) => go(event.target.valueAsNumber - 1));
  byId("moment").addEventListener("input", (event) => toMoment(event.target.valueAsNumber));
  document.addEventListener("keydown", keyed);
  addEventListener("resize", () => show());
  addEventListener("hashchange", () => { recall(); show(); });
  openDiagram();
  recall();
  show();
}

open();
globalThis.symcnn = { page, tensors, state, inspected, go, choose, toMoment, panels: () => panels };
