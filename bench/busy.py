"""How much longer a training takes beside two other busy programs, in every way in which it can be started.

    python -m bench.busy        writes results/bench/busy_cpu.csv

The rounds are those of report B's DCGAN at notebook 01's size. They take turns: some alone, as many beside two Python
processes that never rest. The ratio is that of neighbouring turns, its median and quartiles. The first row is a process
that is not prepared (see gan_lab.process), as PyTorch comes.
"""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nbformat
import pandas as pd
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import gan_lab.training
from bench.limits import WARM_UP
from bench.steps import DEVICE, RESULTS, load, machine, quartiles, seconds
from bench.systems import SYSTEMS, play_rounds
from gan_lab.runner.run import run_notebook

TURNS = 15
ROUNDS = 10  # in a turn
WIDTH, BATCH = 0.5, 32  # notebook 01's
CELL = "import torch\nfrom bench.busy import turns\nprint(turns(prepared={}))"


def turns(prepared: bool) -> str:
    """As JSON, for each turn the seconds of a round alone and beside the others."""
    if not prepared:
        gan_lab.training.prepare = lambda: None
    (system,) = (replace(s, cpu_width=WIDTH, batch=BATCH) for s in SYSTEMS if s.name == "B1")
    rounds = play_rounds(system, load(size=system.size, channels=system.channels), DEVICE)
    seconds(rounds, WARM_UP)
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    found = []
    try:
        for _ in range(TURNS):
            for other in others:
                other.send_signal(signal.SIGSTOP)
            alone = seconds(rounds, ROUNDS)
            for other in others:
                other.send_signal(signal.SIGCONT)
            found.append((alone, seconds(rounds, ROUNDS)))
    finally:
        for other in others:
            other.kill()
            other.wait()
    return json.dumps(found)


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


WAYS: tuple[tuple[str, Callable[[str], str], bool], ...] = (
    ("python, not prepared", in_python, False),
    ("python", in_python, True),
    ("a kernel", in_a_kernel, True),
    ("gan-lab run", by_gan_lab_run, True),
)


def main() -> None:
    print(machine())
    table = []
    for name, start, prepared in WAYS:
        times = pd.DataFrame(json.loads(start(CELL.format(prepared))), columns=["alone", "busy"])
        row = {"started": name, "turns": len(times), "round alone s": times["alone"].median()}
        row |= {"round busy s": times["busy"].median()} | quartiles("ratio", times["busy"] / times["alone"])
        print(
            f"{name:22} {row['ratio']:.2f} times as long ({row['ratio low']:.2f} to {row['ratio high']:.2f})",
            flush=True,
        )
        table.append(row | {"machine": machine()})
    pd.DataFrame(table).to_csv(RESULTS / "busy_cpu.csv", index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
