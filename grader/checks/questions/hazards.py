"""Q3: where is the code likely to raise an error, or to do something else the next time it runs?

A certain stop on restart-and-run-all is a FAIL, a likely one PARTIAL. In the V0 list the question is
asked the other way round (ticked = yes, there are such places); the template sees to that.
"""

from __future__ import annotations

from grader.checks.questions.spots import Hazard, find
from grader.checks.questions.words import cells, citations, lines, observed
from grader.facts import Kind
from grader.records import Ending, Evidence, Finding, Status, Text, Verdict

SHOWN = 6
"""Spots listed; the others are only counted."""

EXPECTED = Text(
    ko="처음부터 다시 실행해도 멈추지 않고 같은 결과가 나온다.",
    en="Restarted and run from the top it doesn't stop, and gives the same result.",
)


def decide(evidence: Evidence, findings: tuple[Finding, ...]) -> Verdict:
    """q3. `findings` are shown by the review itself, so what they already say is not repeated here."""
    found = sorted(find(evidence, frozenset(f.id for f in findings)), key=lambda h: -h.weight)
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
