"""The next step for item 3 where bucketing was set up and changed nothing: where its padding comes out.

The plain run must keep its padding, or nothing is left to compare with; so where both runs share their
tokenised rows or their arguments, the bucketed run gets its own.
Not covered: whether it changed nothing (`bucketing`), and all other next steps (`advice`).
"""

from __future__ import annotations

from grader.checks import again, say
from grader.checks.bucketing import outputs_cleared
from grader.checks.changes import Change, one_sentence, pass_rows, set_grouping, still_to_add
from grader.checks.join import Joined
from grader.checks.sampling import group_loop
from grader.checks.settle import Case
from grader.checks.tokenising import (
    PADS,
    padding_argument,
    padding_cell,
    padding_collator,
    pads_in_advance,
    tokenising,
    under_new_name,
    unpadded_already,
)
from grader.records import Observation, Text

SAVE = say.text(
    "이번에는 출력을 지우지 말고, 두 실행의 `train_runtime`과 `eval_accuracy`가 보이는 상태로 저장해 주세요.",
    "Save it with the outputs this time, `train_runtime` and `eval_accuracy` of both runs.",
)
"""Where the file stores nothing at all."""


def remove_padding(case: Case) -> Text:
    """Take the padding out of the tokeniser; or, where the code is right already, run it again."""
    bucketed = case.bucketed
    source = tokenising(case, bucketed)
    if bucketed.stale:
        rerun = say.cell(bucketed.run.cell)
        return say.text(
            f"지금 코드 그대로 커널을 다시 시작하고 처음부터 {rerun.ko}까지 실행해, 새 출력이 남은 상태로 "
            "저장해 주세요. 행당 토큰이 20~30 수준으로 줄어든 만큼 시간도 짧아지는지 볼 수 있습니다.",
            f"Restart the kernel, run the code as it stands up to {rerun.en}, and save the new outputs. If "
            "rows have come down to 20–30 tokens, the time will show it.",
        )
    if (made := padding_collator(case, bucketed)) is not None:
        return _saved(case, _free_collator(case, bucketed, say.cell(made.cell)))
    if not pads_in_advance(source):
        return _saved(case, _group(case, bucketed))
    if (free := unpadded_already(case, bucketed, source)) is not None:
        return _use_unpadded(case, bucketed, free)
    # One training told twice, or resumed from its checkpoint, is no plain run.
    base = case.baseline if case.facts.baseline is not None else None
    if base is None and not outputs_cleared(case.evidence):
        base = bucketed  # padded as it is, its stored result is the plain run
    if base is not None and _same_rows(case, base, source):
        return _second_data(case, bucketed, base, source)
    return _take_out(case, bucketed, source)


def _same_rows(case: Case, base: Joined, source: Observation) -> bool:
    """Does the plain run train on the rows of the same tokenising cell?"""
    return source.cell in base.run.cells and getattr(tokenising(case, base), "cell", None) == source.cell


def _take_out(case: Case, bucketed: Joined, source: Observation) -> Text:
    place = padding_cell(case, source)
    at = say.cell(place)
    written = padding_argument(case, place) or PADS[source.value["padding"]]
    out = Change(
        f"{at.ko}의 토크나이저에서 `{written}` 인자를 빼고(`truncation=True`는 유지)",
        f"{at.ko}의 토크나이저에서 `{written}` 인자를 빼 주세요(`truncation=True`는 유지)",
        f"take `{written}` out of the tokeniser in {at.en} (keep `truncation=True`)",
    )
    mapped = say.cell(source.cell)
    redo, redo_en = "", ""
    if place != source.cell:
        redo, redo_en = (
            f"{say.josa(at.ko, '과/와')} {mapped.ko}의 `map`을",
            f"{at.en} and the `map` of {mapped.en}",
        )
    elif place != bucketed.run.cell:
        redo, redo_en = say.josa(at.ko, "을/를"), at.en
    redo, redo_en = (f"{redo} 다시 실행하고, ", f"run {redo_en} again, ") if redo else ("", "")
    once, again_en = _again(case, bucketed)
    return say.join_texts(
        (
            one_sentence([out, *still_to_add(case, bucketed)]),
            say.text(f"{redo}{once} 보세요.", say.capital(f"{redo_en}{again_en}.")),
            _seen(case, bucketed),
        )
    )


