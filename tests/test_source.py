"""The source witness, end to end: padding and grouping of a run by data flow, never by names."""

# ruff: noqa: E501  (lines of notebooks)

from __future__ import annotations

import pytest

from grader.records import Grouping, Padding, Start
from tests.source_notebooks import ARGS, LOAD, LOOSE, PADDED, kinds, read_cells, run_of

TRAIN = """
trainer = Trainer(model=model, args=args, train_dataset={rows}["train"], eval_dataset={rows}["test"]{more})
trainer.train()
"""


def simple(tokenize: str, *, rows: str = "enc", more: str = ", tokenizer=tokenizer", args: str = ARGS):
    return run_of(LOAD, tokenize, args, TRAIN.format(rows=rows, more=more))


# ---------------------------------------------------------------- where padding happens


@pytest.mark.parametrize(
    ("call", "batched", "more", "padding", "length"),
    [
        ("padding='max_length', max_length=81", "True", "", Padding.MAX_LENGTH, 81),
        ("padding='max_length'", "True", "", Padding.MAX_LENGTH, 512),
        ("padding='max_length', max_length=81", "False", ", data_collator=DataCollatorWithPadding(tokenizer)",
         Padding.MAX_LENGTH, 81),
        ("padding=True, max_length=128", "True", ", tokenizer=tokenizer", Padding.MAP_BATCH, 128),
        ("padding='longest', max_length=128", "True", ", tokenizer=tokenizer", Padding.MAP_BATCH, 128),
        ("padding=True, max_length=128", "False", ", tokenizer=tokenizer", Padding.DYNAMIC, 128),
        ("max_length=128", "True", ", tokenizer=tokenizer", Padding.DYNAMIC, 128),
        ("padding=False, max_length=128", "True", ", processing_class=tokenizer", Padding.DYNAMIC, 128),
        ("max_length=128", "True", ", data_collator=DataCollatorWithPadding(tokenizer=tokenizer)", Padding.DYNAMIC, 128),
        ("max_length=99", "True", ", data_collator=DataCollatorWithPadding(tokenizer, padding='max_length', max_length=70)",
         Padding.MAX_LENGTH, 70),
        ("max_length=128", "True", "", Padding.UNKNOWN, 128),
        ("max_length=128", "True", ", tokenizer=tokenizer, data_collator=default_data_collator", Padding.UNKNOWN, 128),
        ("pad_to_max_length=True, max_length=50", "True", "", Padding.MAX_LENGTH, 50),
        ("padding=PAD, max_length=50", "True", ", tokenizer=tokenizer", Padding.UNKNOWN, 50),
    ],
)  # fmt: skip
def test_where_rows_get_their_length(call, batched, more, padding, length):
    run = simple(
        f"enc = dataset.map(lambda b: tokenizer(b['document'], truncation=True, {call}), batched={batched})",
        more=more,
    )
    assert (run.padding, run.max_length) == (padding, length)


def test_constants_functions_partial_and_fn_kwargs_are_followed():
    ways = [
        "MAX = 60\nP = 'max_length'\ndef f(b, n):\n    return tokenizer(b['document'], padding=P, max_length=n)\n"
        "enc = dataset.map(f, batched=True, fn_kwargs={'n': MAX})",
        "from functools import partial\ndef f(b, pad, n):\n    enc = tokenizer(b['document'], padding=pad, max_length=n)\n"
        "    enc['labels'] = b['label']\n    return enc\nenc = dataset.map(partial(f, pad='max_length', n=60), batched=True)",
        "def make(n, **kw):\n    def inner(b):\n        return tokenizer(b['document'], max_length=n, **kw)\n    return inner\n"
        "enc = dataset.map(make(60, padding='max_length'), batched=True)",
        "cfg = {'padding': 'max_length', 'max_length': 30 * 2}\n"
        "enc = dataset.map(lambda b: tokenizer(b['document'], truncation=True, **cfg), batched=True)",
        "def f(b):\n    out = tokenizer.batch_encode_plus(list(b['document']), padding='max_length', max_length=60)\n"
        "    return {'input_ids': out['input_ids'], 'attention_mask': out['attention_mask'], 'labels': b['label']}\n"
        "enc = dataset.map(f, batched=True, remove_columns=['id', 'document'])",
        "class Prep:\n    def __init__(self, n=60):\n        self.n = n\n    def run(self, b):\n"
        "        return tokenizer(b['document'], padding='max_length', max_length=self.n)\n"
        "enc = dataset.map(Prep().run, batched=True)",
        "enc = DatasetDict({k: v.map(lambda b: tokenizer(b['document'], padding='max_length', max_length=60)) "
        "for k, v in dataset.items()})",
        "tokenizer.model_max_length = 60\nenc = dataset.map(lambda b: tokenizer(b['document'], padding='max_length'))",
    ]
    for way in ways:
        run = simple(way)
        assert (run.padding, run.max_length, run.rows) == (Padding.MAX_LENGTH, 60, 150_000), way


