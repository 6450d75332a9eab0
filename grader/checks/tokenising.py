"""Where rows were padded: the tokenising call a run's rows come from, its padding argument and its collator.

Not covered: whether that is a mistake (`bucketing`) and what to do about it (`advice`).
"""

from __future__ import annotations

import re

from grader.checks import say
from grader.checks.join import Joined, observations
from grader.checks.settle import Case
from grader.facts import Kind
from grader.records import Citation, Observation, Text

PADS = {"max-length": "padding='max_length'", "map-batch": "padding=True"}
"""A tokenising call's padding as it is written."""

_WRITTEN = re.compile(
    r"^[^#\n]*\b(padding|pad_to_max_length)\s*=\s*(True|['\"](max_length|longest)['\"])", re.M
)


def tokenising(case: Case, joined: Joined | None) -> Observation | None:
    """The tokenising call that made a run's rows; the one that pads, where several could have."""
    found = [o for o in observations(case.evidence, Kind.TOKENIZE) if o.cell is not None]
    if joined is None:
        return found[-1] if found else None
    own = [o for o in found if o.cell in joined.run.cells]
    if not own:
        own = [o for o in found if o.cell <= joined.run.cell]
    meant = str(joined.code_padding)
    padding = [o for o in own if o.value.get("padding") == meant and meant in PADS]
    return (padding or own)[-1] if own else None


def pads_in_advance(tokenise: Observation | None) -> bool:
    """Does a tokenising call pad before the collator can?"""
    return tokenise is not None and tokenise.value.get("padding") in PADS


def padding_cell(case: Case, tokenise: Observation) -> int:
    """The cell where the padding argument is written (the function), not where `map` calls it."""
    function = str(tokenise.value.get("function") or "")
    for cell in reversed(case.evidence.submission.cells):
        if cell.index > (tokenise.cell or 0):
            continue
        if cell.kind == "code" and _WRITTEN.search(cell.source) and f"def {function}" in cell.source:
            return cell.index
    return tokenise.cell


def padding_citation(case: Case, tokenise: Observation) -> Citation:
    """The line with the padding argument, quoted from the cell where it stands."""
    place = padding_cell(case, tokenise)
    cell = case.evidence.submission.cell(place)
    written = _WRITTEN.search(cell.source) if cell else None
    return say.cite(place, written.group().strip() if written else tokenise.quote)


def padding_collator(case: Case, joined: Joined) -> Observation | None:
    """The collator of a run that pads every batch of unpadded rows to one length."""
    cells = {*joined.run.cells, joined.run.cell}
    made = [o for o in observations(case.evidence, Kind.TOKENIZE) if o.cell in cells]
    if not any(o.value.get("padding") == "none" for o in made):
        return None
    found = [o for o in observations(case.evidence, Kind.COLLATOR) if o.cell in cells]
    return next((o for o in reversed(found) if o.value.get("padding") == "max_length"), None)


def unpadded_already(case: Case, joined: Joined, padded: Observation) -> int | None:
    """A cell between the padding and this training that maps without padding: its rows aren't used."""
    for o in reversed(observations(case.evidence, Kind.TOKENIZE)):
        between = o.cell is not None and (padded.cell or 0) < o.cell < (joined.run.cell or 0)
        if (
            between
            and o.value.get("padding") == "none"
            and o.value.get("batched")
            and o.value.get("function")
        ):
            return o.cell
    return None


def padding_argument(case: Case, place: int) -> str | None:
    """The padding argument as it stands in a cell."""
    cell = case.evidence.submission.cell(place)
    written = _WRITTEN.search(cell.source) if cell else None
    if written is None:
        return None
    return written.group()[written.start(1) - written.start() :]


_ONTO_ITSELF = re.compile(r"^\s*(\w+)\s*=\s*\1\.map\(")


def under_new_name(tokenise: Observation) -> Text:
    """How to repeat a `map` beside its first result; where that replaced what it mapped, from the rows as
    they were before, since columns may be gone."""
    if _ONTO_ITSELF.match(tokenise.quote):
        return say.text(
            "토큰화하기 전의 데이터부터 새 이름으로", "from the untokenised rows and under a new name"
        )
    return say.text("새 이름으로", "under a new name")
