"""Is the bucketed run compared with a plain one: which two runs, by which numbers, fairly?

'both'  time and accuracy of both runs are stored outputs;
'typed' a side is missing in the outputs, but the student typed time or accuracy of both sides;
'one'   one run with time and accuracy, nothing to hold against it;
'none'  no run with both.
Not covered: whether bucketing took effect (`bucketing`).
"""

from __future__ import annotations

from grader.checks.join import Joined, observations
from grader.facts import Kind
from grader.records import Ending, Evidence, Start, TrainingRun

TOPICS = {"bucketing", "speed", "trade-off", "padding", "reason", "time"}
"""What an analysis must be about to count for the comparison."""

DEPTHS = ("none", "short", "yes")


def compared(
    evidence: Evidence,
    runs: tuple[Joined, ...],
    baseline: int | None,
    bucketed: int | None,
) -> str:
    """'both', 'typed', 'one' or 'none'."""
    pair = [runs[i] for i in (baseline, bucketed) if i is not None]
    stored = [j for j in pair if _time_and_accuracy(j)]
    if len(stored) == 2 and not same_training(*pair):
        return "both"
    lone = None
    if len(stored) == 1 and bucketed is not None:
        lone = "bucketing" if stored[0] is runs[bucketed] else "baseline"
    if typed_sides(evidence, one_stored=bool(stored), stored=lone):
        return "typed"
    anywhere = any(_time_and_accuracy(j) for j in runs)
    return "one" if anywhere else "none"


def _time_and_accuracy(joined: Joined) -> bool:
    """Does the file store how long a run took and how accurate it was?"""
    if joined.recorded is None or joined.run.seconds is None:
        return False
    # Even a leaked accuracy shows that both runs were measured; whether it counts is item 2's affair.
    if any(e.accuracy is not None for e in joined.run.evaluations):
        return True
    return joined.scored_later


def same_training(a: Joined, b: Joined) -> bool:
    """Is one only the other, resumed from its checkpoint?"""
    return any("resume_from_checkpoint" in j.run.arguments for j in (a, b))


def typed_sides(evidence: Evidence, one_stored: bool, stored: str | None = None) -> bool:
    """Did the student type a result of both sides (or of the side that isn't stored)?

    `stored`: which side has its result stored, 'baseline' or 'bucketing', where that is known.

    A time counts, and an accuracy of three or more digits that no output shows: "0.90" stands in every
    statement of the goal, and the stored run's own accuracy is often repeated.
    """
    shown = [e.accuracy for r in evidence.recorded.runs for e in r.evaluations if e.accuracy is not None]
    sides: dict[str, int] = {"baseline": 0, "bucketing": 0}
    for o in observations(evidence, Kind.TYPED_NUMBER):
        about, value = o.value.get("about"), o.value.get("value")
        if about not in sides or not isinstance(value, int | float):
            continue
        if o.value.get("name") == "accuracy":
            said = value / 100 if value > 1 else value
            exact = abs(said * 100 - round(said * 100)) > 1e-6
            repeated = any(abs(said - a) < 6e-4 for a in shown)
            sides[about] += exact and not (one_stored and repeated)
        elif o.value.get("name") in ("seconds", "time"):
            sides[about] += 1
    if any(_compares(o.value) for o in observations(evidence, Kind.TYPED_TABLE)):
        return True
    if stored == "baseline" and sides["bucketing"] > 0:
        return True
    return sides["baseline"] > 0 and (one_stored or sides["bucketing"] > 0)


def _compares(table: dict) -> bool:
    """Does a typed table set bucketing beside something else, with times or accuracies?"""
    header = " ".join(map(str, table.get("header", []))).lower()
    rows = [" ".join(map(str, row)).lower() for row in table.get("rows", [])]
    everything = " ".join([header, *rows])
    about = any(
        w in everything for w in ("bucket", "버킷", "버케", "버켓", "부켓", "dynamic", "동적", "group_by")
    )
    amount = any(w in everything for w in ("time", "시간", "acc", "정확", "sec", "초", "속도", "speed"))
    return about and amount and (len(rows) >= 2 or header.count(" ") >= 2)


