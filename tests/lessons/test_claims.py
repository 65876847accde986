import numpy as np
import pandas as pd
import pytest
import torch

from gan_lab.lessons.claims import claim
from gan_lab.measure import seeds


@pytest.mark.parametrize("true", [True, np.True_, torch.tensor(2) > 1, pd.Series([1, 2]).max() == 2, np.array(True)])
def test_a_sentence_that_holds_prints_nothing(true: bool, capsys: pytest.CaptureFixture[str]) -> None:
    claim("It is so.", true)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("false", [False, np.False_, torch.tensor(2) > 3, np.float64("nan") > 0, float("nan") < 1])
def test_a_sentence_that_does_not_hold_is_printed_on_one_line(false: bool, capsys: pytest.CaptureFixture[str]) -> None:
    claim("It is\n    so.", false)
    assert capsys.readouterr().out == "Does not hold here: It is so.\n"


@pytest.mark.parametrize(
    "no_answer",
    [0, 1.0, None, "yes", np.float64("nan"), pd.NA, np.array([True, False]), torch.tensor([True]), pd.Series([True])],
)
def test_what_is_neither_true_nor_false_is_refused(no_answer: bool) -> None:
    with pytest.raises(TypeError, match=rf"not a {type(no_answer).__name__}: write a comparison.*\.all\(\)"):
        claim("It is so.", no_answer)


def test_a_claim_about_a_table_is_told_when_the_table_says_the_opposite(capsys: pytest.CaptureFixture[str]) -> None:
    """Two settings change places in a copy of the gallery's table."""
    table = seeds.table("04_gallery")
    means = table.groupby("setting").w1.mean()
    near, far = means.idxmin(), means.idxmax()

    def says(table: pd.DataFrame) -> str:
        further = seeds.paired(table, "w1", against=near).set_index("setting").difference[far]
        claim("It ends nearer.", further > 0)
        return capsys.readouterr().out

    assert says(table) == ""
    assert says(table.replace({"setting": {near: far, far: near}})) == "Does not hold here: It ends nearer.\n"
