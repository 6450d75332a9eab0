"""What can go wrong, as a tree. A student's crash is data (`Ending`, `CellRun`), never one of these.

    GraderError                    anything the CLI turns into one sentence; exit code 3
    ├── UsageError                 the call can't be meant like this; exit code 2
    │   ├── UnreadableSubmission   no notebook, too large, not JSON, format 3, another language, …
    │   └── UnreadableEvidence     not an evidence.json, or of a version this grader doesn't know
    ├── BadRubric                  rubric.toml has an unknown key or an impossible value
    ├── ClassroomError             a model, data set or runtime is missing, damaged or can't be fetched
    └── SandboxError               isolation can't be had, or failed its self-test
"""

from __future__ import annotations

from grader.records import Text


class GraderError(Exception):
    """Base. `text` is one sentence with the value and the fix, in both languages."""

    exit_code = 3

    def __init__(self, *, ko: str, en: str) -> None:
        super().__init__(en)
        self.text = Text(ko=ko, en=en)


class UsageError(GraderError):
    """The call can't be meant like this."""

    exit_code = 2


class UnreadableSubmission(UsageError):
    """The file can't be read as a Python notebook."""


class UnreadableEvidence(UsageError):
    """The file is no evidence.json this grader understands."""


class BadRubric(GraderError):
    """rubric.toml can't be used."""


class ClassroomError(GraderError):
    """A model, data set or runtime is missing or damaged."""


class SandboxError(GraderError):
    """Isolation can't be had, or its self-test failed."""
