"""Every notebook in tests/corpus gets the verdict its expect.toml names: by reading, and by running.

An expectation may be a list: any of these is right (a person could differ).
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from grader import classroom, pipeline, rubric
from grader.records import Budget, Judgement, Limits, Witness
from tests.corpus import build

CORPUS = Path(__file__).parent / "corpus"
CASES = sorted(folder.parent.name for folder in CORPUS.glob("*/expect.toml"))


def expected(case: str, how: str) -> dict:
    return tomllib.loads((CORPUS / case / "expect.toml").read_text("utf-8"))[how]


def assert_as_expected(judgement: Judgement, want: dict) -> None:
    facts = judgement.facts
    got = {verdict.item: str(verdict.status) for verdict in judgement.items}
    got |= {"bucketing": str(facts.bucketing), "eval_split": facts.eval_split}
    wrong = {}
    for key in ("r1", "r2", "r3", "bucketing", "eval_split"):
        allowed = want.get(key, [got[key]])
        if got[key] not in (allowed if isinstance(allowed, list) else [allowed]):
            reason = next((v.reason.en + v.staff_note for v in judgement.items if v.item == key), "")
            wrong[key] = f"{got[key]}, expected {allowed}: {reason}"
    if "best_accuracy" in want and facts.best_accuracy != pytest.approx(want["best_accuracy"], abs=5e-5):
        wrong["best_accuracy"] = f"{facts.best_accuracy}, expected {want['best_accuracy']}"
    missing = set(want.get("findings", [])) - {finding.id for finding in judgement.findings}
    if missing:
        wrong["findings"] = f"{missing} not among {[finding.id for finding in judgement.findings]}"
    assert not wrong, wrong


def test_the_corpus_is_what_its_script_builds():
    for name, (notebook, expect) in build.build_all().items():
        assert (CORPUS / name / "submission.ipynb").read_text("utf-8") == notebook, name
        assert (CORPUS / name / "expect.toml").read_text("utf-8") == expect, name
    assert set(build.build_all()) == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_by_reading(case):
    evidence, judgement = pipeline.check(CORPUS / case / "submission.ipynb", None, rubric.load())
    assert not evidence.faults
    assert_as_expected(judgement, expected(case, "no_run"))
    for verdict in judgement.items:
        if verdict.status in ("FAIL", "PARTIAL"):
            assert verdict.next_step is not None, verdict.item
    for verdict in (*judgement.items, *judgement.questions, *judgement.findings):
        for citation in verdict.citations:
            assert_stands_there(evidence.submission.cells[citation.cell], citation, verdict)


def assert_stands_there(cell, citation, verdict) -> None:
    """A quotation of code or words is found, line by line, in the cell that is cited for it."""
    if citation.witness is not Witness.SOURCE:
        return
    there = " ".join(cell.source.split())
    for line in citation.quote.splitlines():
        said = " ".join(line.split()).rstrip("…")
        plain = said.replace("**", "").replace("`", "")
        assert said in there or plain in there.replace("**", "").replace("`", ""), (
            f"cell {cell.index}: {said!r} ({verdict})"
        )


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_by_running(case, isolation):
    want = expected(case, "run")
    if (needed := want.get("runtime", "current")) not in classroom.available():
        pytest.skip(f"needs the runtime {needed}: grader setup --runtime {needed}")
    limits = Limits(cell_seconds=want.get("cell_seconds", 400.0), total_seconds=600.0)
    plan = pipeline.Plan(
        profile="pocket",
        isolation=isolation,
        limits=limits,
        budget=Budget(train_batches=12, eval_batches=4),
        home=os.environ.get("GRADER_HOME", ""),
        insist=True,
    )
    evidence, judgement = pipeline.check(CORPUS / case / "submission.ipynb", plan, rubric.load())
    assert not evidence.faults
    assert evidence.observed is not None
    environment = [(cell.index, cell.why) for cell in evidence.observed.cells if cell.environment]
    assert not environment
    if "ending" in want:
        assert evidence.observed.ending == want["ending"]
    assert_as_expected(judgement, want)
