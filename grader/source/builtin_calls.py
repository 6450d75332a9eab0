"""Python's own functions, as far as their results can be told.

Called by calls.py.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from grader.source.call import Call
from grader.source.derivation import cells_of, const, derived, rows_in
from grader.source.values import (
    Args,
    Column,
    Const,
    Encoded,
    Instance,
    Item,
    Lib,
    Loader,
    Loop,
    Mapping,
    Partial,
    Rows,
    Sampler,
    Seq,
    Tokenizer,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter


def _range(interp: Interpreter, call: Call) -> Value:
    bounds = [const(v) for v in call.args]
    cells = interp.now | cells_of(*call.args)
    if not bounds or len(bounds) > 3 or not all(isinstance(b, int) for b in bounds):
        return Loop("range", cells=cells)
    first, last = (0, bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[1])
    stride = bounds[2] if len(bounds) == 3 else 1
    if not stride:
        return Loop("range", cells=cells)
    count = max(0, -(-(last - first) // stride))
    return Loop("range", (Const(first), Const(last), Const(stride)), count, cells)


def _len(interp: Interpreter, call: Call) -> Value:
    given = call.args[0] if call.args else None
    cells = interp.now | cells_of(given)
    if isinstance(given, Rows) and given.rows is not None:
        return Const(given.rows, cells)
    if isinstance(given, Column) and given.over == "all" and given.rows.rows is not None:
        return Const(given.rows.rows, cells)
    if isinstance(given, (Seq, Mapping)) and given.complete:
        return Const(len(given.items), cells)
    if isinstance(given, Const) and isinstance(given.value, str):
        return Const(len(given.value), cells)
    if isinstance(given, Instance):
        rows = rows_in(given)
        return Const(rows.rows, cells) if rows is not None and rows.rows is not None else Unknown(cells=cells)
    return derived(given, cells=cells)


def _enumerate(interp: Interpreter, call: Call) -> Value:
    return Loop("enumerate", tuple(call.args[:1]), cells=interp.now | cells_of(*call.args))


def _zip(interp: Interpreter, call: Call) -> Value:
    return Loop("zip", tuple(call.args), cells=interp.now | cells_of(*call.args))


def _trange(interp: Interpreter, call: Call) -> Value:
    return _range(interp, call)


def _tqdm(interp: Interpreter, call: Call) -> Value:
    given = call.arg(0, "iterable")
    return given if given is not None else Unknown(cells=interp.now)


def _dict(interp: Interpreter, call: Call) -> Value:
    made = Mapping(cells=interp.now | cells_of(*call.args))
    for value in call.args:
        if isinstance(value, Mapping):
            made.items.update(value.items)
            made.complete &= value.complete
        elif isinstance(value, (Item, Encoded)):
            return value
        else:
            made.complete = False
            rows = rows_in(value)
            if rows is not None:
                made.items[("?", 0)] = value
    made.items.update(call.kwargs)
    made.complete &= not call.loose
    return made


def _namespace(interp: Interpreter, call: Call) -> Value:
    """globals(), locals(), dir(): names that are surely there; absence is not sure."""
    if call.args:
        given = call.args[0]
        if isinstance(given, Args):
            return Mapping(dict(given.fields), True, cells=given.cells)
        return Unknown(cells=interp.now)
    names: dict = {}
    for scope in (interp.globals, *call.scopes):
        names.update(scope)
    return Mapping(names, True, cells=interp.now)


def _isinstance(interp: Interpreter, call: Call) -> Value:
    value, kind = call.arg(0), call.arg(1)
    name = kind.last if isinstance(kind, Lib) else ""
    if isinstance(value, Const) and name in ("str", "int", "float", "bool"):
        return Const(type(value.value).__name__ == name, interp.now)
    return Unknown(cells=interp.now)


def _partial(interp: Interpreter, call: Call) -> Value:
    if not call.args:
        return Unknown(cells=interp.now)
    return Partial(call.args[0], call.args[1:], dict(call.kwargs), interp.now | cells_of(*call.args))


def _number(interp: Interpreter, call: Call) -> Value:
    given = call.args[0] if call.args else None
    number = const(given)
    name = getattr(call.func, "last", "int")
    if isinstance(number, (int, float, str)) and len(call.args) == 1:
        try:
            value = {"int": int, "float": float, "round": round, "abs": abs, "ceil": _ceil, "floor": _floor}[
                name
            ](
                number  # type: ignore[arg-type, operator]
            )
            return Const(value, interp.now | cells_of(given))
        except (ValueError, TypeError, OverflowError, KeyError):
            pass
    return derived(*call.args, cells=interp.now)


def _ceil(number: float) -> int:
    return -int(-number // 1)


def _floor(number: float) -> int:
    return int(number // 1)


def _extreme(interp: Interpreter, call: Call) -> Value:
    values = call.args[0].items if len(call.args) == 1 and isinstance(call.args[0], Seq) else call.args
    numbers = [const(v) for v in values]
    if values and all(isinstance(n, (int, float)) for n in numbers) and len(call.args) > 1:
        name = getattr(call.func, "last", "max")
        return Const(max(numbers) if name == "max" else min(numbers), interp.now | cells_of(*call.args))
    return derived(*call.args, cells=interp.now)


def _str(interp: Interpreter, call: Call) -> Value:
    given = call.args[0] if call.args else None
    if isinstance(given, Const):
        return Const(str(given.value)[:500], interp.now | given.cells)
    if isinstance(given, (Column, Item)):
        return given
    return derived(given, cells=interp.now)


def _getattr(interp: Interpreter, call: Call) -> Value:
    name = const(call.arg(1))
    return (
        interp.attribute(call.args[0], name)
        if isinstance(name, str) and call.args
        else Unknown(cells=interp.now)
    )


def _setattr(interp: Interpreter, call: Call) -> Value:
    name = const(call.arg(1))
    if isinstance(name, str) and len(call.args) > 2:
        interp._set_attribute(call.args[0], name, call.args[2])
    return Const(None, interp.now)


def _eval(interp: Interpreter, call: Call) -> Value:
    text = const(call.arg(0))
    if isinstance(text, str) and text.isidentifier():
        return interp.lookup(text, call.scopes) or Unknown(cells=interp.now)
    return Unknown(cells=interp.now)


def _map(interp: Interpreter, call: Call) -> Value:
    """map(f, xs): as the comprehension [f(x) for x in xs]."""
    if len(call.args) < 2:
        return Unknown(cells=interp.now)
    func, source = call.args[0], call.args[1]
    items, complete, _ = interp.elements(source)
    made = [interp.apply(func, [item], {}, call.node, call.scopes) for item in items[:8]]
    return interp._collected(source, made, complete and len(items) <= 8)


def _sorted(interp: Interpreter, call: Call) -> Value:
    """sorted(rows, key=…): the same rows, ordered by length where the key is one."""
    from dataclasses import replace

    given = call.args[0] if call.args else None
    node = call.node
    text = ast.unparse(node) if isinstance(node, ast.Call) else ""
    by_length = "len(" in text or "length" in text or "key=len" in text
    if isinstance(given, (Rows, Column)):
        rows = given if isinstance(given, Rows) else given.rows
        made = replace(rows, ordered=by_length, cells=rows.cells | interp.now)
        return made if isinstance(given, Rows) else Column(made, given.name, given.over, made.cells)
    if isinstance(given, Loop) and given.how == "zip":
        found = rows_in(next((v for v in given.inner if rows_in(v) is not None), None))
        if found is not None:
            return Column(replace(found, ordered=by_length), "made", "all", interp.now | given.cells)
    if by_length and isinstance(given, (Loop, Unknown)):
        return Sampler("length", True, "sorted", cells=interp.now | given.cells)
    if isinstance(given, Seq):
        return Seq(list(given.items), len(given.items) < 2 and given.complete, interp.now, by_length)
    return derived(given, cells=interp.now)


def _shuffle(interp: Interpreter, call: Call) -> Value:
    """random.shuffle changes a list in place; scikit-learn's returns other rows."""
    given = call.args[0] if call.args else None
    if isinstance(given, Seq):
        given.ordered = False
    if isinstance(given, Rows):
        return given.step("shuffle", interp.cell.index, *call.site, rows=given.rows, cells=interp.now)
    return given if given is not None else Unknown(cells=interp.now)


