"""A GPU inside a sandbox: which device nodes, one notebook per GPU, and a look from outside at its memory.

Never run on a device: written from the study of other sandboxes and tested with made-up nodes and a made-up
nvidia-smi. `--dev-bind` because a plain bind is nodev; /sys because CUDA lists its devices there (error 304
without). A limit set by torch inside is undone by the student in a line, so memory is looked at from outside.
Called by `jail` and `watch`.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

SHARED = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")
"""Nodes that every CUDA program needs, beside its own nvidiaN; those that are missing are left out."""
EVERY = 2.0
"""Seconds between two looks: nvidia-smi takes a tenth of one."""
ASK = ("--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits")
SHARE = 0.95
"""Of the device's memory that one notebook may take."""


class Lent(NamedTuple):
    """One GPU, ours until `give_back`."""

    index: int
    nodes: tuple[str, ...]
    lock: socket.socket

    def give_back(self) -> None:
        """The next notebook may have it."""
        self.lock.close()


def indices(dev: Path = Path("/dev")) -> list[int]:
    """Numbers of the NVIDIA GPUs there are."""
    found = (re.fullmatch(r"nvidia(\d+)", entry.name) for entry in dev.glob("nvidia*"))
    return sorted(int(match[1]) for match in found if match)


def borrow(dev: Path = Path("/dev"), mark: str = "", patience: float = 3600.0) -> Lent | None:
    """A GPU that no other notebook has, waiting for one; None where there is none, or not in time.

    Of those that CUDA_VISIBLE_DEVICES allows, where it is set: '' allows none. The lock is a name in the
    kernel's own table, so it is the same for every user and folder, and gone with whoever held it.
    """
    there = [index for index in indices(dev) if _allowed(index)]
    if not there:
        return None
    deadline = time.monotonic() + patience
    while True:
        for index in there:
            lock = socket.socket(socket.AF_UNIX)
            try:
                lock.bind(f"\0grader-gpu-{mark}{index}")
            except OSError:
                lock.close()
                continue
            names = (f"nvidia{index}", *SHARED)
            return Lent(index, tuple(str(dev / name) for name in names if (dev / name).exists()), lock)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.2)


def _allowed(index: int) -> bool:
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    return allowed is None or str(index) in [part.strip() for part in allowed.split(",")]


def options(nodes: Collection[str], sys: Path = Path("/sys")) -> list[str]:
    """bubblewrap's options for `nodes`; they must stand before /dev becomes read-only."""
    if not nodes:
        return []
    found = [part for node in nodes for part in ("--dev-bind", node, node)]
    return [*found, "--ro-bind", str(sys), "/sys"]


class Memory:
    """GPU memory of some processes, by nvidia-smi, at its own pace."""

    def __init__(self, index: int, ask: Callable[[list[str]], str] | None = None) -> None:
        self.index, self._ask = index, ask or _smi
        self._next = 0.0
        self.peak_mb = 0.0
        total = self._numbers(["--query-gpu=memory.total", "--format=csv,noheader,nounits"])
        self.limit_mb = SHARE * total[0][0] if total else None

    def above(self, pids: Collection[int], *, at_once: bool = False) -> float | None:
        """MB in use by `pids` where that is more than the limit, else None."""
        now = time.monotonic()
        if self.limit_mb is None or (now < self._next and not at_once):
            return None
        self._next = now + EVERY
        used = sum(row[1] for row in self._numbers(list(ASK)) if len(row) == 2 and int(row[0]) in pids)
        self.peak_mb = max(self.peak_mb, used)
        return used if used > self.limit_mb else None

    def _numbers(self, question: list[str]) -> list[list[float]]:
        """Rows of numbers; a line that holds anything else ('[N/A]') is left out."""
        rows = []
        for line in self._ask([f"--id={self.index}", *question]).splitlines():
            try:
                rows.append([float(part) for part in line.split(",")])
            except ValueError:
                continue
        return rows


def _smi(arguments: list[str]) -> str:
    """What nvidia-smi says; '' where it says nothing."""
    program = shutil.which("nvidia-smi", path="/usr/bin:/usr/local/bin:/usr/lib/wsl/lib")
    if program is None:
        return ""
    try:
        return subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=5, env={}, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
