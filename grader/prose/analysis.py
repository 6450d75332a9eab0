"""Does the student interpret the comparison? From sentences to ANALYSIS and CLAIM.

A sentence counts where it speaks of bucketing, says how speed or accuracy came out (not how they
ought to), and isn't the exercise's own text. Depth of the whole notebook:
  'yes'    both speed and accuracy, with figures, and something made of it (a reason, a trade-off, or
           a plain statement that leaves no question open);
  'short'  one side only, or the student says that the explanation is still missing;
  'none'   nothing, or one bare remark on accuracy that stands beside no figure.
Pure; called by `read`.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from grader.facts import Kind
from grader.prose import amounts
from grader.prose import lexicon as lex
from grader.prose.units import Unit
from grader.records import Observation, Witness

BARE = 45
"""Characters up to which a single remark on accuracy alone is bare."""

_SWAPPED = r"대신|instead of|whereas|while|compared (?:to|with)"
_THEN = re.compile(
    r"걸리던|기존|/|하던|이던|였던|짜리|에서|→|->|➔|⇒|\bto\b|\bdown to\b|적용\s*(?:전|후)|vs|" + _SWAPPED,
    re.IGNORECASE,
)
"""Between or around two durations: the one became the other."""

_DURATION = re.compile(
    r"\d[\d,.]*\s*(?:시간|hours?|h)(?:\s*\d[\d.]*\s*(?:분|min\w*|m))?|\d[\d,.]*\s*(?:분|초|min(?:ute)?s?|sec(?:ond)?s?|s|m)(?![a-z/])"
    r"(?:\s*\d[\d.]*\s*(?:초|sec\w*|s))?|(?<![\d:])\d{1,2}:\d\d(?::\d\d)?",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"(?<=지만)[, ]|(?<=으나)[, ]|(?<=나),|(?<=[^다라]고),?\s|(?<=며),?\s|(?<=는데),?\s|(?<=한데),?\s"
    r"|(?<!\d),\s|;\s|\bbut\b|\band\b|(?<=[가-힣])\.\s"
)
_WITHOUT = re.compile(
    r"(?:미적용|적용하지\s*않|적용\s*안|없이|쓰지\s*않|사용하지\s*않)[가-힣\s]{0,14}?(?:이|가|은|는|을\s*때"
    r"|를\s*때|ㄹ\s*때|모델)\s.{0,40}(?:더|우수|높|빠|낫)"
    r"|(?:baseline|베이스라인|기본\s*모델)\S*(?:이|가)\s.{0,30}더",
    re.IGNORECASE,
)
"""It is the run *without* bucketing that came out better."""


_SIDES = (("speed", lex.SPEED), ("accuracy", lex.ACCURACY))


class Reading(NamedTuple):
    """What one sentence says about the comparison."""

    unit: Unit
    about: frozenset[str]
    """Of 'speed', 'accuracy', 'memory', 'padding', 'reason', 'trade-off', 'open', 'figures'."""
    claims: tuple[dict[str, Any], ...]

    @property
    def sides(self) -> frozenset[str]:
        return self.about & {"speed", "accuracy", "memory"}


def read(units: list[Unit], figures: frozenset[int]) -> list[Observation]:
    """ANALYSIS for each cell that interprets, CLAIM for each statement.

    `figures`: cells in which results are typed.
    """
    readings: list[Reading] = []
    before: Unit | None = None
    for unit in units:
        after = bool(readings) and readings[-1].unit.cell == unit.cell and bool(readings[-1].claims)
        topic = before.text if before is not None and before.cell == unit.cell and before.bucketing else ""
        reading = sentence(unit, after_claim=after, topic=topic)
        before = unit
        if reading:
            readings.append(reading)
    observations = _remarks(units, figures)
    depth = _depth(readings, figures)
    by_cell: dict[int, list[Reading]] = {}
    for reading in readings:
        by_cell.setdefault(reading.unit.cell, []).append(reading)
    lengths = {cell: sum(len(r.unit.text) for r in group) for cell, group in by_cell.items()}
    main = max(lengths, key=lambda cell: lengths[cell], default=None)
    for cell, group in sorted(by_cell.items()):
        about = sorted({"bucketing"}.union(*(r.about for r in group)) - {"open", "figures"})
        own = depth if cell == main else min((_depth(group, figures), depth), key=_RANK.index)
        value = {"words": sum(len(r.unit.text.split()) for r in group), "about": about, "depth": own}
        observations.append(_observation(Kind.ANALYSIS, cell, value, _quote(group)))
        for reading in group:
            for claim in reading.claims:
                observations.append(_observation(Kind.CLAIM, cell, claim, reading.unit.text))
    return observations


_RANK = ("none", "short", "yes")


def _remarks(units: list[Unit], figures: frozenset[int]) -> list[Observation]:
    """REMARK for each cell that holds two runs against each other without a word on which.

    Speed has to be told, and accuracy or a figure or a reason with it: that training was slow is no
    comparison. Depth 'unread': it looks like a comparison, and we can't make out what it says.
    """
    by_cell: dict[int, list[Unit]] = {}
    for unit in units:
        if unit.kind == "markdown" and (unit.open or unit.bucketing):
            by_cell.setdefault(unit.cell, []).append(unit)
    found = []
    for cell, said in sorted(by_cell.items()):
        group: list[Reading] = []
        for unit in (u for u in said if u.open):
            told = bool(group) and bool(group[-1].claims)
            if reading := sentence(unit._replace(bucketing=True), after_claim=told):
                group.append(reading)
        if any(u.open and _two_durations(u.text) for u in said) and group:
            group[0] = group[0]._replace(about=group[0].about | {"speed"})
        sides: set[str] = set().union(*(r.sides for r in group))
        about: set[str] = set().union(*(r.about for r in group))
        exact = any(lex.QUANTITY.search(u.text) for u in said if u.open)
        if "speed" in sides and (sides - {"speed"} or exact or "reason" in about):
            depth = _depth(group, figures)
            kept = group
        elif kept := [r for r in group if _quicker(r)] or [
            Reading(u, frozenset({"speed"}), ()) for u in said if _seems_to_compare(u.text)
        ]:
            depth = "unread"
        else:
            continue
        value = {
            "words": sum(len(r.unit.text.split()) for r in kept),
            "about": sorted(set().union(*(r.about for r in kept)) - {"open", "figures"}),
            "depth": depth,
        }
        found.append(_observation(Kind.REMARK, cell, value, _quote(kept)))
    return found


def _two_durations(text: str) -> bool:
    return len({amounts.seconds(part) for part in _DURATION.findall(text)}) > 1


def _quicker(reading: Reading) -> bool:
    """Says that speed got better or stayed: of what, only its place can tell."""
    return any(c["about"] == "speed" and c["says"] != "worse" for c in reading.claims)


def _seems_to_compare(text: str) -> bool:
    """Speed or two durations, and a word that holds one thing against another."""
    if lex.INSTRUCTION.search(text) or lex.NOT_OWN.search(text) or lex.EXPECTED.search(text):
        return False
    told = lex.OBSERVED.search(text) or lex.PAST.search(text) or lex.QUANTITY.search(text)
    return bool(told) and bool(
        _two_durations(text) or (lex.SPEED.search(text) and lex.RUNS_COMPARED.search(text))
    )


def sentence(unit: Unit, *, after_claim: bool = False, topic: str = "") -> Reading | None:
    """What `unit` says about the comparison, None if nothing (theory, plan, quotation, other topic).

    `after_claim`: it follows a claim in the same cell, so that a bare reason explains that.
    `topic`: the sentence before it, for one that names none ('45분 / 20분. 절반 이상 줄었다!').
    """
    text = unit.text
    if not unit.bucketing or lex.INSTRUCTION.search(text) or lex.NOT_OWN.search(text):
        return None
    if lex.FEWER_DATA.search(text) and not lex.BUCKETING.search(text):
        return None
    if unit.kind == "comment" and not (lex.PAST.search(text) or lex.QUANTITY.search(text)):
        return None
    about: set[str] = set()
    reasoned = bool(lex.REASON.search(text)) and (after_claim or bool(lex.OBSERVED.search(text)))
    claims = tuple(_claims(text))
    if not any(claim["about"] == "speed" for claim in claims):
        claims += tuple(_became(text) or _carried(text, topic))
    differs = {side for side, words in _SIDES if words.search(text)} if lex.DIFFERS.search(text) else set()
    observed = bool(lex.OBSERVED.search(text)) or bool((claims or differs) and lex.QUANTITY.search(text))
    observed = observed or bool(differs)
    theory = (bool(lex.EXPECTED.search(text)) and not claims) or _in_general(text)
    if theory or not (observed or claims or reasoned):
        return None
    if claims:
        about |= {claim["about"] for claim in claims}
    about |= differs
    if not claims and not reasoned and not differs and not lex.TRADE_OFF.search(text):
        return None
    topic = (lex.PADDING, lex.BUCKETING, lex.SPEED, lex.ACCURACY)
    if not claims and reasoned and not after_claim and not any(words.search(text) for words in topic):
        return None
    if reasoned:
        about.add("reason")
        about |= {
            side for side, words in (("memory", lex.MEMORY), ("accuracy", lex.ACCURACY)) if words.search(text)
        }
    if lex.TRADE_OFF.search(text):
        about.add("trade-off")
        about |= {side for side, pattern in _SIDES if pattern.search(text)}
    if lex.OPEN.search(text):
        about.add("open")
    if lex.QUANTITY.search(text):
        about.add("figures")
    return Reading(unit, frozenset(about), claims)


def _in_general(text: str) -> bool:
    """'적용하면 속도 향상의 장점이 있다': no past tense, no figure, nothing that was seen."""
    return bool(lex.GENERAL.search(text)) and not (
        lex.PAST.search(text) or lex.QUANTITY.search(text) or lex.SEEN.search(text)
    )


def _claims(text: str) -> list[dict[str, Any]]:
    """Each clause that says speed, accuracy or padding got better, worse or stayed the same."""
    if lex.EXPECTED.search(text) and not re.search(r"했으나|했지만|였으나|달리", text):
        return []
    found: list[dict[str, Any]] = []
    clauses = [clause for clause in _CLAUSE.split(text) if clause and clause.strip()]
    topic = ""
    for clause in clauses:
        expected = len(clauses) > 1 and re.search(r"예상|기대|줄\s*알았|생각했", clause)
        if lex.SPEED.search(clause) or lex.ACCURACY.search(clause):
            topic = clause
        elif topic:
            # '정확도는 조금 달라졌고 거의 비슷하다': one topic, two clauses
            clause = f"{topic} {clause}"
        if expected:
            continue
        if not (lex.OBSERVED.search(clause) or lex.OBSERVED.search(text) or lex.QUANTITY.search(clause)):
            continue
        for about, direction in _says(clause):
            if _WITHOUT.search(clause):
                direction = {"better": "worse", "worse": "better"}.get(direction, direction)
            claim: dict[str, Any] = {"about": about, "says": direction}
            times = lex.TIMES.search(clause)
            if times and about == "speed":
                claim["number"] = float(times.group(1))
            if not any(c["about"] == about and c["says"] == direction for c in found):
                found.append(claim)
    return found


def _became(text: str) -> list[dict[str, Any]]:
    """Two durations, the one having become the other: '2시간짜리가 50분이 됐다'."""
    told = lex.PAST.search(text) or lex.OBSERVED.search(text) or re.search(r"→|->|➔|⇒|\d\s*배", text)
    parts = [seconds for part in _DURATION.findall(text) if (seconds := amounts.seconds(part)) is not None]
    if len(parts) != 2 or not told or not _THEN.search(text) or lex.FEWER_ROWS.search(text):
        return []
    first, second = reversed(parts) if re.search(_SWAPPED, text, re.IGNORECASE) else parts
    if first == second:
        return []
    return [{"about": "speed", "says": "better" if second < first else "worse"}]


def _carried(text: str, topic: str) -> list[dict[str, Any]]:
    """A short verdict on the durations of the sentence before: '… 1시간 21분 / … 35분. 절반 이상 줄었다!'"""
    named = lex.SPEED.search(text) or lex.ACCURACY.search(text) or lex.MEMORY.search(text)
    if named or len(text) > BARE or len(_DURATION.findall(topic)) != 2 or not lex.OBSERVED.search(text):
        return []
    return [{"about": about, "says": says} for about, says in _says(f"시간 {text}")]


def _says(clause: str) -> list[tuple[str, str]]:
    speed, accuracy = bool(lex.SPEED.search(clause)), bool(lex.ACCURACY.search(clause))
    memory = bool(lex.MEMORY.search(clause)) and not accuracy and not speed
    if not (speed or accuracy or memory):
        return [("padding", "same")] if lex.EFFECT.search(clause) and lex.SAME.search(clause) else []
    if lex.SAME.search(clause):
        return [(side, "same") for side, there in (("speed", speed), ("accuracy", accuracy)) if there]
    found = []
    if lex.RATE.search(clause) and (lex.MORE.search(clause) or lex.LESS.search(clause)):
        found.append(("speed", "better" if lex.MORE.search(clause) else "worse"))
    elif speed:
        if lex.WORSE_SPEED.search(clause):
            found.append(("speed", "worse"))
        elif lex.BETTER_SPEED.search(clause):
            found.append(("speed", "better"))
    if accuracy:
        clause = lex.GOAL.sub(" ", clause)
        if lex.WORSE_ACCURACY.search(clause) and not (speed and found):
            found.append(("accuracy", "worse"))
        elif lex.BETTER_ACCURACY.search(clause) and not (
            speed and found and not re.search(r"성능|정확도|acc", clause)
        ):
            found.append(("accuracy", "better"))
    if memory and lex.BETTER_SPEED.search(clause):
        found.append(("memory", "better"))
    return found


def _depth(readings: list[Reading], figures: frozenset[int]) -> str:
    if not readings:
        return "none"
    about: set[str] = set().union(*(r.about for r in readings))
    sides = {side for r in readings for side in r.sides}
    made_of_it = {"reason", "trade-off"} & about
    in_figures = sum("figures" in r.about and bool(r.sides) for r in readings)
    length = sum(len(r.unit.text) for r in readings)
    if {"speed", "accuracy"} <= sides or ({"memory", "speed"} <= sides and "trade-off" in about):
        cited = in_figures or any(r.unit.cell in figures for r in readings)
        if cited and (made_of_it or ("open" not in about and length > 60)):
            return "yes"
        return "short"
    if not sides and "reason" not in about and "padding" not in about:
        return "none"
    beside = any(r.unit.cell in figures for r in readings)
    if (
        len(readings) == 1
        and length <= BARE
        and "speed" not in sides
        and not (beside or made_of_it or in_figures)
    ):
        return "none"
    return "short"


def _quote(group: list[Reading]) -> str:
    best = max(group, key=lambda r: (len(r.about), len(r.unit.text)))
    return best.unit.text


def _observation(kind: Kind, cell: int, value: dict[str, Any], quote: str) -> Observation:
    return Observation(witness=Witness.SOURCE, kind=kind, cell=cell, value=value, quote=quote[:300])
