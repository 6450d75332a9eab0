"""The source witness: state, leaks, cell order, and facts that need no data flow."""

# ruff: noqa: E501  (lines of notebooks)

from __future__ import annotations

import pytest

from grader.records import Grouping, Padding, Start
from tests.source_notebooks import ARGS, LOAD, LOOSE, PADDED, kinds, notebook, read_cells, run_of

FIT = """
trainer = Trainer(model=model, args=args, train_dataset={train}, eval_dataset={evaluate}, tokenizer=tokenizer)
trainer.train()
"""


def fit(train: str, evaluate: str) -> str:
    return FIT.format(train=train, evaluate=evaluate)


# ---------------------------------------------------------------- leaks and state


def test_evaluating_the_rows_trained_on():
    for rows in ("loose['train']", "loose['train'].select(range(1000))", "loose['train'].shuffle(seed=1)"):
        found = read_cells(LOAD, LOOSE, ARGS, fit("loose['train']", rows))
        assert kinds(found, "leak") == [{"how": "train-as-eval", "executed": True}], rows
        assert found.runs[0].eval_split == "train"


def test_an_honest_split_is_no_leak():
    for split in ("train_test_split(test_size=0.1, seed=42)", "train_test_split(test_size=0.1)"):
        found = read_cells(LOAD, LOOSE, ARGS, f"s = loose['train'].{split}", fit("s['train']", "s['test']"))
        assert kinds(found, "leak") == [] and kinds(found, "test-as-validation") == []


def test_the_same_seed_gives_the_same_split_of_two_tokenisations():
    """Baseline and bucketing split separately with one seed: the same rows, no leak even when continued."""
    code = "a = padded['train'].train_test_split(test_size=0.1, seed=7)\nb = loose['train'].train_test_split(test_size=0.1, seed=7)"
    found = read_cells(
        LOAD, PADDED, LOOSE, ARGS, code, fit("a['train']", "a['test']"), fit("b['train']", "b['test']")
    )
    assert kinds(found, "leak") == []
    assert kinds(found, "continued-state") == [
        {"model": "model", "first_run": 5, "then_run": 6, "executed": True}
    ]
    assert [r.start for r in found.runs] == [Start.PRETRAINED, Start.CONTINUED]


def test_training_goes_on_after_a_new_unseeded_split():
    one = "a = loose['train'].train_test_split(test_size=0.1)"
    two = "b = loose['train'].train_test_split(test_size=0.1)"
    found = read_cells(
        LOAD, LOOSE, ARGS, one, fit("a['train']", "a['test']"), two, fit("b['train']", "b['test']")
    )
    assert kinds(found, "leak") == [{"how": "resplit-unseeded", "executed": True}]
    assert [s["seeded"] for s in kinds(found, "split")] == [False, False]


def test_a_new_split_with_a_fresh_model_is_no_leak():
    one = "a = loose['train'].train_test_split(test_size=0.1)"
    two = "b = loose['train'].train_test_split(test_size=0.1)\nmodel = AutoModelForSequenceClassification.from_pretrained('klue/bert-base')"
    found = read_cells(
        LOAD, LOOSE, ARGS, one, fit("a['train']", "a['test']"), two, fit("b['train']", "b['test']")
    )
    assert kinds(found, "leak") == []


def test_test_rows_in_training():
    code = (
        "from datasets import concatenate_datasets\nw = concatenate_datasets([loose['train'], loose['test']])"
    )
    found = read_cells(LOAD, LOOSE, ARGS, code, fit("w", "loose['test']"))
    assert kinds(found, "leak") == [{"how": "test-in-train", "executed": True}]


def test_test_split_used_as_validation():
    found = read_cells(LOAD, LOOSE, ARGS, fit("loose['train']", "loose['test']"))
    assert kinds(found, "test-as-validation") == [{"run": 3, "executed": True}]


# ---------------------------------------------------------------- order of execution


def test_cells_are_read_in_the_order_they_ran():
    """The bucketing cells lie below but ran first; the baseline went on with their weights."""
    base, bucket = fit("loose['train']", "loose['test']"), fit("padded['train']", "padded['test']")
    found = read_cells(LOAD, PADDED, LOOSE, ARGS, base, bucket, counts=[1, 2, 3, 4, 9, 5])
    assert [(r.cell, r.start, r.continued_from) for r in found.runs] == [
        (4, Start.CONTINUED, 5),
        (5, Start.PRETRAINED, None),
    ]
    assert {s["used_in"] for s in kinds(found, "shadowed")} == {4, 5}


