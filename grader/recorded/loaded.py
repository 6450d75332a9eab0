"""Traces of loading in outputs: which model, tokenizer and data came, and how many rows there are.

Pure; called by `read`. An output proves more than the code that asks for a download.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from grader.facts import Kind
from grader.recorded.numbers import whole
from grader.records import Cell, Observation, Witness

_MODEL = (
    re.compile(
        r"Some weights of (?P<cls>\w+) were not initialized from the (?:PyTorch )?model"
        r"(?: checkpoint at (?P<name>\S+))?(?= and are newly)"
    ),
    re.compile(
        r"Some (?:weights of the|layers from the) (?:PyTorch )?model (?:checkpoint at (?P<name>\S+) )?"
        r"were not used when initializing (?:the TF 2\.0 model )?(?P<cls>\w+)"
    ),
    re.compile(
        r"the weights of (?P<cls>\w+) were initialized from the model checkpoint at (?P<name>\S+?)\.?\s"
    ),
    re.compile(r"\b(?P<cls>\w{1,80}) LOAD REPORT from: (?P<name>\S+)"),
    re.compile(r"(?:^|\n)(?P<cls>\w{1,40}For\w{1,60})\((?=\s*\n\s+\()"),
)
_TOKENIZER = re.compile(r"\b(?P<cls>\w{0,40}Tokenizer\w{0,40})\(name_or_path=['\"](?P<name>[^'\"]+)['\"]")
_SPLIT = re.compile(r"(?P<split>[\w-]+):\s*Dataset\(\{.{0,1500}?num_rows:\s*(?P<rows>\d+)", re.DOTALL)
_DATASET = re.compile(
    r"(?<![\w:] )Dataset\(\{\s*features:\s*\[(?P<features>[^\]]{0,600})\],\s*num_rows:\s*(?P<rows>\d+)"
)
_FRAME = re.compile(
    r"\[(?P<rows>[\d,]+) rows x \d+ columns\]|RangeIndex: (?P<range>\d+) entries"
    r"|Index: (?P<index>\d+) entries"
)
_SHAPE = re.compile(r"\(\s*(?P<rows>\d{4,7})\s*,\s*(?:\d{1,4}\s*)?\)")
_NOT_ROWS = re.compile(
    r"acc|정확|label|라벨|length|길이|단어|epoch|param|hidden|layer|time|시간|초|sec|loss|step|vocab|token",
    re.IGNORECASE,
)
_WIDTHS = {32_000, 30_522, 3_072, 768, 512}
"""Of the vocabulary and of BERT's layers: printed often, never a number of rows."""
_NAMED = re.compile(
    r"(?<![A-Za-z])(?P<split>train(?:ing)?|valid(?:ation)?|val|test|eval|훈련|학습|검증|테스트|평가)"
    r"(?![a-z])"
    r"(?P<between>[^\d\n]{0,40}?)(?P<rows>\d{1,3}(?:,\d{3})+|\d{3,7})(?![\d.:/%])",
    re.IGNORECASE,
)
_MAPPED = re.compile(
    r"(?:Map|Filter|Generating (?P<split>\w+) split|Tokenizing)[^\n|]{0,60}?:\s*\d+%[^\n]{0,40}?\s"
    r"\d+/(?P<rows>\d+)\s*\["
)
_NSMC = re.compile(
    r"(?:Reusing dataset|prepar\w+ dataset|Dataset)\s+\S*nsmc|ratings_(?:train|test)\.txt"
    r"|nsmc/default|nsmc\.py|아 더빙\.\. 진짜 짜증나네요 목소리|9976970"
    r"|GDNTOPCLASSINTHECLUB|흠\.\.\.포스터보고 초딩영화줄",
)
_TRAIN, _VALIDATION, _TEST = (
    {"train", "training", "훈련", "학습"},
    {"valid", "validation", "val", "eval", "검증", "평가"},
    {"test", "테스트"},
)


