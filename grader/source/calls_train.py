"""Models, TrainingArguments and Trainer: what they are given, and what `train()` then trains.

Called by calls.py; each `train()` becomes a Draft.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from grader.facts import Kind
from grader.source.call import Call
from grader.source.events import Draft
from grader.source.tokens import DEFAULT, collator_of, dataset_rows
from grader.source.values import (
    Args,
    Class,
    Collator,
    Const,
    Function,
    Instance,
    Lib,
    Loader,
    Mapping,
    Model,
    Optimizer,
    Partial,
    Rows,
    Sampler,
    Seq,
    Tokenizer,
    Trainer,
    Unknown,
    Value,
    Weights,
    cells_of,
    const,
    derived,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter

_HUB_ID = re.compile(
    r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$|^(?:bert|roberta|distilbert|electra|xlm|albert)[\w.-]*$"
)

POSITIONS = {
    "Trainer": ("model", "args", "data_collator", "train_dataset", "eval_dataset", "tokenizer", "model_init"),
    "TrainingArguments": ("output_dir",),
}


# ---------------------------------------------------------------- loading


def from_pretrained(interp: Interpreter, call: Call) -> Value:
    path = getattr(call.func, "path", "")
    cls = path.split(".")[-2] if "." in path else ""
    target = call.arg(0, "pretrained_model_name_or_path", "model_name_or_path", "model_id")
    name = const(target) if isinstance(const(target), str) else getattr(target, "hint", "") or ""
    cells = interp.now | cells_of(target)
    variable = _variable(interp)
    if "Tokenizer" in cls or "Processor" in cls:
        length = call.const(None, "model_max_length", default=None)
        interp.note(Kind.TOKENIZER_LOAD, call.node, name=name, variable=variable, **{"class": cls})
        return Tokenizer(name, length if isinstance(length, int) else None, cells)
    if "Config" in cls:
        return Unknown(hint=name, cells=cells)
    if cls == "PeftModel" or cls.startswith("PeftModel"):
        base = call.arg(0, "model")
        inner = model_in(base)
        shown = inner.name if inner else ""
        interp.note(
            Kind.MODEL_LOAD, call.node, name=shown, variable=variable, pretrained=True, **{"class": cls}
        )
        return Model(shown, cls, "checkpoint", cells=cells)
    start = start_of(interp, name, target)
    config = call.arg(None, "config")
    made = Model(
        name, cls, start, "tf" if cls.startswith(("TF", "Flax")) else "pt", cells=cells | cells_of(config)
    )
    interp.note(
        Kind.MODEL_LOAD,
        call.node,
        name=name,
        variable=variable,
        pretrained=start == "pretrained",
        **{"class": cls},
    )
    if call.const(None, "output_loading_info", default=False) is True:
        return Seq([made, Unknown(cells=cells)], True, cells)
    return made


def start_of(interp: Interpreter, name: str, target: Value | None) -> str:
    """Hub id → pretrained; a folder, or anything this notebook saved → checkpoint."""
    clean = name.rstrip("/")
    if not clean:
        return "unknown"
    if any(clean.startswith(folder) for folder in interp.saved if folder) or "checkpoint" in clean.lower():
        return "checkpoint"
    if _HUB_ID.match(clean) and isinstance(target, Const):
        return "pretrained"
    if clean.startswith((".", "/", "~")) or "\\" in clean:
        return "checkpoint"
    return "unknown"


def from_config(interp: Interpreter, call: Call) -> Value:
    path = getattr(call.func, "path", "")
    cls = path.split(".")[-2] if path.endswith("from_config") else path.split(".")[-1]
    config = call.args[0] if call.args else None
    name = getattr(config, "hint", "") or ""
    interp.note(
        Kind.MODEL_LOAD, call.node, name=name, variable=_variable(interp), pretrained=False, **{"class": cls}
    )
    return Model(
        name, cls, "random", "tf" if cls.startswith("TF") else "pt", cells=interp.now | cells_of(config)
    )


def _variable(interp: Interpreter) -> str:
    """The name the running statement assigns to."""
    statement = interp.statement
    if isinstance(statement, ast.Assign) and statement.targets:
        target = statement.targets[0]
        if isinstance(target, ast.Tuple) and target.elts:
            target = target.elts[0]
        return ast.unparse(target)[:60]
    return ""


def model_in(value: Value | None, depth: int = 3) -> Model | None:
    """The model itself, or the one inside a student's module."""
    if isinstance(value, Model):
        return value
    if isinstance(value, Instance) and depth:
        for inner in value.attrs.values():
            found = model_in(inner, depth - 1)
            if found is not None:
                return found
    return None