def test_the_padded_set_is_trained_on_although_an_unpadded_one_exists():
    """The famous no-op: collator and group_by_length, but the rows keep their 64 tokens."""
    bucket = """
args2 = TrainingArguments("bucket", group_by_length=True)
collator = DataCollatorWithPadding(tokenizer)
trainer = Trainer(model=model, args=args2, train_dataset=padded["train"], eval_dataset=padded["test"],
                  data_collator=collator, tokenizer=tokenizer)
trainer.train()
"""
    found = read_cells(LOAD, PADDED, LOOSE, bucket)
    run = found.runs[0]
    assert (run.padding, run.grouping) == (Padding.MAX_LENGTH, Grouping.LENGTH)
    assert set(run.attempts) == {"collator", "group_by_length"}
    assert run.cells == (0, 1, 3)
    assert kinds(found, "shadowed") == [{"name": "dataset", "defined_in": [2], "used_in": 3}]


def test_a_map_run_again_replaces_the_first():
    again = "dataset = dataset.map(tokenize_loose, batched=True)"
    both = PADDED.replace("padded =", "dataset =") + LOOSE.replace("loose =", "dataset =")
    run = simple(both + again, rows="dataset")
    assert run.padding is Padding.DYNAMIC


def test_padding_cut_off_again_by_a_collator():
    collator = """
def trim(features):
    batch = default_data_collator(features)
    longest = int(batch["attention_mask"].sum(dim=1).max())
    return {k: v[:, :longest] if v.dim() == 2 else v for k, v in batch.items()}
"""
    run = run_of(LOAD, PADDED, collator, ARGS, TRAIN.format(rows="padded", more=", data_collator=trim"))
    assert run.padding is Padding.DYNAMIC and run.attempts == ("own-collator",)


@pytest.mark.parametrize(
    "collator",
    [
        "def c(fs):\n    return tokenizer.pad(fs, padding=True, return_tensors='pt')",
        "c = lambda fs: tokenizer.pad(fs, return_tensors='pt')",
        "from torch.nn.utils.rnn import pad_sequence\ndef c(fs):\n    ids = pad_sequence([torch.tensor(f['input_ids']) "
        "for f in fs], batch_first=True)\n    return {'input_ids': ids}",
        "def c(fs):\n    n = max(len(f['input_ids']) for f in fs)\n    ids = [f['input_ids'] + [0] * (n - "
        "len(f['input_ids'])) for f in fs]\n    return {'input_ids': torch.tensor(ids)}",
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    tok: object\n    pad: object = True\n"
        "    def __call__(self, fs):\n        return self.tok.pad(fs, padding=self.pad)\nc = C(tokenizer)",
        "class C(DataCollatorWithPadding):\n    pass\nc = C(tokenizer)",
    ],
)
def test_own_collators_that_pad_to_the_longest_of_the_batch(collator):
    run = run_of(LOAD, LOOSE, collator, ARGS, TRAIN.format(rows="loose", more=", data_collator=c"))
    assert run.padding is Padding.DYNAMIC and run.attempts == ("own-collator",)


