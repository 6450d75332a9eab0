"""What bucketing did, over the whole notebook: effective, no-op, absent, unexecuted or unknown.

The question is never whether an option was written, but whether batches became narrower: a run tried
bucketing, and either its padded tokens per row fell against a run that tried less, or (where there is no
such run) its rows really reached the collator unpadded.
Not covered: whether the student compared the runs (`compare`) or what the item is worth (`item3`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from grader.checks import padding
from grader.checks.join import Joined, observations
from grader.facts import Kind
from grader.records import Bucketing, Evidence, Grouping, Padding

LEARNED = 0.6
"""Accuracy from which a run has learned something: half of NSMC's rows are of either class."""

EFFORT = {
    "sorted-rows": 1,
    "collator": 1,
    "own-collator": 2,
    "group_by_length": 4,
    "own-sampler": 4,
    "tf.data": 4,
}
"""How much bucketing an attempt means; `padding=True` in `map` alone is a way of tokenising, no attempt."""


_WRITTEN = re.compile(
    r"^[^#\n]*(?:group_by_length\s*=\s*True|train_sampling_strategy\s*=\s*[\"']group_by_length"
    r"|DataCollatorWithPadding\(|LengthGroupedSampler\(|bucket_by_sequence_length\()",
    re.MULTILINE,
)
"""Bucketing written somewhere, outside comments, though no training uses it."""


@dataclass(frozen=True)
class Decided:
    """The class of the notebook and the runs it rests on (indices into the joined runs)."""

    bucketing: Bucketing
    bucketed: int | None = None
    baseline: int | None = None
    fell: tuple[float, float] | None = None
    """Tokens per row (baseline, bucketed) where both are known or typical."""
    from_running: bool = False
    """Rests on our own run: the file stores nothing."""


def effort(joined: Joined) -> int:
    """How much bucketing a run tries; 0 for a plain run."""
    tried = sum(EFFORT.get(a, 0) for a in set(joined.run.attempts))
    if not tried and joined.run.grouping == Grouping.LENGTH:
        return EFFORT["own-sampler"]
    return tried


def decide(evidence: Evidence, runs: tuple[Joined, ...], min_fall: float) -> Decided:
    """The class, and the pair of runs that shows it. `min_fall`: share by which tokens must fall."""
    cleared = outputs_cleared(evidence)
    ran = [i for i, j in enumerate(runs) if (_observed_enough(j) if cleared else j.finished)]
    tried = [i for i in ran if effort(runs[i]) > 0]
    if not tried:
        return _without_asking(runs, ran, min_fall, cleared) or _nothing_tried(evidence, runs, ran)
    best: Decided | None = None
    most = max(effort(runs[i]) for i in tried)
    for i in sorted(tried, key=lambda i: (effort(runs[i]), i), reverse=True):
        if (
            best is not None
            and effort(runs[i]) < most
            and not any(effort(runs[k]) < effort(runs[i]) for k in ran)
        ):
            # The plain run of this notebook: what another run is held against proves nothing by itself.
            continue
        one = _one(runs, i, _plainer(runs, i, ran, min_fall), min_fall, cleared)
        if best is None or _RANK[one.bucketing] > _RANK[best.bucketing]:
            best = one
    assert best is not None
    unread = [i for i in ran if _unread(runs[i])]
    if best.bucketing == Bucketing.UNKNOWN and unread and _says_it_bucketed(evidence):
        # Code of the student's own that we can't read says more of bucketing than a collator does.
        return Decided(
            Bucketing.UNKNOWN, unread[-1], _closest(runs, unread[-1], ran[: ran.index(unread[-1])])
        )
    return best


def _plainer(runs: tuple[Joined, ...], i: int, ran: list[int], min_fall: float) -> list[int]:
    """Runs that try less than run `i`; or as much, but padded to a fixed length (a collate function that
    pads to the maximum looks like an attempt and is the plain run)."""
    mine = effort(runs[i])
    fixed = (Padding.MAX_LENGTH, Padding.MAP_BATCH)
    return [
        k
        for k in ran
        if effort(runs[k]) < mine
        or (
            k != i
            and effort(runs[k]) == mine
            and (runs[k].measured or runs[k].run.padding in fixed)
            and _fell(runs[i], runs[k], min_fall)
        )
    ]


_RANK = {Bucketing.NO_OP: 0, Bucketing.UNKNOWN: 1, Bucketing.EFFECTIVE: 2}


