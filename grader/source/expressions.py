"""The value of an expression: constants, containers, names, operators, comprehensions.

What this is not: calls of libraries are in calls*.py, statements in interpret.py. `Expressions` is the
base of `interpret.Interpreter`, which nobody else builds on.
"""

from __future__ import annotations

import ast
import operator
from typing import Any

from grader.source.cells import Code
from grader.source.values import (
    NONE,
    Cells,
    Class,
    Column,
    Const,
    Encoded,
    Function,
    Instance,
    Item,
    Lib,
    Loader,
    Loop,
    Mapping,
    Method,
    Rows,
    Seq,
    Unknown,
    Value,
    cells_of,
    const,
    derived,
    join,
    rows_in,
)

Scopes = tuple[dict[str, Value], ...]

UNROLL = 12
"""At most so many items of a known container are gone through one by one."""
MAX_STEPS = 60_000
"""Expressions evaluated per notebook and pass, then the rest is left unknown."""
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


class Expressions:
    """Evaluates expressions in `globals` plus a chain of local scopes (outermost first)."""

    code: Code
    """The code that is being read (of the function's own cell inside a function)."""
    now: Cells
    """The running cell and the cells of the functions it is in."""

    def __init__(self) -> None:
        self.globals: dict[str, Value] = {}
        self.fallback: dict[str, Value] = {}
        self.steps = 0
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
        if self.steps > MAX_STEPS:
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
            if isinstance(known, Const) and _hashable(known.value):
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
            return left.value in right.items if _hashable(left.value) else None
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

    # -- comprehensions

    def _ListComp(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, scopes: Scopes) -> Value:
        local: dict[str, Value] = {}
        inner = (*scopes, local)
        first = node.generators[0]
        source = self.eval(first.iter, inner)
        items, complete, _ = self.elements(source)
        made: list[Value] = []
        simple = len(node.generators) == 1
        for item in items[:UNROLL]:
            self.bind(first.target, item, inner)
            sure = True
            for test in first.ifs:
                known = self.truth(self.eval(test, inner))
                sure = sure and known is True
                if known is False:
                    break
            else:
                for extra in node.generators[1:]:
                    more, _, _ = self.elements(self.eval(extra.iter, inner))
                    self.bind(extra.target, more[0] if more else Unknown(), inner)
                made.append(self.eval(node.elt, inner))
                complete = complete and sure
        return self._collected(source, made, complete and simple and len(items) <= UNROLL)

    _GeneratorExp = _ListComp
    _SetComp = _ListComp

    def _collected(self, source: Value, made: list[Value], complete: bool) -> Value:
        """The list; one made row by row from a data set is a column of that data set."""
        base = rows_in(source)
        if base is not None and isinstance(source, (Column, Rows, Item)) and made:
            element = made[0]
            if isinstance(element, Encoded):
                return self.encoded_rows(element, base)
            if isinstance(element, (Unknown, Column, Const)):
                found = element.rows if isinstance(element, (Unknown, Column)) and element.rows else base
                over = source.over if isinstance(source, (Column, Item)) else "all"
                return Column(found, "made", "all" if over == "all" else over, self.now | source.cells)
        return Seq(made, complete, self.now | source.cells)

    def encoded_rows(self, encoded: Encoded, base: Rows) -> Value:
        raise NotImplementedError

    def _DictComp(self, node: ast.DictComp, scopes: Scopes) -> Value:
        local: dict[str, Value] = {}
        inner = (*scopes, local)
        first = node.generators[0]
        source = self.eval(first.iter, inner)
        items, complete, _ = self.elements(source)
        made = Mapping(complete=complete and len(items) <= UNROLL, cells=self.now | source.cells)
        for item in items[:UNROLL]:
            self.bind(first.target, item, inner)
            key, value = self.eval(node.key, inner), self.eval(node.value, inner)
            name = const(key, ("?", len(made.items)))
            made.items[name if _hashable(name) else ("?", len(made.items))] = value
        return made

    # -- iterating and unpacking

    def elements(self, value: Value) -> tuple[list[Value], bool, Loader | None]:
        """(items one by one, are these all, the loader they come from)."""
        cells = self.now | value.cells
        if isinstance(value, Seq):
            return (
                (list(value.items) or [Unknown(cells=cells)]) if not value.complete else list(value.items),
                value.complete,
                None,
            )
        if isinstance(value, Mapping):
            return [Const(k, cells) for k in value.items], value.complete, None
        if isinstance(value, Const) and isinstance(value.value, (str, bytes)):
            return [Unknown(cells=cells)], False, None
        if isinstance(value, Column):
            over = "one" if value.over in ("all", "batch") else value.over
            return [Column(value.rows, value.name, over, cells)], False, None
        if isinstance(value, Rows):
            return [Item(value, "one", cells)], False, None
        if isinstance(value, Item):
            return [Item(value.rows, "one", cells)], False, None
        if isinstance(value, Encoded):
            return [Const("input_ids"), Const("attention_mask")], False, None
        if isinstance(value, Loader):
            rows = value.rows
            return [Item(rows, "batch", cells) if rows else Unknown(cells=cells)], False, value
        if isinstance(value, Loop):
            return self._loop_elements(value, cells)
        if isinstance(value, Instance):
            found = rows_in(value)
            return [Item(found, "one", cells) if found else Unknown(cells=cells)], False, None
        return [derived(value, cells=cells)], False, None

    def _loop_elements(self, value: Loop, cells: Cells) -> tuple[list[Value], bool, Loader | None]:
        if value.how == "range":
            count = value.count
            if count is not None and count <= UNROLL:
                return [Const(n, cells) for n in range(count)], True, None
            return [Unknown(cells=cells)], False, None
        parts = [self.elements(v) for v in value.inner]
        loader = next((p[2] for p in parts if p[2] is not None), None)
        if not parts:
            return [Unknown(cells=cells)], False, None
        complete = all(p[1] for p in parts)
        length = min(len(p[0]) for p in parts) if complete else 1
        items: list[Value] = []
        for n in range(length):
            row = [p[0][min(n, len(p[0]) - 1)] if p[0] else Unknown(cells=cells) for p in parts]
            if value.how == "enumerate":
                row = [Const(n, cells) if complete else Unknown(cells=cells), *row]
            items.append(Seq(row, True, cells))
        return items, complete, loader

    def bind(self, target: ast.expr, value: Value, scopes: Scopes) -> None:
        raise NotImplementedError

    def unpack(self, value: Value, count: int) -> list[Value]:
        """`count` values out of one, unknown where it can't be told."""
        if isinstance(value, Seq):
            items = list(value.items)
            return (items + [Unknown(cells=value.cells)] * count)[:count]
        if isinstance(value, Mapping):
            return ([Const(k, value.cells) for k in value.items] + [Unknown(cells=value.cells)] * count)[
                :count
            ]
        if isinstance(value, Item):
            return [Column(value.rows, "", value.over, value.cells) for _ in range(count)]
        if isinstance(value, Loop):
            items, _, _ = self._loop_elements(value, value.cells)
            return (items + [Unknown(cells=value.cells)] * count)[:count]
        return [derived(value, cells=value.cells) for _ in range(count)]

    # -- subscripts

    def _Slice(self, node: ast.Slice, scopes: Scopes) -> Value:
        return Seq([self.eval(part, scopes) for part in (node.lower, node.upper, node.step)], True, self.now)

    def _Subscript(self, node: ast.Subscript, scopes: Scopes) -> Value:
        owner = self.eval(node.value, scopes)
        index = self.eval(node.slice, scopes)
        return self.item(owner, index, isinstance(node.slice, ast.Slice), node)

    def item(self, owner: Value, index: Value, is_slice: bool, node: ast.AST) -> Value:
        cells = self.now | owner.cells | (NONE if is_slice else index.cells)
        key = const(index)
        if isinstance(owner, Mapping):
            if owner.split is not None and isinstance(key, str):
                self.sides.setdefault(owner.split, set()).add(key)
            if _hashable(key) and key in owner.items:
                return owner.items[key]
            return (
                derived(*list(owner.items.values())[:1], cells=cells) if owner.items else Unknown(cells=cells)
            )
        if isinstance(owner, Seq):
            if is_slice:
                return self._slice(owner, index, cells)
            if isinstance(key, int) and owner.items and -len(owner.items) <= key < len(owner.items):
                return owner.items[key]
            return owner.items[0] if owner.items and not owner.complete else derived(owner, cells=cells)
        if isinstance(owner, Rows):
            return self.row_item(owner, index, is_slice, node)
        if isinstance(owner, Item):
            name = key if isinstance(key, str) else ""
            if isinstance(key, int):
                return Item(owner.rows, "one", cells)
            return Column(owner.rows, name, owner.over, cells)
        if isinstance(owner, Encoded):
            base = owner.rows or Rows(origin=frozenset({"unknown"}), cells=cells)
            made = self.encoded_rows(owner, base) if owner.over == "all" else base
            name = key if isinstance(key, str) else "input_ids"
            return Column(made if isinstance(made, Rows) else base, name, owner.over, cells)
        if isinstance(owner, Column):
            if is_slice:
                whole = self.row_item(owner.rows, index, True, node)
                return Column(whole, owner.name, owner.over, cells) if isinstance(whole, Rows) else owner
            if isinstance(index, (Const, Unknown)) and owner.over == "all" and not isinstance(key, str):
                return Column(owner.rows, owner.name, "one", cells)
            return Column(owner.rows, owner.name, owner.over, cells)
        if isinstance(owner, Const) and isinstance(owner.value, (str, list, tuple)) and isinstance(key, int):
            try:
                return Const(owner.value[key], cells)
            except IndexError:
                return Unknown(cells=cells)
        if isinstance(owner, Instance):
            return self.instance_item(owner, index)
        if isinstance(owner, Lib):
            return Unknown(hint=owner.path, cells=cells)
        return derived(owner, cells=cells)

    def _slice(self, owner: Seq, index: Value, cells: Cells) -> Value:
        bounds = [const(v) for v in index.items] if isinstance(index, Seq) else [None] * 3
        if owner.complete and all(b is None or isinstance(b, int) for b in bounds):
            try:
                return Seq(owner.items[slice(*bounds)], True, cells)
            except ValueError:
                pass
        return Seq(list(owner.items), False, cells)

    def row_item(self, owner: Rows, index: Value, is_slice: bool, node: ast.AST) -> Value:
        raise NotImplementedError

    def instance_item(self, owner: Instance, index: Value) -> Value:
        raise NotImplementedError


def _hashable(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool, tuple, bytes)) or value is None
