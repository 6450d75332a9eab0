"""reference/batching.py: every row once, the promised shapes, and padding that never changes a logit."""

from __future__ import annotations

import itertools
import random
from functools import partial

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from reference import batching, data, model  # noqa: E402
from reference.compare import POCKET_MODEL, variants  # noqa: E402

PLANNERS = {
    "dynamic": partial(batching.dynamic, rows=32),
    "grouped": partial(batching.grouped, rows=32),
    "bucketed": partial(batching.bucketed, tokens=600),
}


def lengths_like_nsmc(count: int) -> list[int]:
    rng = random.Random(5)
    return [min(120, max(3, int(rng.lognormvariate(2.7, 0.7)))) for _ in range(count)]


@pytest.mark.parametrize("name", PLANNERS)
@pytest.mark.parametrize("count", [0, 1, 31, 33, 5000])
def test_every_row_is_in_exactly_one_batch(name, count):
    plan = PLANNERS[name](lengths_like_nsmc(count), rng=random.Random(0))
    assert sorted(row for rows in plan for row in rows) == list(range(count))
    assert all(plan)


def test_bucketed_keeps_to_its_budget_except_for_a_row_that_exceeds_it_alone():
    lengths = [*lengths_like_nsmc(3000), 700]
    plan = PLANNERS["bucketed"](lengths, rng=random.Random(0))
    too_big = [rows for rows in plan if len(rows) * max(lengths[r] for r in rows) > 600]
    assert too_big == [[3000]]


def test_each_step_of_the_staircase_wastes_less():
    lengths = lengths_like_nsmc(20_000)
    shares = [
        batching.padding_share(lengths, plan(lengths, rng=random.Random(0)), width)
        for plan, width in [(PLANNERS["dynamic"], 120), *((p, None) for p in PLANNERS.values())]
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.7 and shares[3] < 0.02


@pytest.mark.parametrize("count", [20, 500, 5000, 20_000])
def test_grouped_is_what_trainer_does_but_for_the_longest_row(count, monkeypatch):
    """Given the same shuffle; Trainer then swaps the longest row of all with the first."""
    from transformers.trainer_pt_utils import get_length_grouped_indices

    lengths, shuffled = lengths_like_nsmc(count), list(range(count))
    random.Random(3).shuffle(shuffled)
    monkeypatch.setattr(torch, "randperm", lambda n, generator=None: torch.tensor(shuffled))
    theirs = get_length_grouped_indices(lengths, 32)
    ours = list(itertools.chain(*batching.grouped(lengths, rows=32, rng=random.Random(3))))
    swapped = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    assert len(swapped) in (0, 2) and lengths[theirs[0]] == max(lengths)


def test_a_row_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="a row of 3 tokens doesn't fit into width 2"):
        batching.pad([data.Example([2, 7, 3], 1)], pad_id=0, width=2)


def test_same_seed_same_plan_other_epoch_other_plan():
    examples = [data.Example([2] * n, 0) for n in lengths_like_nsmc(500)]
    a, b = (batching.Batches(examples, PLANNERS["bucketed"], seed=3) for _ in range(2))
    assert a.plan(0) == b.plan(0) != a.plan(1)
    assert a.plan(0) != batching.Batches(examples, PLANNERS["bucketed"], seed=4).plan(0)


def test_bucketed_batches_do_not_come_in_order_of_length():
    lengths = lengths_like_nsmc(5000)
    widths = [max(lengths[r] for r in rows) for rows in PLANNERS["bucketed"](lengths, rng=random.Random(0))]
    rising = sum(a < b for a, b in itertools.pairwise(widths)) / len(widths)
    assert 0.3 < rising < 0.7


def test_counting_agrees_with_the_tensors():
    examples = [data.Example([2] * n, 0) for n in lengths_like_nsmc(300)]
    for width in (None, 128):
        batches = batching.Batches(examples, PLANNERS["grouped"], width=width)
        made = list(batches.epoch(0))
        tokens = sum(batch["input_ids"].numel() for batch in made)
        real = sum(int(batch["attention_mask"].sum()) for batch in made)
        assert batches.tokens_per_row() == pytest.approx(tokens / 300)
        assert batches.padding_share() == pytest.approx(1 - real / tokens)


@pytest.fixture(scope="module")
def rows():
    texts = [
        "최고",
        "정말 재미있는 영화였다",
        "스토리는 뻔하지만 연기가 살렸다 ㅠㅠ",
        "시간 아깝다... " * 12,
        "굿",
    ] * 5
    tokenizer = model.load_tokenizer(POCKET_MODEL)
    return data.tokenise([data.Review(str(i), t, i % 2) for i, t in enumerate(texts)], tokenizer)


def test_every_variant_gives_a_row_the_same_logits(rows):
    """Tolerance 2e-5 absolute in float32: only the order of additions differs with the width."""
    net = model.load(POCKET_MODEL).eval()
    with torch.no_grad():
        alone = torch.cat([net(**_inputs(batching.pad([row], pad_id=0))).logits for row in rows])
        assert alone.std() > 1e-3  # not all the same
        for name, make in variants(rows, rows=4, width=128).items():
            if name == "packed":  # tests/test_reference_packed.py
                continue
            batches = make(rows)
            for numbers, batch in zip(batches.plan(0), batches.epoch(0), strict=True):
                found = net(**_inputs(batch)).logits
                assert torch.allclose(found, alone[numbers], rtol=0, atol=2e-5), name


def test_without_the_mask_padding_does_change_the_logits(rows):
    """The test above can fail: this is the mistake it would catch."""
    net = model.load(POCKET_MODEL).eval()
    with torch.no_grad():
        batch = batching.pad(rows[:4], pad_id=0, width=128)
        masked = net(**_inputs(batch)).logits
        unmasked = net(input_ids=batch["input_ids"]).logits
    assert not torch.allclose(masked, unmasked, rtol=0, atol=1e-3)


def _inputs(batch):
    return {name: tensor for name, tensor in batch.items() if name != "labels"}
