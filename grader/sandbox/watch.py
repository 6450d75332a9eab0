"""Watchdogs: memory, CPU time and disk of everything inside, looked at from outside.

Memory is the proportional set size (PSS) of the process tree, four times a second: what rlimits miss,
because they count per process. Disk is what the writable folders take, once a second. Not seen:
shared memory nobody has mapped (the system-call filter refuses the calls that make it).
Called by `driver` and `process`.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Sequence
from pathlib import Path

from grader.records import Ending, Limits, Text
from grader.sandbox.cgroup import Group
from grader.sandbox.gpu import Memory
from grader.sandbox.members import Members, tree

MEMORY_EVERY, DISK_EVERY = 0.25, 1.0
"""Seconds between two looks."""
MEMORY_KNOWN = 1.0
"""The same for memory where a control group holds the limit: a look costs some milliseconds a process."""
MAX_DEPTH, MAX_FILES = 80, 200_000
"""Of the writable folders; beyond these nobody is saving a model."""
TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Watch:
    """Of the process trees below `roots`. Call `look` often; it keeps its own pace."""

    def __init__(
        self,
        roots: Sequence[int],
        limits: Limits,
        folders: Sequence[Path],
        group: Group | Members | None = None,
        gpu: Memory | None = None,
    ) -> None:
        self.limits, self.folders, self.group, self._roots = limits, tuple(folders), group, tuple(roots)
        self.gpu = gpu
        self.peak_mb = 0.0
        self._cpu = 0.0
        self._next_memory = self._next_disk = 0.0

    @property
    def cpu_seconds(self) -> float:
        """CPU time used so far by the whole tree."""
        counted = self.group.cpu_seconds() if self.group else None
        return self._cpu if counted is None else counted

    def look(self, *, at_once: bool = False) -> tuple[Ending, Text] | None:
        """The limit that is broken, if one is; `at_once`: whatever the pace."""
        now = time.monotonic()
        if at_once:
            self._next_memory = self._next_disk = now
        if now >= self._next_memory:
            self._next_memory = now + (MEMORY_KNOWN if self.group else MEMORY_EVERY)
            used = self._memory_mb()
            self.peak_mb = max(self.peak_mb, used)
            if used > self.limits.memory_mb:
                return out_of_memory(self.limits, used)
        if self.gpu and (used := self.gpu.above(self.processes(), at_once=at_once)):
            return out_of_gpu_memory(self.gpu.limit_mb or 0.0, used)
        if now >= self._next_disk:
            self._next_disk = now + DISK_EVERY
            problem = None
            for folder in self.folders:
                problem = problem or self._disk(folder)
            if problem:
                return Ending.DISK_LIMIT, problem
            spent = time.monotonic() - now
            self._next_disk += 10 * spent  # a slow walk may take a tenth of our time, not all of it
        return None

    def killed_for_memory(self, returncode: int | None) -> tuple[Ending, Text] | None:
        """Why a process that ended by itself did so, if memory is the reason."""
        if self.group and self.group.oom_kills():
            return out_of_memory(self.limits, None)
        hard = self.group is not None and self.group.hard
        if not hard and returncode == 137 and self.peak_mb > 0.6 * self.limits.memory_mb:
            return out_of_memory(self.limits, self.peak_mb)
        return None

    def processes(self) -> list[int]:
        """Process ids of the tree."""
        if self.group and (found := self.group.pids()):
            return found
        return [pid for root in self._roots for pid in tree(root)]

    def _memory_mb(self) -> float:
        total, cpu = 0, 0.0
        for pid in self.processes():
            total += _pss_kb(pid)
            cpu += _cpu_seconds(pid)
        self._cpu = max(self._cpu, cpu)
        return total / 1024

    def _disk(self, folder: Path) -> Text | None:
        used, files = _usage(folder)
        if used < 0 or files > MAX_FILES:
            return Text(
                ko=f"파일이 {MAX_FILES:,}개를 넘거나 폴더가 {MAX_DEPTH}단계보다 깊어서 멈췄어요.",
                en=f"Stopped: more than {MAX_FILES:,} files, or folders more than {MAX_DEPTH} deep.",
            )
        if used > self.limits.disk_mb * 1024 * 1024:
            return Text(
                ko=f"디스크 사용량이 한도({self.limits.disk_mb} MB)를 넘어서 멈췄어요.",
                en=f"Stopped: files took more than the limit of {self.limits.disk_mb} MB.",
            )
        return None


def out_of_gpu_memory(limit_mb: float, used_mb: float) -> tuple[Ending, Text]:
    """The ending and its words."""
    return Ending.OUT_OF_MEMORY, Text(
        ko=f"GPU 메모리 한도({limit_mb:.0f} MB)를 넘어서 멈췄어요. 사용량: {used_mb:.0f} MB.",
        en=f"Stopped: out of GPU memory (limit {limit_mb:.0f} MB). In use: {used_mb:.0f} MB.",
    )


def out_of_memory(limits: Limits, used_mb: float | None) -> tuple[Ending, Text]:
    """The ending and its words."""
    ko = f"메모리 한도({limits.memory_mb} MB)를 넘어서 멈췄어요."
    en = f"Stopped: out of memory (limit {limits.memory_mb} MB)."
    if used_mb is not None:
        ko += f" 사용량: {used_mb:.0f} MB."
        en += f" In use: {used_mb:.0f} MB."
    return Ending.OUT_OF_MEMORY, Text(ko=ko, en=en)


def _pss_kb(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1])
    except OSError:
        with contextlib.suppress(Exception):  # a process in between, or a system without /proc
            import psutil

            return psutil.Process(pid).memory_info().rss // 1024
    return 0


def _cpu_seconds(pid: int) -> float:
    """Of the process and of those of its children that have been waited for."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return sum(int(field) for field in fields[11:15]) / TICK
    except (OSError, ValueError, IndexError):
        return 0.0


def _usage(folder: Path) -> tuple[int, int]:
    """Bytes on disk and number of entries below `folder`; bytes are -1 if it is nested too deeply.

    By file descriptors and without following links, since the student may swap anything meanwhile.
    """
    used = files = 0
    try:
        waiting = [(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW), 0)]
    except OSError:
        return 0, 0
    try:
        while waiting:
            fd, depth = waiting.pop()
            try:
                with os.scandir(fd) as entries:
                    for entry in entries:
                        files += 1
                        with contextlib.suppress(OSError):
                            status = entry.stat(follow_symlinks=False)
                            used += status.st_blocks * 512
                            if stat.S_ISDIR(status.st_mode):
                                if depth >= MAX_DEPTH or len(waiting) > 500:
                                    return -1, files
                                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                                waiting.append((os.open(entry.name, flags, dir_fd=fd), depth + 1))
                        if files > MAX_FILES:
                            return used, files
            except OSError:
                pass
            finally:
                os.close(fd)
    finally:
        for fd, _ in waiting:
            os.close(fd)
    return used, files
