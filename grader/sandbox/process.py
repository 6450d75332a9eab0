"""Runs one program in a sandbox of its own, with byte budgets on what it prints.

For the clean evaluation of weights: files in, a program we know, files or bytes out. Called by
`grader.sandbox.run_process` and by the self-test.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.records import Ending, Limits, Text
from grader.sandbox import warm
from grader.sandbox.boxes import box
from grader.sandbox.collect import collect as collect_files
from grader.sandbox.forked import roots_of
from grader.sandbox.jail import Jail, NotStarted
from grader.sandbox.types import Bind, Isolation, Preload, ProcessResult
from grader.sandbox.warmbox import WarmBox
from grader.sandbox.watch import Watch

CHUNK = 65536


def run_process(
    argv: Sequence[str],
    *,
    isolation: Isolation,
    binds: Sequence[Bind],
    env: Mapping[str, str],
    limits: Limits,
    stdin: bytes,
    collect: Sequence[str],
    collect_to: Path | None,
    max_collect_mb: int,
    preload: Preload | None = None,
) -> ProcessResult:
    """See `grader.sandbox.run_process`."""
    options = {
        "env": env,
        "limits": limits,
        "stdin": stdin,
        "collect": collect,
        "collect_to": collect_to,
        "max_collect_mb": max_collect_mb,
    }
    place = {"isolation": isolation, "limits": limits, "binds": binds}
    if (hot := warm.box(argv, preload, env=env, **place)) is not None:
        try:
            return run_in(hot, argv, **options)
        except NotStarted as error:
            warm.failed(error)
    python = argv[0] if Path(argv[0]).name.startswith("python") else ""
    return run_in(box(python=python, **place), argv, **options)


def run_in(
    room: Jail | WarmBox,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    limits: Limits,
    stdin: bytes,
    collect: Sequence[str],
    collect_to: Path | None,
    max_collect_mb: int,
) -> ProcessResult:
    """`run_process`, in this sandbox; it is closed afterwards."""
    with room as jail:
        pipe = subprocess.PIPE
        process = jail.start(argv, env, stdin=pipe, stdout=pipe, stderr=pipe)
        began = time.monotonic()  # waiting for a GPU is nobody's time
        watch = Watch(roots_of(process), limits, jail.writable, jail.group, jail.gpu_memory())
        talk = _Talk(process, stdin, limits)
        stopped: tuple[Ending, Text] | None = None
        while stopped is None and talk.open():
            talk.step(0.1)
            stopped = talk.flood() or watch.look()
            if stopped is None and time.monotonic() - began > limits.total_seconds:
                stopped = (
                    Ending.TOTAL_TIMEOUT,
                    Text(
                        ko=f"제한 시간({limits.total_seconds:.0f}초) 안에 끝나지 않아서 멈췄어요.",
                        en=f"Stopped: it did not end within {limits.total_seconds:.0f} s.",
                    ),
                )
        cpu = watch.cpu_seconds
        jail.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                stream.close()
        code = process.returncode
        stopped = stopped or watch.killed_for_memory(code)
        files: tuple[str, ...] = ()
        refused: tuple[str, ...] = ()
        if collect and collect_to is not None:
            files, refused = collect_files(jail.outbox, collect, collect_to, max_mb=max_collect_mb)
        ending, reason = stopped or (Ending.COMPLETED, None)
        return ProcessResult(
            returncode=code if code >= 0 else 128 - code,
            stdout=bytes(talk.said[process.stdout]),
            stderr=bytes(talk.said[process.stderr]),
            ending=ending,
            reason=reason,
            seconds=time.monotonic() - began,
            cpu_seconds=max(cpu, watch.cpu_seconds),
            peak_memory_mb=watch.peak_mb,
            files=files,
            refused=refused,
            memory_limited=jail.group is not None and jail.group.hard,
        )


class _Talk:
    """The three standard streams, without blocking on any."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, limits: Limits) -> None:
        self._process, self._left, self._limits = process, memoryview(stdin), limits
        self.said = {process.stdout: bytearray(), process.stderr: bytearray()}
        self._most = {process.stdout: limits.output_bytes, process.stderr: limits.output_bytes_per_cell}
        self._flooded = False
        self._selector = selectors.DefaultSelector()
        for stream in (process.stdin, process.stdout, process.stderr):
            os.set_blocking(stream.fileno(), False)
        self._selector.register(process.stdin, selectors.EVENT_WRITE)
        for stream in self.said:
            self._selector.register(stream, selectors.EVENT_READ)

    def open(self) -> bool:
        """Is there still something to read, or somebody to wait for?"""
        reading = any(key.fileobj in self.said for key in self._selector.get_map().values())
        return reading or self._process.poll() is None

    def flood(self) -> tuple[Ending, Text] | None:
        if not self._flooded:
            return None
        return Ending.OUTPUT_FLOOD, Text(
            ko="출력이 한도를 넘어서 멈췄어요.", en="Stopped: it printed more than the limit."
        )

    def step(self, timeout: float) -> None:
        if not self._selector.get_map():
            time.sleep(min(timeout, 0.01))
            return
        for key, _ in self._selector.select(timeout):
            stream = key.fileobj
            try:
                if stream is self._process.stdin:
                    self._left = self._left[os.write(stream.fileno(), self._left[:CHUNK]) :]
                    if not self._left:
                        self._selector.unregister(stream)
                        stream.close()
                    continue
                chunk = os.read(stream.fileno(), CHUNK)
            except BlockingIOError:
                continue
            except OSError:  # the other side closed its end
                self._selector.unregister(stream)
                continue
            if not chunk:
                self._selector.unregister(stream)
                continue
            room = self._most[stream] - len(self.said[stream])
            self.said[stream] += chunk[: max(room, 0)]
            self._flooded |= len(chunk) > room
