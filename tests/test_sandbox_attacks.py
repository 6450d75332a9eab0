# ruff: noqa: E501  the attacks are text
"""Attacks that leave the kernel alive, all in one notebook; each must succeed outside and fail inside.

The numbers are the rows of docs/threat-model.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import socket
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from grader.sandbox import Bind, Execution
from tests.sandbox_boxes import BOXES, attack, isolation_or_skip, notebook, outside, warmth

pytestmark = pytest.mark.kernel
X86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="system calls are written by x86-64 number")

SECRET = "canary-4f1c9e"

READ_HIDDEN = """
def attack():
    import glob
    worked = []
    paths = [asked["hidden"], "/proc/1/root" + asked["hidden"], "/proc/self/root" + asked["hidden"]]
    paths += [cwd + "/" + asked["hidden"].split("/")[-1] for cwd in glob.glob("/proc/[0-9]*/cwd")]
    for path in paths:
        try:
            worked += [path] * (asked["secret"] in open(path).read())
        except OSError:
            pass
    return worked
"""
READ_ENVIRONMENT = """
def attack():
    import glob, os
    worked = [key for key, value in os.environ.items() if asked["secret"] in value]
    for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
        try:
            worked += [path] * (asked["secret"].encode() in open(path, "rb").read())
        except OSError:
            pass
    return worked
"""
WRITE_OUTSIDE = """
def attack():
    import os
    worked = []
    for folder in asked["folders"]:
        try:
            with open(os.path.join(folder, "evil.txt"), "w") as file:
                file.write("x")
            worked.append(folder)
        except OSError:
            pass
    return worked
"""
CONNECT = """
def attack():
    import socket
    worked = []
    for family, address in ((2, ("127.0.0.1", asked["port"])), (1, asked["socket"]), (1, chr(0) + asked["name"])):
        try:
            with socket.socket(family) as client:
                client.settimeout(3)
                client.connect(address)
            worked.append(str(address))
        except OSError:
            pass
    return worked
"""
UNNAMESPACED = """
def attack():
    import ctypes, socket
    worked = []
    for family, name in ((40, "vsock"), (38, "alg"), (17, "packet")):
        try:
            socket.socket(family, socket.SOCK_RAW if family == 17 else
                          socket.SOCK_SEQPACKET if family == 38 else socket.SOCK_STREAM).close()
            worked.append(name)
        except OSError:
            pass
    if ctypes.CDLL(None).syscall(425, 1, ctypes.create_string_buffer(248)) >= 0:
        worked.append("io_uring")
    return worked
"""
SIGNALS = """
def attack():
    import os
    worked = []
    for pid in asked["pids"]:
        try:
            os.kill(pid, 0)
            worked.append(pid)
        except OSError:
            pass
    return worked
"""
SYSTEM_CALLS = """
def attack():
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    worked = []
    def call(name, *arguments):
        if libc.syscall(*arguments) >= 0:
            worked.append(name)
    call("keyctl", 250, 0, -4, 1)
    call("unshare", 272, 0x10000000)
    call("process_vm_readv", 310, os.getpid(), None, 0, None, 0, 0)
    call("memfd_create", 319, b"x", 0)
    call("shmget", 29, 0, 4096, 0o1600)
    return worked
"""
NEVER = """
def attack():
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    answers = {}
    if asked.get("harmless"):
        calls = {"setns": (308, -1, 0), "TIOCSTI": (16, -1, 0x5412, b"x"), "chroot": (161, b"/no/such/folder"),
                 "mount": (165, b"none", b"/no/such/folder", b"tmpfs", 0, None)}
        for name, arguments in calls.items():
            answers[name] = 0 if libc.syscall(*arguments) >= 0 else ctypes.get_errno()
        return answers
    for name, arguments in {
        "ptrace": (101, 16, 1, 0, 0), "mount": (165, b"none", b"/tmp", b"tmpfs", 0, None), "bpf": (321, 0, None, 0),
        "setns": (308, 0, 0), "chroot": (161, b"/tmp"), "clone newuser": (56, 0x10000000 | 17, 0, 0, 0, 0),
        "TIOCSTI": (16, 0, 0x5412, b"x"), "reboot": (169, 0, 0, 0, 0), "userfaultfd": (323, 0),
    }.items():
        result = libc.syscall(*arguments)
        answers[name] = 0 if result >= 0 else ctypes.get_errno()
    return answers
