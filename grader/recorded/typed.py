"""Which printed numbers were typed into the code rather than computed by it.

`print("Accuracy: 0.95")` leaves an output like any other. A number that stands as a literal in the
code of the same or an earlier cell is no measurement. Comments don't count: students note results
there after the run. Pure; called by `read`.
"""

from __future__ import annotations

import ast
import re
import warnings

from grader.records import Cell

_NUMBER = re.compile(r"(?<![\d.])\d{0,4}\.(?:\d{2,20}|\d(?=\s{0,3}%))")
_MAGIC = re.compile(r"^([ \t]*)[%!?][^\n]*$", re.MULTILINE)
_COMMENT = re.compile(r"#[^\n]*")
MAX_SOURCE = 200_000
THRESHOLDS = {0.9, 0.85, 0.95, 0.8, 0.5, 0.99}
"""Typed as targets ("if accuracy >= 0.90"), not as results."""


class Typed:
    """The literals of the code read so far, cell by cell."""

    def __init__(self) -> None:
        self._values: set[float] = set()
        self._here: set[float] = set()
        self._strings: list[str] = []

    def add(self, cell: Cell) -> None:
        """Take in the literals of one code cell."""
        numbers, strings = _literals(cell.source)
        self._values |= numbers
        self._here = numbers
        self._strings = strings

    def number(self, value: float, digits: int, written: str) -> bool:
        """Whether an accuracy of `value` (0..1), printed with `digits` decimals, is a literal."""
        if any(written in text for text in self._strings) and len(written) >= 4:
            return True
        if round(value, 4) in THRESHOLDS:
            return False
        return round(value, 7) in self._values

    def here(self, value: float) -> bool:
        """Whether `value` is a literal of the same cell: enough to doubt a whole dict of metrics."""
        return round(value, 4) not in THRESHOLDS and round(value, 7) in self._here

    def line(self, text: str) -> bool:
        """Whether a whole printed line stands in a string of the same cell."""
        text = text.strip()
        return len(text) >= 8 and any(text in string for string in self._strings)


def without_magics(source: str) -> str:
    """Python that `ast` can read: shell lines and magics give way to `pass`."""
    return _MAGIC.sub(r"\1pass", source)


def _literals(source: str) -> tuple[set[float], list[str]]:
    source = source[:MAX_SOURCE]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the student's invalid escapes are not ours to report
            nodes = list(ast.walk(ast.parse(without_magics(source))))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        bare = _COMMENT.sub("", source)
        return {share for text in _NUMBER.findall(bare) for share in _shares(float(text))}, []
    documents = {
        id(node.value)
        for node in nodes
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
    numbers: set[float] = set()
    strings: list[str] = []
    for node in nodes:
        if not isinstance(node, ast.Constant) or id(node) in documents:
            continue
        if isinstance(node.value, float):
            numbers |= _shares(node.value)
        elif isinstance(node.value, str) and len(node.value) >= 4:
            strings.append(node.value)
            for text in _NUMBER.findall(node.value[:20_000]):
                numbers |= _shares(float(text))
    return numbers, strings


def _shares(value: float) -> set[float]:
    """`value` as an accuracy: itself, or a hundredth where it reads as a percentage."""
    if 0.3 < value < 1.0:
        return {round(value, 7)}
    return {round(value / 100, 7)} if 30 < value < 100 else set()
