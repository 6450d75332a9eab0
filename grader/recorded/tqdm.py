"""tqdm's progress bars in text, and as notebook widgets store them. Pure; never raises."""

from __future__ import annotations

import re
from typing import NamedTuple

from grader.recorded.numbers import seconds, whole

_BAR = re.compile(
    r"^(?P<desc>[^|\n]{0,120}?)[:\s]*\b(?P<percent>\d{1,3})%\s*(?:\|[^|\n]*\|)?\s*"
    r"(?P<done>[\d.,]+[kM]?)/(?P<total>[\d.,]+[kM]?)"
    r"\s*\[(?P<elapsed>[\d:]+)<(?P<left>[^,\]]*)(?:,\s*(?P<rate>[\d.]+)\s*(?P<unit>[^\s,\]]+))?"
)


class Progress(NamedTuple):
    """One bar in its final state."""

    desc: str
    done: int
    total: int
    seconds: float
    per_second: float | None


def bar(line: str) -> Progress | None:
    """The bar on `line`, if it is one."""
    if "%" not in line[:200]:
        return None
    match = _BAR.match(line[:400])
    if not match:
        return None
    done, total = (whole(match.group(name).rstrip("kM")) for name in ("done", "total"))
    spent = seconds(match.group("elapsed"))
    if done is None or not total or spent is None:
        return None
    unit = match.group("unit") or ""
    desc = match.group("desc").strip(" :")
    if "examples" in unit or unit.endswith("B/s"):
        desc = desc or "map"
    # tqdm's own figure is smoothed over the last seconds, so an evaluation in between distorts it.
    return Progress(desc, done, total, spent, done / spent if spent and done else None)
