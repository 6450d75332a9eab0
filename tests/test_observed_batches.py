"""Padding, grouping and speed from batch lines alone: the three must be told apart by numbers."""

import random

import pytest

from grader.observed import batches
from grader.records import Grouping, Padding


def lengths_like_nsmc(n=6400):
    rng = random.Random(1)
    return [min(120, max(3, int(rng.lognormvariate(2.75, 0.65)))) for _ in range(n)]


def line(lengths, width):
    return [len(lengths), width, sum(lengths), min(lengths), max(lengths), sum(n * n for n in lengths)]


def cut(lengths, size=32):
    return [lengths[i : i + size] for i in range(0, len(lengths), size)]


def population(lengths):
    mean = sum(lengths) / len(lengths)
    return {"mean": mean, "var": sum((n - mean) ** 2 for n in lengths) / len(lengths), "max": max(lengths)}


@pytest.fixture
def lengths():
    return lengths_like_nsmc()


def facts(lengths, stored_min=None, stored_max=None, padded=0.0):
    stored = {
        "min": stored_min or min(lengths),
        "max": stored_max or max(lengths),
        "padded": padded,
        "mean": 0,
    }
    return {"lengths": population(lengths), "stored": stored}


def test_padded_to_one_length(lengths):
    shape = batches.shape([line(b, 128) for b in cut(lengths)[:24]], facts(lengths, 128, 128, 1.0))
    assert (shape.padding, shape.grouping) == (Padding.MAX_LENGTH, Grouping.NONE)
    assert shape.tokens_per_row == 128
    assert shape.width == 128


def test_padded_to_one_length_is_seen_without_the_data_set(lengths):
    shape = batches.shape([line(b, 128) for b in cut(lengths)[:24]], {})
    assert shape.padding is Padding.MAX_LENGTH


def test_to_the_longest_of_each_batch(lengths):
    shape = batches.shape([line(b, max(b)) for b in cut(lengths)[:24]], facts(lengths))
    assert (shape.padding, shape.grouping) == (Padding.DYNAMIC, Grouping.NONE)
    whole = sum(len(b) * max(b) for b in cut(lengths)) / len(lengths)
    assert shape.tokens_per_row == pytest.approx(whole, rel=0.15)


def test_grouped_by_length_and_cut_after_the_longest_batches(lengths):
    """Trainer sorts within 50 batches, longest first; the budget sees only the first of them."""
    mega = [sorted(lengths[i : i + 1600], reverse=True) for i in range(0, len(lengths), 1600)]
    grouped = [b for m in mega for b in cut(m)]
    shape = batches.shape([line(b, max(b)) for b in grouped[:24]], facts(lengths))
    assert (shape.padding, shape.grouping) == (Padding.DYNAMIC, Grouping.LENGTH)
    whole = sum(len(b) * max(b) for b in grouped) / len(lengths)
    assert shape.tokens_per_row == pytest.approx(whole, rel=0.1)


def test_fully_sorted_from_the_shortest(lengths):
    """Within one batch and over the first batches all rows are alike; the whole data set isn't."""
    shape = batches.shape([line(b, max(b)) for b in cut(sorted(lengths))[:8]], facts(lengths))
    assert shape.grouping is Grouping.LENGTH


def test_padded_inside_a_batched_map(lengths):
    stored = facts(lengths, 70, 128, 0.99)
    shape = batches.shape([line(b, 100 + i % 7) for i, b in enumerate(cut(lengths)[:24])], stored)
    assert shape.padding is Padding.MAP_BATCH


def test_grouping_padded_rows_changes_nothing(lengths):
    """group_by_length sorts by stored length; where all are 128 the batches stay random."""
    shape = batches.shape([line(b, 128) for b in cut(lengths)[:24]], facts(lengths, 128, 128, 1.0))
    assert shape.grouping is Grouping.NONE


def test_too_little_is_unknown():
    assert batches.shape([], {}).padding is Padding.UNKNOWN
    one = batches.shape([line([5, 9], 9)], {})
    assert (one.padding, one.grouping) == (Padding.UNKNOWN, Grouping.UNKNOWN)
    assert batches.shape([[32, 64], [32, 64]], {}).tokens_per_row == 64


def test_speed_leaves_the_warm_up_out():
    steps = [[32, 1, None], [32, 1, 9.0], *([[32, 1, 0.1]] * 10)]
    speed = batches.speed(steps)
    assert speed.examples_per_second == pytest.approx(320)
    assert speed.spread == pytest.approx(0)
    assert batches.speed(steps[:4]).examples_per_second is None
    # Sorted: the four longest batches were run, and a row of the whole is half as long as theirs.
    wide = [[32, 32 * 40, 0.1]] * 10
    assert batches.speed(wide, 20.0).examples_per_second == pytest.approx(640)
    assert batches.speed(wide, 40.0) == batches.speed(wide)
    # The budget's least, of steps so long that warming up is nothing.
    assert batches.speed([[256, 1, None], *([[256, 1, 4.0]] * 3)]).examples_per_second == pytest.approx(64)
    assert batches.speed([[256, 1, None], [256, 1, 4.0]]).examples_per_second is None
