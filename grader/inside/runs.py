"""Training runs and evaluations as they happen, reported on the wire.

A run begins with a new optimizer, a new cell or `Trainer.train()`, and ends when that ends. What the
model saw since the last optimizer step belongs to the step. Called by torch_hooks.py and
trainer_hooks.py; they say what happened, this file says what it amounts to.
"""

import resource
import sys
import time

from . import batches, heads, models, rows, wire

FLUSH_SECONDS = 1.0
listeners = []
"""Called with (run, model) when a run has ended: weights.py."""

_runs = []
_open = []
_pending = []
_evaluation = None
_tentative = None
trainer_run = None
"""The run of the Trainer that is training now, or None."""
accelerated = False
"""Was `Accelerator.backward` called since the last optimizer step?"""


class Run:
    """One training. `facts` goes out with the first step, batches in portions, a summary at the end."""

    def __init__(self, kind, facts=None):
        self.number = len(_runs)
        self.kind, self.facts = kind, dict(facts or {})
        self.cell = wire.cell()
        self.model = self.optimizer = self.loader = self.clock = self.last = None
        self.began, self.told, self.dirty = time.perf_counter(), False, True
        self.steps = self.batches = self.rows = self.aside = self.unmasked = self.odd = 0
        self.cut, self.failed, self.early = False, "", False
        self.seen, self.dataset, self.parent = set(), None, None
        self.waiting = []
        self.flushed = time.perf_counter()
        self.best = None
        _runs.append(self)
        _open.append(self)

    def start(self, model):
        """Before the first step changes the weights."""
        self.model = model
        how, what = models.start(model)
        self.parent = what if how == "continued" else None
        about = models.describe(model)
        self.clock = heads.Clock(about["device"])
        if self.clock.cuda:
            import torch

            torch.cuda.reset_peak_memory_stats()
        self.facts.update(about, start=how, start_of=what)
        self.before = models.run_of(model)
        models.mark(model, self.number)

    def tell(self):
        """The run's head line, once the first batch has shown where the rows come from."""
        self.told = True
        if self.loader is not None:
            self.facts.update(wire.guarded(heads.loader_facts)(self.loader, self) or {})
        if accelerated and self.kind == "torch-loop":
            self.kind = "accelerate"
        wire.emit("run", run=self.number, kind=self.kind, **self.facts)

    def step(self, optimizer, seen):
        """An optimizer step was made after the batches `seen`."""
        if self.loader is None and seen:
            self.loader = seen[0].loader
        if not self.told:
            self.tell()
        self.steps += 1
        self.batches += len(seen)
        now = self.clock.mark()
        line = {"rows": sum(f.rows for f in seen), "tokens": sum(f.rows * f.width for f in seen)}
        self.rows += line["rows"]
        self.waiting.append(
            (line, self.last if not self.dirty else None, now, seen, optimizer.param_groups[0]["lr"])
        )
        self.last, self.dirty = now, False
        for facts in seen:
            self.unmasked += facts.unmasked
            self.odd += facts.odd
            if facts.hashes is not None:
                self.seen.update(facts.hashes.tolist())
        if time.perf_counter() - self.flushed > FLUSH_SECONDS or len(self.waiting) >= 256:
            self.flush()

    def flush(self):
        """Send what is waiting."""
        steps, lines, losses, rates = [], [], [], []
        for line, before, now, seen, rate in self.waiting:
            seconds = self.clock.between(before, now) if before is not None else None
            steps.append([line["rows"], line["tokens"], wire.number(seconds, 5)])
            rates.append(wire.number(rate))
            for facts in seen:
                lines.append(heads.batch_line(facts))
                losses.append(wire.number(facts.loss) if facts.loss is not None else None)
        self.waiting, self.flushed = [], time.perf_counter()
        if steps:
            wire.emit("steps", run=self.number, steps=steps, batches=lines, loss=losses, lr=rates)
        self.dirty = self.dirty or (self.clock is not None and self.clock.cuda)

    def interrupted(self):
        """Something else than training happened; the next step's time is not the step's own."""
        self.dirty = True

    def finish(self):
        """Report and forget."""
        if self not in _open:
            return
        _open.remove(self)
        if self.clock is None:  # it never came to a step
            wire.emit("run", run=self.number, kind=self.kind, **self.facts)
            wire.emit("run-end", run=self.number, steps=0, failed=self.failed, cut=self.cut)
            return
        if self.clock.cuda:
            import torch

            torch.cuda.synchronize()
            peak = torch.cuda.max_memory_allocated() / 2**20
        else:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
                2**20 if sys.platform == "darwin" else 2**10
            )
        if not self.told:
            self.tell()
        if self.waiting:
            self.flush()
        wire.emit(
            "run-end",
            run=self.number,
            steps=self.steps,
            batches=self.batches,
            rows=self.rows,
            distinct=len(self.seen) or None,
            unmasked=self.unmasked,
            odd=self.odd,
            seconds=wire.number(time.perf_counter() - self.began - self.aside, 5),
            memory=round(peak),
            cut=self.cut,
            early=self.early,
            failed=self.failed,
            **self.ending_facts(),
        )
        if self.steps:
            models.ended(self.model, self.number)
            for listener in listeners:
                wire.guarded(listener)(self, self.model)
        else:  # it never came to a step: the model is still the earlier run's
            models.mark(self.model, self.before)

    def ending_facts(self):
        """More about the end; trainer_hooks.py adds to `facts_end`."""
        return getattr(self, "facts_end", {})

    def lineage(self):
        """This run and those it continues."""
        run, found = self, []
        while run is not None and run not in found:
            found.append(run)
            run = _runs[run.parent] if run.parent is not None else None
        return found


