"""Hugging Face Trainer: progress bars, tables, logs and TrainOutput of one cell → drafts of runs.

What this is: one pass over a cell's outputs that collects what belongs to each `trainer.train()`.
What this is not: nothing is computed here that needs other cells; `runs` turns drafts into
TrainingRuns. Formats: transformers 4.11 to 5.x, notebook bars, plain-terminal logs, wandb summaries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from grader.recorded import dicts
from grader.recorded.numbers import number, seconds, share, whole
from grader.recorded.tables import Bar, Table, read_html
from grader.recorded.tqdm import bar
from grader.records import Cell, Evaluation

_MARK = re.compile(
    r"(?P<start>\*{5} Running training \*{5})|(?P<evaluate>\*{5} Running (?:Evaluation|Prediction) \*{5})"
    r"|(?P<output>TrainOutput\()|(?P<block>\*{5} (?P<split>\w+) metrics \*{5})"
    r"|(?P<half>Using (?:amp|cuda_amp|auto) [^\n]{0,40}(?:fp16|half)|Using auto half precision backend)"
    r"|(?P<resume>Continuing training from checkpoint|Will skip the first \d+ epochs)"
)
_LOG = {
    "rows": re.compile(r"Num examples\s*=\s*([\d,]+)"),
    "epochs_planned": re.compile(r"Num Epochs\s*=\s*([\d,]+)"),
    "batch_size": re.compile(r"Total train batch size[^=\n]*=\s*([\d,]+)"),
    "steps_planned": re.compile(r"Total optimization steps\s*=\s*([\d,]+)"),
}
_OUTPUT = re.compile(
    r"TrainOutput\(\s*global_step\s*=\s*(\d+)\s*,\s*training_loss\s*=\s*([\d.eE+-]+|nan|inf)"
)
_LINE = re.compile(
    r"^[ \t]*(train_runtime|total_flos|train_samples_per_second|train_steps_per_second|train_loss|epoch"
    r"|global_step|train_samples)[ \t]*[:= \t][ \t]*([\d.,:eE+]+(?:GF)?)[ \t]*$",
    re.MULTILINE,
)


@dataclass
class Draft:
    """What one training left in the outputs, as far as it has been read."""

    cell: int
    bar: Bar | None = None
    header: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    log: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    """Of TrainOutput or of the last log line: train_runtime, total_flos, epoch, …"""
    steps: int | None = None
    losses: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    eval_rows: int | None = None
    half: bool = False
    resumed: bool = False
    evaluating: bool = False
    """An evaluation bar inside this display stopped half-way."""
    spoke_after: bool = False
    """Something was printed or displayed after training ended."""
    error: str = ""

    @property
    def finished(self) -> bool:
        return bool(self.metrics) or (self.bar is not None and self.bar.value >= self.bar.total)


@dataclass
class Reading:
    """All that the Trainer left in one cell."""

    drafts: list[Draft] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    """Evaluate dicts without a training in this cell."""
    orphans: list[Draft] = field(default_factory=list)
    """TrainOutput or its metrics without any bar or log: perhaps of a run of an earlier cell."""
    eval_rows: int | None = None
    longest: tuple[int, int] | None = None
    """Done and total of the longest unnamed tqdm bar."""


def read_cell(cell: Cell) -> Reading:
    """Runs and evaluate dicts of one cell, in the order of its outputs."""
    reading = Reading()
    for output in cell.outputs:
        if output.kind == "error":
            if reading.drafts:
                reading.drafts[-1].error = output.name
            continue
        if output.html:
            _read_display(reading, cell.index, read_html(output.html), output.html)
        text = output.text
        if text and (
            "*****" in text or "{" in text or "TrainOutput(" in text or "train_" in text or "amp" in text
        ):
            _read_text(reading, cell.index, text)
        elif text.strip() and output.name == "stdout" and reading.drafts:
            reading.drafts[-1].spoke_after = True
        if "it/s]" in text or "s/it]" in text:
            _read_terminal_bars(reading, text)
    return reading


def _read_terminal_bars(reading: Reading, text: str) -> None:
    """The plain-terminal Trainer's bar is tqdm's, without a name, beside its logs."""
    for line in text.split("\n")[:5_000]:
        progress = bar(line)
        if (
            progress
            and not progress.desc
            and (reading.longest is None or progress.total >= reading.longest[1])
        ):
            reading.longest = (progress.done, progress.total)


def _read_display(reading: Reading, cell: int, parts: list[Bar | Table], html: str) -> None:
    if "Run summary" in html:
        _read_wandb(reading, cell, parts)
        return
    training = next((part for part in parts if isinstance(part, Bar) and part.epochs is not None), None)
    if training is None:
        if parts and reading.drafts and isinstance(parts[0], Bar):
            reading.drafts[-1].spoke_after = True  # an evaluation's own bar: training had returned
        return
    table = next((part for part in parts if isinstance(part, Table)), Table((), ()))
    draft = reading.drafts[-1] if reading.drafts else None
    if draft is None or not _same_display(draft, training, table):
        draft = Draft(cell)
        reading.drafts.append(draft)
    draft.bar, draft.header, draft.table = training, table.header, table.rows
    inner = [part for part in parts if isinstance(part, Bar) and part.epochs is None]
    draft.evaluating = any(bar.value < bar.total for bar in inner)
    draft.eval_rows = draft.eval_rows or reading.eval_rows


def _same_display(draft: Draft, bar: Bar, table: Table) -> bool:
    """Whether `bar` goes on with `draft`: its log came just before, or it is a later state of one display."""
    if draft.metrics:
        return False
    if draft.bar is None:
        return True
    earlier = draft.bar
    if earlier.value >= earlier.total or bar.total != earlier.total or bar.value < earlier.value:
        return False
    return [row[:2] for row in draft.table] == [row[:2] for row in table.rows[: len(draft.table)]]


def _read_text(reading: Reading, cell: int, text: str) -> None:
    events: list[tuple[int, str, Any]] = [(m.start(), m.lastgroup or "", m) for m in _MARK.finditer(text)]
    found = dicts.find(text)
    events += [(item.start, "dict", item) for item in found]
    lines = [m for m in _LINE.finditer(text) if m.group(1) != "epoch"]
    if lines and any(m.group(1) in ("train_runtime", "total_flos") for m in lines):
        values = {m.group(1): _plain(m.group(2)) for m in _LINE.finditer(text)}
        events.append((lines[0].start(), "lines", values))
    events.sort(key=lambda event: event[0])
    for start, kind, what in events:
        if kind == "start":
            _start(reading, cell, text[start : start + 800])
        elif kind == "evaluate":
            match = _LOG["rows"].search(text, start, start + 200)
            rows = whole(match.group(1)) if match else None
            reading.eval_rows = rows
            if reading.drafts and not reading.drafts[-1].metrics:
                reading.drafts[-1].eval_rows = rows
        elif kind == "output":
            match = _OUTPUT.match(text, start)
            if match:
                draft = _for_output(reading, cell, int(match.group(1)))
                draft.steps = int(match.group(1))
                draft.metrics.setdefault("train_loss", number(match.group(2)))
        elif kind == "half" and reading.drafts:
            reading.drafts[-1].half = True
        elif kind == "resume" and reading.drafts:
            reading.drafts[-1].resumed = True
        elif kind == "lines":
            _take_metrics(reading, cell, what)
        elif kind == "dict":
            _take_dict(reading, cell, what)


def _start(reading: Reading, cell: int, text: str) -> None:
    log = {}
    for name, pattern in _LOG.items():
        match = pattern.search(text)
        value = whole(match.group(1)) if match else None
        if value:
            log[name] = value
    draft = reading.drafts[-1] if reading.drafts else None
    # VS Code may store the display before the log that was written first.
    if (
        draft
        and not draft.log
        and not draft.metrics
        and draft.bar
        and draft.bar.total == log.get("steps_planned")
    ):
        draft.log = log
        return
    reading.drafts.append(Draft(cell, log=log))


def _for_output(reading: Reading, cell: int, steps: int) -> Draft:
    """The draft that a TrainOutput with this many steps belongs to."""
    waiting = [draft for draft in reading.drafts if draft.steps is None]
    for draft in reversed(waiting):
        if draft.bar and abs(draft.bar.value - steps) <= 1:
            return draft
    for draft in reversed(waiting):
        if draft.bar is None or not draft.evaluating:
            return draft
    return _orphan(reading, cell)


def _orphan(reading: Reading, cell: int) -> Draft:
    if not reading.orphans or reading.orphans[-1].metrics:
        reading.orphans.append(Draft(cell))
    return reading.orphans[-1]


def _take_metrics(reading: Reading, cell: int, metrics: dict[str, Any]) -> None:
    """train_runtime and its companions: to the run that awaits them."""
    waiting = [draft for draft in reading.drafts if "train_runtime" not in draft.metrics]
    target = waiting[-1] if waiting else None
    for draft in (*reading.drafts, *reading.orphans):
        if draft.steps is not None and "train_runtime" not in draft.metrics:
            target = draft
    if target is None:
        runtime = number(metrics.get("train_runtime"))
        known = [number(draft.metrics.get("train_runtime")) for draft in reading.drafts]
        if runtime is not None and any(k is not None and abs(k - runtime) < 1.0 for k in known):
            return  # the same figures, printed again
        target = _orphan(reading, cell)
    target.metrics.update({key: value for key, value in metrics.items() if value is not None})


def _take_dict(reading: Reading, cell: int, found: dicts.Found) -> None:
    value = found.value
    if "train_runtime" in value or ("total_flos" in value and "train_loss" in value):
        _take_metrics(reading, cell, value)
        return
    held_out = any(dicts.HELD_OUT.match(key) for key in value)
    draft = reading.drafts[-1] if reading.drafts else None
    if not held_out and "loss" in value and ("learning_rate" in value or "epoch" in value):
        if draft is None or draft.metrics:
            if "grad_norm" not in value and "learning_rate" not in value:
                return
            draft = Draft(cell)
            reading.drafts.append(draft)
        loss, rate = number(value.get("loss")), number(value.get("learning_rate"))
        if loss is not None:
            draft.losses.append(loss)
        if rate is not None:
            draft.learning_rates.append(rate)
        epoch = number(value.get("epoch"))
        if epoch is not None:
            draft.log["logged_epoch"] = epoch  # type: ignore[assignment]
        return
    accuracy = dicts.accuracy(value)
    if accuracy is None and not held_out:
        return
    per_second, runtime = dicts.named(value, "samples_per_second"), dicts.named(value, "runtime")
    rows = reading.eval_rows
    if rows is None and per_second and runtime:
        rows = round(per_second * runtime)
    if not held_out and (accuracy is None or len(f"{accuracy:.12g}") < 5):
        return  # {'accuracy': 0.5} of trying a metric on four made-up labels
    evaluation = Evaluation(
        cell=cell,
        accuracy=accuracy,
        loss=dicts.named(value, "loss"),
        rows=rows,
        epoch=number(value.get("epoch")),
        step=whole(value.get("step")),
        seconds=runtime,
        quote=found.text[:300],
    )
    if draft is not None:
        draft.spoke_after = draft.spoke_after or draft.finished
        draft.evaluations.append(evaluation)
    else:
        reading.evaluations.append(evaluation)


def _read_wandb(reading: Reading, cell: int, parts: list[Bar | Table]) -> None:
    """wandb's 'Run summary': two columns, 'eval/accuracy' and a number."""
    summary: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, Table):
            for row in (part.header, *part.rows):
                if len(row) == 2 and number(row[1]) is not None:
                    summary[row[0].strip()] = number(row[1])
    metrics = {key.removeprefix("train/"): value for key, value in summary.items()}
    if "total_flos" in metrics or "train_runtime" in metrics:
        orphan = _orphan(reading, cell)
        orphan.steps = whole(metrics.get("global_step"))
        orphan.metrics.update(metrics)
    accuracy = next((share(v) for k, v in summary.items() if k in ("eval/accuracy", "eval_accuracy")), None)
    if accuracy is not None:
        quote = f"eval/accuracy {accuracy}"
        reading.evaluations.append(Evaluation(cell=cell, accuracy=accuracy, quote=quote))


def _plain(value: str) -> float | None:
    """A value of `trainer.log_metrics`: 9866664GF are units of 2**30 operations, 1:04:56.23 is a time."""
    if value.endswith("GF"):
        units = number(value[:-2])
        return units * 2**30 if units is not None else None
    return seconds(value) if ":" in value else number(value)
