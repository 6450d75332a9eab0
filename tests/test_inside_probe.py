"""The probe at work on small trainings, in processes of their own.

The same script is run without and with what enters the kernel: losses must be equal to the last bit,
and the lines on the pipe must tell padded, dynamic and grouped runs apart.
"""

import json
import os
import subprocess
import sys

import pytest

from grader.observed.fold import fold
from grader.records import CellRun, Ending, Grouping, Padding, Start
from grader.sandbox import Event, Execution
from tests.inside_loader import INSIDE

pytestmark = pytest.mark.slow
pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("datasets")

SCRIPT = """
import json, sys, warnings
warnings.filterwarnings("ignore")
PROBE
import numpy as np, torch, transformers
from datasets import Dataset
from torch.utils.data import DataLoader
from transformers import (BertConfig, BertForSequenceClassification, DataCollatorWithPadding, Trainer,
                          TrainingArguments)
transformers.set_seed(7)
rng = np.random.default_rng(1)
lengths = np.clip(rng.lognormal(2.75, 0.65, 800).astype(int), 3, 60)
rows = [[2, *rng.integers(5, 1100, n - 2).tolist(), 3] for n in lengths]
data = {"input_ids": rows, "attention_mask": [[1] * len(r) for r in rows], "label": [r[1] % 2 for r in rows]}
data = Dataset.from_dict(data)
train, valid = data.select(range(640)), data.select(range(640, 800))
def pad(row):
    n = 64 - len(row["input_ids"])
    return {"input_ids": row["input_ids"] + [0] * n, "attention_mask": row["attention_mask"] + [0] * n}
def collate(rows):
    width = max(len(r["input_ids"]) for r in rows)
    fill = lambda k: torch.tensor([r[k] + [0] * (width - len(r[k])) for r in rows])
    labels = torch.tensor([r["label"] for r in rows])
    return {"input_ids": fill("input_ids"), "attention_mask": fill("attention_mask"), "labels": labels}
config = BertConfig(vocab_size=1200, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
                    intermediate_size=64)
def model():
    torch.manual_seed(3)
    return BertForSequenceClassification(config)
said = []
def trainer(name, train, valid, **options):
    args = TrainingArguments(name, num_train_epochs=2, per_device_train_batch_size=32, learning_rate=1e-3,
                             per_device_eval_batch_size=32, report_to="none", logging_steps=1, seed=5,
                             use_cpu=True, eval_strategy="epoch", save_strategy="epoch",
                             load_best_model_at_end=True,
                             metric_for_best_model="accuracy", **options)
    accuracy = lambda p: {"accuracy": float((p[0].argmax(-1) == p[1]).mean())}
    t = Trainer(options.pop("model", None) or model(), args, train_dataset=train, eval_dataset=valid,
                data_collator=collate, compute_metrics=accuracy)
    t.train()
    said.append([log.get("loss", log.get("eval_loss")) for log in t.state.log_history])
    return t
trainer("a", train.map(pad), valid.map(pad))
trainer("b", train, valid)
t = trainer("c", train, valid, train_sampling_strategy="group_by_length")
t.evaluate(train.select(range(100)))
m = model()
m.bert.embeddings.requires_grad_(False)
for lr in (1e-3, 1e-4):
    optimizer = torch.optim.AdamW(m.parameters(), lr=lr)
    for epoch in range(2):
        m.train()
        for batch in DataLoader(train, batch_size=32, shuffle=True, collate_fn=collate):
            loss = m(**batch).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            said.append(loss.item())
        m.eval()
        with torch.no_grad():
            for batch in DataLoader(valid, batch_size=32, collate_fn=collate):
                said.append(m(**batch).loss.item())
print(json.dumps([said, float(torch.rand(1)), float(np.random.rand())]))
END
"""

INSTALL = f"""
sys.path.insert(0, {str(INSIDE.parents[1])!r})
from tests.inside_loader import load
load("entry").install()
"""


