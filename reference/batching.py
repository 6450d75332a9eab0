"""Lesson 2: the staircase from fixed padding to bucketing.

A batch is one tensor, so it is a rectangle: every row (one review, as token ids) is padded to the same
width, and the model computes on the padding too. Two decisions say how much of that work is wasted:
*which* rows meet in one batch, and *how wide* the rectangle is. A width that was settled while
tokenising (`padding="max_length"`) can't be mended by any later step. Each step below changes one thing:

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

`packed.py` (no rectangle at all) is the step after these. Lengths, widths and budgets are in tokens,
[CLS] and [SEP] included.

None of this is new: "Attention is all you need" (Vaswani et al. 2017, section 5.1) batched "by approximate
sequence length", some 25,000 tokens to a batch.
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
    """Shuffle all rows, sort by length inside windows of `window` batches, cut every `rows` rows.

    This is Trainer's length grouping: `train_sampling_strategy="group_by_length"`, called
    `group_by_length=True` before transformers 5. Its windows ("mega-batches") are 50 batches, or a quarter
    of the rows where that is less. One thing is left out: Trainer also moves the longest row of all to
    the front, so that a batch too large for the memory fails in the first step, not hours later.

    It only chooses rows. The width is the collator's to decide (`pad`): rows that are all equally
    long already stay as wide as they are, in whatever order they come.

    Inside a window the batches run from long to short. `bucketed` shuffles them, because steps that see
    only long reviews for a while, then only short ones, are not a fair sample.
    """
    window = min(window, len(lengths) // (4 * rows)) or 1
    order = _sorted_in_windows(lengths, window * rows, rng, longest_first=True)
    return [order[i : i + rows] for i in range(0, len(order), rows)]


def bucketed(lengths: Sequence[int], *, tokens: int, rng: random.Random, window: int = 12_800) -> Plan:
    """Sort by length inside windows of `window` rows, cut where rows × longest would exceed `tokens`.

    A window is the price of a shuffle: sorting all rows at once would leave next to no padding, but a
    review would only ever meet reviews of its own length, and the few very long ones always each other.
    12,800 rows are 400 batches of 32 (grouped: 50 batches).

    A step then costs about the same whether it holds 100 short reviews or 12 long ones: no batch of
    long rows sets the memory limit for all. Every row appears exactly once, and every batch is a random
    sample *of its length*: rows are shuffled before the sorting, batches after it. A row longer than
    the whole budget becomes a batch of its own.
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


def _sorted_in_windows(
    lengths: Sequence[int], window: int, rng: random.Random, *, longest_first: bool = False
) -> list[int]:
    """All row numbers, shuffled, then sorted by length inside each stretch of `window` rows.

    Rows of equal length stay in their shuffled order.
    """
    order = list(range(len(lengths)))
    rng.shuffle(order)
    stretches = (order[i : i + window] for i in range(0, len(order), window))
    return [
        row
        for stretch in stretches
        for row in sorted(stretch, key=lengths.__getitem__, reverse=longest_first)
    ]


# ---------------------------------------------------------------- how wide the rectangle is


def pad(examples: Sequence[Example], *, pad_id: int, width: int | None = None) -> Batch:
    """One rectangle: rows padded with `pad_id` to `width`, or to the longest of them if None.

    This is what Hugging Face calls a data collator; `DataCollatorWithPadding` does the same. The mask is 1
    on real tokens and 0 on padding. A model that respects it gives a row the same logits at any width, but
    for rounding (tests/test_reference_batching.py), so padding costs time, never accuracy. Raises
    ValueError where a row is longer than `width`.

    >>> pad([Example([2, 7, 3], 1), Example([2, 3], 0)], pad_id=0)["input_ids"].tolist()
    [[2, 7, 3], [2, 3, 0]]
    """
    longest = max(len(e.ids) for e in examples)
    width = width or longest
    if longest > width:
        raise ValueError(f"a row of {longest} tokens doesn't fit into width {width}: cut it when tokenising")
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
        self.examples, self.planner, self.seed = examples, planner, seed
        self.pad_id, self.width = pad_id, width
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
