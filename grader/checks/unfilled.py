"""The exercise as it is handed out: blanks everywhere, nothing run, nothing that trains.

Only such a file fails items 1 and 2 without a stored output. As soon as something trains, or anything
was run, its blanks are a student's unfinished cells and the other checks look at the rest.
"""

from __future__ import annotations

import re

from grader.checks.bucketing import outputs_cleared
from grader.checks.settle import Case

_STUB = re.compile(r"^\s*raise NotImplementedError(\(\))?\s*$", re.M)


def blanks(case: Case) -> tuple[int, ...]:
    """Cells that still raise NotImplementedError; empty where the notebook trains or shows anything."""
    if case.runs or not outputs_cleared(case.evidence):
        return ()
    cells = case.evidence.submission.cells
    return tuple(c.index for c in cells if c.kind == "code" and _STUB.search(c.source))
