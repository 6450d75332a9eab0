"""Grouping by length in a training loop of the student's own: what its `DataLoader` needs, in its own names.

Names that the cell doesn't tell are said in words: an invented one would stop the student with a NameError.
Not covered: whether grouping is what is missing (`unpadding`).
"""

from __future__ import annotations

import ast

from grader.checks import say
from grader.checks.join import Joined, observations
from grader.checks.settle import Case
from grader.facts import Kind
from grader.records import Text

_IMPORT = "`from transformers.trainer_pt_utils import LengthGroupedSampler`"
_LONGEST = 40
"""Longer expressions than this aren't names any more."""


def group_loop(case: Case, joined: Joined, once: str, again_en: str) -> Text:
    """Put a sampler that groups rows into the `DataLoader` of a loop; `once` says how to run it again."""
    at = say.cell(joined.run.cell)
    names = _loader_names(case, joined)
    if names is not None:
        rows, size = names
        what = f"`sampler=LengthGroupedSampler({size}, dataset={rows})`"
        ko = f"{say.josa(what, '으로/로')} 바꾸고({_IMPORT})"
        en = f"{what} ({_IMPORT})"
    else:
        ko = f"배치 크기와 학습 데이터를 넣은 `LengthGroupedSampler`로 바꾸고({_IMPORT})"
        en = f"a `LengthGroupedSampler` of your batch size and training rows, given as `sampler=` ({_IMPORT})"
    keeps = any(a in joined.run.attempts for a in ("own-collator", "collator"))
    collate, collate_en = (
        ("지금의 `collate_fn`은 그대로 두세요", "keep its `collate_fn`")
        if keeps
        else (
            "`collate_fn`은 배치에서 가장 긴 행까지만 패딩하게 해 주세요",
            "let its `collate_fn` pad only to the longest row of a batch",
        )
    )
    return say.text(
        f"{at.ko}의 학습용 `DataLoader`에서 `shuffle=True`를 {ko}, {collate}. {once} 길이가 비슷한 행끼리 "
        "묶일 때 패딩이 줄어드는지 비교해 보세요.",
        f"In the training `DataLoader` of {at.en}, replace `shuffle=True` by {en} and {collate_en}. "
        f"{say.capital(again_en)} to see whether rows of similar length need less padding.",
    )


def _loader_names(case: Case, joined: Joined) -> tuple[str, str] | None:
    """(data set, batch size) of the shuffled `DataLoader` in the training cell, where its rows come from a
    `map` of ours to know: the sampler asks every row for its `input_ids`."""
    mapped = any(
        o.cell in joined.run.cells and o.value.get("batched") and o.value.get("function")
        for o in observations(case.evidence, Kind.TOKENIZE)
    )
    cell = case.evidence.submission.cell(joined.run.cell)
    if cell is None or not mapped:
        return None
    try:
        tree = ast.parse(cell.source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith("DataLoader"):
            continue
        given = {k.arg: k.value for k in node.keywords if k.arg}
        rows, size = (node.args[0] if node.args else given.get("dataset")), given.get("batch_size")
        shuffled = getattr(given.get("shuffle"), "value", False) is True
        if shuffled and rows is not None and size is not None:
            names = ast.unparse(rows), ast.unparse(size)
            return names if max(map(len, names)) <= _LONGEST and "`" not in "".join(names) else None
    return None
