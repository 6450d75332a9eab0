"""What was done well, each with its cell: a review that only finds fault teaches less."""

from __future__ import annotations

from collections.abc import Iterator

from grader.checks import lengths, say
from grader.checks.bucketing import effort
from grader.checks.findings.claims import measured_speedup
from grader.checks.join import observations
from grader.checks.settle import Case
from grader.facts import Kind
from grader.records import Bucketing, Citation, Finding, Start, Text


def find(case: Case) -> Iterator[Finding]:
    """All praise."""
    yield from _real_speedup(case)
    yield from _honest_no_gain(case)
    yield from _fresh_model(case)
    yield from _ablation(case)
    yield from _preprocessing(case)
    yield from _seeded_split(case)
    yield from _debugged(case)
    yield from _fair(case)


def _praise(name: str, text: Text, citations: tuple[Citation, ...]) -> Finding:
    return Finding(id=name, severity="praise", text=text, citations=say.distinct(citations))


def _real_speedup(case: Case) -> Iterator[Finding]:
    """Bucketing worked and was quicker."""
    gain = measured_speedup(case)
    # Another framework or precision is quicker by itself: that gain isn't bucketing's.
    if case.facts.bucketing != Bucketing.EFFECTIVE or gain is None or gain < 1.15:
        return
    if {"framework", "precision"} & set(case.facts.confounded):
        return
    base, late = case.pair
    a, b = say.seconds(base.seconds), say.seconds(late.seconds)
    yield _praise(
        "real-speedup",
        say.text(
            f"bucketing이 실제로 효과를 냈습니다. 같은 수의 행을 처리하는 속도가 {say.ratio(gain)}배가 "
            f"되었습니다(셀 {base.cell} {a.ko} → 셀 {late.cell} {b.ko}).",
            f"Bucketing really worked: rows were handled {say.ratio(gain)}× as fast (cell {base.cell} {a.en} "
            f"→ cell {late.cell} {b.en}).",
        ),
        (*say.cite_run(base), *say.cite_run(late)),
    )


def _honest_no_gain(case: Case) -> Iterator[Finding]:
    """A result without gain, reported as such."""
    said = [
        o
        for o in observations(case.evidence, Kind.CLAIM)
        if o.value.get("says") in ("same", "worse") and o.value.get("about") in ("speed", "time", "accuracy")
    ]
    same = [o for o in said if o.value.get("about") in ("speed", "time")]
    if case.facts.compared != "both" or not same or case.facts.bucketing != Bucketing.NO_OP:
        return
    yield _praise(
        "honest-comparison",
        say.text(
            "기대만큼 빨라지지 않은 결과를 숨기지 않고 그대로 적은 점이 "
            f"좋습니다({say.cell(same[0].cell).ko}).",
            "A result that fell short of what was hoped for is reported as it is "
            f"({say.cell(same[0].cell).en}): good.",
        ),
        say.cite_observation(same[0]),
    )


def _fresh_model(case: Case) -> Iterator[Finding]:
    """The model is loaded anew for the second run."""
    if case.pair is None:
        return
    base, late = case.pair
    if late.start != Start.PRETRAINED or base.start != Start.PRETRAINED or base.cell == late.cell:
        return
    loads = [
        o
        for o in observations(case.evidence, Kind.MODEL_LOAD)
        if o.cell is not None and base.cell < o.cell <= late.cell
    ]
    if not loads:
        return
    at = say.cell(loads[-1].cell)
    yield _praise(
        "fresh-model",
        say.text(
            f"비교할 실행 앞에서 모델을 새로 불러와({at.ko}) 두 실행이 같은 가중치에서 출발합니다.",
            f"The model is loaded afresh before the second run ({at.en}), so both start from the same "
            "weights.",
        ),
        say.cite_observation(loads[-1]),
    )


def _ablation(case: Case) -> Iterator[Finding]:
    """Fixed, dynamic and grouped padding all tried: three steps apart."""
    ran = [j for j in case.runs if j.finished and j.recorded is not None]
    levels = {min(effort(j), 5) for j in ran}
    kinds = {(j.run.padding, j.run.grouping) for j in ran}
    if (len(levels) < 3 and len(kinds) < 3) or case.facts.bucketing != Bucketing.EFFECTIVE:
        return
    at = say.cells(j.run.cell for j in ran)
    yield _praise(
        "ablation",
        say.text(
            f"고정 패딩, 동적 패딩, 길이별 묶기를 따로 실험해 각각의 효과를 볼 수 있게 했습니다({at.ko}).",
            "Fixed padding, dynamic padding and grouping were tried apart, so each effect can be seen "
            f"({at.en}).",
        ),
        tuple(c for j in ran for c in say.cite_run(j.run)),
    )