def analysed(
    evidence: Evidence, runs: tuple[Joined, ...], baseline: int | None, bucketed: int | None
) -> tuple[str, tuple[int, ...]]:
    """'yes', 'short' or 'no', and the cells where the student interprets the result.

    Text that names no run speaks of the two compared ones if it follows them.
    """
    merged = tuple(j.run for j in runs)
    found = [
        o
        for o in observations(evidence, Kind.ANALYSIS, Kind.REMARK)
        if set(o.value.get("about", ())) & TOPICS
        and o.value.get("depth") in DEPTHS[1:]
        and (o.kind == Kind.ANALYSIS or follows(o.cell, merged, baseline, bucketed))
    ]
    if not found:
        return "no", ()
    depth = max((o.value["depth"] for o in found), key=DEPTHS.index)
    return depth, tuple(o.cell for o in found if o.cell is not None)


def unread(
    evidence: Evidence, runs: tuple[Joined, ...], baseline: int | None, bucketed: int | None
) -> tuple[int, ...]:
    """Cells below the compared runs whose text seems to hold them against each other, in words that we
    can't make out."""
    return tuple(
        o.cell
        for o in observations(evidence, Kind.REMARK)
        if o.value.get("depth") == "unread"
        and o.cell is not None
        and follows(o.cell, tuple(j.run for j in runs), baseline, bucketed)
    )


def follows(
    cell: int | None, runs: tuple[TrainingRun, ...], baseline: int | None, bucketed: int | None
) -> bool:
    """Does `cell` come after both compared runs, with no third one between?"""
    if cell is None or baseline is None or bucketed is None:
        return False
    pair = (baseline, bucketed)
    last = max(runs[i].cell or 0 for i in pair)
    return cell > last and not any(
        last < (run.cell or 0) < cell for i, run in enumerate(runs) if i not in pair and run.executed
    )


def differences(a: TrainingRun, b: TrainingRun) -> tuple[str, ...]:
    """What differs between two runs besides bucketing; only what both are known for."""
    found = []
    for name, field, share in (("rows", "rows", 0.02), ("batch_size", "batch_size", 0.0)):
        x, y = getattr(a, field), getattr(b, field)
        # A hand-written loop over ready-made batches looks like batches of one row.
        made = field == "batch_size" and 1 in (x, y) and "trainer" not in (a.kind, b.kind)
        if x and y and abs(x - y) > share * max(x, y) and not made:
            found.append(name)
    x, y = (epochs_meant(r) for r in (a, b))
    if x and y and abs(x - y) > 0.05 * max(x, y):
        stopped = Ending.EARLY_STOPPED in (a.ending, b.ending)
        found.append("early_stopping" if stopped else "epochs")
    # Going on from a trained model never equals anything, however the other began.
    starts = (a.start, b.start)
    if Start.CONTINUED in starts or (Start.UNKNOWN not in starts and a.start != b.start):
        found.append("start")
    for name, keys in ARGUMENTS.items():
        pairs = [(_argument(a, k), _argument(b, k)) for k in keys]
        if any(x != y for x, y in pairs if x is not None and y is not None):
            found.append(name)
    if a.precision and b.precision and a.precision != b.precision and "precision" not in found:
        found.append("precision")
    if a.kind != b.kind and "unknown" not in (a.kind, b.kind):
        found.append("framework")
    return tuple(dict.fromkeys(found))


def epochs_meant(run: TrainingRun) -> float | None:
    """What was run; of a run that our own budget cut, what it was going to run."""
    if run.ending == Ending.BUDGET and run.epochs_planned is not None:
        return run.epochs_planned
    return run.epochs or run.epochs_planned


ARGUMENTS = {
    "learning_rate": ("learning_rate",),
    "scheduler": ("lr_scheduler_type", "warmup_steps", "warmup_ratio"),
    "optimizer": ("optim", "optimizers"),
    "weight_decay": ("weight_decay",),
    "precision": ("fp16", "bf16", "tf32"),
    "accumulation": ("gradient_accumulation_steps",),
}
"""Hyperparameters that change speed or accuracy, by the name the difference gets."""

DEFAULTS = {
    "learning_rate": "5e-5",
    "warmup_steps": "0",
    "warmup_ratio": "0.0",
    "weight_decay": "0.0",
    "fp16": "False",
    "bf16": "False",
    "tf32": "False",
    "gradient_accumulation_steps": "1",
    "lr_scheduler_type": "linear",
}
"""TrainingArguments' own defaults, so that leaving one out equals writing it."""


def _argument(run: TrainingRun, key: str) -> object:
    """An argument in comparable form: numbers as numbers, Trainer's default where it is left out.

    None where it can't be known: left out of a hand-written loop or a Keras `fit`.
    """
    if key not in run.arguments and run.kind != "trainer":
        return None
    value = run.arguments.get(key) or DEFAULTS.get(key, "")
    value = str(value).strip("'\"")
    try:
        return float(value)
    except ValueError:
        return value
