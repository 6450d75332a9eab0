"""What a collator does to the lengths of a batch: a known one by its arguments, a student's by trying it
out on an unknown batch and by how its code pads. Called by calls*.py.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from grader.facts import Kind
from grader.source.call import Call
from grader.source.derivation import cells_of
from grader.source.mapped import function_name
from grader.source.tokens import padding_name, token_length
from grader.source.values import (
    Class,
    Collator,
    Column,
    Const,
    Function,
    Instance,
    Item,
    Lib,
    Method,
    Partial,
    Rows,
    Tokenizer,
    Value,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter
from grader.source.rectangles import padded_by_call


def padding_collator(interp: Interpreter, call: Call, name: str) -> Collator:
    """DataCollatorWithPadding and its relatives."""
    given = call.arg(1 if name == "DataCollatorWithPadding" else None, "padding")
    word = "longest" if given is None else padding_name(given)
    if call.loose and given is None:
        word = "unknown"
    padding = {"longest": "dynamic", "none": "none"}.get(word, word)
    length = call.const(2 if name == "DataCollatorWithPadding" else None, "max_length", default=None)
    tokenizer = call.arg(0, "tokenizer")
    if padding == "max_length" and length is None and isinstance(tokenizer, Tokenizer):
        length = token_length(tokenizer, Call(tokenizer))
    made = Collator(
        padding,
        name,
        False,
        length if isinstance(length, int) and padding == "max_length" else None,
        interp.now | cells_of(*call.args, *call.kwargs.values()),
    )
    shown = {"class": name, "padding": padding}
    interp.note(Kind.COLLATOR, call.node, **shown)
    return made


DEFAULT = Collator("none", "default_data_collator")


def collator_of(interp: Interpreter, value: Value | None, rows: Rows | None) -> Collator | None:
    """What `value` does as a collator; None if there is none given. Students' functions are tried out."""
    if value is None or (isinstance(value, Const) and value.value is None):
        return None
    if isinstance(value, Collator):
        return value
    if isinstance(value, Lib):
        if value.last in ("default_data_collator", "default_collate", "torch_default_data_collator"):
            return Collator("none", value.last, cells=value.cells)
        return Collator("unknown", value.last, cells=value.cells)
    if isinstance(value, Method) and isinstance(value.owner, Tokenizer) and value.name == "pad":
        return Collator("dynamic", "tokenizer.pad", True, cells=value.cells)
    if isinstance(value, (Function, Instance, Partial)):
        return _own_collator(interp, value, rows)
    return Collator("unknown", "", cells=value.cells)


def _own_collator(interp: Interpreter, value: Value, rows: Rows | None) -> Collator:
    outer, interp.trace = interp.trace, []
    interp.muted += 1
    base = rows or Rows()
    try:
        result = interp.apply(value, [Item(base, "batch", interp.now)], {})
        trace = list(interp.trace)
    finally:
        interp.trace = outer
        interp.muted -= 1
    name = function_name(value) if not isinstance(value, Instance) else value.cls.name
    cells = value.cells | interp.now | cells_of(result)
    body = _body(interp, value)
    length = None
    words = {e.padding for e in trace}
    if isinstance(value, Instance) and not _overrides(interp, value):
        padding = "dynamic" if _padding_base(interp, value.cls) else "unknown"
    elif body is not None and _trims(body):
        padding = "trim"
    elif words == {"longest"}:
        padding = "dynamic"
    elif words == {"max_length"}:
        padding, length = "max_length", trace[0].max_length
    elif (
        (isinstance(result, Column) and result.name == "padded")
        or words == {"pad_sequence"}
        or (body is not None and _pads_to_longest(body))
    ):
        padding = "dynamic"
    elif (
        isinstance(value, Function)
        and isinstance(value.node, ast.Lambda)
        and isinstance(value.node.body, ast.Call)
        and (made := padded_by_call(interp, value.node.body)) is not None
    ):
        padding, length = made.padding, made.max_length
    elif not words and body is not None and _stacks(body):
        padding = "none"
    elif "longest" in words and "max_length" not in words:
        padding = "dynamic"
    else:
        padding = "unknown"
    return Collator(padding, name, True, length, cells)


def _overrides(interp: Interpreter, value: Instance) -> bool:
    return isinstance(interp.class_member(value.cls, "__call__"), Function) or isinstance(
        interp.class_member(value.cls, "torch_call"), Function
    )


def _padding_base(interp: Interpreter, cls: Class) -> bool:
    return any("WithPadding" in name for name in interp.base_names(cls))


def _body(interp: Interpreter, value: Value) -> ast.AST | None:
    if isinstance(value, Partial):
        return _body(interp, value.func)
    if isinstance(value, Function):
        return value.node
    if isinstance(value, Instance):
        return value.cls.node
    return None


def _calls(body: ast.AST) -> list[ast.Call]:
    return [n for n in ast.walk(body) if isinstance(n, ast.Call)]


def _called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _pads_to_longest(body: ast.AST) -> bool:
    """pad_sequence, or a maximum over lengths of the batch that is then used to pad by hand."""
    for node in _calls(body):
        name = _called(node)
        if name == "pad_sequence":
            return True
        if name in ("max", "amax"):
            inside = {_called(n) for n in _calls(node) if n is not node}
            words = {n.id.lower() for n in ast.walk(node) if isinstance(n, ast.Name)}
            if inside & {"len", "size", "numel"} or any("len" in word for word in words):
                return True
            if any(isinstance(n, ast.Attribute) and n.attr == "shape" for n in ast.walk(node)):
                return True
    return False


def _trims(body: ast.AST) -> bool:
    """Cuts columns of padding off: `x[:, :n]` with n from the attention mask."""
    cut = any(
        isinstance(n, ast.Subscript)
        and isinstance(n.slice, ast.Tuple)
        and len(n.slice.elts) == 2
        and isinstance(n.slice.elts[1], ast.Slice)
        and n.slice.elts[1].upper is not None
        and not isinstance(n.slice.elts[1].upper, ast.Constant)
        for n in ast.walk(body)
    )
    names = {_called(n) for n in _calls(body)}
    return cut and "max" in names and bool(names & {"sum", "count_nonzero", "nonzero"})


def _stacks(body: ast.AST) -> bool:
    names = {_called(n) for n in _calls(body)}
    return bool(names & {"stack", "default_collate", "default_data_collator"}) and not names & {"pad", "cat"}
