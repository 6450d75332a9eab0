"""A control group for one sandbox, where one can be had: the only hard limit on memory as a whole.

Three ways, tried in this order: cgroup v1 (memory, pids, cpuacct writable), cgroup v2 (a parent that
delegates memory and pids and lets us in), `systemd-run --user --scope`. None of them: rlimits and
watchdogs only, and the report says so. Called by `jail` and `choosing`. Linux only.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

V1 = ("memory", "pids", "cpuacct")


class Group(NamedTuple):
    """One group. `folders` maps a controller to its directory (v2: 'unified')."""

    kind: str
    """'v1', 'v2' or 'systemd'."""
    folders: dict[str, Path]

    @property
    def hard(self) -> bool:
        """The kernel itself keeps the memory limit."""
        return True

    def procs(self) -> list[str]:
        """The files to write one's pid into."""
        return [] if self.kind == "systemd" else [str(f / "cgroup.procs") for f in self.folders.values()]

    def pids(self) -> list[int]:
        """Everything alive in it."""
        text = _read(next(iter(self.folders.values())) / "cgroup.procs")
        return [int(line) for line in text.split()]

    def oom_kills(self) -> int:
        """How many processes the kernel killed here for want of memory."""
        folder = self.folders.get("memory")
        text = _read(folder / "memory.oom_control" if folder else self.folders["unified"] / "memory.events")
        return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")), 0)

    def cpu_seconds(self) -> float | None:
        """CPU used by all that ever ran here."""
        if folder := self.folders.get("cpuacct"):
            text = _read(folder / "cpuacct.usage")
            return int(text) / 1e9 if text else None
        text = _read(self.folders["unified"] / "cpu.stat") if "unified" in self.folders else ""
        found = [line.split()[1] for line in text.splitlines() if line.startswith("usage_usec")]
        return int(found[0]) / 1e6 if found else None

    def remove(self) -> None:
        """Delete it; everything in it must be dead. systemd collects its own."""
        if self.kind == "systemd":
            return
        for folder in self.folders.values():
            for _ in range(100):  # a dead process leaves its group a moment after it is reaped
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.01)


def create(name: str, *, memory_mb: int, processes: int) -> Group | None:
    """A new group with these limits, or None where this user can't have one."""
    limit = memory_mb * 1024 * 1024
    if parents := _v1_parents():
        folders = {controller: parent / name for controller, parent in parents.items()}
        settings = [
            ("memory", "memory.limit_in_bytes", limit),
            ("memory", "memory.memsw.limit_in_bytes", limit),
            ("pids", "pids.max", processes),
        ]
        if _make(folders, settings, optional={"memory.memsw.limit_in_bytes"}):
            return Group("v1", folders)
    for parent in _v2_parents():
        folders = {"unified": parent / name}
        settings = [
            ("unified", "memory.max", limit),
            ("unified", "memory.swap.max", 0),
            ("unified", "pids.max", processes),
        ]
        if _make(folders, settings, optional={"memory.swap.max"}) and _may_enter(parent):
            return Group("v2", folders)
    return None


def sweep() -> None:
    """Remove the empty groups of a grader that was itself killed."""
    for parent in {*_v1_parents().values(), *_v2_parents()}:
        for folder in parent.glob("grader-*-*"):
            try:
                os.kill(int(folder.name.split("-")[1]), 0)
            except ProcessLookupError:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            except (OSError, ValueError):
                continue


def scope_command(*, memory_mb: int, processes: int) -> list[str]:
    """The `systemd-run` prefix that gives a scope with these limits, [] where there is no user session.

    `env -i` at its end, because systemd-run itself needs variables that must not get inside.
    """
    if not _systemd_works():
        return []
    properties = [f"MemoryMax={memory_mb}M", "MemorySwapMax=0", f"TasksMax={processes}"]
    flags = [part for value in properties for part in ("-p", value)]
    return [
        str(shutil.which("systemd-run")),
        *["--user", "--scope", "--quiet", "--collect"],
        *flags,
        "--",
        "/usr/bin/env",
        "-i",
    ]


