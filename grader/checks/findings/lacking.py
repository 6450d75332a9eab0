"""What a notebook asks for that our classroom hasn't got: files, data sets, models, addresses.

A reviewer who reads that a cell wasn't run wants to know what it wanted, and that nobody holds it against the
coder. Nothing here changes a verdict. Not covered: errors that the notebook makes itself (`notes`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from grader.checks import say
from grader.checks.questions.words import code
from grader.checks.settle import Case
from grader.facts import Kind
from grader.records import Citation, Finding, Text, Witness

SHOWN = 4
"""Named one by one; the rest is counted."""
WHY = re.compile(r"the classroom lacks (.+)")
KINDS = {
    "data set ": Text(ko="데이터셋 ", en="data set "),
    "the model ": Text(ko="모델 ", en="model "),
    "the file ": Text(ko="파일 ", en="file "),
    "metric ": Text(ko="지표 ", en="metric "),
}
"""How the probe begins what it says was wanted."""


def find(case: Case) -> Iterator[Finding]:
    """One finding for all of it."""
    wanted = _wanted(case)
    if not wanted:
        return
    named = [_named(cell, what) for cell, what in list(wanted.items())[:SHOWN]]
    more = len(wanted) - len(named)
    rest = say.text(f", 그 밖에 셀 {more}개" if more else "", f", and {more} more cells" if more else "")
    yield Finding(
        id="classroom-lacks",
        severity="note",
        text=say.text(
            "채점기에 없는 것을 찾는 셀이 있습니다. 채점기가 그 부분을 실행해 보지 못했을 뿐, 코더의 "
            f"잘못으로 보지 않았습니다: {', '.join(n.ko for n in named)}{rest.ko}.",
            "Some cells want what the grader's classroom lacks. That part could not be run and is not held "
            f"against the coder: {', '.join(n.en for n in named)}{rest.en}.",
        ),
        citations=tuple(Citation(cell=cell, quote="", witness=Witness.OBSERVED) for cell in wanted),
    )


def _wanted(case: Case) -> dict[int, str]:
    """By cell, in order: the first thing it wanted in vain. A cell may go on without it (`!wget`)."""
    seen = case.evidence.observed
    if seen is None:
        return {}
    found: dict[int, str] = {}
    for o in seen.testimony.observations:
        if o.kind == Kind.MISSING and o.cell is not None and o.value.get("wanted"):
            found.setdefault(o.cell, str(o.value["wanted"]))
    for run in seen.cells:
        if run.environment and (why := WHY.search(run.why)):
            found.setdefault(run.index, why[1])
    return dict(sorted(found.items()))


def _named(cell: int, what: str) -> Text:
    prefix = next((p for p in KINDS if what.startswith(p)), "")
    kind = KINDS.get(prefix, Text(ko="", en=""))
    at, name = say.cell(cell), code(what.removeprefix(prefix))
    return Text(ko=f"{at.ko}의 {kind.ko}{name}", en=f"{kind.en}{name} in {at.en}")
