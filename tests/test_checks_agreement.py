"""The agreement benchmark: its statistics, and the whole command on notebooks of our own."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from benchmarks import agreement

CORPUS = Path(__file__).parent / "corpus"
COLUMNS = ("id", "r1", "r2", "r3", "bucketing", "best_acc", "cells", "certainty")
ROWS = [
    ("correct", "pass", "pass", "pass", "effective", "0.9037", "r1:2;3;6 r2:6 r3:5;8", "sure"),
    ("pads-to-max", "pass", "pass", "partial", "no-op", "0.9043", "r1:2;3 r2: r3:5", "sure"),
]


def folder(tmp_path: Path, rows) -> list[str]:
    """Labels and notebooks as the command wants them."""
    labels = tmp_path / "labels.csv"
    with labels.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    for row in rows:
        shutil.copy(CORPUS / row[0] / "submission.ipynb", tmp_path / f"{row[0]}.ipynb")
    return [str(labels), str(tmp_path), "--verbose"]


def test_agreeing_labels_exit_0(tmp_path, capsys):
    code = agreement.main(folder(tmp_path, ROWS))
    out = capsys.readouterr().out
    assert code == 0, out
    assert "no-op and effective swapped: never" in out
    assert "best accuracy equal to 4 digits: 2/2" in out


def test_a_sure_label_that_differs_exits_1_and_is_named(tmp_path, capsys):
    wrong = [ROWS[0], (*ROWS[1][:4], "effective", *ROWS[1][5:])]
    assert agreement.main(folder(tmp_path, wrong)) == 1
    out = capsys.readouterr().out
    assert "!! pads-to-max bucketing" in out
    assert "no-op and effective swapped: pads-to-max" in out


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("a", "a"), ("b", "b")], 1.0),
        ([("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")], 0.0),
        ([("a", "b"), ("b", "a")], -1.0),
        ([("a", "a"), ("a", "a")], 1.0),
        # Worked example: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no gives p_o 0.7, p_e 0.5.
        ([("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15, 0.4),
    ],
)
def test_cohens_kappa(pairs, expected):
    assert agreement.kappa(pairs) == pytest.approx(expected)


def test_cells_of_an_item():
    label = "r1:4;5;16 r2: r3:16;17"
    assert [agreement.cited(label, i) for i in ("r1", "r2", "r3", "r9")] == [
        {4, 5, 16},
        set(),
        {16, 17},
        set(),
    ]
