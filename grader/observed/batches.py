"""From batch lines to padding, grouping, tokens and speed. Pure arithmetic; called by fold.

A batch line is [rows, width, real tokens, shortest, longest, sum of squared lengths], or [rows, width]
where the tokens could not be seen; a step line is [rows, padded tokens, seconds or None].
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from grader.records import Grouping, Padding

WARM_UP, WARM_SECONDS = 2, 2.0
"""Steps left out of every speed: allocation, caches, the first kernels. Only one where every step takes so
many seconds: warming up takes a fraction of one, and a budget may leave no more than four such steps."""
STEP = 8
"""Tokens; the usual pad_to_multiple_of."""
GROUPED, RANDOM = 0.5, 0.75
"""Variance of lengths within a batch ÷ variance over all rows. Random batches of n rows give
(n-1)/n; Trainer's grouping (sorted within 50 batches) gives below 0.05 on NSMC."""


class Shape(NamedTuple):
    """What the batches of one run look like."""

    padding: Padding
    grouping: Grouping
    tokens_per_row: float | None
    real_tokens_per_row: float | None
    padding_share: float | None
    width: int | None
    """Where all batches have one."""


class Speed(NamedTuple):
    """After warm-up."""

    examples_per_second: float | None
    spread: float | None


def shape(lines: Sequence[Sequence[float]], facts: dict[str, Any]) -> Shape:
    """Of a run's batch lines; `facts` is its head line (`stored`, `lengths` of the data set, if known)."""
    lines = [line for line in lines if len(line) >= 2 and line[0] > 0]
    rows = sum(line[0] for line in lines)
    if not rows:
        return Shape(Padding.UNKNOWN, Grouping.UNKNOWN, None, None, None, None)
    widths = {line[1] for line in lines}
    width = int(next(iter(widths))) if len(widths) == 1 else None
    padded = sum(line[0] * line[1] for line in lines)
    seen = [line for line in lines if len(line) >= 6]
    if not seen:
        return Shape(Padding.UNKNOWN, Grouping.UNKNOWN, padded / rows, None, None, width)
    real = sum(line[2] for line in seen)
    share = 1 - real / max(1, sum(line[0] * line[1] for line in seen))
    population = (facts.get("lengths") or {}).get("mean")
    tokens, mean = padded / rows, real / sum(line[0] for line in seen)
    if population and width is None:
        # The first batches of a sorted run are the longest ones; the share of padding is what carries over.
        tokens, mean = population / max(1e-9, 1 - share), population
    return Shape(_padding(seen, width, facts), _grouping(seen, facts), tokens, mean, max(0.0, share), width)


def _padding(lines: Sequence[Sequence[float]], width: int | None, facts: dict[str, Any]) -> Padding:
    stored = facts.get("stored")
    if stored and stored["padded"] >= 0.2:
        return Padding.MAX_LENGTH if stored["min"] == stored["max"] else Padding.MAP_BATCH
    if width is not None and len(lines) > 1:
        # padded to its longest row a batch has no slack; pad_to_multiple_of leaves less than STEP
        if any(line[1] - line[4] >= STEP for line in lines):
            return Padding.MAX_LENGTH
        return Padding.DYNAMIC if stored else Padding.UNKNOWN
    return Padding.DYNAMIC if len(lines) > 1 else Padding.UNKNOWN


def _grouping(lines: Sequence[Sequence[float]], facts: dict[str, Any]) -> Grouping:
    lines = [line for line in lines if line[0] > 1]
    rows = sum(line[0] for line in lines)
    if len(lines) < 3:
        return Grouping.UNKNOWN
    within = sum(line[5] - line[2] ** 2 / line[0] for line in lines) / max(1, rows - len(lines))
    mean = sum(line[2] for line in lines) / rows
    overall = (facts.get("lengths") or {}).get("var") or sum(line[5] for line in lines) / rows - mean**2
    if overall <= 0:
        return Grouping.UNKNOWN
    ratio = within / overall
    if ratio < GROUPED:
        return Grouping.LENGTH
    return Grouping.NONE if ratio > RANDOM or rows < 200 else Grouping.UNKNOWN


def speed(steps: Sequence[Sequence[float | None]], tokens_per_row: float | None = None) -> Speed:
    """Of a run's step lines: rows a second, and half the inter-quartile range over its steps.

    `tokens_per_row`: of the whole run, padding included. Known, rows are counted as padded tokens over this:
    the batches a budget leaves may be wider or narrower than the others, and a narrow one is no faster.
    """
    slow = all((step[2] or 0.0) >= WARM_SECONDS for step in steps[1:])
    timed = [
        (step[1] / tokens_per_row if tokens_per_row and step[1] else step[0], step[2])
        for step in steps[1 if slow else WARM_UP :]
        if step[2]
    ]
    seconds = sum(second for _, second in timed)
    if len(timed) < 3 or seconds <= 0:
        return Speed(None, None)
    rates = sorted(rows / second for rows, second in timed)
    low, _, high = statistics.quantiles(rates, n=4)
    return Speed(sum(rows for rows, _ in timed) / seconds, (high - low) / 2)
