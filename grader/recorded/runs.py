"""Drafts → TrainingRuns: epochs really run, rows, speed, padded tokens per row, how it ended.

Pure; called by `read`. Everything that takes arithmetic is here, with where each formula comes from.
"""

from __future__ import annotations

from typing import NamedTuple

from grader.recorded import padding
from grader.recorded.dicts import ACCURACY_KEY
from grader.recorded.numbers import number, share, whole
from grader.recorded.trainer import Draft
from grader.records import Ending, Evaluation, Start, TrainingRun, Witness

MAX_POINTS = 200


class Context(NamedTuple):
    """What the rest of the notebook says."""

    counts: frozenset[int]
    """Row counts seen anywhere in the outputs."""
    parameters: int
    """Non-embedding parameters of the model at this cell."""
    model: str
    fresh: bool
    """The model was loaded from the hub in this very cell."""
    stored_count: int | None
    """The cell's execution count."""


def finish(draft: Draft, order: int, context: Context) -> TrainingRun:
    """The TrainingRun that `draft` is evidence of."""
    bar, log, metrics = draft.bar, draft.log, draft.metrics
    steps = draft.steps if draft.steps is not None else whole(metrics.get("global_step"))
    if steps is None and bar:
        steps = min(bar.value, bar.total)
    runtime = number(metrics.get("train_runtime"))
    planned = log.get("steps_planned") or (bar.total if bar else None)
    steps_per_second = number(metrics.get("train_steps_per_second"))
    if planned is None and steps_per_second and runtime and steps:
        # The Trainer divides *planned* steps by the run time, also after an early stop.
        guess = round(steps_per_second * runtime)
        planned = steps if abs(guess - steps) <= max(1, 0.0006 / steps_per_second * guess) else guess
    epochs_planned = log.get("epochs_planned") or (bar.epochs if bar else None)
    epochs = _epochs(draft, steps, planned, epochs_planned)
    if epochs_planned is None and epochs and steps and planned:
        epochs_planned = round(epochs * planned / steps, 2)
    rows = log.get("rows") or whole(metrics.get("train_samples"))
    per_second = number(metrics.get("train_samples_per_second"))
    limited = _by_max_steps(steps, planned, epochs, epochs_planned)
    if rows is None and per_second and runtime and epochs_planned and not limited:
        rows = padding.rows_from_speed(per_second, runtime, epochs_planned, set(context.counts))
    per_epoch = steps / epochs if steps and epochs else None
    batch = log.get("batch_size") or (padding.batch_size(rows, per_epoch) if rows and per_epoch else None)
    if limited and batch is None and per_second and runtime and steps:
        batch = round(per_second * runtime / steps) or None
    seconds = runtime if runtime is not None else (bar.elapsed if bar else None)
    first = number(draft.table[0][0]) if draft.table and draft.header[:1] == ("Epoch",) else None
    resumed = draft.resumed or (first is not None and first > 1)
    speed = None
    if seconds and not resumed:  # after a resume the counts include what an earlier session did
        if rows and epochs:
            speed = rows * epochs / seconds
        elif batch and steps:
            speed = batch * steps / seconds
    flos = number(metrics.get("total_flos"))
    tokens = None
    if flos and rows and epochs and padding.base_sized(context.model):
        tokens = padding.tokens_per_row(flos, rows, epochs, context.parameters)
    elif flos and limited and batch and steps and padding.base_sized(context.model):
        tokens = padding.tokens_per_row(flos, batch, steps, context.parameters)
    evaluations, losses = _table(draft, per_epoch, epochs)
    losses = losses or draft.losses
    start = Start.UNKNOWN
    if resumed or (context.fresh and padding.local(context.model)):
        start = Start.CHECKPOINT
    elif context.fresh:
        start = Start.PRETRAINED
    return TrainingRun(
        witness=Witness.RECORDED,
        cell=draft.cell,
        order=order,
        cells=(draft.cell,),
        kind="trainer",
        executed=True,
        ending=_ending(draft, steps, planned, context.stored_count),
        rows=rows,
        batch_size=batch,
        steps=steps,
        steps_planned=planned,
        epochs=round(epochs, 4) if epochs is not None else None,
        epochs_planned=epochs_planned,
        tokens_per_row=tokens,
        total_flos=flos,
        seconds=seconds,
        examples_per_second=round(speed, 3) if speed else None,
        learning_rates=thinned(draft.learning_rates),
        losses=thinned(losses),
        evaluations=tuple(evaluations + draft.evaluations),
        start=start,
        model=context.model,
        precision="fp16" if draft.half else "",
        quote=_quote(draft, steps),
    )


def _by_max_steps(
    steps: int | None, planned: int | None, epochs: float | None, epochs_planned: float | None
) -> bool:
    """Did `max_steps` end a completed run within an epoch? Rows per second are then of these steps."""
    if not (steps and planned and epochs and epochs_planned):
        return False
    return steps >= planned and epochs < epochs_planned - 0.02


