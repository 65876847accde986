"""How much longer a training takes beside two other busy programs, in every way in which it can be started.

    python -m bench.busy        writes results/bench/busy_cpu.csv

The rounds are those of the course's GAN with labels, a small network. They take turns: some alone, as many beside two
Python processes that never rest. The ratio is that of neighbouring turns, its median and quartiles. In the first row
the threads always spin while they wait, as PyTorch comes, in the second they always sleep (see gan_lab.process); in the
others they do what suits the moment. A turn begins when they have had time to find that out.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pandas as pd
import torch
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import gan_lab.training
from bench.limits import WARM_UP
from bench.recipes import course
from bench.steps import RESULTS, machine, quartiles, seconds
from gan_lab import process
from gan_lab.data.images import load_images
from gan_lab.files import whole
from gan_lab.runner.run import run_notebook

TURNS = 7
ROUNDS = 40  # in a turn
CELL = "from bench.busy import turns\nprint(turns({!r}))"
PREPARED = {"spin": lambda: None, "sleep": process.sleep_while_waiting, "as others allow": process.prepare}


def turns(wait: str) -> str:
    """As JSON, for each turn the seconds of a round alone and beside the others."""
    gan_lab.training.prepare = PREPARED[wait]
    rounds = course.labels(load_images(size=course.SIZE), 0).rounds
    seconds(rounds, WARM_UP)
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    found = []
    try:
        for _ in range(TURNS):
            for other in others:
                other.send_signal(signal.SIGSTOP)
            alone = settled(rounds)
            for other in others:
                other.send_signal(signal.SIGCONT)
            found.append((alone, settled(rounds)))
    finally:
        for other in others:
            other.kill()
            other.wait()
    return json.dumps(found)


def settled(rounds: Iterator[object]) -> float:
    """Seconds of a round, after the process has looked at what others take."""
    for _ in range(2):
        time.sleep(process.AGAIN)
        gan_lab.training.prepare()
    return seconds(rounds, ROUNDS)


def in_python(cell: str) -> str:
    return subprocess.run([sys.executable, "-c", cell], check=True, stdout=subprocess.PIPE, text=True).stdout


def notebook(cell: str) -> nbformat.NotebookNode:
    cells = [new_markdown_cell("# Busy"), new_code_cell("", metadata={"tags": ["parameters"]}), new_code_cell(cell)]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": spec})


def printed(executed: nbformat.NotebookNode) -> str:
    return str(executed.cells[-1].outputs[0].text)


def in_a_kernel(cell: str) -> str:
    return printed(NotebookClient(notebook(cell), extra_arguments=["--IPKernelApp.log_level=ERROR"]).execute())


def by_gan_lab_run(cell: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "busy.ipynb")
        nbformat.write(notebook(cell), file)
        return printed(nbformat.read(run_notebook(file, out=Path(folder, "out"), progress=False) / file.name, 4))


WAYS: tuple[tuple[str, Callable[[str], str], str], ...] = (
    ("python, threads spin", in_python, "spin"),
    ("python, threads sleep", in_python, "sleep"),
    ("python", in_python, "as others allow"),
    ("a kernel", in_a_kernel, "as others allow"),
    ("gan-lab run", by_gan_lab_run, "as others allow"),
)


def main() -> None:
    print(machine(torch.device("cpu")))
    os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent)  # for kernels that work elsewhere
    table = []
    for name, start, wait in WAYS:
        times = pd.DataFrame(json.loads(start(CELL.format(wait))), columns=["alone", "busy"])
        row = {"started": name, "turns": len(times), "round alone s": times["alone"].median()}
        row |= {"round busy s": times["busy"].median()} | quartiles("ratio", times["busy"] / times["alone"])
        print(
            f"{name:22} {row['ratio']:.2f} times as long ({row['ratio low']:.2f} to {row['ratio high']:.2f})",
            flush=True,
        )
        table.append(row | {"machine": machine(torch.device("cpu"))})
    with whole(RESULTS / "busy_cpu.csv") as part:
        pd.DataFrame(table).to_csv(part, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
