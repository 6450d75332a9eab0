"""Which cells matter most: where the training is set up, looped, bucketed, and the text tokenised."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from grader.facts import Kind
from grader.quality.cells import CodeCell
from grader.records import Observation, Witness

ORDER = ("bucketing", "training-loop", "training-arguments", "tokenise")
"""Reasons, the most central first. Bucketing is what this exercise is about."""

_BUCKETING_BASES = ("Sampler", "Collator")
_ARGUMENTS = ("TrainingArguments", "Seq2SeqTrainingArguments")
_GROUPING_KEYWORDS = ("group_by_length", "train_sampling_strategy")


def core_cells(cells: Sequence[CodeCell], spoken: Sequence[Observation]) -> tuple[Observation, ...]:
    """CORE_CELL observations, most central first. `spoken`: the COMMENTS of the same cells."""
    words = {o.cell: o.value.get("comment_lines", 0) + o.value.get("docstrings", 0) for o in spoken}
    found = []
    for cell in cells:
        for why, node in _reasons(cell.tree):
            found.append((ORDER.index(why), cell, why, node))
    kept, seen = [], set()
    for _, cell, why, node in sorted(found, key=lambda entry: (entry[0], entry[1].index)):
        if (cell.index in seen) or sum(o.value["why"] == why for o in kept) == 3:
            continue
        seen.add(cell.index)
        value = {"why": why, "comments": words.get(cell.index, 0), "line": node.lineno}
        kept.append(
            Observation(
                witness=Witness.SOURCE,
                kind=Kind.CORE_CELL,
                cell=cell.index,
                value=value,
                quote=cell.line(node.lineno),
            )
        )
    return tuple(kept)


def _reasons(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Why a cell may be central, with the node that shows it."""
    for node in ast.walk(tree):
        if _defines_bucketing(node):
            yield "bucketing", node
        elif isinstance(node, ast.Call):
            name, keywords = _called(node), {k.arg: k.value for k in node.keywords}
            if name in _ARGUMENTS:
                grouped = any(not _is_false(keywords[k]) for k in _GROUPING_KEYWORDS if k in keywords)
                yield ("bucketing" if grouped else "training-arguments"), node
            elif name in ("backward", "apply_gradients"):
                yield "training-loop", node
            elif {"truncation", "padding"} & keywords.keys() and "Collator" not in name and name != "pad":
                yield "tokenise", node


def _defines_bucketing(node: ast.AST) -> bool:
    """A sampler or collator class, or a function that says it buckets."""
    if isinstance(node, ast.FunctionDef):
        return "bucket" in node.name.lower()
    named = [node.name, *(_name(base) for base in node.bases)] if isinstance(node, ast.ClassDef) else []
    return any(word in name for name in named for word in _BUCKETING_BASES)


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (False, None, "random", "sequential")


def _called(node: ast.Call) -> str:
    return _name(node.func)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
