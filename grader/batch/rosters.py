"""A CSV roster -> (student, place of the submission). Called by find.py."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from grader.errors import UsageError
from grader.naming import same_name

COLUMNS = {"학생": "student", "이름": "student", "경로": "path", "폴더": "path"}
"""What the columns may be called besides `student` and `path`."""


def read(roster: Path, source: Path) -> Iterator[tuple[str, Path]]:
    """Each student of `roster` with the file or folder below `source`, which need not exist.

    Without a path it is the student's name. Raises UsageError for a file that is no roster.
    """
    try:
        rows = list(csv.DictReader(_text(roster).splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(
            ko=f"{roster}을(를) 읽을 수 없습니다 ({error}). UTF-8 CSV로 저장해 주세요.",
            en=f"Can't read {roster} ({error}). Save it as a UTF-8 CSV.",
        ) from error
    rows = [{COLUMNS.get(str(name).strip(), name): value for name, value in row.items()} for row in rows]
    if not rows or "student" not in rows[0]:
        raise UsageError(
            ko=f"{roster}의 첫 줄에 student 열이 없습니다. 첫 줄을 `student,path`로 적어 주세요.",
            en=f"{roster} has no column `student`. Start it with the line `student,path`.",
        )
    for row in rows:
        student = unicodedata.normalize("NFC", row.get("student") or "").strip()
        if student:
            yield student, _there(source, (row.get("path") or "").strip() or student)


def _text(roster: Path) -> str:
    """A roster's text: UTF-8, or code page 949, in which Excel on a Korean Windows saves."""
    raw = roster.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp949")


def _there(source: Path, given: str) -> Path:
    """The path `given` below `source`, also where the disk composes Hangul in another way."""
    place = source
    for part in Path(given).parts:
        straight = place / part
        if not straight.exists() and place.is_dir():
            alike = [item for item in sorted(place.iterdir()) if same_name(item.name) == same_name(part)]
            straight = alike[0] if alike else straight
        place = straight
    return place
