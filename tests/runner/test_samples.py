"""What notebooks draw for the board, each in a process of its own, and what keeps one from drawing."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from answering import answering
from nbformat.v4 import new_code_cell, new_notebook

from gan_lab.runner.drawing import MOST, drawn
from gan_lab.runner.graded_folder import KEPT, SAMPLES, place, why_none
from gan_lab.runner.isolation import namespaces
from gan_lab.runner.samples import MARK, draw_samples, keep, said

CUT_OFF = pytest.mark.skipif(not namespaces(), reason="this machine cuts no process off")
DRAWS = "# board\nsamples = torch.full((900, 1, 4, 4), float(level))"
ONES = "samples = torch.ones(9, 1, 4, 4)"
NOTEBOOKS = {
    "ada": [
        "import torch",
        "from mine import two\nraise KeyError('an exercise')",
        "level = float(open('runs/level.txt').read()) / two",
        DRAWS,
    ],
    "endless": ["# board\nwhile True:\n    pass"],
    "exits": ["# board\nimport os\nos._exit(0)"],
    "calls": ["import socket, torch", "# board\nsocket.create_connection(('127.0.0.1', PORT), 3)\n" + ONES],
    "one": ["import torch", f"# board\n{ONES}"],
    "another": ["import torch", f"# board\n{ONES}"],
    "no cell": ["import torch"],
    "a link": ["import torch", DRAWS],
    "twice": ["import torch", "# board\nsamples = torch.zeros(9, 1, 4, 4)"],
}


def hand_in(folder: Path, cells: list[str], name: str = "01_dcgan") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells]), folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with answering() as port:
        yield port


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, port: int) -> Path:
    top = tmp_path_factory.mktemp("class")
    handed_in = {
        student: [hand_in(top / student, [cell.replace("PORT", str(port)) for cell in cells])]
        for student, cells in NOTEBOOKS.items()
    }
    (top / "ada" / "runs").mkdir()
    (top / "ada" / "runs" / "level.txt").write_text("0.5")
    (top / "ada" / "mine.py").write_text("two = 2")
    (top / "a link" / "runs").symlink_to("/etc")
    handed_in["twice"].append(hand_in(top / "twice", NOTEBOOKS["twice"], "02_stabilization"))
    draw_samples(handed_in, top / "grades", [], jobs=2, seconds=2, megabytes=2000)
    return top / "grades"


def test_a_notebook_draws_with_its_cells_and_the_files_beside_it(out: Path) -> None:
    x = np.load(place(out, "ada") / SAMPLES, allow_pickle=False)
    assert x.shape == (900, 1, 4, 4) and x.dtype == np.float32 and (x == 0.25).all()
    assert why_none(place(out, "ada")) == ""


@pytest.mark.parametrize(
    ("student", "why"),
    [
        ("endless", "it did not end in 2 seconds of processor time"),
        ("exits", "it ended its process"),
        ("a link", "runs is a link: hand in the file itself"),
        (
            "twice",
            "2 notebooks have a cell # board (01_dcgan.ipynb, 02_stabilization.ipynb): leave it in one",
        ),
    ],
)
def test_what_keeps_a_notebook_from_drawing_is_told(out: Path, student: str, why: str) -> None:
    assert why in why_none(place(out, student)) and not (place(out, student) / SAMPLES).exists()


def test_what_a_notebook_drew_that_was_taken_back_leaves_the_board(tmp_path: Path) -> None:
    place(tmp_path, "bob").mkdir(parents=True)
    (place(tmp_path, "bob") / SAMPLES).touch()
    draw_samples({"bob": []}, tmp_path, [], jobs=1, seconds=1, megabytes=100)
    assert not (place(tmp_path, "bob") / SAMPLES).exists()


def test_no_reason_names_a_student(out: Path) -> None:
    reasons = {student: why_none(place(out, student)) for student in ("endless", "exits", "a link", "twice")}
    assert all(reasons.values())
    assert not [student for student, why in reasons.items() if student != "a link" and student in why]


def test_who_has_no_such_cell_gets_neither_samples_nor_a_reason(out: Path) -> None:
    assert os.listdir(place(out, "no cell")) == []


@CUT_OFF
def test_a_notebook_that_draws_reaches_no_network(out: Path, port: int) -> None:
    socket.create_connection(("127.0.0.1", port), 3).close()  # which would have answered
    why = why_none(place(out, "calls"))
    assert "its cell # board failed" in why and ("[Errno 111]" in why or "[Errno 101]" in why)  # refused, unreachable
    assert not (place(out, "calls") / SAMPLES).exists()


@CUT_OFF
def test_what_two_students_drew_alike_is_kept_for_each(out: Path) -> None:
    """So no two jobs write one file, nor does one student's answer stand for the other's."""
    kept = [json.loads(file.read_text()) for file in (out / KEPT).glob("board-*.json")]
    assert sum(one.get("shape") == [9, 1, 4, 4] for one in kept) == 2


@CUT_OFF
def test_a_reason_is_kept_if_it_is_the_code_s_and_not_if_it_is_one_of_time(out: Path) -> None:
    whys = {one["why"] for file in (out / KEPT).glob("board-*.json") if "why" in (one := json.loads(file.read_text()))}
    assert whys == {why_none(place(out, "calls"))}


@pytest.mark.parametrize(
    ("cells", "lasting"),
    [
        (["x = 1 / 0"], True),
        (["samples = torch.zeros(900, 16)"], True),
        (["raise MemoryError"], False),
        (["raise RuntimeError('DefaultCPUAllocator: can't allocate memory')", "x = 1 / 0"], False),
    ],
)
def test_want_of_memory_is_no_reason_that_lasts(cells: list[str], lasting: bool) -> None:
    assert drawn(Shell(), cells)["lasting"] is lasting


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tmp_path, {"why": "it ended its process"})

    def full(*_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gan_lab.files.replace", full)
    for found in ({"why": "another"}, {"shape": [1, 1, 1, 1], "float32": "AAAAAA=="}):
        with pytest.raises(OSError):
            keep(tmp_path, found)
        assert why_none(tmp_path) == "it ended its process"


class Shell:
    """Runs cells as IPython does: an error is told, not raised."""

    def __init__(self) -> None:
        self.user_ns: dict[str, object] = {"torch": torch}

    def run_cell(self, code: str) -> SimpleNamespace:
        error = None
        try:
            exec(code, self.user_ns)
        except Exception as raised:
            error = raised
        return SimpleNamespace(error_before_exec=None, error_in_exec=error)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["x = 1 / 0", "samples = x"], "its cell # board failed: NameError"),
        (["x = 1 / 0", "samples = x"], "The first cell that failed begins with 'x = 1 / 0': ZeroDivisionError"),
        (["samples = torch.zeros(9, 1, 4, 4)", "x = 1 / 0"], "its cell # board failed: ZeroDivisionError"),
        (["sample = 1"], "no cell sets `samples`"),
        (["samples = torch.zeros(900, 16)"], "`samples` has shape (900, 16): give images, (N, 1, 32, 32)"),
        (["samples = torch.zeros(0, 1, 4, 4)"], "`samples` has shape (0, 1, 4, 4)"),
        (["samples = torch.zeros(1).expand(1, 1, 10**5, 10**5)"], "`samples` has shape (1, 1, 100000, 100000)"),
    ],
)
def test_what_is_no_images_is_told(cells: list[str], why: str) -> None:
    assert why in drawn(Shell(), cells)["why"]


def test_of_samples_without_end_no_more_than_a_part_is_taken() -> None:
    found = drawn(Shell(), ["samples = torch.zeros(1).expand(10**9, 1, 4, 4)"])
    assert found["shape"] == [MOST // 16, 1, 4, 4] and len(found["float32"]) < 12_000_000


def test_the_mark_is_a_line_of_its_own() -> None:
    assert all(MARK.match(code) for code in ("# board", "#board\nx = 1", "\n# Board\nx = 1"))
    assert not any(MARK.match(code) for code in ("# board games\nx = 1", "x = 1\n# board", "with x as board:"))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "no json",
        "[" * 100_000,
        "[]",
        "7",
        json.dumps({"shape": [1, 1, 1, 2], "float32": "AAAAAA=="}),
        json.dumps({"shape": [-1, -1, 1, 1], "float32": "AAAAAA=="}),
        json.dumps({"shape": [1], "float32": "AAAAAA=="}),
        json.dumps({"shape": "a", "float32": 1}),
        '{"shape": [Infinity, 1, 1, 1], "float32": ""}',
    ],
)
def test_an_answer_that_is_none_is_told(line: str) -> None:
    assert said(line) == {"why": "it ended its process"}
