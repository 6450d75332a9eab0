"""Findings about bucketing itself: no effect, stale outputs, comparisons that aren't fair."""

from __future__ import annotations

from collections.abc import Iterator

from grader.checks import say
from grader.checks.advice import padding_cell, pads_in_advance, tokenising
from grader.checks.bucketing import effort
from grader.checks.findings.claims import rows_per_second
from grader.checks.join import Joined, observations
from grader.checks.settle import Case
from grader.facts import Kind
from grader.records import Bucketing, Ending, Finding, Observation, Padding, Start, Text, Witness


def find(case: Case) -> Iterator[Finding]:
    """All findings of this room."""
    yield from _stale(case)
    yield from _no_effect(case)
    yield from _weak(case)
    yield from _dynamic_already(case)
    yield from _confounded(case)
    yield from _speed_after_early_stop(case)
    yield from _observed_against_stored(case)


def _stale(case: Case) -> Iterator[Finding]:
    """Code and stored figures that can't belong together."""
    for j in case.runs:
        if not j.stale:
            continue
        at, width = say.cell(j.run.cell), say.tokens(j.run.tokens_per_row)
        source = tokenising(case, j)
        tok = say.cell(source.cell) if source is not None else at
        code = {
            Padding.DYNAMIC: say.text("배치마다 패딩하도록", "to pad per batch"),
            Padding.MAP_BATCH: say.text("1,000행 단위로 패딩하도록", "to pad per 1,000 rows"),
        }.get(j.code_padding, say.text("한 길이로 패딩하도록", "to pad to one length"))
        yield Finding(
            id="stale-output",
            severity="contradiction",
            text=say.text(
                f"{tok.ko}의 코드는 {code.ko} 되어 있는데, {at.ko}에 저장된 출력은 행당 {width} 토큰으로 "
                "계산한 결과입니다. "
                "출력이 지금 코드보다 먼저 만들어진 것으로 보입니다.",
                f"The code in {tok.en} is written {code.en}, but the output stored under {at.en} comes to "
                f"{width} tokens "
                "per row. The output seems older than the code.",
            ),
            citations=say.distinct(
                (*(say.cite_observation(source) if source is not None else ()), *say.cite_run(j.run))
            ),
            question=say.text(
                f"{at.ko}의 결과는 지금 코드로 다시 실행한 것인가요? 행당 {width} 토큰이 나온 이유를 설명해 "
                "주세요.",
                f"Was {at.en} run again after the code was changed? Why does its output come to {width} "
                "tokens per row?",
            ),
        )


def _no_effect(case: Case) -> Iterator[Finding]:
    """The commonest fault of all: rows already padded before the collator sees them."""
    j = case.bucketed
    if case.facts.bucketing != Bucketing.NO_OP or j is None or j.stale:
        return
    at, source, width = say.cell(j.run.cell), tokenising(case, j), j.run.tokens_per_row
    how, how_en, speed = _names(j), _names(j, "en"), _equal_speed(case)
    citations = [*(say.cite_observation(source) if source is not None else ()), *say.cite_run(j.run)]
    code = None
    if pads_in_advance(source):
        tok = say.cell(padding_cell(case, source))
        length = f"{say.tokens(width)} 토큰으로" if width is not None else "한 길이로"
        length_en = f"to {say.tokens(width)} tokens" if width is not None else "to one length"
        ko = (
            f"{at.ko}에서 {how} 설정을 썼지만, 행들이 {tok.ko}의 토큰화에서 이미 {length} 패딩되어 있어 "
            "배치의 폭은 그대로입니다."
        )
        en = (
            f"{at.en.capitalize()} uses {how_en}, but the tokenising in {tok.en} had already padded the rows "
            f"{length_en}, so batches stay as wide."
        )
        citations.insert(0, say.cite(padding_cell(case, source), source.quote))
        code = _fix(case, source)
    elif case.baseline is not None and case.baseline.run.padding == Padding.DYNAMIC:
        first = say.cell(case.baseline.run.cell)
        ko = (
            f"{at.ko}에서 {how} 설정을 썼지만, 비교한 {first.ko}의 실행도 이미 배치마다 패딩하고 있어 더 "
            "줄어든 패딩이 없습니다."
        )
        en = (
            f"{at.en.capitalize()} uses {how_en}, but the run it is compared with ({first.en}) already pads "
            "per "
            "batch: no further padding is saved."
        )
    else:
        ko = f"{at.ko}에서 {how} 설정을 썼지만, 모든 행이 같은 길이로 패딩되어 있어 배치의 폭은 그대로입니다."
        en = (
            f"{at.en.capitalize()} uses {how_en}, but all rows are padded to one length, so batches stay as "
            "wide."
        )
    yield Finding(
        id="no-op-bucketing",
        severity="warning",
        text=say.join_texts([say.text(ko, en), speed]),
        citations=say.distinct(citations),
        question=_why_question(case, j, at),
        code=code,
    )


