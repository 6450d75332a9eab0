"""Code cells made readable for Python tools: magics and shell lines blanked, line numbers kept.

What this is not: an interpreter of magics; `grader.source` says what they do.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

from grader.records import Submission

MAX_CELL_CHARACTERS = 200_000
"""A longer cell holds data, not code; tools choke on it."""

_MAGIC = re.compile(r"^(\s*)(?:[!%?].*|[\w.]+\s*\?{1,2}\s*)$")
_CAPTURED = re.compile(r"^(\s*[\w, ]+=\s*)[!%].*$")
_FOREIGN = re.compile(r"%%(?!time\b|timeit\b|capture\b|prun\b)\w+")


@dataclass(frozen=True)
class CodeCell:
    """A code cell that parses."""

    index: int
    """0-based over all cells of the notebook."""
    code: str
    """Python with as many lines as the cell's source."""
    tree: ast.Module

    def line(self, number: int) -> str:
        """Line `number` (1-based) without its indentation, at most 200 characters."""
        lines = self.code.splitlines()
        return lines[number - 1].strip()[:200] if 0 < number <= len(lines) else ""


def code_cells(submission: Submission) -> tuple[CodeCell, ...]:
    """The code cells of `submission` that are Python once magics are blanked; empty ones left out."""
    found = []
    for cell in submission.cells:
        if cell.kind != "code" or not cell.source.strip() or len(cell.source) > MAX_CELL_CHARACTERS:
            continue
        if _FOREIGN.match(cell.source.lstrip()):  # %%bash, %%writefile, …: not Python
            continue
        for code in (cell.source, _without_magics(cell.source)):
            tree = _parse(code)
            if tree is not None:
                found.append(CodeCell(index=cell.index, code=code, tree=tree))
                break
    return tuple(found)


def _without_magics(source: str) -> str:
    """`source` with each magic or shell line replaced by `pass` (or `= None`), continuation lines too."""
    kept, continued = [], False
    for line in source.splitlines():
        if continued:
            continued = line.endswith("\\")
            kept.append("")
            continue
        if magic := _MAGIC.match(line):
            kept.append(f"{magic[1]}pass")
        elif captured := _CAPTURED.match(line):
            kept.append(f"{captured[1]}None")
        else:
            kept.append(line)
            continue
        continued = line.endswith("\\")
    return "\n".join(kept)


def _parse(code: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "invalid escape sequence" in the student's regular expressions
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
