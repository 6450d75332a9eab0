"""pocket/phrases.toml, read and inflected once: what a synthetic review is made of.

What this is not: it chooses nothing; reviews.py does. Called by reviews.py only.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from grader.classroom.reviews_korean import forms

PHRASES = Path(__file__).parent / "pocket" / "phrases.toml"


class Predicates:
    """One aspect's names and inflected predicates by polarity (True is good)."""

    def __init__(self, aspect: dict):
        self.names: list[str] = aspect["names"]
        self.said: dict[bool, list[dict[str, str]]] = {}
        self.described: dict[bool, list[dict[str, str]]] = {}
        for good, side in ((True, "good"), (False, "bad")):
            adjectives = [forms(entry, "adjective") for entry in aspect[side]]
            verbs = [forms(entry, "verb") for entry in aspect[f"{side}_verbs"]]
            nouns = [forms(entry, "noun") for entry in aspect[f"{side}_nouns"]]
            self.described[good] = adjectives
            self.said[good] = adjectives * 3 + verbs * 2 + nouns * 2


class Phrases:
    """pocket/phrases.toml, inflected."""

    def __init__(self, raw: dict):
        self.aspects = [Predicates(aspect) for aspect in raw["aspects"]]
        self.film = self.aspects[-1]
        self.qualities = {True: raw["qualities"]["good"], False: raw["qualities"]["bad"]}
        self.amount = {
            True: [forms(entry, "adjective") for entry in raw["qualities"]["present"]],
            False: [forms(entry, "adjective") for entry in raw["qualities"]["absent"]],
        }
        self.frames, self.styles, self.remarks = raw["frames"], raw["styles"], raw["remarks"]
        self.chatter, self.tails = raw["chatter"], raw["tails"]
        self.remark = {True: self.remarks["good"], False: self.remarks["bad"]}
        self.twisted = {True: self.remarks["reverse"], False: self.remarks["irony"]}
        self.short = {True: self.remarks["short_good"], False: self.remarks["short_bad"]}
        self.tail = {
            True: self.tails["any"] + self.tails["good"],
            False: self.tails["any"] + self.tails["bad"],
        }
        self.typos = list(raw["typos"].items())
        self.aux = forms("않/않아", "adjective")
        self.is_not = forms("아니/아니야", "adjective") | {"yo": "아니에요", "past_yo": "아니었어요"}
        self.better = {True: forms("낫/나아", "adjective"), False: forms("못하", "adjective")}
        self.opinion = {True: self.film.described[True], False: self.film.described[False]}


@cache
def phrases() -> Phrases:
    """The words, read and inflected once."""
    return Phrases(tomllib.loads(PHRASES.read_text(encoding="utf-8")))
