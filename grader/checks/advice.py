"""The one next step for item 3: which cell, which argument, which value, and what will be seen then.

Not covered: whether a step is needed (`comparing`).
"""

from __future__ import annotations

from grader.checks import again, say
from grader.checks.bucketing import outputs_cleared
from grader.checks.join import Joined
from grader.checks.plain import add_bucketed, add_plain
from grader.checks.settle import Case
from grader.checks.shown import saw_up_to
from grader.checks.tokenising import PADS, padding_argument, padding_cell, pads_in_advance, tokenising
from grader.checks.unfilled import compare_later, go_on, unfilled
from grader.checks.unpadding import remove_padding
from grader.records import Bucketing, Ending, Text


def next_step(case: Case) -> Text:
    """The smallest thing that would bring item 3 further."""
    kind = case.facts.bucketing
    if unfilled(case) and kind == Bucketing.ABSENT:
        return compare_later(case)
    if unfilled(case) and outputs_cleared(case.evidence):
        return go_on(case) or _save_as_run()
    never_ran = kind == Bucketing.UNEXECUTED and saw_up_to(case, 10**9)
    if kind == Bucketing.NO_OP:
        # Saving a run that changes nothing would only bring the same verdict once more.
        return remove_padding(case)
    if outputs_cleared(case.evidence) and kind != Bucketing.ABSENT and not never_ran:
        return _save_as_run()
    if kind == Bucketing.UNEXECUTED:
        return _run_it(case)
    if kind == Bucketing.ABSENT:
        return add_bucketed(case)
    if kind == Bucketing.UNKNOWN:
        return _show_width(case)
    if case.facts.compared != "both":
        return _run_baseline(case)
    return _interpret(case)


def _run_it(case: Case) -> Text:
    bucketed = case.bucketed
    code = say.text("bucketing 코드", "the bucketing code")
    at = again.training_cells(case, bucketed) if bucketed else code
    source = tokenising(case, bucketed)
    first = say.text("", "")
    if pads_in_advance(source):
        place = padding_cell(case, source)
        tok, written = say.cell(place), padding_argument(case, place) or PADS[source.value["padding"]]
        first = say.text(
            f"먼저 {tok.ko}의 토크나이저에서 `{written}` 인자를 뺀 데이터로 학습해야 효과가 납니다. 그다음 ",
            f"First train on rows tokenised without the `{written}` of {tok.en}, or it will have no effect. "
            "Then ",
        )
    fresh = _fresh_after_another(case, bucketed)
    ko, en = (f"{fresh.ko} ", f"{fresh.en} and ") if fresh.ko else ("", "")
    run = f"{en}run"
    return say.text(
        f"{first.ko}{ko}{at.ko}의 학습을 끝까지 실행하고, `train_runtime`과 `eval_accuracy`가 출력에 남은 "
        "상태로 저장해 주세요. 오래 걸리면 두 실행 모두 같은 20,000행으로 줄여도 비교할 수 있습니다.",
        f"{first.en}{run if first.en else say.capital(run)} the training of {at.en} to its end and "
        "save it with `train_runtime` and `eval_accuracy` in the output. If that takes long, the same 20,000 "
        "rows in both runs will do.",
    )


def _fresh_after_another(case: Case, bucketed: Joined | None) -> Text:
    """To load the model afresh, where another training comes first and may have trained the same one."""
    first = bucketed.run.cell if bucketed is not None else 10**9
    if not any(j.run.cell < first for j in case.runs):
        return say.text("", "")
    return again.fresh_model(case, bucketed)


