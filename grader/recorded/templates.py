"""Accuracies in lines that don't name them: `print(name, res["eval_accuracy"])` shows 'baseline 0.9046'.

What a line means stands in the `print` that wrote it, in the same cell or in a function the cell calls. Each
print becomes a pattern with a hole for every expression; a line that fits it tells which expression each of
its numbers is. Only lines whose own words name no accuracy are read this way. Pure; called by `read`.
"""

from __future__ import annotations

import ast
import re
import string
import warnings
from collections.abc import Iterator
from typing import NamedTuple

from grader.recorded import printed
from grader.recorded.bare import Shown, names_accuracy, split_of
from grader.recorded.numbers import number, share
from grader.recorded.typed import MAX_SOURCE, without_magics
from grader.records import Cell

MAX_PRINTS = 200
MAX_LINES = 2_000
MAX_CALLS = 3
"""How deep functions that call functions are followed."""

CLOCKS = ("time", "perf_counter", "monotonic", "default_timer", "process_time")

_PERCENT = re.compile(r"%(?:\(\w+\))?[-+ #0]*\d*(?:\.\d+)?[sdifeEgGrx]|%%")
_NUMBER = re.compile(r"(?:np\.float\d*\(|tensor\()?(0?\.\d{2,20}|\d{2}\.\d{1,18})\)?\s?%?")

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Template(NamedTuple):
    pattern: re.Pattern[str]
    holes: tuple[ast.expr, ...]
    scope: ast.AST
    """Where names are assigned: the function, or the cell."""


class Templates:
    """The prints of the code read so far, by the function they stand in."""

    def __init__(self) -> None:
        self._functions: dict[str, Function] = {}
        self._here: ast.Module | None = None

    def add(self, cell: Cell) -> None:
        """Take in the code of one cell."""
        self._here = _parse(cell.source)
        for node in ast.walk(self._here) if self._here else ():
            if isinstance(node, Function):
                self._functions[node.name] = node

    def read_cell(self, cell: Cell) -> list[Shown]:
        """Accuracies that the cell's prints show and its lines don't name."""
        lines = [
            line
            for line in _lines(cell)
            if _NUMBER.search(line) and not any(m.name == "accuracy" for m in printed.metrics(line))
        ]
        if not lines or self._here is None:
            return []
        made = (_template(node, scope) for node, scope in self._prints())
        templates = [t for t in made if t is not None]
        return [shown for line in lines for shown in _fit(line[: printed.MAX_LINE], templates)]

    def training_seconds(self, cell: Cell) -> float | None:
        """How long a hand-written training took, where its own code took the time and printed it once."""
        if self._here is None:
            return None
        found: set[float] = set()
        for node, scope in self._prints():
            if not any(isinstance(n, ast.Call) and _called(n) == "backward" for n in ast.walk(scope)):
                continue
            template = _template(node, scope)
            timed = [_is_duration(h, scope) for h in template.holes] if template else []
            for line in _lines(cell) if template and any(timed) else ():
                match = template.pattern.fullmatch(line)
                texts = (
                    [t for t, is_time in zip(match.groups(), timed, strict=True) if is_time] if match else []
                )
                found |= {value for text in texts if (value := number(text)) is not None}
        return found.pop() if len(found) == 1 else None

    def _prints(self) -> Iterator[tuple[ast.Call, ast.AST]]:
        """Prints of this cell and of the functions it calls, with where their names are assigned."""
        scopes: list[ast.AST] = [self._here] if self._here else []
        called: set[str] = set()
        for _ in range(MAX_CALLS):
            names = {_called(n) for scope in scopes for n in ast.walk(scope) if isinstance(n, ast.Call)}
            new = sorted((names & self._functions.keys()) - called)
            called |= set(new)
            scopes += [self._functions[name] for name in new]
        count = 0
        for scope in scopes:
            for node in ast.walk(scope):
                if isinstance(node, ast.Call) and _called(node) == "print" and count < MAX_PRINTS:
                    count += 1
                    yield node, scope


def _lines(cell: Cell) -> list[str]:
    return [
        line.strip()
        for o in cell.outputs
        if o.kind == "stream" and o.name != "stderr"
        for line in o.text.split("\n")[:MAX_LINES]
    ]