def _second_data(case: Case, bucketed: Joined, base: Joined, source: Observation) -> Text:
    """Rows without padding beside the padded ones, which the plain run needs."""
    place = padding_cell(case, source)
    written = padding_argument(case, place) or PADS[source.value["padding"]]
    at, rows, plain = say.cell(place), say.cell(source.cell), say.cell(base.run.cell)
    mapped = bool(source.value.get("function"))
    name = under_new_name(source)
    there = "같은 셀" if place == source.cell else rows.ko
    how, how_en = (
        ("`map`을", f"repeat the `map` of {rows.en}") if mapped else ("토큰화를", f"tokenise as in {rows.en}")
    )
    apart = say.text(
        f"{at.ko}에서 `{written}`만 뺀 함수를 하나 더 만들고, {there}의 {how} {name.ko} 한 번 더 실행해 "
        f"주세요(패딩한 데이터는 {plain.ko}의 기준 실행용으로 남겨 둡니다).",
        f"Write the function of {at.en} a second time without `{written}` and {how_en} with it {name.en}; "
        f"the padded rows stay for the plain run of {plain.en}.",
    )
    if base is bucketed:
        return say.join_texts((apart, *_copied(case, bucketed)))
    into = say.cell(again.trainer_cell(case, bucketed))
    changes = [pass_rows(bucketed, into), *still_to_add(case, bucketed, base)]
    return say.join_texts((apart, one_sentence(changes), _shown_then(case, *_again(case, bucketed))))


def _copied(case: Case, bucketed: Joined) -> tuple[Text, Text]:
    """There is no other run: the one that is there stays, and its copy gets the new rows."""
    cells = again.training_cells(case, bucketed)
    rows = "새 데이터를 `train_dataset`으로" if bucketed.run.kind == "trainer" else "새 데이터를"
    as_what = " as `train_dataset`" if bucketed.run.kind == "trainer" else " to train on"
    copied = Change(
        f"{cells.ko}의 학습을 새 셀에 복사해 {rows} 넣고",
        f"{cells.ko}의 학습을 새 셀에 복사해 {rows} 넣어 주세요",
        f"copy the training of {cells.en} to a new cell with the new rows{as_what}",
    )
    fresh = again.fresh_model(case, bucketed)
    ko, en = (f"{fresh.ko} ", f"{fresh.en} and ") if fresh.ko else ("", "")
    changes = [copied, *still_to_add(case, bucketed, bucketed)]
    return one_sentence(changes), _shown_then(case, f"{ko}그 셀을 실행해", f"{en}run that cell")


def _use_unpadded(case: Case, bucketed: Joined, free: int) -> Text:
    made, rerun = say.cell(free), say.cell(bucketed.run.cell)
    unused = say.text(
        f"{made.ko}에서 패딩 없이 토큰화한 데이터를 만들어 두었지만 {rerun.ko}의 학습에는 쓰이지 않았습니다.",
        f"{made.en.capitalize()} tokenises without padding, but {rerun.en} doesn't train on that.",
    )
    into = say.cell(again.trainer_cell(case, bucketed))
    name = "`train_dataset`에" if bucketed.run.kind == "trainer" else "학습에"
    rows = Change(
        f"{into.ko}의 {name} 그 데이터를 넣고",
        f"{into.ko}의 {name} 그 데이터를 넣어 주세요",
        f"pass it as `train_dataset` in {into.en}",
    )
    changes = one_sentence([rows, *still_to_add(case, bucketed, case.baseline)])
    return say.join_texts((unused, changes, _shown_then(case, *_again(case, bucketed))))


