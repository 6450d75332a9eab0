"""rubric.toml: what is shipped, and what is refused with which sentence."""

from __future__ import annotations

import pytest

from grader import rubric
from grader.checks.thresholds import DEFAULTS
from grader.errors import BadRubric

ITEM = """version = 1
[[item]]
id = "r1"
ko = "가"
en = "a"
[[item]]
id = "r2"
ko = "나"
en = "b"
{more}
[[item]]
id = "r3"
ko = "다"
en = "c"
"""


def write(folder, text: str):
    path = folder / "rubric.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_rubric_has_the_courses_words_and_the_goal():
    items = rubric.load()
    assert [i.id for i in items] == ["r1", "r2", "r3"]
    assert items[0].text.ko == "모델과 데이터를 정상적으로 불러오고, 작동하는 것을 확인하였다."
    assert items[1].thresholds["accuracy"] == 0.90
    assert all(i.text.en for i in items)


def test_shipped_thresholds_ranges_and_defaults_name_the_same_things():
    shipped = {i.id: i.thresholds for i in rubric.load()}
    assert shipped == DEFAULTS
    assert {k: set(v) for k, v in rubric.RANGES.items()} == {k: set(v) for k, v in DEFAULTS.items()}


def test_another_goal(tmp_path):
    path = write(tmp_path, ITEM.format(more="points = 2\n[item.thresholds]\naccuracy = 0.85"))
    item = rubric.load(path)[1]
    assert (item.points, item.thresholds["accuracy"]) == (2.0, 0.85)


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ("pionts = 2", "r2.pionts"),
        ("points = -1", "r2.points"),
        ("points = true", "r2.points"),
        ("[item.thresholds]\nacuracy = 0.9", "r2.thresholds.acuracy"),
        ("[item.thresholds]\naccuracy = 90", "r2.thresholds.accuracy"),
        ("[item.thresholds]\naccuracy = 'high'", "r2.thresholds.accuracy"),
    ],
)
def test_refuses_what_cannot_be_meant(tmp_path, more, names):
    with pytest.raises(BadRubric) as caught:
        rubric.load(write(tmp_path, ITEM.format(more=more)))
    assert names in str(caught.value) and names in caught.value.text.ko


@pytest.mark.parametrize(
    "text",
    [
        "version = 2",
        "version = 1",
        "version = 1\nitem = 3",
        "version = [",
        'version = 1\n[[item]]\nid = "r9"\nko = "a"\nen = "b"',
        'version = 1\n[[item]]\nid = "r1"\nko = ""\nen = "b"',
        'version = 1\n[[item]]\nid = "r1"\nko = "a"\nen = "b"',
        "\x00",
    ],
)
def test_refuses_broken_files_in_one_sentence(tmp_path, text):
    with pytest.raises(BadRubric) as caught:
        rubric.load(write(tmp_path, text))
    assert str(caught.value)


def test_a_missing_file_is_a_sentence(tmp_path):
    with pytest.raises(BadRubric, match="can't be read"):
        rubric.load(tmp_path / "none.toml")


def test_the_wheel_finds_its_own_copy(monkeypatch, tmp_path):
    package = tmp_path / "site" / "grader"
    package.mkdir(parents=True)
    monkeypatch.setattr(rubric, "__file__", str(package / "rubric.py"))
    assert rubric.default_path() == package / "rubric.toml"
