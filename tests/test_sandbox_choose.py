"""Choosing an isolation: tested with canaries, never weakened in silence, each refusal with its remedy."""

from __future__ import annotations

import json
import sys

import pytest

from grader import sandbox
from grader.errors import SandboxError
from grader.records import Ending
from grader.sandbox import ProcessResult, arguments, choosing, interpreter
from tests.sandbox_boxes import isolation_or_skip

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bubblewrap is for Linux")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(choosing, "_cache_file", lambda: tmp_path / "cache" / "test.json")
    return tmp_path / "cache" / "test.json"


@linux
@pytest.mark.kernel
def test_the_self_test_passes_quickly_and_is_remembered(cache, monkeypatch):
    first = isolation_or_skip()
    assert first.name == "bubblewrap" and any(note.startswith("memory limit") for note in first.notes)
    monkeypatch.setattr(choosing, "_prove", lambda: pytest.fail("tested again"))
    assert sandbox.choose() == first
    cache.write_text(json.dumps({**json.loads(cache.read_text()), "fingerprint": "of another boot"}))
    with pytest.raises(pytest.fail.Exception):
        sandbox.choose()


@linux
@pytest.mark.kernel
def test_a_cache_others_may_write_is_not_believed(cache):
    isolation_or_skip()
    cache.chmod(0o666)
    assert choosing._remembered() is None


@linux
@pytest.mark.kernel
@pytest.mark.parametrize("hole", ["--unshare-net", "--remount-ro", "--seccomp"])
def test_a_sandbox_with_a_hole_fails_its_self_test(cache, monkeypatch, hole):
    """The self-test can fail: leave out one protection and it says which."""
    isolation_or_skip()
    build = arguments.build

    def with_hole(python, mounts, sources, env, **fds):
        options = build(python, mounts, sources, env, **fds)
        if hole == "--unshare-net":
            options.remove(hole)
        while hole != "--unshare-net" and hole in options:
            at = options.index(hole)
            del options[at : at + 2]
        return options

    monkeypatch.setattr(arguments, "build", with_hole)
    with pytest.raises(SandboxError) as caught:
        sandbox.choose(fresh=True)
    expected = {"--unshare-net": "127.0.0.1", "--remount-ro": "writing to /", "--seccomp": "unfiltered"}
    assert expected[hole] in str(caught.value)


@linux
def test_no_bubblewrap_names_the_remedy(monkeypatch, cache):
    arguments.bwrap.cache_clear()
    monkeypatch.setattr(arguments.shutil, "which", lambda *_, **__: None)
    with pytest.raises(SandboxError, match="apt install bubblewrap") as caught:
        sandbox.choose()
    assert "apt install bubblewrap" in caught.value.text.ko
    arguments.bwrap.cache_clear()


@linux
def test_no_libseccomp_names_the_remedy(monkeypatch):
    from grader.sandbox import seccomp

    monkeypatch.setitem(sys.modules, "pyseccomp", None)
    seccomp.program.cache_clear()
    with pytest.raises(SandboxError, match="apt install libseccomp2"):
        seccomp.program()


@pytest.mark.parametrize(
    ("stderr", "remedy"),
    [
        (b"bwrap: setting up uid map: Permission denied", "AppArmor"),
        (b"bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", "AppArmor"),
        (b"bwrap: No permissions to create new namespace", "user namespaces"),
        (b"bwrap: execvp /opt/v/bin/python: Permission denied", "chmod"),
    ],
)
def test_a_refusing_system_names_the_remedy(stderr, remedy):
    result = ProcessResult(returncode=1, stdout=b"", stderr=stderr, ending=Ending.COMPLETED)
    with pytest.raises(SandboxError, match=remedy) as caught:
        choosing._judge(result)
    assert stderr.decode() in str(caught.value)


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_are_refused_with_a_way_out(monkeypatch, platform):
    monkeypatch.setattr(choosing.sys, "platform", platform)
    with pytest.raises(SandboxError, match="--no-run"):
        sandbox.choose()


@pytest.mark.parametrize("name", ["landlock", "container"])
def test_what_does_not_exist_yet_is_said_so(name):
    with pytest.raises(SandboxError, match="not available in this version") as caught:
        sandbox.choose(name)
    assert "apt install bubblewrap" in caught.value.text.ko and "--no-run" in caught.value.text.en


def test_an_unknown_name_is_refused():
    with pytest.raises(SandboxError, match="no isolation called"):
        sandbox.choose("chroot")


def test_none_is_only_for_those_who_ask():
    assert sandbox.choose("none").name == "none" and "no isolation" in sandbox.choose("none").notes[0]


def test_an_environment_made_over_ones_own_files_is_refused(monkeypatch, tmp_path):
    """`python -m venv .`: mounting the interpreter would mount everything."""
    monkeypatch.setattr(interpreter.sys, "prefix", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    interpreter.needs.cache_clear()
    with pytest.raises(SandboxError, match="folder of its own"):
        interpreter.needs(sys.executable)
    interpreter.needs.cache_clear()


def test_an_installed_grader_is_masked_inside(tmp_path):
    assert interpreter._packages(tmp_path / "site-packages" / "grader") == [
        tmp_path / "site-packages" / "grader"
    ]
    assert interpreter._packages(tmp_path / "checkout" / "grader") == []
