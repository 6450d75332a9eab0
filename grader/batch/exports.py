"""Gradebook -> tables: gradebook.csv for people, Canvas and Moodle import CSV, Gradescope results.

As each system's importer reads it. Canvas, "Import grades" (canvas-lms, gradebook_importer.rb): Student,
ID … Section, then one column an assignment; a blank leaves the grade alone. Moodle, "Upload grading
worksheet" (mod/assign/feedback/offline/importgradeslib.php): refused without Identifier, Grade and
Last modified (grade); names are those of an English site. Gradescope, one results.json a submission.
An undecided item is blank everywhere: never a zero.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from grader import spreadsheet
from grader.batch.gradebook import Row
from grader.batch.standing import Standing, reasons_to_look, standings, total
from grader.records import RubricItem
from grader.templating import clean

ASSIGNMENT = "NSMC bucketing"
MOODLE = (
    "Identifier",
    "Full name",
    "Status",
    "Grade",
    "Maximum Grade",
    "Grade can be changed",
    "Last modified (submission)",
    "Last modified (grade)",
    "Feedback comments",
)
"""The grading worksheet's columns, as Moodle itself writes them."""
DASH = "-"
"""Moodle's own sign for "never": the grade is newer than nothing."""


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
    moodle.add(*MOODLE)
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
        moodle.add(participant, row.student, "", points, possible, "Yes", DASH, DASH, said)
        gradescope[row.student] = as_gradescope(items, rubric)
    return {
        "gradebook.csv": book.text(),
        "canvas.csv": canvas.text(),
        "moodle.csv": moodle.text(),
        "gradescope.json": json.dumps(gradescope, ensure_ascii=False, indent=1, sort_keys=True) + "\n",
    }


def as_gradescope(items: tuple[Standing, ...], rubric: tuple[RubricItem, ...]) -> dict[str, object]:
    """One submission's results.json. Gradescope knows no "undecided": such an item has no score and no
    maximum, and the total that Gradescope then asks for is that of the decided ones, which is said."""
    tests: list[dict[str, object]] = []
    for item, line in zip(items, rubric, strict=True):
        test: dict[str, object] = {"name": line.text.ko, "number": item.item, "output": item.why}
        if item.points is None:
            test["output"] = f"UNDECIDED: {item.why}"
        else:
            test |= {"score": item.points, "max_score": line.points}
        tests.append(test)
    found: dict[str, object] = {"tests": tests, "visibility": "visible"}
    if left := sum(item.points is None for item in items):
        found["score"] = sum(item.points or 0.0 for item in items)
        found["output"] = (
            f"{left}개 항목은 사람이 확인한 뒤 점수를 더합니다. / "
            f"{left} still to be decided by a person; the total will grow."
        )
    return found


class _Table:
    """Rows, as they come."""

    def __init__(self) -> None:
        self._rows: list[tuple[object, ...]] = []

    def add(self, *values: object) -> None:
        self._rows.append(tuple(clean(v) if isinstance(v, str) else v for v in values))

    def text(self) -> str:
        return spreadsheet.table(self._rows)
