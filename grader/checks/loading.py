"""Item 1: are klue/bert-base and NSMC loaded, and did a run work?

PASS: loaded, and a stored output of a training shows a metric. PARTIAL: loaded, no run left a metric.
FAIL: the outputs show that nothing was loaded. UNDECIDED: the file stores nothing and was not run here,
or the model or data can't be recognised.
"""

from __future__ import annotations

from grader.checks import own_run, say
from grader.checks.accuracy import best_of
from grader.checks.bucketing import outputs_cleared
from grader.checks.join import Joined, observations
from grader.checks.settle import Case
from grader.checks.shown import (
    MODEL,
    award,
    from_random,
    is_nsmc,
    model_used,
    observed_trained,
    untold,
    was_loaded,
    with_metric,
)
from grader.checks.unfilled import blanks, go_on
from grader.facts import Kind
from grader.records import Citation, Status, Text, Verdict, Witness

EXPECTED = say.text(
    f"`{MODEL}`와 NSMC를 불러오고, 학습이 끝나 평가 지표가 출력으로 남아 있습니다.",
    f"`{MODEL}` and NSMC are loaded, and a training has left a metric in a stored output.",
)


def decide(case: Case) -> Verdict:
    """The verdict on r1."""
    shown = with_metric(case)
    cited = _citations(case, shown)
    model, data = model_used(case), is_nsmc(case)
    if empty := blanks(case):
        return _verdict(
            case,
            Status.FAIL,
            actual=say.text(
                f"채우지 않은 셀이 {len(empty)}개이고, 학습하는 코드가 없습니다.",
                f"{len(empty)} cells are not filled in, and no code trains anything.",
            ),
            reason=say.text(
                "모델과 데이터를 불러와 학습하는 셀이 아직 비어 있습니다.",
                "The cells that load the model and the data and train are still empty.",
            ),
            cited=tuple(say.cite(cell) for cell in empty[:2]),
            next_step=say.text(
                f"{say.cell(empty[0]).ko}부터 채워 주세요. 모델과 데이터를 불러와 문장 하나를 넣어 보는 것이 "
                "첫 단계입니다.",
                f"Begin with {say.cell(empty[0]).en}: load the model and the data, and put one sentence "
                "through.",
            ),
        )
    if outputs_cleared(case.evidence):
        return _cleared(case, cited)
    if shown is not None:
        return _ran(case, shown, model, data, cited)
    if cells := untold(case):
        return _unread(case, cells, cited)
    if was_loaded(case):
        return _loaded_only(case, cited)
    return _verdict(
        case,
        Status.FAIL,
        actual=say.text(
            "저장된 출력에서 모델이나 데이터를 불러온 흔적을 찾지 못했습니다.",
            "No stored output shows that the model or the data were loaded.",
        ),
        reason=say.text(
            "실행된 셀은 있지만 모델과 데이터를 불러오는 셀이 실행되지 않았습니다.",
            "Cells were run, but not those that load the model and the data.",
        ),
        cited=cited,
        next_step=_run_step(case),
    )


