"""Modules of the notebook's own around an encoder: rebuilt from weights and a few logits, or refused."""

from __future__ import annotations

import importlib.util
import json

import pytest

from grader.classroom import assemble
from grader.verified import answers, intake, structure
from grader.verified.opening import Bad

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
MODEL = assemble.POCKET / "model"


def evaluator():
    spec = importlib.util.spec_from_file_location("evaluate", answers.EVALUATOR / "evaluate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Pooled(torch.nn.Module):
    """The usual lesson: pooled output, dropout, one Linear."""

    def __init__(self):
        super().__init__()
        self.bert = transformers.BertModel.from_pretrained(MODEL)
        self.drop, self.fc = torch.nn.Dropout(0.5), torch.nn.Linear(128, 2)

    def forward(self, ids, mask):
        return self.fc(self.drop(self.bert(ids, attention_mask=mask).pooler_output))


class First(Pooled):
    """CLS, two layers with an activation, another name for the encoder, no bias, no pooler."""

    def __init__(self):
        torch.nn.Module.__init__(self)
        self.encoder = transformers.BertModel.from_pretrained(MODEL, add_pooling_layer=False)
        self.head = torch.nn.Sequential(
            torch.nn.Linear(128, 128), torch.nn.ReLU(), torch.nn.Dropout(0.3), torch.nn.Linear(128, 2, False)
        )

    def forward(self, ids, mask):
        return self.head(self.encoder(ids, attention_mask=mask).last_hidden_state[:, 0])


class Mean(Pooled):
    """The mean over real tokens."""

    def forward(self, ids, mask):
        hidden = self.bert(ids, attention_mask=mask).last_hidden_state
        return self.fc((hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))


class Within(Pooled):
    """A whole classifier inside a module."""

    def __init__(self):
        torch.nn.Module.__init__(self)
        self.model = transformers.AutoModelForSequenceClassification.from_pretrained(MODEL, num_labels=2)

    def forward(self, ids, mask):
        return self.model(ids, attention_mask=mask).logits


class Odd(Pooled):
    """Something no usual head does."""

    def forward(self, ids, mask):
        return self.fc(self.bert(ids, attention_mask=mask).pooler_output ** 3 - 0.1)


class Recurrent(Pooled):
    """More than Linear layers."""

    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.GRU(128, 128)


def leave(kind, folder, example=True):
    """What the notebook's process leaves of a `kind`, and its logits for other rows."""
    from safetensors.torch import save_file

    torch.manual_seed(3)
    model = kind().eval()
    ids = torch.randint(5, 2000, (12, 9))
    mask = torch.ones_like(ids)
    mask[::2, 5:] = 0
    with torch.no_grad():
        logits = model(ids, mask)
    save_file({k: v.contiguous().clone() for k, v in model.state_dict().items()}, folder / "last.safetensors")
    encoder = next(m for m in model.modules() if hasattr(m, "config"))
    about = {"class": kind.__name__, "label": "last", "config": encoder.config.to_dict()}
    if example:
        about["example"] = {name: part[:6].tolist() for name, part in (("ids", ids), ("mask", mask))}
        about["example"]["logits"] = logits[:6].tolist()
    (folder / "last.json").write_text(json.dumps(about, default=str))
    return ids[6:], mask[6:], logits[6:]


@pytest.mark.parametrize("kind", [Pooled, First, Mean, Within])
def test_usual_modules_are_rebuilt_and_give_the_same_logits(kind, tmp_path):
    copies = tmp_path / "copies"
    (left := tmp_path / "left").mkdir()
    copies.mkdir()
    ids, mask, wanted = leave(kind, left)
    found = intake.look_into(left, MODEL, copies)
    assert not found.refused, found.refused[0].text.en
    (weights,) = found.weights
    program = evaluator()
    own = weights.own._asdict()
    model = program.rebuild(program.load(weights.path, own), weights.config, own).eval()
    with torch.no_grad():
        assert torch.allclose(model(ids, attention_mask=mask).logits, wanted, atol=1e-4)
    assert program.changed_share(program.load(weights.path, own), program.base_weights(str(MODEL))) == 0.0


def test_a_head_that_no_usual_way_explains_is_refused(tmp_path):
    (left := tmp_path / "left").mkdir()
    leave(Odd, left)
    (weights,) = intake.look_into(left, MODEL, tmp_path).weights
    program, own = evaluator(), weights.own._asdict()
    with pytest.raises(program.Refused, match="own-module"):
        program.rebuild(program.load(weights.path, own), weights.config, own)


@pytest.mark.parametrize(
    ("kind", "example", "reason"),
    [(Recurrent, True, "a module of its own"), (Pooled, False, "no example")],
)
def test_what_cant_be_rebuilt_says_why(kind, example, reason, tmp_path):
    leave(kind, tmp_path, example)
    (copies := tmp_path / "copies").mkdir()
    found = intake.look_into(tmp_path, MODEL, copies)
    assert not found.weights
    assert reason in found.refused[0].text.en and kind.__name__ in found.refused[0].text.en


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        {"ids": [], "mask": [], "logits": []},
        {"ids": [[1, 2]], "mask": [[1]], "logits": [[0.1, 0.2]]},
        {"ids": [[1, 2]], "mask": [[1, 1]], "logits": [[0.1]]},
        {"ids": [[1, -2]], "mask": [[1, 1]], "logits": [[0.1, 0.2]]},
        {"ids": [[1, 2.5]], "mask": [[1, 1]], "logits": [[0.1, 0.2]]},
        {"ids": [[1] * 600], "mask": [[1] * 600], "logits": [[0.1, 0.2]]},
        {"ids": [[1, 2]], "mask": [[1, 1]], "logits": [[0.1, float("nan")]]},
        {"ids": "12", "mask": "11", "logits": [[0.1, 0.2]]},
    ],
)
def test_examples_are_not_believed(given):
    with pytest.raises(Bad):
        structure._example(given, "X")
