"""Methods of str and list, as far as their results can be told. Called by calls.py."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from grader.source.call import Call
from grader.source.derivation import const, derived, in_order
from grader.source.values import (
    Const,
    Seq,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter


def text_method(interp: Interpreter, owner: Const, name: str, call: Call) -> Value:
    values = [const(v) for v in call.args]
    if name in (
        "lower",
        "upper",
        "strip",
        "replace",
        "rstrip",
        "lstrip",
        "title",
        "startswith",
        "endswith",
        "split",
    ):
        try:
            result = getattr(owner.value, name)(*values)
        except (TypeError, ValueError):
            return Unknown(cells=interp.now)
        if isinstance(result, list):
            return Seq([Const(v, owner.cells) for v in result[:50]], len(result) <= 50, interp.now)
        return Const(result, owner.cells | interp.now)
    if name == "format" and all(isinstance(v, (str, int, float)) for v in values) and not call.kwargs:
        try:
            return Const(owner.value.format(*values)[:500], owner.cells | interp.now)
        except (ValueError, IndexError, KeyError, AttributeError, TypeError):
            return Unknown(hint=owner.value, cells=interp.now)
    if name == "join":
        return derived(*call.args, cells=interp.now)
    return Unknown(hint=owner.value[:200], cells=interp.now)


def seq_method(interp: Interpreter, owner: Seq, name: str, call: Call) -> Value:
    cells = interp.now | owner.cells
    if name in ("append", "add", "insert"):
        value = call.args[-1] if call.args else Unknown()
        if len(owner.items) < 64:
            owner.items.append(value)
        else:
            owner.complete = False
        # Batches collected one by one from a list in order come in that order.
        owner.ordered |= any(in_order(turn.source) for turn in interp.turns)
        if interp.turns or interp.unsure:
            owner.complete = (
                owner.complete and bool(interp.turns) and all(t.kind == "items" for t in interp.turns)
            )
        return Const(None, cells)
    if name in ("extend", "update"):
        items, whole, _ = interp.elements(call.args[0]) if call.args else ([], True, None)
        owner.items.extend(items[:32])
        owner.complete = owner.complete and whole and len(items) <= 32
        return Const(None, cells)
    if name == "copy":
        return Seq(list(owner.items), owner.complete, cells)
    if name == "pop":
        return owner.items.pop() if owner.items and owner.complete else derived(owner, cells=cells)
    if name in ("sort", "reverse"):
        text = ast.unparse(call.node) if call.node is not None else ""
        owner.ordered = (name == "sort" and ("len" in text)) or (name == "reverse" and owner.ordered)
        if len(owner.items) > 1:
            owner.complete = False
        return Const(None, cells)
    return derived(owner, *call.args, cells=cells)
