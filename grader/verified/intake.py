"""What lies in the folder of weights: each file checked before any library opens it.

The folder was filled from the student's sandbox, so every file in it may be made to harm: a link to
the labels, a pipe that never ends, sizes that don't add up, a header of a gigabyte. Nothing here loads
a tensor; the header of a safetensors file is plain JSON. What passes is copied, through the descriptor
that was checked, to where the second sandbox may read it.

Beside `NAME.safetensors` lies `NAME.json`, written by the probe: cell and order of the run, label
('best' or 'last'), max_length, the model's class and config; or a `reason` where there are no weights.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import stat
from pathlib import Path
from typing import Any, NamedTuple

from grader.records import Text
from grader.verified import reasons

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5")
MOST_FILES = 64
MOST_MODELS = 16
MOST_METADATA = 262_144
"""Bytes of one .json."""
MOST_HEADER = 8_388_608
"""Bytes; BERT-base's header has about 25 kB."""
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
"""Per element, by safetensors' dtype names."""
DEFAULT_LENGTH = 128
"""Tokens a review is cut to where the notebook's own length is unknown: 99 % of NSMC stay below 80."""
ACTIVATIONS = ("gelu", "gelu_new", "relu", "silu")

WORDS = "bert.embeddings.word_embeddings.weight"
HEAD = "classifier.weight"
NEEDED = (
    WORDS,
    HEAD,
    "classifier.bias",
    "bert.embeddings.position_embeddings.weight",
    "bert.embeddings.token_type_embeddings.weight",
    "bert.encoder.layer.0.intermediate.dense.weight",
    "bert.pooler.dense.weight",
)
"""What makes a file a BertForSequenceClassification."""


class Weights(NamedTuple):
    """A file fit to be handed to the evaluator."""

    name: str
    path: Path
    """Of our own copy."""
    cell: int | None
    order: int
    label: str
    max_length: int
    config: dict[str, Any]
    """The few settings that don't follow from shapes."""


class Refusal(NamedTuple):
    """A file that isn't, and why."""

    text: Text


class Found(NamedTuple):
    """Everything in the folder."""

    weights: tuple[Weights, ...]
    refused: tuple[Refusal, ...]


class _Bad(Exception):
    """`args`: code, detail."""


def look_into(folder: Path, base: Path, copies: Path) -> Found:
    """The weights in `folder`, checked against the base model in `base` (its folder), in `copies`."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder))[:MOST_FILES]
    except OSError:
        return Found((), ())
    settings = json.loads((base / "config.json").read_text(encoding="utf-8"))
    biggest = max(file.stat().st_size for file in base.iterdir()) * 3 + 16_000_000
    weights: list[Weights] = []
    refused: list[Refusal] = []
    for name in names:
        try:
            if name.endswith(".safetensors") and len(weights) >= MOST_MODELS:
                raise _Bad("too-many")
            fit = _look_at(folder / name, copies / f"{len(weights)}.safetensors", names, settings, biggest)
        except _Bad as bad:
            refused.append(Refusal(reasons.refused(_shown(name), *bad.args)))
        else:
            weights += [fit] if fit else []
    return Found(tuple(weights), tuple(refused))


def _look_at(path: Path, copy: Path, names: list[str], settings: dict, biggest: int) -> Weights | None:
    """The weights in `path`, copied; None for a file that belongs to another."""
    if path.suffix in PICKLES:
        raise _Bad("pickle")
    if path.suffix == ".json" and path.with_suffix(".safetensors").name not in names:
        about = _metadata(path)
        raise _Bad("withheld", str(about.get("reason", ""))[:200])
    if path.suffix != ".safetensors":
        return None
    shapes = _header(path, biggest, copy)
    about = _metadata(path.with_suffix(".json"))
    _check_architecture(shapes, about, settings)
    return Weights(
        name=_shown(path.name),
        path=copy,
        cell=_whole(about.get("cell"), 0, 1_000_000),
        order=_whole(about.get("order"), 0, 1_000_000) or 0,
        label="best" if about.get("label") == "best" else "last",
        max_length=_whole(about.get("max_length"), 4, 512) or DEFAULT_LENGTH,
        config=_config(about.get("config"), settings, hidden=shapes[WORDS][1]),
    )


def _open(path: Path) -> tuple[int, int]:
    """(file descriptor, size) of a regular file that is no link, without ever waiting for a pipe."""
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):  # where the system has no O_NOFOLLOW
            raise _Bad("not-a-file")
        descriptor = os.open(path, flags)
    except OSError as error:
        raise _Bad("not-a-file", error.strerror or "") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(descriptor)
        raise _Bad("not-a-file")
    return descriptor, status.st_size


def _metadata(path: Path) -> dict[str, Any]:
    """The probe's description; {} if there is none."""
    if not os.path.lexists(path):
        return {}
    descriptor, size = _open(path)
    with os.fdopen(descriptor, "rb") as file:
        if size > MOST_METADATA:
            raise _Bad("metadata", f"{size:,} bytes")
        try:
            about = json.loads(file.read(MOST_METADATA))
        except (ValueError, RecursionError) as error:
            raise _Bad("metadata", type(error).__name__) from error
    if not isinstance(about, dict):
        raise _Bad("metadata", "no object")
    return about


