"""How much padding each way of batching leaves, and what it costs. Makes benchmarks/bucketing.md.

    python -m benchmarks.bucketing --data DIR [--out benchmarks/bucketing.md]
    python -m benchmarks.bucketing --data DIR --device cuda --shape base --rate 3e-5 --out FILE

The second is for a GPU: klue/bert-base's shape with random weights, bfloat16. It has never been run on
one; `--device cpu --shape base --rows 64 --profile-steps 1` goes the same way but for the device.

DIR holds NSMC-format files. Three tables:

1. the share of real tokens over all training rows, counted from the plans, no model involved;
2. speed: Hugging Face's Trainer and ours on the same model, rows and mean rows per step, and the
   floor (the same tokens as rectangles without padding). One process, one variant after the
   other in every round, so that a busy minute hits all of them. Times are of training steps only;
   *CPU seconds* are what the process used, which a busy machine distorts less than the clock;
3. the accuracy those runs end with, over seeds.

The three wide variants are slow and teach nothing new about accuracy, so they get fewer rows.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from transformers import AutoModelForSequenceClassification, BertConfig

from reference import batching, data, dropout, model, packed
from reference.batching import Batch, Batches, Plan
from reference.data import Example
from reference.train import Recipe, evaluate, mixed_precision, train

ROOT = Path(__file__).parents[1]
POCKET = ROOT / "grader" / "classroom" / "pocket" / "model"
ROWS = 32
"""Rows of a batch; on average where batches differ."""
MAX_LENGTH = 128
SHAPES = {"pocket": None, "base": {"vocab_size": 32_000}}
"""Model by `--shape`: the pocket model's weights, or BertConfig's own sizes (12 layers of 768: those of
klue/bert-base, whose vocabulary has 32,000 words) with random weights."""


class On(NamedTuple):
    """Where and what everything is trained."""

    device: str = "cpu"
    shape: str = "pocket"

    def model(self, seed: int = 0) -> torch.nn.Module:
        """The same weights for the same seed."""
        if SHAPES[self.shape] is None:
            return model.load(POCKET, seed=seed).to(self.device)
        torch.manual_seed(seed)
        config = BertConfig(num_labels=2, **SHAPES[self.shape])
        return AutoModelForSequenceClassification.from_config(config).to(self.device)

    def now(self) -> float:
        """Seconds on the clock that `spent` goes by."""
        if self.device == "cuda":
            torch.cuda.synchronize()
            return time.perf_counter()
        return time.process_time()

    def spent(self, wall: float, cpu: float) -> float:
        """What ratios are taken of: CPU seconds, or the clock where a GPU does the work."""
        return wall if self.device == "cuda" else cpu


class Run(NamedTuple):
    """One training."""

    rows: float
    wall: float
    """Seconds of training by the clock."""
    cpu: float
    """Seconds of training that the process computed; on a GPU the clock's again."""
    accuracy: float | None


# ---------------------------------------------------------------- plans that only the benchmark needs


class RealTokens(Batches):
    """The floor: a plan's own tokens as rectangles without padding, so without a mask.

    Each batch keeps its number of rows; its tokens are laid end to end and cut into rows of one width
    (the remainder, at most one token a row, is left out and not counted). Nobody could train like this.
    """

    def epoch(self, epoch: int) -> Iterator[Batch]:
        for rows in self.plan(epoch):
            line = torch.tensor([token for r in rows for token in self.examples[r].ids])
            width = len(line) // len(rows)
            labels = torch.tensor([self.examples[r].label for r in rows])
            yield {"input_ids": line[: width * len(rows)].view(len(rows), width), "labels": labels}

    def worth(self, epochs: int) -> float:
        """How many reviews of mean length the tokens of so many epochs are."""
        tokens = sum(batch["input_ids"].numel() for e in range(epochs) for batch in self.epoch(e))
        return tokens / statistics.mean(self.lengths)


def by_trainer(lengths: Sequence[int], *, rng: random.Random) -> Plan:
    """The batches that Trainer's own length grouping makes."""
    from transformers.trainer_pt_utils import get_length_grouped_indices

    seeded = torch.Generator().manual_seed(rng.getrandbits(31))
    order = get_length_grouped_indices(list(lengths), ROWS, generator=seeded)
    return [order[i : i + ROWS] for i in range(0, len(order), ROWS)]


