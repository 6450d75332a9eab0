"""The ways students write the exercise, read and judged whole: code and stored outputs in, verdicts out.

Every notebook here is ours. A case says what was tried, and what bucketing, the comparison and item 3
must come to; with and without the `TrainOutput` that gives tokens per row.
"""

# ruff: noqa: E501

from __future__ import annotations

import json

import pytest

from grader import pipeline, rubric
from tests.corpus.stored import (
    NEW_WEIGHTS,
    Run,
    dataset_dict,
    display,
    error,
    progress_table,
    result,
    stream,
    train_output,
)

OPENING = [
    (
        "import torch, numpy as np, time\nfrom datasets import load_dataset, Dataset\n"
        "from transformers import *\nfrom torch.utils.data import DataLoader, Sampler",
        [],
    ),
    ("ds = load_dataset('nsmc')\nds", [lambda n: result(dataset_dict(train=150000, test=50000), n)]),
    (
        "tok = AutoTokenizer.from_pretrained('klue/bert-base')\n"
        "model = AutoModelForSequenceClassification.from_pretrained('klue/bert-base')",
        [NEW_WEIGHTS],
    ),
    (
        "def compute_metrics(p):\n"
        "    return {'accuracy': (p.predictions.argmax(-1) == p.label_ids).mean()}\n"
        "def args(**more):\n"
        "    return TrainingArguments('out', evaluation_strategy='epoch', num_train_epochs=3,\n"
        "                             per_device_train_batch_size=32, learning_rate=2e-5, **more)",
        [],
    ),
]
MAPPED = """def pad_fn(b): return tok(b['document'], truncation=True, padding='max_length', max_length=128)
def free_fn(b): return tok(b['document'], truncation=True, max_length=128)
padded = ds.map(pad_fn, batched=True)
free = ds.map(free_fn, batched=True)"""
FRESH = "model = AutoModelForSequenceClassification.from_pretrained('klue/bert-base')\n"


def trainer(data: str, arguments: str = "", more: str = "") -> str:
    return (
        f"trainer = Trainer(model, args({arguments}), train_dataset={data}['train'], "
        f"eval_dataset={data}['test'], compute_metrics=compute_metrics{more})\ntrainer.train()"
    )


COLLATOR = ", data_collator=DataCollatorWithPadding(tok)"
GROUP = "group_by_length=True"


def a_run(tokens: float, seconds: float, accuracy: float) -> Run:
    points = ((0.31, 0.26, accuracy - 0.01), (0.2, 0.27, accuracy), (0.12, 0.33, accuracy - 0.002))
    return Run(150000, 32, 3, seconds, tokens, points)


PLAIN, FAST, SAME = a_run(128, 7600, 0.9040), a_run(22.6, 2600, 0.9034), a_run(128, 7610, 0.9036)
FASTER = "## 결과\nbucketing으로 7600초에서 2600초로 줄었고 정확도는 0.904, 0.9034로 비슷했다. 패딩이 줄었기 때문이다."
NO_GAIN = "## 결과\n버킷팅을 적용했지만 7600초와 7610초로 차이가 없었고 정확도도 비슷했다."


def outputs(run: Run, full: bool) -> list:
    return [progress_table(run), *([lambda n: train_output(run, n)] if full else [])]


def epochs(*rows: tuple[float, float, float]) -> list:
    lines = (
        f"Epoch {i} | loss {x:.4f} | val acc {a:.4f} | {t:.1f}s\n"
        for i, (x, a, t) in enumerate(rows, start=1)
    )
    return [stream("".join(lines))]


def judge(tmp_path, cells) -> tuple:
    """(bucketing, compared, r3) of a notebook; a cell is (source, outputs), None = never run, or a str."""
    made, count = [], 0
    for cell in [*OPENING, *cells]:
        if isinstance(cell, str):
            made.append({"cell_type": "markdown", "metadata": {}, "source": cell})
            continue
        source, stored = cell
        count += 1
        made.append(
            {
                "cell_type": "code",
                "metadata": {},
                "source": source,
                "execution_count": None if stored is None else count,
                "outputs": [o(count) if callable(o) else o for o in stored or []],
            }
        )
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made}))
    evidence, judgement = pipeline.check(path, None, rubric.load())
    assert not evidence.faults
    assert not any(v.staff_note for v in judgement.items)
    return str(judgement.facts.bucketing), judgement.facts.compared, str(judgement.items[2].status)


