"""Accuracies shown as a bare number: `trainer.evaluate()["eval_accuracy"]`, `print(accuracy_score(y, p))`.

The number alone says nothing, so the expression that shows it must name an accuracy. Only the shape of
the expression is read here; where the data comes from is the source witness's affair. Called by `read`.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import NamedTuple

from grader.recorded.dicts import ACCURACY_KEY
from grader.recorded.numbers import share
from grader.recorded.typed import MAX_SOURCE, without_magics
from grader.records import Cell

_BARE = re.compile(r"(?:np\.float\d*\(|tensor\()?(0?\.\d{2,20}|1\.0|\d{2}\.\d{1,18}\s?%?)\)?")
_NAMES = re.compile(r"(?:^|_)(?:acc|accuracy)(?:_score)?(?:_|$)|^(?:acc|accuracy)\d?$|정확도", re.IGNORECASE)
_NOT = re.compile(r"train|balanced|loss|time|history|list|학습|훈련", re.IGNORECASE)


class Shown(NamedTuple):
    value: float
    digits: int
    """Decimals as printed."""
    written: str
    about: str
    """'validation', 'test' or ''."""
    line: str


def read_cell(cell: Cell) -> list[Shown]:
    """Bare numbers of the cell's outputs that its code calls an accuracy."""
    if not any(_BARE.search(o.text) for o in cell.outputs if o.kind in ("stream", "result")):
        return []
    prints, last = _expressions(cell.source)
    found: list[Shown] = []
    lines = [
        line.strip()
        for o in cell.outputs
        if o.kind == "stream" and o.name != "stderr"
        for line in o.text.split("\n")[:2_000]
        if _BARE.fullmatch(line.strip())
    ]
    if prints and len(prints) == len(lines):
        named = zip(prints, lines, strict=True)
    else:  # a print inside a loop: all or none of them are accuracies
        named = ((prints[0], line) for line in lines) if prints and all(map(names_accuracy, prints)) else ()
    for expression, line in named:
        found += _shown(expression, line)
    for o in cell.outputs:
        if o.kind == "result" and last is not None and _BARE.fullmatch(o.text.strip()):
            found += _shown(last, o.text.strip())
    return found


def _shown(expression: ast.expr, line: str) -> list[Shown]:
    about = names_accuracy(expression)
    match = _BARE.fullmatch(line)
    if not about or match is None:
        return []
    written = match.group(1).rstrip(" %")
    value = share(match.group(1))
    if value is None:
        return []
    digits = len(written.partition(".")[2]) + (2 if float(written) > 1 else 0)
    return [Shown(value, digits, written, split_of(expression), line)]


def split_of(expression: ast.expr) -> str:
    """'test_acc' and 'val_accuracy' say so; 'eval_accuracy' is Trainer's name for any rows."""
    match expression:
        case ast.Name(id=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            word = re.match(r"val|dev|test", name, re.IGNORECASE)
            return "" if word is None else "test" if word.group().lower() == "test" else "validation"
    return ""


def names_accuracy(expression: ast.expr) -> bool:
    """Does what is shown name an accuracy? `round(…, 4)`, `float(…)` and `* 100` are looked into."""
    match expression:
        case ast.Call(func=ast.Name(id="round" | "float"), args=[inner, *_]):
            return names_accuracy(inner)
        case ast.BinOp(left=left, op=ast.Mult(), right=ast.Constant(value=100)):
            return names_accuracy(left)
        case ast.Call(func=ast.Attribute(value=inner, attr="item"), args=[]):
            return names_accuracy(inner)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in ("accuracy_score", "accuracy")
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return bool(ACCURACY_KEY.search(key)) and not _NOT.search(key)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return bool(_NAMES.search(name)) and not _NOT.search(name)
    return False


def _expressions(source: str) -> tuple[list[ast.expr], ast.expr | None]:
    """What each one-argument print shows (no text beside it), and the value of the last line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(without_magics(source[:MAX_SOURCE]))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [], None
    prints = [
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
        and len(node.args) == 1
        and not isinstance(node.args[0], ast.Constant | ast.JoinedStr)
    ]
    prints.sort(key=lambda node: (node.lineno, node.col_offset))
    final = tree.body[-1] if tree.body else None
    return prints, final.value if isinstance(final, ast.Expr) else None
