"""Claims against evidence: confirmed, contradicted, or not for a machine to decide; with cells. Pure.

The machine's own verdicts decide nothing here that they don't decide in the review: an UNDECIDED item, an
opinion (comments, style, understanding) and a mark that can be meant in two ways stay with a person.
Called by `grader.peers.reflect`.
"""

from __future__ import annotations

from enum import StrEnum

from grader import wording as words
from grader.peers.claims import Claim
from grader.peers.facts import find
from grader.peers.reviews import Says
from grader.records import Bucketing, Evidence, Judgement, Record, Status, Text, Verdict

ITEMS = ("r1", "r2", "r3")
OPINIONS = frozenset(("q2", "q4", "q5", "checklist", "closing"))
"""Questions about a reader, a person or taste: nothing a notebook's facts can settle."""
VALUE = {Says.YES: 1.0, Says.PARTIAL: 0.5, Says.NO: 0.0}
WORTH = {Status.PASS: 1.0, Status.PARTIAL: 0.5, Status.FAIL: 0.0}


class Result(StrEnum):
    """What the evidence says to a claim."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"
    """A person must look."""


class Checked(Record):
    """A claim with what the evidence says to it."""

    claim: Claim
    result: Result
    why: Text
    cells: tuple[int, ...] = ()
    gap: float | None = None
    """How far the mark is from what the evidence settles, 0..1; None where it settles nothing."""


def check(claim: Claim, evidence: Evidence, judgement: Judgement) -> Checked:
    """What the evidence says to `claim`."""
    by_kind = {
        "accuracy": _accuracy,
        "threshold": _threshold,
        "bucketing": _bucketing,
        "cell": _cell,
    }
    return by_kind.get(claim.kind, _answer)(claim, evidence, judgement)


def _made(claim: Claim, result: Result, ko: str, en: str, cells=(), gap: float | None = None) -> Checked:
    if gap is None and result is not Result.UNDECIDED:
        gap = 0.0 if result is Result.CONFIRMED else 1.0
    return Checked(
        claim=claim, result=result, why=Text(ko=ko, en=en), cells=tuple(sorted(set(cells))), gap=gap
    )


def _open(claim: Claim, ko: str, en: str, cells=()) -> Checked:
    return _made(claim, Result.UNDECIDED, ko, en, cells)


def _cells(verdict: Verdict) -> set[int]:
    return {citation.cell for citation in verdict.citations}


def _answer(claim: Claim, evidence: Evidence, judgement: Judgement) -> Checked:
    """A mark: against the machine's verdict on the same item or question."""
    verdict = find(judgement, claim.topic)
    if claim.says is Says.UNCLEAR:
        return _open(
            claim,
            "표시와 말이 서로 달라 뜻을 정할 수 없습니다.",
            "The mark and its words disagree with each other.",
        )
    if claim.topic in OPINIONS or verdict is None:
        return _open(claim, "읽는 사람의 판단입니다.", "A reader's own judgement.")
    if claim.topic == "q3":
        return _hazards(claim, verdict)
    if verdict.status is Status.UNDECIDED:
        return _open(
            claim,
            "노트북의 기록만으로는 정할 수 없습니다.",
            "The notebook alone can't settle it.",
            _cells(verdict),
        )
    settled = all(v.status is not Status.UNDECIDED for v in judgement.items)
    if claim.topic == "q1" and claim.says is Says.YES and verdict.status is Status.PARTIAL and settled:
        # What "complete" means is said in V2 and V3: two of the three rubric items.
        ko = f"평가 항목 3개 중 2개를 기준으로 보면 아직입니다: {verdict.actual.ko}"
        en = f"By the measure of two items in three, not yet: {verdict.actual.en}"
        return _made(claim, Result.CONTRADICTED, ko, en, _cells(verdict), 0.5)
    if claim.topic not in ITEMS and (verdict.status is Status.PARTIAL or claim.says is Says.PARTIAL):
        # The PRT's own questions have no grades between yes and no.
        return _open(claim, verdict.actual.ko, verdict.actual.en, _cells(verdict))
    gap = abs(VALUE[claim.says] - WORTH[verdict.status])
    # "No" to what is there in part is right about what matters; "yes" to it is not.
    lenient = claim.says is Says.NO and verdict.status is Status.PARTIAL
    result = Result.CONFIRMED if gap == 0 or lenient else Result.CONTRADICTED
    if claim.says is Says.PARTIAL and verdict.status is not Status.PARTIAL:
        result = Result.UNDECIDED
    said = verdict.actual if verdict.actual.ko else verdict.reason
    return _made(
        claim, result, said.ko, said.en, _cells(verdict), None if result is Result.UNDECIDED else gap
    )


