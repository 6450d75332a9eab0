"""What batch grading passes around: frozen, picklable, without a notebook's bytes."""

from __future__ import annotations

from typing import Any

from grader.records import Record, Text


class Entry(Record):
    """One student's submission as found."""

    student: str
    """The name it is filed under: folder, roster or LMS file name; unique in a batch."""
    path: str
    """The notebook chosen, relative to the batch's folder; '' if there is none."""
    why: Text
    """Why this notebook, for the instructor."""
    parts: tuple[str, ...] = ()
    """Where several notebooks are read as one submission: all of them, in order."""
    siblings: tuple[str, ...] = ()
    """Other notebooks of the student that could belong to the exercise."""
    lms_id: str = ""
    """Canvas user id or Moodle participant id, where the name carries one."""
    late: bool = False
    """Marked late by the LMS."""

    @property
    def notebooks(self) -> tuple[str, ...]:
        """What is read: one path, several that are read as one, or none."""
        return self.parts or ((self.path,) if self.path else ())


class Done(Record):
    """What became of one entry."""

    student: str
    results: dict[str, Any] = {}
    """The content of results.json; {} when there is none."""
    files: dict[str, bytes] = {}
    """File name -> content, ready to be published: review.md, report.html, results.json, evidence.json."""
    problem: Text | None = None
    """Why there is no result: unreadable, or our own failure. Never a zero."""
    ours: bool = False
    """True where the problem is the grader's and not the submission's."""
