"""What deserves a reader's attention beside the verdicts, most important first.

| file | what |
|---|---|
| effect.py | bucketing without effect or with a weak one, stale outputs |
| fairness.py | comparisons that show something else than bucketing |
| claims.py | what is typed against what is stored |
| trust.py | numbers without training, leaks, test as validation, our own run against the record |
| notes.py | errors, overfitting, threshold noise, evidence outside the cells |
| given.py | starting weights, masks, padding tokens, which model was measured |
| speed.py | how fast the compared runs were when we ran them |
| lacking.py | what a notebook wants that our classroom hasn't got |
| praise.py | what was done well |
"""

from __future__ import annotations

from grader.checks.findings import claims, effect, fairness, given, lacking, notes, praise, speed, trust
from grader.checks.settle import Case
from grader.records import Finding

__all__ = ["find"]

ROOMS = (trust, effect, fairness, given, claims, speed, lacking, notes, praise)
ORDER = ("contradiction", "warning", "note", "praise")


def find(case: Case) -> tuple[Finding, ...]:
    """All findings on one submission, by severity."""
    found = [f for room in ROOMS for f in room.find(case)]
    # Two scores of one model, or two runs of one cell, may lead to the same sentence.
    once = {(f.id, f.text.ko): f for f in reversed(found)}
    kept = [f for f in found if once[f.id, f.text.ko] is f]
    return tuple(sorted(kept, key=lambda f: ORDER.index(f.severity)))
