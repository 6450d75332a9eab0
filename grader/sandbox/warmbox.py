"""A zygote and the boxes that its children live in, seen from outside.

`Zygote` is the outer sandbox: an ordinary jail whose one program is zygote.py. `WarmBox` is one box inside
it; `driver` and `process` use it exactly as they use a `Jail`. What they are not: they choose nothing;
`warm` does. Believed of what comes from inside: nothing once the program was started; before that only
our own code runs there, and its process ids are the kernel's word (SCM_CREDENTIALS, a pidfd), not its own.
"""

from __future__ import annotations

import array
import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from grader.errors import SandboxError
from grader.records import Limits
from grader.sandbox import arguments, cgroup, seccomp
from grader.sandbox.jail import CGROUP_NOTE, Jail, NotStarted, delete, memory_file
from grader.sandbox.types import HOME, WORK, Bind, Isolation, Preload

SOURCE = Path(__file__).with_name("zygote.py")
PROGRAM, SLOTS = "/run/zygote.py", "/run/slots"
"""Inside the outer sandbox: its program, and the folder that holds each box's own folders."""
ROOMY = Limits(total_seconds=1e6, memory_mb=1 << 20, disk_mb=1 << 20, processes=8192)
"""Of the zygote: it runs our code only; each box has limits and a control group of its own."""
IMPORTS = 300.0
"""Seconds for all imports on a busy machine."""
ANSWER = 40.0
"""Seconds for a child to be in its box."""
GONE = 10.0
MAX_TEMPLATE = 4 << 20
"""Bytes that imports may leave in a home folder (a font cache) to be copied into each box."""
FDS = {"seccomp_fd": 100, "info_fd": 101}
"""As zygote.py numbers them."""


class Zygote:
    """Imports done (`learn`), nothing computed. One box at a time lives in it."""

    def __init__(
        self,
        isolation: Isolation,
        python: str,
        flags: Sequence[str],
        binds: Sequence[Bind],
        env: Mapping[str, str],
    ) -> None:
        self.isolation, self.python, self.binds = isolation, python, tuple(binds)
        self.box: WarmBox | None = None
        """The one that lives in it at the moment."""
        self.failed: tuple[str, ...] = ()
        """What could not be imported, each with the exception's name."""
        self._known: set[str] = set()
        self._template = False
        self._serial = itertools.count()
        self._stack = contextlib.ExitStack()
        own = Bind(SOURCE, PROGRAM)
        self.jail = self._stack.enter_context(
            Jail(isolation, limits=ROOMY, binds=[own, *binds], python=python)
        )
        self.slots = self.jail.base / "s"
        self.slots.mkdir(mode=0o700)
        self.jail.own(self.slots)
        self.jail.binds += (Bind(self.slots, SLOTS, True),)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._said = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        try:
            with theirs:
                command = [python, *flags, PROGRAM, str(theirs.fileno())]
                self.process = self.jail.start(
                    command, env, pass_fds=[theirs.fileno()], stderr=self._said, nest=True
                )
        except BaseException:
            self.close()
            raise

    def learn(self, preload: Preload) -> None:
        """Import what is not imported yet. Raises NotStarted."""
        order = {
            "imports": [name for name in preload.imports if name not in self._known],
            "kernel_imports": [name for name in preload.kernel_imports if name not in self._known],
        }
        if order["imports"] or order["kernel_imports"]:
            self.control.send(json.dumps(order).encode())
            self.failed += tuple(json.loads(self.hear(IMPORTS))["failed"])
            self._known |= {*preload.imports, *preload.kernel_imports}
            self._template = _small(self.jail.home)

    def alive(self) -> bool:
        return self.process.poll() is None

    def hear(self, seconds: float) -> bytes:
        """Its next message. Raises NotStarted if it is dead or silent."""
        if select.select([self.control], [], [], seconds)[0] and (data := self.control.recv(1 << 16)):
            return data
        self._said.seek(0)
        said = self._said.read(1 << 20).decode(errors="replace").strip().splitlines()
        raise NotStarted(said[-1][:300] if said else "no answer in time")

    def new_slot(self) -> Path:
        """A folder for the next box: h its home, c its sockets."""
        slot = self.slots / str(next(self._serial))
        if self._template:  # what imports left at home, where the libraries expect to find it again
            shutil.copytree(self.jail.home, slot / "h", symlinks=True)
        for folder in (slot, slot / "h", slot / "c", slot / "h" / "work", slot / "h" / "out"):
            folder.mkdir(mode=0o700, exist_ok=True)
        for folder, names, files in os.walk(slot):
            self.jail.own(Path(folder), *(Path(folder, name) for name in (*names, *files)))
        return slot

    def close(self) -> None:
        """Kill it and what lives in it, and remove their folders and groups."""
        self.control.close()
        self._stack.close()
        if self.box and self.box.group:
            self.box.group.remove()


