"""The cells of one notebook, run by papermill: what the process does that `execution.execute` starts.

It lives no longer than its caller. When the pipe from the caller closes, for whatever reason, it takes its kernel down.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError
from tqdm import tqdm
from traitlets.config import Config

from gan_lab import run_folder
from gan_lab.runner.execution import kill_family
from gan_lab.runner.html import save_html
from gan_lab.runner.parameters import read_parameters, unformatted
from gan_lab.runner.status import Failure, Status


def main() -> None:
    """Read the order, execute the notebook, save its page, and write the status."""
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=die_with_caller, daemon=True).start()
    notebook, out = Path(order["notebook"]), Path(order["out"])
    status = Status.kept(out)
    start = time.monotonic()
    cells = Cells(notebook, out, Path(order["files"]), status, order["time_limit"])
    failure = cells.execute()
    save_html(cells.executed, run_folder.page(out, notebook.stem))
    state = "failed" if failure else "done"
    replace(status, state=state, seconds=round(time.monotonic() - start, 1), failure=failure).write(out)


class Cells:
    """The cells of a notebook, and which of them is at work."""

    def __init__(self, notebook: Path, out: Path, files: Path, status: Status, time_limit: float | None):
        self.notebook, self.out, self.files, self.status, self.time_limit = notebook, out, files, status, time_limit
        self.executed = run_folder.executed(out, notebook.stem)
        self.number, self.source = 0, ""  # of the cell at work, as Jupyter counts
        self.start = time.time()
        self.deadline = time.monotonic() + time_limit if time_limit else None

    def execute(self) -> Failure | None:
        """Execute all of them. None if the last one ended, else what stopped the notebook.

        Only papermill's exceptions tell: the notebook that it saves calls every cell "completed" after a kernel died.
        """
        defaults = {name: parameter.default for name, parameter in read_parameters(self.notebook).items()}
        changed = {name: value for name, value in self.status.parameters.items() if value != defaults[name]}
        try:
            with self._progress_bar(injected=len(changed) > 0):
                papermill.execute_notebook(
                    unformatted(self.notebook),
                    unformatted(self.executed),
                    changed,
                    progress_bar=False,
                    timeout_func=self._seconds_left,
                    on_cell_execute=self._on_cell_execute,
                    config=connection(self.files),
                    extra_arguments=["--IPKernelApp.log_level=ERROR"],
                )
        except PapermillExecutionError as error:
            traceback = "\n".join(error.traceback)
            return Failure(f"{error.ename}: {error.evalue}", error.exec_count, error.source, traceback)
        except CellTimeoutError:
            return self._stopped(f"the time limit of {self.time_limit:g} seconds was reached")
        except DeadKernelError:
            return self._stopped("the kernel died")
        return None

    def _stopped(self, what: str) -> Failure:
        failure = Failure(what, self.number, self.source)
        mark(self.executed, failure)
        return failure

    def _on_cell_execute(self, cell: nbformat.NotebookNode, cell_index: int) -> None:
        self.number, self.source = self.number + 1, cell.source

    def _seconds_left(self, cell: nbformat.NotebookNode) -> float | None:
        return max(0.1, self.deadline - time.monotonic()) if self.deadline else None

    @contextmanager
    def _progress_bar(self, *, injected: bool) -> Iterator[None]:
        """The cells done and, while one trains, its epoch; drawn every second, on a terminal only."""
        cells = [cell for cell in nbformat.read(self.notebook, 4).cells if cell.cell_type == "code"]
        total = sum(bool(cell.source.strip()) for cell in cells) + injected
        done = threading.Event()
        layout = "{desc} {bar:30} {n_fmt} of {total_fmt} cells, {elapsed}{postfix}"
        bar = tqdm(total=total, desc=self.notebook.stem, bar_format=layout, file=sys.stdout, disable=None)

        def draw() -> None:
            while not done.wait(1):
                bar.n = max(0, self.number - 1)
                bar.set_postfix_str(self._epoch())

        drawing = threading.Thread(target=draw, daemon=True)
        drawing.start()
        try:
            yield
            bar.n = total
        finally:
            done.set()
            drawing.join()
            bar.set_postfix_str("")
            bar.close()

    def _epoch(self) -> str:
        """Where the newest training is, "B1: epoch 7", from the table that it keeps; "" if none has written."""
        tables = sorted(self.out.glob(f"*/{run_folder.EPOCHS}"), key=lambda table: table.stat().st_mtime)
        if not tables or tables[-1].stat().st_mtime < self.start:
            return ""
        return f"{tables[-1].parent.name}: epoch {len(tables[-1].read_text().splitlines()) - 1}"


def connection(files: Path) -> Config:
    """How to talk to the kernel: over files, for kernels that start together may draw the same port, and one fails.

    On Windows, and where the path is longer than a socket's name may be, over ports all the same.
    """
    over_files = os.name == "posix" and len(os.fsencode(files)) < 80
    talk = {"transport": "ipc" if over_files else "tcp", "connection_file": str(files / "kernel.json")}
    return Config({"KernelManager": talk})


def mark(executed: Path, failure: Failure) -> None:
    """Write into the executed notebook, above the cell that was at work, what stopped it."""
    notebook = nbformat.read(executed, 4)
    at_work = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
    note = nbformat.v4.new_markdown_cell(f"**The notebook stopped here: {failure.what}.**")
    notebook.cells.insert(at_work[max(0, failure.cell - 1)], note)
    nbformat.write(notebook, executed)


def die_with_caller() -> None:
    """Wait for the end of the pipe that the caller holds, then kill the kernel and this process."""
    sys.stdin.read()
    kill_family(os.getpid(), itself=False)
    os._exit(1)


if __name__ == "__main__":
    main()
