"""Names under which students stand on a board: each knows the own one, and only the instructor knows all."""

import json
import secrets
from collections.abc import Iterable
from pathlib import Path

from gan_lab.files import whole
from gan_lab.runner.graded_folder import KEPT

COLOURS = [
    "Amber", "Azure", "Black", "Blue", "Bronze", "Copper", "Coral", "Golden", "Green", "Grey",
    "Indigo", "Ivory", "Jade", "Lilac", "Olive", "Orange", "Pearl", "Pink", "Purple", "Red",
    "Ruby", "Silver", "Violet", "White",
]  # fmt: skip
ANIMALS = [
    "Badger", "Bear", "Beaver", "Bison", "Crane", "Deer", "Dolphin", "Eagle", "Falcon", "Fox",
    "Hare", "Heron", "Horse", "Ibex", "Lion", "Lynx", "Otter", "Owl", "Panda", "Raven",
    "Seal", "Swan", "Tiger", "Whale", "Wolf",
]  # fmt: skip
GIVEN = "pseudonyms.json"  # {student: pseudonym}


def pseudonyms(students: Iterable[str], out: Path) -> dict[str, str]:
    """A pseudonym for each student, such as "Amber Heron", the same every time for one folder of grades.

    They are drawn, and kept in the folder: so a name does not tell its pseudonym, and who comes late takes nobody's.
    There are 600. Raises ValueError for more students than that, or if what is kept cannot be read.
    """
    students, file = list(students), out / KEPT / GIVEN
    given = read_given(file)
    new = sorted({*students} - {*given})
    free = [f"{colour} {animal}" for colour in COLOURS for animal in ANIMALS]
    free = [name for name in free if name not in given.values()]
    if len(new) > len(free):
        had = len(given) + len(new)
        raise ValueError(f"there are {had} students and {len(COLOURS) * len(ANIMALS)} pseudonyms: grade in two folders")
    for student in new:
        given[student] = secrets.choice(free)
        free.remove(given[student])
    if new:
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file) as part:
            part.write_text(json.dumps(given))
    return {student: given[student] for student in students}


def read_given(file: Path) -> dict[str, str]:
    """The pseudonyms that were given before. Raises ValueError, with the way out, if they cannot be read."""
    if not file.exists():
        return {}
    try:
        return {str(student): str(name) for student, name in json.loads(file.read_text()).items()}
    except (ValueError, AttributeError, RecursionError):
        raise ValueError(f"{file} cannot be read: delete it, and every student gets another pseudonym") from None
