"""The source witness on other styles of the same exercise: classes, batches by hand, lists, generators."""

# ruff: noqa: E501  (lines of notebooks)

from __future__ import annotations

import pytest

from grader.records import Grouping, Padding, Start
from tests.source_notebooks import ARGS, LOAD, LOOSE, PADDED, kinds, read_cells, run_of

OPT = "opt = torch.optim.AdamW(model.parameters(), lr=2e-5)\n"


def test_an_experiment_class_and_a_stopwatch():
    code = """
class Experiment:
    def __init__(self, data, bucket=False, **more):
        self.model = AutoModelForSequenceClassification.from_pretrained('klue/bert-base')
        self.args = TrainingArguments(output_dir='o', group_by_length=bucket, **more)
        self.trainer = Trainer(self.model, self.args, train_dataset=data['train'], eval_dataset=data['test'], tokenizer=tokenizer)
    def run(self):
        return self.trainer.train().metrics
def measure(what):
    start = time.time(); what(); return time.time() - start
"""
    calls = "a = Experiment(padded).run()\nb = Experiment(loose, True, num_train_epochs=2)\nmeasure(b.run)\nmeasure(lambda: b.trainer.train())"
    runs = read_cells("import time", LOAD, PADDED, LOOSE, code, calls).runs
    assert [(r.padding, r.grouping, r.start) for r in runs] == [
        (Padding.MAX_LENGTH, Grouping.NONE, Start.PRETRAINED),
        (Padding.DYNAMIC, Grouping.LENGTH, Start.PRETRAINED),
        (Padding.DYNAMIC, Grouping.LENGTH, Start.CONTINUED),
    ]


def test_batches_ordered_by_hand_and_padded_in_the_loop():
    code = """
def make_batches(data, size):
    order = sorted(range(len(data)), key=lambda i: len(data[i]['input_ids']))
    return [order[i:i + size] for i in range(0, len(order), size)]
for epoch in range(2):
    for index in make_batches(loose['train'], 32):
        batch = tokenizer.pad([loose['train'][i] for i in index], return_tensors='pt')
        loss = model(**batch).loss
        loss.backward(); opt.step()
"""
    run = run_of(LOAD, LOOSE, OPT + code)
    assert (run.padding, run.grouping, run.attempts) == (Padding.DYNAMIC, Grouping.LENGTH, ("own-sampler",))


def test_a_loop_that_tokenises_each_batch():
    code = """
from torch.utils.data import DataLoader
for batch in DataLoader(dataset['train'], batch_size=32, shuffle=True):
    enc = tokenizer(batch['document'], padding={padding}, truncation=True, max_length=128, return_tensors='pt')
    model(**enc, labels=batch['label']).loss.backward(); opt.step()
"""
    assert run_of(LOAD, OPT + code.format(padding="True")).padding is Padding.DYNAMIC
    assert run_of(LOAD, OPT + code.format(padding="'max_length'")).padding is Padding.MAX_LENGTH


def test_a_collate_fn_that_tokenises_text():
    code = """
from torch.utils.data import DataLoader
def collate(batch):
    enc = tokenizer([b['document'] for b in batch], padding=True, truncation=True, max_length=128, return_tensors='pt')
    enc['labels'] = torch.tensor([b['label'] for b in batch])
    return enc
for batch in DataLoader(dataset['train'], batch_size=32, shuffle=True, collate_fn=collate):
    model(**batch).loss.backward(); opt.step()
"""
    run = run_of(LOAD, OPT + code)
    assert (run.padding, run.rows, run.attempts) == (Padding.DYNAMIC, 150_000, ("own-collator",))


def test_a_batch_sampler_that_sorts():
    code = """
from torch.utils.data import Sampler, DataLoader
from typing import List
class Buckets(Sampler[List[int]]):
    def __init__(self, lengths, batch_size):
        self.lengths, self.batch_size = lengths, batch_size
        self.parts = np.array_split(np.argsort(lengths), len(lengths) // batch_size)
    def __iter__(self):
        for part in self.parts:
            yield part.tolist()
lengths = [len(x) for x in loose['train']['input_ids']]
loader = DataLoader(loose['train'], batch_sampler=Buckets(lengths, 32), collate_fn=DataCollatorWithPadding(tokenizer))
scaler = torch.cuda.amp.GradScaler()
for epoch in range(3):
    for batch in loader:
        with torch.cuda.amp.autocast():
            loss = model(**batch).loss
        scaler.scale(loss).backward(); scaler.step(opt); scaler.update()
"""
    run = run_of(LOAD, LOOSE, OPT + code)
    assert (run.padding, run.grouping, run.batch_size, run.epochs_planned) == (
        Padding.DYNAMIC,
        Grouping.LENGTH,
        32,
        3,
    )