def outputs_cleared(evidence: Evidence) -> bool:
    """Does the file store nothing at all: no output and no execution count?"""
    code = [c for c in evidence.submission.cells if c.kind == "code"]
    if any(c.outputs for c in code) or evidence.recorded.runs or evidence.recorded.evaluations:
        return False
    return not any(c.execution_count for c in code)


def _without_asking(
    runs: tuple[Joined, ...], ran: list[int], min_fall: float, cleared: bool
) -> Decided | None:
    """Narrower batches without a word of bucketing: `padding=True`, or the collator that comes with
    `Trainer(tokenizer=...)`, held against a run padded to one length."""
    fixed = [k for k in ran if runs[k].run.padding == Padding.MAX_LENGTH]
    for i in reversed(ran):
        if runs[i].run.padding in (Padding.DYNAMIC, Padding.MAP_BATCH) and fixed:
            one = _one(runs, i, fixed, min_fall, cleared)
            if one.bucketing == Bucketing.EFFECTIVE:
                return one
    return None


def _nothing_tried(evidence: Evidence, runs: tuple[Joined, ...], ran: list[int]) -> Decided:
    """No run with a result tried bucketing: absent, written but not run, or not to be known."""
    planned = [i for i, j in enumerate(runs) if effort(j) > 0]
    code = [c for c in evidence.submission.cells if c.kind == "code"]
    written = [o for o in observations(evidence, Kind.ATTEMPT) if o.value.get("how") in EFFORT]
    if planned or written or any(_WRITTEN.search(c.source) for c in code):
        bucketed = planned[-1] if planned else None
        baseline = _closest(runs, bucketed, ran) if bucketed is not None else (ran[-1] if ran else None)
        return Decided(Bucketing.UNEXECUTED, bucketed=bucketed, baseline=baseline)
    unread = [i for i in ran if runs[i].source is None]
    narrow = [i for i in unread if runs[i].run.padding == Padding.DYNAMIC]
    if narrow:
        # Stored figures show narrow batches, and no code that we could read explains them.
        return Decided(Bucketing.UNKNOWN, bucketed=narrow[-1])
    unclear = [i for i in ran if _unread(runs[i])] or _narrower(runs, ran)
    if len(unclear) > 1 and _says_it_bucketed(evidence):
        return Decided(
            Bucketing.UNKNOWN,
            bucketed=unclear[-1],
            baseline=_closest(runs, unclear[-1], [i for i in ran if i != unclear[-1]]),
        )
    return Decided(Bucketing.ABSENT, baseline=ran[-1] if ran else None)


def _narrower(runs: tuple[Joined, ...], ran: list[int]) -> list[int]:
    """All runs, the narrowest last, where one cell trains at several widths: buckets of its own, perhaps."""
    by_cell: dict[int | None, set[float]] = {}
    for i in ran:
        if runs[i].run.tokens_per_row is not None:
            by_cell.setdefault(runs[i].run.cell, set()).add(runs[i].run.tokens_per_row)
    if all(len(widths) < 2 for widths in by_cell.values()):
        return []
    return sorted(ran, key=lambda i: -(runs[i].run.tokens_per_row or 0))


def _unread(joined: Joined) -> bool:
    """Is neither the padding nor the grouping of a run known, from any witness?"""
    return joined.run.padding == Padding.UNKNOWN and joined.run.grouping == Grouping.UNKNOWN


def _says_it_bucketed(evidence: Evidence) -> bool:
    """Does the student interpret a bucketing of their own? Then code we can't read is no absence."""
    return any(
        "bucketing" in o.value.get("about", ()) and o.value.get("depth") in ("short", "yes")
        for o in observations(evidence, Kind.ANALYSIS)
    )


def _one(runs: tuple[Joined, ...], i: int, less: list[int], min_fall: float, cleared: bool) -> Decided:
    """Did run `i` narrow its batches against the runs `less` that try less?"""
    mine = padding.width(runs[i].run)
    pairs = [(k, padding.width(runs[k].run)) for k in less]
    known = [(k, w) for k, w in pairs if w is not None]
    if runs[i].run.padding == Padding.MAX_LENGTH:
        return Decided(
            Bucketing.NO_OP, i, _closest(runs, i, less), _first_pair(known, mine), from_running=cleared
        )
    if mine is None:
        return Decided(Bucketing.UNKNOWN, i, _closest(runs, i, less), from_running=cleared)
    fallen = [k for k, _ in known if _fell(runs[i], runs[k], min_fall)]
    if fallen:
        k = _closest(runs, i, fallen)
        width = dict(known)[k]
        return Decided(Bucketing.EFFECTIVE, i, k, (width, mine), from_running=cleared)
    if known:
        k = _closest(runs, i, [k for k, _ in known])
        if _grouping_unread(runs[i], runs[k]):
            return Decided(Bucketing.UNKNOWN, i, k, from_running=cleared)
        return Decided(Bucketing.NO_OP, i, k, (dict(known)[k], mine), from_running=cleared)
    # Nothing to compare with: rows that reached the collator unpadded were padded per batch.
    alone = Bucketing.EFFECTIVE if runs[i].run.padding == Padding.DYNAMIC else Bucketing.NO_OP
    return Decided(alone, i, _closest(runs, i, less), from_running=cleared)


