"""GPUs -> slots for notebooks: how many run on which device at once. No GPU is touched, only asked about.

A notebook takes a share of a device's memory (`memory_mb`), or a fraction of a device. A slot is held
while its notebook runs, and the device with the most free memory is filled first, so that load spreads.
Called by schedule.py; a Ray cluster keeps its own account.
"""

from __future__ import annotations

import os
import subprocess
from typing import NamedTuple

from grader.errors import UsageError

ASK = ["nvidia-smi", "--query-gpu=index,uuid,memory.total", "--format=csv,noheader,nounits"]


class Device(NamedTuple):
    """One GPU."""

    name: str
    """As CUDA_VISIBLE_DEVICES wants it: index or UUID."""
    memory_mb: int


class Slots:
    """An account of what is free on each device; `take` before a notebook, `give` after it."""

    def __init__(self, devices: tuple[Device, ...], need_mb: dict[str, int]) -> None:
        """`need_mb`: what one notebook takes, by device name."""
        self._whole = {device.name: device.memory_mb for device in devices}
        self._free, self._need = dict(self._whole), need_mb
        self.room = sum(self.seats(device.name) for device in devices)
        """So many notebooks fit at once."""

    def take(self) -> str | None:
        """The device the next notebook runs on; None while all are full."""
        fitting = [name for name, free in self._free.items() if free >= self._need[name]]
        if not fitting:
            return None
        # Of equal devices the first: the same batch is spread the same way.
        name = max(fitting, key=lambda name: self._free[name])
        self._free[name] -= self._need[name]
        return name

    def seats(self, name: str) -> int:
        """So many notebooks share device `name`."""
        return self._whole[name] // self._need[name]

    def give(self, name: str) -> None:
        """A notebook on device `name` has ended, however it did."""
        self._free[name] += self._need[name]


def slots(devices: tuple[Device, ...], *, fraction: float = 0.0, memory_gib: float = 0.0) -> Slots | None:
    """Slots for notebooks that take `memory_gib` or `fraction` of a device; None where neither is asked for.

    A fraction above 1/2 gives each notebook a device of its own. Raises UsageError where there is no
    device, or none is large enough: a notebook that can't get what was asked for would fail as if by
    its own fault.
    """
    if not fraction and not memory_gib:
        return None
    asked = f"--gpu-memory {memory_gib:g}" if memory_gib else f"--gpus {fraction:g}"
    if not memory_gib and not 0 < fraction <= 1:
        raise UsageError(
            ko=f"{asked}: 한 컴퓨터에서는 노트북 하나에 GPU 0~1개입니다. 예: 0.25면 GPU 하나에 네 권.",
            en=f"{asked}: on one machine a notebook takes 0 to 1 GPU; 0.25 puts four on one device.",
        )
    if not devices:
        raise UsageError(
            ko=f"{asked}: 이 컴퓨터에서 GPU를 찾지 못했습니다 (nvidia-smi). 옵션을 빼면 CPU로 실행합니다.",
            en=f"{asked}: found no GPU here (nvidia-smi). Without the option notebooks run on the CPU.",
        )
    # Rounded up: 0.25 of a device must never let a fifth notebook in.
    need = {
        device.name: max(1, int(1024 * memory_gib) if memory_gib else -int(-device.memory_mb * fraction // 1))
        for device in devices
    }
    fitting = tuple(device for device in devices if device.memory_mb >= need[device.name])
    if not fitting:
        largest = max(device.memory_mb for device in devices) / 1024
        raise UsageError(
            ko=f"{asked}: 가장 큰 GPU도 {largest:.1f} GiB입니다. 더 작은 값을 적어 주세요.",
            en=f"{asked}: the largest GPU here has {largest:.1f} GiB. Ask for less.",
        )
    return Slots(fitting, need)


def one_each(devices: tuple[Device, ...]) -> Slots | None:
    """One notebook on each device, where nobody asked for anything; None where there is no device.

    More would wait in their sandboxes for a device to get free, and the waiting would count as theirs.
    """
    return slots(devices, fraction=1.0) if devices else None


def devices() -> tuple[Device, ...]:
    """The GPUs this process may use, with their whole memory; () where there is none."""
    try:
        said = subprocess.run(ASK, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return visible(said, os.environ.get("CUDA_VISIBLE_DEVICES"))


def visible(said: str, allowed: str | None) -> tuple[Device, ...]:
    """nvidia-smi's lines as devices; `allowed`: CUDA_VISIBLE_DEVICES, whose order counts."""
    found: dict[str, Device] = {}
    for line in said.splitlines():
        index, uuid, memory = ([part.strip() for part in line.split(",")] + ["", "", ""])[:3]
        if memory.isdecimal():
            found[index] = Device(index, int(memory))
            found[uuid] = Device(uuid, int(memory))
    if allowed is None:
        return tuple(device for name, device in found.items() if name.isdecimal())
    wanted = []
    for name in (part.strip() for part in allowed.split(",")):
        # CUDA itself stops at the first name that it doesn't know.
        if name not in found:
            break
        wanted.append(found[name])
    return tuple(wanted)
