"""Lesson 1: from a text file to rows of token ids.

NSMC is a tab-separated file with a header, `id`, `document`, `label` (0 negative, 1 positive), and no
quoting: a quotation mark in a review is just a character. To a CSV reader that honours quotes, a review
that begins with one and doesn't end with one goes on until the next quotation mark, over all lines between:
pandas' `read_csv(path, sep="\t")` gave 148,784 of a rebuilt draw's 150,000 rows (`quoting=3` gives all).

Nothing here pads. An `Example` is as long as its review; how rows become rectangles is lesson 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

TRAIN, TEST = "ratings_train.txt", "ratings_test.txt"


class Review(NamedTuple):
    """One row of the file."""

    id: str
    text: str
    label: int


class Example(NamedTuple):
    """One row as the model sees it."""

    ids: list[int]
    """Token ids with [CLS] and [SEP], unpadded."""
    label: int
    """0 negative, 1 positive."""


def read(path: Path) -> list[Review]:
    """Every row of an NSMC-format file, in order. Raises ValueError naming the first bad line."""
    reviews = []
    with open(path, encoding="utf-8", newline="\n") as lines:
        next(lines, None)  # the header
        for number, line in enumerate(lines, start=2):
            fields = line.rstrip("\r\n").split("\t")
            if len(fields) != 3 or fields[2] not in ("0", "1"):
                raise ValueError(
                    f"{path.name}, line {number}: expected id, document, label; got {line[:60]!r}"
                )
            reviews.append(Review(fields[0], fields[1], int(fields[2])))
    return reviews


def normalise(text: str) -> str:
    """Fold white space and cut what is repeated more than three times down to three.

    >>> normalise("  최고ㅋㅋㅋㅋㅋㅋㅋ  진짜!!!!!! ")
    '최고ㅋㅋㅋ 진짜!!!'
    """
    return re.sub(r"(.)\1{3,}", r"\1\1\1", " ".join(text.split()))


def clean(reviews: Iterable[Review]) -> list[Review]:
    """Normalised reviews, without the empty ones and without repetitions of a text seen before.

    Clean before you split: a text on both sides is a validation row that was trained on.

    >>> clean([Review("1", "좋다", 1), Review("2", " ", 0), Review("3", "좋다 ", 1)])
    [Review(id='1', text='좋다', label=1)]
    """
    kept: dict[str, Review] = {}
    for review in reviews:
        text = normalise(review.text)
        if text and text not in kept:
            kept[text] = review._replace(text=text)
    return list(kept.values())


def tokenise(reviews: Iterable[Review], tokenizer, max_length: int = 128) -> list[Example]:
    """One `Example` per review, cut at `max_length` tokens ([CLS] and [SEP] count among them).

    `tokenizer` is a Hugging Face fast tokenizer. Choose `max_length` from the lengths of the training rows:
    so that next to nothing is cut. With padding per batch a generous one costs nothing.

    The usual mistake is one argument away: `padding="max_length"` here makes every row equally long,
    and then no later step, however clever, can tell a short review from a long one.
    """
    reviews = list(reviews)
    ids = tokenizer([r.text for r in reviews], truncation=True, max_length=max_length)["input_ids"]
    return [Example(row, review.label) for row, review in zip(ids, reviews, strict=True)]
