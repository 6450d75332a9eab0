"""Hostile and honest notebooks by turns: the honest lose nothing, the machine keeps nothing.

Pairs: HOSTILE_PAIRS in the environment (default 4, so that the file takes some ten seconds; 20
before a release). Runs in a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.sandbox_boxes import BOXES, alive, isolation_or_skip

pytestmark = pytest.mark.kernel
ROOT = Path(__file__).parents[1]
PAIRS = int(os.environ.get("HOSTILE_PAIRS", "4"))

HOSTILE = {
    "import os; os._exit(1)": "kernel-died",
    "import os\nfor _ in range(4):\n    if os.fork() == 0:\n        b = bytearray(200 << 20)\n"
    "        b[::4096] = bytes([1]) * (len(b) // 4096)\n        import time; time.sleep(5)\n"
    "import time; time.sleep(3)": "out-of-memory",
    "while True:\n    print('x' * 1000)": "output-flood",
    "import os, subprocess, sys\nos.symlink('/etc/passwd', os.environ['OUTBOX'] + '/w.bin')\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)', 'MARKER'],"
    " start_new_session=True)": "completed",
    "import time\nwhile True:\n    try:\n        time.sleep(9)\n    except KeyboardInterrupt:\n"
    "        pass": "total-timeout",
    "import os, time\nfor n in range(20):\n    open(f'{n}', 'wb').write(os.urandom(4 << 20))\n"
    "time.sleep(9)": "disk-limit",
    "import os\nfor _ in range(300):\n    if os.fork() == 0:\n"
    "        import time; time.sleep(9)": "cell-error",
}
HONEST = (
    "import os\ntotal = sum(range(1000))\n"
    "open(os.environ['OUTBOX'] + '/w.bin', 'wb').write(b'weights')\nprint(total)"
)

PROGRAM = """
import json, re, sys, tempfile
from pathlib import Path
from grader import sandbox
from grader.records import Limits
limits = Limits(total_seconds=6, cell_seconds=9, memory_mb=512, disk_mb=48, processes=96,
                output_bytes_per_cell=400_000, output_bytes=1_000_000)
warmed = sys.argv[2] == "warm"
isolation, said = sandbox.choose("bubblewrap" if warmed else sys.argv[2]), []
env = {"PYTHONDONTWRITEBYTECODE": "1"}
preload = None
if warmed:
    sandbox.keep_warm()
    preload = sandbox.Preload(imports=("ipykernel.kernelapp", "ipykernel.zmqshell"), env=env)
with tempfile.TemporaryDirectory() as folder:
    for number, source in enumerate(json.load(sys.stdin)):
        run = sandbox.run_notebook([(0, source)], isolation=isolation, python=sys.executable, limits=limits,
                                   env={**env, "BATCH": sys.argv[1]}, collect=["*.bin"],
                                   collect_to=Path(folder, str(number)), preload=preload)
        assert run.warm == (preload is not None)
        said.append([run.ending, run.cells[0].output_tail, list(run.files)])
# Not ru_maxrss: that starts with the peak of whoever started this program.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(json.dumps({"said": said, "mb": peak / 1024}))
"""


def fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sorted(
        p for part in ("grader", "templates") for p in (ROOT / part).rglob("*") if p.is_file()
    ):
        if path.suffix != ".pyc":
            digest.update(path.read_bytes())
    return digest.hexdigest()


def mounts() -> list[str]:
    """What is mounted by a grader; other tests may mount small disks at the same time."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if "grader" in line or "/gb-" in line]


