"""The spots where code is likely to fail or to do something else the next time: what Q3 lists.

Errors that were seen (when we ran it, in the stored outputs), hazards that the source witness reports,
and lint. What this is not: an order or a verdict; see hazards.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from grader.checks.questions.lint_words import CERTAIN, LINT
from grader.checks.questions.stops import MEND, follows, remedy, same_error, told_elsewhere
from grader.checks.questions.words import cells, cite, observed
from grader.checks.say import code
from grader.facts import Kind
from grader.records import CellRun, Citation, Evidence, Observation, Start, Text, Witness

ADVICE = {
    "the PyTorch class": Text(ko="PyTorch용 클래스", en="the PyTorch class"),
    "nothing": Text(ko="빼기", en="leave it out"),
    "TENSORBOARD_LOGGING_DIR": Text(
        ko="환경 변수 `TENSORBOARD_LOGGING_DIR`", en="the environment variable `TENSORBOARD_LOGGING_DIR`"
    ),
}
"""Advice of the source witness that is words, not code."""
OTHER = Text(ko="그 밖의 설정", en="other settings")
_WEIGHTS = Text(ko="시작 가중치", en="starting weights")
FIELDS = {
    "start": _WEIGHTS,
    "continued_from": _WEIGHTS,
    "padding": Text(ko="패딩", en="padding"),
    "grouping": Text(ko="묶는 방법", en="grouping"),
    "max_length": Text(ko="최대 길이", en="maximum length"),
    "rows": Text(ko="학습 행 수", en="training rows"),
    "eval_split": Text(ko="평가 데이터", en="evaluation rows"),
    "arguments": Text(ko="학습 인자", en="training arguments"),
    "attempts": Text(ko="bucketing 설정", en="bucketing settings"),
    "batch_size": Text(ko="배치 크기", en="batch size"),
}
"""Fields of a TrainingRun that may differ when cells run in another order."""


@dataclass(frozen=True)
class Hazard:
    """One kind of spot, with every cell it was seen in."""

    weight: int
    """3 stops for certain, 2 probably stops or changes the result, 1 worth knowing."""
    where: tuple[int | None, ...]
    said: Text
    """Without the cells."""
    fix: Text | None
    """What to do about it; None where `said` says it."""
    citation: Citation | None = None

    def line(self) -> Text:
        """As a line of a markdown list."""
        where = cells(self.where)
        ko, en = (f" → {self.fix.ko}", f" → {self.fix.en}") if self.fix else ("", "")
        return Text(
            ko=f"- {where.ko}: {self.said.ko}{ko}",
            en=f"- {where.en[0].upper()}{where.en[1:]}: {self.said.en}{en}",
        )


def find(evidence: Evidence, told: frozenset[str]) -> Iterator[Hazard]:
    """All hazards, in no particular order. `told`: ids of findings that stand elsewhere in the review."""
    yield from _ran_into(evidence)
    yield from _written(evidence, told)
    yield from _linted(evidence)


def _ran_into(evidence: Evidence) -> Iterator[Hazard]:
    """Errors seen: when we ran it, or in the stored outputs."""
    seen = evidence.observed.cells if evidence.observed else ()
    ran = [c for c in seen if c.error_name and not c.environment]
    alike: dict[tuple[str, str], list[CellRun]] = {}
    for run in ran:
        if not told_elsewhere(evidence, run):
            alike.setdefault(same_error(run.error_name, run.error_value), []).append(run)
    for runs in alike.values():
        name, value = code(runs[0].error_name, 40), code(runs[0].error_value, 90)
        yield Hazard(
            weight=2 if follows(evidence, ran, runs[0]) else 3,
            where=tuple(run.index for run in runs),
            said=Text(
                ko=f"위에서부터 다시 실행했을 때 {name} 오류로 멈췄습니다 ({value}).",
                en=f"stopped with {name} when run again from the top ({value})",
            ),
            fix=follows(evidence, ran, runs[0]) or remedy(evidence, runs),
            citation=cite(evidence, runs[0].index),
        )
    known, stopped = {run.index for run in ran}, []
    stored: dict[tuple[str, str], list[Observation]] = {}
    for o in observed(evidence, Kind.ERROR):
        name = str(o.value.get("ename", ""))
        if o.witness is not Witness.RECORDED or o.cell in known:
            continue
        if name == "KeyboardInterrupt":
            stopped.append(o.cell)
            continue
        stored.setdefault(same_error(name, str(o.value.get("evalue", ""))), []).append(o)
    for seen_there in stored.values():
        value = seen_there[0].value
        name, said_there = code(value.get("ename", ""), 40), code(value.get("evalue", ""), 90)
        said = Text(
            ko=f"저장된 출력에 {name} 오류가 남아 있습니다 ({said_there}).",
            en=f"the stored output shows {name} ({said_there})",
        )
        where = tuple(o.cell for o in seen_there)
        yield Hazard(2, where, said, MEND, cite(evidence, where[0]))
    if stopped:
        said = Text(ko="실행을 손으로 멈춘 기록이 남아 있습니다.", en="interrupted by hand")
        fix = Text(
            ko="끝까지 실행한 결과로 바꾸거나 멈춘 이유를 한 줄 남기기",
            en="run it to the end, or say in a line why it was stopped",
        )
        yield Hazard(1, tuple(stopped), said, fix, cite(evidence, stopped[0]))


def _written(evidence: Evidence, told: set[str]) -> Iterator[Hazard]:
    """What the source witness warns of."""
    for o in observed(evidence, Kind.SYNTAX_ERROR):
        said = Text(
            ko=f"문법 오류가 있어 실행되지 않습니다 ({code(o.value.get('message', ''), 70)}).",
            en=f"doesn't parse ({code(o.value.get('message', ''), 70)})",
        )
        fix = Text(
            ko="문법을 고치거나, 메모라면 마크다운 셀로 옮기기", en="mend it, or move notes to markdown"
        )
        yield Hazard(3, (o.cell,), said, fix, cite(evidence, o.cell, o.value.get("line") or 1))
    for name, seen in _by(observed(evidence, Kind.UNDEFINED_NAME), "name"):
        below = _bound_below(evidence, name, seen[0].cell)
        said = Text(
            ko=f"{code(name)} 이름을 정의하는 셀이 {'위에 ' if below else ''}없어, 처음부터 실행하면 "
            "NameError가 납니다.",
            en=f"no cell{' above' if below else ''} defines {code(name)}: a NameError when run from the top",
        )
        fix = (
            Text(ko="정의를 이 셀보다 위로 옮기기", en="define it above this cell")
            if below
            else Text(
                ko="지운 셀이라면 정의를 다시 넣기", en="put the definition back if its cell was deleted"
            )
        )
        yield Hazard(3, tuple(o.cell for o in seen), said, fix, _cite_quote(evidence, seen[0]))
    old = observed(evidence, Kind.DEPRECATED)
    if old:
        yield _deprecated(evidence, old)
    unseeded = [o for o in observed(evidence, Kind.SPLIT) if o.value.get("seeded") is False]
    if unseeded:
        said = Text(
            ko="시드를 고정하지 않고 나눈 데이터라, 다시 실행하면 검증 정확도가 조금 달라집니다.",
            en="splits without a seed, so the validation accuracy changes a little with every run",
        )
        fix = Text(ko="`seed=42` 또는 `random_state=42`", en="`seed=42` or `random_state=42`")
        yield Hazard(2, tuple(o.cell for o in unseeded), said, fix, _cite_quote(evidence, unseeded[0]))
    paths = observed(evidence, Kind.HARD_CODED_PATH)
    if paths:
        example = code(paths[0].value.get("path", ""), 50)
        said = Text(
            ko=f"코더의 환경에만 있는 경로({example})를 써서, 다른 사람이 실행하면 파일을 찾지 못합니다.",
            en=f"uses a path of one machine only ({example}); others won't find the file",
        )
        fix = Text(ko="상대 경로나 변수 하나로 모으기", en="a relative path, or one variable for it")
        yield Hazard(2, tuple(o.cell for o in paths), said, fix, _cite_quote(evidence, paths[0]))
    device = observed(evidence, Kind.DEVICE_UNCHECKED)
    if device:
        said = Text(
            ko=f"GPU가 있는지 확인하지 않고 {code(device[0].value.get('call', 'cuda'), 40)} 사용",
            en=f"uses {code(device[0].value.get('call', 'cuda'), 40)} without checking for a GPU",
        )
        fix = Text(
            ko="`assert torch.cuda.is_available()`로 일찍, 알아보기 쉽게 멈추기",
            en="fail early and clearly with `assert torch.cuda.is_available()`",
        )
        yield Hazard(2, tuple(o.cell for o in device), said, fix, _cite_quote(evidence, device[0]))
    if Kind.SHADOWED not in told:
        yield from _shadowed(evidence, observed(evidence, Kind.SHADOWED))
    if "continued-training" not in told:
        yield from _goes_on(evidence)


def _deprecated(evidence: Evidence, seen: tuple[Observation, ...]) -> Hazard:
    """All old calls in one line: since when they are gone, and what to write instead."""
    gone = ", ".join(dict.fromkeys(str(o.value["gone_in"]) for o in seen if o.value.get("gone_in")))
    ko, en = [], []
    for name, found in _by(seen, "name"):
        use = str(found[0].value.get("use") or "")
        written = ADVICE.get(use) or Text(ko=code(use, 80), en=code(use, 80))
        ko.append(f"{code(name)} → {written.ko}" if use else code(name))
        en.append(f"{code(name)} → {written.en}" if use else code(name))
    said = Text(
        ko=f"지금 새로 설치하면 여기서 멈춥니다 ({gone or '새 버전'}에서 사라짐): {', '.join(ko)}",
        en=f"installed today, it stops here (gone in {gone or 'newer versions'}): {', '.join(en)}",
    )
    return Hazard(2, tuple(o.cell for o in seen), said, None, _cite_quote(evidence, seen[0]))


def _shadowed(evidence: Evidence, seen: tuple[Observation, ...]) -> Iterator[Hazard]:
    """Either cells run out of order, so that a rerun trains otherwise; or a data set made and not used."""
    moved = [o for o in seen if o.value.get("fields")]
    if moved:
        fields = dict.fromkeys(FIELDS.get(f, OTHER) for o in moved for f in o.value["fields"])
        said = Text(
            ko="위에서부터 다시 실행하면 저장된 출력과 다른 조건"
            f"({', '.join(f.ko for f in fields)})으로 학습합니다.",
            en=f"run from the top, it trains under other conditions ({', '.join(f.en for f in fields)}) "
            "than those of the stored output",
        )
        fix = Text(ko="순서대로 다시 실행해 출력 새로 남기기", en="run in order and keep the new output")
        yield Hazard(2, tuple(o.cell for o in moved), said, fix, _cite_quote(evidence, moved[0]))
    for o in seen:
        if o.value.get("fields"):
            continue
        made, name = cells(o.value.get("defined_in") or ()), code(o.value.get("name", ""))
        said = Text(
            ko=f"패딩 없이 토큰화한 {name}({made.ko})이 아니라 다른 데이터로 학습합니다.",
            en=f"doesn't train on {name}, tokenised without padding in {made.en}, but on other data",
        )
        fix = Text(ko="학습에 넣는 데이터셋 이름 확인", en="check which data set goes into the training")
        yield Hazard(2, (o.cell,), said, fix, _cite_quote(evidence, o))


def _goes_on(evidence: Evidence) -> Iterator[Hazard]:
    """Trainings that went on with trained weights when we ran from the top, whatever the stored ones did.

    Where a cell failed before them the model may have been loaded there; nothing is said then.
    """
    seen = evidence.observed
    if seen is None:
        return
    known = {o.cell for o in observed(evidence, Kind.SHADOWED) if o.value.get("fields")}
    failed = min((c.index for c in seen.cells if c.error_name), default=10**9)
    trained = {run.cell for run in seen.testimony.runs if run.steps}
    # A model read from a folder that isn't here has a stand-in, which tells nothing of its weights.
    plain = (Start.PRETRAINED, Start.CONTINUED)
    executed = {run.cell for run in evidence.source.runs if run.executed and run.start in plain}
    on = [
        run
        for run in seen.testimony.runs
        if run.start is Start.CONTINUED and run.continued_from in trained and run.cell < failed
        if run.cell in trained & executed and run.cell not in known
    ]
    if not on:
        return
    first = cells((on[0].continued_from,))
    yield Hazard(
        weight=2,
        where=tuple(run.cell for run in on),
        said=Text(
            ko=f"모델을 새로 불러오는 셀이 없어, 위에서부터 실행하면 {first.ko}에서 학습한 모델을 이어서 "
            "학습합니다.",
            en=f"no cell loads the model again: run from the top, it goes on with the model of {first.en}",
        ),
        fix=Text(ko="학습 앞에서 모델 새로 불러오기", en="load the model again before the training"),
        citation=cite(evidence, on[0].cell),
    )


_AT_ONCE = re.compile(r"\.(?:map|filter|apply|agg|sort)\(|\b(?:sorted|min|max|map|filter)\(")
"""Calls that use a function before they return, so that a loop variable can't have moved on."""


