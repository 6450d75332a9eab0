"""Padded tokens per row, rows and batch size, worked out from what a Trainer stores.

The Trainer adds up 6 x (tokens in the batch, padding included) x (parameters without embeddings) and
stores the sum as `total_flos` (`PreTrainedModel.floating_point_ops`, after Kaplan et al. 2020, sect. 2.1).
So total_flos / (6 x parameters x rows x epochs really run) is the padded length of a row.
Pure; called by `trainer` and `loops`.
"""

from __future__ import annotations

import math
import re

from grader.recorded.numbers import whole

NON_EMBEDDING = 85_648_130
"""Of BertForSequenceClassification from klue/bert-base with 2 labels: 110,618,882 parameters without
32,000 + 512 + 2 embeddings of width 768. klue/roberta-base and other 12x768 models have the same."""
EMBEDDINGS = (32_000 + 512 + 2) * 768

_ALL_PARAMETERS = re.compile(r"all params:\s*([\d,]+)")
_OTHER_SIZE = re.compile(
    r"large|small|tiny|mini|distil|albert|electra|xlm|gpt|t5|deberta|xlnet", re.IGNORECASE
)


def parameters(text: str, known: int) -> int:
    """Non-embedding parameters, corrected for adapters where peft printed their number."""
    for match in _ALL_PARAMETERS.finditer(text):
        total = whole(match.group(1))
        if total and abs(total - EMBEDDINGS - NON_EMBEDDING) < 0.03 * NON_EMBEDDING:
            known = total - EMBEDDINGS
    return known


def base_sized(model: str) -> bool:
    """Whether `model` may be taken for a 12-layer, 768-wide BERT (also when its name isn't known)."""
    return local(model) or not _OTHER_SIZE.search(model)


def local(model: str) -> bool:
    """Whether `model` is a folder, as opposed to a hub id ('klue/bert-base') or a class."""
    return model.startswith((".", "/", "~")) or model.count("/") > 1 or "checkpoint" in model


def tokens_per_row(flos: float, rows: int, epochs: float, size: int = NON_EMBEDDING) -> float | None:
    """Padded tokens per row, None where the result is impossible.

    >>> tokens_per_row(2.9599993728e16, 150_000, 3.0)
    128.0
    """
    if not (flos > 0 and rows > 0 and epochs > 0):
        return None
    tokens = flos / (6 * size * rows * epochs)
    return round(tokens, 3) if 1 <= tokens <= 8_192 else None


def rows_from_speed(per_second: float, runtime: float, epochs: float, seen: set[int]) -> int | None:
    """Training rows from `train_samples_per_second`, which the Trainer computes on *planned* epochs.

    The speed is stored with three decimals; a row count seen elsewhere in the outputs within that
    error is taken instead of the rounded one.
    """
    if not (per_second > 0 and runtime > 0 and epochs > 0):
        return None
    rows = per_second * runtime / epochs
    error = max(1.0, rows * 0.0006 / per_second)
    close = [count for count in seen if abs(count - rows) <= error]
    if close:
        return min(close, key=lambda count: abs(count - rows))
    return round(rows) if rows >= 1 else None


def rows_from_steps(steps_per_epoch: float, batch: int, seen: set[int]) -> int | None:
    """The one row count seen in the outputs that fills this many batches, None if none or several do."""
    steps = round(steps_per_epoch)
    fits = [count for count in seen if math.ceil(count / batch) == steps or count // batch == steps]
    return fits[0] if len(fits) == 1 else None


def batch_size(rows: int, steps_per_epoch: float) -> int | None:
    """Rows per optimizer step: the smallest whole number that makes that many steps."""
    if steps_per_epoch <= 0:
        return None
    exact = rows / steps_per_epoch
    near = round(exact)
    size = near if near and abs(exact - near) / near < 0.001 else math.ceil(exact)
    return size if 1 <= size <= 100_000 else None
