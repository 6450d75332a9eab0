"""Lesson 5: the staircase, measured.

    python -m reference.compare --quick                       pocket model and reviews, CPU, under 2 minutes
    python -m reference.compare --model klue/bert-base --data DIR --device cuda --rate 3e-5

Every variant starts from the same weights and sees the same rows for the same number of epochs with
the same mean number of rows per step; only the batches differ. Prints one table and saves one picture
and the figures as JSON. Speed is training only, evaluation not counted.

How to read it: *tokens/row* is what a review costs; examples/s follows it. Accuracies differ by
chance between variants (another order of rows), so compare them with the spread over seeds.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

from reference import batching, data, model
from reference.batching import Batches
from reference.train import Recipe, evaluate, train

ROOT = Path(__file__).parents[1]
POCKET_MODEL = ROOT / "grader" / "classroom" / "pocket" / "model"
MAX_LENGTH = 128


class Row(NamedTuple):
    """One variant's figures; means over the seeds."""

    variant: str
    tokens_per_row: float
    """Padded tokens: what the model computes on for one review."""
    padding: float
    """Share of them that is padding."""
    steps: float
    """Steps of an epoch."""
    rows_per_second: float
    before: float
    """Accuracy before fine-tuning: near 0.5, the head is random."""
    after: float
    spread: float
    """Largest minus smallest accuracy over the seeds."""


def variants(examples: list[data.Example], *, rows: int, width: int) -> dict[str, dict]:
    """The staircase: for each name, the arguments that make `Batches` of it.

    The token budget is `rows` reviews of mean length, so that bucketing takes about as many steps.
    """
    tokens = round(rows * statistics.mean(len(e.ids) for e in examples))
    return {
        "fixed": {"planner": partial(batching.dynamic, rows=rows), "width": width},
        "dynamic": {"planner": partial(batching.dynamic, rows=rows)},
        "grouped": {"planner": partial(batching.grouped, rows=rows)},
        "bucketed": {"planner": partial(batching.bucketed, tokens=tokens)},
    }


