"""The verified witness: how good is the model that the notebook left behind?

Weights come out of the notebook's sandbox as files. Here each is looked at with suspicion (intake.py),
loaded by our own program in a second, clean sandbox together with reviews that carry no labels
(grader/evaluator), and the predictions are compared with the labels, which never left this process.

What this is not: no code of the student's runs, nothing is unpickled, and no bad file is a zero: it
ends in a reason. Called by the pipeline after the observed witness.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

import msgspec

from grader.classroom import Classroom
from grader.classroom import data as nsmc
from grader.errors import GraderError
from grader.records import ModelScore, Observed, Text, TrainingRun, Verified
from grader.verified import answers, honest, intake, reasons
from grader.verified.intake import Weights

__all__ = ["verify"]


def verify(observed: Observed, *, weights_dir: Path, classroom: Classroom, isolation) -> Verified:
    """Score every model in `weights_dir` on the classroom's hidden rows.

    `isolation`: as chosen by grader.sandbox. Never raises for what a file holds, nor for a sandbox that
    fails: see `Verified.reason`.
    """
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="grader-verify-") as copies:
        found = intake.look_into(weights_dir, classroom.model, Path(copies))
        scores, notes = _scores(found, observed, classroom, isolation)
    return Verified(
        scores=tuple(scores),
        reason=None if scores else (notes[0] if notes else reasons.nothing_left()),
        notes=tuple([*(notes if scores else notes[1:]), *_about(classroom, scores)]),
        seconds=round(time.monotonic() - begun, 3),
    )


def _scores(
    found: intake.Found, observed: Observed, classroom: Classroom, isolation
) -> tuple[list[ModelScore], list[Text]]:
    """A score for each model that could be evaluated, and why the others couldn't."""
    notes = [refusal.text for refusal in found.refused]
    scores: list[ModelScore] = []
    if found.weights:
        rows = _hidden_rows(classroom)
        different = {(weights.digest, weights.max_length): weights for weights in found.weights}
        try:
            answered = answers.ask([*different.values()], [text for _, text, _ in rows], classroom, isolation)
        except GraderError as error:
            return [], [*notes, error.text]
        by_content = dict(zip(different, answered, strict=True))
        labels = "".join(label for _, _, label in rows)
        for weights in found.weights:
            answer = by_content[weights.digest, weights.max_length]
            if isinstance(answer, Text):
                notes.append(answer)
            else:
                run = _run_of(weights, observed)
                score = _score(weights, answer, labels, run)
                plan = honest.plan_of(run, observed, weights.max_length)
                scores.append(_beside(score, plan, rows[: score.rows], classroom, isolation))
    return scores, notes


def _beside(score: ModelScore, plan, rows, classroom: Classroom, isolation) -> ModelScore:
    """`score` with what an honest run of the same budget reaches on the same rows."""
    found = honest.reference(plan, rows, classroom, isolation) if plan else None
    if found is None:
        return score
    return msgspec.structs.replace(
        score, reference=found.accuracy, reference_low=found.low, reference_high=found.high
    )


def _hidden_rows(classroom: Classroom) -> list[tuple[str, str, str]]:
    """In an order that no file tells, so that a score on the first rows is a score on any rows."""
    rows = nsmc.read(classroom.hidden)
    random.Random(len(rows)).shuffle(rows)
    return rows


def _score(weights: Weights, answer: answers.Answer, labels: str, run: TrainingRun | None) -> ModelScore:
    rows = len(answer.predictions)
    right = sum(a == b for a, b in zip(answer.predictions, labels, strict=False))
    interval = answers.wilson(right, rows)
    return ModelScore(
        run_cell=run.cell if run else weights.cell,
        label=weights.label,
        accuracy=right / rows,
        low=interval.low,
        high=interval.high,
        rows=rows,
        parameters_changed=answer.changed,
        claimed=_claimed(weights, run),
    )


def _run_of(weights: Weights, observed: Observed) -> TrainingRun | None:
    """The observed run that left these weights."""
    runs = observed.testimony.runs
    if weights.cell is not None:
        return next((run for run in runs if (run.cell, run.order) == (weights.cell, weights.order)), None)
    return runs[weights.run] if weights.run is not None and weights.run < len(runs) else None


def _claimed(weights: Weights, run: TrainingRun | None) -> float | None:
    """What the notebook itself measured for this model when we ran it: the last or the best accuracy of
    the run, by the probe's word."""
    measured = [e.accuracy for e in run.evaluations if e.accuracy is not None] if run else []
    if not measured:
        return weights.measured
    return max(measured) if weights.label == "best" else measured[-1]


def _about(classroom: Classroom, scores: list[ModelScore]) -> list[Text]:
    """What a reader must know about the rows these scores were measured on."""
    if scores and classroom.hidden_from == "test-file":
        return [reasons.rows_from_test_file()]
    return []
