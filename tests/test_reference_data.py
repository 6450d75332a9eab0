"""reference/data.py: NSMC's own format, cleaning, and rows that keep their own length."""

from __future__ import annotations

import doctest

import pytest

pytest.importorskip("transformers")

from reference import data, model
from reference.compare import POCKET_MODEL


def written(path, *lines: str):
    path.write_text("id\tdocument\tlabel\n" + "".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_quotes_are_characters(tmp_path):
    path = written(tmp_path / "a.txt", '1\t"좋다\t1', '2\t나쁘다"\t0', "3\t\t1")
    assert data.read(path) == [("1", '"좋다', 1), ("2", '나쁘다"', 0), ("3", "", 1)]


@pytest.mark.parametrize("line", ["1\t좋다", "1\t좋다\t2", "1\t좋다\t1\t0", ""])
def test_a_bad_line_is_named(tmp_path, line):
    path = written(tmp_path / "b.txt", "1\t좋다\t1", line)
    with pytest.raises(ValueError, match=r"b\.txt, line 3"):
        data.read(path)


def test_cleaning_drops_empty_and_repeated_rows():
    reviews = [
        data.Review(str(i), text, 1)
        for i, text in enumerate(["좋다", "", " 좋다 ", "아ㅋㅋㅋㅋㅋ", "아ㅋㅋㅋ"])
    ]
    assert [r.text for r in data.clean(reviews)] == ["좋다", "아ㅋㅋㅋ"]


def test_rows_keep_their_length_and_are_cut_at_max_length():
    tokenizer = model.load_tokenizer(POCKET_MODEL)
    reviews = [data.Review("1", "좋다", 1), data.Review("2", "정말 좋은 영화였다 " * 40, 0)]
    short, long = data.tokenise(reviews, tokenizer, max_length=50)
    assert len(short.ids) < 8 and len(long.ids) == 50
    assert {short.ids[0], long.ids[0]} == {tokenizer.cls_token_id} and long.ids[-1] == tokenizer.sep_token_id
    assert tokenizer.pad_token_id not in short.ids + long.ids


def test_worked_examples_are_true():
    from reference import batching, train

    for module in (data, batching, train):
        result = doctest.testmod(module)
        assert result.attempted and not result.failed, module.__name__
