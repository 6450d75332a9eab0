"""What a line of the probe looks like: names, types, finite numbers, text that can be encoded.

What it is not: it doesn't ask whether a line is true; that is `trust`. Called by fold, trust and failures.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, TypedDict

import msgspec
from msgspec import Meta

from grader.sandbox import Event

Number = Annotated[float, Meta(ge=-1e100, le=1e100)]
"""Its square and a sum of many are still finite."""
Whole = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Counts = dict[str, Whole] | None


class Lengths(TypedDict):
    """Tokens per row over the whole data set."""

    mean: Number
    var: Number


class Stored(TypedDict):
    """The same as the rows are stored, with their padding."""

    min: Number
    max: Number
    padded: Number


class Leak(TypedDict):
    """How many of the evaluated rows were trained on."""

    rows: Whole
    seen: Whole
    whole: bool


class Line(TypedDict, total=False):
    """What every line may have."""

    t: str
    at: Number
    run: Whole | None


class Head(Line, total=False):
    """'run': what a training is made of."""

    kind: str
    start: str
    start_of: Whole | str | None
    name: str
    model: str
    device: str
    dtype: str
    collator: str
    collator_from: str
    sampler: str
    batch_sampler: str
    own: list[str]
    args: dict[str, Any] | None
    dataset_rows: Whole | None
    distinct_in_dataset: Whole | None
    loader_batches: Whole | None
    parameters: Whole | None
    trainable: Whole | None
    batch_size: Whole | None
    steps_planned: Whole | None
    epochs_planned: Number | None
    lengths: Lengths | None
    stored: Stored | None
    votes: Counts


class Steps(Line, total=False):
    """'steps': see batches.py for what the inner lists hold."""

    steps: list[tuple[Number, Number, Number | None]] | None
    batches: list[Annotated[list[Number], Meta(min_length=2, max_length=6)]] | None
    loss: list[Number | None] | None
    lr: list[Number | None] | None


class Eval(Line, total=False):
    """'eval': an evaluation that ended."""

    during: Whole | None
    step: Whole | None
    rows: Whole | None
    accuracy: Number | None
    loss: Number | None
    epoch: Number | None
    seconds: Number | None
    votes: Counts
    leak: Leak | None
    claims: dict[str, Number] | None


class End(Line, total=False):
    """'run-end'."""

    steps: Whole
    batches: Whole | None
    distinct: Whole | None
    unmasked: Whole | None
    odd: Whole | None
    seconds: Number | None
    memory: Whole | None
    flos: Number | None
    cut: bool | None
    early: bool | None
    failed: str | bool | None


class Classroom(Line, total=False):
    """'redirect', 'missing', 'standin': what was not as the notebook wanted it."""

    what: str | None
    wanted: str | None
    served: str | None


class Failure(Line, total=False):
    """'probe-error': the probe itself failed inside the kernel."""

    where: str | None
    error: str | None


class Weights(Line, total=False):
    """'weights'."""

    label: str | None
    refused: str | bool | None


Model = TypedDict(
    "Model",
    {
        "run": Whole | None,
        "at": Number,
        "t": str,
        "name": str | None,
        "class": str | None,
        "local": bool | None,
    },
    total=False,
)
"""'model': one was loaded. `class` is a keyword, so it can't be written as the others are."""


SHAPES = {
    "run": Head,
    "steps": Steps,
    "eval": Eval,
    "run-end": End,
    "redirect": Classroom,
    "missing": Classroom,
    "standin": Classroom,
    "model": Model,
    "weights": Weights,
    "probe-error": Failure,
}


@cache
def _decoder(name: str) -> msgspec.json.Decoder:
    return msgspec.json.Decoder(SHAPES.get(name, Line))


def usable(event: Event) -> Event | None:
    """`event` with text that can be encoded; None where it has not the shape of the probe's lines."""
    try:
        raw = json.dumps(event.data, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        kind = event.data.get("t")
        read = _decoder(kind if isinstance(kind, str) and kind in SHAPES else "").decode(raw)
    except (ValueError, TypeError, RecursionError):  # msgspec's errors are ValueErrors
        return None
    return Event(event.received, event.cell, read)


def legible(events: Iterable[Event]) -> list[Event]:
    """Those that are usable."""
    return [event for event in map(usable, events) if event is not None]
