"""Student -> folder name, the same wherever it is needed (batch results, review rounds)."""

from __future__ import annotations

import hashlib
import re
import unicodedata

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.I)
"""Devices on Windows, whatever follows the dot."""


def same_name(name: str) -> str:
    """What is equal for two names that are one file name on some disk: capitals (Windows, macOS) and the
    way accents and Hangul are composed (macOS takes them apart)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def folder_name(student: str) -> str:
    """A folder name for `student` on any file system; distinct students (`same_name`) get distinct names."""
    seen = "".join("_" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") else c for c in student)
    safe = re.sub(r'[<>:"/\\|?*]', "_", seen).strip(" .")[:80]
    if RESERVED.match(safe):
        safe = f"_{safe}"
    if safe == student:
        return safe
    return f"{safe or 'student'}-{hashlib.sha256(student.encode('utf-8', 'replace')).hexdigest()[:8]}"
