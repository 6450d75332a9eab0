"""What is alive in a sandbox, where bubblewrap's one tree in one control group of ours is not the answer.

Speaks the language of `cgroup.Group`, so `watch` and `driver` need not know. Called by `container`,
`landlock` and `watch`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from grader.sandbox.cgroup import Group


class Members:
    """The processes that `find` finds, with the control group they are in, if there is one with limits.

    `oom`: asked once the group is gone: did the kernel kill something in it for want of memory?
    """

    def __init__(
        self, find: Callable[[], list[int]], group: Group | None, oom: Callable[[], bool] | None = None
    ) -> None:
        self._find, self._group, self._oom = find, group, oom
        self._seen = 0
        self._after: int | None = None

    @property
    def hard(self) -> bool:
        """The kernel itself keeps the memory limit."""
        return self._group is not None

    def procs(self) -> list[str]:
        return self._group.procs() if self._group else []

    def pids(self) -> list[int]:
        if self._group is None:
            return self._find()
        self._seen = max(self._seen, self._group.oom_kills())
        return self._group.pids() or self._find()

    def oom_kills(self) -> int:
        if self._group is None:
            return 0
        if self._oom is None or any(folder.exists() for folder in self._group.folders.values()):
            return max(self._seen, self._group.oom_kills())
        if self._seen:
            return self._seen
        if self._after is None:
            self._after = int(self._oom())
        return self._after

    def cpu_seconds(self) -> float | None:
        return self._group.cpu_seconds() if self._group else None

    def remove(self) -> None:
        """Delete the group; an engine's is gone by then."""
        if self._group:
            self._group.remove()


def tree(pid: int) -> list[int]:
    """`pid` and all below it."""
    import psutil

    try:
        top = psutil.Process(pid)
        return [top.pid, *(child.pid for child in top.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def of_user(uid: int) -> list[int]:
    """Every living process whose real or effective user is `uid`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                status = (entry / "status").read_text()
            except OSError:
                continue
            fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
            if str(uid) in fields.get("Uid", "").split() and not fields["State"].strip().startswith("Z"):
                found.append(int(entry.name))
    return found