def budget(lengths: Sequence[int], planner: Callable[..., Plan] = batching.bucketed) -> int:
    """Tokens of a batch, so that this planner too puts `ROWS` rows in one on average."""
    tokens = ROWS * statistics.mean(lengths)
    for _ in range(3):
        plan = planner(lengths, tokens=round(tokens), rng=random.Random("0/0"))
        tokens *= ROWS * len(plan) / len(lengths)
    return round(tokens)


# ---------------------------------------------------------------- table 1


def shares(lengths: list[int]) -> str:
    """Share of real tokens by plan, over all rows, and what a batch holds."""
    at_random = partial(batching.dynamic, rows=ROWS)
    ways: list[tuple[str, Callable[..., Plan], int | None]] = [
        ("fixed, 128", at_random, 128),
        ("fixed, 64", at_random, 64),
        ("dynamic", at_random, None),
        ("Trainer's length grouping", by_trainer, None),
        ("bucketed", partial(batching.bucketed, tokens=budget(lengths)), None),
        ("packed", partial(packed.cut, tokens=budget(lengths, packed.cut)), None),
    ]
    lines = [
        "| batches | real tokens | tokens per row | rows per batch: mean (5 %–95 %) |",
        "|---|---|---|---|",
    ]
    for name, planner, width in ways:
        # At 64 the longer rows are cut, as they would be by the tokenizer.
        cut = [min(n, width) for n in lengths] if width else lengths
        plan = planner(cut, rng=random.Random("0/0"))
        cost = sum(cut) if name == "packed" else batching.padded_tokens(cut, plan, width)
        sizes = sorted(len(rows) for rows in plan)
        low, high = sizes[len(sizes) // 20], sizes[-(len(sizes) // 20) - 1]
        mean = len(cut) / len(plan)
        lines.append(
            f"| {name} | {sum(cut) / cost:.1%} | {cost / len(cut):.1f} | {mean:.1f} ({low}–{high}) |"
        )
    return "\n".join(lines)


# ---------------------------------------------------------------- tables 2 and 3


WAYS: dict[str, tuple[Callable[..., Plan], type[Batches]]] = {
    "bucketed": (batching.bucketed, Batches),
    "packed at random": (packed.cut, packed.PackedBatches),
    "packed from buckets": (batching.bucketed, packed.PackedBatches),
    "floor": (batching.bucketed, RealTokens),
}
"""Ours: which rows meet, and what a batch looks like."""


def batches_of(way: str, examples: list[Example], seed: int = 0) -> Batches:
    planner, kind = WAYS[way]
    tokens = budget([len(e.ids) for e in examples], planner)
    return kind(examples, partial(planner, tokens=tokens), seed=seed)


def ours(examples: list[Example], test: list[Example], recipe: Recipe, on: On, *, way: str) -> Run:
    """One run of `reference.train`."""
    net = on.model(recipe.seed)
    batches = batches_of(way, examples, recipe.seed)
    packs = isinstance(batches, packed.PackedBatches)
    few = Batches(test[:1], partial(batching.dynamic, rows=1))  # `train` evaluates; not here, not timed
    if packs:
        few = packed.PackedBatches(test[:1], few.planner)
    start = time.process_time()
    result = train(packed.Packed(net) if packs else net, batches, few, recipe)
    cpu = on.spent(result.seconds, time.process_time() - start)
    if isinstance(batches, RealTokens):
        return Run(batches.worth(recipe.epochs), result.seconds, cpu, None)
    if packs:
        net.set_attn_implementation("sdpa")
    return Run(result.rows, result.seconds, cpu, _accuracy(net, test))


def trainers(
    examples: list[Example],
    test: list[Example],
    recipe: Recipe,
    on: On,
    *,
    width: int | None = None,
    group=False,
) -> Run:
    """One run of Hugging Face's Trainer with its defaults, as a notebook would call it."""
    from datasets import Dataset
    from transformers import DataCollatorWithPadding, Trainer, TrainerCallback, TrainingArguments

    class Clock(TrainerCallback):
        def on_train_begin(self, *_, **__):
            self.wall, self.cpu = time.perf_counter(), time.process_time()

        def on_train_end(self, *_, **__):
            if on.device == "cuda":
                torch.cuda.synchronize()
            self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu

    tokenizer = model.load_tokenizer(POCKET)
    rows = [{"input_ids": e.ids[: width or None], "labels": e.label} for e in examples]
    if width:
        padded = tokenizer.pad({"input_ids": [r["input_ids"] for r in rows]}, "max_length", width)
        rows = [
            {"input_ids": ids, "attention_mask": mask, "labels": row["labels"]}
            for ids, mask, row in zip(padded["input_ids"], padded["attention_mask"], rows, strict=True)
        ]
    net, clock = on.model(recipe.seed), Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=recipe.epochs,
            per_device_train_batch_size=ROWS,
            learning_rate=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            max_grad_norm=recipe.clip,
            warmup_steps=round(recipe.warmup * recipe.epochs * len(rows) / ROWS),
            seed=recipe.seed,
            train_sampling_strategy="group_by_length" if group else "random",
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=on.device == "cpu",
            bf16=on.device == "cuda",
        )
        Trainer(
            model=net,
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            data_collator=DataCollatorWithPadding(tokenizer),
            callbacks=[clock],
        ).train()
    return Run(recipe.epochs * len(rows), clock.wall, on.spent(clock.wall, clock.cpu), _accuracy(net, test))