def test_own_collator_that_pads_to_a_fixed_length():
    collator = "def c(fs):\n    return tokenizer.pad(fs, padding='max_length', max_length=128)"
    run = run_of(LOAD, LOOSE, collator, ARGS, TRAIN.format(rows="loose", more=", data_collator=c"))
    assert (run.padding, run.max_length) == (Padding.MAX_LENGTH, 128)


def test_whole_lists_tokenised_at_once():
    code = """
train_df = pd.read_csv("ratings_train.txt", sep="\\t").dropna()
test_df = pd.read_csv("ratings_test.txt", sep="\\t").dropna()
class Reviews(torch.utils.data.Dataset):
    def __init__(self, enc, labels):
        self.enc, self.labels = enc, labels
    def __getitem__(self, i):
        item = {k: torch.tensor(v[i]) for k, v in self.enc.items()}
        item["labels"] = torch.tensor(self.labels[i])
        return item
    def __len__(self):
        return len(self.labels)
enc = tokenizer(train_df["document"].tolist(), truncation=True, padding=True, max_length=128)
enc_test = tokenizer(list(test_df["document"]), truncation=True, padding=True, max_length=128)
data = {"train": Reviews(enc, train_df["label"].tolist()), "test": Reviews(enc_test, test_df["label"].tolist())}
"""
    run = simple(code, rows="data")
    assert (run.padding, run.rows, run.eval_split) == (Padding.MAX_LENGTH, None, "test")
    loose = simple(code.replace("padding=True, ", ""), rows="data")
    assert loose.padding is Padding.DYNAMIC


def test_tokenised_one_by_one_in_getitem():
    code = """
class Reviews(torch.utils.data.Dataset):
    def __init__(self, frame, tok, n):
        self.frame, self.tok, self.n = frame, tok, n
    def __getitem__(self, i):
        row = self.frame.iloc[i]
        enc = self.tok(row["document"], truncation=True, padding=PAD, max_length=self.n)
        return {"input_ids": enc["input_ids"], "labels": row["label"]}
    def __len__(self):
        return len(self.frame)
frame = pd.read_table("ratings_train.txt")
data = {"train": Reviews(frame, tokenizer, 100), "test": Reviews(pd.read_table("ratings_test.txt"), tokenizer, 100)}
"""
    fixed = simple("PAD = 'max_length'\n" + code, rows="data")
    assert (fixed.padding, fixed.max_length, fixed.rows) == (Padding.MAX_LENGTH, 100, 150_000)
    assert simple("PAD = True\n" + code, rows="data").padding is Padding.DYNAMIC


# ---------------------------------------------------------------- arguments


def test_arguments_changed_later_unpacked_and_copied():
    later = "args = TrainingArguments('out')\nargs.group_by_length = True\nargs.num_train_epochs = 5"
    run = simple(LOOSE, rows="loose", args=later)
    assert run.grouping is Grouping.LENGTH and run.epochs_planned == 5 and run.batch_size == 8

    unpacked = "base = dict(output_dir='out', num_train_epochs=2)\nargs = TrainingArguments(**{**base, 'group_by_length': True})"
    run = simple(LOOSE, rows="loose", args=unpacked)
    assert run.grouping is Grouping.LENGTH and run.arguments["num_train_epochs"] == "2" and run.name == "out"

    copied = "import dataclasses\na = TrainingArguments('out')\nargs = dataclasses.replace(a, train_sampling_strategy='group_by_length')"
    assert simple(LOOSE, rows="loose", args=copied).grouping is Grouping.LENGTH

    unknown = "import json\nargs = TrainingArguments(**json.load(open('config.json')))"
    assert simple(LOOSE, rows="loose", args=unknown).grouping is Grouping.UNKNOWN


