"""How the cost of `grader batch --no-run` grows: 50, 100 and 200 synthetic submissions.

    python -m benchmarks.batch [--jobs 2]

Prints a markdown table: wall clock, CPU seconds of all processes (`getrusage` of the finished children),
and the peak of memory summed over the driver, its workers and what they start (sampled at 10 Hz): as
resident size, which counts a shared page once for each, and as proportional size, which counts it once.
The submissions are the notebooks of tests/corpus with other seeds and rates, so that no two are equal.
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


def memory(process: psutil.Process) -> tuple[float, float]:
    """Resident and proportional MiB of `process` and all below it; the second 0 where there is no PSS."""
    resident = proportional = 0
    try:
        for one in (process, *process.children(recursive=True)):
            sizes = one.memory_full_info()
            resident += sizes.rss
            proportional += getattr(sizes, "pss", 0)
    except psutil.Error:
        pass
    return resident / 2**20, proportional / 2**20


def measure(count: int, jobs: int) -> tuple[float, float, float, float]:
    """Wall seconds, CPU seconds, peak MiB (resident, proportional) of one batch of `count`."""
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
        watched, peaks = psutil.Process(process.pid), (0.0, 0.0)
        while process.poll() is None:
            now = memory(watched)
            peaks = (max(peaks[0], now[0]), max(peaks[1], now[1]))
            time.sleep(0.1)
        wall = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if process.returncode not in (0, 1):
            raise SystemExit(f"the batch of {count} failed with exit code {process.returncode}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, *peaks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    jobs = parser.parse_args().jobs
    print(
        "| submissions | wall s | CPU s | CPU s each | peak MiB resident | proportional |\n"
        + "|---" * 6
        + "|"
    )
    for count in SIZES:
        wall, cpu, resident, proportional = measure(count, jobs)
        sizes = f"{resident:.0f} | {proportional:.0f}"
        print(f"| {count} | {wall:.1f} | {cpu:.1f} | {cpu / count:.2f} | {sizes} |", flush=True)


if __name__ == "__main__":
    main()
