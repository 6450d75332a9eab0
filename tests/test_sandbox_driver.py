"""The kernel driver and `run_process` on well-behaved and on broken programs; wires that lie."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from grader import sandbox
from grader.errors import SandboxError
from grader.records import Ending, Limits
from grader.sandbox import Bind, Isolation
from grader.sandbox.cell import plain
from tests.sandbox_boxes import LIMITS, PROMPT, isolation_or_skip, notebook

posix = pytest.mark.skipif(os.name != "posix", reason="pipes of this kind are POSIX")


@pytest.fixture(scope="module")
def isolation() -> Isolation:
    return isolation_or_skip()


# ---------------------------------------------------------------- without a kernel


def test_text_is_what_a_terminal_would_leave():
    assert plain("\x1b[31mred\x1b[0m \x1b]0;title\x07ok") == "red ok"
    assert plain("10%\r50%\r100%\nnext\r\n") == "100%\nnext\n"
    assert plain("a\x00b\x9bc\x08d") == "abcd"


@posix
def test_events_are_cut_to_size_and_counted():
    from grader.sandbox.channels import MAX_LINE, Lines

    read, write = os.pipe()
    lines = Lines(read, most=3 * MAX_LINE)
    got = []
    for chunk in (b'{"a": 1}\n[1]\nnot json\n{"b"', b": 2}\n", b"[" * 5000 + b"\n", b'{"n": NaN}\n'):
        os.write(write, chunk)
        got += [data for _, data in lines.read()]
    assert [set(data) for data in got] == [{"a"}, {"b"}, {"n"}] and lines.malformed == 3
    for _ in range(20):  # one endless line is dropped, not kept
        os.write(write, b"x" * 60_000)
        assert list(lines.read()) == []
    os.write(write, b'\n{"c": 3}\n')
    assert [data for _, data in lines.read()] == [{"c": 3}] and lines.malformed == 4
    with pytest.raises(BrokenPipeError):
        for _ in range(100):
            os.write(write, b"y" * 60_000)
            list(lines.read())
    assert lines.cut
    os.close(write)


@posix
def test_many_small_events_can_not_fill_the_grader():
    """Ten million empty objects fit into 32 MB of pipe, and would take gigabytes as Python objects."""
    from grader.sandbox.channels import Lines

    read, write = os.pipe()
    lines, got = Lines(read, most=1_000_000), 0
    with pytest.raises(BrokenPipeError):
        for _ in range(100):
            os.write(write, b"{}\n" * 20_000)
            got += sum(1 for _ in lines.read())
    assert lines.cut and 20_000 < got < 40_000 and lines.malformed == 0
    os.close(write)


def test_cleaning_text_takes_time_in_proportion():
    hostile = ("\x1b[" * 50_000, "a" * 400_000, "a\r" * 100_000, "\x1b]" * 100_000)
    began = time.process_time()
    for text in hostile:
        plain(text)
    assert time.process_time() - began < 5


@posix
def test_23_sockets_that_are_links_are_not_connected_to(tmp_path):
    from grader.sandbox.channels import PORTS, listening

    real = {}
    for port in PORTS.values():
        real[port] = socket.socket(socket.AF_UNIX)
        real[port].bind(str(tmp_path / f"k-{port}"))
        real[port].listen()
    assert listening(tmp_path), "the control: with real sockets it is ready"
    host = tmp_path / "host.sock"
    (tmp_path / "k-2").rename(host)
    (tmp_path / "k-2").symlink_to(host)
    socket.socket(socket.AF_UNIX).connect(str(tmp_path / "k-2"))  # the control: a plain client follows
    assert not listening(tmp_path)


# ---------------------------------------------------------------- with one


@pytest.mark.kernel
def test_a_notebook_from_start_to_collection(isolation, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "ratings.txt").write_text("좋아요\n")
    seen, events = [], []
    execution = notebook(
        isolation,
        "import os\nprint(greeting, open('/opt/data/ratings.txt').read())",
        "os.write(int(os.environ['PROBE_FD']), b'{\"kind\": \"step\"}\\n')\nos.environ['MODE']",
        "os.mkdir(os.environ['OUTBOX'] + '/m')\nopen('/home/student/out/m/w.safetensors', 'wb').write(b'w')",
        "!echo from the shell",
        "import time; start = time.time()\nwhile time.time() < start + 0.3: pass",
        startup="import os\ngreeting = 'hello'\n"
        "os.write(int(os.environ['PROBE_FD']), b'{\"kind\": \"up\"}\\n')",
        binds=[Bind(data, "/opt/data")],
        env={"MODE": "test"},
        on_cell=lambda run: seen.append(run.index),
        on_event=events.append,
        collect=["*.safetensors"],
        collect_to=tmp_path / "weights",
    )
    assert execution.ending is Ending.COMPLETED and execution.reason is None
    assert [run.ending for run in execution.cells] == [Ending.COMPLETED] * 5 and seen == [0, 1, 2, 3, 4]
    assert "hello 좋아요" in execution.cells[0].output_tail
    assert execution.cells[1].output_tail.endswith("'test'")
    assert "from the shell" in execution.cells[3].output_tail
    assert [(event.cell, event.data["kind"]) for event in execution.events] == [(-1, "up"), (1, "step")]
    assert list(execution.events) == events and 0 < execution.events[1].received < execution.seconds
    assert execution.files == ("m/w.safetensors",)
    assert (tmp_path / "weights/m/w.safetensors").read_bytes() == b"w"
    assert execution.cpu_seconds > 0.3 and execution.peak_memory_mb > 10


@pytest.mark.kernel
def test_a_broken_startup_is_our_fault(isolation):
    execution = notebook(isolation, "print(1)", startup="import nothing_like_this")
    assert execution.ending is Ending.SANDBOX_FAULT and execution.cells == ()
    assert "nothing_like_this" in execution.reason.en


@pytest.mark.kernel
def test_an_interpreter_that_can_not_run_a_kernel_is_said_so(isolation):
    with pytest.raises(SandboxError, match="does not start"):
        sandbox.run_notebook([(0, "1")], isolation=isolation, python="/usr/bin/no-python", limits=LIMITS)
    with pytest.raises(SandboxError, match="did not start inside the sandbox"):
        notebook(isolation, "1", env={"PYTHONHOME": "/nowhere"})


@pytest.mark.kernel
def test_what_is_to_be_mounted_must_exist(isolation, tmp_path):
    with pytest.raises(SandboxError, match="missing"):
        notebook(isolation, "1", binds=[Bind(tmp_path / "nowhere", "/opt/data")])


@pytest.mark.kernel
def test_a_cell_that_prints_in_the_background_is_not_mixed_up(isolation):
    source = (
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(.5), print('late'))).start()"
    )
    execution = notebook(isolation, source, "import time; time.sleep(1); print('mine')")
    assert execution.cells[1].output_tail.strip().endswith("mine")


# ---------------------------------------------------------------- run_process

PYTHON = [sys.executable, "-I", "-S", "-c"]


@pytest.mark.kernel
def test_a_program_gets_stdin_and_gives_files(isolation, tmp_path):
    code = "import sys, os; print(len(sys.stdin.read()))\n"
    code += "open(os.environ['OUTBOX'] + '/p.json', 'w').write('[1]')"
    result = sandbox.run_process(
        [*PYTHON, code],
        isolation=isolation,
        stdin=b"x" * 300_000,
        limits=LIMITS,
        collect=["p.json"],
        collect_to=tmp_path,
    )
    assert (result.ending, result.returncode, result.stdout) == (Ending.COMPLETED, 0, b"300000\n")
    assert result.files == ("p.json",) and json.loads((tmp_path / "p.json").read_bytes()) == [1]


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("import time; time.sleep(30)", Ending.TOTAL_TIMEOUT),
        ("while True: print('x' * 10000)", Ending.OUTPUT_FLOOD),
        ("import sys; sys.exit(7)", Ending.COMPLETED),
        ("import os\nos.close(1); os.close(2)\nwhile True: pass", Ending.TOTAL_TIMEOUT),
    ],
)
@pytest.mark.clock
def test_how_programs_end(isolation, code, ending):
    limits = Limits(total_seconds=4, memory_mb=512, output_bytes=1_000_000)
    result = sandbox.run_process([*PYTHON, code], isolation=isolation, limits=limits)
    assert result.ending is ending and result.seconds < PROMPT
    assert (result.returncode == 7) == ("exit(7)" in code)
    assert len(result.stdout) <= 1_000_000


@posix
@pytest.mark.kernel
def test_without_isolation_the_same_driver_works(tmp_path):
    pytest.importorskip("ipykernel")
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.txt").write_text("read")
    execution = sandbox.run_notebook(
        [(0, "import os; print(open(os.environ['DATA'] + '/a.txt').read())"), (1, "import os; os._exit(1)")],
        isolation=sandbox.choose("none"),
        python=sys.executable,
        binds=[Bind(data, "/opt/data")],
        env={"DATA": "/opt/data"},
        limits=LIMITS,
    )
    assert execution.cells[0].output_tail == "read\n" and execution.ending is Ending.KERNEL_DIED


# ---------------------------------------------------------------- every platform


def test_importing_needs_nothing_that_is_linux_only():
    modules = "arguments canary cell cgroup channels choosing collect driver endings forked interpreter jail"
    code = f"""
import sys
for name in ("resource", "fcntl", "pyseccomp", "zmq", "jupyter_client", "psutil", "ipykernel"):
    sys.modules[name] = None
import grader.sandbox
for name in "{modules} process seccomp types warm warmbox watch".split():
    __import__("grader.sandbox." + name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_a_cell_says_can_always_be_stored():
    from grader.sandbox.cell import plain

    assert plain("a\ud800b\x07") == "ab"
    plain("한글 🎉").encode()
