"""One markdown file -> the reviews in it: marks, sentences, and what could not be read, each with its line.

markdown-it-py tells code fences, HTML and tables from text; rapidfuzz recognises altered questions.
Guesses nothing: a mark that could be meant in two ways is UNCLEAR and listed. Called by
`grader.peers.collect`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from markdown_it import MarkdownIt

from grader.peers import formats, marks
from grader.peers.reviews import Answer, PeerReview, Says, Statement, Unread
from grader.peers.settling import settle
from grader.peers.tone import tone
from grader.records import Text
from grader.templating import clean

TITLE = re.compile(r"peer\s*(code\s*)?review\s*temp|code\s*peer\s*review|🔑.*PRT", re.I)
SECTION = re.compile(r"^\W*section\s*(\d)\b", re.I)
ITEM = re.compile(r"^\W*item\s*(\d)\b", re.I)
CLOSING = re.compile(r"참고\s*링크|코드\s*개선|^\W*회고\s*\(|looking back: links|links and improved", re.I)
NAME = re.compile(r"^[\s>*+-]*\**\s*(코더|리뷰어|작성자|coder|reviewer)\b[^:：\n]{0,14}[:：]\s*(.*)$", re.I)
PLACEHOLDER = re.compile(r"이름을\s*작성|^\(?이름\)?$|✍")
OURS = re.compile(r"^[\s>*-]*(📌|👀|\**(쓰는 법|How to fill))")
IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)|<img\b[^>]*>|!\[\[[^\]]+\]\]", re.I)
TAGS = re.compile(r"<!--.*?-->|</?[a-z][^>]*>", re.I)
BULLET = re.compile(r"^[\s>]*(?:[-*+]\s+|\d+[.)]\s+)*")
SENTENCE = re.compile(r"(?<=[.!?。])\s+")
GLOSS = re.compile(r"\s*\*\([^)]*\)\*")
"""The English beside a Korean question of the project's own sheets."""
LABEL = re.compile(r"^(?:평가\s*항목|항목\s*\d|item\s*\d)\s*(?:\([^)]*\))?\s*[:：]\s*", re.I)
CODE = re.compile(
    r"^\s*(?:(?:def|class|for|if|elif|else|with|while|try|except)\b.*:|return\b.*[()\[\]].*"
    r"|import\s+[\w.]+.*|from\s+[\w.]+\s+import.*|@\w+|[\w.\[\]'\"]+\s*=[^=].*|[\W_]+)$"
)
"""Code that somebody pasted without a fence."""
BRACKETS = str.maketrans("［］【】", "[][]")
SHOWN = 80
BONUS = 30.0
"""Votes for a version by a line only it has; a whole question gives up to 100."""
MOST = 5_000
"""Lines of a file that are read; the longest review of the field has 160."""
LONG = 1_000
"""Longer lines hold pasted data, not words."""


@dataclass
class Page:
    """One review while it is read."""

    line: int
    names: dict[str, str] = field(default_factory=dict)
    votes: dict[str, float] = field(default_factory=dict)
    signs: set[str] = field(default_factory=set)
    found: list[Answer] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    topic: str = ""
    numbered: list[bool] = field(default_factory=list)
    images: int = 0
    code: int = 0
    title: bool = False


def read(text: str, file: str = "", sha256: str = "") -> tuple[PeerReview, ...]:
    """All reviews in `text`; () where no question of any PRT version is found."""
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:MOST]
    # Line by line: what `clean` turns into a line end must not move the numbers of the lines after it.
    lines = [clean(row).replace("\n", " ").translate(BRACKETS) for row in rows]
    kinds = _kinds(lines)
    pages = [Page(line=1)]
    skip = -1
    for at, line in enumerate(lines):
        if at <= skip:
            continue
        if _begins_another(pages[-1], line, kinds[at]):
            pages.append(Page(line=at + 1))
        skip = at + _take(pages[-1], lines, kinds, at)
    return tuple(settle(page, file, sha256) for page in pages if page.found)


def _kinds(lines: list[str]) -> list[str]:
    """What each line is: 'text', 'fence', 'edge' (``` itself), 'table' or 'comment'."""
    kinds = ["text"] * len(lines)
    # Indented code is how people indent under a question, so it is off; blocks are all that is wanted.
    parser = MarkdownIt("commonmark").enable("table").disable(["code", "inline"])
    for token in parser.parse("\n".join(lines)):
        if token.map is None:
            continue
        start, end = token.map[0], min(token.map[1], len(lines))
        if token.type == "fence":
            closed = end - start > 1 and lines[end - 1].strip(" >").rstrip() == token.markup
            kinds[start] = "edge"
            if closed:
                kinds[start + 1 : end - 1] = ["fence"] * (end - start - 2)
                kinds[end - 1] = "edge"
            # A fence nobody closed swallows the page: its lines are text.
        elif token.type == "table_open":
            kinds[start:end] = ["table"] * (end - start)
        elif token.type == "html_block" and "".join(lines[start:end]).strip().startswith("<!--"):
            kinds[start:end] = ["comment"] * (end - start)
    return kinds


def _begins_another(page: Page, line: str, kind: str) -> bool:
    """Does `line` open a further review in the same file?"""
    if kind != "text" or not page.found:
        return False
    if TITLE.search(line) and (line.lstrip().startswith("#") or "🔑" in line) and page.topic:
        return True
    name = NAME.match(line)
    return bool(name and "coder" in page.names and _role(name[1]) == "coder")


def _role(word: str) -> str:
    return "reviewer" if word.lower() in ("리뷰어", "reviewer") else "coder"


