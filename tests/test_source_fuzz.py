"""The source witness never raises, whatever was done to a notebook."""

from __future__ import annotations

import random

import pytest

from grader.records import to_json
from grader.source import read
from tests.source_notebooks import ARGS, LOAD, LOOSE, PADDED, notebook

LOOP = """
from torch.utils.data import DataLoader
for epoch in range(3):
    for batch in DataLoader(loose["train"], batch_size=8, collate_fn=lambda b: tokenizer.pad(b)):
        model(**batch).loss.backward()
trainer = Trainer(model=model, args=args, train_dataset=padded["train"], eval_dataset=loose["test"])
trainer.train()
"""
JUNK = [
    "(",
    '"',
    "'''",
    "\x00",
    "%",
    "!ls",
    "\n\t",
    "é",
    "=",
    "lambda:",
    "*",
    "@",
    "[:",
    "**{}",
    "return ",
    "yield ",
    "\\",
]


def mutated(sources: list[str], dice: random.Random) -> list[str]:
    """The cells with lines dropped, repeated, shuffled, cut and filled with junk."""
    cells = list(sources)
    for _ in range(dice.randint(1, 6)):
        n = dice.randrange(len(cells))
        text = cells[n]
        place = dice.randrange(len(text) + 1)
        words = text.split(" ")
        dice.shuffle(words)
        cells[n] = dice.choice(
            [
                text[:place] + dice.choice(JUNK) + text[place:],
                text[:place],
                text * dice.choice([2, 9]),
                " ".join(words),
                text.replace("model", "tokenizer").replace("train", dice.choice(["test", "0", "x.y"])),
                dice.choice(sources),
            ]
        )
    return cells


@pytest.mark.parametrize("seed", range(120))
def test_mutated_notebooks(seed, caplog):
    dice = random.Random(seed)
    cells = mutated([LOAD, PADDED, LOOSE, ARGS, LOOP], dice)
    counts = [dice.choice([None, n + 1, dice.randint(1, 9)]) for n in range(len(cells))]
    found = read(notebook(*cells, counts=counts, outputs={dice.randrange(5)}))
    assert to_json(found)
    assert not caplog.records, "a part failed and was contained"
