// Draws marks on frames. The value is {marks: [{frame_index, kind, colour, points}]} in pixels of the frame; the
// prop `frames` holds the pictures as data URIs, `taken` the colours of marks that the pictures already show.
const root = element.querySelector(".marker");
const canvas = root.querySelector("canvas");
const pen = canvas.getContext("2d");
const tool = root.querySelector(".tool");
const colour = root.querySelector(".colour");
const slider = root.querySelector("input");
const COLOURS = { red: "rgb(255,0,0)", blue: "rgb(0,0,255)", green: "rgb(0,200,0)", yellow: "rgb(255,220,0)" };
const NAMES = { point: "point", bbox: "box", mask: "mask" };
const CLOSE = 3; // pixels of the frame between two corners that count as one

let pictures = [];
let begun = []; // corners of what is half drawn
let cross = null; // where the keyboard is
let dragging = false;

const marks = () => (props.value && props.value.marks) || [];
const frame = () => Number(slider.value);
const unit = () => Math.max(2, Math.round(Math.min(canvas.width, canvas.height) / 28));

function say(text) {
  root.querySelector(".said").textContent = text;
}

function list() {
  const all = marks().map((mark) => `${mark.colour} ${NAMES[mark.kind]} on frame ${mark.frame_index + 1}`);
  return all.length ? `Marked: ${all.join(", ")}.` : "No marks of yours.";
}

function store(next) {
  props.value = { marks: next };
  const used = [...(props.taken || []), ...next.map((mark) => mark.colour)];
  colour.value = Object.keys(COLOURS).find((name) => !used.includes(name)) || colour.value;
  draw();
  say(list());
}

function finish(kind, points) {
  begun = [];
  store([...marks(), { frame_index: frame(), kind, colour: colour.value, points }]);
}