def run(folder, probe, **env):
    """(what the script printed, events)"""
    folder.mkdir()
    (folder / "home").mkdir()
    code = SCRIPT.replace("PROBE\n", INSTALL if probe else "\n")
    code = code.replace("END\n", 'load("entry").finish()\n' if probe else "\n")
    lines = open(folder / "events", "wb+")  # noqa: SIM115
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "TQDM_DISABLE": "1",
            "PROBE_FD": str(lines.fileno()),
            "OUTBOX": str(folder),
            **env,
        },
        pass_fds=[lines.fileno()],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines.seek(0)
    events = [json.loads(line) for line in lines.read().decode().splitlines()]
    lines.close()
    printed = next(line for line in reversed(done.stdout.splitlines()) if line.startswith("[["))
    return json.loads(printed), [Event(event["at"], 0, event) for event in events]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe")
    return run(folder / "without", probe=False), run(folder / "with", probe=True), folder / "with"


def runs_of(events):
    execution = Execution(cells=(), ending=Ending.COMPLETED, events=tuple(events))
    return fold(execution, (CellRun(index=0, ending=Ending.COMPLETED, seconds=1.0),)).runs


def test_it_changes_no_result(both):
    (without, _), (with_probe, events), _ = both
    assert with_probe == without
    assert not [event.data for event in events if event.data["t"] == "probe-error"]


def test_padded_dynamic_and_grouped_are_told_apart(both):
    runs = runs_of(both[1][1])
    assert [run.kind for run in runs] == ["trainer"] * 3 + ["torch-loop"] * 2
    padded, dynamic, grouped, *loops = runs
    assert (padded.padding, padded.grouping, padded.max_length) == (Padding.MAX_LENGTH, Grouping.NONE, 64)
    assert (dynamic.padding, dynamic.grouping) == (Padding.DYNAMIC, Grouping.NONE)
    assert (grouped.padding, grouped.grouping) == (Padding.DYNAMIC, Grouping.LENGTH)
    assert padded.tokens_per_row == 64 > dynamic.tokens_per_row > grouped.tokens_per_row > 15
    assert all(run.padding is Padding.DYNAMIC for run in loops)
    assert [run.ending for run in runs] == [Ending.COMPLETED] * 5


def test_what_a_run_says(both):
    padded, _, grouped, first, second = runs_of(both[1][1])
    assert (padded.rows, padded.steps, padded.epochs, padded.batch_size) == (640, 40, 2.0, 32)
    assert padded.distinct_rows == 640
    assert (len(padded.losses), padded.start) == (40, Start.RANDOM)
    assert [e.rows for e in padded.evaluations] == [160, 160]
    assert grouped.attempts == ("group_by_length", "own-collator")
    assert grouped.leaked_rows == 100  # the evaluation on training rows after it
    assert (first.start, second.start, second.continued_from) == (Start.RANDOM, Start.CONTINUED, 0)
    assert first.learning_rates[0] == pytest.approx(1e-3)
    assert second.learning_rates[0] == pytest.approx(1e-4)
    assert [e.rows for e in second.evaluations] == [160, 160]
    assert 0.3 < second.evaluations[-1].accuracy <= 1.0


def test_weights_are_left_in_the_outbox(both):
    from safetensors import safe_open

    about = json.loads((both[2] / "last.json").read_text(encoding="utf-8"))
    assert (about["class"], about["run"]) == ("BertForSequenceClassification", 4)
    assert about["label"] == "last"
    assert json.loads((both[2] / "best.json").read_text(encoding="utf-8"))["label"] == "best"
    with safe_open(both[2] / "best.safetensors", "pt") as file:
        assert "classifier.weight" in file.keys()  # noqa: SIM118  not a mapping


def test_under_a_budget_every_loop_ends_by_itself(tmp_path):
    caps = {"GRADER_TRAIN_BATCHES": "8", "GRADER_EVAL_BATCHES": "2", "GRADER_LOOP_SECONDS": "60"}
    said, events = run(tmp_path / "cut", probe=True, **caps)
    runs = runs_of(events)
    assert [run.steps for run in runs] == [8, 8, 8, 12, 12]
    assert [run.ending for run in runs] == [Ending.BUDGET] * 5
    assert [run.rows for run in runs] == [640] * 5
    assert [len(run.evaluations) for run in runs] == [2, 2, 3, 2, 2]
    assert all(e.rows <= 128 for run in runs for e in run.evaluations)
    assert runs[0].padding is Padding.MAX_LENGTH
    assert (runs[2].padding, runs[2].grouping) == (Padding.DYNAMIC, Grouping.LENGTH)
    assert len(said[0][0]) == 8 + 2 + 1  # the Trainer's own table: losses, evaluations, the summary
