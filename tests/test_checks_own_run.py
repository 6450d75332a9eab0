"""A whole run of our own stands in for outputs that the file doesn't store; a cut one never does."""

from __future__ import annotations

import msgspec
import pytest

from grader.records import Budget, CellRun, Ending, Evaluation, ModelScore, Observed, Start, Verified, Witness
from tests import checks_evidence as e

WHOLE = Budget(train_batches=None, eval_batches=None)


def trained(run, accuracy: float, seconds: float, tokens: float):
    """What the probe says of a training that went to its end."""
    return msgspec.structs.replace(
        run,
        witness=Witness.OBSERVED,
        executed=True,
        ending=Ending.COMPLETED,
        steps=800,
        rows=12_600,
        epochs=2.0,
        seconds=seconds,
        tokens_per_row=tokens,
        evaluations=(Evaluation(cell=run.cell, accuracy=accuracy, rows=1_400, split="validation"),),
    )


def judged(
    *, accuracy=0.89, hidden=0.88, budget=WHOLE, profile="pocket", broken=False, change=lambda run: run
):
    base, late = trained(e.BASE, accuracy - 0.01, 90.0, 64.0), trained(e.REAL_GROUP, accuracy, 30.0, 18.0)
    cells = tuple(
        CellRun(index=i, ending=Ending.CELL_ERROR if broken and i == 7 else Ending.COMPLETED, seconds=1.0)
        for i in (1, 5, 7)
    )
    seen = msgspec.structs.replace(
        e.observed(base, change(late), cells=cells), budget=budget, profile=profile
    )
    scores = (ModelScore(run_cell=7, accuracy=hidden, low=hidden - 0.01, high=hidden + 0.01, rows=4_000),)
    nothing = (*e.CLEARED, e.code(7, "trainer.train()", count=None))
    written = [e.cleared(e.BASE), e.cleared(e.REAL_GROUP)]
    return e.judged(
        written, [], [e.analysis(8)], cells=nothing, observed=seen,
        verified=Verified(scores=() if hidden == 0 else scores),
    )  # fmt: skip


def statuses(judgement) -> list[str]:
    return [e.status(judgement, item) for item in ("r1", "r2", "r3")]


def test_a_whole_run_earns_full_marks_and_says_where_they_come_from():
    found = judged()
    assert statuses(found) == ["PASS"] * 3 and found.facts.compared == "both"
    for verdict in found.items:
        assert "stand-in" in verdict.reason.en and "pocket" in verdict.reason.ko, verdict.item
    assert "0.86" in found.items[1].expected.en and "stored" not in found.items[1].expected.en
    assert {c.witness for c in found.items[1].citations if c.cell == 7} == {Witness.OBSERVED}
    assert found.facts.stand_in and not judged(profile="full").facts.stand_in


def test_the_goal_is_the_profiles():
    assert statuses(judged(accuracy=0.85))[1] == "UNDECIDED"  # short, but only of a stand-in
    assert statuses(judged(accuracy=0.89, profile="full"))[1] == "PARTIAL"
    assert statuses(judged(accuracy=0.91, hidden=0.905, profile="full"))[1] == "PASS"


@pytest.mark.parametrize("hidden", [0.0, 0.70])
def test_an_accuracy_that_the_model_does_not_confirm_is_for_a_person(hidden):
    found = judged(hidden=hidden)
    assert statuses(found)[1] == "UNDECIDED" and found.items[1].points is None


@pytest.mark.parametrize(
    "cut",
    [
        {"budget": Budget()},
        {"budget": Budget(train_batches=None, eval_batches=8)},
        {"broken": True},
        {"change": lambda run: msgspec.structs.replace(run, ending=Ending.BUDGET)},
    ],
)
def test_a_run_that_was_cut_or_broke_stands_in_for_nothing(cut):
    assert statuses(judged(**cut))[1:] == ["UNDECIDED"] * 2


@pytest.mark.parametrize(("through", "verdict"), [(True, "FAIL"), (False, "UNDECIDED")])
def test_bucketing_that_is_built_and_never_trained(through, verdict):
    """Nothing is stored, but a run of ours that went through every cell saw one training only."""
    cells = tuple(
        CellRun(index=i, ending=Ending.COMPLETED if through or i != 7 else Ending.CELL_ERROR, seconds=1.0)
        for i in (1, 5, 7)
    )
    seen = e.observed(e.seen(5, e.BASE.padding, 60.0, 0.6), cells=cells)
    written = e.code(7, "collator = DataCollatorWithPadding(tokenizer)", count=None)
    found = e.judged([e.cleared(e.BASE)], [], [e.analysis(8)], cells=(*e.CLEARED, written), observed=seen)
    assert found.facts.bucketing == "unexecuted" and e.status(found, "r3") == verdict


