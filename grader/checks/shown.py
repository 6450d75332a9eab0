"""What a submission shows of loading and training: the model, the data, a training that left a metric.

Used by items 1 and 2; not covered: the verdicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from grader.checks.accuracy import best_of
from grader.checks.join import Joined, observations
from grader.checks.readable import starts_programs, unread
from grader.checks.settle import Case
from grader.checks.thresholds import points, threshold
from grader.facts import Kind
from grader.records import Cell, Ending, Start, Status, Witness

NSMC = re.compile(r"nsmc|ratings_(train|test)|naver.{0,20}(movie|review)|네이버.{0,10}(영화|리뷰)", re.I)
MODEL = "klue/bert-base"

_TRAINS = re.compile(r"\.backward\(|\.fit\(|\.train\(|\.minimize\(|GradientTape|train_on_batch")
"""Code that could train something, in whatever form the source witness may have missed."""


def with_metric(case: Case) -> Joined | None:
    """The first stored training that left a metric, in the code's own training cells."""
    evaluated = {e.cell for e in case.measured.clean + case.measured.leaked}
    for j in case.runs:
        if (j.recorded is None and not j.finished) or never_trained(case, j):
            continue
        if best_of(j.run) is not None or any(e.loss is not None for e in j.run.evaluations):
            return j
        ran = [k for k in case.runs if k.recorded is not None or k.finished]
        later = [k.run.cell for k in ran if k.run.cell > j.run.cell]
        if j.finished and any(j.run.cell <= c < min(later, default=10**9) for c in evaluated):
            return j
    return None


def never_trained(case: Case, joined: Joined) -> bool:
    """Does a stored 'run' stand under code that trains nothing, or did our own run see no training?"""
    unknown = joined.source is None and not case.evidence.source.runs and joined.run.kind != "trainer"
    unknown = unknown and not observed_trained(joined)
    if unknown and not any(_TRAINS.search(c.source) for c in _code(case)):
        return True
    scores = case.evidence.verified.scores if case.evidence.verified else ()
    mine = [s for s in scores if s.run_cell == joined.run.cell]
    return bool(mine) and all(s.parameters_changed == 0.0 for s in mine)


def from_random(case: Case, joined: Joined) -> bool:
    """Does a run train `from_config`, without pretrained weights? By the code, where our run agrees."""
    if joined.source is None or joined.source.start != Start.RANDOM:
        return False
    if joined.observed is not None and joined.observed.start not in (Start.RANDOM, Start.UNKNOWN):
        return False
    loads = [o for o in observations(case.evidence, Kind.MODEL_LOAD) if o.witness == Witness.SOURCE]
    return bool(loads) and all(o.value.get("pretrained") is False for o in loads)


def untold(case: Case) -> tuple[int, ...]:
    """Cells whose code can't be read and may have trained, where no training is known from the code.

    Empty where our own run went through them all and saw none.
    """
    if case.evidence.source.runs or any(observed_trained(j) for j in case.runs):
        return ()
    return () if saw_up_to(case, 10**9) else unread(case.evidence)


def saw_up_to(case: Case, cell: int) -> bool:
    """Did our own run, if it can be trusted, get through every cell up to `cell` and see what each did?"""
    seen = case.evidence.observed
    if seen is None or seen.unverified:
        return False
    went = {c.index for c in seen.cells if c.ending == Ending.COMPLETED and not c.environment}
    there = {c.index for c in _code(case) if c.index <= cell and c.source.strip()}
    # A run that ended before a cell says nothing of it: `seen.cells` has only what was begun.
    return there <= went and not starts_programs(case.evidence, unread(case.evidence))


def observed_trained(joined: Joined) -> bool:
    return joined.observed is not None and bool(joined.observed.steps)


def model_used(case: Case) -> str | None:
    """The hub id that is fine-tuned: klue/bert-base wherever it may be, else the other one."""
    trained = [j.run.model for j in case.runs if j.run.executed]
    others = [name for name in trained if _is_hub_id(name) and name != MODEL]
    if others and len(others) == len(trained):
        return others[-1]
    names = [str(o.value.get("name", "")) for o in observations(case.evidence, Kind.MODEL_LOAD)]
    if any(MODEL in n for n in (*names, *trained)) or any(MODEL in c.source for c in _code(case)):
        return MODEL
    hub = [n for n in (*names, *trained) if _is_hub_id(n)]
    return hub[-1] if hub else None


def _is_hub_id(name: str) -> bool:
    """'klue/roberta-base', not './results' or '/content/checkpoint-500'."""
    return bool(re.fullmatch(r"[A-Za-z][\w.-]*/[\w.-]+", name)) and "checkpoint" not in name


def is_nsmc(case: Case) -> bool:
    """Is it NSMC? By what is loaded, by the file names in the code, or by its row counts."""
    loads = observations(case.evidence, Kind.DATA_LOAD)
    if any(NSMC.search(str(o.value.get("name", ""))) for o in loads):
        return True
    return any(NSMC.search(c.source) for c in _code(case))


def _code(case: Case) -> Iterator[Cell]:
    return (c for c in case.evidence.submission.cells if c.kind == "code")


def was_loaded(case: Case) -> bool:
    """Were model and data loaded, as far as execution counts and outputs show?"""
    ran = {c.index for c in _code(case) if c.execution_count is not None or c.outputs}
    if any(j.run.executed for j in case.runs):
        return True
    model = any(o.cell in ran for o in observations(case.evidence, Kind.MODEL_LOAD))
    data = any(o.cell in ran for o in observations(case.evidence, Kind.DATA_LOAD, Kind.DATA_SHAPE))
    return model and data


def award(case: Case, item: str, status: Status) -> float | None:
    """Points for a status; None when undecided."""
    full = points(case.rubric, item)
    share = threshold(case.rubric, item, "partial_share")
    return {Status.PASS: full, Status.PARTIAL: full * share, Status.FAIL: 0.0}.get(status)
