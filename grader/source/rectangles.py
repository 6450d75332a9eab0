"""A batch as a rectangle that a student's function fills: how wide it is made.

Called by collators.py and batches.py.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from grader.source.values import Collator, Const, Function, Value

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter

ALLOCATES = ("full", "zeros", "ones", "empty", "new_full", "new_zeros")


def padded_by_call(interp: Interpreter, call: ast.Call) -> Collator | None:
    """`to_batch(rows, 128)`: a student's function that fills one rectangle, as wide as it is told or as the
    longest row."""
    func = _function(interp, call.func)
    if not isinstance(func, Function) or isinstance(func.node, ast.Lambda):
        return None
    width = _rectangle(func.node)
    if width is None:
        return None
    names = [a.arg for a in func.node.args.args]
    if isinstance(width, ast.Constant):
        return _fixed(func, width.value)
    if isinstance(width, ast.Name) and width.id in names:
        given = next((k.value for k in call.keywords if k.arg == width.id), None)
        place = names.index(width.id)
        given = given or (call.args[place] if place < len(call.args) else None)
        if isinstance(given, ast.Constant) and given.value is not None:
            return _fixed(func, given.value)
        if isinstance(given, ast.Name):
            known = interp.globals.get(given.id)
            if isinstance(known, Const) and isinstance(known.value, int):
                return _fixed(func, known.value)
        if given is not None:
            return Collator("dynamic", func.name, True, cells=func.cells)
    return Collator("dynamic", func.name, True, cells=func.cells) if _longest(func.node) else None


def _fixed(func: Function, width: object) -> Collator:
    return Collator("max_length", func.name, True, width if isinstance(width, int) else None, func.cells)


def _function(interp: Interpreter, node: ast.expr) -> Value | None:
    return interp.globals.get(node.id) if isinstance(node, ast.Name) else None


def _rectangle(body: ast.AST) -> ast.expr | None:
    """The second side of the first rectangle that is made: `torch.full((len(rows), width), 0)`."""
    for node in ast.walk(body):
        if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") not in ALLOCATES or not node.args:
            continue
        sides = node.args[0].elts if isinstance(node.args[0], ast.Tuple) else node.args
        if len(sides) == 2:
            return sides[1]
    return None


def _longest(body: ast.AST) -> bool:
    """A maximum over lengths."""
    return any(
        isinstance(n, ast.Call)
        and getattr(n.func, "id", "") == "max"
        and any(isinstance(m, ast.Call) and getattr(m.func, "id", "") == "len" for m in ast.walk(n))
        for n in ast.walk(body)
    )
