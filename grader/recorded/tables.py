"""Tables and progress bars out of stored HTML (and pandas tables out of text).

What this is: a tolerant, linear reader of the few tags that matter; truncated HTML gives what was
complete. What this is not: a sanitiser. Called by the other modules of this folder.
"""

from __future__ import annotations

import html as entities
import re
from typing import NamedTuple

from grader.recorded.numbers import number, seconds

MAX_ROWS = 5_000

_PIECE = re.compile(
    r"<(?P<tag>/?(?:table|tr|td|th|progress|thead|tbody))\b(?P<attributes>[^<>]{0,400})>", re.IGNORECASE
)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_ATTRIBUTE = re.compile(r"(value|max)\s*=\s*[\"']?(\d+)")
_LABEL = re.compile(
    r"\[\s*(\d+)/(\d+)\s*:?\s*([\d:]+)?(?:\s*<\s*([\d:]+))?(?:,\s*([\d.]+)\s*it/s)?"
    r"(?:,\s*Epoch\s+([\d.]+)\s*/\s*(\d+))?"
)


class Bar(NamedTuple):
    """A Trainer's progress bar. `epoch` is None for an evaluation's bar."""

    value: int
    total: int
    elapsed: float | None
    rate: float | None
    """Steps per second."""
    epoch: float | None
    epochs: int | None
    epoch_text: str


class Table(NamedTuple):
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def read_html(html: str) -> list[Bar | Table]:
    """Bars and tables in the order in which they stand in `html`."""
    found: list[Bar | Table] = []
    if "<table" not in html and "<progress" not in html:
        return found
    rows: list[list[str]] | None = None
    cells: list[str] | None = None
    open_cell = -1
    for match in _PIECE.finditer(html):
        tag = match.group("tag").lower()
        if tag == "progress":
            bar = _bar(match.group("attributes"), html[match.end() : match.end() + 400])
            if bar:
                found.append(bar)
        elif tag == "table":
            rows, cells = [], None
        elif rows is None:
            continue
        elif tag in ("td", "th"):
            open_cell = match.end()
        elif tag in ("/td", "/th") and cells is not None and open_cell >= 0:
            cells.append(clean(html[open_cell : match.start()]))
            open_cell = -1
        elif tag == "tr":
            cells = []
        elif tag == "/tr" and cells is not None and len(rows) < MAX_ROWS:
            rows.append(cells)
            cells = None
        elif tag == "/table":
            found.extend(_table(rows))
            rows = None
    if rows:
        found.extend(_table(rows))
    return found


def clean(html: str) -> str:
    """The text of a piece of HTML."""
    return " ".join(entities.unescape(_TAG.sub(" ", html[:4_000])).split())


def read_text(text: str) -> list[Table]:
    """Tables as pandas prints them: a header line and at least one row of numbers under it."""
    tables: list[Table] = []
    lines = text.split("\n")[:20_000]
    index = 0
    while index < len(lines) - 1:
        header = re.split(r"\s{1,}", lines[index].strip())
        if not (2 <= len(header) <= 20 and re.search(r"acc|정확도", lines[index], re.IGNORECASE)):
            index += 1
            continue
        if any(re.search(r"\d\.\d|[:=%]", word) for word in header):
            index += 1
            continue
        rows = []
        for line in lines[index + 1 : index + 1 + MAX_ROWS]:
            words = line.split()
            extra = len(words) - len(header)
            if extra < 0 or extra > 4 or number(words[-1]) is None:
                break
            rows.append((" ".join(words[: extra or 0]), *words[extra:]))
        if rows:
            tables.append(Table(("", *header), tuple(rows)))
        index += 1 + len(rows)
    return tables


def _table(rows: list[list[str]]) -> list[Table]:
    if not rows or not rows[0]:
        return []
    header = rows[0]
    width = len(header)
    return [Table(tuple(header), tuple(tuple(row) for row in rows[1:] if len(row) == width))]


def _bar(attributes: str, after: str) -> Bar | None:
    said = dict(_ATTRIBUTE.findall(attributes))
    label = _LABEL.search(entities.unescape(after.split("</div>")[0]))
    if label:
        value, total, elapsed, _, rate, epoch, epochs = label.groups()
        return Bar(
            int(value),
            int(total),
            seconds(elapsed) if elapsed else None,
            number(rate),
            number(epoch),
            int(epochs) if epochs else None,
            epoch or "",
        )
    if "value" in said and "max" in said:
        return Bar(int(said["value"]), int(said["max"]), None, None, None, None, "")
    return None
