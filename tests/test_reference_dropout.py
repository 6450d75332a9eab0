"""reference/dropout.py: drops as often as it should, scales what it keeps, and does nothing otherwise."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from reference import dropout


def layer(p: float, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return dropout.for_cpu(nn.Sequential(nn.Linear(1, 1), nn.Dropout(p)))[1].train()


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_it_drops_with_the_chance_asked_for_and_keeps_the_mean(p):
    x = torch.ones(1000, 1003)  # no multiple of four
    out = layer(p)(x)
    assert out.unique().tolist() == [0.0, pytest.approx(1 / (1 - p))]
    assert float((out == 0).float().mean()) == pytest.approx(p, abs=0.002)  # 4 standard errors at 0.5
    assert float(out.mean()) == pytest.approx(1, abs=0.01)


def test_drops_are_independent_of_their_neighbours():
    """Four come from one number: no pair of places may know of each other."""
    dropped = (layer(0.5)(torch.ones(400_000)) == 0).float() - 0.5
    for apart in range(1, 9):
        assert abs(float((dropped[:-apart] * dropped[apart:]).mean())) < 0.002


def test_gradients_pass_where_the_values_did():
    x = torch.ones(64, 64, requires_grad=True)
    out = layer(0.3)(x)
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())


def test_seeded_by_torch_and_silent_in_evaluation():
    x = torch.ones(100, 10)
    assert torch.equal(layer(0.1, seed=3)(x), layer(0.1, seed=3)(x))
    assert not torch.equal(layer(0.1, seed=3)(x), layer(0.1, seed=4)(x))
    assert layer(0.1).eval()(x) is x and layer(0.0)(x) is x


def test_every_dropout_of_a_model_is_changed_and_the_logits_are_not():
    from reference import model
    from reference.compare import POCKET_MODEL

    net = model.load(POCKET_MODEL).eval()
    ids = torch.tensor([[2, 71, 35, 3]])
    with torch.no_grad():
        before = net(input_ids=ids).logits
        after = dropout.for_cpu(net)(input_ids=ids).logits
    assert torch.equal(before, after)
    assert not [m for m in net.modules() if type(m) is nn.Dropout]


def test_a_second_run_of_the_same_model_begins_with_its_own_seed():
    x, net = torch.ones(50, 10), nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.5)).train()
    drops = []
    for _ in range(2):
        torch.manual_seed(5)
        drops.append(dropout.for_cpu(net)[1](x))
    assert torch.equal(*drops)
