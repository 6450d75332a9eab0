"""Findings on hand-built evidence: each contradiction is found, and its honest neighbour is not."""

from __future__ import annotations

import re

import msgspec
import pytest

from grader import checks
from grader.checks import say
from grader.records import CellRun, Ending, Evaluation, Grouping, Lack, Padding, Start, Witness
from grader.review import tables
from tests.checks_evidence import (
    BASE,
    CLEARED,
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
    stored,
    tokenise,
    written,
)


def found(judgement) -> set[str]:
    return {f.id for f in judgement.findings}


def typed(name: str, value: float, about: str = "bucketing", cell: int = 9):
    return saw(Witness.SOURCE, "typed-number", cell, name=name, value=value, about=about)


PAIR = [BASE, PADDED_GROUP]
SAME_SPEED = [stored(5, tokens=60, seconds=4015.0), stored(7, tokens=60, seconds=4016.0)]
TWICE = [stored(5, tokens=60), stored(7, (0.88, 0.9038), tokens=22.4, seconds=2000.0)]


# ------------------------------------------------------------------ speed


def test_a_speedup_that_no_output_shows():
    assert "speedup-not-measured" in found(judged(PAIR, SAME_SPEED, [typed("speedup", 1.5)]))


@pytest.mark.parametrize("said", [2.0, 1.9, 1.2])
def test_a_true_or_modest_speedup_is_no_contradiction(said):
    judgement = judged([BASE, REAL_GROUP], TWICE, [typed("speedup", said)])
    assert "speedup-not-measured" not in found(judgement)


def early(cell: int, epochs: float, seconds: float):
    return stored(
        cell,
        tokens=128,
        epochs=epochs,
        seconds=seconds,
        steps=int(3000 * epochs),
        steps_planned=15000,
        ending=Ending.EARLY_STOPPED,
    )


def test_steps_per_second_after_early_stopping():
    # Trainer prints 2.367 and 3.55 steps/s; both runs really made 1.42.
    claim = saw(Witness.SOURCE, "claim", 9, about="speed", says="better")
    judgement = judged(PAIR, [early(5, 3, 6338.0), early(7, 2, 4225.0)], [claim])
    finding = next(f for f in judgement.findings if f.id == "speed-after-early-stopping")
    assert finding.severity == "contradiction"
    assert "2.367" in finding.text.ko and "3.55" in finding.text.en and "1.42" in finding.text.ko
    assert "early_stopping" in judgement.facts.confounded


def test_complete_runs_have_no_early_stopping_trap():
    assert "speed-after-early-stopping" not in found(judged(PAIR, SAME_SPEED))


# ------------------------------------------------------------------ typed against stored


def test_a_typed_accuracy_that_no_output_shows():
    claims = [typed("accuracy", 0.9138), typed("accuracy", 0.904)]
    judgement = judged([BASE, REAL_GROUP], TWICE, claims)
    finding = next(f for f in judgement.findings if f.id == "typed-differs-from-stored")
    assert "0.9138" in finding.text.ko
    assert "accuracy 0.904 " not in finding.text.en


@pytest.mark.parametrize("value", [90.38, 0.9038, 0.904, 0.90])
def test_rounded_and_percent_forms_of_a_stored_accuracy_are_right(value):
    judgement = judged([BASE, REAL_GROUP], TWICE, [typed("accuracy", value)])
    assert "typed-differs-from-stored" not in found(judgement)


def test_a_time_rounded_to_minutes_is_right_and_another_is_not():
    right, wrong = typed("seconds", 2040.0), typed("seconds", 2300.0)
    assert "typed-differs-from-stored" not in found(judged([BASE, REAL_GROUP], TWICE, [right]))
    assert "typed-differs-from-stored" in found(judged([BASE, REAL_GROUP], TWICE, [wrong]))


def test_identical_loss_and_accuracy_mean_one_model():
    assert "same-score" in found(judged(PAIR, [stored(5, tokens=60), stored(7, tokens=60)]))
    other = stored(7, (0.89, 0.9041), tokens=60)
    assert "same-score" not in found(judged(PAIR, [stored(5, tokens=60), other]))