def _accuracy(net, test: list[Example]) -> float | None:
    planner = partial(batching.bucketed, tokens=4_000)
    return evaluate(net, Batches(test, planner)).accuracy if len(test) > 1 else None


WIDE = {
    "Trainer, fixed 128": partial(trainers, width=128),
    "Trainer, fixed 64": partial(trainers, width=64),
    "Trainer, DataCollatorWithPadding": trainers,
}
NARROW = {
    "Trainer, length grouping": partial(trainers, group=True),
    "ours, bucketed": partial(ours, way="bucketed"),
    "ours, packed at random": partial(ours, way="packed at random"),
    "ours, packed from buckets": partial(ours, way="packed from buckets"),
    "floor: real tokens only": partial(ours, way="floor"),
}
BASE, FLOOR = "Trainer, length grouping", "floor: real tokens only"


def rounds(
    examples: list[Example], test: list[Example], recipe: Recipe, on: On, *, seeds: int, wide_rows: int
) -> dict[str, list[Run]]:
    """Every variant once a round, a round for each seed, in another order each time."""
    found: dict[str, list[Run]] = {name: [] for name in WIDE | NARROW}
    for seed in range(seeds):
        order = list(found)
        random.Random(seed).shuffle(order)
        for name in order:
            seeded = recipe._replace(seed=seed)
            if name in WIDE:
                run = WIDE[name](examples[:wide_rows], test[:1], seeded._replace(epochs=1), on)
            else:
                run = NARROW[name](examples, test, seeded, on)
            found[name].append(run)
            print(f"round {seed}: {name}: {run}", flush=True)
    return found


def speeds(found: dict[str, list[Run]], mean: float) -> str:
    """Table 2, `mean` real tokens to a row: medians over the rounds; ratios are of one round."""

    def per_second(name: str, clock: str) -> list[float]:
        return [run.rows / getattr(run, clock) for run in found[name]]

    def ratio(name: str, other: str) -> str:
        pairs = zip(per_second(name, "cpu"), per_second(other, "cpu"), strict=True)
        each = sorted(a / b for a, b in pairs)
        return f"{statistics.median(each):.2f} ({each[0]:.2f}–{each[-1]:.2f})"

    lines = [
        "| variant | examples/s by the clock | examples per CPU second | real tokens per CPU second "
        "| against Trainer's length grouping | against the floor |",
        "|---|---|---|---|---|---|",
    ]
    for name in found:
        wall, cpu = (statistics.median(per_second(name, clock)) for clock in ("wall", "cpu"))
        ratios = f"{ratio(name, BASE)} | {ratio(name, FLOOR)}"
        lines.append(f"| {name} | {wall:.0f} | {cpu:.0f} | {cpu * mean:,.0f} | {ratios} |")
    return "\n".join(lines)


def accuracies(found: dict[str, list[Run]]) -> str:
    """Table 3."""
    lines = ["| variant | accuracy (mean) | each seed |", "|---|---|---|"]
    for name in NARROW:
        each = [run.accuracy for run in found[name] if run.accuracy is not None]
        if each:
            numbers = ", ".join(f"{a:.4f}" for a in each)
            lines.append(f"| {name} | {statistics.mean(each):.4f} | {numbers} |")
    return "\n".join(lines)


