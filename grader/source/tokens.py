"""Tokenizer calls and padding functions: what they do to the lengths of rows.

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
from grader.source.derivation import cells_of, const, derived, rows_in
from grader.source.values import (
    Column,
    Const,
    Encoded,
    Item,
    Lib,
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
        note_tokenizing(interp, encoded, call, batched=True, function="", dataset=_target(call))
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


def note_tokenizing(
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
