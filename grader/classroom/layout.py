"""Where a classroom lies on disk, and how a folder comes into being whole or not at all.

    $GRADER_HOME/
      classrooms/PROFILE-VERSION/   hub/  data/  classroom.json      what a sandbox may see, read-only
      hidden/PROFILE-VERSION/hidden.txt                              labelled rows; no sandbox sees them
      runtimes/NAME/                                                 virtual environments
      references/PROFILE-VERSION/                                    honest runs' accuracy by budget
      downloads/                                                     originals and half-made downloads

What this is not: it neither makes nor checks any content. Used by every other file of this package.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import field

from grader.errors import ClassroomError
from grader.records import Record, Text

MODEL_ID = "klue/bert-base"
"""The id every notebook asks for; whichever model the profile has is stored under it."""

MODEL_FOLDER = "models--" + MODEL_ID.replace("/", "--")
"""Its folder in a Hugging Face hub cache."""

LAYOUT_VERSION = 2
"""Raised when the folders above change their meaning, so that old ones are made anew."""

Progress = Callable[[Text], None]


def quiet(_: Text) -> None:
    """A progress callback that says nothing."""


class Classroom(Record):
    """A prepared classroom: everything a notebook may ask for, and the rows it must never see."""

    root: Path
    """Its own folder; holds `hub` and `data`, not `hidden`."""
    profile: str
    """'pocket' (stand-in model) or 'full' (the real one)."""
    hub: Path
    """A Hugging Face hub cache holding MODEL_FOLDER/{refs/main, snapshots/REVISION/…}."""
    data: Path
    """Folder with ratings_train.txt and ratings_test.txt."""
    hidden: Path
    """Labelled rows for `verified`, in NSMC's format. NEVER mounted into a sandbox."""
    runtimes: dict[str, str] = field(default_factory=dict)
    """Name → python executable, for each runtime there is."""
    hidden_from: str = "apart"
    """'apart': rows no notebook can have seen; 'test-file': drawn from the test file, which
    notebooks are given, so a score on them can't show memorising."""
    data_from: str = "generated"
    """'generated' (by this project), 'official' (NSMC, checked), 'rebuilt' or 'own'."""
    notes: tuple[Text, ...] = ()
    """Warnings worth a line in a review."""

    @property
    def model(self) -> Path:
        """The snapshot folder of MODEL_ID. Raises ClassroomError if the hub has none."""
        return snapshot(self.hub)


def snapshot(hub: Path) -> Path:
    """The snapshot folder of MODEL_ID in the hub cache `hub`. Raises ClassroomError."""
    reference = hub / MODEL_FOLDER / "refs" / "main"
    try:
        folder = hub / MODEL_FOLDER / "snapshots" / reference.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        folder = reference
    if folder.is_dir():
        return folder
    raise ClassroomError(
        ko=f"교실에 {MODEL_ID} 모델이 없습니다: {hub}. grader setup 으로 다시 준비해 주세요.",
        en=f"The classroom has no {MODEL_ID} in {hub}. Prepare it again with grader setup.",
    )


def find_home(home: Path | None = None) -> Path:
    """The folder of all classrooms: `home`, else GRADER_HOME, else the platform's data folder.

    For root that is the system's data folder: a sandbox drops root's rights and could not look
    into root's own.
    """
    if home is not None:
        return Path(home).expanduser().resolve()
    if given := os.environ.get("GRADER_HOME"):
        return Path(given).expanduser().resolve()
    import platformdirs

    root = hasattr(os, "geteuid") and os.geteuid() == 0
    find = platformdirs.site_data_path if root else platformdirs.user_data_path
    return find("bucketing-grader", appauthor=False)


@contextmanager
def locked(home: Path, name: str) -> Iterator[None]:
    """Only one process at a time makes `name`; others wait. Raises ClassroomError."""
    from filelock import FileLock

    folder = home / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock")
        lock.acquire()
    except OSError as error:
        raise unwritable(home, error) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A folder to fill; it becomes `target` when the block ends well, and vanishes when not.

    Raises ClassroomError where the disk refuses.
    """
    making = target.with_name(f"{target.name}.making-{os.getpid()}")
    shutil.rmtree(making, ignore_errors=True)
    try:
        making.mkdir(parents=True)
        yield making
        if target.exists():
            shutil.rmtree(target)
        making.rename(target)
    except OSError as error:
        raise unwritable(target.parent, error) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)


def unwritable(folder: Path, error: OSError) -> ClassroomError:
    """What to say when `folder` can't be written."""
    return ClassroomError(
        ko=f"교실 폴더에 쓸 수 없습니다: {folder} ({error.strerror}). "
        "GRADER_HOME 을 쓸 수 있는 폴더로 정하거나 자리를 비워 주세요.",
        en=f"Can't write to the classroom folder {folder} ({error.strerror}). "
        "Set GRADER_HOME to a folder you can write, or free some space.",
    )


def version_of(*parts: object, files: Iterable[Path] = ()) -> str:
    """12 hex digits over `parts` and the contents of `files`, in the order given."""
    digest = hashlib.sha256(repr((LAYOUT_VERSION, *parts)).encode())
    for file in files:
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]


def stamp_of(files: Iterable[Path]) -> tuple[tuple[str, int, int], ...]:
    """(path, size, modification time) of each of a user's files: enough to notice a change in
    hundreds of megabytes without reading them at every start."""
    return tuple((str(file), *_size_and_time(file)) for file in files)


def _size_and_time(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns
