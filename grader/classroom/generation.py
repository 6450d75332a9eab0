"""Which runtime a notebook was written for: by the names it imports and the arguments it passes.

Each entry of `CHANGES` is a name that some version no longer, or not yet, understands. The runtime
that understands all of a notebook's names is taken; runtimes added by a file take part by their pins.

What this is not: it doesn't judge the notebook; using an old API is no fault.
Sources: dataclass fields of TrainingArguments, parameters of Trainer.__init__ and `dir()` compared
between transformers 4.44.2, 4.57.1 and 5.23.0; datasets 2.21.0 to 5.2.0.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from grader.records import Submission, Text

Version = tuple[int, ...]


class Change(NamedTuple):
    """A name that a package understands only from `since` on and before `until`."""

    package: str
    since: Version | None = None
    until: Version | None = None
    needed: bool = False
    """A runtime without the package doesn't understand it; else a package that is absent says nothing."""


_GONE_IN_5 = [
    "group_by_length",
    "adafactor",
    "fp16_backend",
    "fp16_opt_level",
    "half_precision_backend",
    "include_inputs_for_metrics",
    "include_tokens_per_second",
    "jit_mode_eval",
    "logging_dir",
    "mp_parameters",
    "no_cuda",
    "overwrite_output_dir",
    "past_index",
    "per_gpu_eval_batch_size",
    "per_gpu_train_batch_size",
    "push_to_hub_model_id",
    "push_to_hub_organization",
    "push_to_hub_token",
    "ray_scope",
    "save_safetensors",
    "torchdynamo",
    "tpu_num_cores",
    "use_legacy_prediction_loop",
    "use_mps_device",
    "warmup_ratio",
]
_METHODS_GONE_IN_5 = [
    "encode_plus",
    "batch_encode_plus",
    "prepare_for_model",
    "as_target_tokenizer",
    "prepare_seq2seq_batch",
]

CHANGES: dict[str, Change] = {
    **{f"{name}=": Change("transformers", until=(5,)) for name in _GONE_IN_5},
    **{f".{name}": Change("transformers", until=(5,)) for name in _METHODS_GONE_IN_5},
    **{
        f"{name}=": Change("transformers", until=(4, 57))
        for name in ("dispatch_batches", "split_batches", "use_ipex")
    },
    "include_for_metrics=": Change("transformers", since=(4, 46)),
    "evaluation_strategy=": Change("transformers", until=(4, 46)),
    "eval_strategy=": Change("transformers", since=(4, 41)),
    "train_sampling_strategy=": Change("transformers", since=(5,)),
    "Trainer(tokenizer=)": Change("transformers", until=(5,)),
    "Trainer(processing_class=)": Change("transformers", since=(4, 46)),
    "transformers.AdamW": Change("transformers", until=(4, 50)),
    "transformers.TF*": Change("transformers", until=(5,)),
    "datasets.load_metric": Change("datasets", until=(3,)),
    # An `import tensorflow` alone mostly prints a version: it is needed where a model or data uses it.
    "TensorFlow": Change("tensorflow", since=(2,), needed=True),
}
"""Key: 'name=' a keyword argument or dict key, '.name' a method, 'package.name' an import,
'Trainer(name=)' an argument of a call to a trainer."""


class Choice(NamedTuple):
    """What a notebook can be run with."""

    name: str
    """The runtime."""
    reason: Text


def names_used(submission: Submission) -> set[str]:
    """The keys of CHANGES that the code cells use; cells that don't parse say nothing."""
    found: set[str] = set()
    for cell in submission.cells:
        if cell.kind == "code":
            found.update(key for key in _keys(_parse(cell.source)) if key in CHANGES)
    return found


def version_seen(submission: Submission) -> Version | None:
    """The transformers version that the notebook installs or once printed, if any."""
    for cell in submission.cells:
        if pinned := re.search(r"transformers\s*==\s*(\d+(?:\.\d+)+)", cell.source):
            return as_version(pinned[1])
        if "transformers.__version__" in cell.source:
            printed = " ".join(output.text for output in cell.outputs)
            # Several packages are often printed in one cell; only 4.x.y and 5.x.y can be transformers.
            versions = re.findall(r"(?<![\d.])[45]\.\d+\.\d+(?![\d.])", printed)
            if len(versions) == 1:
                return as_version(versions[0])
    return None


def misfits(used: set[str], packages: Mapping[str, Version]) -> set[str]:
    """Those of `used` that a runtime with these package versions doesn't understand."""
    return {key for key in used if not _understood(CHANGES[key], packages.get(CHANGES[key].package))}


