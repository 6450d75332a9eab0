"""Three testimonies about the same trainings → one list of merged runs.

A run is recognised by its cell and its order within the cell. Each field comes from the witness that
can know it best: what happened (rows, steps, seconds, accuracy) from the stored outputs, how batches
were padded from `padding.settle`, what was meant (arguments, attempts, weights it starts from) from the
code. Observed seconds and accuracy belong to a budgeted run on a stand-in model, so they never stand in
for the student's.
Not covered: whether a run is good; that is asked in the rooms that use this one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace

import msgspec

from grader.checks import padding
from grader.facts import Kind
from grader.records import (
    Ending,
    Evaluation,
    Evidence,
    Grouping,
    Observation,
    Padding,
    Start,
    TrainingRun,
    Witness,
)


@dataclass(frozen=True)
class Joined:
    """One training and what each witness said about it."""

    run: TrainingRun
    """Merged."""
    source: TrainingRun | None = None
    recorded: TrainingRun | None = None
    observed: TrainingRun | None = None
    stale: bool = False
    """The stored figures can't come from the code that stands in the cell now."""
    code_padding: Padding = Padding.UNKNOWN
    """What the code alone says; `run.padding` may differ when stale."""
    scored_later: bool = False
    """A stored evaluation follows it, before the next training."""

    @property
    def key(self) -> str:
        """'cell 24', or 'cell 24 #1' for the second run of a cell."""
        return f"cell {self.run.cell}" + (f" #{self.run.order}" if self.run.order else "")

    @property
    def measured(self) -> bool:
        """Is `run.tokens_per_row` a measurement of what the student's run did?"""
        return self.recorded is not None and self.run.tokens_per_row is not None

    @property
    def finished(self) -> bool:
        """Did the student's own run get far enough to leave a result in the file?

        Without output of its own a run counts if it was executed without an error and an evaluation
        follows; a Trainer that leaves nothing at all was not run (or its output was cleared).
        """
        if self.recorded is None:
            ran = self.source is not None and self.source.executed and self.source.ending in _FINE
            return bool(ran) and (self.scored_later or self.source.kind != "trainer")
        has_result = any(e.accuracy is not None for e in self.recorded.evaluations)
        return has_result or self.recorded.ending in (Ending.COMPLETED, Ending.EARLY_STOPPED)


_NAMES = {"tokens_per_row": "tokens", "padding_share": "share"}
_FINE = (Ending.COMPLETED, Ending.EARLY_STOPPED, Ending.UNKNOWN)


def join(evidence: Evidence) -> tuple[Joined, ...]:
    """All trainings of the notebook, merged, in order of cell and of execution."""
    testimonies = [evidence.source, evidence.recorded]
    if evidence.observed is not None:
        testimonies.append(evidence.observed.testimony)
    by_cell: dict[int, dict[Witness, list[TrainingRun]]] = defaultdict(lambda: defaultdict(list))
    for testimony in testimonies:
        for run in testimony.runs:
            by_cell[run.cell][testimony.witness].append(run)
    failed = {o.cell for o in observations(evidence, Kind.ERROR) if o.witness == Witness.RECORDED}
    _adopt_orphans(by_cell)
    joined: list[Joined] = []
    for cell in sorted(by_cell):
        source, recorded, observed = (
            sorted(by_cell[cell][w], key=lambda r: r.order)
            for w in (Witness.SOURCE, Witness.RECORDED, Witness.OBSERVED)
        )
        for order in range(max(len(source), len(recorded), len(observed))):
            joined.append(
                _merge(
                    order,
                    # One `train()` in the code may have run several times (a loop, a cell run twice).
                    _nth(source, order, repeat_last=True),
                    _nth(recorded, order),
                    _nth(observed, order),
                    failed=cell in failed,
                    stand_in=evidence.observed is not None and evidence.observed.profile == "pocket",
                )
            )
    scored = {e.cell for e in evidence.recorded.evaluations if e.accuracy is not None}
    cells = sorted({j.run.cell for j in joined if j.run.executed})
    following = {a: next((b for b in cells if b > a), 10**9) for a in cells}
    together = _scored_together(evidence, joined)
    return tuple(
        replace(
            _without_refuted_start(j, joined),
            scored_later=j.run.cell in together
            or any(j.run.cell <= c < following.get(j.run.cell, 0) for c in scored),
        )
        for j in joined
    )


