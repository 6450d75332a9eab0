"""What Hugging Face datasets, pandas and scikit-learn calls do to rows: which rows, how many, how long.

Row counts start from NSMC's official sizes and are kept only while arithmetic knows them; after a filter
they are None. Called by calls.py.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grader.facts import Kind
from grader.source.call import Call
from grader.source.tokens import encoded_rows, mapped_rows
from grader.source.values import (
    Column,
    Const,
    Encoded,
    Item,
    Loop,
    Mapping,
    Rows,
    Seq,
    Shape,
    Unknown,
    Value,
    cells_of,
    const,
    derived,
    rows_in,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter

NSMC = {"train": 150_000, "test": 50_000}
"""Rows of the official splits (github.com/e9t/nsmc)."""
NSMC_NAMES = re.compile(r"(^|/)nsmc$|ratings_(train|test)", re.IGNORECASE)

SAME_ROWS = frozenset(
    ["remove_columns", "rename_column", "rename_columns", "rename", "with_format", "cast", "cast_column", "class_encode_column", "flatten_indices", "add_column", "select_columns", "reset_index", "set_index", "copy", "astype", "fillna", "to_pandas", "to_dict", "to_list", "to_records", "from_pandas", "formatted_as", "flatten", "sort_index", "assign", "to_numpy", "to_frame", "pipe", "replace", "with_columns", "cache", "prefetch", "repeat", "with_options", "to_csv", "unique_id", "convert_dtypes", "infer_objects", "collect", "reindex", "ravel"]
)
FILTERS = frozenset(
    ["filter", "dropna", "drop_duplicates", "query", "dropna_", "where", "nlargest", "nsmallest", "truncate", "drop_nulls", "drop_null", "unique"]
)
ROW_ATTRIBUTES = frozenset(["values", "iloc", "loc", "str", "at", "iat", "T", "array", "data"])


# ---------------------------------------------------------------- loading


def split_of_name(text: str) -> str:
    """'train', 'test', 'validation' or 'unknown', by a file or split name."""
    base = re.split(r"[\\/]", text.lower())[-1]
    for name in ("train", "test"):
        if re.search(rf"(^|[^a-z]){name}", base):
            return name
    return "validation" if re.search(r"valid|dev|(^|[^a-z])val([^a-z]|$)", base) else "unknown"


def base_rows(source: str, split: str, cells: Any, *, hub: bool) -> Rows:
    """A whole official split or file. Hub copies have all rows; a file read by pandas too, until cleaned."""
    nsmc = bool(NSMC_NAMES.search(source.rstrip("/")))
    count = NSMC.get(split) if nsmc else None
    key = ("nsmc" if nsmc else source, split)
    return Rows(frozenset({split}), frozenset({(key,)}), count, source=source, cells=cells)


def load_dataset(interp: Interpreter, call: Call) -> Value:
    name = call.const(0, "path")
    hint = name if isinstance(name, str) else getattr(call.arg(0, "path"), "hint", "")
    files = call.arg(None, "data_files")
    cells = interp.now
    splits: dict[str, Rows] = {}
    if isinstance(files, Mapping):
        for split, value in files.items.items():
            text = _text(value)
            splits[str(split)] = base_rows(text, split_of_name(text), cells, hub=False)
    elif files is not None:
        text = _text(files)
        splits["train"] = base_rows(text, split_of_name(text), cells, hub=False)
    else:
        for split in ("train", "test"):
            splits[split] = base_rows(hint or "", split, cells, hub=True)
    how = "csv" if files is not None else "load_dataset"
    shown = ", ".join(sorted({r.source for r in splits.values()})) if files is not None else hint
    counts = {k: r.rows for k, r in splits.items() if r.rows}
    interp.note(Kind.DATA_LOAD, call.node, name=shown, how=how, rows=counts)
    split = call.arg(None, "split")
    if split is None or const(split, "") is None:
        return Mapping(dict(splits), True, cells=cells)
    if isinstance(split, Seq):
        return Seq([_sliced(splits, const(v), cells) for v in split.items], split.complete, cells)
    if isinstance(split, Mapping):
        return Mapping(
            {k: _sliced(splits, const(v), cells) for k, v in split.items.items()}, True, cells=cells
        )
    return _sliced(splits, const(split), cells)


_PART = re.compile(r"^\s*(\w+)(?:\[\s*(-?\d+%?)?\s*:\s*(-?\d+%?)?\s*\])?\s*$")


def _sliced(splits: dict[str, Rows], text: Any, cells: Any) -> Value:
    """`split='train[:50000]'`, `'train[10%:]'`, `'train+test'`."""
    if not isinstance(text, str):
        return Rows(cells=cells)
    parts = []
    for piece in text.split("+"):
        match = _PART.match(piece)
        if match is None or match[1] not in splits:
            return Rows(cells=cells)
        rows = splits[match[1]]
        if match[2] or match[3]:
            first, last = _bound(match[2], rows.rows, 0), _bound(match[3], rows.rows, rows.rows)
            count = max(0, last - first) if first is not None and last is not None else None
            rows = (
                rows.step("range", first, last, rows=count) if count is not None else rows.step("part", piece)
            )
        parts.append(rows)
    return _concat(parts)


def _bound(text: str | None, total: int | None, default: int | None) -> int | None:
    if not text:
        return default
    if text.endswith("%"):
        return None if total is None else round(total * int(text[:-1]) / 100)
    number = int(text)
    return number if number >= 0 or total is None else total + number


def _concat(parts: list[Rows]) -> Rows:
    if not parts:
        return Rows()
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    same = all(p.shape is first.shape for p in parts)
    lengths = {p.max_length for p in parts}
    return Rows(
        frozenset().union(*(p.origin for p in parts)),
        frozenset().union(*(p.parts for p in parts)),
        sum(p.rows for p in parts) if all(p.rows is not None for p in parts) else None,  # type: ignore[misc]
        first.shape if same else Shape.UNKNOWN,
        first.max_length if len(lengths) == 1 else None,
        source=first.source,
        cells=cells_of(*parts),
    )


def read_file(interp: Interpreter, call: Call) -> Value:
    """pd.read_csv, read_table, open(…): rows by the file's name."""
    target = call.arg(0, "filepath_or_buffer", "file", "path", "path_or_paths")
    text = _text(target)
    split = split_of_name(text)
    rows = replace(base_rows(text, split, interp.now | cells_of(target), hub=False))
    limit = call.const(None, "nrows")
    if isinstance(limit, int):
        rows = rows.step("range", 0, limit, rows=min(limit, rows.rows or limit))
    last = getattr(call.func, "last", "") or getattr(call.func, "name", "")
    if last != "open" or NSMC_NAMES.search(text):
        if split == "unknown" and not NSMC_NAMES.search(text) and last == "open":
            return Unknown(cells=interp.now)
        counts = {split: rows.rows} if rows.rows and last != "open" else {}
        interp.note(Kind.DATA_LOAD, call.node, name=text, how="csv", rows=counts)
    if last == "open":
        if split == "unknown":
            return Unknown(cells=interp.now)
        return Unknown(rows=replace(rows, rows=None), cells=interp.now)
    return rows


