"""The process in which a student's notebook draws for the board: python -m gan_lab.runner.drawing < order > result.

It gets an order, one line of JSON, and works in a folder with what was handed in beside the notebook. It runs the cells
one after the other; one that fails does not stop the rest. The last one sets `samples`. Their numbers, or why there are
none, are answered as one line of JSON: no object of a student leaves this process.
"""

import base64
import json
import os
import signal
import sys
import traceback
from typing import Any

from gan_lab.runner.graded import begun, bounded
from gan_lab.runner.limits import PATIENCE, STARTING

MOST = 2_000_000  # numbers that are kept, 1953 images of 32 x 32


def main() -> None:
    order, result, shell = begun()
    sys.path.append(os.getcwd())  # modules that were handed in beside the notebook
    late = json.dumps({"why": f"it did not end in {order['seconds']:g} seconds of processor time"})
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, lambda *_: (print(late, file=result, flush=True), os._exit(0)))
    bounded(order["megabytes"], STARTING + order["seconds"])  # what it took to begin counts
    signal.setitimer(signal.ITIMER_PROF, order["seconds"])  # the same for everybody, however busy the machine is
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * order["seconds"])  # for one that sleeps
    try:
        found = drawn(shell, order["cells"])
    except BaseException as error:  # whatever a student's code does, it is told
        found = {"why": in_a_line(error)}
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(json.dumps(found), file=result, flush=True)
    os._exit(0)  # threads that it left do not hold anybody up


def drawn(shell: Any, cells: list[str]) -> dict[str, Any]:
    """The samples that the last of the cells leaves: their shape, and their first numbers; or why there are none, and
    whether that would last: it is the code's doing, and not a machine's that has no memory left."""
    errors = []
    for code in cells:
        ran = shell.run_cell(code)
        errors.append(ran.error_before_exec or ran.error_in_exec)
    lasting = not any(error and "memory" in in_a_line(error).lower() for error in errors)
    first = next((n for n, error in enumerate(errors) if error), None)
    if errors[-1] is not None or "samples" not in shell.user_ns:
        why = f"its cell # board failed: {in_a_line(errors[-1])}" if errors[-1] else "no cell sets `samples`"
        if first is not None and first < len(cells) - 1:
            begins = cells[first].strip().partition("\n")[0][:60]
            why += f". The first cell that failed begins with {begins!r}: {in_a_line(errors[first])}"
        return {"why": why, "lasting": lasting}
    import torch

    x = torch.as_tensor(shell.user_ns["samples"]).detach()
    if x.dim() != 4 or not 0 < x.numel() // max(1, len(x)) <= MOST:
        return {"why": f"`samples` has shape {tuple(x.shape)}: give images, (N, 1, 32, 32)", "lasting": lasting}
    some = x[: MOST * len(x) // x.numel()].cpu().float().contiguous()
    return {"shape": list(some.shape), "float32": base64.b64encode(some.numpy().tobytes()).decode()}


def in_a_line(error: BaseException) -> str:
    """An error in a line: "ValueError: ..."."""
    return " ".join("".join(traceback.format_exception_only(error)).split())[:300]


if __name__ == "__main__":
    main()
