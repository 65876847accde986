"""How a kernel writes its messages, so that a character which no file can hold loses only itself."""

import json
from typing import Any

from jupyter_client.jsonutil import json_default
from jupyter_client.session import json_packer


def packed(message: Any) -> bytes:
    """The message as JSON in UTF-8, with "?" for half of a surrogate pair, as cut text and odd file names have it.

    Jupyter's own packer raises there, and all that the cell has printed is lost without a word.
    """
    try:
        return json_packer(message)
    except UnicodeEncodeError:
        return json.dumps(message, default=json_default, ensure_ascii=False).encode(errors="replace")
