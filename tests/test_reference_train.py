"""reference/train.py and model.py: it learns, weighs each row alike, and evaluates every row once."""

from __future__ import annotations

import random
from functools import partial
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from reference import batching, data, model  # noqa: E402
from reference.compare import POCKET_MODEL  # noqa: E402
from reference.train import (  # noqa: E402
    Recipe,
    Score,
    evaluate,
    mixed_precision,
    parameter_groups,
    rank,
    schedule,
    train,
)


class WordSum(torch.nn.Module):
    """A model small enough to check by hand: one score per word, summed over real tokens."""

    def __init__(self, words: int = 40):
        super().__init__()
        torch.manual_seed(0)
        self.scores = torch.nn.Embedding(words, 2)

    def forward(self, input_ids, attention_mask):
        return SimpleNamespace(logits=(self.scores(input_ids) * attention_mask[..., None]).sum(1))


def examples(count: int, seed: int = 0) -> list[data.Example]:
    """Rows of words 1–39 whose label says whether words above 20 are in the majority."""
    rng = random.Random(seed)
    rows = [[rng.randint(1, 39) for _ in range(rng.randint(1, 15))] for _ in range(count)]
    return [data.Example(ids, int(sum(i > 20 for i in ids) * 2 > len(ids))) for ids in rows]


def batches(rows, **how):
    return batching.Batches(rows, partial(batching.bucketed, tokens=64), **how)


def test_it_learns_and_keeps_the_best_epoch():
    net, rows, held_out = WordSum(), examples(800), examples(300, seed=1)
    before = evaluate(net, batches(held_out))
    result = train(net, batches(rows), batches(held_out), Recipe(epochs=4, learning_rate=0.1))
    assert result.best.accuracy > 0.9 > before.accuracy
    assert result.rows == 3200 and len(result.scores) == 4
    assert evaluate(net, batches(held_out)) == result.best == max(result.scores, key=rank)


def test_of_equally_accurate_epochs_the_one_with_the_smaller_loss_is_better():
    scores = [Score(0.8, 0.5), Score(0.8, 0.4), Score(0.7, 0.1)]
    assert max(scores, key=rank) == Score(0.8, 0.4)


@pytest.mark.parametrize(("patience", "epochs"), [(None, 5), (1, 2), (3, 4)])
def test_it_stops_when_the_best_epoch_stays_the_best(patience, epochs):
    recipe = Recipe(epochs=5, learning_rate=0.0, patience=patience)  # no epoch is better than the first
    result = train(WordSum(), batches(examples(60)), batches(examples(20, 1)), recipe)
    assert len(result.scores) == len(result.seconds_after) == epochs and result.rows == 60 * epochs


def test_same_seed_same_run():
    def run():
        net = WordSum()
        return train(net, batches(examples(200)), batches(examples(50, 1)), Recipe(epochs=2)).scores

    assert run() == run()


def test_evaluation_is_right_at_the_last_batch():
    """7 rows in batches of 3: the mean over batches would weigh the last row three times."""
    rows = examples(7)
    net = WordSum()
    by_three = evaluate(net, batching.Batches(rows, partial(batching.dynamic, rows=3)))
    at_once = evaluate(net, batching.Batches(rows, partial(batching.dynamic, rows=7)))
    assert by_three.accuracy == at_once.accuracy
    assert by_three.loss == pytest.approx(at_once.loss, rel=1e-5)


def test_a_row_counts_the_same_in_a_batch_of_any_size():
    """Plain gradients of an epoch add up to the same, however the rows are divided into batches."""

    def gradient(plan: list[list[int]]) -> torch.Tensor:
        rows, net = examples(6), WordSum()
        total = torch.zeros_like(net.scores.weight)
        original = torch.optim.AdamW.step

        def step(self, *args, **kwargs):
            total.add_(net.scores.weight.grad)

        torch.optim.AdamW.step = step
        try:
            made = batching.Batches(rows, lambda lengths, rng: plan)
            train(net, made, made, Recipe(epochs=1, clip=1e9))
        finally:
            torch.optim.AdamW.step = original
        return total

    even, uneven = gradient([[0, 1, 2], [3, 4, 5]]), gradient([[0], [1, 2, 3, 4, 5]])
    assert torch.allclose(even, uneven, rtol=1e-5, atol=1e-6) and even.abs().sum() > 0


def test_biases_and_norms_do_not_decay():
    net = model.load(POCKET_MODEL)
    decayed, spared = parameter_groups(net, 0.01)
    names = {id(p): name for name, p in net.named_parameters()}
    assert decayed["weight_decay"] == 0.01 and spared["weight_decay"] == 0
    assert all("bias" in names[id(p)] or "LayerNorm" in names[id(p)] for p in spared["params"])
    assert len(decayed["params"]) + len(spared["params"]) == len(names)


def test_the_schedule_rises_then_falls_to_zero():
    rates = [schedule(i / 100, 0.1) for i in range(101)]
    assert rates[0] == 0 == rates[100] and max(rates) == rates[10] == 1
    assert rates[:11] == sorted(rates[:11]) and rates[10:] == sorted(rates[10:], reverse=True)


@pytest.mark.parametrize("has_it", [True, False])
def test_a_gpu_that_only_emulates_bfloat16_trains_in_float32(has_it, monkeypatch):
    """A T4 says yes when it is asked without a condition."""
    supported = lambda including_emulation=True: has_it or including_emulation  # noqa: E731
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    asked = []
    monkeypatch.setattr(torch, "autocast", lambda *how, enabled: asked.append((*how, enabled)))
    mixed_precision(torch.device("cuda"))
    assert asked == [("cuda", torch.bfloat16, has_it)]


def test_sizes():
    net = model.load(POCKET_MODEL)
    encoder = 2 * (4 * (128 * 128 + 128) + 2 * 128 * 512 + 512 + 128 + 4 * 128)
    around = 2 * 128 + (128 * 128 + 128) + (2 * 128 + 2)  # norm of the embeddings, pooler, head
    assert model.non_embedding_parameters(net) == encoder + around
    assert model.training_flops(net, 1000) == 6000 * (encoder + around)


def test_random_weights_differ_from_pretrained_ones_and_seeds_from_each_other():
    def weight(**how):
        return model.load(POCKET_MODEL, **how).bert.embeddings.word_embeddings.weight

    assert torch.equal(weight(seed=0), weight(seed=1))
    assert not torch.equal(weight(pretrained=False), weight())
    assert not torch.equal(weight(pretrained=False), weight(pretrained=False, seed=1))
