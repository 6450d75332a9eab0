"""Findings about bucketing itself: no effect, a weak one, outputs older than the code."""

from __future__ import annotations

from collections.abc import Iterator

from grader.checks import say
from grader.checks.findings.claims import rows_per_second
from grader.checks.join import Joined
from grader.checks.padding import LONGEST_REVIEW
from grader.checks.settle import Case
from grader.checks.tokenising import padding_cell, padding_citation, pads_in_advance, tokenising
from grader.records import Bucketing, Finding, Observation, Padding, Text


def find(case: Case) -> Iterator[Finding]:
    """All findings of this room."""
    yield from _stale(case)
    yield from _no_effect(case)
    yield from _weak(case)
    yield from _not_faster(case)


def _stale(case: Case) -> Iterator[Finding]:
    """Code and stored figures that can't belong together."""
    for j in case.runs:
        source = tokenising(case, j)
        # Unpadded rows without a collator would not even run, let alone so wide.
        loose = source is not None and source.value.get("padding") == "none"
        too_wide = j.measured and (j.run.tokens_per_row or 0) > LONGEST_REVIEW + 1
        if not j.stale and not (loose and too_wide):
            continue
        at, width = say.cell(j.run.cell), say.tokens(j.run.tokens_per_row)
        tok = say.cell(source.cell) if source is not None else at
        code = {
            Padding.DYNAMIC: say.text("배치마다 패딩하도록", "to pad per batch"),
            Padding.MAP_BATCH: say.text("1,000행 단위로 패딩하도록", "to pad per 1,000 rows"),
            Padding.UNKNOWN: say.text("패딩하지 않도록", "not to pad"),
        }.get(j.code_padding, say.text("한 길이로 패딩하도록", "to pad to one length"))
        yield Finding(
            id="stale-output",
            severity="contradiction",
            text=say.text(
                f"{tok.ko}의 코드는 {code.ko} 되어 있는데, {at.ko}에 저장된 출력은 행당 {width} 토큰으로 "
                "계산한 결과입니다. "
                "출력이 지금 코드보다 먼저 만들어진 것으로 보입니다.",
                f"The code in {tok.en} is written {code.en}, but the output stored under {at.en} comes to "
                f"{width} tokens "
                "per row. The output seems older than the code.",
            ),
            citations=say.distinct(
                (*(say.cite_observation(source) if source is not None else ()), *say.cite_run(j.run))
            ),
            question=say.text(
                f"{at.ko}의 결과는 지금 코드로 다시 실행한 것인가요? 행당 {width} 토큰이 나온 이유를 설명해 "
                "주세요.",
                f"Was {at.en} run again after the code was changed? Why does its output come to {width} "
                "tokens per row?",
            ),
        )


def _no_effect(case: Case) -> Iterator[Finding]:
    """The commonest fault of all: rows already padded before the collator sees them."""
    j = case.bucketed
    if case.facts.bucketing != Bucketing.NO_OP or j is None or j.stale:
        return
    at, source = say.cell(j.run.cell), tokenising(case, j)
    how, how_en, speed = _names(j), _names(j, "en"), _equal_speed(case)
    citations = [*(say.cite_observation(source) if source is not None else ()), *say.cite_run(j.run)]
    code = None
    if pads_in_advance(source):
        tok = say.cell(padding_cell(case, source))
        length = say.width(j.run)
        ko = (
            f"{at.ko}에서 {how} 설정을 썼지만, 행들이 {tok.ko}의 토큰화에서 이미 {length.ko} 패딩되어 있어 "
            "배치의 폭은 그대로입니다."
        )
        en = (
            f"{at.en.capitalize()} uses {how_en}, but the tokenising in {tok.en} had already padded the rows "
            f"{length.en}, so batches stay as wide."
        )
        citations.insert(0, padding_citation(case, source))
        code = _fix(case, source)
    elif case.baseline is not None and case.baseline.run.padding == Padding.DYNAMIC:
        first = say.cell(case.baseline.run.cell)
        ko = (
            f"{at.ko}에서 {how} 설정을 썼지만, 비교한 {first.ko}의 실행도 이미 배치마다 패딩하고 있어 더 "
            "줄어든 패딩이 없습니다."
        )
        en = (
            f"{at.en.capitalize()} uses {how_en}, but the run it is compared with ({first.en}) already pads "
            "per "
            "batch: no further padding is saved."
        )
    else:
        ko = f"{at.ko}에서 {how} 설정을 썼지만, 모든 행이 같은 길이로 패딩되어 있어 배치의 폭은 그대로입니다."
        en = (
            f"{at.en.capitalize()} uses {how_en}, but all rows are padded to one length, so batches stay as "
            "wide."
        )
    yield Finding(
        id="no-op-bucketing",
        severity="warning",
        text=say.join_texts([say.text(ko, en), speed]),
        citations=say.distinct(citations),
        question=_why_question(case, j, at),
        code=code,
    )


