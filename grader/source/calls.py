"""Where every call that is not a student's own function is answered: by library name, or by what it is
called on. Unknown calls give a value that remembers which rows and cells it came from.

The only module interpret.py asks; it asks calls_data, tokens, calls_train and calls_torch.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from grader.source import calls_data as data
from grader.source import calls_torch as loops
from grader.source import calls_train as hf
from grader.source import collators, given_rows, loaders, loading, models, splitting, tokens
from grader.source.attributes import attribute, set_attribute
from grader.source.builtin_calls import BUILTINS
from grader.source.call import Call
from grader.source.derivation import cells_of, const, derived, rows_in
from grader.source.plain_methods import seq_method, text_method
from grader.source.tokens import encoded_rows
from grader.source.values import (
    Args,
    Class,
    Collator,
    Column,
    Const,
    Encoded,
    Function,
    Instance,
    Item,
    Lib,
    Loader,
    Mapping,
    Method,
    Model,
    Optimizer,
    Rows,
    Sampler,
    Seq,
    Tokenizer,
    Trainer,
    Unknown,
    Value,
    Weights,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter

row_item = data.row_item
loop_ended = loops.loop_ended

Handler = Callable[["Interpreter", Call], Value]

TRAINERS = ("Trainer", "Seq2SeqTrainer", "SFTTrainer", "ORTTrainer")
ARGUMENTS = ("TrainingArguments", "Seq2SeqTrainingArguments", "SFTConfig", "TFTrainingArguments")
COLLATORS = ("DataCollatorWithPadding", "DataCollatorForTokenClassification",
             "DataCollatorForLanguageModeling",
             "DataCollatorForSeq2Seq", "DataCollatorWithFlattening")  # fmt: skip
SAMPLERS = ("LengthGroupedSampler", "DistributedLengthGroupedSampler", "RandomSampler", "SequentialSampler",
            "BatchSampler", "WeightedRandomSampler", "SubsetRandomSampler", "DistributedSampler")  # fmt: skip
OPTIMIZERS = ("AdamW", "Adam", "SGD", "RAdam", "Adafactor", "NAdam", "RMSprop", "Lion", "Adagrad", "Adamax")
IDENTITY = ("tqdm", "trange", "list", "tuple", "asarray", "array", "tensor", "LongTensor", "FloatTensor",
            "constant", "as_tensor", "from_numpy", "stack", "ascontiguousarray", "convert_to_tensor",
            "Tensor",
            "from_dataset", "from_row_lengths", "deque", "progress_bar", "track")  # fmt: skip

LIBRARY: dict[str, Handler] = {
    **BUILTINS,
    "load_dataset": loading.load_dataset,
    "read_csv": loading.read_file,
    "read_table": loading.read_file,
    "read_parquet": loading.read_file,
    "read_json": loading.read_file,
    "from_csv": loading.read_file,
    "open": loading.read_file,
    "DataFrame": loading.frame,
    "Series": loading.frame,
    "from_pandas": loading.frame,
    "from_dict": loading.frame,
    "from_list": loading.frame,
    "TensorDataset": loading.frame,
    "Subset": data.subset,
    "DatasetDict": loading.dataset_dict,
    "concatenate_datasets": loading.concatenate,
    "ConcatDataset": loading.concatenate,
    "concat": loading.concatenate,
    "train_test_split": splitting.sklearn_split,
    "random_split": splitting.random_split,
    "pad_sequences": tokens.pad_sequences,
    "pad_sequence": tokens.pad_sequence,
    "get_peft_model": models.peft,
    "prepare_model_for_kbit_training": models.peft,
    "DataParallel": models.peft,
    "compile": models.peft,
    "deepcopy": models.copied,
    "copy": models.copied,
    "replace": models.copied,
    "DataLoader": loaders.data_loader,
    "from_tensor_slices": loaders.tf_slices,
    "from_generator": loaders.tf_slices,
    "from_config": models.from_config,
}


def answer(interp: Interpreter, call: Call) -> Value:
    """The result of a call of anything but a student's function."""
    func = call.func
    if isinstance(func, Lib):
        return _library(interp, func, call)
    if isinstance(func, Method):
        return _method(interp, func, call)
    if isinstance(func, Tokenizer):
        return tokens.tokenizer_call(interp, func, call)
    if isinstance(func, Model):
        model_called(interp, func, call)
        return derived(*call.args, *call.kwargs.values(), cells=interp.now)
    if isinstance(func, Instance):
        if models.model_in(func) is not None or "Module" in interp.base_names(func.cls):
            model_called(interp, func, call)
        return derived(*call.args, *call.kwargs.values(), cells=interp.now)
    if isinstance(func, Collator):
        rows = rows_in(call.args[0]) if call.args else None
        return Item(rows, "batch", interp.now) if rows is not None else Unknown(cells=interp.now)
    return derived(*call.args, *call.kwargs.values(), cells=interp.now | cells_of(func))


