"""Q1: does the code work and solve the given problem?

PASS as the course counts it (field notes, V2 and V3): the model and data work, and at least two of the
three rubric items are met. Where undecided items could still change that, the answer is undecided.
"""

from __future__ import annotations

from grader.checks.questions.improve import effective_tokeniser
from grader.checks.questions.words import cells, citations, observed, sentences
from grader.checks.say import code
from grader.facts import Kind
from grader.records import Bucketing, Citation, Ending, Evidence, Facts, Status, Text, Verdict, Witness

NEEDED = 2
"""Rubric items to be met, of three."""

STATUS = {
    Status.PASS: Text(ko="통과", en="pass"),
    Status.PARTIAL: Text(ko="부분 통과", en="partial"),
    Status.FAIL: Text(ko="미통과", en="fail"),
    Status.UNDECIDED: Text(ko="판단 보류", en="undecided"),
}

EXPECTED = Text(
    ko="모델과 데이터가 작동하고, 평가 항목 3개 중 2개 이상을 만족한다.",
    en="Model and data work, and at least 2 of the 3 rubric items are met.",
)


def decide(evidence: Evidence, facts: Facts, items: tuple[Verdict, ...]) -> Verdict:
    """q1 from the item verdicts; how it ran is said beside them."""
    status = _status(items)
    met = sum(v.status is Status.PASS for v in items)
    summary = Text(
        ko=" · ".join(f"항목 {i} {STATUS[v.status].ko}" for i, v in enumerate(items, 1)),
        en=" · ".join(f"item {i} {STATUS[v.status].en}" for i, v in enumerate(items, 1)),
    )
    head = Text(
        ko=f"평가 항목 {len(items)}개 중 {met}개를 확인했습니다 ({summary.ko}).",
        en=f"{met} of {len(items)} rubric items are confirmed ({summary.en}).",
    )
    open_items = [v for v in items if v.status in (Status.FAIL, Status.PARTIAL) and v.next_step]
    person = None
    if status is Status.UNDECIDED:
        person = Text(
            ko="판단이 보류된 항목을 직접 확인한 뒤 체크해 주세요.",
            en="Please settle the undecided items, then tick this box.",
        )
    no_op = facts.bucketing is Bucketing.NO_OP
    return Verdict(
        item="q1",
        status=status,
        expected=EXPECTED,
        actual=summary,
        reason=sentences(head, _how_it_ran(evidence)),
        citations=citations(*(c for v in items for c in v.citations[:1]), *_failing(evidence)),
        next_step=open_items[0].next_step if open_items and status is not Status.PASS else None,
        person=person,
        code=effective_tokeniser(evidence, facts) if no_op else None,
    )


def _status(items: tuple[Verdict, ...]) -> Status:
    first = next((v.status for v in items if v.item == "r1"), Status.UNDECIDED)
    met = sum(v.status is Status.PASS for v in items)
    open_ = sum(v.status is Status.UNDECIDED for v in items)
    if first is Status.PASS and met >= NEEDED:
        return Status.PASS
    if first is Status.UNDECIDED or (first is Status.PASS and met + open_ >= NEEDED):
        return Status.UNDECIDED
    return Status.FAIL if first is Status.FAIL else Status.PARTIAL


def _failing(evidence: Evidence) -> tuple[Citation, ...]:
    if evidence.observed is None:
        return ()
    return tuple(
        Citation(cell=run.index, quote=f"{run.error_name}: {run.error_value}"[:200], witness=Witness.OBSERVED)
        for run in evidence.observed.cells
        if run.error_name and not run.environment
    )


def _how_it_ran(evidence: Evidence) -> Text | None:
    """What running it showed; without a run, which errors the stored outputs keep."""
    seen = evidence.observed
    if seen is None:
        errors = [o for o in observed(evidence, Kind.ERROR) if o.witness is Witness.RECORDED]
        if not errors:
            return None
        where = cells(o.cell for o in errors)
        names = ", ".join(dict.fromkeys(code(o.value.get("ename", "Error"), 40) for o in errors))
        return Text(
            ko=f"다만 {where.ko}의 저장된 출력에 오류({names})가 남아 있습니다.",
            en=f"But {where.en} still shows an error in the stored output ({names}).",
        )
    broken = [run for run in seen.cells if run.error_name and not run.environment]
    ours = [run for run in seen.cells if run.error_name and run.environment]
    if broken:
        first = broken[0]
        said = Text(
            ko=f"다시 실행했을 때 셀 {first.index}에서 {code(first.error_name, 40)}가 났습니다.",
            en=f"When it was run again, cell {first.index} raised {code(first.error_name, 40)}.",
        )
    elif seen.ending in (Ending.COMPLETED, Ending.BUDGET) and not ours and seen.cells:
        last = max(run.index for run in seen.cells)
        said = Text(
            ko=f"처음부터 다시 실행했을 때 마지막 코드(셀 {last})까지 오류 없이 진행되었습니다.",
            en=f"Run again from the top, it reached its last code (cell {last}) without an error.",
        )
    else:
        said = None
    if ours:
        where = cells(run.index for run in ours)
        excuse = Text(
            ko=f"{where.ko}: 채점 환경에 없는 것을 쓰기 때문에 실행하지 못했고, 코더의 잘못으로 보지 "
            "않았습니다.",
            en=f"{where.en[0].upper()}{where.en[1:]} needed something our classroom lacks; "
            "that is not held against the coder.",
        )
        return sentences(said, excuse)
    return said
