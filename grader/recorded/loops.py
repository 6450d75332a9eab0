"""Hand-written training loops: tqdm bars and printed lines of one cell → runs and evaluations.

What this is: the reader for everything that is neither the Trainer nor Keras, e.g.
`======== Epoch 1 / 4 ========`, `Training: 100%|██| 5000/5000 [24:26<00:00, 3.41it/s]`,
`Step 2500: Train Loss=0.32, Val Loss=0.26, Accuracy=0.8894`, `검증 정확도: 90.2%`.
Called by `read`. A run is only claimed where something was trained: a loss, a training bar or a
training time within epochs or steps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from grader.recorded import padding, printed
from grader.recorded.numbers import whole
from grader.recorded.runs import thinned
from grader.recorded.tqdm import Progress, bar
from grader.recorded.typed import Typed
from grader.records import Cell, Ending, Evaluation, TrainingRun, Witness

MAX_LINES = 20_000

_TRAINING = re.compile(r"train|epoch|학습|훈련|에폭|에포크", re.IGNORECASE)
_TESTING = re.compile(r"val|eval|test|predict|infer|검증|평가|테스트|추론", re.IGNORECASE)
_OTHER_WORK = re.compile(
    r"map|filter|download|token|load|generat|encod|saving|토큰|it/s\]?$|examples/s", re.IGNORECASE
)
_BATCH = re.compile(
    r"(?:(?<!eval_)(?<!test_)(?<!val_)batch[ _-]?size|배치\s*(?:크기|사이즈))['\"]?\s*[:=]\s*(\d{1,5})",
    re.IGNORECASE,
)
_ROWS = re.compile(
    r"(?:훈련|학습|train(?:ing)?)\s*(?:샘플|데이터|samples?|data|examples?|rows)[^\d\n]{0,16}(\d[\d,]{2,})",
    re.IGNORECASE,
)
_EARLY = re.compile(r"early[ -]?stop|조기\s*(?:종료|중단)|감지로 중단", re.IGNORECASE)


@dataclass
class Loop:
    """One training loop, as far as it has been read."""

    first_epoch: int | None = None
    epoch: int | None = None
    epochs: int | None = None
    step: int | None = None
    bars: list[Progress] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    pending_loss: float | None = None
    seconds: float | None = None
    parts: list[float] = field(default_factory=list)
    """Seconds told epoch by epoch."""
    train_seconds: bool = False
    """`seconds` were called those of the training."""
    typed: int = 0
    accuracies: int = 0
    stopped: bool = False
    quotes: list[str] = field(default_factory=list)

    @property
    def part_seconds(self) -> float:
        """All epochs together. Times that grow as the number of the epoch does are counted from the start."""
        growing = len(self.parts) > 1 and all(
            abs(spent - n * self.parts[0]) <= 0.2 * spent for n, spent in enumerate(self.parts, start=1)
        )
        return self.parts[-1] if growing else sum(self.parts)

    @property
    def trained(self) -> bool:
        marked = self.epoch is not None or self.step is not None or bool(self.bars)
        measured = bool(self.losses or self.part_seconds or self.evaluations)
        named = any(_TRAINING.search(b.desc) and not _TESTING.search(b.desc) for b in self.bars)
        # 'train time: 2710.4 sec, test accuracy: 0.9013': the sum of a whole training
        summed = bool(self.train_seconds and self.evaluations)
        return (marked and measured) or named or summed


def read_cell(cell: Cell, typed: Typed, counts: frozenset[int]) -> tuple[list[TrainingRun], list[Evaluation]]:
    """Training loops of the cell, and accuracies printed without one."""
    loops, loose = [Loop()], []
    error, batch, rows = "", None, None
    text_lines = 0
    for output in cell.outputs:
        if output.kind == "error":
            error = output.name
            continue
        for line in output.text.split("\n")[:MAX_LINES]:
            text_lines += 1
            if text_lines > MAX_LINES or not line.strip():
                continue
            line = line[: printed.MAX_LINE]
            _read_line(line, cell.index, loops, typed)
            batch = batch or _first(_BATCH, line)
            rows = rows or _first(_ROWS, line)
    runs = []
    for loop in loops:
        if loop.trained and not (loop.accuracies and loop.typed == loop.accuracies):
            last = loop is loops[-1]
            runs.append(_run(cell, len(runs), loop, error if last else "", batch, rows, counts))
        elif not loop.typed:
            loose += loop.evaluations
    return runs, loose


def _read_line(line: str, cell: int, loops: list[Loop], typed: Typed) -> None:
    loop = loops[-1]
    progress = bar(line)
    if progress:
        if _OTHER_WORK.search(progress.desc) or "examples/s" in line or "B/s" in line:
            return
        where = printed.place(progress.desc)
        loop = _enter(loops, where)
        _take_bar(loop, progress)
        return
    if "TrainOutput(" in line or "_per_second'" in line:
        return
    where = printed.place(line)
    found = printed.metrics(line)
    if where.epoch is not None or where.step is not None:
        loop = _enter(loops, where)
    if _EARLY.search(line) and loop.trained:
        loop.stopped = True
    if not found:
        return
    loss = None
    for metric in found:
        if metric.name == "loss":
            if metric.about in ("validation", "test"):
                loss = metric.value
            else:
                loop.losses.append(metric.value)
        elif metric.name == "seconds":
            _take_seconds(loop, line, metric)
    held_out = [m for m in found if m.name == "accuracy" and m.about != "train"]
    if loss is not None and not held_out:
        loop.pending_loss = loss
    for metric in held_out:
        loop.accuracies += 1
        if metric.digits < 2 and loop.epoch is None and loop.step is None:
            continue  # {'accuracy': 0.5}: trying a metric on made-up labels
        if typed.line(line):
            loop.typed += 1
            continue
        if typed.number(metric.value, metric.digits, metric.written):
            loop.typed += 1
            if loop.epoch is None and loop.step is None:
                continue
        if where.epoch is None and where.step is None and _repeats(metric, loop.evaluations):
            continue
        split = metric.about if metric.about in ("validation", "test") else "unknown"
        loop.evaluations.append(
            Evaluation(
                cell=cell,
                accuracy=metric.value,
                loss=loss if loss is not None else loop.pending_loss,
                split=split,
                epoch=float(loop.epoch) if loop.epoch is not None else None,
                step=loop.step,
                quote=line.strip()[:300],
            )
        )
        loop.pending_loss = None
        loop.quotes.append(line.strip())


def _enter(loops: list[Loop], where: printed.Place) -> Loop:
    """The loop a line with this epoch belongs to: a new one where the count starts over."""
    loop = loops[-1]
    if where.epoch is not None:
        if loop.epoch is not None and where.epoch < loop.epoch:
            loop = Loop()
            loops.append(loop)
        if loop.epoch is None and loop.evaluations and not loop.trained:
            loop = Loop()
            loops.append(loop)
        if loop.first_epoch is None:
            loop.first_epoch = where.epoch
        loop.epoch = where.epoch
        loop.epochs = where.epochs or loop.epochs
    if where.step is not None:
        loop.step = where.step
    return loop


def _take_bar(loop: Loop, progress: Progress) -> None:
    """A later state of the last bar replaces it; another one is added."""
    if loop.bars:
        last = loop.bars[-1]
        same = last.desc == progress.desc and last.total == progress.total
        if (
            same
            and last.done < last.total
            and progress.done >= last.done
            and progress.seconds >= last.seconds
        ):
            loop.bars[-1] = progress
            return
    loop.bars.append(progress)


def _take_seconds(loop: Loop, line: str, metric: printed.Metric) -> None:
    if metric.about == "validation":
        return
    if re.search(r"epoch|epcoh|에폭|에포크", line, re.IGNORECASE):
        loop.parts.append(metric.value)
    elif re.search(r"batch|배치|per|당|eta|남은", line, re.IGNORECASE):
        return
    else:
        loop.seconds = metric.value
        loop.train_seconds = bool(re.search(r"train|학습|훈련", line, re.IGNORECASE))


def _repeats(metric: printed.Metric, known: list[Evaluation]) -> bool:
    return any(
        e.accuracy is not None and round(e.accuracy, metric.digits) == round(metric.value, metric.digits)
        for e in known
    )


def _run(
    cell: Cell,
    order: int,
    loop: Loop,
    error: str,
    batch: int | None,
    rows: int | None,
    counts: frozenset[int],
) -> TrainingRun:
    training = [b for b in loop.bars if _TRAINING.search(b.desc) and not _TESTING.search(b.desc)]
    unnamed = [b for b in loop.bars if not _TESTING.search(b.desc) and b not in training]
    training = training or (unnamed if loop.losses or loop.epoch is not None else [])
    per_epoch = max((b.total for b in training), default=None)
    steps = sum(b.done for b in training) or loop.step
    first = loop.first_epoch if loop.first_epoch is not None else 1
    counted = float(loop.epoch - first + 1) if loop.epoch is not None else None
    epochs = sum(b.done / b.total for b in training) if training else None
    if len(training) == 1 and counted and counted > 1:  # one bar over all epochs
        epochs, per_epoch = counted, round(training[0].total / counted)
    elif epochs is None or (loop.epochs and epochs > loop.epochs + 0.01):
        epochs = counted
    whole_run = loop.epochs is None or epochs is None or epochs >= loop.epochs - 0.001
    if error and not (whole_run and loop.evaluations):
        ending = Ending.INTERRUPTED if error == "KeyboardInterrupt" else Ending.CELL_ERROR
    elif loop.stopped or not whole_run:
        ending = Ending.EARLY_STOPPED if loop.stopped or cell.execution_count else Ending.INTERRUPTED
    else:
        ending = Ending.COMPLETED
    if rows is None and batch and per_epoch:
        rows = padding.rows_from_steps(per_epoch, batch, set(counts))
    if batch is None and rows and per_epoch:
        batch = padding.batch_size(rows, per_epoch)
    in_bars = sum(b.seconds for b in training)
    spent = loop.seconds or loop.part_seconds or in_bars or None
    speed = None
    if batch and in_bars and training:
        speed = sum(b.done for b in training) * batch / in_bars
    elif rows and epochs and spent:
        speed = rows * epochs / spent
    return TrainingRun(
        witness=Witness.RECORDED,
        cell=cell.index,
        order=order,
        cells=(cell.index,),
        kind="torch-loop",
        executed=True,
        ending=ending,
        rows=rows,
        batch_size=batch,
        steps=steps,
        steps_planned=per_epoch * loop.epochs if per_epoch and loop.epochs else None,
        epochs=round(epochs, 3) if epochs is not None else None,
        epochs_planned=float(loop.epochs) if loop.epochs else None,
        seconds=spent,
        examples_per_second=round(speed, 3) if speed else None,
        losses=thinned(loop.losses),
        evaluations=tuple(loop.evaluations[:2_000]),
        quote=(loop.quotes[-1] if loop.quotes else "")[:300],
    )


def _first(pattern: re.Pattern[str], line: str) -> int | None:
    match = pattern.search(line)
    return whole(match.group(1)) if match else None
