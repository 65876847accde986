"""What `gan-lab grade` writes, and `gan-lab board` reads: the names of the files."""

from pathlib import Path

TABLE = "grades.csv"  # a row for each answer
KEPT = ".kept"  # what is not graded twice, and who has which pseudonym
STUDENTS = "students"  # the folder of their pages
SAMPLES = "samples.npy"  # what a student's notebook drew for the board
NO_SAMPLES = "no_samples.txt"  # or why there is nothing


def place(out: Path, student: str) -> Path:
    """The folder of a student, with the page."""
    return out / STUDENTS / student


def why_none(folder: Path) -> str:
    """Why there is nothing of the student with this folder on the board; "" if there is, or if nothing was meant."""
    try:
        return (folder / NO_SAMPLES).read_text(encoding="utf-8", errors="replace")[:1000]
    except OSError:
        return ""
