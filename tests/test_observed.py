"""`observe` from end to end: a small notebook in a real sandbox with a classroom of a few hundred rows."""

import json
import re
import sys

import msgspec
import pytest

from grader.facts import Kind
from grader.observed import observe
from grader.records import Budget, Cell, Ending, Grouping, Limits, Padding, Start, Submission
from grader.sandbox import warm
from tests.sandbox_boxes import warmth

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

CELLS = [
    """!pip install -q transformers datasets
import tensorflow as tf, wandb
wandb.login()
print(tf.__version__)""",
    """from datasets import load_dataset
from transformers import (AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding,
                          Trainer, TrainingArguments)
data = load_dataset("e9t/nsmc")
tokenizer = AutoTokenizer.from_pretrained("klue/bert-base")
new = lambda: AutoModelForSequenceClassification.from_pretrained("klue/bert-base", num_labels=2)
options = dict(per_device_train_batch_size=16, num_train_epochs=2, eval_strategy="epoch", report_to="wandb",
               fp16=True, logging_steps=2)""",
    """def fix(b):
    return tokenizer(b["document"], truncation=True, padding="max_length", max_length=48)
fixed = data.map(fix, batched=True)
args = TrainingArguments("a", **options)
t = Trainer(new(), args, train_dataset=fixed["train"], eval_dataset=fixed["test"])
t.train()""",
    """open_ = data.map(lambda b: tokenizer(b["document"], truncation=True), batched=True)
args = TrainingArguments("b", train_sampling_strategy="group_by_length", **options)
half = open_["train"].train_test_split(0.25, seed=1)
t = Trainer(new(), args, train_dataset=half["train"], eval_dataset=half["test"],
            data_collator=DataCollatorWithPadding(tokenizer))
t.train()""",
    "import urllib.request\nurllib.request.urlretrieve('https://example.org/labels.zip', 'l.zip')",
    "undefined_name",
]


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    """A one-layer random BERT whose vocabulary is single syllables, and rows of NSMC's shape."""
    pytest.importorskip("transformers")
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    from grader.classroom import Classroom

    root = tmp_path_factory.mktemp("classroom")
    data = root / "data"
    data.mkdir()
    syllables = "가나다라마바사아자차카타파하"
    for split, count in (("train", 480), ("test", 120)):
        lines = ["id\tdocument\tlabel"]
        for i in range(count):
            text = "".join(syllables[(i * 7 + j * (3 + i % 11)) % 14] + " " for j in range(3 + i * 13 % 40))
            lines.append(f"{i}\t{count} {i} {text}\t{i % 2}")
        (data / f"ratings_{split}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    vocab = root / "vocab"
    vocab.mkdir()
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *syllables,
        *"0123456789",
        *map("##{}".format, range(10)),
    ]
    (vocab / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    (vocab / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    commit = "0" * 40
    model = root / "hub" / "models--klue--bert-base"
    snapshot = model / "snapshots" / commit
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    BertForSequenceClassification(BertConfig(vocab_size=1100, **shape)).save_pretrained(snapshot)
    BertTokenizerFast.from_pretrained(vocab).save_pretrained(snapshot)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(commit)
    for folder in (root, *root.rglob("*")):
        folder.chmod(0o755 if folder.is_dir() else 0o644)
    return Classroom(
        root=root,
        profile="pocket",
        hub=root / "hub",
        data=data,
        hidden=root / "none",
        runtimes={"current": sys.executable},
    )


def test_a_notebook_runs_unmodified(isolation, classroom, tmp_path):
    cells = tuple(Cell(index=i, kind="code", source=source) for i, source in enumerate(CELLS))
    observed = observe(
        Submission(name="small.ipynb", sha256="", cells=cells),
        classroom=classroom,
        budget=Budget(train_batches=8, eval_batches=1),
        limits=Limits(total_seconds=300),
        isolation=isolation,
        weights_dir=tmp_path / "weights",
    )
    failed = {cell.index: (cell.error_name, cell.environment) for cell in observed.cells if cell.error_name}
    assert failed == {4: ("URLError", True), 5: ("NameError", False)}, observed.cells
    assert "labels.zip" in observed.cells[4].why

    fixed, grouped = observed.testimony.runs
    assert (fixed.cell, fixed.padding, fixed.max_length) == (2, Padding.MAX_LENGTH, 48)
    assert (grouped.cell, grouped.padding, grouped.grouping) == (3, Padding.DYNAMIC, Grouping.LENGTH)
    assert (fixed.start, grouped.start) == (Start.PRETRAINED, Start.PRETRAINED)
    assert (fixed.eval_split, grouped.eval_split) == ("test", "validation")
    assert (fixed.rows, grouped.rows) == (480, 360)
    assert (fixed.steps, fixed.ending, fixed.epochs_planned) == (8, Ending.BUDGET, 2.0)
    assert fixed.examples_per_second > 0
    assert all(0 <= e.accuracy <= 1 and e.rows == 64 for e in fixed.evaluations)

    kinds = {(o.kind, o.cell) for o in observed.testimony.observations}
    assert {(Kind.REDIRECT, 0), (Kind.STANDIN, 0), (Kind.REDIRECT, 1), (Kind.MISSING, 4)} <= kinds
    assert observed.unverified == ()
    assert observed.isolation == isolation
    about = json.loads((tmp_path / "weights" / "last.json").read_text(encoding="utf-8"))
    assert (about["class"], about["config"]["hidden_size"]) == ("BertForSequenceClassification", 32)
    assert (tmp_path / "weights" / "best.safetensors").stat().st_size > 100_000


SEEDED = [
    "import torch\nfrom transformers import set_seed\nset_seed(7)",
    CELLS[1].replace("fp16=True, ", "").replace('"wandb"', '"none"'),
    CELLS[3],
    "import pandas as pd\nprint(len(pd.read_csv('/content/ratings_test.txt', sep='\\t')))",
]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="warm kernels are Linux's")
def test_a_warm_kernel_sees_what_a_cold_one_sees(isolation, classroom, tmp_path):
    """The same facts, losses and weights, to the last bit."""
    cells = tuple(Cell(index=i, kind="code", source=source) for i, source in enumerate(SEEDED))
    submission = Submission(name="small.ipynb", sha256="", cells=cells)

    def seen(name: str):
        observed = observe(
            submission,
            classroom=classroom,
            budget=Budget(train_batches=8, eval_batches=2),
            limits=Limits(total_seconds=300),
            isolation=isolation,
            weights_dir=tmp_path / name,
        )
        assert [cell.error_name for cell in observed.cells] == [""] * len(SEEDED), observed.cells
        weights = (tmp_path / name / "last.safetensors").read_bytes()
        return without_clocks(msgspec.to_builtins(observed)), weights

    cold = seen("cold")
    with warmth("warm"):
        hot = seen("warm")
        if isolation == "bubblewrap":
            assert warm.notes == [] and len(warm._kept) == 1
            assert next(iter(warm._kept.values())).failed == ()
    assert len(cold[0]["testimony"]["runs"][0]["losses"]) == 8
    assert hot[0] == cold[0]
    assert hot[1] == cold[1], "the weights, byte by byte"


CLOCKS = {"seconds", "cpu_seconds", "peak_memory_mb", "examples_per_second", "examples_per_second_spread"}


def without_clocks(facts):
    """`facts` without times and memory; of printed text, which carries both, the words."""
    if isinstance(facts, dict):
        kept = {key: without_clocks(value) for key, value in facts.items() if key not in CLOCKS}
        if "output_tail" in kept:
            kept["output_tail"] = sorted(set(re.findall(r"[A-Za-z가-힣]{4,}", kept["output_tail"])))
        return kept
    if isinstance(facts, list | tuple):
        return [without_clocks(value) for value in facts]
    return facts


TWIN = [
    CELLS[1].replace("fp16=True, ", "").replace('report_to="wandb"', 'report_to="none"'),
    CELLS[2],
    CELLS[3],
    """import torch
from torch.utils.data import DataLoader
class Clf(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = new()
    def forward(self, b):
        return self.inner(**b).logits
m = Clf().cuda()
loader = DataLoader(half["train"].remove_columns(["id", "document"]), 16, shuffle=True,
                    collate_fn=DataCollatorWithPadding(tokenizer))
o = torch.optim.AdamW(m.parameters(), lr=1e-3)
for i, b in enumerate(loader):
    y = b.pop("labels"); torch.nn.functional.cross_entropy(m(b), y).backward(); o.step(); o.zero_grad()
print(m.inner.bert.encoder.layer[11].attention is not None, i)""",
    "!wget https://example.org/more.zip\nopen('more.zip')",
    "still = 1",
]


def test_twins_in_two_runtimes_give_the_same_facts(isolation, classroom, tmp_path):
    """The same notebook for transformers 4 and 5; only the name of one argument differs."""
    import msgspec

    from grader.classroom import available

    old = available().get("2024")
    if old is None:
        pytest.skip("the runtime 2024 isn't built here: grader setup --runtime 2024")
    both = {}
    for name, python in (("2024", old), ("current", sys.executable)):
        room = msgspec.structs.replace(classroom, runtimes={name: python})
        then = ('train_sampling_strategy="group_by_length"', "group_by_length=True")
        cells = [cell.replace(*then) if name == "2024" else cell for cell in TWIN]
        seen = observe(
            Submission(
                name="twin.ipynb",
                sha256="",
                cells=tuple(Cell(index=i, kind="code", source=cell) for i, cell in enumerate(cells)),
            ),
            classroom=room,
            budget=Budget(train_batches=8, eval_batches=1),
            limits=Limits(total_seconds=300),
            isolation=isolation,
            runtime=name,
            weights_dir=tmp_path / name,
        )
        failed = {cell.index: (cell.error_name, cell.environment) for cell in seen.cells if cell.error_name}
        assert failed == {4: ("FileNotFoundError", True)}, seen.cells
        assert seen.cells[5].ending is Ending.COMPLETED, "cells after an unknown download still run"
        wanted = [o.value["wanted"] for o in seen.testimony.observations if o.kind == Kind.MISSING]
        assert wanted == ["https://example.org/more.zip"]
        both[name] = seen.testimony.runs
        about = json.loads((tmp_path / name / "last.json").read_text())
        assert about["class"] == "Clf" and len(about["example"]["logits"][0]) == 2
    same = (
        "cell", "kind", "padding", "grouping", "attempts", "rows", "distinct_rows", "batch_size", "steps",
        "steps_planned", "max_length", "start", "trainable_share", "ending", "eval_split", "leaked_rows",
    )  # fmt: skip
    assert len(both["2024"]) == len(both["current"]) == 3
    for a, b in zip(both["2024"], both["current"], strict=True):
        assert {f: getattr(a, f) for f in same} == {f: getattr(b, f) for f in same}
        assert a.real_tokens_per_row == pytest.approx(b.real_tokens_per_row, rel=0.01)
        assert a.tokens_per_row == pytest.approx(b.tokens_per_row, rel=0.15), "a few shuffled batches"