def measure(
    name: str, how: dict, folder, examples, validation, *, recipe: Recipe, seeds: int, device: str
) -> Row:
    """Train one variant from the same start with every seed."""
    found, before, batches = [], [], None
    for seed in range(seeds):
        net = model.load(folder, seed=seed).to(device)
        before.append(evaluate(net, validation).accuracy)
        batches = Batches(examples, seed=seed, **how)
        found.append(train(net, batches, validation, recipe._replace(seed=seed)))
    last = [result.scores[-1].accuracy for result in found]
    return Row(
        name,
        batches.tokens_per_row(),
        batches.padding_share(),
        statistics.mean(result.steps for result in found) / recipe.epochs,
        statistics.mean(result.rows_per_second for result in found),
        statistics.mean(before),
        statistics.mean(last),
        max(last) - min(last),
    )


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table; speed also relative to the first."""
    head = ["variant", "tokens/row", "padding", "steps/epoch", "examples/s", "speed"]
    head += ["accuracy before", "after", "spread"]
    lines = [head, ["---"] * len(head)]
    for r in rows:
        cost = [r.variant, f"{r.tokens_per_row:.1f}", f"{r.padding:.1%}", f"{r.steps:.0f}"]
        speed = [f"{r.rows_per_second:.0f}", f"{r.rows_per_second / rows[0].rows_per_second:.2f}×"]
        lines.append(cost + speed + [f"{x:.3f}" for x in (r.before, r.after, r.spread)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def picture(rows: list[Row], examples: list[data.Example], how: dict[str, dict], path: Path) -> None:
    """Above, one median batch of each variant with its padding; below, cost and speed."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(11, 6.5), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(3, 2))
    for axis, row in zip(above.subplots(1, len(rows), sharey=True), rows, strict=True):
        plan = Batches(examples, **how[row.variant])
        numbers = sorted(plan.plan(0), key=lambda rows: max(plan.lengths[r] for r in rows))
        batch = batching.pad([examples[r] for r in numbers[len(numbers) // 2]], pad_id=0, width=plan.width)
        axis.imshow(
            batch["attention_mask"].numpy(),
            cmap="Blues",
            vmin=-0.3,
            vmax=1.3,
            aspect="auto",
            interpolation="nearest",
        )
        axis.set(title=f"{row.variant}: {row.padding:.0%} padding", xlabel="token")
        axis.set(xlim=(0, MAX_LENGTH), ylim=(48, 0))
    above.axes[0].set_ylabel("row of a batch (dark: real tokens)")
    cost, speed = below.subplots(1, 2)
    names = [row.variant for row in rows]
    real = [row.tokens_per_row * (1 - row.padding) for row in rows]
    cost.barh(names, real, color="tab:blue", label="real")
    cost.barh(
        names,
        [r.tokens_per_row * r.padding for r in rows],
        left=real,
        color="lightsteelblue",
        label="padding",
    )
    cost.set(xlabel="tokens computed per review")
    cost.legend()
    speed.barh(names, [row.rows_per_second for row in rows], color="tab:green")
    speed.set(xlabel="examples per second")
    for axis in (cost, speed):
        axis.invert_yaxis()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def pocket_data(folder: Path) -> Path:
    """The classroom's synthetic reviews, made once by the grader's generator in a process of its own."""
    if not (folder / data.TEST).exists():
        command = [sys.executable, "-m", "grader.classroom.reviews", str(folder)]
        subprocess.run(command, check=True, cwd=ROOT)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description="The staircase of batching, measured.")
    option = parser.add_argument
    option("--quick", action="store_true", help="2,000 rows, 2 epochs, one seed: CPU, under 2 minutes")
    option("--model", default=POCKET_MODEL, help="folder or hub id (default: the pocket model)")
    option("--data", type=Path, help="folder with NSMC-format files (default: synthetic reviews)")
    option("--out", type=Path, default=ROOT / "build" / "compare")
    option("--train-rows", type=int, default=150_000)
    option("--validation-rows", type=int, default=10_000)
    option("--epochs", type=int, default=2)
    option("--seeds", type=int, default=3)
    option("--rows", type=int, default=32, help="rows of a batch")
    option("--rate", type=float, default=1e-3, help="highest learning rate")
    option("--device", default="cpu")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.train_rows, chosen.validation_rows, chosen.epochs, chosen.seeds = 2_000, 1_000, 2, 1

    model.quiet()
    folder = chosen.data or pocket_data(chosen.out / "reviews")
    reviews = data.clean(data.read(folder / data.TRAIN))
    random.Random(0).shuffle(reviews)
    reviews = reviews[: chosen.validation_rows + chosen.train_rows]
    rows = data.tokenise(reviews, model.load_tokenizer(chosen.model), MAX_LENGTH)
    held_out, examples = rows[: chosen.validation_rows], rows[chosen.validation_rows :]
    how = variants(examples, rows=chosen.rows, width=MAX_LENGTH)
    validation = Batches(held_out, **how["bucketed"])

    recipe = Recipe(epochs=chosen.epochs, learning_rate=chosen.rate)
    often = {"recipe": recipe, "seeds": chosen.seeds, "device": chosen.device}
    results = []
    for name, arguments in how.items():
        print(f"{name} …", end="", flush=True, file=sys.stderr)
        results.append(measure(name, arguments, chosen.model, examples, validation, **often))
        print(f" {results[-1].rows_per_second:.0f} examples/s", file=sys.stderr)
    chosen.out.mkdir(parents=True, exist_ok=True)
    picture(results, examples, how, chosen.out / "compare.png")
    (chosen.out / "compare.json").write_text(json.dumps([row._asdict() for row in results], indent=1) + "\n")
    print(f"\n{len(examples):,} reviews, {chosen.epochs} epochs, {chosen.seeds} seed(s), {chosen.device}")
    print(f"model: {chosen.model}\n\n{table(results)}\n\npicture: {chosen.out / 'compare.png'}")


if __name__ == "__main__":
    main()
