"""Calling: a student's functions, methods and classes are read with the arguments they get; everything
else is answered by calls.py. `Functions` is the base of `interpret.Interpreter`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from typing import Any

from grader.source import calls
from grader.source.cells import Code
from grader.source.containers import Scopes
from grader.source.derivation import cells_of, derived, join, rows_in
from grader.source.expressions import Expressions
from grader.source.values import (
    Args,
    Class,
    Column,
    Const,
    Encoded,
    Function,
    Instance,
    Lib,
    Mapping,
    Method,
    Partial,
    Rows,
    Seq,
    Trainer,
    Unknown,
    Value,
)

MAX_DEPTH = 12


class Return(Exception):
    def __init__(self, value: Value) -> None:
        self.value = value


class Leave(Exception):
    """break, continue or raise."""


@dataclass
class Frame:
    """A call of a student's function."""

    function: Function
    returns: list[Value] = field(default_factory=list)
    yields: list[Value] = field(default_factory=list)


class Functions(Expressions):
    """Needs `block` of its subclass."""

    frames: list[Frame]
    cell: Code

    def block(self, body: list[ast.stmt], scopes: Scopes) -> None:
        raise NotImplementedError

    def _Yield(self, node: ast.Yield, scopes: Scopes) -> Value:
        value = self.eval(node.value, scopes)
        if self.frames and rows_in(value) is not None:
            self.frames[-1].yields.append(value)
        return Unknown(cells=self.now)

    # -- attributes

    def attribute(self, owner: Value, name: str) -> Value:
        cells = self.now | owner.cells
        if isinstance(owner, Lib):
            return Lib(f"{owner.path}.{name}", owner.cells)
        if isinstance(owner, Instance):
            if name in owner.attrs:
                return owner.attrs[name]
            return self._bound(owner, owner.cls, name) or Method(owner, name, cells)
        if isinstance(owner, Class):
            found = self.class_member(owner, name)
            return found if found is not None else Method(owner, name, cells)
        if isinstance(owner, Args):
            return owner.fields.get(name, Unknown(cells=cells))
        if isinstance(owner, Trainer):
            if name in owner.fields and name not in ("train", "evaluate"):
                return owner.fields[name]
            if owner.cls is not None and (bound := self._bound(owner, owner.cls, name)) is not None:
                return bound
            return Method(owner, name, cells)
        if isinstance(owner, Method) and owner.name == "super()" and isinstance(owner.owner, Instance):
            for base in owner.owner.cls.bases:
                if isinstance(base, Class) and (bound := self._bound(owner.owner, base, name)) is not None:
                    return bound
            return Method(owner.owner, name, cells)
        if isinstance(owner, Partial) and name == "func":
            return owner.func
        return calls.attribute(self, owner, name)

    def class_member(self, cls: Class, name: str, depth: int = 6) -> Value | None:
        if name in cls.attrs:
            return cls.attrs[name]
        for base in cls.bases:
            if isinstance(base, Class) and depth and (found := self.class_member(base, name, depth - 1)):
                return found
        return None

    def _bound(self, owner: Value, cls: Class, name: str) -> Value | None:
        found = self.class_member(cls, name)
        if not isinstance(found, Function) or found.kind == "static":
            return found
        bound = replace(found, owner=owner)
        return self.invoke(bound, [], {}) if found.kind == "property" else bound

    def base_names(self, cls: Class, depth: int = 6) -> set[str]:
        """Last names of all library bases: {'Module'}, {'Trainer'}."""
        names: set[str] = set()
        for base in cls.bases:
            if isinstance(base, Lib):
                names.add(base.last)
            elif isinstance(base, Class) and depth:
                names |= self.base_names(base, depth - 1)
        return names

    # -- calls

    def call(self, node: ast.Call, scopes: Scopes) -> Value:
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            me = next((s["self"] for s in reversed(scopes) if "self" in s), None)
            return Method(me, "super()", self.now) if me is not None else Unknown(cells=self.now)
        func = self.eval(node.func, scopes)
        args: list[Value] = []
        loose = False
        for arg in node.args:
            value = self.eval(arg, scopes)
            if isinstance(arg, ast.Starred):
                if isinstance(value, Seq) and value.complete:
                    args.extend(value.items)
                else:
                    loose = True
            else:
                args.append(value)
        kwargs: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.eval(keyword.value, scopes)
            if keyword.arg is not None:
                kwargs[keyword.arg] = value
            elif isinstance(value, Mapping):
                kwargs.update({k: v for k, v in value.items.items() if isinstance(k, str)})
                loose |= not value.complete
            elif isinstance(value, Args):
                kwargs.update(value.fields)
            else:
                loose = True
                if isinstance(value, (Encoded, Column)) or rows_in(value) is not None:
                    kwargs["**"] = value
        return self.apply(func, args, kwargs, node, scopes, loose)

    def apply(
        self,
        func: Value,
        args: list[Value],
        kwargs: dict[str, Value],
        node: ast.AST | None = None,
        scopes: Scopes = (),
        loose: bool = False,
    ) -> Value:
        """The result of calling `func`, whatever it is."""
        if isinstance(func, Function):
            return self.invoke(func, args, kwargs)
        if isinstance(func, Partial):
            return self.apply(func.func, func.args + args, {**func.kwargs, **kwargs}, node, scopes, loose)
        if isinstance(func, Class):
            return self.instantiate(func, args, kwargs, node, scopes, loose)
        if isinstance(func, Instance):
            method = self._bound(func, func.cls, "__call__")
            if method is not None:
                return self.apply(method, args, kwargs, node, scopes, loose)
            if (method := self._bound(func, func.cls, "forward")) is not None:
                calls.model_called(self, func, calls.Call(func, args, kwargs))
                return self.apply(method, args, kwargs, node, scopes, loose)
        return calls.answer(self, calls.Call(func, args, kwargs, node, scopes, loose))

    def invoke(self, func: Function, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Read a student's function with these arguments; what it returns, joined over its returns."""
        depth = sum(frame.function.node is func.node for frame in self.frames)
        if len(self.frames) >= MAX_DEPTH or depth >= 2:
            return derived(*args, cells=self.now | func.cells)
        local = self.parameters(func, args, kwargs)
        frame = Frame(func)
        outside = (self.code, self.now, getattr(self, "_global_names", set()))
        self.frames.append(frame)
        self.code, self.now = func.code or self.code, self.now | func.cells
        self._global_names = set()
        try:
            scopes = (*func.scopes, local)
            if isinstance(func.node, ast.Lambda):
                return self.eval(func.node.body, scopes)
            try:
                self.block(func.node.body, scopes)
            except Return as result:
                frame.returns.append(result.value)
            except Leave:
                pass
            result: Value | None = None
            for value in frame.returns:
                result = value if result is None else join(result, value)
            if result is None and frame.yields:
                return Seq(frame.yields[:16], False, self.now)
            if result is None and _generates(func.node):
                return derived(*args, cells=self.now)
            return result if result is not None else Const(None, self.now)
        finally:
            self.frames.pop()
            self.code, self.now, self._global_names = outside

    def parameters(self, func: Function, args: list[Value], kwargs: dict[str, Value]) -> dict[str, Value]:
        spec = func.node.args
        names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
        values = list(args)
        if func.owner is not None and func.kind != "static":
            values.insert(0, func.owner)
        local: dict[str, Value] = dict(func.defaults)
        local.update(zip(names, values, strict=False))
        if spec.vararg:
            local[spec.vararg.arg] = Seq(values[len(names) :], True, cells_of(*values[len(names) :]))
        known = {*names, *(a.arg for a in spec.kwonlyargs)}
        local.update({k: v for k, v in kwargs.items() if k in known})
        if spec.kwarg:
            rest = {k: v for k, v in kwargs.items() if k not in known}
            local[spec.kwarg.arg] = Mapping(dict(rest), True, cells=cells_of(*rest.values()))
        for name in known:
            local.setdefault(name, Unknown(cells=self.now))
        return local

    def instantiate(
        self, cls: Class, args: list[Value], kwargs: dict[str, Value], node: Any, scopes: Scopes, loose: bool
    ) -> Value:
        made = calls.subclass_instance(self, cls, calls.Call(cls, args, kwargs, node, scopes, loose))
        if made is not None:
            return made
        instance = Instance(cls, {}, self.now | cls.cells)
        init = self.class_member(cls, "__init__")
        if isinstance(init, Function):
            self.invoke(replace(init, owner=instance), args, kwargs)
        else:
            fields = [s.target.id for s in cls.node.body
                      if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]  # fmt: skip
            instance.attrs.update(zip(fields, args, strict=False))
            instance.attrs.update(kwargs)
        return instance

    # -- data

    def encoded_rows(self, encoded: Encoded, base: Rows) -> Value:
        return calls.encoded_rows(self, encoded, base)

    def row_item(self, owner: Rows, index: Value, is_slice: bool, node: ast.AST) -> Value:
        return calls.row_item(self, owner, index, is_slice, node)

    def instance_item(self, owner: Instance, index: Value) -> Value:
        method = self._bound(owner, owner.cls, "__getitem__")
        if isinstance(method, Function):
            return self.invoke(method, [index], {})
        return derived(owner, cells=self.now)


def _generates(node: ast.AST) -> bool:
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(node))
