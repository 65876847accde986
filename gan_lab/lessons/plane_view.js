// The game in the plane as a picture with controls. It draws what it is given and asks for the next; who plays, a
// kernel or the page itself, is not its business.
//
//   const view = planeView(element, { data: [...], losses: [...], limit: 2.2, ask })
//   view.draw({ real, fake, arrows, landscape, rounds, dLoss, gLoss })    points as [x, y, x, y, ...]
//   ask({ do: "play", rounds: 4 })  "D"  "G"  "reset"  "choose" with data or loss  "pace" with lr_D, lr_G, momentum

const SCREEN = 440; // the picture's side in CSS pixels
const BLUE = "#1f4e8c"; // real, as in all figures of the course
const ORANGE = "#c96a00"; // fake
const DEEP_ORANGE = "#a35400"; // as text on white
const SURELY = { fake: [246, 196, 140], real: [150, 184, 226] }; // of the landscape; white is in between
const KEPT = 400; // frames in the chart of the losses
const OWN = "drawn by you";

export function planeView(el, { data, losses, limit, ask, start }) {
  const root = make("div", el, { className: "gan-plane" });
  root.append(Object.assign(document.createElement("style"), { textContent: STYLE }));
  const picture = make("canvas", make("div", root, { className: "gan-picture" }));
  const side = make("div", root, { className: "gan-side" });
  const buttons = make("div", side, { className: "gan-buttons" });
  const button = (text, does) => {
    const made = make("button", buttons, { textContent: text, type: "button" });
    made.addEventListener("click", does);
    return made;
  };
  const play = button("▶ Play", () => setPlaying(!playing));
  const steps = { D: 0, G: 0 }; // of one player alone, since the last reset
  const step = (player, times = 1) => {
    steps[player] += times;
    for (let i = 0; i < times; i++) once({ do: player });
  };
  button("Step of D", () => step("D"));
  button("D × 10", () => step("D", 10)).title = "ten steps of D, one after another";
  button("Step of G", () => step("G"));
  button("Reset", () => {
    history.length = steps.D = steps.G = 0;
    once({ do: "reset" });
  });

  const choice = (name, names, key) => {
    const select = make("select", labelled(side, name));
    for (const one of names) make("option", select, { textContent: one, value: one });
    select.addEventListener("change", () => chosen(key, select.value));
    return select;
  };
  const source = choice("data", [...data, OWN], "data");
  source.value = start.data;
  const clear = button("Clear", () => {
    drawn.length = 0;
    paint();
  });
  clear.className = "gan-clear";
  const loss = choice("loss", losses, "loss");
  loss.value = start.loss;
  const isCritic = () => loss.value === "Wasserstein"; // whose scores have no zero

  const slider = (name, least, most, step, value, said, changed) => {
    const row = labelled(side, name);
    const input = make("input", row, { type: "range", min: least, max: most, step, value });
    const shown = make("output", row, { textContent: said(value) });
    input.addEventListener("input", () => {
      shown.textContent = said(+input.value);
      changed(+input.value);
    });
    return input;
  };
  const power = (value) => (10 ** value).toPrecision(2);
  const pace = (key) => (value) => tell({ do: "pace", [key]: key === "momentum" ? value : 10 ** value });
  slider("D's steps", -4, -1, 0.05, Math.log10(start.lr_D), power, pace("lr_D"));
  slider("G's steps", -4, -1, 0.05, Math.log10(start.lr_G), power, pace("lr_G"));
  slider("momentum", 0, 0.95, 0.05, start.momentum, (value) => value.toFixed(2), pace("momentum"));
  const speed = slider("rounds a frame", 1, 20, 1, 4, String, () => {});

  const says = make("div", side, { className: "gan-says" });
  says.setAttribute("aria-live", "off");
  const chart = make("canvas", side, { className: "gan-chart" });
  const key = make("div", side, { className: "gan-key" });
  const explain = () => {
    const ground = isCritic()
      ? "<b>blue</b> a higher score, <b>orange</b> a lower one"
      : "<b>blue</b> D says real, <b>orange</b> D says fake, line: it cannot tell";
    key.innerHTML =
      `<span style="color:${BLUE}">●</span> real &nbsp; <span style="color:${DEEP_ORANGE}">▲</span> fake &nbsp; ` +
      `→ where G is pulled<br>ground: ${ground}<br>` +
      `losses: <span style="color:${BLUE}">—</span> D, <span style="color:${DEEP_ORANGE}">- -</span> G`;
  };
  explain();

  // What is asked for, one thing at a time

  let playing = false;
  let waiting = false;
  const wishes = []; // what to ask for, one after another, once the answer is there
  const told = {}; // settings that wait with it
  const history = [];

  function setPlaying(value) {
    playing = value;
    play.textContent = playing ? "❚❚ Pause" : "▶ Play";
    turn();
  }

  function once(message) {
    wishes.push(message);
    if (playing) setPlaying(false);
    turn();
  }

  function tell(message) {
    Object.assign(told, message);
    turn();
  }

  function chosen(key, value) {
    if (key === "data") root.classList.toggle("gan-draws", value === OWN);
    if (value === OWN) {
      setPlaying(false);
      drawn.length = 0;
      paint();
      says.textContent = "draw points into the picture, in one stroke or in several, then press Play";
    } else {
      history.length = 0;
      explain();
      wishes.push({ do: "choose", [key]: value });
      turn();
    }
  }

  function turn() {
    if (waiting) return;
    let message = null;
    if (Object.keys(told).length) {
      message = { ...told };
      for (const key of Object.keys(told)) delete told[key];
    } else if (wishes.length) {
      message = wishes.shift();
    } else if (playing) {
      message = { do: "play", rounds: +speed.value };
    }
    if (message) {
      waiting = true;
      ask(message);
    }
  }

  // Drawing points of one's own

  const drawn = [];
  let pressed = false;
  const place = (event) => {
    const box = picture.getBoundingClientRect();
    return [
      (((event.clientX - box.left) / box.width) * 2 - 1) * limit,
      -(((event.clientY - box.top) / box.height) * 2 - 1) * limit,
    ];
  };
  const adds = (event) => {
    if (!pressed) return;
    drawn.push(...place(event));
    paint();
  };
  picture.addEventListener("pointerdown", (event) => {
    if (!root.classList.contains("gan-draws")) {
      if (event.pointerType !== "mouse") return; // a finger may mean to scroll
      source.value = OWN;
      chosen("data", OWN);
    }
    pressed = true;
    picture.setPointerCapture(event.pointerId);
    adds(event);
  });
  picture.addEventListener("pointermove", adds);
  for (const ended of ["pointerup", "pointercancel"]) {
    picture.addEventListener(ended, () => {
      if (!pressed) return;
      pressed = false;
      wishes.push({ do: "choose", points: [...drawn] });
      turn();
    });
  }

  // The picture

  let frame = null;
  const pen = sharp(picture, SCREEN, SCREEN);
  const X = (x) => ((x / limit + 1) / 2) * SCREEN;
  const Y = (y) => ((1 - y / limit) / 2) * SCREEN;

  function paint() {
    pen.fillStyle = "white";
    pen.fillRect(0, 0, SCREEN, SCREEN);
    if (frame) {
      ground(pen, frame.landscape);
      if (!isCritic()) border(pen, frame.landscape);
    }
    pen.fillStyle = BLUE;
    const real = root.classList.contains("gan-draws") ? drawn : frame ? frame.real : [];
    pen.globalAlpha = 0.55;
    for (let i = 0; i < real.length; i += 2) dot(pen, X(real[i]), Y(real[i + 1]), 2.6);
    pen.globalAlpha = 1;
    if (!frame) return;
    pen.strokeStyle = "#333";
    pen.lineWidth = 1;
    pen.beginPath();
    for (let i = 0; i < frame.fake.length; i += 6) {
      const [x, y] = [X(frame.fake[i]), Y(frame.fake[i + 1])];
      arrow(pen, x, y, X(frame.fake[i] + frame.arrows[i]), Y(frame.fake[i + 1] + frame.arrows[i + 1]));
    }
    pen.stroke();
    pen.fillStyle = ORANGE;
    for (let i = 0; i < frame.fake.length; i += 2) triangle(pen, X(frame.fake[i]), Y(frame.fake[i + 1]), 4);
  }

  const line = sharp(chart, 230, 70);
  function losses_() {
    line.clearRect(0, 0, 230, 70);
    const all = history.flat().filter(Number.isFinite);
    if (history.length < 2 || !all.length) return;
    const [low, high] = [Math.min(...all), Math.max(...all)];
    [BLUE, ORANGE].forEach((colour, which) => {
      line.strokeStyle = colour;
      line.setLineDash(which ? [4, 3] : []);
      line.beginPath();
      history.forEach((pair, i) => {
        if (!Number.isFinite(pair[which])) return;
        line.lineTo((i / (KEPT - 1)) * 229, 67 - (63 * (pair[which] - low)) / (high - low || 1));
      });
      line.stroke();
    });
  }

  return {
    draw(seen) {
      frame = seen;
      if (history.push([seen.dLoss, seen.gLoss]) > KEPT) history.shift();
      const number = (value) => (Number.isFinite(value) ? value.toFixed(2) : "–");
      const alone = ["D", "G"].filter((player) => steps[player]).map((player) => ` + ${steps[player]} of ${player}`);
      says.textContent = `round ${seen.rounds}${alone.join("")}   loss of D ${number(seen.dLoss)}   of G ${number(seen.gLoss)}`;
      paint();
      losses_();
      waiting = false;
      requestAnimationFrame(turn);
    },
    failed(why) {
      setPlaying(false);
      says.textContent = why;
      waiting = false;
      turn();
    },
  };
}

