"""Findings about the student's words and typed numbers, held against stored outputs."""

from __future__ import annotations

from collections.abc import Iterator

from grader.checks import say
from grader.checks.accuracy import best_of
from grader.checks.join import later_evaluations, observations
from grader.checks.settle import Case
from grader.facts import Kind
from grader.records import Finding, Observation, Witness


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
        by_time = base.seconds / late.seconds
        if not 1.15 <= said <= 50 or o.cell is None:
            continue
        if abs(said - real) < 0.2 * real or (
            abs(said - by_time) < 0.1 * by_time and abs(by_time - real) < 0.2
        ):
            continue
        at, pair = say.cell(o.cell), say.cells((base.cell, late.cell))
        yield Finding(
            id="speedup-not-measured",
            severity="contradiction",
            text=say.text(
                f"{at.ko}에는 {say.ratio(said)}배 빨라졌다고 적혀 있지만, 저장된 출력에서 행을 처리한 속도는 "
                f"{say.ratio(real)}배입니다({pair.ko}, 실제로 학습한 행 수 ÷ 시간).",
                f"{at.en.capitalize()} says {say.ratio(said)}× faster, but the stored outputs of "
                f"{pair.en} come to {say.ratio(real)}× (rows really trained on per "
                "second).",
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


def _typed_against_stored(case: Case) -> Iterator[Finding]:
    """A typed accuracy or time of a stored run that no stored output shows."""
    if case.pair is None:
        return
    stored_acc = [e.accuracy for e in case.measured.clean + case.measured.leaked]
    stored_sec = [j.run.seconds for j in case.runs if j.run.seconds]
    for side, run in zip(("baseline", "bucketing"), case.pair, strict=True):
        for o in _typed(case, "accuracy"):
            said = o.value["value"] / 100 if o.value["value"] > 1 else o.value["value"]
            if o.value.get("about") != side or not 0.5 <= said <= 1 or not stored_acc or o.cell is None:
                continue
            # A number typed with d digits equals a stored one rounded (or cut) to d digits.
            step = 10 ** -_digits(said)
            if min(abs(said - a) for a in stored_acc) <= step:
                continue
            near = min(stored_acc, key=lambda a: abs(said - a))
            if abs(said - near) > 0.05:
                continue
            yield _mismatch(o, run.cell, f"{said:g}", say.accuracy(near), "정확도", "accuracy")
            break
        for o in _typed(case, "seconds"):
            said = o.value["value"]
            if o.value.get("about") != side or not stored_sec or o.cell is None or said < 60:
                continue
            near = min(stored_sec, key=lambda s: abs(said - s))
            # Beyond rounding to a minute, but plainly the same run.
            if max(60, 0.02 * near) < abs(said - near) < 0.5 * near:
                a, b = say.seconds(said), say.seconds(near)
                yield _mismatch(o, run.cell, a.ko, b.ko, "학습 시간", "training time", a.en, b.en)
                break


def _mismatch(
    o: Observation,
    cell: int,
    said: str,
    stored: str,
    ko: str,
    en: str,
    said_en: str = "",
    stored_en: str = "",
) -> Finding:
    at, to = say.cell(o.cell), say.cell(cell)
    return Finding(
        id="typed-differs-from-stored",
        severity="warning",
        text=say.text(
            f"{at.ko}에 적힌 {ko} {said} 값과 같은 값이 저장된 출력에 없습니다. 가장 가까운 값은 "
            f"{stored}입니다.",
            f"The {en} of {said_en or said} typed in {at.en} is in no stored output; the nearest is "
            f"{stored_en or stored}.",
        ),
        citations=say.distinct((*say.cite_observation(o), say.cite(cell, "", Witness.RECORDED))),
        question=say.text(
            f"{at.ko}의 {ko} {said} 값은 어느 실행에서 나온 것인가요? {to.ko}의 출력과 다른 이유가 있나요?",
            f"Which run does the {en} of {said_en or said} in {at.en} come from? Why does it differ from the "
            f"output of {to.en}?",
        ),
    )


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
