"""What a process that trains asks of its threads and of its memory, however it was started.

Environment variables (GOMP_SPINCOUNT, GLIBC_TUNABLES) could say the same, but they are read when a process starts, and
a notebook's kernel has started by then.
"""

import ctypes
import os
import sys
import threading
from functools import cache

import torch

GIGABYTE = 10**9
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


@cache
def prepare() -> None:
    """Do both, once: what follows changes no number, only how long it takes. Elsewhere than on Linux: nothing."""
    if sys.platform == "linux":
        sleep_while_waiting()
        keep_memory()


def sleep_while_waiting() -> None:
    """Have PyTorch's threads sleep while they wait for one another, and not spin.

    OpenMP's threads spin for milliseconds, which on a busy machine takes the time from the one that they wait for:
    beside two other programs on two cores a round took five times as long. GNU's OpenMP spins for a moment only where
    it has more threads than there are CPUs. So a second team is started, from a thread that keeps it: it does nothing,
    and is counted. Without GNU's OpenMP, or with one thread, nobody spins and nothing is done.
    Source: GOMP_SPINCOUNT in the documentation of libgomp.
    """
    openmp, n = ctypes.CDLL(torch._C.__file__), torch.get_num_threads()
    if n == 1 or not hasattr(openmp, "GOMP_parallel"):
        return
    idle = max(2, (os.cpu_count() or 1) + 2 - n)  # one of them is the thread that starts the others, not counted
    started = threading.Event()

    def keep_a_team() -> None:
        openmp.GOMP_parallel(ctypes.CDLL(None).free, None, idle, 0)  # each of them calls free(NULL)
        started.set()
        threading.Event().wait()  # a team goes with the thread that started it

    threading.Thread(target=keep_a_team, name="idle OpenMP team", daemon=True).start()
    started.wait()


def keep_memory() -> None:
    """Have glibc keep the memory that a round gives back: else Linux clears it anew in every round."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # an older glibc refuses more than 32 MB
        libc.mallopt(MMAP_THRESHOLD, GIGABYTE) or libc.mallopt(MMAP_THRESHOLD, 32 * 2**20)
        libc.mallopt(TRIM_THRESHOLD, GIGABYTE)
