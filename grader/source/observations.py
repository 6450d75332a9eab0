"""Facts about the code that need no data flow: seeds, metrics, deprecated calls, devices, shell
lines, preprocessing; and the interpreter's events and runs turned into observations.

Called by witness.py. One fact per place; no opinion.
"""

from __future__ import annotations

import ast
import contextlib
import re

from grader.facts import Kind
from grader.records import Observation, Witness
from grader.source.cells import Code
from grader.source.order import Reading
from grader.source.versions import asks_for_its_own_key

GONE = "transformers 5"
DEPRECATED_ARGUMENTS = {
    "evaluation_strategy": (GONE, "eval_strategy"),
    "group_by_length": (GONE, "train_sampling_strategy='group_by_length'"),
    "logging_dir": (GONE, "TENSORBOARD_LOGGING_DIR"),
    "no_cuda": (GONE, "use_cpu"),
    "per_gpu_train_batch_size": (GONE, "per_device_train_batch_size"),
    "per_gpu_eval_batch_size": (GONE, "per_device_eval_batch_size"),
    "overwrite_output_dir": (GONE, "nothing"),
    "pad_to_max_length": (GONE, "padding='max_length'"),
    "use_auth_token": (GONE, "token"),
    "warmup_ratio": (GONE, "warmup_steps"),
}
DEPRECATED_NAMES = {
    "load_metric": ("datasets 3", "evaluate.load"),
    "TFBertForSequenceClassification": (GONE, "the PyTorch class"),
    "TFAutoModelForSequenceClassification": (GONE, "the PyTorch class"),
    "batch_encode_plus": (GONE, "tokenizer(…)"),
    "encode_plus": (GONE, "tokenizer(…)"),
}
ARGUMENT_CLASSES = {"TrainingArguments", "Seq2SeqTrainingArguments"}
SEEDS = {
    "set_seed",
    "manual_seed",
    "manual_seed_all",
    "seed_everything",
    "set_random_seed",
    "enable_full_determinism",
}
METRICS = {
    "accuracy_score": "accuracy", "f1_score": "f1", "precision_score": "precision", "recall_score": "recall",
    "roc_auc_score": "roc_auc", "matthews_corrcoef": "matthews", "classification_report": "report",
    "precision_recall_fscore_support": "precision, recall, f1", "confusion_matrix": "confusion matrix",
    "balanced_accuracy_score": "accuracy", "flat_accuracy": "accuracy",
}  # fmt: skip
TUNED = {
    "learning_rate": "learning_rate", "lr_scheduler_type": "scheduler", "num_train_epochs": "epochs",
    "per_device_train_batch_size": "batch_size", "warmup_steps": "warmup", "warmup_ratio": "warmup",
    "weight_decay": "weight_decay", "gradient_accumulation_steps": "gradient_accumulation",
    "label_smoothing_factor": "label_smoothing", "optim": "optimizer", "fp16": "precision",
    "bf16": "precision",
    "adam_epsilon": "optimizer", "max_grad_norm": "gradient_clipping",
}  # fmt: skip
_NSMC = re.compile(r"\S*(?:ratings_(?:train|test)\.txt|e9t/nsmc\S*)")


def _say(kind: Kind, code: Code, node: ast.AST | int | None, **value: object) -> Observation:
    quote = code.quote(node) if node is not None else ""
    return Observation(witness=Witness.SOURCE, kind=kind, cell=code.index, value=value, quote=quote)


def from_events(reading: Reading) -> list[Observation]:
    """The interpreter's events, each written place once."""
    found: list[Observation] = []
    seen: set[str] = set()
    for event in reading.events:
        key = f"{event.kind}{event.cell}{event.quote}{sorted(event.value.items(), key=str)}"
        if key not in seen:
            seen.add(key)
            found.append(Observation(witness=Witness.SOURCE, kind=event.kind, cell=event.cell,
                                     value=event.value, quote=event.quote))  # fmt: skip
    return found


def from_runs(reading: Reading, codes: tuple[Code, ...]) -> list[Observation]:
    """Attempts at bucketing and tuned hyperparameters, from the arguments of each run."""
    by_index = {code.index: code for code in codes}
    found: list[Observation] = []
    told: set[tuple] = set()
    for run in reading.runs:
        for how in run.attempts:
            value = {"how": how, "executed": bool(run.executed)}
            found.append(
                Observation(
                    witness=Witness.SOURCE, kind=Kind.ATTEMPT, cell=run.cell, value=value, quote=run.quote
                )
            )
        for name, what in TUNED.items():
            if name in run.arguments and (what, run.arguments[name], run.cell) not in told:
                told.add((what, run.arguments[name], run.cell))
                cell, quote = _where(name, run.cells, by_index)
                value = {"what": what, "value": run.arguments[name], "run": run.cell}
                place = run.cell if cell is None else cell
                found.append(Observation(witness=Witness.SOURCE, kind=Kind.TUNING, cell=place,
                                         value=value, quote=quote))  # fmt: skip
    return found


