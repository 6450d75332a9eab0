"""Mistakes in the training itself: items 1 and 2."""

# ruff: noqa: E501  (edits are the notebook's own lines)
from __future__ import annotations

from tests.mutants.padding import BUCKETED, FIXED, WORKS

LOAD = "return AutoModelForSequenceClassification.from_pretrained(MODEL, num_labels=2)"
BOTH = [FIXED, BUCKETED]

MUTANTS: list[dict] = [
    {
        "name": "learning-rate-too-high",
        "mistake": "`learning_rate=1e-1`: the model forgets everything at once",
        "edits": (("arguments", "learning_rate=LEARNING_RATE", "learning_rate=1e-1"),),
        "read": {"runs": BOTH},
        "run": {**WORKS, "r2": ("UNDECIDED", "FAIL")},
    },
    {
        "name": "frozen-encoder",
        "mistake": "only the head is trained",
        "edits": (
            (
                "load",
                LOAD,
                "model = AutoModelForSequenceClassification.from_pretrained(MODEL, num_labels=2)\n"
                "    for weight in model.base_model.parameters():\n"
                "        weight.requires_grad = False\n"
                "    return model",
            ),
        ),
        "read": {"runs": BOTH},
        "run": {**WORKS, "r2": ("UNDECIDED", "FAIL")},
    },
    {
        "name": "random-weights",
        "mistake": "`from_config`: the architecture without what it learnt",
        "edits": (
            (
                "load",
                LOAD,
                "from transformers import AutoConfig\n\n"
                "    return AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(MODEL, num_labels=2))",
            ),
        ),
        "read": {"runs": BOTH, "starts": ["random", "random"], "findings": ["random-weights"]},
        "run": {"r1": ("PARTIAL", "FAIL"), "bucketing": "effective", "findings": ["random-weights"]},
    },
    {
        "name": "another-model",
        "mistake": "a multilingual model instead of klue/bert-base",
        "edits": (("setup", 'MODEL = "klue/bert-base"', 'MODEL = "bert-base-multilingual-cased"'),),
        "read": {"runs": BOTH, "r1": "UNDECIDED"},
        "run": {"r1": ("UNDECIDED", "FAIL", "PARTIAL")},
    },
    {
        "name": "no-metric",
        "mistake": "no `compute_metrics`: the runs leave a loss and no accuracy",
        "edits": (
            ("fixed-trainer", "    compute_metrics=compute_metrics,\n", ""),
            ("bucketed-trainer", "    compute_metrics=compute_metrics,\n", ""),
            ("arguments", 'metric_for_best_model="accuracy"', 'metric_for_best_model="loss"'),
            ("compare", '        "검증 정확도": round(scores["eval_accuracy"], 4),\n', ""),
        ),
        "drop": ("picture", "test"),
        "read": {"runs": BOTH},
        "run": {"r1": ("PASS", "PARTIAL"), "r2": ("FAIL", "UNDECIDED"), "bucketing": "effective"},
    },
    {
        "name": "stops-at-an-error",
        "mistake": "a name that was renamed in one cell only",
        "edits": (("fixed-trainer", "train_dataset=fixed_train", "train_dataset=train_fixed"),),
        "read": {"noted": ["undefined-name"], "r3": ("UNDECIDED", "FAIL")},
        "run": {"r1": ("PARTIAL", "UNDECIDED", "PASS"), "r3": ("FAIL", "UNDECIDED", "PARTIAL")},
    },
]