"""
SHARED_FILES = """
def attack():
    import os
    folder, worked = asked["folder"], []
    own = os.path.join(os.getcwd(), "own.bin")
    open(own, "w").write("evil")
    for name, action in {
        "write": lambda: open(folder + "/a.bin", "w").write("evil"),
        "append": lambda: open(folder + "/b.bin", "a").write("evil"),
        "hard link": lambda: os.link(folder + "/b.bin", own + "2"),
        "chmod": lambda: os.chmod(folder + "/b.bin", 0o777),
        "utime": lambda: os.utime(folder + "/b.bin", (1, 1)),
        "replace": lambda: os.replace(own, folder + "/a.bin"),
        "unlink": lambda: os.unlink(folder + "/b.bin"),
        "rename": lambda: os.rename(folder, folder + "2"),
    }.items():
        try:
            action()
            worked.append(name)
        except OSError:
            pass
    return worked
"""
ROOT_ONLY = """
def attack():
    try:
        return open(asked["file"]).read()
    except OSError as error:
        return type(error).__name__
"""
PRIVILEGE = """
def attack():
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return {key: status[key].split()[-1] for key in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp", "Uid")}
"""
SIGHT = """
def attack():
    import glob, os, socket
    return {"processes": len(glob.glob("/proc/[0-9]*")), "host": socket.gethostname(), "users": len(open("/etc/passwd").readlines()),
            "cmdline": open("/proc/1/cmdline").read(), "root": sorted(os.listdir("/"))}
"""
GRADER_CODE = """
def attack():
    import glob, sys
    try:
        import grader.classroom
        return [grader.classroom.__file__]
    except ImportError:
        found = []
        for path in [p for folder in sys.path for p in glob.glob(folder + "/grader/classroom/__init__.py")]:
            try:
                found += [path] * bool(open(path).read())
            except OSError:
                pass
        return found
"""
KILL_1 = """
def attack():
    import os
    try:
        return os.kill(1, 9)
    except PermissionError:
        return "refused"
"""
FORGE = """
import os, time
for step in range(1000):
    os.write(int(os.environ["PROBE_FD"]), json.dumps({"step": step, "claimed": step * 0.2}).encode() + b"\\n")
"""
CUT_PROBE = """
import os
os.close(int(os.environ["PROBE_FD"]))
"""


class Field(NamedTuple):
    """The one notebook all attacks ran in, and what they were aimed at."""

    mode: str
    execution: Execution
    cells: dict[str, int]
    asked: dict[str, Any]
    folder: Path

    def answer(self, name: str) -> Any:
        run = next(run for run in self.execution.cells if run.index == self.cells[name])
        assert run.ending == "completed", (run.error_name, run.error_value)
        return json.loads(run.output_tail)

    def cell(self, name: str):
        return next(run for run in self.execution.cells if run.index == self.cells[name])


@pytest.fixture(scope="module", params=BOXES)
def field(request, tmp_path_factory):
    with warmth(request.param):
        yield from one_field(tmp_path_factory, request.param)


def one_field(tmp_path_factory, box):
    isolation = isolation_or_skip(box)
    folder = tmp_path_factory.mktemp("field")
    hidden = folder / "labels.csv"
    hidden.write_text(SECRET)
    shared = folder / "shared"
    shared.mkdir()
    for name in ("a.bin", "b.bin"):
        (shared / name).write_text("weights")
    private = folder / "private"
    private.mkdir()
    (private / "key.txt").write_text(SECRET)
    (private / "key.txt").chmod(0o600)
    server = socket.create_server(("127.0.0.1", 0))
    named, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    named.bind(str(folder / "s"))
    abstract.bind("\0" + SECRET)
    named.listen()
    abstract.listen()
    asked = {
        "hidden": str(hidden),
        "secret": SECRET,
        "port": server.getsockname()[1],
        "socket": str(folder / "s"),
        "name": SECRET,
        "pids": [os.getpid()],
    }
    system = ["/", "/etc", "/dev", "/usr", "/home", "/run", "/opt", "/proc", "/root", "/usr/lib", sys.prefix]
    sources = {
        "hidden": attack(READ_HIDDEN, **asked),
        "environment": attack(READ_ENVIRONMENT, **asked),
        "write": attack(WRITE_OUTSIDE, folders=[str(folder), *system]),
        "connect": attack(CONNECT, **asked),
        "unnamespaced": attack(UNNAMESPACED),
        "signals": attack(SIGNALS, **asked),
        "kill 1": attack(KILL_1),
        "calls": attack(SYSTEM_CALLS),
        "never": attack(NEVER),
        "shared": attack(SHARED_FILES, folder="/opt/shared" if isolation.mounts else str(shared)),
        "private": attack(
            ROOT_ONLY, file=("/opt/private" if isolation.mounts else str(private)) + "/key.txt"
        ),
        "privilege": attack(PRIVILEGE),
        "sight": attack(SIGHT),
        "grader": attack(GRADER_CODE),
        "fake": "print('validation accuracy: 0.9999')",
        "forge": FORGE,
        "key": "import ipykernel\nprint(json.dumps(len(json.load(open(ipykernel.get_connection_file()))['key'])))",
        "cut": CUT_PROBE,
        "after": "print(json.dumps('still here'))",
    }
    binds = [Bind(shared, "/opt/shared"), Bind(private, "/opt/private")]
    os.environ["GRADER_TEST_SECRET"] = SECRET
    try:
        execution = notebook(isolation, *sources.values(), binds=binds, env={"MODE": "test"})
    finally:
        del os.environ["GRADER_TEST_SECRET"]
    yield Field(
        isolation.engine or isolation.name,
        execution,
        {name: i for i, name in enumerate(sources)},
        asked,
        folder,
    )
    for listener in (server, named, abstract):
        listener.close()


def control(source: str, field: Field, **asked: object) -> Any:
    env = {"GRADER_TEST_SECRET": SECRET}
    return json.loads(outside(attack(source, **{**field.asked, **asked}), cwd=field.folder, env=env))


def test_01_hidden_labels_do_not_exist_inside(field):
    assert len(control(READ_HIDDEN, field)) >= 3
    assert field.answer("hidden") == []


def test_02_the_graders_environment_is_nowhere(field):
    assert control(READ_ENVIRONMENT, field)
    assert field.answer("environment") == []


def test_03_nothing_outside_scratch_can_be_written(field):
    assert control(WRITE_OUTSIDE, field, folders=[str(field.folder)]) == [str(field.folder)]
    (field.folder / "evil.txt").unlink()
    assert field.answer("write") == []
    assert not (field.folder / "evil.txt").exists()


def test_09_no_network_no_socket_of_the_host(field):
    assert len(control(CONNECT, field)) == 3
    assert field.answer("connect") == []


@X86
def test_10_what_is_not_namespaced_is_filtered(field):
    if not control(UNNAMESPACED, field):
        pytest.skip("this host offers neither vsock, AF_ALG, packet sockets nor io_uring to begin with")
    assert field.answer("unnamespaced") == []


def test_11_no_process_of_the_host_can_be_signalled(field):
    assert control(SIGNALS, field) == field.asked["pids"]
    assert field.answer("signals") == []
    field.answer("kill 1")  # allowed to ask, without effect: the cells after it ran
    assert field.answer("after") == "still here"


@X86
def test_12_system_calls_that_lead_out_are_refused(field):
    assert control(SYSTEM_CALLS, field)
    assert field.answer("calls") == []
    assert set(field.answer("never").values()) == {1}, "each with EPERM"
    # Not all of these can be let loose on somebody's machine; aimed at nothing, they meet no filter outside.
    harmless = control(NEVER, field, harmless=True)
    ours = ("setns", "TIOCSTI") if os.geteuid() else tuple(harmless)
    assert 1 not in {harmless[name] for name in ours}


def test_12_no_capability_and_no_way_to_one(field):
    facts, outer = field.answer("privilege"), control(PRIVILEGE, field)
    assert outer["CapBnd"] != "0000000000000000" and (outer["NoNewPrivs"], outer["Seccomp"]) != ("1", "2")
    assert {facts[key] for key in ("CapEff", "CapPrm", "CapBnd")} == {"0000000000000000"}
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    another = "1000" if field.mode == "bubblewrap" or os.geteuid() else str(os.geteuid())
    assert (facts["Uid"] == another) is (another != "0"), "as root, one of the service users"


def test_the_host_can_not_be_seen(field):
    if field.mode == "landlock":
        assert field.cell("sight").error_name == "PermissionError", "not even /etc/passwd"
        return
    seen, outer = field.answer("sight"), control(SIGHT, field)
    assert outer["processes"] > 4 and outer["host"] != "notebook" and outer["users"] > 1
    assert seen["processes"] <= 4 and seen["host"] == "notebook" and seen["users"] == 1
    assert str(field.folder) not in seen["cmdline"]
    extra = (
        () if field.mode == "bubblewrap" else ("sys", "var", ".dockerenv")
    )  # an engine's own: read-only, and empty
    outside_names = set(os.listdir("/")) - {"usr", "bin", "lib", "lib64", "sbin", "etc", "dev", "proc", "tmp"}
    prefixes = {Path(p).parts[1] for p in (sys.prefix, sys.base_prefix)}
    assert (set(seen["root"]) & outside_names) <= {"home", "run", "opt", "lib32", "libx32", *extra, *prefixes}


def test_17_shared_files_can_not_be_changed(field, tmp_path):
    copy = tmp_path / "shared"
    copy.mkdir()
    for name in ("a.bin", "b.bin"):
        (copy / name).write_text("weights")
    assert len(json.loads(outside(attack(SHARED_FILES, folder=str(copy)), cwd=tmp_path))) == 8
    assert field.answer("shared") == []
    for name in ("a.bin", "b.bin"):
        content = (field.folder / "shared" / name).read_bytes()
        assert hashlib.sha256(content).digest() == hashlib.sha256(b"weights").digest()


def test_the_graders_own_code_is_not_inside(field):
    """It knows how hidden rows are made."""
    assert control(GRADER_CODE, field)
    assert field.answer("grader") == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root has root-only files")
def test_started_as_root_it_is_another_user_inside(field):
    assert control(ROOT_ONLY, field, file=str(field.folder / "private" / "key.txt")) == SECRET
    assert field.answer("private") == "PermissionError"


def test_14_a_printed_accuracy_is_text_and_no_more(field):
    """Not prevented: a notebook may print what it likes."""
    assert field.cell("fake").output_tail.strip() == "validation accuracy: 0.9999"


def test_15_forged_events_arrive_but_our_clock_stamps_them(field):
    """Not prevented; the grader's own clock shows 200 claimed seconds to be an instant."""
    forged = [event for event in field.execution.events if event.cell == field.cells["forge"]]
    assert len(forged) == 1000
    claimed = forged[-1].data["claimed"] - forged[0].data["claimed"]
    assert claimed > 190 and forged[-1].received - forged[0].received < 5
    assert field.execution.cpu_seconds < claimed / 4


def test_16_cutting_the_probe_is_not_prevented_and_harms_nothing(field):
    assert field.cell("cut").ending == "completed"
    assert field.answer("after") == "still here"


def test_22_the_connection_key_is_readable_and_worth_nothing(field):
    """Not prevented: the student is the kernel. It opens no door to the host."""
    assert field.answer("key") == 64
