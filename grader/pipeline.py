"""START HERE. One submission through the five stages: load, read, run, judge, write.

    submission.ipynb -> load -> read (source, recorded) -> run (observed, verified) -> evidence.json
                     -> judge (rubric) -> write (review.md, report.html, results.json)

What this is: the order of the stages, and the one place where a stage's failure is kept from
becoming the student's. What it is not: nothing is read, run or decided here.
Called by the command line and by batch grading.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from grader import __version__, checks, parts, prose, quality, recorded, replacing, source
from grader.errors import ClassroomError, GraderError, SandboxError
from grader.records import (
    EVIDENCE_VERSION,
    Budget,
    Evidence,
    Judgement,
    Limits,
    Observed,
    Record,
    RubricItem,
    Submission,
    Testimony,
    Text,
    Verified,
    Witness,
    from_json,
    to_json,
)
from grader.submission import load
from grader.submission.joining import join, split

Progress = Callable[[Text], None]


def quiet(_: Text) -> None:
    """A progress callback that says nothing."""


class Plan(Record):
    """How a submission is to be run."""

    profile: str = "auto"
    """'pocket', 'full' or 'auto'."""
    runtime: str = "auto"
    """Name of a runtime, or 'auto': chosen by the notebook's imports and arguments."""
    isolation: str = "auto"
    """'auto', 'bubblewrap' or 'none' (only for notebooks that are trusted)."""
    budget: Budget = Budget()
    limits: Limits = Limits()
    home: str = ""
    """Classroom folder; '' = GRADER_HOME or the platform's data folder."""
    data: str = ""
    """NSMC-format files to use instead of the profile's."""
    model: str = ""
    """A model folder to use instead of the profile's."""
    insist: bool = False
    """Fail when it can't be run (exit 3), instead of judging by reading alone."""


class Checked(NamedTuple):
    """What a check leaves behind."""

    evidence: Evidence
    judgement: Judgement


def check(
    path: Path | Sequence[Path], plan: Plan | None, rubric: tuple[RubricItem, ...], progress: Progress = quiet
) -> Checked:
    """Gather all evidence on the notebook at `path` and judge it. `plan` None: read, don't run.

    Several paths are one submission in several notebooks. Raises UnreadableSubmission, and with
    `plan.insist` SandboxError or ClassroomError.
    """
    evidence = gather(read([path] if isinstance(path, Path) else path), plan, progress)
    return Checked(evidence, checks.judge(evidence, rubric))


def read(paths: Sequence[Path]) -> Submission:
    """The submission in the notebooks at `paths`. Raises UnreadableSubmission."""
    return join(tuple(load(path) for path in paths))


def gather(submission: Submission, plan: Plan | None, progress: Progress = quiet) -> Evidence:
    """All witnesses' testimony on `submission`."""
    faults: list[str] = []
    progress(Text(ko="코드와 저장된 출력을 읽는 중", en="reading code and stored outputs"))
    each = split(submission)
    written = parts.testimony(Witness.SOURCE, [_read_source(part, faults) for part in each])
    stored = parts.testimony(Witness.RECORDED, [_read_outputs(part, faults) for part in each])
    observed, verified, not_run = _run(each, plan, faults, progress)
    evidence = Evidence(
        version=EVIDENCE_VERSION,
        submission=submission,
        source=written,
        recorded=stored,
        observed=observed,
        not_run=not_run,
        verified=verified,
        grader_version=__version__,
        faults=tuple(faults),
    )
    # What is judged is what is stored, to the byte: `grader score` must never see anything else.
    return from_json(to_json(evidence, pretty=False), Evidence)


def _read_source(submission: Submission, faults: list[str]) -> Testimony:
    """The source witness: code, words and the state of the code, in one testimony."""
    code = _guard("source", faults, lambda: source.read(submission), Testimony(witness=Witness.SOURCE))
    words = _guard("prose", faults, lambda: prose.read(submission), ())
    state = _guard("quality", faults, lambda: quality.read(submission), ())
    swapped = _guard("replacing", faults, lambda: replacing.read(submission), ())
    return Testimony(
        witness=Witness.SOURCE,
        runs=code.runs,
        evaluations=code.evaluations,
        observations=(*code.observations, *words, *state, *swapped),
    )


def _read_outputs(submission: Submission, faults: list[str]) -> Testimony:
    """The recorded witness."""
    nothing = Testimony(witness=Witness.RECORDED)
    return _guard("recorded", faults, lambda: recorded.read(submission), nothing)


def _guard(stage, faults, call, instead):
    """`call()`, or `instead` with a note in `faults` when the stage itself is broken."""
    try:
        return call()
    except Exception as error:
        faults.append(f"{stage}: {type(error).__name__}: {error}")
        return instead


def _run(
    submissions: tuple[Submission, ...], plan: Plan | None, faults: list[str], progress: Progress
) -> tuple[Observed | None, Verified | None, Text | None]:
    """Run the notebooks, each in a kernel of its own, and evaluate what they leave behind; or say why not."""
    if plan is None:
        return (
            None,
            None,
            Text(ko="실행하지 않고 읽기만 했습니다 (--no-run).", en="Read only, as asked (--no-run)."),
        )
    seen: list[Observed] = []
    scores: list[Verified] = []
    for submission in submissions:
        try:
            here, score, reason = _run_isolated(submission, plan, faults, progress)
        except (SandboxError, ClassroomError) as error:
            if plan.insist:
                raise
            return None, None, error.text
        if here is None:
            return None, None, reason
        seen.append(here)
        scores += [score] if score else []
    return parts.observed(seen), parts.verified(scores), None


def _run_isolated(submission, plan, faults, progress):
    # Imported here: reading and judging must not pay for, nor need, what running needs.
    from grader import classroom, observed, sandbox, verified

    isolation = sandbox.choose(plan.isolation)
    room = classroom.prepare(
        plan.profile,
        data=Path(plan.data) if plan.data else None,
        model=Path(plan.model) if plan.model else None,
        home=Path(plan.home) if plan.home else None,
        progress=progress,
    )
    runtime, _ = classroom.pick_runtime(submission, room, plan.runtime)
    with tempfile.TemporaryDirectory(prefix="grader-") as folder:
        weights = Path(folder)
        try:
            seen = observed.observe(
                submission,
                classroom=room,
                budget=plan.budget,
                limits=plan.limits,
                isolation=isolation,
                runtime=runtime,
                weights_dir=weights,
                progress=progress,
            )
        except GraderError:
            raise
        except Exception as error:
            faults.append(f"observed: {type(error).__name__}: {error}")
            reason = Text(
                ko="채점기 쪽 문제로 실행하지 못했습니다. 읽어서 알 수 있는 것만 판단했습니다.",
                en="The grader itself failed to run it; judged by reading alone.",
            )
            return None, None, reason
        progress(
            Text(
                ko="남긴 모델을 숨긴 리뷰로 다시 평가하는 중", en="re-evaluating the model on hidden reviews"
            )
        )
        score = _guard(
            "verified",
            faults,
            lambda: verified.verify(seen, weights_dir=weights, classroom=room, isolation=isolation),
            Verified(reason=Text(ko="다시 평가하지 못했습니다.", en="It could not be re-evaluated.")),
        )
    return seen, score, None
