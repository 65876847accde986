"""What is lost when a training or a sweep is killed, a disk is full, or a file is damaged: it should be nothing.

    python -m bench.reliability --out DIR                  all of it; writes DIR/reliability.csv
    python -m bench.reliability --out DIR --kills 20       a part

The table is written after each trial; where it is interrupted, the same command goes on. Without --out it goes on with
results/bench/reliability.csv, so remove that first if you want it measured anew.

Each trial spoils a small training in a way and at a moment that `--seed` draws, then starts it again as a user would.
It *survived* if it ends with the same bits as a training that nobody touched: weights, optimisers, tables, pictures.
(A damaged picture stays damaged: nobody reads it again.)
It was *refused* if it does not go on, but says which file is at fault and leaves all files as they are.
All else is *lost*. Needs a system with fork, and full disks the right to mount one.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import nbformat
import pandas as pd
import psutil
import torch
from lightning_fabric import Fabric

from gan_lab.checkpoint import Checkpoint
from gan_lab.data.images import ImageSet, load_images
from gan_lab.files import whole
from gan_lab.losses import NonSaturating
from gan_lab.networks import dcgan32
from gan_lab.owner import LOCK, OWNER
from gan_lab.run_folder import CHECKPOINT, EPOCHS, RECIPE, ROUNDS, pictures, read_table
from gan_lab.runs import Run
from gan_lab.training import Game, play, sample

RESULTS = Path(__file__).parents[1] / "results" / "bench"
EPOCHS_PLAYED = 4
DISK = 2_200_000  # bytes; a training needs fewer
COUNTED = ["tried", "survived", "refused", "lost"]
IMAGES = load_images(size=32)
FEW = ImageSet(IMAGES.pixels[::16], IMAGES.labels[::16], IMAGES.classes, "few")


def train(run_dir: str | Path, seed: int = 0) -> None:
    """A training that takes a second."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    G, D = dcgan32.Generator(width=0.05), dcgan32.Discriminator(width=0.05)
    optimisers = [torch.optim.Adam(player.parameters(), lr=4e-4, betas=(0.5, 0.999)) for player in (G, D)]
    game = Game(G, D, NonSaturating(), *optimisers, fabric=Fabric(accelerator="cpu", devices=1))
    run = Run("B1", game, FEW, run_dir, batch_size=16, seed=seed)
    z = torch.randn(4, game.z_dim, generator=torch.Generator().manual_seed(1))
    for epoch in run.epochs(EPOCHS_PLAYED):
        for played in play(game, FEW, batch_size=16, epoch=epoch, seed=seed):
            run.log(played)
        run.picture(sample(game, z))
        run.save()


def outcome(run: Path) -> str:
    """A digest of all that a training left, but for its seconds. Raises an error if that is not whole."""
    checkpoint = Checkpoint.read(run / CHECKPOINT)
    tables = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in read_table(run / n)] for n in (ROUNDS, EPOCHS)
    ]
    recipe = {k: v for k, v in json.loads((run / RECIPE).read_text()).items() if k != "environment"}
    digest = hashlib.sha256(json.dumps([checkpoint.epoch, checkpoint.run, tables, recipe]).encode())
    for value in leaves(checkpoint.states):
        digest.update(value.numpy().tobytes() if isinstance(value, torch.Tensor) else repr(value).encode())
    for picture in pictures(run):
        digest.update(picture.read_bytes())
    return digest.hexdigest()


def leaves(tree: object) -> Iterator[object]:
    if isinstance(tree, dict | list | tuple):
        for key in sorted(tree, key=str) if isinstance(tree, dict) else range(len(tree)):
            yield from leaves(tree[key])  # type: ignore[index]
    else:
        yield tree


def in_a_child(folder: Path, kill_after: float = 600) -> str | None:
    """Train below the folder in a process of its own, which is killed after that many seconds.

    "" if it ended well, what it complained of if it did not, None if it was killed.
    """
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with contextlib.redirect_stdout(None):
                    train(folder)
                code = 0
            except BaseException as error:
                said.write("".join(traceback.format_exception_only(error)))
                said.flush()
            finally:
                os._exit(code)
        end = time.monotonic() + kill_after
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                said.seek(0)
                return said.read() if status else ""
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None


def verdict(folder: Path, untouched: str) -> str:
    """What becomes of the training if it is started again."""
    before = contents(folder)
    complaint = in_a_child(folder)
    if complaint:
        one_sentence = str(folder / "B1") in complaint and complaint.count("\n") == 1
        return "refused" if one_sentence and contents(folder) == before else f"lost: {complaint}"
    runs = [place.parent for place in folder.glob(f"*/{CHECKPOINT}") if "~" not in place.parent.name]
    return "survived" if untouched in map(outcome, runs) else "lost: other bits"


def contents(folder: Path) -> dict[str, bytes]:
    files = [file for file in folder.rglob("*") if file.is_file() and file.name not in (LOCK, OWNER)]
    return {str(file): file.read_bytes() for file in files if not file.name.startswith(".part-")}


# What is done to a training. untouched: the outcome of one that nobody touched.  length: the seconds that it takes.


def kill(folder: Path, luck: random.Random, untouched: str, length: float) -> str:
    """Killed up to three times, each at a random moment."""
    for _ in range(3):
        if in_a_child(folder, kill_after=luck.uniform(0, length)) is not None:
            break
    return verdict(folder, untouched)