def test_the_baselines_checkpoint_evaluated_for_the_bucketed_run():
    load = saw(Witness.SOURCE, "model-load", 8, name="baseline/checkpoint-1500")
    later = [Evaluation(cell=8, accuracy=0.9047123456, split="test")]
    words = [load, typed("accuracy", 0.9047123456, "baseline")]
    assert "checkpoint-evaluated" in found(judged([REAL_GROUP], [stored(7, tokens=22.7)], words, later))
    assert "checkpoint-evaluated" not in found(
        judged([REAL_GROUP], [stored(7, tokens=22.7)], words[:1], later)
    )


# ------------------------------------------------------------------ effect and fairness


def test_stale_output_cites_both_sides():
    judgement = judged(
        [BASE, REAL_GROUP],
        [stored(5, tokens=512), stored(7, tokens=512)],
        [tokenise(6, "none")],
    )
    finding = next(f for f in judgement.findings if f.id == "stale-output" and "셀 7" in f.text.ko)
    assert {c.cell for c in finding.citations} == {6, 7}
    assert "512" in finding.question.ko


@pytest.mark.parametrize(
    ("change", "recorded", "name"),
    [
        ({}, {"rows": 40_000}, "rows"),
        ({}, {"epochs": 1.0}, "epochs"),
        ({"batch_size": 64}, {}, "batch_size"),
        ({"start": Start.CONTINUED, "continued_from": 5}, {"losses": (0.12, 0.1)}, "start"),
        ({"arguments": {"learning_rate": "1e-4"}}, {}, "learning_rate"),
        ({"arguments": {"fp16": "True"}}, {}, "precision"),
        ({"arguments": {"warmup_steps": "500"}}, {}, "scheduler"),
        ({"kind": "keras"}, {"kind": "keras"}, "framework"),
    ],
)
def test_every_difference_besides_bucketing_is_said(change, recorded, name):
    late = msgspec.structs.replace(REAL_GROUP, **change)
    judgement = judged([BASE, late], [stored(5, tokens=60), stored(7, tokens=22.4, **recorded)])
    assert name in judgement.facts.confounded
    assert "confounded" in found(judgement)


def test_writing_a_default_is_no_difference():
    late = msgspec.structs.replace(REAL_GROUP, arguments={"learning_rate": "5e-05", "fp16": "False"})
    judgement = judged([BASE, late], TWICE)
    assert judgement.facts.confounded == ()
    assert {"fair-comparison", "real-speedup"} <= found(judgement)


def test_a_weak_effect_is_called_so():
    late = msgspec.structs.replace(REAL_GROUP, padding=Padding.MAP_BATCH)
    base = msgspec.structs.replace(BASE, max_length=192)
    judgement = judged([base, late], [stored(5, tokens=192), stored(7, tokens=103.4)])
    assert "weak-bucketing" in found(judgement)


def test_a_dynamic_baseline_is_said():
    base = written(5, padding=Padding.DYNAMIC, attempts=("collator",))
    assert "dynamic-baseline" in found(judged([base, REAL_GROUP], [stored(5), stored(7)]))


def test_fixed_dynamic_and_grouped_apart_is_praised():
    middle = written(6, padding=Padding.DYNAMIC, attempts=("collator",))
    runs = [stored(5, tokens=60), stored(6, tokens=45.3), stored(7, tokens=22.4)]
    assert "ablation" in found(judged([BASE, middle, REAL_GROUP], runs))


def test_less_padding_without_more_speed_is_asked_about():
    same = [stored(5, tokens=60, seconds=4000.0), stored(7, tokens=22.4, seconds=4100.0)]
    said = next(f for f in judged([BASE, REAL_GROUP], same).findings if f.id == "narrower-not-faster")
    assert "60에서 22.4까지 줄었지만" in said.text.ko and "빨라지지 않았습니다" in said.text.ko
    assert "셀 7에서 패딩은 줄었는데" in said.question.ko
    assert "narrower-not-faster" not in found(judged([BASE, REAL_GROUP], TWICE))
    assert "narrower-not-faster" not in found(judged(PAIR, SAME_SPEED))


# ------------------------------------------------------------------ speed when we ran them


