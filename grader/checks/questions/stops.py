"""What to do about a cell that stops when the notebook runs from top to bottom.

To run up to that cell once more only brings the same error, so what differs from the stored run is said
where it can be told: rows of several lengths without a collator, or a name that another cell makes as well.
Not covered: which cells stopped (`spots`).
"""

from __future__ import annotations

import ast
import re

from grader.checks import again
from grader.checks.questions.words import cells, observed
from grader.checks.say import code, josa
from grader.facts import Kind
from grader.records import CellRun, Evidence, Text, Witness

_RAGGED = re.compile(
    r"expected sequence of length \d+|Unable to create tensor|stack expects each tensor to be equal size"
)
"""Rows of several lengths in one batch: as torch and the tokenisers put it."""

_UNEVEN = re.compile(
    r"Unsupported object type list|inhomogeneous shape|setting an array element with a sequence"
)
"""The same, as numpy and TensorFlow put it."""


MEND = Text(
    ko="고친 뒤 다시 실행하거나, 쓰지 않는 셀이면 지우기",
    en="fix and rerun it, or delete the cell if it isn't used",
)


def same_error(name: str, value: str) -> tuple[str, str]:
    """Errors with the same are one: the numbers in them are of a batch, not of a cause."""
    return name, re.sub(r"\d+", "#", value)


def follows(evidence: Evidence, ran: list[CellRun], run: CellRun) -> Text | None:
    """The fix of an error that only follows from another: its name was to be made in a cell that stopped."""
    name = re.match(r"name '(\w+)' is not defined", run.error_value)
    for other in ran if run.error_name == "NameError" and name else ():
        cell = evidence.submission.cell(other.index)
        if cell is not None and other.index < run.index and name.group(1) in _names(cell.source)[1]:
            at, lost = cells([other.index]), code(name.group(1), 40)
            return Text(
                ko=f"{josa(at.ko, '이/가')} 먼저 멈춰 {lost}를 만들지 못한 것이므로, {at.ko}부터 고치기",
                en=f"{at.en} stopped before it made {lost}: mend {at.en} first",
            )
    return None


def told_elsewhere(evidence: Evidence, run: CellRun) -> bool:
    """Does reading the code say it already, and better: what doesn't parse, or a name never defined?"""
    if run.error_name in ("SyntaxError", "IndentationError"):
        return any(o.cell == run.index for o in observed(evidence, Kind.SYNTAX_ERROR))
    return run.error_name == "NameError" and any(
        o.cell == run.index and f"'{o.value.get('name')}'" in run.error_value
        for o in observed(evidence, Kind.UNDEFINED_NAME)
    )


def remedy(evidence: Evidence, runs: list[CellRun]) -> Text:
    """What to do about one error, of one cell or of several."""
    first = runs[0]
    if _RAGGED.search(first.error_value) and (found := _collate(evidence, first)) is not None:
        return found
    if (found := _made_twice(evidence, runs)) is not None:
        return found
    if _UNEVEN.search(first.error_value):
        return Text(
            ko="행마다 길이가 달라 나는 오류이므로, `padding='max_length'`로 토큰화한 데이터 쓰기",
            en="its rows have several lengths: use rows tokenised with `padding='max_length'`",
        )
    stored = {o.cell for o in observed(evidence, Kind.ERROR) if o.witness is Witness.RECORDED}
    if any(run.index in stored for run in runs):
        return MEND
    return Text(
        ko="이 셀이 쓰는 변수를 바로 앞에서 다시 만든 뒤 실행하기",
        en="make the variables that it uses again right before it",
    )


def _collate(evidence: Evidence, run: CellRun) -> Text | None:
    """Give a collator to what batches the rows; None where it has one."""
    cell = evidence.submission.cell(run.index)
    if cell is None or "DataCollatorWithPadding(" in cell.source:
        return None
    trainer = re.search(r"trainer", cell.source, re.IGNORECASE)
    where, argument = ("Trainer", "data_collator") if trainer else ("DataLoader", "collate_fn")
    name = again.named_tokenizer(evidence, run.index)
    made = f"`{argument}=DataCollatorWithPadding({name or '…'})`"
    return Text(
        ko=f"길이가 다른 행을 패딩 없이 묶어서 나는 오류이므로, `{where}`에 {made}를 넣거나 "
        "패딩한 데이터 쓰기",
        en=f"rows of several lengths are batched without padding: give the `{where}` {made}, or padded rows",
    )


def _made_twice(evidence: Evidence, runs: list[CellRun]) -> Text | None:
    """Names whose value, by the execution counts, was made by another cell than the last one above."""
    found = [_other_makers(evidence, run) for run in runs]
    names = [name for name in found[0] if all(name in f and f[name] == found[0][name] for f in found)]
    here = evidence.submission.cell(runs[0].index)
    names.sort(key=lambda name: (here.source.find(name) if here else 0, name))
    if not names:
        return None
    then, now = found[0][names[0]]
    same = [name for name in names if found[0][name] == (then, now)][:2]
    shown = ", ".join(code(name, 40) for name in same)
    a, b = cells([then]), cells([now])
    return Text(
        ko=f"{shown} 이름을 {josa(a.ko, '과/와')} {b.ko}에서 모두 만들어, 위에서부터 실행하면 "
        f"{a.ko} 대신 {b.ko}의 값을 씁니다. 두 이름을 나누거나, 실행하기 전에 {a.ko}의 값으로 다시 만들기",
        en=f"{shown} is made in {a.en} and in {b.en}: run from the top, it is that of {b.en}, not of {a.en}. "
        f"Use two names, or make it as in {a.en} again before",
    )


def _other_makers(evidence: Evidence, run: CellRun) -> dict[str, tuple[int, int]]:
    """Name → (cell that made it in the stored run, cell that does from top to bottom), where they differ."""
    here = evidence.submission.cell(run.index)
    if here is None or here.execution_count is None:
        return {}
    loaded, own = _names(here.source)
    makers: dict[str, list[tuple[int, int | None]]] = {}
    for cell in evidence.submission.cells:
        if cell.kind == "code" and cell.index != run.index:
            for name in sorted(_names(cell.source)[1] & loaded - own):
                makers.setdefault(name, []).append((cell.index, cell.execution_count))
    found = {}
    for name, made in makers.items():
        above = [index for index, _ in made if index < run.index]
        before = [(count, index) for index, count in made if count and count < here.execution_count]
        if above and before and max(before)[1] != max(above):
            found[name] = (max(before)[1], max(above))
    return found


def _names(source: str) -> tuple[set[str], set[str]]:
    """(names read, names assigned) outside of functions."""
    plain = re.sub(r"^\s*[!%].*$", "", source, flags=re.MULTILINE)
    try:
        waiting: list[ast.AST] = [ast.parse(plain)]
    except (SyntaxError, ValueError, RecursionError):
        return set(), set()
    read, assigned = set(), set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else assigned).add(node.id)
        waiting += ast.iter_child_nodes(node)
    return read, assigned
