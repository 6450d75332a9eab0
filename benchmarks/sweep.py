"""Run every notebook of a folder in the pocket classroom: what stopped them, and what they did.

    python -m benchmarks.sweep NOTEBOOKS [--budget 12] [--only 004,026]

Prints a markdown table: runtime, cells run, cells that failed for a reason of our environment, cells that
failed for the notebook's own reason, wall seconds, training runs seen, bucketing class as judged, the ending.
Contains nothing of the notebooks but their file names.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from grader import pipeline, rubric
from grader.cli import options
from grader.records import Budget, Ending


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", type=Path)
    parser.add_argument("--budget", type=int, default=12)
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=420.0, help="wall clock for one notebook")
    given = parser.parse_args()
    chosen = set(given.only.split(",")) if given.only else None
    plan = pipeline.Plan(
        profile="pocket",
        budget=Budget(train_batches=given.budget, eval_batches=4),
        limits=options.limits(given.seconds),
        insist=True,
    )
    print("| notebook | runtime | cells | environment | own errors | s | runs | bucketing | ending |")
    print("|---|---|---|---|---|---|---|---|---|")
    for path in sorted(given.notebooks.glob("*.ipynb")):
        if chosen and path.stem not in chosen:
            continue
        began = time.monotonic()
        evidence, judgement = pipeline.check(path, plan, rubric.load())
        seen = evidence.observed
        if seen is None:
            print(f"| {path.stem} | – | 0 | {'; '.join(evidence.faults)} | | | | | |", flush=True)
            continue
        failed = [cell for cell in seen.cells if cell.ending is not Ending.COMPLETED]
        environment = [f"{cell.index}: {cell.why or cell.error_name}" for cell in failed if cell.environment]
        own = [f"{cell.index} {cell.error_name or cell.ending}" for cell in failed if not cell.environment]
        print(
            f"| {path.stem} | {seen.runtime} | {len(seen.cells)} | {'; '.join(environment) or '–'} "
            f"| {'; '.join(own) or '–'} | {time.monotonic() - began:.0f} | {len(seen.testimony.runs)} "
            f"| {judgement.facts.bucketing} | {seen.ending} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
