"""Parsed JSON → cells, tolerant of every wrong type inside. Never raises. Called by `load` only."""

from __future__ import annotations

import re
from typing import Any

from grader.records import Cell, Text
from grader.submission.outputs import DATA_URI, read_outputs, tidy

__all__ = ["MAX_CELLS", "read_cells", "tidy"]

MAX_CELLS = 5_000
"""A long real notebook has 150."""


def read_cells(listed: list[Any], metadata: Any, notes: list[Text]) -> tuple[Cell, ...]:
    """One Cell for each entry of `listed`, in place (an entry that is no cell becomes an empty raw one)."""
    widgets = _widget_state(metadata)
    cells, damaged, shortened = [], [], []
    for index, entry in enumerate(listed):
        if not isinstance(entry, dict):
            damaged.append(index)
            cells.append(Cell(index=index, kind="raw", source=""))
            continue
        kind = entry.get("cell_type")
        if kind not in ("code", "markdown", "raw"):
            damaged.append(index)
            kind = "code" if "outputs" in entry or "execution_count" in entry else "markdown"
        source, pictures = joined(entry.get("source", entry.get("input"))), 0
        if kind != "code":
            source, pictures = re.subn(DATA_URI, r"data:\1;base64,(removed)", source)
            attached = entry.get("attachments")
            pictures += len(attached) if isinstance(attached, dict) else 0
            cells.append(Cell(index=index, kind=kind, source=tidy(source), attachments=pictures))
            continue
        outputs, cut = read_outputs(entry.get("outputs"), widgets)
        if cut:
            shortened.append(index)
        cells.append(
            Cell(
                index=index,
                kind="code",
                source=tidy(source),
                execution_count=_count(entry.get("execution_count", entry.get("prompt_number"))),
                outputs=outputs,
            )
        )
    if damaged:
        shown = _listed(damaged)
        notes.append(
            Text(
                ko=f"형식이 잘못된 셀이 있어 고쳐 읽었어요: {shown}.",
                en=f"Malformed cells were repaired: {shown}.",
            )
        )
    if shortened:
        shown = _listed(shortened)
        notes.append(
            Text(
                ko=f"출력이 아주 긴 셀은 앞뒤만 읽었어요: {shown}.",
                en=f"Very long outputs were cut in the middle: cells {shown}.",
            )
        )
    return tuple(cells)


def joined(value: Any) -> str:
    """nbformat's multi-line string: a string, or a list of them."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return ""


def _count(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:12])
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9:
        return value
    return None


def _listed(indices: list[int]) -> str:
    return ", ".join(map(str, indices[:8])) + (" …" if len(indices) > 8 else "")


def _widget_state(metadata: Any) -> dict[str, Any]:
    """Jupyter's saved widgets by model id: where a notebook progress bar keeps its final state."""
    for key in ("widgets", "application/vnd.jupyter.widget-state+json", "state"):
        inner = metadata.get(key) if isinstance(metadata, dict) else None
        metadata = inner if isinstance(inner, dict) else metadata
        if inner is None and key == "widgets":
            return {}
    return metadata if isinstance(metadata, dict) else {}
