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
from pathlib import Path

import pytest

from tests.sandbox_boxes import KERNELS, alive, isolation_or_skip

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
HONEST = "total = sum(range(1000))\nopen('/home/student/out/w.bin', 'wb').write(b'weights')\nprint(total)"

PROGRAM = """
import json, re, sys, tempfile
from pathlib import Path
from grader import sandbox
from grader.records import Limits
limits = Limits(total_seconds=4, cell_seconds=8, memory_mb=512, disk_mb=48, processes=96,
                output_bytes_per_cell=400_000, output_bytes=1_000_000)
isolation, said = sandbox.choose(), []
env = {"PYTHONDONTWRITEBYTECODE": "1"}
preload = None
if sys.argv[2] == "warm":
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
    for path in sorted((ROOT / "grader" / "sandbox").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


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


@pytest.mark.parametrize("kernel", KERNELS)
def test_hostile_and_honest_by_turns(kernel):
    isolation_or_skip()
    marker = f"batch-{kernel}-{os.getpid()}"
    hostile = [source.replace("MARKER", marker) for source in HOSTILE]
    sources = [s for number in range(PAIRS) for s in (hostile[number % len(hostile)], HONEST)]
    before = (fingerprint(), len(Path("/proc/self/mountinfo").read_text().splitlines()))
    with tempfile.TemporaryDirectory(prefix="gb-") as temporary:  # short: unix sockets live in it
        os.chmod(temporary, 0o711)
        grader = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, marker, kernel],
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
    assert before == (fingerprint(), len(Path("/proc/self/mountinfo").read_text().splitlines()))
    print(f"{PAIRS} pairs, the grader's peak memory: {found['mb']:.0f} MB")
