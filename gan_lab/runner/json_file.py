"""A small file of JSON, read as the dataclass that it was written from."""

from pathlib import Path
from typing import TypeVar

from gan_lab.run_folder import TRAIN_AGAIN, DamagedFileError

Kind = TypeVar("Kind")


def read_json(file: Path, kind: type[Kind], way_out: str = TRAIN_AGAIN) -> Kind:
    """The file as a dataclass of this kind. Other versions wrote other files: what it does not know is passed over.

    A key that is missing takes its default. Raises DamagedFileError if the file is not JSON of this shape.
    """
    from pydantic import TypeAdapter, ValidationError  # slow to import

    try:
        return TypeAdapter(kind).validate_json(file.read_bytes(), strict=True)
    except ValidationError as error:
        flaw = error.errors()[0]
        place = ".".join(map(str, flaw["loc"][:2]))  # beyond stand the kinds that it could have been
        wrong = f"its {place} is {'missing' if flaw['type'] == 'missing' else 'of the wrong kind'}"
        whole = "it is cut off, or no JSON at all" if flaw["type"] == "json_invalid" else "it is no JSON object"
        raise DamagedFileError(file, wrong if place else whole, way_out) from None
    except OSError as error:
        raise DamagedFileError(file, f"it cannot be opened ({error.strerror})", way_out) from None
