"""Findings about whether the numbers can be believed: leaks, test as validation, no training behind."""

from __future__ import annotations

from collections.abc import Iterator

from grader.checks import say
from grader.checks.join import observations
from grader.checks.settle import Case
from grader.checks.shown import never_trained
from grader.facts import Kind
from grader.records import Finding, ModelScore, Observation, Start, TrainingRun, Witness


def find(case: Case) -> Iterator[Finding]:
    """All findings of this room."""
    yield from _printed_without_training(case)
    yield from _verified(case)
    yield from _unverified(case)
    yield from _leak(case)
    yield from _continued(case)
    yield from _test_as_validation(case)
    yield from _subset(case)


def _printed_without_training(case: Case) -> Iterator[Finding]:
    """Accuracies in the output of cells that train nothing, in a notebook that trains nothing."""
    if any(j.run.executed and not never_trained(case, j) for j in case.runs):
        return
    printed = [
        o
        for o in observations(case.evidence, Kind.PRINTED_METRIC)
        if o.cell is not None and "acc" in str(o.value.get("name", "")).lower()
    ]
    cells = sorted({o.cell for o in printed} | {e.cell for e in case.measured.clean})
    if not cells:
        return
    at = say.cells(cells)
    yield Finding(
        id="printed-without-training",
        severity="contradiction",
        text=say.text(
            f"{at.ko}에 정확도가 출력되어 있지만, 노트북 안에서 실행된 학습이 없습니다. 이 숫자는 근거로 "
            "쓰지 않았습니다.",
            f"{at.en.capitalize()} prints an accuracy, but nothing in the notebook was trained. The number "
            "was not used.",
        ),
        citations=say.distinct(
            [c for o in printed for c in say.cite_observation(o)]
            + [say.cite(e.cell, e.quote, Witness.RECORDED) for e in case.measured.clean]
        ),
        question=say.text(
            f"{at.ko}의 숫자는 어떤 모델을 어떤 데이터로 평가한 결과인가요?",
            f"Which model, on which rows, gave the numbers in {at.en}?",
        ),
    )


def _verified(case: Case) -> Iterator[Finding]:
    """The model left behind is not what the notebook says it is."""
    scores = case.evidence.verified.scores if case.evidence.verified else ()
    for score in scores:
        if score.accuracy is None:
            continue
        at = say.cell(score.run_cell)
        if score.parameters_changed == 0.0:
            ko, en = "가중치가 기본 모델과 똑같습니다", "its weights equal those of the base model"
        elif score.high is not None and score.claimed is not None and score.high < _at_least(case, score):
            ko = f"노트북이 잰 값은 {say.accuracy(score.claimed)}입니다"
            en = f"the notebook itself measured {say.accuracy(score.claimed)}"
        else:
            yield from _beside_honest(score)
            continue
        yield Finding(
            id="verified-below-claim",
            severity="contradiction",
            text=say.text(
                f"{at.ko}의 학습이 남긴 모델을 숨긴 리뷰 {say.count(score.rows)}건으로 다시 평가하니 "
                f"{say.accuracy(score.accuracy)}였습니다. {ko}.",
                f"The model left by {at.en} scores {say.accuracy(score.accuracy)} on {say.count(score.rows)} "
                f"hidden reviews; {en}.",
            ),
            citations=() if score.run_cell is None else (say.cite(score.run_cell, "", Witness.VERIFIED),),
            question=say.text(
                f"{at.ko}의 학습이 끝난 모델은 어디에 저장되고, 어떤 모델이 평가에 쓰였나요?",
                f"Where does {at.en} leave its trained model, and which model was evaluated?",
            ),
        )


def _beside_honest(score: ModelScore) -> Iterator[Finding]:
    """Clearly worse or better than honest trainings of the same model, batches and learning rate.

    The learning rate is the notebook's word and the yardstick a few runs, so it is a question, no verdict.
    """
    if None in (score.low, score.high, score.reference, score.reference_low, score.reference_high):
        return
    at = say.cell(score.run_cell)
    worse = score.high < score.reference_low
    if not worse and score.low <= score.reference_high:
        return
    between = f"{say.accuracy(score.reference_low)}–{say.accuracy(score.reference_high)}"
    than_ko, than_en = ("낮습니다", "clearly below") if worse else ("높습니다", "clearly above")
    yield Finding(
        id="verified-below-honest" if worse else "verified-above-honest",
        severity="note",
        text=say.text(
            f"{at.ko}의 학습이 남긴 모델은 숨긴 리뷰 {say.count(score.rows)}건에서 "
            f"{say.accuracy(score.accuracy)}입니다. 같은 모델을 같은 수의 배치와 같은 학습률로 정상적으로 "
            f"학습하면 {between}이므로 뚜렷하게 {than_ko}.",
            f"The model left by {at.en} scores {say.accuracy(score.accuracy)} on {say.count(score.rows)} "
            f"hidden reviews: {than_en} the {between} of honest trainings of the same model on as many "
            "batches at the same learning rate.",
        ),
        citations=() if score.run_cell is None else (say.cite(score.run_cell, "", Witness.VERIFIED),),
        question=say.text(
            f"{at.ko}의 학습 설정(손실, 라벨, 고정한 층, 데이터)은 보통의 fine-tuning과 무엇이 다른가요?"
            if worse
            else f"{at.ko}의 모델은 이 학습 말고 다른 데이터나 가중치로도 학습되었나요?",
            f"What in {at.en} differs from a usual fine-tuning: loss, labels, frozen layers, data?"
            if worse
            else f"Was the model of {at.en} also trained on other data, or from other weights?",
        ),
    )


