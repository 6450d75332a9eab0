"""Lesson 2, continued: a plan meets worker processes, several GPUs and a restart.

`Batches` in lesson 2 is all that one process needs. A long run asks for three more things, and a
plan gives them for nothing, because it is a list known before the epoch begins:

- *workers*: PyTorch's `DataLoader` takes a plan as its `batch_sampler`; batches are padded in other
  processes while the model computes;
- *ranks*: one process per GPU, numbered 0 to `world` - 1; each takes every `world`-th batch. All need
  the same number, or the last step waits for ever: `even` splits a few batches until the number divides,
  so that no row is lost or repeated;
- *restarts*: the plan is a function of seed and epoch, so "epoch 2, 731 batches done" is the whole
  state.

>>> from functools import partial
>>> from reference.batching import bucketed
>>> planner = partial(bucketed, tokens=20)
>>> [list(PlanSampler([3, 9, 4, 8, 3, 10], planner, rank=r, world=2)) for r in (0, 1)]
[[[0], [3, 1]], [[4, 2], [5]]]

What it is not: `accelerate` and Trainer shard a sampler themselves; give them rank 0 of world 1. (Trainer
takes a loader of one's own where a subclass overrides `get_train_dataloader`.)
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch.utils.data import DataLoader, Sampler

from reference.batching import Plan, pad
from reference.data import Example


def even(plan: Plan, world: int) -> Plan:
    """The same rows in a number of batches that `world` divides: the batches with most rows are halved.

    At most `world` - 1 batches are cut, and half a batch costs less than the budget, so no rank waits
    long. Raises ValueError where there are fewer rows than ranks.

    >>> even([[0, 1, 2, 3], [4], [5, 6]], world=2)
    [[0, 1], [2, 3], [4], [5, 6]]
    """
    plan = [list(rows) for rows in plan]
    while len(plan) % world:
        largest = max(range(len(plan)), key=lambda i: len(plan[i]))
        rows = plan[largest]
        if len(rows) < 2:
            raise ValueError(f"{len(plan)} rows can't be shared evenly by {world} ranks")
        plan[largest : largest + 1] = [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
    return plan


class PlanSampler(Sampler[list[int]]):
    """One rank's batches of one epoch after another; for `DataLoader(batch_sampler=…)`.

    Call `set_epoch` before each epoch. The order depends on seed, epoch and `world` alone.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        planner: Callable[..., Plan],
        *,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
    ):
        if not 0 <= rank < world:
            raise ValueError(f"rank {rank} is not one of {world}")
        self.lengths, self.planner, self.seed, self.rank, self.world = lengths, planner, seed, rank, world
        self.epoch, self.done = 0, 0

    def set_epoch(self, epoch: int) -> None:
        """The epoch that the next iteration gives; from its beginning, unless it was resumed there."""
        if epoch != self.epoch:
            self.epoch, self.done = epoch, 0

    def plan(self) -> Plan:
        """All batches of this rank in this epoch."""
        whole = self.planner(self.lengths, rng=random.Random(f"{self.seed}/{self.epoch}"))
        return even(whole, self.world)[self.rank :: self.world]

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.plan()[self.done :])

    def __len__(self) -> int:
        return len(self.plan()) - self.done

    def state(self, done: int) -> dict[str, int]:
        """What to save with the weights after `done` batches of this epoch (counted from its beginning).

        The training loop counts, not the sampler: workers fetch batches ahead, and those that were
        fetched but not trained on must come again.
        """
        return {**self._identity(), "epoch": self.epoch, "done": done}

    def resume(self, state: dict[str, int]) -> None:
        """Go on after the batches that `state` counts. Raises ValueError for another run's state."""
        if {name: state[name] for name in self._identity()} != self._identity():
            raise ValueError(f"this state belongs to another run: {state}, here {self._identity()}")
        self.epoch, self.done = state["epoch"], state["done"]

    def _identity(self) -> dict[str, int]:
        return {"seed": self.seed, "world": self.world, "rows": len(self.lengths)}


def loader(
    examples: Sequence[Example], sampler: PlanSampler, *, pad_id: int = 0, workers: int = 0
) -> DataLoader:
    """Padded batches of `sampler`'s plan (`Batch`), made in `workers` processes; 0 makes them in this one.

    Where there is a GPU they lie in pinned memory, from which they are copied faster.
    """
    return DataLoader(
        examples,  # type: ignore[arg-type]  (a sequence is a map-style data set)
        batch_sampler=sampler,
        collate_fn=partial(pad, pad_id=pad_id),
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
    )
