"""All reflections of a round -> what the instructor needs: who to trust, who to talk to, what to read again.

Called by `grader.cli.peers`; the weights come from `weigh`.
"""

from __future__ import annotations

import random
from collections import defaultdict

from grader import spreadsheet
from grader.peers.compare import OPINIONS, VALUE, Result
from grader.peers.reflect import Reflection
from grader.peers.reviews import Collected
from grader.peers.weigh import Weights, alpha, weigh
from grader.records import Record, Text

LOW_AGREEMENT = 0.5
SPLIT = 0.5
"""Two reviewers this far apart (0..1) on one question: somebody should look."""
SHORT = 90
"""Letters of a fact in the list of works to read again."""
AT_RANDOM = 0.1
"""Share of the remaining works that are read again whatever the numbers say."""


class Reviewer(Record):
    """One reviewer over all their reviews."""

    name: str
    weight: float
    agreement: float | None
    """1 - mean distance to the evidence over everything it settles."""
    settled: int
    confirmed: int
    contradicted: int
    noticed: int
    missed: int
    beyond: int
    pointed: float | None
    repeated: int
    owed: int
    talk: tuple[Text, ...] = ()
    """Why the instructor should talk to them; () if not."""


class SpotCheck(Record):
    """A work to read again, and why."""

    coder: str
    why: Text


class Standing(Record):
    """The round as the instructor sees it."""

    reviewers: tuple[Reviewer, ...]
    weights: Weights
    alpha: float | None
    spot_checks: tuple[SpotCheck, ...]


def standing(reflections: tuple[Reflection, ...], collected: Collected, *, seed: int = 0) -> Standing:
    """Everything about a round at once."""
    by_reviewer: dict[str, list[Reflection]] = defaultdict(list)
    for reflection in reflections:
        by_reviewer[reflection.review.reviewer or "?"].append(reflection)
    opinions = open_questions(reflections)
    settled = {name: [gap for r in mine for gap in r.gaps] for name, mine in by_reviewer.items()}
    weights = weigh(settled, opinions)
    owed: dict[str, int] = defaultdict(int)
    for reviewer, _ in collected.missing:
        owed[reviewer] += 1
    names = sorted({*by_reviewer, *owed})
    return Standing(
        reviewers=tuple(_reviewer(name, by_reviewer.get(name, []), weights, owed[name]) for name in names),
        weights=weights,
        alpha=alpha(all_answers(reflections)),
        spot_checks=_spot_checks(reflections, collected, seed),
    )


def open_questions(reflections: tuple[Reflection, ...]) -> dict[tuple[str, str], dict[str, float]]:
    """(coder, question) -> reviewer -> 0..1, for the questions the evidence does not settle."""
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for reflection in reflections:
        for checked in reflection.checked:
            claim = checked.claim
            if claim.kind == "answer" and checked.gap is None and claim.says in VALUE:
                where = (reflection.review.coder, claim.topic)
                found[where][reflection.review.reviewer or "?"] = VALUE[claim.says]
    return dict(found)


def all_answers(reflections: tuple[Reflection, ...]) -> dict[tuple[str, str], dict[str, float]]:
    """As `open_questions`, over every question: what reviewers agree on with each other."""
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for reflection in reflections:
        for checked in reflection.checked:
            if checked.claim.kind == "answer" and checked.claim.says in VALUE:
                where = (reflection.review.coder, checked.claim.topic)
                found[where][reflection.review.reviewer or "?"] = VALUE[checked.claim.says]
    return dict(found)


