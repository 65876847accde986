"""Which modes of the ring a GAN covers while it trains, in the settings of notebook 02: results/02_modes.csv.

    uv run python results/02_modes.py

The trainings are the notebook's own: its cells with the tag "modes" are executed here, and then each of `ring_games` is
played with the seeds 10 to 19, for 1500 steps of G. The games were found with the seeds 0 and 1, which do not count.
The table has a row for every 100 steps. It is written after each training, and started again, the script goes on where
it was. Half an hour on one core.
"""

from pathlib import Path

import jupytext
import pandas as pd
import torch

from gan_lab.data.toy import covered
from gan_lab.files import whole

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "source" / "02_stabilization.py"
TABLE = Path(__file__).with_suffix(".csv")
COLUMNS = ["setting", "seed", "steps", "modes", "high_quality"]
SEEDS, STEPS = range(10, 20), 1500

torch.set_num_threads(1)  # more would only wait for each other
notebook: dict = {}
for cell in jupytext.read(NOTEBOOK).cells:
    if "modes" in cell.metadata.get("tags", []):
        exec(cell.source, notebook)
ring, ring_games, on_the_ring = (notebook[name] for name in ("ring", "ring_games", "on_the_ring"))

rows = pd.read_csv(TABLE).values.tolist() if TABLE.exists() else []
for seed in SEEDS:
    for setting, how in ring_games.items():
        if any(row[:2] == [setting, seed] for row in rows):
            continue
        for step, x, _ in on_the_ring(seed, STEPS, **how):
            found = covered(x, ring)
            rows.append([setting, seed, step, found.modes, found.high_quality])
        with whole(TABLE) as part:
            pd.DataFrame(rows, columns=COLUMNS).to_csv(part, index=False)
        print(f"{setting}, seed {seed}: {found.modes} modes, {found.high_quality:.0%} of high quality", flush=True)
