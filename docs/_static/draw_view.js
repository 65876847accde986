// A trained generator with controls: which digit, new noise, sliders along directions of z, and a walk to another digit.
//
//   drawView(element, load, { sliders: true })       load: name of a generator -> a promise of its Generator

import { dot, moved, noise, slerp } from "./generator.js";

const DIGITS = ["1", "2", "3", "4", "5"];
const ANY = "any"; // what the generator draws that is not told the class
const LEG = 2500; // milliseconds from one digit to the next
const REACH = 3.5; // of a slider, in standard deviations

export async function drawView(el, load, { sliders = true } = {}) {
  const by_class = await load("digits_by_class");
  let G = by_class;

  // The place in the space of the noise: on the way from one digit to another, each with its noise and its class.

  const one_hot = (k) => Float64Array.from({ length: G.classes }, (_, i) => +(i === k));
  const by_chance = () => ({ z: noise(G.z_dim), shares: one_hot(Math.floor(Math.random() * DIGITS.length)) });
  const here = () => ({ z: slerp(from.z, to.z, t), shares: from.shares.map((p, k) => (1 - t) * p + t * to.shares[k]) });
  let [from, to, t] = [{ z: noise(G.z_dim), shares: one_hot(2) }, by_chance(), 0];

  function stand(at, next = to) {
    [from, to, t] = [at, next, 0];
    changed();
  }

  const root = make("div", el, { className: "draw" });
  const picture = screen(make("div", root, { className: "draw-picture" }));
  const side = make("div", root, { className: "draw-side" });

  // Which digit: each choice shows what it would draw from the same noise.

  const choices = make("fieldset", side, { className: "draw-digits" });
  make("legend", choices, { textContent: "Which digit?" });
  const group = `digit-${Math.random()}`;
  const radios = [...DIGITS, ANY].map((name, k) => {
    const label = make("label", choices);
    const radio = make("input", label, { type: "radio", name: group, value: name, checked: k === 2 });
    if (name !== ANY) radio.shows = screen(label);
    make("span", label, { textContent: name });
    radio.addEventListener("change", () => choose(name, k));
    return radio;
  });

  async function choose(name, k) {
    stop();
    const { z } = here();
    const chosen = await load(name === ANY ? "digits" : "digits_by_class");
    if (!radios.find((radio) => radio.value === name).checked) return; // another choice came first
    G = chosen;
    stand({ z, shares: one_hot(k) }, by_chance());
  }

  // New noise, and a walk from digit to digit

  const buttons = make("div", side, { className: "draw-buttons" });
  const button = (text, does) => {
    const made = make("button", buttons, { type: "button", textContent: text });
    made.addEventListener("click", does);
    return made;
  };
  button("New digit", () => {
    stop();
    stand({ ...here(), z: noise(G.z_dim) });
  });
  const walk = button("▶ Walk", () => (began === null ? start() : stop()));
  let began = null; // when the walk left `from`

  function start() {
    began = performance.now() - LEG * t;
    walk.textContent = "❚❚ Stop";
    requestAnimationFrame(step);
  }

  function stop() {
    began = null;
    walk.textContent = "▶ Walk";
  }

  function step(now) {
    if (began === null) return;
    t = Math.max(0, (now - began) / LEG);
    if (t >= 1) {
      began = now;
      stand(to, by_chance());
    }
    changed();
    requestAnimationFrame(step);
  }

  const way = make("div", side, { className: "draw-way" });
  const ends = [screen(way), range(way, "the way from one digit to the next", 0, 1), screen(way)];
  ends[1].addEventListener("input", () => {
    stop();
    t = +ends[1].value;
    changed();
  });

  // Along single directions of the noise

  const along = [];
  if (sliders) {
    make("p", side, { textContent: "Move the noise along one direction:" });
    for (let d = 0; d < G.directions.length; d++) {
      const row = make("label", side, { className: "draw-row" });
      make("span", row, { textContent: `direction ${d + 1}` });
      along.push(range(row, `direction ${d + 1}`, -REACH, REACH));
      along[d].addEventListener("input", () => {
        stop();
        const { z, shares } = here();
        stand({ z: moved(z, G.directions[d], +along[d].value), shares });
      });
    }
  }

  // What is seen: the large picture at once, of the small ones one a frame

  let waits = false; // for the next frame
  let stale = 0; // how many small pictures are not of this noise
  let turn = 0;
  let drawn = [];

  function changed() {
    stale = DIGITS.length;
    if (!waits) requestAnimationFrame(show);
    waits = true;
  }

  function show() {
    waits = false;
    const { z, shares } = here();
    picture.show(G.draw(z, shares));
    const most = shares.indexOf(Math.max(...shares)); // -1 without classes
    picture.setAttribute("aria-label", `a drawn ${DIGITS[most] ?? "digit"}`);
    if (most >= 0) radios[most].checked = true;
    ends[1].value = t;
    along.forEach((slider, d) => {
      if (slider !== document.activeElement || began !== null) slider.value = dot(z, G.directions[d]);
    });
    if (drawn[0] !== from) ends[0].show(G.draw(from.z, from.shares));
    if (drawn[1] !== to) ends[2].show(G.draw(to.z, to.shares));
    drawn = [from, to];
    one_more();
  }

  function one_more() {
    if (!stale || G !== by_class) return;
    stale -= 1;
    turn = (turn + 1) % DIGITS.length;
    radios[turn].shows.show(by_class.draw(here().z, one_hot(turn)));
    if (!waits) requestAnimationFrame(one_more);
  }

  changed();
}

// What it is made of

// A canvas of 32 x 32 pixels: screen.show(x), x in [-1, 1], black to white.
function screen(parent) {
  const canvas = make("canvas", parent, { width: 32, height: 32, role: "img" });
  const pen = canvas.getContext("2d");
  const pixels = new ImageData(32, 32);
  canvas.show = (x) => {
    x.forEach((value, i) => {
      pixels.data.fill(127.5 * (value + 1), 4 * i, 4 * i + 3);
      pixels.data[4 * i + 3] = 255;
    });
    pen.putImageData(pixels, 0, 0);
  };
  return canvas;
}

function range(parent, name, min, max) {
  const input = make("input", parent, { type: "range", min, max, step: 0.01 });
  input.setAttribute("aria-label", name);
  return input;
}

function make(tag, parent, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  parent.append(made);
  return made;
}
