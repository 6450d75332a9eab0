"""What could not be run because of our classroom: files, data sets and models it lacks, a GPU, memory.

A reviewer who reads that a cell wasn't run wants to know what it wanted, and that nobody holds it against the
coder. Nothing here changes a verdict. Not covered: errors that the notebook makes itself (`notes`).
"""

from __future__ import annotations

from collections.abc import Iterator

from grader.checks import say
from grader.checks.settle import Case
from grader.facts import Kind
from grader.records import CellRun, Citation, Finding, Lack, Text, Witness

SHOWN = 4
"""Named one by one; the rest is counted."""
KINDS = {
    "data set ": Text(ko="데이터셋 ", en="data set "),
    "the model ": Text(ko="모델 ", en="model "),
    "the file ": Text(ko="파일 ", en="file "),
    "metric ": Text(ko="지표 ", en="metric "),
}
"""How the probe begins what it says was wanted."""
REASONS = {
    Lack.GPU: Text(ko="GPU가 필요", en="wants a GPU"),
    Lack.GPU_MEMORY: Text(ko="GPU 메모리 부족", en="the GPU's memory is too small"),
    Lack.MEMORY: Text(ko="채점기의 메모리 한도", en="our memory limit"),
    Lack.PERSON: Text(ko="`input()`에 답할 사람이 없음", en="nobody to answer `input()`"),
    Lack.NETWORK: Text(ko="인터넷 없음", en="no network"),
    Lack.PACKAGE: Text(ko="설치되지 않은 패키지", en="a package that is not installed"),
    Lack.LAYERS: Text(ko="대역 모델의 층이 더 적음", en="the stand-in model has fewer layers"),
    Lack.BATCHES: Text(ko="배치 수를 줄인 실행", en="the training was cut short"),
}
"""What is said of each but THING, which is named, and EARLIER, whose reason stands at its own cell."""


def find(case: Case) -> Iterator[Finding]:
    """One finding for all of it."""
    wanted = _wanted(case)
    if not wanted:
        return
    named = list(wanted.values())[:SHOWN]
    more = len(wanted) - len(named)
    rest = say.text(f", 그 밖에 셀 {more}개" if more else "", f", and {more} more cells" if more else "")
    yield Finding(
        id="classroom-lacks",
        severity="note",
        text=say.text(
            "채점 환경 때문에 실행해 보지 못한 곳이 있습니다. 코더의 잘못으로 보지 않았습니다: "
            f"{', '.join(n.ko for n in named)}{rest.ko}.",
            "The grader's classroom could not run all of it, which is not held against the coder: "
            f"{', '.join(n.en for n in named)}{rest.en}.",
        ),
        citations=tuple(Citation(cell=cell, quote="", witness=Witness.OBSERVED) for cell in wanted),
    )


def _wanted(case: Case) -> dict[int, Text]:
    """By cell, in order: the first thing it wanted in vain. A cell may go on without it (`!wget`)."""
    seen = case.evidence.observed
    if seen is None:
        return {}
    found: dict[int, Text] = {}
    for o in seen.testimony.observations:
        if o.kind == Kind.MISSING and o.cell is not None and o.value.get("wanted"):
            found.setdefault(o.cell, _thing(o.cell, str(o.value["wanted"])))
    for run in seen.cells:
        if run.lack is not None:
            thing = run.lack is Lack.THING
            found.setdefault(run.index, _thing(run.index, run.why) if thing else _reason(run))
    return dict(sorted(found.items()))


def _thing(cell: int, what: str) -> Text:
    prefix = next((p for p in KINDS if what.startswith(p)), "")
    kind = KINDS.get(prefix, Text(ko="", en=""))
    at, name = say.cell(cell), say.code(what.removeprefix(prefix))
    return Text(ko=f"{at.ko}의 {kind.ko}{name}", en=f"{kind.en}{name} in {at.en}")


def _reason(run: CellRun) -> Text:
    at, said = say.cell(run.index), REASONS.get(run.lack)
    return Text(ko=f"{at.ko} ({said.ko})", en=f"{at.en} ({said.en})") if said else at