def test_several_runs_of_one_function():
    code = """
def experiment(name, data, bucket, epochs=1):
    net = AutoModelForSequenceClassification.from_pretrained("klue/bert-base")
    args = TrainingArguments(name, group_by_length=bucket, num_train_epochs=epochs)
    trainer = Trainer(model=net, args=args, train_dataset=data["train"], eval_dataset=data["test"],
                      data_collator=DataCollatorWithPadding(tokenizer) if bucket else None)
    trainer.train()
    return trainer.evaluate()
"""
    calls = "a = experiment('base', padded, False)\nb = experiment('bucket', loose, bucket=True, epochs=2)"
    runs = read_cells(LOAD, PADDED, LOOSE, code, calls).runs
    assert [(r.cell, r.order, r.name, r.padding, r.grouping, r.epochs_planned, r.start) for r in runs] == [
        (4, 0, "base", Padding.MAX_LENGTH, Grouping.NONE, 1, Start.PRETRAINED),
        (4, 1, "bucket", Padding.DYNAMIC, Grouping.LENGTH, 2, Start.PRETRAINED),
    ]
    assert runs[1].cells == (0, 2, 3, 4)


def test_a_loop_over_configurations():
    code = """
configs = [{"name": "fixed", "rows": padded, "group": False}, {"name": "bucket", "rows": loose, "group": True}]
for c in configs:
    model = AutoModelForSequenceClassification.from_pretrained("klue/bert-base")
    args = TrainingArguments(output_dir=f"out/{c['name']}", group_by_length=c["group"])
    Trainer(model=model, args=args, train_dataset=c["rows"]["train"], tokenizer=tokenizer).train()
"""
    runs = read_cells(LOAD, PADDED, LOOSE, code).runs
    assert [(r.name, r.padding, r.grouping) for r in runs] == [
        ("out/fixed", Padding.MAX_LENGTH, Grouping.NONE),
        ("out/bucket", Padding.DYNAMIC, Grouping.LENGTH),
    ]


def test_a_function_that_builds_the_trainer_and_model_init():
    code = """
def model_init():
    return AutoModelForSequenceClassification.from_pretrained("klue/bert-base")
def build(data):
    return Trainer(model_init=model_init, args=args, train_dataset=data["train"], eval_dataset=data["test"],
                   tokenizer=tokenizer)
t = build(loose)
t.train()
t.train()
"""
    runs = read_cells(LOAD, LOOSE, ARGS, code).runs
    assert [r.start for r in runs] == [Start.PRETRAINED, Start.PRETRAINED]
    assert runs[0].padding is Padding.DYNAMIC and runs[0].model == "klue/bert-base"


# ---------------------------------------------------------------- grouping by hand


def test_a_trainer_subclass_with_its_own_sampler():
    code = """
from transformers.trainer_pt_utils import LengthGroupedSampler
class Bucketed(Trainer):
    def _get_train_sampler(self, *a):
        return LengthGroupedSampler(self.args.train_batch_size, dataset=self.train_dataset)
trainer = Bucketed(model=model, args=args, train_dataset=loose["train"], tokenizer=tokenizer)
trainer.train()
"""
    run = run_of(LOAD, LOOSE, ARGS, code)
    assert (
        run.grouping is Grouping.LENGTH and "own-sampler" in run.attempts and run.padding is Padding.DYNAMIC
    )


def test_a_trainer_subclass_with_its_own_loader():
    code = """
from torch.utils.data import DataLoader
class LengthSampler(torch.utils.data.Sampler):
    def __init__(self, data, size):
        self.order = sorted(range(len(data)), key=lambda i: len(data[i]["input_ids"]))
        self.size = size
    def __iter__(self):
        yield from (self.order[i:i + self.size] for i in range(0, len(self.order), self.size))
class Bucketed(Trainer):
    def get_train_dataloader(self):
        return DataLoader(self.train_dataset, batch_sampler=LengthSampler(self.train_dataset, 32),
                          collate_fn=self.data_collator)
trainer = Bucketed(model=model, args=args, train_dataset=loose["train"], data_collator=DataCollatorWithPadding(tokenizer))
trainer.train()
"""
    run = run_of(LOAD, LOOSE, ARGS, code)
    assert (
        run.grouping is Grouping.LENGTH and "own-sampler" in run.attempts and run.padding is Padding.DYNAMIC
    )


