"""A server on this machine, for the tests that something does not reach it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def answering() -> Iterator[int]:
    """The port of a server that answers whoever calls."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                caller.close()

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]
