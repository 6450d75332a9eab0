"""What is risky about state and data across the runs of a notebook: the same weights trained on, train
rows evaluated, the test split used to validate, a name that means something else than its cell says.

Called by witness.py, after runs are settled.
"""

from __future__ import annotations

from grader.facts import Kind
from grader.records import Observation, Start, TrainingRun, Witness
from grader.source.cells import Code
from grader.source.events import Draft
from grader.source.order import Reading
from grader.source.overlap import shared


def find(reading: Reading, codes: tuple[Code, ...]) -> list[Observation]:
    found: list[Observation] = []
    for run, draft in zip(reading.runs, reading.drafts, strict=True):
        found += _state(run, draft)
        found += _leaks(run, draft)
        found += _stale(run, codes)
        if run.eval_split == "test" and not draft.eval_after:
            value = {"run": run.cell, "executed": bool(run.executed)}
            found.append(_say(Kind.TEST_AS_VALIDATION, run.cell, run.quote, **value))
    for run, fields in reading.differs:
        value = {"name": "cell order", "fields": list(fields), "used_in": run.cell,
                 "defined_in": list(run.cells)}  # fmt: skip
        found.append(_say(Kind.SHADOWED, run.cell, run.quote, **value))
    found += _shadowed(reading, codes)
    return found


def _say(kind: Kind, cell: int, quote: str, **value: object) -> Observation:
    return Observation(witness=Witness.SOURCE, kind=kind, cell=cell, value=value, quote=quote[:300])


def _state(run: TrainingRun, draft: Draft) -> list[Observation]:
    if run.start is not Start.CONTINUED or run.continued_from is None:
        return []
    name = draft.model_variable or run.model
    value = {
        "model": name,
        "first_run": run.continued_from,
        "then_run": run.cell,
        "executed": bool(run.executed),
    }
    return [_say(Kind.CONTINUED_STATE, run.cell, run.quote, **value)]


def _stale(run: TrainingRun, codes: tuple[Code, ...]) -> list[Observation]:
    """Cells the run rests on that were run again, or edited, after it: its outputs may be of other code."""
    by_index = {code.index: code for code in codes}
    mine = by_index[run.cell].count
    if mine is None:
        return []
    later = []
    for cell in run.cells:
        code = by_index.get(cell)
        if code is not None and ((code.count or 0) > mine or not code.executed):
            later.append(cell)
    return [_say(Kind.STALE_CELL, run.cell, run.quote, run=run.cell, cells=later)] if later else []


def _leaks(run: TrainingRun, draft: Draft) -> list[Observation]:
    how = ""
    now = shared(draft.rows, draft.eval_rows)
    if now in ("same", "inside"):
        tests = draft.rows is not None and "test" in draft.rows.origin
        both = draft.rows is not None and len(draft.rows.origin) > 1
        how = "test-in-train" if tests and both else "train-as-eval"
    elif now == "resplit":
        how = "resplit-unseeded"
    else:
        for earlier in draft.earlier_rows:
            before = shared(earlier, draft.eval_rows)
            if before == "resplit":
                how = "resplit-unseeded"
            elif before in ("same", "inside"):
                how = "same-rows"
    return [_say(Kind.LEAK, run.cell, run.quote, how=how, executed=bool(run.executed))] if how else []


def _shadowed(reading: Reading, codes: tuple[Code, ...]) -> list[Observation]:
    """An unpadded data set was made, and the run trains on a padded one."""
    found = []
    tokenized = [e for e in reading.events if e.kind == Kind.TOKENIZE]
    used = {cell for run in reading.runs if run.padding.value != "max-length" for cell in run.cells}
    loose = [
        e
        for e in tokenized
        if e.value.get("padding") == "none" and e.value.get("dataset") and e.by not in used
    ]
    for run in reading.runs:
        if run.padding.value != "max-length" or not run.attempts:
            continue
        for event in loose:
            if event.by < run.cell and event.by not in run.cells:
                value = {"name": event.value["dataset"], "defined_in": [event.cell], "used_in": run.cell}
                found.append(_say(Kind.SHADOWED, run.cell, event.quote, **value))
                break
    return found
