"""Kernels whose imports are done before the notebook comes: off, unless a process asks for them.

`keep()` is for a process that runs many notebooks: it keeps a zygote for each kind of sandbox it needs (same
interpreter, mounts and variables) until `stop` or its own end. A zygote is used only after canaries
let loose in a child of it got nowhere, as in the self-test of the ordinary sandbox. Whatever fails here, the
ordinary sandbox is used, and `notes` says why. Called by `driver` and `process`; docs/warm-kernels.md
says what differs from the ordinary sandbox.
"""

from __future__ import annotations

import atexit
import ctypes
import multiprocessing
import multiprocessing.util
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.errors import SandboxError
from grader.records import Limits, Note, NoteKind
from grader.sandbox import gpu
from grader.sandbox.types import Bind, Isolation, Preload
from grader.sandbox.warmbox import WarmBox, Zygote

MOST_ZYGOTES = 3
"""Kept at once, each a few hundred MB. A fourth kind makes the one longest unused end."""
MOST_FAILURES = 2
"""Of starting zygotes or boxes; after that this process does without."""

PR_SET_PDEATHSIG = 1

Key = tuple[object, ...]

_kept: dict[Key, Zygote] = {}
_owner = 0
_failures = 0
notes: list[Note] = []
"""Why warm kernels were not used, since `keep`; for people, in English."""


def keep() -> None:
    """From now on, in this process, keep kernels warm. They end with it, even if it is killed."""
    global _owner, _failures
    if _owner != os.getpid():
        _kept.clear()  # of a parent that forked us: not ours to use or to end
        notes.clear()
        _owner, _failures = os.getpid(), 0
        atexit.register(stop)
        # A pool's worker ends without `atexit`, but with this.
        multiprocessing.util.Finalize(None, stop, exitpriority=10)
        if multiprocessing.parent_process() is not None and sys.platform.startswith("linux"):
            # A worker whose driver was killed would go on with its notebook, and keep all this alive.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def stop() -> None:
    """End what `keep` kept, and do without from now on."""
    global _owner
    if kept():
        _owner = 0
        while _kept:
            _kept.popitem()[1].close()


def kept() -> bool:
    """Does this process keep kernels warm?"""
    return _owner == os.getpid()


def box(
    argv: Sequence[str],
    preload: Preload | None,
    *,
    isolation: Isolation,
    limits: Limits,
    binds: Sequence[Bind],
    env: Mapping[str, str],
) -> WarmBox | None:
    """A box of a kept zygote for the program `argv`, or None: then an ordinary jail is the way."""
    if preload is None or not kept() or not sys.platform.startswith("linux"):
        return None
    if isolation.name != "bubblewrap" or _failures > MOST_FAILURES:
        return None
    if gpu.offered():
        _note(NoteKind.NOT_WARM, "there is a GPU: it is lent to one sandbox at a time, so no warm kernels")
        return None
    binds = [bind._replace(source=Path(bind.source).resolve()) for bind in binds]
    if isolation.says(NoteKind.SCOPE):
        _note(NoteKind.NOT_WARM, "a process can't be moved into a systemd scope, so no warm kernels")
        return None
    if any(bind.writable and any(Path(bind.source).iterdir()) for bind in binds):
        return None  # the box could only get an empty one
    if any(env.get(name) != value for name, value in preload.env.items()):
        raise ValueError("Preload.env must be part of env")
    try:
        return WarmBox(_zygote(argv, preload, isolation, binds), limits=limits, binds=binds, python=argv[0])
    except (SandboxError, OSError, ValueError) as error:
        failed(error)
        return None


def failed(error: Exception) -> None:
    """A zygote or box could not be used: end all, go on without."""
    global _failures
    _failures += 1
    _note(NoteKind.WARM_FAILED, f"no warm kernel: {error}")
    while _kept:
        _kept.popitem()[1].close()


def _note(kind: NoteKind, detail: str) -> None:
    note = Note(kind=kind, detail=detail)
    if note not in notes:
        notes.append(note)


def _zygote(argv: Sequence[str], preload: Preload, isolation: Isolation, binds: Sequence[Bind]) -> Zygote:
    shared = tuple(bind for bind in binds if not bind.writable and bind.target not in preload.late)
    flags = []
    for part in argv[1:]:
        if not part.startswith("-") or part in ("-m", "-c"):
            break
        flags.append(part)
    key = (argv[0], *flags, isolation, shared, *preload.env.items())
    if (found := _kept.pop(key, None)) is not None:
        if found.alive():
            _kept[key] = found  # the last one is the one used last
            found.learn(preload)
            return found
        found.close()
    while len(_kept) >= MOST_ZYGOTES:
        _kept.pop(next(iter(_kept))).close()
    made = _kept[key] = Zygote(isolation, argv[0], flags, shared, preload.env)
    made.learn(preload)  # from here on `failed` and `stop` end it
    prove(made)
    return made


def prove(zygote: Zygote) -> None:
    """Let canaries loose in a child of `zygote`. Raises SandboxError saying what got out."""
    from grader.sandbox import choosing
    from grader.sandbox.process import run_in

    result = choosing.let_loose(
        lambda program, stdin, collect_to: run_in(
            WarmBox(zygote, limits=choosing.LIMITS, binds=zygote.binds, python=zygote.python),
            [zygote.python, "-c", program],
            env={},
            limits=choosing.LIMITS,
            stdin=stdin,
            collect=("grader-canary",),
            collect_to=collect_to,
            max_collect_mb=1,
        )
    )
    choosing.judge(result, zygote.isolation)
