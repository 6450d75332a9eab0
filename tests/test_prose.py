"""The student's words. Every sentence here is made up; the exercise's own text is paraphrased."""

# ruff: noqa: E501

import pytest

from grader.facts import Kind
from grader.prose import amounts, lexicon, read
from grader.records import Cell, Submission

DEPTHS = ("none", "short", "yes")


def observations(*cells):
    """Observations on cells given as markdown text, or ('code', source)."""
    made = []
    for index, cell in enumerate(cells):
        kind, source = cell if isinstance(cell, tuple) else ("markdown", cell)
        made.append(Cell(index=index, kind=kind, source=source))
    return read(Submission(name="x.ipynb", sha256="", cells=tuple(made)))


def of(found, kind):
    return [o for o in found if o.kind == kind]


def depth(*cells):
    said = [o.value["depth"] for o in of(observations(*cells), Kind.ANALYSIS)]
    return max(said, key=DEPTHS.index, default="none")


@pytest.mark.parametrize(
    "text",
    [
        # formal, both sides, trade-off
        "## 결과 분석\nBucketing을 적용한 결과 학습 시간이 52분에서 24분으로 줄었습니다. 반면 검증 정확도는 0.9041에서 0.9018로 "
        "조금 낮아졌습니다. 속도가 중요하다면 버킷팅을 쓰는 편이 유리합니다.",
        # notes in noun endings
        "### 버켓팅 비교\n- 학습 시간: 61분 → 28분으로 절반 이하로 감소\n- 정확도: 0.903 → 0.902로 거의 차이 없음\n"
        "- 패딩 토큰이 줄어 불필요한 연산이 사라졌기 때문",
        # English
        "## Comparison\nWith dynamic padding the training time dropped from 51 min to 23 min because shorter batches need "
        "less padding, while accuracy was similar (0.904 vs 0.903).",
        # honest no effect, with its reason
        "부켓팅을 적용했지만 학습 시간은 4015초에서 4016초로 차이가 없었다. 정확도도 비슷했다. map 단계에서 이미 max_length로 "
        "패딩되어 있어서 모든 배치의 길이가 같았기 때문이다.",
        # slower, with a reason
        "동적 패딩을 사용하니 오히려 시간이 12분 더 걸렸고 성능은 0.3% 떨어졌다. 데이터가 짧아서 그런 것 같다.",
    ],
)
def test_interpreted(text):
    assert depth(text) == "yes"


@pytest.mark.parametrize(
    "text",
    [
        "동적 패딩을 적용하니 학습 시간이 30% 정도 단축되었다.",
        "버킷팅을 적용했더니 학습이 훨씬 빨라졌는데 정확히 왜 그런지는 모르겠다.",
        "Bucketing 적용 후 정확도가 0.901에서 0.899로 떨어졌다.",
    ],
)
def test_one_side_is_short(text):
    assert depth(text) == "short"


@pytest.mark.parametrize(
    "text",
    [
        # the exercise's own words
        "## STEP 5. Bucketing을 적용하여 학습시키고, 결과와의 비교\n- bucketing과 dynamic padding이 무엇인지 알아보고, 이들을 적용하여 "
        "model을 학습시킵니다.\n- 모델 성능 향상과 훈련 시간 두 가지 측면에서 각각 어떤 이점이 있는지 비교해봅시다.",
        "| 평가문항 | 상세기준 |\n|---|---|\n| 3 | Bucketing task를 수행하여 연산 속도와 모델 성능 간의 trade-off 관계가 발생하는지 "
        "여부를 확인하고 분석한 결과를 제시하였다. |",
        # theory
        "### Bucketing이란?\n비슷한 길이의 문장을 묶어 배치를 구성하는 방식입니다. 패딩이 줄어 학습 속도 향상을 기대할 수 있습니다.",
        # plan
        "이제 버킷팅을 적용해서 학습 시간과 정확도가 어떻게 달라지는지 비교해 본다.",
        # about something else
        "learning rate를 1e-5로 낮추니 정확도가 0.2% 올랐고 학습 시간은 12분 더 걸렸다.",
        # a bare remark
        "bucketing을 했지만 성능이 오르지 않았다.",
        "모델 학습이 너무 오래 걸려서 힘들었다.",
        "",
    ],
)
def test_not_interpreted(text):
    assert depth(text) == "none"


