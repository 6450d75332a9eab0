"""How the cost of `grader batch --no-run` grows: 50, 100 and 200 synthetic submissions.

    python -m benchmarks.batch [--jobs 2]

Prints a markdown table: wall clock, CPU seconds of all processes (`getrusage` of the finished children),
and the peak of the summed resident memory (sampled at 10 Hz). The submissions are the notebooks of
tests/corpus with other seeds and rates, so that no two are equal.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
SIZES = (50, 100, 200)


def submissions(folder: Path, count: int) -> None:
    """Write `count` different notebooks, one folder a student."""
    sources = sorted((ROOT / "tests" / "corpus").glob("*/submission.ipynb"))
    texts = [source.read_text("utf-8") for source in sources]
    for nth in range(count):
        text = (
            texts[nth % len(texts)].replace("seed=42", f"seed={nth}").replace("2e-5", f"{2 + nth / 100}e-5")
        )
        place = folder / f"student{nth:03d}"
        place.mkdir(parents=True)
        (place / "GD08.ipynb").write_text(text, encoding="utf-8")


def memory(process: psutil.Process) -> float:
    """Resident MiB of `process` and all below it; shared pages count once for each."""
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_info().rss
    except psutil.Error:
        pass
    return total / 2**20


def measure(count: int, jobs: int) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds, peak MiB of one batch of `count`."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        submissions(folder / "in", count)
        command = [
            sys.executable,
            "-m",
            "grader.cli",
            "batch",
            str(folder / "in"),
            "--out",
            str(folder / "out"),
        ]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        process = subprocess.Popen(
            [*command, "--no-run", "--jobs", str(jobs)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        watched, peak = psutil.Process(process.pid), 0.0
        while process.poll() is None:
            peak = max(peak, memory(watched))
            time.sleep(0.1)
        wall = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if process.returncode not in (0, 1):
            raise SystemExit(f"the batch of {count} failed with exit code {process.returncode}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    jobs = parser.parse_args().jobs
    print("| submissions | wall s | CPU s | CPU s each | peak MiB |\n|---|---|---|---|---|")
    for count in SIZES:
        wall, cpu, peak = measure(count, jobs)
        print(f"| {count} | {wall:.1f} | {cpu:.1f} | {cpu / count:.2f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