def _equal_speed(case: Case) -> Text:
    """'초당 처리한 행도 45.4개와 45.3개입니다.', where both are known and about equal."""
    rates = rows_per_second(case)
    if rates is None or abs(rates[0] - rates[1]) > 0.1 * max(rates):
        return say.text("", "")
    return say.text(
        f"초당 처리한 행도 {rates[0]:.1f}개와 {rates[1]:.1f}개로 거의 같습니다.",
        f"Rows handled per second are about equal, too: {rates[0]:.1f} and {rates[1]:.1f}.",
    )


def _why_question(case: Case, j: Joined, at: Text) -> Text:
    """Asks for the reason, with this notebook's own numbers."""
    how, how_en, width = _names(j), _names(j, "en"), j.run.tokens_per_row
    if case.pair is not None:
        base, late = case.pair
        a, b = say.seconds(base.seconds), say.seconds(late.seconds)
        if abs(base.seconds - late.seconds) < 0.05 * base.seconds:
            return say.text(
                f"{at.ko}에서 {how} 설정을 썼는데 학습 시간은 {a.ko}에서 {b.ko}, 거의 그대로였습니다. 배치 "
                "안의 행 길이는 실제로 어떻게 되어 있었을까요?",
                f"{at.en.capitalize()} uses {how_en}, but training took {b.en} against {a.en}. How long were "
                "the rows in a batch really?",
            )
        rates = rows_per_second(case)
        if rates is not None and abs(rates[0] - rates[1]) < 0.1 * max(rates):
            return say.text(
                f"{at.ko}에서 {how} 설정을 썼는데 초당 처리한 행은 {rates[0]:.1f}개에서 {rates[1]:.1f}개, "
                "거의 그대로였습니다. 배치 안의 행 길이는 실제로 어떻게 되어 있었을까요?",
                f"{at.en.capitalize()} uses {how_en}, but handled {rates[1]:.1f} rows per second against "
                f"{rates[0]:.1f}. How long were the rows in a batch really?",
            )
        if late.seconds > base.seconds:
            return say.text(
                f"{at.ko}에서 {how} 설정을 썼는데 학습 시간은 {a.ko}에서 {b.ko}, 오히려 늘었습니다. 무엇이 "
                "시간을 더 쓰게 했을까요?",
                f"{at.en.capitalize()} uses {how_en}, yet training took {b.en} after {a.en}. What took the "
                "extra time?",
            )
    tokens = f" 모든 배치가 {say.tokens(width)} 토큰 폭이었습니다." if width is not None else ""
    tokens_en = f" Every batch was {say.tokens(width)} tokens wide." if width is not None else ""
    return say.text(
        f"{at.ko}에서 {how} 설정을 썼습니다.{tokens} 이미 길이가 같은 행들을 받으면 collator는 무엇을 "
        "할까요?",
        f"{at.en.capitalize()} uses {how_en}.{tokens_en} What does a collator do with rows that are of one "
        "length already?",
    )


def _names(j: Joined, lang: str = "ko") -> str:
    """The attempts of a run in the words of the code."""
    words = {
        "group_by_length": "`group_by_length`",
        "collator": "`DataCollatorWithPadding`",
        "own-collator": "직접 만든 collator" if lang == "ko" else "an own collator",
        "own-sampler": "직접 만든 sampler" if lang == "ko" else "an own sampler",
        "tf.data": "`bucket_by_sequence_length`",
    }
    named = [words[a] for a in j.run.attempts if a in words]
    return ", ".join(named) or "bucketing"


def _fix(case: Case, source: Observation) -> Text:
    """The tokenising function without its padding."""
    function = str(source.value.get("function") or "tokenize")
    name = function if function.isidentifier() else "tokenize"
    limit = source.value.get("max_length")
    length = f", max_length={limit}" if limit and limit != 512 else ""
    body = f'def {name}(batch):\n    return tokenizer(batch["document"], truncation=True{length})'
    at = say.cell(padding_cell(case, source))
    return say.text(
        f"# {at.ko}: 패딩을 collator에 맡기면 bucketing이 비로소 효과를 냅니다.\n{body}",
        f"# {at.en}: leave padding to the collator, and bucketing takes effect.\n{body}",
    )


