"""How fast the compared runs were when we ran them, and how sure that is.

The only speeds of one machine and one hour: what a notebook stores may come from two days and two GPUs.
Changes no verdict; whether bucketing took effect rests on tokens, which don't waver.
"""

from __future__ import annotations

from collections.abc import Iterator

from grader.checks import say
from grader.checks.settle import Case
from grader.records import Finding, Interval, Text, TrainingRun, Witness

NOISE = 1.5
"""Speeds closer than this aren't told apart: two runs of one width and batch size in one notebook were 1.03
to 1.23 times apart on a quiet machine of two cores, 1.33 on a busy one (benchmarks/sweep.py prints them)."""
ALIKE = ("kind", "model", "precision", "device")
"""What two runs must have in common for their speeds to be bucketing's doing."""
BATCHES = 2.0
"""And their batch sizes within this ratio: a token budget gives batches of many sizes."""


def find(case: Case) -> Iterator[Finding]:
    """At most one: the settled pair, if both were timed and are alike but for their batches."""
    pair = _timed(case)
    if pair is None:
        return
    a, b = pair
    at, late, steps = say.cell(a.cell), say.cell(b.cell), _steps(a, b)
    pocket = case.evidence.observed.profile == "pocket"
    model = say.text(", 대역 모델", ", stand-in model") if pocket else say.text("", "")
    said = _said(b.examples_per_second / a.examples_per_second, _ratio(a, b))
    yield Finding(
        id="rerun-speed",
        severity="note",
        text=say.text(
            f"채점기가 두 학습을 같은 컴퓨터에서 이어서 실행했을 때({steps.ko}{model.ko}, ±는 배치 간 편차) "
            f"{say.josa(at.ko, '은/는')} 초당 {_speed(a)}행, bucketing을 켠 {say.josa(late.ko, '은/는')} "
            f"초당 {_speed(b)}행을 처리했습니다. {said.ko}.",
            f"When the grader ran both trainings one after the other on one machine ({steps.en}{model.en}; "
            f"± is the spread between batches), {at.en} did {_speed(a)} rows a second and {late.en}, with "
            f"bucketing, {_speed(b)}. {said.en}.",
        ),
        citations=tuple(say.cite(run.cell, "", Witness.OBSERVED) for run in pair),
    )


def _timed(case: Case) -> tuple[TrainingRun, TrainingRun] | None:
    """The observed runs of (baseline, bucketed), where both have a speed that can be held together."""
    seen = case.evidence.observed
    if seen is None or seen.unverified or case.baseline is None or case.bucketed is None:
        return None
    a, b = case.baseline.observed, case.bucketed.observed
    if a is None or b is None or a is b or any(getattr(a, f) != getattr(b, f) for f in ALIKE):
        return None
    sizes = sorted(r.batch_size or 1 for r in (a, b))
    if sizes[1] > BATCHES * sizes[0]:
        return None
    known = all(
        r.steps and r.examples_per_second and r.examples_per_second_spread is not None for r in (a, b)
    )
    return (a, b) if known else None


def _ratio(a: TrainingRun, b: TrainingRun) -> Interval:
    """Of `b`'s speed to `a`'s: the slow edge of one over the fast edge of the other, and the reverse."""
    (x, dx), (y, dy) = ((r.examples_per_second, r.examples_per_second_spread) for r in (a, b))
    return Interval(max(0.0, y - dy) / (x + dx), (y + dy) / max(x - dx, 0.01 * x))


def _said(middle: float, times: Interval) -> Text:
    if middle >= NOISE and times.low > 1:
        return say.text(
            f"bucketing을 켠 쪽이 {_times(middle)}배({_between(times)}배) 빨랐습니다",
            f"With bucketing it was {_times(middle)} times as fast ({_between(times)})",
        )
    if middle <= 1 / NOISE and times.high < 1:
        return say.text(
            f"bucketing을 켠 쪽이 오히려 느렸습니다({_times(middle)}배, {_between(times)}배)",
            f"With bucketing it was slower ({_times(middle)} times as fast, {_between(times)})",
        )
    return say.text(
        "이렇게 짧게 잰 값으로는 어느 쪽이 빠르다고 말할 수 없는 차이입니다",
        "Measured so briefly, that is no difference one could tell from chance",
    )


def _times(value: float) -> str:
    return f"{value:.1f}"


def _between(times: Interval) -> str:
    return f"{times.low:.1f}–{times.high:.1f}"


def _speed(run: TrainingRun) -> str:
    shown = say.count if run.examples_per_second >= 10 else "{:.1f}".format
    return f"{shown(run.examples_per_second)} ± {shown(run.examples_per_second_spread)}"


def _steps(a: TrainingRun, b: TrainingRun) -> Text:
    if a.steps == b.steps:
        return say.text(f"{a.steps}스텝씩", f"{a.steps} steps each")
    return say.text(f"{a.steps}스텝과 {b.steps}스텝", f"{a.steps} and {b.steps} steps")
