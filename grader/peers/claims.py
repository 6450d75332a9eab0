"""A review -> what its author claims about the notebook: marks, and the few sentences that can be tested.

An empty box claims nothing; under words of one colour the words claim it, and the claim says so. Called
by `grader.peers.compare`.
"""

from __future__ import annotations

import re

from grader.peers.reviews import Answer, PeerReview, Says, Statement
from grader.peers.tone import together
from grader.records import Record

BUCKETING = re.compile(
    r"buc?k(?:e?t|t?e)t?ing|buc?keing|버[킷켓]?\s?팅|버[킷케켓]팅|부[킷켓]팅|길이\s*그룹|동적\s*패딩|dynamic\s*pad|"
    r"group_by_length|DataCollator",
    re.I,
)
"""As students spell it."""
EFFECT = re.compile(
    r"성공|효과|빨라|빠르|단축|줄어|줄였|줄었|감소|개선|향상|이점|효율|faster|speed|reduc|effective|improv",
    re.I,
)
NO_EFFECT = re.compile(
    r"효과\w{0,2}\s*(?:없|보지|크지|미미|적)|줄지\s*않|줄어들지\s*않|빨라지지\s*않|그대로|차이\w{0,2}\s*(?:거의\s*)?없|변화\w{0,2}\s*(?:거의\s*)?없"
    r"|의미\w{0,2}\s*없|이미\s*(?:모두\s*)?(?:패딩|같은|max|고정)"
    r"|no effect|unchanged|no difference|already padded|same (?:length|width)",
    re.I,
)
NOT_DONE = re.compile(r"않|못|없|미완|빠져|빠졌|안\s?했|누락|\bnot\b|n't\b|missing|never", re.I)
ACCURACY = re.compile(r"정확도|accuracy|\bacc\b|스코어|score|성능", re.I)
NUMBER = re.compile(
    r"(?<![\d.])(?:0?\.(?P<share>\d{2,4})(?!\d)|(?P<percent>\d{2}(?:\.\d{1,2})?)\s*(?:%|퍼센트|프로))"
)
OWN_WORK = re.compile(r"저는|제가|저의|저도|제 (?:코드|경우|모델)|\b(?:I|my|mine)\b")
"""Reviewers compare with their own notebook; that is no claim about this one."""
AT_LEAST = re.compile(r"이상|넘|달성|도달|at least|above|over|reach", re.I)
CELL = re.compile(
    r"(?:셀|cell)s?\s*#?(\d{1,3}(?:\s*[,·~–-]\s*\d{1,3})*)|(\d{1,3})\s*번(?:째)?\s*셀|In\s*\[(\d+)\]", re.I
)


class Claim(Record):
    """One thing a reviewer says about the notebook."""

    kind: str
    """'answer' (a mark), 'accuracy', 'threshold', 'bucketing' (its effect), 'cell' (a cell cited)."""
    topic: str
    says: Says
    """For 'bucketing': YES = it had an effect. For question 3: YES = no errors are to be expected."""
    basis: str
    """'mark', 'words' (said outright) or 'tone' (an empty box, and what is written under it approves or
    disapproves: shown to people, never counted for or against the reviewer)."""
    line: int
    quote: str = ""
    number: float | None = None


def claims(review: PeerReview) -> tuple[Claim, ...]:
    """All of them, in order of line."""
    found = [c for answer in review.answers if (c := _answer(review, answer))]
    for statement in review.statements:
        found += _sentence(statement)
    return tuple(sorted(found, key=lambda c: c.line))


def cells(text: str) -> set[int]:
    """Cells that a sentence names (셀 8, 11 · 12번 셀 · cell 3); ranges with both ends only."""
    numbers: set[int] = set()
    for several, one, _count in CELL.findall(text):
        numbers |= {int(n) for n in re.findall(r"\d+", several or one)}
    return numbers


def _answer(review: PeerReview, answer: Answer) -> Claim | None:
    """What a mark claims; of an empty box, what the words under it claim."""
    under = [s for s in review.statements if s.topic == answer.topic]
    colour = together([s.tone for s in under])
    says, basis, quote = answer.says, answer.basis, ""
    if says is Says.OPEN and colour:
        says, basis = (Says.YES if colour == "positive" else Says.NO), "tone"
        quote = next(s.text for s in under if s.tone)
        return Claim(
            kind="answer", topic=answer.topic, says=says, basis=basis, line=answer.line, quote=quote[:120]
        )
    if says in (Says.OPEN, Says.UNCLEAR, Says.NOT_APPLICABLE):
        return None
    if answer.topic == "q3" and not answer.safe:
        # "Could it cause errors?" yes: not safe. Ticked over "all is well", nobody knows what is meant.
        says = {Says.YES: Says.NO, Says.NO: Says.YES}.get(says, says)
        if (says is Says.NO and colour == "positive") or (says is Says.YES and colour == "negative"):
            says = Says.UNCLEAR
    return Claim(kind="answer", topic=answer.topic, says=says, basis=basis, line=answer.line, quote=quote)


def _sentence(statement: Statement) -> list[Claim]:
    """The testable claims of one sentence."""
    text, found = statement.text, []

    def claim(kind: str, topic: str, says: Says, number: float | None = None) -> None:
        found.append(
            Claim(
                kind=kind,
                topic=topic,
                says=says,
                basis="words",
                line=statement.line,
                quote=text[:120],
                number=number,
            )
        )

    if BUCKETING.search(text):
        if NO_EFFECT.search(text):
            claim("bucketing", "r3", Says.NO)
        elif EFFECT.search(text) and not NOT_DONE.search(text):
            claim("bucketing", "r3", Says.YES)
    if ACCURACY.search(text) and not OWN_WORK.search(text):
        for match in NUMBER.finditer(text):
            value = float(f"0.{match['share']}") if match["share"] else float(match["percent"]) / 100
            if not 0.4 <= value <= 1:
                continue
            threshold = AT_LEAST.search(text, match.end(), match.end() + 12)
            if not threshold:
                claim("accuracy", "r2", Says.YES, value)
            elif not NOT_DONE.search(text):
                claim("threshold", "r2", Says.YES, value)
    for cell in sorted(cells(text)):
        claim("cell", statement.topic, Says.YES, float(cell))
    return found