def timed(cell: int, speed: float, spread: float, **more):
    fields = {"device": "cpu", "examples_per_second": speed, "examples_per_second_spread": spread} | more
    return msgspec.structs.replace(seen(cell, Padding.DYNAMIC, 20.0, 0.1), **fields)


@pytest.mark.parametrize(
    ("plain", "late", "ko", "en"),
    [
        ((100, 5), (340, 30), "쪽이 3.4배(3.0–3.9배) 빨랐습니다", "3.4 times as fast (3.0–3.9)"),
        ((100, 5), (130, 5), "말할 수 없는 차이입니다", "one could tell from chance"),
        # Twice as fast on average, but so unsteady that it may be slower.
        ((100, 60), (200, 90), "말할 수 없는 차이입니다", "one could tell from chance"),
        ((100, 5), (50, 5), "느렸습니다(0.5배, 0.4–0.6배)", "slower (0.5 times as fast, 0.4–0.6)"),
    ],
)
def test_our_own_speeds_are_told_with_how_sure_they_are(plain, late, ko, en):
    ran = observed(timed(5, *plain), timed(7, *late))
    judgement = judged([BASE, REAL_GROUP], TWICE, observed=ran)
    said = next(f for f in judgement.findings if f.id == "rerun-speed")
    assert ko in said.text.ko and en in said.text.en and "24스텝씩, 대역 모델" in said.text.ko
    assert f"셀 5는 초당 {plain[0]} ± {plain[1]}행" in said.text.ko
    assert f"셀 7은 초당 {late[0]} ± {late[1]}행" in said.text.ko
    assert [c.cell for c in said.citations] == [5, 7]
    without = judged([BASE, REAL_GROUP], TWICE)
    assert [v.status for v in judgement.items] == [v.status for v in without.items], "no verdict rests on it"


def test_each_speed_stands_beside_its_own_cell():
    """The bucketed run may come first."""
    first = msgspec.structs.replace(REAL_GROUP, cell=5, cells=(4, 5))
    second = msgspec.structs.replace(BASE, cell=7, cells=(3, 7))
    stored_ = [stored(5, tokens=22.4, seconds=2000.0), stored(7, tokens=60)]
    ran = observed(timed(5, 0.34, 0.04, steps=16), timed(7, 0.1, 0.01))
    said = next(f for f in judged([first, second], stored_, observed=ran).findings if f.id == "rerun-speed")
    assert "셀 7은 초당 0.1 ± 0.0행, bucketing을 켠 셀 5는 초당 0.3 ± 0.0행" in said.text.ko
    assert "24스텝과 16스텝" in said.text.ko and "24 and 16 steps" in said.text.en


@pytest.mark.parametrize(
    "ran",
    [
        observed(timed(5, 100, 5)),
        observed(timed(5, 100, 5), timed(7, 340, 30, device="cuda:0")),
        observed(timed(5, 100, 5), timed(7, 340, 30, kind="keras")),
        observed(timed(5, 100, 5, batch_size=8), timed(7, 340, 30, batch_size=128)),
        observed(timed(5, 100, 5), timed(7, 340, 30), unverified=("a line came from nowhere",)),
        observed(timed(5, 100, 5), timed(7, 340, 30, examples_per_second_spread=None)),
        observed(timed(5, 100, 5), timed(7, 340, 30, steps=None)),
    ],
)
def test_speeds_that_cant_be_held_together_are_not(ran):
    assert "rerun-speed" not in found(judged([BASE, REAL_GROUP], TWICE, observed=ran))


# ------------------------------------------------------------------ smaller ones


def test_overfitting_names_both_epochs():
    points = tuple(
        Evaluation(cell=5, accuracy=a, loss=x, epoch=float(n))
        for n, (a, x) in enumerate([(0.895, 0.26), (0.9, 0.3), (0.904, 0.4)], start=1)
    )
    run = msgspec.structs.replace(stored(5), evaluations=points)
    finding = next(f for f in judged([BASE], [run]).findings if f.id == "overfitting")
    assert "1 에폭" in finding.text.ko and "3 에폭" in finding.text.ko


