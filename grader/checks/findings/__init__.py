"""What deserves a reader's attention beside the verdicts, most important first.

| file | what |
|---|---|
| effect.py | bucketing without effect, stale outputs, unfair comparisons |
| claims.py | what is typed against what is stored |
| trust.py | numbers without training, leaks, test as validation, our own run against the record |
| notes.py | errors, overfitting, threshold noise, evidence outside the cells |
| praise.py | what was done well |
"""

from __future__ import annotations

from grader.checks.findings import claims, effect, notes, praise, trust
from grader.checks.settle import Case
from grader.records import Finding

__all__ = ["find"]

ORDER = ("contradiction", "warning", "note", "praise")


def find(case: Case) -> tuple[Finding, ...]:
    """All findings on one submission, by severity."""
    found = [f for room in (trust, effect, claims, notes, praise) for f in room.find(case)]
    return tuple(sorted(found, key=lambda f: ORDER.index(f.severity)))