def _preprocessing(case: Case) -> Iterator[Finding]:
    """Length study, and rows cleaned."""
    done = [o for o in observations(case.evidence, Kind.PREPROCESS) if o.cell is not None]
    studied = lengths.studied(case.evidence)
    cleaned = [o for o in done if o.value.get("what") in ("drop-empty", "drop-duplicates", "normalise")]
    if studied:
        at = say.cells(o.cell for o in studied)
        unit = lengths.not_tokens(studied)
        yield _praise(
            "length-study",
            say.text(
                f"리뷰의 길이 분포를 먼저 확인한 점이 좋습니다({at.ko}). bucketing이 얼마나 도움이 될지 알려 "
                "주는 근거입니다.",
                f"The distribution of lengths is looked at first ({at.en}): it tells how much bucketing can "
                "help.",
            )
            if unit is None
            else say.text(
                f"리뷰의 길이 분포를 {unit.ko}로 먼저 확인한 점이 좋습니다({at.ko}). 토큰 수로도 세어 보면 "
                "bucketing이 얼마나 도움이 될지 알 수 있습니다.",
                f"The distribution of lengths is looked at first, in {unit.en} ({at.en}); counted in tokens, "
                "it would tell how much bucketing can help.",
            ),
            say.cite_observation(studied[0]),
        )
    if cleaned:
        at = say.cells(o.cell for o in cleaned)
        words = {"drop-empty": ("빈 리뷰", "empty"), "drop-duplicates": ("중복 리뷰", "duplicate")}
        what = list(dict.fromkeys(words[k] for o in cleaned if (k := o.value.get("what")) in words))
        ko = f"{', '.join(w[0] for w in what)} 제거" if what else "텍스트 정리"
        en = f"{' and '.join(w[1] for w in what)} reviews are removed" if what else "the text is cleaned"
        yield _praise(
            "cleaned-data",
            say.text(
                f"학습 전에 데이터를 정리했습니다: {ko}({at.ko}).",
                f"The data are cleaned before training: {en} ({at.en}).",
            ),
            tuple(c for o in cleaned[:2] for c in say.cite_observation(o)),
        )


def _seeded_split(case: Case) -> Iterator[Finding]:
    """A validation split of its own, with a seed."""
    good = [o for o in observations(case.evidence, Kind.SPLIT) if o.value.get("seeded") is True]
    if not good or case.measured.test_as_validation:
        return
    at = say.cell(good[0].cell)
    yield _praise(
        "seeded-split",
        say.text(
            f"시드를 고정해 검증 데이터를 따로 나누고({at.ko}) test는 남겨 둔 점이 좋습니다.",
            f"Validation rows are split off with a fixed seed ({at.en}) and test is kept back: good.",
        ),
        say.cite_observation(good[0]),
    )


def _debugged(case: Case) -> Iterator[Finding]:
    """A problem and its solution written down."""
    notes = [o for o in observations(case.evidence, Kind.DEBUG_RECORD) if o.cell is not None]
    if not notes:
        return
    at = say.cells(o.cell for o in notes)
    yield _praise(
        "debug-record",
        say.text(
            f"문제를 만나고 해결한 과정을 기록했습니다({at.ko}). 다음에 읽는 사람에게 큰 도움이 됩니다.",
            f"A problem and how it was solved are written down ({at.en}), which helps the next reader a lot.",
        ),
        tuple(c for o in notes[:2] for c in say.cite_observation(o)),
    )


def _fair(case: Case) -> Iterator[Finding]:
    """Nothing but bucketing differs."""
    if case.facts.compared != "both" or case.facts.confounded or case.pair is None:
        return
    base, late = case.pair
    if not (base.rows and base.rows == late.rows and base.batch_size == late.batch_size):
        return
    at = say.cells((base.cell, late.cell))
    yield _praise(
        "fair-comparison",
        say.text(
            f"행 수와 배치 크기, 에폭을 같게 두고 bucketing만 바꿔 비교했습니다({at.ko}).",
            f"Rows, batch size and epochs are kept equal and only bucketing changes ({at.en}).",
        ),
        (*say.cite_run(base), *say.cite_run(late)),
    )
