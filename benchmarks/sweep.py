"""Run every notebook of a folder in the pocket classroom: what stopped them, and what they did.

    python -m benchmarks.sweep NOTEBOOKS [--budget 12] [--only 004,026] [--labels CSV] [--keep FOLDER]

Prints a markdown table: runtime, cells run, cells that failed for a reason of our environment, cells that
failed for the notebook's own reason, wall and CPU seconds, peak memory, training runs, the bucketing class as
judged from everything, the class from observation alone, the settled label (LABELS: columns id, bucketing),
and the ending; below it one line per run. `--keep` writes each evidence.json, so that the table can be made
again without running anything (`--again FOLDER`).
Contains nothing of the notebooks but their file names.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

from grader import checks, pipeline, rubric
from grader.checks import alone
from grader.checks.thresholds import threshold
from grader.cli import options
from grader.publish import read_evidence
from grader.records import Budget, Ending, Evidence, TrainingRun, to_json

COLUMNS = (
    "notebook", "runtime", "cells", "environment", "own errors", "s", "CPU s", "peak MB", "runs", "judged",
    "observed", "label", "ending",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("notebooks", type=Path)
    parser.add_argument("--budget", type=int, default=12)
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=420.0, help="wall clock for one notebook")
    parser.add_argument("--labels", type=Path, help="CSV with the columns id and bucketing")
    parser.add_argument("--keep", type=Path, help="folder for the evidence")
    parser.add_argument("--again", type=Path, help="folder of evidence: judge it again, run nothing")
    given = parser.parse_args()
    chosen = set(given.only.split(",")) if given.only else None
    labels = _labels(given.labels)
    plan = pipeline.Plan(
        profile="pocket",
        budget=Budget(train_batches=given.budget, eval_batches=4),
        limits=options.limits(given.seconds),
        insist=True,
    )
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    structures: list[str] = []
    for path in sorted(given.notebooks.glob("*.ipynb")):
        if chosen and path.stem not in chosen:
            continue
        began = time.monotonic()
        if given.again:
            kept = given.again / f"{path.stem}.json"
            if not kept.is_file():
                continue
            evidence = read_evidence(kept)
        else:
            evidence = pipeline.check(path, plan, rubric.load()).evidence
        seconds = time.monotonic() - began
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            (given.keep / f"{path.stem}.json").write_bytes(to_json(evidence))
        print(_row(path.stem, evidence, seconds, labels.get(path.stem, "")), flush=True)
        if evidence.observed:
            runs = zip(alone.structure(evidence.observed), evidence.observed.testimony.runs, strict=True)
            structures += [f"- {path.stem}: {line}{_speed(run)}" for line, run in runs]
    print(
        "\nRuns (cell, kind, rows x batch, padding, padded tokens per row, start, optimizer steps, speed):\n"
    )
    print("\n".join(structures))


def _speed(run: TrainingRun) -> str:
    if run.examples_per_second is None:
        return ""
    return f", {run.examples_per_second:.1f} ± {run.examples_per_second_spread:.1f} rows/s"


def _row(name: str, evidence: Evidence, seconds: float, label: str) -> str:
    """One notebook's line of the table."""
    seen = evidence.observed
    if seen is None:
        return f"| {name} | – | 0 | {'; '.join(evidence.faults)} | | | | | | | | {label} | |"
    failed = [cell for cell in seen.cells if cell.ending is not Ending.COMPLETED]
    environment = [f"{cell.index}: {cell.why or cell.error_name}" for cell in failed if cell.environment]
    own = [f"{cell.index} {cell.error_name or cell.ending}" for cell in failed if not cell.environment]
    judged = checks.judge(evidence, rubric.load()).facts.bucketing
    observed, _ = alone.decide(evidence, threshold(rubric.load(), "r3", "min_fall"))
    peak = max((run.peak_memory_mb or 0 for run in seen.testimony.runs), default=0)
    return (
        f"| {name} | {seen.runtime} | {len(seen.cells)} | {'; '.join(environment) or '–'} "
        f"| {'; '.join(own) or '–'} | {seconds:.0f} | {seen.cpu_seconds:.0f} | {peak:.0f} "
        f"| {len(seen.testimony.runs)} | {judged} | {observed.bucketing} | {label} | {seen.ending} |"
    )


def _labels(path: Path | None) -> dict[str, str]:
    """Notebook → settled bucketing class."""
    if path is None:
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["bucketing"] for row in csv.DictReader(file)}


if __name__ == "__main__":
    main()
