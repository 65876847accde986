"""The cells of one notebook, run by papermill: what the process does that `execution.execute` starts.

It lives no longer than its caller. When the pipe from the caller closes, for whatever reason, it takes its kernel down.
"""

import ctypes
import errno
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from gan_lab import run_folder
from gan_lab.files import whole
from gan_lab.owner import owned
from gan_lab.runner.bounded import BoundedEngine
from gan_lab.runner.execution import kill_family
from gan_lab.runner.html import save_html
from gan_lab.runner.parameters import read_parameters, unformatted
from gan_lab.runner.progress import left, shown
from gan_lab.runner.status import Failure, Status
from gan_lab.runner.surroundings import ARGUMENTS

SET_CHILD_SUBREAPER = 36  # of Linux's prctl.h


def main() -> None:
    """Read the order, execute the notebook, save its page, and write the status."""
    for name in ("SIGTERM", "SIGHUP"):  # a batch system sends them to every process; the caller answers
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: None)
    adopt_orphans()
    order = json.loads(sys.stdin.readline())
    notebook, out = Path(order["notebook"]), Path(order["out"])
    status = Status.kept(out)
    threading.Thread(target=die_with_caller, args=(out, status), daemon=True).start()
    start = time.monotonic()
    cells = Cells(notebook, out, Path(order["files"]), status, order["time_limit"])
    try:
        failure = cells.execute()
        save_html(cells.executed, run_folder.page(out, notebook.stem))
    except OSError as error:
        if error.errno == errno.ENOSPC:  # half a notebook is none, and its room is needed to say so
            cells.executed.unlink(missing_ok=True)
        failure = Failure(f"{type(error).__name__}: {error}", cells.number, cells.source, traceback.format_exc())
    state = "failed" if failure else "done"
    replace(status, state=state, seconds=round(time.monotonic() - start, 1), failure=failure).write(out)


class Cells:
    """The cells of a notebook, and which of them is at work."""

    def __init__(self, notebook: Path, out: Path, files: Path, status: Status, time_limit: float | None):
        self.notebook, self.out, self.files, self.status, self.time_limit = notebook, out, files, status, time_limit
        self.executed = run_folder.executed(out, notebook.stem)
        self.number, self.source = 0, ""  # of the cell at work, as Jupyter counts
        self.start = time.time()
        self.late = False  # whether the time was up

    def execute(self) -> Failure | None:
        """Execute all of them. None if the last one ended, else what stopped the notebook.

        Only papermill's exceptions tell: the notebook that it saves calls every cell "completed" after a kernel died.
        """
        defaults = {name: parameter.default for name, parameter in read_parameters(self.notebook).items()}
        changed = {name: value for name, value in self.status.parameters.items() if value != defaults[name]}
        papermill_engines.register(BoundedEngine.__name__, BoundedEngine)
        stream, total = sys.stdout, self._count() + (len(changed) > 0)
        try:
            with shown(self.notebook.stem, total, "cells", self._progress, stream), self._time_limit():
                papermill.execute_notebook(
                    unformatted(self.notebook),
                    unformatted(self.executed),
                    changed,
                    BoundedEngine.__name__,
                    progress_bar=False,
                    on_cell_execute=self._on_cell_execute,
                    config=connection(self.files),
                    extra_arguments=ARGUMENTS,
                )
        except PapermillExecutionError as error:
            trace = "\n".join(error.traceback)
            return Failure(f"{error.ename}: {error.evalue}", error.exec_count, error.source, trace)
        except (DeadKernelError, RuntimeError) as error:
            if self.late:
                return self._stopped(f"the time limit of {self.time_limit:g} seconds was reached")
            if isinstance(error, DeadKernelError):
                return self._stopped("the kernel died")
            raise
        return None

    def _stopped(self, what: str) -> Failure:
        failure = Failure(what, self.number, self.source)
        mark(self.executed, failure)
        return failure

    def _on_cell_execute(self, cell: nbformat.NotebookNode, cell_index: int) -> None:
        self.number, self.source = self.number + 1, cell.source

    @contextmanager
    def _time_limit(self) -> Iterator[None]:
        """Kill the kernel when the time is up: a cell may ignore interrupts, and nbclient is deaf while one prints."""

        def stop() -> None:
            self.late = True
            kill_family(os.getpid(), itself=False)

        timer = threading.Timer(self.time_limit or 0, stop)
        timer.daemon = True
        if self.time_limit:
            timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _count(self) -> int:
        cells = [cell for cell in nbformat.read(self.notebook, 4).cells if cell.cell_type == "code"]
        return sum(bool(cell.source.strip()) for cell in cells)

    def _progress(self) -> tuple[int, str]:
        """How many cells are done, and how far the one at work has trained."""
        return max(0, self.number - 1), self._epoch()

    def _epoch(self) -> str:
        """Where the newest training is, "B1: epoch 7 of 30, 1:20 left", from the table that it keeps; "" if none has
        written. How many epochs there will be is what the notebook's parameter says, if a training takes so many.
        """
        tables = sorted(self.out.glob(f"*/{run_folder.EPOCHS}"), key=lambda table: table.stat().st_mtime)
        if not tables or tables[-1].stat().st_mtime < self.start:
            return ""
        try:
            rows = run_folder.read_table(tables[-1])
        except run_folder.DamagedFileError:  # this only looks
            return ""
        name, done, epochs = run_folder.name_of(tables[-1].parent), len(rows), self.status.parameters.get("epochs", 0)
        if not isinstance(epochs, int) or done >= epochs:
            return f"{name}: epoch {done}"
        last = [row["seconds"] for row in rows[-5:] if "seconds" in row]
        time_left = f", {left(sum(last) / len(last) * (epochs - done))}" if last else ""
        return f"{name}: epoch {done} of {epochs}{time_left}"


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
    with whole(executed) as part:
        nbformat.write(notebook, part)


def adopt_orphans() -> None:
    """Have what a cell started, and whose parent has ended, count as this process's own: so that it is found."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_caller(out: Path, status: Status) -> None:
    """Wait for the end of the pipe that the caller holds, then kill the kernel and this process.

    A caller that was killed can say no more what became of the notebook, and nobody owns its folder: then this says it.
    """
    sys.stdin.read()
    kill_family(os.getpid(), itself=False)
    with suppress(OSError), owned(out):
        if Status.read(out) == status:
            replace(status, state="interrupted").write(out)
    os._exit(1)


if __name__ == "__main__":
    main()
