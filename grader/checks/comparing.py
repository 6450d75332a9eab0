"""Item 3: bucketing applied with effect, compared with a plain run, and the result interpreted.

Three parts: (a) bucketing effective, (b) time and accuracy of both runs stored, (c) interpreted in words.
PASS: all three, with stored numbers. PARTIAL: two of them; a typed table counts as (b) here, and an
honest comparison of a run without effect is (b) and (c). FAIL: fewer. UNDECIDED: the answer hangs on
something that can't be known, such as bucketing in a file whose outputs are cleared.
"""

from __future__ import annotations

from grader.checks import own_run, say
from grader.checks.advice import next_step
from grader.checks.bucketing import outputs_cleared
from grader.checks.join import observations
from grader.checks.parts import comparison, effect, interpretation
from grader.checks.settle import Case
from grader.checks.shown import award, observed_trained, saw_up_to, untold
from grader.checks.tokenising import padding_citation, pads_in_advance, tokenising
from grader.facts import Kind
from grader.records import Bucketing, Citation, Status, Text, Verdict, Witness

EXPECTED = say.text(
    "bucketing으로 행당 토큰(패딩 포함)이 실제로 줄고, 전후의 시간과 정확도가 출력으로 남아 있으며, 그 "
    "차이를 글로 해석했습니다.",
    "Padded tokens per row really fall with bucketing, time and accuracy of both runs are stored, and the "
    "difference is interpreted in words.",
)


def decide(case: Case) -> Verdict:
    """The verdict on r3."""
    status = _status(case)
    unsure = status == Status.UNDECIDED
    return Verdict(
        item="r3",
        status=status,
        expected=EXPECTED,
        actual=say.join_texts([effect(case), comparison(case), interpretation(case)]),
        reason=_reason(case, status),
        points=award(case, "r3", status),
        citations=_cited(case),
        next_step=None if status == Status.PASS else next_step(case),
        person=_person(case) if unsure or _images(case) else None,
    )


def parts(bucketing: Bucketing, compared: str, analysed: str) -> Status:
    """The settled rule as a table: what the three parts come to."""
    effective = bucketing == Bucketing.EFFECTIVE
    both, interpreted = compared in ("both", "typed"), analysed in ("yes", "short")
    if effective and compared == "both" and interpreted:
        return Status.PASS
    return Status.PARTIAL if effective + both + interpreted >= 2 else Status.FAIL


def _status(case: Case) -> Status:
    """The rule, or UNDECIDED where what isn't known would change its outcome."""
    facts = case.facts
    kinds = {facts.bucketing}
    compared = {facts.compared}
    if facts.bucketing == Bucketing.UNKNOWN:
        kinds = {Bucketing.EFFECTIVE, Bucketing.NO_OP}
    if outputs_cleared(case.evidence) and facts.bucketing != Bucketing.ABSENT:
        # What was run, and what it stored, is gone: both may have been there, unless our own run went
        # through everything and saw no second training.
        # A probe that reported no training at all may have missed it: that is ours, and proves nothing.
        all_seen = saw_up_to(case, 10**9) and any(map(observed_trained, case.runs))
        if not all_seen or sum(map(observed_trained, case.runs)) > 1:
            compared.add("both")
        if facts.bucketing == Bucketing.UNEXECUTED and not all_seen:
            kinds = {Bucketing.EFFECTIVE, Bucketing.NO_OP, Bucketing.UNEXECUTED}
    if facts.bucketing == Bucketing.ABSENT and untold(case):
        # What was not found may stand in code that isn't in the file.
        kinds |= {Bucketing.EFFECTIVE, Bucketing.NO_OP}
        compared.add("both")
    said = {facts.analysed, "short"} if case.unread_cells else {facts.analysed}
    possible = {parts(k, c, a) for k in kinds for c in compared for a in said}
    return possible.pop() if len(possible) == 1 else Status.UNDECIDED


def _reason(case: Case, status: Status) -> Text:
    """What the verdict comes to."""
    if status == Status.PASS:
        sentences = [
            say.text(
                "적용, 비교, 해석이 모두 갖추어졌습니다.",
                "Applied, compared and interpreted: all three are there.",
            )
        ]
        if case.facts.confounded:
            sentences.append(
                say.text(
                    "다만 두 실행은 bucketing 말고 다른 조건도 달라서, 차이가 모두 bucketing 때문이라고는 할 "
                    "수 없습니다.",
                    "The two runs differ in more than bucketing, though, so not all of the difference is its "
                    "doing.",
                )
            )
        if case.own_run:
            sentences.append(own_run.said(case.evidence))
        return say.join_texts(sentences)
    if status == Status.UNDECIDED:
        return _unsure(case)
    return _have_and_missing(case)


def _have_and_missing(case: Case) -> Text:
    """Which of the three parts are there, and which are not."""
    stored = case.facts.compared == "both"
    parts_of_it = [
        (case.facts.bucketing == Bucketing.EFFECTIVE, "bucketing의 실제 효과", "a real effect"),
        (stored, "출력으로 남은 전후 비교", "a stored comparison"),
        (case.facts.analysed != "no", "글로 쓴 해석", "an interpretation in words"),
    ]
    have = [(ko, en) for there, ko, en in parts_of_it if there]
    missing = [(ko, en) for there, ko, en in parts_of_it if not there]
    if case.facts.compared == "typed":
        have.insert(min(1, len(have)), ("손으로 적은 전후 비교", "a comparison typed by hand"))
    ko = say.josa(", ".join(k for k, _ in missing), "이/가") + " 아직 없습니다."
    en = "Still missing: " + ", ".join(e for _, e in missing) + "."
    if have:
        ko = say.josa(", ".join(k for k, _ in have), "은/는") + " 확인되었지만, " + ko
        en = "There: " + ", ".join(e for _, e in have) + ". " + en
    return say.text(ko, en)


