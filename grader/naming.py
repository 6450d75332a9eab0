"""Student -> folder name, the same wherever it is needed (batch results, review rounds)."""

from __future__ import annotations

import hashlib
import re
import unicodedata


def folder_name(student: str) -> str:
    """A folder name for `student` on any file system; distinct students get distinct names."""
    seen = "".join("_" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") else c for c in student)
    safe = re.sub(r'[<>:"/\\|?*]', "_", seen).strip(" .")[:80]
    if safe == student:
        return safe
    return f"{safe or 'student'}-{hashlib.sha256(student.encode('utf-8', 'replace')).hexdigest()[:8]}"
