"""reference/solution.ipynb: generated, marked for stripping, and free of outputs."""

from __future__ import annotations

import ast

import nbformat
import pytest

from reference import make_solution

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(make_solution.TARGET, as_version=4)


def test_it_is_what_the_script_writes(notebook):
    assert make_solution.TARGET.read_text(encoding="utf-8") == nbformat.writes(make_solution.build()) + "\n"
    nbformat.validate(notebook)


def test_every_solution_region_is_closed_and_announced(notebook):
    for cell in notebook.cells:
        marks = [line.strip(" <!->") for line in cell.source.splitlines() if "SOLUTION" in line]
        assert marks in ([], [BEGIN, END]), cell.id
        assert bool(marks) == cell.metadata.get("nbgrader", {}).get("solution", False), cell.id
    assert sum(BEGIN in cell.source for cell in notebook.cells) >= 12


def test_code_parses_and_outputs_are_empty(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)
            assert cell.outputs == [] and cell.execution_count is None


def test_it_does_what_the_exercise_is_about(notebook):
    """Two runs from the same start; only one of the two tokenising functions pads."""
    calls = [
        node
        for cell in notebook.cells
        if cell.cell_type == "code"
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call)
    ]
    trained = [c for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr == "train"]
    assert len(trained) == 2
    pads = [c for c in calls if any(k.arg == "padding" for k in c.keywords)]
    assert len(pads) == 1
    text = "\n".join(cell.source for cell in notebook.cells)
    assert text.count("model=new_model()") == 2 and "DataCollatorWithPadding(tokenizer)" in text