LOOP = """
from torch.utils.data import DataLoader
from torch.optim import AdamW
optimizer = AdamW(model.parameters(), lr=3e-5)
loader = DataLoader({loader})
test_loader = DataLoader(loose["test"], batch_size=64, collate_fn=DataCollatorWithPadding(tokenizer))
for epoch in range(4):
    model.train()
    for step, batch in enumerate(loader):
        batch = {{k: v.to("cuda") for k, v in batch.items()}}
        loss = model(**batch).loss
        {backward}
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    for batch in test_loader:
        with torch.no_grad():
            model(**batch)
"""


@pytest.mark.parametrize(
    ("loader", "padding", "grouping"),
    [
        ("loose['train'], batch_size=16, shuffle=True, collate_fn=DataCollatorWithPadding(tokenizer)",
         Padding.DYNAMIC, Grouping.NONE),
        ("padded['train'], batch_size=16, shuffle=True", Padding.MAX_LENGTH, Grouping.NONE),
        ("loose['train'].map(lambda x: {'length': len(x['input_ids'])}).sort('length'), 16, "
         "collate_fn=DataCollatorWithPadding(tokenizer)", Padding.DYNAMIC, Grouping.LENGTH),
        ("loose['train'].sort('length'), 16, shuffle=True, collate_fn=DataCollatorWithPadding(tokenizer)",
         Padding.DYNAMIC, Grouping.NONE),
        ("loose['train'], batch_size=16, sampler=LengthGroupedSampler(16, loose['train']), "
         "collate_fn=lambda b: tokenizer.pad(b, return_tensors='pt')", Padding.DYNAMIC, Grouping.LENGTH),
        ("loose['train'], batch_size=16, sampler=torch.utils.data.RandomSampler(loose['train']), "
         "collate_fn=DataCollatorWithPadding(tokenizer)", Padding.DYNAMIC, Grouping.NONE),
    ],
)  # fmt: skip
def test_hand_written_loops(loader, padding, grouping):
    imports = "from transformers.trainer_pt_utils import LengthGroupedSampler"
    run = run_of(LOAD + imports, PADDED, LOOSE, LOOP.format(loader=loader, backward="loss.backward()"))
    assert (run.kind, run.padding, run.grouping) == ("torch-loop", padding, grouping)
    assert (run.batch_size, run.epochs_planned, run.eval_split, run.start) == (
        16,
        4,
        "test",
        Start.PRETRAINED,
    )
    assert run.arguments["learning_rate"] == "3e-05"


def test_accelerate():
    loader = "loose['train'], batch_size=16, shuffle=True, collate_fn=DataCollatorWithPadding(tokenizer)"
    code = LOOP.format(loader=loader, backward="accelerator.backward(loss)").replace(
        "for epoch", "from accelerate import Accelerator\naccelerator = Accelerator()\n"
        "model, optimizer, loader = accelerator.prepare(model, optimizer, loader)\nfor epoch", 1)  # fmt: skip
    run = run_of(LOAD, LOOSE, code)
    assert (run.kind, run.padding, run.batch_size) == ("accelerate", Padding.DYNAMIC, 16)


def test_loops_inside_functions_are_one_run_per_call():
    code = """
from torch.utils.data import DataLoader
def train_epoch(net, loader, opt):
    for batch in loader:
        loss = net(**batch).loss
        loss.backward()
        opt.step()
def fit(net, data, bs, epochs):
    loader = DataLoader(data, batch_size=bs, shuffle=True, collate_fn=DataCollatorWithPadding(tokenizer))
    opt = torch.optim.AdamW(net.parameters(), lr=1e-5)
    for epoch in range(epochs):
        train_epoch(net, loader, opt)
fit(model, padded["train"], 8, 2)
fit(AutoModelForSequenceClassification.from_pretrained("klue/bert-base"), loose["train"], 16, 3)
"""
    runs = read_cells(LOAD, PADDED, LOOSE, code).runs
    assert [(r.padding, r.batch_size, r.epochs_planned, r.start) for r in runs] == [
        (Padding.MAX_LENGTH, 8, 2, Start.PRETRAINED),
        (Padding.DYNAMIC, 16, 3, Start.PRETRAINED),
    ]