def _equal_speed(case: Case) -> Text:
    """'초당 처리한 행도 45.4개와 45.3개입니다.', where both are known and about equal."""
    rates = rows_per_second(case)
    if rates is None or abs(rates[0] - rates[1]) > 0.1 * max(rates):
        return say.text("", "")
    return say.text(
        f"초당 처리한 행도 {rates[0]:.1f}개와 {rates[1]:.1f}개로 거의 같습니다.",
        f"Rows handled per second are about equal, too: {rates[0]:.1f} and {rates[1]:.1f}.",
    )


def _why_question(case: Case, j: Joined, at: Text) -> Text:
    """Asks for the reason, with this notebook's own numbers."""
    how, how_en, width = _names(j), _names(j, "en"), j.run.tokens_per_row
    if case.pair is not None:
        base, late = case.pair
        a, b = say.durations(base.seconds, late.seconds)
        if abs(base.seconds - late.seconds) < 0.05 * base.seconds:
            return say.text(
                f"{at.ko}에서 {how} 설정을 썼는데 학습 시간은 {a.ko}에서 {b.ko}, 거의 그대로였습니다. 배치 "
                "안의 행 길이는 실제로 어떻게 되어 있었을까요?",
                f"{at.en.capitalize()} uses {how_en}, but training took {b.en} against {a.en}. How long were "
                "the rows in a batch really?",
            )
        rates = rows_per_second(case)
        if rates is not None and abs(rates[0] - rates[1]) < 0.1 * max(rates):
            return say.text(
                f"{at.ko}에서 {how} 설정을 썼는데 초당 처리한 행은 {rates[0]:.1f}개에서 {rates[1]:.1f}개, "
                "거의 그대로였습니다. 배치 안의 행 길이는 실제로 어떻게 되어 있었을까요?",
                f"{at.en.capitalize()} uses {how_en}, but handled {rates[1]:.1f} rows per second against "
                f"{rates[0]:.1f}. How long were the rows in a batch really?",
            )
        if late.seconds > base.seconds:
            return say.text(
                f"{at.ko}에서 {how} 설정을 썼는데 학습 시간은 {a.ko}에서 {b.ko}, 오히려 늘었습니다. 무엇이 "
                "시간을 더 쓰게 했을까요?",
                f"{at.en.capitalize()} uses {how_en}, yet training took {b.en} after {a.en}. What took the "
                "extra time?",
            )
    if j.run.padding == Padding.MAP_BATCH:
        return say.text(
            f"{at.ko}에서 {how} 설정을 썼습니다. 그런데 `map` 안의 `padding=True`가 한 번에 받은 행들을 이미 "
            "같은 길이로 맞춰 두었다면, collator가 줄일 수 있는 패딩이 남아 있을까요?",
            f"{at.en.capitalize()} uses {how_en}. But if `padding=True` inside `map` had already made the "
            "rows it took at once equally long, what padding is left for the collator to save?",
        )
    if j.run.padding != Padding.MAX_LENGTH:
        return say.text(
            f"{at.ko}에서 {how} 설정을 썼습니다. 배치 안의 행 길이는 그 전과 무엇이 달라졌을까요?",
            f"{at.en.capitalize()} uses {how_en}. What did it change about the lengths within a batch?",
        )
    tokens = f" 모든 배치가 {say.tokens(width)} 토큰 폭이었습니다." if width is not None else ""
    tokens_en = f" Every batch was {say.tokens(width)} tokens wide." if width is not None else ""
    return say.text(
        f"{at.ko}에서 {how} 설정을 썼습니다.{tokens} 이미 길이가 같은 행들을 받으면 collator는 무엇을 "
        "할까요?",
        f"{at.en.capitalize()} uses {how_en}.{tokens_en} What does a collator do with rows that are of one "
        "length already?",
    )


def _names(j: Joined, lang: str = "ko") -> str:
    """The attempts of a run in the words of the code."""
    words = {
        "group_by_length": "`group_by_length`",
        "collator": "`DataCollatorWithPadding`",
        "own-collator": "직접 만든 collator" if lang == "ko" else "an own collator",
        "own-sampler": "직접 만든 sampler" if lang == "ko" else "an own sampler",
        "tf.data": "`bucket_by_sequence_length`",
    }
    named = [words[a] for a in j.run.attempts if a in words]
    return ", ".join(named) or "bucketing"


