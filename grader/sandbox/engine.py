"""Container engines: which one there is, how it is called, and what it is told. podman before docker.

Pure construction, and a look at the machine. No image is pulled, ever: podman starts from a folder of
our making, docker from an image made of the same empty folders. Called by `container` and `reduced`.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from grader.errors import SandboxError
from grader.records import Limits
from grader.sandbox import interpreter
from grader.sandbox.arguments import SHM_MB, TMP_MB, UID
from grader.sandbox.types import WORK, Bind

ENGINES = ("podman", "docker")
PASSED_ON = ("PATH", "HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST", "DOCKER_CONTEXT")
"""What the engine's own program may need of our environment. None of it gets inside."""
LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
EMPTY = ("proc", "sys", "dev", "etc", "usr", "tmp", "run", "home", "opt", "var/tmp")


class Engine(NamedTuple):
    """One engine as it is used here."""

    name: str
    """'podman' or 'docker'."""
    program: str
    version: str
    rootless: bool
    """The engine itself runs as an ordinary user."""
    limits: bool
    """It can set memory and process limits (a rootless engine can't under cgroup v1)."""

    def command(self, store: Path) -> list[str]:
        """How it is called. podman keeps its books in `store`, so nothing of ours shows up in the user's."""
        if self.name == "docker":
            return [self.program]
        manager = [] if Path("/run/systemd/system").is_dir() else ["--cgroup-manager", "cgroupfs"]
        # vfs: nothing is ever stored but empty folders; no overlay file system has to be had
        books = ["--root", str(store / "s"), "--runroot", str(store / "x"), "--storage-driver", "vfs"]
        runtime = ["--runtime", self.runtime] if self.runtime else []
        return [self.program, *manager, *books, *runtime]

    def removal(self, store: Path, name: str) -> list[str]:
        """The command that kills and deletes a container at once (podman would ask it to stop first)."""
        at_once = ["--time", "0"] if self.name == "podman" else []
        command = [*self.command(store), "rm", "--force", *at_once, name]
        if not self.rootless:
            return command
        # What it stores belongs to somebody of /etc/subuid, and a process is left that keeps the user
        # namespace; its file is there if it is this sandbox's alone, and not the user's own podman's.
        last = (
            'pause="$STORE/libpod/tmp/pause.pid"; read one < "$pause"; "$@"; '
            '"$0" unshare rm -rf -- "$STORE/s" "$STORE/x"; read two < "$pause"; kill -9 $one $two'
        )
        return ["/usr/bin/env", f"STORE={store}", "/bin/sh", "-c", last, self.program, *command]

    @property
    def runtime(self) -> str:
        """crun refuses to work beside a second cgroup hierarchy; runc does not mind."""
        return "runc" if _hybrid() and shutil.which("runc") else ""


def environment(store: Path) -> dict[str, str]:
    """Of the engine's own program."""
    env = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
    env.setdefault("PATH", os.defpath)
    env.setdefault("XDG_RUNTIME_DIR", str(store))
    return env


@functools.cache
def find(name: str = "") -> Engine:
    """The engine to use, `name` or the first that answers. Raises SandboxError, with the remedy."""
    said = []
    for candidate in (name,) if name else ENGINES:
        program = shutil.which(candidate)
        if not program:
            continue
        try:
            return _look(candidate, program)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            words = getattr(error, "stderr", b"") or str(error).encode()
            said.append(f"{candidate}: {words.decode(errors='replace').strip()[-300:]}")
    if said:
        why = "; ".join(said)
        raise SandboxError(
            ko=f"컨테이너 엔진이 대답하지 않아요({why}). 엔진을 켜거나 podman을 설치해 주세요"
            "(`sudo apt install podman`).",
            en=f"The container engine does not answer ({why}). Start it, or install podman "
            "(`sudo apt install podman`), which needs no service.",
        )
    raise SandboxError(
        ko="컨테이너 엔진이 없어요. `sudo apt install podman runc`로 설치해 주세요(docker도 돼요).",
        en="There is no container engine. Install one: `sudo apt install podman runc` (docker works too).",
    )


def _look(name: str, program: str) -> Engine:
    """Raises OSError, SubprocessError, ValueError if it does not answer."""
    env = environment(Path("/nonexistent"))
    # docker: that of the service, which has to answer. podman has none; `podman version` would start things.
    asked = ["version", "--format", "{{.Server.Version}}"] if name == "docker" else ["--version"]
    version = subprocess.run([program, *asked], capture_output=True, timeout=20, check=True, env=env)
    rootless = name == "podman" and os.geteuid() != 0
    return Engine(name, program, version.stdout.decode().split()[-1], rootless, not rootless or _unified())


