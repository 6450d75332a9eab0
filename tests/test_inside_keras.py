"""Keras `fit` seen and capped, with a stand-in for Keras: TensorFlow is in no environment of the tests."""

import sys
import types

import pytest

from tests.inside_loader import load

np = pytest.importorskip("numpy")


class Callback:
    """What tensorflow.keras.callbacks.Callback is to us."""


class Model:
    """Trains as Keras does: epochs of steps_per_epoch batches, callbacks around each."""

    config = types.SimpleNamespace(_name_or_path="klue/bert-base")

    def fit(self, x=None, y=None, batch_size=None, epochs=1, callbacks=None, steps_per_epoch=None, **kwargs):
        self.called = {"steps_per_epoch": steps_per_epoch, **kwargs}
        for epoch in range(epochs):
            for step in range(steps_per_epoch or len(x["input_ids"]) // batch_size):
                for callback in callbacks:
                    callback.on_train_batch_begin(step)
                    callback.on_train_batch_end(step, {"loss": 0.5})
            for callback in callbacks:
                callback.on_epoch_end(epoch, {"val_accuracy": 0.75, "val_loss": 0.4})

    def evaluate(self, x=None, *args, **kwargs):
        return kwargs.get("steps")


@pytest.fixture
def said(monkeypatch):
    keras = types.SimpleNamespace(callbacks=types.SimpleNamespace(Callback=Callback))
    monkeypatch.setitem(sys.modules, "tensorflow", types.SimpleNamespace(keras=keras))
    hooks, budget = load("keras_hooks"), load("budget")
    events = []
    monkeypatch.setattr(hooks.wire, "emit", lambda kind, /, **facts: events.append((kind, facts)))
    monkeypatch.setattr(budget, "TRAIN", 8)
    monkeypatch.setattr(budget, "EVAL", 2)
    monkeypatch.setattr(hooks, "_trained", {})
    watched = type("Watched", (Model,), {"fit": Model.fit, "evaluate": Model.evaluate})
    hooks._watch(watched)
    return watched(), events


def test_arrays_padded_to_one_length(said):
    model, events = said
    ids = np.zeros((320, 12), np.int64)
    for i, row in enumerate(ids):
        row[: 3 + i % 7] = 5
    model.fit(
        {"input_ids": ids}, None, batch_size=16, epochs=2, validation_data=({"input_ids": ids[:64]}, None)
    )
    assert (model.called["steps_per_epoch"], model.called["validation_steps"]) == (4, 2)
    kinds = [kind for kind, _ in events]
    assert kinds == ["run", "steps", "eval", "steps", "eval", "run-end"]
    head, steps = events[0][1], events[1][1]
    assert (head["kind"], head["start"], head["dataset_rows"], head["loader_batches"]) == (
        "keras",
        "pretrained",
        320,
        20,
    )
    assert [line[:2] for line in steps["batches"]] == [[16, 12]] * 4
    assert steps["batches"][0][2] == sum(3 + i % 7 for i in range(16))
    assert events[2][1]["accuracy"] == 0.75
    assert events[-1][1]["cut"]
    model.fit({"input_ids": ids}, None, batch_size=16, epochs=1)
    assert events[6][1]["start"] == "continued"
    assert model.evaluate({"input_ids": ids}, batch_size=16) == 2


def test_batches_of_a_data_set(said):
    model, events = said

    class Bucketed:
        def __len__(self):
            return 20

        def take(self, count):
            for i in range(count):
                yield {"input_ids": np.full((4, 5 + i), 7)}, np.zeros(4)

    model.fit(Bucketed(), epochs=1)
    lines = events[1][1]["batches"]
    assert [line[1] for line in lines] == list(range(5, 13))
    assert all(line[1] == line[4] for line in lines)