def _scored_together(evidence: Evidence, joined: list[Joined]) -> set[int]:
    """Cells of trainings whose accuracies stand in one later cell, as many as there are trainings."""
    shown = Counter(e.cell for e in evidence.recorded.evaluations if e.accuracy is not None)
    found: set[int] = set()
    for cell, count in shown.items():
        before = [j.run.cell for j in joined if j.recorded is not None and j.run.cell < cell]
        without = [
            j.run.cell
            for j in joined
            if j.run.cell in before and all(e.accuracy is None for e in j.run.evaluations)
        ]
        if count > 1 and len(without) == len(before) == count:
            found |= set(without)
    return found


def _adopt_orphans(by_cell: dict[int, dict[Witness, list[TrainingRun]]]) -> None:
    """Output of a training whose code stands in an earlier cell (a function called later) joins it there.

    Changes `by_cell`: the written run moves to the cell where its output lies.
    """
    for cell in sorted(by_cell):
        runs = by_cell[cell]
        if not runs[Witness.RECORDED] or runs[Witness.SOURCE]:
            continue
        written = [
            c
            for c in by_cell
            if c < cell
            and by_cell[c][Witness.SOURCE]
            and not by_cell[c][Witness.RECORDED]
            and by_cell[c][Witness.SOURCE][0].executed
        ]
        if written:
            moved = by_cell[max(written)][Witness.SOURCE]
            runs[Witness.SOURCE] = moved
            by_cell[max(written)][Witness.SOURCE] = []


def _without_refuted_start(joined: Joined, every: list[Joined]) -> Joined:
    """Losses know better than cell order whether a run really went on with trained weights.

    A model that goes on begins near the loss it ended with. A first loss as high as the earlier run's
    own first, or half as high again as its last, means the kernel was restarted in between.
    """
    run = joined.run
    if run.start != Start.CONTINUED:
        return joined
    before = [j for j in every if j.run.cell == run.continued_from]
    if before and all(j.recorded is None and j.run.ending == Ending.CELL_ERROR for j in before):
        # The earlier run stopped with an error before it showed anything: nothing was trained.
        return replace(joined, run=msgspec.structs.replace(run, start=Start.UNKNOWN, continued_from=None))
    earlier = [j.run for j in before if j.run.losses]
    if not earlier or not run.losses:
        return joined
    first, before = run.losses[0], earlier[-1].losses
    if first < 0.85 * before[0] and first <= 1.5 * before[-1]:
        return joined
    fresh = msgspec.structs.replace(run, start=Start.UNKNOWN, continued_from=None)
    return replace(joined, run=fresh)


def observations(evidence: Evidence, *kinds: str) -> tuple[Observation, ...]:
    """All witnesses' observations of these kinds, in order of cell."""
    testimonies = [evidence.source, evidence.recorded]
    if evidence.observed is not None:
        testimonies.append(evidence.observed.testimony)
    found = [o for t in testimonies for o in t.observations if o.kind in kinds]
    return tuple(sorted(found, key=lambda o: -1 if o.cell is None else o.cell))


def later_evaluations(evidence: Evidence) -> tuple[Evaluation, ...]:
    """Stored measurements that belong to no run, their split and rows filled in from the code."""
    known: dict[int, list[Evaluation]] = defaultdict(list)
    for e in evidence.source.evaluations:
        known[e.cell].append(e)
    seen: dict[int, int] = defaultdict(int)
    shown = Counter(e.cell for e in evidence.recorded.evaluations)
    filled = []
    for e in evidence.recorded.evaluations:
        written = known.get(e.cell) or [None]
        match = written[min(seen[e.cell], len(written) - 1)]
        if len(written) > 1 and len(written) != shown[e.cell] and len({w.split for w in written}) > 1:
            match = None  # which of them was shown can't be told
        seen[e.cell] += 1
        if match is not None:
            e = msgspec.structs.replace(
                e,
                split=match.split if e.split == "unknown" else e.split,
                rows=e.rows if e.rows is not None else match.rows,
            )
        filled.append(e)
    return tuple(filled)


def _nth(runs: list[TrainingRun], order: int, repeat_last: bool = False) -> TrainingRun | None:
    if order < len(runs):
        return runs[order]
    return runs[-1] if repeat_last and runs else None


