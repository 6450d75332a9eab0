"""Labels and numbers as reviews and reports show them, in both languages. Data and formatting only.

`how` says how a submission was checked. Called by review, report and batch pages; decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from grader.records import Bucketing, Facts, Padding, Status, Text, TrainingRun

STATUS = {
    Status.PASS: Text(ko="통과", en="pass"),
    Status.PARTIAL: Text(ko="부분 통과", en="partial"),
    Status.FAIL: Text(ko="미통과", en="fail"),
    Status.UNDECIDED: Text(ko="판단 보류", en="undecided"),
}

BUCKETING = {
    Bucketing.EFFECTIVE: Text(ko="bucketing 효과가 있습니다", en="bucketing takes effect"),
    Bucketing.NO_OP: Text(
        ko="bucketing을 켰지만 **실제로는 아무것도 바뀌지 않았습니다**",
        en="bucketing is switched on but **changes nothing**",
    ),
    Bucketing.ABSENT: Text(ko="bucketing을 적용한 코드가 없습니다", en="no bucketing in the code"),
    Bucketing.UNEXECUTED: Text(
        ko="bucketing 코드는 있지만 실행한 결과가 없습니다", en="bucketing is written but left no result"
    ),
    Bucketing.UNKNOWN: Text(
        ko="bucketing 효과를 확인할 수 없었습니다", en="whether bucketing took effect is not known"
    ),
}

NOT_LESS = Text(
    ko="bucketing을 켰지만 **실제로는 패딩이 줄지 않았습니다**",
    en="bucketing is switched on but **saves no padding**",
)
"""Of batches that changed, but got no narrower."""

SPLIT = {
    "validation": Text(ko="train에서 나눈 검증 데이터", en="validation rows held out of train"),
    "test": Text(ko="test 데이터", en="the test split"),
    "test-as-validation": Text(ko="test 데이터(검증에 사용)", en="the test split, used as validation"),
    "train": Text(ko="학습에 쓴 데이터", en="rows trained on"),
    "unknown": Text(ko="확인 안 됨", en="not known"),
}

PROFILE = {
    "pocket": Text(ko="대역 모델·데이터 pocket", en="stand-in model and data, pocket"),
    "full": Text(ko="실제 klue/bert-base와 NSMC", en="the real klue/bert-base and NSMC"),
}


def bucketing(facts: Facts) -> Text:
    """What bucketing did. 'Changes nothing' is said of rows of one length only."""
    late = facts.runs[facts.bucketed] if facts.bucketed is not None else None
    if facts.bucketing is Bucketing.NO_OP and late is not None and late.padding is Padding.DYNAMIC:
        return NOT_LESS
    return BUCKETING[facts.bucketing]


def split(name: str) -> Text:
    """Words for `TrainingRun.eval_split` or `Facts.eval_split` ('subset:N' included)."""
    if name.startswith("subset:"):
        rows = name.partition(":")[2]
        return Text(ko=f"일부({rows}건)", en=f"a subset of {rows} rows")
    return SPLIT.get(name, SPLIT["unknown"])


def accuracy(value: float | None) -> str | None:
    """0.9043; None stays None."""
    return None if value is None else f"{value:.4f}"


def number(value: float | None) -> str | None:
    """60, 21.3 or 1,204."""
    if value is None:
        return None
    return f"{value:,.0f}" if value >= 1000 or abs(value - round(value)) < 0.05 else f"{value:,.1f}"


DAGGER = "†"


def tokens(run: TrainingRun) -> str | None:
    """Padded tokens per row, with a dagger where they were counted in the stand-in reviews."""
    return _daggered(number(run.tokens_per_row), "tokens_per_row", run)


def padding_share(run: TrainingRun) -> float | None:
    """The share of padding that goes with `tokens_per_row`; None where the two were counted in different
    reviews: rows of the student's own are longer or shorter than ours, and a pair would be nobody's."""
    one_length = run.padding == Padding.MAX_LENGTH
    apart = "padding_share" in run.stand_in and "tokens_per_row" not in run.stand_in
    return None if apart and not one_length else run.padding_share


def padding(run: TrainingRun) -> str | None:
    """`padding_share` as it is shown."""
    return _daggered(share(padding_share(run)), "padding_share", run)


def dagger_note(lang: str) -> str:
    """What the dagger says."""
    if lang == "ko":
        return f"{DAGGER} 채점기가 대역 데이터로 다시 실행하며 센 값이라 실제 NSMC와는 조금 다릅니다."
    return f"{DAGGER} Counted when the grader ran it on stand-in reviews: NSMC's own figures differ a little."


def _daggered(shown: str | None, field: str, run: TrainingRun) -> str | None:
    return shown + DAGGER if shown is not None and field in run.stand_in else shown


def share(value: float | None) -> str | None:
    """67 %; below 10 % with one decimal."""
    if value is None:
        return None
    return f"{100 * value:.0f} %" if value >= 0.1 or value == 0 else f"{100 * value:.1f} %"


def seconds(value: float | None, lang: str) -> str | None:
    """Seconds to compare runs by, with the same in minutes from two minutes on."""
    if value is None:
        return None
    plain = f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"
    unit, minute = ("초", "분") if lang == "ko" else (" s", " min")
    return plain + unit + (f" ({value / 60:,.0f}{minute})" if value >= 120 else "")


def cells(numbers: Iterable[int], lang: str) -> str:
    """'셀 7, 9' / 'cells 7, 9'; '' for none."""
    known = sorted(set(numbers))
    if not known:
        return ""
    shown = ", ".join(map(str, known[:6])) + (" …" if len(known) > 6 else "")
    return f"셀 {shown}" if lang == "ko" else f"cell{'s' if len(known) > 1 else ''} {shown}"
