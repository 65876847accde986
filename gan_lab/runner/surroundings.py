"""The environment and the arguments that a notebook's kernel gets, whoever started it."""

import os

ARGUMENTS = ["--IPKernelApp.log_level=ERROR", "--Session.packer=gan_lab.runner.packed.packed"]


def surroundings(**more: str) -> dict[str, str]:
    """The caller's variables, without those that would change what a notebook shows, and `more` of them.

    MPLBACKEND, which clusters and editors set, would take the pictures out of the notebook. And without the other one
    each kernel prints a debugger's warning.
    """
    kept = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    return {**kept, "PYDEVD_DISABLE_FILE_VALIDATION": "1", **more}
