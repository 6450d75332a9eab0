"""The review of a review: claims checked, facts noticed and missed, how specific it is. Pure.

Called by `grader.cli.peers`, `grader.peers.calibrate` and `grader.peers.merge`; `feedback` turns it into
words for the reviewer, `standing` into a table for the instructor.
"""

from __future__ import annotations

import re

from rapidfuzz import fuzz

from grader.peers.claims import cells, claims
from grader.peers.compare import Checked, Result, check
from grader.peers.formats import letters
from grader.peers.noticed import CODE_WORD, Fact, beyond, noticed, that_matter
from grader.peers.reviews import PeerReview, Statement
from grader.records import Evidence, Judgement, Record

SAME = 92.0
"""How alike two sentences are that count as one sentence used twice (rapidfuzz ratio)."""
SHORT = 8
"""Letters up to which a sentence says nothing by itself ('수고하셨습니다' has 7)."""
POLITE = re.compile(
    r"수고|고생|감사|잘\s*(?:하셨|봤|보았|배|작성)|멋[지져]|훌륭|최고|인상|좋(?:았|습|은|네|아)|깔끔"
    r"|good job|thank|well done",
    re.I,
)


class Specificity(Record):
    """How much of a review is about this notebook."""

    sentences: int
    pointed: int
    """Those that name a cell, a number or something of the code."""
    polite: int
    """Praise or thanks that would fit any notebook."""
    repeated: int
    """Sentences, of those that aren't pointed, the same reviewer also used elsewhere, here or in another
    review."""
    images: int

    @property
    def share(self) -> float | None:
        """Pointed sentences of all, 0..1; None without sentences."""
        return self.pointed / self.sentences if self.sentences else None


class Reflection(Record):
    """What one review is worth, and why."""

    review: PeerReview
    checked: tuple[Checked, ...]
    noticed: tuple[tuple[Fact, str], ...]
    """Facts that matter, with the sentence that speaks of them ('' for a mark)."""
    missed: tuple[Fact, ...]
    beyond: tuple[Statement, ...]
    """The reviewer's own points, which no fact covers: a person should read them."""
    specificity: Specificity

    def of(self, result: Result) -> tuple[Checked, ...]:
        """Claims with this result; that a cell exists is no claim worth counting."""
        return tuple(c for c in self.checked if c.result is result and c.claim.kind != "cell")

    @property
    def gaps(self) -> tuple[float, ...]:
        """Distance to the evidence, 0..1, wherever it settles something: marks, testable sentences, and
        each fact that matters (0 noticed, 1 missed)."""
        claimed = tuple(
            c.gap
            for c in self.checked
            if c.gap is not None and c.claim.kind != "cell" and c.claim.basis != "tone"
        )
        return claimed + (0.0,) * len(self.noticed) + (1.0,) * len(self.missed)

    @property
    def agreement(self) -> float | None:
        """1 - mean gap; None where the evidence settles nothing in it."""
        return 1 - sum(self.gaps) / len(self.gaps) if self.gaps else None


def reflect(
    review: PeerReview,
    evidence: Evidence,
    judgement: Judgement,
    others: tuple[PeerReview, ...] = (),
) -> Reflection:
    """`review` against the evidence; `others` are the same reviewer's reviews of other works."""
    checked = tuple(check(claim, evidence, judgement) for claim in claims(review))
    facts = that_matter(judgement)
    seen, missed = [], []
    for fact in facts:
        where = noticed(fact, review, checked)
        if where is None:
            missed.append(fact)
        else:
            seen.append((fact, where.text if isinstance(where, Statement) else ""))
    return Reflection(
        review=review,
        checked=checked,
        noticed=tuple(seen),
        missed=tuple(missed),
        beyond=beyond(review, facts, checked),
        specificity=_specificity(review, evidence, others),
    )


def _specificity(review: PeerReview, evidence: Evidence, others: tuple[PeerReview, ...]) -> Specificity:
    source = "\n".join(cell.source for cell in evidence.submission.cells)
    own = [s.text for s in review.statements]
    elsewhere = [s.text for other in others for s in other.statements]
    pointed = [text for text in own if _pointed(text, source)]
    polite = [text for text in own if text not in pointed and is_polite(text)]
    # Saying which accuracy stands where takes the same words each time; only empty ones are a habit.
    repeated = sum(
        _again(text, own[:at] + own[at + 1 :] + elsewhere)
        for at, text in enumerate(own)
        if text not in pointed and len(letters(text)) > SHORT
    )
    return Specificity(
        sentences=len(own),
        pointed=len(pointed),
        polite=len(polite),
        repeated=repeated,
        images=review.images,
    )


def is_polite(text: str) -> bool:
    """Praise or thanks, or too short to be anything else."""
    return bool(POLITE.search(text)) or len(letters(text)) <= SHORT


def _pointed(text: str, source: str) -> bool:
    """Names a cell, a measured number, or a name that really stands in this notebook's code."""
    if cells(text) or re.search(r"\d+\.\d+|\d+\s*(?:%|초|분|시간|배|토큰|tokens?|epochs?|에폭)", text):
        return True
    return any(match[0].strip("`()") in source for match in CODE_WORD.finditer(text))


def _again(text: str, rest: list[str]) -> bool:
    return any(fuzz.ratio(text, other, score_cutoff=SAME) for other in rest)
