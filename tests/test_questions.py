"""The five PRT questions on built evidence: what is said, what is left to the person, and from which cell."""

from __future__ import annotations

import re

import msgspec
import pytest

from grader.checks.questions import concise, decide, explained, hazards, more, understood, works
from grader.facts import Kind
from grader.records import (
    Bucketing,
    Cell,
    CellRun,
    Ending,
    Facts,
    Finding,
    Lack,
    Start,
    Status,
    Testimony,
    Text,
    Witness,
)
from tests import sample_evidence as sample

replace = msgspec.structs.replace


def observed(*observations, cells=None, run=None):
    """The sample evidence with these source observations instead of its own, and no stored ones."""
    seen = sample.evidence(run=False)
    submission = seen.submission
    if cells is not None:
        made = tuple(Cell(index=i, kind=kind, source=source) for i, (kind, source) in enumerate(cells))
        submission = replace(submission, cells=made)
    return replace(
        seen,
        submission=submission,
        source=replace(seen.source, observations=observations),
        recorded=replace(seen.recorded, observations=()),
        observed=run,
    )


def see(kind, cell=None, quote="", **value):
    return sample.observation(kind, cell, quote, **value)


def ask(findings=(), facts=sample.FACTS, evidence=None):
    return understood.decide(evidence or sample.evidence(), facts, findings)


# ---------------------------------------------------------------- all five


def test_five_answers_in_order_each_with_words_in_both_languages():
    answers = decide(sample.evidence(), sample.FACTS, sample.FINDINGS, sample.ITEMS)
    assert [a.item for a in answers] == ["q1", "q2", "q3", "q4", "q5"]
    for answer in answers:
        assert answer.points is None
        for text in (answer.expected, answer.actual, answer.reason):
            assert text.ko and text.en and not re.search("[가-힣]", re.sub(r"`[^`]*`", "", text.en))


def test_every_fail_and_partial_has_a_next_step():
    broken = observed(see(Kind.SYNTAX_ERROR, 3, message="invalid syntax", line=1), cells=[("code", "x")] * 4)
    for evidence in (sample.evidence(), broken):
        for answer in decide(evidence, sample.FACTS, (), sample.ITEMS):
            if answer.status in (Status.FAIL, Status.PARTIAL):
                assert answer.next_step is not None


def test_a_question_that_crashes_is_undecided_with_a_note(monkeypatch):
    monkeypatch.setattr(explained, "decide", lambda evidence: 1 / 0)
    q2 = decide(sample.evidence(), sample.FACTS, (), sample.ITEMS)[1]
    assert (q2.item, q2.status) == ("q2", Status.UNDECIDED) and "ZeroDivisionError" in q2.staff_note


def test_an_empty_notebook_decides_nothing():
    empty = observed(cells=[])
    items = tuple(replace(v, status=Status.UNDECIDED) for v in sample.ITEMS)
    answers = decide(empty, Facts(), (), items)
    assert {a.status for a in answers} == {Status.UNDECIDED}
    assert answers[3].questions == ()


# ---------------------------------------------------------------- q1


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ("PASS PASS FAIL", Status.PASS),
        ("PASS FAIL PASS", Status.PASS),
        ("PASS FAIL FAIL", Status.PARTIAL),
        ("PARTIAL PASS PASS", Status.PARTIAL),
        ("FAIL FAIL FAIL", Status.FAIL),
        ("PASS UNDECIDED FAIL", Status.UNDECIDED),
        ("UNDECIDED PASS PASS", Status.UNDECIDED),
        ("FAIL UNDECIDED PASS", Status.FAIL),
    ],
)
def test_q1_needs_a_working_model_and_two_items(statuses, expected):
    items = tuple(
        replace(v, status=Status(s), next_step=sample.ITEMS[2].next_step)
        for v, s in zip(sample.ITEMS, statuses.split(), strict=True)
    )
    assert works.decide(sample.evidence(), sample.FACTS, items).status is expected


