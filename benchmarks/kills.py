"""SIGKILL at random moments: is anything lost, half done, wrong or left behind?

    python -m benchmarks.kills [--times 20] [--students 12] [--seed 0] [--run]

A class is graded once undisturbed. Then, into another folder, `grader batch` is started and its driver
(the driver alone, every second time a worker instead) killed after a random time, again and again; the
last start is left alone. Counted: files that differ from the undisturbed run, and processes still there
five seconds after a kill. Both must be 0.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

CORPUS = Path(__file__).parents[1] / "tests" / "corpus"
KEPT = {".batch.lock"}
GRACE = 5.0
"""Seconds after a kill in which everything that was started must have ended."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--students", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", action="store_true", help="run the notebooks too (minutes)")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        inbox = _inbox(Path(folder, "inbox"), given.students)
        began = time.monotonic()
        _start(inbox, Path(folder, "undisturbed"), given.run).wait()
        span = time.monotonic() - began
        orphans, killed = 0, {"driver": 0, "worker": 0}
        out = Path(folder, "killed")
        for nth in range(given.times):
            process = _start(inbox, out, given.run)
            time.sleep(chance.uniform(0.05, 0.9) * span)
            who = "worker" if nth % 2 else "driver"
            killed[who] += _kill(process, who, chance)
            orphans += _left(process, who)
        _start(inbox, out, given.run).wait()
        wanted, found = _contents(Path(folder, "undisturbed")), _contents(out)
        differ = [name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)]
    print("| kills of the driver | of a worker | files compared | lost or different | processes left |")
    print("|---|---|---|---|---|")
    print(f"| {killed['driver']} | {killed['worker']} | {len(wanted)} | {len(differ)} | {orphans} |")
    for name in sorted(differ)[:10]:
        print("differs:", name)
    sys.exit(bool(differ or orphans))


def _inbox(folder: Path, students: int) -> Path:
    corpus = sorted(path.parent for path in CORPUS.glob("*/submission.ipynb"))
    quick = [path for path in corpus if path.name not in {"loops-forever", "kills-kernel"}]
    for nth in range(students):
        target = folder / f"student-{nth:02}"
        target.mkdir(parents=True)
        shutil.copy(quick[nth % len(quick)] / "submission.ipynb", target)
    return folder


def _start(inbox: Path, out: Path, run: bool) -> subprocess.Popen:
    how = ["--run", "--budget", "4"] if run else ["--no-run"]
    return subprocess.Popen(
        [sys.executable, "-m", "grader.cli", "batch", str(inbox), "--out", str(out), "--jobs", "2", *how],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=CORPUS.parents[1],
        start_new_session=True,
    )


def _kill(process: subprocess.Popen, who: str, chance: random.Random) -> int:
    """1 if somebody was killed: the batch may have ended by itself."""
    try:
        driver = psutil.Process(process.pid)
        if driver.status() == psutil.STATUS_ZOMBIE:
            return 0
        workers = [child for child in driver.children() if "spawn_main" in " ".join(child.cmdline())]
        victim = chance.choice(workers).pid if who == "worker" and workers else process.pid
        os.kill(victim, signal.SIGKILL)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return 0
    return 1


def _left(process: subprocess.Popen, who: str) -> int:
    """Processes of this batch that are still there after the grace; the driver itself after a worker's
    death is left to end (it goes on with the others)."""
    if who == "worker":
        process.wait()
    session = process.pid
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline:
        process.poll()
        if not _session(session):
            return 0
        time.sleep(0.1)
    left = _session(session)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return len(left)


def _session(session: int) -> list[int]:
    found = []
    for other in psutil.process_iter(["pid", "status"]):
        try:
            if os.getsid(other.pid) == session and other.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(other.pid)
        except OSError:
            continue
    return found


def _contents(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name not in KEPT and not path.name.startswith("gradebook.sqlite")
    }


if __name__ == "__main__":
    main()
