"""Batches that a student's own generator or iterator makes: which rows come together, how they are padded.

Read from the code of the generator and of the function that builds one batch; what that leaves open stays
unknown. Called by loops.py and collators.py.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from grader.source.derivation import cells_of, rows_in
from grader.source.given_rows import dataset_rows
from grader.source.loaders import sorts_by_length
from grader.source.rectangles import padded_by_call
from grader.source.values import Collator, Function, Instance, Loader, Rows, Seq, Value

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter


def generated(interp: Interpreter, source: Value, func: Value | None, given: list[Value]) -> Loader | None:
    """The loader that going through `source` amounts to: an object with a generating `__iter__`, or what the
    function `func` generates from the arguments `given`. None where nothing generates batches."""
    if isinstance(source, Instance):
        func, given = interp.class_member(source.cls, "__iter__"), list(source.attrs.values())
    if not isinstance(func, Function) or not any(isinstance(n, ast.Yield) for n in ast.walk(func.node)):
        return None
    collator = _yielded(interp, func)
    if collator is None:
        return None
    grouped = sorts_by_length(func.node) or _buckets_by_length(func.node)
    rows = next((r for v in given if (r := _tokenised(interp, v)) is not None), None)
    tries = ("own-sampler",) if grouped else ()
    if collator.padding == "dynamic":
        tries += ("own-collator",)
    cells = interp.now | func.cells | cells_of(*given)
    return Loader(rows, collator, None, "length" if grouped else "none", None, tries, cells=cells)


def _tokenised(interp: Interpreter, value: Value) -> Rows | None:
    found = dataset_rows(interp, value)
    if found is None and isinstance(value, Seq):
        found = next((r for v in value.items[:4] if (r := rows_in(v)) is not None), None)
    return found


def _yielded(interp: Interpreter, func: Function) -> Collator | None:
    """How the batches that a generator yields are padded; None where it can't be told."""
    for node in ast.walk(func.node):
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Call):
            return padded_by_call(interp, node.value)
    return None


def _buckets_by_length(body: ast.AST) -> bool:
    """`buckets[len(row) // 8].append(row)`: a dict whose keys are made from lengths."""
    return any(
        isinstance(n, ast.Subscript)
        and any(isinstance(m, ast.Call) and getattr(m.func, "id", "") == "len" for m in ast.walk(n.slice))
        for n in ast.walk(body)
    )
