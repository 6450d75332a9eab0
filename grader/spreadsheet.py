"""Tables for a spreadsheet: CSV that Excel in Korea reads as UTF-8, and that can't start a formula.

What a student calls themselves, or a file, ends up in cells that teachers open. A cell that begins with
=, +, -, @ or one of their full-width forms is run as a formula (OWASP, "CSV injection"); a program that
splits at semicolons, tabs or line ends finds beginnings of cells within ours. Called by `batch` and `peers`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

_BEGINS = re.compile(r"(^|[;\t\n]\s*)(?=[=+\-@\t\n＝＋－＠])")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)


def table(rows: Iterable[Iterable[object]]) -> str:
    """The rows as CSV text. None is an empty cell; strings are defused, numbers stay numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow([defused(value) for value in row])
    return "\ufeff" + text.getvalue()


def defused(value: object) -> object:
    """`value` with an apostrophe before whatever a spreadsheet would run."""
    if value is None:
        return ""
    if not isinstance(value, str) or _NUMBER.fullmatch(value) or value == "-":
        return value  # a dash alone is Moodle's "never", and no formula
    return _BEGINS.sub(r"\1'", value.replace("\r\n", "\n").replace("\r", "\n"))
