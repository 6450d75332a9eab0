"""What only a warm kernel could get wrong: leftovers of the notebook before, a way to the zygote, chance.

The attacks of `test_sandbox_attacks` and `test_sandbox_limits` run against warm kernels as well; here are
those that need two notebooks, or a zygote with a hole in it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from grader import sandbox
from grader.records import Ending, Limits
from grader.sandbox import Bind, Preload, warm, warmbox
from tests.sandbox_boxes import LIMITS, PRELOAD, isolation_or_skip, notebook, warmth

pytestmark = pytest.mark.kernel

LEAVES = """
import json, os, random, signal, subprocess, sys
for folder in ("/tmp", "/dev/shm", "/home/student", os.getcwd(), os.environ["OUTBOX"], "/content"):
    open(folder + "/left-behind", "w").write("secret of the notebook before")
os.environ["LEFT_BEHIND"] = "x"
json.left_behind = True
random.left_behind = True
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
files = [os.open("/dev/null", os.O_RDONLY) for _ in range(3000)]
"""
FINDS = """
import glob, json, os, random
places = ("/tmp", "/dev/shm", "/home/student", os.getcwd(), os.environ["OUTBOX"], "/content")
found = [place for place in places if os.path.exists(place + "/left-behind")]
found += [name for name in ("LEFT_BEHIND",) if name in os.environ]
found += [module.__name__ for module in (json, random) if hasattr(module, "left_behind")]
found += ["process"] * (len(glob.glob("/proc/[0-9]*")) > 3)
found += ["files"] * (len(os.listdir("/proc/self/fd")) > 1000)
print(json.dumps(found))
"""
WAYS = """
import ctypes, glob, json, os, signal
libc = ctypes.CDLL(None, use_errno=True)
worked = []
def tried(name, action):
    try:
        if action() is not False:
            worked.append(name)
    except OSError:
        pass
tried("its program", lambda: open("/run/zygote.py").read())
tried("other boxes", lambda: os.listdir("/run/slots"))
tried("a parent", lambda: os.getppid() != 0)
tried("more processes", lambda: len(glob.glob("/proc/[0-9]*")) > 3)
tried("tracing pid 1", lambda: libc.ptrace(16, 1, 0, 0) == 0)
for pid in (1, 2):
    tried("memory of pid %d" % pid, lambda: open("/proc/%d/mem" % pid, "r+b", buffering=0).write(b"x"))
    tried("namespaces", lambda: libc.setns(os.open("/proc/%d/ns/mnt" % pid, os.O_RDONLY), 0) == 0)
tried("a new user namespace", lambda: libc.unshare(0x10000000) == 0)
for fd in map(int, os.listdir("/proc/self/fd")):
    tried("a folder", lambda: bool(os.listdir(fd)))
for address in ("", chr(0)):
    tried("datagrams", lambda: __import__("socket").socket(1, 2).connect(address or "/run/zygote.sock"))
print(json.dumps(worked))
"""
KINDS = """
import json, os, re
kinds = []
for name in os.listdir("/proc/self/fd"):
    try:
        kinds.append(re.sub(r"[0-9]+", "", os.readlink("/proc/self/fd/" + name)))
    except OSError:
        pass
print(json.dumps(sorted(kinds)))
"""


@pytest.fixture(scope="module")
def isolation():
    with warmth("warm"):
        yield isolation_or_skip()


def answer(execution, cell: int = 0):
    run = execution.cells[cell]
    assert run.ending is Ending.COMPLETED, (run.error_name, run.error_value)
    return json.loads(run.output_tail)


def zygote():
    assert len(warm._kept) == 1
    return next(iter(warm._kept.values()))


def folder(tmp_path: Path, name: str) -> Bind:
    """An empty writable folder that a notebook calls /content."""
    (tmp_path / name).mkdir()
    return Bind(tmp_path / name, "/content", True)


def test_nothing_of_one_notebook_is_there_for_the_next(isolation, tmp_path):
    binds = [folder(tmp_path, name) for name in "ab"]
    first = notebook(isolation, LEAVES, FINDS, binds=binds[:1])
    assert len(answer(first, 1)) == 11, "the control: the notebook itself finds all of it"
    before = zygote().process.pid
    assert answer(notebook(isolation, FINDS, binds=binds[1:])) == []
    assert zygote().process.pid == before, "the same zygote served both"
    assert not list(zygote().slots.iterdir()), "their folders are gone"


def test_there_is_no_way_to_the_zygote(isolation):
    assert answer(notebook(isolation, WAYS)) == []


def test_the_kernel_holds_the_same_open_files_as_a_cold_one(isolation):
    """A forgotten descriptor of the zygote's would be a way out."""
    hot = answer(notebook(isolation, KINDS))
    cold = sandbox.run_notebook([(0, KINDS)], isolation=isolation, python=sys.executable, limits=LIMITS)
    assert not cold.warm and hot == answer(cold)


@pytest.mark.clock
def test_the_zygote_outlives_what_its_children_do(isolation):
    notebook(isolation, "print(1)")
    before = zygote().process.pid
    for source in (
        "import os; os.kill(-1, 9)",
        "import os, signal; os.kill(0, signal.SIGKILL)",
        "import os\nwhile True: os.fork()",
        "import os\nfor fd in range(3, 4096):\n    try: os.close(fd)\n    except OSError: pass",
        "b = bytearray(3 << 30)",
        "import os; os._exit(7)",
    ):
        limits = Limits(total_seconds=2, cell_seconds=2, memory_mb=512, processes=96)
        notebook(isolation, source, limits=limits)
        assert notebook(isolation, "print('honest')").cells[0].output_tail == "honest\n", source
    assert zygote().process.pid == before


