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
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import msgspec

from grader.batch.entries import Entry
from grader.errors import UnreadableSubmission
from grader.records import Submission
from grader.submission import load

K = 30
"""Characters of a k-gram, names and strings folded: about two lines of code (copydetect counts so)."""
WINDOW = 15
COMMON = 0.25
"""Code in more than this share of the class is the course's, not anybody's."""
SHOWN = 0.5
"""Pairs are listed from this share of the smaller notebook's own code."""
MIN_TOKENS = 200
"""Notebooks with less code of their own say nothing."""


class Pair(NamedTuple):
    """Two students' notebooks and what they share."""

    a: str
    b: str
    share_a: float
    """Share of a's own code that stands in b's too, 0..1."""
    share_b: float
    spans: tuple[tuple[str, str], ...]
    """Up to three passages, as they stand in a and in b."""


def similar(entries: tuple[Entry, ...], base: Path, exercise: str = "") -> tuple[Pair, ...]:
    """All pairs above SHOWN, the most alike first. `exercise`: code that students were given."""
    codes = {
        entry.student: "\n\n".join(_code(base / path) for path in entry.notebooks)
        for entry in entries
        if entry.notebooks
    }
    if len(codes) < 2:
        return ()
    # copydetect samples by Python's hash of strings, which differs from process to process unless it is
    # fixed before the start: the same class must give the same page.
    done = subprocess.run(
        [sys.executable, "-m", "grader.batch.similarity"],
        input=msgspec.json.encode((codes, exercise)),
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=tuple[Pair, ...])


def compare(codes: dict[str, str], exercise: str) -> tuple[Pair, ...]:
    """The pairs among `codes`, student -> code. The sample depends on PYTHONHASHSEED."""
    from copydetect import CodeFingerprint, compare_files

    def prints(name: str, code: str, known: list[int]) -> CodeFingerprint:
        return CodeFingerprint(name, K, WINDOW, known, language="python", fp=io.StringIO(code))

    first = {name: prints(name, code, []) for name, code in codes.items()}
    counts = Counter(mark for made in first.values() for mark in made.hashes)
    common = {mark for mark, count in counts.items() if count > max(2, COMMON * len(codes))}
    if exercise:
        common |= set(prints("exercise", exercise, []).hashes)
    own = {name: prints(name, code, list(common)) for name, code in codes.items()}
    own = {name: made for name, made in own.items() if made.token_coverage >= MIN_TOKENS}
    pairs = []
    for a, b in combinations(sorted(own), 2):
        # Comparing costs milliseconds, intersecting two sets does not.
        if len(own[a].hashes & own[b].hashes) < 0.3 * min(len(own[a].hashes), len(own[b].hashes)):
            continue
        _, (share_a, share_b), (slices_a, slices_b) = compare_files(own[a], own[b])
        if max(share_a, share_b) >= SHOWN:
            spans = _spans(codes[a], slices_a, codes[b], slices_b)
            pairs.append(Pair(a, b, float(share_a), float(share_b), spans))
    return tuple(sorted(pairs, key=lambda pair: -max(pair.share_a, pair.share_b)))


def _code(path: Path) -> str:
    """The code cells of a notebook as one text; '' if it can't be read."""
    try:
        submission: Submission = load(path)
    except UnreadableSubmission:
        return ""
    return "\n\n".join(cell.source for cell in submission.cells if cell.kind == "code")


def _spans(code_a: str, slices_a, code_b: str, slices_b) -> tuple[tuple[str, str], ...]:
    """The three longest shared passages of each side, side by side."""

    def longest(code: str, slices) -> list[str]:
        ranges = sorted(((int(end - start), int(start), int(end)) for start, end in slices.T), reverse=True)
        return [code[start:end].strip() for _, start, end in ranges[:3]]

    return tuple(zip(longest(code_a, slices_a), longest(code_b, slices_b), strict=False))


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[dict[str, str], str])
    sys.stdout.buffer.write(msgspec.json.encode(compare(*given)))
