"""Chooses the isolation and proves it: a program with canaries is let loose in it and must fail.

The self-test runs before the first notebook of a boot and whenever something it rests on has changed.
The same program is run outside first, where it must succeed, so that a refusal means something.
Called by `grader.sandbox.choose`.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from grader.errors import SandboxError
from grader.records import Ending, Limits, Note, NoteKind
from grader.sandbox.remedies import remedy
from grader.sandbox.types import Isolation, ProcessResult

if TYPE_CHECKING:
    from grader.sandbox import cgroup

NAMES = ("auto", "bubblewrap", "container", "podman", "docker", "landlock", "none")
"""What can be asked for. 'auto' is bubblewrap or nothing."""
LIMITS = Limits(total_seconds=30, cell_seconds=30, memory_mb=512, disk_mb=64, processes=64)
CANARIES = 6
"""What canary.py must achieve outside."""
NO_CAPABILITIES = "0000000000000000"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def choose(requested: str = "auto", *, fresh: bool = False) -> Isolation:
    """See `grader.sandbox.choose`."""
    if requested == "none":
        note = Note(
            kind=NoteKind.NO_ISOLATION, detail="the notebook can read, change and send whatever you can"
        )
        if os.name != "posix":
            raise SandboxError(
                ko="Windows에서는 노트북을 실행할 수 없어요. WSL2에서 실행하거나 `--no-run`을 쓰세요.",
                en="Notebooks can't be run on Windows. Use WSL2 (Linux), or `--no-run`.",
            )
        return Isolation(name="none", notes=(note,))
    if requested not in NAMES:
        raise SandboxError(
            ko=f"'{requested}'(이)라는 격리 방식은 없어요. {', '.join(NAMES)} 가운데 고르세요.",
            en=f"There is no isolation called '{requested}'. Choose one of {', '.join(NAMES)}.",
        )
    if not sys.platform.startswith("linux"):
        raise SandboxError(
            ko=f"격리 실행은 리눅스에서만 돼요(지금은 {sys.platform}). "
            "리눅스나 WSL2에서 실행하거나 `--no-run`을 쓰세요.",
            en=f"Isolation needs Linux (this is {sys.platform}). Use Linux or WSL2, or `--no-run`.",
        )
    from grader.sandbox import arguments, jail, reduced

    if requested in reduced.NAMES:
        prove = functools.partial(reduced.prove, requested)
        rests_on = reduced.rests_on(requested)
    else:
        prove, rests_on = _prove, (arguments.bwrap(), arguments.version())
        requested = "bubblewrap"
    jail.sweep()
    record = None if fresh else _remembered(requested, rests_on)
    if record is None:
        record = prove()
        _remember(requested, rests_on, record)
    return record


def _prove() -> Isolation:
    """Run the self-test. With a systemd scope if that works, else without. Raises SandboxError."""
    from grader.sandbox import arguments, cgroup

    notes = []
    if arguments.version() < (0, 8):
        old = "bubblewrap older than 0.8: nested user namespaces are refused by seccomp alone"
        notes.append(Note(kind=NoteKind.SECCOMP_ALONE, detail=old))
    if arguments.version() < (0, 7):
        old = "bubblewrap older than 0.7: /tmp and /dev/shm have no size of their own"
        notes.append(Note(kind=NoteKind.UNSIZED, detail=old))
    group = cgroup.create(f"grader-{os.getpid()}-test", memory_mb=64, processes=8)
    if group is not None:
        group.remove()
        memory = by_cgroup(group)
    elif os.geteuid() != 0 and cgroup.scope_command(memory_mb=64, processes=8):
        memory = Note(kind=NoteKind.SCOPE, detail="memory limit: systemd scope")
        with contextlib.suppress(SandboxError):
            return _test(Isolation(name="bubblewrap", notes=(memory, *notes)))
        memory = by_watchdog("no cgroup; the systemd scope failed its test")
    else:
        memory = by_watchdog("no cgroup: rlimits and a watchdog")
    return _test(Isolation(name="bubblewrap", notes=(memory, *notes)))


def by_cgroup(group: cgroup.Group) -> Note:
    """The note of a memory limit that the kernel keeps."""
    return Note(kind=NoteKind.CGROUP, detail=f"memory limit: cgroup {group.kind}")


def by_watchdog(why: str) -> Note:
    """The note of a memory limit that nobody but us keeps."""
    return Note(kind=NoteKind.WATCHDOG, detail=f"memory limit: best effort ({why})")


def _test(isolation: Isolation) -> Isolation:
    """`isolation`, if nothing gets out of it. Raises SandboxError saying what did."""
    judge(run_canary(isolation), isolation)
    return isolation


def run_canary(isolation: Isolation) -> ProcessResult:
    """The canaries set out, and canary.py let loose on them inside. Raises SandboxError if it can't be."""
    from grader.sandbox.process import run_process

    return let_loose(
        lambda program, stdin, collect_to: run_process(
            [sys.executable, "-I", "-S", "-c", program],
            isolation=isolation,
            binds=(),
            env={},
            limits=LIMITS,
            stdin=stdin,
            collect=("grader-canary",),
            collect_to=collect_to,
            max_collect_mb=1,
        ),
        pid=0 if isolation.mounts else os.getpid(),
    )


