"""Lesson 4: fine-tuning done well. This file knows nothing of padding.

It takes batches as they come, from any step of the staircase in lesson 2, so that two runs differ in
their batches and in nothing else. What it takes care of:

- AdamW (Loshchilov & Hutter 2019): weight decay pulls weights towards zero. Matrices only: pulling a bias or
  a norm's scale there regularises nothing;
- the learning rate warms up, because the first gradients come through a head that is still random and
  would spoil what was pretrained (Mosbach et al. 2021, "On the stability of fine-tuning BERT"), then falls
  linearly to zero. Both are counted in rows seen, not in steps, so that plans with different numbers of
  steps get the same schedule;
- each *review* counts the same: batches differ in rows, so their summed loss is divided by the mean
  number of rows per step. The mean over each batch would make reviews in small batches count more;
- gradients are clipped at norm 1, so that one odd batch can't throw the weights far;
- forward passes are in bfloat16 where the GPU has it, weights and their updates in float32 everywhere. A
  T4 (Colab's usual GPU) has float16 only, which needs a scaled loss: that is Trainer's `fp16=True`;
- dropout takes its random numbers from a cheaper source where they cost time, on a CPU (dropout.py);
- evaluation adds up correct rows, so the last, smaller batch counts for what it holds;
- the weights of the best epoch are kept, and with `patience` training stops when they stay the best.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn.functional import cross_entropy

from reference import dropout
from reference.batching import Batches


class Recipe(NamedTuple):
    """Everything one chooses about a run, apart from model and batches."""

    epochs: int = 3
    """Times that every row is seen."""
    learning_rate: float = 5e-4
    """At the top of the schedule. 5e-4 suits the pocket model; klue/bert-base wants 2e-5 to 5e-5."""
    warmup: float = 0.1
    """Share of the work in which the learning rate rises from zero."""
    weight_decay: float = 0.01
    clip: float = 1.0
    """Largest Euclidean norm of all gradients together."""
    seed: int = 0
    """Of dropout. The start and the order of rows have their own: `model.load`, `Batches`."""
    patience: int | None = None
    """Epochs without a better score after which training stops; None: it never stops early."""


class Score(NamedTuple):
    """An evaluation."""

    accuracy: float
    """Share of rows whose larger logit is the label's, 0 to 1."""
    loss: float
    """Mean cross-entropy per row, in nats."""


class Result(NamedTuple):
    """A finished run."""

    scores: list[Score]
    """On the validation rows, after each epoch."""
    best: Score
    """Of the epoch whose weights the model now has."""
    rows: int
    """Trained on, every epoch counted."""
    steps: int
    """Updates of the weights."""
    seconds: float
    """Spent in training steps; evaluation is not counted."""
    seconds_after: list[float] = []
    """The same, after each epoch: what the score of that epoch had cost."""

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds


def train(
    model: torch.nn.Module,
    batches: Batches,
    validation: Batches,
    recipe: Recipe,
    *,
    report: Callable[[str], None] = lambda line: None,
) -> Result:
    """Fine-tune `model` in place, on the device it is on, and leave it with the weights of its best epoch.

    `model(**batch)` is called with a batch less its labels and must have `logits` [rows, classes]. `report`
    gets one line after each epoch. A run is reproducible: same seed, same batches, same machine.
    """
    torch.manual_seed(recipe.seed)  # dropout
    dropout.for_cpu(model)
    device = next(model.parameters()).device
    groups = parameter_groups(model, recipe.weight_decay)
    # Fused: one kernel for all weights. On the pocket model the plain loop took a quarter of each step.
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
    total_rows = recipe.epochs * len(batches.examples)
    rows_per_step = total_rows / sum(len(batches.plan(e)) for e in range(recipe.epochs))
    scores: list[Score] = []
    seconds_after: list[float] = []
    best_weights = None
    rows = steps = 0
    seconds = 0.0
    for epoch in range(recipe.epochs):
        model.train()
        start = time.perf_counter()
        for batch in batches.epoch(epoch):
            batch = {name: tensor.to(device) for name, tensor in batch.items()}
            labels = batch.pop("labels")
            rate = recipe.learning_rate * schedule(rows / total_rows, recipe.warmup)
            for group in optimizer.param_groups:
                group["lr"] = rate
            with mixed_precision(device):
                logits = model(**batch).logits
            loss = cross_entropy(logits.float(), labels, reduction="sum") / rows_per_step
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
            optimizer.step()
            optimizer.zero_grad()
            rows += len(labels)
            steps += 1
        if device.type == "cuda":
            torch.cuda.synchronize()  # a GPU works on after the call returned
        seconds += time.perf_counter() - start
        seconds_after.append(seconds)
        scores.append(evaluate(model, validation))
        report(f"epoch {epoch + 1}: accuracy {scores[-1].accuracy:.4f}, loss {scores[-1].loss:.4f}")
        best = max(scores, key=rank)
        if scores[-1] == best:
            best_weights = copy.deepcopy(model.state_dict())
        since_best = epoch - scores.index(best)
        if recipe.patience is not None and since_best >= recipe.patience:
            break
    if best_weights is not None:
        model.load_state_dict(best_weights)
    return Result(scores, max(scores, key=rank), rows, steps, seconds, seconds_after)


def rank(score: Score) -> tuple[float, float]:
    """What is better compares greater: accuracy first, then, among equals, the smaller loss."""
    return score.accuracy, -score.loss


@torch.inference_mode()
def evaluate(model: torch.nn.Module, batches: Batches) -> Score:
    """Accuracy and loss over all rows, each row counted once; leaves `model` in evaluation mode."""
    model.eval()
    device = next(model.parameters()).device
    rows, right, loss = 0, 0, 0.0
    for batch in batches.epoch(0):
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        labels = batch.pop("labels")
        with mixed_precision(device):
            logits = model(**batch).logits
        logits = logits.float()
        rows += len(labels)
        right += int((logits.argmax(-1) == labels).sum())
        loss += float(cross_entropy(logits, labels, reduction="sum"))
    return Score(right / rows, loss / rows)


def mixed_precision(device: torch.device) -> torch.autocast:
    """bfloat16 for matrix products on a GPU that has it; on a CPU nothing changes.

    Without `including_emulation=False` PyTorch says yes on a T4 too, where bfloat16 is emulated and slow.
    """
    half = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, torch.bfloat16, enabled=half)


def schedule(done: float, warmup: float) -> float:
    """Factor on the learning rate when the share `done` of the work is done.

    >>> [round(schedule(done, 0.1), 2) for done in (0.0, 0.05, 0.1, 0.55, 1.0)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    return done / warmup if done < warmup else max(0.0, (1 - done) / (1 - warmup))


def parameter_groups(model: torch.nn.Module, weight_decay: float) -> list[dict]:
    """Matrices with decay, vectors (biases and norms) without."""
    weights = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in weights if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in weights if p.ndim < 2], "weight_decay": 0.0},
    ]
