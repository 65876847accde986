"""papermill's engine, with a bound on what is kept of a cell's output: a cell that prints for ever fills no memory."""

import re
from typing import Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine
from papermill.log import logger

KEPT = 20 * 10**6  # characters of a cell's output: its words, and its pictures as text
PIECE = 10**5  # characters; words that come one after the other are joined up to here
OVERWRITTEN = re.compile(r".*\r(?=[^\n])")  # a line that a progress bar has drawn anew
LEFT_OUT = "\n… This cell said more, which was left out.\n"


class BoundedClient(PapermillNotebookClient):  # type: ignore[misc]
    """A client that keeps of a cell's output no more than KEPT, and says so once."""

    cell, said = -1, 0  # how much of that cell's output is kept

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        """Keep what the kernel says, joined to what it said before, if there is room; a traceback is kept always."""
        if cell_index != self.cell:
            self.cell, self.said = cell_index, 0
        if msg["msg_type"] == "error":
            return super().output(outs, msg, display_id, cell_index)
        content, room = msg["content"], KEPT - self.said
        if room <= 0:
            return None
        words = content["text"] if msg["msg_type"] == "stream" else ""
        size = len(words) or length(content)
        self.said += size
        if size >= room:
            said = {"name": "stdout", "text": words[:room] + LEFT_OUT}
            msg = {**msg, "msg_type": "stream", "header": {**msg["header"], "msg_type": "stream"}, "content": said}
            return super().output(outs, msg, None, cell_index)
        hooked = self.output_hook_stack[msg["parent_header"].get("msg_id")]
        if words and outs and not hooked and not self.clear_before_next_output:
            last = outs[-1]
            if last.output_type == "stream" and last.name == content["name"] and len(last.text) < PIECE:
                joined = last.text + words
                last.text = OVERWRITTEN.sub("", joined)
                self.said -= len(joined) - len(last.text)
                return None
        return super().output(outs, msg, display_id, cell_index)

    def clear_output(self, outs: list[Any], msg: dict[str, Any], cell_index: int) -> None:
        """What a cell clears, a live view its last picture, counts no more."""
        self.said = 0
        super().clear_output(outs, msg, cell_index)


class BoundedEngine(NBClientEngine):  # type: ignore[misc]
    """papermill's own engine, with that client."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **how: Any) -> None:
        """Execute the cells; `how` is for nbclient, but for what papermill tells its engines."""
        for ours in ("input_path", "log_output", "stdout_file", "stderr_file"):
            how.pop(ours, None)
        start = how.pop("start_timeout")
        BoundedClient(nb_man, kernel_name=kernel_name, startup_timeout=start, log=logger, **how).execute()


def length(content: Any) -> int:
    """How many characters there are in a message."""
    if isinstance(content, dict):
        return sum(map(length, content.values()))
    if isinstance(content, list):
        return sum(map(length, content))
    return len(content) if isinstance(content, str) else 0
