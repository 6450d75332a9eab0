"""Control groups: a real one where this user may make one, and version 2 against a copy of its files."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from grader.sandbox import cgroup

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="control groups are Linux's")


def test_a_real_group_kills_what_takes_too_much():
    group = cgroup.create(f"grader-{os.getpid()}-unit", memory_mb=64, processes=16)
    if group is None:
        pytest.skip("this user can't make a control group here")
    enter = "; ".join(f"open({path!r}, 'w').write(str(os.getpid()))" for path in group.procs())
    code = "b = bytearray(200 << 20); b[::4096] = bytes([1]) * (len(b) // 4096)"
    try:
        assert subprocess.run([sys.executable, "-c", code]).returncode == 0, "the control: outside it may"
        assert subprocess.run([sys.executable, "-c", f"import os; {enter}; {code}"]).returncode == -9
        assert group.oom_kills() == 1 and group.cpu_seconds() > 0 and group.pids() == []
    finally:
        group.remove()
    assert not any(folder.exists() for folder in group.folders.values())


@pytest.fixture
def version_2(tmp_path, monkeypatch):
    """A folder that looks like a delegated cgroup v2 tree."""
    parent = tmp_path / "user.slice"
    (parent / "here").mkdir(parents=True)
    for folder in (tmp_path, parent, parent / "here"):
        (folder / "cgroup.procs").write_text("")
    (parent / "cgroup.subtree_control").write_text("cpu memory pids\n")
    monkeypatch.setattr(cgroup, "_mounts", lambda: {"cgroup2": (tmp_path, "/")})
    monkeypatch.setattr(cgroup, "_own", lambda: {"": "/user.slice/here"})
    return parent


def test_version_2_sets_its_limits_in_the_delegated_parent(version_2):
    group = cgroup.create("grader-1-0", memory_mb=512, processes=40)
    folder = version_2 / "grader-1-0"
    assert group.kind == "v2" and group.procs() == [str(folder / "cgroup.procs")]
    assert (folder / "memory.max").read_text() == str(512 << 20)
    assert (folder / "memory.swap.max").read_text() == "0" and (folder / "pids.max").read_text() == "40"
    (folder / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\n")
    (folder / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    (folder / "cgroup.procs").write_text("12\n34\n")
    assert (group.oom_kills(), group.cpu_seconds(), group.pids()) == (3, 2.5, [12, 34])


def test_version_2_without_delegated_memory_gives_none(version_2):
    (version_2 / "cgroup.subtree_control").write_text("cpu\n")
    assert cgroup.create("grader-1-0", memory_mb=512, processes=40) is None


def test_a_scope_starts_bubblewrap_with_an_empty_environment(monkeypatch):
    monkeypatch.setattr(cgroup, "_systemd_works", lambda: True)
    monkeypatch.setattr(cgroup.shutil, "which", lambda name: f"/usr/bin/{name}")
    command = cgroup.scope_command(memory_mb=512, processes=40)
    assert command[0] == "/usr/bin/systemd-run" and command[-3:] == ["--", "/usr/bin/env", "-i"]
    assert {"MemoryMax=512M", "MemorySwapMax=0", "TasksMax=40"} <= set(command)


def test_no_session_no_scope(monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    cgroup._systemd_works.cache_clear()
    assert cgroup.scope_command(memory_mb=512, processes=40) == []
    cgroup._systemd_works.cache_clear()
