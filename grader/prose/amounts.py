"""Amounts as people type them: '51 min', '3시간 18분, 약 200분', '4903.6732s(81분)', '90.15%'. Pure."""

from __future__ import annotations

import re

_CLOCK = re.compile(r"(?<![\d.])(\d{1,3}):(\d{2})(?::(\d{2}))?(?![\d.])")
_UNITS = {"h": 3600.0, "시": 3600.0, "m": 60.0, "분": 60.0, "s": 1.0, "초": 1.0}
_PART = re.compile(
    r"(\d[\d,]*(?:\.\d+)?)\s*(hours?|hrs?|h|시간|minutes?|mins?|m|분|seconds?|secs?|s|초)(?![A-Za-z]|\s*당)",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"^\s*(\d[\d,]*(?:\.\d+)?)\s*$")


def seconds(text: str) -> float | None:
    """The first duration in `text`; 'a:b' is minutes and seconds."""
    clock, part = _CLOCK.search(text), _PART.search(text)
    if clock and (not part or clock.start() <= part.start()):
        first, second, third = clock.groups()
        if third is None:
            return int(first) * 60.0 + int(second)
        return int(first) * 3600.0 + int(second) * 60 + int(third)
    if not part:
        return None
    total, smallest, end = 0.0, 1e9, part.start()
    for match in _PART.finditer(text, part.start()):
        unit = match.group(2).lower()
        scale = 60.0 if unit.startswith("분") else _UNITS[unit[0]]
        if scale >= smallest or text[end : match.start()].strip():
            break
        total += float(match.group(1).replace(",", "")) * scale
        smallest, end = scale, match.end()
    return total


def plain(text: str) -> float | None:
    """A bare number, else None."""
    match = _PLAIN.match(text)
    return float(match.group(1).replace(",", "")) if match else None


def accuracy(text: str) -> float | None:
    """An accuracy as 0..1 out of '0.9055', '90.15%', '90.6'; None if it can't be one."""
    match = re.search(r"(?<![\d.])(\d{1,3}\.\d+|\d{1,3})(\s*(?:%|퍼센트|프로))?", text)
    if not match:
        return None
    value, percent = float(match.group(1)), bool(match.group(2))
    if not percent and "." not in match.group(1):
        return None
    if percent or value > 1:
        value /= 100
    return round(value, 8) if 0.3 <= value <= 1 else None
