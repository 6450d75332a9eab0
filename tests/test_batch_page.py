"""The class page: what it names, what it must not let through."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the batch extra")

from grader import rubric
from grader.batch import classpage, exports
from grader.batch.gradebook import Override, Row
from grader.batch.labels import FINDINGS
from grader.batch.similarity import Pair
from grader.records import Text

CHECKS = Path(__file__).parents[1] / "grader" / "checks"
HOSTILE = '<script>alert(1)</script>"=cmd|calc'


def row(student="kim", *, overrides=None, **facts) -> Row:
    items = {
        name: {"status": "PASS", "points": 1.0, "reason": HOSTILE, "cells": [1]}
        for name in ("r1", "r2", "r3")
    }
    known = {"bucketing": "effective", "best_accuracy": 0.9, "tokens_per_row": {"cell 1": 64.0}}
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
    assert reported and reported <= set(FINDINGS)


def test_hostile_names_and_reasons_are_text(tmp_path):
    page = classpage.write(
        [row(HOSTILE), row("b"), row("c")],
        rubric.load(),
        (Pair(HOSTILE, "b", 0.9, 0.8, ((HOSTILE, "x"),)),),
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
    assert "score" not in tables["gradescope.json"].split('"r2"')[1].split("}")[0]


def test_an_override_is_shown_with_its_author():
    decision = Override("kim", "r3", "FAIL", None, "강사", "이유", "2026-01-01")
    page = classpage.write([row(overrides={"r3": decision})], rubric.load(), (), "ko")
    assert "✎ 강사" in page
    assert ",2.0," in exports.tables([row(overrides={"r3": decision})], rubric.load())["gradebook.csv"]


def test_the_same_class_gives_the_same_bytes():
    rows = [row(str(n), best_accuracy=0.88 + n / 100) for n in range(5)]
    assert classpage.write(rows, rubric.load(), (), "ko") == classpage.write(rows, rubric.load(), (), "ko")
