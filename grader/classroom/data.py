"""NSMC-format review files: checked, fetched, and the hidden rows kept apart from them.

What this is not: reviews.py makes the pocket profile's reviews; this file only handles what is there.
Format (e9t/nsmc): UTF-8, header `id<TAB>document<TAB>label`, one review a line, no quoting; label 0 or 1.
"""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import NamedTuple

from grader.classroom.layout import Progress
from grader.errors import ClassroomError
from grader.records import Text

FILES = ("ratings_train.txt", "ratings_test.txt")
HIDDEN = "hidden.txt"
"""A folder given with --data may hold its own hidden rows under this name."""

HEADER = "id\tdocument\tlabel"
OFFICIAL_ROWS = {"ratings_train.txt": 150_000, "ratings_test.txt": 50_000}
OFFICIAL_BLOBS = {
    "ratings_train.txt": "ac0dba272895dc1d0b3dd5f11afbeaeb7abe7876",
    "ratings_test.txt": "b6cfcd8cd1557bcd9bf06617b0e429ed73e9a367",
}
"""git blob ids of the two files in the corpus's home repository."""

OWNER, REPOSITORY = "e9t", "nsmc"
HOME = "https://raw.githubusercontent.com/{owner}/{repository}/master/{name}"

HIDDEN_ROWS = 4_000
"""Rows `verified` scores on: a 95 % interval of ±0.9 points at 90 %, ±1.2 at 80 %."""


class Rows(NamedTuple):
    """What one file holds."""

    rows: int
    official: bool
    """Byte for byte the published file."""


def blob_id(path: Path) -> str:
    """The id git gives this content: SHA-1 of 'blob SIZE NUL' and the bytes."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def read(path: Path) -> list[tuple[str, str, str]]:
    """(id, document, label) of each row. Raises ClassroomError naming the first line that is wrong."""
    try:
        lines = _lines(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ClassroomError(
            ko=f"{path} 를 UTF-8 텍스트로 읽을 수 없습니다 ({error}).",
            en=f"Can't read {path} as UTF-8 text ({error}).",
        ) from error
    if not lines or lines[0] != HEADER:
        raise _malformed(path, 1, "id, document, label")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        row = tuple(line.split("\t"))
        if len(row) != 3 or row[2] not in ("0", "1"):
            raise _malformed(path, number, "id, document, label (0/1)")
        rows.append(row)
    return rows


def write(path: Path, rows: list[tuple[str, str, str]]) -> None:
    """`rows` in NSMC's format."""
    text = "\n".join((HEADER, *("\t".join(row) for row in rows))) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def check(folder: Path) -> dict[str, Rows]:
    """What the two files in `folder` hold. Raises ClassroomError where they are no NSMC files."""
    found = {}
    for name in FILES:
        path = folder / name
        if not path.is_file():
            raise ClassroomError(
                ko=f"{folder} 에 {name} 이 없습니다. ratings_train.txt 와 ratings_test.txt 가 필요합니다.",
                en=f"{folder} has no {name}. It takes ratings_train.txt and ratings_test.txt.",
            )
        found[name] = Rows(len(read(path)), blob_id(path) == OFFICIAL_BLOBS[name])
    return found


def notes_on(found: dict[str, Rows]) -> tuple[Text, ...]:
    """Warnings about files that are not the published ones."""
    notes = []
    for name, (rows, official) in found.items():
        if official:
            continue
        if rows == OFFICIAL_ROWS[name]:
            notes.append(
                Text(
                    ko=f"{name}: 공개된 NSMC 파일과 바이트가 다릅니다 (다시 만든 사본). 행 수는 같습니다.",
                    en=f"{name} is not byte for byte the published NSMC file (a rebuilt copy); "
                    "its row count is the same.",
                )
            )
        else:
            notes.append(
                Text(
                    ko=f"{name}: {rows:,}행입니다. NSMC는 {OFFICIAL_ROWS[name]:,}행이라 "
                    "select(range(n)), sample(n) 이 실패하는 노트북이 있을 수 있습니다.",
                    en=f"{name} has {rows:,} rows, NSMC {OFFICIAL_ROWS[name]:,}: notebooks that "
                    "select(range(n)) or sample(n) may fail.",
                )
            )
    return tuple(notes)


def hide(folder: Path, target: Path, *, seed: int = 20) -> str:
    """Put labelled hidden rows into `target`; returns Classroom.hidden_from.

    From `folder`/hidden.txt if there is one. Else drawn from the test file, without replacement and
    evenly from both labels: the corpus has no other labelled rows, and taking them out of the test
    file would break notebooks that count on 50,000.
    """
    own = folder / HIDDEN
    if own.is_file():
        rows = read(own)
        origin = "apart"
    else:
        rows = read(folder / "ratings_test.txt")
        origin = "test-file"
    usable = [row for row in rows if row[1].strip()]
    if origin == "test-file":
        draw = random.Random(seed)
        by_label = [[row for row in usable if row[2] == label] for label in "01"]
        usable = [row for rows in by_label for row in draw.sample(rows, min(len(rows), HIDDEN_ROWS // 2))]
        draw.shuffle(usable)
    write(target, usable)
    return origin


def fetch(folder: Path, progress: Progress) -> None:
    """Download the two files into `folder` from the corpus's home. Raises ClassroomError."""
    from grader.classroom.fetching import download

    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        target = folder / name
        if target.is_file():
            continue
        url = HOME.format(owner=OWNER, repository=REPOSITORY, name=name)
        resumed = target.with_name(name + ".part").exists()
        download(url, target, progress)
        if resumed and blob_id(target) != OFFICIAL_BLOBS[name]:
            # Two halves of different files look whole; what differs even afterwards is a changed corpus.
            target.unlink()
            download(url, target, progress)


def _lines(path: Path) -> list[str]:
    """Lines ended by newlines only: reviews may hold other characters that `splitlines` cuts at."""
    with path.open(encoding="utf-8-sig", newline=None) as file:
        return [line.rstrip("\n") for line in file]


def _malformed(path: Path, number: int, expected: str) -> ClassroomError:
    return ClassroomError(
        ko=f"{path} {number}번째 줄이 NSMC 형식이 아닙니다. 탭으로 나뉜 {expected} 열이 필요합니다.",
        en=f"{path}, line {number}: not NSMC's format. It takes tab-separated columns {expected}.",
    )
