"""What stands around the encoder: BertForSequenceClassification, or a module of the notebook's own.

Decided from names and shapes alone. Some prefix holds a BertModel; what is outside of it must be one to three
Linear layers that lead from its width to two classes. What names don't show (CLS, pooled output or a mean;
which activation) the evaluator finds out by trying: the notebook's process left a few rows with the logits
its model gave them, and only a structure that gives the same logits from these weights is used.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from grader.verified.opening import Bad

EMBEDDINGS = "embeddings.word_embeddings.weight"
STANDARD = "bert."
MOST_LINEARS = 3
MOST_ROWS, MOST_WIDTH = 8, 512

Shapes = dict[str, tuple[int, ...]]


class Own(NamedTuple):
    """A module of the notebook's own around an encoder."""

    prefix: str
    """Of the encoder's names: 'encoder.', 'model.bert.'."""
    linears: tuple[str, ...]
    """Names of the head's layers, without '.weight'; the last one gives two numbers."""
    example: dict[str, Any]
    """ids, mask (rows, width) and logits (rows, 2), as the notebook's process reported them: a claim."""


def own(shapes: Shapes, about: dict[str, Any], name: str) -> Own | None:
    """The structure of a module that is no BertForSequenceClassification; None for one that is.

    Raises Bad with the reason why it can't be rebuilt.
    """
    prefixes = [key.removesuffix(EMBEDDINGS) for key in shapes if key.endswith(EMBEDDINGS)]
    if len(prefixes) != 1:
        if not prefixes:
            return None  # intake says what is missing
        raise Bad("architecture", f"{name}: {len(prefixes)} encoders")
    prefix = prefixes[0]
    outside = [key for key in shapes if not key.startswith(prefix)]
    if prefix == STANDARD and {"classifier.weight", "classifier.bias"} >= set(outside):
        return None
    layers = tuple(key.removesuffix(".weight") for key in outside if key.endswith(".weight"))
    odd = [key for key in outside if key.removesuffix(".weight").removesuffix(".bias") not in layers]
    odd += [f"{layer}.weight" for layer in layers if len(shapes[f"{layer}.weight"]) != 2]
    if odd or not 1 <= len(layers) <= MOST_LINEARS:
        raise Bad("own-module", f"{name}: {odd[0] if odd else f'{len(layers)} layers'}")
    last = [layer for layer in layers if shapes[f"{layer}.weight"][0] == 2]
    if len(last) != 1:
        raise Bad("labels", name)
    ordered = (*(layer for layer in layers if layer not in last), *last)
    return Own(prefix, ordered, _example(about.get("example"), name))


def renamed(shapes: Shapes, found: Own) -> Shapes:
    """`shapes` with the encoder under its usual name."""
    return {
        STANDARD + key.removeprefix(found.prefix) if key.startswith(found.prefix) else key: shape
        for key, shape in shapes.items()
    }


def _example(given: Any, name: str) -> dict[str, Any]:
    """Rows and logits, if they have the shape they must have."""
    try:
        ids, mask, logits = given["ids"], given["mask"], given["logits"]
        rows, width = len(ids), len(ids[0])
        fits = 0 < rows <= MOST_ROWS and 0 < width <= MOST_WIDTH and len(mask) == len(logits) == rows
        fits = fits and all(len(row) == width for row in (*ids, *mask)) and all(len(x) == 2 for x in logits)
        fits = fits and all(type(i) is int and 0 <= i < 2**31 for row in (*ids, *mask) for i in row)
        fits = fits and all(type(x) is float and abs(x) < 1e6 for row in logits for x in row)
    except (TypeError, KeyError, IndexError):
        fits = False
    if not fits:
        raise Bad("own-module", f"{name}: no example")
    return {"ids": ids, "mask": mask, "logits": logits}
