"""Findings about what the model was given: its starting weights, its mask, its padding token; and which
model was measured.

Masks and padding tokens are what the probe counted in our own run; weights and evaluations come from code
and run. Nothing here changes a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator

from grader.checks import say
from grader.checks.join import Joined, observations
from grader.checks.settle import Case
from grader.checks.shown import from_random
from grader.facts import Kind
from grader.records import Evaluation, Finding, Observation, Witness


def find(case: Case) -> Iterator[Finding]:
    """All findings of this room."""
    yield from _unmasked(case)
    yield from _odd_padding(case)
    yield from _random(case)
    yield from _measured_again(case)


def _unmasked(case: Case) -> Iterator[Finding]:
    """Padding that attention was not kept from."""
    seen = _counted(case, "unmasked")
    if not seen:
        return
    at, count = say.cells(o.cell for o in seen), say.count(sum(o.value["unmasked"] for o in seen))
    yield Finding(
        id="mask-missing",
        severity="warning",
        text=say.text(
            f"{at.ko}의 학습에서 패딩 토큰 {count}개가 attention mask 없이 모델에 들어갔습니다. 모델이 "
            "패딩을 단어처럼 읽으므로, 같은 리뷰의 출력이 배치의 길이에 따라 달라집니다.",
            f"In the training of {at.en}, {count} padding tokens reached the model without an attention "
            "mask. The model reads them as words, so a review's output depends on the width of its batch.",
        ),
        citations=say.distinct(c for o in seen for c in say.cite_observation(o)),
        question=say.text(
            f"{at.ko}의 배치에 `attention_mask`가 있나요? 없으면 패딩 토큰은 어떻게 계산될까요?",
            f"Is there an `attention_mask` in the batches of {at.en}, and what is padding without it?",
        ),
    )


def _odd_padding(case: Case) -> Iterator[Finding]:
    """Padding with another token than the model's own; harmless only as long as the mask hides it."""
    seen = _counted(case, "odd")
    if not seen:
        return
    at, count = say.cells(o.cell for o in seen), say.count(sum(o.value["odd"] for o in seen))
    yield Finding(
        id="odd-padding",
        severity="note",
        text=say.text(
            f"{at.ko}의 학습에서는 모델의 패딩 토큰이 아닌 토큰으로 {count}자리를 채웠습니다. attention "
            "mask가 가려 주어 결과는 같지만, 마스크가 빠지는 순간 단어로 읽힙니다.",
            f"In the training of {at.en}, {count} places are filled with another token than the model's "
            "padding token. The mask hides them, so results are the same; without it they are read as words.",
        ),
        citations=say.distinct(c for o in seen for c in say.cite_observation(o)),
        question=say.text(
            f"{at.ko}에서 패딩에 쓰인 토큰은 무엇인가요? `tokenizer.pad_token`과 같은가요?",
            f"Which token fills the padding in {at.en}, and is it `tokenizer.pad_token`?",
        ),
    )


def _random(case: Case) -> Iterator[Finding]:
    """Trained from random weights: the architecture without what it learnt."""
    runs = [j for j in case.runs if from_random(case, j)]
    if not runs:
        return
    at = say.cells(j.run.cell for j in runs)
    yield Finding(
        id="random-weights",
        severity="warning",
        text=say.text(
            f"{at.ko}의 학습은 사전학습 가중치가 아니라 무작위 가중치에서 시작합니다. 구조만 같을 뿐 "
            "`klue/bert-base`가 배운 것은 쓰지 않습니다.",
            f"The training in {at.en} starts from random weights: the architecture is the same, but nothing "
            "that `klue/bert-base` learnt is used.",
        ),
        citations=say.distinct(
            c
            for o in observations(case.evidence, Kind.MODEL_LOAD)
            if o.value.get("pretrained") is False and o.witness == Witness.SOURCE
            for c in say.cite_observation(o)
        ),
        question=say.text(
            "`from_config`와 `from_pretrained`는 무엇이 다른가요?",
            "What is the difference between `from_config` and `from_pretrained`?",
        ),
    )


def _measured_again(case: Case) -> Iterator[Finding]:
    """After the bucketed training, the plain run's model is evaluated again and the bucketed one is not."""
    base, late = case.baseline, case.bucketed
    if base is None or late is None or base.observed is None or late.observed is None:
        return
    if base.run.cell > late.run.cell:
        return  # trained after the bucketed one: what is evaluated from there on is its own
    # The bucketed one measured on that split as well: a comparison, whatever number of rows either took.
    measured = {e.split for e in (*_after(late, late), *_besides_epochs(late))}
    again = [e for e in _after(base, late) if e.split not in measured]
    if not again:
        return
    at, of, not_of = say.cell(again[0].cell), say.cell(base.run.cell), say.cell(late.run.cell)
    yield Finding(
        id="earlier-model-evaluated",
        severity="contradiction",
        text=say.text(
            f"{at.ko}에서 평가한 모델은 {not_of.ko}에서 bucketing으로 학습한 모델이 아니라 {of.ko}에서 "
            "학습한 모델입니다. 두 실험의 점수가 같은 모델에서 나옵니다.",
            f"The model evaluated in {at.en} is not the bucketed one of {not_of.en} but the one trained in "
            f"{of.en}: both scores come from one model.",
        ),
        citations=say.distinct(
            (say.cite(again[0].cell, "", Witness.OBSERVED), *say.cite_run(base.run), *say.cite_run(late.run))
        ),
        question=say.text(
            f"{at.ko}의 점수는 어느 모델의 것인가요?", f"Which model does the score of {at.en} belong to?"
        ),
    )


def _besides_epochs(training: Joined) -> list[Evaluation]:
    """Evaluations in a run's own cell that its epochs don't account for: `train()`, then `evaluate()`.

    Trainer evaluates once at a step by itself; where it evaluates at other times than epochs, all count.
    """
    own = [e for e in training.observed.evaluations if e.cell == training.run.cell]
    arguments = training.run.arguments
    if arguments.get("eval_strategy", arguments.get("evaluation_strategy")) != "epoch":
        return own
    steps = [e.step for e in own]
    return [e for i, e in enumerate(own) if e.step in steps[:i]]


def _counted(case: Case, what: str) -> list[Observation]:
    """Runs in which the probe counted such tokens."""
    found = observations(case.evidence, Kind.MASK)
    return [o for o in found if isinstance(o.value.get(what), int) and o.value[what] and o.cell is not None]


def _after(measured: Joined, training: Joined) -> list[Evaluation]:
    """Evaluations of one run's model in cells after another run's training, in our own run."""
    return [e for e in measured.observed.evaluations if e.cell > training.run.cell]
