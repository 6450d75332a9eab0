"""A gradebook row -> where the student stands: overrides applied, sums made, nothing decided anew."""

from __future__ import annotations

from typing import NamedTuple

from grader.batch.gradebook import Row
from grader.records import RubricItem, Status


class Standing(NamedTuple):
    """One item of one student, as it counts."""

    item: str
    status: str
    points: float | None
    """None: undecided, or there is no result. Not a zero."""
    by: str
    """'grader', or who overrode it."""
    why: str


def standings(row: Row, rubric: tuple[RubricItem, ...]) -> tuple[Standing, ...]:
    """`row`'s items in the rubric's order."""
    machine = row.results.get("items", {})
    found = []
    for item in rubric:
        if decision := row.overrides.get(item.id):
            points = decision.points
            if points is None and decision.status == Status.PASS:
                points = item.points
            elif points is None and decision.status == Status.FAIL:
                points = 0.0
            found.append(Standing(item.id, decision.status, points, decision.who, decision.why))
        elif verdict := machine.get(item.id):
            found.append(Standing(item.id, verdict["status"], verdict["points"], "grader", verdict["reason"]))
        else:
            found.append(Standing(item.id, str(Status.UNDECIDED), None, "grader", ""))
    return tuple(found)


def total(items: tuple[Standing, ...]) -> float | None:
    """The sum of points; None as long as an item is undecided, since that is no zero."""
    points = [item.points for item in items]
    return None if None in points else sum(points)


def reasons_to_look(row: Row, items: tuple[Standing, ...]) -> tuple[str, ...]:
    """Why a person should look at this student first; () if nothing calls for it. Kebab-case names."""
    reasons = []
    if row.problem is not None:
        reasons.append("grader-failed" if row.ours else "unreadable")
    if any(item.status == Status.UNDECIDED for item in items) and row.problem is None:
        reasons.append("undecided")
    findings = row.results.get("findings", [])
    reasons += sorted({f["id"] for f in findings if f["severity"] == "contradiction"})
    failing = [item.item for item in items if item.by == "grader" and item.status != Status.PASS]
    verdicts = row.results.get("items", {})
    if any(verdicts[name].get("person") for name in failing if name in verdicts):
        reasons.append("only-a-person")
    if "r2" in failing and any(f["id"] == "at-the-threshold" for f in findings):
        reasons.append("near-miss")
    if row.results.get("ending") not in (None, "completed", "budget", "cell-error"):
        reasons.append(row.results["ending"])
    if row.results.get("unverified"):
        reasons.append("unverified")
    if row.results.get("faults"):
        reasons.append("grader-fault")
    if row.siblings:
        reasons.append("several-notebooks")
    if row.late:
        reasons.append("late")
    return tuple(dict.fromkeys(reasons))
