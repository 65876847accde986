// A black square to draw on, with a mouse, a pen or a finger. After each stroke `pixels` has what is drawn, side x side
// bytes, row by row: 0 is black, 255 white.

const SCREEN = 256; // its side on the screen, in pixels
const STROKE = SCREEN / 11; // about as thick, for the size of the canvas, as a digit's

function render({ model, el }) {
  const canvas = Object.assign(document.createElement("canvas"), { width: SCREEN, height: SCREEN });
  canvas.setAttribute("aria-label", "draw a digit here");
  canvas.style.cssText = "background: black; touch-action: none; cursor: crosshair; border-radius: 4px";
  const clear = Object.assign(document.createElement("button"), { textContent: "Clear" });
  clear.className = "lm-Widget jupyter-widgets jupyter-button widget-button";
  el.append(canvas, document.createElement("br"), clear);

  const ink = canvas.getContext("2d", { willReadFrequently: true });
  const wipe = () => ink.fillRect(0, 0, SCREEN, SCREEN);
  Object.assign(ink, { fillStyle: "black", strokeStyle: "white", lineWidth: STROKE, lineCap: "round", lineJoin: "round" });
  wipe();

  const place = (event) => [
    (event.offsetX * SCREEN) / canvas.clientWidth,
    (event.offsetY * SCREEN) / canvas.clientHeight,
  ];
  let drawing = false;
  canvas.addEventListener("pointerdown", (event) => {
    drawing = true;
    canvas.setPointerCapture(event.pointerId);
    ink.beginPath();
    ink.moveTo(...place(event));
    ink.lineTo(...place(event)); // a click is a dot
    ink.stroke();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drawing) {
      ink.lineTo(...place(event));
      ink.stroke();
    }
  });
  for (const ended of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(ended, () => {
      if (drawing) {
        drawing = false;
        send();
      }
    });
  }
  clear.addEventListener("click", () => {
    wipe();
    send();
  });

  function send() {
    const side = model.get("side");
    const small = Object.assign(document.createElement("canvas"), { width: side, height: side });
    const context = small.getContext("2d");
    Object.assign(context, { imageSmoothingEnabled: true, imageSmoothingQuality: "high" });
    context.drawImage(canvas, 0, 0, side, side);
    const colours = context.getImageData(0, 0, side, side).data; // red, green, blue, opacity of each pixel
    model.set("pixels", new DataView(Uint8Array.from({ length: side * side }, (_, i) => colours[4 * i]).buffer));
    model.save_changes();
  }
}

export default { render };
