"""Mistakes in the comparison: bucketing works, but what is compared is something else too."""

# ruff: noqa: E501  (edits are the notebook's own lines)
from __future__ import annotations

from tests.mutants.padding import BUCKETED, FIXED, WORKS

ARGS = 'TrainingArguments(output_dir="bucketed", **common, **group_by_length)'
FAIR = ("check-fair",)


def other_argument(**changed) -> tuple[tuple[str, str, str], ...]:
    """The bucketed run with other arguments than the plain one."""
    words = ", ".join(f'"{name}": {value!r}' for name, value in changed.items())
    return (
        ("bucketed-trainer", "**common, **group_by_length", f"**{{**common, {words}}}, **group_by_length"),
    )


def confounded(name: str, mistake: str, what: str, edits, drop=FAIR, read=(), run=()) -> dict:
    return {
        "name": name,
        "mistake": mistake,
        "edits": edits,
        "drop": drop,
        "read": {"runs": [FIXED, BUCKETED], **dict(read)},
        "run": {**WORKS, "confounded": [what], **dict(run)},
    }


MUTANTS: list[dict] = [
    confounded(
        "compares-different-epochs",
        "one epoch with bucketing against two without",
        "epochs",
        other_argument(num_train_epochs=1),
        read={"differs": ["num_train_epochs"]},
    ),
    confounded(
        "compares-different-batch-sizes",
        "twice the batch size with bucketing, because it fits",
        "batch_size",
        other_argument(per_device_train_batch_size=64),
        read={"differs": ["per_device_train_batch_size"]},
    ),
    confounded(
        "compares-different-learning-rates",
        "tunes the bucketed run only",
        "learning_rate",
        other_argument(learning_rate=5e-5),
        read={"differs": ["learning_rate"]},
    ),
    confounded(
        "compares-different-rows",
        "1,000 rows with bucketing against all",
        "rows",
        (
            (
                "bucketed-trainer",
                "train_dataset=bucketed_train",
                "train_dataset=bucketed_train.select(range(1_000))",
            ),
        ),
    ),
    confounded(
        "drops-the-last-half",
        "half of the rows are gone in the bucketed run",
        "rows",
        (
            (
                "bucketed-data",
                "collator = DataCollatorWithPadding(tokenizer)",
                "bucketed_train = bucketed_train.select(range(len(bucketed_train) // 2))\n"
                "collator = DataCollatorWithPadding(tokenizer)",
            ),
        ),
    ),
    confounded(
        "trains-one-model-on-and-on",
        "the bucketed run goes on with the weights of the plain one",
        "start",
        (("bucketed-trainer", "model=new_model()", "model=fixed_trainer.model"),),
        drop=("check-fair", "check-bucketed"),
        read={"starts": ["pretrained", "continued"], "noted": ["continued-state"]},
    ),
    {
        "name": "baseline-checkpoint-evaluated",
        "mistake": "evaluates the plain model a second time and calls it bucketing",
        "edits": (("bucketed-evaluate", "bucketed_trainer.evaluate()", "fixed_trainer.evaluate()"),),
        "read": {"runs": [FIXED, BUCKETED]},
        "run": {**WORKS, "findings": ["earlier-model-evaluated"]},
    },
    {
        "name": "no-baseline",
        "mistake": "trains with bucketing only and compares with nothing",
        "edits": (
            ("fixed-train", "fixed_trainer.train()", "fixed_trainer"),
            ("fixed-evaluate", "fixed_scores = fixed_trainer.evaluate()", "fixed_scores = None"),
        ),
        "drop": ("check-fixed", "check-fair", "compare", "picture"),
        "read": {"runs": [BUCKETED], "compared": ("none", "one")},
        "run": {"r1": "PASS", "r3": ("PARTIAL", "UNDECIDED", "FAIL"), "compared": ("none", "one")},
    },
    {
        "name": "types-the-table",
        "mistake": "the comparison is typed by hand, from an article",
        "edits": (
            (
                "compare",
                "",
                'table = pd.DataFrame({"시간(초)": [4012, 1530], "정확도": [0.9021, 0.9034]}, index=["고정", "bucketing"])\ntable',
            ),
        ),
        "drop": ("picture",),
        "read": {"runs": [FIXED, BUCKETED], "r3": ("UNDECIDED", "PARTIAL", "FAIL")},
        "run": WORKS,
    },
    {
        "name": "interprets-nothing",
        "mistake": "numbers without a word about them",
        "edits": (
            ("analysis", "", "## 6. 분석"),
            ("extra-text", "", "### 추가 실험"),
            ("bucketing-plan", "", "**계획**"),
            ("retrospect", "", "## 7. 회고\n\n재미있었다."),
        ),
        "read": {"runs": [FIXED, BUCKETED], "analysed": ("no", "short")},
        "run": {**WORKS, "analysed": ("no", "short"), "r3": ("PARTIAL", "UNDECIDED")},
    },
]
