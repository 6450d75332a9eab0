"""How wide the batches of one run really were: padded tokens per row, and from which witness.

Transformers adds up `total_flos = 6 · tokens · parameters`, where tokens is `input_ids.numel()` of
every training batch (padding included) and the parameters are those outside the embeddings
(`Trainer.floating_point_ops`, `ModuleUtilsMixin.floating_point_ops` in transformers). So

    tokens per row = total_flos / (6 · parameters · rows · epochs really run)

For klue/bert-base the parameters are 85.65 M; the formula then gives back every fixed length in the
field exactly (32 … 512), and 20–24 where bucketing works on NSMC (field notes, 37 submissions).
Not covered: whether the padding fell; `bucketing` compares runs.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader.records import Grouping, Padding, TrainingRun

PARAMETERS = 85_648_130
"""Of klue/bert-base for two classes, outside the embeddings: 110,618,882 (as its own stored outputs
count it) less word, position and type embeddings (24,970,752); their LayerNorm is counted."""

LONGEST_REVIEW = 142
"""Tokens of the longest NSMC review in klue/bert-base's vocabulary; wider batches must be padded."""

FULL_LENGTH = 512
"""What `padding='max_length'` means without `max_length`."""

MAP_BATCH_LENGTH = 105
"""Typical longest of 1,000 NSMC rows, which `padding=True` in a batched `map` pads to."""

DYNAMIC_LENGTH = 60
"""Typical longest of a batch of 16–32 random NSMC rows."""

GROUPED_LENGTH = 24
"""Typical padded tokens per row where rows of similar length come together."""


@dataclass(frozen=True)
class Settled:
    """What the witnesses say about one run's padding, compared."""

    padding: Padding
    tokens: float | None
    """Measured, or certain from the code (a fixed length); None where only an estimate is possible."""
    share: float | None
    stale: bool
    counted: tuple[str, ...] = ()
    """TrainingRun's fields that depend on the reviews our own run read."""


def from_flos(run: TrainingRun) -> float | None:
    """Padded tokens per row from the stored total_flos, or None where a factor is missing.

    Rows seen are rows × epochs really run; without them steps × rows per step is the same number.
    Never samples/s × seconds: Trainer computes samples/s from the planned epochs.
    """
    if not run.total_flos or (run.model and "bert-base" not in run.model.lower() and "/" in run.model):
        return None
    if run.rows and run.epochs:
        seen = run.rows * run.epochs
    elif run.steps and run.batch_size:
        seen = run.steps * run.batch_size
    else:
        return None
    return run.total_flos / (6 * PARAMETERS * seen)


def settle(
    merged: TrainingRun,
    source: TrainingRun | None,
    recorded: TrainingRun | None,
    observed: TrainingRun | None,
) -> Settled:
    """Padding and tokens per row of one run: stored figures first, then what we saw, then the code.

    `merged` gives rows, epochs and lengths from whichever witness has them.
    """
    meant = source.padding if source else Padding.UNKNOWN
    share = observed.padding_share if observed else None
    stored = None
    if recorded is not None:
        stored = recorded.tokens_per_row or from_flos(merged)
    if stored is not None:
        happened = _from_width(stored, meant, merged)
        stale = contradicts(stored, meant, merged)
        return Settled(happened, stored, share, stale=stale, counted=("padding_share",))
    both = ("tokens_per_row", "padding_share")
    if observed is not None and observed.padding != Padding.UNKNOWN:
        # One fixed length is the same whatever the reviews are.
        counted = both[1:] if observed.padding == Padding.MAX_LENGTH else both
        return Settled(observed.padding, observed.tokens_per_row, share, stale=False, counted=counted)
    if observed is not None and observed.tokens_per_row is not None:
        width = observed.tokens_per_row
        return Settled(_from_width(width, meant, merged), width, share, stale=False, counted=both)
    fixed = float(merged.max_length or FULL_LENGTH) if meant == Padding.MAX_LENGTH else None
    return Settled(meant, fixed, share, stale=False, counted=("padding_share",))


def is_fixed(width: float) -> bool:
    """Is this mean width one fixed length? A mean over real batches is hardly ever whole."""
    return width >= 16 and abs(width - round(width)) < 0.005


def contradicts(width: float, meant: Padding, run: TrainingRun) -> bool:
    """Can't `width` stored tokens per row come from code that pads as `meant`?"""
    if meant == Padding.DYNAMIC:
        limit = run.max_length or FULL_LENGTH
        at_limit = abs(width - limit) < 0.01 * limit and limit >= 64
        if run.grouping == Grouping.NONE and (run.batch_size or 8) >= 64 and limit <= 96:
            at_limit = False  # among that many random rows one is nearly always cut at the limit
        return width > LONGEST_REVIEW + 1 or at_limit
    if meant == Padding.MAP_BATCH:
        return width > LONGEST_REVIEW + 1
    if meant == Padding.MAX_LENGTH:
        return abs(width - (run.max_length or FULL_LENGTH)) > 0.02 * width
    return False


def _from_width(width: float, meant: Padding, run: TrainingRun) -> Padding:
    """How rows must have been padded to be `width` wide on average."""
    if meant in (Padding.DYNAMIC, Padding.MAX_LENGTH, Padding.MAP_BATCH) and not contradicts(
        width, meant, run
    ):
        return meant
    if is_fixed(width) or width > LONGEST_REVIEW + 1:
        return Padding.MAX_LENGTH
    if meant == Padding.UNKNOWN and width > 1.5 * DYNAMIC_LENGTH:
        return Padding.MAP_BATCH
    return Padding.DYNAMIC


def width(run: TrainingRun) -> float | None:
    """Tokens per row of a merged run: as settled, else what such padding usually comes to on NSMC."""
    if run.tokens_per_row is not None:
        return run.tokens_per_row
    limit = float(run.max_length or FULL_LENGTH)
    if run.padding == Padding.MAX_LENGTH:
        return limit
    if run.padding == Padding.MAP_BATCH:
        return min(limit, MAP_BATCH_LENGTH)
    if run.padding == Padding.DYNAMIC:
        return min(limit, GROUPED_LENGTH if run.grouping == Grouping.LENGTH else DYNAMIC_LENGTH)
    return None
