"""Input as it comes -> one Entry a student: which notebook was chosen, and why.

Knows folder trees of cloned repositories, flat folders, CSV rosters (student, path) and the file names
that Canvas and Moodle give to downloads. Archives are unpacked by archive.py first. Reads notebooks as
text only; judges none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from grader.batch import rosters
from grader.batch.entries import Entry
from grader.batch.together import together
from grader.errors import UnreadableSubmission, UsageError
from grader.naming import same_name
from grader.records import Text, to_json
from grader.submission import load

CANVAS = re.compile(r"^(?P<name>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_(?P<submission>\d+)_(?P<file>.+)$", re.I)
"""Canvas, "Download Submissions": lastfirst[_LATE]_USERID_SUBMISSIONID_original name."""
MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_file(_(?P<file>.*))?$", re.I)
"""Moodle, "Download all submissions": Full name_PARTICIPANTID_assignsubmission_file_[original name]."""
SKIPPED = {".ipynb_checkpoints", ".git", "__pycache__", "node_modules", ".venv", "venv", "__MACOSX"}
SIGNS = (
    (re.compile(r"\bnsmc\b|ratings_(train|test)", re.I), 3, "NSMC"),
    (re.compile(r"klue/bert", re.I), 3, "klue/bert-base"),
    (re.compile(r"\bTrainer\s*\(|optimizer\.step\(|\.fit\("), 2, "학습 코드 / training code"),
    (re.compile(r"\btransformers\b"), 1, "transformers"),
    (re.compile(r"group_by_length|DataCollatorWithPadding|buck|버[킷켓케]|부[킷켓]", re.I), 2, "bucketing"),
)
"""What tells this exercise's notebook from a student's other ones. Used to choose a file, never to grade."""
SURELY = {"NSMC", "klue/bert-base"}
"""Signs without which a notebook is never joined to another one: the same data belongs to other lessons."""
BELONGS = 7
"""Score from which a notebook is taken for one of this exercise: model and data, or either of them with
training by transformers and outputs. NSMC alone is in other lessons of the course too."""


class Candidate(NamedTuple):
    """A notebook of a student with how much it looks like the exercise."""

    path: Path
    score: int
    signs: tuple[str, ...]


def find(source: Path, roster: Path | None = None) -> tuple[Entry, ...]:
    """All entries under `source` (a folder), or those `roster` names; sorted by student.

    Raises UsageError when there is nothing to grade or the roster can't be read.
    """
    if roster is not None:
        entries = _from_roster(roster, source)
    elif source.is_file():
        raise UsageError(
            ko=f"{source}은(는) 폴더가 아닙니다. 노트북 하나는 `grader check`로 확인해 주세요.",
            en=f"{source} is no folder. For one notebook use `grader check`.",
        )
    elif not source.is_dir():
        raise UsageError(ko=f"{source} 폴더가 없습니다.", en=f"There is no folder {source}.")
    else:
        entries = _from_tree(source)
    if not entries:
        raise UsageError(
            ko=f"{source}에서 노트북(.ipynb)을 찾지 못했습니다. 제출물이 든 폴더를 지정해 주세요.",
            en=f"Found no notebook (.ipynb) in {source}. Name the folder with the submissions.",
        )
    near = [_legible(_relative(entry, source)) for entry in entries]
    return tuple(sorted(_distinct(near), key=lambda entry: entry.student))


def _from_tree(source: Path) -> list[Entry]:
    """Each subfolder is a student; each notebook lying directly in `source` is one too.

    Folders or files that name one student (an LMS puts every file of a student into one folder, macOS and
    Windows write the same Korean name in two ways) are that student's together.
    """
    found: dict[tuple[str, str, str], list[Path]] = {}
    names: dict[tuple[str, str, str], tuple[str, bool]] = {}
    for item in sorted(source.iterdir()):
        if item.name in SKIPPED or item.name.startswith(".") or item.is_symlink():
            continue
        if item.is_dir():
            student, lms_id, late = _named(item.name)
            which, notebooks = (student, lms_id, "folder"), list(_notebooks(item))
        elif item.suffix.lower() == ".ipynb":
            student, lms_id, late = _named(item.stem)
            which, notebooks = (student, lms_id, "" if lms_id else "file"), [item]
        else:
            continue
        if notebooks:
            found.setdefault(which, []).extend(notebooks)
            names[which] = (student, late or names.get(which, ("", False))[1])
    return [
        _choose(names[which][0], notebooks, which[1], names[which][1]) for which, notebooks in found.items()
    ]


def _from_roster(roster: Path, source: Path) -> list[Entry]:
    entries = []
    for student, place in rosters.read(roster, source):
        notebooks = [place] if place.is_file() else list(_notebooks(place)) if place.is_dir() else []
        entries.append(_choose(student, notebooks, "", False) if notebooks else _missing(student, place))
    return entries


def _missing(student: str, place: Path) -> Entry:
    why = Text(ko=f"`{place.name}`에서 노트북을 찾지 못했습니다.", en=f"Found no notebook at `{place.name}`.")
    return Entry(student=student, path="", why=why)


def _notebooks(folder: Path) -> Iterable[Path]:
    """Notebooks below `folder`, without checkpoints, hidden folders and links."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() != ".ipynb" or not path.is_file():
            continue
        parts = path.relative_to(folder).parts
        if not path.is_symlink() and not any(part in SKIPPED or part.startswith(".") for part in parts):
            yield path