def test_a_definition_run_after_the_training_does_not_reach_it():
    args2 = ARGS.replace("num_train_epochs=3", "num_train_epochs=9, group_by_length=True")
    sources = (LOAD, LOOSE, ARGS, args2, fit("loose['train']", "loose['test']"))
    late = run_of(*sources, counts=[1, 2, 3, 5, 4])
    assert (late.grouping, late.epochs_planned) == (Grouping.NONE, 3)
    assert run_of(*sources).grouping is Grouping.LENGTH


def test_a_name_the_order_does_not_explain_comes_from_the_file():
    """The data cell was run again after the training: its number is higher, but it did run before."""
    run = run_of(LOAD, LOOSE, ARGS, fit("loose['train']", "loose['test']"), counts=[11, 12, 3, 4])
    assert (run.padding, run.rows, run.start) == (Padding.DYNAMIC, 150_000, Start.PRETRAINED)


def test_two_sessions_are_read_in_file_order():
    sources = (LOAD, PADDED, ARGS, fit("padded['train']", "padded['test']"), LOOSE,
               fit("loose['train']", "loose['test']"))  # fmt: skip
    runs = read_cells(*sources, counts=[1, 2, 3, 4, 2, 5]).runs
    assert [r.padding for r in runs] == [Padding.MAX_LENGTH, Padding.DYNAMIC]


def test_a_run_can_not_go_on_from_one_with_a_higher_count():
    """Two sessions: the kernel was started anew between the two runs, and the model loaded again."""
    sources = (
        LOAD,
        PADDED,
        LOOSE,
        ARGS,
        fit("padded['train']", "padded['test']"),
        fit("loose['train']", "loose['test']"),
    )
    runs = read_cells(*sources, counts=[1, 2, 2, 3, 9, 5]).runs
    assert [(r.start, r.continued_from) for r in runs] == [(Start.PRETRAINED, None), (Start.PRETRAINED, None)]
    runs = read_cells(*sources, counts=[1, 2, 2, 3, 9, 10]).runs
    assert [(r.start, r.continued_from) for r in runs] == [(Start.PRETRAINED, None), (Start.CONTINUED, 4)]


def test_a_runaway_cell_does_not_cost_the_others():
    away = (
        "def f(n):\n"
        + "    x = [(a + b) for a in range(12) for b in range(12)]\n" * 40
        + "for i in (1, 2, 3, 4, 5, 6, 7, 8):\n    for j in (1, 2, 3, 4, 5, 6, 7, 8):\n        f(i)\n"
    )
    run = run_of(LOAD, LOOSE, ARGS, away, fit("loose['train']", "loose['test']"))
    assert run.padding is Padding.DYNAMIC


def test_cells_never_run():
    sources = (LOAD, LOOSE, ARGS, fit("loose['train']", "loose['test']"))
    assert run_of(*sources, counts=[1, 2, 3, None]).executed is False
    assert run_of(*sources, counts=[1, 2, 3, None], outputs={3}).executed is True
    assert run_of(*sources, counts=[None] * 4, outputs={0, 3}).executed is True


def test_a_cell_edited_after_it_ran_still_counts_as_run():
    """No count, no output, but a later executed cell uses a name only it defines."""
    use = "print(loose)"
    run = run_of(LOAD, LOOSE, ARGS, fit("loose['train']", "loose['test']"), use, counts=[1, None, 5, 3, 4])
    assert run.padding is Padding.DYNAMIC


# ---------------------------------------------------------------- names


def test_names_used_before_any_cell_defines_them():
    code = "def f(x):\n    return helper(x) + LATER\nclass A:\n    pass\nwith open('a') as handle:\n    text = handle.read()"
    found = read_cells(
        "print(missing)\nimport os",
        code,
        "f(1)\nA()\n[v for v in text if v]",
        "LATER = 1\ndef helper(x): ...",
    )
    names = {(o.cell, o.value["name"]) for o in found.observations if o.kind == "undefined-name"}
    assert names == {(0, "missing"), (2, "helper"), (2, "LATER")}


def test_names_that_are_defined_after_all():
    sources = [
        "%matplotlib inline\nfiles = !ls\nimport numpy as np, os.path\nfor i, (a, b) in enumerate([]): print(i, a, b)",
        "try:\n    import torch\nexcept ImportError as problem:\n    print(problem)\nprint(np, os, torch, files, __name__)",
        "if 'x' not in globals():\n    x = 1\ntry:\n    y\nexcept NameError:\n    y = 2\nprint(x, y, (z := 3), z)",
        "f = lambda q, *r, k=1, **s: (q, r, k, s)\n{k: v for k, v in dict(a=1).items()}\ndef g():\n    global made\n    made = 1",
        "match x:\n    case 1: pass\ndisplay(get_ipython(), In, Out, _)\nasync def h(): pass",
    ]
    assert kinds(read_cells(*sources), "undefined-name") == []


