"""The checks on hand-built evidence: what each combination of testimonies must come to."""

from __future__ import annotations

import msgspec
import pytest

from grader import checks
from grader.checks import decide as deciding
from grader.checks import padding
from grader.checks.comparing import parts
from grader.checks.join import join
from grader.records import (
    Bucketing,
    CellRun,
    Ending,
    Evaluation,
    Grouping,
    Lack,
    ModelScore,
    Padding,
    Start,
    Status,
    TrainingRun,
    Verified,
    Witness,
)
from tests.checks_evidence import (
    BASE,
    CLEARED,
    FLOS_PER_TOKEN,
    PADDED_GROUP,
    REAL_GROUP,
    RUBRIC,
    analysis,
    cleared,
    code,
    evidence,
    judged,
    observed,
    saw,
    seen,
    status,
    stored,
    tokenise,
    written,
)

# ------------------------------------------------------------------ padding


@pytest.mark.parametrize("width", [32, 40, 55, 60, 64, 81, 128, 192, 512])
def test_flos_give_back_every_fixed_length(width):
    run = stored(5, tokens=width)
    assert padding.from_flos(run) == pytest.approx(width, abs=1e-6)
    assert padding.is_fixed(padding.from_flos(run))


def test_the_parameters_are_those_of_bert_base_outside_the_embeddings():
    width, inner, layers = 768, 3072, 12
    norm = 2 * width
    attention = 4 * (width * width + width) + norm
    feed_forward = width * inner + inner + inner * width + width + norm
    pooler, classifier = width * width + width, 2 * width + 2
    # The embeddings' LayerNorm is counted by Trainer, the embeddings themselves are not.
    assert layers * (attention + feed_forward) + pooler + classifier + norm == padding.PARAMETERS


def test_flos_after_early_stopping_use_the_epochs_really_run():
    run = stored(5, tokens=128, epochs=2.0, epochs_planned=5.0, ending=Ending.EARLY_STOPPED)
    assert padding.from_flos(run) == pytest.approx(128)


def test_flos_without_rows_use_steps_times_batch():
    run = TrainingRun(
        witness=Witness.RECORDED,
        cell=0,
        steps=1000,
        batch_size=32,
        total_flos=22.5 * FLOS_PER_TOKEN * 32_000,
    )
    assert padding.from_flos(run) == pytest.approx(22.5)


def test_flos_of_another_model_say_nothing():
    run = msgspec.structs.replace(stored(5, tokens=60), model="klue/roberta-large")
    assert padding.from_flos(run) is None


@pytest.mark.parametrize(
    ("meant", "max_length", "tokens", "padding_then", "stale"),
    [
        (Padding.MAX_LENGTH, 60, 60.0, Padding.MAX_LENGTH, False),
        (Padding.MAX_LENGTH, None, 512.0, Padding.MAX_LENGTH, False),
        (Padding.DYNAMIC, None, 22.7, Padding.DYNAMIC, False),
        (Padding.DYNAMIC, None, 512.0, Padding.MAX_LENGTH, True),
        (Padding.DYNAMIC, 128, 128.0, Padding.MAX_LENGTH, True),
        (Padding.DYNAMIC, 40, 20.2, Padding.DYNAMIC, False),
        (Padding.MAX_LENGTH, 512, 22.7, Padding.DYNAMIC, True),
        (Padding.MAP_BATCH, 128, 102.3, Padding.MAP_BATCH, False),
        (Padding.UNKNOWN, None, 64.0, Padding.MAX_LENGTH, False),
        (Padding.UNKNOWN, None, 22.7, Padding.DYNAMIC, False),
        (Padding.UNKNOWN, None, 103.4, Padding.MAP_BATCH, False),
    ],
)
def test_stored_figures_settle_the_padding(meant, max_length, tokens, padding_then, stale):
    runs = join(evidence([written(5, padding=meant, max_length=max_length)], [stored(5, tokens=tokens)]))
    assert (runs[0].run.padding, runs[0].stale) == (padding_then, stale)
    assert runs[0].run.tokens_per_row == pytest.approx(tokens)


