"""The game in the page is the game of the course: the same weights, batch and noise give the same weights.

Skipped where there is no /usr/bin/chromium, in which the page's code runs.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from gan_lab import training
from gan_lab.data.toy import covered
from gan_lab.lessons import plane
from gan_lab.lessons.plane import LOSSES
from gan_lab.lipschitz import gradient_penalty
from gan_lab.networks import mlp
from gan_lab.training import Game, one_round

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium")
sync_api = pytest.importorskip("playwright.sync_api")

CODE = (Path(__file__).parents[2] / "docs" / "_static" / "plane_game.js").read_text()
ROUNDS, N = 3, 16
PLAY = """async ({ code, G, D, loss, batches, lr, momentum }) => {
  const m = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const player = (sizes, W, b) => {
    const made = new m.MLP(sizes, m.randomNumbers(0));
    made.W = W.map((w) => Float64Array.from(w));
    made.b = b.map((w) => Float64Array.from(w));
    return made;
  };
  const game = { G: player([2, 32, 32, 32, 2], ...G), D: player([2, 32, 32, 32, 1], ...D), loss: m.LOSSES[loss] };
  game.opt_G = new m.Adam(game.G, lr, momentum);
  game.opt_D = new m.Adam(game.D, lr, momentum);
  const losses = batches.map((parts) => m.one_round(game, ...parts.map((part) => Float64Array.from(part))));
  const floats = (parts) => parts.map((part) => [...part]);
  const of = (one) => [floats(one.W), floats(one.b)];
  return { G: of(game.G), D: of(game.D), losses };
}"""
LOOK = """async ({ code, name }) => {
  const m = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const game = new m.Plane({ data: name });
  game.play(600);
  const { fake, landscape, arrows } = game.seen();
  return { fake: [...fake], landscape: [...landscape], arrows: [...arrows], losses: [game.d_loss, game.g_loss] };
}"""


@pytest.fixture(scope="module")
def page():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def weights(player):
    """Each layer's weights, and its biases, as flat lists."""
    layers = [layer for layer in player.modules() if isinstance(layer, torch.nn.Linear)]
    return [[getattr(layer, part).detach().flatten().tolist() for layer in layers] for part in ("weight", "bias")]


@pytest.mark.parametrize("loss", LOSSES)
def test_the_page_plays_the_course_s_round(page, loss, monkeypatch):
    torch.manual_seed(1)
    G, D = mlp.Generator(width=1 / 16), mlp.Critic(width=1 / 16)
    for layer in [*G.modules(), *D.modules()]:
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.normal_(layer.bias, std=0.1)  # which start at 0, where a mistake would not show
    start = weights(G), weights(D)
    x, z_D, z_G = torch.randn(3, ROUNDS, N, 2)
    t = torch.rand(ROUNDS, N)
    batches = [[part[i].flatten().tolist() for part in (x, z_D, z_G, t)] for i in range(ROUNDS)]
    told = {"code": CODE, "G": start[0], "D": start[1], "loss": loss, "batches": batches, "lr": 0.01, "momentum": 0.5}
    found = page.evaluate(PLAY, told)

    opt_G, opt_D = (torch.optim.Adam(player.parameters(), lr=0.01, betas=(0.5, 0.99)) for player in (G, D))
    penalty = gradient_penalty if loss == "Wasserstein" else None
    game = Game(G, D, LOSSES[loss], opt_G, opt_D, penalty=penalty, fabric=Fabric(accelerator="cpu", devices=1))
    drawn = iter([z for i in range(ROUNDS) for z in (z_D[i], z_G[i])])
    monkeypatch.setattr(training, "noise", lambda game, n: next(drawn))
    for i in range(ROUNDS):
        monkeypatch.setattr(torch, "rand", lambda *_, **__: t[i].view(N, 1))  # noqa: B023
        played = one_round(game, [(x[i], torch.zeros(N, dtype=torch.int64))])
        assert found["losses"][i] == pytest.approx([played.d_loss.item(), played.g_loss.item()], abs=1e-4)
    for name, player in (("G", G), ("D", D)):
        for ours, theirs in zip(weights(player), found[name], strict=True):
            assert np.allclose(np.concatenate(ours), np.concatenate(theirs), atol=1e-5 * ROUNDS)


@pytest.mark.parametrize("name", plane.DATA)
def test_the_page_has_the_course_s_data_and_finds_them(page, name):
    torch.manual_seed(0)
    found = page.evaluate(LOOK, {"code": CODE, "name": name})
    real = plane.DATA[name].sample(2000)[0]
    fake = torch.tensor(found["fake"]).view(-1, 2)
    assert all(np.isfinite(found["losses"]))
    assert torch.cdist(fake, real).min(1).values.median() < 0.25  # half of the drawings lie near data
    if name == "ring":
        assert covered(fake, plane.DATA["ring"]).modes >= 6
    landscape = torch.tensor(found["landscape"])
    assert len(landscape) == plane.SIDE**2 and 0 <= landscape.min() <= landscape.max() <= 1
    assert torch.tensor(found["arrows"]).view(-1, 2).norm(dim=1).max() <= plane.LONGEST + 1e-6
