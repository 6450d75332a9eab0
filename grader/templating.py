"""Where the templates lie and how they are filled: one Jinja2 environment for all pages.

An undefined name in a template is an error, never an empty place. The templates lie in `templates/` of
a checkout and travel as `grader/templates` in the wheel. Called by review, report and batch pages.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

import jinja2

PLACES = (Path(__file__).parent / "templates", Path(__file__).parents[1] / "templates")
"""In a wheel, in a checkout. The packaged folder first: beside an installed package lie strangers."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


@cache
def environment(*, html: bool) -> jinja2.Environment:
    """The environment: `html` escapes everything that isn't marked safe; markdown escapes by hand."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([place for place in PLACES if place.is_dir()]),
        autoescape=html,
        undefined=jinja2.StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _printed(value: object) -> object:
    """Whatever a template prints goes through `clean`, unless it is markup that has been through it."""
    return clean(value) if type(value) is str else value


def clean(text: str) -> str:
    """`text` without terminal sequences, control characters and those that turn or hide its direction.

    Tabs and line ends stay; anything else of Unicode's categories Cc, Cf, Cs and Co goes (Cf holds the
    bidirectional overrides and zero-width characters), so that what is shown is what is there.
    """
    text = _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