def _text(value: Value | None) -> str:
    if isinstance(value, Const) and isinstance(value.value, str):
        return value.value
    if isinstance(value, Seq) and value.items:
        return _text(value.items[0])
    return getattr(value, "hint", "") or ""


# ---------------------------------------------------------------- making data sets


def frame(interp: Interpreter, call: Call) -> Value:
    """pd.DataFrame, Dataset.from_pandas/from_dict/from_list, TensorDataset, from_tensor_slices, list(…)."""
    found = None
    for value in (*call.args, *call.kwargs.values()):
        if isinstance(value, Encoded) and value.over == "all" and value.rows is not None:
            value = encoded_rows(interp, value, value.rows)
        candidate = rows_in(value)
        if candidate is not None and (found is None or _better(candidate, found)):
            found = candidate
    if found is None:
        size = next((len(v.items) for v in call.args if isinstance(v, Seq) and v.complete), None)
        return Rows(rows=size, cells=interp.now)
    return replace(found, cells=found.cells | interp.now)


def _better(candidate: Rows, found: Rows) -> bool:
    return found.shape is Shape.RAW and candidate.shape is not Shape.RAW


def dataset_dict(interp: Interpreter, call: Call) -> Value:
    first = call.args[0] if call.args else None
    if isinstance(first, Mapping):
        return Mapping({**first.items, **call.kwargs}, first.complete, first.split, interp.now | first.cells)
    if first is None:
        return Mapping(dict(call.kwargs), not call.loose, cells=interp.now)
    return derived(first, cells=interp.now)