def scope_of(pid: int) -> Group | None:
    """The scope that `systemd-run` put `pid` into."""
    for line in _read(Path(f"/proc/{pid}/cgroup")).splitlines():
        if line.startswith("0::") and ".scope" in line and (root := _mounts().get("cgroup2")):
            return Group("systemd", {"unified": root[0] / line[3:].lstrip("/")})
    return None


def of_process(pid: int, *, memory_mb: int) -> Group | None:
    """The group a container engine put `pid` into, if it has this memory limit. Only to be read."""
    own, mounts = _groups_of(f"/proc/{pid}/cgroup"), _mounts()
    folders = {
        controller: mounts[controller][0] / own[controller][len(mounts[controller][1]) :].lstrip("/")
        for controller in V1
        if controller in own and controller in mounts
    }
    file = "memory.limit_in_bytes"
    if not folders and "" in own and "cgroup2" in mounts:
        folders, file = {"unified": mounts["cgroup2"][0] / own[""].lstrip("/")}, "memory.max"
    folder = folders.get("memory") or folders.get("unified")
    said = _read(folder / file).strip() if folder else ""
    if not said.isdecimal() or int(said) > memory_mb * 1024 * 1024:
        return None
    return Group("v2" if "unified" in folders else "v1", folders)


def _make(folders: dict[str, Path], settings: list[tuple[str, str, int]], optional: set[str]) -> bool:
    try:
        for folder in folders.values():
            folder.mkdir()
        for controller, file, value in settings:
            try:
                (folders[controller] / file).write_text(str(value))
            except OSError:
                if file not in optional:
                    raise
    except OSError:
        for folder in folders.values():
            with contextlib.suppress(OSError):
                folder.rmdir()
        return False
    return True


def _may_enter(parent: Path) -> bool:
    """Moving a process needs write access to the common ancestor's cgroup.procs (v2)."""
    own = _own().get("", "/")
    root = _mounts()["cgroup2"][0]
    common = Path(os.path.commonpath([parent, root / own.lstrip("/")]))
    return os.access(common / "cgroup.procs", os.W_OK)


def _v1_parents() -> dict[str, Path]:
    mounts, own = _mounts(), _own()
    parents = {}
    for controller in V1:
        if controller not in mounts or controller not in own:
            return {}
        mount, root = mounts[controller]
        path = own[controller]
        parents[controller] = mount / (path[len(root) :] if path.startswith(root) else path).lstrip("/")
        if not os.access(parents[controller], os.W_OK):
            return {}
    return parents


def _v2_parents() -> list[Path]:
    if "cgroup2" not in _mounts():
        return []
    mount, own = _mounts()["cgroup2"][0], _own().get("", "/")
    here = mount / own.lstrip("/")
    wanted = {"memory", "pids"}
    return [
        parent
        for parent in dict.fromkeys((here, here.parent, mount))
        if parent.is_relative_to(mount)
        and wanted <= set(_read(parent / "cgroup.subtree_control").split())
        and os.access(parent, os.W_OK)
    ]


def _mounts() -> dict[str, tuple[Path, str]]:
    """Controller (or 'cgroup2') → its mount point and the group that is its root."""
    found: dict[str, tuple[Path, str]] = {}
    for line in _read(Path("/proc/self/mountinfo")).splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if kind[:1] == ["cgroup2"]:
            found["cgroup2"] = (Path(fields[4]), fields[3])
        elif kind[:1] == ["cgroup"]:
            for controller in kind[2].split(","):
                found[controller] = (Path(fields[4]), fields[3].rstrip("/"))
    return found


def _own() -> dict[str, str]:
    """Controller → the group this process is in ('' is v2)."""
    return _groups_of("/proc/self/cgroup")


def _groups_of(file: str) -> dict[str, str]:
    own = {}
    for line in _read(Path(file)).splitlines():
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path))
    return own


@functools.cache
def _systemd_works() -> bool:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if not runtime or not shutil.which("systemd-run") or not Path(runtime, "systemd").exists():
        return False
    command = [
        "systemd-run",
        "--user",
        "--scope",
        "--quiet",
        "--collect",
        "-p",
        "MemoryMax=64M",
        "--",
        "/bin/true",
    ]
    try:
        return subprocess.run(command, capture_output=True, timeout=3).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
