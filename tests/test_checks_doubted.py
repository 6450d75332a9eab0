"""What our own run reported counts for nothing once it can't be trusted; it never counts against anybody."""

from __future__ import annotations

import msgspec

from grader.records import Bucketing, Padding
from tests.checks_evidence import (
    BASE,
    CLEARED,
    REAL_GROUP,
    cleared,
    judged,
    observed,
    seen,
    status,
    stored,
)

RUNS = (seen(5, Padding.MAX_LENGTH, 60, 0.7), seen(7, Padding.DYNAMIC, 31, 0.05))
WRITTEN = [cleared(BASE), cleared(REAL_GROUP)]


def test_a_training_that_only_a_doubted_run_saw_was_not_seen():
    believed = judged(WRITTEN, cells=CLEARED, observed=observed(*RUNS))
    assert status(believed, "r1") == "PASS" and believed.facts.bucketing is Bucketing.EFFECTIVE, "the control"
    doubted = judged(WRITTEN, cells=CLEARED, observed=observed(*RUNS, unverified=("forged",)))
    assert [status(doubted, item) for item in ("r1", "r2", "r3")].count("PASS") == 0
    assert status(doubted, "r1") == status(doubted, "r2") == "UNDECIDED"
    assert doubted.facts.bucketing is not Bucketing.EFFECTIVE
    assert "run-not-trusted" in {finding.id for finding in doubted.findings}


def test_stored_results_stand_without_our_run():
    doubted = judged([BASE], [stored(5)], observed=observed(*RUNS, unverified=("forged",)))
    alone = judged([BASE], [stored(5)])
    for item in ("r1", "r2", "r3"):
        assert status(doubted, item) == status(alone, item)


def test_a_number_of_replaced_functions_is_for_a_person():
    believed = judged([BASE], [stored(5)], observed=observed(RUNS[0]))
    assert status(believed, "r2") == "PASS", "the control"
    replaced = msgspec.structs.replace(observed(RUNS[0]), replaced=(4,), unverified=("cell 4 replaces …",))
    judgement = judged([BASE], [stored(5)], observed=replaced)
    verdict = judgement.items[1]
    assert verdict.status == "UNDECIDED" and verdict.points is None and verdict.person is not None
    assert 4 in {citation.cell for citation in verdict.citations}
    said = " ".join(text.en.lower() for text in (verdict.actual, verdict.reason, verdict.person))
    assert "cheat" not in said and "forg" not in said


def test_below_the_goal_nothing_changes():
    replaced = msgspec.structs.replace(observed(RUNS[0]), replaced=(4,))
    judgement = judged([BASE], [stored(5, accuracy=(0.7, 0.71))], observed=replaced)
    assert status(judgement, "r2") == "FAIL"
