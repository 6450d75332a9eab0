"""What a person wrote in a review, as data: each mark and sentence with its line. Types only.

Nothing here is an interpretation beyond the words of the page; what can't be read is `Unread`.
"""

from __future__ import annotations

from enum import StrEnum

from grader.records import Record, Text

VERSION = 1
"""Of collected.json."""


class Says(StrEnum):
    """An answer to one question of the PRT, as the question stands."""

    YES = "yes"
    NO = "no"
    PARTIAL = "partial"
    NOT_APPLICABLE = "n/a"
    OPEN = "open"
    """No mark: an empty box. Under positive words this is no 'no'."""
    UNCLEAR = "unclear"
    """There is a mark, and it can be meant in more than one way: listed as unread, never guessed."""


class Answer(Record):
    """One question with what was marked."""

    topic: str
    """'r1'…'r3', 'q1'…'q5', 'tried', 'reflected', 'split', …: as in `Judgement`."""
    says: Says
    line: int
    """1-based, in the file."""
    mark: str = ""
    """What stands in the box, verbatim."""
    basis: str = "mark"
    """'mark', or 'words' where the first line under an empty box is a plain 네 or 아니요."""
    safe: bool | None = None
    """Of question 3 only: True where a yes means "no errors" (없나요?), False where it means "errors"."""


class Statement(Record):
    """One sentence of the reviewer's own."""

    text: str
    line: int
    topic: str
    """Under which question it stands; '' before the first, 'closing' in the last section."""
    tone: str = ""
    """'positive', 'negative' or '' (neither, or both)."""


class Unread(Record):
    """Something that could not be read for sure."""

    line: int
    """1-based; 0: the file as a whole."""
    what: str
    """The line, shortened."""
    why: Text


class PeerReview(Record):
    """One review by one person of one work."""

    file: str
    """Relative to what was collected, with '/'."""
    sha256: str
    """Of the file, which was not touched."""
    version: str
    """'v0'…'v4'; '' where none fits best."""
    reviewer: str = ""
    coder: str = ""
    line: int = 1
    """Where it begins; a file may hold several."""
    answers: tuple[Answer, ...] = ()
    statements: tuple[Statement, ...] = ()
    unread: tuple[Unread, ...] = ()
    images: int = 0
    """Screenshots, linked or by file: evidence only a person can look at."""
    code: int = 0
    """Fenced blocks of code shown as evidence."""

    @property
    def blank(self) -> bool:
        """Handed in as it was handed out."""
        answered = any(a.says not in (Says.OPEN, Says.UNCLEAR) for a in self.answers)
        return not answered and not self.statements and not self.images


class Collected(Record, omit_defaults=False):
    """All reviews of a folder."""

    version: int
    reviews: tuple[PeerReview, ...]
    not_reviews: tuple[str, ...] = ()
    """Markdown files in which no PRT was found."""
    missing: tuple[tuple[str, str], ...] = ()
    """(reviewer, coder) of a round whose review isn't there or is blank."""
    works: dict[str, str] = {}
    """Of a round: coder -> what reviewers know the work as; anonymity must not hang on where a file lies."""
