// Thirteen points over a photo, to be dragged to the joints, or moved with the arrow keys. Places are shares of the picture.

const STEP = 0.005;
const FAR = 0.03; // with shift
const SVG = "http://www.w3.org/2000/svg";

const views = new WeakMap(); // by parentElement
const places = new Map(); // by key: where the points are, for when React mounts the same photo anew

// See reel.js: only the newest call may close.
export default function ({ data, parentElement, setStateValue }) {
  let view = views.get(parentElement);
  if (!view) views.set(parentElement, (view = open(parentElement)));
  view.report = () => setStateValue("points", view.points.map(([x, y]) => [x, y]));
  const turn = ++view.turn;
  update(view, data);
  return () => {
    if (view.turn === turn) views.delete(parentElement);
  };
}

function open(parent) {
  const root = parent.querySelector(".joints");
  const find = (selector) => root.querySelector(selector);
  return { find, picture: find(".picture"), lines: find("svg"), buttons: [], key: null, turn: 0, points: [] };
}

function update(view, data) {
  if (view.key === data.key) return;
  view.key = data.key;
  view.find("img").src = data.url;
  view.names = data.names;
  view.bones = data.bones;
  view.points = places.get(data.key) ?? data.points.map(([x, y]) => [x, y]);
  places.set(data.key, view.points);
  view.buttons = data.names.map((name, at) => buttonOf(view, name, at));
  view.find(".points").replaceChildren(...view.buttons);
  view.lines.replaceChildren(...data.bones.map(() => document.createElementNS(SVG, "line")));
  show(view);
}

function buttonOf(view, name, at) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = name.split(" ")[0].toLowerCase();
  button.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    // on a small screen one joint's target covers part of another's: the nearest is meant
    const { left, top, width, height } = view.picture.getBoundingClientRect();
    const by = ([x, y]) => [left + x * width - event.clientX, top + y * height - event.clientY];
    const away = view.points.map((point) => Math.hypot(...by(point)));
    const nearest = away.indexOf(Math.min(...away));
    view.grip = by(view.points[nearest]);
    view.buttons[nearest].setPointerCapture(event.pointerId);
    view.buttons[nearest].focus({ preventScroll: true });
    event.preventDefault();
  });
  button.addEventListener("pointermove", (event) => {
    if (!button.hasPointerCapture(event.pointerId)) return;
    const { left, top, width, height } = view.picture.getBoundingClientRect();
    const [x, y] = view.grip;
    move(view, at, (event.clientX + x - left) / width, (event.clientY + y - top) / height);
  });
  button.addEventListener("lostpointercapture", () => view.report());
  button.addEventListener("focus", () => tell(view, at));
  button.addEventListener("keydown", (event) => {
    const by = event.shiftKey ? FAR : STEP;
    const step = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    const [x, y] = view.points[at];
    move(view, at, x + step[0], y + step[1]);
    view.moved = true;
    event.preventDefault();
  });
  // one report for a key that is held
  button.addEventListener("keyup", () => {
    if (view.moved) view.report();
    view.moved = false;
  });
  return button;
}

function move(view, at, x, y) {
  view.points[at] = [Math.min(Math.max(x, 0), 1), Math.min(Math.max(y, 0), 1)];
  show(view);
  tell(view, at);
}

function show(view) {
  view.buttons.forEach((button, at) => {
    const [x, y] = view.points[at];
    button.style.left = `${x * 100}%`;
    button.style.top = `${y * 100}%`;
    button.setAttribute("aria-label", `${view.names[at]}: ${Math.round(x * 100)}% across, ${Math.round(y * 100)}% down`);
  });
  view.bones.forEach(([a, b], at) => {
    const [[x1, y1], [x2, y2]] = [view.points[a], view.points[b]];
    for (const [name, value] of Object.entries({ x1, y1, x2, y2 })) view.lines.children[at].setAttribute(name, value);
  });
}

function tell(view, at) {
  view.find(".told").textContent = view.names[at];
}
