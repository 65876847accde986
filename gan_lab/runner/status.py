"""What became of one execution of a notebook: a small file in its folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from gan_lab.files import whole
from gan_lab.run_folder import STATUS, Scalar


@dataclass(frozen=True)
class Failure:
    """Why a notebook did not reach its end."""

    what: str  # "ValueError: ...", "the kernel died"
    cell: int = 0  # its number as Jupyter shows it, In [cell]; 0 if no cell had begun
    source: str = ""
    traceback: str = ""

    def __str__(self) -> str:
        return f"cell [{self.cell}]: {self.what}" if self.cell else self.what


@dataclass(frozen=True)
class Status:
    """The state of an execution: waiting, running, done, failed or interrupted.

    A process that is killed has no time to say so: what it was doing stays `running`.
    """

    state: str
    notebook: str  # its name without .ipynb
    parameters: dict[str, Scalar]
    attempt: int = 1
    seconds: float = 0.0
    failure: Failure | None = None
    notebook_digest: str = ""  # of the code in its cells; "" if it was not kept
    code: str = ""  # the version of this package, and a digest of its source; "" if it was not kept

    def write(self, folder: Path) -> None:
        """Put it into the folder, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        with whole(folder / STATUS) as part:
            part.write_text(json.dumps(asdict(self), indent=2) + "\n")

    @staticmethod
    def read(folder: Path) -> "Status | None":
        """The folder's status, None if no notebook was executed into it."""
        file = folder / STATUS
        if not file.exists():
            return None
        kept = json.loads(file.read_text())
        failure = Failure(**kept.pop("failure")) if kept["failure"] else None
        return Status(**{**kept, "failure": failure})

    @staticmethod
    def kept(folder: Path) -> "Status":
        """The status of a folder in which a notebook is being executed. Raises FileNotFoundError if it is gone."""
        status = Status.read(folder)
        if status is None:
            raise FileNotFoundError(
                f"{folder / STATUS} is gone: the folder was deleted while its notebook ran. Start it again"
            )
        return status
