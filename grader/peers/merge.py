"""Machine evidence, peer reviews, an instructor's decisions -> one final review that names its sources.

An instructor's decision stands over the machine's verdict, and the verdict over the peers' marks. Where the
machine is undecided the peers' weighted opinion is shown as an opinion, and the item stays open for a person.
What the evidence contradicts is kept in merged.json and left out of the student's page. Called by
`grader.cli.peers`.
"""

from __future__ import annotations

from collections.abc import Iterable

from grader import wording as words
from grader.peers.compare import Result
from grader.peers.facts import find
from grader.peers.feedback import topic as title
from grader.peers.reflect import Reflection, is_polite
from grader.peers.reviews import Statement
from grader.peers.weigh import Weights
from grader.records import Evidence, Judgement, Record, Status, Text, Verdict
from grader.review.markdown import prose, tidied
from grader.templating import environment

TOPICS = ("r1", "r2", "r3", "q2", "q3", "q4", "q5", "tried", "reflected")
VERSION = 1
EACH = 3
"""Sentences shown of one peer on one topic; merged.json has all."""
AGREES, DENIES = 0.75, 0.25
"""Weighted opinion (0..1) from and below which peers are said to agree or deny."""
HIDDEN = ("contradicted", "polite")
NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Decision(Record):
    """An instructor's."""

    item: str
    status: Status
    who: str
    why: str
    at: str = ""
    points: float | None = None


class Said(Record):
    """One statement with its source."""

    topic: str
    source: str
    """'machine', 'peer' or 'instructor'."""
    text: Text
    cells: tuple[int, ...] = ()
    who: str = ""
    """The instructor's name; of a peer 'A', 'B', …, since the page goes to the coder."""
    line: int = 0
    """Of a peer: in which line of their review."""
    file: str = ""
    standing: str = ""
    """Of a peer's sentence: 'confirmed', 'contradicted', 'beyond' (the machine has nothing on it), 'polite'
    (fits any notebook: kept here, left out of the page) or ''."""


class Merged(Record, omit_defaults=False):
    """The final review as data."""

    version: int
    coder: str
    statuses: dict[str, Status]
    """By rubric item, after the instructor's decisions."""
    decided_by: dict[str, str]
    """'machine', 'instructor', or 'nobody' where it is still open."""
    opinions: dict[str, float]
    """The peers' weighted opinion (0..1) on what the machine can't settle."""
    said: tuple[Said, ...]


def merge(
    coder: str,
    evidence: Evidence,
    judgement: Judgement,
    reflections: tuple[Reflection, ...],
    weights: Weights,
    decisions: Iterable[Decision] = (),
) -> Merged:
    """Everything said of `coder`'s work; `decisions` oldest first, the last on an item counts."""
    newest = {decision.item: decision for decision in decisions}
    statuses, by = {}, {}
    for verdict in judgement.items:
        decision = newest.get(verdict.item)
        statuses[verdict.item] = decision.status if decision else verdict.status
        machine = "nobody" if verdict.status is Status.UNDECIDED else "machine"
        by[verdict.item] = "instructor" if decision else machine
    said = [s for name in TOPICS for s in _machine(name, judgement)]
    for index, reflection in enumerate(reflections):
        said += _peer(NAMES[index % len(NAMES)], reflection)
    said += [_instructor(decision) for decision in newest.values()]
    opinions = {name: value for (whose, name), value in weights.consensus.items() if whose == coder}
    return Merged(
        version=VERSION,
        coder=coder,
        statuses=statuses,
        decided_by=by,
        opinions=opinions,
        said=tuple(said),
    )


def _machine(name: str, judgement: Judgement) -> list[Said]:
    verdict = find(judgement, name)
    if verdict is None:
        return []
    cells = tuple(sorted({c.cell for c in verdict.citations}))
    texts = [text for text in (verdict.praise, verdict.actual, verdict.reason) if text and text.ko]
    if name not in ("r1", "r2", "r3"):
        texts = [text for text in (verdict.praise, verdict.reason) if text and text.ko]
    return [
        Said(topic=name, source="machine", text=line, cells=cells) for text in texts for line in _lines(text)
    ]


def _lines(text: Text) -> list[Text]:
    """A list as its points, where both languages have as many; else the text as it is."""
    ko, en = (
        [row.removeprefix("- ") for row in said.splitlines() if row.strip()] for said in (text.ko, text.en)
    )
    if len(ko) != len(en):
        return [text]
    return [Text(ko=a, en=b) for a, b in zip(ko, en, strict=True)]


def _peer(letter: str, reflection: Reflection) -> list[Said]:
    standings: dict[int, str] = {}
    for checked in reflection.checked:
        if checked.claim.basis == "words" and checked.claim.kind not in ("cell", "answer"):
            known = standings.get(checked.claim.line)
            if checked.result is not Result.UNDECIDED and known != "contradicted":
                standings[checked.claim.line] = str(checked.result)
    own = {s.line for s in reflection.beyond}

    def standing(statement: Statement) -> str:
        if statement.line in own:
            return "beyond"
        known = standings.get(statement.line, "")
        return known or ("polite" if is_polite(statement.text) else "")

    return [
        Said(
            topic=statement.topic,
            source="peer",
            text=Text(ko=statement.text, en=statement.text),
            who=letter,
            line=statement.line,
            file=reflection.review.file,
            standing=standing(statement),
        )
        for statement in _statements(reflection)
    ]


