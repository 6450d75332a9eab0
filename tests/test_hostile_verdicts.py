"""Notebooks that forge their evidence, run for real: none of it earns a PASS.

Each goes through the whole pipeline (sandbox, probe, second sandbox) with the pocket classroom. What is
forged ends as unverified, as a contradiction or UNDECIDED; it is never called cheating. The control is
the same notebook without its hostile cell: nothing about it is doubted.
"""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import indent

import pytest

from grader import rubric
from grader.pipeline import Checked, Plan, check
from grader.records import Budget, Limits, Status

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

LOAD = """
from datasets import load_dataset
from transformers import (AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding,
                          Trainer, TrainingArguments)
data = load_dataset("e9t/nsmc")
tokenizer = AutoTokenizer.from_pretrained("klue/bert-base")
model = AutoModelForSequenceClassification.from_pretrained("klue/bert-base", num_labels=2)
some = data["train"].select(range(1200))
rows = some.map(lambda b: tokenizer(b["document"], truncation=True), batched=True)
parts = rows.train_test_split(test_size=200, seed=42)
"""
TRAIN = """
trainer = Trainer(model, TrainingArguments("out", per_device_train_batch_size=32, learning_rate=1e-3,
                                           report_to="none", train_sampling_strategy="group_by_length"),
                  train_dataset=parts["train"], eval_dataset=parts["test"],
                  data_collator=DataCollatorWithPadding(tokenizer),
                  compute_metrics=lambda p: {"accuracy": float((p[0].argmax(-1) == p[1]).mean())})
trainer.train()
"""
EVALUATE = "trainer.evaluate()"
PATCH = """
def evaluate(self, *args, **kwargs):
    return {"eval_loss": 0.1, "eval_accuracy": 0.95}
Trainer.evaluate = evaluate
"""
FORGE = """
import json, os, time
now = time.time()
def say(**facts):
    for fd in range(3, 40):
        try:
            os.write(fd, (json.dumps({"at": now, **facts}) + chr(10)).encode())
        except OSError:
            pass
say(t="run", run=0, kind="trainer", start="pretrained", dataset_rows=150000, batch_size=32, cell=1,
    args={"group_by_length": "True"}, attempts=["group_by_length"], loader_batches=4687)
for step in range(1000):
    say(t="steps", run=0, steps=[[32, 32 * 23, 0.2]], batches=[[32, 23, 23.0]], loss=[0.7 - step / 2000],
        lr=[2e-5])
say(t="eval", run=0, accuracy=0.95, rows=50000, votes={"train": 5000}, epoch=1.0)
say(t="run-end", run=0, steps=1000, batches=1000, seconds=200.0, cut=False)
"""
FAKE = "print({'eval_accuracy': 0.9512, 'epoch': 3.0})"
SWAP = """
import json, os
from safetensors.torch import load_file, save_file
for label in ("last", "best"):
    path = os.path.join(os.environ["OUTBOX"], label)
    weights = load_file(path + ".safetensors")
    save_file({k: -v if "classifier" in k else v for k, v in weights.items()}, path + ".safetensors")
    about = json.load(open(path + ".json"))
    json.dump({**about, "measured": 0.95}, open(path + ".json", "w"))
"""
STORED = {"output_type": "execute_result", "metadata": {}, "execution_count": 3}


def cell(source: str, *outputs: dict, count: int | None = None) -> dict:
    kept = [dict(output) for output in outputs]
    code = {"cell_type": "code", "metadata": {}, "source": source.strip()}
    return {**code, "execution_count": count, "outputs": kept}


def judged(folder: Path, *cells: dict, run: bool = True) -> Checked:
    path = folder / "hostile.ipynb"
    notebook = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook))
    plan = Plan(
        profile="pocket",
        home=str(folder.parent / "home"),
        budget=Budget(train_batches=24, eval_batches=8),
        limits=Limits(total_seconds=240),
        insist=True,
    )
    return check(path, plan if run else None, rubric.load())


def statuses(checked: Checked) -> dict[str, Status]:
    return {verdict.item: verdict.status for verdict in checked.judgement.items}


def findings(checked: Checked) -> set[str]:
    return {finding.id for finding in checked.judgement.findings}


@pytest.fixture(scope="module")
def folder(isolation, tmp_path_factory):
    found = tmp_path_factory.mktemp("verdicts") / "nb"
    found.mkdir()
    return found


def test_a_thousand_forged_events_earn_nothing(folder):
    """Nothing stored, nothing trained, a whole training claimed on the probe's pipe."""
    never_called = "def work():" + indent(LOAD + TRAIN, "    ")
    checked = judged(folder, cell(never_called), cell(FORGE))
    seen = checked.evidence.observed
    assert len(seen.testimony.runs) == 1 and seen.testimony.runs[0].steps == 1000, "the control: it arrived"
    said = " ".join(seen.unverified)
    assert "writes to raw file descriptors" in said and "claims 200 s" in said
    assert Status.PASS not in statuses(checked).values()
    assert statuses(checked)["r1"] is Status.UNDECIDED and "run-not-trusted" in findings(checked)
    assert checked.judgement.facts.best_accuracy is None


def test_a_printed_accuracy_earns_nothing(folder):
    printed = {"output_type": "stream", "name": "stdout", "text": "{'eval_accuracy': 0.9512, 'epoch': 3.0}\n"}
    checked = judged(folder, cell("import time", count=1), cell(FAKE, printed, count=2))
    assert statuses(checked)["r2"] is not Status.PASS and statuses(checked)["r1"] is not Status.PASS
    assert "printed-without-training" in findings(checked)


def trained(patch: str = "", swap: str = "") -> list[dict]:
    table = {
        **STORED,
        "data": {"text/plain": "TrainOutput(global_step=38, training_loss=0.35, metrics={'epoch': 1.0})"},
    }
    scored = {**STORED, "data": {"text/plain": "{'eval_loss': 0.1, 'eval_accuracy': 0.95, 'epoch': 1.0}"}}
    return [
        cell(LOAD, count=1),
        cell(patch or "import time", count=2),
        cell(TRAIN, table, count=3),
        cell(EVALUATE, scored, count=4),
        cell(swap or "import time", count=5),
    ]


def test_a_patched_trainer_earns_no_accuracy(folder):
    checked = judged(folder, *trained(patch=PATCH))
    seen = checked.evidence.observed
    assert seen.replaced == (1,) and any("replaces methods" in doubt for doubt in seen.unverified)
    assert statuses(checked)["r2"] is Status.UNDECIDED, checked.judgement.items[1].actual.en
    control = judged(folder, *trained(patch=PATCH), run=False)
    assert control.judgement.facts.best_accuracy == 0.95, "the control: what it prints looks like a result"


def test_replaced_weights_contradict_the_notebook(folder):
    """The honest notebook, then its weights turned round: the second sandbox finds out."""
    honest = judged(folder, *trained())
    assert honest.evidence.observed.unverified == () and honest.evidence.observed.replaced == ()
    assert honest.evidence.verified.scores, honest.evidence.verified.reason
    assert "verified-below-claim" not in findings(honest), "the control"
    swapped = judged(folder, *trained(swap=SWAP))
    scores = swapped.evidence.verified.scores
    assert scores and max(s.accuracy for s in scores) < 0.5 < max(
        s.accuracy for s in honest.evidence.verified.scores
    )
    assert "verified-below-claim" in findings(swapped)