def test_the_rubric_above_does_not_count_but_the_answer_below_does():
    rubric = "3. 모델 학습에 Bucketing을 성공적으로 적용하고, 그 결과를 비교분석하였다."
    answer = "버케팅을 쓰니 시간은 40분에서 19분으로 줄었고 정확도는 0.90으로 동일했다."
    assert depth(rubric) == "none"
    assert depth(rubric, ("code", "x = 1"), answer) == "short"


def test_text_goes_on_in_the_next_markdown_cell():
    first = "버킷팅 결과를 정리해 보았다."
    second = "시간은 40분에서 19분으로 줄었고 정확도는 0.90으로 비슷했다."
    assert depth(first, second) == "short"
    other = "학습은 잘 되었고 정확도는 0.90으로 만족스러웠다."
    assert depth(first, ("code", "plot()"), other) == "none"


def test_two_durations_set_side_by_side_are_a_comparison_wherever_they_stand():
    assert depth(("code", "plot()"), "시간은 40분에서 19분으로 줄었고 정확도는 0.90으로 비슷했다.") == "short"
    assert (
        depth(
            "에폭당 402초에서 205초로 줄어 빨라졌다. 정확도는 0.9025와 0.9018로 차이가 거의 없다. "
            "패딩이 사라져 연산량이 줄었기 때문이다."
        )
        == "yes"
    )
    assert depth("학습률을 2e-5에서 5e-5로 올렸더니 정확도가 0.89에서 0.90으로 높아졌다.") == "none"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("## 결론\n속도는 빨라졌지만 정확도는 조금 내려갔다. bucketing에는 장단점이 있다.", True),
        (
            "## 비교\n- 기본: 50분, 0.904\n- bucketing: 24분, 0.905\n\n시간이 절반으로 줄고 정확도는 비슷하다.",
            True,
        ),
        ("두 모델의 학습 시간 차이는 거의 없었다. 동적 패딩이 제대로 적용되지 않은 것 같다.", True),
        ("속도는 빨라졌지만 정확도는 조금 내려갔다.", False),
        ("데이터가 너무 많아서 9시간에서 1시간으로 줄이려고 10%만 사용했다.", False),
    ],
)
def test_both_sides_in_a_cell_that_names_bucketing(text, wanted):
    assert (depth(text) != "none") is wanted


def test_comments_say_what_happened_or_only_what_a_line_is_for():
    assert (
        depth(("code", "# 동적 패딩으로 학습 속도 향상\ncollator = DataCollatorWithPadding(tok)")) == "none"
    )
    said = "# 동적 패딩 적용 결과 학습 시간이 50분에서 22분으로 줄었고\n# 정확도는 0.901로 거의 같았다\nx = 1"
    assert depth(("code", said)) != "none"


def test_a_conclusion_printed_in_a_branch_is_not_the_students_word():
    code = "if fast:\n    print('Bucketing으로 학습 시간이 2배 단축되고 정확도도 0.91로 향상되었습니다')"
    assert depth(("code", code)) == "none"


def test_analysis_says_what_it_is_about_and_quotes():
    text = "버킷팅으로 시간이 50분에서 25분으로 줄었다. 불필요한 패딩이 줄었기 때문이다."
    (analysis,) = of(observations(text), Kind.ANALYSIS)
    assert {"bucketing", "speed", "reason"} <= set(analysis.value["about"])
    assert analysis.quote and analysis.cell == 0 and analysis.value["words"] >= 8


# ---------------------------------------------------------------- claims


@pytest.mark.parametrize(
    ("text", "about", "says", "number"),
    [
        ("버킷팅을 적용하니 1.5배 빨라졌다.", "speed", "better", 1.5),
        ("동적 패딩 적용 후 학습 시간이 더 오래 걸렸다.", "speed", "worse", None),
        ("bucketing 전후의 학습 속도는 차이가 없었다.", "speed", "same", None),
        ("Bucketing을 쓰니 정확도가 소폭 하락했다.", "accuracy", "worse", None),
        ("Bucketing을 쓰니 정확도가 0.3% 상승했다.", "accuracy", "better", None),
        ("부켓팅을 적용하지 않았을 때 정확도가 더 높았다.", "accuracy", "worse", None),
        ("버켓팅의 효과가 나타나지 않았다.", "padding", "same", None),
    ],
)
def test_claims(text, about, says, number):
    claims = [o.value for o in of(observations(text), Kind.CLAIM)]
    assert {"about": about, "says": says, **({"number": number} if number else {})} in claims


