"""Pieces of student code that several cases share; each case still reads like one student's notebook."""

from __future__ import annotations

IMPORTS = """
import time
import numpy as np
import torch
from datasets import load_dataset, DatasetDict
from transformers import (AutoTokenizer, AutoModelForSequenceClassification,
                          DataCollatorWithPadding, Trainer, TrainingArguments)
"""

MODEL = """
model_name = "klue/bert-base"
tokenizer = AutoTokenizer.from_pretrained(model_name)
model = AutoModelForSequenceClassification.from_pretrained(model_name, num_labels=2)
"""

METRICS = """
def compute_metrics(eval_pred):
    \"\"\"logits: (행 수, 2), labels: (행 수,) -> 정확도\"\"\"
    logits, labels = eval_pred
    predictions = np.argmax(logits, axis=-1)
    return {"accuracy": float((predictions == labels).mean())}
"""


def data(train: int, valid: int, repo: str = "e9t/nsmc") -> str:
    """Load NSMC, keep `train` + `valid` rows of the train split, hold `valid` of them out."""
    return f"""
# NSMC 불러오기: 학습 시간을 고려해 train에서 {train + valid:,}개만 사용
raw = load_dataset("{repo}", trust_remote_code=True)
small = raw["train"].shuffle(seed=42).select(range({train + valid}))
split = small.train_test_split(test_size={valid}, seed=42)
dataset = DatasetDict({{"train": split["train"], "validation": split["test"]}})
dataset
"""


def tokenize(*, pad: str | None, max_length: int, name: str = "tokenize") -> str:
    padding = f'padding="{pad}", ' if pad else ""
    return f"""
def {name}(batch):
    # truncation으로 {max_length} 토큰까지만 사용한다
    return tokenizer(batch["document"], {padding}truncation=True, max_length={max_length})
"""


def arguments(out: str, *, extra: str = "", epochs: int = 3, variable: str = "args") -> str:
    return f"""
{variable} = TrainingArguments(
    output_dir="{out}",
    eval_strategy="epoch",
    save_strategy="epoch",
    learning_rate=2e-5,
    per_device_train_batch_size=32,
    per_device_eval_batch_size=32,
    num_train_epochs={epochs},
    weight_decay=0.01,
    warmup_steps=200,
    seed=42,
    report_to="none",{extra}
)
"""


def trainer(
    variable: str,
    *,
    args: str = "args",
    data: str = "encoded",
    valid: str = '["validation"]',
    extra: str = "",
) -> str:
    return f"""
{variable} = Trainer(
    model=model,
    args={args},
    train_dataset={data}["train"],
    eval_dataset={data}{valid},
    compute_metrics=compute_metrics,{extra}
)
{variable}.train()
"""
