"""Samplers, DataLoaders and tf.data pipelines: which rows come together in a batch, and how they are
padded there. Called by calls.py.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from grader.facts import Kind
from grader.source.call import Call
from grader.source.collators import DEFAULT, collator_of
from grader.source.derivation import cells_of, const, derived, rows_in
from grader.source.given_rows import dataset_rows
from grader.source.values import (
    Collator,
    Column,
    Const,
    Function,
    Instance,
    Lib,
    Loader,
    Mapping,
    Rows,
    Sampler,
    Seq,
    Shape,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter


def sorts_by_length(body: ast.AST) -> bool:
    """Does this code order things by a length? A sort or argsort together with a length."""
    sorts = length = False
    for node in ast.walk(body):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            sorts |= name in ("sorted", "sort", "argsort", "lexsort", "bucketize", "digitize", "sort_values",
                              "bisect", "bisect_left", "searchsorted",
                              "get_length_grouped_indices")  # fmt: skip
            length |= name in ("len", "sum", "get_length_grouped_indices", "num_tokens")
        elif isinstance(node, (ast.Name, ast.Attribute)):
            word = node.id if isinstance(node, ast.Name) else node.attr
            length |= word in ("lengths", "length", "lens", "seq_lens", "text_lengths", "token_lengths")
    return sorts and length


def sampler(interp: Interpreter, call: Call, name: str) -> Sampler:
    rows = rows_in(call.arg(None, "dataset") or (call.args[0] if call.args else None))
    size = call.arg(0 if name.startswith("LengthGrouped") else 1, "batch_size")
    inner = call.arg(0, "sampler")
    if name == "BatchSampler" and isinstance(inner, Sampler):
        return replace(inner, batch_size=size, batches=True, cells=interp.now | inner.cells)
    grouping = "length" if "LengthGrouped" in name else "none"
    if name == "BatchSampler" and inner is not None and not isinstance(inner, Lib):
        grouping = "unknown"
    return Sampler(grouping, False, name, size, rows, name == "BatchSampler", interp.now)


def sampler_of(interp: Interpreter, value: Value | None) -> Sampler | None:
    """What a value does as sampler or batch_sampler."""
    if value is None or (isinstance(value, Const) and value.value is None):
        return None
    if isinstance(value, Sampler):
        return value
    if isinstance(value, Instance):
        by_length = sorts_by_length(value.cls.node)
        size = value.attrs.get("batch_size")
        return Sampler(
            "length" if by_length else "unknown",
            True,
            value.cls.name,
            size,
            rows_in(value),
            cells=value.cells,
        )
    if isinstance(value, (Seq, Unknown, Column)):
        # A list of indices made by the student: see how it was made.
        text = _made_by(interp, value)
        return Sampler("length" if text else "unknown", True, "", None, rows_in(value), cells=value.cells)
    return Sampler("unknown", True, cells=value.cells)


def _made_by(interp: Interpreter, value: Value) -> bool:
    """Was this value returned by a function of the student's that sorts by length, or sorted in its cell?"""
    for func in interp.globals.values():
        near = isinstance(func, Function) and bool(func.cells & value.cells)
        if near and not isinstance(func.node, ast.Lambda) and sorts_by_length(func.node):
            return True
    return any(
        sorts_by_length(code.tree)
        for code in interp.codes
        if code.index in value.cells and len(code.lines) < 60
    )


def data_loader(interp: Interpreter, call: Call) -> Value:
    source = call.arg(0, "dataset")
    rows = dataset_rows(interp, source)
    shuffle = call.arg(2, "shuffle")
    shuffled = False if shuffle is None else const(shuffle)
    given = call.arg(None, "collate_fn")
    collator = collator_of(interp, given, rows) or DEFAULT
    if given is None and call.loose:
        collator = Collator("unknown")
    made = Loader(rows, collator, call.arg(1, "batch_size"), "none", shuffled, cells=interp.now)
    tries: list[str] = []
    if given is not None and collator.name not in ("default_data_collator", "default_collate"):
        tries.append("own-collator" if collator.own else "collator")
        if collator.own and collator.name:
            interp.note(Kind.COLLATOR, call.node, padding=collator.padding, **{"class": collator.name})
    own = sampler_of(interp, call.arg(None, "batch_sampler")) or sampler_of(interp, call.arg(None, "sampler"))
    if own is not None:
        made.grouping = own.grouping
        if own.batch_size is not None and made.batch_size is None:
            made.batch_size = own.batch_size
        if own.grouping != "none":
            tries.append("own-sampler")
    elif isinstance(source, Seq) and any(isinstance(v, Seq) and v.ordered for v in source.items):
        # A list of buckets: each element is a batch already.
        tries.append("own-sampler")
        made.grouping, made.batch_size = "length", None
    elif (rows is not None and rows.ordered) or (isinstance(source, Seq) and source.ordered):
        tries.append("sorted-rows")
        made.grouping = "length" if shuffled is False else ("none" if shuffled else "unknown")
    elif call.loose and "shuffle" not in call.kwargs:
        made.grouping = "unknown"
    if rows is None and made.grouping == "none":
        made.grouping = "unknown"  # what was put together before can't be told
    made.tries = tuple(tries)
    made.cells |= cells_of(rows, collator if given is not None else None, own)
    return made


