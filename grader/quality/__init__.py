"""Quality: how the code is written, as facts — comments, core cells, lint, complexity, repetition.

What this is: a part of the source witness (every observation says `Witness.SOURCE`), read from the
cells alone. What this is not: an opinion. Whether 12 duplicate lines are many is decided in
`grader.checks.questions`. Called by `grader.pipeline`.
"""

from __future__ import annotations

from grader.quality.cells import code_cells
from grader.quality.core import core_cells
from grader.quality.measures import comments, complexity, duplicates, functions
from grader.quality.repeats import repeated
from grader.quality.ruff_rules import lint
from grader.records import Observation, Submission

__all__ = ["read"]


def read(submission: Submission) -> tuple[Observation, ...]:
    """What can be said about the manner of `submission`'s code; never raises on a student's code.

    Kinds: COMMENTS (one per cell with code), CORE_CELL (most central first), FUNCTIONS, LINT,
    COMPLEXITY, DUPLICATE_CODE and REPEATED_CODE (one for the notebook). A cell that doesn't parse is left
    out of all of them; the source witness reports it as SYNTAX_ERROR.
    """
    cells = code_cells(submission)
    findings = lint(cells)
    dead: dict[int, set[int]] = {}
    for observation in findings:
        if observation.value.get("rule") == "ERA001":
            dead.setdefault(observation.cell, set()).add(observation.value["line"])
    spoken = comments(cells, dead)
    return (
        *spoken,
        *core_cells(cells, spoken),
        functions(cells),
        *(o for o in findings if o.value.get("rule") != "ERA001"),
        *complexity(cells),
        *duplicates(cells),
        repeated(cells),
    )
