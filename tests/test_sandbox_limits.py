"""Attacks on time, memory, disk and output: each end has its name, what ran before it is kept.

The numbers are the rows of docs/threat-model.md. Positive controls run the same source without a
sandbox, where it does what it wants (within reason: this is also somebody's machine).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from grader.records import Ending, Limits
from grader.sandbox import Isolation, arguments, cgroup, driver, engine, jail, warm, watch
from tests.sandbox_bare import FORGED_IDLE
from tests.sandbox_boxes import (
    BOXES,
    LIMITS,
    PRELOAD,
    PROMPT,
    alive,
    attack,
    isolation_or_skip,
    notebook,
    outside,
    warmth,
)

pytestmark = pytest.mark.kernel

HOG = """
def attack():
    try:
        block = bytes(asked["mb"] << 20)  # zeros, asked for and not yet touched
        return len(block) >> 20
    except MemoryError:
        return "MemoryError"
"""
FORK = """
def attack():
    import os, signal
    children, refused = [], False
    try:
        for _ in range(asked["count"]):
            pid = os.fork()
            if pid == 0:
                signal.pause()
            children.append(pid)
    except OSError:
        refused = True
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return [len(children), refused]
"""
ONE_FILE = """
def attack():
    import os
    written = 0
    try:
        with open(asked["path"], "wb", buffering=0) as file:
            while written < asked["mb"] << 20:
                written += file.write(bytes(1 << 20))
    except OSError as error:
        return [written >> 20, type(error).__name__]
    finally:
        if os.path.exists(asked["path"]):
            os.unlink(asked["path"])
    return [written >> 20, ""]
"""
CHILDREN = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        block = bytearray(400 << 20)
        block[::4096] = bytes([1]) * (len(block) // 4096)
        time.sleep(30)
        os._exit(0)
time.sleep(30)
"""
SHARED = """
import mmap, time
block = mmap.mmap(-1, 1500 << 20)
for start in range(0, len(block), 4096):
    block[start] = 1
print("survived", flush=True)
"""
MANY_FILES = """
import os, time
for number in range(60):
    with open(f"part{number}", "wb") as file:
        file.write(os.urandom(1 << 20) * 4)
    time.sleep(0.02)
time.sleep(20)
"""
STUBBORN = """
import time
while True:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        pass
"""
DAEMON = """
import os, subprocess, sys
code = "import signal, time, os; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; "
code += "os.write(1, b'.'); time.sleep(300)"
subprocess.Popen([sys.executable, "-c", code, "MARKER"], start_new_session=True,
                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.read(1)
"""


@pytest.fixture(scope="module", params=BOXES)
def isolation(request) -> Iterator[Isolation]:
    with warmth(request.param):
        yield isolation_or_skip(request.param)


@pytest.fixture(autouse=True)
def short_grace(monkeypatch):
    monkeypatch.setattr(driver, "GRACE", 1.0)


