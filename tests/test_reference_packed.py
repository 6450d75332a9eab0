"""reference/packed.py and loading.py: no padding, the same logits; workers, ranks and restarts."""

from __future__ import annotations

import doctest
import importlib
import itertools
import random
from functools import partial

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from reference import batching, data, loading, model, packed  # noqa: E402
from reference.compare import POCKET_MODEL  # noqa: E402
from reference.train import Recipe, train  # noqa: E402

BUCKETED = partial(batching.bucketed, tokens=600)


def lengths_like_nsmc(count: int) -> list[int]:
    rng = random.Random(5)
    return [min(120, max(3, int(rng.lognormvariate(2.7, 0.7)))) for _ in range(count)]


@pytest.fixture(scope="module")
def examples():
    texts = ["최고", "정말 재미있는 영화였다", "연기가 살렸다 ㅠㅠ", "시간 아깝다... " * 12, "굿", "별로"]
    tokenizer = model.load_tokenizer(POCKET_MODEL)
    return data.tokenise([data.Review(str(i), t, i % 2) for i, t in enumerate(texts * 5)], tokenizer)


@pytest.fixture(scope="module")
def alone(examples):
    """Each row's logits in a batch of its own, where there is nothing to pad and nobody to look at."""
    net = model.load(POCKET_MODEL).eval()
    with torch.no_grad():
        return torch.cat([net(**_inputs(batching.pad([e], pad_id=0))).logits for e in examples])


@pytest.mark.parametrize("name", ["data", "batching", "packed", "loading", "train"])
def test_the_worked_examples_of_the_lessons_are_true(name):
    found = doctest.testmod(importlib.import_module(f"reference.{name}"))
    assert found.attempted and not found.failed


# ---------------------------------------------------------------- packed


@pytest.mark.parametrize("count", [0, 1, 33, 3000])
def test_a_cut_plan_holds_every_row_once_and_keeps_to_its_budget(count):
    lengths = [*lengths_like_nsmc(count), 700]
    plan = packed.cut(lengths, tokens=600, rng=random.Random(0))
    assert sorted(itertools.chain(*plan)) == list(range(count + 1))
    assert [rows for rows in plan if sum(lengths[r] for r in rows) > 600] == [[count]]


def test_a_packed_row_gets_the_logits_it_gets_alone(examples, alone):
    """Tolerance 2e-5 absolute in float32, as for the other steps of the staircase."""
    net = packed.Packed(model.load(POCKET_MODEL)).eval()
    assert alone.std() > 1e-3
    batches = packed.PackedBatches(examples, partial(packed.cut, tokens=90))
    seen = 0
    with torch.no_grad():
        for rows, batch in zip(batches.plan(0), batches.epoch(0), strict=True):
            rows = sorted(rows, key=batches.lengths.__getitem__)
            assert batch["input_ids"].shape == (1, sum(batches.lengths[r] for r in rows))
            assert torch.allclose(net(**_inputs(batch)).logits, alone[rows], rtol=0, atol=2e-5)
            seen += len(rows)
    assert seen == len(examples)


def test_packing_is_what_a_block_diagonal_mask_means(examples, alone):
    """The textbook form, through transformers' own masks: [1, 1, tokens, tokens], True within a sequence."""
    net = model.load(POCKET_MODEL).eval()
    batch = packed.pack(examples[:6])
    owner = torch.repeat_interleave(batch["lengths"])
    with torch.no_grad():
        hidden = net.base_model(
            input_ids=batch["input_ids"],
            position_ids=batch["position_ids"],
            attention_mask=(owner[:, None] == owner)[None, None],
        ).last_hidden_state
        starts = batch["lengths"].cumsum(0) - batch["lengths"]
        logits = net.classifier(net.base_model.pooler(hidden[0, starts, None]))
    assert torch.allclose(logits, alone[:6], rtol=0, atol=2e-5)