def test_q1_says_where_the_run_stopped_and_excuses_our_own_failures():
    run = sample.evidence().observed
    own = CellRun(
        index=7, ending=Ending.CELL_ERROR, seconds=0.1, error_name="RuntimeError", error_value="no GPU"
    )
    ours = replace(own, index=2, lack=Lack.GPU)
    said = works.decide(observed(run=replace(run, cells=(own, ours))), sample.FACTS, sample.ITEMS).reason
    assert "셀 7에서 `RuntimeError`" in said.ko
    assert "셀 2" in said.ko and "코더의 잘못으로 보지 않았습니다" in said.ko


def test_q1_offers_the_students_own_function_without_its_padding():
    code = works.decide(sample.evidence(), sample.FACTS, sample.ITEMS).code
    # Both runs train on its rows: the plain one needs it as it is.
    assert "# 셀 6:" in code.ko and "def transform_unpadded(batch):" in code.ko
    alone = replace(sample.FACTS, baseline=None)
    assert "def transform(batch):" in works.decide(sample.evidence(), alone, sample.ITEMS).code.ko
    assert "padding" not in code.en.partition("\n")[2] and "max_length=60" in code.en
    effective = replace(sample.FACTS, bucketing=Bucketing.EFFECTIVE)
    assert works.decide(sample.evidence(), effective, sample.ITEMS).code is None


def test_q1_rewrites_the_function_that_the_bucketed_run_uses():
    def tokeniser(name):
        return ("code", f"def {name}(b):\n    return tok(b['text'], padding='max_length', max_length=40)")

    seen = observed(
        see(Kind.TOKENIZE, 0, padding="max-length", function="used"),
        see(Kind.TOKENIZE, 1, padding="max-length", function="other"),
        cells=[tokeniser("used"), tokeniser("other")],
    )
    facts = replace(sample.FACTS, runs=(sample.BASE, replace(sample.BUCKETED, cells=(0, 5))))
    code = works.decide(seen, facts, sample.ITEMS).code
    assert "def used(b):" in code.ko and "b['text']" in code.ko and "truncation=True" in code.ko


# ---------------------------------------------------------------- q2


def comments(cell, words, lines=6):
    return see(Kind.COMMENTS, cell, comment_lines=words, docstrings=0, code_lines=lines)


def core(cell, words):
    return see(
        Kind.CORE_CELL, cell, "args = TrainingArguments(", why="training-arguments", comments=words, line=1
    )


CODE = ("code", "args = TrainingArguments(\n)")


def test_q2_passes_when_the_core_and_half_of_the_cells_are_explained():
    seen = observed(comments(0, 3), comments(1, 0), core(0, 3), cells=[CODE, CODE])
    assert explained.decide(seen).status is Status.PASS


def test_q2_is_partial_when_the_core_is_silent_and_names_it():
    answer = explained.decide(observed(comments(0, 0), comments(1, 3), core(0, 0), cells=[CODE, CODE]))
    assert answer.status is Status.PARTIAL
    assert (
        "셀 0" in answer.reason.ko and "주석이 없습니다" in answer.reason.ko and "셀 0" in answer.next_step.ko
    )


def test_q2_counts_the_text_above_a_cell_but_not_a_heading():
    words = ("markdown", "여기서는 학습률을 2e-5로, 배치 크기를 32로 정하고 세 에폭 동안 학습합니다.")
    told = explained.decide(observed(comments(1, 0), core(1, 0), cells=[words, CODE]))
    titled = explained.decide(observed(comments(1, 0), core(1, 0), cells=[("markdown", "# 학습하기"), CODE]))
    assert (told.status, titled.status) == (Status.PASS, Status.PARTIAL)


def test_q2_fails_only_where_nothing_at_all_is_explained():
    silent = observed(comments(0, 0, 30), core(0, 0), cells=[CODE])
    short = observed(comments(0, 0, 3), cells=[CODE])
    assert explained.decide(silent).status is Status.FAIL
    assert explained.decide(short).status is Status.UNDECIDED


