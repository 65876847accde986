// Puts the generator into <div class="draw-here">, and loads its numbers when they are needed.

import { drawView } from "./draw_view.js";
import { Generator } from "./generator.js";

const folder = new URL(".", document.currentScript.src);
const loaded = {};

function load(name) {
  loaded[name] ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = new URL(`${name}_weights.js`, folder);
    script.onload = () => done(new Generator(WEIGHTS[name]));
    script.onerror = () => failed(new Error(`${script.src} is not there`));
    document.head.append(script);
  });
  return loaded[name];
}

window.WEIGHTS = {};
for (const el of document.querySelectorAll(".draw-here")) drawView(el, load, { sliders: el.dataset.sliders !== "none" });
