"""What a sandbox costs at a kernel's start. `python -m benchmarks.sandbox_start [ISOLATION …] [--runs 10]`

Each round starts one bare kernel (isolation 'none': the same driver, no sandbox) and one kernel in each
ISOLATION (default: bubblewrap), in an order that changes from round to round, and stops it after one cell.
Printed: the median from launch to a kernel that answers, the cell's answer included, CPU seconds of the
kernel, and the difference to the bare kernel of the same round (median and range). Isolations that can't
be had here are named and left out.

Exit code 0 when the first ISOLATION costs at most LIMIT_MS more than a bare kernel, else 1.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time

from grader import sandbox
from grader.errors import SandboxError
from grader.records import Ending

LIMIT_MS = 100.0


def start(isolation: sandbox.Isolation) -> tuple[float, float]:
    """Seconds until the kernel answers, and CPU seconds of all it ran."""
    done = sandbox.run_notebook([(0, "print(6 * 7)")], isolation=isolation, python=sys.executable)
    assert done.ending is Ending.COMPLETED and done.cells[0].output_tail == "42\n", done
    return done.start_seconds, done.cpu_seconds


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("isolation", nargs="*", default=["bubblewrap"])
    parser.add_argument("--runs", type=int, default=10)
    asked = parser.parse_args(argv)
    chosen = {"none": sandbox.choose("none")}
    for name in asked.isolation:
        try:
            chosen[name] = sandbox.choose(name)
        except SandboxError as error:
            print(f"{name}: left out ({error})")
    if len(chosen) == 1:
        return 1
    for isolation in chosen.values():  # files into the page cache, imports compiled
        start(isolation)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in chosen}
    began, names = time.monotonic(), list(chosen)
    for number in range(asked.runs):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            times[name].append(start(chosen[name]))
    user = "root" if os.geteuid() == 0 else "an ordinary user"
    load = os.getloadavg()[0]
    print(f"{asked.runs} rounds as {user} in {time.monotonic() - began:.0f} s, load average {load:.1f}")
    bare = [seconds for seconds, _ in times["none"]]
    cost = {}
    for name, found in times.items():
        seconds = [one for one, _ in found]
        extra = [1000 * (one - other) for one, other in zip(seconds, bare, strict=True)]
        cost[name] = 1000 * (statistics.median(seconds) - statistics.median(bare))
        more = (
            ""
            if name == "none"
            else (
                f", {cost[name]:+.0f} ms over bare (round by round {statistics.median(extra):+.0f}, "
                f"{min(extra):+.0f} … {max(extra):+.0f})"
            )
        )
        cpu = statistics.median(cpu for _, cpu in found)
        print(f"{name:>10}: {statistics.median(seconds):.3f} s, {cpu:.2f} s of CPU{more}")
    first = next(name for name in names if name != "none")
    return int(cost[first] > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