def test_two_clauses_two_claims():
    text = "부켓팅 적용 시 속도는 2배 빨라졌지만, 성능은 소폭 하락했다."
    claims = [(o.value["about"], o.value["says"]) for o in of(observations(text), Kind.CLAIM)]
    assert claims == [("speed", "better"), ("accuracy", "worse")]


def test_what_was_expected_is_no_claim():
    text = "버킷팅으로 시간 단축을 예상했으나, 실제로는 더 오래 걸렸다."
    assert [o.value["says"] for o in of(observations(text), Kind.CLAIM)] == ["worse"]


# ---------------------------------------------------------------- typed results


def test_markdown_table_with_runs_as_rows():
    text = "| 모델 | 학습 시간 | 검증 정확도 |\n|:--|--:|--:|\n| Baseline | 51 min | 0.9059 |\n| Bucketing | 25분 30초 | 90.71% |\n"
    found = observations(text)
    (table,) = of(found, Kind.TYPED_TABLE)
    assert table.value["header"] == ["모델", "학습 시간", "검증 정확도"] and len(table.value["rows"]) == 2
    assert [(o.value["name"], o.value["value"], o.value["about"]) for o in of(found, Kind.TYPED_NUMBER)] == [
        ("seconds", 3060, "baseline"),
        ("accuracy", 0.9059, "baseline"),
        ("seconds", 1530, "bucketing"),
        ("accuracy", 0.9071, "bucketing"),
    ]


def test_markdown_table_with_runs_as_columns():
    text = "지표 | 기본 | 버킷팅 적용\n--- | --- | ---\n정확도 | 0.9012 | 0.9003\n시간 | 1:02:10 | 0:31:05\n"
    numbers = {
        (o.value["name"], o.value["about"]): o.value["value"]
        for o in of(observations(text), Kind.TYPED_NUMBER)
    }
    assert numbers == {
        ("accuracy", "baseline"): 0.9012,
        ("accuracy", "bucketing"): 0.9003,
        ("seconds", "baseline"): 3730,
        ("seconds", "bucketing"): 1865,
    }


def test_a_table_of_something_else_is_not_a_result():
    assert (
        of(observations("| 옵션 | 뜻 |\n|---|---|\n| fp16 | 16 bit |\n| seed | 42 |\n"), Kind.TYPED_TABLE)
        == []
    )


def test_numbers_in_prose():
    text = "#### 버킷팅 적용 전후\n- 적용 전 : 3시간 18분\n- 적용 후 : 1시간 32분\n\n최종 검증 정확도는 90.2%였다."
    numbers = [
        (o.value["name"], o.value["value"], o.value["about"])
        for o in of(observations(text), Kind.TYPED_NUMBER)
    ]
    assert ("seconds", 11880, "baseline") in numbers and ("seconds", 5520, "bucketing") in numbers
    assert any(name == "accuracy" and value == 0.902 for name, value, _ in numbers)


def test_a_target_is_no_result():
    assert of(observations("Validation accuracy를 90% 이상으로 개선한다."), Kind.TYPED_NUMBER) == []


@pytest.mark.parametrize(
    "source",
    [
        "df = pd.DataFrame({'Model': ['Baseline', 'Bucketing'], 'Accuracy': [0.9012, 0.9003], 'Time': [5064.8, 2510.2]})",
        "baseline = {'accuracy': 0.9012, 'time': 5064.8}\nbucketing = {'accuracy': 0.9003, 'time': 2510.2}",
    ],
)
def test_results_typed_into_code(source):
    found = observations(("code", source))
    assert of(found, Kind.TYPED_TABLE)
    numbers = {(o.value["name"], o.value["about"]): o.value["value"] for o in of(found, Kind.TYPED_NUMBER)}
    assert numbers[("accuracy", "baseline")] == 0.9012 and numbers[("seconds", "bucketing")] == 2510.2


