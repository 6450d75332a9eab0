"""The best stored accuracy on rows not trained on: its value, its cell, which rows they were.

What counts (field notes): numbers that a stored output shows, on validation rows or on the test split
used as validation; not numbers typed by hand, not training accuracy, not rows the model was trained on.
The number used to choose a model (validation) comes before a later one on the test split; the latter
decides only where no validation number reaches the goal.
Not covered: whether it is enough (`items`).
"""

from __future__ import annotations

from dataclasses import dataclass

from grader.checks.bucketing import outputs_cleared
from grader.checks.join import Joined, later_evaluations, observations
from grader.facts import Kind
from grader.records import Evaluation, Evidence, Observation, Start, TrainingRun

SMALL_SUBSET = 5_000
"""Evaluation on at most this many rows is called a subset (field notes: 500 to 5,000 rows)."""

TEST_ROWS = 50_000
"""Rows of NSMC's official test split."""

LEAK_SHARE = 0.2
"""NSMC itself repeats short reviews (about 3 % of a random split also occur in the rest); only a much
larger overlap means that rows were trained on."""


@dataclass(frozen=True)
class Measured:
    """All stored measurements of one notebook, sorted out."""

    best: Evaluation | None
    """The one the verdict rests on."""
    split: str
    """As in `Facts.eval_split`."""
    clean: tuple[Evaluation, ...]
    """All that count, in order of cell."""
    leaked: tuple[Evaluation, ...]
    """On rows that had been trained on."""
    leak: bool | None
    test_as_validation: bool | None
    improved_from: Evaluation | None
    """Best result of an earlier run that the best one beats; None if there is none."""


def measure(evidence: Evidence, runs: tuple[Joined, ...], goal: float, min_gain: float) -> Measured:
    """Sort out every stored accuracy. `goal`, `min_gain`: in accuracy (0..1)."""
    here = {j.run.cell for j in runs if _ran_here(j)} if outputs_cleared(evidence) else set()
    leaks = tuple(
        o
        for o in observations(evidence, Kind.LEAK)
        if o.value.get("executed") is not False or o.value.get("run", o.cell) in here
    )
    clean: list[Evaluation] = []
    leaked: list[Evaluation] = []
    during: list[Evaluation] = []
    for joined in runs:
        scored = [e for e in joined.run.evaluations if e.accuracy is not None and 0 <= e.accuracy <= 1]
        # Rows that a run is validated on and trained on at once are a leak, whatever they are called.
        if is_leaky(joined.run, leaks) or all(e.split == "train" for e in scored):
            leaked += scored
        else:
            usable = [e for e in scored if e.split != "train"]
            clean += usable
            during += usable
    leaky_cells = {e.cell for e in leaked} | {o.cell for o in leaks if o.cell is not None}
    tests = _test_as_validation(evidence, runs)
    for e in later_evaluations(evidence):
        if not _usable(e):
            continue
        if _after_leak(e, runs, leaks) or (e.cell in leaky_cells and e.split != "test"):
            leaked.append(e)
            continue
        clean.append(e)
        if e.split == "validation" and not any(abs(e.accuracy - known.accuracy) < 1e-4 for known in during):
            during.append(e)
    best = _best(during) or _best(clean)
    if best is not None and best.accuracy < goal:
        anywhere = _best(clean)
        best = anywhere if anywhere.accuracy >= goal else best
    return Measured(
        best=best,
        split=_split_name(best, runs, tests, during) if best else "unknown",
        clean=tuple(sorted(clean, key=lambda e: e.cell)),
        leaked=tuple(leaked),
        leak=True if leaked or leaks else (False if clean else None),
        test_as_validation=tests if runs else None,
        improved_from=_improved(best, runs, leaks, min_gain),
    )


def is_leaky(run: TrainingRun, leaks: tuple[Observation, ...]) -> bool:
    """Are a run's evaluations on rows it (or a run it goes on from) was trained on?"""
    for leak in leaks:
        about = leak.value.get("run", leak.cell)
        if about == run.cell or (about is None and leak.cell in run.cells):
            # A new unseeded split leaks only into a model that has already seen the old one.
            return leak.value.get("how") != "resplit-unseeded" or run.start == Start.CONTINUED
    held_out = max((e.rows for e in run.evaluations if e.rows), default=None)
    return bool(run.leaked_rows and held_out and run.leaked_rows > LEAK_SHARE * held_out)


def _after_leak(e: Evaluation, runs: tuple[Joined, ...], leaks: tuple[Observation, ...]) -> bool:
    """Does a later evaluation measure the model of a leaky run on other than test rows?"""
    before = [j for j in runs if j.run.cell <= e.cell and j.run.executed]
    return bool(before) and e.split != "test" and is_leaky(before[-1].run, leaks)


def _usable(e: Evaluation) -> bool:
    return e.accuracy is not None and 0 <= e.accuracy <= 1 and e.split != "train"


def _best(evaluations: list[Evaluation]) -> Evaluation | None:
    return max(evaluations, key=lambda e: e.accuracy, default=None)


def best_of(run: TrainingRun) -> Evaluation | None:
    """A run's best stored measurement."""
    return _best([e for e in run.evaluations if _usable(e)])


def _improved(
    best: Evaluation | None, runs: tuple[Joined, ...], leaks: tuple[Observation, ...], min_gain: float
) -> Evaluation | None:
    """The best result of an earlier run, if the best one is better by `min_gain` or more."""
    if best is None:
        return None
    earlier = [
        found
        for j in runs
        if j.run.cell < best.cell and not is_leaky(j.run, leaks) and (found := best_of(j.run)) is not None
    ]
    # The last run before it is what the student improved on; an even worse first try counts as well.
    beaten = [e for e in earlier if e.accuracy + min_gain <= best.accuracy]
    return beaten[-1] if beaten else None


def _ran_here(joined: Joined) -> bool:
    """Did our own run train it?"""
    return joined.observed is not None and bool(joined.observed.steps)


def _test_as_validation(evidence: Evidence, runs: tuple[Joined, ...]) -> bool:
    """Did an executed run measure itself on the test split while training?

    A cell that its author never ran tells what could happen. Only where the file stores nothing at all is
    our own run what happened.
    """
    cleared = outputs_cleared(evidence)
    executed = [j for j in runs if j.run.executed or (cleared and _ran_here(j))]
    if any(j.run.eval_split == "test" for j in executed):
        return True
    ran = {j.run.cell for j in executed}
    found = observations(evidence, Kind.TEST_AS_VALIDATION)
    return any(o.value.get("run", o.cell) in ran for o in found)


def _split_name(best: Evaluation, runs: tuple[Joined, ...], tests: bool, during: list[Evaluation]) -> str:
    """'validation', 'test-as-validation', 'subset:N' or 'unknown', of the best measurement."""
    split = best.split
    if split == "unknown":
        near = [j for j in runs if j.run.cell == best.cell]
        split = near[-1].run.eval_split if near else split
    if best.rows is not None:
        cut_test = split == "test" and best.rows < 0.9 * TEST_ROWS
        if best.rows <= SMALL_SUBSET or cut_test:
            return f"subset:{best.rows}"
    if split == "test":
        return "test-as-validation" if best in during or tests else "test"
    return split
