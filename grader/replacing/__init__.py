"""Does a notebook replace what trains or measures, or compute an accuracy that nothing depends on?

Decided by syntax tree and data flow over all cells, however the line is spelt. What it is not: no proof of
anything, and never a word about intent. What it finds makes the accuracies of that notebook something a
person has to look at. Called by `pipeline` (reading) and `observed.trust` (after a run).
Reading order: names, methods, metrics.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from grader.facts import Kind
from grader.records import Observation, Submission, Witness
from grader.replacing.methods import replaced_methods
from grader.replacing.metrics import invented
from grader.replacing.names import TRAINERS_OWN, Names, parsed

__all__ = ["INVENTS", "REPLACES", "read", "replacing"]

REPLACES = "replaces methods of the optimizer or Trainer"
INVENTS = "computes an accuracy that does not depend on the predictions"
_UNPARSED = re.compile(rf"\.(?:{'|'.join(sorted(TRAINERS_OWN))})\s*=(?!=)")
QUOTE = 300


def replacing(sources: Mapping[int, str]) -> dict[int, tuple[tuple[str, str], ...]]:
    """Cell → what it does (REPLACES, INVENTS) and the line. `sources`: code cells by number, in order."""
    trees = {index: parsed(source) for index, source in sources.items()}
    names = Names([tree for tree in trees.values() if tree is not None])
    found: dict[int, dict[str, str]] = {}

    def note(index: int, what: str, node: ast.AST) -> None:
        lines = sources[index].splitlines()
        line = lines[node.lineno - 1].strip() if getattr(node, "lineno", 0) <= len(lines) else ""
        found.setdefault(index, {}).setdefault(what, line[:QUOTE])

    for index, tree in trees.items():
        if tree is None:
            if _UNPARSED.search(sources[index]):
                found.setdefault(index, {})[REPLACES] = ""
            continue
        try:
            for node in replaced_methods(tree, names):
                note(index, REPLACES, node)
            for node in invented(tree, names):
                note(index, INVENTS, node)
        except RecursionError:  # a tree deeper than anybody writes
            continue
    return {index: tuple(what.items()) for index, what in found.items()}


def read(submission: Submission) -> tuple[Observation, ...]:
    """The same as observations of the source witness; never raises on a student's code."""
    sources = {cell.index: cell.source for cell in submission.cells if cell.kind == "code"}
    return tuple(
        Observation(witness=Witness.SOURCE, kind=Kind.REPLACED, cell=index, value={"what": what}, quote=line)
        for index, found in replacing(sources).items()
        for what, line in found
    )
