"""The same small torch notebooks for every tool of `benchmarks.batch_peers`, each in the form it wants.

What a student's notebook does: BertForSequenceClassification from a config (vocabulary 500, 2 layers of 64),
20 AdamW steps on 16 x 32 random ids, the accuracy printed. The last student but one records a loss too few,
the last one meets a NameError. The graders have two tests of it, one with a hidden part.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SETUP = """import torch
from transformers import BertConfig, BertForSequenceClassification
torch.set_num_threads(1)
torch.manual_seed({seed})"""
MODEL = """config = BertConfig(vocab_size=500, hidden_size=64, num_hidden_layers=2, num_attention_heads=2,
                    intermediate_size=128, max_position_embeddings=64, num_labels=2)
model = BertForSequenceClassification(config)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)"""
TRAIN = """losses = []
model.train()
for step in range(20):
    ids = torch.randint(5, 500, (16, 32))
    labels = (ids[:, 0] > 250).long()
    loss = model(input_ids=ids, labels=labels).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    losses.append({record})"""
ACCURACY = """model.eval()
with torch.no_grad():
    ids = torch.randint(5, 500, (64, 32))
    predicted = model(input_ids=ids).logits.argmax(-1)
accuracy = (predicted == (ids[:, 0] > 250).long()).float().mean().item()
print(f"accuracy {{accuracy:.3f}}")"""
TEST_LOSSES = "assert len(losses) == 20"
TEST_MODEL = "assert model.config.num_hidden_layers == 2"
HIDDEN = "assert all(0 < value < 5 for value in losses)"


def cells(student: int, count: int) -> list[str]:
    """The code of student number `student` of `count`, cell by cell."""
    record = "loss.item()"
    if student == count - 2:
        record = "loss.item()) if step else losses.extend([]"
    elif student == count - 1:
        record = "los.item()"
    texts = (SETUP.format(seed=student), MODEL, TRAIN.format(record=record), ACCURACY.format())
    return list(texts)


def plain(folder: Path, count: int) -> None:
    """One notebook a student: folder/sNN/hw.ipynb."""
    for student in range(count):
        book = new_notebook(cells=[new_code_cell(text) for text in cells(student, count)])
        _write(book, folder / f"s{student:02d}" / "hw.ipynb")


def nbgrader(folder: Path, count: int, tool: Path, env: dict[str, str]) -> None:
    """A course directory in which `nbgrader autograde ps1` can be run."""
    solution = {"grade": False, "grade_id": "work", "locked": False, "solution": True}
    tests = (("test_losses", 2, TEST_LOSSES), ("test_model", 3, TEST_MODEL))

    def book(student: int | None):
        code = cells(student or 0, count)
        made = [new_code_cell(text) for text in code]
        if student is None:
            made[2].source = "### BEGIN SOLUTION\n" + made[2].source + "\n### END SOLUTION"
        made[2].metadata["nbgrader"] = {**solution, "schema_version": 3, "task": False}
        for name, points, text in tests:
            hidden = f"\n### BEGIN HIDDEN TESTS\n{HIDDEN}\n### END HIDDEN TESTS"
            source = text + hidden if student is None and name == "test_model" else text
            about = {"grade": True, "grade_id": name, "locked": True, "points": points, "solution": False}
            about |= {"schema_version": 3, "task": False}
            made.append(new_code_cell(source, metadata={"nbgrader": about}))
        return new_notebook(
            cells=[new_markdown_cell("Homework"), *made],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )

    (folder / "nbgrader_config.py").parent.mkdir(parents=True, exist_ok=True)
    (folder / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "bench"\n')
    _write(book(None), folder / "source" / "ps1" / "hw.ipynb")
    for student in range(count):
        _write(book(student), folder / "submitted" / f"s{student:02d}" / "ps1" / "hw.ipynb")
    subprocess.run(
        [tool / "nbgrader", "generate_assignment", "ps1"],
        cwd=folder,
        env=env,
        check=True,
        capture_output=True,
    )


def otter(folder: Path, count: int, tool: Path, env: dict[str, str]) -> None:
    """submissions/sNN.ipynb and autograder.zip."""
    tests = folder / "tests"
    tests.mkdir(parents=True)
    for name, points, lines in (("q1", 2, (TEST_LOSSES,)), ("q2", 3, (TEST_MODEL, HIDDEN))):
        cases = [
            {"code": f">>> {line}", "hidden": place > 0, "locked": False} for place, line in enumerate(lines)
        ]
        suite = {"cases": cases, "scored": True, "setup": "", "teardown": "", "type": "doctest"}
        about = {"name": name, "points": points, "suites": [suite]}
        text = json.dumps(about).replace("true", "True").replace("false", "False")
        (tests / f"{name}.py").write_text(f"OK_FORMAT = True\ntest = {text}\n")
    for student in range(count):
        code = ["import otter\ngrader = otter.Notebook()", *cells(student, count)]
        made = [new_code_cell(text) for text in (*code, 'grader.check("q1")', 'grader.check("q2")')]
        spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        _write(new_notebook(cells=made, metadata=spec), folder / "submissions" / f"s{student:02d}.ipynb")
    command = [tool / "otter", "generate", "-t", "tests", "-o", "autograder.zip", "--no-requirements"]
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)


def _write(book, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(book, path)
