"""Who reviews whom: what must hold for any class, and for the classes that are hard."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("ortools", reason="needs the peers extra")

from grader.peers.allocate import EXTRA, allocate


def names(count: int) -> list[str]:
    return [f"s{i:03d}" for i in range(count)]


@st.composite
def classes(draw):
    """A class of 5 to 500, with people who are away, who handed nothing in, conflicts and a round before."""
    count = draw(st.one_of(st.integers(5, 40), st.sampled_from([120, 500])))
    chance = random.Random(draw(st.integers(0, 2**16)))
    people = names(count)
    away = set(chance.sample(people, chance.randint(0, count // 5)))
    missing = set(chance.sample(people, chance.randint(0, count // 5)))
    conflicts = {tuple(chance.sample(people, 2)) for _ in range(chance.randint(0, count))}
    each = chance.randint(1, 4)
    earlier = set(allocate(people, people, each, seed=7).pairs) if chance.random() < 0.5 else set()
    kept = {pair for pair in sorted(earlier) if chance.random() < 0.2}
    return people, away, missing, conflicts, earlier, kept, each


@settings(max_examples=25, deadline=None, derandomize=True)
@given(classes())
def test_what_always_holds(case):
    people, away, missing, conflicts, earlier, kept, each = case
    givers = [p for p in people if p not in away]
    takers = [p for p in people if p not in missing]
    done = allocate(givers, takers, each, seed=3, conflicts=conflicts, earlier=earlier, kept=kept)
    pairs = set(done.pairs)
    assert len(pairs) == len(done.pairs)
    assert kept <= pairs
    for reviewer, coder in pairs - kept:
        assert reviewer != coder
        assert (reviewer, coder) not in conflicts and (coder, reviewer) not in conflicts
        assert reviewer in givers and coder in takers
    new_given = {p: sum(a == p for a, _ in pairs - kept) for p in givers}
    assert all(done.given[p] <= max(each + EXTRA, done.given[p] - new_given[p]) for p in givers)
    assert all(done.got[p] <= max(each + EXTRA, sum(b == p for _, b in kept)) for p in takers)
    again = allocate(givers, takers, each, seed=3, conflicts=conflicts, earlier=earlier, kept=kept)
    assert again.pairs == done.pairs


@pytest.mark.parametrize("count, each", [(5, 2), (6, 2), (7, 3), (12, 2), (31, 4), (200, 3)])
def test_a_whole_class_gives_and_gets_exactly_k_without_swaps(count, each):
    done = allocate(names(count), names(count), each, seed=11)
    assert set(done.given.values()) == {each} == set(done.got.values())
    assert not done.swaps


def test_swaps_happen_only_where_counting_forces_them():
    # 5 people, 3 reviews each: 15 reviews over 10 pairs, so at least 5 pairs must swap.
    assert len(allocate(names(5), names(5), 3).swaps) == 5


def test_absences_cost_nobody_a_review_and_nobody_two_extra():
    people = names(30)
    done = allocate(people[3:], people, 2, seed=5)
    assert set(done.got.values()) == {2}
    assert max(done.given.values()) <= 3 and min(done.given[p] for p in people[3:]) >= 2


def test_earlier_pairs_come_again_only_where_nothing_else_is_left():
    people = names(20)
    first = allocate(people, people, 3, seed=1)
    second = allocate(people, people, 3, seed=1, earlier=set(first.pairs))
    assert not second.repeated and not set(first.pairs) & set(second.pairs)
    # Four people, two reviews each, everybody met everybody: repeating is all that is left.
    four = names(4)
    everybody = {(a, b) for a in four for b in four if a != b}
    third = allocate(four, four, 2, earlier=everybody)
    assert len(third.repeated) == 8 and set(third.got.values()) == {2}


def test_seeds_make_different_rounds():
    people = names(40)
    assert allocate(people, people, 2, seed=1).pairs != allocate(people, people, 2, seed=2).pairs


def test_five_hundred_students_in_under_five_seconds():
    people = names(500)
    chance = random.Random(0)
    conflicts = {tuple(chance.sample(people, 2)) for _ in range(300)}
    start = time.perf_counter()
    done = allocate(people[10:], people, 3, seed=1, conflicts=conflicts)
    assert time.perf_counter() - start < 5
    assert set(done.got.values()) == {3}