def test_rows_put_in_order_by_argsort():
    code = """
from torch.utils.data import DataLoader
lengths = np.array([len(x['input_ids']) for x in loose['train']])
ordered = loose['train'].select(np.argsort(lengths).tolist())
loader = DataLoader(ordered, batch_size=32, shuffle={shuffle}, collate_fn=DataCollatorWithPadding(tokenizer))
batches = iter(loader)
for step in range(len(loader)):
    loss = model(**next(batches))[0]; loss.backward(); opt.step()
"""
    assert run_of(LOAD, LOOSE, OPT + code.format(shuffle=False)).grouping is Grouping.LENGTH
    assert run_of(LOAD, LOOSE, OPT + code.format(shuffle=True)).grouping is Grouping.NONE


def test_trainer_shuffles_what_was_sorted():
    code = "rows = loose['train'].map(lambda x: {'length': len(x['input_ids'])}).sort('length')\ntrainer = Trainer(model=model, args=args, train_dataset=rows, tokenizer=tokenizer)\ntrainer.train()"
    run = run_of(LOAD, LOOSE, ARGS, code)
    assert (run.grouping, run.attempts) == (Grouping.NONE, ("sorted-rows",))


def test_a_loader_set_on_the_trainer_itself():
    code = """
from torch.utils.data import DataLoader
from transformers.trainer_pt_utils import LengthGroupedSampler
loader = DataLoader(loose['train'], batch_size=16, sampler=LengthGroupedSampler(batch_size=16, dataset=loose['train']),
                    collate_fn=DataCollatorWithPadding(tokenizer))
trainer = Trainer(model=model, args=args, train_dataset=loose['train'])
trainer.get_train_dataloader = lambda: loader
trainer.train()
"""
    run = run_of(LOAD, LOOSE, ARGS, code)
    assert (run.padding, run.grouping) == (Padding.DYNAMIC, Grouping.LENGTH)


def test_rows_encoded_one_by_one_into_lists():
    code = """
from torch.utils.data import TensorDataset, random_split, DataLoader, RandomSampler
frame = pd.read_csv('ratings_train.txt', sep='\\t')
ids, masks = [], []
for text in frame['document']:
    enc = tokenizer.encode_plus(text, max_length=64, pad_to_max_length=True, return_attention_mask=True, return_tensors='pt')
    ids.append(enc['input_ids']); masks.append(enc['attention_mask'])
full = TensorDataset(torch.cat(ids, dim=0), torch.cat(masks, dim=0), torch.tensor(frame['label'].values))
n = int(0.9 * len(full))
train, valid = random_split(full, [n, len(full) - n])
for epoch in range(2):
    for step, batch in enumerate(DataLoader(train, sampler=RandomSampler(train), batch_size=16)):
        i, m, y = [t.to('cuda') for t in batch]
        loss = model(i, attention_mask=m, labels=y)[0]
        loss.backward(); opt.step()
    for batch in DataLoader(valid, batch_size=16):
        model(batch[0])
"""
    run = run_of(LOAD, OPT + code)
    assert (run.padding, run.max_length, run.rows, run.eval_split) == (
        Padding.MAX_LENGTH,
        64,
        135_000,
        "validation",
    )


def test_a_keras_sequence_that_pads_its_own_batches():
    code = """
import tensorflow as tf
from transformers import TFBertForSequenceClassification
class Batches(tf.keras.utils.Sequence):
    def __init__(self, frame, tok, size=32):
        self.texts, self.labels, self.tok, self.size = frame['document'].tolist(), frame['label'].values, tok, size
    def __getitem__(self, i):
        part = slice(i * self.size, (i + 1) * self.size)
        enc = self.tok(self.texts[i * self.size:(i + 1) * self.size], padding=True, truncation=True, max_length=64)
        return dict(enc), self.labels[part]
net = TFBertForSequenceClassification.from_pretrained('klue/bert-base', from_pt=True)
net.fit(Batches(pd.read_csv('ratings_train.txt', sep='\\t'), tokenizer), epochs=2)
"""
    assert run_of(LOAD, code).padding is Padding.DYNAMIC