def _grouping_unread(mine: Joined, other: Joined) -> bool:
    """Padded per batch both, not counted by us to the end, and the order of the rows is code we can't read:
    it may well group them."""
    dynamic = mine.run.padding == other.run.padding == Padding.DYNAMIC
    unread = mine.run.grouping == Grouping.UNKNOWN and "own-sampler" in mine.run.attempts
    return dynamic and unread and not (mine.measured and other.measured)


def _fell(mine: Joined, other: Joined, min_fall: float) -> bool:
    """Are the batches of `mine` narrower than those of `other`?

    By tokens per row where both are certain; else by how the rows are padded, because per batch is
    never wider than per 1,000 rows, and rows grouped by length never wider than at random.
    """
    a, b = mine.run, other.run
    if _less_padding(mine, other, min_fall):
        return True
    if a.padding == b.padding == Padding.DYNAMIC and not (mine.measured and other.measured):
        # A few batches of ours: their mean width moves by a tenth with the luck of the draw and more with
        # the batch size, so only grouping counts; and no more than the padding that was there can go.
        little = b.padding_share is not None and b.padding_share < min_fall
        return a.grouping == Grouping.LENGTH != b.grouping and not little
    if a.tokens_per_row is not None and b.tokens_per_row is not None:
        return a.tokens_per_row <= (1 - min_fall) * b.tokens_per_row
    if a.padding == Padding.DYNAMIC and b.padding in (Padding.MAX_LENGTH, Padding.MAP_BATCH):
        return True
    x, y = padding.width(a), padding.width(b)
    return x is not None and y is not None and x <= (1 - min_fall) * y


def _less_padding(mine: Joined, other: Joined, min_fall: float) -> bool:
    """Under our budget grouping shows the longest batches first: compare the share of padding instead.

    The tokens computed for each real one must fall by `min_fall`: where rows are cut to a few tokens there is
    hardly any padding to begin with, and a share of nothing can't fall far.
    """
    a, b = mine.run.padding_share, other.run.padding_share
    if mine.measured or other.measured or a is None or b is None:
        return False
    if mine.run.grouping == Grouping.NONE == other.run.grouping and other.run.padding == Padding.DYNAMIC:
        return False  # smaller batches have less padding, too
    fell = (1 - b) <= (1 - min_fall) * (1 - a)
    return mine.run.padding == Padding.DYNAMIC and a < 0.7 * b and fell


def _first_pair(known: list[tuple[int, float]], mine: float | None) -> tuple[float, float] | None:
    return (known[-1][1], mine) if known and mine is not None else None


def _observed_enough(joined: Joined) -> bool:
    """Did our own run make at least one step?"""
    return joined.observed is not None and bool(joined.observed.steps)


def _closest(runs: tuple[Joined, ...], to: int | None, among: list[int]) -> int | None:
    """The run of `among` that is the fairest comparison with run `to`.

    One that stored a time and an accuracy first, then one that ran to its end, then fewest differences, then
    nearest before it.
    """
    if not among:
        return None
    if to is None:
        return among[-1]
    mine = runs[to].run

    def unlike(k: int) -> tuple[bool, bool, bool, bool, int, int, int]:
        other = runs[k]
        fields = ("kind", "rows", "epochs_planned", "batch_size", "eval_split", "precision")
        differs = sum(getattr(other.run, f) != getattr(mine, f) for f in fields)
        # A run that only goes on with the other's checkpoint measures the same training twice.
        resumed = "resume_from_checkpoint" in other.run.arguments
        stored = other.run.seconds is not None and any(e.accuracy is not None for e in other.run.evaluations)
        best = max((e.accuracy for e in other.run.evaluations if e.accuracy is not None), default=1.0)
        # A run that learned nothing (0.50 of two classes) is none that anybody compares with.
        return (
            not stored,
            best < LEARNED,
            resumed,
            other.run.ending.stopped,
            differs,
            effort(other),
            abs(to - k) + (1 if k > to else 0),
        )

    return min(among, key=unlike)
