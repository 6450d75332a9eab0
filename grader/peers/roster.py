"""The class list and the rounds before -> people. A CSV as a spreadsheet saves it; nothing is written.

Columns: `student`, and if wanted `path` (the notebook, relative to the list), `status` and `conflicts`
(names between semicolons). Called by `grader.peers.handout`.
"""

from __future__ import annotations

import csv
from pathlib import Path

from grader.errors import UsageError
from grader.peers.allocate import Pair
from grader.records import Record

STATUS = {
    "": "submitted",
    "submitted": "submitted",
    "제출": "submitted",
    "late": "submitted",
    "지각": "submitted",
    "missing": "missing",
    "미제출": "missing",
    "absent": "absent",
    "불참": "absent",
    "left": "left",
    "중도포기": "left",
}
"""What may stand in the column `status`, and what it means: 'submitted' reviews and is reviewed,
'missing' only reviews (no work yet), 'absent' is only reviewed, 'left' neither. Late work is work: give
it in before the next `grader assign` and it gets its reviewers then."""


class Person(Record):
    """One line of the class list."""

    name: str
    status: str = "submitted"
    path: str = ""
    """The notebook, absolute; '' if the list names none."""
    conflicts: tuple[str, ...] = ()

    @property
    def reviews(self) -> bool:
        """Gives reviews."""
        return self.status in ("submitted", "missing")

    @property
    def reviewed(self) -> bool:
        """Gets reviews."""
        return self.status in ("submitted", "absent")


def read(path: Path) -> tuple[Person, ...]:
    """The people in `path`, in its order. Raises UsageError naming the line to change."""
    rows = _rows(path, "student")
    people: dict[str, Person] = {}
    for number, row in enumerate(rows, 2):
        name = row["student"]
        if not name:
            continue
        if name in people:
            raise UsageError(
                ko=f"{path} {number}번째 줄: {name}이(가) 두 번 나옵니다. 이름을 구별해 적어 주세요.",
                en=f"{path}, line {number}: {name} occurs twice. Tell the two apart.",
            )
        given = row.get("status", "").lower().replace(" ", "")
        if given not in STATUS:
            known = ", ".join(filter(None, STATUS))
            raise UsageError(
                ko=f"{path} {number}번째 줄: status `{given}`을(를) 모릅니다. 쓸 수 있는 값: {known}",
                en=f"{path}, line {number}: unknown status {given!r}. Use one of {known}.",
            )
        notebook = str((path.parent / row["path"]).resolve()) if row.get("path") else ""
        status = STATUS[given]
        if notebook and not Path(notebook).is_file() and not given:
            status = "missing"
        names = tuple(filter(None, (part.strip() for part in row.get("conflicts", "").split(";"))))
        people[name] = Person(name=name, status=status, path=notebook, conflicts=names)
    if len(people) < 2:
        raise UsageError(ko=f"{path}에 두 명 이상 적어 주세요.", en=f"{path}: name two students or more.")
    for person in people.values():
        for other in person.conflicts:
            if other not in people:
                raise UsageError(
                    ko=f"{path}: {person.name}의 conflicts에 있는 {other}이(가) 명단에 없습니다.",
                    en=f"{path}: {other}, a conflict of {person.name}, is not in the list.",
                )
    return tuple(people.values())


def conflicts(people: tuple[Person, ...]) -> set[Pair]:
    """All conflicts as pairs."""
    return {(person.name, other) for person in people for other in person.conflicts}


def earlier(paths: list[Path]) -> set[Pair]:
    """The (reviewer, coder) pairs of earlier rounds' assignment.csv. Raises UsageError."""
    return {
        (row["reviewer"], row["coder"])
        for path in paths
        for row in _rows(path, "reviewer", "coder")
        if row["reviewer"] and row["coder"]
    }


def _rows(path: Path, *needed: str) -> list[dict[str, str]]:
    try:
        rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(
            ko=f"{path}을(를) 읽을 수 없습니다 ({error}). UTF-8 CSV로 저장해 주세요.",
            en=f"Can't read {path} ({error}). Save it as a UTF-8 CSV.",
        ) from error
    if not rows or not set(needed) <= set(rows[0]):
        line = ",".join(needed)
        raise UsageError(
            ko=f"{path}의 첫 줄에 {line} 열이 있어야 합니다.",
            en=f"{path} must begin with a line that names the columns {line}.",
        )
    return [{key: (row[key] or "").strip() for key in row if isinstance(key, str)} for row in rows]
