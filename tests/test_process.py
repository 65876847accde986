"""What a process does to wait without spinning and to keep its memory: seen from outside, in processes of their own."""

import os
import subprocess
import sys
import time

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


def printed(program: str, threads: int) -> list[int]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": str(threads)}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return [int(number) for number in ran.stdout.split()]


@linux
def test_64_mb_that_are_given_back_stay() -> None:
    prepared = "from gan_lab.process import prepare; prepare()\n"
    at_first, then = printed(IN_A_NOTEBOOK + prepared + "print(at_first, given_back())", 2)
    assert at_first > 60 and then < 4


@linux
def test_to_sleep_openmp_gets_more_threads_than_there_are_cpus_and_to_spin_it_loses_them() -> None:
    program = """
from gan_lab.process import sleep_while_waiting, spin_while_waiting
import time
for choose in (sleep_while_waiting, sleep_while_waiting, spin_while_waiting, spin_while_waiting, sleep_while_waiting):
    choose()
    time.sleep(0.2)
    print(me.num_threads() - threads)
"""
    more = printed(IN_A_NOTEBOOK + program, 2)
    idle = more[0] - 1  # without the one that started them, which OpenMP does not count
    assert 2 + idle > (os.cpu_count() or 1)
    assert more == [idle + 1, idle + 1, 0, 0, idle + 1]


@linux
@pytest.mark.parametrize(
    ("others", "sleep"),
    [
        pytest.param(0.0, False, id="alone"),
        pytest.param(0.4, False, id="beside a little"),
        pytest.param(1.0, True, id="beside one"),
        pytest.param(2.0, True, id="beside two"),
    ],
)
def test_two_threads_on_two_cores_sleep_where_others_need_a_core(others, sleep, machine) -> None:
    machine(threads=2, cores=2, others=others)
    process.wait_as_others_allow()
    assert machine.chosen == ["sleep" if sleep else "spin"]


@linux
@pytest.mark.parametrize(("threads", "cores", "chosen"), [(4, 8, ["spin"]), (8, 8, ["sleep"]), (1, 8, [])])
def test_beside_two_others_it_depends_on_the_cores_that_are_left(threads, cores, chosen, machine) -> None:
    machine(threads=threads, cores=cores, others=2.0)
    process.wait_as_others_allow()
    assert machine.chosen == chosen


@linux
def test_it_is_asked_again_after_a_second_about_that_time_alone(machine) -> None:
    machine(threads=2, cores=2, others=2.0)
    process.wait_as_others_allow()
    machine(threads=2, cores=2, others=0.0)
    process.wait_as_others_allow()  # too soon
    assert machine.chosen == ["sleep"]
    machine.now += 5
    process.wait_as_others_allow()
    assert machine.chosen == ["sleep", "spin"]


@pytest.fixture
def machine(monkeypatch):
    """A machine on which others take so many cores, and we one; it keeps what was chosen."""

    class Machine:
        now, cores_taken, chosen = 100.0, 50.0, []

        def __call__(self, threads: int, cores: int, others: float) -> None:
            self.others = others
            monkeypatch.setattr(process.torch, "get_num_threads", lambda: threads)
            monkeypatch.setattr(process.os, "sched_getaffinity", lambda _: set(range(cores)))

        def taken(self) -> process.Taken:
            self.cores_taken += (self.others + 1) * (self.now - getattr(self, "last", self.now))
            self.last = self.now
            return process.Taken(self.now, self.cores_taken, self.now)

        def sleep(self, seconds: float) -> None:
            self.now += seconds

    machine = Machine()
    machine.chosen = []
    monkeypatch.setattr(process, "_last", None)
    monkeypatch.setattr(process, "taken", machine.taken)
    monkeypatch.setattr(process.time, "sleep", machine.sleep)
    monkeypatch.setattr(process.time, "monotonic", lambda: machine.now)
    for name in ("sleep", "spin"):
        monkeypatch.setattr(process, f"{name}_while_waiting", lambda name=name: machine.chosen.append(name))
    return machine


def test_what_others_take_is_counted_on_the_cores_that_are_ours(monkeypatch, tmp_path) -> None:
    of_all, idle = "cpu 700 0 0 9 0 0 0 0 0 0", "cpu0 600 0 0 9 0 0 0 0 0 0"
    ours = "cpu1 10 20 30 9 9 1 2 3 99 99"  # user, nice, system, idle, waiting, interrupts, soft ones, stolen, guests
    (tmp_path / "stat").write_text("\n".join([of_all, idle, ours, "intr 17 0", "ctxt 4", ""]))
    monkeypatch.setattr(process, "STAT", tmp_path / "stat")
    monkeypatch.setattr(process.os, "sched_getaffinity", lambda _: {1}, raising=False)
    monkeypatch.setattr(process.os, "sysconf", lambda _: 100, raising=False)
    assert process.taken().cores == pytest.approx(0.66)


@linux
def test_what_another_process_takes_is_told_from_what_we_take() -> None:
    busy = "import time\nend = time.process_time() + 1\nwhile time.process_time() < end: pass"
    before = process.taken()
    subprocess.run([sys.executable, "-c", busy], check=True)
    between = process.taken()
    end = time.process_time() + 1
    while time.process_time() < end:
        pass
    after = process.taken()
    assert between.cores - before.cores > 0.9
    assert between.ours - before.ours < 0.5
    assert after.ours - between.ours >= 1
    assert after.cores - between.cores > 0.9


@linux
def test_every_epoch_asks() -> None:
    program = """
from gan_lab import training
from small_game import small_game, small_images
asked = []
training.prepare = lambda: asked.append(1)
game = small_game()
for epoch in range(3):
    list(training.play(game, small_images(), batch_size=4, epoch=epoch))
print(len(asked))
"""
    assert printed(program, 2) == [3]


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_nothing_is_done(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(process, "ctypes", None)  # what anything would be done with
    process.prepare()
