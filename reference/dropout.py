"""Lesson 4, an aside for CPUs: dropout without waiting for random numbers.

PyTorch draws one number for every element that could be dropped, in order, from one generator. On a GPU
nobody notices; on a CPU it was 13 % of a training step of the pocket model, more than its optimizer
(benchmarks/bucketing.md). But whether to drop takes no 64-bit number: `Dropout` cuts each into four
of 16 bits, from a generator that is faster, too. The chance of a drop is right to 1/65,536, and what is
kept is scaled by 1/(1 - p) as ever.

What it is not: the same drops that PyTorch would make, so a run differs from one with `nn.Dropout` as it
would with another seed. Attention's own dropout stays with PyTorch.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


class Dropout(nn.Module):
    """`nn.Dropout` for a CPU; `numbers` is shared by all of a model's."""

    def __init__(self, p: float, numbers: np.random.Generator):
        super().__init__()
        self.p, self.numbers = p, numbers

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`x` (float, of any shape), each element dropped (0) with chance p, or scaled by 1/(1 - p)."""
        if not self.training or self.p == 0:
            return x
        drawn = self.numbers.integers(-(2**63), 2**63, (x.numel() + 3) // 4, dtype=np.int64)
        drawn = torch.from_numpy(drawn).view(torch.int16)[: x.numel()].view(x.shape)
        kept = drawn >= round(self.p * 2**16) - 2**15
        return x * (kept * (1 / (1 - self.p)))


def for_cpu(model: nn.Module) -> nn.Module:
    """`model` with this dropout in the place of `nn.Dropout`, changed in place; seeded by torch's seed.

    A model on a GPU is left as it is.

    >>> model = for_cpu(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1)))
    >>> type(model[1]).__module__
    'reference.dropout'
    """
    if next(model.parameters()).device.type != "cpu":
        return model
    numbers = np.random.Generator(np.random.SFC64(torch.initial_seed()))
    for parent in model.modules():
        for name, child in parent.named_children():
            if type(child) in (nn.Dropout, Dropout):  # an earlier run's is seeded anew
                setattr(parent, name, Dropout(child.p, numbers).train(child.training))
    return model