def _ran(case: Case, shown: Joined, model: str | None, data: bool, cited: tuple[Citation, ...]) -> Verdict:
    """A training with a metric is stored: is it this model on this data?"""
    if model is None or not data:
        what = say.text("모델", "model") if model is None else say.text("데이터", "data")
        return _verdict(
            case,
            Status.UNDECIDED,
            actual=say.text(
                f"{say.cell(shown.run.cell).ko}의 학습은 결과를 남겼지만, {what.ko}의 출처를 코드에서 "
                "확인하지 못했습니다.",
                f"The training in {say.cell(shown.run.cell).en} left a result, but where its {what.en} comes "
                "from "
                "can't be told from the code.",
            ),
            reason=say.text(
                f"과제는 `{MODEL}`와 NSMC를 요구합니다. {say.josa(what.ko, '을/를')} 불러오는 셀을 사람이 "
                "확인해야 합니다.",
                f"The exercise asks for `{MODEL}` and NSMC. A person must look at the cell that loads the "
                f"{what.en}.",
            ),
            cited=cited,
            person=say.text(
                f"✍️ {what.ko}의 출처가 과제와 맞는지 확인해 주세요.",
                f"✍️ Please check that the {what.en} is the one the exercise asks for.",
            ),
        )
    if all(from_random(case, j) for j in case.runs):
        return _random(case, shown, cited)
    if model != MODEL:
        return _verdict(
            case,
            Status.UNDECIDED,
            actual=say.text(f"사용한 모델은 `{model}`입니다.", f"The model used is `{model}`."),
            reason=say.text(
                f"학습은 동작했지만 과제의 모델(`{MODEL}`)이 아닙니다. 다른 모델을 인정할지는 사람이 정해야 "
                "합니다.",
                f"The training worked, but on another model than `{MODEL}`; whether that counts is a "
                "person's decision.",
            ),
            cited=cited,
            person=say.text(
                "✍️ 다른 모델을 인정할지 정해 주세요.", "✍️ Please decide whether another model counts."
            ),
        )
    return _verdict(
        case, Status.PASS, actual=_trained(case, shown), reason=_how_it_went(case, shown), cited=cited
    )


def _trained(case: Case, shown: Joined) -> Text:
    """'셀 24에서 120,000행으로 3 에폭 학습했고, 정확도 0.9043이 출력에 남아 있습니다.'"""
    at, run, best = say.cell(shown.run.cell), shown.run, best_of(shown.run)
    rows_ko = f" {say.count(run.rows)}행으로" if run.rows else ""
    rows_en = f" on {say.count(run.rows)} rows" if run.rows else ""
    epochs_ko = f" {say.epochs(run.epochs)} 에폭" if run.epochs else ""
    epochs_en = f" for {say.epochs(run.epochs)} epochs" if run.epochs else ""
    metric = say.josa(f"정확도 {say.accuracy(best.accuracy)}", "이/가") if best else "평가 결과가"
    left = f"an accuracy of {say.accuracy(best.accuracy)}" if best else "a result"
    if case.own_run:
        return say.text(
            f"채점기가 실행했을 때 {at.ko}에서{rows_ko}{epochs_ko} 학습했고, {metric} 나왔습니다.",
            f"When the grader ran it, {at.en} trained{rows_en}{epochs_en} and reached {left}.",
        )
    return say.text(
        f"{at.ko}에서{rows_ko}{epochs_ko} 학습했고, {metric} 출력에 남아 있습니다.",
        f"{at.en.capitalize()} trained{rows_en}{epochs_en} and left {left} in its output.",
    )


def _how_it_went(case: Case, shown: Joined) -> Text:
    """One or two sentences: losses fell, and what our own run saw."""
    parts = []
    losses = shown.run.losses
    if len(losses) >= 2 and losses[-1] < losses[0]:
        parts.append(
            say.text(
                f"학습 손실이 {losses[0]:.3f}에서 {losses[-1]:.3f}까지 내려가 실제로 학습된 것을 "
                "확인했습니다.",
                f"The training loss went from {losses[0]:.3f} to {losses[-1]:.3f}: it really learned.",
            )
        )
    elif not case.own_run:
        parts.append(
            say.text(
                "모델과 데이터를 불러오는 셀부터 학습 결과까지 출력이 이어져 있습니다.",
                "Outputs are there from loading the model and data to the result of training.",
            )
        )
    seen = case.evidence.observed
    if case.own_run:
        parts.append(own_run.said(case.evidence))
    elif seen is not None and any(observed_trained(j) for j in case.runs):
        parts.append(
            say.text(
                "채점기가 다시 실행했을 때도 모델을 불러오고 학습이 시작되었습니다.",
                "When the grader ran it again, the model loaded and training started as well.",
            )
        )
    return say.join_texts(parts)


