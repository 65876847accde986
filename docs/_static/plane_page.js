// Puts the game in the plane into <div id="plane">.

import { planeView } from "./plane_view.js";
import { Plane, DATA, LOSSES, LIMIT } from "./plane_game.js";

const start = { data: "ring", loss: "non-saturating", lr_D: 2e-3, lr_G: 1e-3, momentum: 0.5 };
const game = new Plane(start);
const about = { data: Object.keys(DATA), losses: Object.keys(LOSSES), limit: LIMIT, start };
const view = planeView(document.getElementById("plane"), { ...about, ask: (message) => view.draw(game.asked(message)) });
view.draw(game.seen());