@pytest.fixture(scope="module")
def bare() -> dict[str, object]:
    """The controls of attacks on a kernel's client: what they achieve against an ordinary one."""
    pytest.importorskip("ipykernel")
    done = subprocess.run(
        [sys.executable, "-m", "tests.sandbox_bare"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    return json.loads(done.stdout)


def boxes() -> set[str]:
    """Folders and groups of sandboxes that exist at the moment and are this process's own; of a zygote,
    which stays, those of its boxes."""
    zygotes = [zygote.jail for zygote in warm._kept.values()]
    stay = {str(jail.base) for jail in zygotes}
    stay |= {str(folder) for jail in zygotes if jail.group for folder in jail.group.folders.values()}
    groups = [p for parent in cgroup._v1_parents().values() for p in parent.glob(f"grader-{os.getpid()}-*")]
    mine = {f for f in Path(tempfile.gettempdir()).glob("grader-box-*") if _locked_by_us(f)}
    mine |= {slot for jail in zygotes for slot in (jail.base / "s").iterdir()}
    return {str(path) for path in (*groups, *mine)} - stay


def _locked_by_us(folder: Path) -> bool:
    return any(Path(f"/proc/self/fd/{fd}").resolve() == folder for fd in os.listdir("/proc/self/fd"))


# ---------------------------------------------------------------- the kernel survives


@pytest.fixture(scope="module")
def survived(isolation):
    """One kernel, seven attacks that it lives through, an honest cell between and after them."""
    cells = {
        "memory": attack(HOG, mb=5000),
        "reserved": attack(HOG, mb=1500),
        "fork": attack(FORK, count=400),
        "file": attack(ONE_FILE, path="big.bin", mb=200),
        "tmp": attack(ONE_FILE, path="/tmp/big.bin", mb=400),
        "sparse": "open('sparse.bin', 'wb').truncate(10 << 30)",
        "input": "answer = input('password? ')",
        "loop": "while True:\n    pass",
        "output": "import time\nwhile True:\n    print('x' * 10_000)\n    time.sleep(0.01)",
        "error": "1 / 0",
        "honest": "print(json.dumps(sum(range(10))))",
    }
    limits = Limits(**{**{f: getattr(LIMITS, f) for f in LIMITS.__struct_fields__}, "cell_seconds": 4})
    execution = notebook(isolation, *cells.values(), limits=limits)
    assert len(execution.cells) == len(cells), execution.reason
    return {name: run for name, run in zip(cells, execution.cells, strict=True)}, execution


def test_05_five_gigabytes_are_refused_and_the_notebook_goes_on(survived, tmp_path):
    assert json.loads(outside(attack(HOG, mb=5000), cwd=tmp_path)) == 5000
    assert json.loads(survived[0]["memory"].output_tail) == "MemoryError"


def test_memory_that_is_only_reserved_is_none(survived):
    """Half as much again as the limit, never touched: libraries do so, and a notebook of 3 GB was stopped."""
    assert json.loads(survived[0]["reserved"].output_tail) == 1500


def test_04_a_fork_bomb_is_bounded(survived, tmp_path):
    assert json.loads(outside(attack(FORK, count=400), cwd=tmp_path)) == [400, False]
    children, refused = json.loads(survived[0]["fork"].output_tail)
    assert refused and children < LIMITS.processes


def test_08_a_large_file_is_refused(survived, tmp_path):
    assert json.loads(outside(attack(ONE_FILE, path="big.bin", mb=200), cwd=tmp_path)) == [200, ""]
    assert json.loads(survived[0]["file"].output_tail) == [64, "OSError"]
    assert json.loads(survived[0]["tmp"].output_tail)[0] <= 256
    assert survived[0]["sparse"].ending is Ending.CELL_ERROR


@pytest.mark.clock
def test_input_is_answered_at_once(survived, bare):
    assert bare["input_answered"] is False, "the control: an ordinary client waits for somebody to type"
    run = survived[0]["input"]
    assert (run.ending, run.error_name) == (Ending.CELL_ERROR, "StdinNotImplementedError")


@pytest.mark.clock
def test_06_an_endless_loop_is_interrupted_and_the_notebook_goes_on(survived, bare):
    assert bare["loop_ended"] is False, "the control"
    run = survived[0]["loop"]
    assert (run.ending, run.error_name) == (Ending.CELL_TIMEOUT, "KeyboardInterrupt")
    assert run.seconds >= 4


@pytest.mark.clock
def test_07_an_endless_output_is_interrupted(survived, bare):
    assert bare["bytes_of_endless_output"] > 2 * LIMITS.output_bytes_per_cell, "the control, in one second"
    run = survived[0]["output"]
    assert run.ending is Ending.OUTPUT_FLOOD and len(run.output_tail) <= 2000


@pytest.mark.clock
def test_07_output_faster_than_it_can_be_sent_ends_the_kernel(isolation, bare):
    assert bare["bytes_of_endless_output"] > 2 * LIMITS.output_bytes_per_cell
    execution = ends(isolation, "while True:\n    print('x' * 1000)")
    assert execution.ending is Ending.OUTPUT_FLOOD and execution.seconds < PROMPT


def test_what_comes_after_is_still_run(survived):
    cells, execution = survived
    assert cells["error"].ending is Ending.CELL_ERROR and cells["error"].error_name == "ZeroDivisionError"
    assert cells["honest"].ending is Ending.COMPLETED and cells["honest"].output_tail.strip() == "45"
    assert execution.ending is Ending.OUTPUT_FLOOD and execution.reason is not None


# ---------------------------------------------------------------- the kernel does not survive


def ends(isolation: Isolation, source: str, limits: Limits = LIMITS, **options):
    """`source` between two honest cells: the first is kept, the last never runs, nothing is left."""
    before = boxes()
    execution = notebook(isolation, "print('before')", source, "print('after')", limits=limits, **options)
    assert [run.index for run in execution.cells] == [0, 1]
    assert execution.cells[0].output_tail == "before\n"
    assert execution.cells[1].ending is execution.ending
    assert execution.reason is not None and execution.reason.ko and execution.reason.en
    assert boxes() == before
    return execution


def with_(**changes) -> Limits:
    return Limits(**{**{f: getattr(LIMITS, f) for f in LIMITS.__struct_fields__}, **changes})


@pytest.mark.clock
def test_06_a_loop_that_ignores_interrupts_is_killed(isolation):
    control = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True)\n" + STUBBORN], stdout=subprocess.PIPE
    )
    control.stdout.read(1)
    time.sleep(0.2)  # until it is in the loop
    control.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert control.poll() is None, "the control: an interrupt does nothing to it"
    control.kill()
    control.communicate()
    execution = ends(isolation, STUBBORN, with_(cell_seconds=1))
    assert execution.ending is Ending.CELL_TIMEOUT and execution.seconds < PROMPT


