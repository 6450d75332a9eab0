"""Where Hugging Face's Trainer shows what happens: train, the callbacks, the evaluation loop.

Works from transformers 4.11 to 5: only methods that all of them have are wrapped, and arguments are
read by name where they exist. Called once by entry.py through imports.py.
"""

from . import budget, runs, wire

ARGUMENTS = (
    "output_dir", "num_train_epochs", "max_steps", "per_device_train_batch_size", "learning_rate",
    "per_device_eval_batch_size", "gradient_accumulation_steps", "weight_decay", "warmup_steps",
    "warmup_ratio",
    "lr_scheduler_type", "optim", "seed", "group_by_length", "train_sampling_strategy", "fp16", "bf16",
    "tf32", "eval_strategy", "evaluation_strategy", "eval_steps", "save_strategy", "load_best_model_at_end",
    "metric_for_best_model", "label_smoothing_factor", "dataloader_num_workers", "auto_find_batch_size",
)  # fmt: skip


def install(module):
    """After `transformers.trainer` was imported."""
    Trainer = module.Trainer
    _remember_collator(Trainer)
    callback = _callback(module.TrainerCallback)
    train = Trainer.train

    def watched_train(self, *args, **kwargs):
        run = wire.guarded(_begin)(self, callback)
        if run is None:
            return train(self, *args, **kwargs)
        before, runs.trainer_run = runs.trainer_run, run
        try:
            return train(self, *args, **kwargs)
        except BaseException as error:
            run.failed = type(error).__name__
            raise
        finally:
            runs.trainer_run = before
            runs.close_evaluation()
            wire.guarded(_end)(self, run)

    Trainer.train = _like(train, watched_train)
    for name in ("evaluation_loop", "prediction_loop"):
        if hasattr(Trainer, name):
            setattr(Trainer, name, _evaluating(getattr(Trainer, name)))


def _remember_collator(Trainer):
    """Was a collator given, or is it the one that comes with the tokenizer? Only the first is an attempt."""
    begin = Trainer.__init__

    def __init__(self, model=None, args=None, data_collator=None, *more, **kwargs):
        self._grader_collator = "given" if data_collator is not None else "default"
        begin(self, model, args, data_collator, *more, **kwargs)

    __init__.__wrapped__, __init__.__doc__ = begin, begin.__doc__
    Trainer.__init__ = __init__


def _like(original, wrapper):
    wrapper.__name__, wrapper.__doc__ = original.__name__, original.__doc__
    wrapper.__wrapped__ = original  # inspect.signature shows the official one
    return wrapper


def _begin(trainer, callback):
    runs.end_of_cell()  # a hand-written loop above in the same cell is over
    args = trainer.args
    facts = {
        "args": {n: _plain(getattr(args, n)) for n in ARGUMENTS if getattr(args, n, None) is not None},
        "asked": getattr(args, "_grader_asked", {}),
        "trainer": type(trainer).__name__,
        "collator_from": getattr(trainer, "_grader_collator", ""),
        "epochs_planned": wire.number(args.num_train_epochs),
    }
    if trainer.eval_dataset is not None and hasattr(trainer.eval_dataset, "__len__"):
        facts["eval_rows"] = len(trainer.eval_dataset)
    run = runs.Run("trainer", facts)
    trainer.remove_callback(callback)
    trainer.add_callback(callback(run))
    return run


def _plain(value):
    value = getattr(value, "value", value)
    return value if isinstance(value, (int, float, str, bool)) else str(value)


def _end(trainer, run):
    state = trainer.state
    flos = getattr(state, "total_flos", None)
    run.facts_end = {"global_step": state.global_step, "flos": wire.number(flos, 9)}
    run.early = bool(
        not run.cut and not run.failed and state.max_steps and state.global_step < state.max_steps
    )
    run.model = trainer.model if run.clock is not None else run.model
    run.finish()


def _callback(TrainerCallback):
    class GraderCallback(TrainerCallback):
        """Reads; the only thing it changes are the Trainer's own stop flags, for the budget."""

        def __init__(self, run):
            self.run, self.cap = run, budget.TrainerCap(run)

        def on_train_begin(self, args, state, control, model=None, **kwargs):
            self.run.facts["steps_planned"] = state.max_steps
            if model is not None and self.run.model is None:
                wire.guarded(self.run.start)(model)

        def on_epoch_begin(self, args, state, control, **kwargs):
            self.run.interrupted()
            self.cap.epoch_begins()

        def on_step_end(self, args, state, control, **kwargs):
            wire.guarded(self.cap.step_ends)(args, state, control)
            if control.should_evaluate or control.should_save:
                self.run.interrupted()

        def on_epoch_end(self, args, state, control, **kwargs):
            self.cap.epoch_ends(state)

        def on_evaluate(self, args, state, control, **kwargs):
            self.run.interrupted()

        def on_save(self, args, state, control, **kwargs):
            self.run.interrupted()

        def on_log(self, args, state, control, logs=None, **kwargs):
            facts = {k: wire.number(v) for k, v in (logs or {}).items() if isinstance(v, (int, float))}
            wire.guarded(wire.emit)("log", run=self.run.number, step=state.global_step, logs=facts)

    return GraderCallback


def _evaluating(loop):
    def watched_loop(self, *args, **kwargs):
        runs.open_evaluation(self.model)
        metrics = None
        try:
            out = loop(self, *args, **kwargs)
            metrics = getattr(out, "metrics", None)
            return out
        finally:
            runs.close_evaluation(
                claims=_flat(metrics), epoch=wire.number(self.state.epoch), step=self.state.global_step
            )

    return _like(loop, watched_loop)


def _flat(metrics):
    """Metrics as numbers; `{'eval_accuracy': {'accuracy': 0.9}}` is common."""
    flat = {}
    for name, value in (metrics or {}).items():
        inner = value.items() if isinstance(value, dict) else [(None, value)]
        for more, number in inner:
            number = wire.number(number)
            if number is not None:
                flat[
                    str(name) if more in (None, str(name).replace("eval_", "")) else "%s.%s" % (name, more)
                ] = number
    return flat