def _argsort(interp: Interpreter, call: Call) -> Value:
    """The order by length, where lengths are what is sorted."""
    given = call.args[0] if call.args else None
    text = ast.unparse(call.node).lower() if call.node is not None else ""
    if (isinstance(given, Column) and given.name == "length") or "len" in text:
        return Sampler("length", True, "argsort", cells=interp.now | cells_of(given))
    return derived(given, cells=interp.now)


def _load_from_disk(interp: Interpreter, call: Call) -> Value:
    """What this notebook saved there, if it did."""
    return interp.disk.get(const(call.arg(0), ""), Unknown(cells=interp.now))


def _iter(interp: Interpreter, call: Call) -> Value:
    return call.args[0] if call.args else Unknown(cells=interp.now)


def _next(interp: Interpreter, call: Call) -> Value:
    given = call.args[0] if call.args else Unknown()
    items, _, loader = interp.elements(given)
    if isinstance(loader, Loader) and interp.turns and interp.turns[-1].loader is None:
        interp.turns[-1].loader = loader
        for turn in interp.turns:
            turn.loaders.append(loader)
    return items[0] if items else Unknown(cells=interp.now)


def _getenv(interp: Interpreter, call: Call) -> Value:
    name = const(call.arg(0))
    if name in ("HOME", "USERPROFILE"):
        return Const("~", interp.now)
    default = call.arg(1)
    return default if default is not None else Unknown(cells=interp.now)


