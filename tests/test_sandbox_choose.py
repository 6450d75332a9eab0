"""Choosing an isolation: tested with canaries, never weakened in silence, each refusal with its remedy."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from grader import report, review, sandbox
from grader.cli.terminal import summary
from grader.errors import SandboxError
from grader.records import Ending, Limits, Note, NoteKind
from grader.sandbox import (
    Isolation,
    ProcessResult,
    arguments,
    cgroup,
    choosing,
    engine,
    gpu,
    interpreter,
    landlock,
    reduced,
    seccomp,
    warm,
)
from grader.sandbox.container import Container
from grader.wording import how
from grader.wording.how import how_checked
from tests import sample_evidence as sample
from tests.sandbox_boxes import isolation_or_skip

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bubblewrap is for Linux")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(choosing, "_cache_file", lambda _: tmp_path / "cache" / "test.json")
    return tmp_path / "cache" / "test.json"


@linux
@pytest.mark.kernel
def test_the_self_test_passes_quickly_and_is_remembered(cache, monkeypatch):
    first = isolation_or_skip()
    assert first.name == "bubblewrap" and any(note.kind.startswith("memory-") for note in first.notes)
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
    assert choosing._remembered("bubblewrap", (arguments.bwrap(), arguments.version())) is None


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
        choosing.judge(result, Isolation(name="bubblewrap"))
    assert stderr.decode() in str(caught.value)


@pytest.mark.parametrize(
    ("stderr", "remedy"),
    [
        (b"confine: [Errno 95] landlock_create_ruleset: Operation not supported", "lsm="),
        (b"confine: [Errno 1] mount / private: Operation not permitted", "CAP_SYS_ADMIN"),
        (
            b"confine: the grader's own code can't be hidden here: no mount namespace to be had",
            "CAP_SYS_ADMIN",
        ),
        (b"confine: [Errno 1] seccomp: Operation not permitted", "seccomp"),
        (b"confine: [Errno 13] Permission denied: '/opt/v/bin/python'", "chmod"),
        (b"confine: [Errno 1] Operation not permitted", "Look at Landlock"),
    ],
)
def test_landlock_that_does_not_start_names_its_own_remedy(stderr, remedy):
    """Not bubblewrap's: there is no namespace of users that AppArmor could forbid."""
    result = ProcessResult(returncode=126, stdout=b"", stderr=stderr, ending=Ending.COMPLETED)
    with pytest.raises(SandboxError) as caught:
        choosing.judge(result, Isolation(name="landlock"))
    said = caught.value.text
    assert remedy in said.en.partition("). ")[2] and stderr.decode() in said.en
    assert not [word for word in ("AppArmor", "bubblewrap", "bwrap") if word in said.en + said.ko]


@linux
def test_the_program_let_loose_is_the_one_that_worked_outside():
    seen = []
    choosing.let_loose(lambda program, stdin, collect_to: seen.append((program, json.loads(stdin))))
    ((program, asked),) = seen
    assert program == Path(choosing.__file__).with_name("canary.py").read_text() and asked["harmful"]


@linux
@pytest.mark.parametrize("mode", ["container", "landlock"])
def test_a_program_that_never_starts_leaves_nothing_open(mode, monkeypatch):
    """The pipe that is held open for a container, the leash of Landlock's: the next 1,000 would lack them."""
    if mode == "landlock" and os.geteuid() != 0:
        pytest.skip("needs root")
    monkeypatch.setattr(engine, "find", lambda name: engine.Engine("docker", "/bin/true", "1", False, True))
    monkeypatch.setattr(engine, "image", lambda found: "none")

    def refuse(*_, **__):
        raise OSError("no process to be had")

    if mode == "landlock":
        seccomp.program(host_network=True)  # finding the library takes a process too, the first time
    box = {"container": Container, "landlock": landlock.Confined}[mode]
    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="no process"), box(Isolation(name=mode), limits=Limits()) as jail:
        ours, theirs = jail.pipe()
        try:
            monkeypatch.setattr(subprocess, "Popen", refuse)
            jail.start([sys.executable], {}, pass_fds=[theirs])
        finally:
            monkeypatch.undo()
            os.close(ours)
            os.close(theirs)
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_are_refused_with_a_way_out(monkeypatch, platform):
    monkeypatch.setattr(choosing.sys, "platform", platform)
    with pytest.raises(SandboxError, match="--no-run"):
        sandbox.choose()


@linux
def test_no_engine_names_the_remedy(monkeypatch, cache):
    engine.find.cache_clear()
    monkeypatch.setattr(engine.shutil, "which", lambda *_, **__: None)
    with pytest.raises(SandboxError, match="apt install podman") as caught:
        sandbox.choose("container")
    assert "apt install podman" in caught.value.text.ko
    engine.find.cache_clear()