def module_model(interp: Interpreter, value: Value | None) -> Model | None:
    """As `model_in`; a student's nn.Module without one inside is a model of its own, from random weights."""
    found = model_in(value)
    if found is None and isinstance(value, Instance) and interp.base_names(value.cls) & {
        "Module", "PreTrainedModel", "BertPreTrainedModel", "LightningModule", "Model"}:  # fmt: skip
        found = Model("", value.cls.name, "random", cells=value.cells)
        value.attrs["__weights__"] = found
    return found


def peft(interp: Interpreter, call: Call) -> Value:
    """get_peft_model, prepare_model_for_kbit_training, DataParallel, compile: the same weights underneath."""
    inner = call.arg(0, "model", "module")
    return inner if inner is not None else Unknown(cells=interp.now)


def training_arguments(interp: Interpreter, call: Call, name: str = "TrainingArguments") -> Value:
    fields = dict(zip(POSITIONS["TrainingArguments"], call.args, strict=False))
    fields.update(call.kwargs)
    made = Args(fields, interp.now | cells_of(*fields.values()))
    if call.loose:
        made.fields["**"] = Unknown(cells=interp.now)
    remember_folder(interp, fields.get("output_dir"))
    return made


def remember_folder(interp: Interpreter, value: Value | None) -> None:
    text = const(value) if isinstance(const(value), str) else ""
    if text and text not in (".", "./", "/", "~"):
        interp.saved.setdefault(text.rstrip("/"), interp.cell.index)


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


# ---------------------------------------------------------------- train()


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
    if owner.cls is not None:
        _overridden_loader(interp, owner, draft)
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
    if args is None or (const(args, "") is None and "**" not in owner.fields):
        return "none", ()
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
        method = interp._bound(owner, owner.cls, "get_train_dataloader") if owner.cls else None
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
            method = interp._bound(owner, owner.cls, name) if owner.cls else None
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


def settle_model(interp: Interpreter, given: Value | None, draft: Draft) -> None:
    """Which weights the run begins with, and that it has now trained them."""
    model = module_model(interp, given)
    if model is None:
        return
    draft.model = model.name or model.cls
    draft.model_uid = model.uid
    draft.model_variable = next((k for k, v in interp.globals.items() if v is given), "")
    draft.cells |= model.cells
    draft.start = model.start
    seen: tuple[Rows, ...] = ()
    if model.uid in interp.trained:
        draft.continued_from, seen = interp.trained[model.uid]
        draft.start, draft.earlier_rows = "continued", seen
    if not interp.muted:
        now = (draft.rows,) if draft.rows is not None else ()
        interp.trained[model.uid] = (interp.cell.index, seen + now)


def trainer_method(interp: Interpreter, owner: Trainer, name: str, call: Call) -> Value:
    if name == "train":
        return train(interp, owner, call)
    if name in ("evaluate", "predict"):
        rows = dataset_rows(interp, call.arg(0, "eval_dataset", "test_dataset"))
        if rows is None and name == "evaluate":
            rows = dataset_rows(interp, owner.fields.get("eval_dataset"))
        return Unknown(rows=None, cells=interp.now)
    if name == "save_model":
        remember_folder(interp, call.arg(0, "output_dir"))
        return Const(None, interp.now)
    if name in ("get_train_dataloader", "get_eval_dataloader"):
        rows = dataset_rows(interp, owner.fields.get("train_dataset" if "train" in name else "eval_dataset"))
        return Loader(rows, collator_of(interp, owner.fields.get("data_collator"), rows), cells=interp.now)
    if name == "add_callback":
        return Const(None, interp.now)
    return Unknown(cells=interp.now | owner.cells)