def targets(lengths: list[int], found: dict[str, list[Run]], on: On) -> str:
    """What was aimed at, and what was measured, in words."""
    plan = batching.bucketed(lengths, tokens=budget(lengths), rng=random.Random("0/0"))
    real = 1 - batching.padding_share(lengths, plan)

    def against(name: str, other: str) -> float:
        pairs = zip(found[name], found[other], strict=True)
        return statistics.median((a.rows / a.cpu) / (b.rows / b.cpu) for a, b in pairs)

    gain, limit = against("ours, bucketed", BASE), against(FLOOR, BASE)
    best = max(against(name, FLOOR) for name in ("ours, packed at random", "ours, packed from buckets"))
    goal = 1.3 if on.device == "cuda" else 1.15
    gpu = (
        f"- Packed at 90 % of the floor: {best:.0%}, {{}}."
        if on.device == "cuda"
        else "- 1.3 times Trainer, and packed at 90 % of the floor, on a GPU: **not measured**, there was "
        f"none (packed here: {best:.0%} of the floor)."
    )
    each = {name: [run.accuracy for run in found[name]] for name in (BASE, "ours, bucketed")}
    apart = abs(statistics.mean(each[BASE]) - statistics.mean(each["ours, bucketed"]))
    spread = max(max(values) - min(values) for values in each.values())

    def met(reached: bool) -> str:
        return "reached" if reached else "**not reached**"

    return "\n".join(
        [
            f"- At least 98 % of processed tokens real, still shuffled: {real:.1%}, {met(real >= 0.98)}.",
            f"- At least {goal} times Trainer with length grouping on {on.device}: {gain:.2f} times, "
            f"{met(gain >= goal)}. The floor itself, without any padding, comes to {limit:.2f} times.",
            f"- At equal accuracy: means {100 * apart:.2f} points apart, spread over seeds "
            f"{100 * spread:.2f} points, {met(apart <= spread)}.",
            gpu.format(met(best >= 0.9)),
        ]
    )


# ---------------------------------------------------------------- where a step's time goes


def profile(examples: list[Example], on: On, *, steps: int = 40) -> str:
    """CPU milliseconds of one step by part, mean over `steps`, for each of our ways."""
    lines = [
        "| variant | batch | forward | backward | clip and AdamW | all | real tokens | per 1,000 |",
        "|" + "---|" * 8,
    ]
    for way in WAYS:
        batches = batches_of(way, examples)
        net = dropout.for_cpu(on.model()).train()
        if isinstance(batches, packed.PackedBatches):
            net = packed.Packed(net)
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-5, fused=True)
        spent, real = [0.0] * 4, 0
        made = itertools.chain(batches.epoch(0), batches.epoch(1), batches.epoch(2))
        for _ in range(steps):
            clock = [on.now()]
            batch = {name: tensor.to(on.device) for name, tensor in next(made).items()}
            clock.append(on.now())
            labels = batch.pop("labels")
            with mixed_precision(torch.device(on.device)):
                logits = net(**batch).logits
            loss = torch.nn.functional.cross_entropy(logits.float(), labels)
            clock.append(on.now())
            loss.backward()
            clock.append(on.now())
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            clock.append(on.now())
            spent = [s + b - a for s, (a, b) in zip(spent, itertools.pairwise(clock), strict=True)]
            real += int(batch.get("attention_mask", torch.ones_like(batch["input_ids"])).sum())
        parts = [1000 * s / steps for s in spent]
        cells = [*parts, sum(parts), real / steps, sum(parts) / (real / steps) * 1000]
        lines.append(f"| {way} | {' | '.join(f'{x:.1f}' for x in cells)} |")
    return "\n".join(lines)


def machine(on: On) -> str:
    """What it ran on, as far as it matters."""
    if on.device == "cuda":
        return f"{torch.cuda.get_device_name()}, bfloat16; all times are the clock's"
    return f"{platform.machine()}, {os.cpu_count()} CPUs, one thread, float32, no GPU"


