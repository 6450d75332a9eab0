"""Reviews set beside the evidence: what is confirmed, contradicted, left to people; weights; practice."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import msgspec
import pytest
from markdown_it import MarkdownIt

from grader import pipeline, rubric
from grader.peers import calibrate, feedback, merge, standing, weigh
from grader.peers.compare import Result
from grader.peers.reading import read
from grader.peers.reflect import Reflection, reflect
from grader.peers.reviews import VERSION, Collected, PeerReview, Says
from grader.records import Status, from_json, to_json
from tests.reviews.build import fill

CORPUS = Path(__file__).parent / "corpus"


@cache
def known(name: str):
    return pipeline.check(CORPUS / name / "submission.ipynb", None, rubric.load())


def review(words=(), marks=("x",) * 5, version="v4", reviewer="kim") -> PeerReview:
    (found,) = read(fill(version, list(marks), tuple(words)), "r.md")
    return msgspec.structs.replace(found, reviewer=reviewer, coder="c")


def on(name: str, found: PeerReview, others=()) -> Reflection:
    evidence, judgement = known(name)
    return reflect(found, evidence, judgement, others)


def results(reflection: Reflection, kind: str) -> list[Result]:
    return [c.result for c in reflection.checked if c.claim.kind == kind]


def test_a_bucketing_that_changed_nothing_contradicts_the_praise_of_it():
    praised = on("pads-to-max", review(["Bucketing을 성공적으로 적용하여 속도가 빨라졌습니다."]))
    assert results(praised, "bucketing") == [Result.CONTRADICTED]
    contradicted = praised.of(Result.CONTRADICTED)[0]
    assert 11 in contradicted.cells and contradicted.claim.line > 0
    assert [fact.id for fact in praised.missed] == ["no-op-bucketing"]
    good = on("correct", review(["Bucketing을 성공적으로 적용하여 속도가 빨라졌습니다."]))
    assert results(good, "bucketing") == [Result.CONFIRMED]


@pytest.mark.parametrize(
    "sentence",
    [
        "셀 11에서 버킷팅을 켰지만 이미 패딩되어 있어 효과가 없습니다.",
        "group_by_length를 켜도 셀 4에서 같은 길이로 맞춰 두어 시간이 그대로입니다.",
        "Dynamic padding has no effect here: cell 4 pads everything.",
    ],
)
def test_noticing_it_in_ones_own_words_counts(sentence):
    seen = on("pads-to-max", review([sentence]))
    assert [fact.id for fact, _ in seen.noticed] == ["no-op-bucketing"] and not seen.missed
    assert not seen.of(Result.CONTRADICTED)


def test_numbers_are_looked_up_and_never_called_wrong_for_not_being_found():
    found = on("pads-to-max", review(["정확도 0.9043을 얻었고 정확도 0.9512도 보입니다."]))
    assert results(found, "accuracy") == [Result.CONFIRMED, Result.UNDECIDED]


def test_a_threshold_is_measured_against_the_best_accuracy_on_record():
    sentence = ["정확도 90% 이상을 달성했습니다."]
    assert results(on("pads-to-max", review(sentence)), "threshold") == [Result.CONFIRMED]
    low = on("below-90", review(sentence))
    assert results(low, "threshold") == [Result.CONTRADICTED]
    assert "0.8790" in low.of(Result.CONTRADICTED)[0].why.ko


def test_what_a_reviewer_says_of_their_own_notebook_is_no_claim():
    assert not results(on("below-90", review(["저는 정확도 92%가 나왔습니다."])), "accuracy")


def test_empty_boxes_under_praise_are_no_no_and_count_for_nobody():
    polite = on("below-90", review(["전체적으로 잘 작성하셨습니다."], marks=[""] * 5))
    (claim,) = [c.claim for c in polite.checked if c.claim.kind == "answer"]
    assert claim.says is Says.YES and claim.basis == "tone"
    assert len(polite.gaps) == len(polite.missed) + len(polite.noticed)


def test_a_tick_over_question_three_that_its_words_deny_stays_with_people():
    page = fill("v0", ["x"] * 5, ("", "", "대부분의 코드에는 이상이 없어 보입니다."))
    found = on("pads-to-max", read(page)[0])
    (third,) = [c for c in found.checked if c.claim.topic == "q3"]
    assert third.result is Result.UNDECIDED
    plain = on("pads-to-max", read(fill("v0", ["x"] * 5))[0])
    (third,) = [c for c in plain.checked if c.claim.topic == "q3"]
    assert third.result is Result.CONFIRMED and 6 in third.cells  # load_metric is gone


def test_opinions_are_never_contradicted():
    for name in ("pads-to-max", "below-90", "trains-on-test"):
        for marks in (["x"] * 5, ["아니요"] * 5):
            for checked in on(name, review(marks=marks)).checked:
                if checked.claim.topic in ("q2", "q5"):
                    assert checked.result is Result.UNDECIDED


def test_a_cell_that_is_not_there_is_said_kindly():
    found = on("pads-to-max", review(["셀 99의 코드가 좋았습니다."]))
    assert results(found, "cell") == [Result.UNDECIDED]


def test_specific_polite_and_repeated_sentences_are_told_apart():
    same = "정말 수고하셨습니다, 전반적으로 훌륭합니다."
    before = review([same] * 3)
    found = on("pads-to-max", review([same, same, "셀 4의 `max_length=60`은 근거가 있나요?"]), (before,))
    assert (found.specificity.pointed, found.specificity.polite, found.specificity.repeated) == (1, 2, 2)
    assert [s.text for s in found.beyond] == ["셀 4의 `max_length=60`은 근거가 있나요?"]


@pytest.mark.parametrize("lang, word", [("ko", "빨라졌습니다"), ("en", "changes nothing")])
def test_feedback_names_cells_in_both_languages_and_is_no_grade(lang, word):
    praised = on("pads-to-max", review(["Bucketing을 성공적으로 적용하여 속도가 빨라졌습니다."]))
    page = feedback.write(praised, "work-01", lang)
    assert word in page and "11" in page and ("셀" if lang == "ko" else "cell") in page
    assert not any(harsh in page for harsh in ("틀렸", "오답", "wrong", "failed"))


def test_hostile_words_of_a_reviewer_stay_text_in_the_pages():
    evil = "<script>alert(1)</script> [x](javascript:alert(1)) 셀 4는 왜 필요한가요?"
    found = on("pads-to-max", review([evil]))
    whole = standing.standing((found,), Collected(version=VERSION, reviews=(found.review,)))
    merged = merge.merge("c", *known("pads-to-max"), (found,), whole.weights)
    for page in (feedback.write(found, "c", "ko"), merge.page(merged, known("pads-to-max")[1], 1, "ko")):
        shown = MarkdownIt("commonmark").render(page)
        assert "<script" not in shown and "<a href" not in shown and "셀 4는 왜" in shown


# ---------------------------------------------------------------- weights and agreement


def test_who_agrees_with_the_evidence_weighs_more_where_it_is_silent():
    opinions = {("w", "q2"): {"good": 1.0, "bad": 0.0}, ("w", "q5"): {"good": 1.0, "bad": 0.0}}
    found = weigh.weigh({"good": [0.0] * 10, "bad": [1.0] * 10}, opinions)
    assert found.weights["good"] > 1.5 > 0.75 > found.weights["bad"] > 0
    assert found.consensus["w", "q2"] > 0.7
    even = weigh.weigh({"a": [0.5] * 4, "b": [0.5] * 4}, {("w", "q2"): {"a": 1.0, "b": 0.0}})
    assert even.consensus["w", "q2"] == pytest.approx(0.5)


def test_large_weights_are_damped_as_published():
    # Nine bad reviewers and a perfect one: the plain ratio would be far above what Hamer's damping allows.
    settled = {f"bad{i}": [1.0] * 20 for i in range(9)} | {"good": [0.0] * 20}
    weight = weigh.weigh(settled, {}).weights["good"]
    overall = 0.9
    ratio = overall / ((weigh.PRIOR * overall) / (20 + weigh.PRIOR))
    assert ratio > 2 and weight == pytest.approx(2 + math.log(ratio - 1))


def test_alpha_of_the_textbook_example():
    # Krippendorff (2011), two observers, ten nominal units: alpha = 0.095.
    a, b = (0, 1, 0, 0, 0, 0, 0, 0, 1, 0), (1, 1, 1, 0, 0, 1, 0, 0, 0, 0)
    units = {("w", str(i)): {"a": float(x), "b": float(y)} for i, (x, y) in enumerate(zip(a, b, strict=True))}
    assert weigh.alpha(units) == pytest.approx(0.095, abs=0.001)
    assert weigh.alpha({("w", "1"): {"a": 1.0}}) is None


# ---------------------------------------------------------------- merge


def test_an_instructors_decision_stands_over_the_machine_and_is_named():
    evidence, judgement = known("pads-to-max")
    found = on("pads-to-max", review(["셀 4의 `max_length=60`은 근거가 있나요?"]))
    weights = weigh.weigh({}, standing.open_questions((found,)))
    decision = merge.Decision(item="r3", status=Status.PASS, who="이강사", why="직접 설명을 들었습니다.")
    merged = merge.merge("c", evidence, judgement, (found,), weights, [decision])
    assert merged.statuses["r3"] is Status.PASS and merged.decided_by["r3"] == "instructor"
    assert merged.decided_by["r1"] == "machine"
    assert {s.source for s in merged.said} == {"machine", "peer", "instructor"}
    page = merge.page(merged, judgement, 1, "ko")
    assert "〔강사 · 이강사〕" in page and "〔동료 A" in page and "〔채점기 · 셀" in page
    assert all(
        line.rstrip().endswith("*") for line in page.splitlines() if line.startswith("- ") and "✍️" not in line
    )
    assert from_json(to_json(merged), merge.Merged) == merged


def test_what_the_evidence_contradicts_is_kept_in_the_data_and_left_out_of_the_page():
    claim = "Bucketing을 성공적으로 적용하여 속도가 빨라졌습니다."
    found = on("pads-to-max", review([claim]))
    merged = merge.merge("c", *known("pads-to-max"), (found,), weigh.weigh({}, {}))
    assert [s.standing for s in merged.said if s.text.ko == claim] == ["contradicted"]
    assert claim not in merge.page(merged, known("pads-to-max")[1], 1, "ko")


def test_peers_alone_never_decide_an_item():
    evidence, judgement = known("pads-to-max")
    items = tuple(msgspec.structs.replace(v, status=Status.UNDECIDED) for v in judgement.items)
    open_ = msgspec.structs.replace(judgement, items=items)
    found = reflect(review(), evidence, open_)
    merged = merge.merge("c", evidence, open_, (found,), weigh.weigh({}, standing.open_questions((found,))))
    assert set(merged.statuses.values()) == {Status.UNDECIDED}
    assert set(merged.decided_by.values()) == {"nobody"}


# ---------------------------------------------------------------- practice


def test_practice_shows_what_was_overlooked_and_a_careful_reader_scores_higher(tmp_path):
    for name in ("easy", "careful"):
        assert (
            calibrate.hand_out(tmp_path / name, rubric.load(), template="v4", lang="ko", reviewer="kim") == 4
        )
    assert not any(fault in p.name for p in tmp_path.rglob("*") for fault in calibrate.SAMPLES)
    careful = {
        "sample-1": "셀 11에서 버킷팅을 켰지만 셀 4에서 이미 패딩되어 효과가 없습니다.",
        "sample-2": "Bucketing을 적용하여 행당 토큰이 줄어 시간이 단축되었습니다.",
        "sample-3": "표에 적은 숫자가 출력과 다르고, 버킷팅 실행은 남아 있지 않습니다.",
        "sample-4": "출력이 지금 코드와 맞지 않아, 다시 실행한 결과가 필요합니다.",
    }
    for path in sorted((tmp_path / "careful").glob("*.md")):
        text = path.read_text("utf-8").rstrip()
        path.write_text(f"{text}\n\n{careful[path.stem]}\n", "utf-8")
    for path in sorted((tmp_path / "easy").glob("sample-[1-3].md")):
        text = path.read_text("utf-8").replace("[ ] 예", "[x] 예").replace("- [ ]", "- [x]")
        path.write_text(text, "utf-8")
    easy = calibrate.score(tmp_path / "easy", rubric.load())
    good = calibrate.score(tmp_path / "careful", rubric.load())
    assert easy.unwritten == ("sample-4",)
    first = dict(easy.reflections)["sample-1"]
    assert [fact.id for fact in first.missed] == ["no-op-bucketing"]
    assert good.score > easy.score
    assert calibrate.hand_out(tmp_path / "easy", rubric.load(), template="v4", lang="ko", reviewer="k") == 0


def test_the_wheel_carries_every_sample():
    import tomllib

    project = tomllib.loads((CORPUS.parents[1] / "pyproject.toml").read_text("utf-8"))
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for name in calibrate.SAMPLES:
        assert carried[f"tests/corpus/{name}/submission.ipynb"] == f"grader/samples/{name}/submission.ipynb"
