"""The state of a round: round.json, with assignment.csv beside it for people. Reads and writes, no more.

ROUND/round.json            the truth: who reviews whom, which sheets were handed out
ROUND/assignment.csv        the same for a spreadsheet (names both sides: for the instructor only)
ROUND/reviews/REVIEWER/     what one reviewer gets: WORK.md to fill in, and WORK.ipynb
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from grader import spreadsheet
from grader.errors import UsageError
from grader.naming import folder_name
from grader.publish import write_whole
from grader.records import Record, from_json, to_json

STATE, TABLE, SHEETS = "round.json", "assignment.csv", "reviews"


class Duty(Record):
    """One review somebody is to write."""

    reviewer: str
    coder: str
    work: str
    """What the work is called in the reviewer's folder: the coder, or 'work-07' in an anonymous round."""
    issued: str = ""
    """SHA-256 of the sheet as handed out; a file that differs has been worked on."""

    @property
    def sheet(self) -> str:
        """The sheet's path inside the round's folder."""
        return f"{SHEETS}/{folder_name(self.reviewer)}/{folder_name(self.work)}.md"


class Round(Record, omit_defaults=False):
    """A review round."""

    each: int
    seed: int = 0
    template: str = "v4"
    lang: str = "ko"
    anonymous: bool = False
    duties: tuple[Duty, ...] = ()
    works: dict[str, str] = {}
    """Coder -> name of the work; never reused, so that a late change can't mix two up."""


def load(folder: Path) -> Round:
    """The round in `folder`. Raises UsageError where there is none."""
    path = folder / STATE
    try:
        return from_json(path.read_bytes(), Round)
    except OSError as error:
        raise UsageError(
            ko=f"{path}이(가) 없습니다. 먼저 `grader assign 명단.csv --out {folder}`을 실행해 주세요.",
            en=f"There is no {path}. Run `grader assign ROSTER.csv --out {folder}` first.",
        ) from error
    except msgspec.ValidationError as error:
        raise _damaged(path, error) from error
    except msgspec.DecodeError as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UsageError:
    return UsageError(
        ko=f"{path}을(를) 읽을 수 없습니다 ({error}). 백업이 있으면 되돌려 주세요.",
        en=f"Can't read {path} ({error}). Restore it from a copy.",
    )


def save(folder: Path, state: Round) -> None:
    """Write round.json and assignment.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [("reviewer", "coder", "work", "state", "sheet")]
    rows += [(d.reviewer, d.coder, d.work, standing(folder, d), d.sheet) for d in state.duties]
    write_whole(folder / STATE, to_json(state).decode())
    write_whole(folder / TABLE, spreadsheet.table(rows))


def standing(folder: Path, duty: Duty) -> str:
    """'gone' (no sheet), 'open' (as handed out) or 'started'."""
    path = folder / duty.sheet
    if not path.is_file():
        return "gone"
    return "open" if digest(path) == duty.issued else "started"


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
