"""Which of a student's notebooks are read as one submission: a baseline here, the bucketing there.

The rule, careful on purpose: notebooks of one folder that each stored a training result of their own,
of which exactly one tries more bucketing than the others. Copies and older versions (their results
stand in another notebook too) never join, nor do two notebooks that try the same: those are versions,
and the instructor is told. Reads; judges nothing. Called by `find`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from grader import recorded, source
from grader.checks.bucketing import EFFORT
from grader.errors import UnreadableSubmission
from grader.records import Submission
from grader.submission import load

LEAST = 0.5
"""What `padding=True` in a batched `map` counts beside EFFORT: more than padding to a maximum."""
MOST = 4
"""Notebooks in one submission; more are an archive, not a comparison."""


class Notebook(NamedTuple):
    """What one notebook has to give to a comparison."""

    path: Path
    effort: float
    """How much bucketing its trainings try, 0 for none."""
    results: frozenset[tuple[float | None, ...]]
    """Of each stored training: its seconds and accuracies, as good as a fingerprint."""


def together(best: Path, others: Sequence[Path]) -> tuple[Path, ...]:
    """The notebooks that make one submission with `best`, itself among them, the plain training first.

    `others`: the student's further notebooks of this exercise, likeliest first. (best,) where none joins.
    """
    near = [path for path in others if path.parent == best.parent][: 2 * MOST]
    if not near:
        return (best,)
    read = [made for path in (best, *near) if (made := _read(path)) is not None]
    if not read or read[0].path != best or not read[0].results:
        return (best,)
    kept: list[Notebook] = []
    for notebook in read:
        told = frozenset().union(*(other.results for other in kept))
        if notebook.results and not notebook.results & told:
            kept.append(notebook)
    most = max((notebook.effort for notebook in kept), default=0.0)
    tried = [notebook for notebook in kept if notebook.effort == most]
    plain = [notebook for notebook in kept if notebook.effort < most]
    if not plain or len(tried) != 1:
        return (best,)
    whole = tuple(notebook.path for notebook in (*plain[: MOST - 1], *tried))
    return whole if best in whole else (best,)


def _read(path: Path) -> Notebook | None:
    try:
        submission = load(path)
    except UnreadableSubmission:
        return None
    tried = [sum(EFFORT.get(a, LEAST) for a in set(run.attempts)) for run in source.read(submission).runs]
    return Notebook(path, max(tried, default=0.0), _results(submission))


def _results(submission: Submission) -> frozenset[tuple[float | None, ...]]:
    found = set()
    for run in recorded.read(submission).runs:
        accuracies = tuple(e.accuracy for e in run.evaluations if e.accuracy is not None)
        if accuracies:
            found.add((run.seconds, *accuracies))
    return frozenset(found)