function shape(kind, points, name) {
  const width = Math.max(1, unit() / 2);
  pen.strokeStyle = pen.fillStyle = COLOURS[name];
  pen.lineWidth = width;
  pen.beginPath();
  if (kind === "point") {
    pen.arc(points[0][0], points[0][1], unit(), 0, 2 * Math.PI);
    pen.fill();
    pen.strokeStyle = "white";
    pen.lineWidth = 1;
  } else if (kind === "bbox") {
    const [[x1, y1], [x2, y2]] = points;
    pen.rect(Math.min(x1, x2), Math.min(y1, y2), Math.abs(x2 - x1), Math.abs(y2 - y1));
  } else {
    points.forEach(([x, y], place) => (place ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.closePath();
    pen.globalAlpha = 0.4;
    pen.fill();
    pen.globalAlpha = 1;
  }
  pen.stroke();
}

function draw() {
  const picture = pictures[frame()];
  if (!picture || !picture.complete || !picture.naturalWidth) return;
  if (canvas.width !== picture.naturalWidth || canvas.height !== picture.naturalHeight) {
    canvas.width = picture.naturalWidth;
    canvas.height = picture.naturalHeight;
  }
  pen.drawImage(picture, 0, 0);
  marks().filter((mark) => mark.frame_index === frame()).forEach((mark) => shape(mark.kind, mark.points, mark.colour));
  if (begun.length) {
    const open = cross && !dragging ? [...begun, cross] : begun;
    if (tool.value === "bbox" && open.length > 1) shape("bbox", [open[0], open[open.length - 1]], colour.value);
    if (tool.value === "mask") shape("mask", open, colour.value);
  }
  if (cross) crosshair();
}

function crosshair() {
  const arm = 2 * unit();
  for (const [style, width] of [["white", 3], ["black", 1]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width;
    pen.beginPath();
    pen.moveTo(cross[0] - arm, cross[1]);
    pen.lineTo(cross[0] + arm, cross[1]);
    pen.moveTo(cross[0], cross[1] - arm);
    pen.lineTo(cross[0], cross[1] + arm);
    pen.stroke();
  }
}

function at(event) {
  const box = canvas.getBoundingClientRect();
  const scale = canvas.width / box.width;
  const inside = (value, most) => Math.min(Math.max(value * scale, 0), most - 1);
  return [inside(event.clientX - box.left, canvas.width), inside(event.clientY - box.top, canvas.height)];
}

const apart = (one, other) => Math.hypot(one[0] - other[0], one[1] - other[1]);

canvas.addEventListener("pointerdown", (event) => {
  if (event.button || !pictures.length) return;
  cross = null;
  dragging = true;
  begun = [at(event)];
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  if (!dragging || tool.value === "point") return;
  const here = at(event);
  if (tool.value === "bbox") begun = [begun[0], here];
  else if (apart(begun[begun.length - 1], here) >= 1) begun.push(here);
  draw();
});
canvas.addEventListener("pointerup", (event) => {
  if (!dragging) return;
  dragging = false;
  const kind = tool.value;
  const start = begun[0];
  const outline = begun;
  if (kind === "point") return finish("point", [at(event)]);
  begun = [];
  if (kind === "bbox" && apart(start, at(event)) > CLOSE) return finish("bbox", [start, at(event)]);
  if (kind === "mask" && outline.length > 4) return finish("mask", outline);
  draw();
  say(kind === "bbox" ? "Drag from one corner of the box to the other." : "Draw around the thing in one line.");
});
canvas.addEventListener("pointercancel", () => {
  dragging = false;
  begun = [];
  draw();
});

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
canvas.addEventListener("keydown", (event) => {
  if (!pictures.length) return;
  const step = STEPS[event.key];
  if (step) {
    const far = event.shiftKey ? 1 : Math.max(2, Math.round(canvas.width / 48));
    const middle = cross || [Math.round(canvas.width / 2), Math.round(canvas.height / 2)];
    cross = [
      Math.min(Math.max(middle[0] + far * step[0], 0), canvas.width - 1),
      Math.min(Math.max(middle[1] + far * step[1], 0), canvas.height - 1),
    ];
    say(`${cross[0]}, ${cross[1]}`);
  } else if (event.key === "Enter" || event.key === " ") {
    place();
  } else if (event.key === "Escape" && (begun.length || cross)) {
    begun = [];
    cross = null;
    say(list());
  } else if (event.key === "Backspace" || event.key === "Delete") {
    store(marks().slice(0, -1));
  } else {
    return;
  }
  event.preventDefault();
  draw();
});

function place() {
  cross = cross || [Math.round(canvas.width / 2), Math.round(canvas.height / 2)];
  const last = begun[begun.length - 1];
  if (tool.value === "point") return finish("point", [cross]);
  if (tool.value === "bbox" && begun.length === 1 && apart(last, cross) > CLOSE) return finish("bbox", [last, cross]);
  if (tool.value === "mask" && begun.length > 2 && apart(last, cross) < 1) return finish("mask", begun);
  if (tool.value === "bbox") begun = [cross];
  else if (!last || apart(last, cross) >= 1) begun = [...begun, cross];
  say(tool.value === "bbox" ? "First corner set." : `${begun.length} corners set.`);
}

function show() {
  begun = [];
  cross = null;
  const number = frame() + 1;
  root.querySelector("output").textContent = `${number} of ${pictures.length}`;
  canvas.setAttribute("aria-label", `Frame ${number} of ${pictures.length}, to mark`);
  // A finger that only sets points may still scroll the page.
  canvas.style.touchAction = tool.value === "point" ? "pan-y" : "none";
  draw();
}

function load() {
  pictures = (props.frames || []).map((source) => {
    const picture = new Image();
    picture.onload = draw;
    picture.src = source;
    return picture;
  });
  root.dataset.state = pictures.length ? "filled" : "empty";
  slider.max = Math.max(0, pictures.length - 1);
  slider.value = props.start || 0;
  slider.disabled = pictures.length < 2;
  colour.value = Object.keys(COLOURS).find((name) => !(props.taken || []).includes(name)) || "red";
  show();
  say(list());
}

slider.addEventListener("input", show);
tool.addEventListener("change", show);
root.querySelector(".undo").addEventListener("click", () => store(marks().slice(0, -1)));
root.querySelector(".clear").addEventListener("click", () => store([]));
// What the server sets; marks that are drawn here do not come back.
watch(["frames", "taken", "start", "value"], load);
load();
