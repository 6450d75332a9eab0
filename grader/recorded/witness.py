"""The walk over the cells: which reader gets which output, and what belongs together across cells."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from grader.facts import Kind
from grader.recorded import bare, context, keras, loaded, loops, padding, printed, tables, trainer
from grader.recorded.dicts import ACCURACY_KEY
from grader.recorded.numbers import share, whole
from grader.recorded.runs import Context, finish
from grader.recorded.templates import Templates
from grader.recorded.tqdm import bar
from grader.recorded.trainer import Draft, Reading
from grader.recorded.typed import Typed
from grader.records import (
    Cell,
    Ending,
    Evaluation,
    Observation,
    Start,
    Submission,
    Testimony,
    TrainingRun,
    Witness,
)

MAX_EVALUATIONS = 1_000
MAX_PRINTED = 80


def read(submission: Submission) -> Testimony:
    """Everything machine-readable in the stored outputs of `submission`. Never raises on any input."""
    cells = [cell for cell in submission.cells if cell.kind == "code" and cell.outputs]
    observations: list[Observation] = [context.order(submission.cells)]
    readings = [(cell, trainer.read_cell(cell)) for cell in cells]
    _join_orphans([reading for _, reading in readings])
    counts = frozenset(_counts(cells))
    runs: list[TrainingRun] = []
    evaluations: list[Evaluation] = []
    typed, prints, model, parameters, shown = Typed(), Templates(), "", padding.NON_EMBEDDING, 0
    known: list[Evaluation] = []
    by_cell = {cell.index: reading for cell, reading in readings}
    for cell in submission.cells:
        if cell.kind != "code":
            continue
        typed.add(cell)
        prints.add(cell)
        if not cell.outputs:
            continue
        seen = list(loaded.read_cell(cell))
        names = [o.value.get("name") or o.value.get("class", "") for o in seen if o.kind == Kind.MODEL_LOAD]
        model = names[0] if names else model
        text = "\n".join(output.text for output in cell.outputs if "all params" in output.text)
        parameters = padding.parameters(text, padding.NON_EMBEDDING if names and not text else parameters)
        observations += seen
        observations += context.read_cell(cell)
        here, loose = _runs(
            cell, by_cell[cell.index], Context(counts, parameters, model, bool(names), None), typed
        )
        if not here and loose and (spent := prints.training_seconds(cell)) is not None:
            # A loop of the student's own that printed one line at its end.
            here, loose = [_summed(cell, spent, loose, model)], []
        runs += here
        known += [e for run in here for e in run.evaluations] + loose
        evaluations += loose
        unnamed = prints.read_cell(cell)
        more, told = _printed(cell, typed, known, unnamed)
        known += more
        evaluations += more
        observations += told[: max(0, MAX_PRINTED - shown)]
        shown += len(told)
        observations += _speeds(cell, here)
    return Testimony(
        witness=Witness.RECORDED,
        runs=tuple(runs),
        evaluations=tuple(evaluations[:MAX_EVALUATIONS]),
        observations=tuple(observations),
    )


def _counts(cells: list[Cell]) -> set[int]:
    counts: set[int] = set()
    for cell in cells:
        for output in cell.outputs:
            if output.text:
                counts |= loaded.counts(output.text)
    return counts


def _join_orphans(readings: list[Reading]) -> None:
    """A TrainOutput shown in a later cell (`result`, `result.metrics`, wandb) joins its run."""
    earlier: list[Draft] = []
    for reading in readings:
        earlier += reading.drafts
        for orphan in reading.orphans:
            home = _home(orphan, earlier)
            if home is None:
                if orphan.metrics.get("train_runtime") is not None or orphan.steps is not None:
                    reading.drafts.append(orphan)
                    earlier.append(orphan)
                continue
            for key, value in orphan.metrics.items():
                home.metrics.setdefault(key, value)
            home.steps = home.steps if home.steps is not None else orphan.steps


def _home(orphan: Draft, earlier: list[Draft]) -> Draft | None:
    for draft in reversed(earlier):
        runtime, other = draft.metrics.get("train_runtime"), orphan.metrics.get("train_runtime")
        if runtime is not None and runtime == other:
            return draft
        if runtime is not None and other is not None:
            continue  # as many steps, but another training
        steps = draft.steps if draft.steps is not None else draft.bar.value if draft.bar else None
        if orphan.steps is not None and steps is not None and abs(steps - orphan.steps) <= 1:
            return draft
    last = earlier[-1] if earlier else None
    if last and "train_runtime" in last.metrics and "train_runtime" in orphan.metrics:
        return None  # another run time: another training
    if last and orphan.steps is None and "total_flos" not in last.metrics and last.finished:
        return last
    return None


def _runs(
    cell: Cell, reading: Reading, around: Context, typed: Typed
) -> tuple[list[TrainingRun], list[Evaluation]]:
    """Runs of the cell by whichever reader recognises them, and evaluations that belong to none."""
    around = around._replace(stored_count=cell.execution_count)
    if len(reading.drafts) == 1 and reading.longest and not reading.drafts[0].bar:
        done, total = reading.longest
        reading.drafts[0].bar = tables.Bar(done, total, None, None, None, None, "")
    runs = [finish(draft, order, around) for order, draft in enumerate(reading.drafts)]
    runs = [run for run in runs if run.steps or run.rows or run.evaluations or run.losses or run.seconds]
    loose = [e for e in reading.evaluations if not _typed(e, typed)]
    runs = [
        msgspec.structs.replace(r, evaluations=tuple(e for e in r.evaluations if not _typed(e, typed)))
        for r in runs
    ]
    by_keras, evaluated = keras.read_cell(cell)
    runs += [
        msgspec.structs.replace(run, order=len(runs) + i, model=around.model)
        for i, run in enumerate(by_keras)
    ]
    loose += evaluated
    if not runs and not reading.orphans:
        by_hand, printed_only = loops.read_cell(cell, typed, around.counts)
        if loose:  # evaluate dicts, perhaps inside a loop: 'epoch 0: {'accuracy': 0.8955}'
            by_hand = [run for run in by_hand if run.epochs is not None and run.evaluations]
            told = {e.accuracy for run in by_hand for e in run.evaluations}
            loose = [e for e in loose if e.accuracy not in told]
        else:
            loose = [e for e in printed_only if e.accuracy is not None and _plausible(e.accuracy)]
        runs = [msgspec.structs.replace(run, model=around.model) for run in by_hand]
    return runs, loose


def _summed(cell: Cell, spent: float, evaluations: list[Evaluation], model: str) -> TrainingRun:
    """The run of a hand-written loop whose code took and printed the time."""
    return TrainingRun(
        witness=Witness.RECORDED,
        cell=cell.index,
        cells=(cell.index,),
        kind="torch-loop",
        executed=True,
        ending=Ending.COMPLETED,
        model=model,
        seconds=spent,
        evaluations=tuple(evaluations),
        quote=evaluations[-1].quote,
    )


def _typed(evaluation: Evaluation, typed: Typed) -> bool:
    """A printed dict whose accuracy is a literal of its own cell. The Trainer's tables can't be printed."""
    if evaluation.accuracy is None or not evaluation.quote.startswith("{"):
        return False
    return typed.here(evaluation.accuracy)


def _plausible(accuracy: float) -> bool:
    """A lone printed 1.0 or 0.05 is a toy example or a share of something else."""
    return 0.2 <= accuracy < 0.9995


def _printed(
    cell: Cell, typed: Typed, known: list[Evaluation], unnamed: list[bare.Shown]
) -> tuple[list[Evaluation], list[Observation]]:
    """Accuracies in prints, reports and data frames: observations, and evaluations where they are news."""
    found: list[tuple[float, int, str, str, int | None, str]] = []
    for output in cell.outputs:
        if output.kind == "error":
            continue
        found += _in_tables(output.html, output.text)
        if not output.text or len(output.text) < 6:
            continue
        for line in output.text.split("\n")[: loops.MAX_LINES]:
            report = _report(line)
            if report:
                found.append(report)
                continue
            if bar(line) or keras.is_line(line):
                continue
            for metric in printed.metrics(line):
                if metric.name == "accuracy" and metric.about != "train":
                    found.append(
                        (metric.value, metric.digits, metric.written, metric.about, None, line.strip())
                    )
    found += [
        (s.value, s.digits, s.written, s.about, None, s.line) for s in (*bare.read_cell(cell), *unnamed)
    ]
    evaluations: list[Evaluation] = []
    observations: list[Observation] = []
    for value, digits, written, about, rows, line in found[:500]:
        by_hand = typed.line(line) or typed.number(value, digits, written)
        repeated = _is_known(value, digits, (*known, *evaluations))
        label = {"typed": True} if by_hand else {}
        if any(o.value["value"] == value and not label for o in observations):
            continue
        observations.append(
            Observation(
                witness=Witness.RECORDED,
                kind=Kind.PRINTED_METRIC,
                cell=cell.index,
                value={"name": f"{about}-accuracy" if about else "accuracy", "value": value, **label},
                quote=line[:300],
            )
        )
        if by_hand or repeated or not _plausible(value) or digits < 2:
            continue
        split = about if about in ("validation", "test") else "unknown"
        evaluations.append(
            Evaluation(cell=cell.index, accuracy=value, rows=rows, split=split, quote=line[:300])
        )
    return evaluations, observations


def _report(line: str) -> tuple[float, int, str, str, int | None, str] | None:
    """scikit-learn's classification_report: 'accuracy      0.90     50000'."""
    words = line.split()
    if len(words) == 3 and words[0] == "accuracy" and "." in words[1] and words[2].isdigit():
        value = share(words[1])
        if value is not None:
            return value, len(words[1]) - 2, words[1], "", whole(words[2]), line.strip()
    return None


