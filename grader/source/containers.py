"""Containers and what is taken out of them: comprehensions, loops' elements, unpacking, subscripts.

`Containers` is the base of `expressions.Expressions`; nobody else builds on it.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from grader.source.derivation import const, derived, in_order, rows_in
from grader.source.values import (
    NONE,
    Cells,
    Column,
    Const,
    Encoded,
    Instance,
    Item,
    Lib,
    Loader,
    Loop,
    Mapping,
    Rows,
    Sampler,
    Seq,
    Unknown,
    Value,
)

Scopes = tuple[dict[str, Value], ...]

UNROLL = 12
"""At most so many items of a known container are gone through one by one."""


class Containers:
    """Needs `eval`, `bind`, `truth` and `now` of its subclasses."""

    now: Cells
    sides: dict[tuple, set[str]]
    """Which parts of each split were taken, by split id."""

    def eval(self, node: ast.expr | None, scopes: Scopes) -> Value:
        raise NotImplementedError

    def truth(self, value: Value) -> bool | None:
        raise NotImplementedError

    def part_of_batches(self) -> bool:
        """Is this read inside a loop, or of one item: a moving slice is then one batch."""
        raise NotImplementedError

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
        if (
            isinstance(node.elt, ast.Call)
            and isinstance(node.elt.func, ast.Name)
            and node.elt.func.id == "len"
        ):
            found = rows_in(source)
            if found is not None:
                return Column(found, "length", "all", self.now | source.cells)
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
                found = self._element_rows(element, base)
                over = source.over if isinstance(source, (Column, Item)) else "all"
                return Column(found, "made", "all" if over == "all" else over, self.now | source.cells)
        return Seq(made, complete, self.now | source.cells, in_order(source))

    def _element_rows(self, element: Value, base: Rows) -> Rows:
        """What one element made from a row of `base` says of all rows: its length, not which rows."""
        found = element.rows if isinstance(element, (Unknown, Column)) else None
        if found is None:
            return base
        return found if found.parts else replace(base, shape=found.shape, max_length=found.max_length)

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
            made.items[name if hashable(name) else ("?", len(made.items))] = value
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
        if isinstance(value, Sampler):
            return [value], False, None
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
            if hashable(key) and key in owner.items:
                return owner.items[key]
            if isinstance(index, Const) and owner.complete:
                return Unknown(cells=cells)  # no such key: this would stop
            return derived(*list(owner.items.values())[:1], cells=cells)
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
            made = self.encoded_rows(owner, base)
            name = key if isinstance(key, str) else "input_ids"
            return Column(made if isinstance(made, Rows) else base, name, owner.over, cells)
        if isinstance(owner, Column):
            if is_slice:
                known = all(isinstance(bound, Const) for bound in getattr(index, "items", ()))
                if not known and self.part_of_batches():
                    return Column(owner.rows, owner.name, "batch", cells)
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
        if isinstance(owner, Sampler):
            return owner  # a part of an order keeps how it was ordered
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
        return Seq(list(owner.items), False, cells, owner.ordered)

    def row_item(self, owner: Rows, index: Value, is_slice: bool, node: ast.AST) -> Value:
        raise NotImplementedError

    def instance_item(self, owner: Instance, index: Value) -> Value:
        raise NotImplementedError


def hashable(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool, tuple, bytes)) or value is None
