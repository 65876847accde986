"""What three equal channels cost a DCGAN of gray images: results/07_colour.csv.

    uv run python results/07_colour.py

The trainings are notebook 07's own: its cells with the tag "colour" are executed here, and played with the seeds 10 to
19, in one channel and in three. The step sizes were found with other seeds. A row is written after each training, and
started again, the script goes on where it was. Some minutes on one core.
"""

from pathlib import Path

import jupytext
import pandas as pd
import torch

from gan_lab.data.images import load_images
from gan_lab.files import whole
from gan_lab.measure.judge import Judge

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "source" / "07_two_reports.py"
TABLE = Path(__file__).with_suffix(".csv")
SEEDS, EPOCHS = range(10, 20), 12

torch.set_num_threads(1)
notebook: dict = {}
for cell in jupytext.read(NOTEBOOK).cells:
    if "colour" in cell.metadata.get("tags", []):
        exec(cell.source, notebook)

judge = Judge(load_images(), load_images(split="test"))
rows = pd.read_csv(TABLE).to_dict("records") if TABLE.exists() else []
for seed in SEEDS:
    for channels in (1, 3):
        if any((row["channels"], row["seed"]) == (channels, seed) for row in rows):
            continue
        *_, (epoch, x) = notebook["in_channels"](channels, seed, EPOCHS)
        differ = x.std(dim=1).mean().item() if channels == 3 else 0.0
        found = {"kernel_distance": judge.kernel_distance(x.mean(1, keepdim=True)), "channels_differ": differ}
        rows.append({"channels": channels, "seed": seed, "epochs": epoch, **found})
        with whole(TABLE) as part:
            pd.DataFrame(rows).to_csv(part, index=False)
        print(rows[-1], flush=True)
