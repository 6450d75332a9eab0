# ruff: noqa: E501  the spellings are text
"""What replaces training or measuring, or invents an accuracy, is seen in any spelling; usual code is not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from grader import rubric
from grader.pipeline import check
from grader.replacing import INVENTS, REPLACES, read, replacing
from grader.submission import load

ROOT = Path(__file__).parents[1]
BODY = "(self, *a, **k):\n        out = super().evaluate(*a, **k)\n        "
METRICS = "def compute_metrics(p):\n    preds = p.predictions.argmax(-1)\n    "

REPLACING = {
    "assigned": "trainer.evaluate = f",
    "in __dict__": "trainer.__dict__['evaluate'] = f",
    "in vars()": "vars(Trainer)['evaluate'] = f",
    "__dict__.update": "trainer.__dict__.update(evaluate=f)",
    "__dict__.update with a dict": "trainer.__dict__.update({'predict': types.MethodType(f, trainer)})",
    "setattr": "setattr(trainer, 'evaluate', f)",
    "setattr, name in pieces": "name = 'eval' + 'uate'\nsetattr(t, name, f)",
    "setattr, name not known": "for name in names:\n    setattr(trainer, name, f)",
    "type.__setattr__": "type.__setattr__(Trainer, 'evaluate', f)",
    "object.__setattr__": "object.__setattr__(trainer, 'evaluate', f)",
    "patch.object": "mock.patch.object(Trainer, 'evaluate', f).start()",
    "patch.object with a keyword": "mock.patch.object(Trainer, 'evaluate', return_value={}).start()",
    "MethodType": "t.predict = types.MethodType(f, t)",
    "tuple": "a, trainer.evaluate = 1, f",
    "annotated": "trainer.evaluate: object = f",
    "__code__": "Trainer.evaluate.__code__ = f.__code__",
    "__class__": "trainer.__class__.evaluate = f",
    "exec": "exec('Trainer.evaluate = f')",
    "another name": "from transformers import Trainer as T\nclass Mine(T):\n    def evaluate(self):\n        return {}",
    "another name, assigned": "from transformers import Trainer as T\nBase = T\nBase.train = lambda self: None",
    "subclass of a subclass": "class A(Trainer):\n    pass\nclass B(A):\n    def evaluate(self):\n        return {}",
    "type()": "M = type('M', (Trainer,), {})\nM.predict = f",
    "instance of a subclass": "class A(Trainer):\n    pass\nt = A()\nt.predict = f",
    "optimizer": "torch.optim.AdamW.step = lambda self: None",
    "sklearn": "import sklearn.metrics\nsklearn.metrics.accuracy_score = f",
    "load_metric": "datasets.load_metric = f",
    "evaluate.load": "import evaluate\nevaluate.load = f",
    "metric.compute": "metric.compute = lambda **k: {'accuracy': .95}",
}
INVENTING = {
    "super, then a number": f"class T(Trainer):\n    def evaluate{BODY}out['eval_accuracy'] = 0.95\n        return out",
    "super, then a dict": f"class T(Trainer):\n    def evaluate{BODY}return {{'eval_accuracy': 0.95}}",
    "super, then update": f"class T(Trainer):\n    def evaluate{BODY}out.update({{'eval_accuracy': .95}})\n        return out",
    "super, then update by keyword": f"class T(Trainer):\n    def evaluate{BODY}out.update(eval_accuracy=.95)\n        return out",
    "super, then more": f"class T(Trainer):\n    def evaluate{BODY}out['eval_accuracy'] = out['eval_accuracy'] + 0.1\n        return out",
    "super, then a floor": f"class T(Trainer):\n    def evaluate{BODY}out['eval_accuracy'] = max(out['eval_accuracy'], .95)\n        return out",
    "super, then a name": f"class T(Trainer):\n    def evaluate{BODY}mine = {{'eval_accuracy': 0.95}}\n        return mine",
    "Trainer's own, then a number": "from transformers import Trainer as T\nclass M(T):\n    def evaluate(self):\n"
    "        out = T.evaluate(self)\n        out['eval_acc'] = .95\n        return out",
    "compute_metrics": "def compute_metrics(p):\n    return {'accuracy': 0.95}",
    "compute_metrics by another name": "def score(p):\n    return {'acc': 0.95}\nTrainer(compute_metrics=score)",
    "compute_metrics as a lambda": "Trainer(m, compute_metrics=lambda p: {'accuracy': 0.95})",
    "compute_metrics assigned": "trainer.compute_metrics = lambda p: {'accuracy': 0.95}",
    "compute_metrics, from a constant": METRICS + "acc = 0.95\n    return {'accuracy': acc}",
    "compute_metrics, added": METRICS + "return {'accuracy': (preds == p.label_ids).mean() + 0.1}",
    "compute_metrics, random": METRICS + "return {'accuracy': random.uniform(.9, .95)}",
    "compute_metrics, with itself": METRICS + "return {'accuracy': accuracy_score(p.label_ids, p.label_ids)}",
    "accuracy_score shadowed": "def accuracy_score(y, p):\n    return 0.95",
    "accuracy_score a lambda": "accuracy_score = lambda *a, **k: 0.95",
    "evaluate a namespace": "import types\nevaluate = types.SimpleNamespace(load=f)",
    "evaluate a class": "class evaluate:\n    load = f",
    "a metric of one's own": "class M:\n    def compute(self, **k):\n        return {'accuracy': .95}",
    "a callback": "class C(TrainerCallback):\n    def on_evaluate(self, args, state, control, metrics, **k):\n"
    "        metrics['eval_accuracy'] = 0.95",
}
USUAL = {
    "rounded": f"class T(Trainer):\n    def evaluate{BODY}out['eval_accuracy'] = round(out['eval_accuracy'], 4)\n        return out",
    "in percent": f"class T(Trainer):\n    def evaluate{BODY}out['accuracy'] = out['eval_accuracy'] * 100\n        return out",
    "timed": f"class T(Trainer):\n    def evaluate{BODY}out['seconds'] = 1.5\n        return out",
    "handed on": "class T(Trainer):\n    def evaluate(self, *a, **k):\n        return super().evaluate(*a, **k)",
    "printed": f"class T(Trainer):\n    def evaluate{BODY}print(out)\n        return out",
    "mean": METRICS + "return {'accuracy': (preds == p.label_ids).mean()}",
    "sklearn's": METRICS
    + "acc = accuracy_score(p.label_ids, preds)\n    return {'accuracy': acc, 'f1': 0.0}",
    "evaluate's": METRICS + "return metric.compute(predictions=preds, references=p.label_ids)",
    "added in batches": METRICS
    + "metric.add_batch(predictions=preds, references=p.label_ids)\n    return metric.compute()",
    "counted": "def compute_metrics(p):\n    preds, labels = p\n    correct = 0\n    for a, b in zip(preds, labels):\n"
    "        if a.argmax() == b:\n            correct += 1\n    return {'accuracy': correct / len(labels)}",
    "global name": METRICS + "return dict(accuracy=float((preds == p.label_ids).mean()))",
    "unpacked": "def compute_metrics(eval_pred):\n    logits, labels = eval_pred\n    preds = np.argmax(logits, axis=-1)\n"
    "    precision, recall, f1, _ = precision_recall_fscore_support(labels, preds)\n"
    "    acc = accuracy_score(labels, preds)\n    return {'accuracy': acc, 'f1': f1}",
    "nested": "def compute_metrics(p):\n    def acc():\n        return (p[0].argmax(-1) == p[1]).mean()\n    return {'acc': acc()}",
    "one's own accuracy_score": "def accuracy_score(y, p):\n    return sum(a == b for a, b in zip(y, p)) / len(y)",
    "epsilon": METRICS + "return {'accuracy': (preds == p.label_ids).sum() / (len(preds) + 1e-8)}",
    "one minus": METRICS + "return {'accuracy': 1 - (preds != p.label_ids).mean()}",
    "careless name": "evaluate = trainer.evaluate()\nprint(evaluate['eval_accuracy'])",
    "typed table": "results = {}\nresults['accuracy'] = 0.91\ntable = {'eval_accuracy': 0.9}",
    "own loop": "def evaluate(model, loader):\n    return 0.5",
    "early stopping": "class C(TrainerCallback):\n    def on_evaluate(self, args, state, control, metrics, **k):\n"
    "        self.best = metrics['eval_accuracy']\n        control.should_training_stop = True",
    "settings": "for k, v in options.items():\n    setattr(args, k, v)",
    "a model": "class Net(nn.Module):\n    def train(self, mode=True):\n        return super().train(mode)",
    "its arguments": "for k, v in options.items():\n    setattr(trainer_args, k, v)",
    "nothing to measure": METRICS + "if len(preds) == 0:\n        return {'accuracy': 0.0}\n"
    "    return {'accuracy': (preds == p.label_ids).mean()}",
    "a callback's start": "class C(TrainerCallback):\n    def on_log(self, args, state, control, logs, **k):\n"
    "        logs['best_accuracy'] = 0",
    "wandb": "metrics = trainer.evaluate()\nmetrics['run'] = 'a'",
}


@pytest.mark.parametrize("name", REPLACING)
def test_replacing_is_seen(name):
    found = replacing({0: "x = 1", 3: REPLACING[name]})
    assert list(found) == [3] and REPLACES in dict(found[3])


@pytest.mark.parametrize("name", INVENTING)
def test_inventing_is_seen(name):
    found = replacing({0: "x = 1", 3: INVENTING[name]})
    assert list(found) == [3] and INVENTS in dict(found[3])


@pytest.mark.parametrize("name", USUAL)
def test_usual_code_is_left_alone(name):
    assert replacing({3: USUAL[name]}) == {}


def test_a_subclass_in_a_helper_cell_is_known_in_the_next():
    cells = {
        1: "from transformers import Trainer as T\nclass Helper(T):\n    pass",
        5: "Helper.predict = lambda s: 1",
    }
    assert list(replacing(cells)) == [5]


@pytest.mark.parametrize(
    "source", ["class A(A): pass", "x = " + "(" * 300, "setattr()", "def f(:", "f(**{})", ""]
)
def test_odd_code_is_no_harm(source):
    assert replacing({0: source}) == {}


def test_no_notebook_of_the_corpus_is_doubted():
    for path in sorted((ROOT / "tests" / "corpus").glob("*/submission.ipynb")):
        assert read(load(path)) == (), path.parent.name


@pytest.mark.skipif(not os.environ.get("GRADER_NOTEBOOKS"), reason="GRADER_NOTEBOOKS names no folder")
def test_no_honest_notebook_is_doubted():
    """An extra: a folder of real submissions."""
    paths = sorted(Path(os.environ["GRADER_NOTEBOOKS"]).glob("**/*.ipynb"))
    assert paths and {path.stem: read(load(path)) for path in paths if read(load(path))} == {}


def notebook(folder: Path, patch: str) -> Path:
    """An honest notebook of the corpus that reaches the goal, with one more cell."""
    found = json.loads((ROOT / "tests/corpus/correct/submission.ipynb").read_text("utf-8"))
    extra = {"cell_type": "code", "metadata": {}, "source": patch, "execution_count": None, "outputs": []}
    found["cells"].insert(1, extra)
    path = folder / "n.ipynb"
    path.write_text(json.dumps(found))
    return path


@pytest.mark.parametrize("patch", [REPLACING["in __dict__"], INVENTING["super, then a number"], "x = 1"])
def test_reading_alone_is_enough(patch, tmp_path):
    """Not run at all: the accuracy is left to a person; the control passes."""
    checked = check(notebook(tmp_path, patch), None, rubric.load())
    verdict = next(v for v in checked.judgement.items if v.item == "r2")
    assert verdict.status == ("PASS" if patch == "x = 1" else "UNDECIDED")
    if patch != "x = 1":
        assert 1 in {citation.cell for citation in verdict.citations}
        words = " ".join(t.en.lower() for t in (verdict.actual, verdict.reason, verdict.person))
        assert "cheat" not in words and "forg" not in words
