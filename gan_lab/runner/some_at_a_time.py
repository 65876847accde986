"""The same work for many items, some at a time, each of them with processes of its own."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from gan_lab.runner.execution import kill_family

Item = TypeVar("Item")
Result = TypeVar("Result")


def some_at_a_time(work: Callable[[Item], Result], items: Iterable[Item], jobs: int) -> list[Result]:
    """What `work` makes of each item, in their order, in `jobs` threads.

    An error, or an interrupt, goes on to the caller once all has stopped: what has not begun never does, and the
    processes below this one are killed, since the threads wait for them.
    """
    tasks: list[Future[Result]] = []
    with ThreadPoolExecutor(jobs) as pool:
        try:
            tasks += (pool.submit(work, item) for item in items)
            wait(tasks, return_when=FIRST_EXCEPTION)
            return [task.result() for task in tasks]
        except BaseException:
            begun = [task for task in tasks if not task.cancel()]
            kill_family(os.getpid(), itself=False)
            while wait(begun, timeout=0.2).not_done:
                kill_family(os.getpid(), itself=False)
            raise
