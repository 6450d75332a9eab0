"""Sentences → safe HTML. Nothing but bold, code and lists survives."""

from __future__ import annotations

import re
from functools import cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from grader.templating import clean

TAGS = {"p", "strong", "em", "code", "ul", "ol", "li", "br"}


@cache
def _reader() -> MarkdownIt:
    return MarkdownIt("zero", {"html": False}).enable(["backticks", "emphasis", "list"])


def prose(text: str) -> Markup:
    """A check's markdown as HTML: no links, no pictures, no raw HTML, whatever it quotes."""
    return Markup(nh3.clean(_reader().render(clean(text)), tags=TAGS, attributes={}))


def sentence(text: str) -> Markup:
    """As `prose`, for a place inside a line: one paragraph's tags taken off."""
    page = str(prose(text)).strip()
    single = re.fullmatch(r"<p>(.*)</p>", page, re.S)
    return Markup(single[1] if single and "<p>" not in single[1] else page)