class WarmBox:
    """One box of `zygote`; what `Jail` offers to the driver. Use as a context manager."""

    bubblewrap = True
    control_inside = arguments.CONTROL

    def __init__(self, zygote: Zygote, *, limits: Limits, binds: Sequence[Bind], python: str) -> None:
        self.zygote, self.limits, self.python = zygote, limits, python
        self.process: Child | None = None
        self.group: cgroup.Group | None = None
        self._init = -1
        zygote.box = self
        self.slot = zygote.new_slot()
        self.home, self.control = self.slot / "h", self.slot / "c"
        self.binds = tuple(self._own(number, bind) for number, bind in enumerate(binds))

    def __enter__(self) -> WarmBox:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        if self.group:
            self.group.remove()
        self.zygote.box = None
        delete(self.slot)

    @property
    def outbox(self) -> Path:
        """The outbox, on the host."""
        return self.home / "out"

    @property
    def writable(self) -> tuple[Path, ...]:
        """Every folder on disk that can grow."""
        return (self.home, self.control, *(bind.source for bind in self.binds if bind.writable))

    def start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        *,
        pass_fds: Sequence[int] = (),
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.DEVNULL,
    ) -> Child:
        """Fork the zygote; the child is in its box, its group and its limits before `argv` begins.

        Raises NotStarted; the caller can still use an ordinary jail.
        """
        with contextlib.ExitStack() as stack:
            ends = [_stream(number, how, stack) for number, how in enumerate((stdin, stdout, stderr))]
            talk, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            stack.enter_context(theirs)
            talk.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            options = memory_file("bwrap-args", "\0".join(self._options()).encode())
            stack.callback(os.close, options)
            filter_ = seccomp.as_fd(seccomp.program())
            stack.callback(os.close, filter_)
            request = {
                "argv": _without_flags(argv),
                "env": arguments.environment(self.python, env),
                "work": WORK,
                "bwrap": arguments.bwrap(),
                "pass_fds": list(pass_fds),
                "rlimits": {
                    f"RLIMIT_{name.upper()}": value
                    for name, value in arguments.limit_values(self.limits).items()
                },
            }
            fds = [theirs.fileno(), options, filter_, *(inside for inside, _ in ends), *pass_fds]
            self.process = child = Child(talk, [outside for _, outside in ends])
            try:
                socket.send_fds(self.zygote.control, [json.dumps(request).encode()], fds)
            except OSError as error:
                raise NotStarted(str(error)) from error
        self._init = _pid_fd(talk)
        child.pid = _stamped(talk)
        child.roots = (child.pid, _pid_of(self._init))
        self._join_group(child.pid)
        _send(talk, b"go")
        return child

    def kill(self) -> None:
        """SIGKILL to everything in the box; returns when nothing of it is left (at most 10 s a step)."""
        child, self_init = self.process, self._init
        if child is None:
            return
        if self_init >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self_init, signal.SIGKILL)
            select.select([self_init], [], [], GONE)  # once pid 1 of the box has ended all others have
            os.close(self_init)
            self._init = -1
        child.end()
        self.process = None
        try:  # the zygote says so once it has waited for its child: only then may the next box begin
            if self.zygote.hear(GONE) == b"free":
                return
        except SandboxError:
            pass
        self.zygote.process.kill()  # not in step with us any more: `warm` makes a new one

    def _own(self, number: int, bind: Bind) -> Bind:
        """What differs from box to box can't be mounted into a sandbox that runs already: a folder of the
        slot stands for it, empty as the writable ones are, or with links to the same files."""
        if bind in self.zygote.binds:
            return bind
        folder = self.slot / f"x{number}"
        folder.mkdir(mode=0o755)
        if not bind.writable:
            for file in Path(bind.source).iterdir():
                try:
                    os.link(file, folder / file.name)
                except OSError:
                    shutil.copyfile(file, folder / file.name)
                    (folder / file.name).chmod(0o644)
        else:
            self.zygote.jail.own(folder)
        return Bind(folder, bind.target, bind.writable)

    def _options(self) -> list[str]:
        """Of the inner bubblewrap: the same mounts as an ordinary jail's, from the outer one."""
        mounts = arguments.mounts(self.python, base=self.zygote.jail.base, binds=self.binds)
        sources = []
        for mount in mounts:
            if mount.target in (HOME, arguments.CONTROL):
                folder = self.home if mount.target == HOME else self.control
                sources.append(f"{SLOTS}/{self.slot.name}/{folder.name}")
            elif mount.source.is_relative_to(self.slot):
                sources.append(f"{SLOTS}/{self.slot.name}/{mount.source.name}")
            else:
                sources.append(mount.target)
        return arguments.build(self.python, mounts, sources, {}, **FDS)

    def _join_group(self, pid: int) -> None:
        name = f"grader-{os.getpid()}-w{next(_groups)}"
        self.group = cgroup.create(name, memory_mb=self.limits.memory_mb, processes=self.limits.processes + 8)
        if self.group is None:
            if any(note.startswith(CGROUP_NOTE) for note in self.zygote.isolation.notes):
                raise NotStarted("no cgroup for it")
            return
        try:
            for procs in self.group.procs():
                Path(procs).write_text(str(pid))
        except OSError as error:
            raise NotStarted(f"cgroup: {error}") from error


