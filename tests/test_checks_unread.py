"""Training that the grader can't see is for a person; only code that is all there proves that none was."""

from __future__ import annotations

import nbformat
import pytest
from nbformat import v4

from grader import pipeline, rubric
from grader.checks.readable import unread
from tests.checks_evidence import code, evidence

PRINTS = "epoch 1 accuracy 0.9123 loss 0.2100\nepoch 2 accuracy 0.9150 loss 0.1500\n"


def graded(tmp_path, *cells: tuple[str, str, str]):
    """The judgement on cells of (source, stdout, result)."""
    made = v4.new_notebook()
    for number, (source, printed, shown) in enumerate(cells, start=1):
        cell = v4.new_code_cell(source, execution_count=number)
        if printed:
            cell.outputs.append(v4.new_output("stream", name="stdout", text=printed))
        if shown:
            data = {"text/plain": shown}
            cell.outputs.append(v4.new_output("execute_result", data=data, execution_count=number))
        made.cells.append(cell)
    nbformat.write(made, tmp_path / "a.ipynb")
    return pipeline.check(tmp_path / "a.ipynb", None, rubric.load())[1]


@pytest.mark.parametrize(
    "how",
    [
        "from lib import main\nmain()",
        "import nsmc_trainer as t\nt.go()",
        "!python run_all.py",
        "%run run_all.py",
        "exec(open('run_all.py').read())",
        "import subprocess\nsubprocess.run(['python', 'run_all.py'])",
        "main()",
    ],
)
def test_a_training_in_code_that_cannot_be_read_is_undecided(tmp_path, how):
    clone = ("!git clone https://example.org/nsmc-lib lib", "Cloning into 'lib'...\n", "")
    judgement = graded(tmp_path, clone, (how, PRINTS, ""))
    for verdict in judgement.items:
        assert (verdict.status, verdict.points) == ("UNDECIDED", None), verdict
        assert verdict.person is not None
        assert "no training was run" not in verdict.actual.en
    assert 1 in {c.cell for c in judgement.items[1].citations}


@pytest.mark.parametrize(
    "fake",
    [
        "for a in (0.9123, 0.9150):\n    print(f'accuracy {a:.4f}')",
        "import time, numpy as np\ntime.sleep(1)\nprint('accuracy', np.mean([0.915]))",
        "def report(a):\n    print('accuracy', a)\nreport(0.9150)",
    ],
)
def test_code_that_is_all_there_and_trains_nothing_still_fails(tmp_path, fake):
    judgement = graded(
        tmp_path,
        (
            "!pip install datasets\nfrom datasets import load_dataset\nd = load_dataset('nsmc')",
            "",
            "DatasetDict",
        ),
        (fake, "accuracy 0.9123\naccuracy 0.9150\n", ""),
    )
    assert judgement.items[1].status == "FAIL"
    assert judgement.items[2].status == "FAIL"


@pytest.mark.parametrize(
    "source, read",
    [
        ("from transformers import AutoModel\nm = AutoModel.from_pretrained('x').eval()", True),
        ("from sklearn.model_selection import train_test_split\ntrain_test_split([1, 2])", True),
        ("import re\nre.compile('a')\n%matplotlib inline\n!nvidia-smi", True),
        ("m.fit(x)", False),
        ("model.train()", False),
        ("from .lib import x", False),
        ("def f(:", False),
        ("!accelerate launch x.py", False),
    ],
)
def test_what_can_be_read(source, read):
    assert (unread(evidence(cells=(code(0, source),))) == ()) is read
    assert unread(evidence(cells=(code(0, source, count=None),))) == (), "not executed"
