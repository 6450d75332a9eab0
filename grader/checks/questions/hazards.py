"""Q3: where is the code likely to raise an error, or to do something else the next time it runs?

A certain stop on restart-and-run-all is a FAIL, a likely one PARTIAL. In the V0 list the question is
asked the other way round (ticked = yes, there are such places); the template sees to that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from grader.checks.questions.lint_words import CERTAIN, LINT
from grader.checks.questions.words import cells, citations, cite, code, lines, observed
from grader.facts import Kind
from grader.records import Citation, Ending, Evidence, Finding, Observation, Status, Text, Verdict, Witness

SHOWN = 6
"""Spots listed; the others are only counted."""

EXPECTED = Text(
    ko="처음부터 다시 실행해도 멈추지 않고 같은 결과가 나온다.",
    en="Restarted and run from the top it doesn't stop, and gives the same result.",
)


@dataclass(frozen=True)
class Hazard:
    """One kind of spot, with every cell it was seen in."""

    weight: int
    """3 stops for certain, 2 probably stops or changes the result, 1 worth knowing."""
    where: tuple[int | None, ...]
    said: Text
    """Without the cells."""
    fix: Text
    citation: Citation | None = None

    def line(self) -> Text:
        """As a line of a markdown list."""
        where = cells(self.where)
        return Text(
            ko=f"- {where.ko}: {self.said.ko} → {self.fix.ko}",
            en=f"- {where.en[0].upper()}{where.en[1:]}: {self.said.en} → {self.fix.en}",
        )


def decide(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict:
    """q3. `findings` are shown by the review itself, so what they already say is not repeated here."""
    found = sorted(_hazards(evidence, findings), key=lambda h: -h.weight)
    heaviest = found[0].weight if found else 0
    status = {3: Status.FAIL, 2: Status.PARTIAL}.get(heaviest, Status.PASS)
    if not any(c.kind == "code" and c.source.strip() for c in evidence.submission.cells):
        status = Status.UNDECIDED
    order = _order(evidence)
    shown = [h.line() for h in found[:SHOWN]]
    if len(found) > SHOWN:
        rest = cells(c for h in found[SHOWN:] for c in h.where)
        shown.append(
            Text(
                ko=f"- {rest.ko}: 가벼운 것 {len(found) - SHOWN}가지가 더 있습니다.",
                en=f"- {rest.en[0].upper()}{rest.en[1:]}: {len(found) - SHOWN} more, of less weight.",
            )
        )
    if order is not None:
        shown.append(order)
    nothing = Text(
        ko="눈에 띄게 오류를 낼 만한 곳은 찾지 못했습니다.", en="Nothing that is likely to fail stood out."
    )
    return Verdict(
        item="q3",
        status=status,
        expected=EXPECTED,
        actual=Text(
            ko=f"확인할 곳 {len(found)}가지" if found else "눈에 띄는 곳 없음",
            en=f"{len(found)} kinds of spots to look at" if found else "nothing stood out",
        ),
        reason=lines(*shown) if shown else nothing,
        citations=citations(*(h.citation for h in found[:SHOWN])),
        next_step=_next_step(found[0]) if heaviest >= 2 else None,
    )


def _next_step(hazard: Hazard) -> Text:
    where = cells(hazard.where)
    return Text(
        ko=f"{where.ko}부터 고치고, 커널을 다시 시작해 처음부터 끝까지 한 번 실행해 보세요.",
        en=f"Start with {where.en}, then restart the kernel and run everything once.",
    )


def _hazards(evidence: Evidence, findings: tuple[Finding, ...]) -> Iterator[Hazard]:
    told = {f.id for f in findings}
    yield from _ran_into(evidence)
    yield from _written(evidence, told)
    yield from _linted(evidence)


def _ran_into(evidence: Evidence) -> Iterator[Hazard]:
    """Errors seen: when we ran it, or in the stored outputs."""
    ran = (
        [c for c in evidence.observed.cells if c.error_name and not c.environment]
        if evidence.observed
        else []
    )
    for run in ran:
        yield Hazard(
            weight=3,
            where=(run.index,),
            said=Text(
                ko=f"다시 실행했을 때 {code(run.error_name, 40)} 오류로 멈췄습니다 "
                f"({code(run.error_value, 90)}).",
                en=f"stopped with {code(run.error_name, 40)} when run again ({code(run.error_value, 90)})",
            ),
            fix=Text(ko="이 셀까지 위에서부터 실행해 확인", en="run from the top down to this cell"),
            citation=cite(evidence, run.index),
        )
    known, stopped = {run.index for run in ran}, []
    for o in observed(evidence, Kind.ERROR):
        name = str(o.value.get("ename", ""))
        if o.witness is not Witness.RECORDED or o.cell in known:
            continue
        if name == "KeyboardInterrupt":
            stopped.append(o.cell)
            continue
        said = Text(
            ko=f"저장된 출력에 {code(name, 40)} 오류가 남아 있습니다 "
            f"({code(o.value.get('evalue', ''), 90)}).",
            en=f"the stored output shows {code(name, 40)} ({code(o.value.get('evalue', ''), 90)})",
        )
        fix = Text(
            ko="고친 뒤 다시 실행하거나, 쓰지 않는 셀이면 지우기",
            en="fix and rerun it, or delete the cell if it isn't used",
        )
        yield Hazard(2, (o.cell,), said, fix, cite(evidence, o.cell))
    if stopped:
        said = Text(ko="실행을 손으로 멈춘 기록이 남아 있습니다.", en="interrupted by hand")
        fix = Text(
            ko="끝까지 실행한 결과로 바꾸거나 멈춘 이유를 한 줄 남기기",
            en="run it to the end, or say in a line why it was stopped",
        )
        yield Hazard(1, tuple(stopped), said, fix, cite(evidence, stopped[0]))


def _written(evidence: Evidence, told: set[str]) -> Iterator[Hazard]:
    """What the source witness warns of."""
    for o in observed(evidence, Kind.SYNTAX_ERROR):
        said = Text(
            ko=f"문법 오류가 있어 실행되지 않습니다 ({code(o.value.get('message', ''), 70)}).",
            en=f"doesn't parse ({code(o.value.get('message', ''), 70)})",
        )
        fix = Text(
            ko="문법을 고치거나, 메모라면 마크다운 셀로 옮기기", en="mend it, or move notes to markdown"
        )
        yield Hazard(3, (o.cell,), said, fix, cite(evidence, o.cell, o.value.get("line") or 1))
    for name, seen in _by(observed(evidence, Kind.UNDEFINED_NAME), "name"):
        said = Text(
            ko=f"{code(name)} 이름을 정의하는 셀이 위에 없어, 처음부터 실행하면 NameError가 납니다.",
            en=f"no cell above defines {code(name)}: a NameError when run from the top",
        )
        fix = Text(ko="정의를 이 셀보다 위로 옮기기", en="define it above this cell")
        yield Hazard(3, tuple(o.cell for o in seen), said, fix, _cite_quote(evidence, seen[0]))
    old = observed(evidence, Kind.DEPRECATED)
    if old:
        yield _deprecated(evidence, old)
    unseeded = [o for o in observed(evidence, Kind.SPLIT) if o.value.get("seeded") is False]
    if unseeded:
        said = Text(
            ko="시드를 고정하지 않고 나눈 데이터라, 다시 실행하면 검증 정확도가 조금 달라집니다.",
            en="splits without a seed, so the validation accuracy changes a little with every run",
        )
        fix = Text(ko="`seed=42` 또는 `random_state=42`", en="`seed=42` or `random_state=42`")
        yield Hazard(2, tuple(o.cell for o in unseeded), said, fix, _cite_quote(evidence, unseeded[0]))
    paths = observed(evidence, Kind.HARD_CODED_PATH)
    if paths:
        example = code(paths[0].value.get("path", ""), 50)
        said = Text(
            ko=f"코더의 환경에만 있는 경로({example})를 써서, 다른 사람이 실행하면 파일을 찾지 못합니다.",
            en=f"uses a path of one machine only ({example}); others won't find the file",
        )
        fix = Text(ko="상대 경로나 변수 하나로 모으기", en="a relative path, or one variable for it")
        yield Hazard(2, tuple(o.cell for o in paths), said, fix, _cite_quote(evidence, paths[0]))
    device = observed(evidence, Kind.DEVICE_UNCHECKED)
    if device:
        said = Text(
            ko=f"GPU가 있는지 확인하지 않고 {code(device[0].value.get('call', 'cuda'), 40)} 사용",
            en=f"uses {code(device[0].value.get('call', 'cuda'), 40)} without checking for a GPU",
        )
        fix = Text(
            ko="`assert torch.cuda.is_available()`로 일찍, 알아보기 쉽게 멈추기",
            en="fail early and clearly with `assert torch.cuda.is_available()`",
        )
        yield Hazard(2, tuple(o.cell for o in device), said, fix, _cite_quote(evidence, device[0]))
    if Kind.SHADOWED not in told:
        for o in observed(evidence, Kind.SHADOWED):
            yield _shadowed(evidence, o)


def _deprecated(evidence: Evidence, seen: tuple[Observation, ...]) -> Hazard:
    """All old calls in one line: what they are, since when they are gone, what to write instead."""
    names = _by(seen, "name")
    gone = ", ".join(dict.fromkeys(str(o.value["gone_in"]) for o in seen if o.value.get("gone_in")))
    shown = ", ".join(code(name) for name, _ in names)
    since_ko, since_en = (
        f"{gone}에서" if gone else "새 버전에서",
        f"in {gone}" if gone else "in newer versions",
    )
    said = Text(
        ko=f"지금 새로 설치하면 여기서 멈춥니다. {since_ko} 사라진 이름: {shown}.",
        en=f"installed today, it stops here; gone {since_en}: {shown}",
    )
    instead = [(name, str(o[0].value["use"])) for name, o in names if o[0].value.get("use")]
    if not instead:
        fix = Text(ko="설치할 버전을 적어 두기", en="pin the version")
    else:
        plain = ", ".join(
            code(use, 80) if re.search(r"[\w)]=|[_.(]|^\S+$", use) else use for _, use in instead
        )
        fix = Text(ko=plain, en=plain)
    return Hazard(2, tuple(o.cell for o in seen), said, fix, _cite_quote(evidence, seen[0]))


def _shadowed(evidence: Evidence, o: Observation) -> Hazard:
    """Either cells run out of order, so that a rerun trains otherwise; or a data set made and not used."""
    if fields := o.value.get("fields"):
        names = ", ".join(code(f, 30) for f in fields)
        said = Text(
            ko=f"위에서부터 다시 실행하면 저장된 출력과 다른 설정({names})으로 학습합니다.",
            en=f"run from the top, it trains with other settings ({names}) than the stored output",
        )
        fix = Text(ko="순서대로 다시 실행해 출력 새로 남기기", en="run in order and keep the new output")
        return Hazard(2, (o.cell,), said, fix, _cite_quote(evidence, o))
    made = cells(o.value.get("defined_in") or ())
    name = code(o.value.get("name", ""))
    said = Text(
        ko=f"패딩 없이 토큰화한 {name}({made.ko})이 아니라 다른 데이터로 학습합니다.",
        en=f"doesn't train on {name}, tokenised without padding in {made.en}, but on other data",
    )
    fix = Text(ko="학습에 넣는 데이터셋 이름 확인", en="check which data set goes into the training")
    return Hazard(2, (o.cell,), said, fix, _cite_quote(evidence, o))


def _linted(evidence: Evidence) -> Iterator[Hazard]:
    undefined = {o.value.get("name") for o in observed(evidence, Kind.UNDEFINED_NAME)}
    grouped: dict[tuple[str, str], list[Observation]] = {}
    for o in observed(evidence, Kind.LINT):
        rule = str(o.value.get("rule", ""))
        name = (re.findall(r"`([^`]+)`", str(o.value.get("message", ""))) or [""])[0]
        if rule in LINT and not (rule == "F821" and name in undefined):
            grouped.setdefault((rule, name if rule in CERTAIN else ""), []).append(o)
    for (rule, name), seen in grouped.items():
        weight, said, fix = LINT[rule]
        named = Text(ko=said.ko.format(name=code(name)), en=said.en.format(name=code(name)))
        yield Hazard(weight, tuple(o.cell for o in seen), named, fix, _cite_quote(evidence, seen[0]))


def _order(evidence: Evidence) -> Text | None:
    """Execution counts out of order; and whether running from the top bore it out."""
    mixed = next((o for o in observed(evidence, Kind.EXECUTION_ORDER) if o.value.get("out_of_order")), None)
    if mixed is None:
        return None
    counts = [c for c in mixed.value.get("counts", []) if isinstance(c, list | tuple) and len(c) == 2]
    fall = next((i for i in range(1, len(counts)) if counts[i][1] < counts[i - 1][1]), None)
    example = Text(ko="", en="")
    if fall is not None:
        (a, x), (b, y) = counts[fall - 1], counts[fall]
        example = Text(
            ko=f" (셀 {a}: `In [{x}]`, 그 아래 셀 {b}: `In [{y}]`)",
            en=f" (cell {a} is `In [{x}]`, cell {b} below it `In [{y}]`)",
        )
    said = Text(
        ko=f"- 실행 번호가 순서대로가 아닙니다{example.ko}.", en=f"- Cells were run out of order{example.en}."
    )
    seen = evidence.observed
    if (
        seen
        and seen.ending in (Ending.COMPLETED, Ending.BUDGET)
        and not any(c.error_name for c in seen.cells)
    ):
        more = Text(
            ko=" 처음부터 다시 실행했을 때는 문제가 없었습니다.", en=" Run from the top it gave no trouble."
        )
    else:
        more = Text(
            ko=" 제출 전에 커널을 다시 시작하고 위에서부터 한 번 실행하면 확실해집니다.",
            en=" Restarting and running from the top once before handing in would settle it.",
        )
    return Text(ko=said.ko + more.ko, en=said.en + more.en)


def _by(seen: tuple[Observation, ...], key: str) -> list[tuple[str, list[Observation]]]:
    grouped: dict[str, list[Observation]] = {}
    for o in seen:
        grouped.setdefault(str(o.value.get(key, "")), []).append(o)
    return list(grouped.items())


def _cite_quote(evidence: Evidence, o: Observation) -> Citation | None:
    """The line an observation quotes, found again in its cell so that its neighbours are shown too."""
    if o.cell is None or not 0 <= o.cell < len(evidence.submission.cells):
        return None
    first = (o.quote.splitlines() or [""])[0].strip()
    rows = evidence.submission.cells[o.cell].source.splitlines()
    line = next((i for i, row in enumerate(rows, 1) if first and first in row), o.value.get("line") or 1)
    return cite(evidence, o.cell, line if isinstance(line, int) else 1, 3)
