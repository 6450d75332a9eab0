"""The five PRT questions of the V0 template, answered in draft from facts.

What this is: pure functions, one file per question, from `Evidence` and what the item checks made of
it to a `Verdict` each. What this is not: the reviewer. Every answer leaves to a person what only a
person can know, and where the facts are thin it says UNDECIDED rather than FAIL.
Called by `grader.checks.judge` with the settled facts, findings and item verdicts.

| question | file |
|---|---|
| q1 works and solves the problem | works.py |
| q2 comments explain the core | explained.py |
| q3 error-prone spots | hazards.py (the answer), spots.py (the spots) |
| q4 the coder understood it | understood.py |
| q5 concise | concise.py |
"""

from __future__ import annotations

from collections.abc import Callable

from grader.checks.questions import concise, explained, hazards, understood, works
from grader.checks.questions.beyond import more
from grader.records import Evidence, Facts, Finding, Status, Text, Verdict

__all__ = ["decide", "more"]


def decide(
    evidence: Evidence, facts: Facts, findings: tuple[Finding, ...], items: tuple[Verdict, ...]
) -> tuple[Verdict, ...]:
    """q1…q5 in order. A question whose code crashes is UNDECIDED with a `staff_note`."""
    answers: tuple[tuple[str, Callable[[], Verdict]], ...] = (
        ("q1", lambda: works.decide(evidence, facts, items)),
        ("q2", lambda: explained.decide(evidence)),
        ("q3", lambda: hazards.decide(evidence, findings)),
        ("q4", lambda: understood.decide(evidence, facts, findings)),
        ("q5", lambda: concise.decide(evidence)),
    )
    return tuple(_answer(item, answer) for item, answer in answers)


def _answer(item: str, answer: Callable[[], Verdict]) -> Verdict:
    try:
        return answer()
    except Exception as error:  # never the student's fault
        nothing = Text(ko="", en="")
        return Verdict(
            item=item,
            status=Status.UNDECIDED,
            expected=nothing,
            actual=nothing,
            reason=Text(
                ko="채점기 쪽 문제로 초안을 쓰지 못했습니다. 직접 확인해 주세요.",
                en="The grader failed to draft this answer; please look for yourself.",
            ),
            person=Text(ko="이 질문 전체를 직접 판단해 주세요.", en="Please decide this question yourself."),
            staff_note=f"{item}: {type(error).__name__}: {error}",
        )
