"""TrainingArguments and Trainer: what they are given, and what `train()` then trains (a Draft).
Called by calls.py.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from grader.facts import Kind
from grader.source.call import Call
from grader.source.collators import DEFAULT, collator_of
from grader.source.derivation import cells_of, const
from grader.source.events import Draft, Measuring
from grader.source.given_rows import dataset_rows
from grader.source.values import (
    Args,
    Class,
    Collator,
    Const,
    Function,
    Instance,
    Loader,
    Mapping,
    Optimizer,
    Partial,
    Rows,
    Sampler,
    Seq,
    Tokenizer,
    Trainer,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter
from grader.source.models import remember_folder, settle_model

POSITIONS = {
    "Trainer": ("model", "args", "data_collator", "train_dataset", "eval_dataset", "tokenizer", "model_init"),
    "TrainingArguments": ("output_dir",),
}


def training_arguments(interp: Interpreter, call: Call, name: str = "TrainingArguments") -> Value:
    fields = dict(zip(POSITIONS["TrainingArguments"], call.args, strict=False))
    fields.update(call.kwargs)
    made = Args(fields, interp.now | cells_of(*fields.values()))
    if call.loose:
        made.fields["**"] = Unknown(cells=interp.now)
    remember_folder(interp, fields.get("output_dir"))
    return made


def trainer(interp: Interpreter, call: Call, cls: Class | None = None, name: str = "Trainer") -> Value:
    fields: dict[str, Value] = dict(zip(POSITIONS["Trainer"], call.args, strict=False))
    fields.update(call.kwargs)
    if call.loose:
        fields["**"] = Unknown(cells=interp.now)
    for key in ("data_collator",):
        given = fields.get(key)
        if isinstance(given, (Function, Instance, Partial)):
            made = collator_of(interp, given, dataset_rows(interp, fields.get("train_dataset")))
            if made is not None:
                interp.note(Kind.COLLATOR, call.node, padding=made.padding, **{"class": made.name})
    return Trainer(fields, cls, name, interp.now)


def train(interp: Interpreter, owner: Trainer, call: Call) -> Value:
    """`trainer.train()` → a Draft."""
    fields = owner.fields
    args = fields.get("args")
    rows = dataset_rows(interp, fields.get("train_dataset"))
    evaluated = fields.get("eval_dataset")
    if isinstance(evaluated, Mapping) and len(evaluated.items) == 1:
        evaluated = next(iter(evaluated.items.values()))
    draft = Draft(
        cell=interp.cell.index,
        kind="trainer",
        quote=_quote(interp, call.node),
        rows=rows,
        eval_rows=dataset_rows(interp, evaluated),
        args=args if isinstance(args, Args) else None,
        inside=interp.unsure > 0,
        site=call.node,
    )
    draft.eval_known = evaluated is None or const(evaluated, "") is None
    draft.name = _run_name(args, call)
    tokenizer = fields.get("processing_class", fields.get("tokenizer"))
    given = fields.get("data_collator")
    draft.collator = collator_of(interp, given, rows)
    if draft.collator is None:
        if isinstance(tokenizer, Tokenizer):
            draft.collator = Collator("dynamic", "", False, None, tokenizer.cells)
        elif (tokenizer is not None and const(tokenizer, "") is not None) or "**" in fields:
            draft.collator = Collator("unknown")
        else:
            draft.collator = DEFAULT
    elif draft.collator.name != "default_data_collator":
        draft.tries += ("own-collator" if draft.collator.own else "collator",)
    draft.grouping, tries = _trainer_grouping(interp, owner, args)
    draft.tries += tries
    _overridden_loader(interp, owner, draft)
    if rows is not None and rows.ordered and "own-sampler" not in draft.tries:
        draft.tries += ("sorted-rows",)  # in vain: Trainer shuffles
    given_optimizers = fields.get("optimizers")
    if isinstance(given_optimizers, Seq) and given_optimizers.items:
        first = given_optimizers.items[0]
        draft.optimizer = dict(first.fields) if isinstance(first, Optimizer) else {}
    _add_model(interp, owner, call, draft)
    draft.cells = (
        interp.now
        | cells_of(
            rows,
            draft.eval_rows,
            args,
            draft.collator if given is not None else None,
            tokenizer,
            fields.get("model"),
        )
        | owner.cells
    )
    if isinstance(args, Args):
        draft.cells |= cells_of(*args.fields.values())
        draft.batch_size = args.fields.get("per_device_train_batch_size")
        draft.epochs = args.fields.get("num_train_epochs")
    report(interp, draft)
    owner.run = draft
    return Unknown(cells=interp.now)


def report(interp: Interpreter, draft: Draft) -> None:
    if not interp.muted:
        interp.runs.append(draft)


def _quote(interp: Interpreter, node: ast.AST | None) -> str:
    if interp.code is interp.cell and node is not None:
        return interp.cell.quote(node)
    return interp.cell.quote(interp.statement) if interp.statement is not None else ""


def _run_name(args: Value | None, call: Call) -> str:
    folder = args.fields.get("output_dir") if isinstance(args, Args) else None
    text = const(folder) if isinstance(const(folder), str) else getattr(folder, "hint", "")
    if text:
        return str(text)
    return ast.unparse(call.receiver)[:60] if call.receiver is not None else ""


def _trainer_grouping(interp: Interpreter, owner: Trainer, args: Value | None) -> tuple[str, tuple[str, ...]]:
    if args is None or const(args, "") is None:
        return ("unknown" if "**" in owner.fields else "none"), ()
    if not isinstance(args, Args):
        return "unknown", ()
    given = args.fields.get("group_by_length")
    strategy = args.fields.get("train_sampling_strategy")
    if strategy is not None:
        word = const(strategy)
        if not isinstance(word, str):
            return "unknown", ()
        return ("length", ("group_by_length",)) if "length" in word else ("none", ())
    if given is None:
        return ("unknown" if "**" in args.fields else "none"), ()
    if not isinstance(given, Const):
        return "unknown", ()
    return ("length", ("group_by_length",)) if given.value else ("none", ())


def _overridden_loader(interp: Interpreter, owner: Trainer, draft: Draft) -> None:
    """A Trainer subclass with its own data loader or sampler."""
    interp.muted += 1
    try:
        method = _own_method(interp, owner, "get_train_dataloader")
        if isinstance(method, Function):
            made = interp.invoke(method, [], {})
            if isinstance(made, Loader):
                draft.loader = made
                draft.grouping = made.grouping
                draft.tries += made.tries
                if made.collator is not None:
                    draft.collator = made.collator
                if made.rows is not None:
                    draft.rows = made.rows
            else:
                draft.grouping = "unknown"
                draft.collator = Collator("unknown")
            return
        for name in ("_get_train_sampler", "get_train_sampler"):
            method = _own_method(interp, owner, name)
            if isinstance(method, Function):
                made = interp.invoke(method, [Unknown()], {})
                if isinstance(made, Sampler):
                    draft.grouping = made.grouping
                    if made.grouping != "none":
                        draft.tries += ("own-sampler",)
                else:
                    draft.grouping = "unknown"
    finally:
        interp.muted -= 1


def _own_method(interp: Interpreter, owner: Trainer, name: str) -> Value | None:
    """A method the student's subclass overrides, or sets on the object itself."""
    if isinstance(owner.fields.get(name), Function):
        return owner.fields[name]
    return interp._bound(owner, owner.cls, name) if owner.cls is not None else None


