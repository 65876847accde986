from types import SimpleNamespace
from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from gan_lab.runner import bounded
from gan_lab.runner.bounded import LEFT_OUT, BoundedClient


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> BoundedClient:
    """Of a notebook of two cells, each of which may say a hundred characters."""
    monkeypatch.setattr(bounded, "KEPT", 100)
    notebook = new_notebook(cells=[new_code_cell("a"), new_code_cell("b")])
    client = BoundedClient(SimpleNamespace(nb=notebook, autosave_cell=lambda: None))
    client.clear_before_next_output = False  # as when a cell begins
    return client


def says(client: BoundedClient, kind: str, cell: int = 0, **content: Any) -> list[NotebookNode]:
    message = {"msg_type": kind, "header": {"msg_type": kind}, "parent_header": {"msg_id": "1"}, "content": content}
    client.process_message(message, client.nb.cells[cell], cell)
    return client.nb.cells[cell].outputs


def prints(client: BoundedClient, text: str, cell: int = 0) -> list[NotebookNode]:
    return says(client, "stream", cell, name="stdout", text=text)


def test_what_is_printed_piece_by_piece_is_one_output(client: BoundedClient) -> None:
    for text in ("a", "b\n", "c"):
        outputs = prints(client, text)
    assert [output.text for output in outputs] == ["ab\nc"]
    assert [output.name for output in says(client, "stream", name="stderr", text="d")] == ["stdout", "stderr"]


def test_a_progress_bar_leaves_its_last_line_however_long_it_ran(client: BoundedClient) -> None:
    prints(client, "begin\n")
    for step in range(1000):
        outputs = prints(client, f"\rstep {step}")
    assert [output.text for output in outputs] == ["begin\nstep 999"]


def test_a_cell_is_heard_until_it_has_said_enough_and_the_next_one_anew(client: BoundedClient) -> None:
    for _ in range(30):
        outputs = prints(client, "0123456789")
    assert "".join(output.text for output in outputs) == "0123456789" * 10 + LEFT_OUT
    assert [output.text for output in prints(client, "well", cell=1)] == ["well"]


def test_a_picture_that_does_not_fit_is_named_and_a_traceback_is_always_kept(client: BoundedClient) -> None:
    outputs = says(client, "display_data", data={"image/png": "A" * 200}, metadata={})
    assert [output.text for output in outputs] == [LEFT_OUT]
    outputs = says(client, "error", ename="ValueError", evalue="no", traceback=["x" * 200])
    assert outputs[-1].ename == "ValueError"


def test_a_live_view_counts_once_however_often_it_is_drawn(client: BoundedClient) -> None:
    for _ in range(50):
        says(client, "clear_output", wait=True)
        outputs = says(client, "display_data", data={"image/png": "A" * 60}, metadata={})
    assert [output.data for output in outputs] == [{"image/png": "A" * 60}]
