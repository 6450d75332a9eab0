"""Findings about the student's words and typed numbers, held against stored outputs."""

from __future__ import annotations

from collections.abc import Iterator

from grader.checks import say
from grader.checks.accuracy import best_of
from grader.checks.join import later_evaluations, observations
from grader.checks.settle import Case
from grader.facts import Kind
from grader.records import Finding, Observation, Text


def find(case: Case) -> Iterator[Finding]:
    """All findings of this room."""
    yield from _speedup(case)
    yield from _typed_against_stored(case)
    yield from _same_score(case)
    yield from _copied_scores(case)


def rows_per_second(case: Case) -> tuple[float, float] | None:
    """Rows trained on per second (baseline, bucketed), by what was really run; None if unknown."""
    if case.pair is None:
        return None
    speeds = []
    for run in case.pair:
        rows = run.rows * run.epochs if run.rows and run.epochs else None
        if rows is None and run.steps and run.batch_size:
            rows = run.steps * run.batch_size
        if rows is None or not run.seconds:
            return None
        speeds.append(rows / run.seconds)
    return speeds[0], speeds[1]


def measured_speedup(case: Case) -> float | None:
    """How many times as fast the bucketed run handled rows."""
    rates = rows_per_second(case)
    return None if rates is None else rates[1] / rates[0]


def _speedup(case: Case) -> Iterator[Finding]:
    """'1.5배' typed, the stored rows per second equal (or the other way round)."""
    real = measured_speedup(case)
    if real is None:
        return
    base, late = case.pair
    for o in _typed(case, "speedup"):
        said = o.value["value"]
        if not 1.15 <= said <= 50 or o.cell is None:
            continue
        # Less than measured is modesty, or another pair of numbers; more than measured is a claim.
        if said <= 1.2 * real or _some_pair_says(case, said):
            continue
        at, pair = say.cell(o.cell), say.cells((base.cell, late.cell))
        same = abs(real - 1) < 0.05
        truly = say.text(
            "같습니다" if same else f"{say.ratio(real)}배입니다", "1×" if same else f"{say.ratio(real)}×"
        )
        yield Finding(
            id="speedup-not-measured",
            severity="contradiction",
            text=say.text(
                f"{at.ko}에는 {say.ratio(said)}배 빨라졌다고 적혀 있지만, 저장된 출력에서 행을 처리한 속도는 "
                f"{truly.ko}({pair.ko}, 실제로 학습한 행 수 ÷ 시간).",
                f"{at.en.capitalize()} says {say.ratio(said)}× faster, but the stored outputs of "
                f"{pair.en} come to {truly.en} (rows really trained on per second).",
            ),
            citations=say.distinct((*say.cite_observation(o), *say.cite_run(base), *say.cite_run(late))),
            question=say.text(
                f"{at.ko}의 {say.ratio(said)}배는 어떤 두 숫자를 나눈 값인가요? 두 실행이 같은 수의 행을 "
                "학습했나요?",
                f"Which two numbers give the {say.ratio(said)}× of {at.en}? Did both runs train on equally "
                "many rows?",
            ),
        )
        return


def _some_pair_says(case: Case, said: float) -> bool:
    """Is `said` the ratio of the speeds of any two stored runs?"""
    speeds = [j.run.examples_per_second for j in case.runs if j.run.examples_per_second]
    return any(abs(a / b - said) < 0.15 * said for a in speeds for b in speeds)


def _typed_against_stored(case: Case) -> Iterator[Finding]:
    """Typed accuracies or times of the compared runs that no stored output shows, in one finding."""
    if case.pair is None:
        return
    wrong = [
        (o, said, near)
        for name, differs in (("accuracy", _accuracy_differs), ("seconds", _seconds_differ))
        for o in _typed(case, name)
        if o.value.get("about") in ("baseline", "bucketing") and o.cell is not None
        for said, near in differs(case, o.value["value"])
    ]
    if not wrong:
        return
    at = say.cells(o.cell for o, _, _ in wrong)
    pairs = list(dict.fromkeys((s.ko, n.ko, s.en, n.en) for _, s, n in wrong))[:4]
    ko = ", ".join(f"{s}(출력에서 가장 가까운 값 {n})" for s, n, _, _ in pairs)
    en = ", ".join(f"{s} (nearest stored {n})" for _, _, s, n in pairs)
    first = wrong[0][1]
    yield Finding(
        id="typed-differs-from-stored",
        severity="warning",
        text=say.text(
            f"{at.ko}에 적힌 숫자 가운데 저장된 출력에 없는 것이 있습니다: {ko}.",
            f"Numbers typed in {at.en} are in no stored output: {en}.",
        ),
        citations=say.distinct(c for o, _, _ in wrong for c in say.cite_observation(o)),
        question=say.text(
            f"{say.cell(wrong[0][0].cell).ko}의 {first.ko} 값은 어느 실행에서 나온 것인가요? 그 출력은 "
            "어디에 있나요?",
            f"Which run does the {first.en} of {say.cell(wrong[0][0].cell).en} come from, and where is its "
            "output?",
        ),
    )


