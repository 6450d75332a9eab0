"""Does the grader agree with careful readers? `python -m benchmarks.agreement LABELS NOTEBOOKS_DIR`

LABELS is a CSV with the columns id, r1, r2, r3, bucketing, best_acc, cells, certainty (and optionally
compared, analysed, eval_split, leak, test_as_val, confounded); NOTEBOOKS_DIR holds id.ipynb for each row.
Every notebook is read (source, prose, quality, recorded) and judged; nothing is executed. Printed:
confusion tables and Cohen's kappa, the rows that differ and how sure their labels are, best accuracy,
overlap of cited cells, time, memory, and whether torch got imported.

Exit code 0 when every sure row agrees on r1, r2, r3 and bucketing, else 1.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grader import pipeline, rubric
from grader.records import Judgement

DECIDING = ("r1", "r2", "r3", "bucketing")
LOOKED_AT = ("compared", "analysed", "eval_split", "leak", "test_as_val", "confounded")


@dataclass(frozen=True)
class Row:
    """One notebook: what the readers settled and what the grader says."""

    id: str
    label: dict[str, str]
    judged: dict[str, str]
    judgement: Judgement
    seconds: float

    @property
    def sure(self) -> bool:
        return self.label.get("certainty") == "sure"


def said(judgement: Judgement) -> dict[str, str]:
    """A judgement in the words of the label file."""
    facts = judgement.facts
    split = {"validation": "val", "test-as-validation": "test-as-val", "unknown": "unclear"}
    yes = {True: "yes", False: "no", None: "unclear"}
    return {
        **{v.item: str(v.status).lower() for v in judgement.items},
        "bucketing": str(facts.bucketing),
        "compared": facts.compared,
        "analysed": facts.analysed,
        "best_acc": "" if facts.best_accuracy is None else f"{facts.best_accuracy:.6f}",
        "eval_split": split.get(facts.eval_split, facts.eval_split),
        "leak": yes[facts.leak],
        "test_as_val": yes[facts.test_as_validation],
        "confounded": "yes" if facts.confounded else "no",
    }


def kappa(pairs: list[tuple[str, str]]) -> float:
    """Cohen's kappa, (p_o - p_e) / (1 - p_e) (Cohen 1960, Educ. Psychol. Meas. 20:37); 1.0 if p_e = 1."""
    n = len(pairs)
    observed = sum(a == b for a, b in pairs) / n
    left, right = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum(left[k] * right[k] for k in left) / n**2
    return 1.0 if expected == 1 else (observed - expected) / (1 - expected)


def cited(label: str, item: str) -> set[int]:
    """Cells of one item out of 'r1:4;5 r2:16 r3:18;19'."""
    found = re.search(rf"\b{item}:([\d;]*)", label)
    return {int(c) for c in found.group(1).split(";") if c} if found else set()


def table(pairs: list[tuple[str, str]]) -> str:
    """Rows: label; columns: grader."""
    columns = sorted({b for _, b in pairs})
    counts = Counter(pairs)
    width = max(len(k) for pair in pairs for k in pair) + 2
    lines = ["".join(f"{c:>{width}}" for c in ("", *columns))]
    for a in sorted({a for a, _ in pairs}):
        lines.append(f"{a:>{width}}" + "".join(f"{counts[a, b] or '·':>{width}}" for b in columns))
    return "\n".join(lines)


def read(labels: Path, notebooks: Path) -> list[Row]:
    """Judge every labelled notebook."""
    items = rubric.load()
    rows = []
    with labels.open(encoding="utf-8", newline="") as file:
        for label in csv.DictReader(file):
            path = notebooks / f"{label['id']}.ipynb"
            started = time.perf_counter()
            evidence, judgement = pipeline.check(path, None, items)
            seconds = time.perf_counter() - started
            for fault in evidence.faults:
                print(f"{label['id']}: stage failed: {fault}", file=sys.stderr)
            for verdict in (*judgement.items, *judgement.questions):
                if verdict.staff_note:
                    print(f"{label['id']} {verdict.item}: {verdict.staff_note}", file=sys.stderr)
            rows.append(Row(label["id"], label, said(judgement), judgement, seconds))
    return rows


