"""A whole batch: find, do what changed, record, publish, export. Called by `grader batch`.

Order matters for a SIGKILL: a result is committed to the gradebook first and published after; the next
run publishes whatever the gradebook has and the folder lacks, and does only what is missing or changed.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from filelock import FileLock, Timeout

from grader.batch import classpage, exports
from grader.batch.archive import unpack
from grader.batch.entries import Done, Entry
from grader.batch.find import find
from grader.batch.gradebook import Gradebook
from grader.batch.schedule import run_local
from grader.batch.similarity import Pair, given_notebook, similar
from grader.batch.slots import Slots
from grader.batch.work import Order, at, key
from grader.errors import GraderError, UsageError
from grader.naming import folder_name
from grader.publish import PARTIAL, write_bytes, write_whole
from grader.records import Ending, RubricItem, Text
from grader.sandbox.gpu import PATIENCE

Scheduler = Callable[[Iterable[Entry], Order], Iterator[tuple[Entry, Done]]]


class OutputError(GraderError):
    """The folder for the results can't be written to: full, read-only, gone."""


class Progress(NamedTuple):
    """What a batch tells while it goes on."""

    total: Callable[[int, int], None] = lambda todo, kept: None
    """How many entries are to be done, and how many are kept from an earlier run."""
    started: Callable[[Entry], None] = lambda entry: None
    staged: Callable[[Entry, Text], None] = lambda entry, text: None
    """What a student's worker is doing now; told about twice a second."""
    ended: Callable[[Entry, Done], None] = lambda entry, done: None


class Outcome(NamedTuple):
    """What a batch did."""

    done: int
    kept: int
    problems: int
    """Submissions without a result, from this run or an earlier one."""
    out: Path


def run_batch(
    source: Path,
    out: Path,
    order: Order,
    *,
    roster: Path | None = None,
    database: str = "",
    jobs: int = 2,
    force: bool = False,
    classroom: str = "",
    slots: Slots | None = None,
    exercise: Path | None = None,
    scheduler: Scheduler | None = None,
    progress: Progress = Progress(),
) -> Outcome:
    """Grade all submissions in `source` (a folder or a zip) into `out`.

    Raises UsageError, GradebookError and OutputError; what was done before is kept.
    """
    with ExitStack() as stack:
        with _writing(out):
            out.mkdir(parents=True, exist_ok=True)
        _lock(out, stack)
        _clear_partials(out)
        if source.suffix.lower() == ".zip" and source.is_file():
            unpacked = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="grader-zip-")))
            source = unpack(source, unpacked)
        entries = find(source, roster)
        book = stack.enter_context(Gradebook(database or out / "gradebook.sqlite"))
        stored = {} if force else book.keys()
        order = at(order, source)
        keys = {entry.student: key(entry, order, classroom) for entry in entries}
        todo = [entry for entry in entries if stored.get(entry.student) != keys[entry.student]]
        progress.total(len(todo), len(entries) - len(todo))
        schedule = scheduler or _local(jobs, progress, slots)
        for entry, done in schedule(todo, order):
            # Without a key it is tried again next time: our failure may pass.
            book.record(entry, "" if failed_by_us(done) else keys[entry.student], done)
            _publish(out, entry.student, done.files)
            progress.ended(entry, done)
        book.forget_others({entry.student for entry in entries})
        _publish_missing(out, book)
        book.note(
            "pairs", msgspec.json.encode(similar(entries, source, exercise or given_notebook())).decode()
        )
        summarise(out, book, order.rubric, order.lang)
        problems = sum(row.problem is not None for row in book.rows())
    return Outcome(done=len(todo), kept=len(entries) - len(todo), problems=problems, out=out)


def failed_by_us(done: Done) -> bool:
    """Did the grader fail on it, wholly or in part?"""
    results = done.results
    return done.ours or bool(results.get("faults")) or results.get("ending") == Ending.SANDBOX_FAULT


def summarise(out: Path, book: Gradebook, rubric: tuple[RubricItem, ...], lang: str) -> None:
    """Write the tables and the class page from what the gradebook holds."""
    pairs = msgspec.json.decode(book.noted("pairs") or "[]", type=tuple[Pair, ...] | None)
    with _writing(out):
        for name, text in exports.tables(book.rows(), rubric).items():
            write_whole(out / name, text)
        write_whole(out / "class.html", classpage.write(list(book.rows()), rubric, pairs, lang))


def _local(jobs: int, progress: Progress, slots: Slots | None) -> Scheduler:
    def schedule(entries: Iterable[Entry], order: Order) -> Iterator[tuple[Entry, Done]]:
        seconds = 120.0 if order.plan is None else order.plan.limits.total_seconds + 900.0
        # Another grader on this machine may have the devices: what waits for one isn't hanging.
        seconds += PATIENCE if slots and order.plan is not None else 0.0
        return run_local(entries, order, jobs, seconds, progress.started, progress.staged, slots)

    return schedule


def _lock(out: Path, stack: ExitStack) -> None:
    """One batch a folder at a time. The lock dies with its process."""
    try:
        stack.enter_context(FileLock(out / ".batch.lock", timeout=0))
    except Timeout as error:
        raise UsageError(
            ko=f"{out}에서 다른 batch가 돌고 있습니다. 끝난 뒤에 다시 실행하거나 --out 을 바꿔 주세요.",
            en=f"Another batch is running in {out}. Wait for it, or choose another --out.",
        ) from error


def _clear_partials(out: Path) -> None:
    """Remove what a killed run was writing. Only under the lock: nobody else writes here now."""
    with _writing(out):
        for place in (out, *out.glob("students/*/")):
            for partial in place.glob(f"{PARTIAL}*"):
                partial.unlink(missing_ok=True)


def _publish(out: Path, student: str, files: dict[str, bytes]) -> None:
    folder = out / "students" / folder_name(student)
    with _writing(out):
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            write_bytes(folder / name, data)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            ko=f"{out}에 쓸 수 없습니다 ({error.strerror}). 끝난 것은 성적부에 남아 있습니다. 자리를 "
            "만들고 같은 명령을 다시 실행하면 이어서 합니다.",
            en=f"Can't write to {out} ({error.strerror}). What is done is in the gradebook: make room on the "
            "disk and run the same command again to go on.",
        ) from error


def _publish_missing(out: Path, book: Gradebook) -> None:
    """Publish what the gradebook promises and a killed run didn't write; nothing is run again."""
    for student, promised in book.digests().items():
        folder = out / "students" / folder_name(student)
        absent = [name for name, digest in promised.items() if _digest(folder / name) != digest]
        if absent:
            stored = book.files(student)
            _publish(out, student, {name: stored[name] for name in absent})


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