// What a picture is made of

function ground(pen, landscape) {
  const n = Math.round(Math.sqrt(landscape.length));
  const small = Object.assign(document.createElement("canvas"), { width: n, height: n });
  const pixels = new ImageData(n, n);
  landscape.forEach((value, i) => {
    const to = SURELY[value > 0.5 ? "real" : "fake"];
    const share = Math.abs(2 * value - 1);
    const at = 4 * ((n - 1 - Math.floor(i / n)) * n + (i % n)); // the first row is at the bottom
    for (let c = 0; c < 3; c++) pixels.data[at + c] = 255 + share * (to[c] - 255);
    pixels.data[at + 3] = 255;
  });
  small.getContext("2d").putImageData(pixels, 0, 0);
  const half = SCREEN / (n - 1) / 2; // a value stands at the middle of its pixel
  pen.imageSmoothingEnabled = true;
  pen.drawImage(small, -half, -half, SCREEN + 2 * half, SCREEN + 2 * half);
}

function border(pen, landscape) {
  // Where the landscape is 1/2: in each square of four values, between the sides on which it is crossed.
  const n = Math.round(Math.sqrt(landscape.length));
  const step = SCREEN / (n - 1);
  const at = (i, j) => landscape[i * n + j] - 0.5;
  pen.strokeStyle = "#555";
  pen.lineWidth = 1.2;
  pen.beginPath();
  for (let i = 0; i < n - 1; i++) {
    for (let j = 0; j < n - 1; j++) {
      const corners = [[i, j], [i, j + 1], [i + 1, j + 1], [i + 1, j]];
      const crossed = [];
      corners.forEach(([a, b], k) => {
        const [c, d] = corners[(k + 1) % 4];
        const [one, other] = [at(a, b), at(c, d)];
        if (one * other >= 0) return;
        const t = one / (one - other);
        crossed.push([(b + t * (d - b)) * step, SCREEN - (a + t * (c - a)) * step]);
      });
      for (let k = 0; k + 1 < crossed.length; k += 2) {
        pen.moveTo(...crossed[k]);
        pen.lineTo(...crossed[k + 1]);
      }
    }
  }
  pen.stroke();
}

