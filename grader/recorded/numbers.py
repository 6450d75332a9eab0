"""Numbers and durations as outputs spell them, in English and Korean. Pure; never raises."""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_CLOCK = re.compile(r"(?:(\d+)\s*days?,?\s*)?(\d{1,3}):(\d{2})(?::(\d{2}(?:\.\d+)?))?")
_UNITS = (
    (3600.0, r"h|hr|hrs|hours?|시간"),
    (60.0, r"m|min|mins|minutes?|분"),
    (1.0, r"s|sec|secs|seconds?|초"),
)
_PART = re.compile(
    r"(\d[\d,]*(?:\.\d+)?)\s*(?:" + "|".join(f"(?P<u{i}>{unit})" for i, (_, unit) in enumerate(_UNITS)) + r")"
    r"(?![A-Za-z])",
    re.IGNORECASE,
)


def number(value: object) -> float | None:
    """A finite float from a number or from text such as '1,234', ' 0.9012 ', '90.1 %' (as 90.1)."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        try:
            value = float(value)
        except OverflowError:
            return None
        return value if math.isfinite(value) else None
    if not isinstance(value, str):
        return None
    match = _NUMBER.fullmatch(value.strip().rstrip("%").strip())
    if not match:
        return None
    try:
        return number(float(match.group().replace(",", "")))
    except (ValueError, OverflowError):
        return None


def whole(value: object) -> int | None:
    """A non-negative integer, or None."""
    parsed = number(value)
    if parsed is None or parsed < 0 or parsed > 1e15:
        return None
    return round(parsed)


def share(value: object, *, percent: bool = False) -> float | None:
    """An accuracy as 0..1; 90.4 and '90.4 %' become 0.904, anything impossible None."""
    parsed = number(value)
    if parsed is None:
        return None
    if percent or (isinstance(value, str) and "%" in value) or parsed > 1.0:
        parsed /= 100
    return round(parsed, 12) if 0.0 <= parsed <= 1.0 else None


def seconds(text: str) -> float | None:
    """The first duration in `text`: '1:02:03', '12:34', '3896.24 sec', '106.5분', '3시간 18분', '1h 7m'.

    'a:b' is read as minutes and seconds, as tqdm and the Trainer write it.
    """
    clock = _CLOCK.search(text)
    part = _PART.search(text)
    if clock and (not part or clock.start() <= part.start()):
        days, first, second, third = clock.groups()
        if third is None:
            return float(first) * 60 + float(second)
        return float(days or 0) * 86400 + float(first) * 3600 + float(second) * 60 + float(third)
    if not part:
        return None
    total, smallest, end = 0.0, math.inf, part.start()
    for match in _PART.finditer(text, part.start()):
        scale = next(scale for i, (scale, _) in enumerate(_UNITS) if match.group(f"u{i}"))
        if scale >= smallest or text[end : match.start()].strip(" ,"):
            break
        total += float(match.group(1).replace(",", "")) * scale
        smallest, end = scale, match.end()
    return total
