"""What preprocessing of the reviews changes: rows, tokens, accuracy. Makes benchmarks/preprocessing.md.

    python -m benchmarks.preprocessing --data DIR [--out benchmarks/preprocessing.md]

DIR holds NSMC-format files. Counts are over all training rows. Accuracy: the pocket model, trained on the
same number of rows with each way of preparing them, over seeds, on test rows that are prepared the same way
(only white space folded where a way says "as they are": a row without a token can't be scored).
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from reference import batching, data, model
from reference.batching import Batches
from reference.compare import POCKET_MODEL
from reference.data import Review
from reference.train import Recipe, evaluate, train


def folded(reviews: list[Review]) -> list[Review]:
    """White space folded; no row is dropped."""
    return [r._replace(text=" ".join(r.text.split())) for r in reviews]


def not_empty(reviews: list[Review]) -> list[Review]:
    return [r for r in folded(reviews) if r.text]


def once(reviews: list[Review]) -> list[Review]:
    """The first row of each text."""
    return list({r.text: r for r in reversed(not_empty(reviews))}.values())[::-1]


class Way(NamedTuple):
    """One way of preparing the rows."""

    name: str
    prepare: Callable[[list[Review]], list[Review]]
    max_length: int


WAYS = (
    Way("as they are", folded, 128),
    Way("without empty rows", not_empty, 128),
    Way("and without repeated texts", once, 128),
    Way("and repeated characters cut (`clean`)", data.clean, 128),
    Way("`clean`, max_length 64", data.clean, 64),
    Way("`clean`, max_length 32", data.clean, 32),
    Way("`clean`, max_length 16", data.clean, 16),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=5_000, help="training rows")
    parser.add_argument("--test-rows", type=int, default=5_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the page here; default: print only")
    chosen = parser.parse_args()
    model.quiet()
    torch.set_num_threads(1)
    tokenizer = model.load_tokenizer(POCKET_MODEL)
    raw, raw_test = (data.read(chosen.data / name) for name in (data.TRAIN, data.TEST))
    seen = {r.text for r in folded(raw)}
    shared = statistics.mean(r.text in seen for r in folded(raw_test))
    lines = []
    for way in WAYS:
        reviews = way.prepare(raw)
        everything = data.tokenise(reviews, tokenizer, 512)
        lengths = [len(e.ids) for e in everything]
        cut = statistics.mean(n > way.max_length for n in lengths)
        mean = statistics.mean(min(n, way.max_length) for n in lengths)
        scores = [trained(way, reviews, raw_test, tokenizer, chosen, seed) for seed in range(chosen.seeds)]
        each = ", ".join(f"{score:.4f}" for score in scores)
        cells = [way.name, f"{len(reviews):,}", f"{mean:.2f}", f"{cut:.2%}"]
        cells += [f"**{statistics.mean(scores):.4f}**", each]
        lines.append(f"| {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    page = PAGE.format(
        date=time.strftime("%Y-%m-%d", time.gmtime()), rows=chosen.rows, epochs=chosen.epochs,
        test=chosen.test_rows, seeds=chosen.seeds, shared=shared, lines="\n".join(lines),
    )  # fmt: skip
    if chosen.out:
        chosen.out.write_text(page, encoding="utf-8")


def trained(way: Way, reviews, raw_test, tokenizer, chosen, seed: int) -> float:
    """Test accuracy after the last epoch. Every way draws its rows with the same seed."""
    rows = data.tokenise(random.Random(seed).sample(reviews, chosen.rows), tokenizer, way.max_length)
    few = random.Random(0).sample(raw_test, chosen.test_rows)
    prepared = data.clean(few) if way.prepare is data.clean else folded(few)
    test = data.tokenise(prepared, tokenizer, way.max_length)
    plan = partial(batching.bucketed, tokens=round(32 * statistics.mean(len(e.ids) for e in rows)))
    net = model.load(POCKET_MODEL, seed=seed)
    held_out = Batches(test, partial(batching.bucketed, tokens=4_000))
    recipe = Recipe(epochs=chosen.epochs, learning_rate=1e-3, seed=seed)
    train(net, Batches(rows, plan, seed=seed), Batches(test[:1], plan), recipe)
    return evaluate(net, held_out).accuracy


PAGE = """# What preprocessing changes

Made by `python -m benchmarks.preprocessing --data DIR --out benchmarks/preprocessing.md` on {date}; DIR
held a rebuilt draw of NSMC, which is not part of this project. Rows and tokens are counted over all training
rows with the pocket tokenizer; accuracy is the pocket model's after {epochs} epochs on {rows:,} rows, on
{test:,} test rows, {seeds} seeds. {shared:.1%} of the test rows have a text that also occurs in the training
file.

| training rows | rows | tokens a row | rows cut | accuracy (mean) | each seed |
|---|---|---|---|---|---|
{lines}

A difference smaller than the spread over seeds is no difference. Cleaning is not there to raise this number:
repeated texts on both sides of a split make a validation accuracy too good, whatever the model, and an empty
row teaches nothing.
"""


if __name__ == "__main__":
    main()
