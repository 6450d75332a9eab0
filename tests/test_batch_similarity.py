"""Pairs of notebooks that share code: found, the same every time, and never the course's own code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("copydetect", reason="needs the batch extra")

from grader.batch.entries import Entry
from grader.batch.similarity import similar
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


def test_what_the_exercise_gave_is_nobodys(tmp_path):
    source = CORPUS / "own-torch-loop" / "submission.ipynb"
    cells = json.loads(source.read_text("utf-8"))["cells"]
    given = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    entries = (entry("a", source), entry("b", copied(tmp_path)))
    assert similar(entries, Path()) and not similar(entries, Path(), given)