def _parse(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(without_magics(source[:MAX_SOURCE]))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _called(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def _template(call: ast.Call, scope: ast.AST) -> Template | None:
    """The pattern of one print; None where it shows nothing computed, or more than one line."""
    parts: list[str | ast.expr] = []
    for i, argument in enumerate(call.args):
        if isinstance(argument, ast.Starred):
            return None
        parts += ([" "] if i else []) + _parts(argument)
    holes = tuple(part for part in parts if not isinstance(part, str))
    words = "".join(part for part in parts if isinstance(part, str))
    if "\n" in words.strip() or not holes or (len(holes) == 1 and not words.strip()):
        return None  # one number by itself is the affair of `bare`
    pattern = "".join(re.escape(part) if isinstance(part, str) else r"(\S.*?)" for part in parts)
    pattern = (
        re.sub(r"(?:\\[ \t\n]|[ \t\n])+", r"\\s+", pattern.strip()).removeprefix(r"\s+").removesuffix(r"\s+")
    )
    try:
        return Template(re.compile(pattern), holes, scope)
    except re.error:
        return None


def _parts(argument: ast.expr) -> list[str | ast.expr]:
    match argument:
        case ast.Constant(value=value):
            return [str(value)]
        case ast.JoinedStr(values=values):
            return [str(v.value) if isinstance(v, ast.Constant) else v.value for v in values]
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=right):
            given = list(right.elts) if isinstance(right, ast.Tuple) else [right]
            return _filled(_PERCENT.split(text), [m for m in _PERCENT.findall(text)], given)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format"), args=given):
            try:
                fields = list(string.Formatter().parse(text))
            except ValueError:
                return [argument]
            if any(name not in ("", None) for _, name, _, _ in fields):
                return [argument]
            marks = ["{}" for _, name, _, _ in fields if name is not None]
            return _filled([before for before, *_ in fields] + [""], marks, list(given))
    return [argument]


def _filled(words: list[str], marks: list[str], given: list[ast.expr]) -> list[str | ast.expr]:
    parts: list[str | ast.expr] = []
    for i, word in enumerate(words):
        parts.append(word)
        if i < len(marks):
            if marks[i] == "%%":
                parts.append("%")
            elif given:
                parts.append(given.pop(0))
    return parts


def _fit(line: str, templates: list[Template]) -> Iterator[Shown]:
    """The accuracies of a line, if all prints that could have written it agree on which they are."""
    readings: set[tuple[tuple[str, str], ...]] = set()
    for template in templates:
        match = template.pattern.fullmatch(line)
        if match is None:
            continue
        named = [
            (text.strip(), split_of(hole))
            for text, hole in zip(match.groups(), template.holes, strict=True)
            if _is_accuracy(hole, template.scope)
        ]
        if all(_NUMBER.fullmatch(text) for text, _ in named):
            readings.add(tuple(named))
    if len(readings) != 1:
        return
    for text, about in readings.pop():
        written = _NUMBER.fullmatch(text).group(1)  # type: ignore[union-attr]
        value = share(written)
        if value is not None:
            digits = len(written.partition(".")[2]) + (2 if float(written) > 1 else 0)
            yield Shown(value, digits, written, about, line)


def _is_accuracy(expression: ast.expr, scope: ast.AST, depth: int = 3) -> bool:
    """Is an expression an accuracy: by name, or because it was computed as one?"""
    if names_accuracy(expression):
        return True
    match expression:
        case ast.Call(func=ast.Name(id="round" | "float"), args=[inner, *_]):
            return _is_accuracy(inner, scope, depth)
        case ast.BinOp(op=ast.Mult(), left=a, right=b) if isinstance(a, ast.Constant) or isinstance(
            b, ast.Constant
        ):
            return _is_accuracy(b if isinstance(a, ast.Constant) else a, scope, depth)
        case ast.BinOp(op=ast.Div(), left=hits):
            return _counts_hits(hits, scope)
        case ast.Name(id=name) if depth:
            values = list(_assigned(name, scope))
            return bool(values) and all(_is_accuracy(value, scope, depth - 1) for value in values)
    return False


def _is_duration(expression: ast.expr, scope: ast.AST, depth: int = 2) -> bool:
    """`time.time() - start`, or a name that it was given."""
    match expression:
        case ast.Call(func=ast.Name(id="round" | "float" | "int"), args=[inner, *_]):
            return _is_duration(inner, scope, depth)
        case ast.BinOp(op=ast.Sub(), left=left):
            return any(isinstance(n, ast.Call) and _called(n) in CLOCKS for n in ast.walk(left))
        case ast.Name(id=name) if depth:
            return any(_is_duration(value, scope, depth - 1) for value in _assigned(name, scope))
    return False


def _counts_hits(expression: ast.expr, scope: ast.AST) -> bool:
    """`(pred == y).sum()`, or a name to which that is added."""
    names = {n.id for n in ast.walk(expression) if isinstance(n, ast.Name)}
    added = [
        n.value
        for n in ast.walk(scope)
        if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name) and n.target.id in names
    ]
    return any(_equals(value) for value in (expression, *added))


def _equals(expression: ast.expr) -> bool:
    return any(
        isinstance(n, ast.Compare) and any(isinstance(op, ast.Eq) for op in n.ops)
        for n in ast.walk(expression)
    )


def _assigned(name: str, scope: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == name for t in node.targets
        ):
            yield node.value