def _named(name: str) -> tuple[str, str, bool]:
    """(student, LMS id, late) from a file or folder name."""
    name = unicodedata.normalize("NFC", name).strip()
    if match := MOODLE.match(name):
        return match["name"].strip(), match["id"], False
    if match := CANVAS.match(name):
        # Anonymous grading calls everybody "anon": the number is what tells them apart.
        unknown = match["name"].lower() in ("anon", "anonymous")
        return (
            f"{match['name']} {match['id']}" if unknown else match["name"],
            match["id"],
            bool(match["late"]),
        )
    return name, "", False


def _choose(student: str, notebooks: list[Path], lms_id: str, late: bool) -> Entry:
    ranked = sorted(
        (_look(path) for path in notebooks), key=lambda c: (-c.score, len(c.path.name), str(c.path))
    )
    best, rest = ranked[0], ranked[1:]
    if rest and best.score < BELONGS:
        return Entry(student=student, path="", why=_nowhere(best, len(notebooks)), lms_id=lms_id, late=late)
    more = [c.path for c in rest if c.score >= BELONGS]
    whole = together(best.path, [c.path for c in rest if set(c.signs) >= SURELY])
    parts = tuple(str(path) for path in whole) if len(whole) > 1 else ()
    siblings = tuple(str(path) for path in more if path not in whole)
    return Entry(
        student=student,
        path=str(best.path),
        why=_why(best, len(notebooks), whole, len(siblings)),
        parts=parts,
        siblings=siblings,
        lms_id=lms_id,
        late=late,
    )


def _nowhere(best: Candidate, count: int) -> Text:
    """Several notebooks, none of this exercise: judging the nearest would fail work for another lesson."""
    name = best.path.name
    return Text(
        ko=f"노트북 {count}개 가운데 이 과제의 노트북을 찾지 못했습니다. 가장 가까운 것은 `{name}`입니다. "
        "맞는 파일이 있다면 --roster 명단의 path 열에 적어 주세요.",
        en=f"None of {count} notebooks is of this exercise; the nearest is `{name}`. If one of them is the "
        "submission, name it in the path column of a --roster.",
    )


def _why(best: Candidate, count: int, whole: tuple[Path, ...], siblings: int) -> Text:
    if count == 1:
        return Text(ko="하나뿐인 노트북입니다.", en="The only notebook.")
    signs = ", ".join(best.signs) or "–"
    text = Text(
        ko=f"노트북 {count}개 중 이 과제와 가장 가깝습니다 ({signs}).",
        en=f"Of {count} notebooks the one closest to this exercise ({signs}).",
    )
    if len(whole) > 1:
        names = ", ".join(path.name for path in whole)
        text = Text(
            ko=f"노트북 {len(whole)}개에 나누어 한 실험이라 함께 읽었습니다: {names}.",
            en=f"One experiment in {len(whole)} notebooks, read together: {names}.",
        )
    if not siblings:
        return text
    return Text(
        ko=f"{text.ko} 비슷한 노트북이 {siblings}개 더 있으니 함께 봐 주세요.",
        en=f"{text.en} {siblings} more look like it: look at them too.",
    )


def _look(path: Path) -> Candidate:
    """How much the notebook at `path` looks like this exercise; -1 if it can't be read."""
    try:
        submission = load(path)
    except UnreadableSubmission:
        return Candidate(path, -1, ())
    code = "\n".join(cell.source for cell in submission.cells if cell.kind == "code")
    met = [(points, name) for sign, points, name in SIGNS if sign.search(code)]
    score = sum(points for points, _ in met)
    outputs = any(cell.outputs for cell in submission.cells)
    copy = bool(re.search(r"copy|사본|\(\d+\)|backup|old", path.stem, re.I))
    return Candidate(path, score + outputs - copy, tuple(name for _, name in met))


def _legible(entry: Entry) -> Entry:
    """`entry`, if its names can be written down; else nothing of it is read, and why."""
    try:
        to_json(entry, pretty=False)
        return entry
    except UnicodeEncodeError:
        said = Path(entry.path).name.encode("utf-8", "replace").decode()
        why = Text(
            ko=f"파일 이름 `{said}`이(가) UTF-8이 아니라 읽을 수 없습니다. 이름을 바꿔 다시 실행해 주세요.",
            en=f"The file name `{said}` is not UTF-8 and can't be read. Rename it and run again.",
        )
        student = entry.student.encode("utf-8", "replace").decode()
        return Entry(student=student, path="", why=why, lms_id=entry.lms_id, late=entry.late)


def _relative(entry: Entry, source: Path) -> Entry:
    """`entry` with paths relative to `source`: the same wherever the batch lies."""

    def short(path: str) -> str:
        inside = path and Path(path).is_relative_to(source)
        return Path(path).relative_to(source).as_posix() if inside else path

    return msgspec.structs.replace(
        entry,
        path=short(entry.path),
        parts=tuple(short(path) for path in entry.parts),
        siblings=tuple(short(path) for path in entry.siblings),
    )


def _distinct(entries: list[Entry]) -> Iterable[Entry]:
    """Entries with names that are distinct on every disk (`same_name`): a second `kim`, or a `Kim` beside
    `kim`, becomes `kim (2)`, or the next number free."""
    taken = {same_name(entry.student) for entry in entries}
    seen: set[str] = set()
    for entry in entries:
        name, nth = entry.student, 1
        while same_name(name) in seen or (nth > 1 and same_name(name) in taken):
            nth += 1
            name = f"{entry.student} ({nth})"
        seen.add(same_name(name))
        yield msgspec.structs.replace(entry, student=name)
