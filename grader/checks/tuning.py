"""The one next step for item 2: a change to the student's own settings that is known to help on NSMC, or
what makes the training show its accuracy.

Not covered: whether the goal is missed (`improving`).
"""

from __future__ import annotations

from grader.checks import again, say
from grader.checks.join import Joined, observations
from grader.checks.settle import Case
from grader.facts import Kind
from grader.records import Evaluation, Text, TrainingRun

HIGHEST_RATE = 5e-5
"""Learning rates tried for fine-tuning BERT in its paper: 2e-5 to 5e-5 (Devlin et al. 2019, A.3)."""

MANY_ROWS = 60_000
"""Below this, more of NSMC's 150,000 rows help more than any setting."""


def tuning_step(case: Case, best: Evaluation) -> Text:
    """What to change first in the run that came closest."""
    at = say.cell(best.cell)
    joined = next((j for j in case.runs if j.run.cell == best.cell), None)
    step = (_for_run(case, joined.run, at) if joined is not None else None) or say.text(
        f'{at.ko}의 학습에 `load_best_model_at_end=True, metric_for_best_model="accuracy"`를 넣어 가장 좋은 '
        "에폭의 모델을 고르게 해서 다시 실행해 보세요.",
        'Let `load_best_model_at_end=True, metric_for_best_model="accuracy"` choose the best epoch of the '
        f"training in {at.en}, and run it again.",
    )
    return say.join_texts((step, again.fresh_model_first(case, joined))) if joined is not None else step


def _for_run(case: Case, run: TrainingRun, at: Text) -> Text | None:
    """The first of the usual reasons that fits this run."""
    rate = _rate(case, run)
    if rate is not None and rate > HIGHEST_RATE and "peft" not in run.model.lower():
        return say.text(
            f"{at.ko} 학습의 학습률을 {rate:g}에서 `2e-5`로 낮추어 다시 실행해 보세요. BERT 미세조정은 보통 "
            "2e-5~5e-5에서 안정적입니다.",
            f"Lower the learning rate of the training in {at.en} from {rate:g} to `2e-5` and run it again; "
            "BERT fine-tuning is usually stable at 2e-5 to 5e-5.",
        )
    if run.ending.stopped and run.epochs_planned:
        return say.text(
            f"{at.ko}의 학습은 계획한 {say.epochs(run.epochs_planned)} 에폭을 채우지 못하고 멈췄습니다. 같은 "
            "설정으로 끝까지 실행해 보세요.",
            f"The training in {at.en} stopped before its {say.epochs(run.epochs_planned)} epochs were done. "
            "Run the same settings to the end.",
        )
    if run.rows and run.rows < MANY_ROWS:
        return say.text(
            f"{say.josa(at.ko, '은/는')} {say.count(run.rows)}행만 학습했습니다. 같은 설정에서 학습 행만 "
            "100,000개 이상으로 늘려 다시 실행해 보세요.",
            f"{at.en.capitalize()} trained on {say.count(run.rows)} rows only. Run the same settings on "
            "100,000 rows or more.",
        )
    if run.max_length and run.max_length < 64:
        return say.text(
            f"`max_length={run.max_length}` 설정에서 잘리는 리뷰가 있습니다. 128로 늘리고 {at.ko}의 학습을 "
            "다시 실행해 보세요.",
            f"`max_length={run.max_length}` cuts off reviews. Raise it to 128 and run the training of "
            f"{at.en} again.",
        )
    if run.batch_size and run.batch_size < 16 and run.kind == "trainer":
        return say.text(
            f"{at.ko}의 배치 크기는 {run.batch_size}입니다. `per_device_train_batch_size=32`(메모리가 "
            "모자라면 `gradient_accumulation_steps`)로 늘려 다시 실행해 보세요.",
            f"The batch size in {at.en} is {run.batch_size}. Raise it to `per_device_train_batch_size=32` "
            "(or use `gradient_accumulation_steps`) and run it again.",
        )
    if run.kind != "trainer":
        return say.text(
            f"{at.ko}의 학습에 warmup이 있는 학습률 스케줄(torch는 `get_linear_schedule_with_warmup`, "
            "Keras는 `create_optimizer`)을 더해 다시 실행해 보세요. 초반의 큰 변화를 줄이면 정확도가 조금 "
            "올라가는 경우가 많습니다.",
            f"Add a learning-rate schedule with warm-up to the training in {at.en} (torch: "
            "`get_linear_schedule_with_warmup`, Keras: `create_optimizer`) and run it again; a gentler start "
            "often gains a little accuracy.",
        )
    if not ({"warmup_steps", "warmup_ratio"} & set(run.arguments)):
        return say.text(
            f"{at.ko}의 `TrainingArguments`에 `warmup_ratio=0.1`을 더해 다시 실행해 보세요. 초반의 큰 변화를 "
            "줄이면 정확도가 조금 올라가는 경우가 많습니다.",
            f"Add `warmup_ratio=0.1` to the `TrainingArguments` of {at.en} and run it again; a gentler start "
            "often gains a little accuracy.",
        )
    return None