def _statements(reflection: Reflection) -> Iterable[Statement]:
    return (s for s in reflection.review.statements if len(s.text) > 5)


def _instructor(decision: Decision) -> Said:
    return Said(
        topic=decision.item,
        source="instructor",
        text=Text(ko=decision.why, en=decision.why),
        who=decision.who,
        file=decision.at,
    )


def page(merged: Merged, judgement: Judgement, reviews: int, lang: str) -> str:
    """The final review as markdown, for the coder."""
    ko = lang == "ko"
    parts = []
    open_ = []
    for name in (*TOPICS, "q1", "closing"):
        verdict = find(judgement, name)
        lines = [line for line in merged.said if line.topic == name and line.standing not in HIDDEN]
        if name not in merged.statuses and not lines:
            continue
        status = merged.statuses.get(name)
        parts.append(_part(name, verdict, status, merged, lines, lang))
        if status is Status.UNDECIDED or (status is None and verdict and verdict.person and name == "q4"):
            person = verdict.person.in_(lang) if verdict and verdict.person else title(name, lang)
            open_.append(prose(person))
    sources = (
        ("채점기", f"동료 리뷰 {reviews}개", "강사")
        if ko
        else ("grader", f"{reviews} peer reviews", "instructor")
    )
    overridden = "instructor" in merged.decided_by.values()
    how = " · ".join(sources if overridden else sources[:2])
    text = (
        f"이 글은 {how}의 말을 모은 것입니다. 문장마다 끝에 출처가 있습니다."
        if ko
        else f"Put together from: {how}. Each statement ends with its source."
    )
    context = {
        "t": (lambda k, e: k) if ko else (lambda k, e: e),
        "work": prose(merged.coder),
        "how": text,
        "parts": parts,
        "open": open_,
    }
    return tidied(environment(html=False).get_template("peers/merged.md.j2").render(context))


def _part(
    name: str, verdict: Verdict | None, status: Status | None, merged: Merged, lines: list[Said], lang: str
) -> dict:
    shown: list[Said] = []
    counts: dict[str, int] = {}
    # A peer's own points and what the record bears out come before plain praise.
    order = {"beyond": 0, "confirmed": 1, "": 2}
    for line in sorted(lines, key=lambda s: (s.source == "peer", order.get(s.standing, 2))):
        counts[line.who] = counts.get(line.who, 0) + 1
        if line.source != "peer" or counts[line.who] <= EACH:
            shown.append(line)
    label = ""
    if status is not None:
        label = words.STATUS[status].in_(lang)
        if merged.decided_by.get(name) == "instructor":
            label += " (강사)" if lang == "ko" else " (instructor)"
    opinion = merged.opinions.get(name)
    told = [{"text": prose(s.text.in_(lang)).replace("\n", " "), "source": _source(s, lang)} for s in shown]
    if opinion is not None:
        told.append({"text": _opinion(opinion, lang), "source": _tag("동료" if lang == "ko" else "peers")})
    step = verdict.next_step if verdict and status in (Status.PARTIAL, Status.FAIL) else None
    return {
        "title": title(name, lang),
        "label": label,
        "lines": told,
        "next": prose(step.in_(lang)) if step else "",
        "next_source": _tag("채점기" if lang == "ko" else "grader"),
    }


def _opinion(value: float, lang: str) -> str:
    """The peers' weighted opinion in words."""
    if value >= AGREES:
        said = Text(ko="리뷰어들은 그렇다고 보았습니다", en="The reviewers say yes")
    elif value <= DENIES:
        said = Text(ko="리뷰어들은 아니라고 보았습니다", en="The reviewers say no")
    else:
        said = Text(ko="리뷰어들의 의견이 갈립니다", en="The reviewers are divided")
    weighted = f"(가중 평균 {value:.2f})" if lang == "ko" else f"(weighted mean {value:.2f})"
    return f"{said.in_(lang)} {weighted}."


def _source(said: Said, lang: str) -> str:
    ko = lang == "ko"
    if said.source == "machine":
        where = words.cells(said.cells, lang)
        return _tag("채점기" if ko else "grader", where)
    if said.source == "instructor":
        return _tag("강사" if ko else "instructor", prose(said.who), prose(said.file))
    line = f"리뷰 {said.line}번째 줄" if ko else f"line {said.line}"
    new = ("채점기가 못 본 점" if ko else "not seen by the grader") if said.standing == "beyond" else ""
    return _tag(f"동료 {said.who}" if ko else f"peer {said.who}", line, new)


def _tag(*parts: str) -> str:
    return "〔" + " · ".join(part for part in parts if part) + "〕"
