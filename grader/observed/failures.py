"""Which cells failed because of our classroom and not because of the notebook.

A cell that failed the same way for its author is never ours. What follows from a cell that is ours (a
name it would have defined) is ours too. Called by `observe`.
"""

from __future__ import annotations

import ast
import re

import msgspec

from grader.observed.shapes import legible
from grader.records import CellRun, Ending, Lack, Submission
from grader.sandbox import Execution

Found = tuple[Lack, str]
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
    """The cells that were run, each with `lack` and `why` filled in; ours (index < 0) left out.
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
        found: Found | None = None
        if run.error_name:
            cell = sources[run.index]
            stored = {output.name for output in cell.outputs if output.kind == "error"}
            if run.error_name not in stored:
                found = _ours(run, cell.source, missing.get(run.index, ""), lost)
            if (
                found is None
                and not stored
                and stand_in
                and run.error_name == "IndexError"
                and LAYER.search(cell.source)
            ):
                found = Lack.LAYERS, "the stand-in model has fewer layers than the real one"
            if (
                found is None
                and not stored
                and cell.outputs
                and run.index in cut
                and run.error_name in STARVED
            ):
                found = Lack.BATCHES, "the budget ended a training before it had what comes after"
        if found is not None:
            for name in _assigned(sources[run.index].source):
                lost.setdefault(name, run.index)
            run = msgspec.structs.replace(run, lack=found[0], why=found[1])
        elif run.ending is Ending.COMPLETED:
            for name in _assigned(sources[run.index].source):
                lost.pop(name, None)
        done.append(run)
    return tuple(done)


def _ours(run: CellRun, source: str, missing: str, lost: dict[str, int]) -> Found | None:
    """Why it is ours; None if it isn't."""
    value = run.error_value
    if MARK in value or (missing and missing in value):
        return Lack.THING, missing or value.partition(":")[2].strip() or value[:150]
    lacking = run.error_name in ("ModuleNotFoundError", "ImportError")
    if lacking or re.search(r"(needs|has) to be installed|is not installed", value):
        return Lack.PACKAGE, value[:150]
    if run.error_name == "OutOfMemoryError" or "CUDA out of memory" in value:
        return Lack.GPU_MEMORY, "the GPU's memory is too small for it"
    if run.ending is Ending.OUT_OF_MEMORY:
        return Lack.MEMORY, "our memory limit; the author's machine had more"
    if run.error_name == "StdinNotImplementedError":
        return Lack.PERSON, "nobody is there to answer input()"
    if run.error_name in NETWORK:
        return Lack.NETWORK, value[:150]
    if run.error_name == "FileNotFoundError":
        path = re.search(r"'([^']+)'", value)
        return Lack.THING, f"the file {path[1] if path else value[:150]}"
    if CUDA.search(value) and run.error_name in (
        "RuntimeError",
        "AssertionError",
        "ValueError",
        "NotImplementedError",
    ):
        return Lack.GPU, "wants a GPU"
    if run.error_name == "AssertionError" and "cuda.is_available" in source:
        return Lack.GPU, "wants a GPU"
    if (
        run.error_name == "ValueError"
        and CAPPED.search(value)
        and re.search(r"predict|evaluat|log_history", source)
    ):
        return Lack.BATCHES, "the budget cut a loop whose length the cell relies on"
    if run.error_name != "SyntaxError" and (used := sorted(_loaded(source) & lost.keys())):
        return Lack.EARLIER, f"{used[0]} comes from cell {lost[used[0]]}"
    return None


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