def of_batch(marker: str) -> list[str]:
    """Processes that carry the batch's mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"BATCH={marker}".encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.clock
def test_hostile_and_honest_by_turns(box):
    isolation_or_skip(box)
    marker = f"batch-{box}-{os.getpid()}"
    hostile = [source.replace("MARKER", marker) for source in HOSTILE]
    sources = [s for number in range(PAIRS) for s in (hostile[number % len(hostile)], HONEST)]
    before = (fingerprint(), mounts())
    with tempfile.TemporaryDirectory(prefix="gb-") as temporary:  # short: unix sockets live in it
        os.chmod(temporary, 0o711)
        grader = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, marker, box],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "TMPDIR": temporary},
        )
        output, _ = grader.communicate(json.dumps(sources).encode())
        assert grader.returncode == 0
        assert os.listdir(temporary) == [], "files left behind"
    found = json.loads(output)
    for number, (ending, tail, files) in enumerate(found["said"]):
        if number % 2:
            assert (ending, tail, files) == ("completed", "499500\n", ["w.bin"]), f"honest one {number}"
        else:
            expected = list(HOSTILE.values())[number // 2 % len(HOSTILE)]
            assert ending == expected and files == [], sources[number]
    assert found["mb"] < 400
    assert not alive(marker) and not of_batch(marker), "processes left behind"
    groups = [g for g in Path("/sys/fs/cgroup").glob(f"**/grader-{grader.pid}-*") if g.is_dir()]
    assert not groups, "control groups left behind"
    assert before == (fingerprint(), mounts())
    print(f"{PAIRS} pairs, the grader's peak memory: {found['mb']:.0f} MB")


GRADEBOOK = """
import glob, os, sqlite3
for path in [BOOK, *glob.glob("../../**/gradebook*", recursive=True), "/gradebook.sqlite"]:
    try:
        with sqlite3.connect(path) as db:
            db.execute("DELETE FROM entries")
    except (OSError, sqlite3.Error):
        pass
"""
ENDINGS = {
    "import os; os._exit(1)": "kernel-died",
    "while True: pass": "total-timeout",
    "while True:\n    print('x' * 1000)": "output-flood",
    GRADEBOOK: "completed",
    "raise SystemError('x' * 10_000_000)": "cell-error",
}


@pytest.mark.slow
def test_by_grader_batch_too(isolation, tmp_path):
    """The command itself, hostile and honest by turns: true endings, nothing changed, little memory."""
    pytest.importorskip("pebble")
    pytest.importorskip("sqlalchemy")
    import psutil

    inbox, out = tmp_path / "inbox", tmp_path / "class"
    sources, students = list(ENDINGS), {}
    for number in range(PAIRS):
        hostile = sources[number % len(sources)]
        for name, source in ((f"{number:02d}-a", hostile), (f"{number:02d}-b", "print(sum(range(1000)))")):
            students[name] = ENDINGS.get(source, "completed")
            folder = inbox / name
            folder.mkdir(parents=True)
            text = source.replace("BOOK", repr(str(out / "gradebook.sqlite")))
            cell = {
                "cell_type": "code",
                "metadata": {},
                "source": text,
                "execution_count": None,
                "outputs": [],
            }
            notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
            (folder / "n.ipynb").write_text(json.dumps(notebook))
    before, handed_in = fingerprint(), {p: p.read_bytes() for p in inbox.rglob("*.ipynb")}
    home = os.environ.get("GRADER_HOME") or str(tmp_path.parent / "home")
    words = [
        "batch",
        str(inbox),
        "--out",
        str(out),
        "--run",
        "--jobs",
        "1",
        "--timeout",
        "15",
        "--home",
        home,
    ]
    program = "import sys; from grader.cli.app import run; sys.exit(run(sys.argv[1:]))"
    grader = psutil.Popen(
        [sys.executable, "-c", program, *words, "--profile", "pocket"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    peak = 0.0
    while grader.poll() is None:
        peak = max(peak, sum(_own_mb(p) for p in (grader, *_below(grader))))
        time.sleep(0.1)
    assert grader.returncode in (0, 1)
    for name, ending in students.items():
        (found,) = (json.loads(p.read_bytes()) for p in (out / "students" / name).rglob("*results.json"))
        assert found["ending"] == ending, name
        assert not found["faults"], name
        assert found["cells_run"] and all(
            item["points"] is None or item["status"] for item in found["items"].values()
        )
    table = (out / "gradebook.csv").read_text("utf-8-sig")
    assert all(f"\n{name}," in table for name in students), "every student is in the gradebook still"
    assert before == fingerprint() and handed_in == {p: p.read_bytes() for p in inbox.rglob("*.ipynb")}
    assert peak < 400, f"{peak:.0f} MB"
    print(f"{PAIRS} pairs by grader batch, the grader's peak memory with its workers: {peak:.0f} MB")


def _below(process):
    try:
        return process.children(recursive=True)
    except psutil_errors():
        return []


def _own_mb(process) -> float:
    """Proportional memory of a process of the grader's own; 0 for what runs inside a sandbox."""
    try:
        said = " ".join(process.cmdline())
        inside = "ipykernel" in said or "bwrap" in said or process.uids().real != os.geteuid()
        return 0.0 if inside else process.memory_full_info().pss / 2**20
    except psutil_errors():
        return 0.0


def psutil_errors() -> tuple[type[Exception], ...]:
    import psutil

    return (psutil.Error, OSError)
