"""Results that were typed: markdown tables, numbers in prose, literals in code that hold metrics.

TYPED_TABLE and TYPED_NUMBER never prove that something was measured; they say what the student
claims to have measured, and of which run. Pure; called by `read`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from grader.facts import Kind
from grader.prose import amounts
from grader.prose import lexicon as lex
from grader.prose.code import parse
from grader.records import Cell, Observation, Witness

_ACCURACY = re.compile(r"acc|acuuracy|accuarcy|정확도", re.IGNORECASE)
_TIME = re.compile(r"time|시간|runtime|sec|초$|분$|소요|duration", re.IGNORECASE)
_RATE = re.compile(r"per[_ ]sec|/\s?s(?:ec)?\b|초당", re.IGNORECASE)
_SPEEDUP = re.compile(r"speed-?\s?up|배속|향상률|단축률", re.IGNORECASE)
_UNIT = r"(?:%|프로|퍼센트|(?:시간|분|초|hours?|hrs?|h|mins?|minutes?|m|seconds?|secs?|s)(?![A-Za-z]))"
_NAMED = re.compile(
    r"(?P<name>정확도|accuracy|accuarcy|acuuracy|(?<![a-z])acc(?![a-z])"
    r"|(?:학습|훈련|소요|실행|총|전체|걸린)?(?:(?<!\d)(?<!\d\s)시간|\s시간)|(?:training|train|total"
    r"|elapsed)?[ _]?time|runtime)"
    rf"(?P<between>[^\d\n]{{0,16}}?)(?P<value>\d[\d.,:]{{0,20}}\s*{_UNIT}?(?:\s*\d{{1,4}}\s*{_UNIT}){{0,2}})(?P<after>\s*[가-힣a-z]{{0,4}})",
    re.IGNORECASE,
)
_NO_RESULT = re.compile(r"^\s*(?:이상|이하|초과|미만|목표|배|번|개|회|epoch|x)", re.IGNORECASE)
_AMOUNT = rf"\d[\d.,:]{{0,15}}\s*{_UNIT}?(?:\s*\d{{1,4}}\s*{_UNIT}){{0,2}}"
_FROM_TO = re.compile(rf"(?P<first>{_AMOUNT})\s*(?:→|->|=>|에서)\s*(?P<second>{_AMOUNT})", re.IGNORECASE)
_BEFORE_AFTER = re.compile(r"^\s*[-*•]?\s*(?P<label>[^:：\n|]{1,40}?)\s*[:：]\s*(?P<rest>[^\n]*\d[^\n]*)$")
MAX_ROWS = 60
MAX_TABLES = 40


def read_markdown(cell: Cell) -> list[Observation]:
    """Tables and numbers of a markdown cell."""
    text = cell.source[:60_000]
    found: list[Observation] = []
    for header, rows in _tables(text):
        if not _about_results(header, rows):
            continue
        value = {"header": header, "rows": rows}
        found.append(_observation(Kind.TYPED_TABLE, cell.index, value, " | ".join(header)))
        found += [
            _observation(Kind.TYPED_NUMBER, cell.index, number, quote)
            for number, quote in _in_table(header, rows)
        ]
    found += [_observation(Kind.TYPED_NUMBER, cell.index, number, quote) for number, quote in _in_prose(text)]
    return found


def read_code(cell: Cell) -> list[Observation]:
    """Literal dicts and lists of results (for a DataFrame or a plot) in a code cell."""
    source = cell.source
    if not re.search(r"acc|정확도|time|시간", source, re.IGNORECASE):
        return []
    tree = parse(source)
    nodes = list(ast.walk(tree)) if tree else []
    names = {
        id(node.value): target.id
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets[:1]
        if isinstance(target, ast.Name)
    }
    found: list[Observation] = []
    for node in nodes:
        if isinstance(node, ast.Dict):
            found += _literal(cell.index, node, names.get(id(node), ""))
        if len(found) > MAX_ROWS:
            break
    return found


def _tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Markdown pipe tables, with or without outer pipes."""
    lines, count = text.split("\n"), 0
    for i, line in enumerate(lines[1:], start=1):
        if (
            not re.fullmatch(r"\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*", line)
            or "|" not in lines[i - 1]
        ):
            continue
        header = _split(lines[i - 1])
        rows = []
        for row in lines[i + 1 : i + 1 + MAX_ROWS]:
            if "|" not in row:
                break
            rows.append(_split(row)[: len(header)])
        if rows:
            count += 1
            yield header, rows
        if count >= MAX_TABLES:
            return


def _split(line: str) -> list[str]:
    return [re.sub(r"[*`_]", "", part).strip()[:80] for part in line.strip().strip("|").split("|")][:20]


def _about_results(header: list[str], rows: list[list[str]]) -> bool:
    labels = " ".join(header + [row[0] for row in rows if row])
    numbers = sum(bool(re.search(r"\d", cell)) for row in rows for cell in row[1:])
    return numbers >= 2 and bool(_ACCURACY.search(labels) or _TIME.search(labels) or _RATE.search(labels))


def _in_table(header: list[str], rows: list[list[str]]) -> Iterator[tuple[dict[str, Any], str]]:
    """Numbers of a table, whether its runs are rows or columns."""
    by_column = any(_name(title) for title in header[1:])
    for row in rows:
        for column, cell in enumerate(row[1:], start=1):
            title = header[column] if column < len(header) else ""
            metric, run = (title, row[0]) if by_column else (row[0], title)
            number = _value(_name(metric), cell)
            if number:
                yield {**number, "about": _run(run)}, f"{run} · {metric}: {cell}"


