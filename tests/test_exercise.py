"""exercises/nsmc-bucketing: made from the solution, gives nothing away, fails as it should when untouched."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest

from grader import pipeline, rubric
from grader.cli.app import run
from grader.records import Bucketing, Status
from grader.release import BEGIN, WORD_STUB, release

ROOT = Path(__file__).parents[1]
SOLUTION = ROOT / "reference" / "solution.ipynb"
FOLDER = ROOT / "exercises" / "nsmc-bucketing"
EXERCISE = FOLDER / "exercise.ipynb"


@pytest.fixture(scope="module")
def cells():
    return nbformat.read(EXERCISE, as_version=4).cells


@pytest.fixture(scope="module")
def untouched():
    return pipeline.check(EXERCISE, None, rubric.load())


def test_the_committed_exercise_is_what_release_makes(tmp_path):
    release(SOLUTION, tmp_path / "exercise.ipynb")
    assert (tmp_path / "exercise.ipynb").read_bytes() == EXERCISE.read_bytes()


def test_nothing_of_a_solution_region_is_left(cells):
    text = "\n".join(cell.source for cell in cells)
    assert "SOLUTION" not in text
    for cell in nbformat.read(SOLUTION, as_version=4).cells:
        if BEGIN in cell.source:
            region = cell.source.split(BEGIN)[1].split("### END SOLUTION")[0]
            lines = [line.strip() for line in region.splitlines() if len(line.strip()) > 25]
            assert not [line for line in lines if line in text], cell.id


def test_what_is_given_does_not_name_the_answer(cells):
    """The three conditions of bucketing are the student's to find."""
    text = "\n".join(cell.source for cell in cells)
    for answer in ("group_by_length", "DataCollatorWithPadding", "max_length=", "learning_rate=", "drop_dup"):
        assert answer not in text, answer


def test_every_step_has_a_goal_hints_and_a_check(cells):
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert text.count("**할 일**") >= 7 and text.count("<details>") == text.count("</details>") >= 6
    checks = [cell.source for cell in cells if cell.source.startswith("# 확인")]
    assert [int(re.match(r"# 확인 (\d)", source)[1]) for source in checks] == list(range(1, 8))
    assert all("assert" in source and "✔" in source for source in checks)
    assert text.count(WORD_STUB) >= 4


def passes(cells, number: int, **names) -> bool:
    """Whether check `number` passes where the notebook has these names."""
    import numpy as np
    import pandas as pd

    source = next(c.source for c in cells if c.source.startswith(f"# 확인 {number}:"))
    try:
        exec(source, {"np": np, "pd": pd, **names})
    except AssertionError:
        return False
    return True


def test_checks_accept_other_right_solutions_and_refuse_mistakes(cells):
    def by_columns(frame):
        frame = frame.drop(columns=["id"]).dropna()
        frame["document"] = frame["document"].str.strip().str.replace(r"(.)\1{3,}", r"\1\1\1", regex=True)
        return frame[frame["document"].str.len() > 0].drop_duplicates("document")

    assert passes(cells, 2, clean=by_columns) and not passes(cells, 2, clean=lambda frame: frame.dropna())

    lengths = [12] * 990 + [117] * 10
    assert passes(cells, 4, lengths=lengths, MAX_LENGTH=128)  # a list, and a power of two
    assert not passes(cells, 4, lengths=lengths, MAX_LENGTH=512)
    assert not passes(cells, 4, lengths=[12] * 900 + [117] * 100, MAX_LENGTH=64)

    def bucketed(padding):
        names = {"padding_of": lambda trainer, batches: (20.0, padding), "first_loss": lambda trainer: 0.7}
        return passes(cells, 6, bucketed_trainer=None, **names)

    assert bucketed(0.31)  # padded to a multiple of 16; of 8: 0.17 to 0.19; 2,000 rows only: 0.15
    assert not bucketed(0.55)  # dynamic padding alone, even with batches of 8


def test_its_code_parses_and_stores_nothing(cells):
    for cell in cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)
            assert cell.outputs == [] and cell.execution_count is None


def test_untouched_it_fails_every_item_with_a_next_step(untouched):
    items = {v.item: v for v in untouched.judgement.items}
    assert {name: v.status for name, v in items.items()} == dict.fromkeys(("r1", "r2", "r3"), Status.FAIL)
    assert "셀 3부터" in items["r1"].next_step.ko
    assert "trainer.evaluate()" in items["r2"].next_step.ko
    assert "Trainer" in items["r3"].next_step.ko and "비교" in items["r3"].next_step.ko
    told = " ".join(v.next_step.ko + v.next_step.en for v in items.values())
    for answer in ("group_by_length", "DataCollatorWithPadding", "truncation"):
        assert answer not in told, "the step gives away what the exercise leaves to be found"
    facts = untouched.judgement.facts
    assert facts.bucketing == Bucketing.ABSENT and facts.compared == "none"
    assert facts.analysed == "no", "the exercise's own words are taken for the student's"