def test_pad_sequences_and_tensor_dataset():
    code = """
from tensorflow.keras.preprocessing.sequence import pad_sequences
from sklearn.model_selection import train_test_split
from torch.utils.data import TensorDataset, DataLoader, RandomSampler
train = pd.read_csv("ratings_train.txt", sep="\\t")
MAX_LEN = 128
tokenized = [tokenizer.tokenize("[CLS] " + str(s) + " [SEP]") for s in train["document"]]
ids = [tokenizer.convert_tokens_to_ids(x) for x in tokenized]
ids = pad_sequences(ids, maxlen=MAX_LEN, dtype="long", truncating="post", padding="post")
tr, va, ytr, yva = train_test_split(ids, train["label"].values, random_state=2018, test_size=0.1)
train_data = TensorDataset(torch.tensor(tr), torch.tensor(ytr.values))
train_dataloader = DataLoader(train_data, sampler=RandomSampler(train_data), batch_size=32)
valid_dataloader = DataLoader(TensorDataset(torch.tensor(va), torch.tensor(yva)), batch_size=32)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
for epoch_i in range(0, 4):
    for step, batch in enumerate(train_dataloader):
        batch = tuple(t.to(device) for t in batch)
        b_ids, b_labels = batch
        outputs = model(b_ids, labels=b_labels)
        outputs[0].backward()
        optimizer.step()
    for batch in valid_dataloader:
        pass
"""
    run = run_of(LOAD, code)
    assert (run.padding, run.max_length, run.rows, run.epochs_planned) == (
        Padding.MAX_LENGTH,
        128,
        135_000,
        4,
    )
    assert run.eval_split == "validation" and run.grouping is Grouping.NONE


# ---------------------------------------------------------------- Keras


KERAS = """
from transformers import TFAutoModelForSequenceClassification
import tensorflow as tf
net = TFAutoModelForSequenceClassification.from_pretrained("klue/bert-base", from_pt=True)
net.compile(optimizer=tf.keras.optimizers.Adam(3e-5))
"""


def test_keras_with_a_padding_loader():
    code = """
tf_train = loose["train"].to_tf_dataset(columns=["input_ids"], label_cols="label", batch_size=16, shuffle=True,
                                        collate_fn=DataCollatorWithPadding(tokenizer, return_tensors="tf"))
net.fit(tf_train, epochs=2, validation_data=loose["test"].to_tf_dataset(batch_size=64))
"""
    run = run_of(LOAD, LOOSE, KERAS, code)
    assert (run.kind, run.padding, run.batch_size, run.epochs_planned, run.eval_split) == (
        "keras", Padding.DYNAMIC, 16, 2, "test")  # fmt: skip


@pytest.mark.parametrize(
    ("batching", "grouping"),
    [
        ("ds.padded_batch(16)", Grouping.NONE),
        ("ds.bucket_by_sequence_length(lambda x, y: tf.shape(x)[0], [20, 40], [32, 16, 8])", Grouping.LENGTH),
        ("ds.apply(tf.data.experimental.bucket_by_sequence_length(lambda x, y: tf.shape(x)[0], [20], [32, 16]))",
         Grouping.LENGTH),
    ],
)  # fmt: skip
def test_tf_data(batching, grouping):
    code = f"""
enc = tokenizer(list(dataset["train"]["document"]), truncation=True, max_length=64)
ds = tf.data.Dataset.from_tensor_slices((tf.ragged.constant(enc["input_ids"]), dataset["train"]["label"]))
ds = {batching}
net.fit(ds.prefetch(2), epochs=1)
"""
    run = run_of(LOAD, KERAS, code)
    assert (run.padding, run.grouping, run.attempts, run.rows) == (
        Padding.DYNAMIC,
        grouping,
        ("tf.data",),
        150_000,
    )


def test_keras_on_padded_arrays():
    code = """
enc = tokenizer(list(dataset["train"]["document"]), truncation=True, padding="max_length", max_length=40, return_tensors="tf")
net.fit(dict(enc), np.array(dataset["train"]["label"]), batch_size=64, epochs=1, validation_split=0.1)
"""
    run = run_of(LOAD, KERAS, code)
    assert (run.padding, run.max_length, run.batch_size, run.eval_split) == (
        Padding.MAX_LENGTH,
        40,
        64,
        "validation",
    )


