"""Landlock alone: what it promises is refused, and what it can't stop is shown to work, not passed over.

The first half adds to the attacks that `test_sandbox_attacks` makes in every isolation. The second half
are the holes that the page and every report name: each is tried, and works.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from grader import sandbox
from grader.records import NoteKind
from grader.sandbox import Isolation, jail, landlock
from grader.sandbox.members import of_user
from tests.sandbox_boxes import attack, isolation_or_skip, notebook, outside

pytestmark = pytest.mark.kernel

NETWORK = """
def attack():
    import socket
    worked = []
    def tries(name, kind, protocol, act):
        try:
            with socket.socket(2, kind, protocol) as one:
                act(one)
            worked.append(name)
        except OSError:
            pass
    there = ("127.0.0.1", asked["port"])
    tries("tcp", 1, 0, lambda s: s.connect(there))
    tries("fast open", 1, 0, lambda s: s.sendto(b"x", socket.MSG_FASTOPEN, there))
    tries("mptcp", 1, 262, lambda s: s.connect(there))
    tries("udp", 2, 0, lambda s: s.sendto(b"x", there))
    tries("a fixed port", 1, 0, lambda s: s.bind(("127.0.0.1", asked["free"])))
    return worked
"""
OTHERS = """
def attack():
    import os
    path, worked = asked["file"], []
    for name, act in {
        "read": lambda: open(path).read(),
        "chmod": lambda: os.chmod(path, 0o777),
        "utime": lambda: os.utime(path, (1, 1)),
        "truncate": lambda: os.truncate(path, 0),
        "link": lambda: os.link(path, "stolen"),
        "list": lambda: os.listdir(os.path.dirname(path)),
        "environ": lambda: open(f"/proc/{asked['pid']}/environ").read(),
        "cmdline": lambda: open(f"/proc/{asked['pid']}/cmdline").read(),
        "signal": lambda: os.kill(asked["pid"], 0),
    }.items():
        try:
            act()
            worked.append(name)
        except OSError:
            pass
    return worked
"""
SHARED = """
def attack():
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    worked = [n for n, call in (("msgget", 68), ("semget", 64)) if libc.syscall(call, 0, 1, 0o1600) >= 0]
    return worked
"""
SOCKET = """
def attack():
    import socket
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(asked["path"])
    return "connected"
"""
STAT = """
def attack():
    import os
    return [os.stat(asked["path"]).st_size, os.path.exists(f"/proc/{asked['pid']}")]
"""
SERVER = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
open("port", "w").write(str(server.getsockname()[1]))
server.settimeout(20)
"""
ESCAPES = """
import os, subprocess, sys
code = "import os, signal, time\\n[signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]\\ntime.sleep(300)"
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, "-c", code])
        os._exit(0)
"""


@pytest.fixture(scope="module")
def isolation() -> Isolation:
    return isolation_or_skip("landlock")