# ------------------------------------------------------------------ Trainer


DATASET_CLASS = """class NSMC(torch.utils.data.Dataset):
    def __init__(self, split, pad):
        self.d = split; self.pad = pad
    def __len__(self):
        return len(self.d)
    def __getitem__(self, i):
        x = tok(self.d[i]['document'], truncation=True, padding=self.pad, max_length=128)
        x['labels'] = self.d[i]['label']
        return x
fixed = {'train': NSMC(ds['train'], 'max_length'), 'test': NSMC(ds['test'], 'max_length')}
loose = {'train': NSMC(ds['train'], False), 'test': NSMC(ds['test'], False)}"""
FROM_DICT = """def make(split, **k):
    e = tok(list(split['document']), truncation=True, max_length=128, **k)
    return Dataset.from_dict({'input_ids': e['input_ids'], 'attention_mask': e['attention_mask'],
                              'labels': split['label']})
one = {'train': make(ds['train'], padding='max_length'), 'test': make(ds['test'], padding='max_length')}
two = {'train': make(ds['train']), 'test': make(ds['test'])}"""
FUNCTION = """def run(data, **k):
    m = AutoModelForSequenceClassification.from_pretrained('klue/bert-base')
    collator = DataCollatorWithPadding(tok) if k.get('group_by_length') else None
    t = Trainer(model=m, args=args(**k), train_dataset=data['train'], eval_dataset=data['test'],
                data_collator=collator, compute_metrics=compute_metrics)
    return t.train()"""
SUBCLASS = """class BucketTrainer(Trainer):
    def get_train_dataloader(self):
        lengths = [len(x) for x in self.train_dataset['input_ids']]
        sampler = LengthGroupedSampler(self.args.train_batch_size, lengths=lengths)
        return DataLoader(self.train_dataset, batch_size=32, sampler=sampler, collate_fn=self.data_collator)"""
TRANSFORM = (
    "enc = ds.with_transform(lambda b: {**tok(b['document'], truncation=True, padding='max_length', "
    "max_length=128), 'labels': b['label']})"
)
OLD_API = (
    "enc = ds.map(lambda b: tok(b['document'], truncation=True, pad_to_max_length=True, max_length=128))"
)
MAX_COLLATOR = ", data_collator=DataCollatorWithPadding(tok, padding='max_length', max_length=128)"

STYLES = {
    "data set class, padded": (
        [DATASET_CLASS, trainer("fixed"), FRESH + trainer("fixed", GROUP, COLLATOR)],
        "no-op",
    ),
    "data set class, unpadded": (
        [DATASET_CLASS, trainer("fixed"), FRESH + trainer("loose", GROUP, COLLATOR)],
        "effective",
    ),
    "unpadded set built, padded one trained on": (
        [MAPPED, trainer("padded"), FRESH + trainer("padded", GROUP, COLLATOR)],
        "no-op",
    ),
    "from_dict": ([FROM_DICT, trainer("one"), FRESH + trainer("two", GROUP, COLLATOR)], "effective"),
    "one function for both runs": (
        [MAPPED + "\n" + FUNCTION, "run(padded)", "run(free, group_by_length=True)"],
        "effective",
    ),
    "Trainer subclass": (
        [
            MAPPED + "\n" + SUBCLASS,
            trainer("padded"),
            FRESH + trainer("free", "", COLLATOR).replace("= Trainer(", "= BucketTrainer("),
        ],
        "effective",
    ),
    "with_transform": ([TRANSFORM, trainer("enc"), FRESH + trainer("enc", GROUP)], "no-op"),
    "pad_to_max_length": ([OLD_API, trainer("enc"), FRESH + trainer("enc", GROUP, COLLATOR)], "no-op"),
    "collator that pads to the maximum": (
        [MAPPED, trainer("padded"), FRESH + trainer("free", GROUP, MAX_COLLATOR)],
        "no-op",
    ),
    "collator that comes with the tokenizer": (
        [
            MAPPED,
            trainer("padded", "", ", tokenizer=tok"),
            FRESH + trainer("free", GROUP, ", tokenizer=tok"),
        ],
        "effective",
    ),
    "grouping alone on padded rows": (
        [MAPPED, trainer("padded"), FRESH + trainer("padded", GROUP)],
        "no-op",
    ),
    "timed by magic": (
        [MAPPED, "%%time\n" + trainer("padded"), "%%time\n" + FRESH + trainer("free", GROUP, COLLATOR)],
        "effective",
    ),
}