def _unsure(case: Case) -> Text:
    if outputs_cleared(case.evidence):
        seen = say.text("", "")
        if case.decided.from_running and case.facts.bucketing == Bucketing.EFFECTIVE:
            seen = say.text(
                " 채점기가 실행했을 때는 패딩이 실제로 줄었습니다.",
                " When the grader ran it, padding did fall.",
            )
        return say.text(
            f"출력이 지워져 있어 두 실행의 시간과 정확도를 볼 수 없습니다.{seen.ko} 실행한 상태로 다시 "
            "저장하면 판단할 수 있습니다.",
            f"The outputs are cleared, so time and accuracy can't be seen.{seen.en} Saving the notebook as "
            "run would settle it.",
        )
    if cells := untold(case):
        at = say.cells(cells)
        return say.text(
            f"{at.ko}에서 실행한 코드를 채점기가 읽을 수 없어, bucketing과 비교가 그 안에 "
            "있는지 알 수 없습니다.",
            f"The grader can't read the code that {at.en} runs, and bucketing and the comparison may be in "
            "there.",
        )
    if case.unread_cells and case.facts.bucketing != Bucketing.UNKNOWN:
        at = say.cells(case.unread_cells)
        return say.text(
            f"{at.ko}의 글이 두 실행을 비교해 해석한 것인지에 따라 판정이 달라지는데, 채점기가 그 뜻을 읽어 "
            "내지 못했습니다.",
            f"The verdict hangs on whether the text in {at.en} interprets the comparison, which the grader "
            "can't make out.",
        )
    if case.bucketed is not None and case.bucketed.run.kind != "trainer":
        return say.text(
            "bucketing이 실제로 효과를 냈는지에 따라 판정이 달라지는데, 코드와 남은 출력으로는 정할 수 "
            "없습니다. 배치의 길이가 출력에 남아 있거나 다시 실행해 보면 판단할 수 있습니다.",
            "The verdict hangs on whether bucketing took effect, which code and outputs don't tell. The "
            "width of the batches in an output, or running it, would settle it.",
        )
    return say.text(
        "bucketing이 실제로 효과를 냈는지에 따라 판정이 달라지는데, 남은 기록으로는 정할 수 없습니다. "
        "`trainer.train()`의 `TrainOutput`이 출력에 남아 있거나 다시 실행해 보면 판단할 수 있습니다.",
        "The verdict hangs on whether bucketing took effect, which the record doesn't tell. The "
        "`TrainOutput` of "
        "`trainer.train()` in an output, or running it, would settle it.",
    )


def _images(case: Case) -> bool:
    return any(o.value.get("where") == "markdown" for o in observations(case.evidence, Kind.IMAGE))


def _person(case: Case) -> Text | None:
    """What only a person can look at."""
    shown = [
        o.cell
        for o in observations(case.evidence, Kind.IMAGE)
        if o.value.get("where") == "markdown" and o.cell is not None
    ]
    if shown and case.facts.compared != "both":
        at = say.cells(shown)
        return say.text(
            f"✍️ {at.ko}의 이미지에 비교 결과가 있는지 눈으로 확인해 주세요. 이미지는 채점에 쓰지 않았습니다.",
            f"✍️ Please look whether the images in {at.en} hold a comparison; they were not used.",
        )
    if case.unread_cells and case.facts.bucketing != Bucketing.UNKNOWN:
        at = say.cells(case.unread_cells)
        return say.text(
            f"✍️ {at.ko}의 글이 bucketing 전후를 비교해 해석한 것인지 읽어 보고 정해 주세요.",
            f"✍️ Please read {at.en} and decide whether it interprets the comparison.",
        )
    if _status(case) == Status.UNDECIDED:
        return say.text(
            "✍️ 패딩이 실제로 줄었는지 코더와 함께 배치의 길이를 출력해 확인해 주세요.",
            "✍️ Please print the width of a few batches with the coder and see whether padding fell.",
        )
    return None


def _cited(case: Case) -> tuple[Citation, ...]:
    """Tokenising, both runs with their arguments and collator, the comparison and the analysis."""
    found: list[Citation] = []
    for j in (case.baseline, case.bucketed):
        if j is None:
            continue
        source = tokenising(case, j)
        if source is not None:
            found += say.cite_observation(source)
            if pads_in_advance(source):
                found.append(padding_citation(case, source))
    for o in observations(case.evidence, Kind.ATTEMPT, Kind.COLLATOR):
        if (case.bucketed is not None and o.cell in case.bucketed.run.cells) or case.bucketed is None:
            found += say.cite_observation(o)
    shown = [j for j in (case.baseline, case.bucketed) if j is not None]
    for j in shown or [j for j in case.runs if j.run.executed][-1:] or case.runs[-1:]:
        found += say.cite_run(j.run)
    for o in observations(case.evidence, Kind.TYPED_TABLE)[:2]:
        found += say.cite_observation(o)
    by_cell = {o.cell: o for o in observations(case.evidence, Kind.REMARK, Kind.ANALYSIS)}
    found += [say.cite(c, by_cell[c].quote, Witness.SOURCE) for c in case.analysis_cells if c in by_cell]
    return say.distinct(found)
