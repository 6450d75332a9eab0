"""The cited cells: highlighted code, and outputs as text or as a cleaned table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import nh3
from markupsafe import Markup, escape

from grader.records import Cell, Output, Submission
from grader.templating import clean

MAX_CELLS = 30
MAX_LINES = 60
MAX_OUTPUT_LINES = 20
MAX_WIDTH = 400
MAX_TABLE = 20_000
"""Characters of stored HTML that are shown; a Trainer table has 2,000."""
TABLE_TAGS = {"table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption", "p", "b", "i", "em", "strong"}


@dataclass(frozen=True)
class Shown:
    """A cell as the template shows it."""

    index: int
    kind: str
    count: str
    """'[12]', or '' if it was never run."""
    file: str
    """The notebook it stands in, with its own number there; '' where there is only one notebook."""
    body: Markup
    cut: int
    """Lines left out at the end."""
    outputs: tuple[Markup, ...]


def shown(submission: Submission, numbers: Iterable[int]) -> list[Shown]:
    """The cells of these numbers that exist, in notebook order, at most `MAX_CELLS`."""
    known = [cell for n in sorted(set(numbers)) if (cell := submission.cell(n)) is not None]
    return [_shown(cell, _file(submission, cell.index)) for cell in known[:MAX_CELLS]]


def _file(submission: Submission, number: int) -> str:
    part = next((part for part in reversed(submission.parts) if part.first <= number), None)
    return f"{clean(part.name)} [{number - part.first}]" if part else ""


def _shown(cell: Cell, file: str) -> Shown:
    rows = [row[:MAX_WIDTH] for row in clean(cell.source).expandtabs(4).splitlines()]
    cut = max(0, len(rows) - MAX_LINES)
    text = "\n".join(rows[:MAX_LINES])
    return Shown(
        index=cell.index,
        kind=cell.kind,
        file=file,
        count=f"[{cell.execution_count}]" if cell.execution_count is not None else "",
        body=highlighted(text) if cell.kind == "code" else _words(text),
        cut=cut,
        outputs=tuple(filter(None, (_output(o) for o in cell.outputs[:8]))),
    )


@cache
def _formatter():
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(nowrap=True, classprefix="k-")


def highlighted(code: str) -> Markup:
    """`code` as spans; pygments escapes it. Its colours are in `styles`."""
    from pygments import highlight
    from pygments.lexers import PythonLexer

    return Markup("<pre>{}</pre>").format(Markup(highlight(code, PythonLexer(stripnl=False), _formatter())))


def styles() -> Markup:
    """The style rules that `highlighted` needs, without a background of their own."""
    from pygments.formatters import HtmlFormatter

    rules = HtmlFormatter(style="friendly", classprefix="k-", nobackground=True).get_style_defs("pre")
    return Markup("\n".join(row for row in rules.splitlines() if " .k-" in row))


def _words(markdown: str) -> Markup:
    """A markdown cell as its plain source: what was written, not what it would draw."""
    return Markup("<pre>{}</pre>").format(markdown)


def _output(output: Output) -> Markup | None:
    if "<table" in output.html[:MAX_TABLE].lower():
        safe = nh3.clean(
            clean(output.html[:MAX_TABLE]),
            tags=TABLE_TAGS,
            attributes={},
            clean_content_tags={"style", "script"},
        )
        return Markup('<div class="out wide">{}</div>').format(Markup(safe))
    text = clean(output.text or output.traceback)
    if output.kind == "error":
        text = f"{clean(output.name)}: {text}".strip(": ")
    rows = [row[:MAX_WIDTH] for row in text.splitlines() if row.strip()]
    if not rows:
        return None
    if len(rows) > MAX_OUTPUT_LINES:
        rows = [*rows[: MAX_OUTPUT_LINES - 6], "…", *rows[-5:]]
    kind = "out error" if output.kind == "error" else "out"
    return Markup('<pre class="{}">{}</pre>').format(kind, escape("\n".join(rows)))
