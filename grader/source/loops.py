"""Loops: gone through once, or item by item where the items are listed. A loop over a loader may be a
training; at the end of its outermost loop it is settled. `Loops` is the base of `interpret.Interpreter`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from grader.source import calls
from grader.source.batches import generated
from grader.source.containers import UNROLL, Scopes
from grader.source.events import Draft
from grader.source.functions import Functions, Leave, Return
from grader.source.values import (
    Item,
    Loader,
    Loop,
    Unknown,
    Value,
)


@dataclass
class Turn:
    """A loop that is being gone through."""

    kind: str
    """'range' (epochs, steps, while), 'loader' or 'items'."""
    count: int | None = None
    loader: Value | None = None
    source: Value | None = None
    """What is gone through."""
    node: ast.AST | None = None
    trains: bool = False
    """A backward pass was met inside."""
    drafts: list[Draft] = field(default_factory=list)
    loaders: list[Value] = field(default_factory=list)
    """Loaders gone through inside, in order."""


class Loops(Functions):
    """Needs `execute` of its subclass."""

    turns: list[Turn]
    runs: list[Draft]
    unsure: int

    def _do_For(self, node: ast.For, scopes: Scopes) -> None:
        source = self.eval(node.iter, scopes)
        items, complete, loader = self.elements(source)
        if isinstance(source, Loop) and source.how == "range":
            self._range(node, source, items, scopes)
            return
        if loader is None and self._by_hand(node):
            loader = self._generated(node.iter, source, scopes)
            items = [Item(loader.rows, "batch", self.now)] if loader and loader.rows else items
        kind = "loader" if loader is not None else "items"
        turn = Turn(kind, loader=loader, source=source, node=node)
        if loader is not None:
            for outer in self.turns:
                outer.loaders.append(loader)
            turn.loaders.append(loader)
        if loader is None and not complete and self._by_hand(node):
            turn.kind = "range"
        with _Inside(self, turn):
            for item in items[: UNROLL if complete else 1]:
                self.bind(node.target, item, scopes)
                self._once(node.body, scopes, sure=complete and bool(items))
        self.block(node.orelse, scopes)

    _do_AsyncFor = _do_For

    def _generated(self, node: ast.expr, source: Value, scopes: Scopes) -> Loader | None:
        """Batches made by the student's own generator, perhaps shown by tqdm."""
        while isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("tqdm", "enumerate", "iter"):
            node = node.args[0] if node.args else node.func
        if not isinstance(node, ast.Call):
            return generated(self, source, None, [])
        given = [self.eval(a, scopes) for a in node.args if not isinstance(a, ast.Starred)]
        return generated(self, source, self.eval(node.func, scopes), given)

    def _by_hand(self, node: ast.AST) -> bool:
        return any(isinstance(n, ast.Attribute) and n.attr == "backward" for n in ast.walk(node))

    def _range(self, node: ast.For, source: Loop, items: list[Value], scopes: Scopes) -> None:
        """`for epoch in range(3)`: once; again only where each turn makes a training of its own."""
        before = len(self.runs)
        with _Inside(self, Turn("range", count=source.count, node=node)):
            self.bind(node.target, items[0] if items else Unknown(cells=self.now), scopes)
            self._once(node.body, scopes, sure=True)
        made = [run for run in self.runs[before:] if isinstance(run.site, ast.Call)]
        if made and source.count is not None and 1 < source.count <= UNROLL:
            for item in items[1:]:
                with _Inside(self, Turn("items", node=node)):
                    self.bind(node.target, item, scopes)
                    self._once(node.body, scopes, sure=True)

    def _once(self, body: list[ast.stmt], scopes: Scopes, *, sure: bool) -> None:
        try:
            self.block(body, scopes)
        except Leave:
            pass
        except Return as result:
            if (sure and not self.unsure) or not self.frames:
                raise
            self.frames[-1].returns.append(result.value)

    def _do_While(self, node: ast.While, scopes: Scopes) -> None:
        if self.truth(self.eval(node.test, scopes)) is False:
            return
        with _Inside(self, Turn("range", node=node)):
            self._once(node.body, scopes, sure=False)


class _Inside:
    """While a loop is gone through; at its end the trainings that began in it are settled."""

    def __init__(self, interp: Loops, turn: Turn) -> None:
        self.interp, self.turn = interp, turn

    def __enter__(self) -> None:
        self.interp.turns.append(self.turn)

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        turns = self.interp.turns
        if turns and turns[-1] is self.turn:
            turns.pop()
        if kind is None or issubclass(kind, (Return, Leave)):
            calls.loop_ended(self.interp, self.turn)
