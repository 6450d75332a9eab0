"""The verified witness: honest models get an honest score, bad files a reason, labels stay outside."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader import classroom, records, verified
from grader.classroom import assemble, data
from grader.errors import SandboxError
from grader.records import Ending, Evaluation, Observed, Text, TrainingRun, Witness
from grader.verified import answers, intake

ROWS = 400
POCKET_MODEL = assemble.POCKET / "model"


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> classroom.Classroom:
    """A pocket classroom with few rows, labels following from one word."""
    own = tmp_path_factory.mktemp("own")
    words = {"0": ("지루", "최악", "실망"), "1": ("최고", "감동", "재미")}
    for name, rows in (("ratings_train.txt", 2000), ("ratings_test.txt", 100), (data.HIDDEN, ROWS)):
        made = []
        for i in range(rows):
            said, label = i % 2, i % 2 if i % 20 not in (0, 11) else 1 - i % 2  # a tenth is mislabelled
            text = f"이 영화 {words[str(said)][i // 2 % 3]} 비밀{name[0]}{i}"
            made.append((str(i), text, str(label)))
        data.write(own / name, made)
    return classroom.prepare("pocket", data=own, home=tmp_path_factory.mktemp("home"))


def shapes(
    layers: int = 1, hidden: int = 128, words: int = 8_000, labels: int = 2
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a small BertForSequenceClassification."""
    found = {
        "bert.embeddings.word_embeddings.weight": (words, hidden),
        "bert.embeddings.position_embeddings.weight": (512, hidden),
        "bert.embeddings.token_type_embeddings.weight": (2, hidden),
        "bert.embeddings.LayerNorm.weight": (hidden,),
        "bert.embeddings.LayerNorm.bias": (hidden,),
        "bert.pooler.dense.weight": (hidden, hidden),
        "bert.pooler.dense.bias": (hidden,),
        "classifier.weight": (labels, hidden),
        "classifier.bias": (labels,),
    }
    for layer in range(layers):
        within = {
            **{f"attention.self.{part}": (hidden, hidden) for part in ("query", "key", "value")},
            "attention.output.dense": (hidden, hidden),
            "intermediate.dense": (4 * hidden, hidden),
            "output.dense": (hidden, 4 * hidden),
        }
        for name, shape in within.items():
            found[f"bert.encoder.layer.{layer}.{name}.weight"] = shape
            found[f"bert.encoder.layer.{layer}.{name}.bias"] = shape[:1]
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            found[f"bert.encoder.layer.{layer}.{name}.weight"] = (hidden,)
            found[f"bert.encoder.layer.{layer}.{name}.bias"] = (hidden,)
    return found


def write_weights(
    path: Path, tensors: dict[str, tuple[int, ...]], fill: float = 0.01, about: dict | None = None
):
    """A safetensors file made by hand, and its description."""
    header, end = {}, 0
    for name, shape in tensors.items():
        size = 4
        for length in shape:
            size *= length
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + struct.pack("<f", fill) * (end // 4))
    if about is not None:
        path.with_suffix(".json").write_text(json.dumps(about))


def observed(*runs: TrainingRun) -> Observed:
    testimony = records.Testimony(witness=Witness.OBSERVED, runs=runs)
    return Observed(testimony=testimony, cells=(), ending=Ending.COMPLETED)


# ---------------------------------------------------------------- what lies in the folder


def look(folder: Path, copies: Path) -> intake.Found:
    copies.mkdir(exist_ok=True)
    return intake.look_into(folder, POCKET_MODEL, copies)


def test_a_good_file_is_taken_and_copied(tmp_path):
    folder = tmp_path / "w"
    folder.mkdir()
    about = {"cell": 7, "order": 1, "label": "best", "max_length": 64, "config": {"num_attention_heads": 4}}
    write_weights(folder / "best.safetensors", shapes(), about=about)
    found = look(folder, tmp_path / "copies")
    assert found.refused == ()
    (weights,) = found.weights
    assert (weights.cell, weights.order, weights.label, weights.max_length) == (7, 1, "best", 64)
    assert weights.config["num_attention_heads"] == 4
    assert weights.path.parent == tmp_path / "copies"
    assert weights.path.read_bytes() == (folder / "best.safetensors").read_bytes()


def test_the_probes_own_description_is_understood(tmp_path):
    about = {"run": 2, "label": "last", "class": "BertForSequenceClassification", "config": None}
    about |= {"tokenizer": {"max_length": "96", "padding": "max_length"}, "measured": 0.81}
    write_weights(tmp_path / "last.safetensors", shapes(), about=about)
    (weights,) = look(tmp_path, tmp_path / "copies").weights
    assert (weights.run, weights.cell, weights.max_length, weights.measured) == (2, None, 96, 0.81)


def test_wrapped_models_are_recognised(tmp_path):
    wrapped = {f"module._orig_mod.{name}": shape for name, shape in shapes().items()}
    write_weights(tmp_path / "a.safetensors", wrapped)
    assert len(look(tmp_path, tmp_path / "copies").weights) == 1


def bad_link(path):
    target = path.parent / "labels.txt"
    target.write_text("secret")
    path.symlink_to(target)


def bad_hard_link(path):
    write_weights(path.parent / "other", shapes())
    os.link(path.parent / "other", path)


def raw(header: bytes, length: int | None = None, body: bytes = b""):
    def make(path):
        path.write_bytes((len(header) if length is None else length).to_bytes(8, "little") + header + body)

    return make


def tensor(**entry):
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **entry}
    return raw(json.dumps({"a": entry}).encode(), body=b"\0" * 4)


