"""Item 2 where no number proves anything: nothing stored, only leaked rows, no training behind it, or
functions that the notebook replaced.

Not covered: a goal reached or missed by a sound number (`improving`).
"""

from __future__ import annotations

import re

from grader.checks import say
from grader.checks.bucketing import outputs_cleared
from grader.checks.join import observations
from grader.checks.settle import Case
from grader.checks.shown import award, never_trained, saw_up_to, untold
from grader.checks.tuning import metric_step
from grader.checks.unfilled import blanks, go_on
from grader.facts import Kind
from grader.records import Citation, Evaluation, Status, Text, Verdict, Witness


def nothing_stored(case: Case) -> Verdict:
    """No stored accuracy that counts."""
    if case.measured.leaked:
        return leaked_only(case)
    images = [o for o in observations(case.evidence, Kind.IMAGE) if o.cell is not None]
    look = None
    if images:
        at = say.cells(o.cell for o in images)
        look = say.text(
            f"✍️ {at.ko}의 이미지에 결과가 있다면 눈으로 확인해 주세요. 이미지로만 남은 숫자는 점수에 넣지 "
            "않았습니다.",
            f"✍️ Please look at the images in {at.en}; numbers that exist only there were not counted.",
        )
    if empty := blanks(case):
        return verdict(
            case,
            Status.FAIL,
            say.text("학습하는 코드가 아직 없습니다.", "There is no code yet that trains anything."),
            say.text(
                f"{say.josa(say.cells(empty).ko, '이/가')} 비어 있어 정확도가 나올 수 없습니다.",
                f"{say.cells(empty).en.capitalize()} are empty, so there can be no accuracy.",
            ),
            tuple(say.cite(cell) for cell in empty[:2]),
            next_step=say.text(
                "전처리를 마친 다음 `Trainer`로 한 번 학습하고, `trainer.evaluate()`가 출력한 검증 정확도를 "
                "남겨 주세요.",
                "Finish the preprocessing, train once with `Trainer`, and leave the validation accuracy that "
                "`trainer.evaluate()` prints.",
            ),
        )
    if outputs_cleared(case.evidence):
        return verdict(
            case,
            Status.UNDECIDED,
            say.text(
                "저장된 출력이 없어 정확도를 알 수 없습니다.",
                "Nothing is stored, so the accuracy is unknown.",
            ),
            _budget_reason(case),
            _run_cells(case),
            next_step=go_on(case),
            person=say.text(
                "✍️ 실행된 노트북을 받아 최고 검증 정확도를 확인해 주세요.",
                "✍️ Please ask for the notebook as it was run and look at its best validation accuracy.",
            ),
        )
    printed = _printed(case)
    if printed and not any(j.run.executed and not never_trained(case, j) for j in case.runs):
        return not_earned(case, printed[-1])
    ran = [j for j in case.runs if j.run.executed]
    at = say.cell(ran[-1].run.cell) if ran else None
    if ran and (found := could_be_accuracy(case, ran[0].run.cell)):
        return _of_unnamed_number(case, *found)
    return verdict(
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
        next_step=metric_step(case),
        person=look,
    )


_BARE = re.compile(r"(?:\w+\.)?(?:float\d*|tensor|array)?\(?\s*(0\.\d{3,}|1\.0+)\s*(?:,[^)]*)?\)?")
_LABELLED = re.compile(
    r"(?:맞은|맞춘|정답|적중|비율|hit|correct|score)[^\d\n]{0,20}?(0\.\d{3,}|\d{2}\.\d+(?=\s*%))", re.I
)


def could_be_accuracy(case: Case, after: int) -> tuple[int, str] | None:
    """(cell, number as shown) of a number that an executed cell from `after` on computed and that could be an
    accuracy though nothing names it so: a line by itself, or beside a word such as "맞은 비율"."""
    for cell in case.evidence.submission.cells:
        if cell.kind != "code" or cell.index < after:
            continue
        lines = [
            line.strip() for out in cell.outputs if out.kind != "error" for line in out.text.splitlines()
        ]
        for line in lines:
            match = _BARE.fullmatch(line) or _LABELLED.search(line)
            if match and match[1] not in cell.source and _plausible(match[1]):
                return cell.index, match[1]
    return None


def _plausible(shown: str) -> bool:
    value = float(shown)
    return 0.5 < (value / 100 if value > 1 else value) <= 1


def _of_unnamed_number(case: Case, cell: int, shown: str) -> Verdict:
    at = say.cell(cell)
    return verdict(
        case,
        Status.UNDECIDED,
        say.text(
            f"{at.ko}에 {say.josa(shown, '이라는/라는')} 숫자가 남아 있지만, 정확도인지 알 수 없습니다.",
            f"{at.en.capitalize()} shows {shown}, but nothing says whether it is an accuracy.",
        ),
        say.text(
            "이름 없이 출력된 숫자는 채점기가 정확도로 읽지 않습니다. 0점이 아니라, 사람이 볼 일입니다.",
            "The grader takes no number without a name for an accuracy. It is no zero; a person should look.",
        ),
        (say.cite(cell, shown, Witness.RECORDED),),
        person=say.text(
            f"✍️ {at.ko}의 {shown} 값이 검증 정확도인지 확인해 주세요.",
            f"✍️ Please see whether {shown} in {at.en} is a validation accuracy.",
        ),
    )


