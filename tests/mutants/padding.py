"""Mistakes about padding and grouping: item 3's own subject."""

# ruff: noqa: E501  (edits are the notebook's own lines)
from __future__ import annotations

FIXED, BUCKETED = ("max-length", "none"), ("dynamic", "length")
NO_OP = {"r3": ("FAIL", "UNDECIDED"), "bucketing": "no-op", "findings": ["no-op-bucketing"]}
"""Tried, executed, no effect. An honest comparison of such a run is worth a PARTIAL, and whether one was
stored can't be known with the outputs cleared: hence UNDECIDED may stand, PASS never."""
WORKS = {"r1": "PASS", "bucketing": "effective"}

UNPADDED = 'return tokenizer(batch["document"], truncation=True, max_length=MAX_LENGTH)'
GROUPED = 'args=TrainingArguments(output_dir="bucketed", **common, **group_by_length)'
COLLATOR = "collator = DataCollatorWithPadding(tokenizer)"
NO_CHECK = ("check-bucketed",)

MUTANTS: list[dict] = [
    {
        "name": "pads-to-max-before-bucketing",
        "mistake": "`padding='max_length'` stays in the tokenising function of the bucketed run",
        "edits": (
            ("bucketed-data", UNPADDED, UNPADDED.replace("truncation=", 'padding="max_length", truncation=')),
        ),
        "drop": NO_CHECK,
        "read": {"runs": [FIXED, ("max-length", "length")], "r3": ("FAIL", "UNDECIDED")},
        "run": NO_OP,
    },
    {
        "name": "trains-on-the-padded-set",
        "mistake": "an unpadded set is built, and the padded one is trained on",
        "edits": (("bucketed-trainer", "train_dataset=bucketed_train", "train_dataset=fixed_train"),),
        "drop": NO_CHECK,
        "read": {"runs": [FIXED, ("max-length", "length")], "r3": ("FAIL", "UNDECIDED")},
        "run": NO_OP,
    },
    {
        "name": "collator-pads-to-max",
        "mistake": "the collator itself pads to `max_length`",
        "edits": (
            (
                "bucketed-data",
                COLLATOR,
                'collator = DataCollatorWithPadding(tokenizer, padding="max_length", max_length=MAX_LENGTH)',
            ),
        ),
        "drop": NO_CHECK,
        "read": {"runs": [FIXED, ("max-length", "length")], "r3": ("FAIL", "UNDECIDED")},
        "run": NO_OP,
    },
    {
        "name": "cuts-so-short-that-nothing-is-left-to-pad",
        "mistake": "`MAX_LENGTH = 4`: every row is as long as every other",
        "edits": (
            (
                "lengths",
                "MAX_LENGTH = int(np.ceil(np.percentile(lengths, 99.5) / 8) * 8)",
                "MAX_LENGTH = 4",
            ),
        ),
        "drop": ("check-lengths", "check-bucketed"),
        "read": {"runs": [FIXED, BUCKETED]},
        "run": {"r3": ("FAIL", "UNDECIDED"), "bucketing": "no-op", "findings": ["short-max-length"]},
    },
    {
        "name": "forgets-grouping",
        "mistake": "rows meet at random: dynamic padding, called bucketing",
        "edits": (("bucketed-trainer", GROUPED, GROUPED.replace(", **group_by_length", "")),),
        "drop": NO_CHECK,
        "read": {"runs": [FIXED, ("dynamic", "none")]},
        "run": WORKS,  # padding really falls; a finding says what is still left on the table
    },
    {
        "name": "forgets-the-collator",
        "mistake": "no collator: rows of different lengths can't become one tensor",
        "edits": (("bucketed-trainer", "    data_collator=collator,\n", ""),),
        "drop": NO_CHECK,
        "run": {"r1": "PASS", "r3": ("FAIL", "UNDECIDED"), "bucketing": ("unexecuted", "unknown", "no-op")},
    },
    {
        "name": "pads-per-map-batch",
        "mistake": "`padding=True` in a batched map pads to the longest of 1,000 rows",
        "edits": (("bucketed-data", UNPADDED, UNPADDED.replace("truncation=", "padding=True, truncation=")),),
        "drop": NO_CHECK,
        "read": {"runs": [FIXED, ("map-batch", "length")]},
        "run": {"r1": "PASS", "bucketing": ("no-op", "effective")},
    },
    {
        "name": "wrong-pad-id",
        "mistake": "pads with [UNK] instead of [PAD]; the mask hides it",
        "edits": (("bucketed-data", COLLATOR, 'tokenizer.pad_token = "[UNK]"\n' + COLLATOR),),
        "read": {"runs": [FIXED, BUCKETED]},
        "run": {**WORKS, "findings": ["odd-padding"]},  # harmless while the mask is there, so no verdict
    },
    {
        "name": "forgets-the-mask",
        "mistake": "the attention mask is dropped, so the model reads the padding as words",
        "edits": (
            (
                "bucketed-data",
                'bucketed_train = train_set.map(tokenize_unpadded, batched=True, remove_columns=["document"])',
                'bucketed_train = train_set.map(tokenize_unpadded, batched=True, remove_columns=["document"])\n'
                "without_mask = DataCollatorWithPadding(tokenizer)\n\n\n"
                "def drop_mask(rows):\n"
                "    batch = without_mask(rows)\n"
                '    del batch["attention_mask"]\n'
                "    return batch",
            ),
            ("bucketed-data", COLLATOR, "collator = drop_mask"),
            (
                "tools",
                'real += int(batch["attention_mask"].sum())',
                'real += int((batch["input_ids"] != 0).sum())',
            ),
        ),
        "run": {**WORKS, "findings": ["mask-missing"]},
    },
    {
        "name": "sorts-the-whole-set",
        "mistake": "sorts all rows by length once; Trainer shuffles them again",
        "edits": (
            (
                "bucketed-data",
                COLLATOR,
                'by_length = np.argsort([len(ids) for ids in bucketed_train["input_ids"]])\n'
                "bucketed_train = bucketed_train.select(by_length)\n" + COLLATOR,
            ),
            ("bucketed-trainer", GROUPED, GROUPED.replace(", **group_by_length", "")),
        ),
        "drop": NO_CHECK,
        "read": {"runs": [FIXED, ("dynamic", "none")]},
        "run": WORKS,  # by the collator alone
    },
    {
        "name": "bucketing-never-trained",
        "mistake": "the bucketed Trainer is built and never trained",
        "edits": (
            ("bucketed-train", "bucketed_trainer.train()", "bucketed_trainer"),
            (
                "bucketed-evaluate",
                "bucketed_scores = bucketed_trainer.evaluate()",
                "bucketed_scores = fixed_scores",
            ),
        ),
        "drop": ("check-bucketed", "check-fair", "compare", "picture", "extra", "test"),
        "read": {"bucketing": ("absent", "unexecuted")},
        "run": {"r1": "PASS", "r3": ("FAIL", "PARTIAL"), "bucketing": ("absent", "unexecuted")},
    },
    {
        "name": "no-bucketing-at-all",
        "mistake": "trains the same thing twice",
        "edits": (
            ("bucketed-data", UNPADDED, UNPADDED.replace("truncation=", 'padding="max_length", truncation=')),
            ("bucketed-data", COLLATOR, "collator = None"),
            ("bucketed-trainer", GROUPED, GROUPED.replace(", **group_by_length", "")),
        ),
        "drop": NO_CHECK,
        "read": {"runs": [FIXED, FIXED], "bucketing": "absent"},
        "run": {"r1": "PASS", "r3": "FAIL", "bucketing": "absent"},
    },
]