def _weak(case: Case) -> Iterator[Finding]:
    """Effective, but only because the map batch's longest row is shorter than before."""
    j = case.bucketed
    if case.facts.bucketing != Bucketing.EFFECTIVE or j is None or j.run.padding != Padding.MAP_BATCH:
        return
    source = tokenising(case, j)
    at = say.cell(padding_cell(case, source) if source is not None else j.run.cell)
    width = j.run.tokens_per_row
    shown = say.tokens(width) if width is not None else "100"
    yield Finding(
        id="weak-bucketing",
        severity="warning",
        text=say.text(
            f"{at.ko}의 `padding=True`는 `map`이 한 번에 처리하는 1,000행 가운데 가장 긴 행에 맞춰 "
            f"패딩합니다. 그래서 행당 {shown} 토큰 정도까지만 줄었고, collator나 `group_by_length`가 더 줄일 "
            "것은 남지 않았습니다.",
            f"`padding=True` in {at.en} pads to the longest of the 1,000 rows that `map` handles at once, so "
            f"rows only came down to about {shown} tokens and nothing was left for the collator or "
            "`group_by_length` to save.",
        ),
        citations=say.distinct(
            (*(say.cite_observation(source) if source is not None else ()), *say.cite_run(j.run))
        ),
        question=say.text(
            f"{at.ko}에서 `padding=True`를 빼면 행당 토큰이 {shown}에서 어떻게 달라질까요? 왜 그런가요?",
            f"What would become of the {shown} tokens per row without `padding=True` in {at.en}, and why?",
        ),
        code=_fix(case, source) if pads_in_advance(source) else None,
    )


def _dynamic_already(case: Case) -> Iterator[Finding]:
    """The plain run pads dynamically too: the comparison shows only what grouping adds."""
    base, j = case.baseline, case.bucketed
    if base is None or j is None or case.facts.bucketing != Bucketing.EFFECTIVE:
        return
    if base.run.padding != Padding.DYNAMIC or effort(base) >= effort(j):
        return
    at, to = say.cell(base.run.cell), say.cell(j.run.cell)
    yield Finding(
        id="dynamic-baseline",
        severity="note",
        text=say.text(
            f"{at.ko}의 실행도 이미 동적 패딩을 쓰므로, {say.josa(to.ko, '과/와')}의 차이는 길이별로 묶은 "
            "효과만 보여 줍니다.",
            f"The run in {at.en} already pads dynamically, so its difference to {to.en} shows only what "
            "grouping adds.",
        ),
        citations=say.distinct((*say.cite_run(base.run), *say.cite_run(j.run))),
    )


DIFFERENCES = {
    "rows": ("학습 행 수", "training rows"),
    "epochs": ("에폭 수", "epochs"),
    "early_stopping": ("조기 종료로 멈춘 에폭", "the epoch early stopping ended at"),
    "batch_size": ("배치 크기", "batch size"),
    "start": ("시작 가중치", "starting weights"),
    "learning_rate": ("학습률", "learning rate"),
    "scheduler": ("학습률 스케줄", "learning-rate schedule"),
    "optimizer": ("옵티마이저", "optimizer"),
    "weight_decay": ("weight decay", "weight decay"),
    "precision": ("연산 정밀도(fp16 등)", "precision (fp16 …)"),
    "accumulation": ("gradient accumulation", "gradient accumulation"),
    "framework": ("프레임워크", "framework"),
}


def _confounded(case: Case) -> Iterator[Finding]:
    """The compared runs differ in more than bucketing."""
    if not case.facts.confounded or case.pair is None:
        return
    base, late = case.pair
    words = [_difference(name, base, late) for name in case.facts.confounded]
    a, b = say.cell(base.cell), say.cell(late.cell)
    yield Finding(
        id="confounded",
        severity="warning",
        text=say.text(
            f"{say.josa(a.ko, '과/와')} {b.ko}의 실행은 bucketing 말고도 다른 점이 있습니다: "
            f"{', '.join(w.ko for w in words)}. "
            "차이가 모두 bucketing 때문이라고는 할 수 없습니다.",
            f"The runs in {a.en} and {b.en} differ in more than bucketing: {', '.join(w.en for w in words)}. "
            "Not all of "
            "the difference is its doing.",
        ),
        citations=say.distinct((*say.cite_run(base), *say.cite_run(late))),
        question=say.text(
            f"{say.josa(a.ko, '과/와')} {b.ko}의 차이 가운데 {words[0].ko} 때문인 부분과 bucketing 때문인 "
            "부분을 어떻게 나누어 보시겠어요?",
            f"How would you tell what {words[0].en} did from what bucketing did between {a.en} and {b.en}?",
        ),
    )


