"""Markdown that a student's text can't break out of.

Two kinds of text come in: code, which is fenced or put between backticks, and sentences (`prose`), which
may use **bold**, `code` and lists, but no HTML, links, images, headings, fences or tables.
"""

from __future__ import annotations

import re

from grader.templating import clean

_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)([^\n]+?)(?<!`)\1(?!`)")
"""On one line: over a blank line, or into a list or a quote, CommonMark has no code span. Nothing that the
checks write goes over two."""
_ADDRESS = re.compile(r"(?:https?://|ftp://|mailto:|www\.)[^\s)\]>]+|(?<![\w`])@[\w-]+", re.I)
"""What GitHub would turn into a link or a call by itself."""
_OPENER = re.compile(r"^(\s*)(#{1,6}(?=\s)|>|~~~|=+\s*$|\|)", re.M)


def inline(raw: object, limit: int = 120) -> str:
    """`raw` as code on one line, at most `limit` characters; table bars and backticks are safe in it."""
    line = re.sub(r"\s+", " ", clean(str(raw))).strip().replace("|", "¦")
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    if not line:
        return "` `"
    ticks = "`" * (longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def fenced(code: str, language: str = "python") -> str:
    """`code` in a fence longer than any run of backticks in it."""
    body = clean(code).expandtabs(4).strip("\n")
    fence = "`" * max(3, longest_run(body) + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def longest_run(text: str) -> int:
    """Length of the longest run of backticks."""
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def prose(text: str) -> str:
    """A sentence or list of a check, safe to stand in a review."""
    text = clean(text)
    parts, at = [], 0
    for span in _CODE_SPAN.finditer(text):
        # a table that a student opened would be cut at a bar, code or not
        parts += [*_plain(text[at : span.start()]), span[0].replace("|", "¦")]
        at = span.end()
    return _OPENER.sub(r"\1\\\2", _joined([*parts, *_plain(text[at:])])).strip()


def _plain(text: str) -> list[str]:
    """Text outside code: addresses become code, HTML, links, backslashes and stray backticks are escaped."""
    parts, at = [], 0
    for address in _ADDRESS.finditer(text):
        parts += [_escaped(text[at : address.start()]), inline(address[0], 200)]
        at = address.end()
    return [*parts, _escaped(text[at:])]


def _joined(parts: list[str]) -> str:
    """Two pieces of code side by side would make one longer run of backticks."""
    page = ""
    for part in filter(None, parts):
        page += " " + part if page.endswith("`") and part.startswith("`") else part
    return page


def _escaped(text: str) -> str:
    text = re.sub(r"([\\\[\]])", r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))
    return text.replace("`", "&#96;")  # a backslash before it would still leave a run that closes code


def cell(text: str) -> str:
    """A sentence as one cell of a table."""
    return prose(text).replace("\n", " ").replace("|", "¦")


def tidied(page: str) -> str:
    """`page` with single blank lines outside fences, one before each heading, and one line end at last."""
    kept: list[str] = []
    fence = ""
    for row in page.splitlines():
        mark = re.match(r"\s*(`{3,})", row)
        if fence:
            kept.append(row)
            if mark and row.strip() == fence:
                fence = ""
            continue
        if mark:
            fence = mark[1]
        if not row.strip():
            if kept and kept[-1]:
                kept.append("")
            continue
        if re.match(r"#{1,6} ", row) and kept and kept[-1] and not kept[-1].startswith("# "):
            kept.append("")
        kept.append(row.rstrip())
    return "\n".join(kept).strip("\n") + "\n"
