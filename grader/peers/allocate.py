"""Who reviews whom: one minimum-cost flow (OR-tools). Pure: the same input and seed, the same answer.

Reviewer -> work is an arc of capacity one. Giving and getting cost the square of what they differ from
K, so the flow spreads what can't be shared evenly as evenly as can be. Self-review and named conflicts
have no arc at all; pairs of earlier rounds have a dear one; and so has one of the two directions between
any two people, by a random round-robin tournament: following the tournament alone nobody swaps, and it
allows (n-1)/2 reviews each, which is all that swap-free review allows. What is already done is kept as
it is and only counts. Called by `grader.peers.handout`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set

import numpy as np

from grader.errors import UsageError
from grader.records import Record

Pair = tuple[str, str]
"""(reviewer, coder)"""

EXTRA = 1
"""How many more than K anybody may give or get, so that absences don't leave a work unread."""
NOISE, SWAP, AGAIN, GIVING, GETTING = 10, 10_000, 1_000_000, 100_000_000, 120_000_000
"""Costs, each far above what the ones before it can add up to in one place. Integers, as the solver wants."""
TRIES = 4
"""Tournaments tried where conflicts left swaps; the best is kept."""


class Allocation(Record):
    """The pairs of a round, and what could not be had."""

    pairs: tuple[Pair, ...]
    """All pairs, kept ones included, sorted."""
    given: dict[str, int]
    got: dict[str, int]
    swaps: tuple[Pair, ...] = ()
    """Pairs who review each other, each once, by name."""
    repeated: tuple[Pair, ...] = ()
    """Pairs that an earlier round had too."""


def allocate(
    reviewers: Iterable[str],
    coders: Iterable[str],
    each: int,
    *,
    seed: int = 0,
    conflicts: Set[Pair] = frozenset(),
    earlier: Set[Pair] = frozenset(),
    kept: Set[Pair] = frozenset(),
) -> Allocation:
    """`each` reviews given by every reviewer and got by every coder, as near as can be.

    `conflicts` hold in both directions, `earlier` as given. `kept` pairs stay and count, whoever has left.
    Raises UsageError where the solver is not installed.
    """
    givers, takers = sorted(set(reviewers)), sorted(set(coders))
    barred = {*conflicts, *((b, a) for a, b in conflicts), *kept}
    best: Allocation | None = None
    for attempt in range(TRIES):
        rng = np.random.default_rng([seed, attempt])
        found = _solve(givers, takers, each, barred, earlier, kept, rng)
        done = _summed({*found, *kept}, givers, takers, earlier)
        if best is None or _badness(done) < _badness(best):
            best = done
        if not best.swaps:
            break
    return best


def _badness(allocation: Allocation) -> tuple[int, int]:
    return len(allocation.repeated), len(allocation.swaps)


def _summed(pairs: set[Pair], givers: list[str], takers: list[str], earlier: Set[Pair]) -> Allocation:
    given, got = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    return Allocation(
        pairs=tuple(sorted(pairs)),
        given={name: given[name] for name in sorted({*givers, *given})},
        got={name: got[name] for name in sorted({*takers, *got})},
        swaps=tuple(sorted((a, b) for a, b in pairs if a < b and (b, a) in pairs)),
        repeated=tuple(sorted(pairs & earlier)),
    )


def _solve(
    givers: list[str],
    takers: list[str],
    each: int,
    barred: Set[Pair],
    earlier: Set[Pair],
    kept: Set[Pair],
    rng: np.random.Generator,
) -> set[Pair]:
    """New pairs of one minimum-cost flow: source -> giver -> taker -> sink."""
    try:
        from ortools.graph.python import min_cost_flow
    except ImportError as error:
        raise UsageError(
            ko="배정에는 ortools가 필요합니다. `pip install 'bucketing-grader[peers]'`로 설치해 주세요.",
            en="Assigning needs ortools: pip install 'bucketing-grader[peers]'.",
        ) from error
    count, wanted = len(givers), len(takers)
    if not count or not wanted or each < 1:
        return set()
    row, column = np.meshgrid(np.arange(count), np.arange(wanted), indexing="ij")
    row, column = row.ravel(), column.ravel()
    allowed, cost = _costs(givers, takers, barred, earlier, kept, rng)
    row, column, cost = row[allowed], column[allowed], cost[allowed]
    source, sink = count + wanted, count + wanted + 1
    done_give, done_get = Counter(a for a, _ in kept), Counter(b for _, b in kept)
    give = _units(givers, done_give, each, GIVING)
    get = _units(takers, done_get, each, GETTING)

    flow = min_cost_flow.SimpleMinCostFlow()
    arcs = flow.add_arcs_with_capacity_and_unit_cost(
        row, column + count, np.ones(len(row), dtype=np.int64), cost
    )
    for who, price in give:
        flow.add_arc_with_capacity_and_unit_cost(source, who, 1, price)
    for who, price in get:
        flow.add_arc_with_capacity_and_unit_cost(count + who, sink, 1, price)
    # What is not assigned goes by here: the flow decides itself how much is worth assigning.
    flow.add_arc_with_capacity_and_unit_cost(source, sink, len(give), 0)
    flow.set_node_supply(source, len(give))
    flow.set_node_supply(sink, -len(give))
    status = flow.solve()
    if status != flow.OPTIMAL:
        raise RuntimeError(f"assignment: the solver ended with {status}")
    used = np.flatnonzero(flow.flows(arcs))
    return {(givers[row[i]], takers[column[i]]) for i in used}


def _units(names: list[str], done: Counter[str], each: int, price: int) -> list[tuple[int, int]]:
    """(index, cost) of each further review of each person: the growth of (n - K)^2, so below 0 up to K."""
    return [
        (index, price * (2 * (n - each) - 1))
        for index, name in enumerate(names)
        for n in range(done[name] + 1, each + EXTRA + 1)
    ]


def _costs(
    givers: list[str],
    takers: list[str],
    barred: Set[Pair],
    earlier: Set[Pair],
    kept: Set[Pair],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """(allowed, cost) over all giver x taker, flat."""
    people = sorted({*givers, *takers})
    place = dict(zip(people, rng.permutation(len(people)).tolist(), strict=True))
    at_giver = np.array([place[name] for name in givers])
    at_taker = np.array([place[name] for name in takers])
    ahead = (at_taker[None, :] - at_giver[:, None]) % len(people)
    cost = rng.integers(0, NOISE, size=ahead.shape, dtype=np.int64)
    cost[ahead > (len(people) - 1) // 2] += SWAP
    allowed = ahead != 0
    row = {name: i for i, name in enumerate(givers)}
    column = {name: i for i, name in enumerate(takers)}
    for (a, b), price in (
        *(((a, b), None) for a, b in barred),
        *(((a, b), AGAIN) for a, b in earlier),
        *(((b, a), SWAP) for a, b in kept),
    ):
        if a in row and b in column:
            if price is None:
                allowed[row[a], column[b]] = False
            else:
                cost[row[a], column[b]] += price
    return allowed.ravel(), cost.ravel()