def sparse(path):
    with path.open("wb") as file:
        file.truncate(10 << 30)


HOSTILE = {
    "link": (bad_link, "no regular file"),
    "hard link": (bad_hard_link, "no regular file"),
    "dangling link": (lambda path: path.symlink_to("nowhere"), "no regular file"),
    "pipe": (lambda path: os.mkfifo(path), "no regular file"),
    "folder": (lambda path: path.mkdir(), "no regular file"),
    "huge": (sparse, "too large"),
    "empty": (lambda path: path.write_bytes(b""), "safetensors file"),
    "a pickle in disguise": (lambda path: path.write_bytes(b"\x80\x04K\x01." * 100), "safetensors file"),
    "header of a gigabyte": (raw(b"{}", length=1 << 30), "safetensors file"),
    "negative length": (raw(b"{}", length=(1 << 64) - 1), "safetensors file"),
    "no JSON": (raw(b"{nope}"), "safetensors file"),
    "deep JSON": (raw(b'{"a":' + b"[" * 200_000), "safetensors file"),
    "endless number": (raw(b'{"a":' + b"9" * 100_000 + b"}"), "safetensors file"),
    "a list": (raw(b"[]"), "safetensors file"),
    "truncated": (tensor(shape=[9], data_offsets=[0, 36]), "safetensors file"),
    "negative shape": (tensor(shape=[-1, -1]), "safetensors file"),
    "overflowing shape": (tensor(shape=[1 << 62, 4]), "safetensors file"),
    "shape of words": (tensor(shape=["1"]), "safetensors file"),
    "unknown type": (tensor(dtype="OBJ"), "safetensors file"),
    "gap": (tensor(data_offsets=[4, 8]), "safetensors file"),
    "bytes at the end": (raw(b"{}", body=b"PK\x03\x04"), "safetensors file"),
    "custom module": (lambda path: write_weights(path, {"encoder.weight": (2, 2)}), "can't be rebuilt"),
    "three classes": (lambda path: write_weights(path, shapes(labels=3)), "two classes"),
    "other vocabulary": (lambda path: write_weights(path, shapes(words=500)), "vocabulary"),
    "odd width": (lambda path: write_weights(path, shapes(hidden=127)), "don't fit"),
    "flat words": (
        lambda path: write_weights(
            path, {**shapes(), "bert.embeddings.word_embeddings.weight": (8_000 * 128,)}
        ),
        "don't fit",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_bad_files_end_in_a_reason(name, room, tmp_path):
    make, reason = HOSTILE[name]
    if name == "pipe" and not hasattr(os, "mkfifo"):
        pytest.skip("no pipes in this system's folders")
    make(tmp_path / "last.safetensors")
    result = verified.verify(observed(), weights_dir=tmp_path, classroom=room, isolation=None)
    assert result.scores == ()
    assert reason in result.reason.en and "last.safetensors" in result.reason.ko


def test_the_students_word_in_a_reason_is_one_line_without_backticks(tmp_path):
    about = {"class": "`a\n\n<img src=x onerror=alert(1)>\n\n`\ud800"}
    write_weights(tmp_path / "last.safetensors", {"encoder.weight": (2, 2)}, about=about)
    (refusal,) = look(tmp_path, tmp_path / "copies").refused
    assert refusal.text.en.endswith("(a <img src=x onerror=alert(1)> ?)")


@pytest.mark.parametrize("ending", [".bin", ".pt", ".pth", ".pkl", ".ckpt"])
def test_pickles_are_refused_by_name(ending, room, tmp_path):
    (tmp_path / f"model{ending}").write_bytes(b"\x80\x04K\x01.")
    result = verified.verify(observed(), weights_dir=tmp_path, classroom=room, isolation=None)
    assert "only safetensors" in result.reason.en and "safetensors" in result.reason.ko


@pytest.mark.parametrize("content", [b"", b"[]", b"{" * 100_000, b"x" * 300_000, b"\xff\xfe"])
def test_bad_descriptions_end_in_a_reason(content, tmp_path):
    write_weights(tmp_path / "a.safetensors", shapes())
    (tmp_path / "a.json").write_bytes(content)
    found = look(tmp_path, tmp_path / "copies")
    assert found.weights == () and "description" in found.refused[0].text.en


def test_absurd_descriptions_change_nothing(tmp_path):
    about = {
        "cell": -1,
        "order": 1e99,
        "run": True,
        "label": ["best"],
        "max_length": 10**12,
        "measured": "0.99",
    }
    about |= {"config": {"num_attention_heads": 0, "hidden_act": "os.system", "layer_norm_eps": -1.0}}
    write_weights(tmp_path / "a.safetensors", shapes(), about=about)
    (weights,) = look(tmp_path, tmp_path / "copies").weights
    assert (weights.cell, weights.order, weights.run, weights.measured) == (None, 0, None, None)
    assert (weights.label, weights.max_length) == ("last", intake.DEFAULT_LENGTH)
    assert weights.config == {
        "num_attention_heads": 2,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
    }


def test_the_probes_reason_is_passed_on(room, tmp_path):
    (tmp_path / "last.json").write_text(json.dumps({"reason": "QLoRA <b>4 bit</b>"}))
    result = verified.verify(observed(), weights_dir=tmp_path, classroom=room, isolation=None)
    assert "could not be taken out" in result.reason.en and "QLoRA" in result.reason.en


def test_many_models_are_cut_off(tmp_path):
    for number in range(intake.MOST_MODELS + 1):
        write_weights(tmp_path / f"m{number:02}.safetensors", shapes(hidden=2))
    found = look(tmp_path, tmp_path / "copies")
    assert len(found.weights) == intake.MOST_MODELS and "too many" in found.refused[0].text.en


@pytest.mark.parametrize("folder", ["", "missing"])
def test_nothing_left_is_said(room, tmp_path, folder):
    result = verified.verify(observed(), weights_dir=tmp_path / folder, classroom=room, isolation=None)
    assert result.scores == () and "left no trained model" in result.reason.en


# ---------------------------------------------------------------- what comes back


@pytest.mark.parametrize(
    "line, reason",
    [
        (b"", "no usable answer"),
        (b"[1]", "no usable answer"),
        (b"{" * 100_000, "no usable answer"),
        (b'{"predictions": "' + b"0" * 401 + b'", "changed": 1}', "401 / 400"),
        (b'{"predictions": "' + b"0" * 199 + b'", "changed": 1}', "199 / 400"),
        (b'{"predictions": "' + b"2" * 400 + b'", "changed": 1}', "predictions"),
        (b'{"predictions": [0, 1], "changed": 1}', "predictions"),
        (b'{"predictions": "' + b"0" * 400 + b'", "changed": NaN}', "changed"),
        (b'{"predictions": "' + b"0" * 400 + b'", "changed": "1"}', "changed"),
        (b'{"error": "not-finite", "detail": "bert.x"}', "NaN or infinity (bert.x)"),
        (b'{"error": {"a": 1}}', "no usable answer"),
        (b'{"error": "made-up", "detail": "x"}', "no usable answer"),
    ],
)
def test_answers_are_not_believed(line, reason):
    found = answers.read("last.safetensors", line, 400)
    assert isinstance(found, Text) and reason in found.en


def test_answers_may_be_of_the_first_rows_only():
    answer = answers.read("a", b'{"predictions": "' + b"01" * 128 + b'", "changed": 0.5}', 400)
    assert answer == answers.Answer("01" * 128, 0.5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share(case):
    right, rows = case
    low, high = answers.wilson(right, rows)
    assert 0 <= low <= right / rows + 1e-12 and right / rows - 1e-12 <= high <= 1
    assert high - low < 4 / rows**0.5


def test_the_interval_is_wilsons():
    """Values from Newcombe 1998, table I, method 3."""
    for (right, rows), (low, high) in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        assert answers.wilson(right, rows) == pytest.approx((low, high), abs=5e-5)


class FakeSandbox:
    """Stands in for run_process: keeps what went in, answers as told."""

    def __init__(self, stdout: bytes = b"", ending: Ending = Ending.COMPLETED, stderr: bytes = b""):
        self.result = (stdout, ending, stderr)
        self.calls: list[tuple[list[str], dict]] = []

    def __call__(self, argv, **kwargs):
        from grader.sandbox import ProcessResult

        self.calls.append((argv, kwargs))
        stdout, ending, stderr = self.result
        if isinstance(stdout, Exception):
            raise stdout
        return ProcessResult(returncode=1, stdout=stdout, stderr=stderr, ending=ending)


@pytest.fixture
def ask(room, tmp_path, monkeypatch):
    """verify() on two different models, with a sandbox that answers `stdout`."""
    from grader import sandbox
    from grader.sandbox import Isolation

    about = {"cell": 3, "order": 0, "label": "last"}
    write_weights(tmp_path / "a.safetensors", shapes(), 0.01, about)
    write_weights(tmp_path / "b.safetensors", shapes(), 0.02, {**about, "label": "best"})

    def call(*runs, **kwargs):
        fake = FakeSandbox(**kwargs)
        monkeypatch.setattr(sandbox, "run_process", fake)
        isolation = Isolation(name="bubblewrap")
        return verified.verify(
            observed(*runs), weights_dir=tmp_path, classroom=room, isolation=isolation
        ), fake

    monkeypatch.setattr(answers, "python_of", lambda classroom: "python")
    return call


def test_labels_never_enter(ask, room):
    _, fake = ask()
    ((argv, kwargs),) = fake.calls
    hidden = data.read(room.hidden)
    job = json.loads(kwargs["stdin"])
    assert sorted(job["texts"]) == sorted(text for _, text, _ in hidden)
    assert job["texts"] != [text for _, text, _ in hidden], "not in the order of the file"
    assert set(job) == {"model", "texts", "seconds", "weights"}
    places = [Path(bind.source) for bind in kwargs["binds"]]
    assert not any(room.hidden.is_relative_to(place) for place in places)
    assert not any(bind.writable for bind in kwargs["binds"])
    assert str(room.hidden) not in repr((argv, kwargs))


def test_each_model_gets_its_own_answer(ask, room):
    labels = dict((text, label) for _, text, label in data.read(room.hidden))
    _, fake = ask()
    texts = json.loads(fake.calls[0][1]["stdin"])["texts"]
    right = "".join(labels[text] for text in texts)
    wrong = right[:100].translate({48: "1", 49: "0"}) + right[100:]
    lines = [json.dumps({"predictions": p, "changed": 0.5}).encode() + b"\n" for p in (right, wrong)]
    seen = [Evaluation(cell=3, accuracy=a) for a in (0.8, 0.9, 0.7)]
    run = TrainingRun(witness=Witness.OBSERVED, cell=3, evaluations=tuple(seen))
    result, _ = ask(run, stdout=b"".join(lines))
    assert [score.accuracy for score in result.scores] == [1.0, 0.75]
    assert [(score.label, score.claimed) for score in result.scores] == [("last", 0.7), ("best", 0.9)]
    assert all(score.rows == ROWS and score.run_cell == 3 for score in result.scores)
    assert result.scores[1].low < 0.75 < result.scores[1].high
    assert result.reason is None


def test_what_an_ended_sandbox_had_answered_counts(ask):
    """Killed while writing the second line: the first model keeps its score, the second gets a reason."""
    line = json.dumps({"predictions": "0" * ROWS, "changed": 0.5}).encode()
    result, _ = ask(stdout=line + b"\n" + line[:50], ending=Ending.OUT_OF_MEMORY)
    assert [score.accuracy for score in result.scores] == [0.5]
    assert "did not end (out-of-memory)" in result.notes[0].en and result.notes[0].en.startswith("b.safe")


def test_a_crashed_evaluator_is_a_reason(ask):
    result, _ = ask(stderr=b"...\nImportError: no torch\n")
    assert result.scores == () and "ImportError: no torch" in result.reason.en


def test_a_sandbox_that_does_not_start_is_a_reason(ask):
    result, _ = ask(stdout=SandboxError(ko="격리 없음", en="no isolation"))
    assert (result.scores, result.reason) == ((), Text(ko="격리 없음", en="no isolation"))


def test_equal_weights_are_evaluated_once(ask, tmp_path):
    content = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "b.safetensors").write_bytes(content)
    line = json.dumps({"predictions": "1" * ROWS, "changed": 0.5}).encode() + b"\n"
    result, fake = ask(stdout=line)
    assert len(json.loads(fake.calls[0][1]["stdin"])["weights"]) == 1
    assert [score.label for score in result.scores] == ["last", "best"]


def test_rows_from_the_test_file_are_said(ask, room, monkeypatch):
    import msgspec

    from grader.verified import reasons

    line = json.dumps({"predictions": "1" * ROWS, "changed": 0.5}).encode() + b"\n"
    assert reasons.rows_from_test_file() not in ask(stdout=line * 2)[0].notes
    seen = msgspec.structs.replace(room, hidden_from="test-file")
    scores = ask(stdout=line * 2)[0].scores
    assert verified._about(seen, list(scores)) == [reasons.rows_from_test_file()]


# ---------------------------------------------------------------- the real evaluator


def train(room: classroom.Classroom, folder: Path) -> float:
    """Fine-tune the pocket model in this process; returns its accuracy on the hidden rows, measured here
    with other code than the evaluator's."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoTokenizer, BertForSequenceClassification

    torch.manual_seed(0)
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(room.model)
    model = BertForSequenceClassification.from_pretrained(room.model)
    rows = data.read(room.data / "ratings_train.txt")[:640]
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    model.train()
    for begin in range(0, len(rows), 32):
        batch = rows[begin : begin + 32]
        inputs = tokenizer([text for _, text, _ in batch], padding=True, return_tensors="pt")
        model(**inputs, labels=torch.tensor([int(label) for *_, label in batch])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    save_file(weights, folder / "last.safetensors")
    about = {"cell": 5, "label": "last", "max_length": 32, "config": model.config.to_dict()}
    (folder / "last.json").write_text(json.dumps(about))
    weights["classifier.bias"][0] = float("nan")
    save_file(weights, folder / "nan.safetensors")
    model.eval()
    right = 0
    with torch.no_grad():
        for _, text, label in data.read(room.hidden):
            right += int(model(**tokenizer(text, return_tensors="pt")).logits.argmax()) == int(label)
    return right / ROWS


@pytest.mark.slow
def test_an_honest_model_gets_the_accuracy_it_has(room, tmp_path, isolation):
    """Its independent accuracy lies in the interval; a NaN model beside it costs it nothing."""
    from grader import sandbox

    accuracy = train(room, tmp_path)
    write_weights(tmp_path / "shapes.safetensors", {**shapes(), "bert.pooler.dense.bias": (5,)})
    result = verified.verify(
        observed(), weights_dir=tmp_path, classroom=room, isolation=sandbox.choose(isolation)
    )
    assert result.reason is None, result.reason
    (score,) = result.scores
    assert (score.run_cell, score.rows) == (5, ROWS)
    assert accuracy > 0.8, "it has learned something"
    assert score.low <= accuracy <= score.high
    assert abs(score.accuracy - accuracy) <= 2 / ROWS
    assert score.parameters_changed > 0.9
    notes = " ".join(note.en for note in result.notes)
    assert "nan.safetensors: its weights hold NaN" in notes
    assert "shapes.safetensors: its weights don't fit together (bert.pooler.dense.bias)" in notes


@pytest.mark.slow
def test_an_untouched_model_is_seen(room, tmp_path, isolation):
    """The base model with a new head: nothing changed, and no better than chance."""
    import torch
    from safetensors.torch import load_file, save_file

    from grader import sandbox

    torch.manual_seed(1)
    weights = {k: v for k, v in load_file(room.model / "model.safetensors").items() if k.startswith("bert.")}
    weights |= {"classifier.weight": torch.randn(2, 128) * 0.02, "classifier.bias": torch.zeros(2)}
    save_file(weights, tmp_path / "last.safetensors")
    result = verified.verify(
        observed(), weights_dir=tmp_path, classroom=room, isolation=sandbox.choose(isolation)
    )
    (score,) = result.scores
    assert score.parameters_changed == 0
    assert 0.2 < score.accuracy < 0.8
