"""The numbers the checks decide by, with their defaults: a rubric item may change each of them.

`rubric.toml` is where an instructor changes them; the same names, with the reasons, stand there.
"""

from __future__ import annotations

from grader.records import RubricItem

DEFAULTS: dict[str, dict[str, float]] = {
    "r1": {"partial_share": 0.5},
    "r2": {
        "partial_share": 0.5,
        "accuracy": 0.90,
        "pocket_accuracy": 0.86,
        "min_gain": 0.003,
        "noise": 0.003,
    },
    "r3": {"partial_share": 0.5, "min_fall": 0.10},
}
"""By item and name; see the comments in rubric.toml."""


def threshold(rubric: tuple[RubricItem, ...], item: str, name: str) -> float:
    """A threshold of `item`, or its default where the rubric leaves it out."""
    found = next((r for r in rubric if r.id == item), None)
    return found.thresholds.get(name, DEFAULTS[item][name]) if found else DEFAULTS[item][name]


def points(rubric: tuple[RubricItem, ...], item: str) -> float:
    """Full points of `item`."""
    return next((r.points for r in rubric if r.id == item), 1.0)