def read_cell(cell: Cell) -> Iterator[Observation]:
    """MODEL_LOAD, TOKENIZER_LOAD, DATA_LOAD and DATA_SHAPE as the outputs of `cell` show them."""
    models: dict[tuple[str, str], str] = {}
    rows: dict[str, int] = {}
    nsmc = shape_quote = ""
    unnamed = 1
    for output in cell.outputs:
        text = output.text
        if not text or output.kind == "error":
            continue
        for name, cls, quote in _models(text):
            models.setdefault((name, cls), quote)
        for match in _TOKENIZER.finditer(text):
            value = {"name": match.group("name"), "class": match.group("cls")}
            yield _observation(Kind.TOKENIZER_LOAD, cell.index, value, match.group())
        for split, count in _shapes(text):
            shape_quote = shape_quote or text.strip()[:200]
            if split.startswith("unnamed"):
                if count in rows.values():
                    continue
                split = f"unnamed {unnamed}" if unnamed > 1 else "unnamed"
                unnamed += 1
            rows.setdefault(split, count)
        if not nsmc:
            mark = _NSMC.search(text)
            columns = re.search(r"'document',\s*'label'|document\s+label", text)
            nsmc = mark.group() if mark else columns.group() if columns else ""
    for (name, cls), quote in models.items():
        value = {"class": cls, "pretrained": True}
        yield _observation(Kind.MODEL_LOAD, cell.index, {"name": name, **value} if name else value, quote)
    if nsmc:
        value = {"name": "nsmc", "how": "unknown"} | ({"rows": rows} if rows else {})
        yield _observation(Kind.DATA_LOAD, cell.index, value, nsmc)
    if rows:
        yield _observation(Kind.DATA_SHAPE, cell.index, {"rows": rows}, shape_quote)


def counts(text: str) -> set[int]:
    """Every row count that an output names, in whatever form."""
    return {count for _, count in _shapes(text)}


def _models(text: str) -> Iterator[tuple[str, str, str]]:
    for pattern in _MODEL[:-1]:
        for match in pattern.finditer(text):
            quote = match.group().strip()[:200]
            yield (match.group("name") or "").rstrip(":,"), match.group("cls"), quote
    structure = _MODEL[-1].search(text)
    if structure and "(word_embeddings)" in text:
        yield "", structure.group("cls"), structure.group().strip()


def _shapes(text: str) -> Iterator[tuple[str, int]]:
    """(split, rows); the split is 'unnamed' where the output doesn't say it."""
    rest = text
    for _ in range(50):
        start = rest.find("DatasetDict({")
        end = rest.find("\n})", start, start + 6_000) if start >= 0 else -1
        if end < 0:
            break
        for match in _SPLIT.finditer(rest, start, end):
            yield match.group("split"), int(match.group("rows")[:9])
        rest = rest[:start] + rest[end + 3 :]
    plain: list[int | None] = [whole(m.group("rows")) for m in _DATASET.finditer(rest)]
    plain += [whole(m.group("rows") or m.group("range") or m.group("index")) for m in _FRAME.finditer(rest)]
    plain += [whole(m.group("rows")) for m in _MAPPED.finditer(rest)]
    if len(rest) < 20_000 and "Linear(" not in rest and "Embedding(" not in rest:
        plain += [whole(m.group("rows")) for m in _SHAPE.finditer(rest)]
        for line in rest.split("\n")[:300]:
            match = _NAMED.search(line) if len(line) <= 160 else None
            count = whole(match.group("rows")) if match else None
            if match and count and 50 <= count < 5_000_000 and not _NOT_ROWS.search(line):
                yield _split(match.group("split").lower()), count
        bare = re.fullmatch(r"\s*(\d{3,7})\s*", rest)
        if bare:
            plain.append(int(bare.group(1)))
        several = re.fullmatch(r"\s*\(?(\d{3,7}(?:[\s,]+\d{3,7}){1,3})\)?\s*", rest)
        if several:
            plain += [int(word) for word in re.findall(r"\d+", several.group(1))]
    for count in plain:
        if count and 50 <= count < 5_000_000 and count not in _WIDTHS:
            yield "unnamed", count


def _split(word: str) -> str:
    if word in _TRAIN:
        return "train"
    if word in _VALIDATION:
        return "validation"
    return "test" if word in _TEST else word


def _observation(kind: Kind, cell: int, value: dict[str, Any], quote: str) -> Observation:
    return Observation(witness=Witness.RECORDED, kind=kind, cell=cell, value=value, quote=quote.strip()[:300])