def test_a_deleted_name():
    found = kinds(read_cells("a = 1", "del a", "print(a)"), "undefined-name")
    assert found == [{"name": "a", "line": 1, "deleted_in": 1}]


# ---------------------------------------------------------------- broken and strange cells


def test_a_syntax_error_costs_one_statement():
    broken = "x = (1,\nargs = TrainingArguments('out', num_train_epochs=7 A\n    )\ny = 2"
    found = read_cells(
        LOAD,
        LOOSE,
        ARGS,
        "for i in range(3)\n    print(i)\nz = 4",
        broken,
        fit("loose['train']", "loose['test']"),
    )
    assert {o.cell for o in found.observations if o.kind == "syntax-error"} == {3, 4}
    assert len(found.runs) == 1 and found.runs[0].padding is Padding.DYNAMIC


def test_a_stray_word_is_mended():
    args = "args = TrainingArguments(\n    'out',\n    per_device_train_batch_size=2,    A  # note\n    num_train_epochs=5,\n)"
    run = run_of(LOAD, LOOSE, args, fit("loose['train']", "loose['test']"))
    assert (run.batch_size, run.epochs_planned) == (2, 5)


def test_magics_and_shell_lines():
    cell = "%%time\n!pip install transformers \\\n   datasets\n%pip install x\nout = !nvidia-smi\n%time y = 1\nx = 5 %\\\n  3\n?print\nprint?"
    found = read_cells(cell, "%%bash\nrm -rf /content/x", "print(out, x, y)\n'''\n!not shell\n'''")
    assert [s["command"].split()[0] for s in kinds(found, "shell")] == ["!pip", "%pip", "out", "rm"]
    assert kinds(found, "syntax-error") == [] and kinds(found, "undefined-name") == []


def test_strange_cells_do_no_harm():
    deep = "x = " + "(" * 300 + "1" + ")" * 300
    sources = [deep, "x" * 100_000, "\x00", "a = " + "[" * 5000, "lambda: (yield)", "class A(A): pass\nA()",
               "def f(): return f()\nf()", "x = [x for x in x]", "while True: pass", "{**{}, **x}", "*a, b = 1, 2",
               "'" * 7, "def f(*a, **k): f(*a, **k)\nf(f)", "x = {}\nx['x'] = x\ny = [x]\nx['y'] = y\nprint(x, [v for v in x])",
               "raise SystemExit", "exec('1')", "import a.b.c as d\nd.e.f.g()()[0](1)(**d)", "return 1", "+".join(["1"] * 3000)]  # fmt: skip
    found = read_cells(*sources, LOAD, LOOSE, ARGS, fit("loose['train']", "loose['test']"))
    assert found.runs[-1].padding is Padding.DYNAMIC


def test_a_notebook_without_code():
    assert read_cells("# md nothing").runs == () and read_cells().observations == ()


# ---------------------------------------------------------------- plain facts


@pytest.mark.parametrize(
    ("sources", "paths"),
    [
        # What a training writes, or nobody reads, is made on any machine.
        (["out = os.getenv('HOME') + '/aiffel/trained'", "args = TrainingArguments(out, seed=1)"], []),
        (["args = TrainingArguments(output_dir='/content/out', seed=1)"], []),
        (["trainer.save_model('/content/drive/best')", "drive.mount('/content/drive')"], []),
        (["home = '/content'"], []),
        (["with open('/content/log.txt', 'w') as f: f.write('x')", "open('/content/log.txt').read()"], []),
        (["out = '/content/out'\nTrainingArguments(out)", "A.from_pretrained(out + '/checkpoint-9')"], []),
        (["A.from_pretrained('klue/bert-base', cache_dir='/content/cache')"], []),
        (["TrainingArguments('/content/out')", "A.from_pretrained('/content/out/checkpoint-9')"], []),
        (["!mkdir -p ~/aiffel/work"], []),
        (["frame = pd.read_csv('/content/a.csv')\nframe.to_csv('b.csv')"], ["/content/a.csv"]),
        # Read at once, by a name, put together, by a function of their own, in a loop.
        (["frame = pd.read_csv('/content/drive/ratings.txt', sep='\\t')"], ["/content/drive/ratings.txt"]),
        (
            ["at = '/content/results/checkpoint-9'", "m = A.from_pretrained(at)"],
            ["/content/results/checkpoint-9"],
        ),
        (
            ["at = '/content/old/checkpoint-9'", "t.train(resume_from_checkpoint=at)"],
            ["/content/old/checkpoint-9"],
        ),
        (
            ["base = '~/aiffel/data'", "at = os.path.join(base, 'a.csv')", "pd.read_csv(at)"],
            ["~/aiffel/data"],
        ),
        (
            [
                "def fit(out, at):\n    A.from_pretrained(at)\n    TrainingArguments(output_dir=out)",
                "fit('/root/out', '/root/m')",
            ],
            ["/root/m"],
        ),
        (["def rows(at):\n    return open(at).read()", "rows('/root/a.txt')"], ["/root/a.txt"]),
        (
            ["for at in ['/content/a.csv', '/content/b.csv']:\n    pd.read_csv(at)"],
            ["/content/a.csv", "/content/b.csv"],
        ),
        (["d = load_from_disk('/content/drive/nsmc')"], ["/content/drive/nsmc"]),
        (["!cp ~/data/ratings.txt ."], ["~/data/ratings.txt"]),
    ],
)
def test_only_a_path_that_is_read_can_be_missing(sources, paths):
    assert [p["path"] for p in kinds(read_cells(*sources), "hard-coded-path")] == paths


