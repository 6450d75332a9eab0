"""One sandbox: its folders on the host, its process tree, and the certain end of both.

`Jail` starts one program in bubblewrap and kills everything inside. What it is not: it knows no kernels
and no clocks; `driver` and `process` do. `arguments` has bubblewrap's options. Linux only for
'bubblewrap'; 'none' runs on any POSIX system, without isolation.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.errors import SandboxError
from grader.records import Limits, Note, NoteKind
from grader.sandbox import arguments, cgroup, gpu, seccomp
from grader.sandbox.members import Members
from grader.sandbox.types import HOME, OUT, WORK, Bind, Isolation

SERVICE_UIDS = range(61184, 65520)
"""Outside, when started as root: from the range systemd sets apart for services without a name."""
STAGE = "/tmp"
"""Where `enter` stages what root can read, in a mount namespace nobody else sees."""
START_TIMEOUT = 20.0
SWEEP_AFTER = 60.0
"""Seconds of age; a younger folder may not be locked yet."""
PREFIX = "grader-box-"
"""Of the folders in the temporary directory."""

_serial = itertools.count()


class NotStarted(SandboxError):
    """The program inside was never reached: nothing of a student's has run. `why` in English."""

    def __init__(self, why: str) -> None:
        super().__init__(
            ko=f"샌드박스 안에서 주피터 커널이 시작되지 않았어요: {why}",
            en=f"The Jupyter kernel did not start inside the sandbox: {why}",
        )


