"""What pytest does here beyond its own: cells of notebooks, what needs a GPU, and where the runs go."""

import os
import re
import signal
import tempfile
import time
from collections import deque
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import hypothesis
import nbval.plugin
import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell

# How long an example takes says nothing about it; and where a change is judged, luck should have no say.
hypothesis.settings.register_profile("gan-lab", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("gan-lab")

COLOUR = re.compile(r"\x1b\[[\d;]*m")


def pytest_configure(config: pytest.Config) -> None:
    """Every notebook trains from the beginning, in a folder that goes away, without the settings of whoever tests."""
    folder = tempfile.TemporaryDirectory(prefix="gan-lab-")
    config.add_cleanup(folder.cleanup)
    os.environ["GAN_LAB_RUNS"] = str(Path(folder.name, "runs"))
    os.environ["IPYTHONDIR"] = str(Path(folder.name, "ipython"))
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # else each kernel prints a debugger's warning
    os.environ.pop("MPLBACKEND", None)  # would take the pictures out of the notebooks


@pytest.fixture
def hangups_heard() -> Generator[None, None, None]:
    """Under nohup, whatever a test starts would ignore SIGHUP; in here it hears it."""
    if not hasattr(signal, "SIGHUP"):
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `gpu` and the cells tagged `gpu` where there is none."""
    for item in items:
        if isinstance(item, IPyNbCell):
            item.add_marker(pytest.mark.filterwarnings("default"))  # nbval's own warnings are not ours
            for tag in {"gpu"} & set(item.cell.metadata.get("tags", [])):
                item.add_marker(tag)
    needy = [item for item in items if item.get_closest_marker("gpu")]
    if needy and not has_gpu():
        for item in needy:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


def has_gpu() -> bool:
    import torch  # slow, and most sessions need not ask

    return torch.cuda.is_available()


@pytest.fixture(autouse=True)
def as_many_threads_as_before() -> Generator[None, None, None]:
    """A test that computes on one core leaves the others as many as they had: with another number, bits differ."""
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """After a cell has failed, the rest of its notebook says nothing new."""
    failed = getattr(item.parent, "failed", None)
    if failed:
        pytest.skip(f"{failed} failed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A cell that runs out of time fails, even if it takes the interrupt for a click on Stop and ends in good order."""
    yield
    if isinstance(item, IPyNbCell) and item.parent.timed_out:
        item.raise_cell_error(f"the cell takes longer than {item.config.option.nbval_cell_timeout:g} s")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A cell that fails shows what went wrong, its source, and the kernel's traceback."""
    report = yield
    if isinstance(item, IPyNbCell) and report.failed and call.excinfo:
        error, cell = call.excinfo.value, f"In [{item.cell_num + 1}]"
        trace = getattr(error, "inner_traceback", None) or ""
        what = trace.splitlines()[-1] if "caused an exception" in str(error) else str(error)
        report.longrepr = f"{cell} {what}\n\n{item.cell.source}\n{trace}"
        if not item.config.get_terminal_writer().hasmarkup:
            report.longrepr = COLOUR.sub("", report.longrepr)
        item.parent.failed = f"{item.path.name} {cell}"
    return report


class ListeningKernel(RunningKernel):
    """nbval's kernel, heard while a cell runs.

    ZeroMQ keeps about two thousand messages that nobody takes, and drops the next: in a long training with a live view
    that is the word that the cell has ended.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.heard: deque[dict[str, Any]] = deque()
        super().__init__(*args, **kwargs)

    def execute_cell_input(self, source: str, allow_stdin: bool = False) -> str:
        """nbval calls every cell In[1]; as in Jupyter, a traceback counts them."""
        return self.kc.execute(source, allow_stdin=allow_stdin, stop_on_error=False)

    def await_reply(self, msg_id: str, timeout: float = 60) -> None:
        """nbval waits to the end of the time-out for a kernel that has died; this looks whether it lives."""
        end = time.monotonic() + timeout
        while True:
            try:
                return super().await_reply(msg_id, timeout=0.1)
            except Empty:
                self.listen()
                if not self.is_alive():
                    raise RuntimeError("the kernel died in this cell: out of memory, or a crash in a library") from None
                if time.monotonic() > end:
                    raise

    def listen(self) -> None:
        """Keep what the kernel has said so far."""
        with suppress(Empty):
            while True:
                self.hear(timeout=0)

    def hear(self, timeout: float | None) -> None:
        """Keep the next message, unless it is a frame of a live view: of each of those nbval would complain."""
        message = self.kc.get_iopub_msg(timeout=timeout)
        if message["msg_type"] not in ("update_display_data", "clear_output"):
            self.heard.append(message)

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        """The next message; of what the kernel says, the first that was kept."""
        if stream != "iopub":
            return super().get_message(stream, timeout)
        while not self.heard:
            self.hear(timeout)
        return self.heard.popleft()


nbval.plugin.RunningKernel = ListeningKernel
