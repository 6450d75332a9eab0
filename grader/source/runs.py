"""Drafts of trainings → TrainingRuns: what padding and grouping come out of rows, collator and arguments.

Called by order.py. Decides nothing about the student; what the parts don't settle stays unknown.
"""

from __future__ import annotations

from grader.records import Grouping, Padding, Start, TrainingRun, Witness
from grader.source.cells import Code
from grader.source.derivation import const
from grader.source.events import Draft
from grader.source.overlap import Sides, split_of
from grader.source.values import Args, Const, Rows, Seq, Shape, Value


def to_run(draft: Draft, code: Code, order: int, sides: Sides, others: list[Rows]) -> TrainingRun:
    arguments = _arguments(draft)
    rows = draft.rows
    return TrainingRun(
        witness=Witness.SOURCE,
        cell=draft.cell,
        order=order,
        cells=tuple(sorted(draft.cells | {draft.cell})),
        name=draft.name[:200],
        kind=draft.kind,
        executed=code.executed,
        padding=padding_of(draft),
        grouping={"length": Grouping.LENGTH, "none": Grouping.NONE}.get(draft.grouping, Grouping.UNKNOWN),
        attempts=attempts_of(draft),
        max_length=_max_length(draft),
        rows=rows.rows if rows is not None else None,
        batch_size=_whole(
            draft.batch_size, 8 if draft.kind == "trainer" and draft.args is not None else None
        ),
        epochs_planned=_number(draft.epochs, _default_epochs(draft)),
        steps_planned=_positive(draft.args),
        start=Start(draft.start),
        continued_from=draft.continued_from,
        model=draft.model,
        arguments=arguments,
        eval_split=split_of(draft.eval_rows, rows, sides, others),
        precision=next((p for p in ("fp16", "bf16") if arguments.get(p) == "True"), ""),
        quote=draft.quote,
    )


def padding_of(draft: Draft) -> Padding:
    """How one batch gets its length: first what was done to the rows, then what the collator adds."""
    shape = draft.rows.shape if draft.rows is not None else Shape.UNKNOWN
    collator = draft.collator.padding if draft.collator is not None else "unknown"
    if collator == "trim" and shape in (Shape.FIXED, Shape.BATCH):
        return Padding.DYNAMIC
    if shape is Shape.FIXED:
        return Padding.MAX_LENGTH
    if collator == "max_length" and shape is not Shape.RAW:
        return Padding.MAX_LENGTH
    if shape is Shape.BATCH:
        return Padding.UNKNOWN if collator == "unknown" else Padding.MAP_BATCH
    if shape is Shape.OWN and collator == "dynamic":
        return Padding.DYNAMIC
    if shape is Shape.RAW and draft.collator is not None and draft.collator.own:
        return {"dynamic": Padding.DYNAMIC, "max_length": Padding.MAX_LENGTH}.get(collator, Padding.UNKNOWN)
    return Padding.UNKNOWN


def attempts_of(draft: Draft) -> tuple[str, ...]:
    found = list(dict.fromkeys(draft.tries))
    if draft.rows is not None and draft.rows.shape is Shape.BATCH:
        found.append("map-batch")
    return tuple(found)


def _max_length(draft: Draft) -> int | None:
    if draft.collator is not None and draft.collator.max_length is not None:
        return draft.collator.max_length
    return draft.rows.max_length if draft.rows is not None else None


def _default_epochs(draft: Draft) -> float | None:
    if draft.kind != "trainer" or draft.args is None or "**" in draft.args.fields or draft.epochs is not None:
        return None
    return 3.0  # TrainingArguments' default


def _whole(value: Value | None, default: int | None) -> int | None:
    if value is None:
        return default
    number = const(value)
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _number(value: Value | None, default: float | None) -> float | None:
    if value is None:
        return default
    number = const(value)
    return float(number) if isinstance(number, (int, float)) and not isinstance(number, bool) else None


def _positive(args: Args | None) -> int | None:
    steps = const(args.fields.get("max_steps")) if args is not None else None
    return steps if isinstance(steps, int) and steps > 0 else None


def _arguments(draft: Draft) -> dict[str, str]:
    found = dict(draft.extra)
    if draft.args is not None:
        for name, value in draft.args.fields.items():
            if name != "**":
                found[name] = _shown(value)
    else:
        if isinstance(const(draft.batch_size), int):
            found["per_device_train_batch_size"] = str(const(draft.batch_size))
        if isinstance(const(draft.epochs), (int, float)):
            found["num_train_epochs"] = str(const(draft.epochs))
    found.update(draft.optimizer)
    return found


def _shown(value: Value) -> str:
    if isinstance(value, Const):
        return str(value.value)[:200]
    if isinstance(value, Seq):
        return "[" + ", ".join(_shown(v) for v in value.items[:8]) + "]"
    hint = getattr(value, "hint", "")
    return f"{hint}…" if hint else "?"
