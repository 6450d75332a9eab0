"""How a submission was checked: what was read, run, under which budget, and what was not."""

from __future__ import annotations

from typing import NamedTuple

import grader.wording as words
from grader.records import Budget, Ending, Evidence, ModelScore, NoteKind, Observed, Text, TrainingRun

ENGINES = ("podman", "docker")
REDUCED = {
    "none": Text(ko="⚠ 격리 없이", en="⚠ without isolation"),
    "landlock": Text(
        ko="⚠ 제한된 격리(Landlock만): 이 컴퓨터의 공용 유닉스 소켓 접속과 파일 이름 확인은 막지 못함",
        en="⚠ reduced isolation (Landlock alone): it doesn't keep the notebook from this machine's "
        "public unix sockets, nor from seeing the names of files",
    ),
}
"""Isolation → what every report made with it says. Asked for by name, never chosen by itself."""
NOTES = {
    NoteKind.WATCHDOG: Text(ko="메모리 한도는 감시로만", en="memory limited by a watchdog only"),
    NoteKind.SECCOMP_ALONE: Text(
        ko="bubblewrap이 오래되어 보호가 한 겹 적음", en="one layer of protection fewer (an old bubblewrap)"
    ),
    NoteKind.UNSIZED: Text(
        ko="임시 폴더의 크기는 제한하지 못함", en="temporary folders without a limit of their own"
    ),
    NoteKind.OPEN_SOCKETS: Text(
        ko="이 컴퓨터의 추상 유닉스 소켓 접속도 막지 못함",
        en="nor from this machine's abstract unix sockets",
    ),
    NoteKind.OPEN_SHM: Text(ko="/dev/shm을 이 컴퓨터와 함께 씀", en="it shares /dev/shm with this machine"),
    NoteKind.WARM_FAILED: Text(
        ko="미리 준비한 커널을 쓰지 못해 새로 시작함", en="started cold: the warm kernel was not usable"
    ),
    NoteKind.GPU_BUSY: Text(
        ko="비는 GPU가 없어 기다리다가 CPU로 실행함", en="ran on the CPU: no GPU got free in time"
    ),
    NoteKind.GPU_UNKNOWN: Text(
        ko="CUDA_VISIBLE_DEVICES에 적힌 GPU가 없어 CPU로 실행함",
        en="ran on the CPU: the GPU named in CUDA_VISIBLE_DEVICES is not here",
    ),
}
"""A note of the isolation → what is said of it. The others change nothing for a reader (which
control group, which engine) or stand in REDUCED already; all of them are in evidence.json."""


class Way(NamedTuple):
    """One way of checking."""

    name: str
    done: bool
    detail: str
    """Plain text: under which conditions, or why not; '' for nothing to add."""


def how_checked(evidence: Evidence, lang: str) -> tuple[Way, ...]:
    """Code read, stored outputs, run again, scored on hidden rows: in this order, always four."""
    ko = lang == "ko"
    stored = any(cell.outputs for cell in evidence.submission.cells)
    return (
        Way("코드 읽기" if ko else "code read", True, ""),
        Way("저장된 출력" if ko else "stored outputs", stored, "" if stored else ("없음" if ko else "none")),
        Way("다시 실행" if ko else "run again", evidence.observed is not None, _run(evidence, lang)),
        Way("숨긴 데이터 재평가" if ko else "scored on hidden rows", *_verified(evidence, lang)),
    )


def _run(evidence: Evidence, lang: str) -> str:
    seen = evidence.observed
    if seen is None:
        return evidence.not_run.in_(lang).rstrip(".") if evidence.not_run else ""
    details = [_budget(seen, lang), words.PROFILE.get(seen.profile, words.PROFILE["pocket"]).in_(lang)]
    details.append(_isolation(seen, lang))
    if seen.ending not in (Ending.COMPLETED, Ending.BUDGET) and seen.reason is not None:
        details.append(seen.reason.in_(lang).rstrip("."))
    return ", ".join(d for d in details if d)


def _budget(seen: Observed, lang: str) -> str:
    batches = seen.budget.train_batches
    part = _share(seen.testimony.runs)
    ko = lang == "ko"
    said = []
    if batches is not None:
        said.append(f"학습마다 배치 {batches}개까지" if ko else f"up to {batches} batches of each training")
    if seen.budget.seconds is not None:
        said.append(f"{seen.budget.seconds:g}초까지" if ko else f"up to {seen.budget.seconds:g} s")
    if part is not None:
        said.append(f"전체의 {part}" if ko else f"{part} of the full work")
    return ", ".join(said)


def _share(runs: tuple[TrainingRun, ...]) -> str | None:
    """Optimizer steps made ÷ planned, over all runs that know both."""
    known = [(r.steps, r.steps_planned) for r in runs if r.steps and r.steps_planned]
    if not known:
        return None
    part = sum(made for made, _ in known) / sum(planned for _, planned in known)
    return f"{100 * part:.2g} %" if part < 0.995 else "100 %"


def _isolation(seen: Observed, lang: str) -> str:
    kinds = {note.kind for note in seen.isolation_notes}
    notes = [said.in_(lang) for kind, said in NOTES.items() if kind in kinds]
    return ", ".join((_isolated_by(seen, lang), *notes))


def _isolated_by(seen: Observed, lang: str) -> str:
    if seen.isolation in REDUCED:
        return REDUCED[seen.isolation].in_(lang)
    named = [note.detail.split(" ")[0] for note in seen.isolation_notes if note.kind is NoteKind.ENGINE]
    engine = next((name for name in named if name in ENGINES), "")
    name = f"{engine} container" if engine else seen.isolation
    return f"{name.replace('container', '컨테이너')} 격리" if lang == "ko" else f"isolated by {name}"


def _verified(evidence: Evidence, lang: str) -> tuple[bool, str]:
    found = evidence.verified
    ko = lang == "ko"
    scores = [s for s in found.scores if s.accuracy is not None] if found else []
    if scores:
        top = max(scores, key=lambda s: s.accuracy)
        value = f"정확도 {top.accuracy:.3f}, {top.rows:,}건"
        value = value if ko else f"accuracy {top.accuracy:.3f}, {top.rows:,} rows"
        said = [_beside(top, lang)]
        if evidence.observed and evidence.observed.budget != Budget(train_batches=None, eval_batches=None):
            # First, and not the number: else a student reads 0.5 as the worth of the own model.
            said.insert(0, "위의 양만 학습한 모델" if ko else "after that share of the training only")
        said.append(value)
        if top.run_cell is not None:
            where = words.cells([top.run_cell], lang)
            said.append(where if ko else f"the model of {where}")
        return True, ", ".join(part for part in said if part)
    return False, found.reason.in_(lang).rstrip(".") if found and found.reason else ""


def _beside(score: ModelScore, lang: str) -> str:
    """The score beside honest trainings of the same budget, never beside 90 %."""
    if score.reference is None or score.reference_low is None or score.reference_high is None:
        return ""
    low, high = score.reference_low, score.reference_high
    if score.high is not None and score.high < low:
        said = ("보다 뚜렷하게 낮음", "clearly below")
    elif score.low is not None and score.low > high:
        said = ("보다 뚜렷하게 높음", "clearly above")
    else:
        said = ("과 같은 수준", "as")
    if lang == "ko":
        return f"같은 양을 정상적으로 학습한 모델({score.reference:.3f}, {low:.3f}–{high:.3f}){said[0]}"
    honest = "an honest run of that share would reach"
    return f"{said[1]} {honest}: {score.reference:.3f} ({low:.3f}–{high:.3f})"