@pytest.mark.parametrize(
    "way", ["rows = loose if use else padded", "if use:\n    rows = loose\nelse:\n    rows = padded"]
)
def test_what_depends_on_an_unknown_is_unknown(way):
    code = f"use = input() == 'y'\n{way}\ntrainer = Trainer(model=model, args=args, train_dataset=rows['train'], tokenizer=tokenizer)\ntrainer.train()"
    run = run_of(LOAD, PADDED, LOOSE, ARGS, code)
    assert (run.padding, run.rows) == (Padding.UNKNOWN, 150_000)


def test_a_known_flag_decides():
    code = "BUCKET = False\nif BUCKET:\n    rows = loose\nelse:\n    rows = padded\nif __name__ == '__main__':\n    Trainer(model=model, args=args, train_dataset=rows['train']).train()"
    assert run_of(LOAD, PADDED, LOOSE, ARGS, code).padding is Padding.MAX_LENGTH


def test_data_saved_and_loaded_again():
    code = "loose.save_to_disk('tok')\nfrom datasets import load_from_disk\nagain = load_from_disk('tok')\nTrainer(model=model, args=args, train_dataset=again['train'], tokenizer=tokenizer).train()"
    run = run_of(LOAD, LOOSE, ARGS, code)
    assert (run.padding, run.rows) == (Padding.DYNAMIC, 150_000)


def test_the_optimizer_handed_to_trainer_wins():
    code = "trainer = Trainer(model=model, args=args, train_dataset=loose['train'], tokenizer=tokenizer, optimizers=(torch.optim.Adam(model.parameters(), lr=1e-4), None))\ntrainer.train()"
    assert run_of(LOAD, LOOSE, ARGS, code).arguments["learning_rate"] == "0.0001"


def test_a_trainer_from_nowhere_is_a_run_of_which_nothing_is_known():
    run = run_of("from mylib import make_trainer\ntrainer = make_trainer()\ntrainer.train()")
    assert (run.padding, run.grouping, run.start, run.eval_split) == (
        Padding.UNKNOWN, Grouping.UNKNOWN, Start.UNKNOWN, "unknown")  # fmt: skip


def test_a_baseline_beside_a_real_bucketing_run_is_not_called_shadowed():
    code = "for rows in (padded, loose):\n    Trainer(model=model, args=args, train_dataset=rows['train'], data_collator=DataCollatorWithPadding(tokenizer)).train()"
    found = read_cells(LOAD, PADDED, LOOSE, ARGS, code)
    assert [r.padding for r in found.runs] == [Padding.MAX_LENGTH, Padding.DYNAMIC]
    assert kinds(found, "shadowed") == []


def test_buckets_made_by_hand_from_a_sorted_list():
    code = """
import random
from torch.utils.data import DataLoader
frame = pd.read_csv('ratings_train.txt', sep='\\t')
rows = [(tokenizer(t, truncation=True, max_length=64)['input_ids'], y) for t, y in zip(frame['document'], frame['label'])]
rows.sort(key=lambda row: len(row[0]))
buckets = [rows[i:i + 32] for i in range(0, len(rows), 32)]
random.shuffle(buckets)
def collate(bucket):
    width = max(len(ids) for ids, _ in bucket[0])
    return torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in bucket[0]])
for epoch in range(2):
    for ids in DataLoader(buckets, batch_size=1, shuffle=True, collate_fn=collate):
        loss = model(ids).loss; loss.backward(); opt.step()
"""
    run = run_of(LOAD, OPT + code)
    assert (run.padding, run.grouping, run.attempts) == (
        Padding.DYNAMIC,
        Grouping.LENGTH,
        ("own-collator", "own-sampler"),
    )


def test_one_loop_trains_several_loaders():
    code = """
from torch.utils.data import DataLoader
loaders = {'fixed': DataLoader(padded['train'], batch_size=32, shuffle=True),
           'dynamic': DataLoader(loose['train'], batch_size=32, shuffle=True, collate_fn=DataCollatorWithPadding(tokenizer))}
for name, loader in loaders.items():
    model = AutoModelForSequenceClassification.from_pretrained('klue/bert-base')
    opt = torch.optim.AdamW(model.parameters(), lr=2e-5)
    for epoch in range(2):
        for batch in loader:
            loss = model(**batch).loss; loss.backward(); opt.step()
"""
    found = read_cells(LOAD, PADDED, LOOSE, code)
    assert [(r.padding, r.start, r.eval_split) for r in found.runs] == [
        (Padding.MAX_LENGTH, Start.PRETRAINED, "unknown"),
        (Padding.DYNAMIC, Start.PRETRAINED, "unknown"),
    ]
    assert kinds(found, "leak") == []


