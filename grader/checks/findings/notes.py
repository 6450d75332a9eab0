"""Smaller findings: stored errors, overfitting, a result at the threshold, evidence outside the cells."""

from __future__ import annotations

from collections.abc import Iterator

from grader.checks import say
from grader.checks.accuracy import best_of
from grader.checks.join import observations
from grader.checks.settle import Case
from grader.checks.shown import observed_trained
from grader.facts import Kind
from grader.records import Finding, Witness


def find(case: Case) -> Iterator[Finding]:
    """All findings of this room."""
    yield from _errors(case)
    yield from _overfitting(case)
    yield from _at_the_threshold(case)
    yield from _outside(case)
    yield from _narrow_rows(case)


def _errors(case: Case) -> Iterator[Finding]:
    """Errors the student left in the outputs."""
    for o in observations(case.evidence, Kind.ERROR):
        if o.witness != Witness.RECORDED or o.cell is None:
            continue
        name = str(o.value.get("ename", "Error"))
        at = say.cell(o.cell)
        interrupted = name == "KeyboardInterrupt"
        yield Finding(
            id="stored-error",
            severity="note",
            text=say.text(
                f"{at.ko}은 실행 중에 직접 멈춘 기록(`KeyboardInterrupt`)이 남아 있습니다.".replace(
                    f"{at.ko}은", say.josa(at.ko, "은/는")
                )
                if interrupted
                else f"{at.ko}에 `{name}` 오류가 출력으로 남아 있습니다.",
                f"{at.en.capitalize()} was stopped by hand (`KeyboardInterrupt`)."
                if interrupted
                else f"{at.en.capitalize()} ends in a stored `{name}`.",
            ),
            citations=say.cite_observation(o),
        )


def _overfitting(case: Case) -> Iterator[Finding]:
    """Best accuracy late, lowest validation loss early: which model would one pick?"""
    best = case.measured.best
    j = next((j for j in case.runs if best is not None and j.run.cell == best.cell), None)
    if j is None:
        return
    points = [e for e in j.run.evaluations if e.loss is not None and e.accuracy is not None]
    if len(points) < 2:
        return
    lowest, top = min(points, key=lambda e: e.loss), best_of(j.run)
    last = points[-1]
    if points.index(lowest) == len(points) - 1 or last.loss < 1.15 * lowest.loss or top is None:
        return
    at = say.cell(j.run.cell)
    when = _when(lowest)
    then = _when(top)
    if when.ko == then.ko:
        return
    yield Finding(
        id="overfitting",
        severity="note",
        text=say.text(
            f"{at.ko}에서 검증 손실은 {when.ko}에 가장 낮고({lowest.loss:.3f}) 마지막에는 "
            f"{last.loss:.3f}까지 올라갑니다. 가장 높은 정확도({say.accuracy(top.accuracy)})는 {then.ko}에 "
            "나왔습니다.",
            f"In {at.en} validation loss is lowest at {when.en} ({lowest.loss:.3f}) and ends at "
            f"{last.loss:.3f}, while the best accuracy {say.accuracy(top.accuracy)} comes at {then.en}.",
        ),
        citations=say.cite_run(j.run),
        question=say.text(
            f"{at.ko}에서 최고 정확도는 {then.ko}에 나왔지만 검증 손실은 {when.ko}에 가장 낮습니다. 어느 "
            "모델을 고르겠습니까? 왜인가요?",
            f"In {at.en} the best accuracy comes at {then.en}, but validation loss is lowest at {when.en}. "
            "Which model would you choose, and why?",
        ),
    )


def _when(e):
    """'2 에폭' or '스텝 5,000'."""
    if e.step is not None and (e.epoch is None or e.epoch != round(e.epoch)):
        return say.text(f"스텝 {say.count(e.step)}", f"step {say.count(e.step)}")
    if e.epoch is not None:
        return say.text(f"{e.epoch:g} 에폭", f"epoch {e.epoch:g}")
    return say.text("처음", "the start")


def _at_the_threshold(case: Case) -> Iterator[Finding]:
    """A result within the noise of two equal runs."""
    best = case.measured.best
    goal, noise = case.threshold("r2", "accuracy"), case.threshold("r2", "noise")
    if best is None or abs(best.accuracy - goal) >= noise:
        return
    at = say.cell(best.cell)
    side = ("넘었", "above") if best.accuracy >= goal else ("모자랐", "below")
    yield Finding(
        id="at-the-threshold",
        severity="note",
        text=say.text(
            f"{at.ko}의 최고 정확도 {say.accuracy(best.accuracy)} 값은 목표 {say.accuracy(goal)} 기준에 "
            f"{say.accuracy(abs(best.accuracy - goal))} 차이로 {side[0]}습니다. 같은 설정도 시드에 따라 "
            f"{noise:g}쯤 달라집니다.",
            f"The best accuracy {say.accuracy(best.accuracy)} in {at.en} is "
            f"{say.accuracy(abs(best.accuracy - goal))} {side[1]} the goal of {say.accuracy(goal)}; equal "
            f"settings differ by about {noise:g} from seed to seed.",
        ),
        citations=(say.cite(best.cell, best.quote, Witness.RECORDED),),
        question=say.text(
            f"{at.ko}의 {say.accuracy(best.accuracy)} 결과가 시드를 바꿔도 유지될지 어떻게 확인하시겠어요?",
            f"How would you find out whether the {say.accuracy(best.accuracy)} of {at.en} holds with another "
            "seed?",
        ),
    )


def _outside(case: Case) -> Iterator[Finding]:
    """Evidence only a person can look at."""
    images = [
        o.cell
        for o in observations(case.evidence, Kind.IMAGE)
        if o.value.get("where") == "markdown" and o.cell is not None
    ]
    if images:
        at = say.cells(images)
        yield Finding(
            id="evidence-in-images",
            severity="note",
            text=say.text(
                f"{at.ko}에 이미지로 붙인 결과가 있습니다. 자동으로 읽지 않았으니 눈으로 확인해 주세요.",
                f"{at.en.capitalize()} holds results as images; they were not read and need a person's eye.",
            ),
            citations=tuple(say.cite(c) for c in sorted(set(images))),
        )


def _narrow_rows(case: Case) -> Iterator[Finding]:
    """max_length that cuts off many reviews."""
    ran = [j for j in case.runs if j.run.executed or observed_trained(j)]
    cut = [j for j in ran if j.run.max_length and j.run.max_length < 48]
    if not cut:
        return
    run = cut[0].run
    at = say.cell(run.cell)
    yield Finding(
        id="short-max-length",
        severity="note",
        text=say.text(
            f"{at.ko}의 학습은 `max_length={run.max_length}` 설정으로 리뷰를 자릅니다. NSMC는 토큰 길이의 95 "
            "%가 60 안팎 이하라서 긴 리뷰의 뒷부분이 사라집니다.",
            f"The training in {at.en} cuts reviews at `max_length={run.max_length}`. 95 % of NSMC reviews "
            "have up to about 60 tokens, so the ends of long ones are lost.",
        ),
        citations=say.cite_run(run),
        question=say.text(
            f"`max_length={run.max_length}` 값을 고른 근거는 무엇인가요? 잘려 나간 리뷰는 몇 %인가요?",
            f"Why `max_length={run.max_length}`? What share of reviews is cut off?",
        ),
    )