class Jail:
    """The folders of one sandbox and, once started, its processes. Use as a context manager."""

    exit_seconds = 1.0
    """So long after a kernel's end `process` may still seem alive."""

    def __init__(
        self, isolation: Isolation, *, limits: Limits, binds: Sequence[Bind] = (), python: str = ""
    ) -> None:
        import fcntl  # not on Windows

        self.isolation, self.limits, self.python = isolation, limits, python
        self.binds = tuple(bind._replace(source=Path(bind.source).resolve()) for bind in binds)
        for bind in self.binds:
            if not bind.source.exists():
                raise SandboxError(
                    ko=f"샌드박스에 넣을 {bind.source} 파일이 없어요.",
                    en=f"{bind.source} to mount is missing.",
                )
        self.bubblewrap = isolation.name == "bubblewrap"
        self.group: cgroup.Group | Members | None = None
        self.gpu: gpu.Lent | None = None
        self.notes: list[Note] = []  # what people should know of this one run
        self.process: subprocess.Popen[bytes] | None = None
        self._init = -1  # pidfd of pid 1 inside: once that has ended, nothing inside is alive
        self._uid: int | None = None
        if isolation.name != "none" and os.geteuid() == 0:
            self._uid, self._claim = _service_uid()
        # A short path: a unix socket's name has at most 107 bytes.
        temporary = tempfile.gettempdir()
        self.base = Path(tempfile.mkdtemp(prefix=PREFIX, dir=temporary if len(temporary) < 50 else "/tmp"))
        self._lock = os.open(self.base, os.O_RDONLY | os.O_CLOEXEC)  # held as long as we live; see `sweep`
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.home, self.control = self.base / "h", self.base / "c"
        own = (self.home, self.control, self.home / "work", self.home / "out")
        for folder in own:
            folder.mkdir(mode=0o700)
        if isolation.mounts:
            arguments.make_etc(self.base / "e")
        if self._uid is not None:
            self.base.chmod(0o711)
            for folder in (
                *own,
                *(b.source for b in self.binds if b.writable and b.source.stat().st_uid == 0),
            ):
                os.chown(folder, self._uid, self._uid)

    def __enter__(self) -> Jail:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        if self.group:
            self.group.remove()
        if self.gpu:
            self.gpu.give_back()
        delete(self.base)
        os.close(self._lock)
        if self._uid is not None:
            self._claim.close()

    def own(self, *paths: Path) -> None:
        """Make `paths` the property of the user inside."""
        if self._uid is not None:
            for path in paths:
                os.chown(path, self._uid, self._uid, follow_symlinks=False)

    def gpu_memory(self) -> gpu.Memory | None:
        """For the watchdog, where this sandbox has a GPU."""
        return gpu.Memory(self.gpu.index, seats=self.gpu.seats) if self.gpu else None

    @property
    def control_inside(self) -> str:
        """The folder of the kernel's sockets as the kernel sees it."""
        return arguments.CONTROL if self.isolation.mounts else str(self.control)

    @property
    def outbox(self) -> Path:
        """The outbox, on the host."""
        return self.home / "out"

    @property
    def writable(self) -> tuple[Path, ...]:
        """Every folder on disk that can grow."""
        return (self.home, self.control, *(bind.source for bind in self.binds if bind.writable))

    def pipe(self) -> tuple[int, int]:
        """A pipe to write into from inside: (our end, theirs, to be passed to `start` and then closed)."""
        return os.pipe2(os.O_CLOEXEC)

    def start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        *,
        pass_fds: Sequence[int] = (),
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.DEVNULL,
        nest: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start the one program of this sandbox; `env` is all it gets beside the minimum. `nest` is for
        `zygote` alone: it may make namespaces of its own.

        The process dies with the *thread* that starts it, so start and wait in the same one.
        """
        streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr, "start_new_session": True}
        if not self.bubblewrap:
            bare = self._bare_env(env)
            self.process = subprocess.Popen(
                argv, env=bare, cwd=self.home / "work", pass_fds=pass_fds, **streams
            )
            return self.process
        name = next_name()
        tasks = self.limits.processes + 8  # bubblewrap's own processes count too
        self.group = cgroup.create(name, memory_mb=self.limits.memory_mb, processes=tasks)
        if self.group is None and self.isolation.says(NoteKind.CGROUP):
            raise SandboxError(
                ko="메모리 한도용 cgroup을 더는 만들 수 없어요. 다시 실행하면 다른 방법을 찾아요.",
                en="The cgroup that limits memory can't be made any more. Run again to find another way.",
            )
        scope: list[str] = []
        if self.group is None and self.isolation.says(NoteKind.SCOPE):
            scope = cgroup.scope_command(memory_mb=self.limits.memory_mb, processes=tasks)
        # env={}: --clearenv alone leaves the grader's environment in /proc/1/environ (bubblewrap #725)
        needed = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS") if scope else ()
        outer = {key: os.environ[key] for key in needed if key in os.environ}

        with contextlib.ExitStack() as stack:

            def hold(fd: int) -> int:
                stack.callback(os.close, fd)
                return fd

            info, info_in = os.pipe2(os.O_CLOEXEC)
            hold(info)
            if self.bubblewrap and not nest:
                self.gpu = gpu.borrow(tell=self.notes.append)
                if self.gpu:  # the one device inside is number 0, whatever it is here
                    env = {name: value for name, value in env.items() if name != "CUDA_VISIBLE_DEVICES"}
            filter_ = hold(seccomp.as_fd(seccomp.program(gpu=self.gpu is not None, nest=nest)))
            mounts = arguments.mounts(self.python, base=self.base, binds=self.binds)
            staged = [
                f"{STAGE}/{i}" if self._uid is not None else str(m.source) for i, m in enumerate(mounts)
            ]
            numbers = {"seccomp_fd": filter_, "info_fd": info_in}
            nodes = self.gpu.nodes if self.gpu else ()
            options = arguments.build(self.python, mounts, staged, env, **numbers, nest=nest, devices=nodes)
            # --args FD: command lines are world-readable, inside as well
            options_fd = hold(memory_file("bwrap-args", "\0".join(options).encode()))
            rlimits = arguments.rlimits(self.limits, hard=self.isolation.hard)
            command = [*scope, arguments.bwrap(), "--args", str(options_fd), "--", *rlimits, *argv]
            fds = [*pass_fds, filter_, info_in, options_fd]
            if self._uid is not None or (self.group and self.group.procs()):
                spec = (
                    ("" if self._uid is None else str(self._uid), str(os.getpid()), STAGE),
                    self.group.procs() if self.group else [],
                    [str(mount.source) for mount in mounts],
                    command,
                )
                packed = "\0\0".join("\0".join(group) for group in spec).encode()
                fds.append(hold(memory_file("enter", packed)))
                enter = str(Path(__file__).with_name("enter.py"))
                command = [sys.executable, "-I", "-S", enter, str(fds[-1])]
            try:
                self.process = subprocess.Popen(command, env=outer, cwd="/", pass_fds=fds, **streams)
            finally:
                os.close(info_in)
            self._hold_init(info)
        if scope:
            self.group = cgroup.scope_of(self.process.pid)
        return self.process

    def kill(self) -> None:
        """SIGKILL to everything inside; returns when nothing of it is left (at most 10 s)."""
        process = self.process
        if process is None:
            return
        if self.bubblewrap:
            for pid_fd in (self._init,):
                if pid_fd >= 0:
                    with contextlib.suppress(ProcessLookupError):
                        signal.pidfd_send_signal(pid_fd, signal.SIGKILL)
                    select.select([pid_fd], [], [], 10.0)  # readable once pid 1 and all below have ended
                    os.close(pid_fd)
                    self._init = -1
        else:
            _kill_tree(process.pid)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)  # bwrap ends by itself when its child does, and reports its CPU time
        process.kill()
        process.wait()

    def _hold_init(self, info: int) -> None:
        """A handle on pid 1 inside, from what bwrap reports; without one, killing bwrap must do."""
        deadline, text = time.monotonic() + START_TIMEOUT, b""
        while time.monotonic() < deadline:
            if select.select([info], [], [], 0.5)[0]:
                chunk = os.read(info, 4096)
                text += chunk
                if not chunk or b"}" in text:
                    break
        with contextlib.suppress(ValueError, KeyError, ProcessLookupError):
            self._init = os.pidfd_open(json.loads(text)["child-pid"])

    def _bare_env(self, env: Mapping[str, str]) -> dict[str, str]:
        """Without isolation nothing is mounted: paths inside become those of the sources."""
        path = os.pathsep.join((str(Path(self.python).parent), os.environ.get("PATH", os.defpath)))
        bare = {"PATH": path, "HOME": str(self.home), "LANG": "C.UTF-8", "OUTBOX": str(self.outbox), **env}
        places = [(bind.target, str(bind.source)) for bind in self.binds]
        places += [(WORK, str(self.home / "work")), (OUT, str(self.outbox)), (HOME, str(self.home))]
        for key, value in bare.items():
            for target, source in places:
                if value == target or value.startswith(target + "/"):
                    bare[key] = source + value[len(target) :]
                    break
        return bare


def next_name() -> str:
    """Of a control group; `cgroup.sweep` reads our process number from it."""
    return f"grader-{os.getpid()}-{next(_serial)}"


def delete(folder: Path) -> None:
    """Remove `folder` whatever a student left in it: closed folders, ten thousand levels.

    By coreutils, which go down by file descriptor; `shutil.rmtree` recurses and gives up.
    """
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        subprocess.run(["chmod", "-R", "u+rwX", "--", str(folder)], capture_output=True)
        subprocess.run(["rm", "-rf", "--", str(folder)], capture_output=True)


def sweep() -> None:
    """Remove what a grader that was itself killed has left behind (its sandboxes died with it)."""
    import fcntl

    cgroup.sweep()
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            status = os.fstat(fd)
            if status.st_uid == os.geteuid() and time.time() - status.st_ctime > SWEEP_AFTER:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while the owner lives
                delete(folder)
        except OSError:
            continue
        finally:
            os.close(fd)


def memory_file(name: str, content: bytes) -> int:
    """`content` behind a file descriptor at position 0."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC)
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _service_uid() -> tuple[int, socket.socket]:
    """An unprivileged user for one sandbox, its own as long as the socket returned is open.

    Raises SandboxError where root can't become another user.
    """
    lines = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    mapped = [range(int(first), int(first) + int(count)) for first, _, count in lines]
    start = os.getpid() * 31 + next(_serial)
    for turn in range(len(SERVICE_UIDS)):
        number = SERVICE_UIDS[(start + turn) % len(SERVICE_UIDS)]
        if not any(number in part for part in mapped):
            break
        claim = socket.socket(socket.AF_UNIX)  # a name without a file is free again when we are gone
        try:
            claim.bind(f"\0grader-user-{number}")
            return number, claim
        except OSError:
            claim.close()
    raise SandboxError(
        ko="이 컨테이너의 root는 다른 사용자로 바꿀 수 없어서 격리할 수 없어요. 일반 사용자로 실행해 주세요.",
        en="root in this container can't become another user, so there is no isolation. "
        "Run it as an ordinary user.",
    )


def _kill_tree(pid: int) -> None:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