# ---------------------------------------------------------------- rows, splits, starting weights


@pytest.mark.parametrize(
    ("code", "train", "evaluation", "rows", "split"),
    [
        ("s = loose['train'].train_test_split(test_size=0.1, seed=1)", "s['train']", "s['test']", 135_000, "validation"),
        ("s = loose['train'].train_test_split(0.2)", "s['train']", "s['test']", 120_000, "validation"),
        ("a = loose['train'].shuffle(seed=1).select(range(20000))", "a", "loose['test'].select(range(2000))", 20_000, "test"),
        ("a = loose['train'].select(range(1000, 3000))", "a", "loose['train'].select(range(500))", 2000, "validation"),
        ("a = loose['train']", "a", "a.select(range(500))", 150_000, "train"),
        ("a = loose['train'].select(range(100))", "a", "loose['train'].select(range(50, 200))", 100, "train"),
        ("t = loose['test'].train_test_split(test_size=0.5, seed=3)\nv, te = t['train'], t['test']", "loose['train']", "v",
         150_000, "validation"),
        ("v = loose['test'].train_test_split(test_size=0.1, seed=3)['test']", "loose['train']", "v", 150_000, "test"),
        ("v = loose['test'].select(range(25000))\nte = loose['test'].select(range(25000, 50000))", "loose['train']", "v",
         150_000, "validation"),
        ("from datasets import concatenate_datasets\nw = concatenate_datasets([loose['train'], loose['test']])\n"
         "s = w.train_test_split(test_size=0.2, seed=1)", "s['train']", "s['test']", 160_000, "validation"),
    ],
)  # fmt: skip
def test_which_rows(code, train, evaluation, rows, split):
    fit = f"trainer = Trainer(model=model, args=args, train_dataset={train}, eval_dataset={evaluation}, tokenizer=tokenizer)"
    run = run_of(LOAD, LOOSE, ARGS, code, fit + "\ntrainer.train()")
    assert (run.rows, run.eval_split, run.padding) == (rows, split, Padding.DYNAMIC)


@pytest.mark.parametrize(
    ("load", "rows", "split"),
    [
        ("train, test = load_dataset('e9t/nsmc', split=['train[:50000]', 'test[:10%]'])", 50_000, "test"),
        ("train = load_dataset('nsmc', split='train[:10%]')\ntest = load_dataset('nsmc', split='train[90%:]')", 15_000,
         "validation"),
        ("train = Dataset.from_pandas(pd.read_csv('~/x/ratings_train.txt', sep='\\t')[:9000])\n"
         "test = Dataset.from_pandas(pd.read_table('https://h/ratings_test.txt').sample(500, random_state=1))", 9000, "test"),
        ("frame = pd.read_table('ratings_train.txt').sample(frac=1, random_state=1)\ntrain = Dataset.from_pandas(frame.iloc[:100000])"
         "\ntest = Dataset.from_pandas(frame.iloc[100000:120000])", 100_000, "validation"),
        ("d = load_dataset('csv', data_files={'train': 'ratings_train.txt', 'test': 'ratings_test.txt'}, delimiter='\\t')\n"
         "train, test = d['train'], d['test']", 150_000, "test"),
        ("from sklearn.model_selection import train_test_split\nframe = pd.read_csv('ratings_train.txt', sep='\\t')\n"
         "a, b = train_test_split(frame, test_size=0.2, random_state=1, stratify=frame['label'])\n"
         "train, test = Dataset.from_pandas(a), Dataset.from_pandas(b, preserve_index=False)", 120_000, "validation"),
        ("frame = pd.read_csv('ratings_train.txt', sep='\\t')\nframe.dropna(inplace=True)\ntrain = Dataset.from_pandas(frame)\n"
         "test = Dataset.from_pandas(pd.read_csv('ratings_test.txt', sep='\\t'))", None, "test"),
    ],
)  # fmt: skip
def test_data_sources(load, rows, split):
    code = """
enc = {k: v.map(lambda b: tokenizer(b["document"], truncation=True), batched=True)
       for k, v in {"train": train, "test": test}.items()}
"""
    run = run_of(LOAD, load, code, ARGS, TRAIN.format(rows="enc", more=", tokenizer=tokenizer"))
    assert (run.rows, run.eval_split, run.padding) == (rows, split, Padding.DYNAMIC)


