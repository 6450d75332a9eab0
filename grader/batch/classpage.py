"""Gradebook -> class.html: where an instructor should look, and what to do next. Computes no verdict.

One file that opens from disk: no network, one script whose hash the page's own policy names.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections import Counter
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from grader.batch import classplots
from grader.batch.common import shared, tags, worth_showing
from grader.batch.gradebook import Row
from grader.batch.labels import BUCKETING, REASONS, STATUS, finding_name
from grader.batch.lessons import LESSONS
from grader.batch.similarity import Pair
from grader.batch.standing import Standing, reasons_to_look, standings, total
from grader.naming import folder_name
from grader.records import RubricItem
from grader.templating import environment

URGENT = {"grader-failed": 100, "unreadable": 50, "undecided": 20}
"""How far up a reason puts a student; a contradiction counts LOOK, other reasons less."""
LOOK, SMALL = 5, {"late": 1, "several-notebooks": 2, "near-miss": 3, "only-a-person": 4}


def write(
    rows: Sequence[Row], rubric: tuple[RubricItem, ...], pairs: tuple[Pair, ...] | None, lang: str
) -> str:
    """The page for `rows`, texts in `lang`. `pairs` None: they couldn't be looked for."""
    students = [_student(row, rubric, lang) for row in rows]
    names = {student["name"]: student for student in students}
    waiting = sorted((s for s in students if s["reasons"]), key=lambda s: -s["urgency"])
    totals = [student["total"] for student in students if student["total"] is not None]
    goal = next((item.thresholds["accuracy"] for item in rubric if "accuracy" in item.thresholds), None)
    pages = environment(html=True)
    script = pages.get_template("class.js").render().strip()
    return pages.get_template("class.html.j2").render(
        lang=lang,
        en=lang == "en",
        students=students,
        first=[s for s in waiting if not s["seen_by"]],
        seen=[s for s in waiting if s["seen_by"]],
        items=[_distribution(item, place, students, lang) for place, item in enumerate(rubric)],
        possible=sum(item.points for item in rubric),
        mean=sum(totals) / len(totals) if totals else None,
        totals=sorted(Counter(totals).items(), reverse=True),
        blank=len(students) - len(totals),
        executed=sum(bool(row.results.get("profile")) for row in rows),
        bucketing=_bucketing(rows, lang),
        common=[
            {
                "tag": one.tag,
                "name": finding_name(one.tag, lang),
                "count": len(one.students),
                "lesson": LESSONS[one.tag].in_(lang) if one.tag in LESSONS else "",
                "students": [names[student] for student in one.students],
            }
            for one in shared(rows)
        ],
        examples=[{**names[row.student], "praise": praise} for row, praise in worth_showing(rows)],
        pairs=[
            {**pair._asdict(), "students": (names.get(pair.a), names.get(pair.b))} for pair in pairs or ()
        ],
        uncompared=pairs is None,
        plots=[
            plot
            for plot in (classplots.accuracies(rows, goal, lang), classplots.trade_off(rows, lang))
            if plot
        ],
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _student(row: Row, rubric: tuple[RubricItem, ...], lang: str) -> dict[str, Any]:
    items = standings(row, rubric)
    reasons = reasons_to_look(row, items)
    facts = row.results.get("facts", {})
    return {
        "name": row.student,
        "folder": folder_name(row.student),
        "has_report": bool(row.results),
        "items": [
            {
                "id": item.item,
                "status": item.status,
                "name": STATUS[item.status].in_(lang),
                "by": item.by,
                "why": item.why,
            }
            for item in items
        ],
        "total": total(items),
        "accuracy": facts.get("best_accuracy"),
        "bucketing": BUCKETING[facts["bucketing"]].in_(lang) if facts else "",
        "gain": classplots.gain(facts),
        "tokens": _ends(list(facts.get("tokens_per_row", {}).values())),
        "reasons": [REASONS[r].in_(lang) if r in REASONS else finding_name(r, lang) for r in reasons],
        "urgency": sum(URGENT.get(r, SMALL.get(r, LOOK)) for r in reasons),
        "said": _said(row, items, reasons),
        "seen_by": ", ".join(sorted({item.by for item in items if item.by != "grader"})),
        "command": _command(row.student, items),
        "tags": " ".join([*tags(row), *(f"{item.item}:{item.status}" for item in items)]),
        "ours": row.ours,
        "problem": row.problem.in_(lang) if row.problem else "",
        "why": row.why.in_(lang),
        "notebook": row.path,
    }


def _said(row: Row, items: tuple[Standing, ...], reasons: tuple[str, ...]) -> list[dict[str, Any]]:
    """What the instructor should look at, in the review's own sentences, each with a cell to open."""
    verdicts = row.results.get("items", {})
    shown = {*reasons, *(["at-the-threshold"] if "near-miss" in reasons else [])}
    found = [f for f in row.results.get("findings", []) if f["id"] in shown]
    said = [
        {"item": item.item, "text": verdicts[item.item].get("person") or item.why, "cells": []}
        for item in items
        if item.by == "grader"
        and item.status != "PASS"
        and item.item in verdicts
        and (item.status == "UNDECIDED" or verdicts[item.item].get("person"))
    ]
    return [*said, *({"item": "", "text": f["text"], "cells": f["cells"][:3]} for f in found)]


def _command(student: str, items: tuple[Standing, ...]) -> str:
    """How a decision is recorded; the item most in need of one, its standing kept where it has one."""
    order = ("UNDECIDED", "PARTIAL", "FAIL", "PASS")
    item = min(items, key=lambda item: order.index(item.status), default=None)
    if item is None:
        return ""
    status = "PASS" if item.status == "UNDECIDED" else item.status
    points = f" --points {item.points:g}" if status == "PARTIAL" and item.points is not None else ""
    return (
        f'grader grade {shlex.quote(student)} --item {item.item} --status {status}{points} --why "…" --out .'
    )


def _ends(tokens: list[float]) -> list[float]:
    """The first run's and the shortest one's tokens per row."""
    return tokens[:1] + ([min(tokens)] if len(tokens) > 1 and min(tokens) < tokens[0] else [])


def _distribution(item: RubricItem, place: int, students: list[dict[str, Any]], lang: str) -> dict[str, Any]:
    counts = Counter(student["items"][place]["status"] for student in students)
    return {
        "id": item.id,
        "text": item.text.in_(lang),
        "parts": [
            {"status": status, "name": name.in_(lang), "count": counts[status]}
            for status, name in STATUS.items()
            if counts[status]
        ],
    }


def _bucketing(rows: Sequence[Row], lang: str) -> list[tuple[str, int]]:
    counts = Counter(row.results["facts"]["bucketing"] for row in rows if row.results)
    return [(BUCKETING[name].in_(lang), count) for name, count in counts.most_common()]
