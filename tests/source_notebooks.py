"""Helpers for tests of the source witness: notebooks from lists of strings."""

from __future__ import annotations

from grader.records import Cell, Output, Submission, Testimony, TrainingRun
from grader.source import read

LOAD = """
from datasets import load_dataset, Dataset, DatasetDict
from transformers import (AutoTokenizer, AutoModelForSequenceClassification, Trainer, TrainingArguments,
                          DataCollatorWithPadding, default_data_collator)
import torch, numpy as np, pandas as pd
dataset = load_dataset("nsmc")
tokenizer = AutoTokenizer.from_pretrained("klue/bert-base")
model = AutoModelForSequenceClassification.from_pretrained("klue/bert-base", num_labels=2)
"""
PADDED = """
def tokenize(batch):
    return tokenizer(batch["document"], truncation=True, padding="max_length", max_length=64)
padded = dataset.map(tokenize, batched=True)
"""
LOOSE = """
def tokenize_loose(batch):
    return tokenizer(batch["document"], truncation=True, max_length=64)
loose = dataset.map(tokenize_loose, batched=True)
"""
ARGS = """
args = TrainingArguments("out", num_train_epochs=3, per_device_train_batch_size=32, learning_rate=2e-5)
"""


def notebook(
    *sources: str, counts: list[int | None] | None = None, outputs: set[int] | None = None
) -> Submission:
    """Code cells 0, 1, …, all executed in file order unless `counts` says otherwise; "# md" is markdown."""
    cells = []
    for n, source in enumerate(sources):
        kind = "markdown" if source.startswith("# md") else "code"
        count = (n + 1) if counts is None else counts[n]
        shown = outputs is not None and n in outputs
        cells.append(
            Cell(
                index=n,
                kind=kind,
                source=source,
                execution_count=count if kind == "code" else None,
                outputs=(Output(kind="stream", text="…"),) if shown else (),
            )
        )
    return Submission(name="test.ipynb", sha256="0" * 64, cells=tuple(cells))


def read_cells(*sources: str, **how: object) -> Testimony:
    return read(notebook(*sources, **how))  # type: ignore[arg-type]


def run_of(*sources: str, **how: object) -> TrainingRun:
    """The only run of the notebook."""
    runs = read_cells(*sources, **how).runs
    assert len(runs) == 1, [(r.cell, r.kind) for r in runs]
    return runs[0]


def kinds(found: Testimony, kind: str) -> list[dict]:
    return [o.value for o in found.observations if o.kind == kind]
