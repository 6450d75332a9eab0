"""A zygote and the boxes that its children live in, seen from outside.

`Zygote` is the outer sandbox: an ordinary jail whose one program is zygote.py. `WarmBox` is one box inside
it; `driver` and `process` use it exactly as they use a `Jail`. What they are not: they choose nothing;
`warm` does. Believed of what comes from inside: nothing once the program was started; before that only
our own code runs there, and its process ids are the kernel's word (SCM_CREDENTIALS, a pidfd), not its own.
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
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.errors import SandboxError
from grader.records import Limits, NoteKind
from grader.sandbox import arguments, cgroup, seccomp
from grader.sandbox.forked import Child, pid_fd_of, pid_of, send, stamped, stream, without_flags
from grader.sandbox.jail import Jail, NotStarted, delete, memory_file
from grader.sandbox.types import HOME, WORK, Bind, Isolation, Preload

SOURCE = Path(__file__).with_name("zygote.py")
PROGRAM, SLOTS = "/run/zygote.py", "/run/slots"
"""Inside the outer sandbox: its program, and the folder that holds each box's own folders."""
ROOMY = Limits(total_seconds=1e6, memory_mb=1 << 20, disk_mb=1 << 20, processes=8192)
"""Of the zygote: it runs our code only; each box has limits and a control group of its own."""
IMPORTS = 300.0
"""Seconds for all imports on a busy machine."""
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

    control_inside = arguments.CONTROL
    exit_seconds = Jail.exit_seconds
    notes: Sequence[str] = ()

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

    def gpu_memory(self) -> None:
        """A warm kernel has no GPU: `warm` leaves machines with one to ordinary sandboxes."""

    def pipe(self) -> tuple[int, int]:
        """A pipe to write into from inside: (our end, theirs, to be passed to `start` and then closed)."""
        return os.pipe2(os.O_CLOEXEC)

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
            ends = [stream(number, how, stack) for number, how in enumerate((stdin, stdout, stderr))]
            talk, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            stack.enter_context(theirs)
            talk.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            options = memory_file("bwrap-args", "\0".join(self._options()).encode())
            stack.callback(os.close, options)
            filter_ = seccomp.as_fd(seccomp.program())
            stack.callback(os.close, filter_)
            values = arguments.limit_values(self.limits, hard=self.zygote.isolation.hard)
            request = {
                "argv": without_flags(argv),
                "env": arguments.environment(self.python, env),
                "work": WORK,
                "bwrap": arguments.bwrap(),
                "pass_fds": list(pass_fds),
                "rlimits": {f"RLIMIT_{name.upper()}": value for name, value in values.items()},
            }
            fds = [theirs.fileno(), options, filter_, *(inside for inside, _ in ends), *pass_fds]
            self.process = child = Child(talk, [outside for _, outside in ends])
            try:
                socket.send_fds(self.zygote.control, [json.dumps(request).encode()], fds)
            except OSError as error:
                raise NotStarted(str(error)) from error
        self._init = pid_fd_of(talk)
        child.pid = stamped(talk)
        child.roots = (child.pid, pid_of(self._init))
        self._join_group(child.pid)
        send(talk, b"go")
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
            if self.zygote.isolation.says(NoteKind.CGROUP):
                raise NotStarted("no cgroup for it")
            return
        try:
            for procs in self.group.procs():
                Path(procs).write_text(str(pid))
        except OSError as error:
            raise NotStarted(f"cgroup: {error}") from error


_groups = itertools.count()


def _small(home: Path) -> bool:
    """Did imports leave anything at home, and little enough to copy?"""
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]
    return bool(files) and sum(path.stat().st_size for path in files) < MAX_TEMPLATE
