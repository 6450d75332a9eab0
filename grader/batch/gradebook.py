"""The gradebook: a journal of what was found and what instructors decided. SQLite or PostgreSQL.

One transaction a submission: a reader, or the next run after a SIGKILL, finds a submission's evidence,
results and files whole or not at all. An override is a new row with who and why; nothing is edited.
Raises GradebookError (exit 3) for a database that can't be used.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from grader.batch.entries import Done, Entry
from grader.errors import GraderError, UsageError
from grader.records import Status, Text

LOCK_SECONDS = 30.0
"""How long to wait for another program that has an SQLite gradebook open."""
TABLES = sql.MetaData()
WORK = sql.Table(
    "work",
    TABLES,
    sql.Column("student", sql.Text, primary_key=True),
    sql.Column("key", sql.Text, nullable=False),
    sql.Column("path", sql.Text, nullable=False),
    sql.Column("why_ko", sql.Text, nullable=False),
    sql.Column("why_en", sql.Text, nullable=False),
    sql.Column("siblings", sql.Text, nullable=False),
    sql.Column("lms_id", sql.Text, nullable=False),
    sql.Column("late", sql.Boolean, nullable=False),
    sql.Column("problem_ko", sql.Text, nullable=False),
    sql.Column("problem_en", sql.Text, nullable=False),
    sql.Column("ours", sql.Boolean, nullable=False),
    sql.Column("results", sql.Text, nullable=False),
    sql.Column("digests", sql.Text, nullable=False),
    sql.Column("files", sql.LargeBinary, nullable=False),
)
"""One row a student: the newest result. `key` names all it was made from; see work.key."""
OVERRIDE = sql.Table(
    "override",
    TABLES,
    sql.Column("id", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("student", sql.Text, nullable=False),
    sql.Column("item", sql.Text, nullable=False),
    sql.Column("status", sql.Text, nullable=False),
    sql.Column("points", sql.Float),
    sql.Column("who", sql.Text, nullable=False),
    sql.Column("why", sql.Text, nullable=False),
    sql.Column("at", sql.Text, nullable=False),
)
"""Instructors' decisions, in order; the newest for a student and item counts."""
NOTE = sql.Table(
    "note",
    TABLES,
    sql.Column("name", sql.Text, primary_key=True),
    sql.Column("value", sql.Text, nullable=False),
)
"""Facts about the batch as a whole, JSON by name."""


class GradebookError(GraderError):
    """The database can't be used: locked, full, unreachable, not a gradebook."""


class Override(NamedTuple):
    """One decision of an instructor."""

    student: str
    item: str
    status: str
    points: float | None
    who: str
    why: str
    at: str


class Row(NamedTuple):
    """One student in the gradebook, overrides applied to `results` by the reader, not here."""

    student: str
    path: str
    why: Text
    siblings: tuple[str, ...]
    lms_id: str
    late: bool
    problem: Text | None
    ours: bool
    results: dict[str, Any]
    overrides: dict[str, Override]
    """The newest by item."""


