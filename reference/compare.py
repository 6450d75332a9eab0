"""Lesson 5: the staircase, measured.

    python -m reference.compare --quick                       pocket model and reviews, one CPU core
    python -m reference.compare --model klue/bert-base --data DIR --device cuda --rate 3e-5

Every variant starts from the same weights and sees the same rows for the same number of epochs with
the same mean number of rows per step; only the batches differ. Prints one table and saves one picture
and the figures as JSON. Speed is training only, evaluation not counted. Killed, it goes on after the
last finished run when called again. `--quick` trained for 2¼ to 2¾ minutes on a machine busy with other work.

How to read it: *tokens/row* is what a review costs, padding included; *examples/s* (reviews a second)
follows it, less what each step costs whatever it computes. *spread* is the largest minus the smallest
accuracy over the seeds: variants differ by chance too (another order of rows), and a difference smaller
than the spread says nothing. *s to goal* is the training time in seconds until the lowest of all final
accuracies was reached, at the end of an epoch: the price of one and the same result.

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
    spread: float | None
    """Largest minus smallest accuracy over the seeds; None with a single seed, which shows none."""
    seconds_to_goal: float | None
    """Of training, until the goal was reached at the end of an epoch; None if a seed never did."""


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

    `rows` is the size of a batch, `width` that of fixed padding in tokens. The token budget is `rows`
    reviews of mean length, so that bucketing takes about as many steps.
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
        max(last) - min(last) if len(last) > 1 else None,
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
        spread = "–" if r.spread is None else f"{r.spread:.3f}"
        goal = "–" if r.seconds_to_goal is None else f"{r.seconds_to_goal:.1f}"
        lines.append([*cost, *speed, f"{r.before:.3f}", f"{r.after:.3f}", spread, goal])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


REAL, PADDING = "#1f5fa8", "#c9dcf0"
"""Colours, the same above and below; they differ in lightness, so they survive a grey print."""


def picture(
    rows: list[Row],
    examples: list[data.Example],
    how: dict[str, Callable],
    runs: dict[str, list[Run]],
    path: Path,
    *,
    caption: str,
) -> None:
    """Above, one batch of each variant (that of median width); below, what it costs and what it reaches.

    A packed batch is one line of tokens; it is drawn wrapped, its reviews alternating in shade.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    shades = ListedColormap(["white", PADDING, REAL, "#5b93d3"])
    images = [_median_batch(how[row.variant](examples), examples) for row in rows]
    tallest = max(len(image) for image, _ in images)
    figure = plt.figure(figsize=(12.5, 7.5), layout="constrained")
    figure.suptitle(caption)
    above, below = figure.subfigures(2, 1, height_ratios=(3, 2), hspace=0.05)
    for axis, row, (image, shape) in zip(
        above.subplots(1, len(rows), sharey=True), rows, images, strict=True
    ):
        axis.imshow(image.numpy(), cmap=shades, vmin=0, vmax=3, aspect="auto", interpolation="nearest")
        axis.set(title=f"{row.variant}: {row.padding:.1%} padding\nthis batch: {shape}")
        axis.set(xlim=(-0.5, MAX_LENGTH - 0.5), ylim=(tallest - 0.5, -0.5), xlabel="token of the row")
    above.axes[0].set_ylabel("row of one batch")
    above.axes[-1].set_xlabel(f"token (line cut at {MAX_LENGTH})")
    names = {REAL: "real tokens", PADDING: "padding"}
    above.legend(
        handles=[Patch(color=c, label=n) for c, n in names.items()], loc="outside lower center", ncols=2
    )

    cost, speed, goal, accuracy = below.subplots(1, 4, sharey=True)
    names = [row.variant for row in rows]
    real = [row.tokens_per_row * (1 - row.padding) for row in rows]
    cost.barh(names, real, color=REAL)
    bars = cost.barh(names, [r.tokens_per_row * r.padding for r in rows], left=real, color=PADDING)
    cost.bar_label(bars, [f"{r.tokens_per_row:.1f}" for r in rows], padding=3)
    cost.set(title="cost of a review", xlabel="tokens computed, padding included")
    bars = speed.barh(names, [r.rows_per_second for r in rows], color="0.45")
    speed.bar_label(bars, [f"{r.rows_per_second / rows[0].rows_per_second:.1f}×" for r in rows], padding=3)
    speed.set(title="speed of training", xlabel="reviews per second")
    bars = goal.barh(names, [r.seconds_to_goal or 0 for r in rows], color="0.45")
    times = ["never" if r.seconds_to_goal is None else f"{r.seconds_to_goal:.0f} s" for r in rows]
    goal.bar_label(bars, times, padding=3)
    goal.set(title="time to the same accuracy", xlabel="seconds of training")
    for name in names:
        each = [run.accuracies[-1] for run in runs[name]]
        accuracy.plot(each, [name] * len(each), "o", color=REAL, alpha=0.7)
    title = "accuracy, a dot a seed" if len(each) > 1 else "accuracy (one seed: no spread)"
    accuracy.set(title=title, xlabel="share of validation rows right")
    accuracy.margins(x=0.12)
    accuracy.grid(axis="x", alpha=0.3)
    for axis in (cost, speed, goal):
        axis.margins(x=0.25)  # room for the figures at the bars
    cost.invert_yaxis()  # shared: the first variant on top, everywhere
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _median_batch(batches: Batches, examples: list[data.Example]) -> tuple[torch.Tensor, str]:
    """A picture [lines, tokens] of the batch of median width, and its shape in words.

    0 is nothing, 1 padding, 2 a real token, 3 one of every second review of a packed line.
    """
    plan = sorted(batches.plan(0), key=lambda numbers: max(batches.lengths[n] for n in numbers))
    chosen = [examples[n] for n in plan[len(plan) // 2]]
    if isinstance(batches, PackedBatches):
        line = torch.cat([torch.full((len(e.ids),), 2 + i % 2) for i, e in enumerate(chosen)])
        wrapped = torch.nn.functional.pad(line, (0, -len(line) % MAX_LENGTH)).view(-1, MAX_LENGTH)
        return wrapped, f"1 line × {len(line)}"
    image = batching.pad(chosen, pad_id=0, width=batches.width)["attention_mask"] + 1
    return image, f"{image.shape[0]} rows × {image.shape[1]}"


def pocket_data(folder: Path) -> Path:
    """The classroom's synthetic reviews, made once by the grader's generator in a process of its own."""
    if not (folder / data.TEST).exists():
        command = [sys.executable, "-m", "grader.classroom.reviews", str(folder)]
        subprocess.run(command, check=True, cwd=ROOT)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description="The staircase of batching, measured.")
    option = parser.add_argument
    option("--quick", action="store_true", help="2,000 rows, 2 epochs, one seed: a minute or two on a CPU")
    option("--model", default=POCKET_MODEL, help="folder or hub id (default: the pocket model)")
    option("--data", type=Path, help="folder with NSMC-format files (default: synthetic reviews)")
    option("--out", type=Path, default=ROOT / "build" / "compare", help="folder (default: build/compare)")
    option("--train-rows", type=int, default=150_000)
    option("--validation-rows", type=int, default=10_000)
    option("--epochs", type=int, default=2)
    option("--seeds", type=int, default=3, help="runs of each variant")
    option("--rows", type=int, default=32, help="rows of a batch; on average where batches differ")
    option("--rate", type=float, default=1e-3, help="highest learning rate (klue/bert-base: 2e-5 to 5e-5)")
    option("--device", default="cpu", help="cpu or cuda")
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
    name = "pocket model" if chosen.model == POCKET_MODEL else chosen.model
    caption = f"{name}, {len(examples):,} reviews, {chosen.epochs} epoch(s), {chosen.seeds} seed(s), "
    caption += f"{chosen.device}; goal: accuracy {goal:.3f}"
    picture(results, examples, how, runs, chosen.out / "compare.png", caption=caption)
    (chosen.out / "compare.json").write_text(json.dumps([row._asdict() for row in results], indent=1) + "\n")
    print(f"\n{caption}\n\n{table(results)}")
    print(f"\npicture: {chosen.out / 'compare.png'}")


if __name__ == "__main__":
    main()
