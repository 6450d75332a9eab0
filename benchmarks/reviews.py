"""How hard are the synthetic reviews? Makes benchmarks/reviews.md.

    python -m benchmarks.reviews [--rows 50000] [--out benchmarks/reviews.md]

Their length profile, what counting words or letters gets on them, and what the pocket model gets when
it is fine-tuned on the same rows. Counting should stay under 95 %, and reading should beat it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from reference import batching, data, model
from reference.compare import POCKET_MODEL, pocket_data
from reference.train import Recipe, train

COUNTERS = {
    "words (split at spaces)": CountVectorizer(token_pattern=r"\S+", min_df=2),
    "words and pairs of words": TfidfVectorizer(
        token_pattern=r"\S+", ngram_range=(1, 2), min_df=2, sublinear_tf=True
    ),
    "1 to 3 letters": TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True),
}


def counted(vectoriser, rows: list[data.Review], test: list[data.Review]) -> float:
    """Accuracy of a logistic regression on counts."""
    regression = LogisticRegression(C=2, solver="liblinear")
    regression.fit(vectoriser.fit_transform([r.text for r in rows]), [r.label for r in rows])
    return regression.score(vectoriser.transform([r.text for r in test]), [r.label for r in test])


def fine_tuned(rows: list[data.Review], test: list[data.Review], epochs: int) -> float:
    """Accuracy of the pocket model after the last epoch."""
    tokenizer = model.load_tokenizer(POCKET_MODEL)
    plan = partial(batching.bucketed, tokens=1024)
    sets = [batching.Batches(data.tokenise(some, tokenizer), plan) for some in (rows, test)]
    result = train(model.load(POCKET_MODEL), *sets, Recipe(epochs=epochs, learning_rate=1e-3))
    return result.scores[-1].accuracy


def profile(rows: list[data.Review]) -> dict[str, str]:
    """Counts and lengths of a file as written."""
    ids = model.load_tokenizer(POCKET_MODEL)([r.text for r in rows])["input_ids"]
    tokens = sorted(len(row) for row in ids)
    return {
        "rows": f"{len(rows):,}",
        "empty rows": str(sum(not r.text for r in rows)),
        "rows whose text occurred before": f"{1 - len({r.text for r in rows}) / len(rows):.1%}",
        "positive": f"{sum(r.label for r in rows) / len(rows):.1%}",
        "tokens, median": str(round(statistics.median(tokens))),
        "tokens, mean": f"{statistics.mean(tokens):.1f}",
        "tokens, 95 % at most": str(tokens[int(0.95 * len(tokens))]),
        "tokens, longest": str(tokens[-1]),
        "characters, longest": str(max(len(r.text) for r in rows)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=50_000, help="training rows for each model")
    parser.add_argument("--epochs", type=int, default=2, help="of fine-tuning")
    parser.add_argument("--out", type=Path, help="write the tables here; default: print only")
    given = parser.parse_args()
    model.quiet()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        pocket_data(Path(folder))
        seconds = time.perf_counter() - start
        train_reviews, test = (data.read(Path(folder) / name) for name in (data.TRAIN, data.TEST))
    lines = [f"Written in {seconds:.1f} s.", "", "| training file | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in profile(train_reviews).items()]
    lines += ["", "| model | training rows | accuracy on the test file |", "|---|---|---|"]
    some, test = train_reviews[: given.rows], test[:20_000]
    for name, vectoriser in COUNTERS.items():
        for rows in (some, train_reviews):
            lines.append(
                f"| logistic regression on {name} | {len(rows):,} | {counted(vectoriser, rows, test):.4f} |"
            )
            print(lines[-1], flush=True)
    accuracy = fine_tuned(some, test, given.epochs)
    lines.append(f"| pocket model, {given.epochs} epochs | {len(some):,} | **{accuracy:.4f}** |")
    text = TEXT.format(table="\n".join(lines), date=time.strftime("%Y-%m-%d", time.gmtime()))
    print(text)
    if given.out:
        given.out.write_text(text, encoding="utf-8")


TEXT = """# How hard are the synthetic reviews?

Made by `python -m benchmarks.reviews --out benchmarks/reviews.md` on {date}, one CPU thread. Nobody can be
right more often than about 0.96: 3 % of the labels are wrong and 2 % of the reviews have no opinion.
The first 20,000 rows of the test file are used.

{table}
"""


if __name__ == "__main__":
    main()
