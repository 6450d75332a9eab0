"""The class page: what it names, what it must not let through."""

from __future__ import annotations

import ast
import csv
import io
import json
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the batch extra")

from grader import rubric
from grader.batch import classpage, classplots, common, exports
from grader.batch.common import shared, worth_showing
from grader.batch.gradebook import Override, Row
from grader.batch.labels import FINDINGS
from grader.batch.lessons import LESSONS
from grader.batch.similarity import Pair, Span
from grader.records import Text

CHECKS = Path(__file__).parents[1] / "grader" / "checks"
HOSTILE = '<script>alert(1)</script>"=cmd|calc'


def row(student="kim", *, overrides=None, **facts) -> Row:
    items = {
        name: {"status": "PASS", "points": 1.0, "reason": HOSTILE, "cells": [1]}
        for name in ("r1", "r2", "r3")
    }
    known = {"bucketing": "effective", "best_accuracy": 0.9, "tokens_per_row": {"cell 1": 64.0}}
    known |= {"compared": "both", "analysed": "yes", "baseline": None, "bucketed": None, "runs": []}
    results = {"items": items, "facts": known | facts, "findings": [], "ending": None}
    why = Text(ko="하나뿐", en="only one")
    return Row(student, "a.ipynb", why, (), "", False, None, False, results, overrides or {})


def test_every_finding_that_is_no_praise_has_a_name():
    reported = set()
    for path in (CHECKS / "findings").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
                given = {word.arg: word.value for word in node.keywords}
                severity = getattr(given["severity"], "value", "note")
                if isinstance(given["id"], ast.Constant) and severity != "praise":
                    reported.add(given["id"].value)
    assert reported > common.INFORMS and reported - common.INFORMS <= set(FINDINGS)
    assert set(LESSONS) == set(FINDINGS), "what several have in common says what to do about it"


def test_hostile_names_and_reasons_are_text(tmp_path):
    page = classpage.write(
        [row(HOSTILE), row("b"), row("c")],
        rubric.load(),
        (Pair(HOSTILE, "b", 0.9, 0.8, (Span(HOSTILE, "x", 1, 2),)),),
        "ko",
    )
    assert "<script>alert" not in page
    assert page.count("<script>") == 1 and "script-src 'sha256-" in page


def test_a_spreadsheet_runs_nothing_from_a_student(tmp_path):
    tables = exports.tables([row("=HYPERLINK(1)")], rubric.load())
    assert "\n'=HYPERLINK(1)" in tables["gradebook.csv"]


def test_undecided_is_blank_in_every_export():
    undecided = row()
    undecided.results["items"]["r2"] = {"status": "UNDECIDED", "points": None, "reason": "?", "cells": []}
    tables = exports.tables([undecided], rubric.load())
    assert tables["canvas.csv"].splitlines()[2].endswith(",")
    (worksheet,) = csv.DictReader(io.StringIO(tables["moodle.csv"].removeprefix("\ufeff")))
    assert worksheet["Grade"] == ""
    found = json.loads(tables["gradescope.json"])["kim"]
    second = next(test for test in found["tests"] if test["number"] == "r2")
    assert "score" not in second and "max_score" not in second and second["output"].startswith("UNDECIDED")
    # Gradescope asks for a total where a test has none; it is said to be unfinished.
    assert found["score"] == 2.0 and "still to be decided" in found["output"]


def test_moodle_takes_the_worksheet_for_its_own():
    """Its importer refuses a file without these three, and finds a student by "Participant NUMBER"."""
    handed = row()._replace(lms_id="88")
    (worksheet,) = csv.DictReader(
        io.StringIO(exports.tables([handed], rubric.load())["moodle.csv"].removeprefix("\ufeff"))
    )
    assert worksheet["Identifier"] == "Participant 88" and worksheet["Grade"] == "3.0"
    assert worksheet["Last modified (grade)"] == "-"


def test_canvas_takes_the_gradebook_for_its_own():
    """Its importer looks at these header cells, the row of possible points, and the user's number."""
    handed = row()._replace(lms_id="12345")
    lines = list(csv.reader(io.StringIO(exports.tables([handed], rubric.load())["canvas.csv"])))
    assert "Student" in lines[0][0] and lines[0][1:5] == ["ID", "SIS User ID", "SIS Login ID", "Section"]
    assert "Points Possible" in lines[1][0] and float(lines[1][5]) == 3.0
    assert lines[2][:2] == ["kim", "12345"] and float(lines[2][5]) == 3.0


