"""Loops that a budget ends early, and a stand-in with fewer layers: what the code asks for still happens."""

import ast
from types import SimpleNamespace

import pytest

from tests.inside_loader import load

torch = pytest.importorskip("torch")


@pytest.fixture
def training(monkeypatch):
    """A hand-written training under a budget of 12 batches."""
    intervals, budget, runs = load("intervals"), load("budget"), load("runs")
    monkeypatch.setattr(budget, "TRAIN", 12)
    monkeypatch.setattr(runs, "_open", [SimpleNamespace(kind="torch-loop")])
    monkeypatch.setattr(runs, "trainer_run", None)
    return intervals


def fired(intervals, source: str) -> list[int]:
    """Steps at which `source` (of a loop over 12 steps) appended to `out`."""
    tree = intervals.Intervals().visit(ast.parse(source))
    names = {"out": [], "_grader_interval": intervals.interval}
    exec(compile(ast.fix_missing_locations(tree), "cell", "exec"), names)
    return names["out"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("(step + 1) % 2500 == 0", [5, 11]),
        ("step % config['eval_steps'] == 0 and step > 0", [6]),
        ("not step % 1000", [0, 6]),
        ("step % 4 == 0", [0, 4, 8]),  # gradient accumulation stays what it is
        ("step % 12 == 0", [0]),
        ("step % 2500 == 7", [7]),  # no interval
        ("'%d' % step == 0", []),
    ],
)
def test_an_interval_that_the_budget_never_reaches_comes_sooner(training, condition, expected):
    source = f"config = {{'eval_steps': 2500}}\nfor step in range(12):\n    if {condition}: out.append(step)"
    assert fired(training, source) == expected


def test_outside_of_a_training_and_of_loops_nothing_changes(training, monkeypatch):
    source = "for step in range(12):\n    if step % 2500 == 0: out.append(step)"
    monkeypatch.setattr(load("runs"), "_open", [])
    assert fired(training, source) == [0]
    assert "_grader_interval" not in ast.unparse(training.Intervals().visit(ast.parse("x = 7 % 2500 == 0")))


class StandLayer(torch.nn.Linear):
    """What transformers calls its blocks: …Layer."""


StandLayer.__module__ = "transformers.models.bert.modeling_bert"


def test_layers_of_the_real_model_are_found_on_the_stand_in(monkeypatch):
    depth = load("depth")
    monkeypatch.setattr(depth, "REAL", 12)
    monkeypatch.setattr(depth, "_asked_by_notebook", lambda: True)

    class Layers(torch.nn.ModuleList):
        pass

    depth._watch(Layers)
    two = Layers([StandLayer(1, 1), StandLayer(1, 1)])
    assert two[11] is two[1] and two[-12] is two[0] and two[5] is two[0] and two[0] is not two[1]
    assert list(two[:8]) == [two[0]] and list(two[-4:]) == [two[1]] and list(two[:]) == [two[0], two[1]]
    with pytest.raises(IndexError):
        two[12]
    with pytest.raises(IndexError):
        Layers([torch.nn.ReLU()])[3]
