"""What a training reads from whatever it is given: rows, encodings, a Dataset of the student's own.

Called by the files that read trainings and loaders.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from grader.source.derivation import join, rows_in
from grader.source.tokens import encoded_rows
from grader.source.values import (
    Const,
    Encoded,
    Instance,
    Mapping,
    Rows,
    Shape,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter


def dataset_rows(interp: Interpreter, value: Value | None) -> Rows | None:
    """The rows a training reads from `value`: a student's Dataset class is asked for one item."""
    if value is None or (isinstance(value, Const) and value.value is None):
        return None
    if isinstance(value, Rows):
        return value
    if isinstance(value, Encoded):
        return encoded_rows(interp, value, value.rows)
    if isinstance(value, Instance):
        return _instance_rows(interp, value)
    if isinstance(value, Mapping):
        found = rows_in(value)
        return found if value.complete or found is None else replace(found, shape=Shape.UNKNOWN)
    found = rows_in(value)
    if isinstance(value, Unknown):
        return None if found is None else replace(found, shape=Shape.UNKNOWN, rows=None, max_length=None)
    return found


def _instance_rows(interp: Interpreter, value: Instance) -> Rows | None:
    base = rows_in(value)
    outer, interp.trace = interp.trace, []
    interp.muted += 1
    try:
        interp.instance_item(value, Unknown(cells=interp.now))
        trace = list(interp.trace)
    finally:
        interp.trace = outer
        interp.muted -= 1
    encodings = [v for v in value.attrs.values() if isinstance(v, Encoded)]
    if trace:
        last: Value = trace[0]
        for other in trace[1:]:
            last = join(last, other)
        if isinstance(last, Encoded):
            # Asked for one item, so the tokenizer saw one row (unless it is handed lists of them).
            over = "one"
            made = encoded_rows(interp, replace(last, over=over), base or last.rows)
            return replace(made, cells=made.cells | value.cells)
    if encodings:
        made = encoded_rows(interp, replace(encodings[0], over="all"), encodings[0].rows or base)
        return replace(made, cells=made.cells | value.cells)
    return replace(base, cells=base.cells | value.cells) if base is not None else None