def _in_tables(html: str, text: str) -> Iterable[tuple[float, int, str, str, int | None, str]]:
    """Accuracies in data frames, with the label of their row or column."""
    shown = [part for part in tables.read_html(html) if isinstance(part, tables.Table)] if html else []
    if (
        any("Training Loss" in table.header for table in shown)
        or "Run summary" in html
        or "<progress" in html
    ):
        return
    if not shown and ("Acc" in text or "acc" in text or "정확도" in text):
        shown = tables.read_text(text)
    for table in shown:
        columns = [i for i, name in enumerate(table.header) if _names_accuracy(name)]
        for row in table.rows[:200]:
            across = range(1, len(row)) if row and _names_accuracy(row[0]) else columns
            for i in across:
                value = share(row[i]) if i < len(row) and "." in row[i] else None
                if value is None:
                    continue
                percent = "%" in row[i] or float(row[i].strip(" %") or 0) > 1
                digits = len(row[i].strip(" %").partition(".")[2]) + (2 if percent else 0)
                line = " | ".join(
                    f"{name} {cell}".strip() for name, cell in zip(table.header, row, strict=False)
                )
                yield value, digits, row[i].strip(" %"), "", None, line[:300]


def _names_accuracy(name: str) -> bool:
    name = name.strip()
    return bool(ACCURACY_KEY.search(name)) and "train" not in name.lower()


