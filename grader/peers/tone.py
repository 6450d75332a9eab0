"""Whether a Korean sentence of a review approves or finds something lacking. Coarse on purpose.

Used to tell an empty box under praise from a 'no', and to notice a mark that its own words deny; it never
decides a mark. Called by `grader.peers.reading` and `grader.peers.claims`.
"""

from __future__ import annotations

import re

_DENIED_TROUBLE = re.compile(
    r"(?:문제|이상|오류|에러|어려움|막힘|무리|군더더기|부족함?|흠잡을 데|나무랄 데)\w{0,2}\s*(?:없|전혀)"
    r"|막힘없|손색\s*없|부족하지\s*않|나쁘지\s*않|no (?:errors?|problems?|issues?)",
    re.I,
)
_LACKING = re.compile(
    r"않았|않은|않아|않습|않고|못했|못한|못하|못 ?한|없었|없습|없어|없는|없다|없네|없음|안\s?되|안\s?했"
    r"|부족|아쉽|아쉬운|미완|미흡|빠져|빠졌|누락|보이지|틀렸|잘못|실패|의심|불분명|확인\s?불가|확인이 어렵"
    r"|\bnot\b|n't\b|missing|lacks?\b|wrong|fails?\b|unclear",
    re.I,
)
_PRAISING = re.compile(
    r"잘|좋|훌륭|확인했|확인하였|확인됩|확인할 수 있|달성|완료|완성|인상|깔끔|성공|명확"
    r"|이해[가하]|작성되|작성하|정리|적용하|적용했|적용되|수행하|수행했|비교하|비교했|시도|노력|간결|정상"
    r"|\bwell\b|good|great|clear|success|nice|complete",
    re.I,
)


def tone(sentence: str) -> str:
    """'positive', 'negative' or '' for neither or both."""
    rest, freed = _DENIED_TROUBLE.subn(" ", sentence)
    lacking = bool(_LACKING.search(rest))
    praising = bool(freed) or bool(_PRAISING.search(rest))
    if lacking == praising:
        return ""
    return "negative" if lacking else "positive"


def together(tones: list[str]) -> str:
    """The tone of several sentences: one that all coloured ones share, else ''."""
    coloured = {t for t in tones if t}
    return coloured.pop() if len(coloured) == 1 else ""
