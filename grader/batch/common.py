"""What the notebooks of a class have in common, and which of them are worth showing. Counts, no verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from grader.batch.gradebook import Row

BUCKETING = {"no-op": "no-op-bucketing", "absent": "bucketing-absent", "unexecuted": "bucketing-unexecuted"}
COMPARED = {"none", "one", "typed"}
INFORMS = {"rerun-speed"}
"""Findings that every notebook may have: nothing stands in its way."""
MOST = 12
"""So many lines; what concerns a single student is left to that student's review."""


class Shared(NamedTuple):
    """Something that several notebooks have in common."""

    tag: str
    students: tuple[str, ...]


def tags(row: Row) -> tuple[str, ...]:
    """What stands in the way in this notebook: findings that are no praise, and facts that are missing."""
    facts = row.results.get("facts")
    if not facts:
        return ()
    found = [f["id"] for f in row.results.get("findings", []) if f["severity"] != "praise"]
    found = [name for name in found if name not in INFORMS]
    found += [BUCKETING[facts["bucketing"]]] if facts["bucketing"] in BUCKETING else []
    found += ["not-compared"] if facts["compared"] in COMPARED else []
    found += ["not-analysed"] if facts["analysed"] == "no" else []
    return tuple(sorted(set(found)))


def shared(rows: Sequence[Row]) -> tuple[Shared, ...]:
    """What two students or more have in common, the most frequent first."""
    having: dict[str, list[str]] = {}
    for row in rows:
        for tag in tags(row):
            having.setdefault(tag, []).append(row.student)
    found = [Shared(tag, tuple(students)) for tag, students in having.items() if len(students) > 1]
    return tuple(sorted(found, key=lambda one: (-len(one.students), one.tag))[:MOST])


def worth_showing(rows: Sequence[Row], most: int = 3) -> tuple[tuple[Row, tuple[str, ...]], ...]:
    """Notebooks that could be shown in class, and why: all passed, nothing contradicted, most praised."""
    good = []
    for row in rows:
        items = row.results.get("items", {}).values()
        found = row.results.get("findings", [])
        praise = tuple(f["text"] for f in found if f["severity"] == "praise")
        against = [f for f in found if f["severity"] in ("contradiction", "warning")]
        if items and praise and not against and all(item["status"] == "PASS" for item in items):
            good.append((row, praise))
    return tuple(sorted(good, key=lambda one: (-len(one[1]), one[0].student))[:most])
