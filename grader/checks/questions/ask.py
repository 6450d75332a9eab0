"""Questions to ask the coder that can't be answered without having understood this notebook.

Those that a finding suggests come first; then what the settled facts give; then what the code gives.
Every question names its cell and the notebook's own numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from grader.checks import say
from grader.checks.questions.words import definition, observed, writes_length
from grader.checks.say import code
from grader.facts import Kind
from grader.records import Bucketing, Evidence, Facts, Finding, Padding, Text, TrainingRun

SEVERITY = ("contradiction", "warning", "note", "praise")
CLEARLY_FASTER = 1.3
"""Ratio of padded tokens per row from which one would expect a shorter training time."""

CORE = {
    "bucketing": (
        "셀 {cell}의 bucketing을 빼고 실행하면 배치 하나의 모양(행 수 × 길이)은 어떻게 달라질까요?",
        "Without the bucketing of cell {cell}, what would be the shape of one batch (rows × length)?",
    ),
    "training-loop": (
        "셀 {cell}의 학습 루프에서 그래디언트를 0으로 되돌리는 줄을 빼면 손실은 어떻게 움직일까요? 왜 "
        "그런가요?",
        "In the loop of cell {cell}, what would the loss do without the line that zeroes the gradients, and "
        "why?",
    ),
    "training-arguments": (
        "셀 {cell}에서 인자 하나만 바꿔 학습 시간을 반으로 줄인다면 무엇을 바꾸고, 정확도에서는 무엇을 "
        "잃을까요?",
        "Which single argument in cell {cell} would you change to halve the training time, and at what "
        "price?",
    ),
    "tokenise": (
        "셀 {cell}을 거친 행들은 배치에 들어가기 전에 길이가 모두 같을까요, 다를까요? 코드의 어느 부분이 "
        "그것을 정하나요?",
        "After cell {cell}, are all rows of one length or of different lengths? Which part of the code "
        "decides it?",
    ),
}
"""For notebooks without results: a question for each kind of core cell."""


def questions(
    evidence: Evidence, facts: Facts, findings: tuple[Finding, ...], count: int = 3
) -> tuple[Text, ...]:
    """`count` questions; fewer only where the notebook has no code at all."""
    asked: dict[str, Text] = {}
    for topic, question in _candidates(evidence, facts, findings):
        asked.setdefault(topic, question)
        if len(asked) == count:
            break
    return tuple(asked.values())


def _candidates(
    evidence: Evidence, facts: Facts, findings: tuple[Finding, ...]
) -> Iterator[tuple[str, Text]]:
    """(topic, question), best first; of each topic only the first is asked."""
    ranked = sorted(
        (f for f in findings if f.question is not None),
        key=lambda f: SEVERITY.index(f.severity) if f.severity in SEVERITY else len(SEVERITY),
    )
    for finding in ranked:
        yield finding.id, finding.question
    told = {f.id for f in ranked}
    if not any("bucketing" in i or i == "stale-output" for i in told):
        yield from _about_bucketing(facts)
    yield from _about_accuracy(facts)
    yield from _about_choices(evidence)
    yield from _about_runs(facts)
    yield from _about_code(evidence)


def _about_bucketing(facts: Facts) -> Iterator[tuple[str, Text]]:
    before, after = _pair(facts)
    if after is None:
        return
    where = after.cell
    if facts.bucketing is Bucketing.NO_OP and after.tokens_per_row and after.padding is Padding.MAX_LENGTH:
        width = say.tokens(after.tokens_per_row)
        yield (
            "bucketing",
            Text(
                ko=f"셀 {where}의 학습에서는 bucketing을 켠 뒤에도 행당 토큰이 {width}개 그대로였습니다. "
                "배치에 들어가기 전 행들의 길이는 어디에서, 어떻게 정해졌을까요?",
                en=f"In the training of cell {where} every row was still {width} tokens wide with "
                "bucketing on. "
                "Where was the length of a row fixed, before it came into a batch?",
            ),
        )
    elif facts.bucketing is Bucketing.EFFECTIVE and before and before.tokens_per_row and after.tokens_per_row:
        fewer = before.tokens_per_row / after.tokens_per_row
        a, b = say.tokens(before.tokens_per_row), say.tokens(after.tokens_per_row)
        if before.seconds and after.seconds and fewer >= CLEARLY_FASTER:
            faster = before.seconds / after.seconds
            yield (
                "bucketing",
                Text(
                    ko=f"행당 토큰은 {a}개에서 {b}개로 {say.ratio(fewer)}배 줄었는데(셀 {before.cell}, "
                    f"{where}), "
                    f"학습 시간은 {say.ratio(faster)}배 차이였습니다. 두 배율이 같지 않은 까닭은 무엇일까요?",
                    en=f"Tokens per row fell from {a} to {b}, by a factor of {say.ratio(fewer)} "
                    f"(cells {before.cell}, {where}), the time by {say.ratio(faster)}. Why aren't the two "
                    "equal?",
                ),
            )
        else:
            yield (
                "bucketing",
                Text(
                    ko=f"행당 토큰이 {a}개에서 {b}개로 줄어든 것(셀 {before.cell}, {where})은 collator "
                    "덕분일까요, "
                    "길이별로 묶은 덕분일까요? 둘을 나누어 확인하려면 무엇을 실행해 보면 될까요?",
                    en=f"Tokens per row fell from {a} to {b} (cells {before.cell}, {where}). Was it the "
                    "collator or "
                    "the grouping by length, and which run would tell the two apart?",
                ),
            )


def _about_accuracy(facts: Facts) -> Iterator[tuple[str, Text]]:
    for run in facts.runs:
        scored = [e for e in run.evaluations if e.accuracy is not None and e.loss is not None]
        if len(scored) < 2:
            continue
        best = max(scored, key=lambda e: e.accuracy)
        lowest = min(scored, key=lambda e: e.loss)
        if best is not lowest and best.epoch and lowest.epoch and best.epoch != lowest.epoch:
            yield (
                "overfitting",
                Text(
                    ko=f"셀 {run.cell}에서 정확도는 {_epoch(best.epoch)} 에폭이 가장 "
                    f"높지만({say.accuracy(best.accuracy)}), "
                    f"검증 손실은 {_epoch(lowest.epoch)} 에폭이 가장 낮습니다({lowest.loss:.3f}). "
                    "어느 모델을 고르겠습니까? 왜인가요?",
                    en=f"In cell {run.cell} accuracy is best after epoch {_epoch(best.epoch)} "
                    f"({say.accuracy(best.accuracy)}), but validation loss is lowest after epoch "
                    f"{_epoch(lowest.epoch)} ({lowest.loss:.3f}). Which model would you keep, and why?",
                ),
            )
            break
    before, after = _pair(facts)
    a, b = _best(before), _best(after)
    if a and b and a.accuracy != b.accuracy:
        rows = a.rows or b.rows
        gap = abs(a.accuracy - b.accuracy) * 100
        where = say.cells((before.cell, after.cell))
        noise = 100 * math.sqrt(2 * a.accuracy * (1 - a.accuracy) / rows) if rows else None
        on = f"{rows:,}" if rows else None
        yield (
            (
                "noise",
                Text(
                    ko=f"bucketing 전후의 정확도는 {gap:.2f} %p 차이입니다({where.ko}). "
                    + (f"평가 데이터가 {on}건일 때 " if on else "")
                    + "이 차이를 성능이 달라졌다고 볼 수 있을까요? 무엇을 더 해 보면 확신할 수 있을까요?",
                    en=f"Accuracy differs by {gap:.2f} points before and after bucketing "
                    f"({where.en}). "
                    + (f"With {on} evaluation rows, is" if on else "Is")
                    + " that a real difference? What would make you sure?",
                ),
            )
            if noise is None or gap < 4 * noise
            else (
                "accuracy-gap",
                Text(
                    ko=f"bucketing 전후의 정확도가 {gap:.2f} %p 달라졌습니다(셀 {before.cell}, "
                    f"{after.cell}). "
                    "bucketing이 학습에서 바꾸는 것은 무엇이고, 정확도에는 어떻게 영향을 줄까요?",
                    en=f"Accuracy changed by {gap:.2f} points (cells {before.cell}, {after.cell}). What "
                    "does bucketing "
                    "change about training, and how can that move accuracy?",
                ),
            )
        )
    if facts.test_as_validation and facts.best_accuracy_cell is not None:
        yield (
            "test-as-validation",
            Text(
                ko=f"셀 {facts.best_accuracy_cell}의 정확도는 test 데이터로 잰 값입니다. 이 값을 보고 "
                "설정을 골랐다면, "
                "처음 보는 리뷰에서도 같은 정확도를 기대할 수 있을까요?",
                en=f"The accuracy in cell {facts.best_accuracy_cell} was measured on the test split. If "
                "the settings "
                "were chosen by it, would you expect the same on reviews never seen?",
            ),
        )


def _about_choices(evidence: Evidence) -> Iterator[tuple[str, Text]]:
    for o in observed(evidence, Kind.TOKENIZE):
        length, where = o.value.get("max_length"), definition(evidence.submission, o)
        if isinstance(length, int) and writes_length(evidence, where, length):
            yield (
                "short-max-length",
                Text(
                    ko=f"셀 {where}에서 {say.josa(f'`max_length={length}`', '으로/로')} 정했습니다. "
                    "이보다 긴 리뷰는 몇 % 정도이고, 값을 반으로 줄이면 정확도와 시간은 어떻게 달라질까요?",
                    en=f"Cell {where} sets `max_length={length}`. How many reviews are longer, and what "
                    "would "
                    "half of it do to accuracy and time?",
                ),
            )
            break


def _about_runs(facts: Facts) -> Iterator[tuple[str, Text]]:
    for run in [run for run in reversed(facts.runs) if run.executed] or reversed(facts.runs):
        if run.batch_size:
            yield (
                "batch-size",
                Text(
                    ko=f"셀 {run.cell}의 학습에서 배치 크기({run.batch_size})를 두 배로 하면 행당 "
                    "토큰(패딩 포함), 에폭당 시간, "
                    "정확도는 각각 어느 쪽으로 움직일까요?",
                    en=f"If the batch size of {run.batch_size} in cell {run.cell} were doubled, which way "
                    "would padded "
                    "tokens per row, time per epoch and accuracy move?",
                ),
            )
            break
    for run in facts.runs:
        rate = next(iter(run.learning_rates), None) or run.arguments.get("learning_rate")
        if rate:
            shown = code(f"{rate:g}" if isinstance(rate, float) else rate, 20)
            yield (
                "learning-rate",
                Text(
                    ko=f"셀 {run.cell}의 학습률({shown})은 어떻게 골랐나요? "
                    "10배로 키우면 학습 손실에서 무엇이 보일까요?",
                    en=f"How was the learning rate {shown} of cell {run.cell} chosen? What would ten "
                    "times as much "
                    "look like in the training loss?",
                ),
            )
            break


def _about_code(evidence: Evidence) -> Iterator[tuple[str, Text]]:
    """When nothing was trained: the core cells, and as a last resort the longest code cell."""
    for o in observed(evidence, Kind.CORE_CELL):
        asked = CORE.get(str(o.value.get("why")))
        if asked is not None and o.cell is not None:
            ko, en = asked
            yield f"core-{o.value['why']}", Text(ko=ko.format(cell=o.cell), en=en.format(cell=o.cell))
    written = [c for c in evidence.submission.cells if c.kind == "code" and c.source.strip()]
    for cell in sorted(written, key=lambda c: -len(c.source)):
        yield (
            f"cell-{cell.index}",
            Text(
                ko=f"셀 {cell.index}에 들어가는 데이터와 나오는 데이터의 모양(행 수, 열, 길이)을 설명해 "
                "주세요.",
                en=f"What goes into cell {cell.index} and what comes out: how many rows, which columns, "
                "how long?",
            ),
        )


def _pair(facts: Facts) -> tuple[TrainingRun | None, TrainingRun | None]:
    def run(index: int | None) -> TrainingRun | None:
        return facts.runs[index] if index is not None and 0 <= index < len(facts.runs) else None

    return run(facts.baseline), run(facts.bucketed)


def _best(run: TrainingRun | None):
    scored = [e for e in run.evaluations if e.accuracy is not None] if run else []
    return max(scored, key=lambda e: e.accuracy, default=None)


def _epoch(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
