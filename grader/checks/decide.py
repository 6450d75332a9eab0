"""`judge`: every check run, and the single place that catches a check's exception.

A check that crashes, or a witness that failed, is our fault and never costs the student anything: the
item is UNDECIDED and the staff note holds the reason.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TypeVar

import msgspec

from grader.checks import comparing, findings, improving, loading, questions, say
from grader.checks.settle import Case, settle
from grader.records import Evidence, Facts, Judgement, RubricItem, Status, Verdict

T = TypeVar("T")

ITEMS: tuple[tuple[str, Callable[[Case], Verdict]], ...] = (
    ("r1", loading.decide),
    ("r2", improving.decide),
    ("r3", comparing.decide),
)


def judge(evidence: Evidence, rubric: tuple[RubricItem, ...]) -> Judgement:
    """All verdicts on one submission. Never raises."""
    case, trouble = _attempt(lambda: settle(evidence, rubric))
    if case is None:
        items = tuple(_undecided(name, trouble) for name, _ in ITEMS)
        asked, _ = _attempt(lambda: questions.decide(evidence, Facts(), (), items))
        return Judgement(items=items, questions=asked or (), facts=Facts(), rubric=rubric)
    items = tuple(_item(name, check, case) for name, check in ITEMS)
    found, trouble = _attempt(lambda: findings.find(case))
    if found is None:
        items = tuple(_with_note(v, f"findings crashed: {trouble}") for v in items)
        found = ()
    asked, trouble = _attempt(lambda: questions.decide(evidence, case.facts, found, items))
    if asked is None:
        asked = tuple(_undecided(f"q{n}", trouble) for n in range(1, 6))
    asked = tuple(_spared(verdict, evidence, ("q3", "q5")) for verdict in asked)
    more, _ = _attempt(lambda: questions.more(evidence, case.facts))
    return Judgement(
        items=items, questions=asked, facts=case.facts, findings=found, rubric=rubric, more=more or ()
    )


def _item(name: str, check: Callable[[Case], Verdict], case: Case) -> Verdict:
    """One item's verdict, UNDECIDED where it crashed or a witness it needs is missing."""
    verdict, trouble = _attempt(lambda: check(case))
    if verdict is None:
        return _undecided(name, trouble)
    return _spared(verdict, case.evidence)


def _spared(verdict: Verdict, evidence: Evidence, by_absence: tuple[str, ...] = ()) -> Verdict:
    """`verdict`, or UNDECIDED where testimony it needs is missing through our fault.

    `by_absence`: questions that pass when nothing was found, which then says nothing either.
    """
    needed = ("source", "recorded", "prose", "quality") if by_absence else ("source", "recorded", "prose")
    faults = [f for f in evidence.faults if f.split(":")[0] in needed]
    doubted = (Status.FAIL, Status.PARTIAL, *((Status.PASS,) if verdict.item in by_absence else ()))
    if not faults or verdict.status not in doubted:
        return verdict
    return msgspec.structs.replace(
        verdict,
        status=Status.UNDECIDED,
        points=None,
        reason=_OUR_FAULT,
        person=say.text("✍️ 이 항목은 사람이 직접 확인해 주세요.", "✍️ Please look at this item yourself."),
        staff_note="missing testimony: " + "; ".join(faults),
    )


_OUR_FAULT = say.text(
    "채점기 쪽 문제로 이 항목을 판단하지 못했습니다. 제출물의 문제가 아닙니다.",
    "The grader itself failed on this item; it is no fault of the submission.",
)


def _undecided(name: str, trouble: str) -> Verdict:
    return Verdict(
        item=name,
        status=Status.UNDECIDED,
        expected=say.text("", ""),
        actual=say.text("", ""),
        reason=_OUR_FAULT,
        person=say.text("✍️ 이 항목은 사람이 직접 확인해 주세요.", "✍️ Please look at this item yourself."),
        staff_note=trouble,
    )


def _with_note(verdict: Verdict, note: str) -> Verdict:
    return msgspec.structs.replace(verdict, staff_note=f"{verdict.staff_note}\n{note}".strip())


def _attempt(call: Callable[[], T]) -> tuple[T | None, str]:
    """(result, '') or (None, traceback)."""
    try:
        return call(), ""
    except Exception:
        return None, traceback.format_exc(limit=-6)
