"""What our own run shows about bucketing, with the file's code and stored outputs left out.

The judged class rests on all witnesses, and stored outputs come first. This is the second opinion: what the
code does today, in whichever way it is written. Where the two differ, the outputs under the cells come from
other code, or our budget hid something; either way a person should know.
Not covered: which of the two is right.
"""

from __future__ import annotations

import msgspec

from grader.checks import bucketing
from grader.checks.bucketing import Decided
from grader.checks.join import Joined, join
from grader.records import Evidence, Observed, Testimony, Witness


def only_observed(evidence: Evidence) -> Evidence:
    """`evidence` as if the file held neither readable code nor outputs; what was observed is kept."""
    bare = tuple(
        msgspec.structs.replace(cell, source="", outputs=(), execution_count=None)
        for cell in evidence.submission.cells
    )
    return msgspec.structs.replace(
        evidence,
        submission=msgspec.structs.replace(evidence.submission, cells=bare),
        source=Testimony(witness=Witness.SOURCE),
        recorded=Testimony(witness=Witness.RECORDED),
        verified=None,
    )


def decide(evidence: Evidence, min_fall: float) -> tuple[Decided, tuple[Joined, ...]]:
    """The class by observation alone, and the runs it rests on."""
    alone = only_observed(evidence)
    runs = join(alone)
    return bucketing.decide(alone, runs, min_fall), runs


def structure(seen: Observed) -> list[str]:
    """One short line per run: cell, kind, rows and batch, padding/grouping, tokens per row, how it began."""
    found = []
    for run in seen.testimony.runs:
        tokens = "?" if run.tokens_per_row is None else f"{run.tokens_per_row:.0f}"
        grouped = "+length" if run.grouping == "length" else ""
        found.append(
            f"{run.cell} {run.kind} {run.rows or '?'}x{run.batch_size or '?'} "
            f"{run.padding}{grouped} {tokens} tok {run.start} {run.steps or 0} steps"
        )
    return found
