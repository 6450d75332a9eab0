"""Loops that end early by themselves: GRADER_TRAIN_BATCHES, GRADER_EVAL_BATCHES, GRADER_LOOP_SECONDS.

What stays as the notebook planned it: the number of runs and of epochs, batch sizes, lengths, the
order of rows (but see shortcuts.py), `len()` of loaders and data sets, the learning-rate schedule (a
warm-up of 500 steps is not finished after 24; the accuracy of a cut run is compared only with one cut
the same way).
What is cut: each epoch of a Trainer after its share of the batches, and epochs once the time of the whole
run is used up; each pass of a hand-written loop over a DataLoader; each evaluation. A pass that neither
trains nor evaluates a model is not touched.

Called by torch_hooks.py (loaders) and trainer_hooks.py (Trainer).
"""

import math
import os
import sys
import time

from . import runs


def _number(name, kind):
    try:
        return kind(os.environ[name])
    except (KeyError, ValueError):
        return None


TRAIN = _number("GRADER_TRAIN_BATCHES", int)
EVAL = _number("GRADER_EVAL_BATCHES", int)
SECONDS = _number("GRADER_LOOP_SECONDS", float)

EVAL_ROWS = 64
"""An evaluation batch counts as so many rows: 64 batches of 8 say as much as 2 of 256, 8 of 64."""
LEAST = 4
"""Batches of a run's first epoch, or of a pass, that are run in any case."""

_steps = 0
_evals = 0


def stepped():
    """An optimizer stepped."""
    global _steps
    _steps += 1


def evaluated():
    """A model was called without training."""
    global _evals
    _evals += 1


class Cap:
    """Of one pass over a DataLoader."""

    def __init__(self, loader):
        self.began = time.perf_counter()
        self.handed = 0
        self.steps, self.evals = _steps, _evals
        self.limit = None
        self.eval_limit = EVAL and math.ceil(EVAL * EVAL_ROWS / (_batch_size(loader) or EVAL_ROWS))
        evaluation = runs.evaluation()
        self.by_trainer = evaluation is not None and evaluation.trainer
        self.free = not self.by_trainer and runs.trainer_run is not None  # the callback below sees to it

    def count(self):
        """One batch was handed out."""
        self.handed += 1

    def reached(self):
        """May no further batch be handed out?"""
        if self.free or not self.handed:
            return False
        if self.by_trainer or (_steps == self.steps and _evals > self.evals):
            if not _over(self.handed, self.eval_limit, self.began):
                return False
            if runs.evaluation() is not None:
                runs.evaluation().cut = True
            _keep_whole_batch()
            return True
        if _steps == self.steps:
            return False
        run = runs.current()
        if run is None:
            return False
        if self.limit is None:
            run.passes = getattr(run, "passes", 0) + 1
            self.limit = TRAIN if TRAIN is None or run.passes == 1 else max(LEAST, TRAIN // 3)
        spent = SECONDS is not None and time.perf_counter() - run.began > SECONDS
        if not _over(self.handed, self.limit, self.began, 1 if spent else LEAST):
            return False
        run.cut = True
        return True


def _keep_whole_batch():
    """The batch before the cut is not the last one of the set, but accelerate takes it for that.

    `gather_for_metrics` cuts the last batch to the set's remainder, and the notebook would compute its
    metric on 13 of 128 rows.
    """
    state = sys.modules.get("accelerate.state")
    loader = state and state.GradientState().active_dataloader
    if loader is not None and getattr(loader, "remainder", 0) > 0:
        loader.remainder = 0


def _batch_size(loader):
    return loader.batch_size or getattr(loader.batch_sampler, "batch_size", None)


def _over(handed, limit, began, least=LEAST):
    """`least` below LEAST: the time of the whole run is used up, not only of this pass."""
    if limit is not None and handed >= limit:
        return True
    late = least < LEAST or (SECONDS is not None and time.perf_counter() - began > SECONDS)
    return late and handed >= least


class TrainerCap:
    """Of one `Trainer.train()`: every epoch gets its share of the batches."""

    def __init__(self, run):
        self.run = run
        self.first = self.began = time.perf_counter()
        self.batches = 0
        self.cut_here = False

    def epoch_begins(self):
        """Count afresh."""
        self.began, self.batches, self.cut_here = time.perf_counter(), self.run.batches, False

    def step_ends(self, args, state, control):
        """Set the Trainer's own flags once the share is used up."""
        epochs = max(1, math.ceil(state.num_train_epochs or 1))
        least = LEAST if not self.batches else 1
        share = None if TRAIN is None else max(least, math.ceil(TRAIN / epochs))
        seconds = None if SECONDS is None else SECONDS / epochs
        done = self.run.batches - self.batches
        over = share is not None and done >= share
        over = over or (seconds is not None and done >= least and time.perf_counter() - self.began > seconds)
        if not over or state.global_step >= state.max_steps:
            return
        self.run.cut = self.cut_here = True
        spent = SECONDS is not None and time.perf_counter() - self.first > SECONDS
        if int(state.epoch or 0) + 1 < epochs and not spent:
            control.should_epoch_stop = True
            return
        # a run always ends with the evaluation and the checkpoint that the notebook will look for
        control.should_training_stop = True
        control.should_log = control.should_log or str(_value(args.logging_strategy)) == "steps"
        strategy = getattr(args, "eval_strategy", getattr(args, "evaluation_strategy", "no"))
        control.should_evaluate = control.should_evaluate or _value(strategy) == "steps"
        control.should_save = control.should_save or _value(args.save_strategy) == "steps"

    def epoch_ends(self, state):
        """The table shall say epoch 1.0, 2.0, … as it would."""
        if self.cut_here and state.epoch is not None:
            state.epoch = float(math.floor(state.epoch) + 1)


def _value(option):
    return getattr(option, "value", option)
