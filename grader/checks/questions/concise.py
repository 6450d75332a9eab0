"""Q5: is the code concise? Repeated cells, functions, complexity, imports that nobody uses."""

from __future__ import annotations

from collections.abc import Sequence

from grader.checks.questions.words import cells, citations, cite, observed, sentences
from grader.checks.say import code
from grader.facts import Kind
from grader.records import Evidence, Observation, Status, Text, Verdict

COPIES = 3
"""Groups of repeated cells from which the notebook is only partly concise; one pair is how people compare."""
COMPLEX = 11
"""McCabe value of radon's rank C, 'moderate, slightly complex'."""
LONG_WITHOUT_FUNCTION = 80
"""Lines of code from which not one function is remarkable."""
UNUSED = 5
LONG_BLOCK = 8
"""Equal lines in a row, inside cells that otherwise differ, that are worth a function."""

EXPECTED = Text(
    ko="되풀이되는 코드는 함수로 묶고, 한 함수가 한 가지 일만 한다.",
    en="Repeated code is a function, and each function does one thing.",
)


_NOTHING = Text(
    ko="되풀이되는 긴 코드나 지나치게 복잡한 함수는 보이지 않습니다.",
    en="There is no long repetition and no overly complex function.",
)
_SIMPLE = Text(ko="지나치게 복잡한 함수는 보이지 않습니다.", en="There is no overly complex function.")


def decide(evidence: Evidence) -> Verdict:
    """q5."""
    lines = sum(o.value.get("code_lines", 0) for o in observed(evidence, Kind.COMMENTS))
    counted = next(iter(observed(evidence, Kind.FUNCTIONS)), None)
    functions = (counted.value.get("count", 0) + counted.value.get("classes", 0)) if counted else 0
    groups = _groups(observed(evidence, Kind.DUPLICATE_CODE))
    heavy = [o for o in observed(evidence, Kind.COMPLEXITY) if o.value.get("value", 0) >= COMPLEX]
    lint = observed(evidence, Kind.LINT)
    unused = [o for o in lint if o.value.get("rule") == "F401"]
    again = [o for o in lint if o.value.get("rule") == "F811"]
    partial = len(groups) >= COPIES or bool(heavy) or (not functions and lines >= LONG_WITHOUT_FUNCTION)
    status = Status.UNDECIDED if not lines else Status.PARTIAL if partial else Status.PASS
    copies, complexity = _copies(evidence, groups), _complexity(heavy)
    none = None if functions or lines < LONG_WITHOUT_FUNCTION else _no_functions(evidence, lines)
    tidy = _imports(unused, again)
    measured = observed(evidence, Kind.REPEATED_CODE)
    blocks = [b for o in measured for b in o.value.get("blocks", [])]
    repeated = _repeated(blocks, groups)
    said = sentences(copies, repeated, complexity, none, tidy)
    # Nothing is claimed of repetition that was not looked for, or that was found short.
    clean = _NOTHING if measured and not blocks else _SIMPLE
    first_copies = [cite(evidence, g[-1]) for g in groups[:1]]
    praise = _praise(counted)
    cited_function = (
        cite(evidence, counted.value["cells"][0]) if counted and counted.value.get("cells") else None
    )
    return Verdict(
        item="q5",
        status=status,
        expected=EXPECTED,
        actual=Text(
            ko=f"함수·클래스 {functions}개, 되풀이된 셀 묶음 {len(groups)}개, 복잡한 함수 {len(heavy)}개",
            en=f"{functions} functions and classes, {len(groups)} groups of repeated cells, "
            f"{len(heavy)} complex functions",
        ),
        reason=sentences(clean if not (copies or repeated or complexity or none) else None, said),
        citations=citations(cited_function, *first_copies, *(cite(evidence, o.cell) for o in heavy[:1])),
        next_step=_next_step(groups, heavy) if status is Status.PARTIAL else None,
        praise=praise,
        person=None
        if status is not Status.UNDECIDED
        else Text(
            ko="읽을 수 있는 코드 셀이 없어 판단하지 않았습니다.", en="There is no readable code cell."
        ),
    )


def _groups(pairs: Sequence[Observation]) -> list[list[int]]:
    """Cells that are copies of each other, joined over pairs; in order of their first cell."""
    groups: list[set[int]] = []
    for o in pairs:
        pair = {c for c in o.value.get("cells", []) if isinstance(c, int)}
        if len(pair) != 2:
            continue
        touching = [g for g in groups if g & pair]
        groups = [g for g in groups if not g & pair]
        groups.append(pair.union(*touching))
    return sorted(sorted(g) for g in groups)