function dot(pen, x, y, r) {
  pen.beginPath();
  pen.arc(x, y, r, 0, 7);
  pen.fill();
}

function triangle(pen, x, y, r) {
  pen.beginPath();
  pen.moveTo(x, y - r);
  pen.lineTo(x + r, y + 0.8 * r);
  pen.lineTo(x - r, y + 0.8 * r);
  pen.fill();
}

function arrow(pen, x, y, toX, toY) {
  const [dx, dy] = [toX - x, toY - y];
  const length = Math.hypot(dx, dy);
  if (length < 2) return;
  const [ux, uy] = [dx / length, dy / length];
  pen.moveTo(x, y);
  pen.lineTo(toX, toY);
  for (const turn of [1, -1]) {
    pen.moveTo(toX, toY);
    pen.lineTo(toX - 4 * ux + turn * 2.5 * uy, toY - 4 * uy - turn * 2.5 * ux);
  }
}

function sharp(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  return pen;
}

function make(tag, parent, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  parent.append(made);
  return made;
}

function labelled(parent, name) {
  const row = make("label", parent, { className: "gan-row" });
  make("span", row, { textContent: name });
  return row;
}

const STYLE = `
.gan-plane { display: flex; flex-wrap: wrap; gap: 16px; font: 14px/1.4 system-ui, sans-serif; max-width: 760px; }
.gan-picture { flex: 1 1 280px; max-width: ${SCREEN}px; }
.gan-picture canvas { width: 100%; aspect-ratio: 1; border: 1px solid #999; border-radius: 6px; display: block; background: white; }
.gan-plane:not(.gan-draws) .gan-clear { display: none; }
.gan-draws .gan-picture canvas { cursor: crosshair; touch-action: none; }
.gan-side { flex: 1 1 240px; display: flex; flex-direction: column; gap: 6px; }
.gan-buttons { display: flex; flex-wrap: wrap; gap: 6px; margin-bottom: 4px; }
.gan-buttons button { font: inherit; padding: 4px 10px; border: 1px solid #888; border-radius: 5px; background: #f2f4f7; color: #1c2230; cursor: pointer; }
.gan-buttons button:first-child { background: ${BLUE}; color: white; border-color: ${BLUE}; min-width: 6em; }
.gan-plane :is(button, select, input, canvas):focus-visible { outline: 2px solid ${ORANGE}; outline-offset: 2px; }
.gan-row { display: grid; grid-template-columns: 7.5em 1fr 3.6em; align-items: center; gap: 8px; }
.gan-row select { font: inherit; grid-column: 2 / 4; padding: 2px; }
.gan-row input { accent-color: ${BLUE}; min-width: 0; }
.gan-row output { text-align: right; font-variant-numeric: tabular-nums; }
.gan-says { font-variant-numeric: tabular-nums; white-space: pre-wrap; margin-top: 4px; min-height: 1.4em; }
.gan-chart { width: 230px; height: 70px; }
.gan-chart, .gan-key { background: white; color: #1c2230; border-radius: 6px; padding: 4px 8px; }
.gan-key { font-size: 12px; }
`;