def test_a_result_at_the_threshold_and_a_small_subset_are_remarked_on():
    run = msgspec.structs.replace(
        stored(5), evaluations=(Evaluation(cell=5, accuracy=0.901, rows=2500, epoch=1.0),)
    )
    assert {"at-the-threshold", "subset-evaluation"} <= found(judged([BASE], [run]))
    assert "at-the-threshold" not in found(judged([BASE], [stored(5, (0.91,))]))


def test_test_as_validation_and_stored_errors_and_images():
    test = msgspec.structs.replace(BASE, eval_split="test")
    outputs = [
        saw(Witness.RECORDED, "error", 8, ename="NameError", evalue="x"),
        saw(Witness.RECORDED, "image", 0, where="markdown", count=1),
    ]
    judgement = judged([test], [stored(5)], stored_observations=outputs)
    assert {"test-as-validation", "stored-error", "evidence-in-images"} <= found(judgement)


@pytest.mark.parametrize(
    ("arguments", "ko", "en"),
    [
        ({"eval_strategy": "epoch"}, "에폭마다 test 데이터로 검증했습니다", "after every epoch"),
        ({"evaluation_strategy": "epoch"}, "에폭마다 test 데이터로 검증했습니다", "after every epoch"),
        ({"eval_strategy": "steps", "eval_steps": "500"}, "학습하는 동안 test", "during training"),
    ],
)
def test_how_often_test_was_used_is_said_only_as_it_was(arguments, ko, en):
    test = msgspec.structs.replace(BASE, eval_split="test", arguments=arguments)
    said = next(f for f in judged([test], [stored(5)]).findings if f.id == "test-as-validation")
    assert ko in said.text.ko and en in said.text.en
    assert ("에폭" in said.text.ko) == ("epoch" in said.text.en) == ("epoch" in arguments.values())


def test_a_training_that_its_author_never_ran_validates_on_nothing():
    """Only our own run trained cell 8; the file's run, in cell 5, has rows of its own to validate on."""
    late = msgspec.structs.replace(BASE, cell=8, cells=(8,), executed=False, eval_split="test")
    risk = saw(Witness.SOURCE, "test-as-validation", 8, run=8, executed=False)
    tried = msgspec.structs.replace(seen(8, Padding.MAX_LENGTH, 60.0, 0.6), eval_split="test")
    judgement = judged([BASE, late], [stored(5)], [risk], observed=observed(tried))
    assert not judgement.facts.test_as_validation and "test-as-validation" not in found(judgement)
    assert "셀 8" not in tables.bucketing(judgement.facts, "ko") and "셀 5" in tables.bucketing(
        judgement.facts, "ko"
    )
    ran = msgspec.structs.replace(late, executed=True)
    assert "test-as-validation" in found(judged([BASE, ran], [stored(5)], observed=observed(tried)))
    # Where the file stores nothing at all, our own run is what happened.
    alone = judged([late], [], [risk], cells=CLEARED, observed=observed(tried))
    assert alone.facts.test_as_validation and "셀 8" in tables.bucketing(alone.facts, "ko")


def test_praise_for_preprocessing_and_a_seeded_split():
    done = [
        saw(Witness.SOURCE, "preprocess", 3, what="drop-duplicates", detail=""),
        saw(Witness.SOURCE, "preprocess", 3, what="length-study", detail=""),
        saw(Witness.SOURCE, "split", 4, how="train_test_split", seeded=True, sizes={}),
    ]
    assert {"cleaned-data", "length-study", "seeded-split"} <= found(judged([BASE], [stored(5)], done))


def test_looking_at_lengths_changes_no_data():
    """It has a praise of its own; called preprocessing is only what changes the rows."""
    looked = saw(Witness.SOURCE, "preprocess", 3, what="length-study", detail="plt.hist(token_lengths)")
    cleaned = saw(Witness.SOURCE, "preprocess", 4, what="drop-empty", detail="df.dropna")
    only = judged([BASE], [stored(5)], [looked])
    assert "데이터 전처리를 바꾼 셀은 찾지 못했습니다" in only.items[1].reason.ko
    assert "length-study" in found(only) and all(c.cell != 3 for c in only.items[1].citations)
    both = judged([BASE], [stored(5)], [looked, cleaned]).items[1].reason
    assert "전처리(셀 4)와" in both.ko and "Preprocessing (cell 4)" in both.en


