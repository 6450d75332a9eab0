"""In which order the cells are read, and what comes out of it.

Stored execution counts tell the order cells really ran in. Where they are complete and each is used
once, the executed cells are read in that order; a name that order has not defined yet is taken from the
reading in file order (its cell was run again later). Cells never run are read in file order only.
Otherwise (no counts, several sessions) file order is all there is.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from grader.records import Evaluation, TrainingRun
from grader.source.cells import Code
from grader.source.events import Draft, Event, Measuring
from grader.source.interpret import Interpreter
from grader.source.overlap import same_rows, split_of
from grader.source.runs import to_run
from grader.source.scope import names_stored, names_used
from grader.source.values import Mapping, Rows, Value

COMPARED = ("padding", "grouping", "start", "continued_from", "eval_split", "rows", "max_length")


@dataclass
class Reading:
    """Both readings, settled."""

    runs: list[TrainingRun] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    """One per run, in the same order."""
    events: list[Event] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    """Which rows each later `evaluate` or `predict` uses; what it came to is not in the code."""
    differs: list[tuple[TrainingRun, tuple[str, ...]]] = field(default_factory=list)
    """(run as executed, the fields that file order would give otherwise)."""
    executed_order: bool = False
    spent: bool = False
    interp: Interpreter | None = None


def read(codes: tuple[Code, ...]) -> Reading:
    """Interpret the notebook; never raises."""
    order = executed_order(codes)
    first = Interpreter()
    first.codes = codes
    if order is None:
        first.counts = {code.index: code.count for code in codes if code.count is not None}
    before: dict[int, dict[str, Value]] = {}
    for code in codes:
        if order is not None:
            before[code.index] = _snapshot(first.globals)
        first.run_cell(code)
    by_file = _settle(first, codes)
    if order is None:
        return Reading(
            [r for r, _ in by_file],
            [d for _, d in by_file],
            first.events,
            _evaluations(first),
            [],
            False,
            first.spent,
            first,
        )
    second = Interpreter()
    second.codes = codes
    for code in order:
        second.fallback = before.get(code.index, {})
        second.run_cell(code)
    by_count = _settle(second, codes)
    return _merge(by_file, by_count, {c.index for c in order}, first, second)


def executed_order(codes: tuple[Code, ...]) -> list[Code] | None:
    """Executed cells as they ran; None where counts don't tell, or tell file order and nothing skipped."""
    placed: list[tuple[float, int, Code]] = []
    highest = 0.0
    counts = [c.count for c in codes if c.count is not None]
    if len(counts) < 2 or len(set(counts)) != len(counts):
        return None
    edited = _edited(codes)
    for code in codes:
        if code.count is not None:
            placed.append((float(code.count), code.index, code))
            highest = max(highest, float(code.count))
        elif code.executed or code.index in edited:
            # Interrupted, still running when saved, or edited since: after all above it.
            placed.append((highest + 0.5, code.index, code))
    order = [code for _, _, code in sorted(placed, key=lambda p: p[:2])]
    return None if order == list(codes) else order


def _edited(codes: tuple[Code, ...]) -> set[int]:
    """Cells without count or output that must have run all the same: an executed cell below uses a name
    that only they define (some editors drop count and outputs when a cell is changed)."""
    stored = {code.index: names_stored(code.tree) for code in codes}
    by_executed = set().union(*(stored[c.index] for c in codes if c.executed))
    found: set[int] = set()
    for n, code in enumerate(codes):
        only = stored[code.index] - by_executed
        if code.executed or not only:
            continue
        used = set().union(set(), *(names_used(c.tree) for c in codes[n + 1 :] if c.executed))
        if only & used:
            found.add(code.index)
    return found


def _snapshot(names: dict[str, Value]) -> dict[str, Value]:
    try:
        return copy.deepcopy(names)
    except (RecursionError, TypeError, ValueError):
        return dict(names)


def _settle(interp: Interpreter, codes: tuple[Code, ...]) -> list[tuple[TrainingRun, Draft]]:
    by_index = {code.index: code for code in codes}
    others = _all_rows(interp.globals)
    counts: dict[int, int] = {}
    found = []
    for draft in interp.runs:
        number = counts.get(draft.cell, 0)
        counts[draft.cell] = number + 1
        found.append((to_run(draft, by_index[draft.cell], number, interp.sides, others), draft))
    return found


def _evaluations(interp: Interpreter) -> list[Evaluation]:
    others = _all_rows(interp.globals)
    return [
        Evaluation(
            cell=m.cell,
            rows=m.rows.rows if m.rows is not None else None,
            split=_measured_on(m, interp, others),
        )
        for m in interp.measurings
    ]


def _measured_on(m: Measuring, interp: Interpreter, others: list[Rows]) -> str:
    """As `split_of`; a third part that nothing was chosen by is a test, wherever it was cut from."""
    split = split_of(m.rows, m.trained, interp.sides, others)
    if split == "validation" and m.chosen_by is not None and not same_rows(m.rows, m.chosen_by):
        return "test"
    return split


def _all_rows(names: dict[str, Value]) -> list[Rows]:
    found: list[Rows] = []
    for value in names.values():
        if isinstance(value, Rows):
            found.append(value)
        elif isinstance(value, Mapping):
            found += [v for v in value.items.values() if isinstance(v, Rows)]
    return found


def _merge(
    by_file: list[tuple[TrainingRun, Draft]],
    by_count: list[tuple[TrainingRun, Draft]],
    executed: set[int],
    first: Interpreter,
    second: Interpreter,
) -> Reading:
    made = Reading(executed_order=True, spent=first.spent or second.spent, interp=second)
    in_file = {(run.cell, run.order): run for run, _ in by_file}
    chosen = list(by_count)
    cells = {run.cell for run, _ in by_count}
    chosen += [pair for pair in by_file if pair[0].cell not in executed or pair[0].cell not in cells]
    chosen.sort(key=lambda pair: (pair[0].cell, pair[0].order))
    for run, draft in chosen:
        made.runs.append(run)
        made.drafts.append(draft)
        other = in_file.get((run.cell, run.order))
        if other is not None and other is not run:
            differing = tuple(name for name in COMPARED if getattr(run, name) != getattr(other, name))
            if differing:
                made.differs.append((run, differing))
    made.evaluations = _evaluations(second)
    measured = {e.cell for e in made.evaluations} | executed
    made.evaluations += [e for e in _evaluations(first) if e.cell not in measured]
    made.events = second.events + [e for e in first.events if e.by not in executed]
    for identity, taken in first.sides.items():
        second.sides.setdefault(identity, set()).update(taken)
    return made