def _loaded_only(case: Case, cited: tuple[Citation, ...]) -> Verdict:
    """Loaded, but no run left a metric."""
    started = [j for j in case.runs if j.run.executed]
    if started:
        at = say.cell(started[-1].run.cell)
        stopped = started[-1].run.ending.stopped
        actual = say.text(
            f"모델과 데이터는 불러왔지만, {at.ko}의 학습이 {'중간에 멈춰 ' if stopped else ''}평가 지표를 "
            "남기지 않았습니다.",
            f"Model and data are loaded, but the training in {at.en} "
            f"{'stopped early and ' if stopped else ''}left no metric.",
        )
    else:
        actual = say.text(
            "모델과 데이터는 불러왔지만, 실행된 학습이 없습니다.",
            "Model and data are loaded, but no training was run.",
        )
    return _verdict(
        case,
        Status.PARTIAL,
        actual=actual,
        reason=say.text(
            "불러오기까지는 확인되지만, 모델이 작동한다는 것을 보여 주는 숫자가 노트북에 남아 있지 않습니다.",
            "Loading is shown, but no number in the notebook shows that the model works.",
        ),
        cited=cited,
        next_step=_run_step(case),
    )


def _unread(case: Case, cells: tuple[int, ...], cited: tuple[Citation, ...]) -> Verdict:
    """Nothing was seen to train, but code that isn't in the file was run."""
    at = say.cells(cells)
    return _verdict(
        case,
        Status.UNDECIDED,
        actual=say.text(
            f"{at.ko}에서 실행한 코드를 채점기가 읽을 수 없습니다.",
            f"The grader can't read the code that {at.en} runs.",
        ),
        reason=say.text(
            "모델과 데이터를 불러와 학습하는 코드가 그 안에 있을 수 있어, 이 파일만으로는 판단할 수 "
            "없습니다.",
            "It may load the model and the data and train there, so this file alone can't settle it.",
        ),
        cited=say.distinct((*cited, *(say.cite(cell) for cell in cells[:2]))),
        person=say.text(
            f"✍️ {at.ko}에서 실행한 코드를 받아 확인해 주세요.",
            f"✍️ Please ask for the code that {at.en} runs.",
        ),
    )


def _random(case: Case, shown: Joined, cited: tuple[Citation, ...]) -> Verdict:
    """Something trains, but not klue/bert-base: only its architecture was loaded."""
    at = say.cell(shown.run.cell)
    return _verdict(
        case,
        Status.PARTIAL,
        actual=say.text(
            f"{at.ko}의 학습은 동작하지만, 모델을 무작위 가중치에서 만들었습니다.",
            f"The training in {at.en} works, but its model was made with random weights.",
        ),
        reason=say.text(
            f"과제는 사전학습된 `{MODEL}`의 fine-tuning입니다. `from_config`는 구조만 가져옵니다.",
            f"The exercise is to fine-tune the pretrained `{MODEL}`; `from_config` takes its architecture "
            "only.",
        ),
        cited=cited,
        next_step=say.text(
            f"모델을 만드는 셀에서 `from_config` 대신 `from_pretrained('{MODEL}', num_labels=2)`를 쓰고 "
            "다시 학습해 주세요.",
            f"Make the model with `from_pretrained('{MODEL}', num_labels=2)` instead of `from_config`, and "
            "train again.",
        ),
    )