def _fix(case: Case, source: Observation) -> Text:
    """The tokenising function without its padding."""
    function = str(source.value.get("function") or "tokenize")
    name = function if function.isidentifier() else "tokenize"
    limit = source.value.get("max_length")
    length = f", max_length={limit}" if limit and limit != 512 else ""
    body = f'def {name}(batch):\n    return tokenizer(batch["document"], truncation=True{length})'
    at = say.cell(padding_cell(case, source))
    return say.text(
        f"# {at.ko}: 패딩을 collator에 맡기면 bucketing이 비로소 효과를 냅니다.\n{body}",
        f"# {at.en}: leave padding to the collator, and bucketing takes effect.\n{body}",
    )


MAP_BATCH = 1_000
"""Rows that `Dataset.map(batched=True)` hands over at once unless told otherwise."""


def _weak(case: Case) -> Iterator[Finding]:
    """Effective, but only because the map batch's longest row is shorter than before."""
    j = case.bucketed
    if case.facts.bucketing != Bucketing.EFFECTIVE or j is None or j.run.padding != Padding.MAP_BATCH:
        return
    source = tokenising(case, j)
    at = say.cell(padding_cell(case, source) if source is not None else j.run.cell)
    width = j.run.tokens_per_row
    shown = say.tokens(width) if width is not None else "100"
    at_once = (source.value.get("batch_size") if source is not None else None) or MAP_BATCH
    yield Finding(
        id="weak-bucketing",
        severity="warning",
        text=say.text(
            f"{at.ko}의 `padding=True`는 `map`이 한 번에 처리하는 {at_once:,}행 가운데 가장 긴 행에 맞춰 "
            f"패딩합니다. 그래서 행당 {shown} 토큰 정도까지만 줄었고, collator나 `group_by_length`가 더 줄일 "
            "것은 남지 않았습니다.",
            f"`padding=True` in {at.en} pads to the longest of {at_once:,} rows that `map` takes at once, "
            f"so rows only came down to about {shown} tokens and nothing was left for the collator or "
            "`group_by_length` to save.",
        ),
        citations=say.distinct(
            (*(say.cite_observation(source) if source is not None else ()), *say.cite_run(j.run))
        ),
        question=say.text(
            f"{at.ko}에서 `padding=True`를 빼면 행당 토큰이 {shown}에서 어떻게 달라질까요? 왜 그런가요?",
            f"What would become of the {shown} tokens per row without `padding=True` in {at.en}, and why?",
        ),
        code=_fix(case, source) if pads_in_advance(source) else None,
    )


NARROWER, FASTER = 1.3, 1.1
"""Batches this many times narrower should be felt; rows a second that grew by less than a tenth are not."""


def _not_faster(case: Case) -> Iterator[Finding]:
    """Less padding, and no more rows a second: something else takes the time."""
    base, j, rates = case.baseline, case.bucketed, rows_per_second(case)
    if case.facts.bucketing != Bucketing.EFFECTIVE or base is None or j is None or rates is None:
        return
    before, after = base.run.tokens_per_row, j.run.tokens_per_row
    if before is None or after is None or before < NARROWER * after or rates[1] >= FASTER * rates[0]:
        return
    at, to = say.cell(base.run.cell), say.cell(j.run.cell)
    yield Finding(
        id="narrower-not-faster",
        severity="note",
        text=say.text(
            f"행당 토큰은 {say.tokens(before)}에서 {say.tokens(after)}까지 줄었지만, 초당 처리한 행은 "
            f"{rates[0]:.1f}개({at.ko})와 {rates[1]:.1f}개({to.ko})로 빨라지지 않았습니다. 계산 말고 다른 "
            "데서 시간이 걸렸을 수 있습니다(데이터 읽기, 배치마다 달라지는 길이, 장치).",
            f"Tokens per row fell from {say.tokens(before)} to {say.tokens(after)}, but rows a second did "
            f"not rise: {rates[0]:.1f} ({at.en}) and {rates[1]:.1f} ({to.en}). Something other than "
            "arithmetic may take the time: reading data, changing lengths, the device.",
        ),
        citations=say.distinct((*say.cite_run(base.run), *say.cite_run(j.run))),
        question=say.text(
            f"{to.ko}에서 패딩은 줄었는데 왜 빨라지지 않았을까요? 어떤 장치에서 돌렸고, 한 스텝의 시간은 "
            "어디에 쓰였나요?",
            f"Padding fell in {to.en}: why was it no faster? Which device was it, and where did the time "
            "of a step go?",
        ),
    )
