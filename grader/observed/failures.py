"""Which cells failed because of our classroom and not because of the notebook.

A cell that failed the same way for its author is never ours. What follows from a cell that is ours (a
name it would have defined) is ours too. Called by `observe`.
"""

from __future__ import annotations

import ast
import re

import msgspec

from grader.observed.shapes import legible
from grader.records import CellRun, Ending, Submission
from grader.sandbox import Execution

MARK = "[classroom]"
"""As in inside/wire.py, which this file can't import."""

NETWORK = (
    "ConnectionError",
    "URLError",
    "HTTPError",
    "OfflineModeIsEnabled",
    "LocalEntryNotFoundError",
    "gaierror",
)
CAPPED = re.compile(
    r"inconsistent numbers of samples|must be (of )?the same length|same first dimension|Length of values"
)
STARVED = ("KeyError", "IndexError", "ValueError", "ZeroDivisionError", "UnboundLocalError", "TypeError")
"""What a cell raises that finds no evaluation, no checkpoint, no last batch; it worked for its author."""
LAYER = re.compile(r"\.layers?\[|hidden_states\[|attentions\[")
CUDA = re.compile(r"cuda|nvidia|gpu", re.IGNORECASE)


def judged(submission: Submission, execution: Execution, *, stand_in: bool = False) -> tuple[CellRun, ...]:
    """The cells that were run, each with `environment` and `why` filled in; ours (index < 0) left out.
    `stand_in`: the model is a small one under the real one's name."""
    sources = {cell.index: cell for cell in submission.cells}
    missing: dict[int, str] = {}
    events = legible(execution.events)
    for event in events:
        if event.data.get("t") == "missing":
            missing[event.cell] = str(event.data.get("wanted"))
    ends = [event for event in events if event.data.get("t") == "run-end"]
    cut = {event.cell for event in ends if event.data.get("cut") and not event.data.get("failed")}
    lost: dict[str, int] = {}
    done = []
    for run in execution.cells:
        if run.index < 0:
            continue
        why = ""
        if run.error_name:
            cell = sources[run.index]
            stored = {output.name for output in cell.outputs if output.kind == "error"}
            if run.error_name not in stored:
                why = _why(run, cell.source, missing.get(run.index, ""), lost)
            if (
                not why
                and not stored
                and stand_in
                and run.error_name == "IndexError"
                and LAYER.search(cell.source)
            ):
                why = "the stand-in model has fewer layers than the real one"
            if not why and not stored and cell.outputs and run.index in cut and run.error_name in STARVED:
                why = "the budget ended a training in this cell before it had what comes after"
        if why:
            for name in _assigned(sources[run.index].source):
                lost.setdefault(name, run.index)
            run = msgspec.structs.replace(run, environment=True, why=why)
        elif run.ending is Ending.COMPLETED:
            for name in _assigned(sources[run.index].source):
                lost.pop(name, None)
        done.append(run)
    return tuple(done)


def _why(run: CellRun, source: str, missing: str, lost: dict[str, int]) -> str:
    """Why it is ours, in a few English words; '' if it isn't."""
    value = run.error_value
    if MARK in value or (missing and missing in value):
        return f"the classroom lacks {missing or value.partition(':')[2].strip()}"
    lacking = run.error_name in ("ModuleNotFoundError", "ImportError")
    if lacking or re.search(r"(needs|has) to be installed|is not installed", value):
        return f"the runtime lacks it: {value[:150]}"
    if run.error_name == "OutOfMemoryError" or "CUDA out of memory" in value:
        return "the GPU's memory is too small for it"
    if run.ending is Ending.OUT_OF_MEMORY:
        return "our memory limit; the author's machine had more"
    if run.error_name == "StdinNotImplementedError":
        return "nobody is there to answer input()"
    if run.error_name in NETWORK:
        return f"no network: {value[:150]}"
    if run.error_name == "FileNotFoundError":
        path = re.search(r"'([^']+)'", value)
        return f"the classroom lacks the file {path[1] if path else value[:150]}"
    if CUDA.search(value) and run.error_name in (
        "RuntimeError",
        "AssertionError",
        "ValueError",
        "NotImplementedError",
    ):
        return "wants a GPU"
    if run.error_name == "AssertionError" and "cuda.is_available" in source:
        return "wants a GPU"
    if (
        run.error_name == "ValueError"
        and CAPPED.search(value)
        and re.search(r"predict|evaluat|log_history", source)
    ):
        return "the budget cut a loop whose length the cell relies on"
    if run.error_name != "SyntaxError" and (used := sorted(_loaded(source) & lost.keys())):
        return f"{used[0]} comes from cell {lost[used[0]]}, which failed because of the classroom"
    return ""


def _tree(source: str) -> ast.AST:
    text = "\n".join("" if line.lstrip().startswith(("!", "%")) else line for line in source.splitlines())
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _loaded(source: str) -> set[str]:
    """Names that the cell reads."""
    nodes = ast.walk(_tree(source))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _assigned(source: str) -> set[str]:
    """Names that the cell binds."""
    found = set()
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.update([node.id] if len(node.id) > 1 else [])  # `i` is everybody's
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
    return found