def options(
    engine: Engine, name: str, mounts: Sequence[Bind], *, python: str, base: Path, user: int, limits: Limits
) -> list[str]:
    """`run` and its options up to where the root file system stands; every option with its reason.

    `base` is the sandbox's own folder: r the root, seccomp.json the filter. Raises SandboxError for a
    path that can't be written in these options.
    """
    said = (
        f"run --interactive --name {name} --hostname notebook --workdir {WORK} "
        # an empty network, a root nobody can write to, no capability, no way to gain one
        "--network none --read-only --cap-drop ALL --security-opt no-new-privileges "
        # SELinux would want every file that is mounted relabelled
        "--security-opt label=disable --ipc private --log-driver none --pull never "
        f"--shm-size {SHM_MB}m --tmpfs /tmp:rw,nosuid,nodev,size={TMP_MB}m,mode=1777 "
        "--ulimit core=0:0 --ulimit nofile=4096:4096"
    ).split()
    said += ["--security-opt", f"seccomp={base / 'seccomp.json'}"]
    if engine.name == "podman":
        # podman's own presents: variables of proxies, files in /etc, tmpfs on /run and /var/tmp
        said += ["--http-proxy=false", "--no-hosts", "--passwd=false", "--read-only-tmpfs=false"]
        said += ["--pidfile", str(base / "pid")]
        # it would raise this one, which not everybody may
        said += ["--ulimit", f"nproc={limits.processes + 8}:{limits.processes + 8}"]
    if engine.rootless:
        # inside 1000, outside we; inside root is somebody of /etc/subuid
        for kind in ("uid", "gid"):
            said += [f"--{kind}map", "0:1:1", f"--{kind}map", f"{UID}:0:1"]
        user = UID
    said += ["--user", f"{user}:{user}"]
    if engine.limits:
        memory = f"{limits.memory_mb}m"
        said += ["--memory", memory, "--memory-swap", memory, "--pids-limit", str(limits.processes + 8)]
    for mount in mounts:
        if any("," in str(path) or '"' in str(path) for path in mount[:2]):
            raise SandboxError(
                ko=f"경로에 쉼표나 따옴표가 있어서 컨테이너에 넣을 수 없어요: {mount.source}",
                en=f"A container can't be given a path with a comma or a quote: {mount.source}",
            )
        mode = "" if mount.writable else ",readonly"
        said += ["--mount", f"type=bind,source={mount.source},target={mount.target}{mode}"]
    for folder in interpreter.needs(python).masked if python else ():
        said += ["--tmpfs", f"{folder}:ro,size=4k"]
    return said


def skeleton(folder: Path, mounts: Sequence[Bind]) -> None:
    """A root file system of empty folders: podman's `--rootfs`. Every mount finds its place in it."""
    for name in EMPTY:
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "run" / ".containerenv").touch()  # podman mounts a file there
    for name in LINKS:
        if Path("/", name).is_symlink():
            (folder / name).symlink_to(os.readlink(Path("/", name)))
        elif Path("/", name).is_dir():
            (folder / name).mkdir()
    folders = [Path(mount.target) for mount in mounts if mount.source.is_dir()]
    for mount in mounts:
        place = folder / mount.target.lstrip("/")
        if any(top in Path(mount.target).parents for top in folders):
            continue  # its place is in another mount
        if mount.source.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()


@functools.cache
def image(engine: Engine) -> str:
    """docker's counterpart of `skeleton`: an image of the same folders, made once. Raises SandboxError."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in (*EMPTY, *(n for n in LINKS if Path("/", n).exists())):
            entry = tarfile.TarInfo(name)
            link = Path("/", name).is_symlink() and name in LINKS
            entry.type, entry.mode = (tarfile.SYMTYPE, 0o777) if link else (tarfile.DIRTYPE, 0o755)
            entry.linkname = os.readlink(Path("/", name)) if link else ""
            archive.addfile(entry)
    tag = f"grader-skeleton:{hashlib.sha256(packed.getvalue()).hexdigest()[:12]}"
    env = environment(Path("/nonexistent"))
    look = [engine.program, "image", "inspect", tag]
    if subprocess.run(look, capture_output=True, timeout=30, env=env).returncode:
        made = subprocess.run(
            [engine.program, "import", "-", tag],
            input=packed.getvalue(),
            capture_output=True,
            timeout=60,
            env=env,
        )
        if made.returncode:
            why = made.stderr.decode(errors="replace").strip()[-300:]
            raise SandboxError(
                ko=f"{engine.name}에 빈 이미지를 만들지 못했어요: {why}",
                en=f"{engine.name} can't make an empty image: {why}",
            )
    return tag


def _unified() -> bool:
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()


def _hybrid() -> bool:
    return not _unified() and Path("/sys/fs/cgroup/unified/cgroup.controllers").exists()
