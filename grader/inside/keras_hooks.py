"""Keras `fit`, where TensorFlow is installed: the same facts as of a torch run, and the same budget.

Weaker than the torch side: accuracies are Keras's own, and rows handed over as one array are looked at
in file order, as many as are trained on. TensorFlow weights are not brought out. Works with Keras 2
(the 2021-2024 notebooks) and 3. Called once by entry.py.
"""

import math
import time

from . import budget, imports, rows, runs, wire

HOMES = (
    ("keras.src.engine.training", "Model"),
    ("tf_keras.src.engine.training", "Model"),
    ("keras.src.backend.tensorflow.trainer", "TensorFlowTrainer"),
)
_trained = {}


def install():
    """Patch the class that defines `fit` when it is imported."""
    for module, name in HOMES:
        imports.after(module, lambda loaded, name=name: _watch(getattr(loaded, name)))


def _watch(cls):
    fit, evaluate = cls.fit, cls.evaluate

    def watched_fit(self, x=None, y=None, batch_size=None, epochs=1, **kwargs):
        run = wire.guarded(_Run)(self, x, batch_size, epochs, kwargs)
        if run is None:
            return fit(self, x, y, batch_size=batch_size, epochs=epochs, **kwargs)
        kwargs["callbacks"] = [*_list(kwargs.get("callbacks")), run.callback()]
        failed = ""
        try:
            return fit(self, x, y, batch_size=batch_size, epochs=epochs, **{**kwargs, **run.caps})
        except BaseException as error:
            failed = type(error).__name__
            raise
        finally:
            wire.guarded(run.finish)(failed)

    def watched_evaluate(self, x=None, *args, **kwargs):
        if (
            budget.EVAL is not None
            and kwargs.get("steps") is None
            and not kwargs.get("_use_cached_eval_dataset")
        ):
            kwargs["steps"] = _fewer(x, kwargs.get("batch_size"), budget.EVAL)
        return evaluate(self, x, *args, **kwargs)

    for new, old in ((watched_fit, fit), (watched_evaluate, evaluate)):
        new.__name__, new.__doc__, new.__wrapped__ = old.__name__, old.__doc__, old
    cls.fit, cls.evaluate = watched_fit, watched_evaluate


def _list(callbacks):
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def _ids(x):
    """input_ids of whatever `fit` takes, or None."""
    if hasattr(x, "keys"):
        return x.get("input_ids")
    if isinstance(x, (list, tuple)) and x:
        return _ids(x[0]) if hasattr(x[0], "keys") else x[0]
    return x if hasattr(x, "shape") else None


def _batch_count(x, batch_size):
    """(batches, rows) of one pass; None where not known."""
    ids = _ids(x)
    if ids is not None:
        return math.ceil(len(ids) / (batch_size or 32)), len(ids)
    try:
        return len(x), None
    except TypeError:
        return None, None


def _fewer(x, batch_size, most):
    count, _ = _batch_count(x, batch_size)
    return most if count is None else min(count, most)