def differing(rows: Iterable[Row], key: str) -> list[Row]:
    return [r for r in rows if key in r.label and r.label[key] != r.judged[key]]


def report(rows: list[Row], verbose: bool) -> bool:
    """Print everything; True if every sure row agrees on what decides."""
    for key in DECIDING:
        pairs = [(r.label[key], r.judged[key]) for r in rows]
        print(f"\n== {key}: {sum(a == b for a, b in pairs)}/{len(pairs)} equal, kappa {kappa(pairs):.2f}")
        print(table(pairs))
    agreed = True
    print("\n== rows that differ")
    for key in (*DECIDING, *LOOKED_AT):
        for r in differing(rows, key):
            if key in DECIDING and r.sure:
                agreed = False
            mark = "!!" if key in DECIDING and r.sure else "  "
            print(
                f"{mark} {r.id} {key:<12} label {r.label[key]:<14} grader {r.judged[key]:<14} "
                f"({r.label['certainty']})"
            )
            if verbose and key in ("r1", "r2", "r3"):
                verdict = next(v for v in r.judgement.items if v.item == key)
                print(f"      {verdict.actual.en}\n      {verdict.reason.en}")
    swapped = [r.id for r in rows if {r.label["bucketing"], r.judged["bucketing"]} == {"no-op", "effective"}]
    print(f"\nno-op and effective swapped: {', '.join(swapped) or 'never'}")
    _accuracy(rows)
    _citations(rows, verbose)
    return agreed


def _accuracy(rows: list[Row]) -> None:
    labelled = [r for r in rows if r.label["best_acc"]]
    wrong = [
        r
        for r in labelled
        if not r.judged["best_acc"]
        or round(float(r.label["best_acc"]), 4) != round(float(r.judged["best_acc"]), 4)
    ]
    print(f"best accuracy equal to 4 digits: {len(labelled) - len(wrong)}/{len(labelled)}")
    for r in wrong:
        print(f"   {r.id} label {r.label['best_acc']} grader {r.judged['best_acc'] or 'none'}")
    extra = [r.id for r in rows if not r.label["best_acc"] and r.judged["best_acc"]]
    if extra:
        print(f"   an accuracy where the label has none: {', '.join(extra)}")


def _citations(rows: list[Row], verbose: bool) -> None:
    overlaps, share = [], []
    for r in rows:
        for verdict in r.judgement.items:
            want = cited(r.label["cells"], verdict.item)
            if not want:
                continue
            got = {c.cell for c in verdict.citations}
            overlaps.append(bool(want & got))
            share.append(len(want & got) / len(want))
            if not want & got or verbose:
                print(f"   cells {r.id} {verdict.item}: label {sorted(want)} grader {sorted(got)}")
    print(
        f"cited cells overlap in {sum(overlaps)}/{len(overlaps)} items "
        f"({sum(overlaps) / len(overlaps):.0%}); on average {sum(share) / len(share):.0%} of the label's "
        "cells"
    )


def peak_memory_mb() -> float | None:
    """Of this process so far; None where the platform doesn't tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def main(argv: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="benchmarks.agreement", description=__doc__.split("\n")[0])
    parser.add_argument("labels", type=Path)
    parser.add_argument("notebooks", type=Path)
    parser.add_argument("--verbose", action="store_true", help="reasons and cells of every row")
    args = parser.parse_args(argv)
    rows = read(args.labels, args.notebooks)
    agreed = report(rows, args.verbose)
    times = sorted(r.seconds for r in rows)
    print(f"seconds per notebook: median {times[len(times) // 2]:.2f}, longest {times[-1]:.2f}")
    memory = peak_memory_mb()
    print(f"peak memory: {'unknown' if memory is None else f'{memory:.0f} MB'}")
    print(f"torch imported: {'yes' if 'torch' in sys.modules else 'no'}")
    return 0 if agreed else 1


if __name__ == "__main__":
    raise SystemExit(main())
