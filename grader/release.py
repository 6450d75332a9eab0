"""Solution notebook -> exercise notebook: solution regions become prompts, so the two can't drift.

Markers are nbgrader's, so that its users feel at home: `### BEGIN SOLUTION` … `### END SOLUTION` in code and
(best inside an HTML comment, so that it doesn't show) in markdown, `=== BEGIN MARK SCHEME ===` … `=== END
MARK SCHEME ===` in markdown. nbgrader's cell metadata are kept. A cell tagged `solution` is left out whole.
Called by `grader release`; imports no torch and runs nothing.
"""

from __future__ import annotations

import re
from pathlib import Path

from nbconvert.preprocessors import ClearMetadataPreprocessor, ClearOutputPreprocessor, Preprocessor

from grader.errors import UsageError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
BEGIN_WORDS, END_WORDS = "=== BEGIN MARK SCHEME ===", "=== END MARK SCHEME ==="
CODE_STUB = ("# 여기에 코드를 작성하세요", "raise NotImplementedError()")
WORD_STUB = "✍️ *여기에 자신의 말로 적어 주세요.*"


class StripSolutions(Preprocessor):
    """Replaces solution regions by a stub of the same indentation."""

    def preprocess(self, nb, resources):
        nb.cells = [cell for cell in nb.cells if "solution" not in cell.metadata.get("tags", [])]
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell, resources, index):
        if cell.cell_type == "code":
            cell.source = _replace(cell.source, BEGIN, END, CODE_STUB, index)
        elif cell.cell_type == "markdown":
            for begin, end in ((BEGIN_WORDS, END_WORDS), (BEGIN, END)):
                cell.source = _replace(cell.source, begin, end, (WORD_STUB,), index)
        return cell, resources


def release(solution: Path, exercise: Path) -> int:
    """Write the exercise made from `solution` to `exercise`; returns the number of regions stripped.

    Raises UsageError for a notebook that can't be read, has no solution region, or an unclosed one.
    """
    import nbformat

    try:
        notebook = nbformat.read(solution, as_version=4)
    except (OSError, ValueError) as error:
        raise UsageError(
            ko=f"{solution}을(를) 노트북으로 읽을 수 없습니다 ({error}).",
            en=f"Can't read {solution} as a notebook ({error}).",
        ) from error
    regions = sum(cell.source.count(BEGIN) + cell.source.count(BEGIN_WORDS) for cell in notebook.cells)
    if not regions:
        raise UsageError(
            ko=f"{solution}에 `{BEGIN}` 표시가 없습니다. 지울 부분을 `{BEGIN}`과 `{END}`로 감싸 주세요.",
            en=f"{solution} has no `{BEGIN}`. Put what students write between `{BEGIN}` and `{END}`.",
        )
    tidy = ClearMetadataPreprocessor(preserve_cell_metadata_mask={"nbgrader"})
    for step in (StripSolutions(), ClearOutputPreprocessor(), tidy):
        step.enabled = True
        notebook, _ = step.preprocess(notebook, {})
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for index, cell in enumerate(notebook.cells):
        cell.id = f"step{index:02d}"
    exercise.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, exercise)
    return regions


def _replace(source: str, begin: str, end: str, stub: tuple[str, ...], index: int) -> str:
    """`source` with each region from a `begin` line to its `end` line replaced by `stub`."""
    kept: list[str] = []
    inside = False
    for line in source.splitlines():
        if begin in line:
            if inside:
                raise _unbalanced(index, begin)
            inside = True
            indent = re.match(r"\s*", line).group()
            kept += [indent + words for words in stub]
        elif end in line:
            if not inside:
                raise _unbalanced(index, end)
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise _unbalanced(index, begin)
    return "\n".join(kept)


def _unbalanced(index: int, marker: str) -> UsageError:
    return UsageError(
        ko=f"셀 {index}의 `{marker}`에 짝이 없습니다. 시작과 끝 표시를 맞춰 주세요.",
        en=f"`{marker}` in cell {index} has no partner. Balance the markers.",
    )