def _difference(name: str, base, late) -> Text:
    """One difference with both values, where they say something."""
    ko, en = DIFFERENCES.get(name, (name, name))
    if name == "rows":
        values = f"{say.count(base.rows)} → {say.count(late.rows)}"
    elif name in ("epochs", "early_stopping"):
        x, y = base.epochs or base.epochs_planned, late.epochs or late.epochs_planned
        values = f"{x:g} → {y:g}"
    elif name == "batch_size":
        values = f"{base.batch_size} → {late.batch_size}"
    elif name == "learning_rate":
        values = " → ".join(r.arguments.get("learning_rate", "5e-5") for r in (base, late))
    elif name == "start" and late.start == Start.CONTINUED:
        return say.text(
            "앞에서 이미 학습한 모델을 이어서 학습", "the second goes on with a model already trained"
        )
    else:
        return say.text(ko, en)
    return say.text(f"{ko} {values}", f"{en} {values}")


def _speed_after_early_stop(case: Case) -> Iterator[Finding]:
    """train_steps_per_second is computed from the planned steps, so early stopping inflates it."""
    if case.pair is None:
        return
    rates = []
    for run in case.pair:
        if not run.steps or not run.seconds:
            return
        rates.append(run.steps / run.seconds)
    stopped = [r for r in case.pair if r.ending == Ending.EARLY_STOPPED and r.kind == "trainer"]
    if not stopped or not all(r.steps_planned for r in case.pair):
        return
    # Trainer's `speed_metrics(num_steps=state.max_steps)`: the planned steps, whatever was really run.
    given = [round(r.steps_planned / r.seconds, 3) for r in case.pair]
    shown, real = given[1] / given[0], rates[1] / rates[0]
    if abs(shown - real) < 0.15 * real:
        return
    base, late = case.pair
    at = say.cells((base.cell, late.cell))
    believed = any(
        o.value.get("about") == "speed" and o.value.get("says") == "better"
        for o in observations(case.evidence, Kind.CLAIM)
    )
    truly = (
        say.text(f"{say.ratio(real)}배", f"{say.ratio(real)}×")
        if abs(real - 1) > 0.05
        else say.text("같은 속도", "no difference")
    )
    yield Finding(
        id="speed-after-early-stopping",
        severity="contradiction" if believed else "note",
        text=say.text(
            f"{at.ko}의 `train_steps_per_second`({given[0]:g}, {given[1]:g})를 나누면 "
            f"{say.ratio(shown)}배지만, 이 값은 조기 종료와 상관없이 계획된 스텝 수로 계산됩니다. "
            f"실제로 진행한 스텝으로 계산하면 초당 {rates[0]:.2f}와 {rates[1]:.2f} 스텝, 즉 "
            f"{truly.ko}입니다.",
            f"`train_steps_per_second` in {at.en} ({given[0]:g}, {given[1]:g}) suggests {say.ratio(shown)}×, "
            "but Trainer computes it from the "
            f"planned steps even after early stopping. By the steps really made it was {rates[0]:.2f} and "
            f"{rates[1]:.2f} per second: {truly.en}.",
        ),
        citations=say.distinct((*say.cite_run(base), *say.cite_run(late))),
        question=say.text(
            f"{at.ko}의 진행 막대에 나온 it/s를 비교해 보시겠어요? `train_steps_per_second`와 왜 다를까요?",
            f"Would you compare the it/s of the progress bars in {at.en}? Why do they differ from "
            "`train_steps_per_second`?",
        ),
    )


def _observed_against_stored(case: Case) -> Iterator[Finding]:
    """What happened when we ran it is not what the stored output says."""
    for j in case.runs:
        if j.observed is None or not j.measured or j.stale or j.observed.tokens_per_row is None:
            continue
        ours, stored = j.observed.tokens_per_row, j.run.tokens_per_row
        fixed = (j.observed.padding == Padding.MAX_LENGTH, j.run.padding == Padding.MAX_LENGTH)
        if fixed[0] == fixed[1] or abs(ours - stored) < 0.3 * max(ours, stored):
            continue
        at = say.cell(j.run.cell)
        yield Finding(
            id="observed-differs",
            severity="contradiction",
            text=say.text(
                f"{at.ko}의 저장된 출력은 행당 {say.tokens(stored)} 토큰인데, 다시 실행했을 때는 "
                f"{say.tokens(ours)} 토큰이었습니다.",
                f"The output stored under {at.en} comes to {say.tokens(stored)} tokens per row; when run "
                f"again it was {say.tokens(ours)}.",
            ),
            citations=(*say.cite_run(j.run), say.cite(j.run.cell, "", Witness.OBSERVED)),
            question=say.text(
                f"{at.ko}을 실행한 뒤에 토큰화나 데이터셋 코드를 고치셨나요?".replace(
                    f"{at.ko}을", say.josa(at.ko, "을/를")
                ),
                f"Did you change the tokenising or the data set after running {at.en}?",
            ),
        )
