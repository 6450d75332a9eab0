"""What goes into and comes out of a sandbox: mounts, the isolation chosen, events, results.

Plain data, importable on every platform. Called by everything in this package and, by way of
`grader.sandbox`, by the observed and verified witnesses.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from grader.records import CellRun, Ending, Note, NoteKind, Record, Text

HOME = "/home/student"
"""Inside: the student's home, on disk, writable, thrown away afterwards."""
WORK = "/home/student/work"
"""Inside: the working folder of the kernel."""
OUT = "/home/student/out"
"""Inside: the outbox. Files that `collect` names are taken from here once everything is dead."""


class Bind(NamedTuple):
    """A file or folder of the host made visible inside. Read-only unless `writable`."""

    source: Path
    target: str
    """Absolute path inside."""
    writable: bool = False


class Preload(NamedTuple):
    """What a kernel that is kept warm imports, if it has not yet, before it gets a notebook."""

    imports: tuple[str, ...]
    """'module', or 'module:attribute' for packages that load lazily. What can't be imported is left out."""
    kernel_imports: tuple[str, ...] = ()
    """Those that look, while they are imported, whether they are in a notebook. Imported first."""
    env: Mapping[str, str] = {}
    """Variables that imports read, the same for all notebooks of one warm kernel. They must be among those
    the notebook gets."""
    late: tuple[str, ...] = ()
    """Targets of read-only binds that are other files each time."""


class Isolation(Record):
    """Which isolation was chosen and tested."""

    name: str
    """'bubblewrap', 'landlock', 'container' or 'none'."""
    notes: tuple[Note, ...] = ()
    """How far it goes on this machine, for the report."""
    engine: str = ""
    """With 'container': 'podman' or 'docker'."""

    def says(self, kind: NoteKind) -> bool:
        """Is there a note of that kind?"""
        return any(note.kind is kind for note in self.notes)

    @property
    def hard(self) -> bool:
        """Does the kernel itself keep the memory limit?"""
        return any(map(self.says, (NoteKind.CGROUP, NoteKind.SCOPE, NoteKind.ENGINE_LIMIT)))

    @property
    def mounts(self) -> bool:
        """Are the host's files seen under names of their own inside? Else the real paths are the paths."""
        return self.name in ("bubblewrap", "container")


class Event(NamedTuple):
    """One line the probe wrote. A claim of the student's process, never a proof."""

    received: float
    """Seconds by the grader's clock since the first cell was sent (of `startup`: since it began)."""
    cell: int
    """The cell that was running when it arrived; -1 during `startup`."""
    data: dict[str, Any]


class Execution(Record):
    """A notebook as it was run."""

    cells: tuple[CellRun, ...]
    """The cells that were sent, in order. Those after the end of the kernel are absent."""
    ending: Ending
    """The worst ending of its cells; COMPLETED if none failed."""
    reason: Text | None = None
    """Why, for people, when not COMPLETED."""
    events: tuple[Event, ...] = ()
    seconds: float = 0.0
    """Wall clock from the first cell to the end."""
    cpu_seconds: float = 0.0
    """Of all processes inside, kernel start and `startup` included."""
    peak_memory_mb: float = 0.0
    """Largest proportional set size (PSS) of all processes inside at one poll."""
    files: tuple[str, ...] = ()
    """Collected into `collect_to`: paths relative to it."""
    refused: tuple[str, ...] = ()
    """Matched `collect` but were not taken, each with the reason (English)."""
    malformed_events: int = 0
    """Lines on the probe's pipe that were not a JSON object, or too long."""
    events_cut: bool = False
    """True if `Limits.event_bytes` was reached: later events are missing."""
    start_seconds: float = 0.0
    """From launch to a kernel that answers; without `startup`."""
    startup_seconds: float = 0.0
    """What `startup` took."""
    warm: bool = False
    """Run in a kernel that had its imports done before."""
    notes: tuple[Note, ...] = ()
    """Why not, where that was asked for and something failed; and why it had no GPU."""


class ProcessResult(Record):
    """A program as it was run in a sandbox of its own."""

    returncode: int
    """As the shell counts: 128 + n for signal n. Inside a sandbox it proves nothing."""
    stdout: bytes
    """At most `Limits.output_bytes`."""
    stderr: bytes
    """At most `Limits.output_bytes_per_cell`."""
    ending: Ending
    """COMPLETED whenever it ended by itself (whatever the return code), else which limit ended it."""
    reason: Text | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0
    files: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    memory_limited: bool = False
    """The kernel kept the memory limit (a control group), not just a watchdog."""