def test_computed_results_are_not_typed():
    source = "results = {'accuracy': [m['eval_accuracy'] for m in ms], 'time': elapsed}\nargs = {'lr': 0.1, 'epochs': 3}"
    assert of(observations(("code", source)), Kind.TYPED_TABLE) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("51 min", 3060),
        ("3시간 18분, 약 200분", 11880),
        ("4903.6732s(81분)", 4903.6732),
        ("1h 50m에서", 6600),
        ("02:08:50", 7730),
        ("34:45", 2085),
        ("2,510.5초", 2510.5),
        ("초당 30개", None),
        ("없음", None),
    ],
)
def test_durations(text, value):
    assert amounts.seconds(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.9055", 0.9055),
        ("90.15%", 0.9015),
        ("90.6", 0.906),
        ("90 %", 0.9),
        ("3", None),
        ("0.12", None),
        ("1,024", None),
    ],
)
def test_accuracies(text, value):
    assert amounts.accuracy(text) == value


# ---------------------------------------------------------------- everything else


def test_reflection():
    text = "## 회고\n- 배운 점: Trainer 사용법을 알게 되었다.\n- 아쉬운 점: 시간이 부족해서 더 시도하지 못했다.\n- 어려웠던 점: 메모리 오류"
    (found,) = of(observations("# 제목", ("code", "x"), text), Kind.REFLECTION)
    assert {"learned", "regret", "difficulty"} <= set(found.value["about"]) and found.value["words"] > 10


def test_debug_record_needs_problem_and_answer():
    text = "### 문제 발생\nCUDA 메모리 부족 오류가 났다.\nbatch_size를 8로 낮춰서 해결했다."
    assert len(of(observations(text), Kind.DEBUG_RECORD)) == 1
    assert of(observations("CUDA 메모리 부족 오류가 났다. 너무 힘들다."), Kind.DEBUG_RECORD) == []
    asked = "CUDA 메모리 부족 오류가 나면 무엇을 줄일 수 있을까요?\n\n배치 크기를 줄여서 해결했다면 다음 실험에도 적용하세요."
    assert of(observations(asked), Kind.DEBUG_RECORD) == []
    assert (
        of(
            observations(("code", "# Raise an exception for HTTP errors\n# convert to dataframe")),
            Kind.DEBUG_RECORD,
        )
        == []
    )


def test_evidence_a_person_must_look_at():
    text = "![표](attachment:a.png) ![w](https://example.org/run.png)\n[run](https://wandb.ai/me/p/runs/1)\n```mermaid\ngraph TD\n```"
    found = read(
        Submission(name="x", sha256="", cells=(Cell(index=0, kind="markdown", source=text, attachments=1),))
    )
    assert of(found, Kind.IMAGE)[0].value == {"where": "markdown", "count": 2}
    assert any("wandb.ai" in o.value["url"] for o in of(found, Kind.LINK))
    assert of(found, Kind.FLOW_DIAGRAM)


def test_hostile_text_is_only_text():
    odd = [
        "|" * 50_000,
        "#" * 50_000,
        "*" * 50_000,
        "버킷팅 " * 20_000,
        "a: 1\n" * 20_000,
        "```\n" * 9_000,
        "\x00\u202e표",
    ]
    for text in odd:
        observations(text, ("code", text))


