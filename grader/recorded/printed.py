"""Metrics in lines that students print: "Val Loss: 0.24, Accuracy: 0.9055", "검증 정확도: 90.2%".

What this is: names and numbers of one line. What this is not: which run they belong to (`loops`).
Pure; never raises.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from grader.recorded.numbers import number, seconds, share

MAX_LINE = 600

_ACCURACY = re.compile(
    r"(?P<before>[^\d\n,|;:%]{0,40}?)(?P<word>accuracy|accuarcy|acuuracy|(?<![a-z])acc(?![a-z])|정확도|정확률)"
    r"(?P<between>[^\d\n|;,]{0,24}?)(?P<sign>-?)(?P<number>(?:\d{1,3})?\.\d+|\d{1,3})(?P<percent>\s*%|\s*퍼센트)?",
    re.IGNORECASE,
)
_WORTH = re.compile(r"acc|loss|time|took|elapsed|정확|손실|시간", re.IGNORECASE)
_LOSS = re.compile(
    r"(?P<before>(?:train(?:ing)?|val(?:id(?:ation)?)?|eval|test|dev|avg|average|mean|학습|훈련|검증|평균|테스트)?)"
    r"[ _]*(?:loss|손실(?:값)?)(?P<between>[^\d\n|;,-]{0,16}?)(?P<number>-?\d*\.\d+(?:e-?\d+)?)",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?P<name>(?:train(?:ing)?|학습|훈련|total|총|elapsed|소요|epoch|epcoh|validation|검증|eval\w*|평가)?"
    r"[\w ]{0,20}?(?:time|took|runtime|elapsed|시간))(?P<between>[^\d\n]{0,20}?)"
    r"(?P<value>\d[\d:.,]*(?:\s*(?:hours?|h|시간|minutes?|mins?|m|분|seconds?|secs?|s|초)(?![a-z])(?:\s*\d[\d.]*\s*"
    r"(?:minutes?|mins?|m|분|seconds?|secs?|s|초)(?![a-z])){0,2})?)",
    re.IGNORECASE,
)
_BARE_TIME = re.compile(
    r"(?<![\w.,:/-])(?P<value>\d+(?:\.\d+)?\s*(?:hours?|h|시간|minutes?|mins?|m|분|seconds?|secs?|s|초)"
    r"(?![a-z/])(?:\s*\d[\d.]*\s*(?:minutes?|mins?|m|분|seconds?|secs?|s|초)(?![a-z/])){0,2})",
    re.IGNORECASE,
)
"""A duration without a word for it, as at the end of 'Epoch 1 | loss 0.33 | acc 0.89 | 402.1s'."""
_TARGET = re.compile(r"목표|기준|target|goal|threshold|[<>≥≤]\s*=?\s*$", re.IGNORECASE)
_AT_LEAST = re.compile(
    r"\s*(?:이상|이하|초과|미만|를?\s*(?:넘|목표)|or (?:more|above|higher)|\+)", re.IGNORECASE
)
_BETWEEN_TWO = re.compile(r"차이|격차|간격|(?<![a-z])(?:gap|diff(?:erence)?)(?![a-z])", re.IGNORECASE)
"""'손실차이=0.08', 'loss_gap: 0.15': what lies between two losses is no loss."""
_EPOCH = re.compile(
    r"(?:epochs?|에폭|에포크)\s*[:#=\[(]*\s*(?P<a>\d{1,4})(?:\s*[\])]?\s*(?:/|of|중)\s*(?P<n>\d{1,4}))?"
    r"|(?P<b>\d{1,3})(?:\s*/\s*(?P<m>\d{1,3}))?\s*(?:번째\s*)?(?:epoch|에폭|에포크)",
    re.IGNORECASE,
)
_STEP = re.compile(r"(?:(?<![a-z])step|스텝|iter(?:ation)?)\s*[:#=\[]*\s*(?P<a>\d{1,9})", re.IGNORECASE)
_TRAIN = re.compile(
    r"(?:train(?:ing)?|학습|훈련)(?:[ _-]*(?:set|data|데이터|셋|세트))?(?:[ _-]*의)?[ _-]*$", re.IGNORECASE
)
_TEST = re.compile(r"(?<![a-z])test|테스트|시험", re.IGNORECASE)
_HELD = re.compile(
    r"(?<![a-z])(?:val|valid|validation|eval|evaluation|dev)(?![a-z])|검증|평가", re.IGNORECASE
)


class Metric(NamedTuple):
    name: str
    """'accuracy', 'loss' or 'seconds'."""
    value: float
    """Accuracies as 0..1."""
    about: str
    """'train', 'validation', 'test' or '': what the line itself calls it."""
    digits: int
    """Decimals of the value as printed (of the share, so 90.23 % has four)."""
    written: str


class Place(NamedTuple):
    """Where in a training a line says it is."""

    epoch: int | None = None
    epochs: int | None = None
    step: int | None = None


def metrics(line: str) -> list[Metric]:
    """Accuracies, losses and durations in `line`, in this order of kinds."""
    line = line[:MAX_LINE]
    found: list[Metric] = []
    if not _WORTH.search(line):  # cheap, and true of nearly every line
        return found
    for match in _ACCURACY.finditer(line):
        written, percent = match.group("number"), bool(match.group("percent"))
        if match.group("sign") or (not percent and "." not in written):
            continue
        if _TARGET.search(match.group("before") + match.group("between")) or _AT_LEAST.match(
            line, match.end()
        ):
            continue
        value = share(written, percent=percent)
        if value is None or (number(written) or 0) > 100:
            continue
        scaled = percent or (number(written) or 0) > 1
        digits = len(written.partition(".")[2]) + (2 if scaled else 0)
        found.append(Metric("accuracy", value, _about(match), digits, written))
    for match in _LOSS.finditer(line):
        between = match.group("between")
        if _BETWEEN_TWO.search(between.replace("_", " ")) or _is_threshold(line, match):
            continue
        value = number(match.group("number"))
        if value is not None:
            written = match.group("number")
            about = _split(match.group("before")) or ("train" if match.group("before") else "")
            found.append(Metric("loss", value, about, len(written.partition(".")[2]), written))
    for match in _TIME.finditer(line):
        value = seconds(match.group("value"))
        if value is None and re.search(r"time|시간|runtime|took", match.group("name"), re.IGNORECASE):
            value = number(match.group("value"))
        if value is not None:
            held = _HELD.search(match.group("name")) or _TEST.search(match.group("name"))
            found.append(Metric("seconds", value, "validation" if held else "", 0, match.group("value")))
    timed = any(metric.name == "seconds" for metric in found)
    if found and not timed and _EPOCH.search(line) and (match := _BARE_TIME.search(line)):
        value = seconds(match.group("value"))
        if value is not None:
            found.append(Metric("seconds", value, "", 0, match.group("value")))
    return found


def place(line: str) -> Place:
    """The epoch and step a line names, e.g. '======== Epoch 2 / 4 ========' or 'Step 7500: …'."""
    line = line[:MAX_LINE]
    epoch = epochs = None
    match = _EPOCH.search(line)
    if match:
        epoch = int(match.group("a") or match.group("b"))
        total = match.group("n") or match.group("m")
        epochs = int(total) if total else None
    step = _STEP.search(line)
    return Place(epoch, epochs, int(step.group("a")) if step else None)


def _is_threshold(line: str, match: re.Match[str]) -> bool:
    """'목표 손실: 0.15', '손실 0.15 이하', 'loss < 0.15': what a loss is held against."""
    before = re.split(r"[\d,;|()]", line[max(0, match.start() - 12) : match.start()])[-1]
    return bool(
        _TARGET.search(before) or _TARGET.search(match.group("between")) or _AT_LEAST.match(line, match.end())
    )


def _about(match: re.Match[str]) -> str:
    before, between = match.group("before"), match.group("between")
    if before.endswith("_"):
        return "train" if _TRAIN.search(before) else ""  # eval_accuracy, val_acc: names, not statements
    if _TRAIN.search(before):
        return "train"
    return _split(before) or _split(between)


def _split(text: str) -> str:
    if _HELD.search(text):
        return "validation"
    if _TEST.search(text):
        return "test"
    return "train" if re.search(r"train|학습|훈련", text, re.IGNORECASE) else ""