def test_plain_facts_with_their_cells_and_verbatim_quotes():
    sources = [
        "# md text",
        "import random, torch, numpy as np\nfrom transformers import AdamW, set_seed\nset_seed(42)\nnp.random.seed(1)",
        "from datasets import load_metric\nmetric = load_metric('accuracy')\nrows = open('/content/drive/MyDrive/x')",
        LOAD,
        "frame = pd.read_csv('ratings_train.txt', sep='\\t').dropna().drop_duplicates(subset=['document'])\n"
        "import re\nclean = lambda s: re.sub(r'[^가-힣]', ' ', s)\nframe['document'] = frame['document'].apply(clean)\n"
        "lengths = [len(tokenizer.tokenize(s)) for s in frame['document']]\nprint(np.percentile(lengths, 95))",
        "args = TrainingArguments('out', evaluation_strategy='epoch', fp16=True, warmup_ratio=0.1)\n"
        "model.cuda()\ndevice = torch.device('cuda')",
        LOOSE,
        fit("loose['train']", "loose['test']"),
    ]
    submission = notebook(*sources)
    found = read_cells(*sources)
    places = {(o.kind, o.cell) for o in found.observations}
    assert {("seed", 1), ("deprecated", 1), ("deprecated", 2), ("metric", 2), ("hard-coded-path", 2), ("data-load", 3),
            ("model-load", 3), ("tokenizer-load", 3), ("preprocess", 4), ("deprecated", 5), ("device-unchecked", 5),
            ("tokenize", 6), ("deprecated", 7), ("tuning", 5)} <= places  # fmt: skip
    assert {p["what"] for p in kinds(found, "preprocess")} == {
        "drop-empty",
        "drop-duplicates",
        "normalise",
        "length-study",
    }
    assert {d["name"] for d in kinds(found, "deprecated")} == {
        "AdamW", "load_metric", "evaluation_strategy", "warmup_ratio", "Trainer(tokenizer=)"}  # fmt: skip
    assert {d["call"] for d in kinds(found, "device-unchecked")} == {
        ".cuda()",
        "torch.device('cuda')",
        "fp16=True",
    }
    for observation in found.observations:
        if observation.cell is not None:
            assert observation.quote in submission.cells[observation.cell].source
            assert len(observation.quote) <= 300
    for run in found.runs:
        assert run.quote and run.quote in submission.cells[run.cell].source


def test_a_checked_device_is_fine():
    found = read_cells(
        "import torch\ndevice = 'cuda' if torch.cuda.is_available() else 'cpu'\nx.to('cuda')\nmodel.cuda()"
    )
    assert kinds(found, "device-unchecked") == []


def test_cells_run_again_after_the_training_are_named():
    sources = (LOAD, LOOSE, ARGS, fit("loose['train']", "loose['test']"))
    assert kinds(read_cells(*sources, counts=[1, 9, 3, 4]), "stale-cell") == [{"run": 3, "cells": [1]}]
    assert kinds(read_cells(*sources, counts=[1, 2, None, 4]), "stale-cell") == [{"run": 3, "cells": [2]}]
    assert kinds(read_cells(*sources), "stale-cell") == []


def test_a_final_test_is_no_validation():
    end = "trainer = Trainer(model=model, args=args, train_dataset=loose['train'], tokenizer=tokenizer)\ntrainer.train()\nprint(trainer.evaluate(loose['test']))"
    found = read_cells(LOAD, LOOSE, ARGS, end)
    assert found.runs[0].eval_split == "test" and kinds(found, "test-as-validation") == []
