"""Tokenizer calls, `map` with a tokenising function, and what a collator does to the lengths of a batch.

Rules: `padding=True` pads to the longest of whatever one call sees: one row (nothing), one map batch,
or everything. A collator can only pad further; rows that already have one length keep it, unless the
collator cuts padding off again. Called by calls*.py.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from grader.facts import Kind
from grader.source.call import Call
from grader.source.derivation import cells_of, const, derived, join, rows_in
from grader.source.values import (
    Column,
    Const,
    Encoded,
    Function,
    Instance,
    Item,
    Lib,
    Mapping,
    Partial,
    Rows,
    Seq,
    Shape,
    Tokenizer,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter

BERT_LENGTH = 512
"""`model_max_length` of klue/bert-base and of every BERT with 512 positions."""
LONGEST_REVIEW = 142
"""Tokens of the longest NSMC review for klue/bert-base: the width of `padding=True` over all rows."""
TOKEN_COLUMNS = {"input_ids", "attention_mask", "token_type_ids"}


def tokenizer_call(interp: Interpreter, tokenizer: Tokenizer, call: Call, name: str = "__call__") -> Value:
    """`tokenizer(…)`, `batch_encode_plus`, `encode_plus`, `encode`."""
    text = call.arg(0, "text", "batch_text_or_text_pairs")
    encoded = Encoded(
        padding=_padding(call),
        max_length=token_length(tokenizer, call),
        truncation=_truncation(call),
        over=_over(text, name),
        rows=rows_in(text),
        cells=interp.now | tokenizer.cells | cells_of(*call.args, *call.kwargs.values()),
    )
    if encoded.truncation is False and encoded.padding == "none":
        encoded = replace(encoded, max_length=None)
    interp.trace.append(encoded)
    if encoded.over == "all" and encoded.rows is not None:
        _note(interp, encoded, call, batched=True, function="", dataset=_target(call))
    if name == "encode":
        return (
            Column(rows_in(encoded_rows(interp, encoded, encoded.rows)) or Rows(), "made", encoded.over)
            if (encoded.rows is not None)
            else Unknown(cells=encoded.cells)
        )
    return encoded


def _target(call: Call) -> str:
    node = call.node
    return ast.unparse(node.args[0])[:60] if isinstance(node, ast.Call) and node.args else ""


def _padding(call: Call) -> str:
    given = call.arg(None, "padding")
    if given is None:
        if call.const(None, "pad_to_max_length", default=False) is True:
            return "max_length"
        return "unknown" if call.loose else "none"
    return padding_name(given)


def padding_name(given: Value) -> str:
    """A value of `padding=` in one of four words."""
    if isinstance(given, Lib):
        return {"MAX_LENGTH": "max_length", "LONGEST": "longest", "DO_NOT_PAD": "none"}.get(
            given.last, "unknown"
        )
    if not isinstance(given, Const):
        return "unknown"
    known = {"max_length": "max_length", "longest": "longest", "do_not_pad": "none"}
    if isinstance(given.value, str):
        return known.get(given.value, "unknown")
    return "longest" if given.value else "none"


def token_length(tokenizer: Tokenizer, call: Call) -> int | None:
    given = call.arg(None, "max_length")
    if given is None and call.loose:
        return None
    if given is None or (isinstance(given, Const) and given.value is None):
        if tokenizer.model_max_length is not None:
            return tokenizer.model_max_length
        return BERT_LENGTH if "bert" in tokenizer.name.lower() else None
    value = const(given)
    return value if isinstance(value, int) else None


def _truncation(call: Call) -> bool | None:
    given = call.arg(None, "truncation")
    if given is None:
        # Old API: max_length without truncation cuts too (with a warning).
        return None if call.loose else "max_length" in call.kwargs
    if not isinstance(given, Const):
        return None
    return bool(given.value) and given.value != "do_not_truncate"


def _over(text: Value | None, name: str) -> str:
    if isinstance(text, (Column, Item)):
        return text.over
    if name in ("encode_plus", "encode") or (isinstance(text, Const) and isinstance(text.value, str)):
        return "one"
    if isinstance(text, (Seq, Rows)):
        return "all"
    return "unknown"


def encoded_rows(interp: Interpreter, encoded: Encoded, base: Rows | None) -> Rows:
    """`base` after this encoding: the lengths its rows now have."""
    base = base or Rows()
    shape = {"max_length": Shape.FIXED, "none": Shape.OWN}.get(encoded.padding, Shape.UNKNOWN)
    if encoded.padding == "longest":
        shape = {"all": Shape.FIXED, "batch": Shape.BATCH, "one": Shape.OWN}.get(encoded.over, Shape.UNKNOWN)
    width = encoded.max_length
    if encoded.padding == "longest" and shape is Shape.FIXED and width is not None:
        width = min(width, LONGEST_REVIEW)
    return replace(
        base,
        shape=shape,
        max_length=width,
        ordered=False,
        cells=base.cells | encoded.cells | interp.now,
    )


# ---------------------------------------------------------------- map


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
        _note(
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


def _note(
    interp: Interpreter,
    encoded: Encoded,
    call: Call,
    *,
    batched: bool,
    function: str,
    dataset: str,
    at_once: int | None = None,
) -> None:
    words = {"max_length": "max-length", "none": "none", "unknown": "unknown"}
    padding = words.get(encoded.padding, "")
    if not padding:
        padding = {"batch": "map-batch", "all": "max-length", "one": "none"}.get(encoded.over, "unknown")
    value = {"padding": padding, "batched": batched, "function": function, "dataset": dataset}
    if at_once is not None:
        value["batch_size"] = at_once
    if encoded.max_length is not None:
        value["max_length"] = encoded.max_length
    if encoded.truncation is not None:
        value["truncation"] = encoded.truncation
    interp.note(Kind.TOKENIZE, call.node, **value)


def pad_call(interp: Interpreter, call: Call) -> Value:
    """`tokenizer.pad(features, …)`."""
    given = call.arg(None, "padding")
    word = "longest" if given is None else padding_name(given)
    features = call.arg(0, "encoded_inputs")
    rows = rows_in(features)
    length = call.const(None, "max_length", default=None)
    over = features.over if isinstance(features, (Item, Column, Encoded)) else "batch"
    made = Encoded(word, length if isinstance(length, int) else None, None, over, rows, interp.now)
    interp.trace.append(made)
    return made


def pad_sequences(interp: Interpreter, call: Call) -> Value:
    """Keras `pad_sequences(sequences, maxlen=…)`: everything to one length."""
    rows = rows_in(call.arg(0, "sequences"))
    length = call.const(1, "maxlen", default=None)
    if rows is None:
        return derived(*call.args, cells=interp.now)
    made = replace(
        rows,
        shape=Shape.FIXED,
        max_length=length if isinstance(length, int) else None,
        cells=rows.cells | interp.now | cells_of(*call.kwargs.values()),
    )
    value = {"padding": "max-length", "batched": True, "function": "pad_sequences", "dataset": _target(call)}
    if made.max_length is not None:
        value["max_length"] = made.max_length
    interp.note(Kind.TOKENIZE, call.node, **value)
    return Column(made, "input_ids", "all", made.cells)


def pad_sequence(interp: Interpreter, call: Call) -> Value:
    """torch.nn.utils.rnn.pad_sequence: to the longest given."""
    first = call.arg(0, "sequences")
    rows = rows_in(first)
    over = getattr(first, "over", "batch")
    if rows is not None and over == "all":
        return Column(replace(rows, shape=Shape.FIXED, max_length=None), "input_ids", "all", interp.now)
    interp.trace.append(Encoded("pad_sequence", None, None, "batch", rows, interp.now))
    return Column(rows or Rows(), "padded", "batch", interp.now)


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
