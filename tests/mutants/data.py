"""Mistakes about rows: evaluated where it was trained, or on what should have been kept for the end."""

# ruff: noqa: E501  (edits are the notebook's own lines)
from __future__ import annotations

from tests.mutants.padding import WORKS

MUTANTS: list[dict] = [
    {
        "name": "evaluates-on-train",
        "mistake": "the training rows are the evaluation rows",
        "edits": (
            ("fixed-trainer", "eval_dataset=fixed_validation", "eval_dataset=fixed_train"),
            ("bucketed-trainer", "eval_dataset=bucketed_validation", "eval_dataset=bucketed_train"),
        ),
        "read": {"evaluated_on": ["train", "train"], "noted": ["leak"]},
        "run": {**WORKS, "leak": True},
    },
    {
        "name": "splits-and-trains-on-all",
        "mistake": "validation rows are split off and stay in the training rows, too",
        "edits": (
            (
                "split",
                'train_set, validation_set = split["train"], split["test"]',
                'train_set = Dataset.from_pandas(train_frame, preserve_index=False)\nvalidation_set = split["test"]',
            ),
        ),
        "drop": ("check-split",),
        "read": {"noted": ["leak"]},
        "run": {**WORKS, "leak": True},
    },
    {
        "name": "splits-again-and-trains-on",
        "mistake": "a new unseeded split, and the model of the first run goes on: it has seen those rows",
        "edits": (
            (
                "bucketed-data",
                "def tokenize_unpadded(batch):",
                "split = Dataset.from_pandas(train_frame, preserve_index=False).train_test_split(test_size=0.1)\n"
                'train_set, validation_set = split["train"], split["test"]\n\n\n'
                "def tokenize_unpadded(batch):",
            ),
            ("bucketed-trainer", "model=new_model()", "model=fixed_trainer.model"),
        ),
        "drop": ("check-fair", "check-bucketed"),
        "read": {"starts": ["pretrained", "continued"], "noted": ["leak", "continued-state"]},
        "run": {**WORKS, "confounded": ["start"], "leak": True},
    },
    {
        "name": "test-as-validation",
        "mistake": "the test rows choose the model, and none are left for the end",
        "edits": (
            (
                "split",
                'train_set, validation_set = split["train"], split["test"]\n',
                'train_set = split["train"]\n',
            ),
            (
                "split",
                "test_set = Dataset.from_pandas(test_frame, preserve_index=False)",
                "test_set = validation_set = Dataset.from_pandas(test_frame, preserve_index=False)",
            ),
        ),
        "read": {"evaluated_on": ["test", "test"], "noted": ["test-as-validation"]},
        "run": {**WORKS, "test_as_validation": True},
    },
    {
        "name": "shuffles-labels",
        "mistake": "labels are shuffled apart from their reviews",
        "edits": (
            (
                "split",
                "split = Dataset.from_pandas(train_frame,",
                'train_frame["label"] = np.random.permutation(train_frame["label"])\n'
                "split = Dataset.from_pandas(train_frame,",
            ),
        ),
        "run": {**WORKS, "r2": ("UNDECIDED", "FAIL")},
    },
    {
        "name": "validates-on-a-handful",
        "mistake": "200 validation rows: one row is worth 0.5 points",
        "edits": (
            (
                "split",
                'train_set, validation_set = split["train"], split["test"]',
                'train_set, validation_set = split["train"], split["test"].select(range(200))',
            ),
        ),
        "run": WORKS,
    },
    {
        "name": "cleans-nothing",
        "mistake": "empty and repeated reviews stay in; repeated ones lie on both sides of the split",
        "edits": (
            (
                "clean",
                'return frame[frame["document"] != ""].drop_duplicates("document")',
                "return frame",
            ),
        ),
        "drop": ("check-clean", "check-split"),
        "run": WORKS,
    },
]
