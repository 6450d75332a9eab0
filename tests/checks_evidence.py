"""Small evidence built by hand for the tests of the checks: runs, observations, whole submissions."""

from __future__ import annotations

import msgspec

from grader import checks, records, rubric
from grader.checks import padding
from grader.records import (
    Cell,
    Ending,
    Evaluation,
    Evidence,
    Grouping,
    Observation,
    Observed,
    Output,
    Padding,
    Start,
    Status,
    Submission,
    TrainingRun,
    Witness,
)

RUBRIC = rubric.load()
FLOS_PER_TOKEN = 6 * padding.PARAMETERS


def code(index: int, source: str = "", output: str = "", count: int | None = 1) -> Cell:
    outputs = (Output(kind="stream", name="stdout", text=output),) if output else ()
    return Cell(index=index, kind="code", source=source, execution_count=count, outputs=outputs)


def written(cell: int, **fields) -> TrainingRun:
    defaults = {
        "executed": True,
        "kind": "trainer",
        "model": "klue/bert-base",
        "start": Start.PRETRAINED,
        "eval_split": "validation",
        "epochs_planned": 3.0,
        "batch_size": 32,
        "cells": (cell,),
    }
    return TrainingRun(witness=Witness.SOURCE, cell=cell, **(defaults | fields))


def stored(cell: int, accuracy=(0.89, 0.9043), tokens: float | None = None, **fields) -> TrainingRun:
    rows, epochs = fields.pop("rows", 120_000), fields.pop("epochs", 3.0)
    flos = None if tokens is None else tokens * FLOS_PER_TOKEN * rows * epochs
    defaults = {
        "kind": "trainer",
        "executed": True,
        "ending": Ending.COMPLETED,
        "rows": rows,
        "epochs": epochs,
        "seconds": 4000.0,
        "total_flos": flos,
        "losses": (0.3, 0.13),
        "evaluations": tuple(
            Evaluation(cell=cell, accuracy=a, loss=0.3 + 0.01 * n, epoch=n + 1.0)
            for n, a in enumerate(accuracy)
        ),
    }
    return TrainingRun(witness=Witness.RECORDED, cell=cell, **(defaults | fields))


def saw(witness: Witness, kind: str, cell: int | None, **value) -> Observation:
    return Observation(witness=witness, kind=kind, cell=cell, value=value)


def loads() -> tuple[Observation, ...]:
    return (
        saw(Witness.SOURCE, "data-load", 1, name="nsmc", how="load_dataset"),
        saw(Witness.SOURCE, "model-load", 2, name="klue/bert-base"),
    )


def tokenise(cell: int, how: str, **more) -> Observation:
    return saw(Witness.SOURCE, "tokenize", cell, padding=how, truncation=True, **more)


def analysis(cell: int, depth: str = "yes") -> Observation:
    return saw(Witness.SOURCE, "analysis", cell, words=40, about=["bucketing", "speed"], depth=depth)


def evidence(
    source=(),
    recorded=(),
    observations=(),
    later=(),
    stored_observations=(),
    cells=None,
    observed=None,
    verified=None,
    faults=(),
) -> Evidence:
    if cells is None:
        first = (
            code(0),
            code(1, "from datasets import load_dataset\nload_dataset('nsmc')", "DatasetDict"),
            code(2, "'klue/bert-base'"),
        )
        cells = (*first, *(code(i) for i in range(3, 10)))
    return Evidence(
        version=1,
        submission=Submission(name="a.ipynb", sha256="0", cells=cells),
        source=records.Testimony(
            witness=Witness.SOURCE, runs=tuple(source), observations=(*loads(), *observations)
        ),
        recorded=records.Testimony(
            witness=Witness.RECORDED,
            runs=tuple(recorded),
            evaluations=tuple(later),
            observations=tuple(stored_observations),
        ),
        observed=observed,
        verified=verified,
        faults=faults,
    )


def judged(*args, **kwargs):
    judgement = checks.judge(evidence(*args, **kwargs), RUBRIC)
    for verdict in (*judgement.items, *judgement.questions):
        assert not verdict.staff_note, verdict.staff_note
        if verdict.item.startswith("r") and verdict.status in (Status.FAIL, Status.PARTIAL):
            assert verdict.next_step is not None
    return judgement


def status(judgement, item: str) -> str:
    return str(next(v.status for v in judgement.items if v.item == item))


BASE = written(5, padding=Padding.MAX_LENGTH, max_length=60, cells=(3, 5))
PADDED_GROUP = written(
    7,
    padding=Padding.MAX_LENGTH,
    max_length=60,
    grouping=Grouping.LENGTH,
    attempts=("group_by_length", "collator"),
    cells=(3, 6, 7),
)
REAL_GROUP = msgspec.structs.replace(PADDED_GROUP, padding=Padding.DYNAMIC, cells=(6, 7))


def observed(*runs: TrainingRun, cells=(), unverified=()) -> Observed:
    return Observed(
        testimony=records.Testimony(witness=Witness.OBSERVED, runs=runs),
        cells=cells,
        ending=Ending.COMPLETED,
        unverified=unverified,
    )


CLEARED = (code(1, "load_dataset('nsmc')", count=None), code(5, "trainer.train()", count=None))


def cleared(run: TrainingRun) -> TrainingRun:
    return msgspec.structs.replace(run, executed=False)


def seen(cell: int, how: Padding, tokens: float, share: float) -> TrainingRun:
    return TrainingRun(
        witness=Witness.OBSERVED,
        cell=cell,
        steps=24,
        padding=how,
        tokens_per_row=tokens,
        padding_share=share,
        ending=Ending.BUDGET,
    )
