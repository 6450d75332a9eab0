"""`read(submission)`: all that the source witness says. Called by grader.pipeline."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from grader.records import Observation, Submission, Testimony, Witness
from grader.source import cells, hazards, observations, order, paths, scope
from grader.source.order import Reading

log = logging.getLogger(__name__)
T = TypeVar("T")


def read(submission: Submission) -> Testimony:
    """Runs and observations from the code alone; never raises. A part that fails costs only itself."""
    codes = cells.parse(submission)
    reading = _safely(lambda: order.read(codes), Reading())
    parts = (
        lambda: observations.from_events(reading),
        lambda: observations.from_text(codes),
        lambda: paths.find(codes),
        lambda: observations.from_runs(reading, codes),
        lambda: scope.undefined_names(codes),
        lambda: hazards.find(reading, codes),
    )
    found: list[Observation] = [o for part in parts for o in _safely(part, [])]
    found.sort(key=lambda o: -1 if o.cell is None else o.cell)
    return Testimony(
        witness=Witness.SOURCE,
        runs=tuple(reading.runs),
        evaluations=tuple(reading.evaluations),
        observations=tuple(found),
    )


def _safely(part: Callable[[], T], instead: T) -> T:
    try:
        return part()
    except Exception:
        log.exception("a part of the source witness failed")
        return instead