@pytest.fixture
def open_folder():
    """A folder that everybody may enter and read, as another program's files often are."""
    with tempfile.TemporaryDirectory(prefix="open-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def answer(isolation, source: str, **asked):
    (run,) = notebook(isolation, attack(source, **asked)).cells
    assert run.ending == "completed", (run.error_name, run.error_value)
    return json.loads(run.output_tail)


def control(source: str, cwd: Path, **asked):
    return json.loads(outside(attack(source, **asked), cwd=cwd))


# ---------------------------------------------------------------- refused


def test_no_network_by_any_way(isolation, tmp_path):
    """Landlock refuses TCP; the filter what passes it by: UDP, MPTCP, connections made by sending."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        asked = {"port": server.getsockname()[1], "free": other.getsockname()[1]}
        other.close()
        worked = control(NETWORK, tmp_path, **asked)
        assert {"tcp", "udp", "fast open", "a fixed port"} <= set(worked)
        assert answer(isolation, NETWORK, **asked) == []


def test_files_and_processes_of_others_stay_theirs(isolation, open_folder):
    file = open_folder / "labels.csv"
    file.write_text("secret")
    file.chmod(0o666)
    asked = {"file": str(file), "pid": os.getpid()}
    worked = control(OTHERS, open_folder, **asked)
    assert set(worked) == {
        "read",
        "chmod",
        "utime",
        "truncate",
        "link",
        "list",
        "environ",
        "cmdline",
        "signal",
    }
    file.write_text("secret")
    assert answer(isolation, OTHERS, **asked) == []
    assert file.read_text() == "secret"


def test_the_hosts_message_queues_are_out_of_reach(isolation, tmp_path):
    assert control(SHARED, tmp_path) == ["msgget", "semget"]
    assert answer(isolation, SHARED) == []


def test_shared_memory_is_its_own_where_root_may_mount(isolation):
    if isolation.says(NoteKind.OPEN_SHM):
        pytest.skip("this root may not make mounts of its own: the notes say that /dev/shm is the host's")
    name = f"/dev/shm/grader-test-{os.getpid()}"
    Path(name).write_text("secret")
    try:
        source = "def attack():\n    import os\n    return os.listdir('/dev/shm')"
        assert Path(name).name in control(source, Path("/"))
        assert Path(name).name not in answer(isolation, source)
    finally:
        os.unlink(name)


def test_nobody_of_its_user_is_left(isolation, monkeypatch):
    """No process namespace: five that left their session and their parent, deaf to signals."""
    users: list[int] = []
    claim = jail._service_uid
    monkeypatch.setattr(jail, "_service_uid", lambda: (found := claim(), users.append(found[0]))[0])
    seen: list[int] = []
    notebook(
        isolation,
        ESCAPES,
        "import time; time.sleep(1)",
        on_cell=lambda _: seen.append(len(of_user(users[0]))),
    )
    assert seen[-1] >= 6, "the control: the kernel and five more"
    assert of_user(users[0]) == []


def test_two_sandboxes_never_share_a_user():
    if os.geteuid() != 0:
        pytest.skip("only root has users to give")
    first, held = jail._service_uid()
    monkey = jail.SERVICE_UIDS
    try:
        jail.SERVICE_UIDS = range(first, first + 2)
        second, also = jail._service_uid()
        assert second == first + 1, "the first is taken as long as its claim is held"
        also.close()
    finally:
        jail.SERVICE_UIDS = monkey
        held.close()


def test_an_older_kernel_is_asked_for_less(isolation, monkeypatch):
    """Version 4 has no rules for abstract sockets: proven, and said."""
    monkeypatch.setattr(landlock, "abi", lambda: 4)
    chosen = sandbox.choose("landlock", fresh=True)
    assert chosen.says(NoteKind.OPEN_SOCKETS)


# ---------------------------------------------------------------- not covered: shown to work


def test_a_public_unix_socket_can_be_reached(isolation, open_folder):
    with socket.socket(socket.AF_UNIX) as server:
        path = open_folder / "s"
        server.bind(str(path))
        path.chmod(0o777)
        server.listen()
        assert answer(isolation, SOCKET, path=str(path)) == "connected"
        # and in the isolation that is the default it can't
        strong = isolation_or_skip("bubblewrap")
        (run,) = notebook(strong, attack(SOCKET, path=str(path))).cells
        assert run.error_name == "FileNotFoundError"


def test_names_and_sizes_can_be_seen(isolation, open_folder):
    file = open_folder / "labels.csv"
    file.write_text("secret")
    assert answer(isolation, STAT, path=str(file), pid=os.getpid()) == [6, True]


def test_a_server_inside_can_be_reached_from_the_host(isolation):
    reached: list[str] = []

    def knock(run) -> None:
        if run.index == 0 and run.output_tail.strip().isdecimal():
            with socket.create_connection(("127.0.0.1", int(run.output_tail)), timeout=5):
                reached.append("yes")

    notebook(isolation, SERVER + "print(server.getsockname()[1])", "server.close()", on_cell=knock)
    assert reached == ["yes"]


def test_every_hole_is_in_the_notes_of_every_report(isolation):
    said = [note.detail.removeprefix("not covered: ") for note in isolation.notes]
    assert set(landlock.NOT_COVERED) <= set(said) and len(landlock.NOT_COVERED) == 3


def test_a_killed_grader_leaves_nobody(isolation):
    """The process that ends it all hangs on a pipe of the grader's."""
    program = (
        "import sys; from grader import sandbox\n"
        f"sandbox.run_notebook([(0, {ESCAPES!r}), (1, 'import time; time.sleep(99)')],"
        " isolation=sandbox.choose('landlock'), python=sys.executable,"
        " on_cell=lambda run: print(run.index, flush=True))"
    )
    before = set(of_services())
    grader = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
    )
    assert grader.stdout.readline() == b"0\n"
    end, alive = time.monotonic() + 15, []
    while len(alive) < 6 and time.monotonic() < end:  # on a busy machine they take a moment to be there
        alive = [pid for pid in of_services() if pid not in before]
        time.sleep(0.1)
    assert len(alive) >= 6, "the control"
    grader.kill()
    grader.communicate()
    end = time.monotonic() + 15
    while set(of_services()) & set(alive) and time.monotonic() < end:
        time.sleep(0.1)
    assert not set(of_services()) & set(alive)


def of_services() -> list[int]:
    """Processes of any user that a sandbox may have."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                status = (entry / "status").read_text()
            except OSError:
                continue
            uid = int(status.split("Uid:")[1].split()[0])
            if uid in jail.SERVICE_UIDS and "State:\tZ" not in status:
                found.append(int(entry.name))
    return found
