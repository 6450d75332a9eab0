"""Python dicts of metrics inside text: evaluate dicts, Trainer log lines, TrainOutput's metrics.

Pure; never raises. Called by `trainer` and `read`.
"""

from __future__ import annotations

import ast
import re
from typing import Any, NamedTuple

from grader.recorded.numbers import number, share

MAX_DICTS = 3_000
MAX_LENGTH = 6_000

_OPEN = re.compile(r"\{(?=\s*['\"](?:\w+/)?[\w .-]{1,40}['\"]\s*:)")
_WRAPPED = re.compile(
    r"(?:\w+\.)*(?:float|int|uint|array|tensor|float_|Scalar)\d*\(\s*([-+.\deE]+|nan|inf)[^()]*\)"
)
_UNKNOWN = re.compile(r"(?<![\w'\"])-?(?:nan|inf)(?![\w'\"])")
_INTERESTING = re.compile(r"['\"](?:\w+[_/])?(?:loss|accuracy|acc|runtime|total_flos|val_acc\w*)['\"]")

ACCURACY_KEY = re.compile(
    r"(?:^|[_/ ])(?:acc|accuracy|binary_accuracy|sparse_categorical_accuracy|정확도)$", re.IGNORECASE
)
HELD_OUT = re.compile(r"^(eval|test|val|valid|validation|predict)[_/]", re.IGNORECASE)


class Found(NamedTuple):
    start: int
    value: dict[str, Any]
    text: str


def find(text: str) -> list[Found]:
    """Every dict literal in `text` that speaks of loss, accuracy or run time, outermost only."""
    found: list[Found] = []
    after = 0
    for attempts, match in enumerate(_OPEN.finditer(text)):
        start = match.start()
        if start < after:
            continue
        if attempts > MAX_DICTS:
            break
        literal = _balanced(text, start)
        if not literal or not _INTERESTING.search(literal):
            continue
        value = parse(literal)
        if value:
            found.append(Found(start, value, literal))
            after = start + len(literal)
        if len(found) >= MAX_DICTS:
            break
    return found


def parse(literal: str) -> dict[str, Any] | None:
    """The dict written as `literal`, numpy and torch scalars unwrapped, nan as None; None if it is none."""
    literal = _UNKNOWN.sub("None", _WRAPPED.sub(r"\1", literal))
    try:
        value = ast.literal_eval(literal)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    if not isinstance(value, dict):
        return None
    return {key: entry for key, entry in value.items() if isinstance(key, str)}


def accuracy(metrics: dict[str, Any]) -> float | None:
    """The accuracy in a dict of metrics, also where it is a dict itself ({'accuracy': {'accuracy': …}})."""
    for key, value in metrics.items():
        if not ACCURACY_KEY.search(key) or "train" in key.lower() or "balanced" in key.lower():
            continue
        if isinstance(value, dict):
            inner = accuracy(value)
            if inner is not None:
                return inner
        elif isinstance(value, int | float | str):
            parsed = share(value)
            if parsed is not None:
                return parsed
    return None


def named(metrics: dict[str, Any], name: str) -> float | None:
    """The number under `name`, with any prefix such as eval_, test_, train/."""
    for key, value in metrics.items():
        if key == name or (HELD_OUT.match(key) and HELD_OUT.sub("", key) == name):
            return number(value)
    return None


def _balanced(text: str, start: int) -> str:
    depth = 0
    for match in re.compile(r"[{}]").finditer(text, start, start + MAX_LENGTH):
        depth += 1 if match.group() == "{" else -1
        if depth > 8:
            return ""
        if depth == 0:
            return text[start : match.end()]
    return ""
