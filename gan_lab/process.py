"""What a process that trains asks of its threads and of its memory, however it was started.

Environment variables (GOMP_SPINCOUNT, GLIBC_TUNABLES) could say some of it, but they are read when a process starts,
and a notebook's kernel has started by then.
"""

import ctypes
import os
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch

GIGABYTE = 10**9
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
STAT = Path("/proc/stat")
ROOM = 0.5  # of a core that others may take before our threads give way
AT_FIRST, AGAIN = 0.1, 1.0  # seconds over which it is measured what others take


def prepare() -> None:
    """Do all of it; every epoch asks anew. What follows changes no number, only how long it takes.

    Elsewhere than on Linux: nothing.
    """
    if sys.platform == "linux":
        keep_memory()
        wait_as_others_allow()


# How threads wait for one another


class Taken(NamedTuple):
    """What was taken until now, in seconds."""

    wall: float
    cores: float  # by all processes, summed over the cores that this one may use
    ours: float  # by this one


def taken() -> Taken:
    """By the clocks of Linux, since the machine started."""
    ours = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    ticks = 0
    for line in STAT.read_text().splitlines():
        core, *fields = line.split()
        if core in ours:
            user, nice, system, _, _, *interrupts = map(int, fields[:8])
            ticks += user + nice + system + sum(interrupts)
    return Taken(time.monotonic(), ticks / os.sysconf("SC_CLK_TCK"), time.process_time())


_last: Taken | None = None  # when it was asked
_end_of_the_idle_team: threading.Event | None = None  # as long as there is one, our threads sleep


def wait_as_others_allow() -> None:
    """Have PyTorch's threads spin while they wait for one another, or sleep where other programs need the cores.

    OpenMP's threads spin for milliseconds, which is the fastest on a machine of one's own: to wake a thread that sleeps
    takes longer than many of a small network's operations. On a busy machine spinning takes the time from the very
    thread that they wait for: beside two other programs on two cores a round took five times as long. So it is measured
    what others have taken since it was asked last. Without GNU's OpenMP, or with one thread, nothing is done.
    """
    global _last
    n, cpus = torch.get_num_threads(), len(os.sched_getaffinity(0))
    if n == 1 or not STAT.exists() or not hasattr(ctypes.CDLL(torch._C.__file__), "GOMP_parallel"):
        return
    if _last is None:
        _last = taken()
        time.sleep(AT_FIRST)
    elif time.monotonic() - _last.wall < AGAIN:
        return
    now = taken()
    wall, cores, ours = (after - before for after, before in zip(now, _last, strict=True))
    _last = now
    if (cores - ours) / wall > cpus - n + ROOM:
        sleep_while_waiting()
    else:
        spin_while_waiting()


def sleep_while_waiting() -> None:
    """GNU's OpenMP spins for a moment only where it has more threads than there are CPUs. So a second team is started,
    from a thread that keeps it: it does nothing, and is counted. Source: GOMP_SPINCOUNT in libgomp's documentation.
    """
    global _end_of_the_idle_team
    if _end_of_the_idle_team:
        return
    openmp = ctypes.CDLL(torch._C.__file__)
    idle = max(2, (os.cpu_count() or 1) + 2 - torch.get_num_threads())  # the one that starts the others is not counted
    started, ended = threading.Event(), threading.Event()

    def keep_a_team() -> None:
        openmp.GOMP_parallel(ctypes.CDLL(None).free, None, idle, 0)  # each of them calls free(NULL)
        started.set()
        ended.wait()  # a team goes with the thread that started it

    threading.Thread(target=keep_a_team, name="idle OpenMP team", daemon=True).start()
    started.wait()
    _end_of_the_idle_team = ended


def spin_while_waiting() -> None:
    """As OpenMP does by itself."""
    global _end_of_the_idle_team
    if _end_of_the_idle_team:
        _end_of_the_idle_team.set()
        _end_of_the_idle_team = None


# Memory


@cache
def keep_memory() -> None:
    """Have glibc keep the memory that a round gives back: else Linux clears it anew in every round."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # an older glibc refuses more than 32 MB
        libc.mallopt(MMAP_THRESHOLD, GIGABYTE) or libc.mallopt(MMAP_THRESHOLD, 32 * 2**20)
        libc.mallopt(TRIM_THRESHOLD, GIGABYTE)