# ------------------------------------------------------------------ joining


def test_a_cell_run_twice_gives_two_runs_of_one_code():
    first, second = stored(5, order=0), stored(5, (0.91,), order=1)
    runs = join(evidence([BASE], [first, second]))
    assert [r.key for r in runs] == ["cell 5", "cell 5 #1"]
    assert all(r.source is not None for r in runs)


def test_observed_seconds_and_accuracy_never_become_the_students():
    seen = TrainingRun(
        witness=Witness.OBSERVED,
        cell=5,
        steps=24,
        seconds=3.0,
        ending=Ending.BUDGET,
        evaluations=(Evaluation(cell=5, accuracy=0.99),),
    )
    runs = join(evidence([BASE], [], observed=observed(seen)))
    assert runs[0].run.seconds is None
    assert runs[0].run.evaluations == ()
    assert not judged([BASE], [], observed=observed(seen)).facts.best_accuracy


def test_the_split_of_a_stored_evaluation_comes_from_the_code():
    runs = join(evidence([written(5, eval_split="test")], [stored(5)]))
    assert {e.split for e in runs[0].run.evaluations} == {"test"}


# ------------------------------------------------------------------ bucketing


@pytest.mark.parametrize(
    ("name", "source", "recorded", "expected"),
    [
        ("nothing tried", [BASE], [stored(5, tokens=60)], "absent"),
        (
            "rows already padded",
            [BASE, PADDED_GROUP],
            [stored(5, tokens=60), stored(7, tokens=60)],
            "no-op",
        ),
        ("padded, no figures", [BASE, PADDED_GROUP], [stored(5), stored(7)], "no-op"),
        ("real", [BASE, REAL_GROUP], [stored(5, tokens=60), stored(7, tokens=22.4)], "effective"),
        ("real, no figures", [BASE, REAL_GROUP], [stored(5), stored(7)], "effective"),
        ("real, alone", [REAL_GROUP], [stored(7, tokens=22.4)], "effective"),
        (
            "stale: code dynamic, figures 512",
            [BASE, REAL_GROUP],
            [stored(5, tokens=512), stored(7, tokens=512)],
            "no-op",
        ),
        (
            "written, not run",
            [BASE, msgspec.structs.replace(REAL_GROUP, executed=False)],
            [stored(5)],
            "unexecuted",
        ),
        (
            "interrupted before any result",
            [BASE, REAL_GROUP],
            [stored(5), stored(7, (), ending=Ending.INTERRUPTED)],
            "unexecuted",
        ),
        (
            "interrupted, but a result was stored",
            [BASE, REAL_GROUP],
            [stored(5, tokens=60), stored(7, (0.9,), ending=Ending.INTERRUPTED)],
            "effective",
        ),
        (
            "padding=True in map, alone",
            [
                written(
                    5,
                    padding=Padding.MAP_BATCH,
                    max_length=128,
                    grouping=Grouping.LENGTH,
                    attempts=("group_by_length", "collator"),
                )
            ],
            [stored(5)],
            "no-op",
        ),
        (
            "padding=True in map after 192 fixed",
            [
                written(5, padding=Padding.MAX_LENGTH, max_length=192),
                written(
                    7,
                    padding=Padding.MAP_BATCH,
                    grouping=Grouping.LENGTH,
                    attempts=("group_by_length", "collator"),
                ),
            ],
            [stored(5, tokens=192), stored(7, tokens=103.4)],
            "effective",
        ),
        (
            "padding=True in map is no attempt",
            [written(5, padding=Padding.MAP_BATCH, attempts=("map-batch",))],
            [stored(5)],
            "absent",
        ),
        (
            "a shorter fixed length is no bucketing",
            [written(5, padding=Padding.MAX_LENGTH, max_length=512), PADDED_GROUP],
            [stored(5, tokens=512), stored(7, tokens=60)],
            "no-op",
        ),
        (
            "own collator to boundaries after dynamic padding",
            [
                written(5, padding=Padding.DYNAMIC, attempts=("collator",), max_length=128),
                written(7, padding=Padding.DYNAMIC, attempts=("own-collator",), max_length=128),
            ],
            [stored(5), stored(7)],
            "no-op",
        ),
        (
            "grouping after dynamic padding",
            [written(5, padding=Padding.DYNAMIC, attempts=("collator",)), REAL_GROUP],
            [stored(5), stored(7)],
            "effective",
        ),
        (
            "collator on unpadded rows, no grouping",
            [BASE, written(7, padding=Padding.DYNAMIC, attempts=("collator",))],
            [stored(5, tokens=128), stored(7, tokens=52.0)],
            "effective",
        ),
        (
            "what can't be resolved is unknown",
            [BASE, written(7, padding=Padding.UNKNOWN, attempts=("own-sampler",))],
            [stored(5, tokens=60), stored(7)],
            "unknown",
        ),
        (
            "figures resolve the unknown",
            [BASE, written(7, attempts=("own-sampler",))],
            [stored(5, tokens=60), stored(7, tokens=23.3)],
            "effective",
        ),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_bucketing(name, source, recorded, expected):
    assert judged(source, recorded).facts.bucketing == expected


def test_three_runs_compare_the_fair_pair():
    middle = written(6, padding=Padding.DYNAMIC, attempts=("collator",), epochs_planned=3.0)
    first = msgspec.structs.replace(BASE, epochs_planned=1.0)
    facts = judged(
        [first, middle, REAL_GROUP],
        [stored(5, epochs=1.0, tokens=128), stored(6), stored(7, tokens=22.0)],
    ).facts
    assert (facts.baseline, facts.bucketed) == (1, 2)


# ------------------------------------------------------------------ item 3


@pytest.mark.parametrize(
    ("bucketing", "compared", "analysed", "expected"),
    [
        ("effective", "both", "yes", "PASS"),
        ("effective", "both", "short", "PASS"),
        ("effective", "both", "no", "PARTIAL"),
        ("effective", "typed", "yes", "PARTIAL"),
        ("effective", "one", "yes", "PARTIAL"),
        ("effective", "one", "no", "FAIL"),
        ("no-op", "both", "yes", "PARTIAL"),
        ("no-op", "both", "no", "FAIL"),
        ("no-op", "one", "yes", "FAIL"),
        ("unexecuted", "typed", "short", "PARTIAL"),
        ("unexecuted", "none", "no", "FAIL"),
        ("absent", "one", "no", "FAIL"),
        ("absent", "none", "short", "FAIL"),
    ],
)
def test_the_settled_rule_of_item_3(bucketing, compared, analysed, expected):
    assert parts(Bucketing(bucketing), compared, analysed) == expected


def test_item_3_in_full():
    judgement = judged(
        [BASE, REAL_GROUP],
        [stored(5, tokens=60), stored(7, tokens=22.4, seconds=1800.0)],
        [tokenise(3, "max-length", max_length=60), tokenise(6, "none"), analysis(9)],
    )
    verdict = judgement.items[2]
    assert verdict.status == "PASS"
    assert {3, 5, 6, 7, 9} <= {c.cell for c in verdict.citations}
    assert "22.4" in verdict.actual.ko and "60" in verdict.actual.en
    assert {"real-speedup"} <= {f.id for f in judgement.findings}


def test_no_op_names_the_argument_to_take_out():
    judgement = judged(
        [BASE, PADDED_GROUP],
        [stored(5, tokens=60, seconds=4010.2), stored(7, tokens=60, seconds=4011.8)],
        [tokenise(3, "max-length", max_length=60), analysis(9)],
    )
    verdict = judgement.items[2]
    assert verdict.status == "PARTIAL"
    assert "셀 3" in verdict.next_step.ko and "padding='max_length'" in verdict.next_step.ko
    finding = next(f for f in judgement.findings if f.id == "no-op-bucketing")
    assert "셀 7" in finding.question.ko
    assert "truncation=True" in finding.code.ko


def test_unknown_effect_is_undecided_only_where_it_matters():
    unknown = written(7, attempts=("own-sampler",))
    runs = [stored(5, tokens=60), stored(7)]
    assert status(judged([BASE, unknown], runs, [analysis(9)]), "r3") == "UNDECIDED"
    assert status(judged([BASE, unknown], runs[1:]), "r3") == "FAIL"


def test_a_typed_table_never_passes():
    table = saw(
        Witness.SOURCE,
        "typed-table",
        9,
        header=["", "baseline", "bucketing"],
        rows=[["시간", "110분", "67분"], ["accuracy", "0.905", "0.905"]],
    )
    judgement = judged([REAL_GROUP], [stored(7, tokens=22.0)], [table, analysis(9)])
    assert judgement.facts.compared == "typed"
    assert status(judgement, "r3") == "PARTIAL"


# ------------------------------------------------------------------ items 1 and 2


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [((0.89, 0.9043), "PASS"), ((0.90012,), "PASS"), ((0.89921,), "FAIL"), ((0.82,), "FAIL")],
)
def test_item_2_by_the_best_stored_accuracy(accuracy, expected):
    judgement = judged([BASE], [stored(5, accuracy)])
    assert status(judgement, "r2") == expected
    assert judgement.facts.best_accuracy == max(accuracy)


def test_item_2_improvement_must_exceed_noise():
    better = [stored(5, (0.85,)), stored(7, (0.88,))]
    assert status(judged([BASE, PADDED_GROUP], better), "r2") == "PARTIAL"
    same = [stored(5, (0.8771,)), stored(7, (0.8780,))]
    assert status(judged([BASE, PADDED_GROUP], same), "r2") == "FAIL"


def test_validation_comes_before_a_later_test_score():
    later = [Evaluation(cell=8, accuracy=0.9031, split="test")]
    assert judged([BASE], [stored(5, (0.9019,))], later=later).facts.best_accuracy == 0.9019
    # … unless only the test split reaches the goal.
    assert judged([BASE], [stored(5, (0.8988,))], later=later).facts.best_accuracy == 0.9031


def test_training_accuracy_does_not_count():
    later = [Evaluation(cell=8, accuracy=0.98, split="train")]
    assert judged([BASE], [stored(5, (0.88,))], later=later).facts.best_accuracy == 0.88


def test_subsets_and_test_are_named():
    test = written(5, eval_split="test")
    assert judged([test], [stored(5)]).facts.eval_split == "test-as-validation"
    run = stored(5, ())
    few = msgspec.structs.replace(
        run, evaluations=(Evaluation(cell=5, accuracy=0.8841, rows=2500, epoch=1.0),)
    )
    assert judged([BASE], [few]).facts.eval_split == "subset:2500"


def test_leaked_rows_do_not_pass():
    leak = saw(Witness.SOURCE, "leak", 7, how="resplit-unseeded", run=7)
    second = msgspec.structs.replace(BASE, cell=7, start=Start.CONTINUED, continued_from=5)
    on = {"losses": (0.12, 0.08)}
    runs = [stored(5, (0.8907,)), stored(7, (0.9362,), **on)]
    judgement = judged([BASE, second], runs, [leak])
    assert judgement.facts.best_accuracy == 0.8907
    assert status(judgement, "r2") == "UNDECIDED"
    assert {"leak", "continued-training"} <= {f.id for f in judgement.findings}
    clean = [stored(5, (0.9012,)), stored(7, (0.9362,), **on)]
    assert status(judged([BASE, second], clean, [leak]), "r2") == "PASS"


def test_losses_refute_that_a_run_went_on_with_trained_weights():
    second = msgspec.structs.replace(PADDED_GROUP, start=Start.CONTINUED, continued_from=5)
    fresh = join(evidence([BASE, second], [stored(5), stored(7, losses=(0.29, 0.15))]))
    assert fresh[1].run.start == Start.UNKNOWN
    on = join(evidence([BASE, second], [stored(5), stored(7, losses=(0.13, 0.09))]))
    assert (on[1].run.start, on[1].run.continued_from) == (Start.CONTINUED, 5)


def test_the_output_of_a_function_joins_its_code():
    runs = join(evidence([BASE], [stored(8, tokens=60)]))
    assert [(r.run.cell, r.source is not None) for r in runs] == [(8, True)]


def test_natural_duplicates_are_no_leak():
    run = stored(5, (), leaked_rows=900)
    run = msgspec.structs.replace(
        run, evaluations=(Evaluation(cell=5, accuracy=0.9043, rows=30_000, epoch=1.0),)
    )
    assert status(judged([BASE], [run]), "r2") == "PASS"


def test_item_1_passes_on_a_metric_and_is_partial_without():
    assert status(judged([BASE], [stored(5)]), "r1") == "PASS"
    stopped = stored(5, (), ending=Ending.INTERRUPTED)
    judgement = judged([BASE], [stopped])
    assert (status(judgement, "r1"), status(judgement, "r2")) == ("PARTIAL", "FAIL")


def test_another_model_is_a_persons_decision():
    other = msgspec.structs.replace(BASE, model="skt/kobert-base-v1")
    base = evidence([other], [stored(5)], cells=(code(1, "load_dataset('nsmc')", "ok"),))
    kept = tuple(o for o in base.source.observations if o.kind != "model-load")
    base = msgspec.structs.replace(base, source=msgspec.structs.replace(base.source, observations=kept))
    verdict = checks.judge(base, RUBRIC).items[0]
    assert verdict.status == "UNDECIDED"
    assert "kobert" in verdict.actual.ko


# ------------------------------------------------------------------ nothing stored, our own run


def test_cleared_outputs_are_undecided_not_failed():
    judgement = judged([cleared(BASE), cleared(REAL_GROUP)], cells=CLEARED)
    assert [str(v.status) for v in judgement.items] == ["UNDECIDED"] * 3
    assert all(v.points is None for v in judgement.items)


def test_our_own_run_shows_that_it_works_and_what_bucketing_does():
    runs = observed(seen(5, Padding.MAX_LENGTH, 60, 0.7), seen(7, Padding.DYNAMIC, 31, 0.05))
    judgement = judged([cleared(BASE), cleared(REAL_GROUP)], cells=CLEARED, observed=runs)
    assert status(judgement, "r1") == "PASS"
    assert status(judgement, "r2") == "UNDECIDED"
    assert judgement.facts.bucketing == "effective"


def test_an_order_that_could_not_be_read_is_no_absence_of_grouping():
    base = written(5, padding=Padding.DYNAMIC, attempts=("collator",))
    late = written(
        7, padding=Padding.DYNAMIC, grouping=Grouping.UNKNOWN, attempts=("own-sampler", "collator")
    )
    assert judged([base, late], [stored(5), stored(7)]).facts.bucketing == "unknown"


def test_where_there_is_no_padding_grouping_takes_none_away():
    base = written(5, padding=Padding.DYNAMIC, attempts=("collator",))
    late = written(
        7, padding=Padding.DYNAMIC, grouping=Grouping.LENGTH, attempts=("group_by_length", "collator")
    )

    def kind(share: float) -> str:
        ran = observed(seen(5, Padding.DYNAMIC, 4.0, share), seen(7, Padding.DYNAMIC, 4.0, 0.0))
        return judged([cleared(base), cleared(late)], [], cells=CLEARED, observed=ran).facts.bucketing

    assert kind(0.003) == "no-op" and kind(0.5) == "effective"


def test_grouping_under_a_budget_is_known_by_its_padding_share():
    # The first batches of a length-grouped epoch are its longest, so tokens per row look high.
    plain = written(5, padding=Padding.DYNAMIC, attempts=("collator",))
    runs = observed(seen(5, Padding.DYNAMIC, 52, 0.6), seen(7, Padding.DYNAMIC, 70, 0.03))
    judgement = judged([cleared(plain), cleared(REAL_GROUP)], cells=CLEARED, observed=runs)
    assert judgement.facts.bucketing == "effective"


def test_what_we_ran_does_not_turn_the_students_unexecuted_code_into_a_result():
    runs = observed(seen(5, Padding.MAX_LENGTH, 60, 0.7), seen(7, Padding.DYNAMIC, 31, 0.05))
    judgement = judged([BASE, cleared(REAL_GROUP)], [stored(5)], observed=runs)
    assert judgement.facts.bucketing == "unexecuted"


def test_an_environment_failure_is_not_the_students():
    cell = CellRun(index=1, ending=Ending.CELL_ERROR, seconds=0.1, lack=Lack.PACKAGE, why="tensorflow")
    judgement = judged([cleared(BASE)], cells=CLEARED, observed=observed(cells=(cell,)))
    assert status(judgement, "r1") == "UNDECIDED"
    assert "학생" in judgement.items[0].reason.ko


def test_our_run_against_the_record_is_a_contradiction():
    runs = observed(seen(5, Padding.MAX_LENGTH, 60, 0.7), seen(7, Padding.MAX_LENGTH, 60, 0.7))
    judgement = judged(
        [BASE, written(7, attempts=("own-sampler",))],
        [stored(5, tokens=60), stored(7, tokens=22.4)],
        observed=runs,
    )
    assert "observed-differs" in {f.id for f in judgement.findings}
    assert judgement.facts.bucketing == "effective"


def test_printing_an_accuracy_without_training_passes_nothing():
    printed = saw(Witness.RECORDED, "printed-metric", 4, name="accuracy", value=0.95)
    later = [Evaluation(cell=4, accuracy=0.95)]
    judgement = judged([], [], later=later, stored_observations=[printed])
    assert status(judgement, "r1") == "PARTIAL"
    assert status(judgement, "r2") in ("FAIL", "UNDECIDED")
    assert "printed-without-training" in {f.id for f in judgement.findings}


def test_a_model_whose_weights_never_changed_is_not_trained():
    score = ModelScore(run_cell=5, accuracy=0.5, rows=2000, parameters_changed=0.0, claimed=0.95)
    judgement = judged([BASE], [stored(5, (0.95,))], verified=Verified(scores=(score,)))
    assert status(judgement, "r1") != "PASS"
    assert status(judgement, "r2") != "PASS"
    assert "verified-below-claim" in {f.id for f in judgement.findings}


def test_a_distrusted_run_is_said():
    judgement = judged([BASE], [stored(5)], observed=observed(unverified=("forged",)))
    assert "run-not-trusted" in {f.id for f in judgement.findings}


# ------------------------------------------------------------------ our own faults


def test_a_crashed_check_is_undecided(monkeypatch):
    def crash(case):
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(deciding, "ITEMS", (("r1", crash), *deciding.ITEMS[1:]))
    verdict, *others = checks.judge(evidence([BASE], [stored(5)]), RUBRIC).items
    assert (verdict.status, verdict.points) == ("UNDECIDED", None)
    assert "boom" in verdict.staff_note
    assert others[0].status == "PASS"


def test_a_crash_while_settling_is_undecided_everywhere(monkeypatch):
    def crash(*_):
        raise RuntimeError("boom")

    monkeypatch.setattr(deciding, "settle", crash)
    judgement = checks.judge(evidence([BASE], [stored(5)]), RUBRIC)
    assert {v.status for v in judgement.items} == {Status.UNDECIDED}


def test_a_broken_witness_costs_nothing():
    judgement = checks.judge(evidence([], [], faults=("recorded: KeyError: x",)), RUBRIC)
    assert Status.FAIL not in {v.status for v in judgement.items}
    assert any("recorded" in v.staff_note for v in judgement.items)


def test_an_empty_notebook_is_judged():
    assert len(judged(cells=()).items) == 3


def test_a_collate_function_that_pads_to_the_maximum_is_the_plain_run():
    base = written(5, padding=Padding.MAX_LENGTH, max_length=128, attempts=("own-collator",))
    late = written(7, padding=Padding.DYNAMIC, attempts=("own-collator",))
    facts = judged([base, late], [stored(5), stored(7)]).facts
    assert (facts.bucketing, facts.baseline, facts.bucketed) == ("effective", 0, 1)


def test_narrower_batches_without_a_word_of_bucketing():
    late = written(7, padding=Padding.DYNAMIC)
    assert judged([BASE, late], [stored(5, tokens=60), stored(7, tokens=41.7)]).facts.bucketing == "effective"
    assert judged([late], [stored(7, tokens=41.7)]).facts.bucketing == "absent"


def test_the_collator_a_trainer_brings_by_itself_is_no_attempt():
    seen_run = msgspec.structs.replace(seen(5, Padding.MAX_LENGTH, 60, 0.7), attempts=("collator",))
    judgement = judged([BASE], [stored(5, tokens=60)], observed=observed(seen_run))
    assert judgement.facts.bucketing == "absent"


def test_grouping_seen_in_our_own_run_counts_where_the_code_could_not_be_read():
    seen_run = msgspec.structs.replace(
        seen(7, Padding.DYNAMIC, 22, 0.02), attempts=("group_by_length",), grouping=Grouping.LENGTH
    )
    runs = [BASE, written(7, padding=Padding.UNKNOWN)]
    judgement = judged(runs, [stored(5, tokens=60), stored(7)], observed=observed(seen_run))
    assert judgement.facts.bucketing == "effective"


def test_loops_that_could_not_be_read_are_no_absence_where_the_student_speaks_of_bucketing():
    loops = [
        written(n, padding=Padding.UNKNOWN, grouping=Grouping.UNKNOWN, kind="torch-loop") for n in (5, 7)
    ]
    kept = [stored(5, tokens=None), stored(7, tokens=None)]
    judgement = judged(loops, kept, [analysis(9)])
    assert (judgement.facts.bucketing, judgement.facts.compared) == ("unknown", "both")
    assert status(judgement, "r3") == "UNDECIDED"
    assert judged(loops, kept).facts.bucketing == "absent"


def test_a_run_after_one_that_crashed_at_once_begins_afresh():
    first = written(6, start=Start.PRETRAINED, attempts=("group_by_length",))
    again = msgspec.structs.replace(REAL_GROUP, start=Start.CONTINUED, continued_from=6)
    failed = [saw(Witness.RECORDED, "error", 6, ename="ValueError", evalue="")]
    kept = [stored(5, tokens=60), stored(7, tokens=21)]
    judgement = judged([BASE, first, again], kept, [analysis(9)], stored_observations=failed)
    assert "start" not in judgement.facts.confounded
    assert status(judgement, "r3") == "PASS"


def test_accuracy_on_the_training_rows_measured_later_does_not_count():
    later = [Evaluation(cell=8, accuracy=0.957, split="train")]
    assert status(judged([BASE], [stored(5, accuracy=(0.88, 0.89))], later=later), "r2") == "FAIL"


def test_advice_for_hand_written_loops_names_no_part_of_trainer():
    loops = [
        written(n, padding=Padding.UNKNOWN, grouping=Grouping.UNKNOWN, kind="torch-loop", attempts=tries)
        for n, tries in ((5, ()), (7, ("own-sampler",)))
    ]
    kept = [stored(n, tokens=None, accuracy=(0.88, 0.89), kind="torch-loop") for n in (5, 7)]
    judgement = judged(loops, kept, [analysis(9)])
    for item in judgement.items[1:]:
        assert item.next_step is not None
        words = item.next_step.ko + item.next_step.en + item.reason.ko
        assert "TrainingArguments" not in words and "trainer." not in words


# ------------------------------------------------------------------ whose reviews were counted


def test_what_our_own_run_counted_is_marked_by_the_field():
    """Not a fixed length: that is the same whatever is read."""
    base, late = (msgspec.structs.replace(r, padding=Padding.DYNAMIC) for r in (BASE, REAL_GROUP))
    ran = observed(seen(5, Padding.MAX_LENGTH, 60.0, 0.7), seen(7, Padding.DYNAMIC, 19.1, 0.12))
    runs = judged([BASE, REAL_GROUP], [stored(5), stored(7)], observed=ran).facts.runs
    assert [run.stand_in for run in runs] == [("padding_share",), ("tokens_per_row", "padding_share")]
    runs = judged([base, late], [stored(5, tokens=60), stored(7, tokens=22.4)], observed=ran).facts.runs
    assert [run.stand_in for run in runs] == [("padding_share",)] * 2
    full = msgspec.structs.replace(ran, profile="full")
    runs = judged([BASE, REAL_GROUP], [stored(5), stored(7)], observed=full).facts.runs
    assert [run.stand_in for run in runs] == [(), ()]


def test_batches_that_grew_wider_are_said_to_have():
    base = written(5, padding=Padding.DYNAMIC, attempts=("collator",))
    ran = observed(seen(5, Padding.DYNAMIC, 49.4, 0.6), seen(7, Padding.DYNAMIC, 64.2, 0.7))
    late = msgspec.structs.replace(REAL_GROUP, attempts=("own-collator",), grouping=Grouping.NONE)
    item = judged([base, late], [stored(5), stored(7)], observed=ran).items[2]
    assert "오히려 49.4에서 64.2까지 늘었습니다" in item.actual.ko
    same = observed(seen(5, Padding.DYNAMIC, 49.4, 0.6), seen(7, Padding.DYNAMIC, 50.2, 0.6))
    item = judged([base, late], [stored(5), stored(7)], observed=same).items[2]
    assert "더 줄어든 패딩이 없습니다" in item.actual.ko and "오히려" not in item.actual.ko


def test_rows_padded_by_map_are_not_called_one_length():
    late = msgspec.structs.replace(PADDED_GROUP, padding=Padding.MAP_BATCH, max_length=None)
    base = msgspec.structs.replace(BASE, padding=Padding.MAP_BATCH, max_length=None)
    made = [tokenise(3, "map-batch", function="tok", batched=True)]
    judgement = judged([base, late], [stored(5, tokens=88.2), stored(7, tokens=88.2)], made)
    said = [*judgement.findings, *judgement.items]
    words = " ".join(t.ko for f in said for t in (getattr(f, "text", None), getattr(f, "actual", None)) if t)
    assert "`map`이 한 번에 받은 행 가운데 가장 긴 길이로" in words and "88.2 토큰으로" not in words


def test_a_run_that_was_stopped_is_compared_with_only_where_there_is_no_other():
    """It lay nearer to the bucketed one, and its time was shorter than that of the training it broke off."""
    plain = [msgspec.structs.replace(BASE, cell=c, cells=(3, c)) for c in (4, 5)]
    whole = stored(4, tokens=60, seconds=8000.0)
    broken = stored(5, tokens=60, seconds=4000.0, ending=Ending.INTERRUPTED, epochs=1.5)
    late = stored(7, tokens=22.4, seconds=4500.0)
    facts = judged([*plain, REAL_GROUP], [whole, broken, late]).facts
    assert (facts.runs[facts.baseline].cell, facts.runs[facts.bucketed].cell) == (4, 7)
    facts = judged([plain[1], REAL_GROUP], [broken, late]).facts
    assert facts.runs[facts.baseline].cell == 5
