"""Random splits: Dataset.train_test_split, scikit-learn's, torch's; which rows and how many come out.

Two splits with the same seed of the same rows are the same; an unseeded one is known by its place.
Called by calls*.py.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from grader.facts import Kind
from grader.source.call import Call
from grader.source.derivation import const, rows_in
from grader.source.tokens import encoded_rows
from grader.source.values import Column, Const, Encoded, Mapping, Rows, Seq, Unknown, Value

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter


def _sizes(total: int | None, test: Any, train: Any) -> tuple[int | None, int | None]:
    """Rows of (train, test) as scikit-learn and datasets compute them: test rounded up, train down."""
    if total is None:
        return (train if is_count(train) else None), (test if is_count(test) else None)
    if test is None and train is None:
        test = 0.25
    n_test = _part(total, test, math.ceil)
    n_train = _part(total, train, math.floor)
    if n_train is None:
        n_train = None if n_test is None else total - n_test
    elif n_test is None:
        n_test = total - n_train
    return n_train, n_test


def is_count(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, bool)


def _part(total: int, size: Any, rounding: Any) -> int | None:
    if isinstance(size, float):
        return int(rounding(total * size))
    return size if is_count(size) else None


def split_rows(interp: Interpreter, call: Call, base: Rows | None, seed: Any, seed_given: bool) -> tuple:
    """(id, train rows, test rows) of one random split."""
    test, train = call.arg(None, "test_size"), call.arg(None, "train_size")
    first = call.args[0] if call.args else None
    if test is None and isinstance(call.func, Value) and isinstance(const(first), (int, float)):
        test = first  # dataset.train_test_split(0.2)
    unknown = any(v is not None and not isinstance(v, Const) for v in (test, train))
    n_train, n_test = (
        (None, None) if unknown else _sizes(base.rows if base else None, const(test), const(train))
    )
    if seed_given and seed is not None:
        key = ("split", "seed", seed, const(test), const(train))
    else:
        key = ("split", "unseeded", interp.cell.index, *call.site)
    identity = (base.parts if base else None, key)
    if base is None:
        return identity, None, None
    made = (
        base.step(*key, "train", rows=n_train, cells=interp.now),
        base.step(*key, "test", rows=n_test, cells=interp.now),
    )
    return identity, *made


def sklearn_split(interp: Interpreter, call: Call) -> Value:
    seed = call.const(None, "random_state", default=None)
    out: list[Value] = []
    sizes: dict[str, int] = {}
    arrays = list(call.args)
    lead = next((r for r in (rows_in(a) for a in arrays) if r is not None), None)
    plain = Call(Const(None), [], call.kwargs, call.node)
    for array in arrays:
        rows = rows_in(array) or lead
        if array is not None and isinstance(array, Encoded):
            rows = rows_in(encoded_rows(interp, array, array.rows)) if array.rows else rows
        _, train, test = split_rows(interp, plain, rows, seed, seed is not None)
        if train is None:
            out += [Unknown(cells=interp.now), Unknown(cells=interp.now)]
            continue
        for side, part in (("train", train), ("test", test)):
            if part.rows is not None:
                sizes[side] = part.rows
            name = array.name if isinstance(array, Column) else ""
            out.append(
                part if isinstance(array, Rows) else Column(part, name, "all", interp.now | array.cells)
            )
    interp.note(
        Kind.SPLIT,
        call.node,
        how="sklearn.train_test_split",
        seeded=seed is not None,
        sizes=sizes,
        stratified=const(call.arg(None, "stratify"), "") is not None and "stratify" in call.kwargs,
    )
    return Seq(out, True, interp.now)


def dataset_split(interp: Interpreter, rows: Rows, call: Call) -> Value:
    seed = call.const(None, "seed", default=None)
    whole = call.const(None, "shuffle", default=True)
    identity, train, test = split_rows(interp, call, rows, "no-shuffle" if whole is False else seed, True)
    sizes = {k: r.rows for k, r in (("train", train), ("test", test)) if r.rows is not None}
    interp.note(
        Kind.SPLIT,
        call.node,
        how="Dataset.train_test_split",
        seeded=seed is not None or whole is False,
        sizes=sizes,
        stratified="stratify_by_column" in call.kwargs,
    )
    return Mapping({"train": train, "test": test}, True, identity, interp.now | rows.cells)


def random_split(interp: Interpreter, call: Call) -> Value:
    """torch.utils.data.random_split(dataset, lengths, generator)."""
    rows = rows_in(call.arg(0, "dataset"))
    lengths = call.arg(1, "lengths")
    count = len(lengths.items) if isinstance(lengths, Seq) else 2
    seeded = "generator" in call.kwargs
    interp.note(Kind.SPLIT, call.node, how="random_split", seeded=seeded, sizes={}, stratified=False)
    out: list[Value] = []
    for n in range(count):
        size = const(lengths.items[n]) if isinstance(lengths, Seq) and n < len(lengths.items) else None
        if isinstance(size, float) and rows is not None and rows.rows is not None:
            size = math.floor(rows.rows * size)
        if rows is None:
            out.append(Unknown(cells=interp.now))
        else:
            key = ("split", "random_split", interp.cell.index, *call.site, n)
            out.append(rows.step(*key, rows=size if is_count(size) else None, cells=interp.now))
    return Seq(out, True, interp.now)
