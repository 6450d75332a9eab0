"""What the sandbox tests share: running an attack inside and, as the positive control, outside."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader import sandbox
from grader.errors import SandboxError
from grader.records import Limits
from grader.sandbox import Execution, Isolation, Preload, warm

LIMITS = Limits(
    total_seconds=60,
    cell_seconds=30,
    memory_mb=1024,
    disk_mb=64,
    processes=128,
    output_bytes_per_cell=400_000,
    output_bytes=4_000_000,
)
PROMPT = 30.0
"""Seconds within which a limit of a few seconds has ended what would go on for ever. Not tighter: a shared
machine stands still for some seconds now and then."""


MODES = ("bubblewrap", "podman", "docker", "landlock")
"""Every isolation there is, as `sandbox.choose` calls them."""
WARM = "warm"
BOXES = (MODES[0], WARM, *MODES[1:])
"""Every attack is tried in each, and against a kernel forked from a zygote, which is in bubblewrap too."""
PRELOAD = Preload(
    imports=("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "IPython.display"),
    env={"PYTHONDONTWRITEBYTECODE": "1"},
)
"""What the warm kernels of these tests have imported: no torch, so that they start in half a second."""


@contextlib.contextmanager
def warmth(box: str) -> Iterator[None]:
    """While it lasts, `notebook` uses warm kernels (and insists on it) if `box` is WARM."""
    if box == WARM:
        sandbox.keep_warm()
    try:
        yield
    finally:
        warm.stop()


def isolation_or_skip(mode: str = "bubblewrap") -> Isolation:
    """The isolation, tested; skips with its own words where it can't be had."""
    mode = MODES[0] if mode == WARM else mode
    pytest.importorskip("ipykernel")
    pytest.importorskip("jupyter_client")
    try:
        return sandbox.choose(mode)
    except SandboxError as error:
        pytest.skip(f"no isolation here: {error}")


def notebook(isolation: Isolation, *sources: str, limits: Limits = LIMITS, **options) -> Execution:
    """Run `sources` as cells 0, 1, …"""
    hot = warm.kept() and isolation.name == "bubblewrap"
    if hot:
        options |= {"preload": PRELOAD, "env": {**PRELOAD.env, **options.get("env", {})}}
    execution = sandbox.run_notebook(
        list(enumerate(sources)), isolation=isolation, python=sys.executable, limits=limits, **options
    )
    assert execution.warm == hot, warm.notes
    return execution


def outside(source: str, *, cwd: Path, env: dict[str, str] | None = None, seconds: float = 30) -> str:
    """The same source as a plain program of this user, without any sandbox: what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def attack(source: str, **asked: object) -> str:
    """A cell that knows `asked` and prints what its `attack()` returns, as JSON."""
    know = f"import json\nasked = json.loads({json.dumps(json.dumps(asked))})\n"
    return f"{know}{source}\nprint(json.dumps(attack()))"


def alive(marker: str) -> list[int]:
    """Processes whose command line holds `marker`, this one left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                if marker.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
