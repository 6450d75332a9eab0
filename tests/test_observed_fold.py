"""Lines of the probe folded into runs; and what a forger's lines do."""

import msgspec
import pytest

from grader.facts import Kind
from grader.observed.failures import judged
from grader.observed.fold import fold, gather
from grader.observed.trust import doubts, replaced
from grader.records import Cell, CellRun, Ending, Start, Submission, Testimony
from grader.sandbox import Event, Execution

HEAD = {
    "t": "run", "run": 0, "kind": "trainer", "start": "pretrained", "start_of": "klue/bert-base",
    "name": "klue/bert-base", "dataset_rows": 1000, "loader_batches": 32, "batch_size": 32,
    "steps_planned": 96, "epochs_planned": 3.0, "dtype": "float32", "device": "cpu",
    "args": {"output_dir": "out", "group_by_length": True},
    "votes": {"train": 900, "test": 0, "both": 5, "neither": 0},
}  # fmt: skip
STEPS = {
    "t": "steps", "run": 0, "steps": [[32, 32 * 64, 0.1]] * 8, "loss": [0.7] * 8, "lr": [2e-5] * 8,
    "batches": [[32, 64, 600, 5, 40, 13000], [32, 64, 640, 5, 44, 14000]] * 4,
}  # fmt: skip
EVAL = {
    "t": "eval", "run": 0, "during": 8, "rows": 512, "accuracy": 0.8, "loss": 0.5, "seconds": 1.0,
    "epoch": 1.0, "votes": {"train": 0, "test": 500, "both": 12, "neither": 0},
    "leak": {"rows": 512, "seen": 12, "whole": True},
}  # fmt: skip
END = {
    "t": "run-end",
    "run": 0,
    "steps": 8,
    "batches": 8,
    "rows": 256,
    "seconds": 2.0,
    "cut": True,
    "memory": 700,
}


def execution(lines, *, cpu=20.0, spacing=1.0, cell=4):
    events = [Event(i * spacing, cell, {"at": 1e9 + i * spacing, **line}) for i, line in enumerate(lines)]
    cells = (CellRun(index=cell, ending=Ending.COMPLETED, seconds=9.0),)
    return Execution(cells=cells, ending=Ending.COMPLETED, events=tuple(events), cpu_seconds=cpu, seconds=9.0)


def notebook(source="trainer.train()"):
    return Submission(name="n", sha256="", cells=(Cell(index=4, kind="code", source=source),))


def test_one_run():
    done = execution([HEAD, STEPS, EVAL, END])
    testimony = fold(done, done.cells)
    (run,) = testimony.runs
    assert (run.cell, run.ending, run.start) == (4, Ending.BUDGET, Start.PRETRAINED)
    assert (run.padding.value, run.max_length, run.tokens_per_row) == ("max-length", 64, 64)
    assert (run.rows, run.steps, run.epochs, run.epochs_planned) == (1000, 8, 0.25, 3.0)
    assert run.attempts == ("group_by_length",)
    assert run.examples_per_second == pytest.approx(320)
    assert (run.evaluations[0].accuracy, run.evaluations[0].split) == (0.8, "test")
    assert run.leaked_rows == 0
    assert [o.kind for o in testimony.observations] == [Kind.TEST_AS_VALIDATION]
    assert doubts(notebook(), done, testimony) == ()


def test_rows_trained_on_and_evaluated():
    seen = {**EVAL, "votes": {"train": 500, "test": 0, "both": 12, "neither": 0}}
    seen["leak"] = {"rows": 512, "seen": 500, "whole": True}
    done = execution([HEAD, STEPS, seen, END])
    testimony = fold(done, done.cells)
    assert testimony.runs[0].leaked_rows == 500
    assert testimony.runs[0].eval_split == "train"
    assert testimony.observations[0].kind == Kind.LEAK


