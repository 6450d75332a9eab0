"""What a batch is run in: part of every result's key, and looked at once before 200 notebooks are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from grader.errors import ClassroomError, SandboxError
from grader.pipeline import Plan
from grader.records import Text


def surroundings(plan: Plan | None, progress: Callable[[Text], None]) -> str:
    """The classroom's content, the runtimes and the isolation `plan` gets here, as a text; '' for reading.

    Raises UsageError for an unknown name, and with `plan.insist` SandboxError or ClassroomError.
    """
    if plan is None:
        return ""
    from grader import classroom, sandbox

    try:
        isolation = sandbox.choose(plan.isolation)
        room = classroom.prepare(
            plan.profile,
            data=Path(plan.data) if plan.data else None,
            model=Path(plan.model) if plan.model else None,
            home=Path(plan.home) if plan.home else None,
            progress=progress,
        )
    except (SandboxError, ClassroomError) as error:
        if plan.insist:
            raise
        return f"not run: {error.text.en}"
    # The folder's name carries the version of its content; a runtime's, that of its requirements.
    return " ".join([isolation.name, Path(room.root).name, *sorted(room.runtimes)])
