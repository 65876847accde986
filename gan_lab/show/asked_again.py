"""A kernel that answers while a cell trains: to a browser that comes back, and to whoever then runs a cell.

A kernel takes one request after another. A notebook that was closed in the middle of a training, and is opened again,
would wait for the training's end to hear that there is a kernel, and so would a cell that is run in it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any

from IPython import get_ipython

WHO_IS_THERE = ("kernel_info_request", "comm_info_request")  # what a front end asks when it comes back


@contextmanager
def answering(asked_again: Callable[[], None]) -> Iterator[None]:
    """In here the kernel says who it is at once.

    It calls `asked_again` if the cell at work is to run once more or, after a front end came back, if any cell is.
    It listens whenever the cell awaits something. So far this is known of ipykernel from 7.4 on; any other kernel, or
    none, stays as it is.
    """
    kernel: Any = getattr(get_ipython(), "kernel", None)
    thread = getattr(kernel, "shell_channel_thread", None)
    if thread is None or "concurrent" not in signature(kernel.dispatch_shell).parameters:
        yield
        return
    at_work, came_back = kernel.get_parent("shell"), False

    async def receive(subshell: str | None, frames: Any) -> None:
        nonlocal came_back
        kind, code = peek(kernel, frames)
        if subshell is None and kind in WHO_IS_THERE:
            came_back = True
            await kernel.dispatch_shell(frames, concurrent=True)
            kernel._publish_status("idle", "shell")  # of this request, whose answer is complete with it
            kernel.set_parent([], at_work, channel="shell")
            kernel._publish_status("busy", "shell")
            return
        if kind == "execute_request" and (came_back or code == at_work["content"]["code"]):
            asked_again()
        await kernel.shell_main(subshell, frames)

    thread.manager.set_on_recv_callback(receive)
    try:
        yield
    finally:
        thread.manager.set_on_recv_callback(kernel.shell_main)


def peek(kernel: Any, frames: Any) -> tuple[str, str]:
    """The kind of a request and, if it has some, the code that it would run; the request stays as it is."""
    try:
        _, parts = kernel.session.feed_identities(frames, copy=False)
        message = kernel.session.deserialize(parts, content=False, copy=False)
        content = kernel.session.unpack(message["content"])
        return message["header"]["msg_type"], content.get("code", "")
    except Exception:  # what is not understood here is the kernel's to answer
        return "", ""
