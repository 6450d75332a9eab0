"""The lines of every PRT version, taken from `templates/prt/` and from nowhere else.

A line is a question (with the topic its answer goes to in the template), a rubric item, or a hint that
reviewers leave standing. Called by `grader.peers.reading`.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import NamedTuple

from rapidfuzz import fuzz, process

from grader import rubric as rubrics
from grader.review import TEMPLATES
from grader.templating import environment

QUESTION_RATIO = 82.0
"""How alike (0–100, rapidfuzz ratio over letters and digits) a line and a question must be."""
HINT_RATIO = 86.0
MARGIN = 6.0
"""By how much the best topic must beat the next one."""

_WHY = "why"
_TAG = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.S)
_TOPIC = re.compile(r"\b(?:q|more)\.(\w+)")


class Line(NamedTuple):
    """A known line."""

    text: str
    """Letters and digits only, lower case."""
    topic: str
    """'' for a hint."""
    version: str
    """'' where it belongs to none in particular (rubric items)."""
    first: str = ""
    """The first line's letters, of a question that runs over two."""


class Match(NamedTuple):
    """What a line of a review was recognised as."""

    topic: str
    ratio: float
    versions: frozenset[str]
    """All versions with a question as close as the best."""
    two: bool = False
    """It takes the next line too."""


def letters(text: str) -> str:
    """`text` without anything but letters and digits, in lower case."""
    return re.sub(r"[\W_]+", "", text.lower())


@cache
def questions() -> tuple[Line, ...]:
    """All questions of all versions and the rubric's items."""
    found = [line for version in TEMPLATES for line in _read(version) if line.topic]
    found += [Line(letters(item.text.ko), item.id, "") for item in rubrics.load()]
    found += [Line(letters(item.text.en), item.id, "") for item in rubrics.load()]
    return tuple(found)


@cache
def hints() -> tuple[str, ...]:
    """All lines that stand in a PRT from the start, as letters."""
    found = {line.text for version in TEMPLATES for line in _read(version) if not line.topic}
    table = tomllib.loads(rubrics.default_path().read_text("utf-8"))
    found |= {letters(item.get(key, "")) for item in table["item"] for key in ("detail_ko", "detail_en")}
    return tuple(sorted(filter(None, found)))


def question(line: str, following: str = "") -> Match | None:
    """The question that `line` (with `following`, where it runs on) is; None if it is none for sure."""
    whole = letters(line)
    if len(whole) < 3:
        return None
    alone = _best(whole, lambda known: known.text)
    begun = _best(whole, lambda known: known.first) if following else None
    if begun and (not alone or begun.ratio > alone.ratio):
        joined = _best(letters(line + following), lambda known: known.text)
        return joined._replace(two=True) if joined and joined.topic == begun.topic else begun
    return alone


def _best(text: str, part) -> Match | None:
    by_topic: dict[str, float] = {}
    versions: dict[tuple[str, float], set[str]] = {}
    for known in questions():
        target = part(known)
        if not target:
            continue
        ratio = fuzz.ratio(text, target, score_cutoff=QUESTION_RATIO - MARGIN)
        if ratio:
            by_topic[known.topic] = max(by_topic.get(known.topic, 0.0), ratio)
            versions.setdefault((known.topic, ratio), set()).add(known.version)
    ranked = sorted(by_topic.items(), key=lambda entry: -entry[1])
    if not ranked or ranked[0][1] < QUESTION_RATIO:
        return None
    if len(ranked) > 1 and ranked[0][1] - ranked[1][1] < MARGIN:
        return None
    topic, ratio = ranked[0]
    return Match(topic, ratio, frozenset(versions[topic, ratio]))


@cache
def _own_hints() -> dict[str, frozenset[str]]:
    """Hints that not all versions have, with the versions that have them."""
    having: dict[str, set[str]] = {}
    for version in TEMPLATES:
        for line in _read(version):
            if not line.topic and len(line.text) >= 12:
                having.setdefault(line.text, set()).add(version)
    return {text: frozenset(versions) for text, versions in having.items() if len(versions) < 3}


def spoken_by(line: str) -> frozenset[str]:
    """The versions whose own hint `line` is; none where it is no hint or many have it."""
    found = process.extractOne(letters(line), list(_own_hints()), scorer=fuzz.ratio, score_cutoff=HINT_RATIO)
    return _own_hints()[found[0]] if found else frozenset()


def own_words(line: str) -> str:
    """What of `line` isn't a hint of the PRT: all of it, the end of it, or ''."""
    plain = letters(line)
    if not plain:
        return ""
    if len(plain) >= 4 and any(plain in hint for hint in hints()):
        return ""
    if process.extractOne(plain, hints(), scorer=fuzz.ratio, score_cutoff=HINT_RATIO):
        return ""
    for hint in hints():
        if len(hint) >= 12 and plain.startswith(hint):
            return _after(line, len(hint))
    return line


def _after(line: str, count: int) -> str:
    """`line` from behind its first `count` letters and digits."""
    for at, char in enumerate(line):
        count -= len(letters(char))
        if count < 0:
            return line[at:].strip()
    return ""


@cache
def _read(version: str) -> tuple[Line, ...]:
    """The known lines of one template."""
    env = environment(html=False)
    source, _, _ = env.loader.get_source(env, f"prt/{version}.md.j2")
    source = re.sub(r"\{#.*?#\}|\{% macro.*?endmacro %\}", "", source, flags=re.S)
    lines: list[Line] = []
    # What the templates say to a reviewer in the page's language is no reviewer's word either.
    for pair in re.findall(r'\bt\("([^"]+)", "([^"]+)"\)', source):
        lines += [Line(letters(words), "", version) for words in pair]
    rows = iter(source.splitlines())
    whys = 0
    for row in rows:
        first = ""
        if row.count("**") == 1:
            first = letters(_TAG.sub("", row))
            row += "\n" + next(rows, "")
        text = letters(_TAG.sub("", row))
        topic = _TOPIC.search(row)
        if re.match(r"\s*- \[ \] ", row):
            whys += 1
            lines.append(Line(text, f"{_WHY}{whys}", version))
        elif re.match(r"\s*(- \[|\*\*\d)", row):
            text, first = (re.sub(r"^\d", "", part) for part in (text, first))
            lines.append(Line(text, topic[1] if topic else "checklist", version, first))
        elif text and not text.startswith("item") and len(text) >= 4:
            lines.append(Line(text, "", version))
    return tuple(lines)