@pytest.mark.parametrize("mistake", ["one long sequence", "positions go on"])
def test_the_two_usual_mistakes_do_change_the_logits(examples, alone, mistake):
    """The tests above can fail: these are the mistakes they would catch."""
    net = packed.Packed(model.load(POCKET_MODEL)).eval()
    batch = packed.pack(examples[1:4])
    starts = batch["lengths"].cumsum(0) - batch["lengths"]
    with torch.no_grad():
        if mistake == "positions go on":
            batch["position_ids"] = torch.arange(batch["input_ids"].shape[1])[None]
            logits = net(**_inputs(batch)).logits
        else:
            net.model.set_attn_implementation("sdpa")
            hidden = net.model.base_model(batch["input_ids"], position_ids=batch["position_ids"])
            first = hidden.last_hidden_state[0, starts, None]
            logits = net.model.classifier(net.model.base_model.pooler(first))
    assert not torch.allclose(logits, alone[1:4], rtol=0, atol=1e-3)


def test_a_packed_model_trains_and_its_gradients_are_the_padded_ones(examples):
    gradients = []
    for net, batch in (
        (model.load(POCKET_MODEL), batching.pad(examples[:6], pad_id=0)),
        (packed.Packed(model.load(POCKET_MODEL)), packed.pack(examples[:6])),
    ):
        net.eval()  # no dropout, or the two would draw different numbers
        labels = batch.pop("labels")
        torch.nn.functional.cross_entropy(net(**batch).logits, labels).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in net.parameters()]))
    assert gradients[0].abs().max() > 1e-3
    assert torch.allclose(*gradients, rtol=0, atol=1e-5)


def test_lesson_four_trains_packed_batches_as_they_are(examples):
    net = packed.Packed(model.load(POCKET_MODEL))
    batches = packed.PackedBatches(examples, partial(packed.cut, tokens=120))
    result = train(net, batches, batches, Recipe(epochs=4, learning_rate=1e-3))
    assert result.scores[-1].loss < result.scores[0].loss
    assert result.rows == 4 * len(examples) and batches.padding_share() == 0


# ---------------------------------------------------------------- ranks, workers, restarts


@pytest.mark.parametrize("world", [1, 2, 3, 8])
def test_ranks_share_every_row_once_and_make_equally_many_steps(world):
    lengths = lengths_like_nsmc(3001)
    ranks = [loading.PlanSampler(lengths, BUCKETED, rank=r, world=world) for r in range(world)]
    plans = [list(rank) for rank in ranks]
    assert {len(plan) for plan in plans} == {len(ranks[0])}
    assert sorted(row for plan in plans for rows in plan for row in rows) == list(range(3001))
    for plan in plans:
        assert all(len(rows) * max(lengths[r] for r in rows) <= 600 for rows in plan)


def test_ranks_without_rows_are_refused():
    with pytest.raises(ValueError, match="evenly by 4 ranks"):
        list(loading.PlanSampler([5, 5], BUCKETED, world=4))
    with pytest.raises(ValueError, match="rank 2"):
        loading.PlanSampler([5, 5], BUCKETED, rank=2, world=2)


def test_a_resumed_epoch_goes_on_where_it_stopped_and_the_next_is_whole():
    lengths = lengths_like_nsmc(500)
    first = loading.PlanSampler(lengths, BUCKETED, seed=7, rank=1, world=2)
    first.set_epoch(3)
    whole = list(first)
    again = loading.PlanSampler(lengths, BUCKETED, seed=7, rank=1, world=2)
    again.resume(first.state(done=4))
    again.set_epoch(3)  # as a training loop would
    assert list(again) == whole[4:] and len(again) == len(whole) - 4
    again.set_epoch(4)
    first.set_epoch(4)
    assert list(again) == list(first) != whole


def test_the_state_of_another_run_is_refused():
    state = loading.PlanSampler([3] * 50, BUCKETED, seed=1).state(done=2)
    with pytest.raises(ValueError, match="another run"):
        loading.PlanSampler([3] * 50, BUCKETED, seed=2).resume(state)


def test_workers_give_the_same_batches_as_none(examples):
    def batches(workers):
        sampler = loading.PlanSampler(
            [len(e.ids) for e in examples], partial(batching.bucketed, tokens=60), seed=2
        )
        return list(loading.loader(examples, sampler, workers=workers))

    one, many = batches(0), batches(2)
    assert len(one) == len(many) > 3
    for a, b in zip(one, many, strict=True):
        assert all(torch.equal(a[name], b[name]) for name in a)


def _inputs(batch):
    return {name: tensor for name, tensor in batch.items() if name != "labels"}
