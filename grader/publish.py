"""Evidence and judgement -> the files a person gets. Writes whole files or none; decides nothing."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from grader import report, results, review
from grader.errors import UnreadableEvidence, UsageError
from grader.records import EVIDENCE_VERSION, Evidence, Judgement, Record, from_json, to_json

EVIDENCE_SUFFIX = ".evidence.json"
PARTIAL = ".partial-"
"""How the name of a file begins that is being written: what a SIGKILL leaves of it is known by this."""


def publish(
    evidence: Evidence,
    judgement: Judgement,
    folder: Path,
    stem: str,
    *,
    template: str = "v0",
    lang: str = "ko",
) -> dict[str, Path]:
    """Write STEM.review.md, .report.html, .results.json and .evidence.json into `folder`.

    Returns the paths by kind. Raises UsageError when the folder can't be written to.
    """
    files = {
        "review": (f"{stem}.review.md", review.write(evidence, judgement, template=template, lang=lang)),
        "report": (f"{stem}.report.html", report.write(evidence, judgement, lang=lang)),
        "results": (
            f"{stem}.results.json",
            json.dumps(results.as_dict(evidence, judgement, lang), ensure_ascii=False, indent=1) + "\n",
        ),
        "evidence": (f"{stem}{EVIDENCE_SUFFIX}", to_json(evidence).decode()),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return {kind: write_whole(folder / name, text) for kind, (name, text) in files.items()}
    except OSError as error:
        raise UsageError(
            ko=f"{folder}에 쓸 수 없습니다 ({error.strerror}). --out 으로 다른 폴더를 지정해 주세요.",
            en=f"Can't write to {folder} ({error.strerror}). Name another folder with --out.",
        ) from error


def write_whole(path: Path, text: str) -> Path:
    """Put `text` at `path`, as UTF-8. A lone surrogate in a notebook must not cost anyone the report."""
    return write_bytes(path, text.encode("utf-8", "replace"))


def write_bytes(path: Path, data: bytes) -> Path:
    """Put `data` at `path` so that a reader or a crash never meets half of it."""
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=PARTIAL)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return path


class Versioned(Record):
    """What every evidence.json has, whatever else."""

    version: int


def read_evidence(path: Path) -> Evidence:
    """The evidence.json at `path`. Raises UnreadableEvidence."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UnreadableEvidence(
            ko=f"{path}을(를) 읽을 수 없습니다 ({error.strerror}).",
            en=f"Can't read {path} ({error.strerror}).",
        ) from error
    try:
        version = from_json(raw, Versioned).version  # first: another version may be of another shape
        evidence = from_json(raw, Evidence) if version == EVIDENCE_VERSION else None
    except ValueError as error:
        raise UnreadableEvidence(
            ko=f"{path}은(는) evidence.json이 아닙니다 ({error}). "
            "`grader check`가 만든 파일을 지정해 주세요.",
            en=f"{path} is no evidence.json ({error}). Name a file that `grader check` wrote.",
        ) from error
    if evidence is None:
        raise UnreadableEvidence(
            ko=f"{path}의 버전은 {version}인데 이 채점기는 {EVIDENCE_VERSION}만 읽습니다. "
            "`grader check`를 다시 실행해 주세요.",
            en=f"{path} has version {version}; this grader reads {EVIDENCE_VERSION}. "
            "Run `grader check` again.",
        )
    return evidence
