"""Which of the facts that matter a review noticed, and what it saw that the machine didn't. Pure.

A fact that matters is a finding a reader could have seen in the notebook (a contradiction or a warning),
or a rubric item that isn't met. It counts as noticed when a sentence speaks of it, or finds fault with
one of its cells. Called by `grader.peers.reflect`.
"""

from __future__ import annotations

import re

from grader.peers.claims import BUCKETING, NO_EFFECT, NOT_DONE, cells
from grader.peers.compare import ITEMS, Checked, Result
from grader.peers.reviews import PeerReview, Says, Statement
from grader.records import Bucketing, Judgement, Record, Status, Text

UNSEEN = frozenset(
    ("at-the-threshold", "evidence-in-images", "run-not-trusted", "observed-differs", "verified-below-claim")
)
"""Warnings that a reader of the notebook can't see or need not raise."""


def _all(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.I) for pattern in patterns)


DIFFERS = r"다르|다른|일치하지|맞지|차이|어긋|differ|mismatch|not match"
SPEAKS = {
    "no-op-bucketing": (BUCKETING, NO_EFFECT),
    "weak-bucketing": (BUCKETING, NO_EFFECT),
    "stale-output": _all(
        r"출력|결과|output",
        r"예전|이전|옛|다른 코드|지금 코드|다시 실행|일치하지|맞지|stale|older|different code",
    ),
    "test-as-validation": _all(r"test|테스트", r"valid|검증|평가"),
    "leak": _all(r"누수|leak|겹치|겹친|같은 데이터|학습(?:에|한|에 쓴).{0,12}(?:데이터|행|리뷰)"),
    "confounded": _all(
        r"조건|에폭|epoch|배치|batch|학습률|행 수|데이터 수|rows", rf"{DIFFERS}|공정|같지 않|unfair"
    ),
    "typed-differs-from-stored": _all(
        r"표|숫자|적은|적힌|값|table|number|typed", DIFFERS + r"|출력에 없|근거"
    ),
    "stored-error": _all(r"오류|에러|error|traceback"),
    "printed-without-training": _all(r"학습.{0,8}(?:없|않|안)|하드코딩|직접 출력|print|without training"),
    "overfitting": _all(r"과적합|overfit|검증 손실|validation loss|eval_loss"),
    "subset-evaluation": _all(r"일부|subset|줄여|적은 데이터|샘플"),
    "short-max-length": _all(r"max_?len|최대 길이|짧"),
    "same-score": _all(r"점수|정확도|accuracy|score", r"똑같|동일|같은|identical|same"),
    "continued-training": _all(r"이어서|계속 학습|초기화|새로 불러|continued|same model"),
    "speedup-not-measured": _all(r"속도|시간|speed|time", r"근거|확인|출력|맞지|다르|measured|evidence"),
    "speed-after-early-stopping": _all(r"조기|early.?stop"),
    "dynamic-baseline": _all(r"기준|baseline|처음", r"동적|dynamic|이미|already"),
}
"""By finding: what a sentence must hold to speak of it (all of the patterns)."""

SUGGESTS = re.compile(
    r"[면] 좋|추천|제안|어떨까|필요|해 ?보세요|하면 |대신|주의|궁금|\?$|should|could|instead|suggest|why",
    re.I,
)
CODE_WORD = re.compile(r"`[^`]+`|\b[a-zA-Z]+_[a-zA-Z_]+\b|\b[A-Z][a-z]+[A-Z]\w+\b|\w+\(\)")


class Fact(Record):
    """Something about the notebook that a review should not miss."""

    id: str
    text: Text
    cells: tuple[int, ...]


def that_matter(judgement: Judgement) -> tuple[Fact, ...]:
    """The facts of this notebook that matter, each once."""
    found: dict[str, Fact] = {}
    for finding in judgement.findings:
        if finding.severity in ("contradiction", "warning") and finding.id not in UNSEEN:
            known = found.get(finding.id)
            where = {c.cell for c in finding.citations} | set(known.cells if known else ())
            text = known.text if known else finding.text
            found[finding.id] = Fact(id=finding.id, text=text, cells=tuple(sorted(where)))
    state = judgement.facts.bucketing
    effect = found.keys() & {"no-op-bucketing", "weak-bucketing", "stale-output"}
    for verdict in judgement.items:
        told = verdict.item == "r3" and (effect or state is Bucketing.UNKNOWN)
        if verdict.status in (Status.FAIL, Status.PARTIAL) and not told:
            where = tuple(sorted({c.cell for c in verdict.citations}))
            found[f"{verdict.item}-not-met"] = Fact(
                id=f"{verdict.item}-not-met", text=verdict.actual, cells=where
            )
    return tuple(found.values())


def noticed(fact: Fact, review: PeerReview, checked: tuple[Checked, ...]) -> Statement | bool | None:
    """The sentence that speaks of `fact`; True where a mark does; None where nothing does."""
    patterns = SPEAKS.get(fact.id)
    item = fact.id.removesuffix("-not-met")
    for statement in review.statements:
        there = statement.tone == "negative" and cells(statement.text) & set(fact.cells)
        faulted = there and (not patterns or patterns[0].search(statement.text))
        spoken = patterns and all(pattern.search(statement.text) for pattern in patterns)
        lacking = item in ITEMS and statement.topic == item and NOT_DONE.search(statement.text)
        bucketing = item == "r3" and BUCKETING.search(statement.text) and NOT_DONE.search(statement.text)
        if faulted or spoken or lacking or bucketing:
            return statement
    marked = any(
        c.claim.kind == "answer"
        and c.claim.topic == item
        and c.claim.says in (Says.NO, Says.PARTIAL)
        and c.result is Result.CONFIRMED
        for c in checked
    )
    return True if marked else None


def beyond(
    review: PeerReview, facts: tuple[Fact, ...], checked: tuple[Checked, ...]
) -> tuple[Statement, ...]:
    """Sentences with a point of their own: a suggestion or a fault, tied to a place, that no fact covers."""
    covered = {s.line for fact in facts if isinstance(s := noticed(fact, review, checked), Statement)}
    wrong = {c.claim.line for c in checked if c.result is Result.CONTRADICTED and c.claim.basis == "words"}
    return tuple(
        s
        for s in review.statements
        if s.line not in covered | wrong
        and s.tone != "positive"
        and (SUGGESTS.search(s.text) or s.tone == "negative")
        and (CODE_WORD.search(s.text) or cells(s.text))
    )