def _reviewer(name: str, mine: list[Reflection], weights: Weights, owed: int) -> Reviewer:
    gaps = [gap for r in mine for gap in r.gaps]
    sentences = sum(r.specificity.sentences for r in mine)
    pointed = sum(r.specificity.pointed for r in mine) / sentences if sentences else None
    agreement = 1 - sum(gaps) / len(gaps) if gaps else None
    repeated = sum(r.specificity.repeated for r in mine)
    contradicted = sum(len(r.of(Result.CONTRADICTED)) for r in mine)
    missed = sum(len(r.missed) for r in mine)
    talk = []
    if owed:
        talk.append(Text(ko=f"쓰지 않은 리뷰 {owed}개", en=f"{owed} reviews not written"))
    if agreement is not None and agreement < LOW_AGREEMENT and len(gaps) >= 3:
        talk.append(
            Text(ko="기록과 다른 점이 많음", en="much that the record contradicts or that was missed")
        )
    if mine and not pointed:
        talk.append(
            Text(ko="셀·숫자·코드를 짚은 문장이 없음", en="no sentence names a cell, a number or code")
        )
    if sentences and repeated / sentences > 0.5:
        talk.append(Text(ko="같은 문장을 되풀이함", en="the same sentences over again"))
    return Reviewer(
        name=name,
        weight=round(weights.weights.get(name, 1.0), 3),
        agreement=agreement,
        settled=len(gaps),
        confirmed=sum(len(r.of(Result.CONFIRMED)) for r in mine),
        contradicted=contradicted,
        noticed=sum(len(r.noticed) for r in mine),
        missed=missed,
        beyond=sum(len(r.beyond) for r in mine),
        pointed=pointed,
        repeated=repeated,
        owed=owed,
        talk=tuple(talk),
    )


def _spot_checks(
    reflections: tuple[Reflection, ...], collected: Collected, seed: int
) -> tuple[SpotCheck, ...]:
    """Works whose reviews can't be relied on, and a few at random."""
    by_coder: dict[str, list[Reflection]] = defaultdict(list)
    for reflection in reflections:
        by_coder[reflection.review.coder or "?"].append(reflection)
    found: list[SpotCheck] = []
    split = {
        coder
        for (coder, topic), given in all_answers(reflections).items()
        if len(given) > 1 and max(given.values()) - min(given.values()) > SPLIT and topic not in OPINIONS
    }
    unreviewed = {coder for _, coder in collected.missing} - set(by_coder)
    for coder in sorted({*by_coder, *unreviewed}):
        mine = by_coder.get(coder, [])
        seen = {fact.id for r in mine for fact, _ in r.noticed}
        overlooked = {fact.id: fact.text for r in mine for fact in r.missed if fact.id not in seen}
        why = []
        if coder in unreviewed:
            why.append(("받은 리뷰가 없음", "no review"))
        if coder in split:
            why.append(("리뷰어끼리 답이 갈림", "reviewers disagree"))
        if overlooked:
            ko, en = (
                "; ".join(_short(text.in_(lang)) for text in overlooked.values()) for lang in ("ko", "en")
            )
            why.append((f"아무도 짚지 않은 점: {ko}", f"nobody noticed: {en}"))
        if any(r.beyond for r in mine):
            why.append(("채점기가 보지 못한 지적이 있음", "a point the grader did not make"))
        if any(r.review.unread for r in mine):
            why.append(("읽지 못한 표시가 있음", "marks that could not be read"))
        if why:
            ko, en = (" · ".join(part) for part in zip(*why, strict=True))
            found.append(SpotCheck(coder=coder, why=Text(ko=ko, en=en)))
    rest = sorted(set(by_coder) - {check.coder for check in found})
    count = min(len(rest), max(1, round(AT_RANDOM * len(rest)))) if rest else 0
    for coder in sorted(random.Random(seed).sample(rest, count)):
        found.append(SpotCheck(coder=coder, why=Text(ko="무작위로 고름", en="chosen at random")))
    return tuple(found)


def _short(text: str) -> str:
    """The first sentence, or as much of it as a list can take."""
    first = text.replace("**", "").split(". ")[0].rstrip(".")
    return first if len(first) <= SHORT else first[: SHORT - 1] + "…"


def table(standing: Standing) -> str:
    """reviewers.csv."""
    columns = ("name", "weight", "agreement", "settled", "confirmed", "contradicted", "noticed", "missed")
    columns += ("beyond", "pointed", "repeated", "owed")
    rows: list[tuple[object, ...]] = [(*columns, "talk")]
    for reviewer in standing.reviewers:
        values = (getattr(reviewer, column) for column in columns)
        shown = ["" if v is None else f"{v:.3f}" if isinstance(v, float) else v for v in values]
        rows.append((*shown, "; ".join(why.en for why in reviewer.talk)))
    return spreadsheet.table(rows)
