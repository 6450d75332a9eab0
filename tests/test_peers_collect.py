"""Reviews read as people write them: every habit of tests/reviews, mutated ones, and whole folders."""

from __future__ import annotations

import hashlib
import json
import random
import time
from pathlib import Path

import pytest

from grader import rubric
from grader.peers import sheets
from grader.peers.collect import collect
from grader.peers.reading import read
from grader.peers.reviews import Says
from tests.reviews import build

HERE = Path(__file__).parent / "reviews"
EXPECTED = json.loads((HERE / "expected.json").read_text("utf-8"))
SURE = {Says.YES, Says.NO, Says.PARTIAL, Says.NOT_APPLICABLE}


def text_of(name: str) -> str:
    return (HERE / f"{name}.md").read_bytes().decode("utf-8")


def marks(review) -> dict[str, str]:
    """Answers by topic; questions without a box (V3's headings, the rubric's lines) only where marked."""
    return {a.topic: str(a.says) for a in review.answers}


def test_the_files_are_what_the_script_makes():
    made = build.cases()
    assert len(made) >= 40 and set(made) == set(EXPECTED)
    for name, found in made.items():
        assert text_of(name) == found.text, f"{name}: run python -m tests.reviews.build"
        assert EXPECTED[name] == build.expected(found)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_habit_is_read(name):
    want = EXPECTED[name]
    found = read(text_of(name), f"{name}.md")
    assert len(found) == len(want["answers"])
    for review, answers in zip(found, want["answers"], strict=True):
        got = marks(review)
        assert {topic: got.get(topic) for topic in answers} == answers
        extra = {topic: says for topic, says in got.items() if topic not in answers}
        assert set(extra.values()) <= {"open"}
    assert found[0].version == want["version"]
    assert (found[0].coder, found[0].reviewer) == ("코더 가", "리뷰어 나")
    assert sum(review.images for review in found) == want["images"]
    assert any(review.unread for review in found) == want["unread"]
    assert all(0 < note.line <= text_of(name).count("\n") + 1 for r in found for note in r.unread)


@pytest.mark.parametrize("name", [n for n in sorted(EXPECTED) if n.endswith("never-filled")])
def test_a_sheet_nobody_filled_in_is_blank(name):
    assert read(text_of(name))[0].blank


@pytest.mark.parametrize("template", ["v0", "v1", "v2", "v3", "v4"])
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_our_own_sheets_are_read_back_and_blank_until_filled(template, lang):
    text = sheets.sheet(
        rubric.load(), template=template, lang=lang, assist="facts", coder="work-01", reviewer="kim"
    )
    (found,) = read(text)
    assert found.blank and not found.unread and found.coder == "work-01" and found.reviewer == "kim"
    yes, no = ("예", "아니요") if lang == "ko" else ("yes", "no")
    where = text.index("ucketing")  # the third rubric item, and its first choice
    filled = text[:where] + text[where:].replace(f"[ ] {no}", f"[x] {no}", 1)
    if template != "v3":
        filled = filled.replace("- [ ]", "- [x]") if template != "v1" else filled.replace("- [ ]", "- [o]")
    (again,) = read(filled)
    answers = {a.topic: a.says for a in again.answers}
    assert answers["r3"] is Says.NO and answers["r1"] is Says.OPEN
    assert answers["q1"] is (Says.OPEN if template == "v3" else Says.YES)
    assert yes


def test_question_three_asks_in_two_ways():
    asked = {
        name: next(a for a in read(text_of(name))[0].answers if a.topic == "q3")
        for name in ("v1-circles-and-crosses", "v1-negative-question-turned")
    }
    assert asked["v1-circles-and-crosses"].safe is False
    assert asked["v1-negative-question-turned"].safe is True


def test_stars_that_stood_there_before_are_no_marks():
    (found,) = read(text_of("v1-all-circles"))
    assert "⭐" in text_of("v1-all-circles")
    assert not [a for a in found.answers if a.topic.startswith("r")]


def mutations(text: str, chance: random.Random) -> str:
    """What editors, copying and tired people do to a page; the marks themselves stay."""
    lines = text.split("\n")
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(lines))
        kind = chance.randrange(7)
        line = lines[at]
        if kind == 0:
            lines.pop(at)
        elif kind == 1 and "[" not in line and len(line) > 3:
            where = chance.randrange(len(line))
            lines[at] = line[:where] + line[where + 1 :]
        elif kind == 2 and "]" in line:
            head, _, tail = line.partition("]")
            where = chance.randrange(len(tail) + 1)
            lines[at] = f"{head}]{tail[:where]}{chance.choice('가 *_#x)')}{tail[where:]}"
        elif kind == 3:
            lines.insert(at, chance.choice(["", "```", "> 인용", "<br>", "| a | b |", "- [ ] 할 일", "#"]))
        elif kind == 4:
            lines[at] = "  " * chance.randrange(4) + line
        elif kind == 5:
            lines[at] = line.replace("**", "")
        else:
            lines[at] = line + chance.choice([" ", "  ", "\t", " (수정)", "​"])
        lines = lines or [""]
    return "\n".join(lines)


def test_mutated_reviews_never_crash_and_never_yield_a_confident_wrong_mark():
    chance = random.Random(8)
    wrong, sure, total = [], 0, 0
    names = [n for n in sorted(EXPECTED) if len(EXPECTED[n]["answers"]) == 1]
    for turn in range(240):
        name = names[turn % len(names)]
        truth = EXPECTED[name]["answers"][0]
        for review in read(mutations(text_of(name), chance)):
            for answer in review.answers:
                total += 1
                sure += answer.says in SURE
                if answer.says in SURE and truth.get(answer.topic) != str(answer.says):
                    wrong.append((name, turn, answer))
    assert not wrong
    assert sure > 0.5 * total  # and it doesn't get there by refusing to read


def test_random_bytes_are_no_review():
    chance = random.Random(1)
    for _ in range(50):
        raw = bytes(chance.randrange(256) for _ in range(400)).decode("utf-8", "replace")
        assert read(raw) == ()


@pytest.mark.parametrize(
    "unit", ["![[" * 330, "> " * 450 + "x", "<img " * 190, "- [x] " * 160, "- " * 450 + "a"]
)
def test_a_page_made_to_be_slow_is_read_in_seconds(unit):
    start = time.process_time()
    read(text_of("v4-small-x") + f"{unit}\n" * 400)
    assert time.process_time() - start < 10


def test_a_folder_is_read_and_left_as_it_was(tmp_path):
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "README.md").write_bytes((HERE / "v4-small-x.md").read_bytes())
    (tmp_path / "notes.md").write_text("# 회의록\n\n- [x] 회의실 예약\n", "utf-8")
    (tmp_path / "old.md").write_bytes(text_of("v0-all-ticked").replace("✍️", "").encode("cp949", "ignore"))
    before = {p: hashlib.sha256(p.read_bytes()).digest() for p in tmp_path.rglob("*.md")}
    found = collect(tmp_path)
    assert [r.file for r in found.reviews] == ["old.md", "team/README.md"]
    assert found.not_reviews == ("notes.md",)
    assert found.reviews[0].unread[0].line == 0  # read as CP949, and it says so
    assert {a.says for a in found.reviews[0].answers if a.topic.startswith("q")} == {Says.YES}
    assert before == {p: hashlib.sha256(p.read_bytes()).digest() for p in tmp_path.rglob("*.md")}
