"""Notebooks of a line or two, for the tests of what runs notebooks."""

from pathlib import Path

import nbformat
from nbformat import v4

PARAMETERS = """\
epochs: int = 3  # passes over the data [at least 1]
rate: float = 0.5  # step size [above 0, at most 1]
device: str = "auto"  # where to train [one of auto, cpu]
data_dir: str = ""  # the images; "" is the digits [a folder, or one of MNIST, KMNIST]
batch_size: int = 8  # images a step [at least 1, at most the images in data_dir]
quick: bool = False  # do less
seed: int = 0
run_dir: str = ""  # where the run is kept
"""


def write_notebook(file: Path, *cells: str, parameters: str = PARAMETERS) -> Path:
    """A notebook with a title, a parameters cell, and these cells of code."""
    notebook = v4.new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
        cells=[
            v4.new_markdown_cell("# A tiny notebook\n\nIt says little."),
            v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
            *map(v4.new_code_cell, cells),
        ],
    )
    nbformat.write(notebook, file)
    return file