def _merge(
    order: int,
    source: TrainingRun | None,
    recorded: TrainingRun | None,
    observed: TrainingRun | None,
    failed: bool,
    stand_in: bool,
) -> Joined:
    """One run out of up to three; `failed`: the cell stores an error; `stand_in`: ours read other reviews."""
    first = recorded or source or observed
    assert first is not None

    def pick(field: str, *runs: TrainingRun | None):
        """The first of `runs` that knows `field`."""
        empty = (
            None,
            "",
            (),
            {},
            "unknown",
            Padding.UNKNOWN,
            Grouping.UNKNOWN,
            Start.UNKNOWN,
            Ending.UNKNOWN,
        )
        for run in runs:
            if run is not None and getattr(run, field) not in empty:
                return getattr(run, field)
        return getattr(first, field)

    happened = (recorded, observed, source)
    meant = (source, observed, recorded)
    own = (recorded, source)
    ending = recorded.ending if recorded else (Ending.UNKNOWN if source else first.ending)
    if source is not None and source.executed and recorded is None and failed:
        source = msgspec.structs.replace(source, ending=Ending.CELL_ERROR)
        ending = Ending.CELL_ERROR
    epochs = pick("epochs", recorded)
    if recorded is None:
        epochs = None
    elif epochs is None and recorded.ending == Ending.COMPLETED:
        epochs = pick("epochs_planned", recorded, source)
    split = pick("eval_split", source, observed, recorded)
    evaluations = tuple(
        msgspec.structs.replace(e, split=split) if e.split == "unknown" else e
        for e in (recorded.evaluations if recorded else ())
    )
    merged = msgspec.structs.replace(
        first,
        order=order,
        cells=tuple(sorted({first.cell, *(c for r in own if r for c in r.cells)})),
        name=pick("name", source, recorded),
        kind=_kind(source, recorded, observed),
        executed=True if recorded else (source.executed if source else None),
        ending=ending,
        grouping=pick("grouping", observed, source, recorded),
        attempts=_attempts(source, observed, recorded),
        max_length=pick("max_length", source, observed, recorded),
        rows=pick("rows", *happened),
        distinct_rows=pick("distinct_rows", *happened),
        batch_size=pick("batch_size", *happened),
        steps=recorded.steps if recorded else None,
        steps_planned=pick("steps_planned", *own),
        epochs=epochs,
        epochs_planned=pick("epochs_planned", recorded, source, observed),
        total_flos=recorded.total_flos if recorded else None,
        seconds=recorded.seconds if recorded else None,
        examples_per_second=recorded.examples_per_second if recorded else None,
        examples_per_second_spread=None,
        losses=recorded.losses if recorded else (),
        evaluations=evaluations,
        start=pick("start", *meant),
        continued_from=pick("continued_from", *meant),
        model=pick("model", *meant),
        arguments={k: v for r in (recorded, observed, source) if r for k, v in r.arguments.items()},
        leaked_rows=pick("leaked_rows", *happened),
        eval_split=split,
        precision=pick("precision", recorded, source, observed),
        quote=pick("quote", recorded, source, observed),
        tokens_per_row=None,
        padding=Padding.UNKNOWN,
    )
    settled = padding.settle(merged, source, recorded, observed)
    merged = msgspec.structs.replace(
        merged,
        padding=settled.padding,
        tokens_per_row=settled.tokens,
        padding_share=settled.share,
        stand_in=tuple(f for f in settled.counted if stand_in and getattr(settled, _NAMES[f]) is not None),
        real_tokens_per_row=observed.real_tokens_per_row if observed else None,
    )
    return Joined(
        run=merged,
        source=source,
        recorded=recorded,
        observed=observed,
        stale=settled.stale,
        code_padding=source.padding if source else Padding.UNKNOWN,
    )


def _attempts(source: TrainingRun | None, *others: TrainingRun | None) -> tuple[str, ...]:
    """What the code tries; what else was seen, except the collator that a Trainer brings by itself."""
    tried = list(source.attempts) if source else []
    for run in others:
        tried += [a for a in (run.attempts if run else ()) if source is None or a != "collator"]
    return tuple(dict.fromkeys(tried))


def _kind(*runs: TrainingRun | None) -> str:
    """How it trains: the first witness that knows."""
    return next((r.kind for r in runs if r is not None and r.kind != "unknown"), "unknown")
