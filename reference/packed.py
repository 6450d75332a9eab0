"""Lesson 2, last step: packing. No rectangle, so no padding at all.

A batch is one long line of tokens, its sequences one after the other:

    ids         2 71 35 3 | 2 18 3 | 2 94 60 7 3      [1, tokens]
    positions   0  1  2 3 | 0  1 2 | 0  1  2 3 4      they restart, or a review would begin in the middle
    lengths     4           3        5                attention stays inside these

Everything in a transformer works token by token, except attention and the head: `attend` keeps each
sequence to itself, and `Packed` reads the head's input at each sequence's own [CLS]. A row gets the
logits it gets when padded (tests/test_reference_packed.py).

The usual name is sequence packing (Krell et al. 2021, "Efficient sequence packing without
cross-contamination"); `DataCollatorWithFlattening` of transformers makes such lines for language models.

Nothing is sorted, so a batch is a sample of all lengths, as with fixed padding: shuffling is perfect
again. The price is attention over sequences of many lengths in one call. On a GPU one kernel does that
(`varlen_attn`). On a CPU it is one call per length, and for short reviews the calls cost more than the
last percent of padding that bucketing leaves: benchmarks/bucketing.md.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.modeling_outputs import SequenceClassifierOutput

from reference.batching import Batch, Batches, Plan
from reference.data import Example


def cut(lengths: Sequence[int], *, tokens: int, rng: random.Random) -> Plan:
    """Rows at random, cut where their lengths would add up to more than `tokens`.

    A row longer than that becomes a batch of its own.

    >>> cut([3, 9, 4, 8, 3, 10], tokens=20, rng=random.Random(1))
    [[2, 3], [5, 0, 4], [1]]
    """
    order = list(range(len(lengths)))
    rng.shuffle(order)
    plan: Plan = []
    held = 0
    for row in order:
        held += lengths[row]
        if not plan or held > tokens:
            plan.append([])
            held = lengths[row]
        plan[-1].append(row)
    return plan


def pack(examples: Sequence[Example]) -> Batch:
    """One line: `input_ids` and `position_ids` [1, tokens], `lengths` and `labels` [rows].

    >>> pack([Example([2, 7, 3], 1), Example([2, 3], 0)])["position_ids"].tolist()
    [[0, 1, 2, 0, 1]]
    """
    lengths = [len(e.ids) for e in examples]
    return {
        "input_ids": torch.tensor([[token for e in examples for token in e.ids]]),
        "position_ids": torch.cat([torch.arange(n) for n in lengths])[None],
        "lengths": torch.tensor(lengths),
        "labels": torch.tensor([e.label for e in examples]),
    }


class PackedBatches(Batches):
    """`Batches` as lines instead of rectangles; any plan will do.

    The rows of a batch are put in order of length, which changes no gradient and lets rows of one
    length share a call to attention.
    """

    def epoch(self, epoch: int) -> Iterator[Batch]:
        for rows in self.plan(epoch):
            yield pack([self.examples[r] for r in sorted(rows, key=self.lengths.__getitem__)])

    def padding_share(self) -> float:
        return 0.0

    def tokens_per_row(self) -> float:
        return sum(self.lengths) / len(self.lengths)


class Packed(nn.Module):
    """A BERT classifier that takes what `pack` makes. Shares its weights with `model`, which it keeps."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        model.set_attn_implementation("within_sequences")

    def forward(self, input_ids, position_ids, lengths) -> SequenceClassifierOutput:
        """`logits` [rows, classes], in the order of the sequences; takes what `pack` makes, less labels."""
        ends = lengths.cumsum(0)
        tokens = self.model.base_model(
            input_ids=input_ids,
            position_ids=position_ids,
            sequences=lengths.tolist(),
            boundaries=nn.functional.pad(ends, (1, 0)).int(),
        ).last_hidden_state
        first = tokens[0, ends - lengths, None]  # [rows, 1, width]: each sequence's [CLS]
        summary = self.model.dropout(self.model.base_model.pooler(first))
        return SequenceClassifierOutput(logits=self.model.classifier(summary))


def attend(module, query, key, value, mask, *, sequences, boundaries, scaling=None, dropout=0.0, **_):
    """Attention within each sequence; query, key and value [1, heads, tokens, head width].

    `sequences` are the lengths, `boundaries` [sequences + 1] where each begins. Returns [1, tokens,
    heads, head width] and no weights: what transformers' attention interface asks for.
    """
    query, key, value = (t[0] for t in (query, key, value))
    if query.is_cuda and query.dtype in (torch.float16, torch.bfloat16):
        # One kernel for all sequences (since PyTorch 2.10, on GPUs that have bfloat16). It has no dropout on
        # the attention weights, so a run differs a little from a padded one.
        from torch.nn.attention.varlen import varlen_attn

        line = (t.transpose(0, 1).contiguous() for t in (query, key, value))
        longest = max(sequences)
        return varlen_attn(*line, boundaries, boundaries, longest, longest, scale=scaling)[None], None
    heads, _, width = query.shape
    # Neighbours of one length form a rectangle without padding: [(length, how many), …].
    runs = [(n, len(list(same))) for n, same in itertools.groupby(sequences)]
    pieces = [t.split([n * rows for n, rows in runs], dim=1) for t in (query, key, value)]
    seen = [
        scaled_dot_product_attention(
            *(t.reshape(heads, rows, n, width) for t in qkv), dropout_p=dropout, scale=scaling
        ).reshape(heads, rows * n, width)
        for (n, rows), *qkv in zip(runs, *pieces, strict=True)
    ]
    return torch.cat(seen, dim=1).transpose(0, 1)[None], None


AttentionInterface.register("within_sequences", attend)
