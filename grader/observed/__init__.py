"""The observed witness: what a notebook did when we ran it, unmodified, in a sandbox, under a budget.

What it is: `observe` mounts the classroom and the probe, runs every code cell, folds what the probe
says into training runs and observations, and says how far the probe can be believed.
What it is not: it decides nothing about the student, and it measures no model (that is `verified`).
Called by the pipeline. Reading order: setting, fold, batches, evaluations, failures, trust.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from grader import sandbox
from grader.classroom import Classroom
from grader.errors import ClassroomError
from grader.observed.failures import judged
from grader.observed.fold import fold
from grader.observed.setting import LAST, Setting
from grader.observed.trust import doubts, replaced
from grader.records import Budget, CellRun, Ending, Limits, Observed, Submission, Text
from grader.sandbox import Isolation
from grader.sandbox.jail import delete

__all__ = ["observe"]

WEIGHTS = tuple(f"{label}.{kind}" for label in ("last", "best") for kind in ("safetensors", "json"))
"""What is brought out of the sandbox: as inside/weights.py writes them."""


def observe(
    submission: Submission,
    *,
    classroom: Classroom,
    budget: Budget | None = None,
    limits: Limits | None = None,
    isolation: str | Isolation = "auto",
    runtime: str = "current",
    weights_dir: Path,
    progress: Callable[[Text], None] = lambda text: None,
) -> Observed:
    """Run `submission` and report. The weights it leaves lie in `weights_dir` afterwards:
    WEIGHTS, as far as there are any.

    Raises SandboxError if the sandbox can't be had, ClassroomError if there is no such runtime.
    """
    budget, limits = budget or Budget(), limits or Limits()
    if runtime not in classroom.runtimes:
        known = ", ".join(classroom.runtimes) or "-"
        raise ClassroomError(
            ko=f"런타임 {runtime}이(가) 준비되어 있지 않습니다(있는 것: {known}). grader setup을 실행하세요.",
            en=f"The runtime {runtime} is not prepared (there is: {known}). Prepare it with grader setup.",
        )
    chosen = isolation if isinstance(isolation, Isolation) else sandbox.choose(isolation)
    code = [(cell.index, cell.source) for cell in submission.cells if cell.kind == "code"]
    todo = [(index, source) for index, source in code if source.strip()]
    said = _Progress(progress, len(todo))
    weights_dir.mkdir(parents=True, exist_ok=True)
    for name in WEIGHTS:
        (weights_dir / name).unlink(missing_ok=True)  # of an earlier run; the sandbox overwrites nothing
    with _scratch() as scratch:
        setting = Setting(classroom, budget, limits, chosen, todo, Path(scratch), runtime)
        execution = sandbox.run_notebook(
            [*todo, LAST],
            isolation=chosen,
            python=classroom.runtimes[runtime],
            binds=setting.binds,
            env=setting.env,
            startup=setting.startup,
            preload=setting.preload,
            limits=limits,
            on_cell=said.cell,
            on_event=said.event,
            collect=WEIGHTS,
            collect_to=weights_dir,
        )
    cells = judged(submission, execution, stand_in=classroom.profile == "pocket")
    testimony = fold(execution, cells)
    return Observed(
        testimony=testimony,
        cells=cells,
        ending=execution.ending,
        reason=execution.reason,
        profile=classroom.profile,
        runtime=runtime,
        isolation=chosen.name,
        isolation_notes=(*chosen.notes, *execution.notes),
        budget=budget,
        limits=limits,
        seconds=execution.seconds,
        cpu_seconds=execution.cpu_seconds,
        unverified=doubts(submission, execution, testimony),
        replaced=replaced(submission, execution),
    )


@contextlib.contextmanager
def _scratch() -> Iterator[str]:
    """A folder that may end up as deep and as odd as a notebook can make it."""
    scratch = tempfile.mkdtemp(prefix="grader-scratch-")
    try:
        yield scratch
    finally:
        delete(Path(scratch))


class _Progress:
    """One line per cell and per training, for people."""

    def __init__(self, tell: Callable[[Text], None], total: int) -> None:
        self.tell, self.total, self.done = tell, total, 0

    def cell(self, run: CellRun) -> None:
        if run.index < 0:
            return
        self.done += 1
        ok = run.ending is Ending.COMPLETED
        ko, en = ("끝", "done") if ok else (run.error_name or run.ending.value,) * 2
        self.tell(
            Text(
                ko=f"코드 셀 {self.done}/{self.total} (셀 {run.index}) {ko}, {run.seconds:.1f}초",
                en=f"code cell {self.done}/{self.total} (cell {run.index}) {en}, {run.seconds:.1f} s",
            )
        )

    def event(self, event: sandbox.Event) -> None:
        if event.data.get("t") == "run":
            self.tell(Text(ko=f"셀 {event.cell}: 학습 시작", en=f"cell {event.cell}: training begins"))
