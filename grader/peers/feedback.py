"""A Reflection -> a page for the reviewer, in kind words. Decides nothing.

Called by `grader.cli.peers` and `grader.peers.calibrate`.
"""

from __future__ import annotations

from collections.abc import Iterable

from grader import wording as words
from grader.peers.compare import Checked, Result
from grader.peers.noticed import Fact
from grader.peers.reflect import Reflection
from grader.peers.reviews import Says
from grader.records import Text
from grader.review.markdown import prose, tidied
from grader.templating import environment

SHOWN = 6
TOPICS = {
    "r1": Text(ko="항목 1(모델과 데이터)", en="Item 1 (model and data)"),
    "r2": Text(ko="항목 2(성능 개선)", en="Item 2 (better results)"),
    "r3": Text(ko="항목 3(bucketing)", en="Item 3 (bucketing)"),
    "q1": Text(ko="완성도", en="Completeness"),
    "q2": Text(ko="주석과 설명", en="Comments"),
    "q3": Text(ko="오류 가능성", en="Possible errors"),
    "q4": Text(ko="코더의 이해", en="The coder's understanding"),
    "q5": Text(ko="간결함", en="Conciseness"),
    "tried": Text(ko="디버깅과 새로운 시도", en="Debugging and experiments"),
    "reflected": Text(ko="회고", en="Looking back"),
    "closing": Text(ko="리뷰어의 한마디", en="The reviewers' last word"),
    "split": Text(ko="데이터 분할", en="Data split"),
    "hyperparameters": Text(ko="하이퍼파라미터", en="Hyperparameters"),
    "visualised": Text(ko="시각화", en="Drawing the results"),
    "recorded": Text(ko="실험 기록", en="Results on record"),
    "learned": Text(ko="배운 점", en="What was learned"),
    "regret": Text(ko="아쉬운 점", en="What is regretted"),
    "feeling": Text(ko="느낀 점", en="How it felt"),
    "difficulty": Text(ko="어려웠던 점", en="What was hard"),
}
SAID = {
    Says.YES: Text(ko="그렇다", en="yes"),
    Says.NO: Text(ko="아니다", en="no"),
    Says.PARTIAL: Text(ko="일부", en="in part"),
}
SAFE = {
    Says.YES: Text(ko="오류 가능성이 없다", en="no errors to be expected"),
    Says.NO: Text(ko="오류 가능성이 있다", en="errors are possible"),
}


def write(reflection: Reflection, work: str, lang: str) -> str:
    """The page as markdown."""

    def told(items: Iterable[Checked]) -> list[str]:
        return [prose(_claim(c, lang)) for c in items][:SHOWN]

    facts = [_fact(fact, lang) for fact in reflection.missed]
    seen = [f"{_noticed(lang)}{_fact(fact, lang)}" for fact, _ in reflection.noticed]
    good = [*map(prose, seen), *told(reflection.of(Result.CONFIRMED))]
    page = {
        "t": (lambda ko, en: ko) if lang == "ko" else (lambda ko, en: en),
        "work": prose(work),
        "good": good[: SHOWN + 2],
        "again": told(reflection.of(Result.CONTRADICTED)),
        "missed": [prose(line) for line in facts][:SHOWN],
        "own": [prose(f"“{s.text}”") for s in reflection.beyond][:SHOWN],
        "open": told(
            c for c in reflection.of(Result.UNDECIDED) if c.claim.topic not in ("closing", "checklist")
        ),
        "unread": [
            prose(f"{_line(u.line, lang)}: {u.what} — {u.why.in_(lang)}") for u in reflection.review.unread
        ],
        "advice": prose(advice(reflection).in_(lang)),
    }
    return tidied(environment(html=False).get_template("peers/feedback.md.j2").render(page))


def topic(name: str, lang: str) -> str:
    """What a question is called."""
    return TOPICS[name].in_(lang) if name in TOPICS else name


def says(checked: Checked, lang: str) -> str:
    """What was claimed, in two words."""
    claim = checked.claim
    table = SAFE if claim.topic == "q3" and claim.kind == "answer" else SAID
    return table[claim.says].in_(lang) if claim.says in table else "?"


def _claim(checked: Checked, lang: str) -> str:
    """'항목 3(bucketing)에 "그렇다" (리뷰 12째 줄) — 셀 11에 …'."""
    claim = checked.claim
    if claim.kind == "answer":
        what = f"{topic(claim.topic, lang)}: “{says(checked, lang)}”"
        if claim.basis != "mark":
            what += " (표시는 없고 말로)" if lang == "ko" else " (in words, no mark)"
    else:
        what = f"“{claim.quote}”"
    why = checked.why.in_(lang)
    place = words.cells(checked.cells, lang)
    named = ("셀 " if lang == "ko" else "cell") in why.lower()
    end = f" ({place})" if place and not named else ""
    return f"{what} ({_line(claim.line, lang)}) — {why}{end}"


def _line(line: int, lang: str) -> str:
    return f"리뷰 {line}번째 줄" if lang == "ko" else f"line {line} of the review"


def _noticed(lang: str) -> str:
    return "중요한 점을 알아보셨습니다: " if lang == "ko" else "You noticed what matters: "


def _fact(fact: Fact, lang: str) -> str:
    """The fact; its cells before it where its words name none."""
    said = fact.text.in_(lang)
    shown = words.cells(fact.cells, lang)
    named = ("셀 " if lang == "ko" else "cell") in said.lower()
    return said if named or not shown else f"{shown}: {said}"


def advice(reflection: Reflection) -> Text:
    """The one thing that would help this reviewer most."""
    specificity, missed = reflection.specificity, reflection.missed
    if reflection.of(Result.CONTRADICTED) and missed:
        return Text(
            ko="표시하기 전에 그 근거가 되는 출력을 찾아 셀 번호를 적어 보세요. 코드에 설정이 있는 것과 "
            "실제로 달라진 것은 다를 수 있습니다.",
            en="Before you mark, find the output it rests on and note its cell. That an option is set does "
            "not mean that anything changed.",
        )
    if missed:
        return Text(
            ko="앞뒤 실행의 숫자(행당 토큰, 시간, 정확도)를 나란히 적어 보면 놓친 점이 바로 보입니다.",
            en="Put the numbers of both runs side by side (tokens per row, time): what was missed shows.",
        )
    if specificity.repeated > 1:
        return Text(
            ko="같은 문장을 여러 곳에 쓰셨습니다. 이 노트북에서만 할 수 있는 말을 한 줄씩 더해 보세요.",
            en="Some sentences came more than once. Add a line each that only fits this notebook.",
        )
    if specificity.share is None or specificity.share < 0.3:
        return Text(
            ko="칭찬에도 셀 번호를 붙여 보세요. '잘하셨습니다'보다 '셀 9에서 중복을 지운 점'이 더 남습니다.",
            en="Give praise a cell too: 'removing duplicates in cell 9' stays longer than 'well done'.",
        )
    return Text(
        ko="구체적으로 잘 써 주셨습니다. 다음에는 코더에게 물어볼 질문을 하나 더해 보세요.",
        en="Specific and well put. Next time add one question for the coder.",
    )