@pytest.mark.parametrize(
    "code",
    [
        "def f(b):\n    ids = tokenizer(b['document'])['input_ids']\n    return {'input_ids': ids + [0] * (64 - len(ids))}\nx = dataset.map(f)",
        "def f(b):\n    enc = tokenizer(b['document'])\n    enc['input_ids'] = pad(enc['input_ids'])\n    return enc\nx = dataset.map(f)",
        "def f(b):\n    b['input_ids'] = pad(tokenizer(b['document'])['input_ids'], 64)\n    return b\nx = dataset.map(f)",
        "x = dataset.map(lambda b: tokenizer(b['document'])).map(lambda e: {'input_ids': e['input_ids'] + [0] * 9})",
    ],
)
def test_ids_changed_by_hand_have_no_known_length(code):
    fit = "trainer = Trainer(model=model, args=args, train_dataset=x['train'], tokenizer=tokenizer)\ntrainer.train()"
    assert run_of(LOAD, "from mylib import pad", code, ARGS, fit).padding is Padding.UNKNOWN


def test_one_loader_per_bucket_is_not_called_ungrouped():
    code = """
from collections import defaultdict
from torch.utils.data import DataLoader, Subset
buckets = defaultdict(list)
for i, row in enumerate(loose['train']):
    buckets[len(row['input_ids']) // 16].append(i)
loaders = [DataLoader(Subset(loose['train'], part), batch_size=32, shuffle=True, collate_fn=DataCollatorWithPadding(tokenizer))
           for part in buckets.values()]
for epoch in range(2):
    for loader in loaders:
        for batch in loader:
            model(**batch).loss.backward(); opt.step()
"""
    run = run_of(LOAD, LOOSE, OPT + code)
    assert (run.padding, run.grouping, run.rows) == (Padding.DYNAMIC, Grouping.UNKNOWN, None)


def test_a_gradient_tape_is_one_run():
    code = """
import tensorflow as tf
from transformers import TFAutoModelForSequenceClassification
net = TFAutoModelForSequenceClassification.from_pretrained('klue/bert-base')
adam = tf.keras.optimizers.Adam(2e-5)
batches = loose['train'].select(range(640)).to_tf_dataset(batch_size=16, collate_fn=DataCollatorWithPadding(tokenizer))
for epoch in range(2):
    for x in batches:
        with tf.GradientTape() as tape:
            loss = net(x).loss
        grads = tape.gradient(loss, net.trainable_variables)
        adam.apply_gradients(zip(grads, net.trainable_variables))
"""
    run = run_of(LOAD, LOOSE, code)
    assert (run.kind, run.padding, run.rows, run.epochs_planned) == ("keras", Padding.DYNAMIC, 640, 2)


def test_tf_data_from_a_generator_of_encoded_rows():
    code = """
import tensorflow as tf
from transformers import TFAutoModelForSequenceClassification
frame = pd.read_csv('ratings_train.txt', sep='\\t')
ids = tokenizer(frame['document'].tolist(), truncation=True, max_length=100)['input_ids']
def stream_of(texts, labels):
    def one_by_one():
        for text, label in zip(texts, labels):
            yield {'input_ids': text}, label
    return one_by_one
data = tf.data.Dataset.from_generator(stream_of(ids, frame['label']), output_signature=signature)
data = data.bucket_by_sequence_length(width, bucket_boundaries=[10, 20, 40], bucket_batch_sizes=[32] * 4)
model = TFAutoModelForSequenceClassification.from_pretrained('klue/bert-base')
model.compile(optimizer='adam')
model.fit(data, epochs=2)
"""
    run = run_of(LOAD, code)
    assert (run.padding, run.grouping) == (Padding.DYNAMIC, Grouping.LENGTH)


@pytest.mark.parametrize(("smart", "grouping"), [(True, Grouping.LENGTH), (False, Grouping.UNKNOWN)])
def test_batches_collected_one_by_one_keep_the_order_of_their_list(smart, grouping):
    code = f"""
import random
frame = pd.read_csv('ratings_train.txt', sep='\\t')
def batches_of(frame, smart):
    rows = [(tokenizer.encode(t, truncation=True), y) for t, y in zip(frame['document'], frame['label'])]
    if smart:
        rows.sort(key=lambda row: len(row[0]))
    made = []
    for part in [rows[i:i + 32] for i in range(0, len(rows), 32)]:
        ids, labels = pad_by_hand(part)
        made.append((ids, labels))
    return made
for epoch in range(2):
    for ids, labels in batches_of(frame, smart={smart}):
        loss = model(ids, labels=labels).loss; loss.backward(); opt.step()
"""
    assert run_of(LOAD, OPT + code).grouping is grouping
