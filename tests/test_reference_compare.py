"""reference/compare.py: one table, one picture, and figures that follow from the batches."""

from __future__ import annotations

import json
import random
import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("matplotlib")

from grader.classroom import reviews
from reference import compare, data


def test_the_staircase_costs_less_at_every_step_at_about_the_same_number_of_steps():
    rng = random.Random(0)
    examples = [
        data.Example([2] * min(128, max(3, int(rng.lognormvariate(2.7, 0.7)))), 0) for _ in range(20_000)
    ]
    made = {
        name: compare.Batches(examples, **how)
        for name, how in compare.variants(examples, rows=32, width=128).items()
    }
    costs = [batches.tokens_per_row() for batches in made.values()]
    assert list(made) == ["fixed", "dynamic", "grouped", "bucketed"]
    assert costs == sorted(costs, reverse=True) and costs[0] == 128
    steps = {name: len(batches.plan(0)) for name, batches in made.items()}
    assert steps["fixed"] == steps["grouped"] == 625 and abs(steps["bucketed"] - 625) < 25


@pytest.mark.slow
def test_the_command_prints_a_table_and_saves_a_picture(tmp_path, monkeypatch, capsys):
    reviews.write(tmp_path / "data", train=400, test=10, hidden=10)
    sizes = ["--train-rows", "200", "--validation-rows", "80", "--epochs", "1", "--seeds", "1"]
    command = ["compare", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), *sizes]
    monkeypatch.setattr(sys, "argv", command)
    compare.main()
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert [row["variant"] for row in found] == ["fixed", "dynamic", "grouped", "bucketed"]
    for row in found:
        assert f"| {row['variant']} | {row['tokens_per_row']:.1f} | {row['padding']:.1%} |" in printed
        assert row["rows_per_second"] > 0 and 0.2 < row["after"] <= 1
    assert (tmp_path / "out" / "compare.png").read_bytes().startswith(b"\x89PNG")
