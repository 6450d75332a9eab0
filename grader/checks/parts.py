"""The three parts of item 3 in one sentence each: the effect, the comparison, the interpretation.

Not covered: what they come to (`comparing`).
"""

from __future__ import annotations

from grader.checks import say
from grader.checks.accuracy import best_of
from grader.checks.bucketing import outputs_cleared
from grader.checks.join import Joined
from grader.checks.settle import Case
from grader.checks.tokenising import padding_cell, padding_collator, pads_in_advance, tokenising
from grader.records import Bucketing, Grouping, Padding, Text


def effect(case: Case) -> Text:
    """Part (a) in one sentence."""
    bucketed, kind = case.bucketed, case.facts.bucketing
    at = say.cell(bucketed.run.cell) if bucketed else None
    if kind == Bucketing.ABSENT or (bucketed is None and kind != Bucketing.UNEXECUTED):
        return say.text("bucketing을 적용한 학습을 찾지 못했습니다.", "No training with bucketing was found.")
    if kind == Bucketing.UNEXECUTED:
        where = at or say.text("노트북", "the notebook")
        if outputs_cleared(case.evidence):
            return say.text(
                f"{where.ko}에 bucketing 코드가 있지만, 실행된 출력이 남아 있지 않습니다.",
                f"Bucketing is written in {where.en}, but no output of it is stored.",
            )
        if bucketed is not None and (stopped := _stopped(bucketed)) is not None:
            return say.text(
                f"{where.ko}의 bucketing 학습은 {stopped.ko} 멈춰, 결과가 남지 않았습니다.",
                f"The training with bucketing in {where.en} stopped {stopped.en} and left no result.",
            )
        return say.text(
            f"{where.ko}에 bucketing 코드가 있지만, 결과를 남긴 실행이 없습니다.",
            f"Bucketing is written in {where.en}, but no run of it left a result.",
        )
    assert bucketed is not None and at is not None
    if kind == Bucketing.EFFECTIVE:
        return _took_effect(case, bucketed, at)
    if kind == Bucketing.NO_OP:
        return _no_effect(case, bucketed, at)
    return say.text(
        f"{at.ko}의 학습에서 패딩이 실제로 줄었는지 코드와 출력만으로는 알 수 없습니다.",
        f"Whether padding really fell in the training of {at.en} can't be told from code and outputs.",
    )


def _stopped(joined: Joined) -> Text | None:
    """How far a run came that its author or an error stopped; None if it wasn't stopped."""
    run = joined.run
    if not run.ending.stopped or not run.steps:
        return None
    if run.epochs and run.epochs_planned:
        share = f"{100 * run.epochs / run.epochs_planned:.0f} %"
        return say.text(f"전체의 {share}쯤에서", f"at about {share}")
    return say.text(f"{run.steps:,}스텝에서", f"at step {run.steps:,}")


def _took_effect(case: Case, bucketed: Joined, at: Text) -> Text:
    """By how much the tokens fell; where they aren't known, how the two runs pad."""
    base, width = case.baseline, bucketed.run.tokens_per_row
    if base is not None and case.decided.fell is not None:
        first, before = say.cell(base.run.cell), base.run.tokens_per_row
        if before is not None and width is not None:
            ours = [run.run for run in (base, bucketed) if "tokens_per_row" in run.run.stand_in]
            where = say.cells(run.cell for run in ours)
            note = say.text("(대역 데이터)", " (stand-in data)") if ours else say.text("", "")
            if len(ours) == 1:
                note = say.text(f"({where.ko}만 대역 데이터)", f" ({where.en}: stand-in data)")
            return say.text(
                f"행당 토큰이 {say.tokens(before)}({first.ko})에서 {say.tokens(width)}({at.ko})까지 "
                f"줄어{note.ko}, bucketing이 실제로 효과를 냈습니다.",
                f"Tokens per row fell from {say.tokens(before)} ({first.en}) to {say.tokens(width)} "
                f"({at.en}){note.en}: bucketing took effect.",
            )
        then, now = _how_padded(base), _how_padded(bucketed)
        return say.text(
            f"{first.ko}에서는 {then.ko} 패딩했지만 {at.ko}에서는 {now.ko} 패딩해, bucketing이 실제로 효과를 "
            "냈습니다.",
            f"{first.en.capitalize()} pads {then.en}, {at.en} {now.en}: bucketing took effect.",
        )
    shown = f" 행당 {say.tokens(width)} 토큰이 되도록" if width is not None else ""
    shown_en = f" ({say.tokens(width)} tokens per row)" if width is not None else ""
    return say.text(
        f"{at.ko}의 학습은 패딩하지 않은 행을{shown} 배치마다 패딩해, 동적 패딩이 실제로 적용되었습니다.",
        f"The training in {at.en} got unpadded rows and padded them per batch{shown_en}: it took effect.",
    )


def _how_padded(joined: Joined) -> Text:
    """How a run's rows got one length, by what was settled about it."""
    run = joined.run
    if run.padding == Padding.MAX_LENGTH:
        length = say.tokens(run.tokens_per_row or run.max_length or 512)
        return say.text(f"모든 행을 {length} 토큰으로", f"all rows to {length} tokens")
    if run.padding == Padding.MAP_BATCH:
        return say.text("1,000행 단위로", "per 1,000 rows")
    if run.grouping == Grouping.LENGTH:
        return say.text("길이가 비슷한 행끼리 묶어 배치마다", "rows grouped by length, per batch")
    return say.text("배치마다", "per batch")