@linux
def test_an_engine_that_does_not_answer_is_said_so(monkeypatch, cache, tmp_path):
    """docker's program without its service."""
    (tmp_path / "docker").write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    engine.find.cache_clear()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SandboxError, match="Cannot connect to the Docker daemon"):
        sandbox.choose("docker")
    engine.find.cache_clear()


@pytest.mark.parametrize(
    ("stderr", "remedy"),
    [
        (b"Error: cannot find UID/GID for user kim: no subuid ranges found", "usermod --add-subuids"),
        (b"Error: OCI runtime error: crun: cgroups in hybrid mode not supported", "apt install runc"),
        (b"Error: something nobody has seen", "podman's settings"),
    ],
)
def test_an_engine_that_refuses_names_the_remedy(stderr, remedy):
    result = ProcessResult(returncode=125, stdout=b"", stderr=stderr, ending=Ending.COMPLETED)
    with pytest.raises(SandboxError, match=remedy) as caught:
        choosing.judge(result, Isolation(name="container", engine="podman"))
    assert stderr.decode() in str(caught.value)


@linux
def test_landlock_is_refused_where_it_would_be_the_same_user(monkeypatch, cache):
    monkeypatch.setattr(reduced.os, "geteuid", lambda: 1000)
    with pytest.raises(SandboxError, match="only when started as root") as caught:
        sandbox.choose("landlock")
    assert "sudo" in caught.value.text.ko and "--no-run" in caught.value.text.en


@linux
def test_landlock_is_refused_by_a_kernel_without_rules_for_the_network(monkeypatch, cache):
    monkeypatch.setattr(reduced.os, "geteuid", lambda: 0)
    monkeypatch.setattr(landlock, "abi", lambda: 3)
    with pytest.raises(SandboxError, match=r"6\.7"):
        sandbox.choose("landlock")


@linux
@pytest.mark.kernel
@pytest.mark.parametrize("mode", ["podman", "docker", "landlock"])
def test_a_reduced_isolation_proves_itself_and_says_what_it_leaves_open(mode, cache):
    chosen = isolation_or_skip(mode)
    assert any(note.kind.startswith("memory-") for note in chosen.notes)
    assert chosen.says(NoteKind.OPEN) is (mode == "landlock")


@linux
@pytest.mark.kernel
@pytest.mark.parametrize(
    ("hole", "found"),
    [("restrict", "reading a hidden file"), ("NO_NEW_PRIVS", "gaining privileges"), ("SECCOMP", "vsock")],
)
def test_landlock_with_a_hole_fails_its_self_test(hole, found, cache, monkeypatch, tmp_path):
    """The control of the self-test: without one of its protections it says which."""
    isolation_or_skip("landlock")
    program = Path(landlock.__file__).with_name("confine.py").read_text()
    holes = {
        "restrict": ("    restrict(spec)\n", ""),
        "NO_NEW_PRIVS": ('check(libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")', "pass"),
        "SECCOMP": ('check(libc.prctl(SECCOMP, 2, ctypes.byref(rules), 0, 0), "seccomp")', "pass"),
    }
    assert program.count(holes[hole][0]) == 1
    (tmp_path / "confine.py").write_text(program.replace(*holes[hole]))
    monkeypatch.setattr(landlock, "CONFINE", tmp_path / "confine.py")
    with pytest.raises(SandboxError, match=found if hole != "NO_NEW_PRIVS" else "."):
        sandbox.choose("landlock", fresh=True)


@linux
@pytest.mark.kernel
@pytest.mark.parametrize("mode", ["podman", "docker"])
@pytest.mark.parametrize(
    ("hole", "found"),
    [
        ("--network none", "127.0.0.1"),
        ("--pid", "seeing the host's processes"),
        ("--cap-drop ALL", "keeping capabilities"),
        ("--security-opt no-new-privileges", "gaining privileges"),
    ],
)
def test_a_container_with_a_hole_fails_its_self_test(mode, hole, found, cache, monkeypatch):
    isolation_or_skip(mode)
    options = engine.options

    def with_hole(*args, **kw):
        said = options(*args, **kw)
        if hole == "--pid":
            return [*said, "--pid", "host"]
        at = next(n for n in range(len(said)) if " ".join(said[n : n + 2]) == hole)
        return [*said[:at], *(["--network", "host"] if "network" in hole else []), *said[at + 2 :]]

    monkeypatch.setattr(engine, "options", with_hole)
    with pytest.raises(SandboxError, match=found):
        sandbox.choose(mode, fresh=True)


def test_an_unknown_name_is_refused():
    with pytest.raises(SandboxError, match="no isolation called"):
        sandbox.choose("chroot")


def test_none_is_only_for_those_who_ask():
    assert sandbox.choose("none").name == "none" and sandbox.choose("none").says(NoteKind.NO_ISOLATION)


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


