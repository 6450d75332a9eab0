"""Do two sets of rows share rows, as far as their derivations tell? Pure functions on `Rows`.

Rows are known by their path of derivations (see values.Rows): a path that begins with another path is a
part of it; two different random splits of the same rows overlap. Called by runs.py and hazards.py.
"""

from __future__ import annotations

from grader.source.values import Rows

Path = tuple
Sides = dict[tuple, set[str]]


def _set(path: Path) -> Path:
    """The path without shuffles at its end: the same rows in any order."""
    while path and path[-1][0] == "shuffle":
        path = path[:-1]
    return path


def same_rows(first: Rows, second: Rows) -> bool:
    return bool(first.parts) and {_set(p) for p in first.parts} == {_set(p) for p in second.parts}


def contains(whole: Rows, part: Rows) -> bool:
    """Is some source of `part` surely drawn from `whole`?"""
    return any(
        _set(inner)[: len(_set(outer))] == _set(outer)
        for inner in part.parts
        for outer in whole.parts
        if _set(outer) and not _unknown(outer)
    )


def _unknown(path: Path) -> bool:
    return path[0][0] == ("", "unknown") or path[0][0] == ("", "train") or path[0][0] == ("", "test")


def shared(first: Rows | None, second: Rows | None) -> str:
    """'same', 'inside' (one drawn from the other), 'resplit' (two draws from the same rows) or ''."""
    if first is None or second is None:
        return ""
    if same_rows(first, second) and not all(_unknown(p) for p in first.parts):
        return "same"
    if contains(first, second) or contains(second, first):
        return "inside"
    for one in first.parts:
        for two in second.parts:
            if _two_draws(one, two):
                return "resplit"
            if _ranges_meet(one, two):
                return "inside"
    return ""


def _diverge(one: Path, two: Path) -> int:
    n = 0
    while n < min(len(one), len(two)) and one[n] == two[n]:
        n += 1
    return n


def _two_draws(one: Path, two: Path) -> bool:
    """Split twice from the same rows, with another seed or none: their parts overlap at random."""
    n = _diverge(one, two)
    if n == 0 or n >= len(one) or n >= len(two):
        return False
    a, b = one[n], two[n]
    return a[0] == b[0] == "split" and a[:-1] != b[:-1]


def _ranges_meet(one: Path, two: Path) -> bool:
    n = _diverge(one, two)
    if n == 0 or n >= len(one) or n >= len(two):
        return False
    a, b = one[n], two[n]
    if a[0] != "range" or b[0] != "range":
        return False
    bounds = [*a[1:3], *b[1:3]]
    if not all(isinstance(v, int) for v in bounds):
        return False
    return max(bounds[0], bounds[2]) < min(bounds[1], bounds[3])


def halved(rows: Rows, sides: Sides, others: list[Rows]) -> bool:
    """Is `rows` one part of a set whose other part is used too (a proper split, not a subsample)?"""
    return any(_halved(path, sides, others) for path in rows.parts)


def _halved(path: Path, sides: Sides, others: list[Rows]) -> bool:
    for n in range(len(path) - 1, 0, -1):
        step = path[n]
        if step[0] == "split":
            taken = sides.get((frozenset({path[:n]}), step[:-1]))
            if taken is None or len(taken) > 1:
                return True
        if step[0] in ("range", "sample", "without"):
            for other in others:
                for theirs in other.parts:
                    if theirs[:n] != path[:n] or len(theirs) <= n or theirs[n] == step:
                        continue
                    if step[0] == "range" and theirs[n][0] == "range" and not _ranges_meet(path, theirs):
                        return True
                    if "without" in (step[0], theirs[n][0]):
                        return True
    return False


def split_of(evaluated: Rows | None, trained: Rows | None, sides: Sides, others: list[Rows]) -> str:
    """'validation', 'test', 'train' or 'unknown': which rows an evaluation used, by where they come from."""
    if evaluated is None:
        return "unknown"
    if shared(trained, evaluated) in ("same", "inside"):
        return "train"
    origin = evaluated.origin
    if origin == {"test"}:
        return "validation" if halved(evaluated, sides, others) else "test"
    if "unknown" in origin or not evaluated.parts:
        return "unknown"
    return "validation"
