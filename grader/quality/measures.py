"""Measures of code cells: comments, functions, complexity (radon), near-duplicate cells (rapidfuzz)."""

from __future__ import annotations

import ast
import io
import re
import textwrap
import tokenize
import warnings
from collections.abc import Mapping, Sequence, Set

from grader.facts import Kind
from grader.quality.cells import CodeCell
from grader.records import Observation, Witness

COMPLEX_FROM = 6
"""McCabe value from which a function is reported: radon's rank B begins at 6, C at 11."""
DUPLICATE_LINES = 5
"""Fewer equal lines than this are a habit (imports, prints), not a copy."""
DUPLICATE_SHARE = 0.7
"""Equal lines ÷ lines of the longer cell."""
MAX_DUPLICATES = 40
_LAYOUT = frozenset(
    (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER)
)
MAX_DEAD = 200
"""Lines of commented-out code named for a cell."""
MAX_BLOCK = 60
"""Lines of comments read as one piece of code."""
_BEGINS = re.compile(r"\s*(?:@|(?:import|from|def|class|for|with|if|while|try)\b|.*[=(])")
_RULER = re.compile(r"^#[\s\W_]*$")


def comments(cells: Sequence[CodeCell], dead: Mapping[int, Set[int]]) -> tuple[Observation, ...]:
    """COMMENTS of each cell. `dead`: lines (1-based) found to be commented-out code; they explain nothing."""
    return tuple(_comments(cell, dead.get(cell.index, frozenset())) for cell in cells)


def _comments(cell: CodeCell, flagged: Set[int]) -> Observation:
    tokens = _tokens(cell.code)
    dead = _disabled(tokens) | flagged
    said, code_lines, first = 0, set(), ""
    for token in tokens:
        if token.type == tokenize.COMMENT:
            # "# ======" is a line, not a word
            if not _RULER.match(token.string) and token.start[0] not in dead:
                said += 1
                first = first or token.line.strip()[:200]
        elif token.type not in _LAYOUT and token.string:
            code_lines.update(range(token.start[0], token.end[0] + 1))
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    docstrings = sum(isinstance(n, named) and bool(ast.get_docstring(n)) for n in ast.walk(cell.tree))
    value = {
        "comment_lines": said,
        "docstrings": docstrings,
        "code_lines": len(code_lines),
        "commented_out": len(dead),
    }
    if dead:
        value["dead_lines"] = sorted(dead)[:MAX_DEAD]
    if cell.tree.body and all(isinstance(node, ast.Import | ast.ImportFrom) for node in cell.tree.body):
        value["imports_only"] = True
    return Observation(witness=Witness.SOURCE, kind=Kind.COMMENTS, cell=cell.index, value=value, quote=first)


def _disabled(tokens: Sequence[tokenize.TokenInfo]) -> set[int]:
    """Lines of blocks of comments that are code: they parse, and call or define something.

    A call over several lines is one statement; line by line most of it looks like words and commas.
    """
    rows = {
        t.start[0]: re.sub(r"^#+ ?", "", t.string)
        for t in tokens
        if t.type == tokenize.COMMENT and t.line.lstrip().startswith("#")
    }
    found: set[int] = set()
    for start in sorted(rows):
        if start in found or not _BEGINS.match(rows[start]):
            continue
        end = start
        while end + 1 in rows and end - start < MAX_BLOCK:
            end += 1
        for last in range(end, start, -1):
            if _is_code("\n".join(rows[n] for n in range(start, last + 1))):
                found |= set(range(start, last + 1))
                break
    return found