def _at_least(case: Case, score: ModelScore) -> float:
    """What the hidden rows should show if the notebook's own measurement holds: 5 points less, and less what
    few rows may be off by, 95 % (our budget cuts evaluations to some hundred rows)."""
    claimed = score.claimed
    assert claimed is not None
    seen = case.evidence.observed
    runs = seen.testimony.runs if seen is not None else ()
    rows = [
        e.rows
        for e in (
            *(e for run in runs for e in run.evaluations),
            *(seen.testimony.evaluations if seen else ()),
        )
        if e.rows and e.accuracy is not None and abs(e.accuracy - claimed) < 1e-9
    ]
    chance = 1.96 * (claimed * (1 - claimed) / min(rows)) ** 0.5 if rows else 0.0
    return claimed - chance - 0.05


def _unverified(case: Case) -> Iterator[Finding]:
    """The probe's word was not enough; the other witnesses decided."""
    seen = case.evidence.observed
    if seen is None or not seen.unverified:
        return
    yield Finding(
        id="run-not-trusted",
        severity="warning",
        text=say.text(
            "다시 실행한 기록에 믿을 수 없는 부분이 있어, 코드와 저장된 출력으로 판단했습니다.",
            "Parts of what our own run reported can't be trusted; code and stored outputs decided instead.",
        ),
    )


def _leak(case: Case) -> Iterator[Finding]:
    """Evaluation rows that were trained on."""
    how = {
        "same-rows": ("평가한 행이 학습 행에도 들어 있습니다", "the rows evaluated on are also trained on"),
        "train-as-eval": (
            "학습 데이터를 그대로 평가에 썼습니다",
            "the training rows themselves are evaluated on",
        ),
        "test-in-train": (
            "평가에 쓰는 test 행이 학습 데이터에 들어 있습니다",
            "test rows used for evaluation are in the training data",
        ),
        "resplit-unseeded": (
            "이미 학습한 모델을 두고 데이터를 시드 없이 다시 나누어, 전에 학습한 행이 평가에 섞입니다",
            "the data are split again without a seed while the model goes on training, so rows seen before "
            "are evaluated on",
        ),
    }
    noted: dict[str, list[Observation]] = {}
    for o in observations(case.evidence, Kind.LEAK):
        if o.value.get("executed") is not False:
            noted.setdefault(str(o.value.get("how")), []).append(o)
    best = case.measured.best
    clean = say.text("", "")
    if best is not None and case.measured.leaked:
        clean = say.text(
            f" 겹치지 않은 행에서 잰 최고 정확도는 {say.accuracy(best.accuracy)}입니다.",
            f" The best accuracy on rows kept apart is {say.accuracy(best.accuracy)}.",
        )
    for name, found in noted.items():
        ko, en = how.get(name, how["same-rows"])
        at = say.cells(o.cell for o in found if o.cell is not None)
        yield Finding(
            id="leak",
            severity="warning",
            text=say.text(
                f"{at.ko}: {ko}. 정확도가 실제보다 높게 나옵니다.{clean.ko}",
                f"{at.en.capitalize()}: {en}. Accuracy comes out too high.{clean.en}",
            ),
            citations=say.distinct(c for o in found for c in say.cite_observation(o)),
            question=say.text(
                f"{at.ko}에서 평가에 쓴 행 가운데 모델이 학습 때 이미 본 행은 몇 개나 될까요?",
                f"How many of the rows evaluated on in {at.en} had the model seen while training?",
            ),
        )