@pytest.mark.clock
def test_the_whole_notebook_has_a_clock_too(isolation, bare):
    assert bare["loop_ended"] is False, "the control"
    execution = ends(isolation, "while True: pass", with_(total_seconds=5))
    assert execution.ending is Ending.TOTAL_TIMEOUT and execution.seconds < PROMPT


@pytest.mark.clock
def test_13_a_kernel_that_exits_has_died_whatever_its_exit_code(isolation, bare):
    assert bare["exit_code_of_a_dead_kernel"] == 0, "the control: by its exit code all went well"
    execution = ends(isolation, "import os; os._exit(0)")
    assert execution.ending is Ending.KERNEL_DIED


@pytest.mark.clock
def test_the_kernels_cpu_time_has_a_limit_of_its_own(isolation, bare, monkeypatch):
    assert bare["loop_ended"] is False, "the control"
    limits = with_(total_seconds=40, cell_seconds=40)
    monkeypatch.setattr(arguments, "CPU_SPARE", 3 - arguments.cpu_seconds(limits) + arguments.CPU_SPARE)
    execution = ends(isolation, "while True: pass", limits)
    assert execution.ending is Ending.KILLED and execution.seconds < PROMPT
    assert "3 s" in execution.reason.en and "3초" in execution.reason.ko


def test_05_memory_of_many_processes_counts_together(isolation, tmp_path):
    control = CHILDREN.replace("30", "0.1") + "print('survived')"
    assert "survived" in outside(control, cwd=tmp_path)
    # Either the kernel (cgroup) kills a child and the notebook goes on, or the watchdog ends it all.
    execution = notebook(isolation, CHILDREN.replace("30", "3"), limits=LIMITS)
    assert execution.cells[0].ending is execution.ending is Ending.OUT_OF_MEMORY


def test_05_shared_memory_counts(isolation, tmp_path):
    assert "survived" in outside(SHARED, cwd=tmp_path)
    assert ends(isolation, SHARED).ending is Ending.OUT_OF_MEMORY


@pytest.mark.clock
def test_21_a_forged_idle_does_not_end_the_cell(isolation, bare):
    assert bare["seconds_until_idle_is_believed"] < 0.9, (
        "the control: whoever waits for idle alone is deceived"
    )
    run = notebook(isolation, FORGED_IDLE).cells[0]
    assert run.ending is Ending.COMPLETED and run.seconds >= 1.0


def test_05_the_watchdog_alone_sees_it_too(isolation, monkeypatch, tmp_path):
    """Where there is no cgroup."""
    assert "survived" in outside(CHILDREN.replace("30", "0.1") + "print('survived')", cwd=tmp_path)
    monkeypatch.setattr(cgroup, "create", lambda *_, **__: None)
    monkeypatch.setattr(cgroup, "of_process", lambda *_, **__: None)
    if isolation.name == "container":
        plain = engine.find(isolation.engine)._replace(limits=False)
        monkeypatch.setattr(engine, "find", lambda _: plain)
    execution = ends(Isolation(name=isolation.name, engine=isolation.engine), CHILDREN)
    assert execution.ending is Ending.OUT_OF_MEMORY and execution.peak_memory_mb > LIMITS.memory_mb
    assert execution.seconds < PROMPT