def tf_slices(interp: Interpreter, call: Call) -> Value:
    """tf.data.Dataset.from_tensor_slices / from_generator."""
    best = None
    for value in (*call.args, *call.kwargs.values()):
        found = dataset_rows(interp, value) if not isinstance(value, Seq) else seq_rows(interp, value)
        if isinstance(value, Function):
            made = interp.invoke(value, [], {})
            found = _row_in(interp, made.items[0]) if isinstance(made, Seq) and made.items else rows_in(made)
        best = found if best is None or (found is not None and best.shape is Shape.RAW) else best
    if best is None:
        return Rows(cells=interp.now)
    return replace(best, cells=best.cells | interp.now)


def _row_in(interp: Interpreter, value: Value) -> Rows | None:
    """The rows of what a generator yields: (features, label), features perhaps a dict of columns."""
    if isinstance(value, Seq):
        return next((found for v in value.items if (found := _row_in(interp, v)) is not None), None)
    if isinstance(value, Mapping):
        return rows_in(value.items.get("input_ids")) or rows_in(value)
    return dataset_rows(interp, value)


def seq_rows(interp: Interpreter, value: Seq) -> Rows | None:
    for inner in value.items[:4]:
        found = dataset_rows(interp, inner)
        if found is not None:
            return found
    return None


def batched(interp: Interpreter, rows: Rows, name: str, call: Call) -> Loader:
    """tf.data: `.batch`, `.padded_batch`, `.bucket_by_sequence_length`, `to_tf_dataset`."""
    size = call.arg(0, "batch_size")
    cells = interp.now | rows.cells
    if name == "bucket_by_sequence_length":
        return Loader(
            rows, Collator("dynamic", name, cells=interp.now), None, "length", None, ("tf.data",), "tf", cells
        )
    if name == "padded_batch":
        shapes = call.arg(1, "padded_shapes")
        fixed = isinstance(const(shapes), int) or _positive(shapes)
        way = "max_length" if fixed else "dynamic"
        return Loader(
            rows, Collator(way, name, cells=interp.now), size, _order(rows), None, ("tf.data",), "tf", cells
        )
    if name in ("to_tf_dataset", "prepare_tf_dataset"):
        given = call.arg(None, "collate_fn")
        size = call.arg(None, "batch_size") or size
        collator = collator_of(interp, given, rows) or DEFAULT
        if name == "prepare_tf_dataset" and given is None:
            collator = Collator("dynamic" if "tokenizer" in call.kwargs else "none", name, cells=interp.now)
        tries = ("own-collator" if collator.own else "collator",) if collator.name != DEFAULT.name else ()
        return Loader(rows, collator, size, _order(rows), None, tries, "tf", cells)
    return Loader(rows, DEFAULT, size, _order(rows), None, (), "tf", cells)


def _order(rows: Rows) -> str:
    return "length" if rows.ordered else "none"


def _positive(value: Value | None) -> bool:
    """Some padded shape is a fixed number."""
    if isinstance(value, Seq):
        return any(_positive(v) for v in value.items)
    if isinstance(value, Mapping):
        return any(_positive(v) for v in value.items.values())
    number = const(value)
    return isinstance(number, int) and number > 1


def bucket_transform(interp: Interpreter, call: Call) -> Value:
    """`tf.data.experimental.bucket_by_sequence_length(…)`, to be given to `.apply`."""
    collator = Collator("dynamic", "bucket_by_sequence_length", cells=interp.now)
    return Loader(None, collator, None, "length", None, ("tf.data",), "tf", interp.now)


def loader_method(interp: Interpreter, owner: Loader, name: str, call: Call) -> Value:
    if name in ("prefetch", "cache", "repeat", "with_options", "shuffle", "map", "take", "filter"):
        return owner
    return derived(owner, cells=interp.now)
