"""The student's words, sentence by sentence, each with the heading it stands under.

What this is: markdown cells, comments, notes in strings and printed conclusions cut into `Unit`s.
What this is not: any understanding of them (`analysis`, `notes`). Pure; never raises.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

from grader.prose.code import parse
from grader.prose.lexicon import (
    ACCURACY,
    BUCKETING,
    COMPARES,
    FEWER_ROWS,
    OBSERVED,
    OTHER_CHANGE,
    OTHER_TOPIC,
    SPEED,
    TIMES_FASTER,
)
from grader.records import Cell

MAX_TEXT = 60_000
"""Characters of one cell that are read."""

_FENCE = re.compile(r"^\s*(?:```|~~~)")
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s*(.+?)\s*#*\s*$|^\s{0,3}\*\*\s*([^*]+?)\s*\*\*\s*:?\s*$")
_BULLET = re.compile(r"^\s*(?:[-*+•▶►✔✅]|\d{1,2}[.)]|>|\\-|→)\s+|^\s*\[[ xXoO]?\]\s*")
_TABLE_ROW = re.compile(r"^\s*\|.*\|\s*$|^\s*\|?(?:\s*:?-{2,}:?\s*\|)+")
_IMAGE = re.compile(r"!\[[^\[\]]{0,300}\]\([^()]{0,500}\)|<img[^<>]{0,1000}>")
_MARKUP = re.compile(
    r"<[^<>]{1,200}>|[*`~]{1,3}|(?<!\w)_{1,2}(?=\w)|(?<=\w)_{1,2}(?!\w)|\[([^\[\]]{0,300})\]\([^()]{0,500}\)|https?://\S+"
)
_SENTENCE = re.compile(r"(?<=[가-힣A-Za-z)\]%][.!?])\s+|(?<=다\.)(?=[가-힣])|(?<=음\.)\s*|\\$")


class Unit(NamedTuple):
    """One sentence or list item."""

    cell: int
    text: str
    heading: str
    """The nearest heading above, in this cell or an earlier one ('' if none)."""
    bucketing: bool
    """It speaks of bucketing: itself, its paragraph, or the heading above within the cell."""
    kind: str
    """'markdown', 'heading', 'comment' or 'print'."""
    open: bool = False
    """Names no topic, neither bucketing nor another experiment: where it stands may tell (`REMARK`)."""


def read(cell: Cell, heading: str, going_on: bool) -> tuple[list[Unit], str]:
    """Units of one cell, and the heading that stands over the next one.

    `going_on`: the cell above is markdown too and spoke of bucketing to its end.
    """
    if cell.kind == "markdown":
        return _markdown(cell.index, cell.source[:MAX_TEXT], heading, going_on)
    if cell.kind == "code":
        return list(_code(cell.index, cell.source[:MAX_TEXT], heading)), heading
    return [], heading


def _markdown(index: int, text: str, above: str, going_on: bool) -> tuple[list[Unit], str]:
    units: list[Unit] = []
    local, fenced, paragraph = "", False, False
    under = going_on
    """Under a heading of this cell that names bucketing."""
    topic_of_cell = bool(BUCKETING.search(text))
    for line in text.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
            continue
        if fenced or _TABLE_ROW.match(line):
            continue
        line = _IMAGE.sub(" ", line[:6_000])
        if not line.strip(" -=*_>"):
            paragraph = False
            continue
        match = _HEADING.match(line)
        if match:
            words = _clean(match.group(2) or match.group(3))
            local, above, paragraph = words, words, False
            topic = BUCKETING.search(words) or (COMPARES.search(words) and not OTHER_TOPIC.search(words))
            under = bool(topic) or (len(match.group(1) or "") > 2 and under and not OTHER_TOPIC.search(words))
            if len(words) > 12:
                units.append(Unit(index, words, above, bool(BUCKETING.search(words)), "heading"))
            continue
        for sentence in _SENTENCE.split(_BULLET.sub("", line)):
            words = _clean(sentence or "")
            if len(words) < 4:
                continue
            other = bool(OTHER_TOPIC.search(words))
            named = bool(BUCKETING.search(words)) or (not other and _compares(words, topic_of_cell))
            paragraph = paragraph or named
            about = named or ((paragraph or under) and not other)
            if _titles(line, words) and not named and OTHER_TOPIC.search(words):
                under = paragraph = False
            if _titles(line, words) and named:
                under = True
            unnamed = not (about or other or FEWER_ROWS.search(words) or OTHER_CHANGE.search(words))
            units.append(Unit(index, words, local or above, about, "markdown", unnamed))
    return units, above


def _compares(words: str, topic_of_cell: bool) -> bool:
    """Does a sentence that doesn't name bucketing hold two runs against each other?

    In a cell that names it elsewhere, saying how both speed and accuracy came out is enough.
    """
    if FEWER_ROWS.search(words):
        return False
    both = SPEED.search(words) and ACCURACY.search(words) and OBSERVED.search(words)
    counted = TIMES_FASTER.search(words)
    return bool(COMPARES.search(words)) or bool(topic_of_cell and (both or counted))


def _titles(line: str, words: str) -> bool:
    """A short line over a list: '2. Dynamic Padding, Bucketing 사용 전후 학습시간', 'Bucketing 실험'."""
    return (
        len(words) < 60
        and not line.startswith((" ", "\t", "-", "*"))
        and not re.search(r"[.!?다음함]\s*$", words)
    )


def _code(index: int, source: str, heading: str) -> Iterator[Unit]:
    """Comment blocks, strings that stand alone, and printed sentences."""
    block: list[str] = []
    for text, kind in _pieces(source):
        if kind == "comment" and re.search(r"[가-힣]{2}|\w+ \w+ \w+ \w+", text):
            block.append(text)
            continue
        if kind == "text" and re.search(r"[가-힣]{2}", text):
            for line in text.split("\n"):
                words = _clean(_BULLET.sub("", line))
                if len(words) >= 12:
                    yield Unit(index, words, heading, bool(BUCKETING.search(text)), "print")
    named = any(BUCKETING.search(text) for text in block)
    for text in block:
        words = _clean(_BULLET.sub("", text))
        if len(words) >= 6:
            yield Unit(
                index, words, heading, bool(BUCKETING.search(text)) or (named and len(block) <= 12), "comment"
            )


def _pieces(source: str) -> Iterator[tuple[str, str]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield token.string.lstrip("# ").rstrip(), "comment"
    except (tokenize.TokenError, SyntaxError, IndentationError, ValueError):
        for line in source.split("\n"):
            if line.lstrip().startswith("#"):
                yield line.lstrip("# ").rstrip(), "comment"
    tree = parse(source)
    if tree is None:
        return
    for node in tree.body:
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)  # a note; docstrings explain code, not results
        ):
            yield node.value.value, "text"
    for node in tree.body:  # not inside an `if`: which branch was printed is not known here
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print":
            for argument in call.args[:3]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value, "text"


def _clean(text: str) -> str:
    text = _MARKUP.sub(lambda match: match.group(1) or "", text)
    return " ".join(text.split())[:1_000]
