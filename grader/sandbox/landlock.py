"""One sandbox without namespaces: Landlock's path rules, the system-call filter, a user of its own.

A reduced isolation for machines where bubblewrap can't have user namespaces, chosen by name only; what
it does not cover is `NOT_COVERED` and stands in every report. Only root can use it, because what Landlock
leaves open (modes and times of files, signals) is closed by being a different user. `confine` does the
work in a process of its own. Called by `boxes`. Linux 6.7 or later.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.errors import SandboxError
from grader.records import NoteKind
from grader.sandbox import arguments, cgroup, interpreter, seccomp
from grader.sandbox.jail import Jail, memory_file, next_name
from grader.sandbox.members import Members, of_user

SYS_CREATE_RULESET, VERSION = 444, 1
CONFINE = Path(__file__).with_name("confine.py")
LEAST_ABI = 4
"""Of the kernel: with rules for TCP (Linux 6.7)."""
SCOPES_ABI = 6
"""With rules for abstract sockets and signals (Linux 6.12)."""
READ_ONLY = tuple(
    "/usr /etc/ld.so.cache /etc/localtime /etc/alternatives /etc/fonts /sys/devices/system/cpu "  # noqa: SIM905
    "/proc/cpuinfo /proc/meminfo /proc/stat /proc/filesystems /proc/sys/vm/overcommit_memory".split()
)
DEVICES = tuple(f"/dev/{n}" for n in "null zero full random urandom shm ptmx pts".split())  # noqa: SIM905
"""Terminals too: `!command` in a cell makes one. Others' terminals belong to others."""
NOT_COVERED = (
    "unix sockets of the host that every user may connect to",
    "names, sizes and times of files anywhere (stat), and which process numbers exist",
    "servers inside are reachable from the host; the host's network addresses can be seen",
)
"""English, for the notes of every report."""


def abi() -> int:
    """The kernel's Landlock version, 0 without Landlock."""
    found = ctypes.CDLL(None, use_errno=True).syscall(SYS_CREATE_RULESET, None, 0, VERSION)
    return max(found, 0)


class Confined(Jail):
    """See `Jail`. `self.process` is `confine`, which waits for the program as root."""

    _leash = -1

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
        """See `Jail.start`."""
        if self._uid is None:
            raise needs_root()
        group = cgroup.create(
            next_name(), memory_mb=self.limits.memory_mb, processes=self.limits.processes + 8
        )
        if group is None and self.isolation.says(NoteKind.CGROUP):
            raise SandboxError(
                ko="메모리 한도용 cgroup을 더는 만들 수 없어요. 다시 실행하면 다른 방법을 찾아요.",
                en="The cgroup that limits memory can't be made any more. Run again to find another way.",
            )
        uid = self._uid
        self.group = Members(lambda: of_user(uid), group)
        temporary = self.home / "tmp"
        temporary.mkdir(mode=0o700)
        os.chown(temporary, uid, uid)
        folders = interpreter.needs(self.python).folders if self.python else ()
        system = [f"/{name}" for name in ("lib", "lib64", "bin", "sbin") if not Path("/", name).is_symlink()]
        given = [bind for bind in self.binds if not bind.writable]
        spec = {
            "uid": uid,
            "procs": self.group.procs(),
            "read": [*READ_ONLY, *system, *map(str, folders), *(str(b.source) for b in given)],
            "write": [*DEVICES, *map(str, self.writable)],
            "masked": [str(p) for p in (interpreter.needs(self.python).masked if self.python else ())],
            "shm_mb": arguments.SHM_MB,
            "abi": abi(),
            "argv": [*arguments.rlimits(self.limits, hard=self.isolation.hard), *argv],
            "env": {**self._bare_env(env), "PATH": self._path(), "TMPDIR": str(temporary), "USER": "student"},
            "cwd": str(self.home / "work"),
        }
        with contextlib.ExitStack() as stack:
            held = [
                memory_file("spec", json.dumps(spec).encode()),
                seccomp.as_fd(seccomp.program(host_network=True)),
            ]
            leash, self._leash = os.pipe2(os.O_CLOEXEC)
            for fd in (*held, leash):
                stack.callback(os.close, fd)
            numbers = [str(fd) for fd in (*held, leash)]
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(CONFINE), *numbers, *map(str, pass_fds)],
                env={},
                cwd="/",
                pass_fds=[*held, leash, *pass_fds],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        return self.process

    def kill(self) -> None:
        """See `Jail.kill`. `confine` does it when the leash is let go, or when we are gone."""
        if self._leash >= 0:  # also where `confine` itself could not be started
            os.close(self._leash)
            self._leash = -1
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10.0)
        self.process.kill()
        self.process.wait()

    def _path(self) -> str:
        own = [str(Path(self.python).parent)] if self.python else []
        return ":".join((*own, "/usr/local/bin:/usr/bin:/bin"))


def needs_root() -> SandboxError:
    """Why an ordinary user can't have it."""
    return SandboxError(
        ko="격리 방식 'landlock'은 root로 시작할 때만 돼요. "
        "노트북을 다른 사용자로 실행해야 하는데 일반 사용자는 그렇게 할 수 없어요. "
        "같은 사용자라면 노트북이 내 파일의 권한과 시각을 바꾸고 내 프로세스를 볼 수 있어요. "
        "`sudo`로 실행하거나, bubblewrap이나 podman을 쓰거나, `--no-run`을 쓰세요.",
        en="Isolation 'landlock' works only when started as root: the notebook has to run as a different "
        "user, and an ordinary user can't become one. As the same user it could change modes and times of "
        "your files and look into your processes. Use `sudo`, or bubblewrap or podman, or `--no-run`.",
    )
