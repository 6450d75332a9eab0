"""From the probe's evaluation lines to `Evaluation`s: which rows were they, were they trained on?

Called by fold.
"""

from __future__ import annotations

from typing import Any

from grader.records import Evaluation

SHARE = 0.5
"""So many of the rows that can be traced must come from one file."""
DUPLICATES = 0.10
"""A corpus of short reviews repeats itself: up to this share of held-out rows (NSMC: about 4 %) occur
in the training rows without any leak."""
LEAST = 50
"""Rows: fewer are somebody trying a sentence or two."""


def split(facts: dict[str, Any]) -> str:
    """'test', 'validation', 'train' or 'unknown', by where the rows came from."""
    votes = facts.get("votes") or {}
    train, test = votes.get("train", 0), votes.get("test", 0)
    traced = train + test + votes.get("both", 0)
    if not train + test or traced < SHARE * (traced + votes.get("neither", 0)):
        return "unknown"
    if test >= SHARE * (train + test):
        return "test"
    return "train" if (leak_share(facts) or 0.0) >= SHARE else "validation"


def leak_share(facts: dict[str, Any]) -> float | None:
    """Share of the evaluation rows that were trained on; None where the training set isn't known whole."""
    leak = facts.get("leak")
    if not leak or not leak.get("rows"):
        return None
    if leak["rows"] < LEAST:
        return None
    share = leak["seen"] / leak["rows"]
    return share if leak.get("whole") or share > DUPLICATES else None


def leaked_rows(facts: dict[str, Any]) -> int | None:
    """How many; 0 where there are no more than a corpus repeats by itself."""
    share = leak_share(facts)
    if share is None:
        return None
    return int(facts["leak"]["seen"]) if share > DUPLICATES else 0


def evaluation(cell: int, facts: dict[str, Any]) -> Evaluation | None:
    """Of one line; None if nothing was measured."""
    if facts.get("accuracy") is None and facts.get("loss") is None:
        return None
    return Evaluation(
        cell=cell,
        accuracy=facts.get("accuracy"),
        loss=facts.get("loss"),
        rows=facts.get("rows"),
        split=split(facts),
        epoch=facts.get("epoch"),
        step=facts.get("step") if facts.get("step") is not None else facts.get("during"),
        seconds=facts.get("seconds"),
    )