def _hazards(claim: Claim, verdict: Verdict) -> Checked:
    """Question 3. YES = no errors are to be expected."""
    spots = verdict.reason
    if verdict.status in (Status.PARTIAL, Status.FAIL):
        result = Result.CONTRADICTED if claim.says is Says.YES else Result.CONFIRMED
        return _made(claim, result, spots.ko, spots.en, _cells(verdict))
    if claim.says is Says.YES and verdict.status is Status.PASS:
        return _made(claim, Result.CONFIRMED, spots.ko, spots.en, _cells(verdict))
    return _open(
        claim,
        "채점기는 그런 곳을 찾지 못했습니다. 어느 셀인지 함께 확인해 주세요.",
        "The grader found no such place; see together which cell is meant.",
    )


def _accuracies(judgement: Judgement, evidence: Evidence) -> list[tuple[float, int]]:
    """(accuracy, cell) of everything measured in the notebook."""
    measured = [e for run in judgement.facts.runs for e in run.evaluations]
    measured += [*evidence.recorded.evaluations, *(e for r in evidence.recorded.runs for e in r.evaluations)]
    return [(e.accuracy, e.cell) for e in measured if e.accuracy is not None]


def _accuracy(claim: Claim, evidence: Evidence, judgement: Judgement) -> Checked:
    """A number: does an output hold it, as far as it was written out?"""
    measured = _accuracies(judgement, evidence)
    near = {cell for value, cell in measured if abs(value - claim.number) <= 0.00051 or _rounds(value, claim)}
    if near:
        ko, en = words.cells(near, "ko"), words.cells(near, "en")
        return _made(
            claim, Result.CONFIRMED, f"{ko}의 출력에 있습니다.", f"It stands in the output of {en}.", near
        )
    return _open(
        claim,
        f"{claim.number:g} 값은 저장된 출력에서 찾지 못했습니다.",
        f"{claim.number:g} was not found in the stored outputs.",
    )


def _rounds(value: float, claim: Claim) -> bool:
    """A reviewer who writes 90 % may mean 0.9043."""
    return round(claim.number * 100) == claim.number * 100 and int(value * 100) == round(claim.number * 100)


def _threshold(claim: Claim, evidence: Evidence, judgement: Judgement) -> Checked:
    """ "90 % or more": against the best accuracy that is settled."""
    facts = judgement.facts
    best, cell = facts.best_accuracy, facts.best_accuracy_cell
    if best is None or facts.leak:
        return _open(
            claim,
            "믿을 수 있는 정확도가 출력에 없습니다.",
            "No accuracy in the outputs that can be relied on.",
        )
    shown = words.accuracy(best)
    ko = f"출력에 남은 최고 정확도는 {shown}입니다 (셀 {cell})."
    en = f"The best accuracy in the outputs is {shown} (cell {cell})."
    met = best >= claim.number
    return _made(
        claim, Result.CONFIRMED if met else Result.CONTRADICTED, ko, en, [cell] if cell is not None else []
    )


def _bucketing(claim: Claim, evidence: Evidence, judgement: Judgement) -> Checked:
    """Whether bucketing had an effect."""
    state = judgement.facts.bucketing
    verdict = find(judgement, "r3")
    where = _cells(verdict) if verdict else set()
    said = words.BUCKETING[state]
    ko, en = (f"{text.replace('**', '')}." for text in (said.ko, said.en))
    if state is Bucketing.UNKNOWN:
        return _open(claim, ko, en, where)
    effective = state is Bucketing.EFFECTIVE
    if effective and claim.says is Says.NO:
        # "It made no difference" may speak of accuracy, which is what one hopes for.
        return _open(claim, ko, en, where)
    agrees = effective is (claim.says is Says.YES)
    return _made(claim, Result.CONFIRMED if agrees else Result.CONTRADICTED, ko, en, where)


def _cell(claim: Claim, evidence: Evidence, judgement: Judgement) -> Checked:
    """A cell that is cited: is there one?"""
    cell = int(claim.number)
    last = max((c.index for c in evidence.submission.cells), default=0)
    if evidence.submission.cell(cell) is not None:
        return _made(claim, Result.CONFIRMED, f"셀 {cell}이(가) 있습니다.", f"Cell {cell} exists.", [cell])
    return _open(
        claim,
        f"셀은 0부터 {last}까지입니다. 셀 번호를 다시 확인해 주세요(`In [n]`의 번호와 다릅니다).",
        f"Cells run from 0 to {last}; see again which is meant (`In [n]` is another number).",
    )