@pytest.mark.parametrize(
    ("detail", "ko", "en"),
    [
        ("plt.hist(train_df['word_count'], bins=50)", "단어 수로", "in words"),
        ("train['document'].str.len().hist()", "글자 수로", "in characters"),
        ("np.percentile(token_lengths, 95)", "알려 주는 근거", "it tells"),
        ("plt.hist(lengths, bins=30)", "알려 주는 근거", "it tells"),
    ],
)
def test_what_was_counted_in_words_is_not_called_tokens(detail, ko, en):
    looked = saw(Witness.SOURCE, "preprocess", 3, what="length-study", detail=detail)
    judgement = judged([BASE], [stored(5)], [looked])
    said = next(f for f in judgement.findings if f.id == "length-study").text
    assert ko in said.ko and en in said.en


# ------------------------------------------------------------------ words


def everything():
    """Judgements that between them use most sentences of the checks."""
    unknown = written(7, attempts=("own-sampler",))
    yield judged(PAIR, SAME_SPEED, [tokenise(3, "max-length", max_length=60), analysis(9)])
    yield judged([BASE, REAL_GROUP], TWICE, [typed("speedup", 9.0), analysis(9)])
    yield judged([BASE, unknown], [stored(5, tokens=60), stored(7)], [analysis(9)])
    yield judged([cleared(BASE), cleared(REAL_GROUP)], cells=CLEARED)
    yield judged([BASE, cleared(REAL_GROUP)], [stored(5, (0.7, 0.82))])
    yield judged([BASE], [stored(5, (), ending=Ending.INTERRUPTED)])
    yield judged([REAL_GROUP], [stored(7, (0.85,), tokens=22.4)])
    yield judged([], [], cells=(code(0, "print(1)", "1"),))


def test_no_text_is_empty_unfinished_or_ungrammatical():
    for judgement in everything():
        texts = [t for v in judgement.items for t in (v.expected, v.actual, v.reason, v.next_step, v.person)]
        texts += [t for f in judgement.findings for t in (f.text, f.question)]
        for text in filter(None, texts):
            for words in (text.ko, text.en):
                assert words.strip() and "None" not in words and "  " not in words, words
                assert not re.search(r"\{|\}|nan\b", words), words
            assert not re.search(r"[가-힣]\((을|를|이|가|은|는|와|과)\)", text.ko), text.ko
            assert not re.search(r"[가-힣]", text.en), text.en


def test_no_two_findings_say_the_same():
    for judgement in everything():
        texts = [f.text.ko for f in judgement.findings]
        assert len(texts) == len(set(texts))


@pytest.mark.parametrize(
    ("word", "pair", "expected"),
    [
        ("셀 7", "은/는", "셀 7은"),
        ("셀 4", "은/는", "셀 4는"),
        ("셀 10", "과/와", "셀 10과"),
        ("모델", "을/를", "모델을"),
        ("데이터", "을/를", "데이터를"),
        ("셀 8", "으로/로", "셀 8로"),
        ("셀 3", "으로/로", "셀 3으로"),
        ("모델", "으로/로", "모델로"),
        ("정확도 0.9055", "이/가", "정확도 0.9055가"),
    ],
)
def test_korean_particles(word, pair, expected):
    assert say.josa(word, pair) == expected


@pytest.mark.parametrize(
    ("value", "ko", "en"),
    [
        (41.2, "41.2초", "41.2 s"),
        (1503.2, "25분 3초", "25 min 3 s"),
        (4106.5, "1시간 8분", "1 h 8 min"),
    ],
)
def test_times(value, ko, en):
    assert (say.seconds(value).ko, say.seconds(value).en) == (ko, en)


def test_judging_is_deterministic():
    one = evidence(PAIR, SAME_SPEED, [analysis(9)])
    assert checks.judge(one, RUBRIC) == checks.judge(one, RUBRIC)


