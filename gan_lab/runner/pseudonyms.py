"""Names under which students stand on a board: each knows the own one, and only the instructor knows all."""

import hmac
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
KEY = "pseudonyms"


def pseudonyms(students: Iterable[str], out: Path) -> dict[str, str]:
    """A pseudonym for each student, such as "Amber Heron", the same every time for one folder of grades.

    They come from the names and a key that is drawn once and kept in the folder: so nobody finds out another's who has
    not that file. Of two students that fall on one pseudonym the second takes the next; there are 600.
    Raises ValueError for more students than that.
    """
    key, names = _key(out), [f"{colour} {animal}" for colour in COLOURS for animal in ANIMALS]
    digests = {hmac.digest(key, student.encode(errors="replace"), "sha256"): student for student in students}
    if len(digests) > len(names):
        raise ValueError(f"there are {len(digests)} students and {len(names)} pseudonyms: grade them in two folders")
    found: dict[str, str] = {}
    for digest, student in sorted(digests.items()):
        number = int.from_bytes(digest[:8])
        in_turn = (names[(number + k) % len(names)] for k in range(len(names)))
        found[next(name for name in in_turn if name not in found)] = student
    return {student: name for name, student in found.items()}


def _key(out: Path) -> bytes:
    """The key in a folder of grades; drawn anew if there is none."""
    file = out / KEPT / KEY
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file) as part:
            part.write_text(secrets.token_hex(32))
    return file.read_bytes()