def options(arguments: list[str]) -> str:
    """The command line as anybody could give it: folders of this machine left out."""
    named = {"--data": "DIR", "--out": "benchmarks/bucketing.md"}
    before = [None, *arguments]
    return " ".join(named.get(last, word) for last, word in zip(before, arguments, strict=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    option = parser.add_argument
    option("--data", type=Path, required=True)
    option("--rows", type=int, default=5_000, help="training rows of tables 2 and 3")
    option("--wide-rows", type=int, default=1_024, help="of the variants that pad a lot")
    option("--test-rows", type=int, default=5_000)
    option("--epochs", type=int, default=2)
    option("--seeds", type=int, default=3)
    option("--rate", type=float, default=1e-3)
    option("--device", default="cpu", choices=("cpu", "cuda"))
    option("--shape", default="pocket", choices=tuple(SHAPES), help="base: klue/bert-base's, random")
    option("--profile-steps", type=int, default=40)
    option("--shares-only", action="store_true", help="the first table, without training")
    option("--out", type=Path, help="write the page here; default: print only")
    chosen = parser.parse_args()

    model.quiet()
    torch.set_num_threads(1)
    tokenizer = model.load_tokenizer(POCKET)
    reviews = data.clean(data.read(chosen.data / data.TRAIN))
    everything = data.tokenise(reviews, tokenizer, MAX_LENGTH)
    lengths = [len(e.ids) for e in everything]
    print(f"{shares(lengths)}\n", flush=True)
    if chosen.shares_only:
        return
    examples = random.Random(0).sample(everything, chosen.rows)
    reviews = random.Random(0).sample(data.clean(data.read(chosen.data / data.TEST)), chosen.test_rows)
    test = data.tokenise(reviews, tokenizer, MAX_LENGTH)
    recipe = Recipe(epochs=chosen.epochs, learning_rate=chosen.rate)
    start, on = time.monotonic(), On(chosen.device, chosen.shape)
    found = rounds(examples, test, recipe, on, seeds=chosen.seeds, wide_rows=chosen.wide_rows)
    text = PAGE.format(
        shares=shares(lengths), targets=targets(lengths, found, on),
        speeds=speeds(found, statistics.mean(lengths)), shape=chosen.shape,
        accuracies=accuracies(found), profile=profile(examples, on, steps=chosen.profile_steps),
        options=options(sys.argv[1:]),
        all=len(lengths), mean=statistics.mean(lengths), median=statistics.median(lengths),
        tokens=budget(lengths), rows=chosen.rows, wide=chosen.wide_rows, epochs=chosen.epochs,
        test=chosen.test_rows, seeds=chosen.seeds, rate=chosen.rate, minutes=(time.monotonic() - start) / 60,
        machine=machine(on),
        torch=torch.__version__, date=time.strftime("%Y-%m-%d", time.gmtime()),
    )  # fmt: skip
    print(text)
    if chosen.out:
        chosen.out.write_text(text, encoding="utf-8")


PAGE = """# Padding, and what it costs

Made by `python -m benchmarks.bucketing {options}` on {date}
in {minutes:.0f} minutes; DIR held a rebuilt draw of NSMC, which is not part of this project.

Machine: {machine}; torch {torch}; other programs were using it too, so the clock says
less than CPU seconds do.

## What was aimed at

{targets}

## Real tokens

All {all:,} training rows after cleaning, counted with the pocket tokenizer: mean {mean:.1f} tokens, median
{median:.0f}. Bucketed has a budget of {tokens} tokens a batch, which is 32 rows on average; it sorts inside
shuffled windows of 12,800 rows and shuffles the batches.

{shares}

## Speed

Model: {shape}, {rows:,} rows, {epochs} epochs, 32 rows a step on average, AdamW, learning rate {rate:g};
the three wide variants {wide:,} rows, one epoch. {seeds} rounds, every variant once in each; ratios are taken
within a round, of examples per CPU second: median (lowest–highest).

{speeds}

## Accuracy

On {test:,} test rows after the last epoch of the same runs.

{accuracies}

## Where a step's time goes

CPU milliseconds of a step of our own loop, mean over 40 steps; the last column is what 1,000 real tokens
cost.

{profile}

Forward and backward are nearly all that is left, and bucketed spends on them what the floor does: there is
no padding left to save. Trainer's length grouping is behind by its 5 % of padding, by its own work between
steps, and by dropout's random numbers: `nn.Dropout` draws one for each element, a seventh of a step on a CPU
(torch.profiler: `bernoulli_` 13 %, more than AdamW); ours cuts four out of each (reference/dropout.py).
Packing at random pays for attention: on a CPU every length in a batch is a call of its own, some 20 instead
of 2. Packed from buckets it is back at the floor.
"""


if __name__ == "__main__":
    main()
