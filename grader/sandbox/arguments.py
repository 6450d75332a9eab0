"""The bubblewrap command: every option with its reason.

Pure construction: what is mounted where, which limits, in which order. Called by `jail` and
`choosing`. The order counts: later mounts lie over earlier ones, and the root is made read-only last.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.errors import SandboxError
from grader.records import Limits
from grader.sandbox import gpu, interpreter
from grader.sandbox.types import HOME, OUT, WORK, Bind

CONTROL = "/run/kernel"
"""Inside: the folder of the kernel's sockets."""
UID = 1000
"""Inside; outside it is the grader's own user, or a service user if the grader is root."""
SHM_MB, TMP_MB = 512, 256
"""Sizes of /dev/shm (DataLoader workers need it) and /tmp; both are RAM."""
CPU_SPARE = 120
"""Seconds for starting, beyond the clock of the notebook."""
ETC = {
    "passwd": f"student:x:{UID}:{UID}:student:{HOME}:/bin/bash\n",
    "group": f"student:x:{UID}:\n",
    "hosts": "127.0.0.1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
"""Own files: no host names, no host users."""
COPIED_ETC, MOUNTED_ETC = ("ld.so.cache", "localtime"), ("alternatives", "fonts")
"""The host's: small files as copies, because each mount costs a millisecond or two of every start."""


@functools.cache
def bwrap() -> str:
    """Where bubblewrap is. Raises SandboxError, with the remedy, if it is not installed."""
    found = shutil.which("bwrap")
    if not found:
        raise SandboxError(
            ko="bubblewrap이 없어서 노트북을 격리할 수 없어요. "
            "`sudo apt install bubblewrap`으로 설치해 주세요.",
            en="bubblewrap is not installed, so a notebook can't be isolated. Install it: "
            "`sudo apt install bubblewrap` (or your distribution's package of that name).",
        )
    return os.path.realpath(found)


@functools.cache
def version() -> tuple[int, ...]:
    """bubblewrap's version, (0, 8, 0)."""
    said = subprocess.run([bwrap(), "--version"], capture_output=True, text=True, timeout=10, env={}).stdout
    return tuple(int(part) for part in re.findall(r"\d+", said)[:3]) or (0,)


def make_etc(folder: Path) -> None:
    """Fill `folder` with what /etc is inside; the mount points that `mounts` needs are there too."""
    folder.mkdir(mode=0o755)
    for name, content in ETC.items():
        (folder / name).write_text(content)
    for name in COPIED_ETC:
        with contextlib.suppress(OSError):
            shutil.copyfile(Path("/etc", name), folder / name)
    for name in MOUNTED_ETC:
        if Path("/etc", name).is_dir():
            (folder / name).mkdir()
    for path in (folder, *folder.iterdir()):  # whatever the umask: another user reads them
        path.chmod(0o755 if path.is_dir() else 0o644)


def mounts(python: str, *, base: Path, binds: Sequence[Bind]) -> list[Bind]:
    """Everything from the host that is visible inside. What is not here does not exist there.

    `base` is the sandbox's own folder: h the home, c the sockets, e what stands for /etc.
    """
    found = [Bind(Path("/usr"), "/usr")]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if Path("/", name).is_dir() and not Path("/", name).is_symlink():
            found.append(Bind(Path("/", name), f"/{name}"))
    found.append(Bind(base / "e", "/etc"))
    for name in MOUNTED_ETC:
        if (base / "e" / name).exists():
            found.append(Bind(Path("/etc", name).resolve(), f"/etc/{name}"))
    if python:
        found += [Bind(folder.resolve(), str(folder)) for folder in interpreter.needs(python).folders]
    found += [Bind(base / "c", CONTROL, True), Bind(base / "h", HOME, True), *binds]
    return found


def build(
    python: str,
    mounts: Sequence[Bind],
    sources: Sequence[str],
    env: Mapping[str, str],
    *,
    seccomp_fd: int,
    info_fd: int,
    nest: bool = False,
    devices: Sequence[str] = (),
) -> list[str]:
    """bubblewrap's options; `sources[i]` is where `mounts[i]` lies for the user that starts it.

    `nest`: our own program (`zygote`) may start another bubblewrap in it. `devices`: nodes of a GPU, see
    gpu.py.
    """
    options = (
        # own users, processes, network (an empty one), message queues, host name
        "--unshare-user --unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup-try "
        # one kill ends all; no terminal to type into; no capability, even inside the user namespace
        f"--die-with-parent --new-session --cap-drop ALL --uid {UID} --gid {UID} "
        "--hostname notebook --clearenv"
    ).split()
    if version() >= (0, 8) and not nest:
        options += ["--disable-userns", "--assert-userns-disabled"]  # the first step of most kernel exploits
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if Path("/", name).is_symlink():
            options += ["--symlink", os.readlink(Path("/", name)), f"/{name}"]
    options += ["--proc", "/proc", "--dev", "/dev"]
    for path, size in (("/dev/shm", SHM_MB), ("/tmp", TMP_MB)):
        if version() >= (0, 7):
            options += ["--size", str(size * 1024 * 1024)]
        options += ["--tmpfs", path]
    options += gpu.options(devices)
    for mount, source in zip(mounts, sources, strict=True):
        options += ["--bind" if mount.writable else "--ro-bind", source, mount.target]
    masked = interpreter.needs(python).masked if python else ()
    for folder in masked:
        options += ["--tmpfs", str(folder), "--remount-ro", str(folder)]
    for key, value in environment(python, env).items():
        options += ["--setenv", key, value]
    # Last: until here bubblewrap's own /, /dev, /etc, /home are a writable tmpfs as large as half the RAM.
    options += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORK]
    return [*options, "--seccomp", str(seccomp_fd), "--info-fd", str(info_fd)]


