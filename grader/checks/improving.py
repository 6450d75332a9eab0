"""Item 2: did preprocessing and fine-tuning bring the model to the goal?

PASS: a stored output shows the goal (0.90) on rows not trained on. PARTIAL: below it, but better than an
earlier run of the file. FAIL: below it, or nothing stored. Numbers only typed or in images don't count.
Our own run counts as stored where it was a whole one (`own_run`) and its model confirms the number.
UNDECIDED: the file stores nothing at all, the rows may have been trained on, no training was seen that
could have produced the number, or the notebook replaces the functions that measure.
"""

from __future__ import annotations

from grader.checks import lengths, own_run, say
from grader.checks.accuracy import best_of
from grader.checks.join import observations
from grader.checks.settle import Case
from grader.checks.shown import never_trained
from grader.checks.tuning import tuning_step
from grader.checks.unproven import (
    leaked_only,
    not_confirmed,
    not_earned,
    nothing_stored,
    of_replaced_functions,
    verdict,
)
from grader.facts import Kind
from grader.records import Citation, Evaluation, Status, Text, Verdict


def decide(case: Case) -> Verdict:
    """The verdict on r2."""
    best = case.measured.best
    goal = case.goal
    if best is not None and best.accuracy >= goal and not _earned(case, best):
        return not_earned(case, best)
    if best is None:
        return nothing_stored(case)
    if best.accuracy >= goal and (cells := _replaced(case)):
        return of_replaced_functions(case, best, cells)
    if best.accuracy >= goal and case.own_run and not confirmed(case, goal):
        return not_confirmed(case, best)
    if best.accuracy >= goal:
        return verdict(
            case, Status.PASS, _best_text(case, best), _passed_reason(case, best), _cited(case, best)
        )
    if case.measured.leaked and max(e.accuracy for e in case.measured.leaked) >= goal:
        return leaked_only(case)
    if case.own_run and case.evidence.observed is not None and case.evidence.observed.profile == "pocket":
        return _short_on_stand_in(case, best)
    if case.measured.improved_from is not None:
        before = case.measured.improved_from
        return verdict(
            case,
            Status.PARTIAL,
            _best_text(case, best),
            say.text(
                f"목표에는 {say.accuracy(goal - best.accuracy)}만큼 모자라지만, "
                f"{say.cell(before.cell).ko}의 {say.accuracy(before.accuracy)}에서 올라왔습니다.",
                f"{say.accuracy(goal - best.accuracy)} short of the goal, but up from "
                f"{say.accuracy(before.accuracy)} in {say.cell(before.cell).en}.",
            ),
            say.distinct((*_cited(case, best), say.cite(before.cell, before.quote, case.left_by))),
            next_step=tuning_step(case, best),
        )
    return verdict(
        case,
        Status.FAIL,
        _best_text(case, best),
        say.text(
            f"목표에 {say.accuracy(goal - best.accuracy)}만큼 모자라고, 앞선 실행보다 뚜렷하게 나아진 실행도 "
            "없습니다.",
            f"{say.accuracy(goal - best.accuracy)} short of the goal, and no run is clearly better than an "
            "earlier one.",
        ),
        _cited(case, best),
        next_step=tuning_step(case, best),
    )


def _short_on_stand_in(case: Case, best: Evaluation) -> Verdict:
    """A whole run of ours fell short, with a model that hardly learns at BERT's own learning rates."""
    return verdict(
        case,
        Status.UNDECIDED,
        _best_text(case, best),
        say.text(
            "파일에 저장된 출력이 없고, 이 숫자는 작은 대역 모델로 잰 것입니다. 대역 모델이 모자란다고 해서 "
            "klue/bert-base도 모자란다고 할 수는 없습니다.",
            "The file stores no outputs, and this figure is a small stand-in model's. That it falls short "
            "says nothing of klue/bert-base.",
        ),
        _cited(case, best),
        person=say.text(
            "✍️ 코더에게 실제 모델로 실행한 출력을 저장해 다시 내 달라고 해 주세요.",
            "✍️ Please ask the coder to hand it in again with the outputs of the real model.",
        ),
    )