def _add_model(interp: Interpreter, owner: Trainer, call: Call, draft: Draft) -> None:
    fields = owner.fields
    resumed = call.arg(0, "resume_from_checkpoint", "model_path")
    fresh = fields.get("model_init")
    if isinstance(fresh, (Function, Partial)):
        given: Value | None = interp.apply(fresh, [], {})
        if isinstance(fresh, Function):
            fields["model"] = given or Unknown()
    else:
        given = fields.get("model")
    settle_model(interp, given, draft)
    if isinstance(resumed, Const) and not resumed.value:
        return
    if resumed is not None:
        draft.start, draft.continued_from = "checkpoint", None
        if draft.extra is not None:
            draft.extra["resume_from_checkpoint"] = str(const(resumed, "") or getattr(resumed, "hint", ""))[
                :200
            ]


def _fit(interp: Interpreter, call: Call) -> Value:
    """`Trainer.fit(model, loader, …)` of another library."""
    loader = call.arg(1, "train_dataloaders", "train_dataloader")
    draft = Draft(interp.cell.index, "unknown", _quote(interp, call.node), site=call.node, cells=interp.now)
    draft.grouping = "unknown"
    if isinstance(loader, Loader):
        draft.rows, draft.collator, draft.batch_size = loader.rows, loader.collator, loader.batch_size
        draft.grouping, draft.tries = loader.grouping, loader.tries
        draft.cells |= loader.cells
    settle_model(interp, call.args[0], draft)
    report(interp, draft)
    return Unknown(cells=interp.now)


def _measure(interp: Interpreter, owner: Trainer, rows: Rows | None, call: Call) -> None:
    """Which rows an evaluation uses; without an argument those of the Trainer."""
    if interp.muted:
        return
    own = dataset_rows(interp, owner.fields.get("eval_dataset"))
    if rows is None and not call.args and "eval_dataset" not in call.kwargs and not call.loose:
        rows = own
    trained = dataset_rows(interp, owner.fields.get("train_dataset"))
    interp.measurings.append(Measuring(interp.cell.index, rows, trained, own))


def trainer_method(interp: Interpreter, owner: Trainer, name: str, call: Call) -> Value:
    if name in ("train", "hyperparameter_search"):
        # A search is many trainings; what differs between them is not in the code's values.
        return train(interp, owner, call if name == "train" else Call(call.func, node=call.node))
    if name in ("evaluate", "predict"):
        rows = dataset_rows(interp, call.arg(0, "eval_dataset", "test_dataset"))
        _measure(interp, owner, rows, call)
        if owner.run is not None and owner.run.eval_rows is None and rows is not None and not interp.muted:
            owner.run.eval_rows, owner.run.eval_after = rows, True
        return Unknown(rows=None, cells=interp.now)
    if name == "fit" and call.args:  # Lightning
        return _fit(interp, call)
    if name == "save_model":
        remember_folder(interp, call.arg(0, "output_dir"))
        return Const(None, interp.now)
    if name in ("get_train_dataloader", "get_eval_dataloader"):
        rows = dataset_rows(interp, owner.fields.get("train_dataset" if "train" in name else "eval_dataset"))
        return Loader(rows, collator_of(interp, owner.fields.get("data_collator"), rows), cells=interp.now)
    if name == "add_callback":
        return Const(None, interp.now)
    return Unknown(cells=interp.now | owner.cells)