def concatenate(interp: Interpreter, call: Call) -> Value:
    first = call.arg(0, "dsets", "objs", "datasets")
    items = first.items if isinstance(first, Seq) else [v for v in call.args if isinstance(v, Rows)]
    found = [r for r in (rows_in(v) for v in items) if r is not None]
    whole = _concat(found) if found else Rows()
    return replace(whole, cells=whole.cells | interp.now)


# ---------------------------------------------------------------- splitting


def _sizes(total: int | None, test: Any, train: Any) -> tuple[int | None, int | None]:
    """Rows of (train, test) as scikit-learn and datasets compute them: test rounded up, train down."""
    if total is None:
        return (train if _count(train) else None), (test if _count(test) else None)
    if test is None and train is None:
        test = 0.25
    n_test = _part(total, test, math.ceil)
    n_train = _part(total, train, math.floor)
    if n_train is None:
        n_train = None if n_test is None else total - n_test
    elif n_test is None:
        n_test = total - n_train
    return n_train, n_test


def _count(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, bool)


def _part(total: int, size: Any, rounding: Any) -> int | None:
    if isinstance(size, float):
        return int(rounding(total * size))
    return size if _count(size) else None


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


def _dataset_split(interp: Interpreter, rows: Rows, call: Call) -> Value:
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
            out.append(rows.step(*key, rows=size if _count(size) else None, cells=interp.now))
    return Seq(out, True, interp.now)


# ---------------------------------------------------------------- rows


def rows_method(interp: Interpreter, rows: Rows, name: str, call: Call) -> Value:
    """`rows.name(…)`; unknown methods give a value that remembers the rows."""
    cells = interp.now
    if name == "map":
        return mapped_rows(interp, rows, call)
    if name in ("with_transform", "set_transform"):
        made = mapped_rows(interp, rows, Call(call.func, call.args, {"batched": Const(False)}, call.node))
        return _in_place(interp, call, made, always=name == "set_transform")
    if name == "train_test_split":
        return _dataset_split(interp, rows, call)
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
        return _range(rows, 0, count, cells) if _count(count) else rows.step("part", *call.site, cells=cells)
    if name in ("tail", "skip"):
        count = call.const(0, "n", "count", default=5)
        if _count(count) and rows.rows is not None:
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
        made = rows if name == "unique" and rows.shape is Shape.RAW and not call.args else rows
        return _in_place(interp, call, made.step("filter", hash(key), cells=cells))
    if name in ("append", "concat"):
        return _concat([rows, *(r for r in (rows_in(v) for v in call.args) if r is not None)])
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
    count = len(index.items) if isinstance(index, Seq) and index.complete else None
    made = rows.step("select", interp.cell.index, *call.site, rows=count, cells=interp.now)
    return replace(made, ordered=_sorted_index(interp, call))


def _sorted_index(interp: Interpreter, call: Call) -> bool:
    """`select(np.argsort(lengths))`, `select(sorted(range(n), key=…))`, directly or through a name."""
    node = getattr(call.node, "args", [None])
    text = ast.unparse(node[0]) if node and isinstance(node[0], ast.AST) else ""
    return "argsort" in text or "sorted(" in text


def _sorted(interp: Interpreter, rows: Rows, call: Call) -> Rows:
    column = call.arg(0, "column_names", "by", "column")
    text = _text(column).lower()
    return replace(rows, ordered="len" in text or "길이" in text, cells=rows.cells | interp.now)


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
    return rows.step("sample", *key, rows=count if _count(count) else None, cells=interp.now)


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
            if _count(low) and low < 0 and total is not None:
                low += total
            if _count(high) and high < 0 and total is not None:
                high += total
            if _count(low) and low >= 0 and _count(high) and high >= 0:
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
    if any(isinstance(v, Rows) for v in owner.items.values()):
        done = {
            key: rows_method(interp, value, name, call) if isinstance(value, Rows) else value
            for key, value in owner.items.items()
        }
        if owner.split is not None:
            interp.sides.setdefault(owner.split, set())
        if name in ("set_format", "reset_format", "set_transform"):
            if name == "set_transform":
                owner.items.update(
                    {k: mapped_rows(interp, v, call) for k, v in owner.items.items() if isinstance(v, Rows)}
                )
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
