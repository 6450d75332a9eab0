"""Looking at the lengths of the reviews: which cells did, and in what they counted.

Not covered: what was found there, nor whether `max_length` fits it.
"""

from __future__ import annotations

import re

from grader.checks.join import observations
from grader.facts import Kind
from grader.records import Evidence, Observation, Text

STUDY = "length-study"
WORDS = Text(ko="단어 수", en="words")
CHARACTERS = Text(ko="글자 수", en="characters")

_TOKENS = re.compile(r"token|input_ids|토큰|encod", re.IGNORECASE)
_WORDS = re.compile(r"word|split\(|단어|어절", re.IGNORECASE)
_CHARACTERS = re.compile(r"\.str\.len\(|char|글자", re.IGNORECASE)


def studied(evidence: Evidence) -> tuple[Observation, ...]:
    """Histograms and percentiles of lengths, in order of cell."""
    found = observations(evidence, Kind.PREPROCESS)
    return tuple(o for o in found if o.cell is not None and o.value.get("what") == STUDY)


def changed(evidence: Evidence) -> tuple[Observation, ...]:
    """Preprocessing that changes the data; looking at lengths changes nothing."""
    found = observations(evidence, Kind.PREPROCESS)
    return tuple(o for o in found if o.cell is not None and o.value.get("what") != STUDY)


def not_tokens(seen: tuple[Observation, ...]) -> Text | None:
    """What was counted, if all of them say that it was no tokens."""
    units = {_unit(str(o.value.get("detail", ""))) for o in seen}
    return next(iter(units)) if len(units) == 1 else None


def _unit(detail: str) -> Text | None:
    if _TOKENS.search(detail):
        return None
    if _WORDS.search(detail):
        return WORDS
    return CHARACTERS if _CHARACTERS.search(detail) else None
