"""Methods of rows (Dataset, DataFrame), of columns and of dicts of them: which rows come out, how many, how
long. Row counts start from NSMC's official sizes and are kept only while arithmetic knows them; after a
filter they are None. Called by calls.py.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grader.facts import Kind
from grader.source.call import Call
from grader.source.derivation import const, derived, rows_in
from grader.source.given_rows import dataset_rows
from grader.source.loading import concatenated, text_of
from grader.source.mapped import mapped_rows
from grader.source.splitting import dataset_split, is_count
from grader.source.tokens import encoded_rows
from grader.source.values import (
    Column,
    Const,
    Encoded,
    Item,
    Loop,
    Mapping,
    Rows,
    Sampler,
    Seq,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter

SAME_ROWS = frozenset(
    [
        "remove_columns",
        "rename_column",
        "rename_columns",
        "rename",
        "with_format",
        "cast",
        "cast_column",
        "class_encode_column",
        "flatten_indices",
        "add_column",
        "select_columns",
        "reset_index",
        "set_index",
        "copy",
        "astype",
        "fillna",
        "to_pandas",
        "to_dict",
        "to_list",
        "to_records",
        "from_pandas",
        "formatted_as",
        "flatten",
        "sort_index",
        "assign",
        "to_numpy",
        "to_frame",
        "pipe",
        "replace",
        "with_columns",
        "cache",
        "prefetch",
        "repeat",
        "with_options",
        "to_csv",
        "unique_id",
        "convert_dtypes",
        "infer_objects",
        "collect",
        "reindex",
        "ravel",
    ]
)
FILTERS = frozenset(
    [
        "filter",
        "dropna",
        "drop_duplicates",
        "query",
        "dropna_",
        "where",
        "nlargest",
        "nsmallest",
        "truncate",
        "drop_nulls",
        "drop_null",
        "unique",
    ]
)
ROW_ATTRIBUTES = frozenset(["values", "iloc", "loc", "str", "at", "iat", "T", "array", "data"])


def rows_method(interp: Interpreter, rows: Rows, name: str, call: Call) -> Value:
    """`rows.name(…)`; unknown methods give a value that remembers the rows."""
    cells = interp.now
    if name == "map":
        return mapped_rows(interp, rows, call)
    if name in ("with_transform", "set_transform"):
        made = mapped_rows(interp, rows, Call(call.func, call.args, {"batched": Const(False)}, call.node))
        return _in_place(interp, call, made, always=name == "set_transform")
    if name == "train_test_split":
        return dataset_split(interp, rows, call)
    if name in ("set_format", "reset_format"):
        return Const(None, cells)
    if name == "shuffle":
        seed = call.const(0, "seed", "reshuffle_each_iteration", default=None)
        key = ("seed", seed) if seed is not None else ("unseeded", interp.cell.index, *call.site)
        return rows.step("shuffle", *key, rows=rows.rows, cells=cells)
    if name in ("sort", "sort_values"):
        return _in_place(interp, call, _sorted(interp, rows, call))
    if name == "select":
        return _select(interp, rows, call.arg(0, "indices"), call)
    if name in ("head", "take", "limit"):
        count = call.const(0, "n", "count", default=5)
        return (
            _range(rows, 0, count, cells) if is_count(count) else rows.step("part", *call.site, cells=cells)
        )
    if name in ("tail", "skip"):
        count = call.const(0, "n", "count", default=5)
        if is_count(count) and rows.rows is not None:
            first = rows.rows - count if name == "tail" else count
            return _range(rows, first, rows.rows, cells)
        return rows.step(name, count, cells=cells)
    if name == "sample":
        return _sample(interp, rows, call)
    if name == "shard":
        return rows.step("shard", *call.site, call.const(1, "index"), cells=cells)
    if name == "drop":
        return _in_place(interp, call, _drop(interp, rows, call))
    if name in FILTERS:
        key = ast.dump(call.node) if name in ("filter", "query") and call.node is not None else name
        if (name == "dropna" and "subset" in call.kwargs) or name == "drop_duplicates":
            key = name
        return _in_place(interp, call, rows.step("filter", hash(key), cells=cells))
    if name in ("append", "concat"):
        return concatenated([rows, *(r for r in (rows_in(v) for v in call.args) if r is not None)])
    if name in SAME_ROWS:
        if name == "to_dict" and call.const(0, "orient", default="dict") not in ("list", "records", "dict"):
            return derived(rows, cells=cells)
        return _in_place(interp, call, replace(rows, cells=rows.cells | cells))
    if name in ("items", "keys"):
        return derived(rows, cells=cells)
    if name == "apply":
        interp_item = Item(rows, "one", cells)
        func = call.arg(0, "func")
        if func is not None and not isinstance(func, Const):
            interp.apply(func, [interp_item], {})
        return Column(rows, "made", "all", cells)
    return derived(rows, *call.args, cells=cells)


def _in_place(interp: Interpreter, call: Call, made: Value, *, always: bool = False) -> Value:
    """`inplace=True`: the variable itself changes and the call returns None."""
    if not always and call.const(None, "inplace", default=False) is not True:
        return made
    target = call.receiver
    if isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
        interp.bind(target, made, call.scopes)
    return Const(None, interp.now)


def _range(rows: Rows, first: int, last: int, cells: Any) -> Rows:
    if rows.rows is not None:
        last = min(last, rows.rows)
        if first == 0 and last == rows.rows:
            return rows
    return rows.step("range", first, last, rows=max(0, last - first), cells=cells)


def _select(interp: Interpreter, rows: Rows, index: Value | None, call: Call) -> Rows:
    if isinstance(index, Loop) and index.how == "range" and index.count is not None:
        bounds = [const(v) for v in index.inner]
        if len(bounds) == 3 and bounds[2] == 1:
            return _range(rows, bounds[0], bounds[1], interp.now)
        return rows.step("stride", *bounds, rows=index.count, cells=interp.now)
    if isinstance(index, Sampler):
        whole = replace(rows, ordered=index.grouping == "length", cells=rows.cells | index.cells | interp.now)
        return whole
    count = len(index.items) if isinstance(index, Seq) and index.complete else None
    made = rows.step("select", interp.cell.index, *call.site, rows=count, cells=interp.now)
    return replace(made, ordered=_sorted_index(interp, call))


def subset(interp: Interpreter, call: Call) -> Value:
    """torch.utils.data.Subset(dataset, indices)."""
    rows = dataset_rows(interp, call.arg(0, "dataset"))
    if rows is None:
        return Unknown(cells=interp.now)
    return _select(interp, rows, call.arg(1, "indices"), call)


def _sorted_index(interp: Interpreter, call: Call) -> bool:
    """`select(np.argsort(lengths))`, `select(sorted(range(n), key=…))`, directly or through a name."""
    node = getattr(call.node, "args", [None])
    text = ast.unparse(node[0]) if node and isinstance(node[0], ast.AST) else ""
    return "argsort" in text or "sorted(" in text


def _sorted(interp: Interpreter, rows: Rows, call: Call) -> Rows:
    column = call.arg(0, "column_names", "by", "column")
    text = text_of(column).lower()
    by_length = text_of(column) in rows.lengths or "len" in text or "길이" in text
    return replace(rows, ordered=by_length, cells=rows.cells | interp.now)


def _sample(interp: Interpreter, rows: Rows, call: Call) -> Rows:
    count, share = call.const(0, "n", default=None), call.const(None, "frac", default=None)
    seed = call.const(None, "random_state", default=None)
    if share == 1 or share == 1.0:
        return rows.step("shuffle", "sample", seed, rows=rows.rows, cells=interp.now)
    if count is None and share is None and not call.kwargs:
        count = 1
    if count is None and isinstance(share, float) and rows.rows is not None:
        count = round(rows.rows * share)
    key = ("seed", seed, count, share) if seed is not None else ("unseeded", interp.cell.index, *call.site)
    return rows.step("sample", *key, rows=count if is_count(count) else None, cells=interp.now)


def _drop(interp: Interpreter, rows: Rows, call: Call) -> Rows:
    """`drop(columns=…)` keeps the rows; `drop(other.index)` is the rest."""
    if "columns" in call.kwargs or call.const(1, "axis", default=0) in (1, "columns"):
        return replace(rows, cells=rows.cells | interp.now)
    out = call.arg(0, "labels", "index")
    taken = rows_in(out)
    if taken is None:
        if isinstance(out, Seq) and all(isinstance(const(v), str) for v in out.items):
            return rows
        return rows.step("filter", "drop", *call.site, cells=interp.now)
    left = None if rows.rows is None or taken.rows is None else rows.rows - taken.rows
    return rows.step("without", taken.parts, rows=left, cells=interp.now)


def row_item(interp: Interpreter, rows: Rows, index: Value, is_slice: bool, node: ast.AST) -> Value:
    """`rows[…]`: a column, a slice, a mask, one row."""
    cells = interp.now
    if is_slice and isinstance(index, Seq):
        first, last, stride = (const(v) for v in index.items[:3])
        known = all(isinstance(v, Const) for v in index.items)
        total = rows.rows
        if known and stride in (None, 1):
            low = 0 if first is None else first
            high = total if last is None else last
            if is_count(low) and low < 0 and total is not None:
                low += total
            if is_count(high) and high < 0 and total is not None:
                high += total
            if is_count(low) and low >= 0 and is_count(high) and high >= 0:
                return _range(rows, low, high, cells)
            if first is None and last is None:
                return rows
            return rows.step("range", low, high, cells=cells)
        return rows.step(
            "part", interp.cell.index, getattr(node, "lineno", 0), node_column(node), cells=cells
        )
    key = const(index)
    if isinstance(key, str):
        return Column(rows, key, "all", rows.cells | cells)
    if isinstance(key, int):
        return Item(rows, "one", cells)
    if isinstance(index, Seq):
        if all(isinstance(const(v), str) for v in index.items):
            return replace(rows, cells=rows.cells | cells)
        return rows.step("select", interp.cell.index, getattr(node, "lineno", 0), cells=cells)
    if isinstance(index, Loop):
        return _select(interp, rows, index, Call(Const(None), node=node))
    if isinstance(index, (Column, Rows)) or rows_in(index) is not None:
        text = ast.dump(node.slice) if isinstance(node, ast.Subscript) else ""
        if isinstance(node, ast.Subscript):
            interp.note(Kind.PREPROCESS, node, what="filter", detail=ast.unparse(node.slice)[:100])
        return rows.step("filter", hash(text), cells=cells)
    if isinstance(index, Unknown):
        # A loop variable over column names or over row numbers.
        return Column(rows, "", "all", rows.cells | cells)
    return derived(rows, cells=cells)


def node_column(node: ast.AST) -> int:
    return getattr(node, "col_offset", 0)


def mapping_method(interp: Interpreter, owner: Mapping, name: str, call: Call) -> Value:
    """dict and DatasetDict."""
    cells = interp.now | owner.cells
    if name == "items":
        pairs: list[Value] = [Seq([Const(k, cells), v], True, cells) for k, v in owner.items.items()]
        return Seq(pairs, owner.complete, cells)
    if name == "keys":
        return Seq([Const(k, cells) for k in owner.items], owner.complete, cells)
    if name == "values":
        return Seq(list(owner.items.values()), owner.complete, cells)
    if name in ("get", "pop", "setdefault"):
        key = const(call.arg(0, "key"))
        if isinstance(key, (str, int)) and key in owner.items:
            return owner.items.pop(key) if name == "pop" else owner.items[key]
        default = call.arg(1, "default")
        if not owner.complete:
            return Unknown(cells=cells)
        if name == "setdefault" and isinstance(key, (str, int)) and default is not None:
            owner.items[key] = default
        return default if default is not None else Const(None, cells)
    if name == "update":
        other = call.args[0] if call.args else None
        if isinstance(other, Mapping):
            owner.items.update(other.items)
        elif other is not None:
            owner.complete = False
        owner.items.update(call.kwargs)
        owner.cells |= interp.now
        return Const(None, cells)
    if name == "copy":
        return Mapping(dict(owner.items), owner.complete, owner.split, cells)
    if name == "set_transform":
        done = {k: mapped_rows(interp, v, call) for k, v in owner.items.items() if isinstance(v, Rows)}
        owner.items.update(done)
        return Const(None, cells)
    if any(isinstance(v, Rows) for v in owner.items.values()):
        done = {
            key: rows_method(interp, value, name, call) if isinstance(value, Rows) else value
            for key, value in owner.items.items()
        }
        if owner.split is not None:
            interp.sides.setdefault(owner.split, set())
        if name in ("set_format", "reset_format"):
            return Const(None, cells)
        made = Mapping(done, owner.complete, owner.split, cells)
        return made
    return derived(owner, *call.args, cells=cells)


def column_method(interp: Interpreter, owner: Column, name: str, call: Call) -> Value:
    """Series, lists of a column, tensors."""
    if name in (
        "sum",
        "mean",
        "max",
        "min",
        "std",
        "median",
        "describe",
        "value_counts",
        "nunique",
        "any",
        "all",
    ):
        return derived(owner, cells=interp.now)
    if name in ("dropna", "drop_duplicates", "sample", "head"):
        made = rows_method(interp, owner.rows, name, call)
        return Column(made, owner.name, owner.over, interp.now) if isinstance(made, Rows) else made
    if name in ("apply", "map"):
        func = call.arg(0, "func", "arg")
        if func is not None and not isinstance(func, Const):
            got = interp.apply(func, [Column(owner.rows, owner.name, "one", interp.now)], {})
            if isinstance(got, Encoded):
                return encoded_rows(interp, got, owner.rows)
            found = rows_in(got)
            return Column(found or owner.rows, "made", owner.over, interp.now | owner.cells)
        return owner
    return Column(owner.rows, owner.name, owner.over, interp.now | owner.cells)
