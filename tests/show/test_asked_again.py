"""A kernel whose cell trains, and a front end that comes back to it, as messages of the Jupyter protocol."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from queue import Empty

import pytest
from ipykernel.kernelbase import Kernel
from jupyter_client import BlockingKernelClient, KernelManager

pytestmark = pytest.mark.skipif(
    "concurrent" not in inspect.signature(Kernel.dispatch_shell).parameters, reason="needs ipykernel 7.4"
)

WORK = """
import asyncio
from gan_lab.show.asked_again import answering
print("at work")
over = []
with answering(lambda: over.append(True)):
    for _ in range(6000):
        if over:
            break
        await asyncio.sleep(0.01)
print("asked again" if over else "to the end")
"""


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator[tuple[KernelManager, BlockingKernelClient, str]]:
    """A kernel that runs the cell, its client, and the request."""
    manager = KernelManager()
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    request = client.execute(WORK)
    while client.get_iopub_msg(timeout=120)["content"].get("text") != "at work\n":
        pass
    yield manager, client, request
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def printed(client: BlockingKernelClient, request: str) -> str:
    """What the request printed until it was done."""
    text = ""
    while True:
        message = client.get_iopub_msg(timeout=120)
        if message["parent_header"].get("msg_id") == request:
            text += message["content"].get("text", "")
            if message["content"].get("execution_state") == "idle":
                return text


def reply_to(client: BlockingKernelClient, request: str) -> str:
    """The kind of the answer."""
    while (reply := client.get_shell_msg(timeout=120))["parent_header"]["msg_id"] != request:
        pass
    return reply["msg_type"]


def test_a_front_end_that_comes_back_hears_of_the_kernel_at_once_and_what_it_runs_ends_the_training(at_work) -> None:
    manager, client, request = at_work
    back = BlockingKernelClient()
    back.load_connection_file(manager.connection_file)
    back.start_channels()
    assert reply_to(back, back.kernel_info()) == "kernel_info_reply"
    assert reply_to(back, back.comm_info()) == "comm_info_reply"
    other = back.execute("print(1 + 1)")
    assert printed(client, request) == "asked again\n"
    assert printed(back, other) == "2\n"
    back.stop_channels()


def test_the_cell_run_once_more_ends_the_one_at_work(at_work) -> None:
    _, client, request = at_work
    client.execute(WORK)
    assert printed(client, request) == "asked again\n"


def test_another_cell_of_the_same_front_end_waits_as_ever(at_work) -> None:
    _, client, request = at_work
    other = client.execute("print(1 + 1)")
    with pytest.raises(Empty):
        while client.get_shell_msg(timeout=3)["parent_header"]["msg_id"] != other:
            pass
    client.execute(WORK)
    assert printed(client, request) == "asked again\n"
    assert printed(client, other) == "2\n"
