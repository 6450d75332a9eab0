"""What an honest fine-tuning reaches on the hidden rows at the budget a run had: the yardstick of its score.

Under a budget no run reaches 90 %, and a run cut in its warm-up hardly leaves chance. So the same model is
trained on the same number of batches of the same size, at the same mean learning rate, several times, in a
clean sandbox (evaluator/honest.py); its mean and the interval of one more such run are what the score is held
against. Done once per plan and classroom, then read from `references/` beside the classroom.

What this is not: a threshold. The learning rate is the notebook's word, so it decides nothing by itself.
"""

from __future__ import annotations

import json
import math
import random
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from grader.classroom import Classroom
from grader.classroom import data as nsmc
from grader.classroom.layout import version_of
from grader.errors import GraderError
from grader.records import Limits, Observed, Record, Start, TrainingRun
from grader.verified import answers

SEEDS = 4
LEAST_SEEDS = 3
STUDENT_T = {3: 4.303, 4: 3.182}
"""97.5 % quantile of Student's t with seeds - 1 degrees of freedom."""
SECONDS = 60.0
"""After which no further seed is begun."""
MOST_ROWS = {"pocket": 8_000, "full": 20_000}
"""Rows trained on per seed; a longer run is no longer the affair of a budget."""
DEFAULT_RATE = {"pocket": 5e-4, "full": 3e-5}
"""Where the run's own learning rate isn't known: the reference's for the pocket model, and for BERT-base."""
WHOLE_MODEL = 0.9
"""Share of weights that must be trained: an adapter or a frozen encoder is no full fine-tuning."""
KINDS = ("trainer", "torch-loop", "accelerate")


class Plan(Record, omit_defaults=False):
    """Everything the yardstick depends on, besides the classroom."""

    batches: int
    batch_size: int
    learning_rate: float
    """Mean over the run's steps, to two digits, so that a class shares its yardsticks."""
    max_length: int


class Reference(Record, omit_defaults=False):
    """What was reached."""

    accuracy: float
    """Mean over seeds."""
    low: float
    high: float
    """95 % interval of one more run, the luck of the hidden rows included."""
    rows: int
    seeds: int


class _Job(NamedTuple):
    rows: list[tuple[str, str]]
    texts: list[str]
    labels: str


def plan_of(run: TrainingRun | None, observed: Observed, max_length: int) -> Plan | None:
    """What an honest run would have to do; None where it would be another kind of training."""
    lineage = _lineage(run, observed.testimony.runs)
    if not lineage or lineage[-1].start is not Start.PRETRAINED:
        return None
    if any(r.kind not in KINDS or not r.steps or not r.batch_size for r in lineage):
        return None
    if any(r.trainable_share is not None and r.trainable_share < WHOLE_MODEL for r in lineage):
        return None
    steps = sum(r.steps for r in lineage)
    rates = [rate for r in lineage for rate in r.learning_rates]
    rate = statistics.fmean(rates) if rates else DEFAULT_RATE.get(observed.profile, 3e-5)
    accumulation = _whole(run.arguments.get("gradient_accumulation_steps"))
    plan = Plan(
        batches=steps,
        batch_size=run.batch_size * accumulation,
        learning_rate=float(f"{rate:.1e}"),
        max_length=max_length,
    )
    within = plan.batches * plan.batch_size <= MOST_ROWS.get(observed.profile, 0)
    return plan if within and 0 <= plan.learning_rate < 1 else None


def _lineage(run: TrainingRun | None, runs: Sequence[TrainingRun]) -> list[TrainingRun]:
    """`run` and those whose weights it went on with, latest first."""
    found: list[TrainingRun] = []
    while run is not None and run not in found and len(found) < 32:
        found.append(run)
        if run.start is not Start.CONTINUED:
            break
        place = runs.index(run) if run in runs else 0
        run = next((r for r in reversed(runs[:place]) if r.cell == run.continued_from), None)
    return found


def _whole(value: str | None) -> int:
    return int(value) if value and value.isdecimal() and 0 < int(value) <= 1024 else 1


