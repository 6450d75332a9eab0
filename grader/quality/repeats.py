"""Code repeated line by line inside cells that are no copies as a whole: a loop, a metric, a collator again.

`measures.duplicates` holds whole cells against each other and sees none of this where a cell is half new.
"""

from __future__ import annotations

from collections.abc import Sequence

from grader.facts import Kind
from grader.quality.cells import CodeCell
from grader.quality.measures import normalised
from grader.records import Observation, Witness

SHORTEST = 5
"""Lines in a row from which a repetition is noted."""
MAX_ROWS = 4_000
"""Lines of a cell that are looked at."""


def repeated(cells: Sequence[CodeCell]) -> Observation:
    """REPEATED_CODE of the whole notebook, there even where nothing is repeated.

    Lines are compared as `duplicates` does: without comments, spacing and imports.
    """
    rows = [normalised(cell)[0][:MAX_ROWS] for cell in cells]
    first: dict[tuple[str, ...], tuple[int, int]] = {}
    longest: dict[tuple[int, int], int] = {}
    for here, mine in enumerate(rows):
        at = 0
        while at + SHORTEST <= len(mine):
            window = tuple(mine[at : at + SHORTEST])
            there, start = first.setdefault(window, (here, at))
            if (there, start) == (here, at) or (there == here and start + SHORTEST > at):
                at += 1
                continue
            length = _equal(rows[there], start, mine, at)
            pair = (cells[there].index, cells[here].index)
            longest[pair] = max(longest.get(pair, 0), length)
            at += length
    return Observation(witness=Witness.SOURCE, kind=Kind.REPEATED_CODE, value={"blocks": _grouped(longest)})


def _equal(a: Sequence[str], i: int, b: Sequence[str], j: int) -> int:
    length = 0
    while i + length < len(a) and j + length < len(b) and a[i + length] == b[j + length]:
        length += 1
    return length


def _grouped(longest: dict[tuple[int, int], int]) -> list[dict[str, object]]:
    """Pairs of cells joined to groups, each with its longest repetition; in order of their first cell."""
    groups: list[tuple[set[int], int]] = []
    for pair, lines in longest.items():
        touching = [g for g in groups if g[0] & set(pair)]
        groups = [g for g in groups if g not in touching]
        groups.append((set(pair).union(*(g[0] for g in touching)), max([lines, *(g[1] for g in touching)])))
    return [{"cells": sorted(c), "lines": n} for c, n in sorted(groups, key=lambda g: min(g[0]))]