def let_loose(run: Callable[[str, bytes, Path], ProcessResult], *, pid: int = 0) -> ProcessResult:
    """Set out canaries; what `run(program, stdin, collect_to)` in a sandbox got hold of.

    `program` is canary.py's text, the same that is run outside as the control.
    `pid`: the grader's, where process numbers inside are the host's. Raises SandboxError if the canaries
    can't be set out.
    """
    program = Path(__file__).with_name("canary.py").read_text()
    with _canaries() as asked:
        outside = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program],
            input=json.dumps({**asked, "harmful": False, "pid": os.getpid()}).encode(),
            env={"CANARY": asked["secret"]},
            capture_output=True,
            timeout=30,
        )
        expected = len(json.loads(outside.stdout)["worked"]) if outside.returncode == 0 else 0
        if expected != CANARIES:
            raise SandboxError(
                ko="샌드박스 자체 점검을 준비하지 못했어요(밖에서도 시험이 실패했어요).",
                en="The sandbox's self-test can't be set up: "
                f"only {expected} of {CANARIES} canaries work outside.",
            )
        os.environ["GRADER_CANARY"] = asked["secret"]
        try:
            asking = json.dumps({**asked, "harmful": True, "pid": pid}).encode()
            return run(program, asking, Path(asked["folder"]) / "collected")
        finally:
            del os.environ["GRADER_CANARY"]


@contextlib.contextmanager
def _canaries() -> Iterator[dict[str, object]]:
    """Things outside that nobody inside may find, as the JSON object `canary` reads."""
    secret = secrets.token_hex(16)
    with (
        tempfile.TemporaryDirectory(prefix="grader-canary-") as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        hidden = Path(folder, "hidden.txt")
        hidden.write_text(secret)
        named.bind(f"{folder}/s")
        for path, mode in ((folder, 0o755), (hidden, 0o644), (f"{folder}/s", 0o777)):
            os.chmod(path, mode)  # so that a refusal is the sandbox's and not the file's
        abstract.bind(f"\0{secret}")
        named.listen()
        abstract.listen()
        yield {
            "folder": folder,
            "file": str(hidden),
            "port": server.getsockname()[1],
            "socket": f"{folder}/s",
            "abstract": secret,
            "secret": secret,
        }


def judge(result: ProcessResult, isolation: Isolation, *, leaks: Collection[str] = ()) -> dict[str, Any]:
    """What canary.py found, unless it got hold of more than `leaks`: then SandboxError says of what."""
    try:
        said = json.loads(result.stdout)
        worked, facts = said["worked"], said["facts"]
    except (ValueError, KeyError, TypeError):
        raise _cannot_start(result, isolation) from None
    wrong = [leak for leak in worked if leak not in leaks]
    if facts["CapEff"] != NO_CAPABILITIES or facts["CapBnd"] != NO_CAPABILITIES:
        wrong.append("keeping capabilities")
    if facts["NoNewPrivs"] != "1":
        wrong.append("gaining privileges")
    if facts["Seccomp"] != "2":
        wrong.append("unfiltered system calls")
    if facts["processes"] > 4:
        wrong.append("seeing the host's processes")
    if wrong or result.ending is not Ending.COMPLETED or result.files != ("grader-canary",):
        found = ", ".join(wrong) or f"{result.ending.value}, collected {result.files}"
        raise SandboxError(
            ko=f"샌드박스 자체 점검에 실패해서 노트북을 실행하지 않아요. 안에서 된 일: {found}",
            en=f"The sandbox failed its self-test, so no notebook is run. Possible inside: {found}.",
        )
    return said


def _cannot_start(result: ProcessResult, isolation: Isolation) -> SandboxError:
    """Why the sandbox did not get as far as running anything, with what helps."""
    said = result.stderr.decode(errors="replace").strip()
    last = said.splitlines()[-1][:300] if said else f"exit code {result.returncode}, {result.ending.value}"
    help_ = remedy(isolation, said)
    return SandboxError(
        ko=f"격리된 실행 환경을 시작하지 못했어요({last}). {help_.ko}",
        en=f"The sandbox does not start ({last}). {help_.en}",
    )


# ---------------------------------------------------------------- remembered until the next boot


def _cache_file(name: str) -> Path:
    import platformdirs

    kind = "" if name == "bubblewrap" else f"-{name}"
    return Path(platformdirs.user_cache_dir("bucketing-grader"), f"sandbox-self-test{kind}.json")


def _fingerprint(rests_on: Sequence[object]) -> str:
    """Changes whenever something that the self-test rests on does. `rests_on`: a program and its version."""
    digest = hashlib.sha256()
    for fact in (BOOT_ID.read_text(), os.geteuid(), sys.executable, *rests_on):
        digest.update(repr(fact).encode())
    programs = [Path(str(fact)) for fact in rests_on if str(fact).startswith("/")]
    for file in (*programs, *sorted(Path(__file__).parent.glob("*.py"))):
        status = file.stat()
        digest.update(f"{file} {status.st_mtime_ns} {status.st_size}".encode())
    for setting in ("kernel/unprivileged_userns_clone", "kernel/apparmor_restrict_unprivileged_userns"):
        with contextlib.suppress(OSError):
            digest.update(Path("/proc/sys", setting).read_bytes())
    digest.update(Path("/proc/self/cgroup").read_bytes())
    return digest.hexdigest()


def _remembered(name: str, rests_on: Sequence[object]) -> Isolation | None:
    try:
        file = _cache_file(name)
        status = file.stat()
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            return None
        stored = json.loads(file.read_bytes())
        if stored["fingerprint"] == _fingerprint(rests_on):
            return msgspec.convert(stored["isolation"], Isolation)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _remember(name: str, rests_on: Sequence[object], isolation: Isolation) -> None:
    with contextlib.suppress(OSError):  # without a cache the test is just made again
        file = _cache_file(name)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = json.dumps(
            {"fingerprint": _fingerprint(rests_on), "isolation": msgspec.to_builtins(isolation)}
        )
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as temporary:
            temporary.write(content)
        os.replace(temporary.name, file)
