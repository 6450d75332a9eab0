"""Assigning and handing out: people -> round -> folders with sheets. What was begun is never touched.

`assign` makes or repairs a round, `prepare` puts the facts into sheets nobody has begun. Called by
`grader.cli.peers`.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from grader.errors import UsageError
from grader.peers import round as rounds
from grader.peers import sheets
from grader.peers.allocate import Allocation, Pair, allocate
from grader.peers.roster import Person, conflicts
from grader.peers.round import Duty, Round
from grader.publish import write_whole
from grader.records import Evidence, Judgement, RubricItem

Known = Callable[[str], tuple[Evidence, Judgement] | None]
"""Evidence and judgement of a coder's notebook, None where there is none."""


class Assigned(NamedTuple):
    """What `assign` did."""

    state: Round
    allocation: Allocation
    kept: int
    """Reviews already begun, left as they are."""
    added: int
    dropped: int
    """Sheets nobody had begun and that aren't wanted any more."""


class Prepared(NamedTuple):
    """What `prepare` did."""

    written: int
    begun: int
    """Sheets left as they are."""
    unknown: tuple[str, ...]
    """Coders without evidence: their sheets hold no facts."""


def assign(
    folder: Path,
    people: tuple[Person, ...],
    rubric: tuple[RubricItem, ...],
    wanted: Round,
    earlier: set[Pair] = frozenset(),
) -> Assigned:
    """Make the round in `folder`, or repair it after people came late or left; `wanted` holds no duties.

    A repair keeps every review begun, and of the rest every pair that the new list still allows. Raises
    UsageError when there is nothing to assign, or anonymity would change midway.
    """
    before = rounds.load(folder) if (folder / rounds.STATE).is_file() else wanted
    if before.anonymous is not wanted.anonymous:
        flag = "--anonymous"
        raise UsageError(
            ko=f"{folder}은(는) {flag}{'로' if before.anonymous else ' 없이'} 시작한 라운드입니다. "
            "끝까지 같은 방식으로 실행하거나, --out 으로 새 폴더를 지정해 주세요.",
            en=f"The round in {folder} was begun with{'' if before.anonymous else 'out'} {flag}. "
            "Go on as it began, or name a new folder with --out.",
        )
    by_name = {person.name: person for person in people}
    begun = {(d.reviewer, d.coder) for d in before.duties if rounds.standing(folder, d) == "started"}
    barred = conflicts(people)
    still = {
        (d.reviewer, d.coder)
        for d in before.duties
        if _may(by_name, d) and not {(d.reviewer, d.coder), (d.coder, d.reviewer)} & barred
    }
    allocation = allocate(
        [p.name for p in people if p.reviews],
        [p.name for p in people if p.reviewed],
        wanted.each,
        seed=wanted.seed,
        conflicts=barred,
        earlier=earlier,
        kept=_bounded(still, begun, wanted.each) | begun,
    )
    if not allocation.pairs:
        raise UsageError(
            ko="배정할 수 있는 사람이 없습니다. 명단의 status와 conflicts를 확인해 주세요.",
            en="There is nobody to assign. Look at status and conflicts in the roster.",
        )
    works = _works(before.works, people, wanted)
    old = {(d.reviewer, d.coder): d for d in before.duties}
    duties = tuple(
        old.get(pair) or Duty(reviewer=pair[0], coder=pair[1], work=works[pair[1]])
        for pair in allocation.pairs
    )
    state = msgspec.structs.replace(wanted, duties=duties, works=works)
    dropped = [duty for pair, duty in old.items() if pair not in set(allocation.pairs)]
    for duty in dropped:
        _withdraw(folder, duty)
    state = _hand_out(folder, state, rubric, "none", lambda _: None, by_name)
    rounds.save(folder, state)
    return Assigned(state, allocation, len(begun), len(set(allocation.pairs) - set(old)), len(dropped))


def prepare(folder: Path, rubric: tuple[RubricItem, ...], known: Known, assist: str) -> Prepared:
    """Write every sheet that nobody has begun anew, with facts."""
    state = rounds.load(folder)
    begun = sum(rounds.standing(folder, duty) == "started" for duty in state.duties)
    state = _hand_out(folder, state, rubric, assist, known, {}, again=True)
    rounds.save(folder, state)
    coders = sorted({duty.coder for duty in state.duties})
    return Prepared(len(state.duties) - begun, begun, tuple(c for c in coders if known(c) is None))


def _may(people: dict[str, Person], duty: Duty) -> bool:
    reviewer, coder = people.get(duty.reviewer), people.get(duty.coder)
    return bool(reviewer and coder and reviewer.reviews and coder.reviewed)


def _bounded(pairs: set[Pair], begun: set[Pair], each: int) -> set[Pair]:
    """Of `pairs` those that fit into `each` per person beside what is begun, so that it stays balanced."""
    given: dict[str, int] = {}
    got: dict[str, int] = {}
    chosen: set[Pair] = set()
    for pair in (*sorted(begun), *sorted(pairs - begun)):
        a, b = pair
        if pair in begun or (given.get(a, 0) < each and got.get(b, 0) < each):
            chosen.add(pair)
            given[a], got[b] = given.get(a, 0) + 1, got.get(b, 0) + 1
    return chosen


def _works(old: dict[str, str], people: tuple[Person, ...], wanted: Round) -> dict[str, str]:
    """Coder -> name of the work. In an anonymous round a shuffled number that is never given twice."""
    works = dict(old)
    new = [person.name for person in people if person.name not in works]
    if wanted.anonymous:
        # Not in the list's order, which everybody can guess.
        random.Random(wanted.seed).shuffle(new)
    for name in new:
        works[name] = f"work-{len(works) + 1:02d}" if wanted.anonymous else name
    return works


def _withdraw(folder: Path, duty: Duty) -> None:
    """Take back a sheet nobody has begun."""
    if rounds.standing(folder, duty) == "open":
        sheet = folder / duty.sheet
        sheet.unlink()
        sheet.with_suffix(".ipynb").unlink(missing_ok=True)


def _hand_out(
    folder: Path,
    state: Round,
    rubric: tuple[RubricItem, ...],
    assist: str,
    known: Known,
    people: dict[str, Person],
    *,
    again: bool = False,
) -> Round:
    """Write the sheets that aren't there, with `again` those not begun too; returns the new state."""
    duties = []
    for duty in state.duties:
        standing = rounds.standing(folder, duty)
        path = folder / duty.sheet
        if standing == "gone" or (again and standing == "open"):
            evidence, judgement = known(duty.coder) or (None, None)
            text = sheets.sheet(
                rubric,
                template=state.template,
                lang=state.lang,
                assist=assist,
                coder=duty.work,
                reviewer=duty.reviewer,
                evidence=evidence,
                judgement=judgement,
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text)
            duty = msgspec.structs.replace(duty, issued=rounds.digest(path))
        person = people.get(duty.coder)
        notebook = path.with_suffix(".ipynb")
        if person and person.path and Path(person.path).is_file() and not notebook.exists():
            shutil.copyfile(person.path, notebook)
        duties.append(duty)
    return msgspec.structs.replace(state, duties=tuple(duties))
