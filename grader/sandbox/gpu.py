"""A GPU inside a sandbox: which device nodes, who has a seat on it, and a look from outside at its memory.

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

from grader.records import Note, NoteKind

SHARED = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")
"""Nodes that every CUDA program needs, beside its own nvidiaN; those that are missing are left out."""
EVERY = 2.0
"""Seconds between two looks: nvidia-smi takes a tenth of one."""
ASK = ("--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits")
SHARE = 0.95
"""Of the device's memory that all its notebooks together may take, each of them its part."""
SEATS = "GRADER_GPU_SEATS"
"""Variable beside CUDA_VISIBLE_DEVICES: how many notebooks share a device; one where it is not set."""
PLACES = 64
"""Locks of a device. One of `n` seats holds the n-th part of them, so that seats of different sizes, of two
graders on one machine, never overlap."""
PATIENCE = 3600.0
"""Seconds that a notebook waits for a GPU."""
UNKNOWN = Note(
    kind=NoteKind.GPU_UNKNOWN,
    detail="CUDA_VISIBLE_DEVICES names no GPU that is known here: ran on the CPU",
)


class Lent(NamedTuple):
    """A seat on one GPU, ours until `give_back`."""

    index: int
    nodes: tuple[str, ...]
    locks: tuple[socket.socket, ...]
    seats: int = 1
    """So many notebooks share the device, each with its part of the memory."""

    def give_back(self) -> None:
        """The next notebook may have it."""
        for lock in self.locks:
            lock.close()


def indices(dev: Path = Path("/dev")) -> list[int]:
    """Numbers of the NVIDIA GPUs there are."""
    found = (re.fullmatch(r"nvidia(\d+)", entry.name) for entry in dev.glob("nvidia*"))
    return sorted(int(match[1]) for match in found if match)


def offered(dev: Path = Path("/dev"), ask: Callable[[list[str]], str] | None = None) -> list[int]:
    """Of those there are, the ones that CUDA_VISIBLE_DEVICES allows, in its order; '' allows none.

    It may name them by UUID, or by the beginning of one: nvidia-smi knows which is which.
    """
    there, allowed = indices(dev), os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None or not there:
        return there
    names = [part.strip() for part in allowed.split(",")]
    uuids = _uuids(ask or _smi) if any(name.startswith("GPU-") for name in names) else {}
    found: list[int] = []
    for name in names:
        alike = [index for uuid, index in uuids.items() if name and uuid.startswith(name)]
        index = int(name) if name.isdecimal() else alike[0] if len(alike) == 1 else -1
        if index not in there:  # CUDA itself stops at the first name that it doesn't know
            break
        found.append(index)
    return list(dict.fromkeys(found))


def borrow(
    dev: Path = Path("/dev"),
    mark: str = "",
    patience: float = PATIENCE,
    *,
    ask: Callable[[list[str]], str] | None = None,
    tell: Callable[[Note], None] = lambda why: None,
) -> Lent | None:
    """A seat on a GPU, waiting for one; None where there is none, or not in time: `tell` hears why.

    Of the GPUs that are `offered`; SEATS says how many share one. The locks are names in the kernel's own
    table, so they are the same for every user and folder, and gone with whoever held them.
    """
    there, seats = offered(dev, ask), _seats()
    if not there:
        if indices(dev) and re.match(r"\d|GPU-|MIG-", os.environ.get("CUDA_VISIBLE_DEVICES", "")):
            tell(UNKNOWN)
        return None
    deadline = time.monotonic() + patience
    while True:
        for seat in range(seats):  # the first seat of each device before the second of any
            for index in there:
                places = range(seat * PLACES // seats, (seat + 1) * PLACES // seats)
                if locks := _claim([f"\0grader-gpu-{mark}{index}/{place}" for place in places]):
                    names = (f"nvidia{index}", *SHARED)
                    nodes = tuple(str(dev / name) for name in names if (dev / name).exists())
                    return Lent(index, nodes, locks, seats)
        if time.monotonic() > deadline:
            tell(none_free(patience))
            return None
        time.sleep(0.2)


def none_free(patience: float) -> Note:
    """The note of a notebook that waited `patience` seconds in vain."""
    waited = f"no GPU got free within {patience / 60:.0f} minutes: ran on the CPU"
    return Note(kind=NoteKind.GPU_BUSY, detail=waited)


def _claim(names: list[str]) -> tuple[socket.socket, ...]:
    """All of `names`, or nothing."""
    locks: list[socket.socket] = []
    for name in names:
        locks.append(socket.socket(socket.AF_UNIX))
        try:
            locks[-1].bind(name)
        except OSError:
            for lock in locks:
                lock.close()
            return ()
    return tuple(locks)


def _seats() -> int:
    said = os.environ.get(SEATS, "")
    return min(max(1, int(said)), PLACES) if said.isdecimal() else 1


def _uuids(ask: Callable[[list[str]], str]) -> dict[str, int]:
    """Index by UUID, as nvidia-smi says."""
    lines = [
        line.split(",") for line in ask(["--query-gpu=index,uuid", "--format=csv,noheader"]).splitlines()
    ]
    rows = [(parts[0].strip(), parts[1].strip()) for parts in lines if len(parts) == 2]
    return {uuid: int(index) for index, uuid in rows if index.isdecimal()}


def options(nodes: Collection[str], sys: Path = Path("/sys")) -> list[str]:
    """bubblewrap's options for `nodes`; they must stand before /dev becomes read-only."""
    if not nodes:
        return []
    found = [part for node in nodes for part in ("--dev-bind", node, node)]
    return [*found, "--ro-bind", str(sys), "/sys"]


class Memory:
    """GPU memory of some processes, by nvidia-smi, at its own pace."""

    def __init__(self, index: int, ask: Callable[[list[str]], str] | None = None, *, seats: int = 1) -> None:
        self.index, self._ask = index, ask or _smi
        self._next = 0.0
        self.peak_mb = 0.0
        total = self._numbers(["--query-gpu=memory.total", "--format=csv,noheader,nounits"])
        self.limit_mb = SHARE * total[0][0] / seats if total else None

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
