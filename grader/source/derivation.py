"""How values follow from values: the cells and rows a value rests on, what an unresolved result still
remembers, and the join where two paths meet. Pure functions on values.py.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from grader.source.values import (
    NONE,
    Cells,
    Column,
    Const,
    Encoded,
    Instance,
    Item,
    Loader,
    Mapping,
    Method,
    Model,
    Rows,
    Sampler,
    Seq,
    Shape,
    Unknown,
    Value,
)


def cells_of(*values: Value | None) -> Cells:
    found: Cells = NONE
    for value in values:
        if value is None:
            continue
        found |= value.cells
        if isinstance(value, Seq):
            found |= cells_of(*value.items[:16])
        elif isinstance(value, Mapping):
            found |= cells_of(*list(value.items.values())[:32])
    return found


def const(value: Value | None, default: Any = None) -> Any:
    """The Python value of a constant, else `default`."""
    return value.value if isinstance(value, Const) else default


def in_order(value: Value | None) -> bool:
    """Is this list sorted by length, or a list of batches cut from one that was?"""
    return isinstance(value, Seq) and (
        value.ordered
        or any(
            (isinstance(v, Sampler) and v.grouping == "length") or (isinstance(v, Seq) and v.ordered)
            for v in value.items
        )
    )


def rows_in(value: Value | None, depth: int = 4) -> Rows | None:
    """The rows a value is or was made from; None if there are none."""
    if depth < 0 or value is None:
        return None
    if isinstance(value, Rows):
        return value
    if isinstance(value, (Column, Item, Unknown, Encoded, Sampler, Loader)):
        return value.rows
    if isinstance(value, Method):
        return rows_in(value.owner, depth - 1)
    if isinstance(value, Instance):
        return _first(value.attrs.values(), depth)
    if isinstance(value, Mapping):
        return _first(value.items.values(), depth)
    if isinstance(value, Seq):
        return _first(value.items[:8], depth)
    return None


def _first(values: Any, depth: int) -> Rows | None:
    best = None
    for value in itertools.islice(values, 12):
        found = rows_in(value, depth - 1)
        if found is not None and (best is None or (best.shape is Shape.RAW and found.shape is not Shape.RAW)):
            best = found
    return best


def derived(*values: Value | None, cells: Cells = NONE) -> Unknown:
    """An unresolved result that remembers the cells it came from and the files its rows came from, but
    no longer which rows."""
    rows = None
    for value in values:
        rows = rows or rows_in(value)
    if rows is not None and (rows.parts or rows.rows is not None):
        rows = replace(rows, parts=frozenset(), rows=None)
    return Unknown(rows=rows, cells=cells | cells_of(*values))


def join(first: Value | None, second: Value | None) -> Value:
    """The value after two paths meet: what both agree on."""
    if first is None or second is None:
        return first or second or Unknown()
    if first is second or first == second:
        return first
    cells = first.cells | second.cells
    if isinstance(first, Const) and isinstance(second, Const) and _same(first.value, second.value):
        return replace(first, cells=cells)
    if isinstance(first, Rows) and isinstance(second, Rows):
        same_rows = first.parts == second.parts
        return Rows(
            origin=first.origin if first.origin == second.origin else first.origin | second.origin,
            parts=first.parts if same_rows else frozenset(),
            rows=first.rows if first.rows == second.rows else None,
            shape=first.shape if first.shape == second.shape else Shape.UNKNOWN,
            max_length=first.max_length if first.max_length == second.max_length else None,
            source=first.source,
            cells=cells,
        )
    if isinstance(first, Encoded) and isinstance(second, Encoded):
        return Encoded(
            padding=first.padding if first.padding == second.padding else "unknown",
            max_length=first.max_length if first.max_length == second.max_length else None,
            truncation=first.truncation if first.truncation == second.truncation else None,
            over=first.over if first.over == second.over else "unknown",
            rows=first.rows or second.rows,
            cells=cells,
        )
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        both = [key for key in first.items if key in second.items]
        complete = first.complete and second.complete and len(both) == len(first.items) == len(second.items)
        return Mapping({k: join(first.items[k], second.items[k]) for k in both}, complete, None, cells)
    if isinstance(first, Const) and first.value is None:
        return second
    if isinstance(second, Const) and second.value is None:
        return first
    if isinstance(first, Model) and isinstance(second, Model) and first.start == second.start:
        return second
    return Unknown(rows=rows_in(first) or rows_in(second), cells=cells)


def _same(first: Any, second: Any) -> bool:
    return type(first) is type(second) and first == second
