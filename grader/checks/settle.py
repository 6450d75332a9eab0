"""Evidence → `Case`: everything the verdicts and findings of one submission are made from.

Each fact is settled once, here, by the room that knows how; items and findings only read it.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from grader.checks import accuracy, bucketing, compare, own_run
from grader.checks.accuracy import Measured
from grader.checks.bucketing import Decided
from grader.checks.join import Joined, join
from grader.checks.thresholds import threshold
from grader.facts import Kind
from grader.records import Evidence, Facts, RubricItem, Testimony, TrainingRun, Witness

OURS = (Kind.REDIRECT, Kind.STANDIN, Kind.MISSING)
"""Observations about the classroom, not about the notebook."""


@dataclass(frozen=True)
class Case:
    """One submission, settled."""

    evidence: Evidence
    rubric: tuple[RubricItem, ...]
    runs: tuple[Joined, ...]
    decided: Decided
    measured: Measured
    facts: Facts
    analysis_cells: tuple[int, ...]
    """Where the student interprets the result."""
    unread_cells: tuple[int, ...] = ()
    """Where the student may do so, in words that we can't make out; empty if it is done elsewhere."""
    own_run: bool = False
    """The numbers come from our own whole run, because the file stores none."""

    @property
    def bucketed(self) -> Joined | None:
        """The run with bucketing."""
        return None if self.decided.bucketed is None else self.runs[self.decided.bucketed]

    @property
    def baseline(self) -> Joined | None:
        """The run it is held against."""
        return None if self.decided.baseline is None else self.runs[self.decided.baseline]

    @property
    def pair(self) -> tuple[TrainingRun, TrainingRun] | None:
        """(baseline, bucketed), where time and accuracy of both are stored."""
        if self.facts.compared != "both" or self.baseline is None or self.bucketed is None:
            return None
        return self.baseline.run, self.bucketed.run

    @property
    def left_by(self) -> Witness:
        """Who vouches for numbers that count as stored."""
        return Witness.OBSERVED if self.own_run else Witness.RECORDED

    @property
    def goal(self) -> float:
        """The accuracy to be reached."""
        return _goal(self.evidence, self.rubric, self.own_run)

    def threshold(self, item: str, name: str) -> float:
        """A threshold of the rubric."""
        return threshold(self.rubric, item, name)


def _goal(evidence: Evidence, rubric: tuple[RubricItem, ...], own: bool) -> float:
    """Of the profile it was measured on: a stored output is the real model's."""
    return threshold(rubric, "r2", "pocket_accuracy" if own and _pocket(evidence) else "accuracy")


def _pocket(evidence: Evidence) -> bool:
    return evidence.observed is not None and evidence.observed.profile == "pocket"


def settle(evidence: Evidence, rubric: tuple[RubricItem, ...]) -> Case:
    """Compare the witnesses and write down what holds."""
    evidence = without_doubted(evidence)
    own = own_run.stands_in(evidence)
    if own:
        evidence = own_run.as_stored(evidence)
    runs = join(evidence)
    decided = bucketing.decide(evidence, runs, threshold(rubric, "r3", "min_fall"))
    measured = accuracy.measure(
        evidence, runs, _goal(evidence, rubric, own), threshold(rubric, "r2", "min_gain")
    )
    compared = compare.compared(evidence, runs, decided.baseline, decided.bucketed)
    depth, cells = compare.analysed(evidence, runs, decided.baseline, decided.bucketed)
    base, late = decided.baseline, decided.bucketed
    unread = compare.unread(evidence, runs, base, late) if depth == "no" else ()
    differs = ()
    # Where nothing at all is stored, what our own run compared is all there is to be unfair.
    fair_game = compared == "both" or bucketing.outputs_cleared(evidence)
    if fair_game and base is not None and late is not None:
        differs = compare.differences(runs[base].run, runs[late].run)
    if base is not None and late is not None and compare.same_training(runs[base], runs[late]):
        base = None  # one training told twice is no before and after
    facts = Facts(
        bucketing=decided.bucketing,
        tokens_per_row={
            j.key: round(j.run.tokens_per_row, 2) for j in runs if j.run.tokens_per_row is not None
        },
        best_accuracy=measured.best.accuracy if measured.best else None,
        best_accuracy_cell=measured.best.cell if measured.best else None,
        goal=_goal(evidence, rubric, own),
        stand_in=own and _pocket(evidence),
        eval_split=measured.split,
        runs=tuple(j.run for j in runs),
        baseline=base,
        bucketed=late,
        compared=compared,
        analysed=depth,
        leak=measured.leak,
        test_as_validation=measured.test_as_validation,
        confounded=differs,
    )
    return Case(evidence, rubric, runs, decided, measured, facts, cells, unread, own)


def without_doubted(evidence: Evidence) -> Evidence:
    """`evidence` without what our own run reported, where that can't be trusted (`Observed.unverified`).

    Code and stored outputs decide then, and what they leave open is UNDECIDED. What the classroom lacked
    stays: it explains errors, and nothing is earned by it.
    """
    seen = evidence.observed
    if seen is None or not seen.unverified:
        return evidence
    kept = tuple(o for o in seen.testimony.observations if o.kind in OURS)
    testimony = Testimony(witness=seen.testimony.witness, observations=kept)
    return msgspec.structs.replace(evidence, observed=msgspec.structs.replace(seen, testimony=testimony))