def reference(plan: Plan, rows: Sequence[tuple[str, str, str]], classroom: Classroom, isolation):
    """The `Reference` of `plan` on the hidden `rows`, measured now or earlier; None if it can't be had."""
    kept = _kept(plan, len(rows), classroom)
    try:
        return msgspec.json.decode(kept.read_bytes(), type=Reference)
    except (OSError, msgspec.MsgspecError):
        pass
    try:
        found = _measure(plan, rows, classroom, isolation)
    except (GraderError, ValueError):  # no sandbox, no answer: a score without a yardstick is still a score
        return None
    if found is not None:
        _keep(kept, found)
    return found


def _kept(plan: Plan, rows: int, classroom: Classroom) -> Path:
    """By content: the recipe's code, the plan, and the classroom, whose name is a hash of its own content."""
    code = [answers.EVALUATOR / "honest.py", answers.EVALUATOR / "evaluate.py"]
    key = version_of(msgspec.to_builtins(plan), rows, SEEDS, files=code)
    return classroom.root.parent.parent / "references" / classroom.root.name / f"{key}.json"


def _keep(place: Path, found: Reference) -> None:
    """For the next notebook; a classroom that can't be written is measured again."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        making = place.with_suffix(".part")
        making.write_bytes(msgspec.json.encode(found))
        making.replace(place)
    except OSError:
        pass


def _measure(plan, rows, classroom: Classroom, isolation) -> Reference | None:
    from grader.sandbox import Bind, run_process

    open_air = not isolation.mounts  # nothing is mounted: the real paths are the paths
    places = {"evaluator": answers.EVALUATOR, "model": classroom.model}
    inside = {name: source if open_air else Path("/opt", name) for name, source in places.items()}
    train = [(text, label) for _, text, label in nsmc.read(classroom.data / nsmc.FILES[0]) if text.strip()]
    chosen = random.Random(plan.batches).sample(train, min(len(train), plan.batches * plan.batch_size))
    job = {
        **msgspec.to_builtins(plan),
        "model": str(inside["model"]),
        "rows": chosen,
        "texts": [text for _, text, _ in rows],
        "seeds": list(range(SEEDS)),
        "seconds": SECONDS,
    }
    seconds = answers.SECONDS_START + 3 * SECONDS
    result = run_process(
        [answers.python_of(classroom), "-I", "-B", str(inside["evaluator"] / "honest.py")],
        isolation=isolation,
        binds=[Bind(source, str(inside[name])) for name, source in places.items()],
        env=answers.environment(classroom),
        limits=Limits(total_seconds=seconds, cell_seconds=seconds, output_bytes=8_000_000),
        stdin=json.dumps(job).encode(),
    )
    labels = "".join(label for *_, label in rows)
    said = [_predictions(line, len(labels)) for line in result.stdout.split(b"\n")[:-1]]
    return summary([_share(found, labels) for found in said if found], len(labels))


def _predictions(line: bytes, rows: int) -> str:
    found = json.loads(line).get("predictions", "")
    return found if len(found) == rows else ""


def _share(predictions: str, labels: str) -> float:
    return sum(a == b for a, b in zip(predictions, labels, strict=True)) / len(labels)


def summary(shares: Sequence[float], rows: int) -> Reference | None:
    """Mean and the interval of one more run: t · s · sqrt(1 + 1/n) for the luck of the seed, and Wilson's
    half width for that of the rows, added in squares. None for too few seeds.

    >>> summary([0.60, 0.62, 0.61, 0.63], 4000).accuracy
    0.615
    """
    if len(shares) < LEAST_SEEDS:
        return None
    mean, n = statistics.fmean(shares), len(shares)
    luck = STUDENT_T[n] * statistics.stdev(shares) * math.sqrt(1 + 1 / n)
    interval = answers.wilson(round(mean * rows), rows)
    half = math.hypot(luck, (interval.high - interval.low) / 2)
    return Reference(accuracy=mean, low=max(0.0, mean - half), high=min(1.0, mean + half), rows=rows, seeds=n)
