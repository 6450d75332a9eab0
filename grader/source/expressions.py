"""The value of an expression: constants, displays, names, operators, comparisons.

What this is not: calls of libraries are in calls*.py, statements in interpret.py. `Expressions` is the
base of `interpret.Interpreter`, which nobody else builds on.
"""

from __future__ import annotations

import ast
import operator
from typing import Any

from grader.source.cells import Code
from grader.source.containers import Containers, Scopes, hashable
from grader.source.derivation import cells_of, const, derived, join
from grader.source.values import (
    Cells,
    Class,
    Const,
    Encoded,
    Function,
    Instance,
    Lib,
    Mapping,
    Method,
    Rows,
    Seq,
    Unknown,
    Value,
)
from grader.source.versions import asks_for_its_own_key

MAX_STEPS = 60_000
"""Expressions evaluated per notebook and reading, then the rest is left unread."""
MAX_CELL_STEPS = 15_000
"""Of these in one cell: a runaway cell must not cost the others."""
BUILTIN_MODULES = {
    "torch",
    "transformers",
    "datasets",
    "np",
    "numpy",
    "pd",
    "pandas",
    "tf",
    "tensorflow",
    "os",
}

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARES = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class OutOfSteps(Exception):
    """The step budget is spent."""


class Expressions(Containers):
    """Evaluates expressions in `globals` plus a chain of local scopes (outermost first)."""

    code: Code
    """The code that is being read (of the function's own cell inside a function)."""
    now: Cells
    """The running cell and the cells of the functions it is in."""

    def __init__(self) -> None:
        self.globals: dict[str, Value] = {}
        self.fallback: dict[str, Value] = {}
        self.steps = 0
        self.steps_before = 0
        """Steps when the running cell began."""
        self.sides: dict[tuple, set[str]] = {}
        """Which parts of each split were taken, by split id."""

    # -- names

    def lookup(self, name: str, scopes: Scopes) -> Value | None:
        for scope in reversed(scopes):
            if name in scope:
                return scope[name]
        if name in self.globals:
            return self.globals[name]
        return self.fallback.get(name)

    # -- dispatch

    def eval(self, node: ast.expr | None, scopes: Scopes) -> Value:
        if node is None:
            return Const(None, self.now)
        self.steps += 1
        if self.steps > MAX_STEPS or self.steps - self.steps_before > MAX_CELL_STEPS:
            raise OutOfSteps
        handler = getattr(self, "_" + type(node).__name__, None)
        if handler is None:
            return Unknown(cells=self.now)
        return handler(node, scopes)

    def call(self, node: ast.Call, scopes: Scopes) -> Value:
        raise NotImplementedError

    def attribute(self, owner: Value, name: str) -> Value:
        raise NotImplementedError

    def _Constant(self, node: ast.Constant, scopes: Scopes) -> Value:
        return Const(node.value, self.now)

    def _Name(self, node: ast.Name, scopes: Scopes) -> Value:
        found = self.lookup(node.id, scopes)
        if found is not None:
            return found
        if node.id == "__name__":
            return Const("__main__")
        # Not defined here: a builtin, a star import, or an import that was deleted.
        return Lib(node.id)

    def _Call(self, node: ast.Call, scopes: Scopes) -> Value:
        return self.call(node, scopes)

    def _Attribute(self, node: ast.Attribute, scopes: Scopes) -> Value:
        return self.attribute(self.eval(node.value, scopes), node.attr)

    def _Starred(self, node: ast.Starred, scopes: Scopes) -> Value:
        return self.eval(node.value, scopes)

    def _NamedExpr(self, node: ast.NamedExpr, scopes: Scopes) -> Value:
        value = self.eval(node.value, scopes)
        (scopes[-1] if scopes else self.globals)[node.target.id] = value
        return value

    def _Await(self, node: ast.Await, scopes: Scopes) -> Value:
        return self.eval(node.value, scopes)

    def _List(self, node: ast.List | ast.Tuple | ast.Set, scopes: Scopes) -> Value:
        items: list[Value] = []
        complete = True
        for element in node.elts[:200]:
            value = self.eval(element, scopes)
            if isinstance(element, ast.Starred):
                inner, whole, _ = self.elements(value)
                items.extend(inner)
                complete &= whole
            else:
                items.append(value)
        return Seq(items, complete and len(node.elts) <= 200, self.now)

    _Tuple = _List
    _Set = _List

    def _Dict(self, node: ast.Dict, scopes: Scopes) -> Value:
        made = Mapping(cells=self.now)
        for key, value_node in zip(node.keys, node.values, strict=False):
            value = self.eval(value_node, scopes)
            if key is None:
                if isinstance(value, Mapping):
                    made.items.update(value.items)
                    made.complete &= value.complete
                else:
                    made.complete = False
                    made.items[("**", len(made.items))] = value
                continue
            known = self.eval(key, scopes)
            if isinstance(known, Const) and hashable(known.value):
                made.items[known.value] = value
            else:
                made.complete = False
                made.items[("?", len(made.items))] = value
        return made

    def _JoinedStr(self, node: ast.JoinedStr, scopes: Scopes) -> Value:
        parts: list[str] = []
        known, cells = True, self.now
        for piece in node.values:
            value = self.eval(piece.value if isinstance(piece, ast.FormattedValue) else piece, scopes)
            cells |= value.cells
            if isinstance(value, Const):
                parts.append(str(value.value))
            else:
                known = False
                parts.append(value.hint if isinstance(value, Unknown) else "")
        text = "".join(parts)[:500]
        return Const(text, cells) if known else Unknown(hint=text, cells=cells)

    def _BinOp(self, node: ast.BinOp, scopes: Scopes) -> Value:
        left, right = self.eval(node.left, scopes), self.eval(node.right, scopes)
        cells = left.cells | right.cells
        if isinstance(left, Const) and isinstance(right, Const) and type(node.op) in _OPERATORS:
            return self._compute(node.op, left.value, right.value, cells)
        if isinstance(node.op, ast.Add) and isinstance(left, Seq) and isinstance(right, Seq):
            return Seq(left.items + right.items, left.complete and right.complete, cells)
        if isinstance(node.op, ast.BitOr) and isinstance(left, Mapping) and isinstance(right, Mapping):
            return Mapping({**left.items, **right.items}, left.complete and right.complete, cells=cells)
        if isinstance(node.op, ast.Div) and isinstance(left, Const) and isinstance(left.value, str):
            text = const(right, "")  # pathlib: Path("a") / "b"
            return Const(f"{left.value}/{text}", cells) if isinstance(text, str) else Unknown(cells=cells)
        hint = "".join(str(const(v, "") or getattr(v, "hint", "")) for v in (left, right))
        whole = derived(left, right, cells=cells)
        return Unknown(rows=whole.rows, hint=hint[:500], cells=whole.cells)

    def _compute(self, op: ast.operator, left: Any, right: Any, cells: Cells) -> Value:
        numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
        texts = isinstance(left, str) and isinstance(right, str) and isinstance(op, ast.Add)
        small = numbers and max(abs(left), abs(right)) < 1e15
        if isinstance(op, ast.Div) and isinstance(left, str) and isinstance(right, str):
            return Const(f"{left}/{right}", cells)
        if (isinstance(op, ast.Mod) and isinstance(left, str)) or not (small or texts):
            if isinstance(op, ast.Mult) and isinstance(left, str):
                return Const("", cells)
            return Unknown(cells=cells)
        try:
            return Const(_OPERATORS[type(op)](left, right), cells)
        except (ArithmeticError, TypeError, ValueError):
            return Unknown(cells=cells)

    def _UnaryOp(self, node: ast.UnaryOp, scopes: Scopes) -> Value:
        value = self.eval(node.operand, scopes)
        if isinstance(node.op, ast.Not):
            known = self.truth(value)
            return Unknown(cells=value.cells) if known is None else Const(not known, value.cells)
        number = const(value)
        if isinstance(number, (int, float)) and isinstance(node.op, (ast.USub, ast.UAdd)):
            return Const(-number if isinstance(node.op, ast.USub) else number, value.cells)
        return derived(value, cells=self.now)

    def _BoolOp(self, node: ast.BoolOp, scopes: Scopes) -> Value:
        wanted = isinstance(node.op, ast.Or)
        last: Value = Unknown(cells=self.now)
        unsure: list[Value] = []
        for part in node.values:
            last = self.eval(part, scopes)
            known = self.truth(last)
            if known is wanted and not unsure:
                return last
            if known is None:
                unsure.append(last)
        if not unsure:
            return last
        return derived(*unsure, cells=self.now)

    def _Compare(self, node: ast.Compare, scopes: Scopes) -> Value:
        left = self.eval(node.left, scopes)
        rights = [self.eval(c, scopes) for c in node.comparators]
        cells = cells_of(left, *rights)
        if len(rights) != 1:
            return Unknown(cells=cells)
        op, right = node.ops[0], rights[0]
        if isinstance(op, (ast.In, ast.NotIn)):
            known = self._contains(left, right)
            return Unknown(cells=cells) if known is None else Const(known is isinstance(op, ast.In), cells)
        if isinstance(op, (ast.Is, ast.IsNot)):
            known = self._is_none(left, right)
            return Unknown(cells=cells) if known is None else Const(known is isinstance(op, ast.Is), cells)
        if isinstance(left, Const) and isinstance(right, Const) and type(op) in _COMPARES:
            try:
                return Const(bool(_COMPARES[type(op)](left.value, right.value)), cells)
            except TypeError:
                return Unknown(cells=cells)
        return derived(left, right, cells=cells)

    def _contains(self, left: Value, right: Value) -> bool | None:
        if not isinstance(left, Const):
            return None
        if isinstance(right, Mapping) and right.complete:
            return left.value in right.items if hashable(left.value) else None
        if isinstance(right, Seq) and right.complete and all(isinstance(v, Const) for v in right.items):
            return any(v.value == left.value for v in right.items)
        if isinstance(right, Const) and isinstance(right.value, str) and isinstance(left.value, str):
            return left.value in right.value
        return None

    def _is_none(self, left: Value, right: Value) -> bool | None:
        if not (isinstance(right, Const) and right.value is None):
            return None
        if isinstance(left, Const):
            return left.value is None
        return None if isinstance(left, (Unknown, Lib, Method)) else False

    def truth(self, value: Value) -> bool | None:
        """True, False, or None where it can't be told."""
        if isinstance(value, Const):
            return bool(value.value)
        if isinstance(value, (Seq, Mapping)):
            return True if value.items else (False if value.complete else None)
        if isinstance(value, (Function, Class, Instance, Rows, Encoded)):
            return True
        return None

    def _IfExp(self, node: ast.IfExp, scopes: Scopes) -> Value:
        known = self.truth(self.eval(node.test, scopes))
        if known is None and asks_for_its_own_key(node):
            known = True
        if known is not None:
            return self.eval(node.body if known else node.orelse, scopes)
        return join(self.eval(node.body, scopes), self.eval(node.orelse, scopes))

    def _Lambda(self, node: ast.Lambda, scopes: Scopes) -> Value:
        defaults = self.defaults(node.args, scopes)
        return Function("<lambda>", node, scopes, defaults, code=self.code, cells=self.now)

    def defaults(self, args: ast.arguments, scopes: Scopes) -> dict[str, Value]:
        names = [a.arg for a in (*args.posonlyargs, *args.args)]
        found = {
            name: self.eval(value, scopes)
            for name, value in zip(names[len(names) - len(args.defaults) :], args.defaults, strict=False)
        }
        for arg, value in zip(args.kwonlyargs, args.kw_defaults, strict=False):
            if value is not None:
                found[arg.arg] = self.eval(value, scopes)
        return found