def model_called(interp: Interpreter, model: Value, call: Call | None = None) -> None:
    """Remember what a training loop calls, and with which encoding."""
    interp.last_model = model
    given = (*call.args, *call.kwargs.values()) if call is not None else ()
    interp.last_input = next((v for v in given if isinstance(v, Encoded)), None)


def _library(interp: Interpreter, func: Lib, call: Call) -> Value:
    last = func.last
    if last == "from_pretrained":
        return models.from_pretrained(interp, call)
    if last in TRAINERS:
        return hf.trainer(interp, call, name=last)
    if last in ARGUMENTS:
        return hf.training_arguments(interp, call)
    if last in COLLATORS:
        return collators.padding_collator(interp, call, last)
    if last in SAMPLERS:
        return loaders.sampler(interp, call, last)
    if last in OPTIMIZERS:
        return models.optimizer(interp, call, last)
    if last.startswith("get_") and ("_schedule" in last or last == "get_scheduler"):
        return Unknown(cells=interp.now)
    if last == "bucket_by_sequence_length":
        return loaders.bucket_transform(interp, call)
    if last in ("load",) and func.path.startswith(("torch", "safetensors", "joblib", "pickle")):
        return Unknown(hint="checkpoint", cells=interp.now)
    if last == "load_model":
        name = const(call.arg(0, "filepath"), "")
        return Model(str(name), "load_model", "checkpoint", "tf", cells=interp.now)
    if last in ("split", "load") and "tfds" in func.path:
        return Unknown(cells=interp.now)
    if last == "pipeline":
        return Unknown(cells=interp.now)
    if last.endswith(("ForSequenceClassification", "BertModel")) and call.args:
        return models.from_config(interp, call)
    if last in ("cat", "concatenate", "vstack", "hstack") and call.args:
        first = call.args[0]
        if isinstance(first, Seq) and first.complete and len(first.items) > 1:
            return loading.concatenate(interp, call)
        return first
    if last in IDENTITY and call.args:
        first = call.args[0]
        if isinstance(first, (Rows, Column, Encoded, Item, Seq, Mapping, Loader)) or last in (
            "tqdm",
            "list",
            "tuple",
        ):
            return _same(interp, first, last)
        return derived(*call.args, cells=interp.now)
    handler = LIBRARY.get(last)
    if handler is not None:
        made = handler(interp, call)
        if made is not None:
            return made
    return derived(*call.args, *call.kwargs.values(), cells=interp.now)


def _same(interp: Interpreter, first: Value, last: str) -> Value:
    if isinstance(first, Seq):
        return Seq(list(first.items), first.complete, first.cells | interp.now)
    if isinstance(first, Mapping) and last in ("list", "tuple"):
        return Seq([Const(k, first.cells) for k in first.items], first.complete, first.cells)
    if isinstance(first, Item) and last in ("list", "tuple"):
        return first
    return first


def _method(interp: Interpreter, func: Method, call: Call) -> Value:
    owner, name = func.owner, func.name
    if name == "backward":
        loops.backward(interp, call, "accelerate" if call.args else "torch-loop")
        return Const(None, interp.now)
    if name == "save_to_disk" and isinstance(const(call.arg(0)), str):
        interp.disk[const(call.arg(0))] = owner
        return Const(None, interp.now)
    if isinstance(owner, Sampler) and name in ("tolist", "copy", "numpy"):
        return owner
    if isinstance(owner, Rows):
        if name in ("batch", "padded_batch", "bucket_by_sequence_length", "to_tf_dataset"):
            return loaders.batched(interp, owner, name, call)
        if name == "apply" and call.args and isinstance(call.args[0], Loader):
            transform = call.args[0]
            return Loader(owner, transform.collator, transform.batch_size, transform.grouping, None,
                          transform.tries,
                          "tf", owner.cells | transform.cells | interp.now)  # fmt: skip
        return data.rows_method(interp, owner, name, call)
    if isinstance(owner, Mapping):
        return data.mapping_method(interp, owner, name, call)
    if isinstance(owner, Column):
        return data.column_method(interp, owner, name, call)
    if isinstance(owner, Seq):
        return seq_method(interp, owner, name, call)
    if isinstance(owner, Tokenizer):
        if name in ("batch_encode_plus", "encode_plus", "encode", "__call__"):
            return tokens.tokenizer_call(interp, owner, call, name)
        if name == "pad":
            return tokens.pad_call(interp, call)
        if name == "save_pretrained":
            return Const(None, interp.now)
        return _like_first(interp, call, owner)
    if isinstance(owner, Trainer):
        return hf.trainer_method(interp, owner, name, call)
    if isinstance(owner, Args):
        return Args(dict(owner.fields), owner.cells) if name == "copy" else _args_method(interp, owner, name)
    if isinstance(owner, Model) or (
        isinstance(owner, Instance) and models.module_model(interp, owner) is not None
    ):
        return _model(interp, owner, name, call)
    if isinstance(owner, Loader):
        return loaders.loader_method(interp, owner, name, call)
    if isinstance(owner, Encoded) and name in ("items", "values", "keys"):
        return _encoded_items(interp, owner, name)
    if isinstance(owner, (Item, Encoded)):
        if name in ("to", "copy", "items", "values", "convert_to_tensors", "keys", "get", "pop", "update"):
            if name in ("get", "pop") and call.args:
                return interp.item(owner, call.args[0], False, call.node or ast.Pass())
            return owner
        return derived(owner, cells=interp.now)
    if isinstance(owner, Const) and isinstance(owner.value, str):
        return text_method(interp, owner, name, call)
    if isinstance(owner, Weights):
        return owner
    if isinstance(owner, Optimizer):
        if name in ("step", "apply_gradients"):
            interp.last_optimizer = owner
            if name == "apply_gradients":
                loops.backward(interp, call, "keras")
        return owner if name in ("__iter__",) else Const(None, interp.now)
    if isinstance(owner, Instance):
        return derived(owner, *call.args, cells=interp.now)
    return _unresolved(interp, owner, name, call)