@pytest.mark.parametrize("name", ["=1+1", "+1+1", "-1+cmd", "@x", "\t=1", "\r=1", "\n=1", "-"])
def test_no_cell_is_a_formula_whatever_the_name(name):
    for text in exports.tables([row(name)], rubric.load()).values():
        if text.startswith("\ufeff"):
            for line in csv.reader(io.StringIO(text.removeprefix("\ufeff"))):
                assert not [cell for cell in line if cell != "-" and cell[:1] in tuple("=+-@\t\r\n")]


def test_an_override_is_shown_with_its_author():
    decision = Override("kim", "r3", "FAIL", None, "강사", "이유", "2026-01-01")
    page = classpage.write([row(overrides={"r3": decision})], rubric.load(), (), "ko")
    assert "✎ 강사" in page
    assert ",2.0," in exports.tables([row(overrides={"r3": decision})], rubric.load())["gradebook.csv"]


def test_the_same_class_gives_the_same_bytes():
    rows = [row(str(n), best_accuracy=0.88 + n / 100) for n in range(5)]
    assert classpage.write(rows, rubric.load(), (), "ko") == classpage.write(rows, rubric.load(), (), "ko")


def found(name: str, severity: str, text: str = "words") -> dict:
    return {"id": name, "severity": severity, "text": text, "cells": [3], "question": None}


def test_what_the_class_has_in_common_is_counted_with_its_students():
    rows = [row(str(n), bucketing="no-op" if n < 3 else "effective") for n in range(5)]
    rows[4].results["findings"].append(found("overfitting", "note"))
    assert [(one.tag, one.students) for one in shared(rows)] == [("no-op-bucketing", ("0", "1", "2"))]
    page = classpage.write(rows, rubric.load(), (), "ko")
    assert "5명 중 3명, 효과가 없는 bucketing" in page
    assert 'data-filter="no-op-bucketing"' in page and page.count('data-tags="no-op-bucketing') == 3


def test_a_contradiction_comes_first_with_its_sentence_its_cell_and_a_command():
    odd = row("lee")
    odd.results["findings"].append(found("stale-output", "contradiction", "outputs are `older`"))
    page = classpage.write([row("kim"), odd], rubric.load(), (), "en")
    first = page[page.index('id="first"') : page.index('id="common"')]
    assert "outputs are <kbd>older</kbd>" in first and "report.html#cell-3" in first
    assert "grader grade lee --item r1 --status PASS" in first and "kim" not in first


def test_who_was_seen_by_a_person_waits_no_longer():
    odd = row("lee", overrides={"r1": Override("lee", "r1", "PASS", None, "park", "looked", "2026-01-01")})
    odd.results["findings"].append(found("stale-output", "contradiction"))
    page = classpage.write([odd], rubric.load(), (), "en")
    assert "Nobody needs a person first." in page and "1 already seen by a person" in page


def test_a_miss_within_the_noise_and_evidence_in_images_are_for_a_person():
    near = row("near")
    near.results["items"]["r2"] |= {"status": "FAIL", "points": 0.0, "person": "look at the image"}
    near.results["findings"].append(found("at-the-threshold", "note"))
    page = classpage.write([near], rubric.load(), (), "en")
    assert "just below the goal" in page and "look at the image" in page
    passed = row("passed")
    passed.results["findings"].append(found("at-the-threshold", "note"))
    assert "just below the goal" not in classpage.write([passed], rubric.load(), (), "en")


def test_what_is_worth_showing_passed_everything_and_has_nothing_against_it():
    good, doubtful = row("good"), row("doubtful")
    for one in (good, doubtful):
        one.results["findings"].append(found("real-speedup", "praise"))
    doubtful.results["findings"].append(found("confounded", "warning"))
    assert [one.student for one, _ in worth_showing([good, doubtful])] == ["good"]


def test_the_trade_off_is_drawn_from_stored_runs_only():
    runs = [
        {"examples_per_second": 40.0, "evaluations": [{"accuracy": 0.90, "split": "test"}]},
        {
            "examples_per_second": 60.0,
            "evaluations": [{"accuracy": 0.91}, {"accuracy": 0.99, "split": "train"}],
        },
    ]
    speed, accuracy = classplots.gain({"baseline": 0, "bucketed": 1, "runs": runs})
    assert (speed, round(accuracy, 4)) == (1.5, 0.01)
    assert classplots.gain({"baseline": 0, "bucketed": 1, "runs": [{}, runs[1]]}) is None
    counted = runs[0] | {"examples_per_second": None, "rows": 1000, "epochs": 3.0, "seconds": 100.0}
    assert classplots.gain({"baseline": 0, "bucketed": 1, "runs": [counted, runs[1]]})[0] == 2.0
    rows = [row(f"${n}$", baseline=0, bucketed=1, runs=runs) for n in range(3)]
    assert classpage.write(rows, rubric.load(), (), "ko").count("<svg") == 2
