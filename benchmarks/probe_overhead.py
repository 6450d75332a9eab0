"""What the probe costs, and that it changes nothing: paired trainings with and without it.

    python -m benchmarks.probe_overhead [--pairs 5] [--steps 150]

One pair = the same fine-tuning (2-layer, 128-wide BERT from random weights, rows with NSMC's lengths,
batches of 32 padded to the longest) in two fresh processes, in turn first and second. Compared: CPU
seconds of `trainer.train()` (one thread; other programs disturb them less than the wall clock) and all
losses, which must be equal to the last bit. And, where the machine is too busy for a difference of 2 %
to show, the CPU time spent inside the probe's own functions as a share of the same process's training,
after the first step (which looks at the whole data set once). Target: at most 2 %.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

INSIDE = Path(__file__).parents[1] / "grader" / "inside"

CHILD = """
import importlib.util, json, sys, time
probe, steps, folder = sys.argv[1] == "1", int(sys.argv[2]), sys.argv[3]
if probe:
    spec = importlib.util.spec_from_file_location("_grader_inside", folder + "/__init__.py",
                                                  submodule_search_locations=[folder])
    sys.modules["_grader_inside"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    from _grader_inside import entry
    entry.install()
import numpy as np, torch, transformers
from datasets import Dataset
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
torch.set_num_threads(1)
transformers.set_seed(7)
rng = np.random.default_rng(1)
lengths = np.clip(rng.lognormal(2.75, 0.65, 32 * steps).astype(int), 3, 120)
rows = [[2, *rng.integers(5, 7900, n - 2).tolist(), 3] for n in lengths]
data = Dataset.from_dict({"input_ids": rows, "label": [r[1] % 2 for r in rows]})
def collate(batch):
    width = max(len(r["input_ids"]) for r in batch)
    ids = torch.tensor([r["input_ids"] + [0] * (width - len(r["input_ids"])) for r in batch])
    labels = torch.tensor([r["label"] for r in batch])
    return {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": labels}
model = BertForSequenceClassification(BertConfig(vocab_size=8000, hidden_size=128, num_hidden_layers=2,
                                                 num_attention_heads=2, intermediate_size=512))
args = TrainingArguments("out", max_steps=steps, per_device_train_batch_size=32, report_to="none", seed=3,
                         logging_steps=1, save_strategy="no", disable_tqdm=True, use_cpu=True)
trainer = Trainer(model, args, train_dataset=data, data_collator=collate)
own = []
def timed(module, name):
    function = getattr(module, name)
    def wrapper(*args, **kwargs):
        begin = time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            own.append(time.thread_time() - begin)
    wrapper.__qualname__ = name
    setattr(module, name, wrapper)
if probe:
    from _grader_inside import batches, runs, torch_hooks
    timed(torch_hooks, "_saw")
    timed(batches, "delivered")
    timed(runs, "before_step")
    timed(runs, "after_step")
cpu, wall = time.process_time(), time.perf_counter()
trainer.train()
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
losses = [log["loss"] for log in trainer.state.log_history if "loss" in log]
print(json.dumps({"cpu": cpu, "wall": wall, "losses": losses, "own": sum(own[8:]), "first": sum(own[:8])}))
"""


def measure(probe: bool, steps: int) -> dict:
    """One training in a process of its own: CPU and wall seconds of `train()`, and its losses."""
    with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "events", "wb") as events:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(int(probe)), str(steps), str(INSIDE)],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PROBE_FD": str(events.fileno()), "OUTBOX": ""},
            pass_fds=[events.fileno()],
            capture_output=True,
            text=True,
            check=True,
        )
        said = json.loads(next(x for x in reversed(done.stdout.splitlines()) if x.startswith('{"cpu"')))
        said["events"] = (Path(folder) / "events").stat().st_size
        return said


def main() -> None:
    """Print one line per pair and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=150)
    options = parser.parse_args()
    costs, shares = [], []
    for pair in range(options.pairs):
        order = (False, True) if pair % 2 == 0 else (True, False)
        result = {probe: measure(probe, options.steps) for probe in order}
        without, with_probe = result[False], result[True]
        same = without["losses"] == with_probe["losses"]
        costs.append(with_probe["cpu"] / without["cpu"] - 1)
        shares.append(with_probe["own"] / with_probe["cpu"])
        print(
            f"pair {pair}: CPU {without['cpu']:.2f} s -> {with_probe['cpu']:.2f} s ({costs[-1]:+.2%}), "
            f"wall {without['wall']:.2f} s -> {with_probe['wall']:.2f} s, "
            f"{len(without['losses'])} losses {'equal' if same else 'DIFFER'}, "
            f"{with_probe['events']} bytes said; in the probe {with_probe['own']:.3f} s "
            f"({with_probe['own'] / with_probe['cpu']:.2%}), first steps {with_probe['first']:.3f} s"
        )
        if not same:
            sys.exit(1)
    print(f"median difference {statistics.median(costs):+.2%} of CPU time (target: at most +2 %)")
    print(f"median share of the probe's own functions {statistics.median(shares):.2%}")


if __name__ == "__main__":
    main()