def _epochs(
    draft: Draft, steps: int | None, planned: int | None, epochs_planned: float | None
) -> float | None:
    """Epochs really run: TrainOutput's own figure, else steps, checked against what the bar shows.

    The bar rounds to two decimals; steps / planned x epochs is exact unless `max_steps` cut the plan.
    """
    said = number(draft.metrics.get("epoch"))
    if said is not None and said > 0:
        return said
    ratio = epochs_planned * steps / planned if steps and planned and epochs_planned else None
    shown = draft.bar.epoch if draft.bar else None
    if shown is not None and ratio is not None:
        whole_number = "." not in draft.bar.epoch_text  # old versions show the epoch begun, floored
        near = abs(ratio - shown) <= (1.001 if whole_number else 0.011)
        return ratio if near else shown
    return (
        ratio if ratio is not None else shown if shown is not None else number(draft.log.get("logged_epoch"))
    )


def _ending(draft: Draft, steps: int | None, planned: int | None, stored_count: int | None) -> Ending:
    complete = steps is not None and planned is not None and steps >= planned
    if draft.metrics:
        return Ending.COMPLETED if complete or planned is None else Ending.EARLY_STOPPED
    if draft.error:
        if complete and not draft.evaluating:
            return Ending.COMPLETED
        return Ending.INTERRUPTED if draft.error == "KeyboardInterrupt" else Ending.CELL_ERROR
    if draft.evaluating and not draft.spoke_after:
        return Ending.INTERRUPTED
    if complete:
        return Ending.COMPLETED
    if steps is None or planned is None:
        return Ending.UNKNOWN
    return Ending.EARLY_STOPPED if draft.spoke_after and stored_count is not None else Ending.INTERRUPTED


def _table(
    draft: Draft, per_epoch: float | None, epochs: float | None
) -> tuple[list[Evaluation], list[float]]:
    """The progress table's rows as evaluations, and its training losses."""
    names = [name.lower() for name in draft.header]
    column = {
        "accuracy": next(
            (i for i, n in enumerate(names) if ACCURACY_KEY.search(n) and "train" not in n), None
        ),
        "loss": next((i for i, n in enumerate(names) if n in ("validation loss", "eval loss", "loss")), None),
        "training": next((i for i, n in enumerate(names) if n == "training loss"), None),
    }
    by_epoch = names[:1] == ["epoch"]
    evaluations, losses = [], []
    # transformers before 4.3x floors an epoch that ends at 4.9995: the table then counts from 0.
    first = number(draft.table[0][0]) if draft.table else None
    shift = 1 if by_epoch and first == 0 and epochs is not None and epochs >= len(draft.table) - 0.5 else 0
    for row in draft.table[:2_000]:
        position = number(row[0])
        value = {name: row[i] if i is not None else "" for name, i in column.items()}
        training = number(value["training"])
        if training is not None:
            losses.append(training)
        accuracy, loss = _cell_accuracy(value["accuracy"]), number(value["loss"])
        if accuracy is None and loss is None:
            continue
        epoch = step = None
        if position is not None and by_epoch:
            epoch = position + shift
            step = round(epoch * per_epoch) if per_epoch else None
        elif position is not None and names[:1] == ["step"]:
            step = round(position)
            epoch = round(position / per_epoch, 3) if per_epoch else None
        quote = " | ".join(f"{name} {cell}" for name, cell in zip(draft.header, row, strict=False))[:300]
        evaluations.append(
            Evaluation(
                cell=draft.cell,
                accuracy=accuracy,
                loss=loss,
                rows=draft.eval_rows,
                epoch=epoch,
                step=step,
                quote=quote,
            )
        )
    return evaluations, losses


def _cell_accuracy(text: str) -> float | None:
    """'0.905480' or a dict: "{'accuracy': 0.9054}"."""
    if "{" in text:
        text = text.split(":", 1)[-1].strip(" {}")
    return share(text)


def thinned(values: list[float]) -> tuple[float, ...]:
    """At most MAX_POINTS of `values`, evenly, first and last kept."""
    if len(values) <= MAX_POINTS:
        return tuple(values)
    last = len(values) - 1
    return tuple(values[round(i * last / (MAX_POINTS - 1))] for i in range(MAX_POINTS))


def _quote(draft: Draft, steps: int | None) -> str:
    parts = []
    if draft.bar:
        shown = f", Epoch {draft.bar.epoch_text}/{draft.bar.epochs}" if draft.bar.epochs else ""
        parts.append(f"[{draft.bar.value}/{draft.bar.total}{shown}]")
    if draft.metrics:
        keys = ("train_runtime", "train_samples_per_second", "total_flos", "train_loss", "epoch")
        said = ", ".join(f"{key}={draft.metrics[key]}" for key in keys if key in draft.metrics)
        parts.append(f"TrainOutput(global_step={steps}, {said})")
    elif draft.log and "rows" in draft.log:
        parts.append(f"Num examples = {draft.log['rows']}")
    return " ".join(parts)[:300]
