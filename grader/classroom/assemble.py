"""`prepare`: which profile, from which sources, and the folder made of them.

    pocket   the model shipped with the grader + generated reviews (or --data)
    full     the real klue/bert-base + NSMC, downloaded or given by --model and --data
    auto     full where it has been prepared and a GPU computes, else pocket

What this is not: a download of anything under `auto` or `pocket`; only an explicit `full` fetches.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import msgspec

from grader.classroom import data as nsmc
from grader.classroom import gpu, models, runtime
from grader.classroom.layout import (
    Classroom,
    Progress,
    find_home,
    locked,
    quiet,
    stamp_of,
    version_of,
    whole,
)
from grader.errors import ClassroomError, UsageError
from grader.records import Record, Text, from_json, to_json

PROFILES = ("auto", "pocket", "full")
POCKET = Path(__file__).parent / "pocket"
"""The embedded model (`model/`) and what its reviews are made of."""
POCKET_SEED = 2021
MADE = "classroom.json"
KEPT_SECONDS = 30 * 86_400
"""How long pocket classrooms of other versions are kept."""


class Made(Record, omit_defaults=False):
    """classroom.json: what lies beside it. Written last."""

    profile: str
    data_from: str
    hidden_from: str
    notes: tuple[Text, ...] = ()


def prepare(
    profile: str = "auto",
    *,
    data: Path | None = None,
    model: Path | None = None,
    home: Path | None = None,
    progress: Progress = quiet,
) -> Classroom:
    """The classroom of `profile`, made if it isn't there yet.

    `data`: folder with ratings_train.txt and ratings_test.txt (and perhaps hidden.txt) in NSMC's
    format, in place of the profile's. `model`: folder of a BERT model, in place of the profile's.
    Safe to call from several processes at once; a broken-off call leaves nothing half-made.
    Raises UsageError (profile, paths), ClassroomError (a source is missing or damaged).
    """
    if profile not in PROFILES:
        raise UsageError(
            ko=f"프로필 {profile}: {', '.join(PROFILES)} 중 하나여야 합니다.",
            en=f"Profile {profile}: use one of {', '.join(PROFILES)}.",
        )
    for option, path in (("--data", data), ("--model", model)):
        if path is not None and not Path(path).is_dir():
            raise UsageError(
                ko=f"{option} {path}: 그런 폴더가 없습니다.", en=f"{option} {path}: no such folder."
            )
    home = find_home(home)
    data = Path(data).resolve() if data else None
    model = models.resolve(Path(model).resolve()) if model else None
    if profile == "full" or (profile == "auto" and (model or _full_is_usable(home))):
        return _full(home, data, model, progress)
    return _pocket(home, data, model, progress)


def _pocket(home: Path, data: Path | None, model: Path | None, progress: Progress) -> Classroom:
    model = model or POCKET / "model"
    models.check(model)
    parts: list[Path] = [] if data else _generator_files()
    version = version_of(
        "pocket",
        POCKET_SEED,
        nsmc.HIDDEN_ROWS,
        stamp_of(_data_files(data)),
        files=[*models.files_of(model), *parts],
    )
    return _assemble(home, "pocket", version, model, data, progress)


def _full(home: Path, data: Path | None, model: Path | None, progress: Progress) -> Classroom:
    known = known_full(home)
    if known and not data and not model:
        return known
    downloads = home / "downloads"
    if model is None:
        model = known.model if known else downloads / "klue-bert-base"
    if data is None:
        data = known.data if known else downloads / "nsmc"
    with locked(home, "downloads"):
        if model.is_relative_to(downloads) and not (model / "complete").is_file():
            models.fetch(model, progress)
            (model / "complete").touch()
        if data.is_relative_to(downloads):
            nsmc.fetch(data, progress)
    models.check(model)
    version = version_of("full", nsmc.HIDDEN_ROWS, stamp_of([*models.files_of(model), *_data_files(data)]))
    room = _assemble(home, "full", version, model, data, progress)
    marker = home / "full.txt"
    making = marker.with_suffix(f".{os.getpid()}")
    making.write_text(room.root.name, encoding="utf-8")
    making.replace(marker)
    return room


def _assemble(
    home: Path, profile: str, version: str, model: Path, data: Path | None, progress: Progress
) -> Classroom:
    """Load PROFILE-VERSION, or make it first."""
    name = f"{profile}-{version}"
    if room := _load(home, name):
        return room
    with locked(home, name):
        if room := _load(home, name):  # another process was faster
            return room
        progress(Text(ko=f"교실을 준비하는 중 ({profile})", en=f"preparing the classroom ({profile})"))
        with whole(home / "hidden" / name) as hidden, whole(home / "classrooms" / name) as root:
            models.install(model, root / "hub")
            (root / "data").mkdir()
            made = _fill(profile, root / "data", hidden / nsmc.HIDDEN, data, progress)
            (root / MADE).write_bytes(to_json(made))
            _open_to_readers(root)
            hidden.chmod(0o700)
        room = _load(home, name)
        _clear(home, name)
    if room is None:
        raise ClassroomError(
            ko=f"교실 {name} 을 만들었지만 다시 열 수 없습니다. {home} 의 상태를 확인해 주세요.",
            en=f"The classroom {name} was made but can't be opened. Check {home}.",
        )
    return room


def _fill(profile: str, target: Path, hidden: Path, data: Path | None, progress: Progress) -> Made:
    """Put the two files into `target` and the hidden rows into `hidden`."""
    if data is None:
        from grader.classroom import reviews

        progress(Text(ko="연습용 리뷰 20만 건을 만드는 중", en="making 200,000 practice reviews"))
        rows = nsmc.OFFICIAL_ROWS
        train, test = (rows[name] for name in nsmc.FILES)
        reviews.write(target, train=train, test=test, hidden=nsmc.HIDDEN_ROWS, seed=POCKET_SEED)
        (target / nsmc.HIDDEN).replace(hidden)
        return Made(profile=profile, data_from="generated", hidden_from="apart")
    found = nsmc.check(data)
    for name in nsmc.FILES:
        shutil.copyfile(data / name, target / name)
    official = all(file.official for file in found.values())
    same_size = all(found[name].rows == rows for name, rows in nsmc.OFFICIAL_ROWS.items())
    return Made(
        profile=profile,
        data_from="official" if official else "rebuilt" if same_size else "own",
        hidden_from=nsmc.hide(data, hidden),
        notes=nsmc.notes_on(found),
    )


def _load(home: Path, name: str) -> Classroom | None:
    """The classroom of that name, if it is there and whole."""
    root, hidden = home / "classrooms" / name, home / "hidden" / name / nsmc.HIDDEN
    try:
        made = from_json((root / MADE).read_bytes(), Made)
    except (OSError, msgspec.MsgspecError):
        return None
    if not hidden.is_file() or not all((root / "data" / file).is_file() for file in nsmc.FILES):
        return None
    return Classroom(
        root=root,
        profile=made.profile,
        hub=root / "hub",
        data=root / "data",
        hidden=hidden,
        runtimes=runtime.available(home),
        hidden_from=made.hidden_from,
        data_from=made.data_from,
        notes=made.notes,
    )


def known_full(home: Path) -> Classroom | None:
    """The full classroom prepared last, if any."""
    try:
        return _load(home, (home / "full.txt").read_text(encoding="utf-8").strip())
    except OSError:
        return None


def rooms(home: Path) -> list[Classroom]:
    """Every classroom that is there and whole."""
    found = [_load(home, folder.name) for folder in sorted((home / "classrooms").glob("*-*"))]
    return [room for room in found if room]


def _clear(home: Path, name: str) -> None:
    """Remove classrooms made a month ago for an older version of the grader; they are made anew in seconds
    if somebody still uses it. Full classrooms stay: their sources may be gone."""
    for folder in (home / "classrooms").glob("pocket-*"):
        made = folder / MADE
        if folder.name != name and made.is_file() and time.time() - made.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(home / "hidden" / folder.name, ignore_errors=True)


def _full_is_usable(home: Path) -> bool:
    """Is `full` prepared, and does a GPU compute? (The second costs seconds; asked last.)"""
    return known_full(home) is not None and gpu.device_present() and gpu.try_cuda(sys.executable).works


def _data_files(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    return [folder / name for name in (*nsmc.FILES, nsmc.HIDDEN) if (folder / name).is_file()]


def _generator_files() -> list[Path]:
    """Everything the generated reviews follow from."""
    beside = [path for path in POCKET.rglob("*") if path.is_file() and "model" not in path.parts[-2:-1]]
    code = Path(__file__).parent.glob("reviews*.py")
    return sorted(path for path in (*beside, *code) if path.suffix not in (".pyc", ".md"))


def _open_to_readers(root: Path) -> None:
    """Let a sandbox's service user read it, whatever the umask was. Linked files are left as they are."""
    for path in (root, *root.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
        elif path.stat().st_nlink == 1:
            path.chmod(0o644)
