"""The next step for item 3 where one of the two runs is missing: the one with bucketing, or the plain one.

Each gets its own rows and its own arguments, so that the run that is there stays as it is.
Not covered: bucketing that changes nothing (`unpadding`), and whether a run is missing (`advice`).
"""

from __future__ import annotations

import re

from grader.checks import again, say
from grader.checks.join import Joined
from grader.checks.settle import Case
from grader.checks.tokenising import (
    PADS,
    padding_argument,
    padding_cell,
    pads_in_advance,
    tokenising,
    under_new_name,
)
from grader.records import Observation, Text

_UNPADDED = re.compile(r"^[^#\n]*\b(padding\s*=\s*(?:False|['\"]do_not_pad['\"]))", re.M)

USUAL_LENGTH = 128
"""Without a length, `padding='max_length'` pads to 512 tokens."""


def add_bucketed(case: Case) -> Text:
    """Nothing buckets yet: copy the plain run, give the copy unpadded rows, a collator and grouping."""
    ran = [j for j in case.runs if j.run.executed]
    base = case.baseline or next(iter((*reversed(ran), *reversed(case.runs))), None)
    made = again.collator(case, base)
    if base is None:
        return say.text(
            "먼저 `Trainer`로 기준 학습을 한 번 하고, 모델을 새로 불러와 `group_by_length=True`와 "
            f"{made.ko}를 넣은 학습을 한 번 더 해서 시간과 정확도를 비교해 보세요. 두 번째 학습의 데이터는 "
            "토크나이저에 `truncation=True`만 두고 만듭니다.",
            "Train once with a plain `Trainer`, load the model afresh and train again with "
            f"`group_by_length=True` and {made.en}, and compare time and accuracy. For the second training "
            "leave only `truncation=True` in the tokeniser.",
        )
    at = again.training_cells(case, base)
    grouping, grouping_en = _grouping(case, base)
    fresh = again.fresh_model(case, base)
    ko, en = (fresh.ko, f"{fresh.en}, run it") if fresh.ko else ("그 셀을", "run that cell")
    last = say.text(
        f"{ko} 실행해, 두 실행의 시간과 정확도를 비교해 보세요.",
        f"{say.capital(en)} and compare time and accuracy of both runs.",
    )
    source = tokenising(case, base)
    if not pads_in_advance(source):
        return say.join_texts(
            (
                say.text(
                    f"{at.ko}의 학습을 새 셀에 복사해 {made.ko}를 넣고, {grouping}.",
                    f"Copy the training of {at.en} to a new cell with {made.en}, and {grouping_en}.",
                ),
                last,
            )
        )
    place = padding_cell(case, source)
    tok, rows = say.cell(place), say.cell(source.cell)
    written = padding_argument(case, place) or PADS[source.value["padding"]]
    return say.join_texts(
        (
            say.text(
                f"{at.ko}의 학습을 새 셀에 복사해, {tok.ko}에서 `{written}`만 뺀 함수로 다시 토큰화한 "
                f"데이터와 {made.ko}를 넣어 주세요(기준 실행은 {rows.ko}의 패딩한 데이터 그대로).",
                f"Copy the training of {at.en} to a new cell with {made.en} and with rows tokenised again "
                f"without the `{written}` of {tok.en}; the plain run keeps the padded rows of {rows.en}.",
            ),
            say.text(f"{say.capital(grouping)}.", f"{say.capital(grouping_en)}."),
            last,
        )
    )


def _grouping(case: Case, base: Joined) -> tuple[str, str]:
    """Where grouping goes in the copy of a run."""
    place = say.cell(again.arguments_cell(case, base))
    if base.run.kind != "trainer":
        return "길이가 비슷한 행끼리 묶어 배치를 만듭니다", "put rows of similar length into one batch"
    if again.written_grouping(base) is False:
        return (
            f"{place.ko}의 `TrainingArguments`도 복사해 `group_by_length=False`를 `True`로 바꿉니다",
            f"in a copy of the `TrainingArguments` of {place.en}, set `group_by_length` to `True`",
        )
    return (
        f"{place.ko}의 `TrainingArguments`도 복사해 `group_by_length=True`를 더합니다",
        f"add `group_by_length=True` to a copy of the `TrainingArguments` of {place.en}",
    )