def _header(path: Path, biggest: int, copy: Path) -> dict[str, tuple[int, ...]]:
    """Tensor name → shape, after checking that header, sizes and file length agree, and copying the file.

    Format: 8 bytes little-endian length of the header, the header (JSON), the tensors without gaps.
    https://huggingface.co/docs/safetensors
    """
    descriptor, size = _open(path)
    with os.fdopen(descriptor, "rb") as file:
        if size > biggest:
            raise _Bad("too-large", f"{size / 1e6:,.0f} MB")
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MOST_HEADER, size - 8):
            raise _Bad("damaged", "header")
        try:
            header = json.loads(file.read(length))
            tensors = {key: value for key, value in header.items() if key != "__metadata__"}
            spans = [_span(entry) for entry in tensors.values()]
        except (ValueError, RecursionError, AttributeError, TypeError, KeyError) as error:
            raise _Bad("damaged", "header") from error
        end = 0
        for begin, stop in sorted(spans):
            if begin != end:
                raise _Bad("damaged", "offsets")
            end = stop
        if end != size - 8 - length:
            raise _Bad("damaged", "length")
        file.seek(0)
        with copy.open("wb") as target:
            shutil.copyfileobj(file, target, 1 << 20)
        copy.chmod(0o644)  # the sandbox's user is another one
    return {_plain(name): tuple(entry["shape"]) for name, entry in tensors.items()}


def _span(entry: dict) -> tuple[int, int]:
    """Where a tensor lies. Raises ValueError, TypeError or KeyError where the entry doesn't add up."""
    begin, stop = entry["data_offsets"]
    shape = entry["shape"]
    sizes = [begin, stop, *shape]
    if not all(isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**48 for size in sizes):
        raise ValueError(sizes)
    if len(shape) > 4 or stop - begin != math.prod(shape) * BYTES[entry["dtype"]]:
        raise ValueError(shape)
    return begin, stop


def _check_architecture(shapes: dict[str, tuple[int, ...]], about: dict, settings: dict) -> None:
    name = about.get("class") if isinstance(about.get("class"), str) else ""
    if missing := [key for key in NEEDED if key not in shapes]:
        raise _Bad("architecture", name or f"no {missing[0]}")
    words, head = shapes[WORDS], shapes[HEAD]
    if len(words) != 2 or len(head) != 2 or any(len(shapes[key]) < 1 for key in NEEDED):
        raise _Bad("shapes", WORDS)
    if head[0] != 2:
        raise _Bad("labels", f"{head[0]}")
    if words[0] < settings["vocab_size"]:
        raise _Bad("vocabulary", f"{words[0]:,} < {settings['vocab_size']:,}")
    layers = {key.split(".")[3] for key in shapes if key.startswith("bert.encoder.layer.")}
    if len(layers) > 48 or math.prod(words) > 4 * settings["vocab_size"] * settings["hidden_size"]:
        raise _Bad("too-large", f"{len(layers)} × {words[-1]}")


def _config(given: Any, settings: dict, *, hidden: int) -> dict[str, Any]:
    """The settings that weights don't show: the notebook's where they are plausible, else the base's."""
    given = given if isinstance(given, dict) else {}
    heads = _whole(given.get("num_attention_heads"), 1, 64) or settings["num_attention_heads"]
    if hidden % heads:
        raise _Bad("shapes", f"{hidden} / {heads}")
    act, eps = given.get("hidden_act"), given.get("layer_norm_eps")
    return {
        "num_attention_heads": heads,
        "hidden_act": act
        if act in ("gelu", "gelu_new", "relu", "silu")
        else settings.get("hidden_act", "gelu"),
        "layer_norm_eps": eps if isinstance(eps, float) and 0 < eps < 0.1 else 1e-12,
        "pad_token_id": settings.get("pad_token_id", 0),
    }


def _whole(value: Any, least: int, most: int) -> int | None:
    """`value` if it is a whole number in that range."""
    usable = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    return value if usable else None


def _plain(name: str) -> str:
    """Without the prefixes of torch.nn.DataParallel and torch.compile."""
    while name.startswith(("module.", "_orig_mod.")):
        name = name.split(".", 1)[1]
    return name


def _shown(name: str) -> str:
    """A file name fit to be shown."""
    return re.sub(r"[^\w.\-]", "?", name)[:80]
