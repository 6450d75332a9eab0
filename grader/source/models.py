"""Models and their weights: where they are loaded from, copied, reset, wrapped; which run trained them.
Called by calls.py and calls_train.py.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from grader.facts import Kind
from grader.source.call import Call
from grader.source.derivation import cells_of, const, derived
from grader.source.events import Draft
from grader.source.values import (
    Args,
    Const,
    Instance,
    Mapping,
    Model,
    Optimizer,
    Seq,
    Tokenizer,
    Trainer,
    Unknown,
    Value,
    Weights,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter

_HUB_ID = re.compile(
    r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$|^(?:bert|roberta|distilbert|electra|xlm|albert)[\w.-]*$"
)


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
        interp.note(Kind.MODEL_LOAD, call.node, name=shown, variable=variable, **{"class": cls})
        return Model(shown, cls, "checkpoint", cells=cells)
    start = start_of(interp, name, target)
    config = call.arg(None, "config")
    made = Model(
        name, cls, start, "tf" if cls.startswith(("TF", "Flax")) else "pt", cells=cells | cells_of(config)
    )
    known = {} if start == "unknown" else {"pretrained": start == "pretrained"}
    interp.note(Kind.MODEL_LOAD, call.node, name=name, variable=variable, **known, **{"class": cls})
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
        for _, inner in sorted(value.attrs.items(), key=lambda pair: pair[0] == "__weights__"):
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


def remember_folder(interp: Interpreter, value: Value | None) -> None:
    text = const(value) if isinstance(const(value), str) else ""
    if text and text not in (".", "./", "/", "~"):
        interp.saved.setdefault(text.rstrip("/"), interp.cell.index)


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
    history = interp.trained.get(model.uid, ())
    before = tuple(step for step in history if not interp.another_session(step[0]))
    if before:
        draft.start, draft.continued_from = "continued", before[-1][0]
        draft.earlier_rows = tuple(rows for _, rows in before if rows is not None)
    elif history:
        # The kernel was started anew in between: the name was loaded again, by a cell above or below.
        draft.start = _only_start(interp, draft.model_variable)
    if not interp.muted:
        interp.trained[model.uid] = (*history, (interp.cell.index, draft.rows))


def _only_start(interp: Interpreter, variable: str) -> str:
    """What every model ever bound to this name begins with, if it is the same for all."""
    starts = {const for name, const in interp.model_starts if name == variable and variable}
    return starts.pop() if len(starts) == 1 else "unknown"


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