def _replaced(case: Case) -> tuple[int, ...]:
    """Cells that replace what trains or measures: by reading, and by our own run where there was one."""
    read = {o.cell for o in observations(case.evidence, Kind.REPLACED) if o.cell is not None}
    seen = case.evidence.observed
    return tuple(sorted(read | set(seen.replaced if seen else ())))


def _earned(case: Case, best: Evaluation) -> bool:
    """Could a training in this notebook have produced the number?"""
    before = [j for j in case.runs if j.run.cell <= best.cell and j.run.executed]
    return any(not never_trained(case, j) for j in before) or (
        # A model fine-tuned in an earlier session and loaded from its folder.
        not before
        and any(
            "checkpoint" in str(o.value.get("name", "")) for o in observations(case.evidence, Kind.MODEL_LOAD)
        )
    )


def _best_text(case: Case, best: Evaluation) -> Text:
    """'셀 24: 정확도 0.9043 (train에서 나눈 검증 데이터)'."""
    kind = case.measured.split
    rows = f" {say.count(best.rows)}" if best.rows else ""
    if kind.startswith("subset:"):
        where = say.text(f"평가 데이터 일부{rows}행", f"a subset of{rows} rows")
    elif kind == "test-as-validation":
        where = say.text("검증용으로 쓴 test 데이터", "the test split used as validation")
    elif kind == "test":
        where = say.text("test 데이터", "the test split")
    elif kind == "validation":
        where = say.text("train에서 나눈 검증 데이터", "validation rows split from train")
    else:
        where = say.text("평가 데이터", "evaluation rows")
    return say.text(
        f"{say.cell(best.cell).ko}: 최고 정확도 {say.accuracy(best.accuracy)} ({where.ko})",
        f"{say.cell(best.cell).en.capitalize()}: best accuracy {say.accuracy(best.accuracy)} ({where.en})",
    )


def _passed_reason(case: Case, best: Evaluation) -> Text:
    """What was improved on the way, and how sure the number is."""
    parts = []
    done = lengths.changed(case.evidence)
    if done:
        at = say.cells(o.cell for o in done)
        parts.append(
            say.text(
                f"전처리({at.ko})와 미세조정을 거쳐 목표를 넘었습니다.",
                f"Preprocessing ({at.en}) and fine-tuning reach the goal.",
            )
        )
    else:
        parts.append(
            say.text(
                "미세조정으로 목표를 넘었습니다. 다만 데이터 전처리를 바꾼 셀은 찾지 못했습니다.",
                "Fine-tuning reaches the goal; no cell that changes the preprocessing of the data was found.",
            )
        )
    if best.accuracy - case.goal < case.threshold("r2", "noise"):
        parts.append(
            say.text(
                "목표와의 차이가 실행마다 달라지는 폭(약 0.003)보다 작아, 시드를 바꾸면 결과가 바뀔 수 "
                "있습니다.",
                "The margin is smaller than what two equal runs differ by (about 0.003): another seed may "
                "fall below.",
            )
        )
    if case.measured.split == "test-as-validation":
        parts.append(
            say.text(
                "test 데이터를 검증에 썼으므로, 최종 성능을 따로 확인할 데이터는 남지 않았습니다.",
                "As test served as validation, no rows are left to confirm the final result.",
            )
        )
    if case.own_run:
        parts.append(own_run.said(case.evidence))
    return say.join_texts(parts)


def confirmed(case: Case, goal: float) -> bool:
    """Does the model our own run left reach the goal on hidden rows, as far as their number can tell?"""
    scores = case.evidence.verified.scores if case.evidence.verified else ()
    return any(s.high is not None and s.high >= goal for s in scores)


def _cited(case: Case, best: Evaluation) -> tuple[Citation, ...]:
    """The best number, the best of the other runs, and the preprocessing."""
    found = [say.cite(best.cell, best.quote, case.left_by)]
    others = sorted(
        (e for j in case.runs if j.run.cell != best.cell and (e := best_of(j.run)) is not None),
        key=lambda e: -e.accuracy,
    )
    found += [say.cite(e.cell, e.quote, case.left_by) for e in others[:1]]
    for o in lengths.changed(case.evidence)[:2]:
        found += say.cite_observation(o)
    return say.distinct(found)
