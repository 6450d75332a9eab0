"""Where rows come from: load_dataset, pandas and files read by hand; and what is built of them (Dataset,
DataFrame, DatasetDict, concatenations). Called by calls*.py.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grader.facts import Kind
from grader.source.call import Call
from grader.source.derivation import cells_of, const, derived, rows_in
from grader.source.tokens import encoded_rows
from grader.source.values import Const, Encoded, Mapping, Rows, Seq, Shape, Unknown, Value

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter

NSMC = {"train": 150_000, "test": 50_000}
"""Rows of the official splits (github.com/e9t/nsmc)."""
NSMC_NAMES = re.compile(r"(^|/)nsmc$|ratings_(train|test)", re.IGNORECASE)


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
            text = text_of(value)
            splits[str(split)] = base_rows(text, split_of_name(text), cells, hub=False)
    elif files is not None:
        text = text_of(files)
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
    return concatenated(parts)


def _bound(text: str | None, total: int | None, default: int | None) -> int | None:
    if not text:
        return default
    if text.endswith("%"):
        return None if total is None else round(total * int(text[:-1]) / 100)
    number = int(text)
    return number if number >= 0 or total is None else total + number


def concatenated(parts: list[Rows]) -> Rows:
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
    text = text_of(target)
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


def text_of(value: Value | None) -> str:
    if isinstance(value, Const) and isinstance(value.value, str):
        return value.value
    if isinstance(value, Seq) and value.items:
        return text_of(value.items[0])
    return getattr(value, "hint", "") or ""


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
    whole = concatenated(found) if found else Rows()
    return replace(whole, cells=whole.cells | interp.now)