_groups = itertools.count()


class Child:
    """The program in the box, as far as the driver looks at a `subprocess.Popen`."""

    def __init__(self, talk: socket.socket, streams: Sequence[IO[bytes] | None]) -> None:
        self._talk = talk
        self.stdin, self.stdout, self.stderr = streams
        self.pid = 0
        """Here, outside."""
        self.roots: tuple[int, ...] = ()
        """Every process of the box is one of these or below: what a student's process leaves behind
        becomes a child of the box's first one."""
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._talk], [], [], 0)[0]:
            self._read()
        return self.returncode

    def end(self) -> None:
        """After its box was killed: take its exit code, or else kill it."""
        if self.returncode is None and select.select([self._talk], [], [], 1.0)[0]:
            self._read()
        if self.returncode is None:
            if self.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
            self.returncode = 137
        self._talk.close()

    def _read(self) -> None:
        try:
            data = self._talk.recv(4096)
            self.returncode = int(json.loads(data)["code"]) if data else 137
        except (OSError, ValueError, KeyError, TypeError):
            self.returncode = 137


def roots_of(process: subprocess.Popen[bytes] | Child) -> tuple[int, ...]:
    """Process ids below which all of its sandbox is."""
    return process.roots if isinstance(process, Child) else (process.pid,)


def _stream(number: int, how: int, stack: contextlib.ExitStack) -> tuple[int, IO[bytes] | None]:
    """A descriptor for the child, closed here when `stack` is, and our end of the pipe if there is one."""
    if how == subprocess.DEVNULL:
        fd = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        stack.callback(os.close, fd)
        return fd, None
    read, write = os.pipe2(os.O_CLOEXEC)
    inside, outside = (read, write) if number == 0 else (write, read)
    stack.callback(os.close, inside)
    return inside, os.fdopen(outside, "wb" if number == 0 else "rb", buffering=0)


def _without_flags(argv: Sequence[str]) -> list[str]:
    rest = list(argv[1:])
    while rest and rest[0].startswith("-") and rest[0] not in ("-m", "-c"):
        del rest[0]
    return rest


def _receive(talk: socket.socket, what: bytes) -> list[tuple[int, int, bytes]]:
    if not select.select([talk], [], [], ANSWER)[0]:
        raise NotStarted("no answer in time")
    try:
        data, ancillary, _, _ = talk.recvmsg(64, 256)
    except OSError as error:
        raise NotStarted(str(error)) from error
    if data != what:
        raise NotStarted("its child ended")
    return ancillary


def _stamped(talk: socket.socket) -> int:
    """Process id of the sender, as it is here: the kernel's word."""
    for level, kind, content in _receive(talk, b"here"):
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid = struct.unpack("3i", content[:12])[0]
            if pid > 0:
                return pid
    raise NotStarted("no credentials")


def _pid_fd(talk: socket.socket) -> int:
    """A handle on pid 1 of the box; it can't come to mean another process."""
    for level, kind, content in _receive(talk, b"box"):
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds = array.array("i", content[:4])
            return fds[0]
    raise NotStarted("no handle on the box")


def _pid_of(pid_fd: int) -> int:
    """Whose handle it is, as numbered here; -1 if it has ended."""
    text = Path(f"/proc/self/fdinfo/{pid_fd}").read_text()
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pid:")), -1)


def _send(talk: socket.socket, data: bytes) -> None:
    try:
        talk.send(data)
    except OSError as error:
        raise NotStarted(str(error)) from error


def _small(home: Path) -> bool:
    """Did imports leave anything at home, and little enough to copy?"""
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]
    return bool(files) and sum(path.stat().st_size for path in files) < MAX_TEMPLATE
