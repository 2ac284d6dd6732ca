// What the pages do in the browser that Streamlit leaves undone: Back leads back, the focus stays where it was, what was asked
// for comes into view and is said aloud, and the camera's frame looks and speaks like the rest.

const PHONE = "(max-width: 640px)";
const STAGE = '[class*="st-key-stage-"]';
const FRAME_STYLE = `
  body { margin: 0; font-family: var(--font); }
  button.MuiButton-root { min-height: 2.75rem; padding: 0 1.4rem; border-radius: 99px; box-shadow: none; font: 600 1rem var(--font); letter-spacing: 0; text-transform: none; }
  button.MuiButton-containedPrimary:not(:disabled) { background: var(--primary-color); color: light-dark(#fff, #1a0d0b); }
  button.MuiButton-textInherit { color: var(--text-color); background: var(--secondary-background-color); box-shadow: inset 0 0 0 1px light-dark(#8a7f76, #8d8398); }
  button.MuiButton-root:focus-visible { outline: 3px solid var(--text-color); outline-offset: -3px; }
  .MuiAlert-root { background: var(--secondary-background-color) !important; color: var(--text-color) !important; border-radius: 0.75rem !important; font: 1rem var(--font) !important; }
  .MuiPaper-elevation0:has([data-testid=VideoLabelIcon]) { display: none; }
`;

let faults = {}; // the sentence for each error of a camera, by its name
let region = null; // where a screen reader listens
let last = null; // what has the focus: {element, key, place, stage}
let asked = null; // the job on the stage when another one was asked for; null while none is
let showing = false; // a stage comes into view
let due = 0;
const dressed = new WeakSet();
const told = new WeakSet();

// Streamlit calls this at every change of the data; the page itself outlives that.
export default function ({ data, parentElement }) {
  faults = data.faults;
  region = parentElement.querySelector("[role=status]");
  if (!window.everybodyDanceManners) {
    window.everybodyDanceManners = true;
    stayOnOneEntry();
    document.addEventListener("focusin", remember);
    document.addEventListener("pointerdown", forget, true);
    document.addEventListener("click", noteAsking, true);
    const changed = { childList: true, subtree: true, attributes: true, attributeFilter: ["data-test-script-state", "kind", "src", "aria-invalid"] };
    new MutationObserver(() => (due ||= setTimeout(look, 30))).observe(document.body, changed);
  }
  look();
}

function look() {
  due = 0;
  markChosen();
  nameMenu();
  showAsked();
  keepFocus();
  speak();
  tellRefusal();
  rest();
  for (const frame of document.querySelectorAll('iframe[src*="streamlit_webrtc"]')) dress(frame);
}

// ---- the address

// A page tells in its address what is on it. Only another page is worth a step back.
function stayOnOneEntry() {
  const push = history.pushState.bind(history);
  history.pushState = (state, title, url) => {
    const there = new URL(url ?? "", location.href);
    if (there.pathname === location.pathname) history.replaceState(state, title, url);
    else push(state, title, url);
  };
}

// ---- the focus

const keyOf = (element) => [...element.classList].find((name) => name.startsWith("st-key-"));
const within = (holder) => holder.querySelectorAll("button, input, select, textarea, a[href], [tabindex]");

function remember({ target }) {
  const holder = target.closest('[class*="st-key-"]');
  if (!holder) return forget();
  last = { element: target, key: keyOf(holder), place: [...within(holder)].indexOf(target), stage: target.closest(STAGE) };
}

function forget() {
  last = null;
}

// Streamlit draws a widget anew where its kind or its place changes, and the focus falls on the page's body.
function keepFocus() {
  if (!last || last.element.isConnected || (document.activeElement ?? document.body) !== document.body) return;
  const holder = document.querySelector(`.${CSS.escape(last.key)}`);
  const again = holder && within(holder)[Math.max(last.place, 0)];
  if (again && !again.disabled) again.focus({ preventScroll: true });
  else if (!holder && last.stage?.isConnected) focusOn(last.stage);
}

