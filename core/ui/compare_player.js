// The player of the Compare page. One hidden <video> holds all tiles; a canvas for each cuts its tile out of the picture that is
// up, so they cannot run apart. Numbers of frames count from 0; people read them from 1.

const COLOURS = ["#5aaaff", "#ffb454", "#7ddc8a", "#d68bff", "#5fe0dc", "#ff7ab0", "#ffe066", "#a3b4ff", "#c9e265"];
const NO_COLOUR = "#c8bfd0";
const ERROR_WORDS = "brighter = further from the right answer";
const GOOD = { lower: "lower is better", higher: "higher is better", one: "1 is best" };
const SIDES = ["left", "right"];
const REST_MS = 150;
const DOUBLINGS = 2; // of an error's brightness: a quarter of the whole range is already as bright as can be

const views = new WeakMap(); // by parentElement
const places = new Map(); // by key: where the playhead was, for when React mounts the same comparison anew

// Streamlit calls this at every change of the data, and a returned function when the component goes away: the newest one, but also
// an older one whose call was overtaken. Only the newest may close the player.
export default function ({ data, parentElement, setStateValue }) {
  let view = views.get(parentElement);
  if (!view) views.set(parentElement, (view = open(parentElement)));
  view.report = (frame) => setStateValue("frame", frame);
  const turn = ++view.turn;
  update(view, data);
  return () => {
    if (view.turn !== turn) return;
    close(view);
    views.delete(parentElement);
  };
}

// ---- coming, changing, going

function open(parent) {
  const root = parent.querySelector(".reel");
  const find = (selector) => root.querySelector(selector);
  const view = {
    root, find, video: find("video"), slider: find(".frames"), whole: document.createElement("canvas"),
    turn: 0, key: null, url: null, times: [0], tiles: [], tilesAre: "", curves: [],
    mode: "all", errors: false, large: null, left: null, right: null, split: 50, metric: null, hover: null,
    aim: 0, // where the playhead is to be
    shown: -1, // the frame that is drawn
    flight: null, // the one seek that is under way
    asked: 0, reported: 0, resting: 0, ending: new AbortController(),
  };
  listen(view);
  watch(view);
  return view;
}

function close(view) {
  view.ending.abort();
  clearTimeout(view.resting);
  view.video.pause();
  view.video.removeAttribute("src");
  view.video.load(); // lets go of the download
}

function update(view, data) {
  if (view.key !== data.key) Object.assign(view, { key: data.key, aim: places.get(data.key) ?? 0, reported: 0 });
  view.times = data.times.length ? data.times : [0];
  view.curves = data.curves;
  view.aim = clamp(view.aim, 0, last(view));
  view.slider.max = last(view);
  if (view.hover > last(view)) view.hover = null;
  const tilesAre = JSON.stringify([data.size, data.tiles]);
  if (view.tilesAre !== tilesAre) {
    view.tilesAre = tilesAre;
    setTiles(view, data.size, data.tiles);
  }
  load(view, data.url);
  if (view.shown < 0 && !view.flight && view.url) fly(view);
  showChoices(view);
  showCurve(view);
  showPlayhead(view);
}

function load(view, url) {
  if (view.url === url) return;
  const playing = view.url !== null && !view.video.paused;
  // Nothing may be sought before the file is known; then the first seek draws, and makes iOS load a picture at all.
  Object.assign(view, { url, flight: { frame: -1 }, shown: -1 });
  if (!url) return fail(view);
  view.root.classList.remove("gone");
  view.video.src = address(url);
  if (playing) play(view);
}