def _where(name: str, cells: tuple[int, ...], codes: dict[int, Code]) -> tuple[int | None, str]:
    for index in sorted(cells, reverse=True):
        code = codes.get(index)
        if code is None:
            continue
        for row in code.lines:
            if re.match(rf"[^#]*\b{name}\s*['\"]?\s*[=:]", row):
                return index, row.strip()[:300]
    return None, ""


def from_text(codes: tuple[Code, ...]) -> list[Observation]:
    """What each cell's syntax tree shows by itself."""
    found: list[Observation] = []
    checked = False
    transformers: set[str] = set()
    for code in codes:
        if code.error is not None:
            line, message = code.error
            found.append(
                _say(Kind.SYNTAX_ERROR, code, min(line, len(code.lines)), message=message, line=line)
            )
        for line, command in code.shell:
            found.append(_say(Kind.SHELL, code, line, command=command))
            if match := _NSMC.search(command):
                found.append(_say(Kind.DATA_LOAD, code, line, name=match[0], how="download"))
        checked = checked or "is_available(" in code.source or "list_physical_devices" in code.source
        reader = _Walk(code, checked, transformers)
        with contextlib.suppress(RecursionError):
            reader.visit(code.tree)
        found += reader.found
    return found


class _Walk(ast.NodeVisitor):
    def __init__(self, code: Code, checked: bool, transformers: set[str]) -> None:
        self.code, self.checked, self.transformers = code, checked, transformers
        self.found: list[Observation] = []
        self.once: set[str] = set()

    def say(self, kind: Kind, node: ast.AST, **value: object) -> None:
        self.found.append(_say(kind, self.code, node, **value))

    def say_once(self, kind: Kind, node: ast.AST, **value: object) -> None:
        key = f"{kind}{value}"
        if key not in self.once:
            self.once.add(key)
            self.say(kind, node, **value)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if (node.module or "").startswith("transformers"):
                self.transformers.add(alias.asname or alias.name)
                if alias.name == "AdamW":
                    self.say(Kind.DEPRECATED, node, name="AdamW", gone_in=GONE, use="torch.optim.AdamW")
            self._name(alias.name, node)

    def _name(self, name: str, node: ast.AST) -> None:
        if name in DEPRECATED_NAMES:
            gone, use = DEPRECATED_NAMES[name]
            self.say_once(Kind.DEPRECATED, node, name=name, gone_in=gone, use=use)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._name(node.attr, node)
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a string by itself is a remark
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        dotted = ast.unparse(func)[:120] if isinstance(func, (ast.Attribute, ast.Name)) else name
        first = node.args[0] if node.args else None
        self._seed(node, name, dotted, first)
        self._arguments(node, name)
        self._metric(node, name, dotted, first)
        self._device(node, name, dotted, first)
        self._preprocessing(node, name, dotted, first)
        if name in ("urlretrieve", "get_file", "urlopen", "hf_hub_download", "gdown"):
            shown = next((a.value for a in node.args if isinstance(a, ast.Constant)), "")
            self.say(Kind.DATA_LOAD, node, name=str(shown)[:200], how="download")
        if name == "EarlyStoppingCallback" or name == "EarlyStopping":
            patience = next((w.value for w in node.keywords if "patience" in (w.arg or "")), first)
            self.say(
                Kind.TUNING, node, what="early-stopping", value=ast.unparse(patience) if patience else ""
            )
        if "schedule" in name and name.startswith("get_"):
            self.say(Kind.TUNING, node, what="scheduler", value=name)
        if name in ("Trainer", "Seq2SeqTrainer") and any(w.arg == "tokenizer" for w in node.keywords):
            self.say_once(
                Kind.DEPRECATED, node, name="Trainer(tokenizer=)", gone_in=GONE, use="processing_class="
            )
        self.generic_visit(node)

    def _seed(self, node: ast.Call, name: str, dotted: str, first: ast.expr | None) -> None:
        if name in SEEDS or (name == "seed" and ("random" in dotted or dotted == "seed")):
            shown = ast.unparse(first)[:40] if first is not None else ""
            self.say(Kind.SEED, node, call=dotted, value=shown)
        for word in node.keywords:
            if word.arg in ("seed", "random_state") and not isinstance(word.value, ast.Name):
                if isinstance(word.value, ast.Constant) and word.value.value is None:
                    continue
                self.say_once(
                    Kind.SEED, word.value, call=f"{name}({word.arg}=)", value=ast.unparse(word.value)[:40]
                )

    def _arguments(self, node: ast.Call, name: str) -> None:
        whole = name in ARGUMENT_CLASSES or name == "dict" or name == ""
        for word in node.keywords:
            if word.arg in DEPRECATED_ARGUMENTS and (whole or word.arg == "pad_to_max_length"):
                gone, use = DEPRECATED_ARGUMENTS[word.arg]
                self.say_once(Kind.DEPRECATED, word, name=word.arg, gone_in=gone, use=use)
            if (
                word.arg in ("fp16", "bf16", "tf32")
                and isinstance(word.value, ast.Constant)
                and word.value.value is True
            ) and (not self.checked or word.arg == "tf32"):
                self.say_once(Kind.DEVICE_UNCHECKED, word, call=f"{word.arg}=True")

    def visit_IfExp(self, node: ast.IfExp) -> None:
        if asks_for_its_own_key(node):
            self.visit(node.test)
            self.visit(node.body)
        else:
            self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=False):
            if isinstance(key, ast.Constant) and key.value in (
                "evaluation_strategy",
                "group_by_length",
                "logging_dir",
            ):
                gone, use = DEPRECATED_ARGUMENTS[key.value]
                self.say_once(Kind.DEPRECATED, key, name=key.value, gone_in=gone, use=use)
            del value
        self.generic_visit(node)

    def _metric(self, node: ast.Call, name: str, dotted: str, first: ast.expr | None) -> None:
        if name in METRICS:
            self.say_once(Kind.METRIC, node, name=METRICS[name], how=dotted)
        elif (
            name in ("load_metric", "load")
            and isinstance(first, ast.Constant)
            and isinstance(first.value, str)
        ):
            if name == "load_metric" or dotted in ("load", "evaluate.load"):
                parts = [a.value for a in node.args if isinstance(a, ast.Constant)]
                self.say_once(Kind.METRIC, node, name="/".join(str(p) for p in parts), how=dotted)
        elif (
            name == "mean"
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Compare)
        ):
            self.say_once(Kind.METRIC, node, name="accuracy", how="(predictions == labels).mean()")

    def _device(self, node: ast.Call, name: str, dotted: str, first: ast.expr | None) -> None:
        text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
        if self.checked:
            return
        if name == "cuda" and isinstance(node.func, ast.Attribute) and not dotted.startswith("torch."):
            self.say(Kind.DEVICE_UNCHECKED, node, call=".cuda()")
        elif name in ("to", "device") and text.startswith("cuda"):
            self.say(
                Kind.DEVICE_UNCHECKED, node, call=f"{'torch.device' if name == 'device' else '.to'}('{text}')"
            )
        elif name in ("get_device_name", "get_device_properties", "current_device") and "cuda" in dotted:
            self.say(Kind.DEVICE_UNCHECKED, node, call=dotted)

    def _preprocessing(self, node: ast.Call, name: str, dotted: str, first: ast.expr | None) -> None:
        what, detail = "", dotted
        if name in ("dropna", "drop_nulls"):
            what = "drop-empty"
        elif name == "drop_duplicates":
            what = "drop-duplicates"
        elif (name == "sub" and dotted.startswith("re.")) or (name == "replace" and ".str." in f".{dotted}"):
            what = "normalise"
            detail = ast.unparse(first)[:80] if first is not None else dotted
        elif name in ("normalize", "emoticon_normalize", "repeat_normalize", "clean_html", "spell_check"):
            what = "normalise"
        elif name == "filter" and isinstance(node.func, ast.Attribute) and first is not None:
            what, detail = "filter", ast.unparse(first)[:80]
        elif name in (
            "hist",
            "histplot",
            "percentile",
            "quantile",
            "describe",
            "boxplot",
            "displot",
            "kdeplot",
            "distplot",
        ):
            text = ast.unparse(node).lower()
            if "len" in text or "token" in text or "길이" in text or "word_count" in text:
                what, detail = "length-study", ast.unparse(node)[:100]
        if what:
            self.say_once(Kind.PREPROCESS, node, what=what, detail=detail[:100])
