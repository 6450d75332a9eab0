"""Lesson 5: the staircase, measured.

    python -m reference.compare --quick                       pocket model and reviews, CPU, under 2 minutes
    python -m reference.compare --model klue/bert-base --data DIR --device cuda --rate 3e-5

Every variant starts from the same weights and sees the same rows for the same number of epochs with
the same mean number of rows per step; only the batches differ. Prints one table and saves one picture
and the figures as JSON. Speed is training only, evaluation not counted. Killed, it goes on after the
last finished run when called again.

How to read it: *tokens/row* is what a review costs; examples/s follows it, less what each step costs
whatever it computes. Accuracies differ by chance between variants (another order of rows), so compare
them with the spread over seeds. *to goal* is the training time until the lowest of all final accuracies
was passed, at the end of an epoch: the price of one and the same result.

What one pays: grouped and bucketed batches hold reviews of one length, so a single gradient is less
like the whole set, and a bucketed batch of short reviews has more rows than one of long ones (train.py
weighs each row alike for that). Packing pays neither, but needs a kernel for attention over sequences of
different lengths; without one it is slower than bucketing (packed.py).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from tqdm import tqdm

from reference import batching, data, model, packed
from reference.batching import Batches
from reference.packed import PackedBatches
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
    seconds_to_goal: float | None
    """Of training, until the goal was passed at the end of an epoch; None if it never was."""


class Run(NamedTuple):
    """One training, as it is kept for a restart."""

    before: float
    accuracies: list[float]
    """After each epoch."""
    seconds: list[float]
    """Of training until then."""
    rows: int
    steps: int


def variants(examples: list[data.Example], *, rows: int, width: int) -> dict[str, Callable[..., Batches]]:
    """The staircase: for each name, what makes batches of examples (and a `seed`).

    The token budget is `rows` reviews of mean length, so that bucketing takes about as many steps.
    """
    tokens = round(rows * statistics.mean(len(e.ids) for e in examples))
    return {
        "fixed": partial(Batches, planner=partial(batching.dynamic, rows=rows), width=width),
        "dynamic": partial(Batches, planner=partial(batching.dynamic, rows=rows)),
        "grouped": partial(Batches, planner=partial(batching.grouped, rows=rows)),
        "bucketed": partial(Batches, planner=partial(batching.bucketed, tokens=tokens)),
        "packed": partial(PackedBatches, planner=partial(packed.cut, tokens=tokens)),
    }


def measure(
    make: Callable[..., Batches],
    folder,
    examples,
    held_out,
    *,
    recipe: Recipe,
    device: str,
    report: Callable[[str], None] = lambda line: None,
) -> Run:
    """Train one variant once, from the start that `recipe.seed` gives."""
    net = model.load(folder, seed=recipe.seed).to(device)
    batches = make(examples, seed=recipe.seed)
    kind = PackedBatches if isinstance(batches, PackedBatches) else Batches
    validation = kind(held_out, partial(batching.bucketed, tokens=4_000))
    net = packed.Packed(net) if kind is PackedBatches else net
    before = evaluate(net, validation).accuracy
    result = train(net, batches, validation, recipe, report=report)
    accuracies = [score.accuracy for score in result.scores]
    return Run(before, accuracies, result.seconds_after, result.rows, result.steps)


def summary(name: str, batches: Batches, runs: list[Run], goal: float) -> Row:
    """One line of the table, from the runs of all seeds."""
    last = [run.accuracies[-1] for run in runs]
    reached = [
        next((s for s, a in zip(run.seconds, run.accuracies, strict=True) if a >= goal), None) for run in runs
    ]
    return Row(
        name,
        batches.tokens_per_row(),
        batches.padding_share(),
        statistics.mean(run.steps / len(run.accuracies) for run in runs),
        statistics.mean(run.rows / run.seconds[-1] for run in runs),
        statistics.mean(run.before for run in runs),
        statistics.mean(last),
        max(last) - min(last),
        None if None in reached else statistics.mean(reached),
    )


class Kept:
    """Finished runs in a file, so that a killed comparison goes on. Other settings, other file."""

    def __init__(self, folder: Path, settings: dict):
        name = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
        self.path = folder / f"runs-{name}.json"
        folder.mkdir(parents=True, exist_ok=True)
        found = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.runs = {key: Run(*fields) for key, fields in found.items()}

    def get(self, key: str, compute: Callable[[], Run]) -> Run:
        """The kept run of that name, or a new one, which is then kept."""
        if key not in self.runs:
            self.runs[key] = compute()
            unfinished = self.path.with_suffix(".part")  # a kill while writing must not cost what is there
            unfinished.write_text(json.dumps(self.runs))
            unfinished.replace(self.path)
        return self.runs[key]


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table; speed also relative to the first."""
    head = ["variant", "tokens/row", "padding", "steps/epoch", "examples/s", "speed"]
    head += ["accuracy before", "after", "spread", "s to goal"]
    lines = [head, ["---"] * len(head)]
    for r in rows:
        cost = [r.variant, f"{r.tokens_per_row:.1f}", f"{r.padding:.1%}", f"{r.steps:.0f}"]
        speed = [f"{r.rows_per_second:.0f}", f"{r.rows_per_second / rows[0].rows_per_second:.2f}×"]
        goal = "–" if r.seconds_to_goal is None else f"{r.seconds_to_goal:.1f}"
        lines.append(cost + speed + [f"{x:.3f}" for x in (r.before, r.after, r.spread)] + [goal])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def picture(rows: list[Row], examples: list[data.Example], how: dict[str, Callable], path: Path) -> None:
    """Above, one median batch of each variant with its padding; below, cost and speed.

    A packed batch is one line; it is drawn wrapped, its reviews alternating in shade.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(11, 6.5), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(3, 2))
    for axis, row in zip(above.subplots(1, len(rows), sharey=True), rows, strict=True):
        plan = how[row.variant](examples)
        numbers = sorted(plan.plan(0), key=lambda rows: max(plan.lengths[r] for r in rows))
        chosen = [examples[r] for r in numbers[len(numbers) // 2]]
        if isinstance(plan, PackedBatches):
            shades = torch.cat([torch.full((len(e.ids),), 1 - 0.4 * (i % 2)) for i, e in enumerate(chosen)])
            image = torch.nn.functional.pad(shades, (0, -len(shades) % MAX_LENGTH)).view(-1, MAX_LENGTH)
        else:
            image = batching.pad(chosen, pad_id=0, width=plan.width)["attention_mask"]
        axis.imshow(
            image.numpy(),
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

    recipe = Recipe(epochs=chosen.epochs, learning_rate=chosen.rate)
    settings = {"model": str(chosen.model), "data": str(folder.resolve()), "device": chosen.device}
    settings |= {"rows": [len(examples), len(held_out), chosen.rows], "recipe": recipe}
    kept = Kept(chosen.out, settings)
    runs: dict[str, list[Run]] = {name: [] for name in how}
    todo = [(name, seed) for seed in range(chosen.seeds) for name in how]
    with tqdm(todo, unit="run", file=sys.stderr) as bar:
        for name, seed in bar:
            bar.set_description(f"{name}, seed {seed}")
            compute = partial(
                measure, how[name], chosen.model, examples, held_out,
                recipe=recipe._replace(seed=seed), device=chosen.device, report=bar.set_postfix_str,
            )  # fmt: skip
            runs[name].append(kept.get(f"{name}/{seed}", compute))
    goal = min(run.accuracies[-1] for every in runs.values() for run in every)
    results = [summary(name, how[name](examples), runs[name], goal) for name in how]
    picture(results, examples, how, chosen.out / "compare.png")
    (chosen.out / "compare.json").write_text(json.dumps([row._asdict() for row in results], indent=1) + "\n")
    print(f"\n{len(examples):,} reviews, {chosen.epochs} epochs, {chosen.seeds} seed(s), {chosen.device}")
    print(f"model: {chosen.model}; goal: accuracy {goal:.3f}\n\n{table(results)}")
    print(f"\npicture: {chosen.out / 'compare.png'}")


if __name__ == "__main__":
    main()