def _run_baseline(case: Case) -> Text:
    lacking = [j for j in (case.baseline, case.bucketed) if j is not None and _no_accuracy(j)]
    if case.baseline is not None and case.baseline.run.seconds is not None and lacking:
        which, fresh = again.training_cells(case, *lacking), again.fresh_model(case, lacking[-1])
        each, each_en = ("매번 ", " each time") if len(lacking) > 1 and fresh.ko else ("", "")
        ko, en = (f" {each}{fresh.ko}", f"{fresh.en}{each_en} and ") if fresh.ko else ("", "")
        return say.text(
            f"{which.ko}의 학습에 `compute_metrics`를 넣어{',' if ko else ''}{ko} 다시 실행해, 시간과 "
            "정확도를 함께 출력에 남겨 주세요.",
            f"Give the training of {which.en} a `compute_metrics`, {en}run it again, so that the output "
            "shows the accuracy beside the time.",
        )
    gone = next((j for j in case.runs if j is not case.bucketed and _output_gone(j)), None)
    if gone is not None:
        both = say.cells((gone.run.cell, case.bucketed.run.cell))
        fresh = again.fresh_model(case, case.bucketed)
        own, own_en = (
            (f" 실행마다 {fresh.ko} 시작해 주세요.", f" Before each, {fresh.en}.") if fresh.ko else ("", "")
        )
        return say.text(
            f"{both.ko}의 학습을 출력이 남도록 다시 실행해, 두 실행의 `train_runtime`과 정확도가 보이는 "
            f"상태로 저장해 주세요.{own}",
            f"Run the trainings of {both.en} again and save the notebook with `train_runtime` and the "
            f"accuracy of both in the output.{own_en}",
        )
    return add_plain(case)


def _no_accuracy(joined: Joined) -> bool:
    return not joined.scored_later and all(e.accuracy is None for e in joined.run.evaluations)


def _output_gone(joined: Joined) -> bool:
    """Was a training run whose time isn't stored any more?"""
    run = joined.run
    return bool(run.executed) and run.seconds is None and run.ending == Ending.UNKNOWN


def _interpret(case: Case) -> Text:
    base, late = case.pair
    a, b = say.durations(base.seconds, late.seconds)
    at = say.cell(late.cell)
    return say.text(
        f"{at.ko} 아래에 마크다운 셀을 하나 만들어, 학습 시간({a.ko} → {b.ko})과 정확도가 왜 그렇게 "
        "달라졌는지, 행당 토큰이 얼마나 줄었는지 두세 문장으로 적어 주세요.",
        f"Add a markdown cell below {at.en} and say in two or three sentences why training time ({a.en} → "
        f"{b.en}) and accuracy changed as they did, and how many tokens per row were saved.",
    )


def _show_width(case: Case) -> Text:
    at = say.cell(case.bucketed.run.cell) if case.bucketed else say.text("학습 셀", "the training cell")
    if case.bucketed is not None and case.bucketed.run.kind != "trainer":
        return say.text(
            f"{at.ko}의 학습 루프에서 처음 몇 배치의 `input_ids.shape`를 출력해, 배치마다 길이가 달라지는지 "
            "남겨 주세요.",
            f"Print `input_ids.shape` of the first few batches in the training loop of {at.en} and keep the "
            "output: it shows whether the width changes from batch to batch.",
        )
    return say.text(
        f"{at.ko} 다음에 `for b in list(trainer.get_train_dataloader())[:5]: print(b['input_ids'].shape)`를 "
        "실행해 배치마다 길이가 달라지는지 출력으로 남겨 주세요.",
        f"After {at.en}, run `for b in list(trainer.get_train_dataloader())[:5]: "
        "print(b['input_ids'].shape)` and keep the output: it shows whether the width changes from batch to "
        "batch.",
    )


def _save_as_run() -> Text:
    return say.text(
        "노트북을 처음부터 끝까지 실행한 뒤 출력을 지우지 말고 저장해 주세요. 두 실행의 `train_runtime`과 "
        "`eval_accuracy`가 보이면 충분합니다.",
        "Run the notebook from top to bottom and save it without clearing outputs; `train_runtime` and "
        "`eval_accuracy` of both runs are enough.",
    )