def test_grouping_without_its_padding_taken_out_is_named():
    judgement = judged(
        [BASE, PADDED_GROUP], SAME_SPEED, [tokenise(3, "max-length", max_length=60, function="tok")]
    )
    finding = next(f for f in judgement.findings if f.id == "no-op-bucketing")
    assert PADDED_GROUP.grouping == Grouping.LENGTH
    assert "def tok(batch)" in finding.code.ko and "max_length=60" in finding.code.en


def test_a_training_resumed_from_its_checkpoint_is_no_before_and_after():
    grouped = msgspec.structs.replace(PADDED_GROUP, cell=5, cells=(3, 5))
    resumed = written(
        7, padding=Padding.MAX_LENGTH, max_length=60, arguments={"resume_from_checkpoint": "checkpoint-3750"}
    )
    judgement = judged([grouped, resumed], [stored(5, tokens=60), stored(7, tokens=60)])
    assert judgement.facts.compared == "one"
    assert judgement.facts.baseline is None, "the going on stands as 'before' beside the run it goes on from"


@pytest.mark.parametrize(
    ("source", "open_"),
    [
        ("raise NotImplementedError()", True),
        ("def f(x):\n    # 여기에 코드를 작성하세요\n    raise NotImplementedError()", True),
        ("!pip install x\nraise NotImplementedError()", True),
        ("class Base:\n    def f(self):\n        raise NotImplementedError()", False),
        ("def f(x):\n    if x:\n        raise NotImplementedError", False),
        ("text = '''\nraise NotImplementedError()\n'''", False),
    ],
)
def test_a_blank_of_the_exercise_and_no_other_is_open(source, open_):
    from grader.checks.unfilled import _STUB, _open
    from grader.release import CODE_STUB

    assert CODE_STUB[1] == _STUB
    assert _open(source) is open_


def test_a_written_false_is_to_be_turned_not_added():
    late = msgspec.structs.replace(
        PADDED_GROUP,
        grouping=Grouping.NONE,
        attempts=("own-collator",),
        arguments={"group_by_length": "False"},
    )
    step = (
        judged([BASE, late], SAME_SPEED, [tokenise(3, "max-length", max_length=60, function="tok")])
        .items[2]
        .next_step
    )
    assert "`group_by_length=False`를 `True`로 바꿔" in step.ko and "set `group_by_length`" in step.en
    assert "`group_by_length=True`" not in step.ko


def test_what_the_classroom_lacks_is_named_and_nobodys_fault():
    failed = CellRun(
        index=2,
        seconds=0.1,
        ending="cell-error",
        error_name="FileNotFoundError",
        lack=Lack.THING,
        why="the file /content/drive/`x`.csv",
    )
    gpu = msgspec.structs.replace(
        failed, index=6, error_name="RuntimeError", lack=Lack.GPU, why="wants a GPU"
    )
    ran = observed(cells=(failed, gpu))
    missing = saw(Witness.OBSERVED, "missing", 4, wanted="data set squad")
    ran = msgspec.structs.replace(
        ran, testimony=msgspec.structs.replace(ran.testimony, observations=(missing,))
    )
    judgement = judged(PAIR, SAME_SPEED, observed=ran)
    finding = next(f for f in judgement.findings if f.id == "classroom-lacks")
    assert (
        "셀 2의 파일 `/content/drive/ x .csv`, 셀 4의 데이터셋 `squad`, 셀 6 (GPU가 필요)" in finding.text.ko
    )
    assert "not held against the coder" in finding.text.en
    plain = judged(PAIR, SAME_SPEED, observed=observed())
    assert "classroom-lacks" not in {f.id for f in plain.findings}
    assert [v.status for v in plain.items] == [v.status for v in judgement.items]


def test_saving_a_run_that_changes_nothing_is_no_next_step():
    ran = observed(seen(5, BASE.padding, 60.0, 0.6), seen(7, PADDED_GROUP.padding, 60.0, 0.6))
    found = judged(
        [cleared(BASE), cleared(PADDED_GROUP)],
        [],
        [tokenise(3, "max-length", max_length=60, function="tok")],
        cells=CLEARED,
        observed=ran,
    )
    step = found.items[2].next_step
    assert found.facts.bucketing == "no-op"
    assert "padding='max_length'" in step.ko and "출력을 지우지 말고" in step.ko
