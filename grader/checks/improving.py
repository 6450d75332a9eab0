"""Item 2: did preprocessing and fine-tuning bring the model to the goal?

PASS: a stored output shows the goal (0.90) on rows not trained on. PARTIAL: below it, but better than an
earlier run of the file. FAIL: below it, or nothing stored. Numbers only typed or in images don't count.
UNDECIDED: the file stores nothing at all, the rows may have been trained on, or no training was seen
that could have produced the number.
"""

from __future__ import annotations

from grader.checks import say
from grader.checks.accuracy import best_of
from grader.checks.bucketing import outputs_cleared
from grader.checks.join import observations
from grader.checks.settle import Case
from grader.checks.shown import award, never_trained
from grader.checks.tuning import tuning_step
from grader.facts import Kind
from grader.records import Citation, Evaluation, Status, Text, Verdict, Witness


def decide(case: Case) -> Verdict:
    """The verdict on r2."""
    best = case.measured.best
    goal = case.threshold("r2", "accuracy")
    if best is not None and best.accuracy >= goal and not _earned(case, best):
        return _not_earned(case, best)
    if best is None:
        return _nothing(case)
    if best.accuracy >= goal:
        return _verdict(
            case, Status.PASS, _best_text(case, best), _passed_reason(case, best), _cited(case, best)
        )
    if case.measured.leaked and max(e.accuracy for e in case.measured.leaked) >= goal:
        return _leaked(case)
    if case.measured.improved_from is not None:
        before = case.measured.improved_from
        return _verdict(
            case,
            Status.PARTIAL,
            _best_text(case, best),
            say.text(
                f"목표에는 {say.accuracy(goal - best.accuracy)}만큼 모자라지만, "
                f"{say.cell(before.cell).ko}의 {say.accuracy(before.accuracy)}에서 올라왔습니다.",
                f"{say.accuracy(goal - best.accuracy)} short of the goal, but up from "
                f"{say.accuracy(before.accuracy)} in {say.cell(before.cell).en}.",
            ),
            say.distinct((*_cited(case, best), say.cite(before.cell, before.quote, Witness.RECORDED))),
            next_step=tuning_step(case, best),
        )
    return _verdict(
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


def _printed(case: Case) -> list[Evaluation]:
    """Accuracies printed by a cell that measures nothing."""
    return [
        Evaluation(cell=o.cell, accuracy=o.value["value"], quote=o.quote)
        for o in observations(case.evidence, Kind.PRINTED_METRIC)
        if o.cell is not None
        and "acc" in str(o.value.get("name", "")).lower()
        and isinstance(o.value.get("value"), int | float)
        and 0 <= o.value["value"] <= 1
    ]


def _not_earned(case: Case, best: Evaluation) -> Verdict:
    """A number without a training behind it."""
    seen = case.evidence.observed is not None
    return _verdict(
        case,
        Status.FAIL if seen or not case.evidence.source.runs else Status.UNDECIDED,
        say.text(
            f"{say.cell(best.cell).ko}에 {say.accuracy(best.accuracy)}이라는 숫자가 출력되어 있지만, 그 "
            "앞에서 실행된 학습이 없습니다.",
            f"{say.cell(best.cell).en.capitalize()} prints {say.accuracy(best.accuracy)}, but no training "
            "was run before it.",
        ),
        say.text(
            "학습하지 않은 모델의 정확도로는 성능 개선을 확인할 수 없습니다.",
            "An accuracy without a trained model can't show an improvement.",
        ),
        (say.cite(best.cell, best.quote, Witness.RECORDED),),
        next_step=say.text(
            f"{say.cell(best.cell).ko}에서 숫자를 직접 적는 대신 `trainer.train()`과 `trainer.evaluate()`를 "
            "실행해 그 출력을 남겨 주세요.",
            f"In {say.cell(best.cell).en}, run `trainer.train()` and `trainer.evaluate()` and keep their "
            "output instead of writing the number.",
        ),
        person=say.text(
            "✍️ 학습이 다른 곳에서 이루어졌는지 코더에게 물어봐 주세요.",
            "✍️ Please ask whether the training was done elsewhere.",
        ),
    )


def _nothing(case: Case) -> Verdict:
    """No stored accuracy that counts."""
    if case.measured.leaked:
        return _leaked(case)
    images = [o for o in observations(case.evidence, Kind.IMAGE) if o.cell is not None]
    look = None
    if images:
        at = say.cells(o.cell for o in images)
        look = say.text(
            f"✍️ {at.ko}의 이미지에 결과가 있다면 눈으로 확인해 주세요. 이미지로만 남은 숫자는 점수에 넣지 "
            "않았습니다.",
            f"✍️ Please look at the images in {at.en}; numbers that exist only there were not counted.",
        )
    if outputs_cleared(case.evidence):
        return _verdict(
            case,
            Status.UNDECIDED,
            say.text(
                "저장된 출력이 없어 정확도를 알 수 없습니다.",
                "Nothing is stored, so the accuracy is unknown.",
            ),
            _budget_reason(case),
            _run_cells(case),
            person=say.text(
                "✍️ 실행된 노트북을 받아 최고 검증 정확도를 확인해 주세요.",
                "✍️ Please ask for the notebook as it was run and look at its best validation accuracy.",
            ),
        )
    printed = _printed(case)
    if printed and not any(j.run.executed and not never_trained(case, j) for j in case.runs):
        return _not_earned(case, printed[-1])
    ran = [j for j in case.runs if j.run.executed]
    at = say.cell(ran[-1].run.cell) if ran else None
    return _verdict(
        case,
        Status.FAIL,
        say.text(
            f"{at.ko}의 학습은 정확도를 남기지 않았습니다." if at else "저장된 출력에 정확도가 없습니다.",
            f"The training in {at.en} left no accuracy." if at else "No stored output shows an accuracy.",
        ),
        say.text(
            "손으로 적은 숫자나 이미지 속 숫자는 다시 확인할 수 없어 근거로 쓰지 않았습니다.",
            "Numbers typed by hand or shown in images can't be checked, so they don't count.",
        ),
        _run_cells(case),
        next_step=_metric_step(case),
        person=look,
    )


def _leaked(case: Case) -> Verdict:
    """The goal is reached only on rows that had been trained on."""
    top = max(case.measured.leaked, key=lambda e: e.accuracy)
    best = case.measured.best
    at = say.cell(top.cell)
    rest = (
        say.text(
            f" 학습에 쓰지 않은 행에서는 최고 {say.accuracy(best.accuracy)}입니다.",
            f" On rows not trained on the best is {say.accuracy(best.accuracy)}.",
        )
        if best
        else say.text("", "")
    )
    return _verdict(
        case,
        Status.UNDECIDED,
        say.text(
            f"{at.ko}의 {say.accuracy(top.accuracy)} 값은 학습에 쓴 행이 섞인 데이터로 잰 것입니다.{rest.ko}",
            f"The {say.accuracy(top.accuracy)} of {at.en} was measured on rows that the model was also "
            f"trained on.{rest.en}",
        ),
        say.text(
            "이미 본 행으로 잰 정확도는 실제보다 높게 나옵니다. 겹치지 않는 행으로 다시 재어야 판단할 수 "
            "있습니다.",
            "Accuracy on rows already seen comes out too high; only rows kept apart can settle it.",
        ),
        say.distinct(
            (
                say.cite(top.cell, top.quote, Witness.RECORDED),
                *(c for o in observations(case.evidence, Kind.LEAK) for c in say.cite_observation(o)),
            )
        ),
        next_step=say.text(
            "평가용 행을 학습 전에 한 번만 떼어 두고(`train_test_split(..., seed=42)`), 새로 불러온 모델로 "
            f"{at.ko}의 학습과 평가를 다시 실행해 주세요.",
            "Set the evaluation rows aside once, before any training (`train_test_split(..., seed=42)`), "
            f"and run the training and evaluation of {at.en} again with a freshly loaded model.",
        ),
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
    done = [o for o in observations(case.evidence, Kind.PREPROCESS) if o.cell is not None]
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
    if best.accuracy - case.threshold("r2", "accuracy") < case.threshold("r2", "noise"):
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
    return say.join_texts(parts)


def _cited(case: Case, best: Evaluation) -> tuple[Citation, ...]:
    """The best number, the best of the other runs, and the preprocessing."""
    found = [say.cite(best.cell, best.quote, Witness.RECORDED)]
    others = sorted(
        (e for j in case.runs if j.run.cell != best.cell and (e := best_of(j.run)) is not None),
        key=lambda e: -e.accuracy,
    )
    found += [say.cite(e.cell, e.quote, Witness.RECORDED) for e in others[:1]]
    for o in observations(case.evidence, Kind.PREPROCESS)[:2]:
        found += say.cite_observation(o)
    return say.distinct(found)


def _run_cells(case: Case) -> tuple[Citation, ...]:
    ran = [j for j in case.runs if j.run.executed] or list(case.runs)
    return say.distinct(c for j in ran[-2:] for c in say.cite_run(j.run))


def _budget_reason(case: Case) -> Text:
    """Why our own run can't stand in for the student's accuracy."""
    seen = case.evidence.observed
    if seen is None:
        return say.text(
            "코드만으로는 정확도를 알 수 없습니다. 실행한 상태로 다시 저장하면 판단할 수 있습니다.",
            "Code alone doesn't tell the accuracy. Saving the notebook as run would settle it.",
        )
    return say.text(
        f"채점기의 실행은 배치 수를 줄인 실행({seen.profile} 프로필)이라 90 % 달성 여부를 말해 주지 "
        "못합니다. "
        "실행한 상태로 다시 저장하거나, 줄이지 않고 실행하면 판단할 수 있습니다.",
        f"The grader's own run is cut short (profile {seen.profile}) and can't tell whether 90 % is reached. "
        "Saving "
        "the notebook as run, or a run without a budget, would settle it.",
    )


def _metric_step(case: Case) -> Text:
    ran = [j for j in case.runs if j.run.executed] or list(case.runs)
    if not ran:
        return say.text(
            '`Trainer`에 `compute_metrics`를 넣고 `TrainingArguments(eval_strategy="epoch")`로 학습해, '
            "에폭마다 검증 정확도가 표로 남게 해 주세요.",
            "Train with a `Trainer` that has `compute_metrics`, and "
            '`TrainingArguments(eval_strategy="epoch")`, so that the table shows the validation accuracy of '
            "each epoch.",
        )
    at = say.cell(ran[-1].run.cell)
    return say.text(
        f'{at.ko}의 `Trainer`에 `compute_metrics`를 넣고 `TrainingArguments(eval_strategy="epoch")`로 다시 '
        "학습해, 에폭마다 검증 정확도가 표로 남게 해 주세요.",
        f'Give the `Trainer` of {at.en} a `compute_metrics`, set `TrainingArguments(eval_strategy="epoch")` '
        "and train again, so that the table shows the validation accuracy of each epoch.",
    )


def _verdict(
    case: Case,
    status: Status,
    actual: Text,
    reason: Text,
    cited: tuple[Citation, ...],
    *,
    next_step: Text | None = None,
    person: Text | None = None,
) -> Verdict:
    goal = say.accuracy(case.threshold("r2", "accuracy"))
    return Verdict(
        item="r2",
        status=status,
        expected=say.text(
            f"학습에 쓰지 않은 행에서 잰 정확도 {goal} 이상이 출력으로 남아 있습니다.",
            f"A stored output shows an accuracy of {goal} or more on rows not trained on.",
        ),
        actual=actual,
        reason=reason,
        points=award(case, "r2", status),
        citations=cited,
        next_step=next_step,
        person=person,
    )
