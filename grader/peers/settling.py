"""The marks of one page, once all of it is known -> answers. What can be meant in two ways stays unclear.

A cross is a tick in a check box, and a 'no' where circles are the 'yes' (V1, whose boxes ask for o or x).
So what it says depends on the page: on V1 with circles a no; on the other versions without circles a
yes; in between it is listed, and nobody's mark is turned round. Called by `grader.peers.reading`.
"""

from __future__ import annotations

import msgspec

from grader.peers import marks
from grader.peers.formats import questions
from grader.peers.reviews import Answer, PeerReview, Says, Statement, Unread
from grader.peers.tone import together
from grader.records import Text


def settle(page, file: str, sha256: str) -> PeerReview:
    """The finished review of a `reading.Page`."""
    version = _version(page)
    crosses, why = _crosses(version, page.found)
    unread = list(page.unread)
    by_topic: dict[str, list[Answer]] = {}
    for answer in page.found:
        by_topic.setdefault(answer.topic, []).append(_meant(answer, crosses, why, page.statements, unread))
    answers = [_one(same, unread) for same in by_topic.values()]
    unread += _not_found(version, set(by_topic), page)
    return PeerReview(
        file=file,
        sha256=sha256,
        version=version,
        reviewer=page.names.get("reviewer", ""),
        coder=page.names.get("coder", ""),
        line=page.line,
        answers=tuple(sorted(answers, key=lambda a: a.line)),
        statements=tuple(page.statements),
        unread=tuple(sorted(unread, key=lambda u: u.line)),
        images=page.images,
        code=page.code,
    )


def _version(page) -> str:
    """The PRT version that fits best; '' where V0 and V1, which ask the same, can't be told apart."""
    ranked = sorted(page.votes.items(), key=lambda entry: (-round(entry[1], 1), -int(entry[0][1:])))
    if not ranked:
        return ""
    best = ranked[0][0]
    if best not in ("v0", "v1"):
        return best
    numbered = sum(page.numbered) * 2 > len(page.numbered)
    v0 = ("v0" in page.signs) + numbered
    v1 = ("v1" in page.signs) + (not numbered)
    return "v0" if v0 > v1 else "v1" if v1 > v0 else ""


def _crosses(version: str, answers: list[Answer]) -> tuple[Says, Text | None]:
    """What a cross says on this page, and why that isn't clear where it isn't."""
    used = {answer.mark for answer in answers}
    circles, crosses = bool(used & marks.CIRCLES), bool(used & marks.CROSSES)
    if version == "v1" and circles:
        return Says.NO, None
    if version in ("v0", "v2", "v3", "v4") and not circles:
        return Says.YES, None
    if not crosses:
        return Says.UNCLEAR, None
    if circles:
        return Says.UNCLEAR, Text(
            ko="같은 리뷰에 동그라미(o)와 x가 함께 있어, x가 '체크'인지 '아니요'인지 알 수 없습니다.",
            en="Circles and crosses on one page: a cross may be a tick or a no.",
        )
    return Says.UNCLEAR, Text(
        ko="이 양식에서는 o/x로 답하는데 x만 있어, '체크'인지 '아니요'인지 알 수 없습니다.",
        en="This version asks for o or x, and there are only crosses: a tick or a no?",
    )


def _meant(
    answer: Answer, crosses: Says, why: Text | None, statements: list[Statement], unread: list[Unread]
) -> Answer:
    """`answer` with what its mark says."""
    says = marks.meaning(answer.mark, crosses=crosses)
    basis = "mark"
    under = [s for s in statements if s.topic == answer.topic and s.line > answer.line]
    plain = marks.opening(under[0].text) if under else None
    if says is Says.OPEN and plain:
        says, basis = plain, "words"
    elif plain and says in (Says.YES, Says.NO) and says is not plain:
        says = Says.UNCLEAR
        why = Text(
            ko="표시와 바로 아래의 말이 서로 다릅니다.", en="The mark and the words under it disagree."
        )
    elif says is Says.NO and answer.mark in marks.CROSSES and _praised(answer.topic, under):
        says = Says.UNCLEAR
        why = Text(
            ko="x 표시 아래의 말은 모두 긍정적이라, '아니요'라는 뜻인지 알 수 없습니다.",
            en="A cross over nothing but praise: is it a no?",
        )
    if answer.topic == "q3" and answer.safe is None and says in (Says.YES, Says.NO, Says.PARTIAL):
        says = Says.UNCLEAR
        why = Text(
            ko="질문이 '있나요'인지 '없나요'인지 알 수 없어 뜻을 정하지 않았습니다.",
            en="Whether the question asks for errors or for their absence can't be read.",
        )
    if says is Says.UNCLEAR:
        reason = why or Text(ko="모르는 표시입니다.", en="A mark that isn't known.")
        unread.append(Unread(line=answer.line, what=f"[{answer.mark}] {answer.topic}", why=reason))
    return msgspec.structs.replace(answer, says=says, basis=basis)


def _praised(topic: str, under: list[Statement]) -> bool:
    """Nothing but praise, under a question whose 'no' would be blame."""
    return topic != "q3" and together([s.tone for s in under]) == "positive"


def _one(same: list[Answer], unread: list[Unread]) -> Answer:
    """One answer a topic: a check list and its section may ask the same thing twice."""
    marked = [a for a in same if a.says is not Says.OPEN]
    if not marked:
        return same[0]
    if len({a.says for a in marked}) == 1:
        return marked[0]
    why = Text(ko="같은 질문에 서로 다른 표시가 있습니다.", en="Two different marks for one question.")
    unread.append(Unread(line=marked[-1].line, what=f"{marked[-1].topic}", why=why))
    return msgspec.structs.replace(marked[0], says=Says.UNCLEAR)


def _not_found(version: str, topics: set[str], page) -> list[Unread]:
    """Questions of this version that aren't on the page (or can't be recognised any more)."""
    wanted = dict.fromkeys(line.topic for line in questions() if line.version == version)
    return [
        Unread(
            line=page.line,
            what=topic,
            why=Text(ko=f"질문 `{topic}`을(를) 찾지 못했습니다.", en=f"Question {topic} was not found."),
        )
        for topic in wanted
        if topic not in topics and not topic.startswith("why")
    ]
