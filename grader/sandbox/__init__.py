"""The sandbox: runs programs nobody has read, under limits, and brings back what can be trusted.

What it is: isolation (bubblewrap, a container, Landlock), a kernel driver with byte budgets and clocks,
watchdogs, a self-test, safe collection of files. docs/threat-model.md says what is covered and what is not.
What it is not: it knows nothing of exercises, classrooms or probes.
Called by the observed and verified witnesses only.

Inside every sandbox: HOME=/home/student, the working folder /home/student/work, the outbox
/home/student/out (all three on disk, writable, thrown away afterwards), /tmp and /dev/shm as sized
tmpfs, no network, nothing else writable. OUTBOX holds the outbox's path (with isolation 'none' it is
another one, so read the variable). PROBE_FD (notebooks only) is the number of a write-only pipe:
each line written to it, one JSON object, becomes an `Event`. The pipe may break (EPIPE) once
`Limits.event_bytes` is used up; a probe must bear that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from grader.records import CellRun, Limits
from grader.sandbox.types import Bind, Event, Execution, Isolation, Preload, ProcessResult

__all__ = [
    "Bind",
    "Event",
    "Execution",
    "Isolation",
    "Preload",
    "ProcessResult",
    "choose",
    "keep_warm",
    "run_notebook",
    "run_process",
]


def choose(requested: str = "auto", *, fresh: bool = False) -> Isolation:
    """The isolation to use on this machine, tested with canaries.

    `requested`: 'auto' or 'bubblewrap' (the same today). By name only: 'container' (podman before docker;
    'podman' and 'docker' insist), 'landlock' (reduced: see `landlock.NOT_COVERED`), 'none' (no isolation
    at all, for your own notebooks). The self-test takes under a second; its result is kept on disk until
    the next boot, so that a batch tests once; `fresh` tests again.

    Raises SandboxError with cause and remedy. Never falls back to something weaker.
    """
    from grader.sandbox.choosing import choose as choose_

    return choose_(requested, fresh=fresh)


def keep_warm() -> None:
    """Let this process keep kernels whose imports are done, for `run_notebook` and `run_process` with
    `preload`. For a process that runs many of them; they end with it."""
    from grader.sandbox import warm

    warm.keep()


def run_notebook(
    cells: Sequence[tuple[int, str]],
    *,
    isolation: Isolation,
    python: str,
    binds: Sequence[Bind] = (),
    env: Mapping[str, str] | None = None,
    startup: str = "",
    limits: Limits | None = None,
    on_cell: Callable[[CellRun], None] | None = None,
    on_event: Callable[[Event], None] | None = None,
    collect: Sequence[str] = (),
    collect_to: Path | None = None,
    max_collect_mb: int = 2048,
    preload: Preload | None = None,
) -> Execution:
    """Run the code cells `(index, source)` one after another in one fresh kernel.

    `python` is the interpreter (with ipykernel) inside; its prefix is mounted by itself. `env` is added
    to a minimal environment; nothing of the grader's own environment gets in. `startup` is run silently
    before the first cell. A cell that fails does not end the notebook. `collect` are glob patterns under
    the outbox; what matches is copied to `collect_to` after every process inside is dead. `preload`: in a
    process that called `keep_warm`, a kernel that has imported this already may be used.

    Raises SandboxError if the sandbox can't be started at all. Whatever the notebook does is data:
    see `Execution.ending`; SANDBOX_FAULT there means that `startup` failed or the driver lost its way.
    """
    from grader.sandbox.driver import run_notebook as run_notebook_

    return run_notebook_(
        cells,
        isolation=isolation,
        python=python,
        binds=binds,
        env=env or {},
        startup=startup,
        limits=limits or Limits(),
        on_cell=on_cell,
        on_event=on_event,
        collect=collect,
        collect_to=collect_to,
        max_collect_mb=max_collect_mb,
        preload=preload,
    )


def run_process(
    argv: Sequence[str],
    *,
    isolation: Isolation,
    binds: Sequence[Bind] = (),
    env: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    stdin: bytes = b"",
    collect: Sequence[str] = (),
    collect_to: Path | None = None,
    max_collect_mb: int = 2048,
    preload: Preload | None = None,
) -> ProcessResult:
    """Run one program in a sandbox of its own, to the end or to `limits.total_seconds`.

    If `argv[0]` is a Python interpreter, its prefix is mounted by itself. stdout is cut (and the program
    killed, OUTPUT_FLOOD) at `limits.output_bytes`. `preload`: see `run_notebook`.
    Raises SandboxError if it can't be started.
    """
    from grader.sandbox.process import run_process as run_process_

    return run_process_(
        argv,
        isolation=isolation,
        binds=binds,
        env=env or {},
        limits=limits or Limits(),
        stdin=stdin,
        collect=collect,
        collect_to=collect_to,
        max_collect_mb=max_collect_mb,
        preload=preload,
    )