def _again(case: Case, joined: Joined) -> tuple[str, str]:
    """'셀 5에서 모델을 새로 불러온 뒤 셀 15, 16의 학습을 다시 실행해'."""
    fresh, cells = again.fresh_model(case, joined), again.training_cells(case, joined)
    ko, en = (f"{fresh.ko} ", f"{fresh.en} and ") if fresh.ko else ("", "")
    return f"{ko}{cells.ko}의 학습을 다시 실행해", f"{en}run the training of {cells.en} again"


def _width(bucketed: Joined) -> tuple[str, str]:
    width = bucketed.run.tokens_per_row
    if width is None:
        return "행당 토큰이", ""
    return f"지금 {say.tokens(width)}인 행당 토큰이", f" from {say.tokens(width)}"


def _seen(case: Case, bucketed: Joined) -> Text:
    if outputs_cleared(case.evidence):
        return SAVE
    now, en = _width(bucketed)
    return say.text(
        f"{now} 20~30 수준으로 줄어드는 것을 확인할 수 있습니다.",
        f"Tokens per row should fall{en} to about 20–30.",
    )


def _saved(case: Case, step: Text) -> Text:
    return say.join_texts((step, SAVE)) if outputs_cleared(case.evidence) else step


def _shown_then(case: Case, once: str, again_en: str) -> Text:
    """How to run it again and what will be seen then; where nothing is stored, to save it."""
    if outputs_cleared(case.evidence):
        return say.text(
            f"{once}, 이번에는 출력을 지우지 말고 두 실행의 `train_runtime`과 `eval_accuracy`가 보이는 "
            "상태로 저장해 주세요.",
            say.capital(
                f"{again_en} and save it with the outputs this time, `train_runtime` and `eval_accuracy` of "
                "both runs."
            ),
        )
    now, en = _width(case.bucketed)
    return say.text(
        f"{once} 보면 {now} 20~30 수준으로 줄어드는 것을 확인할 수 있습니다.",
        say.capital(f"{again_en}: tokens per row should fall{en} to about 20–30."),
    )


def _free_collator(case: Case, bucketed: Joined, at: Text) -> Text:
    name = again.tokenizer_name(case, bucketed)
    left, left_en = (
        (f"`DataCollatorWithPadding({name})`만", f"leave `DataCollatorWithPadding({name})`")
        if name
        else ("`DataCollatorWithPadding`에 토크나이저만", "leave `DataCollatorWithPadding` of the tokeniser")
    )
    once, again_en = _again(case, bucketed)
    return say.text(
        f"{at.ko}의 collator에서 `padding='max_length'`(와 `max_length`)를 빼고 {left} 남겨 주세요. {once} "
        "보면 배치에서 가장 긴 행까지만 패딩하게 됩니다.",
        f"Take `padding='max_length'` (and `max_length`) out of the collator in {at.en} and {left_en}. "
        f"{say.capital(again_en)}: it then pads only to the longest row of a batch.",
    )


def _group(case: Case, bucketed: Joined) -> Text:
    """Rows are padded per batch already; only grouping can save more."""
    once, again_en = _again(case, bucketed)
    if bucketed.run.kind != "trainer":
        return group_loop(case, bucketed, once, again_en)
    changes = [set_grouping(case, bucketed, case.baseline)] if not again.groups(bucketed) else []
    at, made = say.cell(again.trainer_cell(case, bucketed)), again.collator(case, bucketed)
    if "collator" not in bucketed.run.attempts or not changes:
        where = f"{at.ko}의 collator로는 배치에서 가장 긴 행까지만 패딩하는 {made.ko}를"
        changes.append(
            Change(
                f"{where} 쓰고",
                f"{where} 써 주세요",
                f"use {made.en} in {at.en}, which pads only to the longest row of a batch",
            )
        )
    return say.join_texts(
        (
            one_sentence(changes),
            say.text(
                f"{once} 길이가 비슷한 행끼리 묶일 때 패딩이 줄어드는지 비교해 보세요.",
                say.capital(f"{again_en} to see whether rows of similar length need less padding."),
            ),
        )
    )
