"""The exercise is the solution without its solution regions, and nothing else."""

from __future__ import annotations

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from grader.errors import UsageError
from grader.release import release

CODE = """def tokenize(batch):
    ### BEGIN SOLUTION
    return tokenizer(batch["document"], truncation=True)
    ### END SOLUTION

print("done")"""


def written(path, *cells):
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


def test_regions_become_stubs_of_the_same_indentation(tmp_path):
    cell = new_code_cell(CODE, outputs=[new_output("stream", text="done\n")], execution_count=3)
    assert release(written(tmp_path / "s.ipynb", cell), tmp_path / "out" / "e.ipynb") == 1
    (made,) = nbformat.read(tmp_path / "out" / "e.ipynb", 4).cells
    assert made.source.splitlines()[:3] == [
        "def tokenize(batch):",
        "    # 여기에 코드를 작성하세요",
        "    raise NotImplementedError()",
    ]
    assert "truncation" not in made.source and made.source.endswith('print("done")')
    assert made.outputs == [] and made.execution_count is None
    compile(made.source, "cell", "exec")


def test_words_and_whole_cells_are_stripped_too(tmp_path):
    secret = new_code_cell("answer = 42", metadata={"tags": ["solution"]})
    words = new_markdown_cell("## 분석\n=== BEGIN MARK SCHEME ===\n두 배 빨라졌다\n=== END MARK SCHEME ===")
    release(written(tmp_path / "s.ipynb", secret, words), tmp_path / "e.ipynb")
    (made,) = nbformat.read(tmp_path / "e.ipynb", 4).cells
    assert made.source.startswith("## 분석") and "두 배" not in made.source and "자신의 말로" in made.source


def test_markdown_takes_the_markers_of_code_inside_comments(tmp_path):
    """Our own solution writes its words so: the markers don't show where the notebook is read."""
    words = new_markdown_cell(
        "## 회고\n\n**할 일** 적습니다.\n\n<!-- ### BEGIN SOLUTION -->\n- 배운 점\n<!-- ### END SOLUTION -->",
        metadata={"nbgrader": {"grade_id": "words", "solution": True}},
    )
    assert release(written(tmp_path / "s.ipynb", words), tmp_path / "e.ipynb") == 1
    (made,) = nbformat.read(tmp_path / "e.ipynb", 4).cells
    assert made.source.endswith("자신의 말로 적어 주세요.*") and "배운 점" not in made.source
    assert "**할 일**" in made.source and "SOLUTION" not in made.source
    assert made.metadata["nbgrader"] == {"grade_id": "words", "solution": True}


@pytest.mark.parametrize(
    "source", ["x = 1", "### BEGIN SOLUTION\nx = 1", "x = 1\n### END SOLUTION\n### BEGIN SOLUTION"]
)
def test_missing_or_unbalanced_markers_are_refused(tmp_path, source):
    with pytest.raises(UsageError):
        release(written(tmp_path / "s.ipynb", new_code_cell(source)), tmp_path / "e.ipynb")
    assert not (tmp_path / "e.ipynb").exists()


def test_the_same_solution_gives_the_same_bytes(tmp_path):
    solution = written(tmp_path / "s.ipynb", new_code_cell(CODE))
    release(solution, tmp_path / "a.ipynb")
    release(solution, tmp_path / "b.ipynb")
    assert (tmp_path / "a.ipynb").read_bytes() == (tmp_path / "b.ipynb").read_bytes()
