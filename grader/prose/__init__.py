"""The student's words: what they typed, claim, explain and reflect on. Part of the source witness.

What this is: `read`, observations from markdown, comments, printed sentences and literal results.
What this is not: proof. A typed number is a claim; `checks` compares it with what was measured.

The rooms: `units` (sentences), `lexicon` (the words), `analysis` (is the comparison interpreted?),
`typed` (tables and numbers), `amounts` (how people write them), `notes` (reflection, debugging,
links). Called by the pipeline.
"""

from __future__ import annotations

from grader.facts import Kind
from grader.prose import analysis, notes, typed, units
from grader.records import Observation, Submission

__all__ = ["read"]

MAX_CELLS = 1_000


def read(submission: Submission) -> tuple[Observation, ...]:
    """Observations of witness SOURCE, in order of kind and cell. Never raises on any input."""
    said: list[units.Unit] = []
    found: list[Observation] = []
    heading, going_on = "", False
    for cell in submission.cells[:MAX_CELLS]:
        here, heading = units.read(cell, heading, going_on)
        said += here
        going_on = cell.kind == "markdown" and bool(here) and here[-1].bucketing
        if cell.kind == "markdown":
            found += typed.read_markdown(cell)
            found += notes.outside(cell)
        elif cell.kind == "code":
            found += typed.read_code(cell)
    results = [
        o for o in found if o.kind == Kind.TYPED_TABLE or (o.kind == Kind.TYPED_NUMBER and o.value["about"])
    ]
    figures = frozenset(o.cell for o in results if o.cell is not None)
    figures |= {cell.index for cell in submission.cells if cell.kind == "markdown" and "eval_" in cell.source}
    found += analysis.read(said, figures)
    found += notes.reflection(said)
    found += notes.debugging(said)
    return tuple(found)
