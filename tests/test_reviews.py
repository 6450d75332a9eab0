"""The synthetic reviews: format, counts, determinism, length profile, and that counting words won't do."""

from __future__ import annotations

import random
from pathlib import Path
from statistics import median

import pytest

from grader.classroom import reviews, reviews_korean, reviews_words

MODEL = Path(reviews.__file__).parent / "pocket" / "model"


def rows_of(path: Path) -> list[list[str]]:
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[0] == "id\tdocument\tlabel" and lines[-1] == ""
    return [line.split("\t") for line in lines[1:-1]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("reviews")
    reviews.write(folder, train=20_000, test=3_000, hidden=1_000, seed=7)
    return folder


def test_counts_format_and_ids(folder):
    rows = {n: rows_of(folder / n) for n in ("ratings_train.txt", "ratings_test.txt", "hidden.txt")}
    assert [len(r) for r in rows.values()] == [20_000, 3_000, 1_000]
    everything = [row for file in rows.values() for row in file]
    assert all(len(row) == 3 and row[0].isdigit() and row[2] in "01" for row in everything)
    assert len({row[0] for row in everything}) == 24_000
    assert sum(row[1] == "" for row in rows["ratings_train.txt"]) == 5
    assert 0.47 < sum(row[2] == "1" for row in everything) / 24_000 < 0.53


def test_same_seed_same_bytes_other_seed_other_text(folder, tmp_path):
    for name, seed in (("same", 7), ("other", 8)):
        reviews.write(tmp_path / name, train=20_000, test=3_000, hidden=1_000, seed=seed)
    for file in ("ratings_train.txt", "ratings_test.txt", "hidden.txt"):
        original = (folder / file).read_bytes()
        assert (tmp_path / "same" / file).read_bytes() == original
        assert (tmp_path / "other" / file).read_bytes() != original


def test_hidden_texts_are_new_and_few_rows_repeat(folder):
    train = [r[1] for r in rows_of(folder / "ratings_train.txt")]
    hidden = [r[1] for r in rows_of(folder / "hidden.txt")]
    known = set(train) | {r[1] for r in rows_of(folder / "ratings_test.txt")}
    assert not known & set(hidden) and len(set(hidden)) == len(hidden) and "" not in hidden
    assert 0.01 < 1 - len(set(train)) / len(train) < 0.15


def test_length_profile(folder):
    texts = [r[1] for r in rows_of(folder / "ratings_train.txt")]
    assert max(map(len, texts)) == reviews.LIMIT
    tokenizer = pytest.importorskip("tokenizers").Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    tokens = sorted(len(e.ids) for e in tokenizer.encode_batch(texts))
    assert 11 <= median(tokens) <= 15
    assert tokens[int(0.95 * len(tokens))] < 60 < tokens[-1]


def test_a_bag_of_words_stays_under_95_percent(folder):
    text = pytest.importorskip("sklearn.feature_extraction.text")
    linear = pytest.importorskip("sklearn.linear_model")
    train, test = rows_of(folder / "ratings_train.txt"), rows_of(folder / "ratings_test.txt")
    for vectoriser in (
        text.CountVectorizer(token_pattern=r"\S+"),
        text.TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True),
    ):
        model = linear.LogisticRegression(C=2, solver="liblinear")
        model.fit(vectoriser.fit_transform([r[1] for r in train]), [r[2] for r in train])
        accuracy = model.score(vectoriser.transform([r[1] for r in test]), [r[2] for r in test])
        assert 0.65 < accuracy < 0.95  # and learnable: far better than guessing


@pytest.mark.parametrize("maker", ["amount", "film"])
def test_half_a_construction_does_not_tell_the_label(maker):
    """Words of either polarity occur under both labels: what negates them decides."""
    words = reviews_words.phrases()
    for good in (True, False):
        writer = reviews.Writer(random.Random(0))
        texts = [getattr(writer, maker)(good) for _ in range(1500)]
        for kind in (True, False):
            said = words.qualities[kind]
            if maker == "film":
                said = [w[form] for w in words.opinion[kind] for form in ("adnominal", "not")]
            assert sum(any(word in text for word in said) for text in texts) > 300


def test_negation_turns_every_predicate_round():
    words = reviews_words.phrases()
    for good in (True, False):
        writer = reviews.Writer(random.Random(0))
        negated = {w["not"] for aspect in words.aspects for w in aspect.described[not good]}
        texts = [writer.negated(good) for _ in range(1000)]
        assert all(any(word in text for word in negated) or " 안 " in text for text in texts)


@pytest.mark.parametrize(
    ("entry", "kind", "expected"),
    [
        ("지루하", "adjective", "지루하다 지루해요 지루합니다 지루함 지루했다 지루하지만 지루한데 지루한"),
        ("좋/좋아", "adjective", "좋다 좋아요 좋습니다 좋음 좋았다 좋지만 좋은데 좋은"),
        ("아름답/아름다워", "adjective",
         "아름답다 아름다워요 아름답습니다 아름답음 아름다웠다 아름답지만 아름다운데 아름다운"),
        ("재미없/재미없어", "adjective",
         "재미없다 재미없어요 재미없습니다 재미없음 재미없었다 재미없지만 재미없는데 재미없는"),
        ("낫/나아", "adjective", "낫다 나아요 낫습니다 낫음 나았다 낫지만 나은데 나은"),
        ("빛나/빛나", "verb", "빛난다 빛나요 빛납니다 빛남 빛났다 빛나지만 빛나는데 빛난"),
        ("겉돌/겉돌아", "verb", "겉돈다 겉돌아요 겉돕니다 겉돎 겉돌았다 겉돌지만 겉도는데 겉돈"),
        ("감동적이/감동적이야", "adjective",
         "감동적이다 감동적이에요 감동적입니다 감동적임 감동적이었다 감동적이지만 감동적인데 감동적인"),
        ("명작", "noun", "명작이다 명작이에요 명작입니다 명작임 명작이었다 명작이지만 명작인데 명작인"),
        ("최고", "noun", "최고다 최고예요 최고입니다 최고임 최고였다 최고지만 최고인데 최고인"),
    ],
)  # fmt: skip
def test_endings(entry, kind, expected):
    made = reviews_korean.forms(entry, kind)
    names = "plain yo formal eum past_plain but back adnominal"
    assert " ".join(made[name] for name in names.split()) == expected
