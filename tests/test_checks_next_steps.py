"""Next steps done to the letter: each names what the notebook has, asks only for what it lacks, and leaves
something to compare with."""

from __future__ import annotations

import msgspec
import pytest

from grader.records import Grouping, Padding, Witness
from tests.checks_evidence import (
    BASE,
    PADDED_GROUP,
    REAL_GROUP,
    code,
    judged,
    saw,
    stored,
    tokenise,
    written,
)

MODEL, MAPS = 2, 3
NAMED = (
    saw(Witness.SOURCE, "model-load", MODEL, name="klue/bert-base", variable="net", pretrained=True),
    saw(Witness.SOURCE, "tokenizer-load", MODEL, name="klue/bert-base", variable="hf_tok"),
)


def cells(padding="padding='max_length'", *more) -> tuple:
    """Function, model, map and arguments apart, as many notebooks have them."""
    return (
        code(0, "from transformers import Trainer, TrainingArguments"),
        code(1, f"def tok(b):\n    return hf_tok(b['document'], truncation=True, {padding})"),
        code(2, "hf_tok, net = load()", "loaded"),
        code(3, "rows = ds.map(tok, batched=True)"),
        code(4, "args = TrainingArguments('out')"),
        *(more or (code(5, "t = Trainer(net, args)\nt.train()"), code(6, "u = Trainer(net, args)"))),
        code(7, "u.train()"),
    )


def mapped(how="max-length", **more):
    return tokenise(MAPS, how, function="tok", batched=True, dataset="ds", **more)


PLAIN = msgspec.structs.replace(BASE, cells=(1, 2, 3, 4, 5))
LATE = msgspec.structs.replace(PADDED_GROUP, cells=(1, 2, 3, 4, 6, 7), arguments={"group_by_length": "True"})
BOTH = [stored(5, tokens=60), stored(7, tokens=60)]


def step(runs, recorded, *observations, made=None, item=2):
    judgement = judged(runs, recorded, (*NAMED, *observations), cells=made or cells())
    found = judgement.items[item].next_step
    for text in (found.ko, found.en):
        assert len([s for s in text.replace("?", ".").split(". ") if s]) <= 3
    return found


# ---------------------------------------------------------------- bucketing without effect


def test_what_a_run_has_in_its_own_arguments_is_not_to_be_added():
    # A map that pads makes rows of one length, so that our own run can't see them grouped.
    late = msgspec.structs.replace(LATE, grouping=Grouping.NONE)
    found = step([late], [stored(7, tokens=60)], mapped(max_length=60))
    assert "group_by_length" not in found.ko and "group_by_length" not in found.en
    assert "셀 1에서 `padding='max_length'`만 뺀 함수" in found.ko and "셀 3의 `map`" in found.ko


def test_a_false_that_nobody_wrote_is_not_to_be_turned():
    late = msgspec.structs.replace(LATE, grouping=Grouping.NONE, arguments={})
    found = step([PLAIN, late], BOTH, mapped(max_length=60))
    assert "`group_by_length=True`" in found.ko and "False" not in found.ko


def test_grouping_goes_where_the_arguments_are_written():
    late = msgspec.structs.replace(LATE, grouping=Grouping.NONE, arguments={}, attempts=("collator",))
    alone = step([late], [stored(7, tokens=60)], mapped(max_length=60))
    assert "셀 4의 `TrainingArguments`" in alone.ko and "`TrainingArguments` of cell 4" in alone.en


def test_a_second_training_begins_with_a_fresh_model():
    found = step([PLAIN, LATE], BOTH, mapped(max_length=60))
    assert "셀 2에서 모델을 새로 불러온 뒤 셀 6, 7의 학습을 다시 실행" in found.ko
    assert "oad the model afresh (cell 2)" in found.en


def test_a_part_of_the_model_that_is_replaced_later_belongs_to_it():
    made = cells()
    made = (*made[:4], code(4, made[4].source + "\nnet.classifier = Head()"), *made[5:])
    assert "셀 2, 4에서 모델을 새로" in step([PLAIN, LATE], BOTH, mapped(max_length=60), made=made).ko


def test_a_training_cell_that_loads_its_model_needs_no_more():
    own = saw(Witness.SOURCE, "model-load", 7, name="klue/bert-base", variable="net", pretrained=True)
    assert "모델을 새로" not in step([PLAIN, LATE], BOTH, mapped(max_length=60), own).ko


