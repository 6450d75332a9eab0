"""Keras: `model.fit` and `model.evaluate` logs of one cell → runs and evaluations.

Formats: TF 2.x bars of '=', Keras 3 bars of '━', verbose=2 lines, `history.history` dicts.
Pure; called by `read`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from grader.recorded.numbers import number, seconds, share
from grader.recorded.runs import thinned
from grader.records import Cell, Ending, Evaluation, TrainingRun, Witness

_EPOCH = re.compile(r"^\s*Epoch (\d+)/(\d+)\s*$")
_LINE = re.compile(
    r"^\s*(?P<done>\d+)/(?P<total>\d+|Unknown)\s*(?:\[[=>.\s-]*\]|[━╸╺ ]+)?\s*(?:-\s*)?"
    r"(?P<time>(?:\d+:)?\d+:\d+|\d+(?:\.\d+)?(?:us|ms|s|m|h))?\s*(?:-\s*ETA:[^-]*)?"
    r"(?:\d+(?:\.\d+)?(?:us|ms|s)/(?:step|epoch))?\s*-\s*(?P<rest>[a-z_]\w*: .*)$"
)
_VALUE = re.compile(r"(\w+): (nan|[-+]?\d*\.?\d+(?:e[-+]?\d+)?)")
_ACCURACY = re.compile(r"^(?:val_)?(?:\w+_)?acc(?:uracy)?$")


class Line(NamedTuple):
    done: int
    total: int | None
    seconds: float | None
    values: dict[str, float]
    text: str


def read_cell(cell: Cell) -> tuple[list[TrainingRun], list[Evaluation]]:
    """Every `fit` (a group of 'Epoch i/n' headers) and every lone `evaluate` line of the cell."""
    runs: list[TrainingRun] = []
    evaluations: list[Evaluation] = []
    epochs: list[tuple[int, Line]] = []
    planned, current, error, stopped = 0, 0, "", False

    def close() -> None:
        nonlocal epochs, planned, stopped
        if epochs:
            runs.append(_run(cell, len(runs), epochs, planned, error, stopped))
        epochs, planned, stopped = [], 0, False

    for output in cell.outputs:
        if output.kind == "error":
            error = output.name
            continue
        if "/" not in output.text or not re.search(r"loss|acc", output.text):
            continue
        for text in output.text.split("\n"):
            header = _EPOCH.match(text)
            if header:
                if int(header.group(1)) <= current:
                    close()
                current, planned = int(header.group(1)), int(header.group(2))
                continue
            if "early stopping" in text and epochs:
                stopped = True
            line = _parse(text)
            if line is None:
                continue
            if planned and (not epochs or epochs[-1][0] != current):
                epochs.append((current, line))
            elif planned and epochs[-1][1].done < (line.total or 0):
                epochs[-1] = (current, line)
            elif not planned and _lone_fit(line, cell.source, len(runs)):
                # `fit(epochs=1)` writes no 'Epoch 1/1'; its accuracy is that of the rows trained on.
                runs.append(_run(cell, len(runs), [(1, line)], 1, error, False))
            elif line.total is None or line.done >= line.total:
                close()
                evaluations.append(_evaluation(cell.index, line, "", None))
    close()
    return runs, [item for item in evaluations if item.accuracy is not None or item.loss is not None]


def _lone_fit(line: Line, source: str, before: int) -> bool:
    """Is a line under no 'Epoch' header a whole `fit` of one epoch, rather than an `evaluate`?"""
    if line.total is not None and line.done < line.total:
        return False
    if any(name.startswith("val_") for name in line.values):
        return True
    return ".evaluate(" not in source and ".fit(" in source


def is_line(text: str) -> bool:
    """Whether `text` is a progress line of Keras."""
    return "/" in text[:20] and _parse(text) is not None


def _parse(text: str) -> Line | None:
    match = _LINE.match(text[:1_000])
    if not match:
        return None
    values = {name: number(value) for name, value in _VALUE.findall(match.group("rest"))}
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return None
    total, time = match.group("total"), match.group("time")
    spent = None
    if time and not time.endswith(("ms", "us")):
        spent = seconds(time)
    return Line(int(match.group("done")), int(total) if total.isdigit() else None, spent, known, text.strip())


def _run(
    cell: Cell, order: int, epochs: list[tuple[int, Line]], planned: int, error: str, stopped: bool
) -> TrainingRun:
    last = epochs[-1][1]
    whole = last.total is None or last.done >= last.total
    full = [line for _, line in epochs]
    part = 1.0 if whole or not last.total else last.done / last.total
    done = len(epochs) - 1 + part
    if error == "KeyboardInterrupt" or (not whole and not error):
        ending = Ending.INTERRUPTED
    elif error and done < planned:
        ending = Ending.CELL_ERROR
    else:
        ending = Ending.COMPLETED if done >= planned and not stopped else Ending.EARLY_STOPPED
    spent = [line.seconds for line in full if line.seconds is not None]
    per_epoch = next((line.total for line in full if line.total), None)
    losses = [line.values["loss"] for line in full if "loss" in line.values]
    evaluations = [_evaluation(cell.index, line, "val_", float(number_)) for number_, line in epochs]
    return TrainingRun(
        witness=Witness.RECORDED,
        cell=cell.index,
        order=order,
        cells=(cell.index,),
        kind="keras",
        executed=True,
        ending=ending,
        steps=sum(line.done for line in full),
        steps_planned=per_epoch * planned if per_epoch else None,
        epochs=round(done, 3),
        epochs_planned=float(planned) if planned else None,
        seconds=sum(spent) if spent else None,
        losses=thinned(losses),
        evaluations=tuple(e for e in evaluations if e.accuracy is not None or e.loss is not None),
        quote=last.text[:300],
    )


def _evaluation(cell: int, line: Line, prefix: str, epoch: float | None) -> Evaluation:
    accuracy = next(
        (
            share(value)
            for name, value in line.values.items()
            if _ACCURACY.match(name) and name.startswith("val_") == bool(prefix)
        ),
        None,
    )
    return Evaluation(
        cell=cell,
        accuracy=accuracy,
        loss=line.values.get(f"{prefix}loss"),
        epoch=epoch,
        seconds=None if prefix else line.seconds,
        quote=line.text[:300],
    )
