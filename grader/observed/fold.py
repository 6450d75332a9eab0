"""From the probe's lines to training runs and observations.

What it is not: it trusts nothing it can't parse; a line of the wrong shape is dropped (see shapes;
a student can write lines too) and `trust` says what to think of the rest. Called by `observe`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from grader.facts import Kind
from grader.observed import batches, evaluations
from grader.observed.shapes import legible
from grader.records import (
    CellRun,
    Ending,
    Evaluation,
    Observation,
    Start,
    Testimony,
    TrainingRun,
    Witness,
)
from grader.sandbox import Event, Execution

KEPT = 200
"""Losses and learning rates kept of one run."""


class Lines:
    """All lines about one run."""

    def __init__(self, event: Event) -> None:
        self.cell, self.head = event.cell, event.data
        self.steps: list[list[float | None]] = []
        self.batches: list[list[float]] = []
        self.losses: list[float] = []
        self.rates: list[float] = []
        self.evaluations: list[tuple[int, dict[str, Any]]] = []
        self.end: dict[str, Any] | None = None
        self.first = self.last = event.received


def gather(events: Iterable[Event]) -> dict[int, Lines]:
    """Run number → its lines, in order of appearance."""
    runs: dict[int, Lines] = {}
    for event in legible(events):
        data = event.data
        number = data.get("run")
        if data.get("t") == "run" and isinstance(number, int) and number not in runs:
            runs[number] = Lines(event)
        lines = runs.get(number) if isinstance(number, int) else None
        if lines is None:
            continue
        lines.last = event.received
        if data.get("t") == "steps":
            lines.steps += data.get("steps") or []
            lines.batches += data.get("batches") or []
            lines.losses += [x for x in data.get("loss") or [] if x is not None]
            lines.rates += [x for x in data.get("lr") or [] if x is not None]
        elif data.get("t") == "eval":
            lines.evaluations.append((event.cell, data))
        elif data.get("t") == "run-end":
            lines.end = data
    return runs


def fold(execution: Execution, cells: Sequence[CellRun]) -> Testimony:
    """The testimony of what was observed."""
    events = legible(execution.events)
    runs = gather(events)
    endings = {cell.index: cell.ending for cell in cells}
    folded: list[TrainingRun] = []
    observations: list[Observation] = []
    orders: dict[int, int] = {}
    for lines in runs.values():
        try:
            run = _run(lines, runs, endings, orders.get(lines.cell, 0))
            if msgspec.json.decode(msgspec.json.encode(run), type=TrainingRun) != run:
                continue  # NaN or infinity came out of finite numbers
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError):
            continue  # not written by the probe
        orders[lines.cell] = orders.get(lines.cell, 0) + 1
        folded.append(run)
        observations += _hazards(lines, run)
    observations += [o for o in map(_observation, events) if o is not None]
    loose: list[Evaluation] = []
    for event in events:
        if event.data.get("t") == "eval" and event.data.get("run") not in runs:
            found = evaluations.evaluation(event.cell, event.data)
            loose += [found] if found else []
    return Testimony(
        witness=Witness.OBSERVED,
        runs=tuple(sorted(folded, key=lambda run: (run.cell, run.order))),
        evaluations=tuple(loose),
        observations=tuple(observations),
    )


def _run(lines: Lines, runs: dict[int, Lines], endings: dict[int, Ending], order: int) -> TrainingRun:
    head, end = lines.head, lines.end or {}
    shape = batches.shape(lines.batches, head)
    speed = batches.speed(lines.steps, shape.tokens_per_row)
    made = [e for e in (evaluations.evaluation(cell, data) for cell, data in lines.evaluations) if e]
    during = [data for cell, data in lines.evaluations if cell == lines.cell] or [
        d for _, d in lines.evaluations
    ]
    parent = runs.get(head.get("start_of")) if head.get("start") == "continued" else None
    arguments = {str(k): str(v) for k, v in (head.get("args") or {}).items()}
    loader_batches = head.get("loader_batches")
    done = end.get("batches") or len(lines.batches)
    leaks = [n for n in (evaluations.leaked_rows(d) for _, d in lines.evaluations) if n is not None]
    return TrainingRun(
        witness=Witness.OBSERVED,
        cell=lines.cell,
        order=order,
        cells=(lines.cell,),
        name=arguments.get("output_dir", ""),
        kind=str(head.get("kind", "unknown")),
        executed=True,
        ending=_ending(lines, endings.get(lines.cell)),
        padding=shape.padding,
        grouping=shape.grouping,
        attempts=_attempts(head),
        max_length=shape.width if shape.padding.value == "max-length" else None,
        rows=head.get("dataset_rows"),
        distinct_rows=head.get("distinct_in_dataset") or end.get("distinct"),
        batch_size=head.get("batch_size") or _batch_size(lines),
        steps=end.get("steps", len(lines.steps)),
        steps_planned=head.get("steps_planned"),
        epochs=done / loader_batches if loader_batches else None,
        epochs_planned=head.get("epochs_planned"),
        tokens_per_row=shape.tokens_per_row,
        real_tokens_per_row=shape.real_tokens_per_row,
        padding_share=shape.padding_share,
        total_flos=end.get("flos"),
        seconds=end.get("seconds"),
        examples_per_second=speed.examples_per_second,
        examples_per_second_spread=speed.spread,
        learning_rates=_thin(lines.rates),
        losses=_thin(lines.losses),
        evaluations=tuple(made),
        start=_start(head),
        continued_from=parent.cell if parent else None,
        model=str(head.get("name") or head.get("model") or ""),
        trainable_share=_trainable(head),
        arguments=arguments,
        leaked_rows=max(leaks) if leaks else None,
        eval_split=next((s for s in map(evaluations.split, during) if s != "unknown"), "unknown"),
        precision=_precision(head),
        device=str(head.get("device", "")),
        peak_memory_mb=end.get("memory"),
    )


def _batch_size(lines: Lines) -> int | None:
    sizes = [int(line[0]) for line in lines.batches if line]
    return max(set(sizes), key=sizes.count) if sizes else None


def _thin(values: Sequence[float]) -> tuple[float, ...]:
    stride = -(-len(values) // KEPT) or 1
    return tuple(float(v) for v in values[::stride])


def _start(head: dict[str, Any]) -> Start:
    try:
        return Start(head.get("start", "unknown"))
    except ValueError:
        return Start.UNKNOWN


def _trainable(head: dict[str, Any]) -> float | None:
    whole, part = head.get("parameters"), head.get("trainable")
    return round(part / whole, 4) if whole and part is not None and 0 <= part <= whole else None


def _precision(head: dict[str, Any]) -> str:
    arguments = head.get("args") or {}
    for name in ("fp16", "bf16"):
        if arguments.get(name) is True:
            return name
    return {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}.get(head.get("dtype", ""), "")


def _attempts(head: dict[str, Any]) -> tuple[str, ...]:
    arguments, own = head.get("args") or {}, head.get("own") or []
    found = []
    sampler = str(head.get("sampler", "")) + str(head.get("batch_sampler", ""))
    if arguments.get("group_by_length") is True or "group" in str(
        arguments.get("train_sampling_strategy", "")
    ):
        found.append("group_by_length")
    elif "LengthGrouped" in sampler:
        found.append("own-sampler")
    if "sampler" in own:
        found.append("own-sampler")
    if "collator" in own:
        found.append("own-collator")
    elif "WithPadding" in str(head.get("collator", "")) and head.get("collator_from") != "default":
        found.append("collator")
    if (head.get("stored") or {}).get("padded", 0) >= 0.2 and head["stored"]["min"] != head["stored"]["max"]:
        found.append("map-batch")
    return tuple(found)


def _ending(lines: Lines, cell: Ending | None) -> Ending:
    end = lines.end
    if end is None:
        return cell if cell is not None and cell is not Ending.COMPLETED else Ending.UNKNOWN
    if end.get("failed"):
        return Ending.INTERRUPTED if end["failed"] == "KeyboardInterrupt" else Ending.CELL_ERROR
    if end.get("cut"):
        return Ending.BUDGET
    return Ending.EARLY_STOPPED if end.get("early") else Ending.COMPLETED


def _hazards(lines: Lines, run: TrainingRun) -> list[Observation]:
    found = []
    votes = lines.head.get("votes") or {}
    for cell, data in lines.evaluations:
        share = evaluations.leak_share(data)
        if share is not None and share > evaluations.DUPLICATES:
            how = "train-as-eval" if share > 0.95 else "same-rows"
            found.append(_seen(Kind.LEAK, cell, how=how, rows=data["leak"]["seen"], share=round(share, 3)))
            break
    if votes.get("test", 0) > 0.05 * max(1, sum(votes.values())):
        found.append(_seen(Kind.LEAK, run.cell, how="test-in-train", rows=votes["test"]))
    if run.eval_split == "test" and any(data.get("during") for _, data in lines.evaluations):
        found.append(_seen(Kind.TEST_AS_VALIDATION, run.cell, run=run.cell))
    counted = {name: (lines.end or {}).get(name) or 0 for name in ("unmasked", "odd")}
    if any(counted.values()):
        found.append(_seen(Kind.MASK, run.cell, **counted))
    if run.start is Start.CONTINUED:
        found.append(_seen(Kind.CONTINUED_STATE, run.cell, first_run=run.continued_from, then_run=run.cell))
    return found


def _seen(kind: Kind, cell: int | None, **value: Any) -> Observation:
    return Observation(witness=Witness.OBSERVED, kind=kind, cell=cell, value=value)


def _observation(event: Event) -> Observation | None:
    data, cell = event.data, event.cell if event.cell >= 0 else None
    match data.get("t"):
        case "redirect":
            return _seen(Kind.REDIRECT, cell, **{k: data.get(k) for k in ("what", "wanted", "served")})
        case "missing":
            return _seen(Kind.MISSING, cell, wanted=data.get("wanted"))
        case "standin":
            return _seen(Kind.STANDIN, cell, what=data.get("what"))
        case "model":
            value = {
                "name": data.get("name"),
                "class": data.get("class"),
                "pretrained": not data.get("local"),
            }
            return _seen(Kind.MODEL_LOAD, cell, **value)
        case "weights" if not data.get("refused"):
            return _seen(Kind.MODEL_SAVED, cell, label=data.get("label"), run=data.get("run"))
    return None
