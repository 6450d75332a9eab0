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


class Section:
    """The mutants tried in one way, and the table of what came out."""

    def __init__(self, title: str, plan: pipeline.Plan | None):
        self.title, self.plan, self.lines, self.differ = title, plan, [], 0

    def add(self, mutant: Mutant, items) -> None:
        got = said(*judged(mutant, self.plan, items))
        faults = wrong(mutant.run if self.plan else mutant.read, got)
        self.differ += bool(faults)
        self.lines.append(line(mutant, got, faults))
        print(self.lines[-1], flush=True)

    def __str__(self) -> str:
        head = ["mutant", "mistake", "r1", "r2", "r3", "bucketing", "also seen", "expected?"]
        table = [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *self.lines]
        done = len(self.lines)
        count = f"{done} tried, **{done - self.differ}** judged as a careful person would."
        return "\n".join([f"## {self.title}", "", count, "", *table])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", action="store_true", help="run each one, too; default: read only")
    parser.add_argument("--budget", type=int, default=8, help="training batches of each loop")
    parser.add_argument("--only", nargs="*", help="names of the mutants to run; default: all")
    parser.add_argument("--out", type=Path, help="write the page here; default: print only")
    chosen = parser.parse_args()

    items, start = rubric.load(), time.monotonic()
    sections = [Section("By reading alone", None)]
    for mutant in (THE_SOLUTION, *MUTANTS):
        sections[0].add(mutant, items)
    if chosen.run:
        budget = Budget(train_batches=chosen.budget, eval_batches=max(1, chosen.budget // 3))
        how = f"By running: pocket classroom, {chosen.budget} batches a loop, {ROWS:,} rows of each split"
        sections.insert(0, Section(how, pipeline.Plan(profile="pocket", budget=budget, insist=True)))
        for mutant in (THE_SOLUTION, *MUTANTS):
            if not chosen.only or mutant.name in chosen.only:
                sections[0].add(mutant, items)
                if chosen.out:  # after every one, because the whole takes a while
                    chosen.out.write_text(page(sections, start), encoding="utf-8")
    print(page(sections, start))
    if chosen.out:
        chosen.out.write_text(page(sections, start), encoding="utf-8")
    return 1 if any(section.differ for section in sections) else 0


def page(sections: list[Section], start: float) -> str:
    return PAGE.format(
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        minutes=(time.monotonic() - start) / 60,
        sections="\n\n".join(map(str, sections)),
    )


PAGE = """# Mutants: realistic mistakes, and what the grader says

Made by `python -m benchmarks.mutants --run --out benchmarks/mutants.md` on {date} in {minutes:.0f} minutes.

The solution stores no outputs and a budget cuts every run, so accuracy (r2) is for a person to decide (–),
and r3 can't pass: nothing was trained to its end. What is told apart here is what bucketing did, and what
else was wrong. What each one must get, and why: tests/mutants/. The solution in full: solution.md.

{sections}
"""


if __name__ == "__main__":
    sys.exit(main())
