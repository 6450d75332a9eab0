"""What was found out about each notebook of a submission -> what is known of the whole.

Every notebook is read and run by itself, as its own kernel did; their cells are numbered apart
(`Part`), so testimonies are laid side by side and nothing is mixed. Called by the pipeline only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from grader.records import Ending, Observed, Testimony, Text, Verified, Witness

SEVERITY = list(Ending)


def testimony(witness: Witness, parts: Sequence[Testimony]) -> Testimony:
    """One witness on all notebooks."""
    return Testimony(
        witness=witness,
        runs=tuple(run for part in parts for run in part.runs),
        evaluations=tuple(e for part in parts for e in part.evaluations),
        observations=tuple(o for part in parts for o in part.observations),
    )


def observed(parts: Sequence[Observed]) -> Observed | None:
    """All runs as one: the worst ending, times added up; None for none."""
    if not parts:
        return None
    worst = max(parts, key=lambda part: SEVERITY.index(part.ending))
    return msgspec.structs.replace(
        parts[0],
        testimony=testimony(Witness.OBSERVED, [part.testimony for part in parts]),
        cells=tuple(cell for part in parts for cell in part.cells),
        ending=worst.ending,
        reason=worst.reason,
        runtime=", ".join(_distinct(part.runtime for part in parts)),
        isolation_notes=_distinct(note for part in parts for note in part.isolation_notes),
        seconds=sum(part.seconds for part in parts),
        cpu_seconds=sum(part.cpu_seconds for part in parts),
        unverified=_distinct(doubt for part in parts for doubt in part.unverified),
        replaced=tuple(cell for part in parts for cell in part.replaced),
    )


def verified(parts: Sequence[Verified]) -> Verified | None:
    """The scores of all models left behind; a reason only where there is no score at all."""
    if not parts:
        return None
    scores = tuple(score for part in parts for score in part.scores)
    reasons: list[Text] = [part.reason for part in parts if part.reason is not None]
    return Verified(
        scores=scores,
        reason=None if scores or not reasons else reasons[0],
        notes=_distinct(note for part in parts for note in part.notes),
        seconds=sum(part.seconds for part in parts),
    )


def _distinct(items: Iterable) -> tuple:
    return tuple(dict.fromkeys(items))
