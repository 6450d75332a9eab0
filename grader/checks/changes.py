"""Single changes to a run's settings, and several of them in one sentence of a next step.

Only what is lacking in the run's own arguments is asked for.
Not covered: which step it belongs to (`unpadding`).
"""

from __future__ import annotations

from typing import NamedTuple

from grader.checks import again, say
from grader.checks.join import Joined
from grader.checks.settle import Case
from grader.records import Grouping, Text


class Change(NamedTuple):
    """One change, as it stands before another ('…넣고') and at the end of a sentence ('…넣어 주세요')."""

    ko: str
    last: str
    en: str


def one_sentence(changes: list[Change]) -> Text:
    """Changes in one sentence; nothing for none."""
    if not changes:
        return say.text("", "")
    *first, last = changes
    en = ", ".join(c.en for c in first)
    en = f"{en} and {last.en}" if en else last.en
    return say.text(", ".join((*(c.ko for c in first), last.last)) + ".", say.capital(en) + ".")


def pass_rows(bucketed: Joined, into: Text) -> Change:
    if bucketed.run.kind == "trainer":
        where, en = (
            f"{into.ko}의 `Trainer`에 새 데이터를 `train_dataset`으로",
            (f"pass the new rows as `train_dataset` to the `Trainer` of {into.en}"),
        )
    else:
        where, en = f"{into.ko}의 학습에 새 데이터를", f"train on the new rows in {into.en}"
    return Change(f"{where} 넣고", f"{where} 넣어 주세요", en)


def still_to_add(case: Case, bucketed: Joined, base: Joined | None = None) -> list[Change]:
    """What a run needs besides unpadded rows, so far as its own arguments haven't got it; arguments that it
    shares with `base` are copied, not changed."""
    run = bucketed.run
    if run.kind == "torch-loop" and "own-collator" not in run.attempts and "collator" not in run.attempts:
        where = "배치에서 가장 긴 행까지만 패딩하는 `collate_fn`을 `DataLoader`에"
        en = "give the `DataLoader` a `collate_fn` that pads to the longest row of a batch"
        return [Change(f"{where} 넣고", f"{where} 넣어 주세요", en)]
    if run.kind != "trainer" or run.grouping == Grouping.UNKNOWN:
        return []
    changes = []
    if not again.groups(bucketed):
        changes.append(set_grouping(case, bucketed, base))
    # A collator of the student's own that was only ever given rows of one length may not pad at all.
    if "collator" not in run.attempts:
        at, made = say.cell(again.trainer_cell(case, bucketed)), again.collator(case, bucketed)
        # Where the run gets its own rows, its Trainer has just been named.
        where, en = (
            ("", "") if base is not None else (f"{at.ko}의 `Trainer`에 ", f" to the `Trainer` of {at.en}")
        )
        where = f"{where}{made.ko}를"
        changes.insert(0, Change(f"{where} 더하고", f"{where} 더해 주세요", f"add {made.en}{en}"))
    return changes


def set_grouping(case: Case, joined: Joined, base: Joined | None) -> Change:
    place = again.arguments_cell(case, joined)
    at = say.cell(place)
    false = again.written_grouping(joined) is False
    if base is joined and place in (again.trainer_cell(case, joined), joined.run.cell):
        what = f"`TrainingArguments`({at.ko})에 `group_by_length=True`를"
        what = f"`group_by_length=False`({at.ko})를 `True`로" if false else what
        verb = ("바꾸고", "바꿔 주세요") if false else ("더하고", "더해 주세요")
        en = (
            "set `group_by_length` to `True`"
            if false
            else "add `group_by_length=True` to the `TrainingArguments`"
        )
        return Change(*(f"복사본의 {what} {v}" for v in verb), f"{en} in that copy of {at.en}")
    if base is not None and place != joined.run.cell and place in base.run.cells:
        value = "`group_by_length=False`를 `True`로 바꾼" if false else "`group_by_length=True`를 더한"
        where = f"{at.ko}의 `TrainingArguments`를 복사해 {value} 것을 `args`로"
        en = "set `group_by_length` to `True`" if false else "add `group_by_length=True`"
        en = f"{en} in a copy of the `TrainingArguments` of {at.en} and pass that as `args`"
        return Change(f"{where} 쓰고", f"{where} 써 주세요", en)
    if false:
        where = f"{at.ko}의 `group_by_length=False`를 `True`로"
        return Change(
            f"{where} 바꾸고", f"{where} 바꿔 주세요", f"set `group_by_length` to `True` in {at.en}"
        )
    where = f"{at.ko}의 `TrainingArguments`에 `group_by_length=True`를"
    return Change(
        f"{where} 더하고",
        f"{where} 더해 주세요",
        f"add `group_by_length=True` to the `TrainingArguments` of {at.en}",
    )
