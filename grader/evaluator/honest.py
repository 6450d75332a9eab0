"""Fine-tune the classroom's own model honestly, as long as a notebook's run was allowed to, and predict.

    python honest.py < job.json > answers.jsonl

Job: {"model": folder of the base model, "rows": [[text, label], ...] to train on, in order, "batch_size": 32,
"learning_rate": 2e-05, "max_length": 128, "seeds": [0, 1, ...], "texts": [...], "seconds": 60}. One line is
answered per seed, as soon as it is done: {"predictions": "0110…"}. After `seconds` no further seed is begun.

The recipe is the course's own reference (AdamW with decay on matrices only, gradients clipped at norm 1,
dropout on, a fresh head), with the learning rate that the run really had: a run cut in its warm-up has
hardly learned, whoever wrote it. Padding is to the longest row, since it changes no result.

What this is not: nothing of a student's is in here. Runs in every runtime; imports nothing of the grader.
"""

import importlib.util
import json
import os
import sys
import time

BESIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "evaluate.py")


def main():
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not come between the answers
    job = json.load(sys.stdin)
    import torch
    from transformers import AutoTokenizer

    predict = _evaluator().predict
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    began = time.monotonic()
    for seed in job["seeds"]:
        if time.monotonic() - began > job["seconds"]:
            break
        model = train(job, tokenizer, device, seed).eval()
        found = predict(model, tokenizer, job["texts"], job["max_length"], device, began + 3600)
        answers.write(json.dumps({"predictions": found}) + "\n")
        answers.flush()


def train(job, tokenizer, device, seed):
    """A BertForSequenceClassification after one pass over `rows`, shuffled by `seed`."""
    import random

    import torch
    from transformers import BertForSequenceClassification

    torch.manual_seed(seed)
    model = BertForSequenceClassification.from_pretrained(job["model"], num_labels=2).to(device).train()
    optimizer = torch.optim.AdamW(groups(model), lr=job["learning_rate"])
    rows = list(job["rows"])
    random.Random(seed).shuffle(rows)
    limit = min(job["max_length"], model.config.max_position_embeddings)
    for first in range(0, len(rows), job["batch_size"]):
        chosen = rows[first : first + job["batch_size"]]
        batch = tokenizer(
            [text for text, _ in chosen], truncation=True, max_length=limit, padding=True, return_tensors="pt"
        ).to(device)
        labels = torch.tensor([int(label) for _, label in chosen], device=device)
        out = model(batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels)
        out.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return model


def groups(model):
    """Matrices with weight decay, vectors without."""
    return [
        {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": 0.01},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]


def _evaluator():
    """evaluate.py beside this file (an isolated Python doesn't look there)."""
    spec = importlib.util.spec_from_file_location("evaluate", BESIDE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