function focusOn(element) {
  element.tabIndex = -1;
  element.focus({ preventScroll: true });
}

function markChosen() {
  for (const button of document.querySelectorAll('[class*="st-key-pick-"] button')) {
    const pressed = String(button.getAttribute("kind") === "primary");
    if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
  }
}

function nameMenu() {
  const menu = document.querySelector(".st-key-menu");
  if (!menu) return;
  if (menu.role !== "navigation") Object.assign(menu, { role: "navigation", ariaLabel: "Pages" });
  for (const link of menu.querySelectorAll("a")) {
    const here = new URL(link.href).pathname === location.pathname ? "page" : null;
    if (link.ariaCurrent !== here) link.ariaCurrent = here;
  }
}

// ---- what was asked for

const word = () => [...document.querySelectorAll(".say")].at(-1);

function noteAsking({ target }) {
  if (target.closest(".st-key-go button:not(:disabled), .st-key-again button:not(:disabled)")) asked = word()?.dataset.job ?? "";
}

// Until the page is made: what stands above it may still go.
function showAsked() {
  const said = word();
  if (asked !== null && said && said.dataset.job !== asked) [asked, showing] = [null, true];
  if (!showing || !said) return;
  const stage = said.closest(STAGE);
  if (!stage) return;
  stage.scrollIntoView({ block: matchMedia(PHONE).matches ? "start" : "nearest", behavior: "instant" });
  focusOn(stage);
  showing = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "running";
}

function speak() {
  const words = word()?.dataset.say ?? "";
  if (region && region.textContent !== words) region.textContent = words;
}

// What is too large or of another kind the uploader refuses by itself, and the server never learns of it.
function tellRefusal() {
  const error = document.querySelector('[class*="st-key-upload-"] [data-testid="stFileChip"][aria-invalid="true"]');
  if (!error || told.has(error)) return;
  told.add(error);
  document.querySelector(".st-key-refused button")?.click();
}

// A film that goes on for ever stands still for whoever wants no movement, and for whoever clicks it.
function rest() {
  for (const film of document.querySelectorAll("video.loop")) {
    if (told.has(film)) continue;
    told.add(film);
    film.addEventListener("click", () => (film.paused ? film.play() : film.pause()));
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) Object.assign(film, { autoplay: false, controls: true }).pause();
    // what is put into a page as text does not begin everywhere by itself
    else film.play().catch(() => {});
  }
}

// ---- the camera's frame

function dress(frame) {
  const inside = frame.contentDocument;
  if (!inside?.body || dressed.has(inside)) return;
  dressed.add(inside);
  const style = inside.createElement("style");
  style.textContent = FRAME_STYLE;
  inside.head.append(style);
  const fit = () => {
    inside.documentElement.style.colorScheme = getComputedStyle(document.querySelector(".stApp")).colorScheme;
    explain(inside);
    const root = inside.getElementById("root");
    const height = root ? Math.ceil(root.getBoundingClientRect().bottom + inside.defaultView.scrollY) : 0;
    if (height && frame.style.height !== `${height}px`) frame.style.height = `${height}px`;
  };
  new inside.defaultView.ResizeObserver(fit).observe(inside.body);
  new inside.defaultView.MutationObserver(fit).observe(inside.body, { childList: true, subtree: true, characterData: true });
  fit();
}

// "NotAllowedError: Permission denied" says nothing to whoever has to do something about it.
function explain(inside) {
  for (const message of inside.querySelectorAll("[role=alert] .MuiAlert-message")) {
    const name = /^(\w+Error)\b/.exec(message.textContent)?.[1];
    if (!name) continue;
    // the name, a colon and the browser's words are nodes of their own, which React keeps
    [...message.childNodes].forEach((node, i) => (node.textContent = i ? "" : (faults[name] ?? faults.other)));
  }
}
