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
    made = {name: make(examples) for name, make in compare.variants(examples, rows=32, width=128).items()}
    costs = [batches.tokens_per_row() for batches in made.values()]
    assert list(made) == ["fixed", "dynamic", "grouped", "bucketed", "packed"]
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
    assert [row["variant"] for row in found] == ["fixed", "dynamic", "grouped", "bucketed", "packed"]
    for row in found:
        assert f"| {row['variant']} | {row['tokens_per_row']:.1f} | {row['padding']:.1%} |" in printed
        assert row["rows_per_second"] > 0 and 0.2 < row["after"] <= 1
    assert (tmp_path / "out" / "compare.png").read_bytes().startswith(b"\x89PNG")


def test_a_killed_comparison_goes_on_after_the_last_finished_run(tmp_path):
    run = compare.Run(0.5, [0.7, 0.8], [1.0, 2.0], 100, 10)
    first = compare.Kept(tmp_path, {"seed": 1})
    assert first.get("fixed/0", lambda: run) == run
    with pytest.raises(KeyboardInterrupt):
        first.get("fixed/1", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    first.path.with_suffix(".part").write_text('{"fixed/1": [0.5, [0.')  # killed while writing
    again = compare.Kept(tmp_path, {"seed": 1})
    assert again.get("fixed/0", lambda: pytest.fail("trained again")) == run
    assert again.get("fixed/1", lambda: run._replace(before=0.6)).before == 0.6
    other = compare.Kept(tmp_path, {"seed": 2})
    assert other.path != again.path and not other.runs


def test_seconds_to_the_goal_are_those_of_the_epoch_that_reached_it():
    runs = [
        compare.Run(0.5, [0.7, 0.8], [1.0, 2.0], 100, 10),
        compare.Run(0.5, [0.8, 0.8], [1.0, 3.0], 100, 10),
    ]
    batches = compare.Batches(
        [data.Example([2, 3], 0)] * 4, planner=lambda lengths, rng: [list(range(len(lengths)))]
    )
    row = compare.summary("x", batches, runs, goal=0.75)
    assert row.seconds_to_goal == 1.5 and row.steps == 5 and row.after == pytest.approx(0.8)
    assert compare.summary("x", batches, runs, goal=0.9).seconds_to_goal is None