def _join_path(interp: Interpreter, call: Call) -> Value:
    parts = [const(v) for v in call.args]
    cells = interp.now | cells_of(*call.args)
    if parts and all(isinstance(p, str) for p in parts):
        return Const(
            "/".join(p.rstrip("/") for p in parts[:-1]) + "/" + parts[-1] if len(parts) > 1 else parts[0],
            cells,
        )
    hint = "/".join(
        p if isinstance(p, str) else getattr(v, "hint", "") for p, v in zip(parts, call.args, strict=False)
    )
    return Unknown(hint=hint, cells=cells)


def _path(interp: Interpreter, call: Call) -> Value:
    given = call.args[0] if call.args else Const(".")
    text = const(given)
    return Const(text, interp.now | given.cells) if isinstance(text, str) else given


def _cwd(interp: Interpreter, call: Call) -> Value:
    return Const(".", interp.now)


def _filter(interp: Interpreter, call: Call) -> Value:
    given = call.arg(1)
    if isinstance(given, (Rows, Column)):
        rows = given if isinstance(given, Rows) else given.rows
        return rows.step("filter", *call.site, cells=interp.now)
    return derived(given, cells=interp.now)


def _hasattr(interp: Interpreter, call: Call) -> Value:
    given, name = call.arg(0), const(call.arg(1))
    if isinstance(given, (Args, Tokenizer)) and name == "group_by_length":
        return Const(True, interp.now)
    return Unknown(cells=interp.now)


def _set(interp: Interpreter, call: Call) -> Value:
    given = call.args[0] if call.args else None
    if isinstance(given, Seq):
        return Seq(list(given.items), given.complete, given.cells | interp.now)
    return derived(given, cells=interp.now) if given is not None else Seq([], True, interp.now)


def _list(interp: Interpreter, call: Call) -> Value:
    if not call.args:
        return Seq([], True, interp.now)
    given = call.args[0]
    if isinstance(given, (Rows, Column, Item, Unknown)):
        return given
    items, complete, loader = interp.elements(given)
    return given if loader is not None else Seq(items, complete, interp.now | given.cells)


BUILTINS = {
    "range": _range, "len": _len, "enumerate": _enumerate, "zip": _zip, "trange": _trange, "tqdm": _tqdm,
    "dict": _dict, "globals": _namespace, "locals": _namespace, "vars": _namespace, "dir": _namespace,
    "isinstance": _isinstance, "partial": _partial, "int": _number, "float": _number, "round": _number,
    "abs": _number, "ceil": _number, "floor": _number, "max": _extreme, "min": _extreme, "str": _str,
    "getattr": _getattr, "setattr": _setattr, "eval": _eval,
    "map": _map, "sorted": _sorted, "shuffle": _shuffle, "argsort": _argsort,
    "load_from_disk": _load_from_disk, "iter": _iter,
    "next": _next, "getenv": _getenv, "join": _join_path, "Path": _path, "PosixPath": _path,
    "expanduser": _path,
    "abspath": _path, "getcwd": _cwd, "filter": _filter, "hasattr": _hasattr, "set": _set, "list": _list,
    "tuple": _list, "reversed": _iter, "SimpleNamespace": _dict, "OrderedDict": _dict, "BatchEncoding": _iter,
}  # fmt: skip
