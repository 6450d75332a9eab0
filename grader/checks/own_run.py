"""Our own run in the place of outputs that the file doesn't store, where it was a whole one.

A notebook without any output leaves accuracy, times and comparison open. If the grader ran all of it,
with nothing cut and every cell at its end, what it left there is what the file would have stored, and the
checks read it so. Under a budget nothing stands in for anything, and never does it add to stored outputs.
Not covered: what it comes to. On the pocket profile another goal holds (`thresholds`), the model left
behind must confirm the accuracy (`improving`), and every verdict says where its numbers come from (`said`).
"""

from __future__ import annotations

import msgspec

from grader.checks.bucketing import outputs_cleared
from grader.checks.say import text
from grader.records import Ending, Evidence, Testimony, Text, Witness

_WHOLE = (Ending.COMPLETED, Ending.EARLY_STOPPED)


def stands_in(evidence: Evidence) -> bool:
    """Does the file store nothing, and did we run it from top to bottom without a cut?"""
    seen = evidence.observed
    if seen is None or not outputs_cleared(evidence) or seen.unverified or seen.replaced:
        return False
    cut = any((seen.budget.train_batches, seen.budget.eval_batches, seen.budget.seconds))
    cells = all(c.ending == Ending.COMPLETED and not c.environment for c in seen.cells)
    runs = seen.testimony.runs
    return not cut and cells and bool(runs) and all(run.ending in _WHOLE for run in runs)


def as_stored(evidence: Evidence) -> Evidence:
    """`evidence` with what our run left, where the outputs are missing; only if it `stands_in`.

    How batches were padded is left to the observation itself, which counted every batch.
    """
    seen = evidence.observed
    assert seen is not None
    runs = tuple(
        msgspec.structs.replace(run, tokens_per_row=None, total_flos=None) for run in seen.testimony.runs
    )
    left = Testimony(witness=Witness.RECORDED, runs=runs, evaluations=seen.testimony.evaluations)
    return msgspec.structs.replace(evidence, recorded=left)


def said(evidence: Evidence) -> Text:
    """Where the numbers come from, for a verdict that rests on our own run."""
    seen = evidence.observed
    assert seen is not None
    if seen.profile == "pocket":
        return text(
            "파일에는 저장된 출력이 없어, 채점기가 줄이지 않고 끝까지 실행한 결과로 판단했습니다. 작은 대역 "
            "모델과 만들어 낸 리뷰(pocket 프로필)로 실행했으므로 `klue/bert-base`의 결과는 아닙니다.",
            "The file stores no output; the grader ran all of it, uncut, and judged by that. It ran on the "
            "small stand-in model and generated reviews (profile pocket): this is no result of "
            "`klue/bert-base`.",
        )
    return text(
        "파일에는 저장된 출력이 없어, 채점기가 줄이지 않고 끝까지 실행한 결과로 판단했습니다.",
        "The file stores no output; the grader ran all of it, uncut, and judged by that.",
    )