def test_q2_quotes_no_code_that_was_commented_out():
    source = "# args = old(\n#     seed=1,  # 비교하기 위해\n# )\n\n\n"
    source += "args = new(\n    seed=1,  # 시드\n    out,  # 저장할 곳\n    x,  # 값\n)"
    told = see(
        Kind.COMMENTS, 0, comment_lines=3, docstrings=0, code_lines=5, commented_out=3, dead_lines=[1, 2, 3]
    )
    answer = explained.decide(observed(told, cells=[("code", source)]))
    assert "주석(3줄)" in answer.praise.ko
    assert all("old(" not in c.quote and "위해" not in c.quote for c in answer.citations)


def test_q2_praises_a_comment_that_gives_a_reason():
    praise = explained.decide(sample.evidence()).praise
    assert praise.ko.startswith("셀 6의 주석") and "때문에" in praise.ko


# ---------------------------------------------------------------- q3


def test_q3_groups_equal_hazards_and_puts_the_certain_ones_first():
    seen = observed(
        see(Kind.DEPRECATED, 1, name="load_metric", gone_in="datasets 3", use="evaluate.load"),
        see(Kind.DEPRECATED, 5, name="load_metric", gone_in="datasets 3", use="evaluate.load"),
        see(Kind.UNDEFINED_NAME, 2, name="trainer"),
    )
    answer = hazards.decide(seen, ())
    first, second = answer.reason.ko.splitlines()
    assert answer.status is Status.FAIL and "셀 2" in first and "`trainer`" in first
    assert "셀 1, 5" in second and "`evaluate.load`" in second


def test_q3_without_hazards_says_so_and_passes():
    answer = hazards.decide(observed(cells=[CODE]), ())
    assert answer.status is Status.PASS and "찾지 못했습니다" in answer.reason.ko and answer.next_step is None


def test_q3_names_a_training_that_goes_on_with_trained_weights_from_top_to_bottom():
    seen = sample.evidence()
    first, late = (r.cell for r in (sample.BASE, sample.BUCKETED))

    def answer(**fields):
        runs = tuple(
            replace(r, witness=Witness.OBSERVED, **{"steps": 12, **(fields if r.cell == late else {})})
            for r in (sample.BASE, sample.BUCKETED)
        )
        ran = replace(seen.observed, testimony=Testimony(witness=Witness.OBSERVED, runs=runs))
        return hazards.decide(replace(seen, observed=ran), ()).reason.ko

    goes_on = f"셀 {late}: 모델을 새로 불러오는 셀이 없어, 위에서부터 실행하면 셀 {first}에서"
    assert goes_on in answer(start=Start.CONTINUED, continued_from=first)
    assert "이어서 학습합니다" not in answer(start=Start.PRETRAINED)
    assert "이어서 학습합니다" not in answer(start=Start.CONTINUED, continued_from=first, steps=0)


def test_q3_leaves_tidiness_to_q5():
    lint = see(Kind.LINT, 1, "import os", rule="F401", message="`os` imported but unused", line=1)
    assert hazards.decide(observed(lint, cells=[CODE]), ()).status is Status.PASS


def test_q3_an_undefined_name_is_told_once():
    seen = observed(
        see(Kind.UNDEFINED_NAME, 1, name="zz"),
        see(Kind.LINT, 1, "print(zz)", rule="F821", message="Undefined name `zz`", line=1),
        see(Kind.LINT, 2, "print(yy)", rule="F821", message="Undefined name `yy`", line=1),
    )
    assert len(hazards.decide(seen, ()).reason.ko.splitlines()) == 2


def test_q3_names_what_changes_when_cells_run_in_order():
    moved = see(Kind.SHADOWED, 4, name="cell order", fields=["start", "continued_from", "padding"])
    made = see(Kind.SHADOWED, 5, name="loose_set", defined_in=[2], used_in=5)
    text = hazards.decide(observed(moved, made), ()).reason.ko
    assert "셀 4" in text and "(시작 가중치, 패딩)" in text
    assert "셀 5" in text and "`loose_set`(셀 2)" in text


def test_q3_old_calls_are_one_line_with_their_successors():
    seen = observed(
        see(Kind.DEPRECATED, 1, name="evaluation_strategy", gone_in="transformers 5", use="eval_strategy"),
        see(Kind.DEPRECATED, 2, name="TFBert", gone_in="transformers 5", use="the PyTorch class"),
    )
    (line,) = hazards.decide(seen, ()).reason.ko.splitlines()
    assert "`evaluation_strategy` → `eval_strategy`" in line and "`TFBert` → PyTorch용 클래스" in line