def test_the_same_model_trained_on():
    again = [{**line, "run": 1} for line in (HEAD, STEPS, END)]
    again[0].update(start="continued", start_of=0)
    done = execution([HEAD, STEPS, END, *again])
    second = fold(done, done.cells).runs[1]
    assert (second.start, second.continued_from, second.order) == (Start.CONTINUED, 4, 1)


def test_a_run_that_never_ended_takes_the_cells_ending():
    done = execution([HEAD, STEPS])
    cells = (CellRun(index=4, ending=Ending.CELL_TIMEOUT, seconds=9.0),)
    assert fold(done, cells).runs[0].ending is Ending.CELL_TIMEOUT


def test_junk_lines_are_dropped_and_doubted():
    junk = [{"t": "run", "run": 5, "args": 3}, {"t": "steps", "run": 5, "steps": [3], "batches": [None]}]
    done = execution([HEAD, STEPS, END, *junk])
    testimony = fold(done, done.cells)
    assert len(testimony.runs) == 1
    assert any("never gives" in doubt for doubt in doubts(notebook(), done, testimony))


@pytest.mark.parametrize(
    "bad",
    [
        {"t": "steps", "run": 0, "steps": 5},
        {"t": "steps", "run": 0, "batches": [None]},
        {"t": "steps", "run": 0, "loss": [float("nan")]},
        {"t": "run", "run": 7, "dataset_rows": "x"},
        {"t": "run", "run": 7, "stored": {"padded": 1.0}},
        {"t": "eval", "run": 0, "accuracy": "a"},
        {"t": "eval", "run": 9, "loss": float("inf")},
        {"t": "eval", "run": 0, "leak": {"rows": 500}},
        {"t": "run-end", "run": 0, "steps": 10**40},
        {"t": "missing", "wanted": [1]},
        {"t": ["run"], "run": 0, "at": "now"},
    ],
    ids=str,
)
def test_a_line_of_another_shape_is_dropped_and_doubted(bad):
    done, fair = execution([HEAD, STEPS, EVAL, END, bad]), execution([HEAD, STEPS, EVAL, END])
    assert fold(done, judged(notebook(), done)) == fold(fair, fair.cells)
    assert gather(done.events).keys() == {0}
    assert any("never gives" in doubt for doubt in doubts(notebook(), done, fold(done, done.cells)))
    assert replaced(notebook(), done) == ()


def test_what_is_kept_survives_json():
    lines = [
        HEAD | {"args": {"output_dir": "\ud800"}, "name": "a\udfff"},
        {**STEPS, "steps": [[1e99, 32, 1e-300]] * 8},
        {"t": "missing", "wanted": "\ud800.csv"},
        {"t": "model", "name": "m", "class": "Bert\ud800", "local": False, "run": None},
    ]
    done = execution(lines)
    testimony = fold(done, judged(notebook(), done))
    assert msgspec.json.decode(msgspec.json.encode(testimony), type=Testimony) == testimony
    assert [o.value.get("class") for o in testimony.observations] == [None, "Bert?"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"spacing": 0.0001}, "within"),
        ({"cpu": 0.001}, "CPU"),
    ],
)
def test_forged_steps_are_doubted(change, says):
    many = [{**STEPS, "steps": [[32, 2048, 0.1]] * 100} for _ in range(10)]
    done = execution([HEAD, *many, END], **change)
    assert any(says in doubt for doubt in doubts(notebook(), done, fold(done, done.cells)))


def test_a_probe_that_failed_is_doubted():
    """What it would have said is missing, and nobody may take its silence for the notebook's."""
    failed = {"t": "probe-error", "where": "Steps.end", "error": "KeyError: 'loss'\n"}
    done = execution([HEAD, failed, STEPS, failed, EVAL, END])
    said = doubts(notebook(), done, fold(done, done.cells))
    assert said == ("the probe failed in Steps.end: KeyError: 'loss'",)
    done = execution(
        [HEAD, *({**failed, "error": f"{n} {'x' * 9_000}"} for n in range(50)), STEPS, EVAL, END]
    )
    said = doubts(notebook(), done, fold(done, done.cells))
    assert len(said) == 4 and said[-1] == "the probe failed in 47 other ways"
    assert max(map(len, said)) <= 200


