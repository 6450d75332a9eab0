"""Q4: did the coder understand the code? Only a conversation can tell, so this is never decided here.

What is offered: where the student reasons in words, which choices are left without a reason, and
three questions made from this notebook's own facts.
"""

from __future__ import annotations

import re

from grader.checks import lengths, say
from grader.checks.compare import DEPTHS, follows
from grader.checks.questions.ask import questions
from grader.checks.questions.words import (
    MODEL_LIMIT,
    cells,
    citations,
    cite,
    definition,
    observed,
    sentences,
    writes_length,
)
from grader.checks.say import code
from grader.facts import Kind
from grader.records import Evidence, Facts, Finding, Observation, Status, Text, Verdict

ASKED = 3

EXPECTED = Text(
    ko="코더가 고른 방법과 결과의 이유를 자기 말로 설명한다.",
    en="The coder can say in their own words why they chose this and why it came out so.",
)
ABOUT = {
    "bucketing": Text(ko="bucketing", en="bucketing"),
    "speed": Text(ko="속도", en="speed"),
    "accuracy": Text(ko="정확도", en="accuracy"),
    "trade-off": Text(ko="trade-off", en="the trade-off"),
    "reason": Text(ko="원인", en="the reason"),
    "tuning": Text(ko="튜닝", en="tuning"),
}


def decide(evidence: Evidence, facts: Facts, findings: tuple[Finding, ...]) -> Verdict:
    """q4: UNDECIDED, with what there is to go by and three questions."""
    analyses = [o for o in observed(evidence, Kind.ANALYSIS) if o.value.get("depth") != "none"]
    told = {o.cell for o in analyses}
    analyses += [
        o
        for o in observed(evidence, Kind.REMARK)
        if o.cell not in told
        and o.value.get("depth") in DEPTHS[1:]
        and follows(o.cell, facts.runs, facts.baseline, facts.bucketed)
    ]
    best = max(analyses, key=_weight, default=None)
    asked = questions(evidence, facts, findings, ASKED)
    unreasoned = _unreasoned(evidence)
    return Verdict(
        item="q4",
        status=Status.UNDECIDED,
        expected=EXPECTED,
        actual=_actual(analyses),
        reason=sentences(_what_is_said(evidence, analyses), unreasoned),
        citations=citations(_cite(evidence, best), *(_cite(evidence, o) for o in analyses[:2])),
        praise=_praise(best),
        person=Text(
            ko="코더에게 아래 질문을 해 보고, 대답을 들은 뒤 체크해 주세요.",
            en="Ask the coder the questions below and tick the box once you have heard the answers.",
        ),
        questions=asked,
    )


def _weight(o: Observation) -> tuple[bool, int, int]:
    about = o.value.get("about") or []
    return ("reason" in about or "trade-off" in about, len(about), int(o.value.get("words") or 0))


def _actual(analyses: list[Observation]) -> Text:
    if not analyses:
        return Text(ko="결과를 해석한 글을 찾지 못함", en="no text that interprets the results")
    where = cells(o.cell for o in analyses)
    return Text(ko=f"결과를 해석한 글: {where.ko}", en=f"results are interpreted in {where.en}")


def _what_is_said(evidence: Evidence, analyses: list[Observation]) -> Text:
    if analyses:
        about = [a for o in analyses for a in (o.value.get("about") or []) if a in ABOUT]
        topics = [ABOUT[a] for a in dict.fromkeys(about)]
        where = cells(o.cell for o in analyses)
        ko = "·".join(t.ko for t in topics) or "결과"
        en = ", ".join(t.en for t in topics) or "the results"
        return Text(
            ko=f"{where.ko}에 {ko} 이야기가 코더의 말로 적혀 있습니다.",
            en=f"In {where.en} the coder writes about {en} in their own words.",
        )
    reflections = observed(evidence, Kind.REFLECTION)
    if reflections:
        where = cells(o.cell for o in reflections)
        return Text(
            ko=f"{where.ko}에 회고가 있지만, 결과가 왜 그렇게 나왔는지 해석한 글은 찾지 못했습니다.",
            en=f"{where.en[0].upper()}{where.en[1:]} looks back, but nothing says why the results came "
            "out so.",
        )
    return Text(
        ko="노트북에서 결과를 해석한 글을 찾지 못해, 코드만으로는 이해한 정도를 알 수 없습니다.",
        en="Nothing in the notebook interprets the results, and code alone doesn't show understanding.",
    )


