"""TensorFlow is asked for where a notebook uses it, not where it only imports it."""

from __future__ import annotations

import pytest

from grader.classroom import generation, runtime
from grader.records import Cell, Submission


def picked(source: str) -> str:
    submission = Submission(name="x", sha256="", cells=(Cell(index=0, kind="code", source=source),))
    known = {file.stem: runtime._pins(file) for file in runtime.FILES.glob("*.txt")}
    known["current"] = {"transformers": (5, 23), "datasets": (5, 2)}
    return generation.choose(submission, known, dict.fromkeys(known, "python")).name


@pytest.mark.parametrize(
    "source",
    [
        "from transformers import TFBertForSequenceClassification\n"
        "m = TFBertForSequenceClassification.from_pretrained('klue/bert-base', from_pt=True)",
        "from transformers import TFAutoModelForSequenceClassification as _\n"
        "m = TFAutoModelForSequenceClassification.from_pretrained('klue/bert-base')",
        "enc = tokenizer(texts, return_tensors='tf')",
        "train = dataset.to_tf_dataset(columns=['input_ids'], batch_size=32)",
        "data = data.apply(tf.data.experimental.bucket_by_sequence_length(f, b, s))",
    ],
)
def test_it_is_used(source):
    assert picked(source) == "2024-tf"


@pytest.mark.parametrize(
    "source",
    [
        "import tensorflow as tf\nprint(tf.__version__)\nTrainingArguments(evaluation_strategy='epoch')",
        "from transformers import TFBertForSequenceClassification, Trainer\nTrainer(model, tokenizer=t)",
    ],
)
def test_it_is_only_imported(source):
    assert picked(source) == "2024"
