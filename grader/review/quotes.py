"""A few lines of the notebook as evidence: at most eight, the statement a citation points at."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

from grader.records import Cell, Citation, Submission, Witness
from grader.review.markdown import fenced
from grader.wording import cells

MAX_LINES = 8
MAX_WIDTH = 160
HEAD = 3
"""Rows shown before what is left out of a long statement."""
FAR = 60
"""A statement is followed this far."""
_TELLING = re.compile(r"group_by_length|sampling_strategy|collat|padding|bucket|sort", re.I)
"""Rows of a long statement that this exercise is about."""


def best(
    submission: Submission, citations: Iterable[Citation], lang: str, *, numbers_first: bool = False
) -> str:
    """The citation that shows most, with its cell above it; '' if there is none.

    Code is preferred to output, and a longer statement to a line that says little by itself;
    with `numbers_first` the first citation of a stored output is preferred to code.
    """
    shown = [(c, *_lines(submission, c)) for c in citations]
    shown = [entry for entry in shown if entry[1]]
    if not shown:
        return ""
    wanted = "text" if numbers_first else "python"
    citation, rows, language = max(
        shown, key=lambda entry: (entry[2] == wanted, 0 if numbers_first else min(len(entry[1]), 4))
    )
    where = cells([citation.cell], lang)
    return f"{where[0].upper()}{where[1:]}:\n\n{fenced(chr(10).join(rows), language)}"


def _lines(submission: Submission, citation: Citation) -> tuple[list[str], str]:
    """The lines to show and their language; a short quote of code is widened to its statement."""
    quoted = [row[:MAX_WIDTH] for row in citation.quote.strip("\n").splitlines() if row.strip()][:MAX_LINES]
    if not quoted:
        return [], ""
    cell = submission.cell(citation.cell)
    if citation.witness is not Witness.SOURCE or cell is None or cell.kind != "code":
        return quoted, "text"
    start = _find(cell, quoted)
    if start is None:
        return quoted, "python"
    every = cell.source.splitlines()
    if len(quoted) > 3:  # long enough as it is; taken from the cell again for its indentation
        own = every[start : start + len(quoted)]
        return [row[:MAX_WIDTH] for row in textwrap.dedent("\n".join(own)).splitlines()], "python"
    start = _opener(every, start)
    kept = _statement(every[start:], max(len(quoted), 1))
    return [row[:MAX_WIDTH] for row in textwrap.dedent("\n".join(kept)).splitlines()], "python"


def _find(cell: Cell, quoted: list[str]) -> int | None:
    """0-based line of `cell` where `quoted` stands; where only its first line does, that one."""
    rows = cell.source.splitlines()
    wanted = [row.strip() for row in quoted]
    starts = [i for i, row in enumerate(rows) if wanted[0] in row]
    for i in starts:
        here = [row.strip() for row in rows[i : i + 2 * len(wanted)] if row.strip()]
        if here[1 : len(wanted)] == wanted[1:]:
            return i
    return starts[0] if starts else None


def _opener(rows: list[str], start: int) -> int:
    """The line that opens the call an argument stands in, if it is near enough to show both."""
    own = len(rows[start]) - len(rows[start].lstrip())
    if own:
        for above in range(start - 1, max(-1, start - MAX_LINES + 2), -1):
            row = rows[above]
            if row.strip() and len(row) - len(row.lstrip()) < own:
                return above if row.rstrip().endswith(("(", "[", "{")) else start
    return start


def _statement(rows: list[str], least: int) -> list[str]:
    """From the first row to where its brackets close or its indented body ends.

    What is longer than `MAX_LINES` keeps its first rows and those that this exercise is about.
    """
    depth, kept = 0, []
    indent = len(rows[0]) - len(rows[0].lstrip()) if rows else 0
    body = rows[0].rstrip().endswith(":") if rows else False
    for row in rows[:FAR]:
        own = len(row) - len(row.lstrip())
        if kept and depth <= 0 and len(kept) >= least and not (body and (own > indent or not row.strip())):
            break
        kept.append(row)
        bare = row.partition("#")[0]
        depth += sum(bare.count(c) for c in "([{") - sum(bare.count(c) for c in ")]}")
    while kept and not kept[-1].strip():
        kept.pop()
    return kept if len(kept) <= MAX_LINES else _elided(kept)


def _elided(rows: list[str]) -> list[str]:
    """The first rows, then up to two that matter most, with '# …' for what is left out."""
    telling = [i for i, row in enumerate(rows) if i >= HEAD and _TELLING.search(row.partition("#")[0])][:2]
    shown, last = rows[:HEAD], HEAD - 1
    for i in telling:
        if i > last + 1:
            shown.append(_gap(rows[i]))
        shown.append(rows[i])
        last = i
    if not telling:
        shown = rows[: MAX_LINES - 1]
        last = MAX_LINES - 2
    closing = rows[-1].strip(" )]},") == ""
    if last < len(rows) - 1 - closing:
        shown.append(_gap(rows[last + 1]))
    return [*shown, rows[-1]] if closing else shown


def _gap(row: str) -> str:
    return row[: len(row) - len(row.lstrip())] + "# …"