class Gradebook:
    """A connection to one gradebook. Use as a context manager."""

    def __init__(self, place: str | Path) -> None:
        """`place`: a file path, or a database URL: postgresql://USER:PASSWORD@HOST/DATABASE."""
        self._place = str(place)
        try:
            url = sql.make_url(str(place) if "://" in str(place) else f"sqlite:///{place}")
            self._place = url.render_as_string(hide_password=True) if "://" in str(place) else str(place)
            if url.drivername == "postgresql":
                url = url.set(drivername="postgresql+psycopg")  # SQLAlchemy's own choice is psycopg2
            local = url.get_backend_name() == "sqlite"
            self._engine = sql.create_engine(url, connect_args={"timeout": LOCK_SECONDS} if local else {})
            if local:
                sql.event.listen(self._engine, "connect", _durable)
            TABLES.create_all(self._engine)
        except ModuleNotFoundError as error:
            raise GradebookError(
                ko=f"성적부 {self._place}을(를) 쓰려면 {error.name} 패키지가 필요합니다. "
                "`pip install 'bucketing-grader[postgres]'`로 설치해 주세요.",
                en=f"The gradebook {self._place} needs {error.name}: "
                "`pip install 'bucketing-grader[postgres]'`.",
            ) from error
        except (sql.exc.SQLAlchemyError, ImportError) as error:
            raise self._unusable(error) from error

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def keys(self) -> dict[str, str]:
        """Student -> key of the result that is stored."""
        with self._connect() as connection:
            rows = connection.execute(sql.select(WORK.c.student, WORK.c.key))
            return {student: key for student, key in rows}

    def record(self, entry: Entry, key: str, done: Done) -> None:
        """Store the result of one entry, replacing an older one, in one transaction."""
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in done.files.items()}
        values = {
            "student": entry.student,
            "key": key,
            "path": entry.path,
            "why_ko": entry.why.ko,
            "why_en": entry.why.en,
            "siblings": json.dumps(entry.siblings, ensure_ascii=False),
            "lms_id": entry.lms_id,
            "late": entry.late,
            "problem_ko": done.problem.ko if done.problem else "",
            "problem_en": done.problem.en if done.problem else "",
            "ours": done.ours,
            "results": json.dumps(done.results, ensure_ascii=False, sort_keys=True),
            "digests": json.dumps(digests, sort_keys=True),
            "files": zlib.compress(msgspec.msgpack.encode(done.files), 6),
        }
        with self._connect() as connection:
            _replace(connection, WORK, values)

    def forget_others(self, students: set[str]) -> None:
        """Drop the results of students who are no longer in the batch (never their overrides)."""
        with self._connect() as connection:
            for student in set(connection.scalars(sql.select(WORK.c.student))) - students:
                connection.execute(sql.delete(WORK).where(WORK.c.student == student))

    def digests(self) -> dict[str, dict[str, str]]:
        """Student -> {file name: sha256} of what is to be published."""
        with self._connect() as connection:
            rows = connection.execute(sql.select(WORK.c.student, WORK.c.digests))
            return {student: json.loads(digests) for student, digests in rows}

    def files(self, student: str) -> dict[str, bytes]:
        """File name -> content of what is to be published for `student`; {} if there is nothing."""
        with self._connect() as connection:
            stored = connection.scalar(sql.select(WORK.c.files).where(WORK.c.student == student))
        return msgspec.msgpack.decode(zlib.decompress(stored), type=dict[str, bytes]) if stored else {}

    def note(self, name: str, value: str) -> None:
        """Keep a fact about the batch as a whole."""
        with self._connect() as connection:
            _replace(connection, NOTE, {"name": name, "value": value})

    def noted(self, name: str) -> str:
        """What `note` kept; '' if nothing."""
        with self._connect() as connection:
            return connection.scalar(sql.select(NOTE.c.value).where(NOTE.c.name == name)) or ""

    def override(
        self, student: str, item: str, status: Status, points: float | None, who: str, why: str
    ) -> None:
        """Append an instructor's decision. Raises UsageError for a student who isn't in the gradebook."""
        if student not in (known := self.keys()):
            near = ", ".join(sorted(known)[:5])
            raise UsageError(
                ko=f"성적부에 {student}이(가) 없습니다. 있는 이름: {near} …",
                en=f"The gradebook has no {student}. It has: {near} …",
            )
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with self._connect() as connection:
            connection.execute(
                sql.insert(OVERRIDE).values(
                    student=student, item=item, status=str(status), points=points, who=who, why=why, at=at
                )
            )

    def overrides(self) -> list[Override]:
        """All decisions, oldest first."""
        columns = [OVERRIDE.c[name] for name in Override._fields]
        with self._connect() as connection:
            return [
                Override(*row) for row in connection.execute(sql.select(*columns).order_by(OVERRIDE.c.id))
            ]

    def rows(self) -> Iterator[Row]:
        """All students in order of name, one at a time, files left out."""
        newest: dict[str, dict[str, Override]] = {}
        for decision in self.overrides():
            newest.setdefault(decision.student, {})[decision.item] = decision
        columns = [column for column in WORK.c if column.name not in ("digests", "files", "key")]
        with self._connect() as connection:
            for row in connection.execute(sql.select(*columns).order_by(WORK.c.student)).mappings():
                yield _row(row, newest.get(row["student"], {}))

    def _connect(self):
        return _Transaction(self._engine, self._unusable)

    def _unusable(self, error: Exception) -> GradebookError:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        return GradebookError(
            ko=f"성적부 {self._place}을(를) 쓸 수 없습니다 ({reason}). 저장된 결과는 그대로입니다. "
            "다른 프로그램이 열고 있는지, 디스크가 가득 찼는지 확인하고 같은 명령을 다시 실행해 주세요.",
            en=f"Can't use the gradebook {self._place} ({reason}). What it holds is unchanged. See whether "
            "another program has it open or the disk is full, then run the same command again.",
        )


class _Transaction:
    """`engine.begin()` whose database errors become a GradebookError."""

    def __init__(self, engine: sql.Engine, unusable) -> None:
        self._begin, self._unusable = engine.begin(), unusable

    def __enter__(self) -> sql.Connection:
        try:
            return self._begin.__enter__()
        except sql.exc.SQLAlchemyError as error:
            raise self._unusable(error) from error

    def __exit__(self, kind, error, trace) -> None:
        try:
            self._begin.__exit__(kind, error, trace)
        except sql.exc.SQLAlchemyError as late:
            raise self._unusable(late) from late
        if isinstance(error, sql.exc.SQLAlchemyError):
            raise self._unusable(error) from error


def _replace(connection: sql.Connection, table: sql.Table, values: dict[str, Any]) -> None:
    """Insert a row, or put it in the place of the one with its primary key."""
    insert = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[connection.dialect.name]
    names = [column.name for column in table.primary_key]
    changed = {name: value for name, value in values.items() if name not in names}
    statement = insert(table).values(**values)
    connection.execute(statement.on_conflict_do_update(index_elements=names, set_=changed))


def _durable(connection, _record) -> None:
    """SQLite: readers never block the writer, and a commit survives a power cut."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _row(row: Any, overrides: dict[str, Override]) -> Row:
    problem = Text(ko=row["problem_ko"], en=row["problem_en"]) if row["problem_en"] else None
    return Row(
        student=row["student"],
        path=row["path"],
        why=Text(ko=row["why_ko"], en=row["why_en"]),
        siblings=tuple(json.loads(row["siblings"])),
        lms_id=row["lms_id"],
        late=row["late"],
        problem=problem,
        ours=row["ours"],
        results=json.loads(row["results"]),
        overrides=overrides,
    )
