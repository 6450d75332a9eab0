"""How the questions say cells, numbers and names, in Korean and English; and how they ask for facts.

Student text that is quoted inside a sentence goes through `say.code`, so that it can't break out of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from grader.checks import say
from grader.facts import Kind
from grader.records import Citation, Evidence, Observation, Submission, Text, Witness

QUOTE_LINES = 8
"""Longest quotation in a review."""


def cells(numbers: Iterable[int | None]) -> Text:
    """As `say.cells`; 'the notebook' where no number is known."""
    known = [n for n in numbers if n is not None]
    return say.cells(known) if known else Text(ko="노트북", en="the notebook")


def lines(*texts: Text) -> Text:
    """One text per line."""
    return Text(ko="\n".join(t.ko for t in texts), en="\n".join(t.en for t in texts))


def sentences(*texts: Text | None) -> Text:
    """One paragraph; None is left out."""
    return say.join_texts(t for t in texts if t is not None)


def observed(evidence: Evidence, *kinds: Kind) -> tuple[Observation, ...]:
    """All witnesses' observations of these kinds, source first, each in the order it was made."""
    testimonies = [evidence.source, evidence.recorded]
    if evidence.observed is not None:
        testimonies.append(evidence.observed.testimony)
    return tuple(o for t in testimonies for o in t.observations if o.kind in kinds)


def excerpt(submission: Submission, cell: int | None, line: int = 1, count: int = QUOTE_LINES) -> str:
    """Up to `count` lines of `cell` from `line` (1-based) on, trailing blank lines off."""
    there = submission.cell(cell)
    if there is None:
        return ""
    rows = there.source.splitlines()
    start = max(0, min(line, len(rows)) - 1)
    return "\n".join(row[:160] for row in rows[start : start + count]).rstrip()


def definition(submission: Submission, o: Observation) -> int | None:
    """The cell that defines the tokenising function of a TOKENIZE observation; its own cell if none does."""
    name = str(o.value.get("function") or "")
    if o.cell is None or not name.isidentifier():
        return o.cell
    wanted = re.compile(rf"^\s*def\s+{name}\s*\(", re.M)
    code_ = [c for c in submission.cells if c.index <= o.cell and c.kind == "code"]
    above = [c.index for c in code_ if wanted.search(c.source)]
    return above[-1] if above else o.cell


MODEL_LIMIT = 512


def writes_length(evidence: Evidence, cell: int | None, length: int) -> bool:
    """Does the code of `cell` set `max_length=` to `length`, or is that the model's own limit?"""
    code_ = [c.source for c in evidence.submission.cells if c.kind == "code"]
    if length == MODEL_LIMIT and not any(str(MODEL_LIMIT) in source for source in code_):
        return False
    there = evidence.submission.cell(cell)
    return there is not None and "max_length=" in re.sub(r"\s", "", there.source)


def cite(evidence: Evidence, cell: int | None, line: int = 1, count: int = QUOTE_LINES) -> Citation | None:
    """A citation of the source of `cell`; None for a cell that isn't there."""
    if cell is None or evidence.submission.cell(cell) is None:
        return None
    quote = excerpt(evidence.submission, cell, line, count)
    return Citation(cell=cell, quote=quote, witness=Witness.SOURCE)


def citations(*found: Citation | None) -> tuple[Citation, ...]:
    """Without None, each cell once."""
    kept: dict[int, Citation] = {}
    for citation in found:
        if citation is not None:
            kept.setdefault(citation.cell, citation)
    return tuple(kept.values())
