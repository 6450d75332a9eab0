"""rubric.toml → rubric items; refuses what can't be meant, with the line to change.

Not covered: what the thresholds are used for (`grader.checks`).
Called by the command line and batch grading.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from grader.errors import BadRubric
from grader.records import RubricItem, Text

VERSION = 1

RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "r1": {"partial_share": (0.0, 1.0)},
    "r2": {
        "partial_share": (0.0, 1.0),
        "accuracy": (0.5, 1.0),
        "pocket_accuracy": (0.5, 1.0),
        "min_gain": (0.0, 0.2),
        "noise": (0.0, 0.1),
    },
    "r3": {"partial_share": (0.0, 1.0), "min_fall": (0.0, 0.9)},
}
"""Thresholds by item, and between which values each makes sense."""

_KEYS = {"id", "ko", "en", "detail_ko", "detail_en", "points", "thresholds"}


def default_path() -> Path:
    """The exercise's own rubric: in the checkout, else the copy that travels with the wheel."""
    here = Path(__file__).resolve().parent
    checkout = here.parent / "exercises" / "nsmc-bucketing" / "rubric.toml"
    return checkout if checkout.is_file() else here / "rubric.toml"


def load(path: Path | None = None) -> tuple[RubricItem, ...]:
    """The items r1 to r3 in order. Raises BadRubric with one sentence that names file, key and value."""
    path = path or default_path()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRubric(
            ko=f"루브릭 파일 `{path}`을(를) 읽을 수 없습니다: {error.strerror}.",
            en=f"The rubric file {path} can't be read: {error.strerror}.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRubric(
            ko=f"루브릭 파일 `{path}`의 형식이 TOML이 아닙니다: {error}.",
            en=f"The rubric file {path} is not valid TOML: {error}.",
        ) from error
    _only(table, {"version", "item"}, path, "")
    if table.get("version") != VERSION:
        raise _bad(path, "version", table.get("version"), f"{VERSION}")
    entries = table.get("item")
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise _bad(path, "item", entries, "[[item]] tables")
    items = tuple(_item(entry, path) for entry in entries)
    ids = [i.id for i in items]
    if sorted(ids) != sorted(RANGES):
        raise _bad(path, "id", ", ".join(ids), "each of " + ", ".join(RANGES))
    return tuple(sorted(items, key=lambda i: i.id))


def _item(entry: dict[str, Any], path: Path) -> RubricItem:
    """One [[item]] table, checked."""
    name = entry.get("id")
    if name not in RANGES:
        raise _bad(path, "id", name, ", ".join(RANGES))
    _only(entry, _KEYS, path, f"{name}.")
    for key in ("ko", "en"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise _bad(path, f"{name}.{key}", entry.get(key), "a sentence")
    points = _number(entry.get("points", 1.0), (0.0, 1000.0), path, f"{name}.points")
    given = entry.get("thresholds", {})
    if not isinstance(given, dict):
        raise _bad(path, f"{name}.thresholds", given, "a table")
    _only(given, set(RANGES[name]), path, f"{name}.thresholds.")
    return RubricItem(
        id=name,
        text=Text(ko=entry["ko"], en=entry["en"]),
        points=points,
        thresholds={
            key: _number(value, RANGES[name][key], path, f"{name}.thresholds.{key}")
            for key, value in given.items()
        },
    )


def _number(value: Any, allowed: tuple[float, float], path: Path, key: str) -> float:
    low, high = allowed
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _bad(path, key, value, f"{low:g} … {high:g}")
    return float(value)


def _only(table: dict[str, Any], known: set[str], path: Path, prefix: str) -> None:
    """Raise for the first key of `table` that means nothing here."""
    for key in table:
        if key not in known:
            raise BadRubric(
                ko=f"루브릭 `{path}`에 모르는 항목 `{prefix}{key}`이(가) 있습니다. "
                f"쓸 수 있는 이름: {', '.join(sorted(known))}.",
                en=f"The rubric {path} has an unknown key {prefix}{key}. Known: {', '.join(sorted(known))}.",
            )


def _bad(path: Path, key: str, value: Any, allowed: str) -> BadRubric:
    return BadRubric(
        ko=f"루브릭 `{path}`의 `{key}` 값 `{value}`은(는) 쓸 수 없습니다. 가능한 값: {allowed}.",
        en=f"In the rubric {path}, {key} = {value} is not possible. Allowed: {allowed}.",
    )
