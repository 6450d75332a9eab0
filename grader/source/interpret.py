"""The abstract interpreter: statements, functions and classes of the student, cell by cell.

It runs nothing. Each cell changes `globals`; loops are gone through once (or item by item where the
items are listed), both branches of an undecidable `if` are read and joined. Library calls are answered
by calls.py; each training met becomes a draft in `runs`. A failure inside one cell is contained there.
Called by order.py.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from grader.source import calls
from grader.source.cells import Code
from grader.source.containers import Scopes
from grader.source.derivation import const, join
from grader.source.events import Draft, Event, Measuring
from grader.source.expressions import OutOfSteps
from grader.source.functions import Frame, Leave, Return
from grader.source.loops import Loops, Turn
from grader.source.values import (
    NONE,
    Args,
    Cells,
    Class,
    Column,
    Const,
    Encoded,
    Function,
    Instance,
    Item,
    Lib,
    Mapping,
    Model,
    Rows,
    Seq,
    Trainer,
    Unknown,
    Value,
)


class Interpreter(Loops):
    def __init__(self) -> None:
        super().__init__()
        self.code: Code
        self.cell: Code
        self.statement: ast.stmt | None = None
        self.now: Cells = NONE
        self.frames: list[Frame] = []
        self.turns: list[Turn] = []
        self.unsure = 0
        """Depth of branches that may not be taken."""
        self.events: list[Event] = []
        self.runs: list[Draft] = []
        self.measurings: list[Measuring] = []
        self.saved: dict[str, int] = {}
        """Folders this notebook saved weights to, and the cell."""
        self.disk: dict[str, Value] = {}
        """Data sets saved with save_to_disk, by folder."""
        self.last_model: Value | None = None
        self.last_input: Encoded | None = None
        """What the model was last called with, if a tokenizer made it on the spot."""
        self.last_optimizer: Value | None = None
        self.trace: list[Encoded] = []
        """Tokenizer calls met while a function is tried out."""
        self.trained: dict[int, tuple[tuple[int, Rows | None], ...]] = {}
        """By model uid: (cell, rows) of each run that trained these weights, in order."""
        self.model_starts: set[tuple[str, str]] = set()
        """(variable, start) of every model bound to a name."""
        self.counts: dict[int, int] = {}
        """Execution counts by cell, where they are those of several kernel sessions."""
        self.codes: tuple[Code, ...] = ()
        self.spent = False
        self.muted = 0
        """Above 0: a trial reading (of a collator, a __getitem__) that reports no events or runs."""

    # -- cells

    def run_cell(self, code: Code) -> None:
        """Read one cell; never raises."""
        self.code = self.cell = code
        self.now = frozenset({code.index})
        self.frames, self.turns, self.unsure = [], [], 0
        self.steps_before = self.steps
        for statement in code.tree.body:
            self.statement = statement
            try:
                self.execute(statement, ())
            except (Return, Leave):
                continue
            except OutOfSteps:
                self.spent = True
                self.turns, self.frames, self.unsure, self.muted = [], [], 0, 0
                return
            except (RecursionError, MemoryError):
                self.turns, self.frames = [], []
            except Exception:
                # One statement we can't read must not cost the rest of the notebook.
                self.turns, self.frames, self.unsure, self.muted = [], [], 0, 0
                self.code, self.now = code, frozenset({code.index})

    def another_session(self, cell: int) -> bool:
        """Can `cell` above not have run before this one in the same kernel? Its count is not lower."""
        now, then = self.counts.get(self.cell.index), self.counts.get(cell)
        return now is not None and then is not None and cell != self.cell.index and then >= now

    def part_of_batches(self) -> bool:
        return bool(self.turns) or self.muted > 0

    def note(self, kind: str, node: ast.AST | None, **value: Any) -> None:
        if not self.muted:
            quote = self.code.quote(node) if node is not None else ""
            self.events.append(Event(kind, self.code.index, value, quote, self.cell.index))

    # -- statements

    def block(self, body: list[ast.stmt], scopes: Scopes) -> None:
        for statement in body:
            self.execute(statement, scopes)

    def execute(self, node: ast.stmt, scopes: Scopes) -> None:
        handler = getattr(self, "_do_" + type(node).__name__, None)
        if handler is not None:
            handler(node, scopes)

    def _scope(self, scopes: Scopes) -> dict[str, Value]:
        return scopes[-1] if scopes else self.globals

    def _do_Expr(self, node: ast.Expr, scopes: Scopes) -> None:
        self.eval(node.value, scopes)

    def _do_Assign(self, node: ast.Assign, scopes: Scopes) -> None:
        value = self.eval(node.value, scopes)
        for target in node.targets:
            self.bind(target, value, scopes)

    def _do_AnnAssign(self, node: ast.AnnAssign, scopes: Scopes) -> None:
        if node.value is not None:
            self.bind(node.target, self.eval(node.value, scopes), scopes)

    def _do_AugAssign(self, node: ast.AugAssign, scopes: Scopes) -> None:
        load = ast.copy_location(ast.BinOp(_load(node.target), node.op, node.value), node)
        current = self.eval(_load(node.target), scopes)
        if isinstance(current, Seq) and isinstance(node.op, ast.Add):
            more = self.eval(node.value, scopes)
            items, whole, _ = self.elements(more)
            current.items.extend(items)
            current.complete &= whole
            return
        value = self.eval(load, scopes)
        if any(turn.kind != "items" for turn in self.turns) and isinstance(value, Const):
            value = Unknown(cells=value.cells)  # counted up in a loop read only once
        self.bind(node.target, value, scopes)

    def _do_Delete(self, node: ast.Delete, scopes: Scopes) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._scope(scopes).pop(target.id, None)

    def bind(self, target: ast.expr, value: Value, scopes: Scopes) -> None:
        if isinstance(target, ast.Name):
            if isinstance(value, Model):
                self.model_starts.add((target.id, value.start))
            frame_global = scopes and target.id in getattr(self, "_global_names", ())
            (self.globals if frame_global else self._scope(scopes))[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            star = next((n for n, t in enumerate(target.elts) if isinstance(t, ast.Starred)), None)
            parts = self.unpack(value, len(target.elts))
            for n, (part, inner) in enumerate(zip(target.elts, parts, strict=False)):
                if n == star:
                    self.bind(part.value, Unknown(cells=value.cells), scopes)  # type: ignore[attr-defined]
                else:
                    self.bind(part, inner, scopes)
        elif isinstance(target, ast.Attribute):
            self._set_attribute(self.eval(target.value, scopes), target.attr, value)
        elif isinstance(target, ast.Subscript):
            self._set_item(target, value, scopes)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value, scopes)

    def _set_attribute(self, owner: Value, name: str, value: Value) -> None:
        if isinstance(owner, (Args, Trainer)):
            owner.fields[name] = value
            owner.cells |= self.now
        elif isinstance(owner, (Instance, Class)):
            owner.attrs[name] = value
        else:
            calls.set_attribute(self, owner, name, value)

    def _set_item(self, target: ast.Subscript, value: Value, scopes: Scopes) -> None:
        owner, key = self.eval(target.value, scopes), self.eval(target.slice, scopes)
        if isinstance(owner, Mapping):
            name = const(key, ("?", len(owner.items)))
            try:
                owner.items[name] = value
            except TypeError:
                owner.complete = False
            owner.cells |= self.now
        elif isinstance(owner, Seq) and isinstance(const(key), int) and const(key) < len(owner.items):
            owner.items[const(key)] = value
        elif isinstance(owner, (Encoded, Item)) and const(key) == "input_ids" and isinstance(value, Unknown):
            # The ids were changed by hand (padded, perhaps): their length is no longer known.
            self.trace.append(Encoded("unknown", None, None, "unknown", owner.rows, self.now))
            if isinstance(owner, Encoded):
                self.bind(target.value, replace(owner, padding="unknown"), scopes)
        elif isinstance(owner, Rows):
            # df['document'] = …: the same rows; a column made by tokenising makes them tokenised.
            found = value.rows if isinstance(value, Column) and value.name == "made" else None
            base = owner
            if found is not None and found.shape is not base.shape and base.shape.value == "raw":
                base = replace(base, shape=found.shape, max_length=found.max_length)
            self.bind(target.value, replace(base, cells=base.cells | self.now), scopes)

    def _do_Return(self, node: ast.Return, scopes: Scopes) -> None:
        raise Return(self.eval(node.value, scopes))

    def _do_Break(self, node: ast.stmt, scopes: Scopes) -> None:
        raise Leave

    _do_Continue = _do_Break

    def _do_Raise(self, node: ast.Raise, scopes: Scopes) -> None:
        raise Leave

    def _do_Global(self, node: ast.Global, scopes: Scopes) -> None:
        self._global_names = {*getattr(self, "_global_names", ()), *node.names}

    def _do_If(self, node: ast.If, scopes: Scopes) -> None:
        known = self.truth(self.eval(node.test, scopes))
        if known is not None:
            self.block(node.body if known else node.orelse, scopes)
            return
        scope = self._scope(scopes)
        before = dict(scope)
        self._branch(node.body, scopes)
        after = dict(scope)
        scope.clear()
        scope.update(before)
        self._branch(node.orelse, scopes)
        for name, value in after.items():
            scope[name] = value if name not in scope else join(value, scope[name])

    def _branch(self, body: list[ast.stmt], scopes: Scopes) -> None:
        """A branch that may not be taken: what it returns is one of several results."""
        self.unsure += 1
        try:
            self.block(body, scopes)
        except Return as result:
            if self.frames:
                self.frames[-1].returns.append(result.value)
        except Leave:
            pass
        finally:
            self.unsure -= 1

    def _do_Try(self, node: ast.Try, scopes: Scopes) -> None:
        scope = self._scope(scopes)
        try:
            self.block(node.body, scopes)
            self.block(node.orelse, scopes)
        except Leave:
            pass
        finally:
            for handler in node.handlers:
                for name in _assigned(handler.body):
                    scope.setdefault(name, Unknown(cells=self.now))
            self.block(node.finalbody, scopes)

    _do_TryStar = _do_Try

    def _do_With(self, node: ast.With, scopes: Scopes) -> None:
        for entry in node.items:
            value = self.eval(entry.context_expr, scopes)
            if entry.optional_vars is not None:
                self.bind(entry.optional_vars, value, scopes)
        self.block(node.body, scopes)

    _do_AsyncWith = _do_With

    def _do_Match(self, node: Any, scopes: Scopes) -> None:
        self.eval(node.subject, scopes)
        for case in node.cases:
            self._branch(case.body, scopes)

    def _do_Assert(self, node: ast.Assert, scopes: Scopes) -> None:
        self.eval(node.test, scopes)

    # -- definitions and imports

    def _do_FunctionDef(self, node: ast.FunctionDef, scopes: Scopes) -> None:
        kind = ""
        for decorator in node.decorator_list:
            name = getattr(decorator, "id", getattr(decorator, "attr", ""))
            kind = {"staticmethod": "static", "classmethod": "class", "property": "property"}.get(name, kind)
        self._scope(scopes)[node.name] = Function(
            node.name, node, scopes, self.defaults(node.args, scopes), None, kind, self.code, self.now
        )

    _do_AsyncFunctionDef = _do_FunctionDef

    def _do_ClassDef(self, node: ast.ClassDef, scopes: Scopes) -> None:
        bases = tuple(self.eval(base, scopes) for base in node.bases)
        body: dict[str, Value] = {}
        made = Class(node.name, node, bases, body, self.code, self.now)
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Assign, ast.AnnAssign)):
                self.execute(statement, (*scopes, body))
        for value in body.values():
            if isinstance(value, Function):
                value.scopes = scopes  # a method does not see the class's own names
        self._scope(scopes)[node.name] = made

    def _do_Import(self, node: ast.Import, scopes: Scopes) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.split(".")[0]
            path = alias.name if alias.asname else name
            self._scope(scopes)[name] = Lib(path)

    def _do_ImportFrom(self, node: ast.ImportFrom, scopes: Scopes) -> None:
        for alias in node.names:
            if alias.name != "*":
                self._scope(scopes)[alias.asname or alias.name] = Lib(f"{node.module or ''}.{alias.name}")


def _load(target: ast.expr) -> ast.expr:
    """The target of an assignment, to be read."""
    if isinstance(target, ast.Name):
        return ast.copy_location(ast.Name(target.id, ast.Load()), target)
    if isinstance(target, ast.Attribute):
        return ast.copy_location(ast.Attribute(target.value, target.attr, ast.Load()), target)
    if isinstance(target, ast.Subscript):
        return ast.copy_location(ast.Subscript(target.value, target.slice, ast.Load()), target)
    return target


def _assigned(body: list[ast.stmt]) -> list[str]:
    return [
        n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    ]