def fill_the_disk(folder: Path, luck: random.Random, untouched: str, length: float) -> str:
    """On a disk that is full at a random byte, and then has room again."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={luck.randrange(4096, DISK)}", "none", folder], check=True)
    try:
        complaint = in_a_child(folder)
        if complaint and f"No space left on device: '{folder}/B1/" not in complaint:
            return f"lost: {complaint}"
        subprocess.run(["mount", "-o", "remount,size=100m", folder], check=True)
        return verdict(folder, untouched)
    finally:
        subprocess.run(["umount", folder], check=True)


def damage(folder: Path, luck: random.Random, untouched: str, length: float) -> str:
    """Killed once, and then a random file of it deleted, emptied, cut, changed in a bit, or grown."""
    in_a_child(folder, kill_after=luck.uniform(length / 2, length))
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name not in (LOCK, OWNER))
    if not files:
        return verdict(folder, untouched)
    file = luck.choice(files)
    held = file.read_bytes()
    at = luck.randrange(len(held)) if held else 0
    how = luck.choice(["deleted", "emptied", "cut", "changed", "grown"])
    if how == "deleted":
        file.unlink()
    else:
        changed = held[:at] + bytes([held[at] ^ (1 << luck.randrange(8))]) + held[at + 1 :] if held else b""
        spoilt = {"emptied": b"", "cut": held[:at], "changed": changed, "grown": held + b"more"}
        file.write_bytes(spoilt[how])
    if file.suffix == ".png":  # nobody reads it again, so it stays as it is: what else there is has to be the same
        if in_a_child(folder) != "":
            return "lost: a picture keeps a training from its end"
        file.write_bytes(held)
    found = verdict(folder, untouched)
    return found if "lost" not in found else f"{found} ({file.name} {how} at {at})"


# And to a sweep


def kill_sweep(folder: Path, luck: random.Random, untouched: dict[str, str], length: float) -> str:
    """Killed at a random moment, its command alone; then started again."""
    command = sweep_command(folder)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder) as sweep:
        with contextlib.suppress(subprocess.TimeoutExpired):
            sweep.wait(luck.uniform(0, length))
        sweep.kill()
    end = time.monotonic() + 60
    while left_running(folder):
        if time.monotonic() > end:
            return f"lost: still running {left_running(folder)}"
        time.sleep(0.2)
    again = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if again.returncode:
        return f"lost: {again.stdout[-1000:]}{again.stderr[-1000:]}"
    return "survived" if sweep_outcome(folder) == untouched else "lost: other bits"


def sweep_command(folder: Path) -> list[str]:
    """A sweep of four trainings, two at a time."""
    notebook = folder / "small.ipynb"
    cells = [
        nbformat.v4.new_markdown_cell("# A small training"),
        nbformat.v4.new_code_cell('seed: int = 0\nrun_dir: str = ""', metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("from bench.reliability import train\ntrain(run_dir, seed)"),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), notebook)
    command = [sys.executable, "-m", "gan_lab.runner.cli", "sweep", str(notebook)]
    return [*command, "--grid", "seed=0,1,2,3", "--jobs", "2", "--out", str(folder / "sweep")]


def sweep_outcome(folder: Path) -> dict[str, str]:
    return {run.parent.parent.name: outcome(run.parent) for run in folder.glob(f"sweep/*/B1/{CHECKPOINT}")}


def left_running(folder: Path) -> list[str]:
    """The processes that work in the folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(folder) in " ".join(process.cmdline()) or process.cwd().startswith(str(folder)):
                found.append(process.name())
    return found


def tried(what: str, trials: int, trial: Callable[[Path, random.Random], str], seed: int, table: Path) -> None:
    """Try until there are that many, each in an empty folder: how many survived, were refused, and were lost.

    The table is written after each trial, and what it holds already is not tried again.
    """
    rows = pd.read_csv(table, index_col="what") if table.exists() else pd.DataFrame(columns=COUNTED)
    rows.index.name = "what"
    counts = Counter(rows.loc[what].astype(int).to_dict()) if what in rows.index else Counter()
    for i in range(counts["tried"], trials):
        folder = Path(tempfile.mkdtemp(prefix="reliability-")).resolve()
        found = trial(folder, random.Random(f"{seed} {what} {i}"))
        counts.update(["tried", found.partition(":")[0]])
        if found.startswith("lost"):
            print(f"{what}, trial {i}: {found}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        rows.loc[what] = [counts[word] for word in COUNTED]
        with whole(table) as part:
            rows.astype(int).to_csv(part)
    print(what, dict(counts), flush=True)


def timed(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = {"kills": 200, "disks": 60, "damages": 200, "sweeps": 50}
    for name in numbers:
        parser.add_argument(f"--{name}", type=int, help=f"trials, {numbers[name]} if none of the four is given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS, help="the folder of reliability.csv")
    asked = parser.parse_args(arguments)
    given = {name: getattr(asked, name) for name in numbers}
    if not any(given.values()):
        given = numbers

    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    torch.set_num_threads(1)  # a process with a team of threads cannot be forked
    asked.out.mkdir(parents=True, exist_ok=True)
    table = asked.out / "reliability.csv"
    with tempfile.TemporaryDirectory() as name:
        length = timed(lambda: in_a_child(Path(name)))
        untouched = outcome(Path(name, "B1"))
    trainings = {"kills": ("killed trainings", kill), "disks": ("full disks", fill_the_disk)}
    trainings["damages"] = ("damaged files", damage)
    for kind, (what, spoil) in trainings.items():
        if given[kind]:
            tried(what, given[kind], partial(spoil, untouched=untouched, length=length), asked.seed, table)
    if given["sweeps"]:
        folder = Path(tempfile.mkdtemp(prefix="reliability-")).resolve()
        command = sweep_command(folder)
        length = timed(lambda: subprocess.run(command, check=True, capture_output=True, cwd=folder))
        trial = partial(kill_sweep, untouched=sweep_outcome(folder), length=length)
        tried("killed sweeps", given["sweeps"], trial, asked.seed, table)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
