"""Pairs of notebooks that share code: found, the same every time, and never the course's own code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("copydetect", reason="needs the batch extra")

from grader.batch.entries import Entry
from grader.batch.similarity import given_notebook, similar
from grader.records import Text

CORPUS = Path(__file__).parent / "corpus"


def entry(student: str, path: Path) -> Entry:
    return Entry(student=student, path=str(path), why=Text(ko="", en=""))


def copied(tmp_path: Path) -> Path:
    """own-torch-loop with every variable of the student renamed."""
    text = (CORPUS / "own-torch-loop" / "submission.ipynb").read_text("utf-8")
    path = tmp_path / "copy.ipynb"
    path.write_text(text.replace("bucket", "gruppe").replace("train_df", "lern"), encoding="utf-8")
    return path


def test_a_copy_with_other_names_is_found_and_different_work_is_not(tmp_path):
    entries = (
        entry("a", CORPUS / "own-torch-loop" / "submission.ipynb"),
        entry("b", copied(tmp_path)),
        entry("c", CORPUS / "pads-to-max" / "submission.ipynb"),
    )
    pairs = similar(entries, Path())
    assert [(pair.a, pair.b) for pair in pairs] == [("a", "b")]
    assert min(pairs[0].share_a, pairs[0].share_b) > 0.8 and pairs[0].spans
    assert similar(entries, Path()) == pairs, "the same every time"


def test_each_passage_stands_beside_its_own_copy(tmp_path):
    """Side by side are the same lines with other names, and each names the cell it begins in."""
    source = CORPUS / "own-torch-loop" / "submission.ipynb"
    cells = json.loads(source.read_text("utf-8"))["cells"]
    (pair,) = similar((entry("a", source), entry("b", copied(tmp_path))), Path())
    for span in pair.spans:
        assert span.a.replace("bucket", "gruppe").replace("train_df", "lern") == span.b
        assert span.cell_a == span.cell_b
        first = span.a.splitlines()[0]
        assert first.strip() in "".join(cells[span.cell_a]["source"])


def test_what_the_exercise_gave_is_nobodys(tmp_path):
    source = CORPUS / "own-torch-loop" / "submission.ipynb"
    entries = (entry("a", source), entry("b", copied(tmp_path)))
    assert similar(entries, Path()) and not similar(entries, Path(), source)


def test_two_who_only_filled_in_the_exercise_are_no_pair():
    """The released exercise twice, as it was given: all of it is the course's."""
    given = given_notebook()
    entries = (entry("a", given), entry("b", given))
    assert similar(entries, Path(), given) == ()
    assert similar(entries, Path()) != (), "the control: without it they are a pair"


def test_a_submission_in_two_notebooks_is_compared_whole(tmp_path):
    source = CORPUS / "own-torch-loop" / "submission.ipynb"
    whole = json.loads(source.read_text("utf-8"))
    for name, part in (("1.ipynb", whole["cells"][:5]), ("2.ipynb", whole["cells"][5:])):
        (tmp_path / name).write_text(json.dumps(whole | {"cells": part}), "utf-8")
    parts = (str(tmp_path / "1.ipynb"), str(tmp_path / "2.ipynb"))
    split = Entry(student="b", path=parts[0], parts=parts, why=Text(ko="", en=""))
    (pair,) = similar((entry("a", source), split), Path())
    assert min(pair.share_a, pair.share_b) > 0.8