@pytest.mark.parametrize(
    ("isolation", "notes", "ko", "en"),
    [
        ("none", (), "⚠ 격리 없이", "⚠ without isolation"),
        (
            "landlock",
            (Note(kind=NoteKind.OPEN, detail="x"),),
            "⚠ 제한된 격리(Landlock만)",
            "⚠ reduced isolation (Landlock alone)",
        ),
        (
            "container",
            (Note(kind=NoteKind.ENGINE_LIMIT), Note(kind=NoteKind.ENGINE, detail="podman 4.3.1, rootless")),
            "podman 컨테이너 격리",
            "isolated by podman container",
        ),
        ("bubblewrap", (), "bubblewrap 격리", "isolated by bubblewrap"),
    ],
)
def test_every_report_says_how_the_notebook_was_isolated(isolation, notes, ko, en):
    """A weak one with a sign that can't be overlooked: in the review, the report and on the terminal."""
    shown = sample.evidence()
    seen = msgspec.structs.replace(shown.observed, isolation=isolation, isolation_notes=notes)
    shown = msgspec.structs.replace(shown, observed=seen)
    judgement = sample.judgement(shown)
    for lang, words in (("ko", ko), ("en", en)):
        assert words in review.write(shown, judgement, lang=lang)
        page = report.write(shown, judgement, lang=lang)
        assert words in page and ("⚠" in page) is words.startswith("⚠")
    console = Console(file=io.StringIO(), width=200)
    summary(console, shown, judgement, {}, "en")
    assert ("⚠" in console.file.getvalue()) is en.startswith("⚠")


def notes_of_all_kinds(monkeypatch, *, old: tuple[int, ...]) -> tuple[Note, ...]:
    """As they are made: by the choice, by warm kernels that failed, by a GPU that was waited for."""
    monkeypatch.setattr(arguments, "version", lambda: old)
    monkeypatch.setattr(cgroup, "create", lambda *_, **__: None)
    monkeypatch.setattr(cgroup, "scope_command", lambda **_: [])
    monkeypatch.setattr(choosing, "_test", lambda isolation: isolation)
    monkeypatch.setattr(warm, "notes", [])
    warm.failed(SandboxError(ko="", en="The sandbox failed its self-test"))
    monkeypatch.setattr(warm, "_failures", 0)
    return (*choosing._prove().notes, *warm.notes, gpu.none_free(3600), gpu.UNKNOWN)


@linux
def test_notes_that_matter_to_a_person_are_shown(monkeypatch):
    """They stood in evidence.json alone."""
    notes = notes_of_all_kinds(monkeypatch, old=(0, 6, 2))
    assert len(notes) == 6
    shown = sample.evidence()
    seen = msgspec.structs.replace(shown.observed, isolation="bubblewrap", isolation_notes=notes)
    shown = msgspec.structs.replace(shown, observed=seen)
    expected = {
        "ko": [
            "감시로만",
            "보호가 한 겹 적음",
            "임시 폴더의 크기",
            "새로 시작함",
            "비는 GPU가 없어",
            "적힌 GPU가 없어",
        ],
        "en": [
            "watchdog",
            "one layer",
            "temporary folders",
            "started cold",
            "no GPU got free",
            "is not here",
        ],
    }
    for lang, words in expected.items():
        (run,) = [way.detail for way in how_checked(shown, lang) if way.name in ("다시 실행", "run again")]
        assert not [word for word in words if word not in run], run
        assert "self-test" not in run and run.count("bubblewrap") == 2, "once what it is, once how old"
        for text in (
            review.write(shown, sample.judgement(shown), lang=lang),
            report.write(shown, sample.judgement(shown), lang=lang),
        ):
            assert words[-2] in text


@linux
def test_notes_that_change_nothing_are_not_shown(monkeypatch):
    seen = msgspec.structs.replace(
        sample.evidence().observed,
        isolation="container",
        isolation_notes=(
            Note(kind=NoteKind.ENGINE_LIMIT, detail="memory limit: podman's cgroup"),
            Note(kind=NoteKind.ENGINE, detail="podman 4.3.1, rootless"),
        ),
    )
    assert how._isolation(seen, "en") == "isolated by podman container"
    seen = msgspec.structs.replace(
        seen,
        isolation="landlock",
        isolation_notes=tuple(Note(kind=NoteKind.OPEN, detail=hole) for hole in landlock.NOT_COVERED),
    )
    assert how._isolation(seen, "ko") == how.REDUCED["landlock"].ko
    seen = msgspec.structs.replace(seen, isolation_notes=(Note(kind=NoteKind.OPEN_SOCKETS),))
    assert "추상 유닉스 소켓" in how._isolation(seen, "ko")