def _encoded_items(interp: Interpreter, owner: Encoded, name: str) -> Value:
    pairs = []
    for key in ("input_ids", "attention_mask"):
        column = interp.item(owner, Const(key), False, ast.Pass())
        pairs.append({"items": Seq([Const(key), column]), "values": column, "keys": Const(key)}[name])
    return Seq(pairs, False, interp.now | owner.cells)


def _like_first(interp: Interpreter, call: Call, owner: Value) -> Value:
    """tokenize, convert_tokens_to_ids, …: one result per text, not padded."""
    first = call.args[0] if call.args else None
    if isinstance(first, Column):
        return Column(first.rows, "made", first.over, interp.now | owner.cells)
    return derived(first, cells=interp.now | owner.cells)


def _args_method(interp: Interpreter, owner: Args, name: str) -> Value:
    if name in ("to_dict", "__dict__"):
        return Mapping(dict(owner.fields), True, cells=owner.cells)
    return Unknown(cells=interp.now)


def _model(interp: Interpreter, owner: Value, name: str, call: Call) -> Value:
    if name == "fit":
        return loops.keras_fit(interp, owner, call)
    if name == "evaluate":
        return loops.keras_evaluate(interp, owner, call)
    if name == "prepare_tf_dataset":
        rows = given_rows.dataset_rows(interp, call.arg(0, "dataset")) or Rows()
        return loaders.batched(interp, rows, name, Call(call.func, call.args[1:], call.kwargs, call.node))
    if name in ("forward", "__call__"):
        model_called(interp, owner, call)
        return derived(*call.args, cells=interp.now)
    if name == "compile":
        return Const(None, interp.now)
    return models.model_method(interp, owner, name, call)


def _unresolved(interp: Interpreter, owner: Value, name: str, call: Call) -> Value:
    """A method of something not known: an accelerator, a scaler, or a trainer from nowhere."""
    cells = interp.now | cells_of(owner)
    if name == "prepare" and call.args:
        return call.args[0] if len(call.args) == 1 else Seq(list(call.args), True, cells)
    if name == "clip_grad_norm_":
        return Unknown(cells=cells)
    if name == "fit" and ("epochs" in call.kwargs or "validation_data" in call.kwargs):
        return loops.keras_fit(interp, owner, call)
    if name == "step" and call.args and isinstance(call.args[0], Optimizer):  # GradScaler.step(optimizer)
        interp.last_optimizer = call.args[0]
        return Unknown(cells=cells)
    if name == "train" and call.receiver is not None and not call.args:
        text = ast.unparse(call.receiver)
        if "trainer" in text.lower():
            blank = Trainer(
                {"**": Unknown(), "train_dataset": Unknown(), "model": Unknown()}, None, text, cells
            )
            return hf.train(interp, blank, call)
    if name in ("load_dataset",):
        return loading.load_dataset(interp, call)
    return derived(owner, *call.args, *call.kwargs.values(), cells=cells)


def subclass_instance(interp: Interpreter, cls: Class, call: Call) -> Value | None:
    """Instances of classes built on Trainer or TrainingArguments are those, with the class remembered."""
    names = interp.base_names(cls)
    if names & set(TRAINERS):
        own = interp.class_member(cls, "__init__")
        if isinstance(own, Function):
            _give_names(own, call)
        made = hf.trainer(interp, call, cls, cls.name)
        return made
    if names & set(ARGUMENTS):
        return hf.training_arguments(interp, call)
    return None


def _give_names(init: Function, call: Call) -> None:
    names = [a.arg for a in init.node.args.args][1:]
    if not init.node.args.vararg:
        for name, value in zip(names, call.args, strict=False):
            call.kwargs.setdefault(name, value)
        call.args = []


__all__ = ["Call", "answer", "attribute", "encoded_rows", "loop_ended", "model_called", "row_item",
           "set_attribute", "subclass_instance"]  # fmt: skip