def _grew(base: Joined, late: Joined) -> Text:
    """Batches that even became wider: widths rounded up, or long rows put together with short ones."""
    before, after = base.run.tokens_per_row, late.run.tokens_per_row
    if before is None or after is None or after < 1.1 * before:
        return say.text("", "")
    return say.text(
        f" 행당 토큰은 오히려 {say.tokens(before)}에서 {say.tokens(after)}까지 늘었습니다.",
        f" Tokens per row even rose from {say.tokens(before)} to {say.tokens(after)}.",
    )


def _no_effect(case: Case, bucketed: Joined, at: Text) -> Text:
    """Why nothing changed, with the number that shows it."""
    source = tokenising(case, bucketed)
    length = say.width(bucketed.run)
    length, length_en = length.ko, length.en
    if bucketed.stale:
        return say.text(
            f"{at.ko}의 코드는 동적 패딩이지만, 저장된 출력은 모든 행을 {length} 패딩한 실행의 것입니다.",
            f"The code of {at.en} pads dynamically, but its stored output is of a run with all rows padded "
            f"{length_en}.",
        )
    if (collator := padding_collator(case, bucketed)) is not None:
        place = say.cell(collator.cell)
        return say.text(
            f"{at.ko}에 bucketing을 설정했지만 {place.ko}의 collator가 `padding='max_length'`로 모든 배치를 "
            f"{length} 패딩해, 계산량은 그대로입니다.",
            f"{at.en.capitalize()} sets bucketing, but the collator of {place.en} pads every batch "
            f"{length_en} (`padding='max_length'`): the amount of computation stays the same.",
        )
    if pads_in_advance(source):
        tok = say.cell(padding_cell(case, source))
        return say.text(
            f"{at.ko}에 bucketing을 설정했지만 행들이 {tok.ko}의 토큰화에서 이미 {length} 패딩되어 있어, "
            "계산량은 그대로입니다.",
            f"{at.en.capitalize()} sets bucketing, but the tokenising in {tok.en} had already padded the "
            f"rows {length_en}: the amount of computation stays the same.",
        )
    base = case.baseline
    if base is not None and base.run.padding == Padding.DYNAMIC:
        first, grew = say.cell(base.run.cell), _grew(base, bucketed)
        return say.text(
            f"비교한 {first.ko}의 실행도 이미 배치마다 패딩하고 있어, {at.ko}의 방법으로 더 줄어든 패딩이 "
            f"없습니다.{grew.ko}",
            f"The run it is compared with ({first.en}) already pads per batch, so what {at.en} does removes "
            f"no further padding.{grew.en}",
        )
    return say.text(
        f"{at.ko}에 bucketing을 설정했지만 모든 행이 {length} 패딩되어 있어 효과가 없습니다.",
        f"{at.en.capitalize()} sets bucketing, but all rows are padded {length_en}: it has no effect.",
    )


def comparison(case: Case) -> Text:
    """Part (b) in one sentence."""
    if case.facts.compared == "both" and case.pair is not None:
        base, late = case.pair
        a, b = say.durations(base.seconds, late.seconds)
        x, y = best_of(base), best_of(late)
        ko = f"시간은 {a.ko} → {b.ko}"
        en = f"Time {a.en} → {b.en}"
        if x and y:
            ko += f", 정확도는 {say.accuracy(x.accuracy)} → {say.accuracy(y.accuracy)}"
            en += f", accuracy {say.accuracy(x.accuracy)} → {say.accuracy(y.accuracy)}"
        if case.own_run:
            return say.text(f"채점기의 실행에서 {ko}입니다.", f"In the grader's own run: {en}.")
        return say.text(
            f"두 실행의 결과가 모두 출력으로 남아 있습니다({ko}).", f"Both runs are stored ({en})."
        )
    if case.facts.compared == "one" and case.baseline and case.bucketed and case.facts.baseline is None:
        at = say.cells([case.baseline.run.cell, case.bucketed.run.cell])
        return say.text(
            f"{at.ko}의 실행은 체크포인트로 이어진 하나의 학습이라, bucketing 전후의 비교가 아닙니다.",
            f"The runs in {at.en} are one training, resumed from a checkpoint: no before and after.",
        )
    return {
        "typed": say.text(
            "비교에 쓴 숫자 가운데 한쪽 이상은 손으로 적은 것이라 다시 확인할 수 없습니다.",
            "At least one side of the comparison is typed by hand and can't be checked.",
        ),
        "one": say.text(
            "시간과 정확도가 함께 남은 실행은 있지만, bucketing 전후로 나란히 놓을 짝이 없습니다.",
            "There is a run with time and accuracy, but no pair to set side by side, before and after "
            "bucketing.",
        ),
    }.get(
        case.facts.compared,
        say.text(
            "시간과 정확도가 함께 출력으로 남은 실행이 없습니다.",
            "No run has both time and accuracy stored.",
        ),
    )


def interpretation(case: Case) -> Text:
    """Part (c) in one sentence."""
    at = say.cells(case.analysis_cells) if case.analysis_cells else None
    if case.facts.analysed == "yes" and at:
        return say.text(
            f"결과를 글로 해석했습니다({at.ko}).", f"The result is interpreted in words ({at.en})."
        )
    if case.facts.analysed == "short" and at:
        return say.text(f"해석은 짧게 적혀 있습니다({at.ko}).", f"There is a short interpretation ({at.en}).")
    if case.unread_cells:
        at = say.cells(case.unread_cells)
        return say.text(
            f"{at.ko}에 결과를 말하는 글이 있지만, 두 실행을 해석한 것인지는 알 수 없습니다.",
            f"{at.en.capitalize()} speaks of the result, perhaps of the two runs.",
        )
    return say.text("결과를 해석한 글이 없습니다.", "The result is not interpreted in words.")