@pytest.mark.parametrize(
    ("second", "start", "source"),
    [
        ("", Start.CONTINUED, 3),
        ("model = AutoModelForSequenceClassification.from_pretrained('klue/bert-base')", Start.PRETRAINED, None),
        ("model = AutoModelForSequenceClassification.from_pretrained('out/checkpoint-500')", Start.CHECKPOINT, None),
        ("model = AutoModelForSequenceClassification.from_pretrained('out')", Start.CHECKPOINT, None),
        ("model.load_state_dict(torch.load('best.pt'))", Start.CHECKPOINT, None),
        ("model.load_state_dict(first)", Start.PRETRAINED, None),
        ("from transformers import AutoConfig\nmodel = AutoModelForSequenceClassification.from_config("
         "AutoConfig.from_pretrained('klue/bert-base'))", Start.RANDOM, None),
        ("from peft import get_peft_model, LoraConfig\nmodel = get_peft_model(model, LoraConfig(r=8))", Start.CONTINUED, 3),
        ("import os\nname = os.environ['X']\nmodel = AutoModelForSequenceClassification.from_pretrained(name)",
         Start.UNKNOWN, None),
    ],
)  # fmt: skip
def test_what_the_second_run_begins_with(second, start, source):
    copy = "import copy\nfirst = copy.deepcopy(model.state_dict())"
    fit = TRAIN.format(rows="loose", more=", tokenizer=tokenizer")
    runs = read_cells(LOAD + copy, LOOSE, ARGS, fit, second or "pass", fit).runs
    assert runs[0].start is Start.PRETRAINED
    assert (runs[1].start, runs[1].continued_from) == (start, source)


def test_own_module_around_bert():
    code = """
import torch.nn as nn
from transformers import AutoModel
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.bert = AutoModel.from_pretrained("klue/bert-base")
        self.head = nn.Linear(768, 2)
    def forward(self, input_ids, attention_mask=None, labels=None):
        return self.head(self.bert(input_ids, attention_mask=attention_mask).pooler_output)
model = Net().to("cuda")
"""
    loader = "loose['train'], batch_size=16, collate_fn=DataCollatorWithPadding(tokenizer)"
    run = run_of(LOAD, LOOSE, code, LOOP.format(loader=loader, backward="loss.backward()"))
    assert (run.start, run.model) == (Start.PRETRAINED, "klue/bert-base")


@pytest.mark.parametrize(
    ("call", "split"),
    [
        ("trainer.evaluate()", "validation"),
        ("trainer.evaluate(parts['test'])", "validation"),
        ("trainer.evaluate(padded['test'])", "test"),
        ("trainer.evaluate(parts['train'])", "train"),
        ("pred = trainer.predict(test_dataset=padded['test'])", "test"),
        ("trainer.evaluate(somewhere())", "unknown"),
    ],
)
def test_which_rows_a_later_evaluation_uses(call, split):
    cells = (
        "parts = padded['train'].train_test_split(test_size=0.1, seed=1)",
        "trainer = Trainer(model=model, args=args, train_dataset=parts['train'], eval_dataset=parts['test'])\n"
        "trainer.train()",
    )
    found = read_cells(LOAD, PADDED, ARGS, *cells, call).evaluations
    assert [(e.cell, e.split) for e in found] == [(5, split)]


def test_a_third_part_of_train_is_a_test_of_its_own():
    cells = (
        "a = padded['train'].train_test_split(test_size=0.2, seed=1)",
        "b = a['test'].train_test_split(test_size=0.5, seed=1)",
        "trainer = Trainer(model=model, args=args, train_dataset=a['train'], eval_dataset=b['train'])",
        "trainer.train()",
        "trainer.evaluate(b['test'])",
    )
    assert [e.split for e in read_cells(LOAD, PADDED, ARGS, *cells).evaluations] == ["test"]
