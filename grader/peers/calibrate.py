"""Practice before the real round: the project's own notebooks with known faults, reviewed and scored.

The notebooks are the test corpus's (`tests/corpus`; in a wheel `grader/samples`), read anew each time, so
that what they are known to hold never lags behind the grader. Called by `grader.cli.peers`.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import msgspec

from grader import pipeline
from grader.errors import UsageError
from grader.peers import round as rounds
from grader.peers import sheets
from grader.peers.reading import read
from grader.peers.reflect import Reflection, reflect
from grader.publish import write_whole
from grader.records import RubricItem

SAMPLES = ("pads-to-max", "correct", "typed-results", "stale-output")
"""In the order handed out, as sample-1 … sample-4. Their names would give the fault away."""
PLACES = (Path(__file__).parents[1] / "samples", Path(__file__).parents[2] / "tests" / "corpus")


class Scored(NamedTuple):
    """How a practice round went."""

    reflections: tuple[tuple[str, Reflection], ...]
    """(sample-1, what came of it)"""
    unwritten: tuple[str, ...]

    @property
    def score(self) -> float | None:
        """Mean agreement with the evidence, 0..1, over everything it settles; None if nothing is written."""
        gaps = [gap for _, reflection in self.reflections for gap in reflection.gaps]
        return 1 - sum(gaps) / len(gaps) if gaps else None


def hand_out(folder: Path, rubric: tuple[RubricItem, ...], *, template: str, lang: str, reviewer: str) -> int:
    """Put the samples and their sheets into `folder`; sheets already there stay. Returns how many are new."""
    new = 0
    for number, name in enumerate(SAMPLES, 1):
        place = folder / f"sample-{number}"
        sheet = place.with_suffix(".md")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_notebook(name), place.with_suffix(".ipynb"))
        if not sheet.exists():
            text = sheets.sheet(
                rubric, template=template, lang=lang, assist="none", coder=place.name, reviewer=reviewer
            )
            write_whole(sheet, text)
            new += 1
    return new


def score(folder: Path, rubric: tuple[RubricItem, ...]) -> Scored:
    """Compare the sheets in `folder` with the evidence. Raises UsageError where there are none."""
    found, unwritten = [], []
    reviews = {}
    for number in range(1, len(SAMPLES) + 1):
        path = folder / f"sample-{number}.md"
        if path.is_file():
            text = path.read_text("utf-8-sig", errors="replace")
            reviews[path.stem] = read(text, path.name, rounds.digest(path))
    if not reviews:
        raise UsageError(
            ko=f"{folder}에 sample-1.md가 없습니다. 먼저 `grader calibrate {folder}`를 실행해 주세요.",
            en=f"No sample-1.md in {folder}. Get the samples with `grader calibrate {folder}` first.",
        )
    for name, pages in reviews.items():
        written = [page for page in pages if not page.blank]
        if not written:
            unwritten.append(name)
            continue
        index = int(name.rpartition("-")[2]) - 1
        evidence, judgement = pipeline.check(_notebook(SAMPLES[index]), None, rubric)
        review = msgspec.structs.replace(written[0], coder=name)
        others = tuple(p for other, ps in reviews.items() if other != name for p in ps)
        found.append((name, reflect(review, evidence, judgement, others)))
    return Scored(tuple(found), tuple(unwritten))


def _notebook(name: str) -> Path:
    """The sample's notebook, in a wheel or in a checkout."""
    for place in PLACES:
        path = place / name / "submission.ipynb"
        if path.is_file():
            return path
    raise UsageError(
        ko=f"연습용 노트북 {name}이(가) 설치되어 있지 않습니다. grader를 다시 설치해 주세요.",
        en=f"The sample notebook {name} is not installed. Install the grader again.",
    )