def add_plain(case: Case) -> Text:
    """Only the bucketed run is there: copy it, pad its rows to one length and take grouping out."""
    bucketed = case.bucketed
    at = again.training_cells(case, bucketed)
    fresh = again.fresh_model(case, bucketed)
    ko, en = (f"{fresh.ko} ", f"{fresh.en} and run it") if fresh.ko else ("그 셀을 ", "run that cell")
    padded, padded_en = _padded(case, bucketed, tokenising(case, bucketed))
    if bucketed.run.kind == "trainer":
        place = say.cell(again.arguments_cell(case, bucketed))
        off = f"{place.ko}의 `TrainingArguments`를 복사해 `group_by_length=False`로"
        off_en = f"set `group_by_length=False` in a copy of the `TrainingArguments` of {place.en}"
    else:
        off, off_en = "배치는 길이로 묶지 않고 섞기만", "shuffle its rows without grouping"
    return say.text(
        f"{at.ko}의 학습을 새 셀에 복사해 기준 실행을 하나 더 만들어 주세요. {padded}, {off} 합니다. {ko}"
        "실행해, 두 실행의 `train_runtime`과 정확도를 출력으로 남겨 주세요.",
        f"Copy the training of {at.en} to a new cell as the plain run. {say.capital(padded_en)}, and "
        f"{off_en}. {say.capital(en)}, and keep `train_runtime` and the accuracy of both runs in the output.",
    )


def _padded(case: Case, bucketed: Joined, source: Observation | None) -> tuple[str, str]:
    """Where the plain run's rows get one length: the cell and the argument with its length."""
    length = bucketed.run.max_length
    # 512 is what a tokeniser cuts at where no length is written; to pad to it costs minutes for nothing.
    length = length if length and length < 512 else USUAL_LENGTH
    argument = f"`padding='max_length', max_length={length}`"
    if source is None or source.cell is None:
        return (
            f"그 실행의 데이터는 토크나이저에 {say.josa(argument, '을/를')} 주어 따로 토큰화하고",
            f"tokenise rows of its own with {argument}",
        )
    place = padding_place(case, source)
    at, rows, name = say.cell(place), say.cell(source.cell), under_new_name(source)
    cell = case.evidence.submission.cell(place)
    written = _UNPADDED.search(cell.source) if cell is not None else None
    if written is not None:
        change = f"{at.ko}의 `{written.group(1)}`를 {say.josa(argument, '으로/로')} 바꾼 함수로"
        en = f"with {argument} in place of the `{written.group(1)}` of {at.en}"
    else:
        change = f"{at.ko}의 토크나이저에 {argument}를 준 함수로"
        en = f"with {argument} in the tokeniser of {at.en}"
    how = f"{rows.ko}의 `map`을 {name.ko} 한 번 더" if source.value.get("function") else "데이터를 따로"
    how_en = (
        f"repeat the `map` of {rows.en} {name.en}"
        if source.value.get("function")
        else ("tokenise rows of its own")
    )
    return (
        f"{change} {how} {'하고' if source.value.get('function') else '만들고'}",
        f"{how_en} {en}",
    )


def padding_place(case: Case, source: Observation) -> int:
    """The cell of the tokenising function, where its padding is or would be written."""
    function = str(source.value.get("function") or "")
    if function.isidentifier():
        wanted = re.compile(rf"^\s*def\s+{function}\s*\(", re.M)
        for cell in reversed(case.evidence.submission.cells):
            if cell.kind == "code" and cell.index <= source.cell and wanted.search(cell.source):
                return cell.index
    return source.cell
