"""The command `gan-lab` before its first import: says what to install where the extra [course] is missing."""

import sys
from importlib.util import find_spec

# What this room imports and a kernel with the core alone need not have.
COURSE = (
    *("bs4", "cryptography", "distributed", "jinja2", "jupytext", "math_core", "nbclient"),
    *("nbconvert", "nbformat", "nh3", "papermill", "psutil", "pydantic", "tqdm", "typer"),
)


def main() -> None:
    """Run the command line. Ends with exit code 1 and one sentence if packages of the extra are missing."""
    missing = [package for package in COURSE if find_spec(package) is None]
    if missing:
        sys.exit(
            f'gan-lab needs its extra [course] ({", ".join(missing)}): pip install "WHERE[course]", '
            "where WHERE is the wheel or the clone that gan-lab came from."
        )
    from gan_lab.runner.cli import app

    app()
