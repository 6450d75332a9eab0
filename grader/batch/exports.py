"""Gradebook -> tables: gradebook.csv for people, Canvas and Moodle import CSV, Gradescope results.

Formats as documented by each system: Canvas "Import grades" (Student, ID, …, one column an assignment; a
blank leaves the grade alone), Moodle "Import CSV" (mapped by participant), Gradescope `results.json`
(`tests` with `score`, `max_score`, `output`). An undecided item is blank everywhere: never a zero.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from grader import spreadsheet
from grader.batch.gradebook import Row
from grader.batch.standing import reasons_to_look, standings, total
from grader.records import RubricItem

ASSIGNMENT = "NSMC bucketing"


def tables(rows: Iterable[Row], rubric: tuple[RubricItem, ...]) -> dict[str, str]:
    """File name -> content, made in one pass over `rows`."""
    book, canvas, moodle = _Table(), _Table(), _Table()
    gradescope: dict[str, object] = {}
    ids = [item.id for item in rubric]
    facts = ("bucketing", "best_accuracy", "eval_split", "compared", "analysed")
    book.add("student", "total", *ids, *facts, "look", "overridden_by", "notebook", "siblings", "problem")
    canvas.add("Student", "ID", "SIS User ID", "SIS Login ID", "Section", ASSIGNMENT)
    possible = sum(item.points for item in rubric)
    canvas.add("    Points Possible", "", "", "", "", possible)
    moodle.add("Identifier", "Full name", "Grade", "Maximum Grade", "Feedback comments")
    for row in rows:
        items = standings(row, rubric)
        points = total(items)
        found = row.results.get("facts", {})
        book.add(
            row.student,
            points,
            *(item.status for item in items),
            *(found.get(name) for name in facts),
            " ".join(reasons_to_look(row, items)),
            " ".join(sorted({item.by for item in items if item.by != "grader"})),
            row.path,
            " ".join(row.siblings),
            row.problem.en if row.problem else "",
        )
        canvas.add(row.student, row.lms_id, "", "", "", points)
        said = "\n".join(f"{item.item}: {item.status}. {item.why}" for item in items)
        participant = f"Participant {row.lms_id}" if row.lms_id else ""
        moodle.add(participant, row.student, points, possible, said)
        gradescope[row.student] = _gradescope(items, rubric)
    return {
        "gradebook.csv": book.text(),
        "canvas.csv": canvas.text(),
        "moodle.csv": moodle.text(),
        "gradescope.json": json.dumps(gradescope, ensure_ascii=False, indent=1, sort_keys=True) + "\n",
    }


def _gradescope(items, rubric) -> dict[str, object]:
    tests = []
    for item, line in zip(items, rubric, strict=True):
        test = {"name": line.text.ko, "number": item.item, "max_score": line.points, "output": item.why}
        if item.points is None:
            # Gradescope has no "undecided": no score, and the words say that a person will look.
            test["output"] = f"UNDECIDED: {item.why}"
        else:
            test["score"] = item.points
        tests.append(test)
    return {"tests": tests, "visibility": "visible"}


class _Table:
    """Rows, as they come."""

    def __init__(self) -> None:
        self._rows: list[tuple[object, ...]] = []

    def add(self, *values: object) -> None:
        self._rows.append(values)

    def text(self) -> str:
        return spreadsheet.table(self._rows)
