"""Where the course's own files lie: the digits, the tables, the notebooks and their parameters.

In a clone they are top-level folders. A wheel carries the same folders inside the package, in `shipped`, so that an
installed gan-lab needs no clone.
"""

from importlib.resources import files
from pathlib import Path


def shipped(name: str) -> Path:
    """The place of that file or folder: "data/digits", "results", "notebooks/01_dcgan.ipynb". It need not be there."""
    package = Path(str(files("gan_lab")))
    inside = package / "shipped"
    return (inside if inside.is_dir() else package.parent) / name


DIGITS = shipped("data/digits")  # what data_dir = "" stands for
RESULTS = shipped("results")