def test_08_many_files_are_noticed(isolation, tmp_path):
    outside(MANY_FILES.replace("(20)", "(0)"), cwd=tmp_path)
    files = list(tmp_path.iterdir())
    assert sum(file.stat().st_size for file in files) > 3 * LIMITS.disk_mb << 20, "the control"
    for file in files:
        file.unlink()
    assert ends(isolation, MANY_FILES).ending is Ending.DISK_LIMIT


def test_08_folders_without_end_are_noticed_and_removed(isolation, tmp_path):
    source = "import os, time\nfor _ in range(1200):\n    os.mkdir('d'); os.chdir('d')\n"
    outside(source, cwd=tmp_path)
    assert (tmp_path / ("d/" * (watch.MAX_DEPTH + 10))).is_dir(), "the control"
    jail.delete(tmp_path / "d")
    source += "os.chmod('.', 0)\ntime.sleep(20)"
    assert ends(isolation, source).ending is Ending.DISK_LIMIT


@pytest.mark.clock
def test_07_one_giant_output_does_not_reach_the_grader(isolation, bare):
    """200 MB in one message."""
    import resource

    assert bare["megabytes_of_one_display"] > 150, "the control: a client without the limit takes all of it"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    source = "from IPython.display import display, HTML\ndisplay(HTML('x' * (200 << 20)))"
    execution = ends(isolation, source, with_(memory_mb=4096))
    assert execution.ending is Ending.OUTPUT_FLOOD
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120 * 1024


@pytest.mark.clock
def test_26_a_kernel_that_can_no_longer_answer_is_killed(isolation, bare):
    assert bare["patched_answered"] == [False, True], "the control: silent, and seemingly alive"
    source = "get_ipython().kernel.session.pack = lambda message: 1 / 0"
    assert ends(isolation, source, with_(cell_seconds=1)).ending is Ending.CELL_TIMEOUT


def test_24_a_daemon_dies_with_the_sandbox(isolation, tmp_path):
    marker = f"daemon-{os.getpid()}"
    outside(DAEMON.replace("MARKER", marker), cwd=tmp_path)
    left = alive(marker)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert len(left) == 1, "the control: without a sandbox it lives on"
    seen: list[int] = []
    execution = notebook(
        isolation, DAEMON.replace("MARKER", marker + "-inside"), on_cell=lambda _: seen.extend(alive(marker))
    )
    assert execution.ending is Ending.COMPLETED and seen
    assert not alive(marker + "-inside")


@pytest.mark.clock
def test_all_dies_with_a_grader_that_is_killed(isolation, monkeypatch):
    """And what it left on disk is swept by the next one, but nothing of one that lives."""
    marker = f"orphan-{os.getpid()}"[:15]
    mode = isolation.engine or isolation.name
    cell = f"import ctypes, time; ctypes.CDLL(None).prctl(15, {marker.encode()!r}); time.sleep(300)"
    hot = f", env={PRELOAD.env!r}, preload=sandbox.{PRELOAD!r}" if warm.kept() else ""
    program = (
        f"import sys; from grader import sandbox\n{'sandbox.keep_warm()' if hot else ''}\n"
        f"sandbox.run_notebook([(0, {cell!r})], isolation=sandbox.choose({mode!r}), "
        f"python=sys.executable{hot})"
    )
    temporary = Path(tempfile.mkdtemp(prefix="gb-"))  # short: unix sockets live in it
    temporary.chmod(0o711)
    grader = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "TMPDIR": str(temporary)},
    )

    def inside() -> list[int]:
        return [p.pid for p in psutil.process_iter(["name"]) if p.info["name"] == marker]

    assert wait_for(inside), "the control: while the grader lives, so does the kernel"
    monkeypatch.setattr(jail, "SWEEP_AFTER", -1.0)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    jail.sweep()
    assert len(list(temporary.iterdir())) == 1, "the owner lives"
    grader.kill()
    grader.wait()
    assert wait_for(lambda: not inside())
    # An engine takes a moment to clear away its own; the sweep of real life comes a minute later.
    assert wait_for(lambda: not alive(str(temporary))), "no process of an engine's is left either"
    jail.sweep()
    temporary.rmdir()


def wait_for(condition, seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return bool(condition())