class _Run:
    """One `fit`."""

    def __init__(self, model, x, batch_size, epochs, kwargs):
        self.number, self.model, self.epochs = runs.reserve(), model, epochs
        self.count, self.rows = _batch_count(x, batch_size)
        self.steps, self.made, self.began, self.cut = [], 0, time.perf_counter(), False
        self.caps = {}
        planned = kwargs.get("steps_per_epoch") or self.count
        if budget.TRAIN is not None:
            share = max(budget.LEAST, math.ceil(budget.TRAIN / max(1, epochs)))
            if planned is None or share < planned:
                self.caps["steps_per_epoch"] = planned = share
                self.cut = True
        self.held_out = kwargs.get("validation_data")
        if budget.EVAL is not None and self.held_out is not None and kwargs.get("validation_steps") is None:
            self.caps["validation_steps"] = _fewer(
                self.held_out[0] if isinstance(self.held_out, (list, tuple)) else self.held_out,
                kwargs.get("validation_batch_size") or batch_size,
                budget.EVAL,
            )
        lines, hashes = _look(x, batch_size or 32, (planned or 0) * max(1, epochs) or 64)
        self.lines = lines
        before = _trained.get(id(model))
        wire.emit(
            "run",
            run=self.number,
            kind="keras",
            model=type(model).__name__,
            name=str(getattr(getattr(model, "config", None), "_name_or_path", "")),
            start="continued"
            if before is not None
            else ("pretrained" if hasattr(model, "config") else "unknown"),
            start_of=before,
            dataset_rows=self.rows,
            loader_batches=self.count,
            epochs_planned=epochs,
            steps_planned=self.count * epochs if self.count else None,
            batch_size=batch_size if _ids(x) is not None else None,
            sampler=type(x).__name__,
            votes=rows.votes(hashes),
            device="cpu",
        )

    def callback(self):
        """A Keras callback that keeps time."""
        import tensorflow

        run = self

        class Watch(tensorflow.keras.callbacks.Callback):
            def on_train_batch_begin(self, batch, logs=None):
                self.began = time.perf_counter()

            def on_train_batch_end(self, batch, logs=None):
                wire.guarded(run.step)(time.perf_counter() - self.began, logs or {})

            def on_epoch_end(self, epoch, logs=None):
                wire.guarded(run.epoch)(epoch, logs or {})

        return Watch()

    def step(self, seconds, logs):
        line = self.lines[self.made] if self.made < len(self.lines) else None
        self.made += 1
        if line:
            self.steps.append((line, seconds, logs.get("loss")))

    def epoch(self, epoch, logs):
        steps, self.steps = self.steps, []
        wire.emit(
            "steps",
            run=self.number,
            steps=[[line[0], line[0] * line[1], wire.number(seconds, 5)] for line, seconds, _ in steps],
            batches=[line for line, _, _ in steps],
            loss=[wire.number(loss) for _, _, loss in steps],
            lr=[],
        )
        found = {k: wire.number(v) for k, v in logs.items()}
        accuracy = next((v for k, v in found.items() if k.startswith("val_") and "acc" in k), None)
        if accuracy is None and "val_loss" not in found:
            return
        x = self.held_out[0] if isinstance(self.held_out, (list, tuple)) else self.held_out
        lines, hashes = _look(x, 32, self.caps.get("validation_steps") or 64)
        wire.emit(
            "eval",
            run=self.number,
            during=self.made,
            rows=sum(line[0] for line in lines) or None,
            accuracy=accuracy,
            loss=found.get("val_loss"),
            epoch=epoch + 1,
            votes=rows.votes(hashes),
        )

    def finish(self, failed):
        _trained[id(self.model)] = self.number
        wire.emit(
            "run-end",
            run=self.number,
            steps=self.made,
            batches=self.made,
            seconds=wire.number(time.perf_counter() - self.began, 5),
            cut=self.cut and not failed,
            failed=failed,
        )


def _look(x, batch_size, count):
    """(batch lines, row hashes) of the first `count` batches, as they lie there."""
    import numpy

    if x is None:
        return [], []
    ids = _ids(x)
    if ids is not None:
        whole = numpy.asarray(ids[: count * batch_size])
        pieces = [whole[i : i + batch_size] for i in range(0, len(whole), batch_size)]
    else:
        pieces = []
        for element in x.take(count):
            found = _ids(element[0] if isinstance(element, tuple) else element)
            if found is not None:
                found = found.to_tensor() if hasattr(found, "to_tensor") else found
                pieces.append(numpy.asarray(found))
    lines, hashes = [], []
    for piece in pieces:
        if piece.ndim != 2 or piece.dtype == object:
            continue
        lengths = (piece != 0).sum(axis=1)
        squares = int((lengths.astype(float) ** 2).sum())
        lines.append([*piece.shape, int(lengths.sum()), int(lengths.min()), int(lengths.max()), squares])
        hashes.extend(rows.of_matrix(piece).tolist())
    return lines, hashes