def model_method(interp: Interpreter, owner: Value, name: str, call: Call) -> Value:
    """Methods of a model or of a student's module."""
    model = module_model(interp, owner)
    if name in ("to", "cuda", "cpu", "train", "eval", "half", "float", "bfloat16", "requires_grad_", "apply",
                "merge_and_unload", "double", "get_base_model", "unload"):  # fmt: skip
        return owner
    if name in ("save_pretrained", "save", "save_weights"):
        remember_folder(interp, call.arg(0, "save_directory", "filepath"))
        return Const(None, interp.now)
    if name == "state_dict" and model is not None:
        return Weights(model.start, interp.trained.get(model.uid), model, True, interp.now)
    if name in ("load_state_dict", "load_weights", "load_adapter", "set_weights"):
        load_weights(interp, model, call.args[0] if call.args else None)
        return Const(None, interp.now)
    if name in ("parameters", "named_parameters", "get_weights", "trainable_variables"):
        return Optimizer(model, "", (), interp.now)
    if name == "init_weights" and model is not None:
        model.start = "random"
        interp.trained.pop(model.uid, None)
        return Const(None, interp.now)
    return derived(*call.args, cells=interp.now | owner.cells)


def load_weights(interp: Interpreter, model: Model | None, given: Value | None) -> None:
    if model is None:
        return
    if not isinstance(given, Weights):
        model.start = "checkpoint"
        interp.trained.pop(model.uid, None)
        return
    if given.live and given.model is model:
        return
    source = given.model if given.live else None
    trained = interp.trained.get(source.uid) if source else given.trained
    model.start = source.start if source else given.start
    interp.trained.pop(model.uid, None)
    if trained is not None:
        interp.trained[model.uid] = trained


def copied(interp: Interpreter, call: Call) -> Value:
    """copy.deepcopy, copy.copy, dataclasses.replace, clone."""
    given = call.args[0] if call.args else None
    if isinstance(given, Model):
        return replace_model(given, interp)
    if isinstance(given, Args):
        return Args(
            {**given.fields, **call.kwargs}, given.cells | interp.now | cells_of(*call.kwargs.values())
        )
    if isinstance(given, Weights):
        if given.model is not None:
            trained = interp.trained.get(given.model.uid)
            return Weights(given.model.start, trained, None, False, given.cells | interp.now)
        return given
    if isinstance(given, Mapping):
        return Mapping(dict(given.items), given.complete, given.split, given.cells | interp.now)
    if isinstance(given, Seq):
        return Seq(list(given.items), given.complete, given.cells | interp.now)
    if isinstance(given, Instance):
        attrs = {k: replace_model(v, interp) if isinstance(v, Model) else v for k, v in given.attrs.items()}
        return Instance(given.cls, attrs, given.cells | interp.now)
    if isinstance(given, Trainer):
        return Trainer(dict(given.fields), given.cls, given.name, given.cells | interp.now)
    return given if given is not None else Unknown(cells=interp.now)


def replace_model(given: Model, interp: Interpreter) -> Model:
    made = Model(given.name, given.cls, given.start, given.framework, given.cells | interp.now)
    if given.uid in interp.trained:
        interp.trained[made.uid] = interp.trained[given.uid]
    return made


def optimizer(interp: Interpreter, call: Call, name: str) -> Value:
    model = None
    for value in (*call.args, *call.kwargs.values()):
        if isinstance(value, Optimizer):
            model = model or value.model
        elif isinstance(value, Seq):
            for group in value.items:
                inner = group.items.get("params") if isinstance(group, Mapping) else None
                if isinstance(inner, Optimizer):
                    model = model or inner.model
    fields = []
    lr = call.arg(1, "lr", "learning_rate")
    for key, value in (("learning_rate", lr), ("weight_decay", call.arg(None, "weight_decay"))):
        if isinstance(value, Const) and isinstance(value.value, (int, float)):
            fields.append((key, str(value.value)))
    fields.append(("optim", name))
    return Optimizer(model, name, tuple(fields), interp.now)


__all__ = ["Lib", "Rows"]
