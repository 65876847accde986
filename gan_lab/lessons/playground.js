// The game in the plane in a notebook: the kernel plays, by the course's own round, and this draws.

function render({ model, el }) {
  const view = planeView(el, { ...model.get("about"), ask: (message) => model.send(message) });
  model.on("msg:custom", (seen, buffers) => {
    if (seen.failed) {
      view.failed(seen.failed);
      return;
    }
    const [real, fake, arrows, landscape] = buffers.map((part) => {
      const bytes = part.buffer ?? part;
      return new Float32Array(bytes.slice(part.byteOffset ?? 0, (part.byteOffset ?? 0) + part.byteLength));
    });
    view.draw({ real, fake, arrows, landscape, rounds: seen.rounds, dLoss: seen.d_loss ?? NaN, gLoss: seen.g_loss ?? NaN });
  });
  model.send({ do: "look" });
}

export default { render };
