"""What lies in the folder of weights: each file checked before any library opens it.

The folder was filled from the student's sandbox, so every file in it may be made to harm: a link to
the labels, a pipe that never ends, sizes that don't add up, a header of a gigabyte. Nothing here loads
a tensor; the header of a safetensors file is plain JSON. What passes is copied, through the descriptor
that was checked, to where the second sandbox may read it.

Beside `NAME.safetensors` lies `NAME.json`, written by the probe: the run (its number in the order of
execution, or `cell` and `order`), label ('best' or 'last'), class and config of the model, how texts were
tokenised, what was measured; or a `reason` where there are no weights. All of it is a claim.
"""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from grader.records import Text
from grader.verified import reasons, structure
from grader.verified.opening import Bad, header, metadata

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5")
MOST_FILES = 64
MOST_MODELS = 16
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
    digest: str
    """SHA-256; the best model often is the last one."""
    cell: int | None
    order: int
    run: int | None
    """Number of the run in the order of execution, where the cell isn't told."""
    measured: float | None
    """Accuracy as the probe saw it."""
    label: str
    max_length: int
    config: dict[str, Any]
    """The few settings that don't follow from shapes."""
    own: structure.Own | None = None
    """Of a module that is no BertForSequenceClassification."""


class Refusal(NamedTuple):
    """A file that isn't, and why."""

    text: Text


class Found(NamedTuple):
    """Everything in the folder."""

    weights: tuple[Weights, ...]
    refused: tuple[Refusal, ...]


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
                raise Bad("too-many")
            fit = _look_at(folder / name, copies / f"{len(weights)}.safetensors", names, settings, biggest)
        except Bad as bad:
            refused.append(Refusal(reasons.refused(_shown(name), *bad.args)))
        else:
            weights += [fit] if fit else []
    return Found(tuple(weights), tuple(refused))


def _look_at(path: Path, copy: Path, names: list[str], settings: dict, biggest: int) -> Weights | None:
    """The weights in `path`, copied; None for a file that belongs to another."""
    if path.suffix in PICKLES:
        raise Bad("pickle")
    if path.suffix == ".json" and path.with_suffix(".safetensors").name not in names:
        about = metadata(path)
        raise Bad("withheld", str(about.get("reason", ""))[:200])
    if path.suffix != ".safetensors":
        return None
    shapes, digest = header(path, biggest, copy)
    about = metadata(path.with_suffix(".json"))
    name = about.get("class") if isinstance(about.get("class"), str) else ""
    own = structure.own(shapes, about, name)
    if own is not None:
        head = shapes[f"{own.linears[-1]}.weight"]
        shapes = {**structure.renamed(shapes, own), HEAD: head, "classifier.bias": head[:1]}
        shapes.setdefault("bert.pooler.dense.weight", (1, 1))  # one without is read at its CLS token
    _check_architecture(shapes, name, settings)
    return Weights(
        name=_shown(path.name),
        path=copy,
        cell=_whole(about.get("cell"), 0, 1_000_000),
        digest=digest,
        order=_whole(about.get("order"), 0, 1_000_000) or 0,
        run=_whole(about.get("run"), 0, 1_000_000),
        measured=_share(about.get("measured")),
        label="best" if about.get("label", path.stem) == "best" else "last",
        max_length=_max_length(about),
        config=_config(about.get("config"), settings, hidden=shapes[WORDS][1]),
        own=own,
    )


def _check_architecture(shapes: structure.Shapes, name: str, settings: dict) -> None:
    if missing := [key for key in NEEDED if key not in shapes]:
        raise Bad("architecture", name or f"no {missing[0]}")
    words, head = shapes[WORDS], shapes[HEAD]
    if len(words) != 2 or len(head) != 2 or any(len(shapes[key]) < 1 for key in NEEDED):
        raise Bad("shapes", WORDS)
    if head[0] != 2:
        raise Bad("labels", f"{head[0]}")
    if words[0] < settings["vocab_size"]:
        raise Bad("vocabulary", f"{words[0]:,} < {settings['vocab_size']:,}")
    layers = {key.split(".")[3] for key in shapes if key.startswith("bert.encoder.layer.")}
    if len(layers) > 48 or math.prod(words) > 4 * settings["vocab_size"] * settings["hidden_size"]:
        raise Bad("too-large", f"{len(layers)} × {words[-1]}")


def _config(given: Any, settings: dict, *, hidden: int) -> dict[str, Any]:
    """The settings that weights don't show: the notebook's where they are plausible, else the base's."""
    given = given if isinstance(given, dict) else {}
    heads = _whole(given.get("num_attention_heads"), 1, 64) or settings["num_attention_heads"]
    if hidden % heads:
        raise Bad("shapes", f"{hidden} / {heads}")
    act, eps = given.get("hidden_act"), given.get("layer_norm_eps")
    return {
        "num_attention_heads": heads,
        "hidden_act": act if act in ACTIVATIONS else settings.get("hidden_act", "gelu"),
        "layer_norm_eps": eps if isinstance(eps, float) and 0 < eps < 0.1 else 1e-12,
        "pad_token_id": settings.get("pad_token_id", 0),
    }


def _whole(value: Any, least: int, most: int) -> int | None:
    """`value` if it is a whole number in that range."""
    usable = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    return value if usable else None


def _share(value: Any) -> float | None:
    """`value` if it is an accuracy."""
    return float(value) if isinstance(value, float | int) and 0 <= value <= 1 else None


def _max_length(about: dict) -> int:
    """The notebook's own length, as a number or as the tokenizer's argument was written."""
    tokenizer = about.get("tokenizer") if isinstance(about.get("tokenizer"), dict) else {}
    for value in (about.get("max_length"), tokenizer.get("max_length")):
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,4}", value):
            value = int(value)
        if length := _whole(value, 4, 512):
            return length
    return DEFAULT_LENGTH


def _shown(name: str) -> str:
    """A file name fit to be shown."""
    return re.sub(r"[^\w.\-]", "?", name)[:80]
