"""The marks people make, and what each can mean. Words and patterns only; decides nothing by context."""

from __future__ import annotations

import re

from grader.peers.reviews import Says

CIRCLES = frozenset("oOㅇ○◯●⭕")
CROSSES = frozenset("xX")
"""A tick in a check box, a 'no' beside circles: only the whole page can tell."""
_SAYS = {
    Says.YES: ["v", "V", "*", "✓", "✔", "✔️", "✅", "☑", "☑️", "■", "네", "예", "yes", "y", "통과", "pass"],
    Says.NO: ["✕", "×", "❌", "아니요", "아니오", "아뇨", "no", "n", "미통과", "fail"],
    Says.PARTIAL: ["△", "▲", "일부", "일부만", "부분", "부분통과", "partial", "inpart"],
    Says.NOT_APPLICABLE: ["해당없음", "해당사항없음", "n/a", "na"],
}
WORDS = {word.lower(): says for says, words in _SAYS.items() for word in words}
EMPTY_SIGNS = frozenset("☐⬜□◻")

_LEAD = r"^[\s>]*(?:[-*+]\s+|\d+[.)]\s*)?(?:\*\*|__)?\s*"
_BOX = re.compile(_LEAD + r"(?:\\?\[(?P<box>[^\[\]\n]{0,12}?)\\?\](?!\()|(?P<sign>[☑✅✔❌☐⬜□◻■]️?)(?=\s))")
_CHOICE = re.compile(r"\[([^\[\]\n]{0,6}?)\]\s*(예|네|일부|아니요|아니오|yes|in part|no)\b", re.I)
_TAIL = re.compile(
    r"(?:\(\s*(?P<round>[oOxXㅇ○×])\s*\)"
    r"|(?:→|=>|->|:)\s*\**\s*(?P<word>네|예|아니요|아니오|통과|미통과|부분 통과))\**[.\s]*$"
)
_OPENING = re.compile(
    r"^\s*(?:(?P<yes>네|넵|yes)(?=[\s,.!]|$)|(?P<yes2>예)(?=[,.!]|$)"
    r"|(?P<no>아니요|아니오|아뇨|no)(?=[\s,.!]|$))",
    re.I,
)


def leading(line: str) -> tuple[str, str] | None:
    """(mark, rest) of a line that begins with a box; None if it has none. The mark is '' for empty."""
    found = _BOX.match(line)
    if found is None:
        return None
    mark = found["sign"] if found["box"] is None else found["box"]
    return ("" if mark in EMPTY_SIGNS else mark.strip().replace("\xa0", "")), line[found.end() :]


def choice(line: str) -> tuple[str, str] | None:
    """(mark, the line before) of `[ ] 예 [x] 일부 [ ] 아니요`: the word marked, '' for none, '?' for two."""
    found = list(_CHOICE.finditer(line))
    if len(found) < 2:
        return None
    marked = [match[2] for match in found if match[1].strip()]
    mark = marked[0] if len(marked) == 1 else "?" if marked else ""
    return mark.replace(" ", ""), line[: found[0].start()]


def trailing(line: str) -> tuple[str, str] | None:
    """(mark, the line before) of a line that ends in (o), (x), '→ 통과' or ': 네'."""
    found = _TAIL.search(line)
    if found is None:
        return None
    inside = found["round"]
    if inside is None:
        return found["word"], line[: found.start()]
    return ("네" if inside in CIRCLES else "아니요"), line[: found.start()]


def opening(sentence: str) -> Says | None:
    """YES or NO of a sentence that begins with a plain 네 or 아니요."""
    found = _OPENING.match(sentence)
    if found is None:
        return None
    return Says.NO if found["no"] else Says.YES


def meaning(mark: str, *, crosses: Says, circles: Says = Says.YES) -> Says:
    """What `mark` says, where a cross says `crosses`; UNCLEAR for a mark that isn't known."""
    if not mark:
        return Says.OPEN
    if mark in CROSSES:
        return crosses
    if mark in CIRCLES:
        return circles
    return WORDS.get(mark.lower().replace(" ", ""), Says.UNCLEAR)
