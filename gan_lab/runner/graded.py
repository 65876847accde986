"""The process in which a student's answers are run: python -m gan_lab.runner.graded < order > results.

It gets an order, one line of JSON, and writes a line when it is ready, and one for each exercise. It runs the cells
that all answers build on, once, and then forks for each exercise: so an answer finds everything as it was before any
student's code. An answer that takes too long or too much memory, or ends its process, ends with itself.

It keeps the rest from a student's mistakes, and not from an attacker: code that a check calls can look at the check.
"""

import ast
import contextlib
import copy
import ctypes
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from typing import Any, TextIO

MOST_WRITTEN = 50_000_000  # bytes of a file
PR_SET_DUMPABLE = 4  # of Linux' prctl.h


def main() -> None:
    order, results, shell = begun()
    for code in order["context"]:
        ran = shell.run_cell(code)
        if error := ran.error_before_exec or ran.error_in_exec:
            lines = traceback.format_exception(error)
            sys.exit(f"a cell that the answers build on fails: {code[:200]}\n{''.join(lines)}")
    print(json.dumps("ready"), file=results, flush=True)
    for exercise in order["exercises"]:
        began = time.monotonic()
        found = in_a_fork(shell, exercise, order["seconds"], order["megabytes"], results)
        print(json.dumps({**found, "seconds": round(time.monotonic() - began, 2)}), file=results, flush=True)


def begun() -> tuple[dict[str, Any], TextIO, Any]:
    """The order, where to answer it, and a shell for a student's code. What that prints goes nowhere."""
    order = json.loads(sys.stdin.readline())
    results = os.fdopen(os.dup(1), "w")
    silence()
    keep_to_itself()
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.user_ns |= {"exit": sys.exit, "quit": sys.exit}  # IPython's own ask a kernel, and here is none
    return order, results, shell


def silence() -> None:
    """What is printed from here on goes nowhere, and nothing can be typed."""
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY)):
        nowhere = os.open(os.devnull, mode)
        os.dup2(nowhere, number)
    import torch

    torch.set_num_threads(1)  # threads do not outlive a fork


def keep_to_itself() -> None:
    """No other process may open this one's files by /proc, an answer not the results."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def in_a_fork(shell: Any, exercise: dict[str, Any], seconds: float, megabytes: int, results: TextIO) -> dict[str, Any]:
    """What became of an answer: {"state": ..., "hint": ...}. It finds no way to write to the `results` itself."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        results.close()
        ready = False
        try:
            os.setsid()
            os.dup2(1, 2)  # which nobody reads
            os.chdir(tempfile.mkdtemp(prefix="gan-lab-answer-"))
            bounded(megabytes, seconds)
            ready = True
            found = judged(shell, exercise)
        except BaseException as error:  # whatever a student's code does, this process ends here
            why = f"{type(error).__name__}: {error}"
            found = wrong(why) if ready else {"state": "crashed", "hint": f"it could not be begun, {why}"}
        os.write(into, json.dumps(found).encode())
        os._exit(0)
    os.close(into)
    answered = select.select([out], [], [], seconds)[0]
    said = os.read(out, 100_000) if answered else b""
    os.close(out)
    for stop in (os.killpg, os.kill):  # it may not have its group yet
        with contextlib.suppress(OSError):
            stop(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not answered:
        return {"state": "too long", "hint": f"it did not end in {seconds:g} seconds"}
    try:
        found = json.loads(said)
        return {"state": str(found["state"]), "hint": str(found["hint"])}
    except (ValueError, KeyError, TypeError):
        how = f"by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"with code {os.WEXITSTATUS(status)}"
        return {"state": "crashed", "hint": f"it ended its process {how}"}


def bounded(megabytes: int, seconds: float) -> None:
    """Bound what this process may take of memory, processor time and disk; a bound that it has already may be lower."""
    with open("/proc/self/status") if os.path.exists("/proc/self/status") else open(os.devnull) as status:
        taken = [int(line.split()[1]) * 1024 for line in status if line.startswith("VmData")]
    for bound, most in (
        (resource.RLIMIT_DATA, sum(taken) + megabytes * 1_000_000),
        (resource.RLIMIT_CPU, int(2 * seconds) + 1),
        (resource.RLIMIT_FSIZE, MOST_WRITTEN),
    ):
        _, hard = resource.getrlimit(bound)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(bound, (least, least))


def judged(shell: Any, exercise: dict[str, Any]) -> dict[str, Any]:
    """Run the answer, and then the check, which gets the course's own things but for what the answer defines."""
    check = ast.parse(exercise["check"])
    asked = {node.id for node in ast.walk(check) if isinstance(node, ast.Name)} - {*exercise["defines"], "exercises"}
    ours = {name: copy.deepcopy(shell.user_ns[name]) for name in asked if name in shell.user_ns}
    for code in exercise["beside"]:
        shell.run_cell(code)  # where one of them fails, the answer may not need it
    ran = shell.run_cell(exercise["answer"])
    error = ran.error_before_exec or ran.error_in_exec
    if error and (isinstance(error, SystemExit) or not shell.user_ns.keys() >= {*exercise["defines"]}):
        return wrong(f"the cell raised {type(error).__name__}: {' '.join(str(error).split())}")
    names = {**shell.user_ns, **ours, "exercises": fresh_exercises()}
    try:
        for node in check.body:
            if isinstance(node, ast.Expr):
                result = eval(compile(ast.Expression(node.value), "<check>", "eval"), names)
                if not result.correct:
                    return wrong(result.hint)
            else:
                exec(compile(ast.Module([node], []), "<check>", "exec"), names)
    except Exception as error:
        return wrong(f"{type(error).__name__}: {' '.join(str(error).split())}")
    return {"state": "correct", "hint": ""}


def fresh_exercises() -> Any:
    """The checks, imported anew, in case an answer has changed them."""
    for name in [name for name in sys.modules if name.startswith("gan_lab.lessons.exercises")]:
        del sys.modules[name]
    import importlib

    return importlib.import_module("gan_lab.lessons.exercises")


def wrong(hint: str) -> dict[str, Any]:
    return {"state": "wrong", "hint": hint[:500]}


if __name__ == "__main__":
    main()
