"""`map` with a function of the student's: does it tokenise, how many rows at once, and to which lengths?

Called by calls_data.py and, for a function's name, collators.py.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from grader.facts import Kind
from grader.source.call import Call
from grader.source.derivation import cells_of, const, join
from grader.source.tokens import TOKEN_COLUMNS, encoded_rows, note_tokenizing
from grader.source.values import (
    Column,
    Const,
    Encoded,
    Function,
    Item,
    Lib,
    Mapping,
    Partial,
    Rows,
    Seq,
    Shape,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter


def mapped_rows(interp: Interpreter, rows: Rows, call: Call) -> Rows:
    """`rows.map(function, …)`."""
    func = call.arg(0, "function", "transform", "map_func")
    given = call.arg(None, "batched")
    batched = False if given is None else const(given)
    over = "batch" if batched else "one"
    if given is not None and not isinstance(given, Const):
        over = "unknown"
    if func is None or isinstance(func, Const):
        return replace(rows, cells=rows.cells | interp.now)
    item: Value = Item(rows, over, interp.now | rows.cells)
    columns = call.arg(None, "input_columns")
    args: list[Value] = [item]
    if columns is not None:
        names = [const(v) for v in columns.items] if isinstance(columns, Seq) else [const(columns)]
        args = [Column(rows, str(name), over, item.cells) for name in names]
    extra = call.arg(None, "fn_kwargs")
    kwargs = dict(extra.items) if isinstance(extra, Mapping) else {}
    kwargs = {k: v for k, v in kwargs.items() if isinstance(k, str)}
    if const(call.arg(None, "with_indices")) is True:
        args.insert(1, Unknown(cells=interp.now))
    outer, interp.trace = interp.trace, []
    try:
        result = interp.apply(func, args, kwargs, call.node)
        made = _encoding_of(result, interp.trace)
    finally:
        interp.trace = outer
    cells = rows.cells | interp.now | func.cells | cells_of(result)
    rows = replace(rows, lengths=rows.lengths | _length_columns(func))
    if made is not None:
        if made.over != "one" or over == "one":
            made = replace(made, over=over)
        if made.padding == "longest" and made.over == "batch":
            made = _map_batch(made, call, rows)
        size = call.const(None, "batch_size", default=None)
        note_tokenizing(
            interp,
            made,
            call,
            batched=over == "batch",
            function=function_name(func),
            dataset=_receiver(call),
            at_once=size if isinstance(size, int) and size > 0 else None,
        )
        return replace(encoded_rows(interp, made, rows), cells=cells | made.cells)
    if isinstance(func, Lib) or (isinstance(result, Unknown) and not isinstance(func, (Function, Partial))):
        return replace(rows, shape=Shape.UNKNOWN, max_length=None, cells=cells)
    if rows.shape is not Shape.RAW and _touches_tokens(func, result):
        return replace(rows, shape=Shape.UNKNOWN, cells=cells)
    interp.note(Kind.PREPROCESS, call.node, what="other", detail=f"map({function_name(func)})")
    return replace(rows, ordered=False, cells=cells)


def _length_columns(func: Value) -> frozenset[str]:
    """Columns that a map function fills with something counted: `{'n': len(…)}`, `out['b'] = [sum(m) …]`."""
    if isinstance(func, Partial):
        return _length_columns(func.func)
    if not isinstance(func, Function):
        return frozenset()
    pairs: list[tuple[ast.expr | None, ast.expr]] = []
    for node in ast.walk(func.node):
        if isinstance(node, ast.Dict):
            pairs += zip(node.keys, node.values, strict=True)
        elif isinstance(node, ast.Assign):
            pairs += [(t.slice, node.value) for t in node.targets if isinstance(t, ast.Subscript)]
    return frozenset(
        key.value
        for key, value in pairs
        if isinstance(key, ast.Constant)
        and isinstance(key.value, str)
        and key.value not in TOKEN_COLUMNS
        and any(
            isinstance(n, ast.Call) and getattr(n.func, "id", "") in ("len", "sum") for n in ast.walk(value)
        )
    )


def _map_batch(made: Encoded, call: Call, rows: Rows) -> Encoded:
    """`batch_size=None` or as large as the data: one map batch is everything."""
    size = call.arg(None, "batch_size")
    if size is None:
        return made
    value = const(size, 0)
    if value is None or value == -1 or (isinstance(value, int) and rows.rows and value >= rows.rows):
        return replace(made, over="all")
    text = ast.unparse(size_node) if (size_node := _keyword(call, "batch_size")) is not None else ""
    return replace(made, over="all") if text.startswith("len(") else made


def _keyword(call: Call, name: str) -> ast.expr | None:
    words = getattr(call.node, "keywords", [])
    return next((w.value for w in words if w.arg == name), None)


def _encoding_of(result: Value, trace: list[Encoded]) -> Encoded | None:
    """The encoding a map function gives back; None if it does not tokenise."""
    if isinstance(result, Encoded):
        return result
    if not trace:
        return None
    if isinstance(result, Mapping):
        names = {k for k in result.items if isinstance(k, str)}
        if result.complete and not names & TOKEN_COLUMNS:
            return None  # e.g. {'length': len(tokenizer(…)['input_ids'])}
    last: Value = trace[0]
    for other in trace[1:]:
        last = join(last, other)
    if not isinstance(last, Encoded):
        return None
    if isinstance(result, Mapping) and isinstance(result.items.get("input_ids", Column(Rows())), Unknown):
        return replace(last, padding="unknown")  # something was done to the ids, padding perhaps
    return last


def _touches_tokens(func: Value, result: Value) -> bool:
    if isinstance(result, Mapping) and TOKEN_COLUMNS & {k for k in result.items if isinstance(k, str)}:
        return True
    node = func.node if isinstance(func, Function) else None
    if node is None:
        return False
    return any(
        isinstance(n, ast.Subscript)
        and isinstance(n.ctx, ast.Store)
        and isinstance(n.slice, ast.Constant)
        and n.slice.value in TOKEN_COLUMNS
        for n in ast.walk(node)
    )


def function_name(func: Value) -> str:
    if isinstance(func, Partial):
        return function_name(func.func)
    return getattr(func, "name", "") or getattr(func, "last", "") or "tokenizer"


def _receiver(call: Call) -> str:
    return ast.unparse(call.receiver)[:60] if call.receiver is not None else ""