def _copies(evidence: Evidence, groups: list[list[int]]) -> Text | None:
    if not groups:
        return None
    first = groups[0]
    pair = next(
        (
            o.value
            for o in observed(evidence, Kind.DUPLICATE_CODE)
            if set(o.value.get("cells", [])) <= set(first)
        ),
        {},
    )
    where, changed = cells(first), pair.get("changed", 0)
    examples = ", ".join(code(e, 40) for e in pair.get("examples", [])[:2])
    if changed:
        shown = f" ({examples})" if examples else ""
        said = Text(
            ko=f"{where.ko}: {changed}줄만 다른 같은 코드{shown}라서, 함수 하나로 묶으면 "
            "비교 실험을 더 늘리기 쉽습니다.",
            en=f"{_upper(where.en)} are the same code but for {changed} "
            f"line{'s' if changed > 1 else ''}{shown}; one function would make further comparisons easy.",
        )
    else:
        said = Text(
            ko=f"{where.ko}: 같은 코드가 되풀이되므로 한 번만 정의해 두고 불러 쓰면 됩니다.",
            en=f"{_upper(where.en)} repeat the same code; defining it once is enough.",
        )
    if len(groups) == 1:
        return said
    rest = cells(c for g in groups[1:] for c in g)
    more = Text(
        ko=f"비슷하게 되풀이되는 곳이 {len(groups) - 1}묶음 더 있습니다({rest.ko}).",
        en=f"There {'is' if len(groups) == 2 else 'are'} {len(groups) - 1} more such "
        f"group{'s' if len(groups) > 2 else ''} ({rest.en}).",
    )
    return sentences(said, more)


def _repeated(blocks: Sequence[dict], groups: list[list[int]]) -> Text | None:
    """Long blocks inside cells that are not named as copies already."""
    long = [b for b in blocks if b.get("lines", 0) >= LONG_BLOCK]
    long = [b for b in long if not any(set(b.get("cells", [])) <= set(group) for group in groups)]
    if not long:
        return None
    where, most = cells(c for b in long for c in b["cells"]), max(b["lines"] for b in long)
    return Text(
        ko=f"{where.ko}에는 똑같은 코드가 길게는 {most}줄까지 되풀이되므로, 함수로 한 번만 정의해 두면 "
        "코드가 짧아집니다.",
        en=f"The same code, up to {most} lines of it, is repeated in {where.en}; a function defined once "
        "would shorten it.",
    )


def _complexity(heavy: Sequence[Observation]) -> Text | None:
    if not heavy:
        return None
    worst = max(heavy, key=lambda o: o.value.get("value", 0))
    name, value = code(worst.value.get("function", ""), 50), worst.value.get("value", 0)
    return Text(
        ko=f"셀 {worst.cell}의 함수 {name} 안에는 갈림길이 {value}개(순환 복잡도)나 있어 한 번에 읽기 "
        "어렵습니다.",
        en=f"The function {name} in cell {worst.cell} has a cyclomatic complexity of {value}, hard to "
        "read at once.",
    )


def _no_functions(evidence: Evidence, lines: int) -> Text:
    last = max((o.cell for o in observed(evidence, Kind.COMMENTS) if o.cell is not None), default=0)
    return Text(
        ko=f"코드 {lines}줄(셀 {last}까지)이 함수 없이 이어집니다.",
        en=f"{lines} lines of code (up to cell {last}) go by without a function.",
    )


def _imports(unused: Sequence[Observation], again: Sequence[Observation]) -> Text | None:
    if len(unused) + len(again) < UNUSED:
        return None
    where = cells(o.cell for o in (*unused, *again))
    return Text(
        ko=f"쓰지 않거나 되풀이한 import가 {len(unused) + len(again)}개 있습니다({where.ko}).",
        en=f"{len(unused) + len(again)} imports are unused or repeated ({where.en}).",
    )


def _praise(counted: Observation | None) -> Text | None:
    names = [*counted.value.get("names", []), *counted.value.get("class_names", [])] if counted else []
    distinct = list(dict.fromkeys(names))
    if not distinct or not counted.value.get("cells"):
        return None
    where = cells(counted.value["cells"])
    shown = ", ".join(code(n, 40) for n in distinct[:4])
    more = len(distinct) - 4
    return Text(
        ko=f"{where.ko}에서 일을 함수로 나누어({shown}{f' 외 {more}개' if more > 0 else ''}) 읽기 좋습니다.",
        en=f"{_upper(where.en)} split the work into functions "
        f"({shown}{f' and {more} more' if more > 0 else ''}).",
    )


def _next_step(groups: list[list[int]], heavy: Sequence[Observation]) -> Text:
    if groups:
        where = cells(groups[0])
        return Text(
            ko=f"{where.ko}에서 달라지는 값만 인자로 받는 함수 하나를 만들고, "
            "각 셀을 그 함수를 부르는 한 줄로 바꿔 보세요.",
            en=f"Write one function that takes what differs between {where.en} and express the runs with it.",
        )
    if heavy:
        cell, name = heavy[0].cell, code(heavy[0].value.get("function", ""), 50)
        return Text(
            ko=f"셀 {cell}의 함수 {name} 안에서 되풀이되는 단계 하나를 골라 작은 함수로 꺼내 보세요.",
            en=f"Take one step out of {name} in cell {cell} into a small function.",
        )
    return Text(
        ko="토크나이징, 학습, 평가를 각각 함수 하나로 묶어 보세요.",
        en="Make one function each of tokenising, training and evaluating.",
    )


def _upper(said: str) -> str:
    return said[0].upper() + said[1:]
