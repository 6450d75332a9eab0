"""Every mutant of the solution and the verdict it gets. Makes benchmarks/mutants.md.

    python -m benchmarks.mutants                  by reading alone, seconds
    python -m benchmarks.mutants --run            each one run in the pocket classroom, about 20 s each

A mutant is `reference/solution.ipynb` with one realistic mistake (tests/mutants/). The table shows what
the grader said and where that is not what a careful person would say. Exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from grader import pipeline, rubric
from grader.records import Budget, Evidence, Judgement
from tests.mutants import MUTANTS, Mutant, build, said, wrong

ROWS = 3_000
"""Of each split in a run: enough for every loop under the budget."""
THE_SOLUTION = Mutant(
    "(the solution itself)",
    "none",
    (),
    read={"runs": [("max-length", "none"), ("dynamic", "length")], "r1": "UNDECIDED", "r3": "UNDECIDED"},
    run={"r1": "PASS", "bucketing": "effective", "leak": (None, False), "confounded": []},
)


def judged(mutant: Mutant, plan: pipeline.Plan | None, items) -> tuple[Evidence, Judgement]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{mutant.name.strip('()')}.ipynb"
        nbformat.write(build(mutant, rows=ROWS if plan else None), path)
        return pipeline.check(path, plan, items)


def line(mutant: Mutant, got: dict, faults: list[str]) -> str:
    marks = {"PASS": "pass", "PARTIAL": "partial", "FAIL": "fail", "UNDECIDED": "–"}
    verdicts = [marks[got[item]] for item in ("r1", "r2", "r3")]
    seen = sorted({f"confounded: {what}" for what in got["confounded"]})
    seen += ["leak"] if got["leak"] or "leak" in got["noted"] else []
    seen += (
        ["test as validation"] if got["test_as_validation"] or "test-as-validation" in got["noted"] else []
    )
    seen += sorted(got["noted"] & {"continued-state", "undefined-name"})
    seen += sorted(got["findings"] - {"length-study", "cleaned-data", "seeded-split", "confounded", "leak"})
    cells = [mutant.name, mutant.mistake, *verdicts, got["bucketing"], ", ".join(seen) or "–"]
    return f"| {' | '.join(cells)} | {'; '.join(faults) or 'as expected'} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", action="store_true", help="run each one; default: read only")
    parser.add_argument("--budget", type=int, default=8, help="training batches of each loop")
    parser.add_argument("--only", nargs="*", help="names of mutants; default: all")
    parser.add_argument("--out", type=Path, help="write the page here; default: print only")
    chosen = parser.parse_args()

    plan = None
    if chosen.run:
        budget = Budget(train_batches=chosen.budget, eval_batches=max(1, chosen.budget // 3))
        plan = pipeline.Plan(profile="pocket", budget=budget, insist=True)
    items, start = rubric.load(), time.monotonic()
    head = ["mutant", "mistake", "r1", "r2", "r3", "bucketing", "also seen", "expected?"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    differ = 0
    mutants = [m for m in (THE_SOLUTION, *MUTANTS) if not chosen.only or m.name in chosen.only]
    for mutant in mutants:
        got = said(*judged(mutant, plan, items))
        faults = wrong(mutant.run if plan else mutant.read, got)
        differ += bool(faults)
        lines.append(line(mutant, got, faults))
        print(lines[-1], flush=True)
    text = PAGE.format(
        command="python -m benchmarks.mutants" + (" --run" if chosen.run else ""),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        minutes=(time.monotonic() - start) / 60,
        how=f"each run in the pocket classroom, {chosen.budget} batches a loop, {ROWS:,} rows of each split"
        if chosen.run
        else "read only",
        right=len(mutants) - differ,
        all=len(mutants),
        table="\n".join(lines),
    )
    if chosen.out:
        chosen.out.write_text(text, encoding="utf-8")
    print(f"{len(mutants) - differ} of {len(mutants)} as expected")
    return 1 if differ else 0


PAGE = """# Mutants: realistic mistakes, and what the grader says

Made by `{command} --out benchmarks/mutants.md` on {date} in {minutes:.0f} minutes: {how}.
The solution stores no outputs, so accuracy (r2) is for a person to decide (–), and r3 can't pass: its times
and accuracies aren't stored. What is told apart here is what bucketing did, and what else was wrong.

**{right} of {all}** as a careful person would say (expectations: tests/mutants/).

{table}
"""


if __name__ == "__main__":
    sys.exit(main())
