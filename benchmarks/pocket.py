"""Is the pocket model worth its pretraining? Makes benchmarks/pocket.md.

    python -m benchmarks.pocket --data DIR [--rows 6000] [--seeds 3]

DIR holds NSMC-format files. Both models have the same architecture, rows, batches and recipe (lesson
4 of reference/); only the weights they start from differ. Each learning rate is given to both, so
that neither loses by a rate that suits the other. Pass --model to try another folder.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from pathlib import Path

from reference import batching, data, model
from reference.train import Recipe, train

ROOT = Path(__file__).parents[1]
POCKET = ROOT / "grader" / "classroom" / "pocket" / "model"


def measure(folder: Path, rows: list, test: list, *, pretrained: bool, rate: float, seed: int, epochs: int):
    """One fine-tuning run; returns the accuracy after the last epoch and the seconds it trained.

    The last and not the best epoch: picking the best on the test rows would flatter both.
    """

    def plan(lengths, rng):
        return batching.bucketed(lengths, tokens=640, rng=rng)

    net = model.load(folder, seed=seed, pretrained=pretrained)
    recipe = Recipe(epochs=epochs, learning_rate=rate, seed=seed)
    result = train(net, batching.Batches(rows, plan, seed=seed), batching.Batches(test, plan), recipe)
    return result.scores[-1].accuracy, result.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=POCKET)
    parser.add_argument("--rows", type=int, default=6_000)
    parser.add_argument("--test-rows", type=int, default=5_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rates", type=float, nargs="+", default=[5e-4, 1e-3])
    parser.add_argument("--out", type=Path, help="write the table here; default: print only")
    arguments = parser.parse_args()

    model.quiet()
    tokenizer = model.load_tokenizer(arguments.model)
    train_reviews = random.Random(0).sample(
        data.clean(data.read(arguments.data / data.TRAIN)), arguments.rows
    )
    test_reviews = random.Random(0).sample(
        data.clean(data.read(arguments.data / data.TEST)), arguments.test_rows
    )
    rows, test = (data.tokenise(r, tokenizer) for r in (train_reviews, test_reviews))
    lines = [
        "| weights at the start | learning rate | accuracy (mean) | each seed | seconds a run |",
        "|---|---|---|---|---|",
    ]
    for pretrained in (True, False):
        for rate in arguments.rates:
            found = [
                measure(
                    arguments.model,
                    rows,
                    test,
                    pretrained=pretrained,
                    rate=rate,
                    seed=s,
                    epochs=arguments.epochs,
                )
                for s in range(arguments.seeds)
            ]
            each = ", ".join(f"{accuracy:.4f}" for accuracy, _ in found)
            mean, seconds = (statistics.mean(column) for column in zip(*found, strict=True))
            name = "pretrained" if pretrained else "random"
            lines.append(f"| {name} | {rate:g} | **{mean:.4f}** | {each} | {seconds:.0f} |")
            print(lines[-1], flush=True)
    text = TEXT.format(
        table="\n".join(lines), rows=arguments.rows, test=arguments.test_rows, epochs=arguments.epochs,
        seeds=arguments.seeds, date=time.strftime("%Y-%m-%d", time.gmtime()),
    )  # fmt: skip
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    else:
        print(text)


TEXT = """# Is the pocket model's pretraining worth it?

Made by `python -m benchmarks.pocket --data DIR --out benchmarks/pocket.md` on {date}; DIR held a
rebuilt draw of NSMC, which is not part of this project. One CPU thread, float32.

Fine-tuned on {rows:,} training rows for {epochs} epochs (bucketed batches of 640 tokens, AdamW, warm-up
and linear decay: `reference/train.py`); accuracy after the last epoch on {test:,} test rows, {seeds} seeds
each. Architecture, tokenizer, rows and batches are the same; only the weights at the start differ.

{table}
"""


if __name__ == "__main__":
    main()
