"""The yardstick of a budgeted run: which runs have one, its interval, its cache, and what is said of it."""

from __future__ import annotations

import msgspec
import pytest

from grader import classroom, sandbox
from grader.classroom import data
from grader.records import ModelScore, Observed, Start, Testimony, TrainingRun, Verified, Witness
from grader.verified import honest
from tests.checks_evidence import BASE, judged, stored

RUN = TrainingRun(
    witness=Witness.OBSERVED,
    cell=5,
    kind="trainer",
    steps=12,
    batch_size=32,
    learning_rates=(1e-5, 2e-5, 3e-5),
    start=Start.PRETRAINED,
    trainable_share=1.0,
)


def seen(*runs: TrainingRun) -> Observed:
    testimony = Testimony(witness=Witness.OBSERVED, runs=runs)
    return Observed(testimony=testimony, cells=(), ending="completed")


def changed(**fields) -> TrainingRun:
    return msgspec.structs.replace(RUN, **fields)


def test_the_plan_is_what_the_run_did():
    plan = honest.plan_of(RUN, seen(RUN), 128)
    assert plan == honest.Plan(batches=12, batch_size=32, learning_rate=2e-5, max_length=128)
    twice = changed(arguments={"gradient_accumulation_steps": "4"})
    assert honest.plan_of(twice, seen(twice), 64).batch_size == 128


def test_a_continued_run_counts_what_it_continues():
    second = changed(cell=9, start=Start.CONTINUED, continued_from=5, steps=6)
    assert honest.plan_of(second, seen(RUN, second), 128).batches == 18


@pytest.mark.parametrize(
    "other",
    [
        {"start": Start.RANDOM},
        {"start": Start.CHECKPOINT},
        {"start": Start.CONTINUED, "continued_from": 3},  # of a run nobody saw
        {"trainable_share": 0.01},  # an adapter
        {"kind": "keras"},
        {"steps": 50_000},  # no budget
        {"batch_size": None},
    ],
)
def test_other_trainings_have_no_yardstick(other):
    run = changed(**other)
    assert honest.plan_of(run, seen(run), 128) is None
    assert honest.plan_of(None, seen(run), 128) is None


def test_the_interval_holds_the_luck_of_seed_and_rows():
    same = honest.summary([0.5, 0.5, 0.5, 0.5], 4000)
    assert same.high - same.low == pytest.approx(0.031, abs=0.001), "rows alone: Wilson's width"
    apart = honest.summary([0.5, 0.6, 0.55, 0.65], 4000)
    assert apart.low < 0.4 and apart.high > 0.75
    assert honest.summary([0.5, 0.6], 4000) is None


def score(accuracy: float) -> ModelScore:
    return ModelScore(
        run_cell=5,
        accuracy=accuracy,
        low=accuracy - 0.02,
        high=accuracy + 0.02,
        rows=4000,
        parameters_changed=1.0,
        reference=0.70,
        reference_low=0.66,
        reference_high=0.74,
    )


@pytest.mark.parametrize(
    ("accuracy", "finding"),
    [(0.52, "verified-below-honest"), (0.69, None), (0.65, None), (0.93, "verified-above-honest")],
)
def test_it_is_said_and_decides_nothing(accuracy, finding):
    plain = judged([BASE], [stored(5)], verified=Verified(scores=(score(0.70),)))
    judgement = judged([BASE], [stored(5)], verified=Verified(scores=(score(accuracy),)))
    found = {f.id: f for f in judgement.findings if f.id.startswith("verified-")}
    assert set(found) == ({finding} if finding else set())
    assert all("66.0" in f.text.en or "0.66" in f.text.en for f in found.values())
    assert [v.status for v in judgement.items] == [v.status for v in plain.items]


@pytest.mark.slow
def test_it_is_measured_once(tmp_path, isolation, monkeypatch):
    """Really trained on labels that follow from a word: learns, and the second time comes from the cache."""
    own = tmp_path / "own"
    own.mkdir()
    words = {0: "지루", 1: "최고"}
    for name, rows in (("ratings_train.txt", 1200), ("ratings_test.txt", 100), (data.HIDDEN, 300)):
        data.write(own / name, [(str(i), f"영화 {words[i % 2]} {i}", str(i % 2)) for i in range(rows)])
    room = classroom.prepare("pocket", data=own, home=tmp_path / "home")
    chosen, rows = sandbox.choose(isolation), data.read(room.hidden)
    plan = honest.Plan(batches=24, batch_size=32, learning_rate=5e-4, max_length=32)
    found = honest.reference(plan, rows, room, chosen)
    assert found.accuracy > 0.9 and found.low <= found.accuracy <= found.high and found.seeds == 4
    monkeypatch.setattr(honest, "_measure", lambda *_: pytest.fail("measured again"))
    assert honest.reference(plan, rows, room, chosen) == found
    idle = msgspec.structs.replace(plan, learning_rate=0.0)
    monkeypatch.undo()
    assert honest.reference(idle, rows, room, chosen).accuracy < 0.8, "an idle one has not learned"