def choose(
    submission: Submission,
    known: Mapping[str, Mapping[str, Version]],
    there: Mapping[str, str],
    wanted: str = "auto",
) -> Choice | None:
    """The runtime for `submission`.

    `known`: name → package versions of every runtime that is there or could be built; `there`: those
    that are there. None when `there` is empty or lacks the one that was `wanted` by name.
    """
    if wanted != "auto":
        if wanted not in there:
            return None
        return Choice(
            wanted, Text(ko=f"런타임 {wanted}: 직접 고름.", en=f"Runtime {wanted}: chosen by hand.")
        )
    if not there:
        return None
    used, seen = names_used(submission), version_seen(submission)

    def rank(name: str) -> tuple:
        return len(misfits(used, known[name])), _distance(seen, known[name]), name != "current", name

    best = min(known, key=rank)
    taken = min((name for name in known if name in there), key=rank)
    return Choice(taken, _reason(taken, best, used, seen, known))


def as_version(text: str) -> Version:
    """'4.44.2' → (4, 44, 2); what is no number ends it."""
    return tuple(int(part) for part in re.findall(r"\d+", text.split("+")[0])[:3])


def _reason(taken: str, best: str, used: set[str], seen: Version | None, known) -> Text:
    lost = sorted(misfits(used, known[taken]))
    elsewhere = set().union(*(misfits(used, packages) for packages in known.values()))
    shown = ", ".join(sorted(elsewhere.difference(lost))[:4])
    if shown:
        ko, en = f"런타임 {taken}: {shown} 을(를) 쓰는 코드.", f"Runtime {taken}: the code uses {shown}."
    elif seen:
        version = ".".join(map(str, seen))
        ko = f"런타임 {taken}: 노트북에 적힌 transformers {version} 에 가장 가까움."
        en = f"Runtime {taken}: nearest to transformers {version} as seen in the notebook."
    else:
        ko, en = f"런타임 {taken}: 옛 API 를 쓰지 않는 코드.", f"Runtime {taken}: the code uses no old API."
    if lost:
        ko += f" 이해하지 못하는 것: {', '.join(lost)}."
        en += f" It doesn't understand {', '.join(lost)}."
    if best != taken and len(misfits(used, known[best])) < len(lost):
        ko += f" {best} 가 더 맞지만 아직 없습니다: grader setup --runtime {best}"
        en += f" {best} would fit better but isn't there: grader setup --runtime {best}"
    return Text(ko=ko, en=en)


def _distance(seen: Version | None, packages: Mapping[str, Version]) -> float:
    """How far the runtime's transformers is from the one the notebook was written with."""
    own = packages.get("transformers")
    if not seen or not own:
        return 0.0
    major, minor = (*seen, 0, 0)[:2]
    return abs((own[0] * 100 + (*own, 0)[1]) - (major * 100 + minor))


def _understood(change: Change, version: Version | None) -> bool:
    if version is None:
        return not change.needed
    return (change.since is None or version >= change.since) and (
        change.until is None or version < change.until
    )


def _parse(source: str) -> ast.AST:
    """The cell as syntax; IPython's own lines are blanked. An empty module where it doesn't parse."""
    lines = [re.sub(r"^(\s*)(?:[%!?]).*", r"\1pass", line) for line in source.splitlines()]
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _keys(tree: ast.AST) -> Iterator[str]:
    """Everything in `tree` that could be a key of CHANGES."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if _last_name(node.func) in ("to_tf_dataset", "bucket_by_sequence_length", "padded_batch"):
                yield "TensorFlow"
            trainer = _last_name(node.func).endswith("Trainer")
            for keyword in node.keywords:
                yield f"{keyword.arg}="
                if keyword.arg == "return_tensors" and getattr(keyword.value, "value", None) == "tf":
                    yield "TensorFlow"
                if trainer:
                    yield f"Trainer({keyword.arg}=)"
        elif isinstance(node, ast.Dict):
            yield from (f"{key.value}=" for key in node.keys if isinstance(key, ast.Constant))
        elif isinstance(node, ast.ImportFrom) and node.module:
            package = node.module.split(".")[0]
            for name in node.names:
                yield from _imported(package, name.name)
        elif isinstance(node, ast.Attribute):
            yield f".{node.attr}"
            # Imported is not used: many notebooks import TF classes they never touch.
            if isinstance(node.value, ast.Name) and re.match(r"TF[A-Z]\w*For|TFAuto|TFBert", node.value.id):
                yield "TensorFlow"
            if isinstance(node.value, ast.Name):
                yield from _imported(node.value.id, node.attr)


def _imported(package: str, name: str) -> Iterator[str]:
    yield f"{package}.{name}"
    if package == "transformers" and re.match(r"TF[A-Z]", name):
        yield "transformers.TF*"


def _last_name(function: ast.AST) -> str:
    return getattr(function, "attr", None) or getattr(function, "id", "")
