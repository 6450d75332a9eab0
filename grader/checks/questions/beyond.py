"""What only some PRT templates ask: experiments beyond the rubric, looking back, and V3's check list.

Each is PASS where the notebook shows it, with its cells, and else UNDECIDED: not finding something is
no proof that it isn't there. Called by `grader.checks.judge`; the templates place the answers.
"""

from __future__ import annotations

from collections.abc import Iterable

from grader.checks.questions.words import cells, citations, cite, observed
from grader.checks.say import code
from grader.facts import Kind
from grader.records import Evidence, Facts, Observation, Status, Text, Verdict

EXPERIMENTS = 3
"""Executed trainings from which there is more than the comparison the exercise asks for."""

REFLECTIONS = {
    "learned": Text(ko="배운 점", en="what was learned"),
    "regret": Text(ko="아쉬운 점", en="what is regretted"),
    "feeling": Text(ko="느낀 점", en="how it felt"),
    "difficulty": Text(ko="어려웠던 점", en="what was hard"),
}


def more(evidence: Evidence, facts: Facts) -> tuple[Verdict, ...]:
    """'tried', 'reflected', 'split', 'hyperparameters', 'visualised', 'recorded', and one per
    `REFLECTIONS`."""
    return (
        _tried(evidence, facts),
        _reflected(evidence),
        *(_reflection(evidence, about) for about in REFLECTIONS),
        _split(evidence),
        _hyperparameters(evidence, facts),
        _visualised(evidence),
        _recorded(facts),
    )


def _found(evidence: Evidence, item: str, where: Iterable[int | None], said: Text, missing: Text) -> Verdict:
    """PASS with `said` when there are cells, else UNDECIDED with `missing`."""
    known = sorted({c for c in where if c is not None})
    empty = Text(ko="", en="")
    return Verdict(
        item=item,
        status=Status.PASS if known else Status.UNDECIDED,
        expected=empty,
        actual=cells(known) if known else empty,
        reason=said if known else missing,
        citations=citations(*(cite(evidence, c) for c in known[:3])),
    )


def _tried(evidence: Evidence, facts: Facts) -> Verdict:
    debugged = observed(evidence, Kind.DEBUG_RECORD)
    executed = [run for run in facts.runs if run.executed or run.seconds is not None or run.evaluations]
    said = []
    if debugged:
        where = cells(o.cell for o in debugged)
        about = code(debugged[0].value.get("about") or debugged[0].quote, 70)
        said.append(
            Text(
                ko=f"{where.ko}에 문제를 만나 해결한 과정({about})이 기록되어 있습니다.",
                en=f"A problem and how it was solved ({about}) is on record in {where.en}.",
            )
        )
    if len(executed) >= EXPERIMENTS:
        where = cells(run.cell for run in executed)
        said.append(
            Text(
                ko=f"{where.ko}에서 조건을 바꿔 가며 학습을 {len(executed)}번 실행했습니다.",
                en=f"Training was run {len(executed)} times under changed conditions ({where.en}).",
            )
        )
    evident = [o.cell for o in debugged]
    if len(executed) >= EXPERIMENTS:
        evident += [run.cell for run in executed]
    text = Text(ko=" ".join(t.ko for t in said), en=" ".join(t.en for t in said))
    missing = Text(
        ko="오류를 고친 기록이나 평가 기준을 넘는 추가 실험은 노트북에서 찾지 못했습니다.",
        en="No record of debugging and no experiment beyond the rubric was found in the notebook.",
    )
    return _found(evidence, "tried", evident, text, missing)


def _reflected(evidence: Evidence) -> Verdict:
    seen = observed(evidence, Kind.REFLECTION)
    where = cells(o.cell for o in seen)
    about = [REFLECTIONS[a] for o in seen for a in o.value.get("about") or [] if a in REFLECTIONS]
    about = list(dict.fromkeys(about))
    ko = "·".join(t.ko for t in about)
    en = ", ".join(t.en for t in about)
    said = Text(
        ko=f"{where.ko}에 회고가 있습니다" + (f" ({ko})." if ko else "."),
        en=f"{where.en[0].upper()}{where.en[1:]} looks back" + (f" ({en})." if en else "."),
    )
    missing = Text(
        ko="회고로 읽히는 글을 노트북에서 찾지 못했습니다.",
        en="No text in the notebook reads as a look back.",
    )
    return _found(evidence, "reflected", (o.cell for o in seen), said, missing)


def _reflection(evidence: Evidence, about: str) -> Verdict:
    seen = [o for o in observed(evidence, Kind.REFLECTION) if about in (o.value.get("about") or [])]
    where = cells(o.cell for o in seen)
    topic = REFLECTIONS[about]
    return _found(
        evidence,
        about,
        (o.cell for o in seen),
        where,
        Text(ko=f"{topic.ko} 확인 필요", en=f"not found: {topic.en}"),
    )


def _split(evidence: Evidence) -> Verdict:
    seen = observed(evidence, Kind.SPLIT)
    missing = Text(ko="나눈 코드를 찾지 못함", en="no split found")
    return _found(evidence, "split", (o.cell for o in seen), cells(o.cell for o in seen), missing)


def _hyperparameters(evidence: Evidence, facts: Facts) -> Verdict:
    seen: dict[str, list[Observation]] = {}
    for o in observed(evidence, Kind.TUNING):
        seen.setdefault(str(o.value.get("what")), []).append(o)
    varied = {what: os for what, os in seen.items() if len({str(o.value.get("value")) for o in os}) > 1}
    where = sorted({o.cell for os in varied.values() for o in os if o.cell is not None})
    names = ", ".join(code(what, 30) for what in varied)
    told = cells(where)
    said = Text(ko=f"{names} ({told.ko})", en=f"{names} ({told.en})")
    return _found(
        evidence, "hyperparameters", where, said, Text(ko="바꾼 값을 찾지 못함", en="no varied value found")
    )


def _visualised(evidence: Evidence) -> Verdict:
    drawn = [o.cell for o in observed(evidence, Kind.IMAGE) if o.value.get("where") == "output"]
    missing = Text(ko="저장된 그림을 찾지 못함", en="no stored picture found")
    return _found(evidence, "visualised", drawn, cells(drawn), missing)


def _recorded(facts: Facts) -> Verdict:
    where = [e.cell for run in facts.runs for e in run.evaluations if e.accuracy is not None]
    complete = facts.runs and all(run.evaluations and run.seconds for run in facts.runs if run.executed)
    known = sorted(set(where)) if complete else []
    missing = Text(
        ko="일부 실행의 시간이나 정확도가 남아 있지 않음", en="time or accuracy of some run is missing"
    )
    return Verdict(
        item="recorded",
        status=Status.PASS if known else Status.UNDECIDED,
        expected=Text(ko="", en=""),
        actual=Text(ko="", en=""),
        reason=cells(known) if known else missing,
    )
