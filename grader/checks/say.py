"""Numbers, times and cell lists as the texts of the checks show them, in both languages.

Not covered: whole sentences; they stand where they are decided. Where a Korean particle hangs on a
number or a Korean word, `josa` picks the form its last sound asks for (셀 7은, 셀 4는).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from grader.records import Citation, Observation, Padding, Text, TrainingRun, Witness

SHOWN_CELLS = 6
"""More cells than this in one sentence help nobody."""


def text(ko: str, en: str) -> Text:
    """A `Text` in one short call."""
    return Text(ko=ko, en=en)


def cell(index: int | None) -> Text:
    """'셀 7' / 'cell 7'."""
    return text("(셀 모름)", "(cell unknown)") if index is None else text(f"셀 {index}", f"cell {index}")


def cells(indices: Iterable[int]) -> Text:
    """'셀 7, 9' / 'cells 7, 9', sorted, without repeats."""
    known = sorted(set(indices))
    shown = ", ".join(str(i) for i in known[:SHOWN_CELLS]) + (" …" if len(known) > SHOWN_CELLS else "")
    return text(f"셀 {shown}", f"cell{'s' if len(known) != 1 else ''} {shown}")


_FINAL_CONSONANT_DIGITS = "013678"
"""영 일 삼 육 칠 팔 end in a consonant; 이 사 오 구 don't."""


def code(raw: object, limit: int = 60) -> str:
    """`raw` as inline code: one line, no backticks or table bars, at most `limit` characters."""
    line = re.sub(r"[\s`|]+", " ", str(raw)).strip()
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    return f"`{line}`" if line else "` `"


def capital(words: str) -> str:
    """English words as they begin a sentence: the first letter large, the others as they are."""
    return words[:1].upper() + words[1:]


def josa(word: str, pair: str) -> str:
    """`word` with the right one of `pair`, such as '은/는', '이/가', '을/를', '으로/로', '과/와'."""
    closed, opened = pair.split("/")
    last = next((c for c in reversed(word) if c.isalnum()), "")
    if "가" <= last <= "힣":
        final = (ord(last) - ord("가")) % 28
        has_final, rieul = final != 0, final == 8
    else:
        has_final, rieul = last in _FINAL_CONSONANT_DIGITS, last in "178"
    if closed == "으로" and rieul:
        return word + opened
    return word + (closed if has_final and last else opened)


def accuracy(value: float) -> str:
    """0.9043."""
    return f"{value:.4f}"


def count(value: float) -> str:
    """150,000."""
    return f"{value:,.0f}"


def tokens(value: float) -> str:
    """512 for a whole number, 22.3 otherwise."""
    return f"{value:,.0f}" if abs(value - round(value)) < 0.05 else f"{value:,.1f}"


def width(run: TrainingRun) -> Text:
    """'60 토큰으로' / 'to 60 tokens', of a run whose rows were padded before they came into a batch."""
    if run.padding == Padding.MAP_BATCH:
        return text(
            "`map`이 한 번에 받은 행 가운데 가장 긴 길이로", "to the longest row that `map` took at once"
        )
    if run.tokens_per_row is None:
        return text("한 길이로", "to one length")
    return text(f"{tokens(run.tokens_per_row)} 토큰으로", f"to {tokens(run.tokens_per_row)} tokens")


def seconds(value: float) -> Text:
    """1시간 7분 / 1 h 7 min; 24분 52초 / 24 min 52 s; 41.2초 / 41.2 s."""
    if value < 60:
        return text(f"{value:.1f}초", f"{value:.1f} s")
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return text(f"{minutes}분 {rest}초", f"{minutes} min {rest} s")
    hours, minutes = divmod(minutes, 60)
    return text(f"{hours}시간 {minutes}분", f"{hours} h {minutes} min")


def durations(first: float, second: float) -> tuple[Text, Text]:
    """Two durations held against each other: in seconds where they would read alike."""
    a, b = seconds(first), seconds(second)
    if a == b and round(first) != round(second):
        return tuple(text(f"{value:,.0f}초", f"{value:,.0f} s") for value in (first, second))  # type: ignore[return-value]
    return a, b


def epochs(value: float) -> str:
    """3, or 2.5 for a run that was cut off."""
    return f"{round(value, 1):g}"


def percent(share: float) -> str:
    """67 %."""
    return f"{100 * share:.0f} %"


def ratio(value: float) -> str:
    """1.5."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def join_texts(parts: Iterable[Text], sep: str = " ") -> Text:
    """Sentences one after another, in each language."""
    kept = [p for p in parts if p.ko]
    return text(sep.join(p.ko for p in kept), sep.join(p.en for p in kept))


def cite(cell: int, quote: str = "", witness: Witness = Witness.SOURCE) -> Citation:
    """A citation, its quote kept short."""
    return Citation(cell=cell, quote=quote[:300], witness=witness)


def cite_run(run: TrainingRun) -> tuple[Citation, ...]:
    """The cell that starts a run, with what was found there."""
    return (cite(run.cell, run.quote, run.witness),)


def cite_observation(observation: Observation) -> tuple[Citation, ...]:
    """Where an observation was made; nothing when it belongs to no cell."""
    if observation.cell is None:
        return ()
    return (cite(observation.cell, observation.quote, observation.witness),)


def distinct(citations: Iterable[Citation]) -> tuple[Citation, ...]:
    """Citations in order, each cell and witness once (the first with a quote wins)."""
    found: dict[tuple[int, str], Citation] = {}
    for one in citations:
        key = (one.cell, one.witness)
        if key not in found or (one.quote and not found[key].quote):
            found[key] = one
    return tuple(found.values())
