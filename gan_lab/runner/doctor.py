"""Whether this machine can run the course, how fast, and what to do about what is wrong."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from dask.system import CPU_COUNT
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

PACKAGES = (
    "gan-lab",
    "torch",
    "torchvision",
    "lightning-fabric",
    "jupyterlab",
    "ipykernel",
    "papermill",
    "distributed",
)
GIGABYTE = 1e9
SET_UP = "Set the environment up again: make run, or uv sync."


class Finding(NamedTuple):
    """One thing that was looked at."""

    check: str
    found: str
    state: str  # good, note (it works, and could be better) or broken
    remedy: str = ""


def examine(seconds: float = 10.0, folder: str | Path = ".") -> pd.DataFrame:
    """One row a check: what was found, whether it is good, and what to do if it is not.

    A training step is timed for that many seconds; the disk is the one of the folder that runs will be kept in.
    """
    python = Finding("Python", f"{platform.python_version()} at {sys.executable}", "good")
    findings = [python, *packages(), kernel(), video(), disk(Path(folder)), *training(seconds)]
    return pd.DataFrame(findings)


def packages() -> Iterator[Finding]:
    for package in PACKAGES:
        try:
            yield Finding(package, version(package), "good")
        except PackageNotFoundError:
            yield Finding(package, "missing", "broken", SET_UP)


def kernel() -> Finding:
    """Notebooks ask for the kernel "python3"; another Python's, installed for the user, would take its place."""
    try:
        starts = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Finding("kernel", "there is no kernel python3", "broken", SET_UP)
    if shutil.which(starts) is None:
        return Finding("kernel", f"it starts {starts}, which does not exist", "broken", SET_UP)
    if Path(starts).is_absolute() and Path(starts).parent != Path(sys.executable).parent:
        remedy = "Remove it: jupyter kernelspec remove python3. The one of this environment then takes its place."
        return Finding("kernel", f"it starts another Python, {starts}", "broken", remedy)
    return Finding("kernel", "python3, of this environment", "good")


def video() -> Finding:
    try:
        import imageio_ffmpeg

        return Finding("animations", f"ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}", "good")
    except (ImportError, RuntimeError):
        return Finding("animations", "there is no ffmpeg", "broken", SET_UP)


def disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free / GIGABYTE
    found = f"{free:.1f} GB free in {folder.resolve()}"
    if free < 0.5:
        return Finding("disk", found, "broken", "Free some space: a run of report A's networks takes half a gigabyte.")
    if free < 5:
        return Finding("disk", found, "note", "Enough for a few runs; a sweep may need more.")
    return Finding("disk", found, "good")


def training(seconds: float) -> Iterator[Finding]:
    """Load the data and train, in a process of its own."""
    command = [sys.executable, "-m", "gan_lab.measure.speed", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        yield Finding("training", said[-1], "broken", f"Run {' '.join(command)} to see all of it. {SET_UP}")
        return
    found = json.loads(done.stdout.splitlines()[-1])
    yield Finding("data", f"{found['images']} bundled digits in {found['classes']} classes", "good")
    yield device(found["device"])
    yield threads(found["threads"])
    step = found["seconds_a_round"]
    speed = f"{step:.3f} s a round of B1, {step * found['rounds_an_epoch']:.0f} s an epoch at full width"
    if step > 1:
        yield Finding("speed", speed, "note", "Make the networks narrower (-p width 0.5), or use a GPU.")
    else:
        yield Finding("speed", speed, "good")


def device(name: str) -> Finding:
    if name != "cpu":
        return Finding("device", name, "good")
    if shutil.which("nvidia-smi"):
        remedy = "There is an NVIDIA driver, but this PyTorch does not use it: install a CUDA build of PyTorch."
        return Finding("device", "the CPU", "note", remedy)
    return Finding(
        "device", "the CPU", "good", "Enough for every notebook as it stands; the reports' sizes want a GPU."
    )


def threads(number: int) -> Finding:
    found = f"{number} of {CPU_COUNT} cores"
    limit = os.environ.get("OMP_NUM_THREADS")
    if number < CPU_COUNT and limit:
        return Finding("threads", found, "note", f"OMP_NUM_THREADS={limit} holds training back: unset it.")
    return Finding("threads", found, "good")
