"""Findings about the comparison: does it show what bucketing does, or something else?"""

from __future__ import annotations

from collections.abc import Iterator

from grader.checks import say
from grader.checks.bucketing import effort
from grader.checks.compare import epochs_meant
from grader.checks.join import observations
from grader.checks.settle import Case
from grader.facts import Kind
from grader.records import Bucketing, Ending, Finding, Padding, Start, Text, TrainingRun, Witness


def find(case: Case) -> Iterator[Finding]:
    """All findings of this room."""
    yield from _dynamic_already(case)
    yield from _confounded(case)
    yield from _speed_after_early_stop(case)
    yield from _observed_against_stored(case)


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
    if not case.facts.confounded or case.baseline is None or case.bucketed is None:
        return
    base, late = case.baseline.run, case.bucketed.run
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


def _difference(name: str, base: TrainingRun, late: TrainingRun) -> Text:
    """One difference with both values, where they say something."""
    ko, en = DIFFERENCES.get(name, (name, name))
    if name == "rows":
        values = f"{say.count(base.rows)} → {say.count(late.rows)}"
    elif name in ("epochs", "early_stopping"):
        x, y = epochs_meant(base), epochs_meant(late)
        values = f"{x:g} → {y:g}"
    elif name == "batch_size":
        values = f"{base.batch_size} → {late.batch_size}"
    elif name == "learning_rate":
        values = " → ".join(r.arguments.get("learning_rate", "5e-5") for r in (base, late))
    elif name == "start" and late.start == Start.CONTINUED:
        return say.text(
            "앞에서 이미 학습한 모델을 이어서 학습한 것", "the second goes on with a model already trained"
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
            f"실제로 진행한 스텝으로 계산하면 각각 초당 {rates[0]:.2f}스텝과 {rates[1]:.2f}스텝, 즉 "
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