def _is_code(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(textwrap.dedent(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    told = [node.value for node in tree.body if isinstance(node, ast.Expr)]
    if any(not isinstance(value, ast.Call) for value in told):
        return False  # a word by itself, or some with commas, is a Python expression too
    acts = (ast.Call, ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.For, ast.With)
    return any(isinstance(node, acts) for node in ast.walk(tree))


_LAYOUT = {
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def _tokens(code: str) -> list[tokenize.TokenInfo]:
    """Tokens of `code` as far as they can be read."""
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code + "\n").readline):
            found.append(token)
    except (tokenize.TokenError, SyntaxError):
        pass
    return found


def functions(cells: Sequence[CodeCell]) -> Observation:
    """FUNCTIONS of the whole notebook, with their names in order of definition."""
    names, classes, where = [], [], []
    for cell in cells:
        for node in cell.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names.append(node.name)
                where.append(cell.index)
            elif isinstance(node, ast.ClassDef):
                classes.append(node.name)
                where.append(cell.index)
    value = {
        "count": len(names),
        "classes": len(classes),
        "names": names[:30],
        "class_names": classes[:30],
        "cells": sorted(set(where)),
    }
    return Observation(witness=Witness.SOURCE, kind=Kind.FUNCTIONS, value=value)


def complexity(cells: Sequence[CodeCell]) -> tuple[Observation, ...]:
    """COMPLEXITY of each function or method from `COMPLEX_FROM` up."""
    from radon.complexity import cc_rank
    from radon.visitors import ComplexityVisitor

    found = []
    for cell in cells:
        try:
            visitor = ComplexityVisitor.from_ast(cell.tree)
        except (RecursionError, AttributeError):  # a syntax newer than radon
            continue
        blocks = [*visitor.functions, *(m for c in visitor.classes for m in c.methods)]
        for block in blocks:
            if block.complexity >= COMPLEX_FROM:
                name = f"{block.classname}.{block.name}" if block.classname else block.name
                value = {"function": name, "rank": cc_rank(block.complexity), "value": block.complexity}
                found.append(
                    Observation(
                        witness=Witness.SOURCE,
                        kind=Kind.COMPLEXITY,
                        cell=cell.index,
                        value=value,
                        quote=cell.line(block.lineno),
                    )
                )
    return tuple(found)


def duplicates(cells: Sequence[CodeCell]) -> tuple[Observation, ...]:
    """DUPLICATE_CODE for each pair of cells most of whose lines are equal, in order of cells.

    Lines are compared without comments and spacing, as rapidfuzz's longest common subsequence of
    lines, so two argument lists that differ in one number count as a copy with one line changed.
    """
    from rapidfuzz.distance import LCSseq

    lines = [(cell, *normalised(cell)) for cell in cells]
    lines = [entry for entry in lines if len(entry[1]) >= DUPLICATE_LINES]
    found = []
    for i, (a, rows_a, _) in enumerate(lines):
        for b, rows_b, raws_b in lines[i + 1 :]:
            longest = max(len(rows_a), len(rows_b))
            if min(len(rows_a), len(rows_b)) < DUPLICATE_SHARE * longest:
                continue
            same = LCSseq.similarity(rows_a, rows_b, score_cutoff=int(DUPLICATE_SHARE * longest))
            if same < max(DUPLICATE_LINES, DUPLICATE_SHARE * longest):
                continue
            changed = [raw for row, raw in zip(rows_b, raws_b, strict=True) if row not in rows_a]
            value = {
                "cells": [a.index, b.index],
                "lines": same,
                "changed": longest - same,
                "examples": changed[:3],
            }
            found.append(
                Observation(
                    witness=Witness.SOURCE,
                    kind=Kind.DUPLICATE_CODE,
                    cell=b.index,
                    value=value,
                    quote=raws_b[0],
                )
            )
            if len(found) == MAX_DUPLICATES:
                return tuple(found)
    return tuple(found)


def normalised(cell: CodeCell) -> tuple[list[str], list[str]]:
    """The cell's lines of code, and the same lines as written (for people).

    One blank between tokens, no comments, no imports, no lines of brackets only.
    """
    rows: dict[int, list[str]] = {}
    for token in _tokens(cell.code):
        if token.type != tokenize.COMMENT and token.type not in _LAYOUT and token.string:
            rows.setdefault(token.start[0], []).append(token.string)
    normal, raw = [], []
    for number, parts in sorted(rows.items()):
        row = " ".join(parts).rstrip(" ,")[:500]
        if re.search(r"\w", row) and not row.startswith(("import ", "from ")) and row != "pass":
            normal.append(row)
            raw.append(cell.line(number))
    return normal, raw
