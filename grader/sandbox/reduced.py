"""The isolations that must be asked for by name: containers, and Landlock alone. Their proof by canaries.

Called by `choosing`. What an isolation does not cover is found out here and stands in its notes, and so
in every report made with it.
"""

from __future__ import annotations

import os

from grader.errors import SandboxError
from grader.records import Note, NoteKind
from grader.sandbox.types import Isolation

NAMES = ("container", "podman", "docker", "landlock")
SOCKET = "reaching a unix socket"
"""The one canary that Landlock lets go. Whatever else gets out ends the matter."""
ABSTRACT = "reaching an abstract socket"


def rests_on(name: str) -> tuple[object, ...]:
    """The program (or the kernel's feature) and its version. Raises SandboxError where there is none."""
    if name == "landlock":
        from grader.sandbox import landlock

        if os.geteuid() != 0:
            raise landlock.needs_root()
        version = landlock.abi()
        if version < landlock.LEAST_ABI:
            raise SandboxError(
                ko=f"이 커널의 Landlock 버전({version})으로는 네트워크를 막을 수 없어요. "
                "Linux 6.7 이상이 필요해요. podman을 쓰거나(`--isolation container`) `--no-run`을 쓰세요.",
                en=f"This kernel's Landlock (version {version}) has no rules for the network: Linux 6.7 or "
                "later is needed. Use podman (`--isolation container`), or `--no-run`.",
            )
        return (name, version)
    from grader.sandbox import engine

    found = engine.find("" if name == "container" else name)
    return (found.program, found.version)


def prove(name: str) -> Isolation:
    """Run the self-test. Raises SandboxError with cause and remedy."""
    return _prove_landlock() if name == "landlock" else _prove_container("" if name == "container" else name)


def _prove_container(name: str) -> Isolation:
    from grader.sandbox import choosing, engine

    found = engine.find(name)
    rootless = ", rootless" if found.rootless else ""
    how = Note(kind=NoteKind.ENGINE, detail=f"{found.name} {found.version}{rootless}")
    isolation = Isolation(name="container", engine=found.name, notes=(how,))
    result = choosing.run_canary(isolation)
    choosing.judge(result, isolation)
    memory = (
        Note(kind=NoteKind.ENGINE_LIMIT, detail=f"memory limit: {found.name}'s cgroup")
        if result.memory_limited
        else choosing.by_watchdog("the engine has no cgroup to limit: rlimits and a watchdog")
    )
    return Isolation(name="container", engine=found.name, notes=(memory, how))


def _prove_landlock() -> Isolation:
    from grader.sandbox import cgroup, choosing, landlock

    group = cgroup.create(f"grader-{os.getpid()}-test", memory_mb=64, processes=8)
    if group is not None:
        group.remove()
        memory = choosing.by_cgroup(group)
    else:
        memory = choosing.by_watchdog("no cgroup: rlimits and a watchdog")
    isolation = Isolation(name="landlock", notes=(memory,))
    leaks = {SOCKET}
    if landlock.abi() < landlock.SCOPES_ABI:
        leaks.add(ABSTRACT)
    said = choosing.judge(choosing.run_canary(isolation), isolation, leaks=leaks)
    holes = [(NoteKind.OPEN, hole) for hole in landlock.NOT_COVERED]
    if ABSTRACT in said["worked"]:
        holes.append((NoteKind.OPEN_SOCKETS, "abstract sockets of the host"))
    if said["facts"]["shm"] == os.stat("/dev/shm").st_dev:
        holes.append((NoteKind.OPEN_SHM, "/dev/shm is the host's"))
    notes = (Note(kind=kind, detail=f"not covered: {hole}") for kind, hole in holes)
    return Isolation(name="landlock", notes=(memory, *notes))