def environment(python: str, env: Mapping[str, str]) -> dict[str, str]:
    """All variables that a program inside gets: the minimum, and `env`."""
    path = "/usr/local/bin:/usr/bin:/bin"
    return {
        "PATH": f"{Path(python).parent}:{path}" if python else path,
        "HOME": HOME,
        "USER": "student",
        "LANG": "C.UTF-8",
        "OUTBOX": OUT,
        **env,
    }


def rlimits(limits: Limits, *, hard: bool) -> list[str]:
    """A command prefix that sets resource limits, run inside: RLIMIT_NPROC then counts this namespace's
    processes only, not all those of the user. RLIMIT_AS is left alone: CUDA reserves far more than it uses.
    """
    prlimit = shutil.which("prlimit", path="/usr/bin:/bin")
    if not prlimit:
        raise SandboxError(
            ko="prlimit 명령이 없어요. `sudo apt install util-linux`로 설치해 주세요.",
            en="The command prlimit is missing. Install it: `sudo apt install util-linux`.",
        )
    return [prlimit, *(f"--{name}={value}" for name, value in limit_values(limits, hard=hard).items()), "--"]


def limit_values(limits: Limits, *, hard: bool) -> dict[str, int]:
    """Resource (as prlimit spells it) → soft and hard limit. `hard`: a control group keeps the memory limit.

    RLIMIT_DATA counts what is reserved, in use or not: a notebook that tokenised 150,000 rows and trained had
    9.3 GB reserved by torch, Arrow and their threads, 2.1 GB of it in use. So beside a control group it only
    refuses what can't be meant; alone it is closer, for a watchdog may come late.
    """
    import resource  # not on Windows

    megabyte = 1024 * 1024
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return {
        "nproc": limits.processes,
        "data": (2 * limits.memory_mb + 2048 if hard else limits.memory_mb * 3 // 2 + 1024) * megabyte,
        "fsize": limits.disk_mb * megabyte,
        "nofile": 4096 if files == resource.RLIM_INFINITY else min(4096, files),
        "cpu": cpu_seconds(limits),
        "core": 0,
    }


def cpu_seconds(limits: Limits) -> int:
    """CPU time of one process: more than all cores can give it before the clocks end it all."""
    return int(limits.total_seconds * (os.cpu_count() or 1)) + CPU_SPARE