def _bound_below(evidence: Evidence, name: str, cell: int | None) -> bool:
    """Does a later cell assign, define or import the name?"""
    bound = re.compile(
        rf"^\s*(?:{re.escape(name)}\s*(?:=[^=]|,.*=)|(?:def|class)\s+{re.escape(name)}\b|(?:from\b.*)?import\b.*\b{re.escape(name)}\b)",
        re.MULTILINE,
    )
    later = (c for c in evidence.submission.cells if c.kind == "code" and c.index > (cell or 0))
    return any(bound.search(c.source) for c in later)


def _linted(evidence: Evidence) -> Iterator[Hazard]:
    undefined = {o.value.get("name") for o in observed(evidence, Kind.UNDEFINED_NAME)}
    grouped: dict[tuple[str, str], list[Observation]] = {}
    for o in observed(evidence, Kind.LINT):
        rule = str(o.value.get("rule", ""))
        name = (re.findall(r"`([^`]+)`", str(o.value.get("message", ""))) or [""])[0]
        if rule == "B023" and _AT_ONCE.search(o.quote):
            continue
        if rule in LINT and not (rule == "F821" and name in undefined):
            grouped.setdefault((rule, name if rule in CERTAIN else ""), []).append(o)
    for (rule, name), seen in grouped.items():
        weight, said, fix = LINT[rule]
        named = Text(ko=said.ko.format(name=code(name)), en=said.en.format(name=code(name)))
        yield Hazard(weight, tuple(o.cell for o in seen), named, fix, _cite_quote(evidence, seen[0]))


def _by(seen: tuple[Observation, ...], key: str) -> list[tuple[str, list[Observation]]]:
    grouped: dict[str, list[Observation]] = {}
    for o in seen:
        grouped.setdefault(str(o.value.get(key, "")), []).append(o)
    return list(grouped.items())


def _cite_quote(evidence: Evidence, o: Observation) -> Citation | None:
    """The line an observation quotes, found again in its cell so that its neighbours are shown too."""
    cell = evidence.submission.cell(o.cell)
    if cell is None:
        return None
    first = (o.quote.splitlines() or [""])[0].strip()
    rows = cell.source.splitlines()
    line = next((i for i, row in enumerate(rows, 1) if first and first in row), o.value.get("line") or 1)
    return cite(evidence, o.cell, line if isinstance(line, int) else 1, 3)