def _is_known(value: float, digits: int, known: Iterable[Evaluation]) -> bool:
    return any(e.accuracy is not None and abs(e.accuracy - value) <= 0.5001 * 10**-digits for e in known)


def _speeds(cell: Cell, runs: list[TrainingRun]) -> Iterable[Observation]:
    """Speeds as shown: training bars of tqdm, and the Trainer's own bar while it ran."""
    for output in cell.outputs:
        for part in tables.read_html(output.html) if "<progress" in output.html else ():
            if isinstance(part, tables.Bar) and part.epochs is not None and part.rate:
                value = {"iterations_per_second": part.rate, "from": "progress-bar"}
                yield _speed(cell.index, value, f"[{part.value}/{part.total}, {part.rate} it/s]")
        if ("%" in output.text and "it]" in output.text) or "it/s" in output.text:
            bars = [b for b in map(bar, output.text.split("\n")[:2_000]) if b and b.per_second]
            for b in bars[:20]:
                value = {"iterations_per_second": round(b.per_second or 0, 4), "from": "tqdm"}
                yield _speed(cell.index, value, f"{b.desc} {b.done}/{b.total}")
    for run in runs:
        if run.seconds and run.steps and run.kind == "trainer" and run.start is not Start.CHECKPOINT:
            value = {"iterations_per_second": round(run.steps / run.seconds, 4), "from": "steps / seconds"}
            if run.examples_per_second:
                value["rows_per_second"] = run.examples_per_second
            yield _speed(cell.index, value, run.quote)


def _speed(cell: int, value: dict[str, object], quote: str) -> Observation:
    return Observation(witness=Witness.RECORDED, kind=Kind.SPEED, cell=cell, value=value, quote=quote[:300])
