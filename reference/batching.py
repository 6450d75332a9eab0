"""Lesson 2: the staircase from fixed padding to bucketing.

A batch is a rectangle: every row is padded to the same width, and the model computes on the padding
too. Who decides *which* rows meet in one batch and *how wide* the rectangle is decides how much of
the work is wasted. Each step below changes one thing:

    step      rows of a batch                          width            rows per batch
    fixed     at random                                always the same  the same
    dynamic   at random                                its longest row  the same
    grouped   of similar length (what Trainer does)    its longest row  the same
    bucketed  of similar length                        its longest row  as many as fit a token budget

A *plan* is one epoch: a list of batches, each a list of row numbers. It needs lengths and a seeded
generator, nothing else, so it can be looked at, counted and tested without a model:

>>> import random
>>> lengths = [3, 9, 4, 8, 3, 10]
>>> dynamic(lengths, rows=2, rng=random.Random(1))
[[2, 3], [5, 0], [4, 1]]
>>> round(padding_share(lengths, [[2, 3], [5, 0], [4, 1]]), 3)  # 37 of 2×8 + 2×10 + 2×9 = 54 are real
0.315
>>> bucketed(lengths, tokens=20, rng=random.Random(1))
[[0, 4, 2], [5], [3, 1]]
>>> round(padding_share(lengths, [[0, 4, 2], [5], [3, 1]]), 3)  # 37 of 3×4 + 10 + 2×9 = 40
0.075

`packed.py` (no rectangle at all) is the step after these.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

import torch

from reference.data import Example

Plan = list[list[int]]
"""One epoch: batches of row numbers."""
Batch = dict[str, torch.Tensor]
"""What a Hugging Face model takes: `input_ids` and `attention_mask` [rows, width], `labels` [rows]."""


# ---------------------------------------------------------------- which rows meet


def dynamic(lengths: Sequence[int], *, rows: int, rng: random.Random) -> Plan:
    """Batches of `rows` rows at random. Also the plan of fixed padding: only the width differs."""
    order = list(range(len(lengths)))
    rng.shuffle(order)
    return [order[i : i + rows] for i in range(0, len(order), rows)]


def grouped(lengths: Sequence[int], *, rows: int, rng: random.Random, window: int = 50) -> Plan:
    """Shuffle, sort by length inside windows of `window` batches, cut every `rows` rows.

    This is Trainer's length grouping (`LengthGroupedSampler`). Its batches come long to short inside
    a window; `bucketed` shuffles them, because a gradient that sees only long reviews for a while,
    then only short ones, is not a fair sample.
    """
    order = _sorted_in_windows(lengths, window * rows, rng)
    return [order[i : i + rows] for i in range(0, len(order), rows)]


def bucketed(lengths: Sequence[int], *, tokens: int, rng: random.Random, window: int = 12_800) -> Plan:
    """Sort by length inside windows of `window` rows, cut where rows × longest would exceed `tokens`.

    A window is the price of a shuffle: sorting all rows at once would leave no padding and put the same
    reviews into the same batch in every epoch. 12,800 rows are 400 batches of 32 (grouped: 50 batches).

    A step then costs the same whether it holds 100 short reviews or 12 long ones: no batch of long
    rows sets the memory limit for all. Every row appears exactly once, and every batch is a random
    sample *of its length*: rows are shuffled before the sorting, batches after it.
    """
    order = _sorted_in_windows(lengths, window, rng)
    plan: Plan = []
    widest = 0
    for row in order:
        widest = max(widest, lengths[row])
        if not plan or (len(plan[-1]) + 1) * widest > tokens:
            plan.append([])
            widest = lengths[row]
        plan[-1].append(row)
    rng.shuffle(plan)
    return plan


def _sorted_in_windows(lengths: Sequence[int], window: int, rng: random.Random) -> list[int]:
    """All row numbers, shuffled, then sorted by length inside each stretch of `window` rows."""
    order = list(range(len(lengths)))
    rng.shuffle(order)
    stretches = (order[i : i + window] for i in range(0, len(order), window))
    return [row for stretch in stretches for row in sorted(stretch, key=lengths.__getitem__)]


# ---------------------------------------------------------------- how wide the rectangle is


def pad(examples: Sequence[Example], *, pad_id: int, width: int | None = None) -> Batch:
    """One rectangle: rows padded with `pad_id` to `width`, or to the longest of them if None.

    The mask is 1 on real tokens and 0 on padding. A model that respects it gives a row the same
    logits at any width (tests/test_reference_batching.py), so padding costs time, never accuracy.

    >>> pad([Example([2, 7, 3], 1), Example([2, 3], 0)], pad_id=0)["input_ids"].tolist()
    [[2, 7, 3], [2, 3, 0]]
    """
    width = width or max(len(e.ids) for e in examples)
    ids = torch.full((len(examples), width), pad_id, dtype=torch.long)
    mask = torch.zeros((len(examples), width), dtype=torch.long)
    for i, example in enumerate(examples):
        ids[i, : len(example.ids)] = torch.tensor(example.ids)
        mask[i, : len(example.ids)] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([e.label for e in examples])}


class Batches:
    """A plan and a width made into an iterable of batches, with a new shuffle for every epoch.

    `planner(lengths, rng=…)` is one of the functions above with its sizes filled in. The shuffle
    depends on `seed` and the epoch alone: the same pair gives the same batches, on any machine.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        planner: Callable[..., Plan],
        *,
        pad_id: int = 0,
        width: int | None = None,
        seed: int = 0,
    ):
        self.examples, self.planner, self.pad_id, self.width, self.seed = (
            examples,
            planner,
            pad_id,
            width,
            seed,
        )
        self.lengths = [len(e.ids) for e in examples]

    def plan(self, epoch: int) -> Plan:
        """The batches of one epoch as row numbers."""
        return self.planner(self.lengths, rng=random.Random(f"{self.seed}/{epoch}"))

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch as tensors."""
        for rows in self.plan(epoch):
            yield pad([self.examples[r] for r in rows], pad_id=self.pad_id, width=self.width)

    def padding_share(self) -> float:
        """Share of padding in the first epoch."""
        return padding_share(self.lengths, self.plan(0), self.width)

    def tokens_per_row(self) -> float:
        """Padded tokens per row in the first epoch: what one review costs."""
        return padded_tokens(self.lengths, self.plan(0), self.width) / len(self.lengths)


# ---------------------------------------------------------------- what it costs


def padded_tokens(lengths: Sequence[int], plan: Plan, width: int | None = None) -> int:
    """Tokens the model computes on, padding included."""
    return sum(len(rows) * (width or max(lengths[r] for r in rows)) for rows in plan)


def padding_share(lengths: Sequence[int], plan: Plan, width: int | None = None) -> float:
    """Share of those tokens that are padding, 0 to 1."""
    return 1 - sum(lengths[r] for rows in plan for r in rows) / padded_tokens(lengths, plan, width)
