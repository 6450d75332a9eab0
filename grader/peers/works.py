"""The machine's evidence on each coder's notebook, as `grader check` and `grader batch` left it.

Knows both layouts: NAME.evidence.json in a folder, and students/NAME/evidence.json in a batch's folder.
Judges again with the rubric given (pure and quick), so that words come in both languages. Called by
`grader.cli.peers`.
"""

from __future__ import annotations

from pathlib import Path

from grader import checks
from grader.errors import UsageError
from grader.naming import folder_name
from grader.publish import EVIDENCE_SUFFIX, read_evidence
from grader.records import Evidence, Judgement, RubricItem


class Works:
    """Evidence by coder, read when asked for."""

    def __init__(self, folder: Path, rubric: tuple[RubricItem, ...]) -> None:
        """Raises UsageError when `folder` holds no evidence."""
        found = sorted(folder.rglob("*evidence.json")) if folder.is_dir() else []
        self._paths = {_name(path): path for path in found}
        self._rubric = rubric
        self._known: dict[str, tuple[Evidence, Judgement]] = {}
        if not self._paths:
            raise UsageError(
                ko=f"{folder}에 evidence.json이 없습니다. "
                f"먼저 `grader batch 제출물/ --out {folder}`를 실행해 주세요.",
                en=f"No evidence.json in {folder}. Run `grader batch SUBMISSIONS --out {folder}` first.",
            )

    def __call__(self, coder: str) -> tuple[Evidence, Judgement] | None:
        """Evidence and judgement of `coder`; None where there is none. Raises UnreadableEvidence."""
        path = self._paths.get(coder) or self._paths.get(folder_name(coder))
        if path is None:
            return None
        if coder not in self._known:
            evidence = read_evidence(path)
            self._known[coder] = (evidence, checks.judge(evidence, self._rubric))
        return self._known[coder]

    def names(self) -> list[str]:
        """Whose evidence is there, as the files are named."""
        return sorted(self._paths)


def _name(path: Path) -> str:
    """Whose it is: the file's name before the suffix, or the folder's."""
    stem = path.name.removesuffix(EVIDENCE_SUFFIX)
    return path.parent.name if path.name == EVIDENCE_SUFFIX.lstrip(".") else stem
