"""The script behind notebook 6's table gives each idea as many rounds as its seconds are worth."""

import importlib.util

import pandas as pd
import pytest
import torch
from test_ladder import few_images

from gan_lab.shipped import RESULTS

spec = importlib.util.spec_from_file_location("ladder_table", RESULTS / "06_ladder.py")
ladder_table = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ladder_table)


@pytest.fixture
def cost(tmp_path, monkeypatch):
    file = tmp_path / "cost.csv"
    pd.DataFrame({"idea": ["quick", "slow"], "ms": [20.0, 60.0]}).to_csv(file, index=False)
    monkeypatch.setattr(ladder_table, "COST", file)


def test_equal_seconds_are_rounds_by_what_a_round_costs_and_equal_steps_those_of_the_slowest(cost):
    assert ladder_table.marks("quick", (60, 120, 180)) == {
        3000: ["60 s", "steps"],
        6000: ["120 s"],
        9000: ["180 s"],
    }
    assert ladder_table.marks("slow", (60, 120, 180)) == {1000: ["60 s"], 2000: ["120 s"], 3000: ["180 s", "steps"]}


def test_a_part_has_as_many_images_of_each_class_and_another_seed_draws_others():
    images = few_images(60)
    one, same, other = (ladder_table.part_of(images, 20, seed) for seed in (1, 1, 2))
    assert one.labels.bincount().tolist() == [4] * 5
    x, _ = one.batch(slice(None))
    assert torch.equal(x, same.batch(slice(None))[0])
    assert not torch.equal(x, other.batch(slice(None))[0])
    assert len(x.flatten(1).unique(dim=0)) == 20
    assert ladder_table.part_of(images, 60, 1) is images