def _accuracy_differs(case: Case, value: float) -> list[tuple[Text, Text]]:
    """(typed, nearest stored) if a typed accuracy is none of the stored ones, rounded or cut."""
    said = value / 100 if value > 1 else value
    stored = [e.accuracy for e in case.measured.clean + case.measured.leaked]
    if not 0.5 <= said <= 1 or not stored or not case.facts.runs:
        return []
    near = min(stored, key=lambda a: abs(said - a))
    # Equal to the digits typed; far away is another quantity (F1, a goal, another experiment).
    if abs(said - near) <= max(10 ** -_digits(said), 6e-5) or abs(said - near) > 0.02:
        return []
    if _printed_somewhere(case, f"{said:g}"):
        return []
    return [
        (
            say.text(f"정확도 {said:g}", f"accuracy {said:g}"),
            say.text(say.accuracy(near), say.accuracy(near)),
        )
    ]


def _printed_somewhere(case: Case, number: str) -> bool:
    """Does any stored output show these digits (a training accuracy, a table of its own)?"""
    outputs = (o for c in case.evidence.submission.cells for o in c.outputs)
    return any(number in o.text or number in o.html for o in outputs)


def _seconds_differ(case: Case, value: float) -> list[tuple[Text, Text]]:
    """(typed, nearest stored) if a typed time is near a stored one, but by more than rounding."""
    stored = [j.run.seconds for j in case.runs if j.run.seconds]
    stored += [j.run.seconds / j.run.epochs for j in case.runs if j.run.seconds and j.run.epochs]
    if value < 60 or not stored:
        return []
    near = min(stored, key=lambda s: abs(value - s))
    # Students round to minutes, or to five of them; beyond a quarter it is another run's time.
    if not max(60, 0.04 * near) < abs(value - near) < 0.25 * near:
        return []
    return [(say.seconds(value), say.seconds(near))]


def _digits(value: float) -> int:
    """Decimal places a number was typed with (2 to 6)."""
    text = f"{value:.10f}".rstrip("0")
    return min(max(len(text.split(".")[1]), 2), 6)


def _same_score(case: Case) -> Iterator[Finding]:
    """Two runs with identical loss and accuracy: the same model was evaluated twice."""
    seen: dict[tuple[float, float], int] = {}
    runs = [j for j in case.runs if j.recorded is not None]
    for j in runs:
        best = best_of(j.run)
        if best is None or best.loss is None:
            continue
        key = (best.accuracy, best.loss)
        if key in seen and seen[key] != j.run.cell:
            at = say.cells((seen[key], j.run.cell))
            yield Finding(
                id="same-score",
                severity="contradiction",
                text=say.text(
                    f"{at.ko}의 두 실행은 손실과 정확도가 소수점 끝까지 같습니다. 같은 모델을 두 번 평가한 "
                    "것으로 보입니다.",
                    f"The two runs in {at.en} have the same loss and accuracy to the last digit: one model "
                    "seems to have been evaluated twice.",
                ),
                citations=say.cite_run(j.run),
                question=say.text(
                    f"{at.ko}에서 평가한 모델이 서로 다른 모델인지 어떻게 확인할 수 있을까요?",
                    f"How could one make sure that {at.en} evaluate two different models?",
                ),
            )
        seen[key] = j.run.cell


def _copied_scores(case: Case) -> Iterator[Finding]:
    """The student reports equal scores, and the second one is a loaded checkpoint of the first."""
    loads = [
        o
        for o in observations(case.evidence, Kind.MODEL_LOAD)
        if "checkpoint" in str(o.value.get("name", "")).lower() and o.cell is not None
    ]
    last_run = max((j.run.cell for j in case.runs if j.recorded is not None), default=None)
    for load in loads:
        scored = [
            e for e in later_evaluations(case.evidence) if e.cell >= load.cell and e.accuracy is not None
        ]
        if last_run is None or load.cell <= last_run or not scored:
            continue
        e = scored[0]
        said = [
            o
            for o in _typed(case, "accuracy")
            if o.cell is not None and abs(o.value["value"] - e.accuracy) < 1e-6
        ]
        same = [o for o in observations(case.evidence, Kind.CLAIM) if _says_same_accuracy(o)]
        if not said and not same:
            continue
        at, of = say.cell(load.cell), say.cell(last_run)
        name = str(load.value["name"])
        yield Finding(
            id="checkpoint-evaluated",
            severity="contradiction",
            text=say.text(
                f"{at.ko}에서 평가한 모델은 {of.ko}에서 학습한 모델이 아니라 `{name}`에서 불러온 것입니다. "
                f"그래서 두 방법의 점수가 똑같이 {say.accuracy(e.accuracy)}로 나온 것으로 보입니다.",
                f"The model evaluated in {at.en} is not the one trained in {of.en} but was loaded from "
                f"`{name}`, which would explain why both methods score exactly {say.accuracy(e.accuracy)}.",
            ),
            citations=say.distinct(
                (
                    *say.cite_observation(load),
                    *(c for o in (said or same)[:1] for c in say.cite_observation(o)),
                )
            ),
            question=say.text(
                f"{at.ko}에서 `{name}`의 모델을 평가했습니다. {of.ko}에서 학습한 모델의 점수는 어디에서 볼 "
                "수 있나요?",
                f"{at.en.capitalize()} evaluates the model in `{name}`. Where is the score of the model "
                f"trained in {of.en}?",
            ),
        )
        return


def _says_same_accuracy(o: Observation) -> bool:
    return o.value.get("about") == "accuracy" and o.value.get("says") == "same" and o.cell is not None


def _typed(case: Case, name: str) -> list[Observation]:
    """Typed numbers of one name that hold a number."""
    found = observations(case.evidence, Kind.TYPED_NUMBER)
    return [o for o in found if o.value.get("name") == name and isinstance(o.value.get("value"), int | float)]
