"""Q2: do comments, docstrings and the text between the cells explain the code, above all its core?

Counted, not understood: whether a comment is right is left to the person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from grader.checks import say
from grader.checks.questions.words import cells, citations, cite, observed, sentences
from grader.checks.say import code
from grader.facts import Kind
from grader.records import Evidence, Observation, Status, Text, Verdict

SUBSTANTIAL_LINES = 4
"""A shorter cell (a print, an import) needs no explanation."""
EXPLAINED_SHARE = 0.5
"""Of the substantial cells, for PASS."""
PROSE_CHARACTERS = 25
"""A markdown cell with fewer characters outside headings is a title, not an explanation."""
SILENT_LINES = 20
"""Lines of code from which a notebook without one word of explanation is a FAIL."""

_WHY = re.compile(r"위해|위하여|때문|이유|하므로|않도록|방지|막기|because|so that|to avoid|otherwise", re.I)

CORE = {
    "bucketing": Text(ko="bucketing을 설정한", en="which sets up bucketing"),
    "training-loop": Text(ko="학습 루프가 있는", en="with the training loop"),
    "training-arguments": Text(ko="학습 조건을 정한", en="which sets the training arguments"),
    "tokenise": Text(ko="토크나이징을 하는", en="which tokenises"),
}

EXPECTED = Text(
    ko="가장 핵심인 셀과 주요 셀의 절반 이상에 하는 일과 이유가 적혀 있다.",
    en="The core cell and at least half of the larger cells say what they do and why.",
)


@dataclass(frozen=True)
class _Explained:
    """What was counted."""

    core: Observation | None
    core_words: int
    """Comments and docstrings in the core cell."""
    core_prose: int | None
    """The markdown cell right before it, if it explains."""
    large: tuple[int, ...]
    silent: tuple[int, ...]
    comments: int
    lines: int
    prose: int

    @property
    def share(self) -> float:
        return 1 - len(self.silent) / len(self.large) if self.large else 0.0


def decide(evidence: Evidence) -> Verdict:
    """q2."""
    seen = _count(evidence)
    status = _status(seen)
    core = seen.core
    where = core.cell if core else None
    quoted = cite(evidence, where, core.value.get("line", 1) if core else 1, 3)
    best = _best(evidence, seen)
    actual = Text(
        ko=f"코드 {seen.lines}줄에 주석 {seen.comments}줄, "
        f"{SUBSTANTIAL_LINES}줄 이상인 셀 {len(seen.large)}개 중 "
        f"{len(seen.large) - len(seen.silent)}개에 설명",
        en=f"{seen.comments} comment lines for {seen.lines} lines of code; "
        f"{len(seen.large) - len(seen.silent)} of the {len(seen.large)} cells of {SUBSTANTIAL_LINES} lines "
        "or more are explained",
    )
    return Verdict(
        item="q2",
        status=status,
        expected=EXPECTED,
        actual=actual,
        reason=sentences(None if best and best.cell == where else _core_sentence(seen), _rest_sentence(seen)),
        citations=citations(quoted, best),
        next_step=None if status is Status.PASS else _next_step(seen),
        praise=_praise(evidence, best.cell if best else None, seen),
        person=Text(
            ko="주석과 설명만 읽고도 코드를 따라갈 수 있었는지는 직접 읽어 보고 적어 주세요.",
            en="Read it yourself and say whether the explanations alone were enough to follow the code.",
        ),
    )


def _count(evidence: Evidence) -> _Explained:
    commented = observed(evidence, Kind.COMMENTS)
    cores = observed(evidence, Kind.CORE_CELL)
    prose = {c.index for c in evidence.submission.cells if c.kind == "markdown" and _explains(c.source)}
    words = {o.cell: o.value.get("comment_lines", 0) + o.value.get("docstrings", 0) for o in commented}
    large = [o.cell for o in commented if _needs_words(o)]
    core = cores[0] if cores else None
    before = core.cell - 1 if core is not None and core.cell is not None else -1
    return _Explained(
        core=core,
        core_words=words.get(core.cell, 0) if core else 0,
        core_prose=before if before in prose else None,
        large=tuple(large),
        silent=tuple(c for c in large if not words.get(c) and c - 1 not in prose),
        comments=sum(o.value.get("comment_lines", 0) + o.value.get("docstrings", 0) for o in commented),
        lines=sum(o.value.get("code_lines", 0) for o in commented),
        prose=len(prose),
    )


def _needs_words(comments: Observation) -> bool:
    return comments.value.get("code_lines", 0) >= SUBSTANTIAL_LINES and not comments.value.get("imports_only")


def _explains(markdown: str) -> bool:
    """More than headings, pictures and rules?"""
    kept = (row for row in markdown.splitlines() if not row.lstrip().startswith(("#", "![", "---", "***")))
    return len(re.sub(r"\W", "", "".join(kept))) >= PROSE_CHARACTERS


def _status(seen: _Explained) -> Status:
    if not seen.lines:
        return Status.UNDECIDED
    if not seen.comments and not seen.prose and seen.lines >= SILENT_LINES:
        return Status.FAIL
    if not seen.large:
        return Status.UNDECIDED
    core_told = seen.core is None or seen.core_words > 0 or seen.core_prose is not None
    return Status.PASS if core_told and seen.share >= EXPLAINED_SHARE else Status.PARTIAL


def _core_sentence(seen: _Explained) -> Text | None:
    if seen.core is None:
        return None
    role, where = CORE.get(seen.core.value.get("why", ""), CORE["tokenise"]), seen.core.cell
    if seen.core_words:
        return Text(
            ko=f"가장 핵심인 셀 {where}({role.ko} 셀)에는 주석이 {seen.core_words}줄 있습니다.",
            en=f"Cell {where}, {role.en}, is the core of the notebook and has {seen.core_words} comment "
            f"line{'s' if seen.core_words > 1 else ''}.",
        )
    if seen.core_prose is not None:
        return Text(
            ko=f"가장 핵심인 셀 {where}({role.ko} 셀)의 설명은 바로 앞 셀 {seen.core_prose}에 글로 적혀 "
            "있습니다.",
            en=f"Cell {where}, {role.en}, is the core; cell {seen.core_prose} right before it explains it.",
        )
    return Text(
        ko=f"가장 핵심인 셀 {where}({role.ko} 셀)에는 주석이 없습니다.",
        en=f"Cell {where}, {role.en}, is the core of the notebook and has no comment.",
    )


def _rest_sentence(seen: _Explained) -> Text | None:
    if not seen.large:
        return None
    if not seen.silent and len(seen.large) > 1:
        return Text(
            ko="그 밖의 긴 셀에도 모두 주석이나 설명이 붙어 있습니다.",
            en="Every other longer cell has a comment or an explanation, too.",
        )
    others = [c for c in seen.silent if seen.core is None or c != seen.core.cell]
    if not others:
        if len(seen.large) < 2:
            return None
        return Text(
            ko="나머지 긴 셀에는 주석이나 설명이 있습니다.", en="The other longer cells do have explanations."
        )
    where = cells(others)
    return Text(
        ko=f"{where.ko}에는 하는 일을 알려 주는 주석이나 글이 없습니다.",
        en=f"Nothing explains {where.en}.",
    )


def _next_step(seen: _Explained) -> Text:
    target = seen.core.cell if seen.core and not seen.core_words else (seen.silent or (None,))[0]
    where = say.cell(target) if target is not None else cells(())
    return Text(
        ko=f"{where.ko}에 '무엇을'이 아니라 '왜 이 값인지'를 한두 줄 적어 보세요.",
        en=f"Add one or two lines to {where.en} that say why these values, not what they are called.",
    )


def _best(evidence: Evidence, seen: _Explained):
    """The cell to praise: one whose comment gives a reason, else docstrings, else the most comments."""
    commented = observed(evidence, Kind.COMMENTS)
    ranked = sorted(
        (o for o in commented if _praiseworthy(o) or _reason_line(evidence, o.cell)),
        key=lambda o: (
            -bool(_reason_line(evidence, o.cell)),
            -min(1, o.value.get("docstrings", 0)),
            -o.value.get("comment_lines", 0),
        ),
    )
    if not ranked:
        return None
    line = _reason_line(evidence, ranked[0].cell) or _first_comment(evidence, ranked[0].cell)
    return cite(evidence, ranked[0].cell, max(1, line - 2), 6)


def _praiseworthy(o: Observation) -> bool:
    """A docstring, or a comment on a quarter of the lines and at least three."""
    said, lines = o.value.get("comment_lines", 0), o.value.get("code_lines", 0)
    return bool(o.value.get("docstrings")) or (said >= 3 and 4 * said >= lines > 0)


def _reason_line(evidence: Evidence, cell: int | None) -> int:
    """1-based line of the first comment that gives a reason; 0 if none."""
    return _comment_line(evidence, cell, _WHY)


def _first_comment(evidence: Evidence, cell: int | None) -> int:
    return _comment_line(evidence, cell, re.compile(r"\w"))


def _comment_line(evidence: Evidence, cell: int | None, wanted: re.Pattern[str]) -> int:
    there = evidence.submission.cell(cell)
    if there is None:
        return 0
    dead = {
        n for o in observed(evidence, Kind.COMMENTS) if o.cell == cell for n in o.value.get("dead_lines", ())
    }
    for number, row in enumerate(there.source.splitlines(), 1):
        _, mark, comment = row.partition("#")
        if mark and number not in dead and wanted.search(comment):
            return number
    return 0


def _praise(evidence: Evidence, best: int | None, seen: _Explained) -> Text | None:
    if best is None:
        return None
    counted = next((o.value for o in observed(evidence, Kind.COMMENTS) if o.cell == best), {})
    core = seen.core is not None and seen.core.cell == best
    role = CORE.get(seen.core.value.get("why", ""), CORE["tokenise"]) if core else None
    ko = f"가장 핵심인 셀 {best}({role.ko} 셀)" if role else f"셀 {best}"
    en = f"Cell {best}, {role.en} and the core of the notebook," if role else f"Cell {best}"
    if line := _reason_line(evidence, best):
        row = evidence.submission.cell(best).source.splitlines()[line - 1]
        comment = code(row.partition("#")[2], 70)
        return Text(
            ko=f"{ko}의 주석 {comment}처럼 하는 일뿐 아니라 이유까지 적어 둔 점이 좋았습니다.",
            en=f"{en} says why and not only what: {comment}.",
        )
    if docstrings := counted.get("docstrings", 0):
        return Text(
            ko=f"{ko}의 함수에 docstring({docstrings}개)이 있어 무엇을 하는지 바로 알 수 있었습니다.",
            en=f"{en} has docstrings ({docstrings}) that tell at once what its functions do.",
        )
    number = counted.get("comment_lines", 0)
    return Text(
        ko=f"{ko}에는 단계마다 주석({number}줄)이 있어 순서대로 따라가기 쉬웠습니다.",
        en=f"{en} has a comment at every step ({number} lines) and is easy to follow.",
    )