// Streamlit's own files tell where the server is: the app may live below a path, and a page has one of its own.
function address(url) {
  const script = document.querySelector('script[src*="/static/js/"]');
  return new URL(url.replace(/^\//, ""), script ? new URL("../../", script.src) : document.baseURI).href;
}

function fail(view) {
  view.url = null; // the next data may bring it again
  delete view.root.dataset.frame;
  view.root.classList.add("gone");
}

function setTiles(view, size, told) {
  [view.whole.width, view.whole.height] = size;
  const tiles = (view.tiles = told.map((tile) => ({ ...tile }))); // Streamlit keeps what it told, and may tell it again
  view.answer = tiles.find((tile) => tile.kind === "answer");
  view.shown = -1;
  const generators = tiles.filter((tile) => tile.kind === "generator");
  generators.forEach((tile, at) => (tile.colour = COLOURS[at % COLOURS.length]));
  const known = (name, otherwise) => (tileNamed(view, name) ?? otherwise)?.name ?? null;
  view.large = known(view.large);
  view.left = known(view.left, generators[0] ?? tiles[0]);
  view.right = known(view.right, view.answer ?? generators[1] ?? tiles[0]);
  const [, , width, height] = tiles[0]?.box ?? [0, 0, 1, 1];
  view.root.style.setProperty("--tall", height / width);
  const grid = view.find(".tiles");
  grid.dataset.columns = [0, 3].includes(tiles.length % 4) ? 4 : 3; // the last row is to be nearly full
  grid.replaceChildren(...tiles.map((tile) => tileElement(view, tile)));
  for (const side of SIDES) {
    view.find(`.half.${side}`).replaceChildren(canvasOf(tiles[0], "img"), make("span", "name"));
    view.find(`select.${side}`).replaceChildren(...tiles.map((tile) => new Option(tile.title, tile.name)));
  }
}

function tileElement(view, tile) {
  const element = make("div", "tile");
  const canvas = canvasOf(tile, "button");
  element.style.setProperty("--colour", tile.colour ?? "transparent");
  canvas.tabIndex = 0;
  canvas.addEventListener("click", () => enlarge(view, tile.name));
  element.append(canvas, make("span", "name"));
  Object.assign(tile, { element, canvas });
  return element;
}

function canvasOf(tile, role) {
  const canvas = make("canvas");
  canvas.setAttribute("role", role);
  if (tile) [canvas.width, canvas.height] = tile.box.slice(2);
  return canvas;
}

// ---- what visitors do

function listen(view) {
  const { root, video, slider, find } = view;
  const on = (element, kind, act) => element.addEventListener(kind, act, { signal: view.ending.signal });
  on(root, "keydown", (event) => onKey(view, event));
  for (const button of find(".segments").children) on(button, "click", () => choose(view, { mode: button.dataset.mode }));
  on(find(".errors"), "click", () => choose(view, { errors: !view.errors }));
  for (const side of SIDES) on(find(`select.${side}`), "change", (event) => choose(view, { [side]: event.target.value }));
  on(slider, "input", (event) => seek(view, Number(slider.value), event));
  on(find(".play"), "click", () => (video.paused ? play(view) : video.pause()));
  on(find(".sound"), "click", () => (video.muted = !video.muted));
  on(find(".speed"), "change", (event) => (video.defaultPlaybackRate = video.playbackRate = Number(event.target.value)));
  for (const kind of ["play", "pause", "volumechange"]) on(video, kind, () => showButtons(view));
  on(video, "pause", () => rest(view));
  on(video, "loadedmetadata", () => fly(view));
  on(video, "seeked", () => land(view));
  on(video, "error", () => fail(view));
  listenToDivider(view, on);
  listenToPlot(view, on);
  setSplit(view, view.split);
  showButtons(view);
}

function onKey(view, event) {
  const { target, key } = event;
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (key === "Escape" && view.large !== null) enlarge(view, view.large);
  else if (key === "Enter" && target.matches(".tile canvas")) target.click();
  // What has a meaning of its own for a key keeps it.
  else if (key === " " && !target.matches("button, select")) view.find(".play").click();
  else if (step && !target.matches("select, [type=range], [role=slider]")) seek(view, view.aim + step, event);
  else return;
  event.preventDefault();
}

function choose(view, change) {
  Object.assign(view, change);
  showChoices(view);
  cutAll(view);
}

function enlarge(view, name) {
  choose(view, { large: view.large === name ? null : name });
  tileNamed(view, name).element.scrollIntoView({ block: "nearest" });
}

function listenToDivider(view, on) {
  const swipe = view.find(".swipe");
  const divider = view.find(".divider");
  const follow = (event) => setSplit(view, shareAcross(swipe, event) * 100);
  // Anywhere on the picture will do. A finger that moves up or down there scrolls; on the divider it never does.
  on(swipe, "pointerdown", (event) => {
    if (event.button) return;
    swipe.setPointerCapture(event.pointerId);
    divider.focus({ preventScroll: true });
    if (event.pointerType === "mouse" || event.target.closest(".divider")) follow(event);
    event.preventDefault();
  });
  on(swipe, "pointermove", (event) => swipe.hasPointerCapture(event.pointerId) && follow(event));
  on(divider, "keydown", (event) => {
    const by = event.shiftKey ? 10 : 2;
    const goal = { ArrowLeft: view.split - by, ArrowRight: view.split + by, Home: 0, End: 100 }[event.key];
    if (goal === undefined) return;
    setSplit(view, goal);
    event.preventDefault();
  });
}

function setSplit(view, percent) {
  view.split = clamp(percent, 0, 100);
  view.find(".swipe").style.setProperty("--split", `${view.split}%`);
  view.find(".divider").setAttribute("aria-valuenow", Math.round(view.split));
}

function listenToPlot(view, on) {
  const plot = view.find(".plot");
  const frameAt = (event) => Math.round(clamp(shareAcross(plot, event), 0, 1) * last(view));
  const point = (frame) => showValues(Object.assign(view, { hover: frame }));
  on(plot, "pointerdown", (event) => {
    if (event.button) return;
    plot.setPointerCapture(event.pointerId);
    view.root.focus({ preventScroll: true });
    seek(view, frameAt(event), event);
    event.preventDefault();
  });
  on(plot, "pointermove", (event) => {
    if (plot.hasPointerCapture(event.pointerId)) seek(view, frameAt(event), event);
    if (event.pointerType === "mouse") point(frameAt(event));
  });
  on(plot, "pointerleave", () => point(null));
}

// ---- time

async function play(view) {
  try {
    await view.video.play();
  } catch (refused) {
    // Browsers may want a click first, but not for silent pictures.
    if (refused.name !== "NotAllowedError" || view.video.muted) return;
    view.video.muted = true;
    play(view);
  }
}

// Go to a frame. One seek at a time: while one is under way only the newest wish is kept, and begun when it lands.
function seek(view, frame, event) {
  view.video.pause();
  view.aim = clamp(frame, 0, last(view));
  view.asked = event.timeStamp;
  showPlayhead(view);
  if (!view.flight && view.aim !== view.shown) fly(view);
}

function fly(view) {
  view.flight = { frame: view.aim, asked: view.asked };
  view.video.currentTime = middle(view, view.aim);
}

function land(view) {
  const { flight } = view;
  if (!flight) return; // the video began anew by itself
  view.flight = null;
  draw(view, flight.frame);
  if (flight.asked) view.root.dataset.seekMs = (performance.now() - flight.asked).toFixed(1);
  if (view.aim !== flight.frame) fly(view);
}

// The browser tells of each new picture, with the time that stands in the file.
function watch(view) {
  const { video } = view;
  const next = (time) => {
    if (view.ending.signal.aborted) return;
    // Also after a seek, which some browsers end with the old picture still up.
    if (view.url && !view.flight && time !== null) {
      view.aim = nearest(view.times, time);
      draw(view, view.aim);
      showPlayhead(view);
    }
    watch(view);
  };
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback((_, { mediaTime }) => next(mediaTime));
  // Its clock runs on while a picture is up: half a frame back, the nearest time is that picture's.
  else requestAnimationFrame(() => next(video.paused ? null : video.currentTime - middle(view, 0)));
}

function middle(view, frame) {
  const { times } = view;
  const length = times.length < 2 ? 0.02 : times[Math.min(frame + 1, last(view))] - times[Math.min(frame, last(view) - 1)];
  return times[frame] + length / 2;
}

function nearest(times, time) {
  let [low, high] = [0, times.length - 1];
  while (high - low > 1) {
    const between = (low + high) >> 1;
    if (times[between] <= time) low = between;
    else high = between;
  }
  return time - times[low] < times[high] - time ? low : high;
}

// The server is told where the playhead rests, once: that makes it run.
function rest(view) {
  clearTimeout(view.resting);
  view.resting = setTimeout(() => {
    if (!view.video.paused || view.flight || view.shown < 0 || view.shown === view.reported) return;
    view.reported = view.shown;
    view.report(view.shown);
  }, REST_MS);
}

// ---- pictures

// All tiles are cut from one copy: the video may go on to its next picture between two drawings.
function draw(view, frame) {
  const { video, whole } = view;
  if (video.readyState < 2) return;
  contextOf(whole).drawImage(video, 0, 0, whole.width, whole.height);
  view.shown = frame;
  cutAll(view);
  view.root.dataset.frame = frame;
  places.set(view.key, frame);
  if (video.paused) rest(view);
}

function cutAll(view) {
  if (view.shown < 0) return;
  if (view.mode === "swipe") {
    for (const side of SIDES) cut(view, view.find(`.half.${side} canvas`), tileNamed(view, view[side]));
  } else {
    for (const tile of view.tiles) if (view.large === null || view.large === tile.name) cut(view, tile.canvas, tile);
  }
}

function cut(view, canvas, tile) {
  const pen = contextOf(canvas);
  const put = (picture, box, how) => {
    pen.globalCompositeOperation = how;
    pen.drawImage(picture, ...box, 0, 0, canvas.width, canvas.height);
  };
  put(view.whole, tile.box, "source-over");
  if (!showsErrors(view, tile)) return;
  put(view.whole, view.answer.box, "difference");
  for (let time = 0; time < DOUBLINGS; time++) put(canvas, [0, 0, canvas.width, canvas.height], "lighter");
}

// ---- what is chosen, and where we are

function showChoices(view) {
  const { find } = view;
  for (const button of find(".segments").children) press(button, button.dataset.mode === view.mode);
  find(".errors").hidden = !view.answer;
  press(find(".errors"), view.errors);
  find(".hint").textContent = view.errors && view.answer ? ERROR_WORDS : ""; // said aloud where a screen is read
  find(".tiles").hidden = view.mode !== "all";
  find(".tiles").classList.toggle("alone", view.large !== null);
  for (const part of [".swipe", ".sides"]) find(part).hidden = view.mode !== "swipe";
  for (const tile of view.tiles) {
    tile.element.classList.toggle("large", view.large === tile.name);
    tile.canvas.setAttribute("aria-expanded", view.large === tile.name);
    label(view, tile.element, tile);
  }
  for (const side of SIDES) {
    const tile = tileNamed(view, view[side]);
    if (!tile) continue;
    find(`select.${side}`).value = tile.name;
    find(`select.${side}`).style.setProperty("--colour", tile.colour ?? "transparent");
    label(view, find(`.half.${side}`), tile);
  }
}

// The video's own label is in the picture. An error map, or a divider, makes a tangle of two: then ours lies over both.
function label(view, element, tile) {
  const error = showsErrors(view, tile);
  const [canvas, name] = element.children;
  element.classList.toggle("error", error);
  canvas.setAttribute("aria-label", tile.title);
  canvas.title = error ? `${tile.title}: ${ERROR_WORDS}` : tile.title;
  name.textContent = tile.title;
  name.style.setProperty("--letters", Math.max(tile.title.length, view.answer?.title.length ?? 0));
}

function showButtons(view) {
  const { video, find } = view;
  find(".play").classList.toggle("is-on", !video.paused);
  find(".play").setAttribute("aria-label", video.paused ? "Play" : "Pause");
  find(".sound").classList.toggle("is-on", !video.muted);
  press(find(".sound"), !video.muted);
}

function showPlayhead(view) {
  const { slider, times, aim } = view;
  const share = last(view) ? (aim / last(view)) * 100 : 0;
  slider.value = aim;
  slider.setAttribute("aria-valuetext", `${aim + 1} of ${times.length}, ${times[aim].toFixed(1)} seconds`);
  view.find(".where").textContent = `${aim + 1} / ${times.length} · ${times[aim].toFixed(1)} s`;
  for (const mark of [slider, view.find(".cursor")]) mark.style.setProperty("--share", `${share}%`);
  showValues(view);
}

// ---- curves

function showCurve(view) {
  const curve = view.curves.find((each) => each.name === view.metric) ?? view.curves[0];
  view.curve = curve;
  view.find(".curves").hidden = !curve;
  if (!curve) return;
  const pills = view.find(".metrics");
  const focused = pills.contains(view.root.getRootNode().activeElement);
  pills.replaceChildren(...view.curves.map((each) => metricPill(view, each)));
  if (focused) pills.querySelector("[aria-pressed=true]").focus({ preventScroll: true });
  const unit = curve.unit ? ` in ${curve.unit}` : "";
  view.find(".meaning").textContent = `${curve.title}${unit} at every frame: ${GOOD[curve.better] ?? ""}`;
  const [least, most] = rangeOf(curve);
  view.digits = clamp(2 - Math.floor(Math.log10(Math.max(Math.abs(least), Math.abs(most), 1e-9))), 0, 5);
  view.find(".least").textContent = least.toFixed(view.digits);
  view.find(".most").textContent = most.toFixed(view.digits);
  const height = (value) => (98 - ((value - least) / (most - least)) * 96).toFixed(2);
  const lines = view.find(".lines");
  lines.setAttribute("viewBox", `0 0 ${Math.max(last(view), 1)} 100`);
  lines.replaceChildren(...curve.lines.map(([name, values]) => path(pathOf(values, height), colourOf(view, name))));
  if (curve.better === "one") lines.prepend(path(`M0 ${height(1)}H${last(view)}`, NO_COLOUR, "one"));
  view.find(".legend").replaceChildren(...curve.lines.map(([name]) => legendItem(view, name)));
  showValues(view);
}

function metricPill(view, curve) {
  const pill = make("button", "pill", curve.title);
  pill.type = "button";
  press(pill, curve === view.curve);
  pill.addEventListener("click", () => showCurve(Object.assign(view, { metric: curve.name })));
  return pill;
}

function legendItem(view, name) {
  const item = make("li");
  item.style.setProperty("--colour", colourOf(view, name));
  item.append(make("span", "", tileNamed(view, name)?.title ?? name), make("b"));
  return item;
}

// From nothing on for errors, so that half as high is half as bad.
function rangeOf(curve) {
  const values = curve.lines.flatMap(([, line]) => line).filter((value) => value !== null);
  if (!values.length || curve.better === "one") values.push(1);
  if (curve.better === "lower") values.push(0);
  const least = values.reduce((a, b) => Math.min(a, b));
  const most = values.reduce((a, b) => Math.max(a, b));
  return most > least ? [least, most] : [least - 0.5, most + 0.5];
}

// A gap begins anew; a lone value is a line to itself, which round ends make a dot.
function pathOf(values, height) {
  let pen = "";
  values.forEach((value, frame) => {
    if (value === null) return;
    const begins = frame === 0 || values[frame - 1] === null;
    pen += `${begins ? `M${frame} ${height(value)}` : ""}L${frame} ${height(value)}`;
  });
  return pen;
}

function path(drawn, colour, kind = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [name, value] of Object.entries({ d: drawn, stroke: colour, class: kind })) element.setAttribute(name, value);
  return element;
}

// The values at the frame under the mouse, else at the one in view.
function showValues(view) {
  const { curve, times, hover } = view;
  if (!curve) return;
  const frame = hover ?? view.aim;
  view.find(".legend").querySelectorAll("b").forEach((cell, at) => {
    cell.textContent = curve.lines[at][1][frame]?.toFixed(view.digits) ?? "–";
  });
  const pointer = view.find(".pointer");
  pointer.hidden = hover === null;
  if (hover === null) return;
  pointer.style.setProperty("--share", `${(hover / Math.max(last(view), 1)) * 100}%`);
  pointer.firstChild.textContent = `${hover + 1} · ${times[hover].toFixed(1)} s`;
}

// ---- small things

const tileNamed = (view, name) => view.tiles.find((tile) => tile.name === name);
const colourOf = (view, name) => tileNamed(view, name)?.colour ?? NO_COLOUR;
const last = (view) => view.times.length - 1;
const clamp = (value, least, most) => Math.max(least, Math.min(most, value));
const press = (button, pressed) => button.setAttribute("aria-pressed", Boolean(pressed));
const contextOf = (canvas) => canvas.getContext("2d", { alpha: false });
const showsErrors = (view, tile) => Boolean(view.errors && view.answer && tile.kind === "generator");

function shareAcross(element, event) {
  const { left, width } = element.getBoundingClientRect();
  return (event.clientX - left) / width;
}

function make(kind, name = "", text = "") {
  const element = document.createElement(kind);
  return Object.assign(element, { className: name, textContent: text });
}
