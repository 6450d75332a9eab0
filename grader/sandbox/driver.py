"""Runs a notebook's cells in a sandboxed kernel, under clocks and byte budgets; every end has a name.

One thread, one loop: it reads whatever arrives, looks at the watchdogs and at the clocks, and decides
whether the running cell is done, to be interrupted, or everything is to be killed. What ran before an
end is kept. Called by `grader.sandbox.run_notebook`; it knows nothing of what the cells are about.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from grader.records import CellRun, Ending, Limits, Text
from grader.sandbox import endings, warm
from grader.sandbox.arguments import cpu_seconds
from grader.sandbox.boxes import box
from grader.sandbox.cell import Cell
from grader.sandbox.channels import STDERR_KEPT, Channels, Lines, connection_file, listening
from grader.sandbox.collect import collect as collect_files
from grader.sandbox.forked import roots_of
from grader.sandbox.jail import Jail, NotStarted
from grader.sandbox.types import Bind, Event, Execution, Isolation, Preload
from grader.sandbox.warmbox import WarmBox
from grader.sandbox.watch import Watch

KERNEL_START = 90.0
"""Seconds for a kernel to answer; a loaded machine takes ten."""
STARTUP = 300.0
"""Seconds for `startup`."""
GRACE = 6.0
"""Seconds an interrupted cell has to stop before the kernel is killed."""
TICK = 0.1
STARTING = -1
"""Cell number of what happens before the first cell."""
SEVERITY = list(Ending)
KERNEL = ("-m", "ipykernel_launcher")


def run_notebook(
    cells: Sequence[tuple[int, str]],
    *,
    isolation: Isolation,
    python: str,
    binds: Sequence[Bind],
    env: Mapping[str, str],
    startup: str,
    limits: Limits,
    on_cell: Callable[[CellRun], None] | None,
    on_event: Callable[[Event], None] | None,
    collect: Sequence[str],
    collect_to: Path | None,
    max_collect_mb: int,
    preload: Preload | None = None,
) -> Execution:
    """See `grader.sandbox.run_notebook`."""
    options = {
        "python": python,
        "env": env,
        "startup": startup,
        "limits": limits,
        "on_cell": on_cell,
        "on_event": on_event,
        "collect": collect,
        "collect_to": collect_to,
        "max_collect_mb": max_collect_mb,
    }
    place = {"isolation": isolation, "limits": limits, "binds": binds}
    if (hot := warm.box([python, *KERNEL], preload, env=env, **place)) is not None:
        try:
            return run_in(hot, cells, **options)
        except NotStarted as error:
            warm.failed(error)
    return run_in(box(python=python, **place), cells, **options)


def run_in(
    room: Jail | WarmBox,
    cells: Sequence[tuple[int, str]],
    *,
    python: str,
    env: Mapping[str, str],
    startup: str,
    limits: Limits,
    on_cell: Callable[[CellRun], None] | None,
    on_event: Callable[[Event], None] | None,
    collect: Sequence[str],
    collect_to: Path | None,
    max_collect_mb: int,
) -> Execution:
    """`run_notebook`, in this sandbox; it is closed afterwards. Raises NotStarted before any cell is sent."""
    with room as jail, contextlib.ExitStack() as stack:
        drive = _Drive(jail, limits, on_event)
        stack.callback(drive.close)
        drive.launch(python, env)
        drive.wait_ready()
        done: list[CellRun] = []
        drive.began = time.monotonic()
        if startup:
            drive.startup(startup)
        drive.began = time.monotonic()
        for order, (index, source) in enumerate(cells, start=1):
            if drive.over:
                break
            run = drive.cell(index, source, order)
            done.append(run)
            if on_cell:
                on_cell(run)
        seconds = time.monotonic() - drive.began
        drive.read_events()
        drive.look(at_once=True)
        cpu = drive.watch.cpu_seconds
        jail.kill()
        drive.read_events()  # what was still in the pipe
        files: tuple[str, ...] = ()
        refused: tuple[str, ...] = ()
        if collect and collect_to is not None:
            files, refused = collect_files(jail.outbox, collect, collect_to, max_mb=max_collect_mb)
        worst = max([run.ending for run in done], key=SEVERITY.index, default=Ending.COMPLETED)
        ending, reason = drive.over or (worst, endings.of_limit(worst, limits))
        return Execution(
            cells=tuple(done),
            ending=ending,
            reason=None if ending is Ending.COMPLETED else reason,
            events=tuple(drive.events),
            seconds=seconds,
            cpu_seconds=max(cpu, drive.watch.cpu_seconds),
            peak_memory_mb=drive.watch.peak_mb,
            files=files,
            refused=refused,
            malformed_events=drive.lines.malformed,
            events_cut=drive.lines.cut,
            start_seconds=drive.start_seconds,
            startup_seconds=drive.startup_seconds,
            warm=isinstance(jail, WarmBox),
            notes=(*(warm.notes if warm.kept() and not isinstance(jail, WarmBox) else ()), *jail.notes),
        )


class _Drive:
    """One kernel from launch to death. `over` is set once it is dead or must die."""

    def __init__(
        self, jail: Jail | WarmBox, limits: Limits, on_event: Callable[[Event], None] | None
    ) -> None:
        self.jail, self.limits, self._on_event = jail, limits, on_event
        self.began = time.monotonic()
        self.over: tuple[Ending, Text] | None = None
        self.events: list[Event] = []
        self.start_seconds = self.startup_seconds = 0.0
        self._current = STARTING
        self._bytes = 0
        self._stderr = bytearray()
        self._channels: Channels | None = None
        self._broken_since: float | None = None

    # ---------------------------------------------------------------- before the first cell

    def launch(self, python: str, env: Mapping[str, str]) -> None:
        """Start the kernel's process."""
        self._launched = time.monotonic()
        self._key = connection_file(self.jail.control, self.jail.control_inside)
        read, write = self.jail.pipe()
        self.lines = Lines(read, self.limits.event_bytes)
        file = f"{self.jail.control_inside}/k.json"
        try:
            self.process = self.jail.start(
                [python, *KERNEL, "-f", file, "--HistoryManager.enabled=False"],
                {**env, "PROBE_FD": str(write)},
                pass_fds=[write],
                stderr=subprocess.PIPE,
            )
        finally:
            os.close(write)
        os.set_blocking(self.process.stderr.fileno(), False)
        self.watch = Watch(
            roots_of(self.process),
            self.limits,
            self.jail.writable,
            self.jail.group,
            self.jail.gpu_memory(),
        )

    def wait_ready(self) -> None:
        """Wait for the sockets, connect, and wait for a first answer. Raises SandboxError."""
        deadline = time.monotonic() + KERNEL_START  # not from `launch`, which may wait for a GPU
        while not listening(self.jail.control):
            self._still_starting(deadline)
            time.sleep(0.005)
        self._channels = channels = Channels(
            self.jail.control, self._key, message_bytes=self.limits.message_bytes
        )
        channels.watch_fd(self.lines.fd, "events")
        channels.watch_fd(self.process.stderr.fileno(), "stderr")
        answered, heard, asked = False, False, 0.0
        while not (answered and heard):  # heard: iopub delivers, so no output will be missed
            self._still_starting(deadline)
            if not heard and time.monotonic() - asked > 0.2:
                asked = time.monotonic()
                channels.send("shell", "kernel_info_request", {})
            for wire in channels.poll(0.05) & {"shell", "iopub"}:
                while channels.receive(wire) is not None:
                    answered |= wire == "shell"
                    heard |= wire == "iopub"
        self.start_seconds = time.monotonic() - self._launched

    def _still_starting(self, deadline: float) -> None:
        code = self.process.poll()
        if code is None and time.monotonic() < deadline:
            return
        self._read_stderr()
        said = self._stderr.decode(errors="replace").strip().splitlines()
        why = said[-1] if said else ("no answer in time" if code is None else f"exit code {code}")
        raise NotStarted(why)

    def startup(self, source: str) -> None:
        """Run the grader's own code. Its failure is ours: SANDBOX_FAULT."""
        began = time.monotonic()
        cell = Cell(STARTING, self.limits, silent=True)
        self._run(cell, source, deadline=began + STARTUP, total=began + STARTUP)
        self.startup_seconds = time.monotonic() - began
        if self.over or cell.error_name or cell.stopped:
            what = cell.error_name or "no answer in time"
            why = f"{what}: {cell.error_value}"[:300]
            if self.over:
                why = self.over[1].en
            self.over = (Ending.SANDBOX_FAULT, endings.startup_failed(why))

    # ---------------------------------------------------------------- cells

    def cell(self, index: int, source: str, order: int) -> CellRun:
        """Run one cell to whatever end."""
        cell = Cell(index, self.limits)
        began = time.monotonic()
        total = self.began + self.limits.total_seconds
        oom_before = self.jail.group.oom_kills() if self.jail.group else 0
        self._run(cell, source, deadline=began + self.limits.cell_seconds, total=total)
        if self.over:
            cell.stopped = self.over[0]
        elif self.jail.group and self.jail.group.oom_kills() > oom_before:
            cell.stopped = Ending.OUT_OF_MEMORY  # a child was killed, the kernel lives
        return cell.run(order, time.monotonic() - began)

    def _run(self, cell: Cell, source: str, *, deadline: float, total: float) -> None:
        self._current = cell.index
        request = {
            "code": source,
            "silent": False,
            "store_history": not cell.silent,
            "user_expressions": {},
            "allow_stdin": False,  # input() fails at once instead of waiting for nobody
            "stop_on_error": False,
        }
        cell.request = self._channels.send("shell", "execute_request", request)
        while not cell.done and not self.over:
            now = time.monotonic()
            if now > total:
                self.over = (Ending.TOTAL_TIMEOUT, endings.total_timeout(self.limits))
            elif cell.stopped is None and now > deadline:
                self._interrupt(cell, Ending.CELL_TIMEOUT)
            elif cell.stopped is None and cell.bytes > self.limits.output_bytes_per_cell:
                self._interrupt(cell, Ending.OUTPUT_FLOOD)
            elif cell.stopped is not None and now > cell.stopped_at + GRACE:
                self.over = (cell.stopped, endings.ignored_interrupt(cell.stopped, self.limits))
            elif self._bytes > self.limits.output_bytes:
                self.over = (Ending.OUTPUT_FLOOD, endings.flood(self.limits))
            else:
                self._step(cell, min(TICK, max(0.0, total - now)))
                self.look()
        self.read_events()  # written before the answer, so they belong to this cell

    def _interrupt(self, cell: Cell, why: Ending) -> None:
        cell.stopped, cell.stopped_at = why, time.monotonic()
        self._channels.send("control", "interrupt_request", {})

    def _step(self, cell: Cell, seconds: float) -> None:
        room = self.limits.output_bytes_per_cell
        ready = self._channels.poll(seconds)
        if "events" in ready:
            self.read_events()
        if "stderr" in ready:
            self._read_stderr()
        for wire in ready & {"iopub", "shell", "control"}:
            for _ in range(50):  # then back to the clocks
                got = self._channels.receive(wire, max(room - cell.bytes, 1 << 16))
                if got is None:
                    break
                size, message = got
                self._bytes += size
                cell.take(size, message)
                if cell.bytes > self.limits.output_bytes_per_cell and cell.stopped is None:
                    return

    def look(self, *, at_once: bool = False) -> None:
        """Is it dead, or over a limit?"""
        if self.over:
            return
        self.over = self.watch.look(at_once=at_once)
        code = self.process.poll()
        if self.over is None and code is not None:
            self.over = self.watch.killed_for_memory(code) or self._died(code)
        elif self.over is None and self._channels.broken:
            # A dead kernel shows as a broken wire first; if it lives on, it sent too much at once.
            self._broken_since = self._broken_since or time.monotonic()
            if time.monotonic() - self._broken_since > self.jail.exit_seconds:
                self.over = (Ending.OUTPUT_FLOOD, endings.message_too_large(self.limits))

    def _died(self, code: int) -> tuple[Ending, Text]:
        most = cpu_seconds(self.limits)
        if code == 137 and self.watch.cpu_seconds > most - 1:  # looked at four times a second
            return Ending.KILLED, endings.cpu_spent(most)
        return Ending.KERNEL_DIED, endings.died(code)

    # ---------------------------------------------------------------- side streams

    def read_events(self) -> None:
        fd = self.lines.fd
        for received, data in self.lines.read():
            event = Event(received - self.began, self._current, data)
            self.events.append(event)
            if self._on_event:
                self._on_event(event)
        if self.lines.fd < 0 <= fd and self._channels:
            self._channels.unwatch_fd(fd)

    def _read_stderr(self) -> None:
        fd = self.process.stderr.fileno()
        with contextlib.suppress(BlockingIOError):
            chunk = os.read(fd, 65536)
            self._bytes += len(chunk)
            self._stderr = (self._stderr + chunk)[-STDERR_KEPT:]
            if not chunk and self._channels:
                self._channels.unwatch_fd(fd)

    def close(self) -> None:
        if self._channels:
            self._channels.close()
        if hasattr(self, "lines"):
            self.lines.close()
        if getattr(self, "process", None) and self.process.stderr:
            self.process.stderr.close()
