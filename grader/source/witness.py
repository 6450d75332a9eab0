"""`read(submission)`: all that the source witness says. Called by grader.pipeline."""

from __future__ import annotations

from grader.records import Observation, Submission, Testimony, Witness
from grader.source import cells, hazards, observations, order, scope


def read(submission: Submission) -> Testimony:
    """Runs and observations from the code alone; never raises."""
    codes = cells.parse(submission)
    reading = order.read(codes)
    found: list[Observation] = []
    found += observations.from_events(reading)
    found += observations.from_text(codes)
    found += observations.from_runs(reading, codes)
    found += scope.undefined_names(codes)
    found += hazards.find(reading, codes)
    found.sort(key=lambda o: -1 if o.cell is None else o.cell)
    return Testimony(witness=Witness.SOURCE, runs=tuple(reading.runs), observations=tuple(found))