def test_the_plain_run_keeps_the_padded_rows_that_both_runs_share():
    late = msgspec.structs.replace(LATE, grouping=Grouping.NONE, arguments={}, attempts=("collator",))
    found = step([PLAIN, late], BOTH, mapped(max_length=60))
    assert "새 이름으로 한 번 더" in found.ko and "셀 5의 기준 실행용으로 남겨" in found.ko
    # The arguments are one object for both runs as well.
    assert "`TrainingArguments`를 복사해 `group_by_length=True`를 더한" in found.ko
    assert "new name" in found.en and "plain run of cell 5" in found.en


def test_a_padded_run_that_stands_alone_becomes_the_plain_run():
    found = step([LATE], [stored(7, tokens=60)], mapped(max_length=60))
    assert "셀 7의 기준 실행용으로 남겨" in found.ko and "새 셀에 복사해" in found.ko


def test_rows_of_its_own_may_simply_lose_their_padding():
    plain = msgspec.structs.replace(PLAIN, cells=(1, 5))
    found = step([plain, LATE], BOTH, tokenise(1, "max-length", max_length=60), mapped(max_length=60))
    assert (
        "인자를 빼 주세요(`truncation=True`는 유지)" in found.ko
        and "셀 3의 `map`을 다시 실행하고" in found.ko
    )


def test_a_map_that_replaced_what_it_mapped_is_repeated_from_the_rows_before():
    onto = msgspec.structs.replace(mapped(max_length=60), quote="rows = rows.map(tok, batched=True)")
    found = step([PLAIN, LATE], BOTH, onto)
    assert "토큰화하기 전의 데이터부터 새 이름으로" in found.ko and "untokenised rows" in found.en
    assert "토큰화하기 전" not in step([PLAIN, LATE], BOTH, mapped(max_length=60)).ko


# ---------------------------------------------------------------- one of the two runs is missing


def test_a_bucketed_run_is_added_beside_the_padded_one_in_the_notebooks_own_names():
    plain = msgspec.structs.replace(PLAIN, arguments={"group_by_length": "False"})
    found = step([plain], [stored(5, tokens=60)], mapped(max_length=60))
    assert "DataCollatorWithPadding(hf_tok)" in found.ko and "DataCollatorWithPadding(hf_tok)" in found.en
    assert "기준 실행은 셀 3의 패딩한 데이터 그대로" in found.ko
    assert "셀 4의 `TrainingArguments`도 복사해 `group_by_length=False`를 `True`로" in found.ko
    assert "셀 2에서 모델을 새로 불러온 뒤" in found.ko


def test_a_loop_takes_the_collator_as_its_collate_function():
    plain = msgspec.structs.replace(PLAIN, kind="torch-loop")
    found = step([plain], [stored(5, tokens=60, kind="torch-loop")], mapped(max_length=60))
    assert "`collate_fn=DataCollatorWithPadding(hf_tok)`" in found.ko and "TrainingArguments" not in found.ko


def test_a_tokeniser_without_a_known_name_is_said_in_words():
    judgement = judged([BASE], [stored(5, tokens=60)], [tokenise(3, "max-length", max_length=60)])
    words = judgement.items[2].next_step
    assert "DataCollatorWithPadding(…)`(괄호 안에는 토크나이저)" in words.ko and "(tokenizer)" not in words.ko


@pytest.mark.parametrize(("length", "shown"), [(63, 63), (512, 128), (None, 128)])
def test_a_plain_run_is_added_with_the_cells_and_arguments_to_change(length, shown):
    late = msgspec.structs.replace(REAL_GROUP, cells=(1, 2, 3, 4, 6, 7), max_length=length)
    found = step([late], [stored(7, tokens=22.7)], mapped("none"), made=cells("padding=False"))
    assert f"셀 1의 `padding=False`를 `padding='max_length', max_length={shown}`" in found.ko
    assert "셀 3의 `map`을 새 이름으로" in found.ko and "셀 4의 `TrainingArguments`를 복사해" in found.ko
    assert "셀 2에서 모델을 새로 불러온 뒤" in found.ko and f"max_length={shown}" in found.en


def test_a_run_without_an_accuracy_is_run_again_with_a_fresh_model():
    late = msgspec.structs.replace(REAL_GROUP, cells=(1, 2, 3, 4, 6, 7))
    bare = [stored(5, tokens=60), stored(7, (), tokens=22.7)]
    found = step([PLAIN, late], bare, mapped("none"))
    assert "셀 6, 7의 학습에 `compute_metrics`를 넣어, 셀 2에서 모델을 새로 불러온 뒤 다시 실행" in found.ko


