"""How fast the compared runs were when we ran them, and how sure that is.

The only speeds of one machine and one hour: what a notebook stores may come from two days and two GPUs.
Changes no verdict; whether bucketing took effect rests on tokens, which don't waver.
"""

from __future__ import annotations

from collections.abc import Iterator

from grader.checks import say
from grader.checks.settle import Case
from grader.records import Finding, Interval, Text, TrainingRun, Witness

NOISE = 1.3
"""Speeds closer than this are called alike: the same work was up to 1.2 times as fast in one of two runs of a
notebook (benchmarks/sweep.py, runs of one width and batch size, two shared cores)."""


def find(case: Case) -> Iterator[Finding]:
    """At most one: the settled pair, if both were timed on one device."""
    pair = _timed(case)
    if pair is None:
        return
    a, b = pair
    times = _ratio(a, b)
    at, steps = say.cells((a.cell, b.cell)), _steps(a, b)
    pocket = case.evidence.observed.profile == "pocket"
    model = say.text(", 대역 모델", ", stand-in model") if pocket else say.text("", "")
    said = _said(b.examples_per_second / a.examples_per_second, times)
    yield Finding(
        id="rerun-speed",
        severity="note",
        text=say.text(
            f"채점기가 {say.josa(at.ko, '을/를')} 같은 컴퓨터에서 이어서 실행했을 때(학습마다 {steps}스텝"
            f"{model.ko}, ±는 배치 사이의 흔들림) 속도는 초당 {_speed(a)}행과 {_speed(b)}행으로, {said.ko}.",
            f"When the grader ran {at.en} one after the other on one machine ({steps} steps of each "
            f"training{model.en}; ± is the spread between batches), they did {_speed(a)} and {_speed(b)} "
            f"rows a second: {said.en}.",
        ),
        citations=tuple(say.cite(run.cell, "", Witness.OBSERVED) for run in pair),
    )


def _timed(case: Case) -> tuple[TrainingRun, TrainingRun] | None:
    """The observed runs of (baseline, bucketed), where both have a speed that can be held together."""
    seen = case.evidence.observed
    if seen is None or seen.unverified or case.baseline is None or case.bucketed is None:
        return None
    a, b = case.baseline.observed, case.bucketed.observed
    if a is None or b is None or a is b or a.device != b.device:
        return None
    known = all(r.examples_per_second and r.examples_per_second_spread is not None for r in (a, b))
    return (a, b) if known else None


def _ratio(a: TrainingRun, b: TrainingRun) -> Interval:
    """Of `b`'s speed to `a`'s: the slow edge of one over the fast edge of the other, and the reverse."""
    (x, dx), (y, dy) = ((r.examples_per_second, r.examples_per_second_spread) for r in (a, b))
    return Interval(max(0.0, y - dy) / (x + dx), (y + dy) / max(x - dx, 0.01 * x))


def _said(middle: float, times: Interval) -> Text:
    if middle >= NOISE and times.low > 1:
        return say.text(
            f"{say.ratio(middle)}배({_between(times)}배) 빨랐습니다",
            f"{say.ratio(middle)} times as fast ({_between(times)})",
        )
    if middle <= 1 / NOISE and times.high < 1:
        return say.text(
            f"오히려 느렸습니다({say.ratio(middle)}배, {_between(times)}배)",
            f"slower, in fact ({say.ratio(middle)} times as fast, {_between(times)})",
        )
    return say.text(
        "흔들림을 생각하면 어느 쪽이 빠르다고 할 수 없습니다",
        "no difference, considering how much it wavers",
    )


def _between(times: Interval) -> str:
    return f"{times.low:.1f}–{times.high:.1f}"


def _speed(run: TrainingRun) -> str:
    return f"{say.count(run.examples_per_second)} ± {say.count(run.examples_per_second_spread)}"


def _steps(a: TrainingRun, b: TrainingRun) -> str:
    return ", ".join(dict.fromkeys(str(run.steps) for run in (a, b) if run.steps))