def not_earned(case: Case, best: Evaluation) -> Verdict:
    """A number without a training behind it."""
    if cells := untold(case):
        return _of_unread_code(case, best, cells)
    certain = saw_up_to(case, best.cell) or not case.evidence.source.runs
    return verdict(
        case,
        Status.FAIL if certain else Status.UNDECIDED,
        say.text(
            f"{say.cell(best.cell).ko}에 {say.josa(say.accuracy(best.accuracy), '이라는/라는')} 숫자가 "
            "출력되어 있지만, 그 앞에서 실행된 학습이 없습니다.",
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


def _of_unread_code(case: Case, best: Evaluation, cells: tuple[int, ...]) -> Verdict:
    """A number that code outside the file may have earned: no training was seen, and none is ruled out."""
    at = say.cells(cells)
    return verdict(
        case,
        Status.UNDECIDED,
        say.text(
            f"{say.cell(best.cell).ko}에 {say.josa(say.accuracy(best.accuracy), '이/가')} 출력되어 있지만, "
            f"{at.ko}에서 실행한 코드를 채점기가 읽을 수 없습니다.",
            f"{say.cell(best.cell).en.capitalize()} prints {say.accuracy(best.accuracy)}, but the "
            f"grader can't read the code that {at.en} runs.",
        ),
        say.text(
            "학습이 그 코드 안에서 이루어졌을 수 있어, 이 파일만으로는 판단할 수 없습니다.",
            "The training may have taken place in there, so this file alone can't settle it.",
        ),
        say.distinct(
            (say.cite(best.cell, best.quote, Witness.RECORDED), *(say.cite(cell) for cell in cells[:2]))
        ),
        person=say.text(
            f"✍️ {at.ko}에서 실행한 코드를 받아, 어떤 데이터로 학습하고 평가했는지 확인해 주세요.",
            f"✍️ Please ask for the code that {at.en} runs, and see what it trains and evaluates on.",
        ),
    )


def not_confirmed(case: Case, best: Evaluation) -> Verdict:
    """The goal was reached in our own run, but the model it left doesn't show it."""
    scores = case.evidence.verified.scores if case.evidence.verified else ()
    known = [s.accuracy for s in scores if s.accuracy is not None]
    why = (case.evidence.verified.reason if case.evidence.verified else None) or say.text("", "")
    if known:
        why = say.text(
            f"숨긴 리뷰로 다시 평가하니 {say.accuracy(max(known))}였습니다.",
            f"Evaluated again on hidden reviews it scores {say.accuracy(max(known))}.",
        )
    return verdict(
        case,
        Status.UNDECIDED,
        say.text(
            f"채점기가 끝까지 실행했을 때 {say.cell(best.cell).ko}에서 {say.accuracy(best.accuracy)}에 "
            "이르렀지만, 남긴 모델로는 확인되지 않았습니다.",
            f"When the grader ran all of it, {say.cell(best.cell).en} reached {say.accuracy(best.accuracy)}, "
            "but the model it left does not confirm that.",
        ),
        why,
        (say.cite(best.cell, best.quote, Witness.OBSERVED),),
        person=say.text(
            "✍️ 어떤 모델을 어떤 행으로 평가했는지 코더와 함께 확인해 주세요.",
            "✍️ Please see with the coder which model was evaluated on which rows.",
        ),
    )


def of_replaced_functions(case: Case, best: Evaluation, cells: tuple[int, ...]) -> Verdict:
    """A number from functions that the notebook itself replaced: whatever they were made to return."""
    at = say.cells(cells)
    return verdict(
        case,
        Status.UNDECIDED,
        say.text(
            f"{say.cell(best.cell).ko}에 {say.josa(say.accuracy(best.accuracy), '이/가')} 출력되어 있지만, "
            f"{at.ko}에서 학습이나 "
            "평가를 하는 함수를 바꾸었거나 계산한 값이 실제 예측과 다릅니다.",
            f"{say.cell(best.cell).en.capitalize()} prints {say.accuracy(best.accuracy)}, but {at.en} "
            "replaces functions that train or measure, or computes a value that differs from the predictions "
            "made.",
        ),
        say.text(
            "바뀐 함수가 돌려준 정확도만으로는 모델의 성능을 확인할 수 없습니다.",
            "An accuracy returned by functions that were replaced can't show how good the model is.",
        ),
        say.distinct(
            (say.cite(best.cell, best.quote, Witness.RECORDED), *(say.cite(cell) for cell in cells[:2]))
        ),
        person=say.text(
            f"✍️ {at.ko}의 코드가 정확도를 바꾸는지 확인해 주세요.",
            f"✍️ Please see whether the code of {at.en} changes the accuracy.",
        ),
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


def leaked_only(case: Case) -> Verdict:
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
    return verdict(
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


def verdict(
    case: Case,
    status: Status,
    actual: Text,
    reason: Text,
    cited: tuple[Citation, ...],
    *,
    next_step: Text | None = None,
    person: Text | None = None,
) -> Verdict:
    goal = say.accuracy(case.goal)
    pocket = case.goal != case.threshold("r2", "accuracy")
    expected = say.text(
        f"학습에 쓰지 않은 행에서 잰 정확도 {goal} 이상이 출력으로 남아 있습니다.",
        f"A stored output shows an accuracy of {goal} or more on rows not trained on.",
    )
    if pocket:
        expected = say.text(
            f"학습에 쓰지 않은 행에서 잰 정확도가 작은 대역 모델의 목표 {goal} 이상입니다.",
            f"Accuracy on rows not trained on reaches {goal}, the goal for the small stand-in model.",
        )
    return Verdict(
        item="r2",
        status=status,
        expected=expected,
        actual=actual,
        reason=reason,
        points=award(case, "r2", status),
        citations=cited,
        next_step=next_step,
        person=person,
    )