def test_one_filled_cell_is_not_judged_as_untouched(tmp_path):
    """A student on the way: as soon as something trains, missing outputs are for a person again."""
    notebook = nbformat.read(EXERCISE, as_version=4)
    solved = {c.metadata.nbgrader.grade_id: c for c in nbformat.read(SOLUTION, 4).cells if c.metadata}
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") in ("load", "fixed-trainer", "fixed-train"):
            cell.source = solved[cell.metadata.nbgrader.grade_id].source
    nbformat.write(notebook, tmp_path / "half.ipynb")
    judgement = pipeline.check(tmp_path / "half.ipynb", None, rubric.load()).judgement
    assert [v.status for v in judgement.items[:2]] == [Status.UNDECIDED] * 2
    assert all("셀 4" in v.next_step.ko for v in judgement.items), "each names the first cell still open"
    assert "group_by_length" not in judgement.items[2].next_step.ko


def test_the_solution_read_alone_is_undecided_never_failed():
    """It stores no outputs on purpose; nothing in it may be held against it."""
    evidence, judgement = pipeline.check(SOLUTION, None, rubric.load())
    assert [v.status for v in judgement.items] == [Status.UNDECIDED] * 3
    assert judgement.facts.bucketing == Bucketing.UNEXECUTED and not judgement.facts.confounded
    assert judgement.facts.analysed == "yes" and not judgement.facts.test_as_validation
    kinds = [(run.padding, run.grouping) for run in evidence.source.runs]
    assert kinds == [("max-length", "none"), ("dynamic", "length")]


def test_the_readme_names_commands_and_files_that_exist():
    text = (FOLDER / "README.md").read_text("utf-8")
    for path in re.findall(r"`((?:reference|grader|tests|exercises)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
    known = {"partial_share", "accuracy", "pocket_accuracy", "min_gain", "noise", "min_fall"}
    assert known == set().union(*(item.thresholds for item in rubric.load()))
    assert all(f"`{name}`" in text for name in known)


def test_a_second_lesson_as_the_readme_says(tmp_path):
    """Rubric copied and edited, a notebook with markers, released, checked by its own rubric."""
    folder = tmp_path / "exercises" / "second"
    folder.mkdir(parents=True)
    text = (FOLDER / "rubric.toml").read_text("utf-8")
    assert text.count("\naccuracy = 0.90") == 1
    (folder / "rubric.toml").write_text(text.replace("\naccuracy = 0.90", "\naccuracy = 0.85"), "utf-8")
    blank = "import torch\n### BEGIN SOLUTION\nx = torch.zeros(2)\n### END SOLUTION\nx.shape"
    cells = [nbformat.v4.new_markdown_cell("# 둘째"), nbformat.v4.new_code_cell(blank)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "answer.ipynb")
    exercise, rules = str(folder / "exercise.ipynb"), str(folder / "rubric.toml")
    assert run(["release", str(tmp_path / "answer.ipynb"), "--out", exercise]) == 0
    assert "zeros" not in Path(exercise).read_text("utf-8")
    asked = ["check", exercise, "--no-run", "--rubric", rules, "--out", str(tmp_path / "runs")]
    assert run([*asked, "--lang", "en"]) == 1
    assert {p.name for p in folder.iterdir()} == {"rubric.toml", "exercise.ipynb"}
    results = next((tmp_path / "runs").glob("*.results.json")).read_text("utf-8")
    assert "0.85" in results and "Begin with cell 1" in results


@pytest.mark.parametrize(
    ("guard", "grouping", "gone"),
    [
        ('{"train_sampling_strategy": "group_by_length"} if "train_sampling_strategy" in p', "length", 0),
        ('{} if "group" in p', "unknown", 1),
    ],
)
def test_a_name_that_is_asked_for_is_no_fault(tmp_path, guard, grouping, gone):
    """`{"new": v} if "new" in parameters else {"old": v}` is read as what both branches mean."""
    solution = nbformat.read(SOLUTION, as_version=4)
    cell = next(c for c in solution.cells if c.id == "bucketed-trainer")
    start, end = cell.source.index("group_by_length = ("), cell.source.index("bucketed_timer = ")
    choice = f'p = parameters\ngroup_by_length = (\n    {guard}\n    else {{"group_by_length": True}}\n)\n'
    cell.source = cell.source[:start] + choice + cell.source[end:]
    nbformat.write(solution, tmp_path / "s.ipynb")
    evidence = pipeline.check(tmp_path / "s.ipynb", None, rubric.load()).evidence
    assert evidence.source.runs[-1].grouping == grouping
    old = [o for o in evidence.source.observations if o.kind == "deprecated"]
    assert len(old) == gone