def test_bucketing_that_never_ran_begins_with_a_fresh_model_after_another_training():
    late = msgspec.structs.replace(LATE, executed=False)
    found = step([PLAIN, late], [stored(5, tokens=60)], mapped(max_length=60))
    assert "그다음 셀 2에서 모델을 새로 불러온 뒤 셀 6, 7의 학습을 끝까지" in found.ko
    alone = step([late], [], mapped(max_length=60))
    assert "모델을 새로" not in alone.ko


# ---------------------------------------------------------------- no accuracy


def metric(made=None, **arguments):
    plain = msgspec.structs.replace(PLAIN, arguments=arguments)
    return step([plain], [stored(5, (), tokens=60)], mapped(max_length=60), made=made, item=1)


def test_an_evaluation_that_is_written_is_not_asked_for_again():
    found = metric(evaluation_strategy="epoch")
    assert "셀 5의 `Trainer`에 `compute_metrics`를 넣고, 셀 2에서 모델을 새로 불러온 뒤" in found.ko
    assert "eval" not in found.ko + found.en.replace("evaluat", "")


def test_an_evaluation_is_asked_for_in_the_spelling_that_the_notebook_can_use():
    assert '셀 4의 `TrainingArguments`에 `eval_strategy="epoch"`' in metric().ko
    old = saw(Witness.RECORDED, "version", 0, package="transformers", version="4.11.3")
    known = step([PLAIN], [stored(5, (), tokens=60)], old, mapped(max_length=60), item=1)
    assert '`evaluation_strategy="epoch"`' in known.ko and '`evaluation_strategy="epoch"`' in known.en
    other = written(7, arguments={"evaluation_strategy": "epoch"}, executed=False)
    assert '`evaluation_strategy="epoch"`' in step([PLAIN, other], [stored(5, ())], item=1).ko


def test_a_commented_metric_is_none_and_a_written_one_is_enough():
    made = cells("padding='max_length'", code(5, "t = Trainer(net, args,\n# compute_metrics=m\n)\nt.train()"))
    assert "`compute_metrics`를" in metric(made, eval_strategy="epoch").ko
    made = cells("padding='max_length'", code(5, "t = Trainer(net, args,\ncompute_metrics=m\n)\nt.train()"))
    found = metric(made, eval_strategy="epoch")
    assert "compute_metrics" not in found.ko and "셀 5의 학습을 끝까지 다시 실행" in found.ko


def test_other_settings_are_tried_on_a_fresh_model_too():
    plain = msgspec.structs.replace(PLAIN, arguments={"learning_rate": "0.0001"})
    found = step([plain], [stored(5, (0.86, 0.87), tokens=60)], mapped(max_length=60), item=1)
    assert "`2e-5`" in found.ko and "실행하기 전에 셀 2에서 모델을 새로" in found.ko
    assert "load the model afresh (cell 2)" in found.en


# ---------------------------------------------------------------- loops of the student's own

LOOP = "loader = DataLoader({}, batch_size={}, shuffle=True, collate_fn=own)\nfor batch in loader: ..."


def loop(source: str, *observations):
    run = written(
        7, kind="torch-loop", padding=Padding.DYNAMIC, attempts=("own-collator",), grouping=Grouping.NONE,
        cells=(1, 3, 7),
    )  # fmt: skip
    first = msgspec.structs.replace(run, cell=5, cells=(1, 3, 5), attempts=("collator",))
    kept = [stored(n, tokens=30, kind="torch-loop") for n in (5, 7)]
    made = (*cells()[:-1], code(7, source))
    return step([first, run], kept, *observations, made=made)


def test_a_sampler_is_given_the_names_of_the_cell():
    found = loop(LOOP.format("my_rows", "config['size']"), mapped("none"))
    assert "`sampler=LengthGroupedSampler(config['size'], dataset=my_rows)`" in found.ko
    assert "from transformers.trainer_pt_utils import LengthGroupedSampler" in found.ko
    assert "`collate_fn`은 그대로" in found.ko and "train['input_ids']" not in found.ko + found.en


@pytest.mark.parametrize("source", ["for batch in batches(): ...", "!ls\n" + LOOP.format("my_rows", "8")])
def test_names_that_are_not_known_are_not_invented(source):
    found = loop(source, mapped("none"))
    assert "배치 크기와 학습 데이터를 넣은 `LengthGroupedSampler`" in found.ko and "dataset=" not in found.ko
