"""One sandbox that is a container: the same folders, mounts and limits as bubblewrap's, by an engine.

The engine's own processes are not ours and outlive us, so removal hangs on a leash. Started as root, the
program inside is a service user without capabilities; under a rootless engine it is mapped to the user
who runs the grader. Called by `boxes`. `engine` has the options.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.records import Limits
from grader.sandbox import arguments, cgroup, engine, seccomp
from grader.sandbox.jail import START_TIMEOUT, Jail
from grader.sandbox.leash import Leash
from grader.sandbox.members import Members, tree
from grader.sandbox.types import Bind, Isolation

PIPE = "p"
"""In the folder of the kernel's sockets: the probe's pipe by name, because docker passes no descriptors."""
PIPE_FD = 3
POLL = 0.01
WAITING = frozenset({"", "sh", "sleep"})
"""Programs of ours that are left in a container once the student's has ended."""
LINGER = '"$@"; code=$?; [ $code -ne 137 ] || sleep 0.6; exit $code'
"""Killed for memory: the control group that says so is gone with the container, so there is time to look."""


class Container(Jail):
    """See `Jail`. `self.process` is the engine's own program, attached to the container's streams."""

    def __init__(
        self, isolation: Isolation, *, limits: Limits, binds: Sequence[Bind] = (), python: str = ""
    ) -> None:
        super().__init__(isolation, limits=limits, binds=binds, python=python)
        self.engine = engine.find(isolation.engine)
        self.name = f"{self.base.name}-{os.getpid()}"
        self._leash: Leash | None = None
        self._held = -1
        self.base.chmod(0o711)  # a rootless engine's root is another user
        for name in ("hostname", "resolv.conf"):  # docker mounts its own there
            (self.base / "e" / name).touch()

    @property
    def exit_seconds(self) -> float:
        """See `Jail`. An engine takes its time to say that a kernel has ended; one that lives is seen."""
        names = {_name(pid) for pid in self.group.pids()} if self.group else set()
        return 1.0 if names - WAITING else 10.0

    def pipe(self) -> tuple[int, int]:
        """A named pipe in the folder of the sockets; we hold a writing end, so it never looks closed."""
        path = self.control / PIPE
        os.mkfifo(path, 0o600)
        if self._uid is not None:
            os.chown(path, self._uid, self._uid)
        read = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._held = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        return read, os.dup(self._held)

    def start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        *,
        pass_fds: Sequence[int] = (),
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """See `Jail.start`; the only descriptor that can be passed on is that of `pipe`."""
        (self.base / "seccomp.json").write_text(seccomp.profile())
        mounts = arguments.mounts(self.python, base=self.base, binds=self.binds)
        store = self.base / "s"
        store.mkdir(mode=0o700)
        user = self._uid if self._uid is not None else os.getuid()
        place = {"python": self.python, "base": self.base, "user": user, "limits": self.limits}
        options = engine.options(self.engine, self.name, mounts, **place)
        if self.engine.name == "podman":
            root = self.base / "r"
            root.mkdir(mode=0o755)
            engine.skeleton(root, mounts)
            options += ["--rootfs", str(root)]
        else:
            options.append(engine.image(self.engine))
        inside = {**arguments.environment(self.python, env)}
        if pass_fds:
            inside["PROBE_FD"] = str(PIPE_FD)
        opened = f"exec {PIPE_FD}>{arguments.CONTROL}/{PIPE}; " if pass_fds else ""
        # env -i: the engine adds variables. A shell as pid 1 waits for orphans; nobody inside can kill it.
        program = ["/usr/bin/env", "-i", *(f"{key}={value}" for key, value in inside.items())]
        limits = arguments.rlimits(self.limits, hard=self.isolation.hard)
        program += ["/bin/sh", "-c", opened + LINGER, "sh", *limits, *argv]
        command, outer = self.engine.command(store), engine.environment(store)
        self._leash = Leash(self.engine.removal(store, self.name), env=outer)
        streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr, "start_new_session": True}
        self.process = subprocess.Popen([*command, *options, *program], env=outer, cwd="/", **streams)
        self._find()
        return self.process

    def _find(self) -> None:
        """A handle on pid 1 inside and the container's control group, once it runs."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self.process.poll() is None:
            if pid := self._pid():
                with contextlib.suppress(OSError):
                    self._init = os.pidfd_open(pid)
                    group = cgroup.of_process(pid, memory_mb=self.limits.memory_mb)
                    self.group = Members(lambda: tree(pid), group, self._oom)
                return
            time.sleep(POLL)

    def _pid(self) -> int:
        if self.engine.name == "podman":
            with contextlib.suppress(OSError, ValueError):
                return int((self.base / "pid").read_text())
            return 0
        return int(self._inspect("{{.State.Pid}}") or 0)

    def _inspect(self, what: str) -> str:
        store = self.base / "s"
        command = [*self.engine.command(store), "container", "inspect", "--format", what, self.name]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(command, capture_output=True, timeout=20, env=engine.environment(store))
            return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
        return ""

    def _oom(self) -> bool:
        """Did the kernel kill something here for want of memory? Asked once the control group is gone."""
        return self._inspect("{{.State.OOMKilled}}") == "true"

    def kill(self) -> None:
        """See `Jail.kill`. What it holds is let go also where the program never started."""
        try:
            if self.process is not None:
                self._end(self.process)
        finally:
            self._pull()
            if self._held >= 0:
                os.close(self._held)
                self._held = -1

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if self._init >= 0:
            with contextlib.suppress(OSError):  # not ours to signal with docker: the engine does it below
                signal.pidfd_send_signal(self._init, signal.SIGKILL)
                select.select([self._init], [], [], 10.0)
            os.close(self._init)
            self._init = -1
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2.0)
        self._pull()
        process.kill()
        process.wait()

    def _pull(self) -> None:
        """Have the engine remove the container, where it was asked for one."""
        if self._leash is not None:
            self._leash.pull()
            self._leash = None


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
