"""Every mutant of the solution gets its verdict: by reading here, by running in benchmarks/mutants.py."""

from __future__ import annotations

import ast

import msgspec
import nbformat
import pytest

from grader import pipeline, rubric
from grader.records import Budget
from tests import checks_evidence as evidence
from tests.mutants import MUTANTS, Mutant, build, said, wrong

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}
RUN = ("pads-to-max-before-bucketing", "compares-different-learning-rates", "forgets-the-mask")
"""One of each kind: no effect, an unfair comparison, bucketing that works but for something else."""


def test_there_are_at_least_25_with_names_and_expectations_of_their_own():
    assert len(BY_NAME) == len(MUTANTS) >= 25
    assert all(mutant.mistake and mutant.run for mutant in MUTANTS)
    assert sum(bool(mutant.read) for mutant in MUTANTS) >= 25


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_a_whole_notebook_of_parsing_code(mutant):
    notebook = build(mutant)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)


def test_a_mutation_that_changes_nothing_is_refused():
    for edit in (("load", "not there", "x"), ("load", "set_seed(SEED)", "set_seed(SEED)")):
        with pytest.raises(ValueError, match=r"changed|times"):
            build(Mutant("x", "x", (edit,)))
    with pytest.raises(ValueError, match="no such cells"):
        build(Mutant("x", "x", (), drop=("nowhere",)))


def test_an_expectation_can_fail():
    got = {"r1": "PASS", "confounded": {"rows"}, "runs": [("dynamic", "length")]}
    assert (
        wrong({"r1": ("PASS", "PARTIAL"), "confounded": ["rows"], "runs": [("dynamic", "length")]}, got) == []
    )
    assert len(wrong({"r1": "FAIL", "confounded": ["epochs"], "runs": [("dynamic", "none")]}, got)) == 3


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_by_reading(mutant, tmp_path):
    nbformat.write(build(mutant), tmp_path / "submission.ipynb")
    found, judgement = pipeline.check(tmp_path / "submission.ipynb", None, rubric.load())
    assert not found.faults
    assert wrong(mutant.read, said(found, judgement)) == []
    assert {v.item: v.status for v in judgement.items}["r2"] == "UNDECIDED"  # nothing is stored


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_by_running(name, tmp_path, isolation):
    nbformat.write(build(BY_NAME[name], rows=2_000), tmp_path / "submission.ipynb")
    plan = pipeline.Plan(
        profile="pocket", isolation=isolation, budget=Budget(train_batches=6, eval_batches=2), insist=True
    )
    found, judgement = pipeline.check(tmp_path / "submission.ipynb", plan, rubric.load())
    assert wrong(BY_NAME[name].run, said(found, judgement)) == []
    # Its validation rows are no multiple of the batch size: a cut evaluation must count whole batches.
    assert found.observed is not None and found.observed.unverified == ()


def test_an_unfair_comparison_is_seen_in_our_own_run_where_nothing_is_stored():
    """And by the epochs it was going to make: our budget stops both after the same few batches."""
    base, late = evidence.BASE, evidence.REAL_GROUP
    cells = (
        evidence.code(1, "load_dataset('nsmc')", count=None),
        *(evidence.code(i, "trainer.train()", count=None) for i in (3, 5, 6, 7)),
    )
    ran = [
        msgspec.structs.replace(evidence.seen(5, base.padding, 60.0, 0.7), epochs=0.002, epochs_planned=2.0),
        msgspec.structs.replace(evidence.seen(7, late.padding, 20.0, 0.05), epochs=0.002, epochs_planned=1.0),
    ]
    written = [evidence.cleared(msgspec.structs.replace(run, epochs_planned=None)) for run in (base, late)]
    judgement = evidence.judged(written, [], cells=cells, observed=evidence.observed(*ran))
    assert judgement.facts.bucketing == "effective"
    assert judgement.facts.confounded == ("epochs",)
    finding = next(f for f in judgement.findings if f.id == "confounded")
    assert "2 → 1" in finding.text.en