def _unreasoned(evidence: Evidence) -> Text | None:
    """Is there a reason for the chosen max_length: a length study, or words that name the number?"""
    written = [o for o in observed(evidence, Kind.TOKENIZE) if type(o.value.get("max_length")) is int]
    # A length that is written first; the model's own limit only where no other is.
    chosen = min(written, key=lambda o: o.value["max_length"] == MODEL_LIMIT, default=None)
    if chosen is None:
        return None
    at = definition(evidence.submission, chosen)
    length, where = chosen.value["max_length"], say.cell(at)
    if not writes_length(evidence, at, length):
        return Text(
            ko=f"{where.ko}의 토크나이저는 최대 길이를 정하지 않아 모델의 한계인 {length}토큰까지 받습니다.",
            en=f"The tokenizer in {where.en} sets no maximum, so rows may be {length} tokens long, the "
            "model's limit.",
        )
    value = Text(ko=f"{where.ko}의 `max_length={length}` 값은", en=f"For `max_length={length}` in {where.en}")
    studied = lengths.studied(evidence)
    if studied:
        told, unit = cells(o.cell for o in studied), lengths.not_tokens(studied)
        if unit is not None:
            return Text(
                ko=f"{value.ko} 토큰 수인데, 길이는 {unit.ko}로만 살펴보았습니다({told.ko}).",
                en=f"{value.en}, a number of tokens, lengths were looked at in {unit.en} only ({told.en}).",
            )
        return Text(
            ko=f"{value.ko} 길이를 살펴본 기록({told.ko})을 근거로 삼을 수 있습니다.",
            en=f"{value.en} the lengths were looked at ({told.en}).",
        )
    named, reasoned = _names_length(evidence, length, at)
    if reasoned:
        told = cells(reasoned)
        return Text(
            ko=f"{value.ko} 고른 까닭이 글로 적혀 있습니다({told.ko}).",
            en=f"{value.en} the text gives a reason ({told.en}).",
        )
    if named:
        told = cells(named)
        return Text(
            ko=f"{value.ko} {told.ko}의 글에도 나오지만, 그 값을 고른 근거는 적혀 있지 않습니다.",
            en=f"{value.en} the text names the value ({told.en}) but gives no reason.",
        )
    return Text(
        ko=f"{where.ko}의 `max_length={length}` 값은 고른 근거가 적혀 있지 않습니다.",
        en=f"No reason is given for `max_length={length}` in {where.en}.",
    )


_REASON = re.compile(
    r"때문|므로|아서|라서|위해|근거|이유|참조|참고|대부분|이하|이내|커버|분포|평균|중앙값|최장|가장 긴|잘리"
    r"|%|퍼센트|백분위|because|so that|cover|longest|distribution|average|median|most of|percent|quantile",
    re.IGNORECASE,
)
_MAXIMUM = re.compile(r"max[_ ]?len|maximum length|최대\s*길이", re.IGNORECASE)


def _names_length(evidence: Evidence, length: int, at: int) -> tuple[list[int], list[int]]:
    """Markdown cells up to the next one below that speak of length and name this number; and cells that give
    a reason in the same line.

    What is said of a length after the training is a result, no reason for having chosen it, unless the line
    speaks of the maximum itself.
    """
    below = next((c.index for c in evidence.submission.cells if c.index > at and c.kind == "code"), at)
    number = re.compile(rf"(?<!\d){length}(?!\d)")
    named, reasoned = [], []
    for c in (c for c in evidence.submission.cells if c.kind == "markdown"):
        rows = [row for row in c.source.splitlines() if number.search(row)]
        early = c.index <= below and re.search(r"길이|토큰|length|token", c.source, re.IGNORECASE)
        if early and rows:
            named.append(c.index)
        if any(_REASON.search(row) and (early or _MAXIMUM.search(row)) for row in rows):
            reasoned.append(c.index)
    return named, reasoned


def _praise(best: Observation | None) -> Text | None:
    if best is None or best.cell is None:
        return None
    about = best.value.get("about") or []
    quote = code(_clean(best.quote), 90) if best.quote else ""
    if "reason" in about:
        said = Text(
            ko=f"셀 {best.cell}에서 숫자를 옮기는 데 그치지 않고 이유까지 생각해 본 점이 좋았습니다",
            en=f"Cell {best.cell} doesn't stop at the numbers but asks why",
        )
    elif "trade-off" in about:
        said = Text(
            ko=f"셀 {best.cell}에서 속도와 성능을 함께 놓고 따져 본 점이 좋았습니다",
            en=f"Cell {best.cell} weighs speed against accuracy",
        )
    else:
        said = Text(
            ko=f"셀 {best.cell}에 결과를 자기 말로 정리해 둔 점이 좋았습니다",
            en=f"Cell {best.cell} sums up the result in the coder's own words",
        )
    tail = f": {quote}" if quote else "."
    return Text(ko=said.ko + tail, en=said.en + tail)


def _clean(quote: str) -> str:
    """The first line of a quotation, without markdown marks in front."""
    return (quote.strip().splitlines() or [""])[0].lstrip("#*->•0123456789. ")


def _cite(evidence: Evidence, o: Observation | None):
    if o is None:
        return None
    cited = cite(evidence, o.cell)
    return cited if cited is None or not o.quote else type(cited)(cell=cited.cell, quote=o.quote[:300])
