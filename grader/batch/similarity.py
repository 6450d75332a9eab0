"""Pairs of notebooks that share much code: a hint for a person, never a verdict.

Winnowing (Schleimer, Wilkerson, Aiken 2003) by copydetect, over the code cells of each notebook. What the
exercise itself gives, and what many in the class share (the course's own snippets), is taken out first.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import msgspec
from rapidfuzz import fuzz

from grader import pipeline
from grader.batch.entries import Entry
from grader.errors import UnreadableSubmission

K = 30
"""Characters of a k-gram, names and strings folded: about two lines of code (copydetect counts so)."""
WINDOW = 15
COMMON = 0.25
"""Code in more than this share of the class is the course's, not anybody's."""
SHOWN = 0.5
"""Pairs are listed from this share of the smaller notebook's own code."""
MIN_TOKENS = 200
"""Notebooks with less code of their own say nothing."""
SPANS = 5
"""Passages of a pair that are kept to be looked at."""
GAP = "\n\n"
"""Between the cells of a notebook's code."""


class Span(NamedTuple):
    """A passage that two notebooks share, as it stands in each, and where each begins."""

    a: str
    b: str
    cell_a: int = -1
    cell_b: int = -1


class Pair(NamedTuple):
    """Two students' notebooks and what they share."""

    a: str
    b: str
    share_a: float
    """Share of a's own code that stands in b's too, 0..1."""
    share_b: float
    spans: tuple[Span, ...]
    """Up to SPANS passages, the longest first."""


def given_notebook() -> Path | None:
    """The exercise as students got it: in the checkout, else the copy that travels with the wheel."""
    here = Path(__file__).resolve().parents[1]
    places = (here.parent / "exercises" / "nsmc-bucketing" / "exercise.ipynb", here / "exercise.ipynb")
    return next((place for place in places if place.is_file()), None)


Code = tuple[tuple[int, str], ...]
"""A notebook's code: (cell number, source)."""


def similar(entries: tuple[Entry, ...], base: Path, exercise: Path | None = None) -> tuple[Pair, ...] | None:
    """All pairs above SHOWN, the most alike first. `exercise`: the notebook that students were given.

    None if the comparison failed: a hint less, and no reason to lose the class page.
    """
    codes = {
        entry.student: _code([base / path for path in entry.notebooks]) for entry in entries if entry.path
    }
    if len(codes) < 2:
        return ()
    given = _code([exercise]) if exercise else ()
    # copydetect samples by Python's hash of strings, which differs from process to process unless it is
    # fixed before the start: the same class must give the same page.
    done = subprocess.run(
        [sys.executable, "-m", "grader.batch.similarity"],
        input=msgspec.json.encode((codes, given)),
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
    )
    if done.returncode:
        return None
    return msgspec.json.decode(done.stdout, type=tuple[Pair, ...])


def compare(cells: dict[str, Code], exercise: Code) -> tuple[Pair, ...]:
    """The pairs among `cells`, by student. The sample depends on PYTHONHASHSEED."""
    from copydetect import CodeFingerprint, compare_files

    codes = {name: GAP.join(source for _, source in code) for name, code in cells.items()}

    def prints(name: str, code: str, known: list[int]) -> CodeFingerprint:
        return CodeFingerprint(name, K, WINDOW, known, language="python", fp=io.StringIO(code))

    first = {name: prints(name, code, []) for name, code in codes.items()}
    counts = Counter(mark for made in first.values() for mark in made.hashes)
    common = {mark for mark, count in counts.items() if count > max(2, COMMON * len(codes))}
    if exercise:
        common |= set(prints("exercise", GAP.join(source for _, source in exercise), []).hashes)
    own = {name: prints(name, code, list(common)) for name, code in codes.items()}
    own = {name: made for name, made in own.items() if made.token_coverage >= MIN_TOKENS}
    pairs = []
    for a, b in combinations(sorted(own), 2):
        # Comparing costs milliseconds, intersecting two sets does not.
        if len(own[a].hashes & own[b].hashes) < 0.3 * min(len(own[a].hashes), len(own[b].hashes)):
            continue
        _, (share_a, share_b), (slices_a, slices_b) = compare_files(own[a], own[b])
        if max(share_a, share_b) >= SHOWN:
            spans = _spans(cells[a], codes[a], slices_a, cells[b], codes[b], slices_b)
            pairs.append(Pair(a, b, float(share_a), float(share_b), spans))
    return tuple(sorted(pairs, key=lambda pair: -max(pair.share_a, pair.share_b)))


def _code(paths: Sequence[Path]) -> Code:
    """The code cells of a submission; () if it can't be read."""
    try:
        submission = pipeline.read(paths)
    except UnreadableSubmission:
        return ()
    return tuple((cell.index, cell.source) for cell in submission.cells if cell.kind == "code")


def _spans(cells_a: Code, code_a: str, slices_a, cells_b: Code, code_b: str, slices_b) -> tuple[Span, ...]:
    """The longest shared passages of a, each beside the one of b that is most like it."""
    ours, theirs = _ranges(slices_a), _ranges(slices_b)
    spans = []
    for start, end in ours[:SPANS]:
        passage = code_a[start:end]
        other = max(theirs, key=lambda one: fuzz.ratio(passage, code_b[one[0] : one[1]]), default=None)
        if other is not None:
            spans.append(
                Span(
                    passage.strip("\n"),
                    code_b[other[0] : other[1]].strip("\n"),
                    _cell_at(cells_a, start),
                    _cell_at(cells_b, other[0]),
                )
            )
    return tuple(spans)


def _ranges(slices) -> list[tuple[int, int]]:
    """copydetect's array of starts and ends as (start, end), the longest first."""
    found = [(int(start), int(end)) for start, end in slices.T]
    return sorted(found, key=lambda one: (one[0] - one[1], one[0]))


def _cell_at(cells: Code, place: int) -> int:
    """Number of the cell that holds character `place` of the joined code."""
    end = 0
    for index, source in cells:
        end += len(source) + len(GAP)
        if place < end:
            return index
    return cells[-1][0]


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[dict[str, Code], Code])
    sys.stdout.buffer.write(msgspec.json.encode(compare(*given)))
