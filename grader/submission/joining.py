"""Several notebooks of one student -> one Submission, and back.

A baseline in one notebook, bucketing in another: neither tells the story alone. Joined, each keeps its
own cell numbers, raised by a round hundred, so that "cell 107" is read at once as cell 7 of the second
file. Every witness still reads (and runs) each notebook by itself, as its own kernel did: `split`.
Called by the pipeline. Which notebooks belong together is not decided here (`grader.batch.together`).
"""

from __future__ import annotations

import hashlib

import msgspec

from grader.records import Part, Submission, Text

STEP = 100
"""Cell numbers of the next notebook begin at the next multiple; 1,000 where one is longer than that."""


def join(submissions: tuple[Submission, ...]) -> Submission:
    """One submission of `submissions`, in their order; a single one stays as it is."""
    if len(submissions) == 1:
        return submissions[0]
    step = STEP
    while any(len(each.cells) > step for each in submissions):
        step *= 10
    parts = tuple(
        Part(name=each.name, sha256=each.sha256, first=step * place) for place, each in enumerate(submissions)
    )
    cells = tuple(
        msgspec.structs.replace(cell, index=part.first + cell.index)
        for part, each in zip(parts, submissions, strict=True)
        for cell in each.cells
    )
    notes = tuple(
        Text(ko=f"{each.name}: {note.ko}", en=f"{each.name}: {note.en}")
        for each in submissions
        for note in each.notes
    )
    return Submission(
        name=" + ".join(each.name for each in submissions),
        sha256=hashlib.sha256("".join(part.sha256 for part in parts).encode()).hexdigest(),
        cells=cells,
        language=submissions[0].language,
        python_version=submissions[0].python_version,
        nbformat=submissions[0].nbformat,
        notes=(_numbering(parts), *notes),
        parts=parts,
    )


def split(submission: Submission) -> tuple[Submission, ...]:
    """The notebooks `submission` was joined from, each with its cells as numbered in the whole."""
    if not submission.parts:
        return (submission,)
    ends = [part.first for part in submission.parts[1:]] + [None]
    return tuple(
        msgspec.structs.replace(
            submission,
            name=part.name,
            sha256=part.sha256,
            cells=tuple(
                c for c in submission.cells if c.index >= part.first and (end is None or c.index < end)
            ),
            notes=(),
            parts=(),
        )
        for part, end in zip(submission.parts, ends, strict=True)
    )


def _numbering(parts: tuple[Part, ...]) -> Text:
    """How to read the cell numbers, for the head of the review."""
    last = parts[-1]
    ko = ", ".join(f"`{part.name}`은(는) 셀 {part.first}번부터" for part in parts)
    en = ", ".join(f"`{part.name}` from cell {part.first} on" for part in parts)
    return Text(
        ko=f"노트북 {len(parts)}개를 한 제출물로 함께 읽었습니다: {ko} 번호를 매겼습니다"
        f"(셀 {last.first + 7}은 `{last.name}`의 셀 7입니다).",
        en=f"{len(parts)} notebooks were read as one submission, numbered {en} "
        f"(cell {last.first + 7} is cell 7 of `{last.name}`).",
    )