def _in_prose(text: str) -> Iterator[tuple[dict[str, Any], str]]:
    """'사용전 : 3시간 18분', '검증 정확도 90.15%', with the run that the line or its heading names."""
    heading = ""
    for line in text.split("\n"):
        bare = re.sub(r"[*`#>]", "", line[:2_000]).strip()
        if not bare or "|" in line:
            continue
        if not re.search(r"\d", bare):
            if len(bare) < 60:
                heading = bare
            continue
        if line.lstrip().startswith("#"):
            heading = bare
        found, timed, pairs = False, False, list(_before_and_after(bare))
        titled = _BEFORE_AFTER.match(bare)
        title = _run(titled.group("label")) if titled else ""
        told = {number["value"] for number, _ in pairs}
        for named in _NAMED.finditer(bare):
            name = "accuracy" if _ACCURACY.search(named.group("name")) else "seconds"
            if _NO_RESULT.match(named.group("after")) or lex.INSTRUCTION.search(bare):
                continue
            if re.search(r"목표|target|goal", bare[: named.start()], re.IGNORECASE):
                continue
            number = _value(name, named.group("value"), bare=False)
            if number and number["value"] in told:
                found = True
            elif number:
                found = True
                timed |= name == "seconds"
                label = title or _run(bare[: named.start()]) or _run(bare) or _run(heading)
                yield {**number, "about": label}, bare
        if titled and title and not timed and not pairs:
            number = _value("seconds", titled.group("rest"), bare=not found and bool(_TIME.search(heading)))
            if number:
                yield {**number, "about": title}, bare
        for number, label in pairs:
            yield {**number, "about": label}, bare
        times = lex.TIMES.search(bare)
        if times and lex.SPEED.search(bare):
            yield {"name": "speedup", "value": float(times.group(1)), "about": "bucketing"}, bare


def _before_and_after(line: str) -> Iterator[tuple[dict[str, Any], str]]:
    """'1205초 → 618초', '0.9037에서 0.9028로': the first without, the second with bucketing."""
    for match in _FROM_TO.finditer(line):
        first, second = match.group("first"), match.group("second")
        name = "accuracy" if amounts.seconds(second) is None else "seconds"
        values = [_value(name, text, bare=False) for text in (first, second)]
        if all(values):
            yield values[0] or {}, "baseline"
            yield values[1] or {}, "bucketing"


def _literal(cell: int, node: ast.Dict, name: str) -> list[Observation]:
    """{'accuracy': 0.9, 'time': 5064}, or columns {'Accuracy': [0.89, 0.90], 'Model': ['base', 'bucket']}."""
    keys = [
        key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else "" for key in node.keys
    ]
    columns: dict[str, list[Any]] = {}
    for key, value in zip(keys, node.values, strict=True):
        items = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
        constants = [item.value for item in items if isinstance(item, ast.Constant)]
        if key and constants and len(constants) == len(items):
            columns[key] = constants
    metrics = [key for key in columns if _name(key) and all(isinstance(v, int | float) for v in columns[key])]
    if not metrics:
        return []
    lists = max(len(columns[key]) for key in metrics)
    if not any(_ACCURACY.search(key) for key in metrics) and lists < 2:
        return []
    header = list(columns)
    rows = [
        [str(columns[key][i]) if i < len(columns[key]) else "" for key in header]
        for i in range(min(lists, MAX_ROWS))
    ]
    found = [
        _observation(
            Kind.TYPED_TABLE, cell, {"header": header, "rows": rows}, f"{name} = {{{', '.join(header)}}}"
        )
    ]
    labels = next(
        (columns[key] for key in header if key not in metrics and isinstance(columns[key][0], str)), []
    )
    for key in metrics:
        for i, value in enumerate(columns[key][:MAX_ROWS]):
            number = _value(_name(key), str(value))
            if number:
                run = str(labels[i]) if i < len(labels) else name
                found.append(
                    _observation(
                        Kind.TYPED_NUMBER, cell, {**number, "about": _run(run)}, f"{run} {key}: {value}"
                    )
                )
    return found


def _name(title: str) -> str:
    """'accuracy', 'seconds', 'speedup', 'rate' or ''."""
    if _ACCURACY.search(title):
        return "accuracy"
    if _SPEEDUP.search(title):
        return "speedup"
    if _RATE.search(title):
        return "rate"
    return "seconds" if _TIME.search(title) else ""


def _value(name: str, text: str, *, bare: bool = True) -> dict[str, Any] | None:
    """`text` as a value of that name; a duration without a unit only where `bare` (in tables) or long."""
    if name == "accuracy":
        value = amounts.accuracy(text)
    elif name == "seconds":
        value = amounts.seconds(text)
        if value is None:
            value = amounts.plain(text)
            value = value if bare or (value or 0) >= 30 else None
    elif name in ("rate", "speedup"):
        match = re.search(r"\d+(?:\.\d+)?", text)
        value = float(match.group()) if match else None
    else:
        return None
    return {"name": name, "value": value} if value is not None else None


def _run(label: str) -> str:
    """Which run a label names: 'baseline', 'bucketing' or ''."""
    base, bucketed = bool(lex.BASELINE_LABEL.search(label)), bool(lex.BUCKETING_LABEL.search(label))
    if base and bucketed:  # 'Bucketing 미적용' is a baseline; 'Baseline 대비 Bucketing' is not
        return (
            "baseline"
            if re.search(r"미적용|(?<![a-z])x\s*$|no[ -]|without|w/o|전\s*$|안\s", label, re.IGNORECASE)
            else ""
        )
    return "baseline" if base else "bucketing" if bucketed else ""


def _observation(kind: Kind, cell: int, value: dict[str, Any], quote: str) -> Observation:
    return Observation(witness=Witness.SOURCE, kind=kind, cell=cell, value=value, quote=quote.strip()[:300])