def _take(page: Page, lines: list[str], kinds: list[str], at: int) -> int:
    """Read line `at` into `page`; returns how many lines after it are taken too."""
    line, kind = lines[at], kinds[at]
    if kind == "comment" or not line.strip() or len(line) > LONG or OURS.match(line):
        return 0
    if kind == "edge":
        page.code += page.topic != "closing" and at > 0 and kinds[at - 1] != "fence"
        return 0
    if kind == "table":
        _row(page, line, at)
        return 0
    if kind == "fence" and page.topic != "closing":
        following = ""
    else:
        following = lines[at + 1] if at + 1 < len(lines) else ""
        if _structure(page, line, at):
            return 0
    taken = _question(page, line, following, at, fenced=kind == "fence")
    if taken is not None:
        return taken
    if kind == "fence" and page.topic != "closing":
        return 0
    page.images += len(IMAGE.findall(line))
    _words(page, line, at)
    return 0


def _structure(page: Page, line: str, at: int) -> bool:
    """Titles, names and section headings; True if `line` is one."""
    if name := NAME.match(line):
        given = re.sub(r"[*_`]|\(.*?\)$", "", name[2]).strip()
        page.names.setdefault(_role(name[1]), "" if PLACEHOLDER.search(given) else given[:SHOWN])
        return True
    heading = line.lstrip().startswith("#")
    if TITLE.search(line) and (heading or "🔑" in line or line.strip(" *#:") == "PRT"):
        page.title = True
        if "4th" in line:
            page.signs.add("v0")
        return True
    if heading or line.lstrip().startswith("**"):
        if (section := SECTION.match(line)) and "2" <= section[1] <= "5":
            page.topic = f"q{section[1]}"
            page.signs.add("v0")
            return True
        if SECTION.match(line):
            page.topic = "q1"
            return True
        if (item := ITEM.match(line)) and item[1] in "123":
            page.topic = f"r{item[1]}"
            page.signs.add("v0")
            return True
    if CLOSING.search(line) and (heading or line.lstrip().startswith("**")):
        page.topic = "closing"
        return True
    return bool(re.match(r"^#*\s*(근거|evidence|PRT)\b", line.strip(), re.I))


def _row(page: Page, line: str, at: int) -> None:
    """A row of V1's rubric table: a mark in it counts, stars were there before the reviewer came."""
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    if any("평가문항" in cell for cell in cells):
        page.signs.add("v1")
    found = formats.question(re.sub(r"^\d[.)]\s*", "", cells[0])) if cells else None
    if found is None or not found.topic.startswith("r") or len(cells) < 2:
        return
    page.signs.add("v1")
    last = cells[-1]
    if re.search(r"[⭐★☆]", last):
        return
    picked = marks.choice(last)
    mark = picked[0] if picked else re.sub(r"[*()\[\]\s]", "", last)
    if mark:
        page.found.append(Answer(topic=found.topic, says=Says.UNCLEAR, line=at + 1, mark=mark[:12]))


def _question(page: Page, line: str, following: str, at: int, *, fenced: bool) -> int | None:
    """Recognise a question or rubric item; returns the lines taken after it, None if it is none."""
    boxed = marks.leading(line)
    mark, rest = boxed if boxed else ("", line)
    ending = marks.choice(rest) or marks.trailing(rest)
    if ending:
        rest = ending[1]
        # Two marks that differ make one that nobody knows.
        mark = mark + ending[0] if mark and mark != ending[0] else ending[0] or mark
    stripped = LABEL.sub("", BULLET.sub("", GLOSS.sub("", rest)).strip(" *_#"))
    number = re.match(r"^(\d)\s*[.)]\s*", stripped)
    asked = stripped[number.end() :] if number else stripped
    found = formats.question(asked, GLOSS.sub("", following))
    if found is None or (fenced and not (boxed and found.ratio > 92)):
        if boxed and not fenced and formats.letters(rest) and page.topic != "closing" and mark:
            page.unread.append(
                _unread(at, line, "어느 질문의 표시인지 알 수 없습니다.", "No known question stands here.")
            )
        return None
    for version in found.versions - {""}:
        page.votes[version] = page.votes.get(version, 0.0) + found.ratio
    if found.topic.startswith("q"):
        page.numbered.append(bool(number))
    if "“" in line + following or "”" in line + following:
        page.votes["v2"] = page.votes.get("v2", 0.0) + BONUS
    if "직접" in line and "인터뷰" in line:
        page.signs.add("v1")
    page.topic = found.topic
    page.found.append(
        Answer(topic=found.topic, says=Says.UNCLEAR, line=at + 1, mark=mark, safe=_safe(found.topic, asked))
    )
    return int(found.two)


def _safe(topic: str, asked: str) -> bool | None:
    """Question 3 asks in two ways; None where this one can't be told, or for another question."""
    if topic != "q3":
        return None
    there, not_there = "있" in asked, "없" in asked
    return not_there if there != not_there else None


def _unread(at: int, line: str, ko: str, en: str) -> Unread:
    return Unread(line=at + 1, what=line.strip()[:SHOWN], why=Text(ko=ko, en=en))


def _words(page: Page, line: str, at: int) -> None:
    """The reviewer's own sentences of one line."""
    plain = TAGS.sub(" ", IMAGE.sub(" ", line))
    plain = BULLET.sub("", plain).strip().strip("#").strip()
    for version in formats.spoken_by(plain):
        page.votes[version] = page.votes.get(version, 0.0) + BONUS
    own = "" if CODE.match(plain) else formats.own_words(plain)
    for sentence in SENTENCE.split(own):
        sentence = sentence.strip(" *_-")
        enough = len(formats.letters(sentence)) >= 2 or marks.opening(sentence)
        if enough and page.topic:
            page.statements.append(
                Statement(text=sentence[:500], line=at + 1, topic=page.topic, tone=tone(sentence))
            )