def test_q3_an_interrupted_run_is_only_worth_knowing():
    seen = observed(cells=[CODE])
    stop = sample.observation(Kind.ERROR, 0, ename="KeyboardInterrupt", evalue="")
    seen = replace(
        seen, recorded=replace(seen.recorded, observations=(replace(stop, witness=Witness.RECORDED),))
    )
    answer = hazards.decide(seen, ())
    assert answer.status is Status.PASS and "손으로 멈춘" in answer.reason.ko


# ---------------------------------------------------------------- q4


def test_q4_is_always_left_to_the_person_with_three_questions():
    answer = ask(sample.FINDINGS)
    assert answer.status is Status.UNDECIDED and answer.person is not None and len(answer.questions) == 3


def test_q4_asks_what_a_finding_suggests_first_and_contradictions_before_notes():
    note = Finding(id="n", severity="note", text=Text(ko="", en=""), question=Text(ko="셋째?", en="third?"))
    hard = replace(note, id="c", severity="contradiction", question=Text(ko="첫째?", en="first?"))
    assert [q.ko for q in ask((note, hard)).questions][:2] == ["첫째?", "셋째?"]


def test_q4_questions_name_cells_and_this_notebooks_numbers():
    for question in ask().questions:
        assert re.search(r"셀 \d+", question.ko) and re.search(r"cells? \d+", question.en)
    assert "60" in ask().questions[0].ko


def test_q4_without_any_run_asks_about_the_code_itself():
    seen = observed(core(0, 0), cells=[CODE, ("code", "x = 1"), ("code", "y = 2")])
    asked = ask(facts=Facts(), evidence=seen).questions
    assert len(asked) == 3 and "셀 0" in asked[0].ko


def test_q4_a_gap_within_noise_is_asked_as_such():
    assert any("0.05 %p" in q.ko and "29,999건" in q.ko for q in ask().questions)


def test_q4_finds_the_reason_for_max_length_in_the_text():
    assert "셀 5" in ask().reason.ko
    bare = observed(see(Kind.TOKENIZE, 0, max_length=40), cells=[("code", "tok(x, max_length = 40)")])
    assert "근거가 적혀 있지 않습니다" in ask(facts=Facts(), evidence=bare).reason.ko
    unset = observed(see(Kind.TOKENIZE, 0, max_length=512), cells=[("code", "tok(x, padding='max_length')")])
    assert "최대 길이를 정하지 않아" in ask(facts=Facts(), evidence=unset).reason.ko


@pytest.mark.parametrize(
    ("text", "detail", "ko"),
    [
        ("* MAX_LENGTH: 40", "", "근거는 적혀 있지 않습니다"),
        ("토큰 길이의 95 %가 40 이하라서 40으로 정했다.", "", "고른 까닭이 글로 적혀 있습니다(셀 0)"),
        ("# 길이", "plt.hist(token_lengths)", "길이를 살펴본 기록(셀 2)"),
        ("# 길이", "plt.hist(df['word_count'])", "길이는 단어 수로만 살펴보았습니다(셀 2)"),
    ],
)
def test_q4_calls_a_record_of_lengths_only_what_looked_at_them(text, detail, ko):
    cells = [("markdown", text), ("code", "tok(x, max_length=40)"), ("code", detail)]
    seen = [see(Kind.TOKENIZE, 1, max_length=40)]
    seen += [see(Kind.PREPROCESS, 2, what="length-study", detail=detail)] if detail else []
    said = ask(facts=Facts(), evidence=observed(*seen, cells=cells)).reason.ko
    assert ko in said and ("살펴본 기록" in said) == (detail == "plt.hist(token_lengths)")