def trained_on(facts):
    """A forward pass that may be training; the next optimizer step decides."""
    _pending.append(facts)
    if len(_pending) > 512:
        del _pending[:256]


def perhaps(model, facts):
    """A forward pass with gradients of a model in eval mode: training only if a step comes next."""
    global _tentative
    settle()
    _tentative = (model, facts)


def settle(stepping=False):
    """What the pass kept by `perhaps` was. Returns its model if it was training."""
    global _tentative
    held, _tentative = _tentative, None
    if held is None:
        return None
    if not stepping:
        evaluated(*held)
        return None
    trained_on(held[1])
    return held[0]


def before_step(optimizer, model):
    """An optimizer is about to step. `model`: the last one that made a training forward pass."""
    model = settle(stepping=True) or model
    run = trainer_run or _run_of(optimizer)
    if run is None:
        for other in [r for r in _open if r.kind != "trainer"]:
            other.finish()
        run = Run("torch-loop")
        run.optimizer = optimizer
    if run.model is None and model is not None:
        close_evaluation()
        run.start(model)
    return run


def _run_of(optimizer):
    for run in _open:
        if run.optimizer is optimizer and run.cell == wire.cell():
            return run
    return None


def after_step(optimizer):
    """It stepped."""
    global accelerated
    run = trainer_run or _run_of(optimizer)
    seen = _pending[:]
    del _pending[:]
    if run is not None and run.model is not None:
        close_evaluation()
        run.step(optimizer, seen)
    accelerated = False


def current():
    """The run that is going on, or None."""
    return trainer_run or (_open[-1] if _open else None)


def end_of_cell(*_):
    """A run of a hand-written loop ends with its cell at the latest."""
    settle()
    close_evaluation()
    del _pending[:]
    for run in list(_open):
        run.finish()


def reserve():
    """A number for a run that another file reports (keras_hooks.py)."""
    _runs.append(None)
    return len(_runs) - 1


class Evaluation:
    """Forward passes without training, one after another."""

    def __init__(self, model, trainer=False):
        self.model, self.trainer = model, trainer
        self.began = time.perf_counter()
        self.rows = self.counted = self.batches = 0
        self.correct, self.losses, self.hashes = [], [], []
        self.loader = None
        self.cut = False

    def add(self, facts):
        """One batch."""
        self.batches += 1
        self.rows += facts.rows
        if facts.correct is not None:
            self.counted += facts.counted
            self.correct.append(facts.correct)
        if facts.loss is not None:
            self.losses.append((facts.loss, facts.rows))
        if facts.hashes is not None:
            self.hashes.extend(facts.hashes.tolist())
        if self.loader is None:
            self.loader = facts.loader


def evaluated(model, facts):
    """A forward pass that is no training."""
    global _evaluation
    if _evaluation is None:
        _evaluation = Evaluation(model)
    _evaluation.add(facts)


def new_loop():
    """A DataLoader starts over: a hand-written evaluation before it has ended."""
    settle()
    if _evaluation is not None and not _evaluation.trainer:
        close_evaluation()


def evaluation():
    """The evaluation going on, or None."""
    return _evaluation


def open_evaluation(model):
    """A Trainer begins to evaluate."""
    global _evaluation
    close_evaluation()
    _evaluation = Evaluation(model, trainer=True)
    return _evaluation


def close_evaluation(**more):
    """Report the evaluation going on, if any."""
    global _evaluation
    done, _evaluation = _evaluation, None
    if done is None or not done.batches:
        return
    wire.guarded(_report)(done, more)


def _report(done, more):
    import numpy

    seconds = time.perf_counter() - done.began
    run = current()
    if run is None or run.model is None:
        number = models.run_of(done.model)
        number = models.loaded_run(done.model) if number is None else number
    else:
        number = run.number
        run.interrupted()
    facts = {
        "run": number,
        "during": (run is not None and run.steps) or None,
        "rows": done.rows,
        "cut": done.cut,
    }
    if done.counted:
        facts["accuracy"] = wire.number(sum(float(c) for c in done.correct) / done.counted)
    if done.losses:
        facts["loss"] = wire.number(
            sum(float(x) * n for x, n in done.losses) / sum(n for _, n in done.losses)
        )
    if done.hashes:
        facts["votes"] = rows.votes(done.hashes)
        mine = numpy.asarray(done.hashes, dtype=numpy.uint64)
        whole = None
        if done.loader is not None:
            whole = wire.guarded(batches.dataset)(done.loader.dataset, models.pad_id(done.model))
        mine = whole["hashes"] if whole else mine
        facts["leak"] = _leak(mine, number, done.loader)
    if done.loader is not None:
        try:
            facts["dataset_rows"] = len(done.loader.dataset)
        except TypeError:
            pass
    if number is not None and facts.get("accuracy") is not None:
        best = _runs[number].best
        _runs[number].best = max(best if best is not None else 0.0, facts["accuracy"])
    wire.emit("eval", seconds=wire.number(seconds, 4), **{**facts, **more})
    if run is not None:
        run.aside += time.perf_counter() - done.began


def _leak(mine, number, loader):
    """{'rows': of these, 'seen': so many were in the training set of the run or one it continues}"""
    import numpy

    if number is None:
        return None
    known = []
    for run in _runs[number].lineage():
        if run.loader is not None and loader is not None and run.loader.dataset is loader.dataset:
            return {"rows": len(mine), "seen": len(mine), "whole": True}
        known.append(
            run.dataset if run.dataset is not None else numpy.fromiter(run.seen, numpy.uint64, len(run.seen))
        )
    hits = numpy.isin(mine, numpy.concatenate(known))
    return {
        "rows": len(mine),
        "seen": int(hits.sum()),
        "whole": all(r.dataset is not None for r in _runs[number].lineage()),
    }