@pytest.mark.parametrize("full", [True, False], ids=["with TrainOutput", "table only"])
@pytest.mark.parametrize("style", STYLES)
def test_trainer(style, full, tmp_path):
    (setup, base, late), bucketing = STYLES[style]
    run, words = (FAST, FASTER) if bucketing == "effective" else (SAME, NO_GAIN)
    cells = [(setup, []), (base, outputs(PLAIN, full)), (late, outputs(run, full)), words]
    expected = (bucketing, "both", "PASS" if bucketing == "effective" else "PARTIAL")
    assert judge(tmp_path, cells) == expected


def test_both_runs_in_one_loop(tmp_path):
    loop = (
        "for data, group in [(padded, False), (free, True)]:\n"
        "    m = AutoModelForSequenceClassification.from_pretrained('klue/bert-base')\n"
        "    t = Trainer(model=m, args=args(group_by_length=group), train_dataset=data['train'],\n"
        "                eval_dataset=data['test'], data_collator=DataCollatorWithPadding(tok),\n"
        "                compute_metrics=compute_metrics)\n"
        "    t.train()"
    )
    cells = [(MAPPED, []), (loop, [progress_table(PLAIN), progress_table(FAST)]), FASTER]
    assert judge(tmp_path, cells) == ("effective", "both", "PASS")


# ------------------------------------------------------------------ loops by hand


LOOP = """sp = ds['train'].train_test_split(test_size=0.1, seed=0)
def train(model, loader, valid, epochs=2, lr=2e-5):
    opt = torch.optim.AdamW(model.parameters(), lr=lr)
    for epoch in range(epochs):
        start = time.time(); model.train(); total = 0
        for batch in loader:
            batch = {k: v.cuda() for k, v in batch.items()}
            opt.zero_grad(); out = model(**batch); out.loss.backward(); opt.step(); total += out.loss.item()
        model.eval(); right = n = 0
        with torch.no_grad():
            for batch in valid:
                batch = {k: v.cuda() for k, v in batch.items()}
                pred = model(**batch).logits.argmax(-1)
                right += (pred == batch['labels']).sum().item(); n += len(pred)
        print(f'Epoch {epoch+1} | loss {total/len(loader):.4f} | val acc {right/n:.4f} | {time.time()-start:.1f}s')"""
SETS = """class LenSampler(Sampler):
    def __init__(self, lengths, bs):
        order = np.argsort(lengths)
        self.batches = [order[i:i+bs] for i in range(0, len(lengths), bs)]
    def __iter__(self):
        np.random.shuffle(self.batches)
        return iter(self.batches)
    def __len__(self):
        return len(self.batches)
fixed = sp.map(lambda b: tok(b['document'], truncation=True, padding='max_length', max_length=128), batched=True)
fixed = fixed.remove_columns(['id', 'document']).rename_column('label', 'labels').with_format('torch')
free = sp.map(lambda b: tok(b['document'], truncation=True, max_length=128), batched=True)
free = free.remove_columns(['id', 'document']).rename_column('label', 'labels')
col = DataCollatorWithPadding(tok)"""
BY_HAND = "train(model, DataLoader(fixed['train'], batch_size=32, shuffle=True), DataLoader(fixed['test'], batch_size=64))"