def test_random_weights_are_no_klue_bert_base():
    base = msgspec.structs.replace(e.BASE, start=Start.RANDOM)
    loads = e.saw(Witness.SOURCE, "model-load", 2, name="klue/bert-base", pretrained=False)
    seen = e.evidence([base], [e.stored(5, tokens=60.0)])
    source = msgspec.structs.replace(
        seen.source, observations=(*(o for o in seen.source.observations if o.kind != "model-load"), loads)
    )
    from grader import checks

    found = checks.judge(msgspec.structs.replace(seen, source=source), e.RUBRIC)
    assert e.status(found, "r1") == "PARTIAL" and "from_pretrained" in found.items[0].next_step.en
    assert "random-weights" in {f.id for f in found.findings}


def test_what_the_probe_counted_becomes_findings():
    mask = (
        e.saw(Witness.OBSERVED, "mask", 7, unmasked=41, odd=0),
        e.saw(Witness.OBSERVED, "mask", 5, unmasked=0, odd=9),
    )
    seen = e.observed(e.seen(5, e.BASE.padding, 60.0, 0.6), e.seen(7, e.REAL_GROUP.padding, 20.0, 0.05))
    seen = msgspec.structs.replace(seen, testimony=msgspec.structs.replace(seen.testimony, observations=mask))
    found = {f.id: f for f in e.judged([e.BASE, e.REAL_GROUP], [], observed=seen).findings}
    assert "41" in found["mask-missing"].text.en and "9" in found["odd-padding"].text.en


def evaluated(at_end: list[tuple[int, int]], late=e.REAL_GROUP, steps=()) -> set[str]:
    """Findings where our run evaluated, at the end, (run's cell, evaluation's cell) …"""
    seen = []
    for run in (e.BASE, late):
        last = [(of, cell) for of, cell in at_end if of == run.cell]
        scores = [
            Evaluation(cell=c, accuracy=0.6, rows=500, split="validation", step=steps[i] if steps else None)
            for i, (_, c) in enumerate(last)
        ]
        width = 60.0 if run is e.BASE else 20.0
        one = e.seen(run.cell, run.padding, width, 0.6 if run is e.BASE else 0.05)
        seen.append(msgspec.structs.replace(one, evaluations=tuple(scores)))
    found: Observed = e.observed(*seen)
    written = [e.cleared(e.BASE), e.cleared(late)]
    return {f.id for f in e.judged(written, [], cells=e.CLEARED, observed=found).findings}


def test_the_plain_model_evaluated_after_the_bucketed_training_alone():
    assert "earlier-model-evaluated" in evaluated([(5, 8)])
    assert "earlier-model-evaluated" not in evaluated([(5, 8), (7, 9)])
    assert "earlier-model-evaluated" not in evaluated([(5, 6), (7, 8)])
    assert "earlier-model-evaluated" not in evaluated([(5, 8), (7, 7)]), "the bucketed one in its own cell"


def test_the_plain_training_below_the_bucketed_one_is_no_earlier_model():
    """It trains in a cell of its own further down, and is validated there."""
    late = msgspec.structs.replace(e.REAL_GROUP, cell=4, cells=(3, 4), arguments={"eval_strategy": "epoch"})
    assert "earlier-model-evaluated" not in evaluated([(4, 4), (5, 5)], late, steps=(12, 12))
    assert "earlier-model-evaluated" not in evaluated([(4, 4), (5, 6)], late, steps=(12, 12))


def test_the_epochs_own_evaluations_are_no_score_of_the_bucketed_model_at_the_end():
    """It was measured while it trained; what is called its result is the plain model's."""
    late = msgspec.structs.replace(e.REAL_GROUP, arguments={"eval_strategy": "epoch"})
    twice = [(5, 8), (7, 7), (7, 7)]
    assert "earlier-model-evaluated" in evaluated(twice, late, steps=(4, 8))
    assert "earlier-model-evaluated" not in evaluated(twice, late, steps=(4, 4)), (
        "stopped early, then evaluated"
    )
    by_steps = msgspec.structs.replace(e.REAL_GROUP, arguments={"eval_strategy": "steps"})
    assert "earlier-model-evaluated" not in evaluated(twice, by_steps, steps=(5, 9)), "that can't be told"


@pytest.mark.parametrize(("rows", "doubted"), [(256, False), (4_000, True), (None, True)])
def test_a_measurement_on_few_rows_may_be_off(rows, doubted):
    """0.70 on 256 rows and 0.60 on the hidden ones is chance; on 4,000 rows it is not."""
    run = msgspec.structs.replace(
        e.seen(5, e.BASE.padding, 60.0, 0.6), evaluations=(Evaluation(cell=5, accuracy=0.70, rows=rows),)
    )
    score = ModelScore(run_cell=5, accuracy=0.60, low=0.585, high=0.615, rows=4_000, claimed=0.70)
    found = e.judged(
        [e.cleared(e.BASE)], [], cells=e.CLEARED, observed=e.observed(run), verified=Verified(scores=(score,))
    )
    assert ("verified-below-claim" in {f.id for f in found.findings}) == doubted