def _cleared(case: Case, cited: tuple[Citation, ...]) -> Verdict:
    """The file stores nothing: our own run decides, if there is one."""
    trained = [j for j in case.runs if observed_trained(j)]
    if trained and all(from_random(case, j) for j in trained):
        return _random(case, trained[0], cited)
    if trained:
        run = trained[0].run
        return _verdict(
            case,
            Status.PASS,
            actual=say.text(
                f"저장된 출력은 없지만, 채점기가 실행했을 때 {say.cell(run.cell).ko}에서 학습이 "
                "진행되었습니다.",
                "Nothing is stored, but when the grader ran it, training went on in "
                f"{say.cell(run.cell).en}.",
            ),
            reason=say.text(
                "출력을 지운 채 제출하면 리뷰어가 결과를 볼 수 없습니다. 실행한 상태로 저장해서 제출해 "
                "주세요.",
                "A notebook handed in without outputs shows a reviewer nothing; please save it as run.",
            ),
            cited=say.distinct((*(say.cite(run.cell, run.quote, Witness.OBSERVED),), *cited)),
        )
    return _verdict(
        case,
        Status.UNDECIDED,
        actual=say.text("저장된 출력이 하나도 없습니다.", "There is not a single stored output."),
        reason=say.join_texts(
            [
                say.text(
                    "코드만으로는 불러오기와 학습이 동작했는지 알 수 없습니다. 실행한 상태로 다시 "
                    "저장하거나, 실행을 켜고 채점하면 판단할 수 있습니다.",
                    "Code alone doesn't tell whether loading and training worked. Saving it as run, or "
                    "grading "
                    "with running switched on, would settle it.",
                ),
                _why_not_run(case),
            ]
        ),
        cited=cited,
        next_step=go_on(case),
        person=say.text(
            "✍️ 실행된 노트북을 받아 확인해 주세요.", "✍️ Please ask for the notebook as it was run."
        ),
    )


def _why_not_run(case: Case) -> Text:
    """What kept our own run from showing it, where it was tried."""
    seen = case.evidence.observed
    if seen is None:
        return case.evidence.not_run or say.text("", "")
    ours = [c for c in seen.cells if c.environment]
    if ours:
        return say.text(
            f"{say.josa(say.cell(ours[0].index).ko, '은/는')} 채점 환경에 없는 것이 필요해 실행하지 "
            "못했습니다(학생 탓이 아닙니다).",
            f"{say.cell(ours[0].index).en} needs something the classroom lacks (not the student's fault).",
        )
    return seen.reason or say.text("", "")


def _citations(case: Case, shown: Joined | None) -> tuple[Citation, ...]:
    """Where data and model are loaded, and where it trains."""
    found: list[Citation] = []
    for kind in (Kind.DATA_LOAD, Kind.DATA_SHAPE, Kind.MODEL_LOAD):
        of_kind = [o for o in observations(case.evidence, kind) if o.cell is not None]
        if kind == Kind.MODEL_LOAD:
            named = [o for o in of_kind if MODEL in str(o.value.get("name", ""))]
            of_kind = named or of_kind
        for o in of_kind[:1]:
            found += say.cite_observation(o)
    trained = [shown] if shown else [j for j in case.runs if j.run.executed][-1:] or list(case.runs[:1])
    for j in trained:
        found += say.cite_run(j.run)
    return say.distinct(found)


def _run_step(case: Case) -> Text:
    """The smallest thing that would show that it works."""
    if case.runs:
        j = next((j for j in case.runs if j.run.executed), case.runs[0])
        at = say.cell(j.run.cell)
        return say.text(
            f"{at.ko}의 학습을 1 에폭만이라도 끝까지 실행하고, `compute_metrics`를 넣어 "
            "`trainer.evaluate()`의 "
            "출력이 남은 상태로 저장해 주세요. 오래 걸리면 학습 행을 5,000개로 줄여도 됩니다.",
            f"Run the training in {at.en} to its end for at least one epoch, with `compute_metrics`, and "
            "save the "
            "notebook with the output of `trainer.evaluate()`. If that takes long, 5,000 training rows will "
            "do.",
        )
    return say.text(
        "`Trainer`에 모델과 데이터를 넣어 1 에폭 학습하고, `trainer.evaluate()`의 출력이 남은 상태로 저장해 "
        "주세요.",
        "Train for one epoch with `Trainer`, and save the notebook with the output of `trainer.evaluate()`.",
    )


def _verdict(
    case: Case,
    status: Status,
    *,
    actual: Text,
    reason: Text,
    cited: tuple[Citation, ...],
    next_step: Text | None = None,
    person: Text | None = None,
) -> Verdict:
    return Verdict(
        item="r1",
        status=status,
        expected=EXPECTED,
        actual=actual,
        reason=reason,
        points=award(case, "r1", status),
        citations=cited,
        next_step=next_step,
        person=person,
    )