def _rate(case: Case, run: TrainingRun) -> float | None:
    """The learning rate as written in the arguments, or for the run's own optimizer."""
    found = [run.arguments.get("learning_rate")]
    found += [
        o.value.get("value")
        for o in observations(case.evidence, Kind.TUNING)
        if o.value.get("what") == "learning_rate" and o.value.get("run", o.cell) == run.cell
    ]
    for value in found:
        try:
            return float(str(value))
        except ValueError:
            continue
    return None


def metric_step(case: Case) -> Text:
    """No accuracy is stored: what the last training lacks to show one, in the notebook's own spelling."""
    ran = [j for j in case.runs if j.run.executed] or list(case.runs)
    if not ran:
        name, _ = again.evaluation_argument(case, None)
        return say.text(
            f'`Trainer`에 `compute_metrics`를 넣고 `TrainingArguments({name}="epoch")`로 학습해, 에폭마다 '
            "검증 정확도가 표로 남게 해 주세요.",
            f'Train with a `Trainer` that has `compute_metrics`, and `TrainingArguments({name}="epoch")`, so '
            "that the table shows the validation accuracy of each epoch.",
        )
    last = ran[-1]
    fresh, cells = again.fresh_model(case, last), again.training_cells(case, last)
    lacks, lacks_en = _lacks(case, last, say.cell(last.run.cell))
    ko = f"{lacks}, " * bool(lacks) + f"{fresh.ko} " * bool(fresh.ko)
    en = ", ".join(part for part in (lacks_en, fresh.en) if part)
    en = f"{say.capital(en)} and run" if en else "Run"
    return say.text(
        f"{ko}{cells.ko}의 학습을 끝까지 다시 실행해, 에폭마다 검증 정확도가 출력에 남게 해 주세요.",
        f"{en} the training of {cells.en} again to its end, so that the output shows the validation accuracy "
        "of each epoch.",
    )


def _lacks(case: Case, last: Joined, at: Text) -> tuple[str, str]:
    """What to give a training so that it measures accuracy, so far as it hasn't got it."""
    if last.run.kind == "keras":
        return (
            f'{at.ko}의 `compile`에 `metrics=["accuracy"]`, `fit`에 `validation_data`를 넣고',
            f'give `compile` `metrics=["accuracy"]` and `fit` its `validation_data` in {at.en}',
        )
    if last.run.kind != "trainer":
        return (
            f"{at.ko}의 학습 루프에서 에폭마다 검증 데이터의 정확도를 계산해 출력하게 하고",
            f"print the accuracy on the validation rows after each epoch of the loop in {at.en}",
        )
    made, place = say.cell(again.trainer_cell(case, last)), say.cell(again.arguments_cell(case, last))
    name, value = again.evaluation_argument(case, last)
    parts, parts_en = [], []
    if not again.computes_metrics(case, last):
        parts.append(f"{made.ko}의 `Trainer`에 `compute_metrics`를 넣고")
        parts_en.append(f"give the `Trainer` of {made.en} a `compute_metrics`")
    if value not in ("epoch", "steps"):
        parts.append(f'{place.ko}의 `TrainingArguments`에 `{name}="epoch"`를 넣고')
        parts_en.append(f'set `{name}="epoch"` in the `TrainingArguments` of {place.en}')
    return ", ".join(parts), ", ".join(parts_en)