def test_a_metric_that_does_not_count_is_doubted():
    done = execution([HEAD, STEPS, {**EVAL, "claims": {"eval_accuracy": 0.95}}, END])
    assert any("0.950" in doubt for doubt in doubts(notebook(), done, fold(done, done.cells)))
    done = execution([HEAD, STEPS, {**EVAL, "claims": {"eval_accuracy": 0.82}}, END])
    assert doubts(notebook(), done, fold(done, done.cells)) == ()


@pytest.mark.parametrize("name", ["acc", "eval_acc", "test_Accuracy", "eval_accuracy.accuracy"])
def test_an_accuracy_of_any_name_is_set_against_the_count(name):
    done = execution([HEAD, STEPS, {**EVAL, "claims": {name: 0.95}}, END])
    assert replaced(notebook(), done) == (4,)
    fair = execution(
        [HEAD, STEPS, {**EVAL, "claims": {"eval_f1": 0.95, "eval_accelerated": 3.0, "acc": 81.0}}, END]
    )
    assert replaced(notebook(), fair) == ()


@pytest.mark.parametrize(
    "source",
    [
        "trainer.evaluate = lambda **k: {'eval_accuracy': .95}",
        "!pip list\nsetattr(trainer, 'evaluate', f)",
        "class T(Trainer):\n    def evaluate(self, *a, **k):\n        return {'eval_accuracy': .95}",
        "class T(transformers.Trainer):\n    prediction_step = forged",
        "Trainer.evaluate = f",
        "self.trainer.evaluate = types.MethodType(f, trainer)",
        "def f(*a): return 1\nt.predict = f",
        "trainer.train = f",
        "trainer.compute_metrics = lambda p: {'accuracy': .95}",
        "torch.optim.Optimizer.step = lambda self: None",
        "x = !ls\ntrainer.evaluate = f",
    ],
)
def test_replacing_what_measures_is_seen_in_any_spelling(source):
    done = execution([HEAD, STEPS, END])
    cells = notebook(source + "\ntrainer.train()")
    assert replaced(cells, done) == (4,)
    said = doubts(cells, done, fold(done, done.cells))
    assert any("replaces methods" in doubt or "depend on the predictions" in doubt for doubt in said)


@pytest.mark.parametrize(
    "source",
    [
        "Trainer.tokenizer = tok",
        "trainer.compute_metrics = compute_metrics",
        "trainer.compute_metrics = lambda p: metric.compute(predictions=p[0].argmax(-1), references=p[1])",
        "class T(Trainer):\n    def evaluate(self, *a, **k):\n        return super().evaluate(*a, **k)",
        "class T(Trainer):\n    def compute_loss(self, model, inputs):\n        return 1",
        "class T(Trainer):\n    def get_train_dataloader(self):\n        return DataLoader(rows)",
        "class D:\n    def __init__(self, rows):\n        self.train = rows",
        "frame.predict = answers",
        "data.train = rows",
        "def evaluate(model):\n    return 1",
        "args.train = True",
    ],
)
def test_usual_code_replaces_nothing(source):
    done = execution([HEAD, STEPS, END])
    cells = notebook(source + "\ntrainer.train()")
    assert replaced(cells, done) == () == doubts(cells, done, fold(done, done.cells))


def test_lines_without_a_call_or_with_a_named_pipe_are_doubted():
    done = execution([HEAD, STEPS, END])
    testimony = fold(done, done.cells)
    assert any("no training call" in d for d in doubts(notebook("print('hi')"), done, testimony))
    source = "import os\nos.write(int(os.environ['PROBE_FD']), b'{}')\ntrainer.train()"
    assert len(doubts(notebook(source), done, testimony)) == 2
