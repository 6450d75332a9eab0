"""Wrong and half-right variants of the solution, each one realistic mistake, with the verdict it must get.

A mutant is a few replacements in the cells of `reference/solution.ipynb`, named by the cell's id; `build`
insists that each replacement changes something, so a mutant can't silently become the solution again.
Expectations are what a careful person would say, not what the grader happened to say; where two people
could differ, several values are allowed. `read` holds without running, `run` after a run in the pocket
classroom under a budget (r2 is then UNDECIDED whatever happens: nothing reaches 90 % in 8 batches).

Keys with allowed values: `r1` `r2` `r3` `bucketing` `compared` `analysed` `leak` `test_as_validation`. Lists,
one entry per training as read: `runs` (padding, grouping), `starts`, `evaluated_on`. Sets, of which all must
be named: `confounded`, `findings`, `noted` (observations of the source witness), `differs` (arguments in
which the first and the last training differ, as read).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import nbformat

from grader.records import Evidence, Judgement
from tests.mutants import (
    comparison,
    data,
    padding,
    training,
)

SOLUTION = Path(__file__).parents[2] / "reference" / "solution.ipynb"


class Mutant(NamedTuple):
    """One mistake."""

    name: str
    mistake: str
    edits: tuple[tuple[str, str, str], ...]
    """(id of a cell, what stands there, what the mistake writes); "" as the second means the whole cell."""
    drop: tuple[str, ...] = ()
    """Ids of cells that such a student would not have: mostly the check that would have told."""
    read: dict = {}
    run: dict = {}


MUTANTS = tuple(Mutant(**fields) for room in (padding, comparison, training, data) for fields in room.MUTANTS)


def build(mutant: Mutant, *, rows: int | None = None) -> nbformat.NotebookNode:
    """The solution with this mistake. Raises ValueError where an edit no longer changes anything.

    With `rows`, only so many rows of each split are used, right after loading: tokenising 150,000 reviews
    twice is most of what a run under a budget costs.
    """
    notebook = nbformat.read(SOLUTION, as_version=4)
    cells = {cell.id: cell for cell in notebook.cells}
    for name, old, new in mutant.edits:
        before = cells[name].source
        if old and before.count(old) != 1:
            raise ValueError(f"{mutant.name}: {old!r} is {before.count(old)} times in cell {name}")
        cells[name].source = before.replace(old, new) if old else new
        if cells[name].source == before:
            raise ValueError(f"{mutant.name}: nothing changed in cell {name}")
    if rows:
        cells[
            "load"
        ].source += f"\nfor name in raw:\n    raw[name] = raw[name].shuffle(seed=0).select(range({rows}))"
    if unknown := set(mutant.drop) - set(cells):
        raise ValueError(f"{mutant.name}: no such cells {unknown}")
    notebook.cells = [cell for cell in notebook.cells if cell.id not in mutant.drop]
    return notebook


def said(evidence: Evidence, judgement: Judgement) -> dict:
    """What the grader says, by the keys of an expectation."""
    facts, runs = judgement.facts, evidence.source.runs
    keys = {key for run in runs for key in run.arguments}
    return {
        **{verdict.item: str(verdict.status) for verdict in judgement.items},
        "bucketing": str(facts.bucketing),
        "leak": facts.leak,
        "test_as_validation": facts.test_as_validation,
        "compared": facts.compared,
        "analysed": facts.analysed,
        "runs": [(str(run.padding), str(run.grouping)) for run in runs],
        "starts": [str(run.start) for run in runs],
        "evaluated_on": [run.eval_split for run in runs],
        "differs": {key for key in keys if len({run.arguments.get(key) for run in runs}) > 1},
        "noted": {str(o.kind) for o in evidence.source.observations},
        "confounded": set(facts.confounded),
        "findings": {finding.id for finding in judgement.findings},
    }


def wrong(want: dict, got: dict) -> list[str]:
    """Where `got` is not what `want` allows, as short sentences; empty if all is as expected."""
    found = []
    for key, expected in want.items():
        actual = got[key]
        if isinstance(actual, set):
            fine = set(expected) <= actual
        elif isinstance(actual, list):
            fine = list(expected) == actual
        else:
            fine = actual in (expected if isinstance(expected, tuple) else (expected,))
        if not fine:
            found.append(f"{key}: {actual}, expected {expected}")
    return found