@pytest.mark.parametrize(
    "text",
    [
        "동적 패딩을 쓰니 4시간 넘게 걸리던 학습이 38분만에 끝났다.",
        "버킷팅 쓰니까 진짜 빠르다. 2시간짜리가 50분이 됐다.",
        "버켓팅을 적용했음에도 학습시간에 큰 변화가 없었다.",
        "학습시간: 버킷팅 X 1시간 21분 / 버킷팅 O 35분. 절반 이상 줄었다!",
        "패딩을 동적으로 하니 GPU 메모리도 적게 쓰고 시간도 40% 정도 절약됐다.",
        "Dynamic padding reduced training time from 52 minutes to 21 minutes without hurting accuracy.",
        "버킷팅을 하면 속도가 빨라질 줄 알았는데 별 차이가 없었다.",
        "- Bucketing 미적용: 3,912초\n- Bucketing 적용: 1,604초\n\n결론적으로 2.4배 빠르게 학습할 수 있었다.",
        "버킷팅의 효과는 확실했다. 학습 시간이 눈에 띄게 줄었다.",
        "steps per second가 2.1에서 5.3으로 올랐으니 버킷팅이 확실히 효과가 있다.",
        "group_by_length 옵션을 줘도 시간이 똑같이 걸린다. 뭔가 잘못된 것 같다.",
        "Bucketing 을 하니 1 epoch 에 15분 -> 6분",
        "버킷팅은 확실히 시간을 아껴줬다.",
        "시간: 2h 15m → 31m\n정확도: 0.908 → 0.912\n버킷팅 효과 굿",
        "Bucketing didn't help much: 2412s vs 2398s.",
        "Bucketing이란 비슷한 문장을 묶는 것이다.\n### 결론\n훈련 시간이나 성능 면에서 눈에 띄는 차이를 확인하지 못했다.",
    ],
)
def test_ways_of_saying_how_it_came_out(text):
    assert depth(text) in ("short", "yes")


@pytest.mark.parametrize(
    "text",
    [
        "버킷팅 코드를 짜는 게 어려웠다. 특히 collator를 이해하는 데 오래 걸렸다.",
        "버킷팅이 뭔지 몰라서 찾아보느라 시간이 오래 걸렸다.",
        "팀원들은 버킷팅을 적용해서 빨라졌다고 하는데 나는 아직 못 했다.",
        "Bucketing을 적용하면 패딩이 감소하여 학습 속도 향상, 메모리 절약의 장점이 있다.",
        "전체 데이터로 학습하니 3시간이 걸려서 5만 개로 줄였다. 40분으로 줄었다.",
        "배치 사이즈를 16에서 64로 늘리니 학습 시간이 52분에서 31분으로 줄었다.",
    ],
)
def test_another_persons_result_other_settings_and_theory(text):
    assert depth(text) == "none"


def test_time_and_accuracy_on_one_line_belong_to_the_run_its_label_names():
    text = "- Bucketing 적용 전 : 3,655초, accuracy 0.9036\n- Bucketing 적용 후 : 3,620초, accuracy 0.9043"
    cell = Cell(index=0, kind="markdown", source=text)
    found = [
        o.value for o in read(Submission(name="a", sha256="0", cells=(cell,))) if o.kind == "typed-number"
    ]
    assert {(v["about"], v["name"], v["value"]) for v in found} == {
        ("baseline", "seconds", 3655.0),
        ("baseline", "accuracy", 0.9036),
        ("bucketing", "seconds", 3620.0),
        ("bucketing", "accuracy", 0.9043),
    }


def test_what_did_not_fall_is_the_same():
    text = "버킷팅을 쓰니 32분 걸리던 학습이 12분이면 끝나고 정확도도 떨어지지 않았다."
    claims = {(o.value["about"], o.value["says"]) for o in of(observations(text), Kind.CLAIM)}
    assert claims == {("speed", "better"), ("accuracy", "same")}


def test_the_longer_time_named_second_is_the_other_runs():
    text = "Dynamic padding finished in 21 minutes whereas the fixed-length run needed 55 minutes."
    assert [(o.value["about"], o.value["says"]) for o in of(observations(text), Kind.CLAIM)] == [
        ("speed", "better")
    ]


@pytest.mark.parametrize(
    ("text", "observed", "goal"),
    [
        ("토크나이저 → collator → Trainer", False, False),
        ("학습 시간 61분 → 28분", True, False),
        ("만약 차이가 난다면 그 까닭을 적는다", False, False),
        ("두 실행의 차이가 난다", True, False),
        ("정확도 0.9052를 넘었다", True, False),
        ("정확도 90%를 넘었다", True, True),
    ],
)
def test_an_arrow_or_a_condition_is_no_result_and_a_score_no_goal(text, observed, goal):
    assert (bool(lexicon.OBSERVED.search(text)), bool(lexicon.GOAL.search(text))) == (observed, goal)