def test_q4_reads_a_reason_for_the_maximum_further_down_but_no_result():
    cells = [("code", "tok(x, max_length=40)"), ("code", "trainer.train()")]
    told = [*cells, ("markdown", "max_length = 40: 지난 과제의 길이 분포를 참고")]
    seen = see(Kind.TOKENIZE, 0, max_length=40)
    assert (
        "고른 까닭이 글로 적혀 있습니다(셀 2)"
        in ask(facts=Facts(), evidence=observed(seen, cells=told)).reason.ko
    )
    told = [*cells, ("markdown", "길이 40은 평균보다 길어서 낭비였다.")]
    assert "근거가 적혀 있지 않습니다" in ask(facts=Facts(), evidence=observed(seen, cells=told)).reason.ko


# ---------------------------------------------------------------- q5


def copy(a, b, changed=1):
    return see(Kind.DUPLICATE_CODE, b, "x", cells=[a, b], lines=9, changed=changed, examples=["fp16=True,"])


FUNCTIONS = see(Kind.FUNCTIONS, None, count=2, classes=0, names=["f", "g"], class_names=[], cells=[1])


def test_q5_one_pair_of_copies_is_how_people_compare():
    answer = concise.decide(observed(comments(0, 1), FUNCTIONS, copy(0, 2)))
    assert (
        answer.status is Status.PASS and "셀 0, 2" in answer.reason.ko and "`fp16=True,`" in answer.reason.ko
    )


def test_q5_copies_of_copies_are_one_group_and_three_groups_are_partial():
    chain = observed(comments(0, 1), FUNCTIONS, copy(0, 2), copy(2, 4), copy(0, 4))
    many = observed(comments(0, 1), FUNCTIONS, copy(0, 2), copy(3, 4), copy(5, 6))
    assert concise.decide(chain).status is Status.PASS
    assert "셀 0, 2, 4" in concise.decide(chain).reason.ko
    assert concise.decide(many).status is Status.PARTIAL and concise.decide(many).next_step is not None


def test_q5_says_that_nothing_is_repeated_only_where_it_looked_and_found_none():
    def reason(*more):
        return concise.decide(observed(comments(0, 1), FUNCTIONS, *more)).reason

    def blocks(*found):
        return see(Kind.REPEATED_CODE, None, blocks=[{"cells": c, "lines": n} for c, n in found])

    none = "되풀이되는 긴 코드나"
    assert none in reason(blocks()).ko and "no long repetition" in reason(blocks()).en
    assert none not in reason().ko and "복잡한 함수는 보이지 않습니다" in reason().ko
    assert none not in reason(blocks(([0, 2], 6))).ko
    told = reason(blocks(([0, 2], 12), ([3, 5], 9)))
    assert none not in told.ko and "셀 0, 2, 3, 5에는" in told.ko and "12줄" in told.ko
    # What is named as a copy of a whole cell is not told again.
    assert "길게는" not in reason(copy(0, 2), blocks(([0, 2], 12))).ko


def test_q5_a_complex_function_is_named():
    heavy = see(Kind.COMPLEXITY, 3, "def train():", function="train", rank="C", value=14)
    answer = concise.decide(observed(comments(0, 1), FUNCTIONS, heavy))
    assert answer.status is Status.PARTIAL and "`train`" in answer.reason.ko and "셀 3" in answer.reason.ko


def test_q5_praise_names_the_functions():
    praise = concise.decide(observed(comments(0, 1), FUNCTIONS)).praise
    assert praise.ko.startswith("셀 1") and "`f`, `g`" in praise.ko


# ---------------------------------------------------------------- what only some templates ask


def test_more_passes_only_what_the_notebook_shows():
    answers = {v.item: v for v in more(sample.evidence(), sample.FACTS)}
    shown = {item for item, v in answers.items() if v.status is Status.PASS}
    assert shown == {"reflected", "learned", "regret", "split", "recorded"}
    assert {v.status for v in answers.values()} == {Status.PASS, Status.UNDECIDED}
    assert answers["learned"].reason.ko == "셀 14"


def test_more_counts_three_trainings_as_an_attempt_of_ones_own():
    facts = replace(sample.FACTS, runs=(sample.BASE, sample.BUCKETED, replace(sample.BUCKETED, cell=20)))
    tried = next(v for v in more(sample.evidence(), facts) if v.item == "tried")
    assert tried.status is Status.PASS and "3번" in tried.reason.ko