@pytest.mark.parametrize(
    ("late", "seconds", "bucketing"),
    [
        (
            "loader = DataLoader(free['train'], collate_fn=col,\n"
            "    batch_sampler=LenSampler([len(x) for x in free['train']['input_ids']], 32))\n"
            "train(model, loader, DataLoader(free['test'], batch_size=64, collate_fn=col))",
            205.1,
            "effective",
        ),
        (
            "lengths = [len(x) for x in fixed['train']['input_ids']]\n"
            "loader = DataLoader(fixed['train'], batch_size=32, sampler=LengthGroupedSampler(32, lengths=lengths))\n"
            "train(model, loader, DataLoader(fixed['test'], batch_size=64))",
            403.1,
            "no-op",
        ),
    ],
    ids=["own batch sampler", "sampler on padded rows"],
)
def test_loops_by_hand(late, seconds, bucketing, tmp_path):
    cells = [
        (LOOP, []),
        (SETS, []),
        (BY_HAND, epochs((0.33, 0.894, 402.1), (0.21, 0.9031, 401.0))),
        (FRESH + late, epochs((0.33, 0.893, seconds), (0.21, 0.9022, seconds))),
        FASTER if bucketing == "effective" else NO_GAIN,
    ]
    expected = (bucketing, "both", "PASS" if bucketing == "effective" else "PARTIAL")
    assert judge(tmp_path, cells) == expected


# ------------------------------------------------------------------ half done


def interrupted() -> list:
    html = (
        "<div><progress></progress>[ 500/14064 05:00 < 2:10:00, 1.6 it/s, Epoch 0.1/3]</div><table><thead><tr>"
        "<th>Epoch</th><th>Training Loss</th><th>Validation Loss</th></tr></thead><tbody></tbody></table><p>"
    )
    return [display(html), error("KeyboardInterrupt", "", "trainer.train()")]


BASE_CELL = (trainer("padded"), outputs(PLAIN, True))
REAL, FAKE = FRESH + trainer("free", GROUP, COLLATOR), FRESH + trainer("padded", GROUP, COLLATOR)
TABLE = "| |기본|bucketing|\n|---|---|---|\n|시간|7600|2600|\n|정확도|0.904|0.9034|"
TYPED = "## 비교\n- 기존: 2시간 6분, 정확도 0.9051\n- bucketing: 43분, 정확도 0.9034\n\n시간이 1/3로 줄고 정확도는 비슷하다."

HALF_DONE = {
    "bucketing run dies": (
        [BASE_CELL, (REAL, [error("ValueError", "Unable to create tensor", "trainer.train()")])],
        ("unexecuted", "one", "FAIL"),
    ),
    "bucketing run interrupted before a result": (
        [BASE_CELL, (REAL, interrupted())],
        ("unexecuted", "one", "FAIL"),
    ),
    "bucketing cell never run": ([BASE_CELL, (REAL, None)], ("unexecuted", "one", "FAIL")),
    "arguments written, no training uses them": (
        [BASE_CELL, ("bucket_args = args(group_by_length=True)\ncol = DataCollatorWithPadding(tok)", [])],
        ("unexecuted", "one", "FAIL"),
    ),
    "only in a comment": (
        [("# group_by_length=True\n" + BASE_CELL[0], BASE_CELL[1])],
        ("absent", "one", "FAIL"),
    ),
    "not a word on the result": (
        [BASE_CELL, (REAL, outputs(FAST, True))],
        ("effective", "both", "PARTIAL"),
    ),
    "a table and no word": (
        [BASE_CELL, (REAL, outputs(FAST, True)), TABLE],
        ("effective", "both", "PARTIAL"),
    ),
    "no effect and no word": ([BASE_CELL, (FAKE, outputs(SAME, True))], ("no-op", "both", "FAIL")),
    "baseline only typed": (
        [(REAL, outputs(FAST, True)), TYPED],
        ("effective", "typed", "PARTIAL"),
    ),
    "no effect first, then right": (
        [BASE_CELL, (FAKE, outputs(SAME, True)), (REAL, outputs(FAST, True)), FASTER],
        ("effective", "both", "PASS"),
    ),
    "output older than the code": (
        [BASE_CELL, (REAL, outputs(SAME, True)), NO_GAIN],
        ("no-op", "both", "PARTIAL"),
    ),
}


@pytest.mark.parametrize("case", HALF_DONE)
def test_half_done(case, tmp_path):
    cells, expected = HALF_DONE[case]
    assert judge(tmp_path, [(MAPPED, []), *cells]) == expected