def test_a_zygote_that_had_children_can_still_start_threads(isolation, tmp_path):
    """Libraries do so while they are imported, and a process between two process namespaces can't."""
    notebook(isolation, "print(1)")
    module = "import threading\nthread = threading.Thread(target=print)\nthread.start()\nthread.join()\n"
    (tmp_path / "starts_a_thread.py").write_text(module)
    tmp_path.chmod(0o755)
    preload = Preload(imports=("json",), env={"PYTHONPATH": "/opt/lib"})
    options = {
        "isolation": isolation,
        "python": sys.executable,
        "binds": [Bind(tmp_path, "/opt/lib")],
        "env": dict(preload.env),
        "limits": LIMITS,
    }
    sandbox.run_notebook([(0, "1")], preload=preload, **options)
    more = preload._replace(imports=("json", "starts_a_thread"))
    execution = sandbox.run_notebook(
        [(0, "import sys; 'starts_a_thread' in sys.modules")], preload=more, **options
    )
    assert execution.cells[0].output_tail == "True"
    assert [kept.failed for kept in warm._kept.values()] == [(), ()]
    warm._kept.popitem()[1].close()


def test_a_zygote_that_died_is_replaced(isolation):
    notebook(isolation, "print(1)")
    dead = zygote()
    dead.process.kill()
    dead.process.wait()
    assert notebook(isolation, "print(2)").warm and zygote() is not dead
    assert not dead.jail.base.exists()


def test_chance_is_fresh_and_seeds_give_what_they_give_in_a_cold_kernel(isolation):
    numbers = "import json, random, numpy\nprint(json.dumps([random.random(), numpy.random.rand()]))"
    seeded = "random.seed(1); numpy.random.seed(1)\nprint(json.dumps([random.random(), numpy.random.rand()]))"
    with_numpy = PRELOAD._replace(imports=("numpy", "random"))

    def run(preload: Preload | None):
        cells = [(0, numbers), (1, seeded)]
        options = {"isolation": isolation, "python": sys.executable, "limits": LIMITS, "env": PRELOAD.env}
        return sandbox.run_notebook(cells, preload=preload, **options)

    one, other, cold = run(with_numpy), run(with_numpy), run(None)
    assert (one.warm, other.warm, cold.warm) == (True, True, False)
    assert zygote().failed == ()
    assert len({*answer(one), *answer(other), *answer(cold)}) == 6
    assert answer(one, 1) == answer(other, 1) == answer(cold, 1)


def test_each_program_gets_its_own_read_only_files(isolation, tmp_path):
    """As the evaluator gets each notebook's weights: one zygote, other files each time."""
    preload = Preload(imports=("json",), late=("/opt/late",))
    code = "import os; print(open('/opt/late/f').read(), os.access('/opt/late/f', os.W_OK))"
    for text in ("one", "two"):
        place = tmp_path / text
        place.mkdir()
        (place / "f").write_text(text)
        result = sandbox.run_process(
            [sys.executable, "-I", "-c", code],
            isolation=isolation,
            binds=[Bind(place, "/opt/late")],
            limits=LIMITS,
            preload=preload,
        )
        assert (result.stdout, result.returncode) == (f"{text} False\n".encode(), 0)
    assert warm.notes == []


# ---------------------------------------------------------------- where it can't be had


def cold_because(isolation) -> str:
    """Why a notebook ran in an ordinary sandbox although warm kernels were asked for."""
    warm.stop()  # no zygote of an earlier test
    with warmth("warm"):
        execution = sandbox.run_notebook(
            [(0, "print('ran')")],
            isolation=isolation,
            python=sys.executable,
            limits=LIMITS,
            env=PRELOAD.env,
            preload=PRELOAD,
        )
        assert execution.cells[0].output_tail == "ran\n" and not execution.warm
        assert execution.notes == tuple(warm.notes), "and it is said"
        return " ".join(note.detail for note in warm.notes)


@pytest.mark.parametrize(
    ("hole", "says"),
    [
        ("    load_filter(program)\n", "meeting no filter"),
        ("    drop_capabilities()\n", "keeping capabilities"),
        ('        if libc.setns(fd, 0):\n            fail("setns")\n', "seeing the host's processes"),
    ],
)
def test_a_zygote_with_a_hole_is_not_used(tmp_path, monkeypatch, hole, says):
    """The self-test can fail: leave out one step of the way in, and it says so; the notebook runs cold."""
    isolation = isolation_or_skip()
    text = Path(warmbox.__file__).with_name("zygote.py").read_text()
    assert text.count(hole) == 1
    indent = hole[: len(hole) - len(hole.lstrip())]
    (tmp_path / "zygote.py").write_text(text.replace(hole, indent + "pass\n"))
    monkeypatch.setattr(warmbox, "SOURCE", tmp_path / "zygote.py")
    assert says in cold_because(isolation)


def test_an_interpreter_without_what_it_takes_runs_cold(monkeypatch):
    isolation = isolation_or_skip()
    monkeypatch.setattr(warmbox, "PROGRAM", "/run/elsewhere.py")
    monkeypatch.setattr(warmbox.Zygote, "learn", lambda *_: (_ for _ in ()).throw(OSError("no such program")))
    assert "no such program" in cold_because(isolation)


def test_unless_asked_for_everything_is_cold():
    isolation = isolation_or_skip()
    warm.stop()
    assert not warm.kept()
    execution = sandbox.run_notebook(
        [(0, "1")],
        isolation=isolation,
        python=sys.executable,
        limits=LIMITS,
        env=PRELOAD.env,
        preload=PRELOAD,
    )
    assert not execution.warm and not execution.notes
