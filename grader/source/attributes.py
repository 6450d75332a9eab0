"""Attributes of everything but the student's own objects: columns of frames, sizes, wrapped models.
Called by calls.py.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from grader.source import calls_data as data
from grader.source import tokens
from grader.source.derivation import const
from grader.source.values import (
    Column,
    Const,
    Encoded,
    Item,
    Loader,
    Mapping,
    Method,
    Model,
    Rows,
    Seq,
    Tokenizer,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter


def attribute(interp: Interpreter, owner: Value, name: str) -> Value:
    """`owner.name` for everything but the student's own objects."""
    cells = interp.now | owner.cells
    if isinstance(owner, Rows):
        if name in data.ROW_ATTRIBUTES:
            return owner
        if name in ("column_names", "columns", "features", "dtypes"):
            return Unknown(cells=cells)
        if name in ("document", "label", "text", "labels", "index", "sentence", "review"):
            return Column(owner, name, "all", cells)
        if name in ("num_rows", "shape"):
            size = Const(owner.rows, cells) if owner.rows is not None else Unknown(rows=owner, cells=cells)
            return size if name == "num_rows" else Seq([size, Unknown(cells=cells)], True, cells)
    if isinstance(owner, Column) and name in (
        "str",
        "values",
        "dt",
        "T",
        "data",
        "array",
        "iloc",
        "loc",
        "index",
    ):
        return owner
    if isinstance(owner, Encoded):
        if name == "data":
            return owner
        if name in tokens.TOKEN_COLUMNS:
            return interp.item(owner, Const(name), False, ast.Pass())
    if isinstance(owner, Item) and name in ("input_ids", "attention_mask", "labels"):
        return Column(owner.rows, name, owner.over, cells)
    if isinstance(owner, Tokenizer) and name in ("model_max_length", "max_len_single_sentence"):
        if owner.model_max_length is not None:
            return Const(owner.model_max_length, cells)
        return Const(tokens.BERT_LENGTH, cells) if "bert" in owner.name.lower() else Unknown(cells=cells)
    if isinstance(owner, Model) and name in ("module", "base_model", "bert", "model", "classifier"):
        return owner if name in ("module", "base_model", "model") else Method(owner, name, cells)
    if isinstance(owner, Mapping) and name == "num_rows":
        return Unknown(cells=cells)
    if isinstance(owner, Loader) and name == "dataset":
        return owner.rows if owner.rows is not None else Unknown(cells=cells)
    return Method(owner, name, cells)


def set_attribute(interp: Interpreter, owner: Value, name: str, value: Value) -> None:
    if isinstance(owner, Tokenizer) and name == "model_max_length":
        number = const(value)
        owner.model_max_length = number if isinstance(number, int) else None
        owner.cells |= interp.now
