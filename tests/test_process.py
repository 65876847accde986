"""What a process does to wait without spinning and to keep its memory: seen from outside, in processes of their own."""

import os
import subprocess
import sys

import pytest

from gan_lab import process

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is done")
IN_A_NOTEBOOK = """
import psutil, threading, torch  # torch is there first
me = psutil.Process()
def given_back():
    taken = torch.ones(2**24)
    full = me.memory_info().rss
    del taken
    return (full - me.memory_info().rss) // 2**20
at_first, threads = given_back(), me.num_threads()
"""
OURS = "print([thread.name for thread in threading.enumerate()].count('idle OpenMP team'))"


def printed(program: str, threads: int) -> list[int]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": str(threads)}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return [int(number) for number in ran.stdout.split()]


@linux
def test_openmp_gets_more_threads_than_there_are_cpus_so_none_spins_and_64_mb_that_are_given_back_stay() -> None:
    prepared = "from gan_lab.process import prepare; prepare()\n"
    counts = "print(at_first, given_back(), me.num_threads() - threads)"
    at_first, then, more = printed(IN_A_NOTEBOOK + prepared + counts, 2)
    idle = more - 1  # without the one that started them, which OpenMP does not count
    assert 2 + idle > (os.cpu_count() or 1)
    assert at_first > 60 and then < 4


@linux
def test_a_game_prepares_its_process_once() -> None:
    assert printed(f"{IN_A_NOTEBOOK}from small_game import small_game; small_game(), small_game(); {OURS}", 2) == [1]


@linux
def test_one_thread_waits_for_nobody_and_gets_no_company() -> None:
    assert printed(f"{IN_A_NOTEBOOK}from gan_lab.process import prepare; prepare(); {OURS}", 1) == [0]


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_nothing_is_done(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(process, "ctypes", None)  # what anything would be done with
    process.prepare.__wrapped__()