def _continued(case: Case) -> Iterator[Finding]:
    """One model object trained on and on."""
    on = [j for j in case.runs if j.run.start == Start.CONTINUED and j.run.executed]
    if not on:
        return
    low = next((j for j in on if j.run.losses and j.run.losses[0] < 0.2), None)
    shown_ko = shown_en = ""
    if low is not None:
        loss, where = low.run.losses[0], say.cell(low.run.cell)
        shown_ko = f" {where.ko}의 첫 학습 손실이 이미 {loss:.3f}입니다."
        shown_en = f" The first training loss in {where.en} is {loss:.3f} already."
    at = say.cells(j.run.cell for j in on)
    first = say.cell(on[0].run.cell)
    before = on[0].run.continued_from
    of_ko = f"{say.cell(before).ko}에서 학습한" if before is not None else "앞에서 학습한"
    of_en = f"trained in {say.cell(before).en}" if before is not None else "trained before"
    what_ko = f"{of_ko} 모델을 이어서" if len(on) == 1 else "앞 실행에서 학습한 모델을 이어서"
    what_en = f"the model {of_en}" if len(on) == 1 else "the model of the run before"
    yield Finding(
        id="continued-training",
        severity="warning",
        text=say.text(
            f"{at.ko}의 학습은 {what_ko} 학습합니다.{shown_ko} 이어서 학습한 실행의 정확도는 나란히 비교할 "
            "수 없습니다.",
            f"The training in {at.en} goes on with {what_en}.{shown_en} Accuracies of such runs can't be "
            "compared side by side.",
        ),
        citations=say.distinct(c for j in on for c in say.cite_run(j.run)),
        question=say.text(
            f"{say.josa(first.ko, '을/를')} 실행할 때 모델의 가중치는 어떤 상태였나요? 공정하게 비교하려면 "
            "무엇을 다시 불러와야 할까요?",
            f"In what state were the model's weights when {first.en} ran, and what must be loaded again for "
            "a fair comparison?",
        ),
    )


def _test_as_validation(case: Case) -> Iterator[Finding]:
    """No rows are left for a last, independent measurement."""
    if not case.measured.test_as_validation:
        return
    used = [j for j in case.runs if j.run.executed and j.run.eval_split == "test"]
    noted = observations(case.evidence, Kind.TEST_AS_VALIDATION)
    noted = tuple(o for o in noted if o.value.get("executed") is not False) or noted
    cells = [j.run.cell for j in used] or [o.cell for o in noted if o.cell is not None]
    if not cells:
        return
    at = say.cells(cells)
    if used and all(_every_epoch(j.run) for j in used):
        when, best = say.text("에폭마다", "after every epoch"), say.text("에폭을", "epoch")
    else:
        when, best = say.text("학습하는 동안", "during training"), say.text("시점을", "point")
    yield Finding(
        id="test-as-validation",
        severity="note",
        text=say.text(
            f"{at.ko}에서 {when.ko} test 데이터로 검증했습니다. 가장 좋은 {best.ko} test로 고르게 되어, 최종 "
            "성능을 따로 확인할 데이터가 남지 않습니다.",
            f"In {at.en} the test split serves for validation {when.en}; the best {best.en} is picked on "
            "test, and no rows are left to confirm the result.",
        ),
        citations=say.distinct(c for j in used for c in say.cite_run(j.run))
        or say.distinct(c for o in noted for c in say.cite_observation(o)),
        question=say.text(
            f"{at.ko}에서 test 데이터로 검증하면 최종 정확도는 어떤 데이터로 확인할 수 있을까요?",
            f"With test used for validation in {at.en}, which rows can confirm the final accuracy?",
        ),
    )


def _every_epoch(run: TrainingRun) -> bool:
    """Is it known that it was validated once an epoch, neither by steps nor at the end alone?"""
    asked = run.arguments.get("eval_strategy", run.arguments.get("evaluation_strategy"))
    if asked is not None:
        return asked == "epoch"
    epochs = [e.epoch for e in run.evaluations]
    whole = all(epoch is not None and float(epoch).is_integer() for epoch in epochs)
    return run.kind == "keras" or (whole and len(set(epochs)) == len(epochs) > 1)


def _subset(case: Case) -> Iterator[Finding]:
    """Accuracy from few rows has a wide interval."""
    best = case.measured.best
    if best is None or best.rows is None or not case.measured.split.startswith("subset:") or best.rows > 5000:
        return
    spread = 1.96 * (best.accuracy * (1 - best.accuracy) / best.rows) ** 0.5
    at = say.cell(best.cell)
    yield Finding(
        id="subset-evaluation",
        severity="note",
        text=say.text(
            f"{at.ko}의 정확도({say.accuracy(best.accuracy)})는 {say.count(best.rows)}행으로 잰 것이라 "
            f"±{100 * spread:.1f} %p 정도의 오차가 있습니다.",
            f"The {say.accuracy(best.accuracy)} of {at.en} was measured on {say.count(best.rows)} rows and "
            f"is good to about ±{100 * spread:.1f} points.",
        ),
        citations=(say.cite(best.cell, best.quote, Witness.RECORDED),),
    )
