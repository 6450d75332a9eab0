"""The exercise as it is handed out: blanks everywhere, nothing run, nothing that trains.

Only such a file fails items 1 and 2 without a stored output. As soon as something trains, or anything
was run, its blanks are a student's unfinished cells and the other checks look at the rest; the next step
then names the first of them. A step never tells what a blank is there to be found out.
"""

from __future__ import annotations

import ast

from grader.checks import say
from grader.checks.bucketing import outputs_cleared
from grader.checks.settle import Case
from grader.records import Text

_STUB = "raise NotImplementedError()"
"""As the exercise writes it (`grader.release`)."""


def blanks(case: Case) -> tuple[int, ...]:
    """Cells that still raise NotImplementedError; empty where the notebook trains or shows anything."""
    if case.runs or not outputs_cleared(case.evidence):
        return ()
    return unfilled(case)


def unfilled(case: Case) -> tuple[int, ...]:
    """Cells that still raise NotImplementedError, whatever else there is."""
    cells = case.evidence.submission.cells
    return tuple(c.index for c in cells if c.kind == "code" and _open(c.source))


def _open(source: str) -> bool:
    """A blank left as it was; a method that a base class leaves to others is none."""
    if not any(line.strip() == _STUB for line in source.splitlines()):
        return False
    try:
        waiting: list[ast.AST] = [ast.parse(source)]
    except (SyntaxError, ValueError, RecursionError):
        return True  # magics, or half a cell: the line stands there
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Raise) and ast.unparse(node) == _STUB:
            return True
        if not isinstance(node, ast.ClassDef):
            waiting += ast.iter_child_nodes(node)
    return False


def go_on(case: Case) -> Text | None:
    """The next step for what is missing because cells are still open, or because it wasn't saved as run."""
    if still_open := unfilled(case):
        first = say.cell(still_open[0])
        return say.text(
            f"{say.josa(first.ko, '이/가')} 아직 비어 있습니다. 이 셀부터 채우고, 바로 아래의 확인 셀을 "
            "통과하면 위에서 아래로 실행해 출력이 남은 상태로 저장해 주세요.",
            f"{first.en.capitalize()} is still open. Fill it in, get past the check below it, then run from "
            "top to bottom and save with the outputs.",
        )
    if outputs_cleared(case.evidence):
        return say.text(
            "노트북을 처음부터 끝까지 실행한 뒤 출력을 지우지 말고 저장해 주세요.",
            "Run the notebook from top to bottom and save it without clearing outputs.",
        )
    return None


def compare_later(case: Case) -> Text:
    """The next step for item 3 while cells are open: what to aim at, without naming the means."""
    at = say.cell(unfilled(case)[0])
    first = say.text("", "")
    if not case.runs:
        first = say.text("`Trainer`로 기준 학습을 한 번 하고, ", "train once with a plain `Trainer`, then ")
    return say.text(
        f"{at.ko}부터 빈칸을 채워 {first.ko}새로 불러온 모델을 같은 조건에서 배치의 패딩만 줄여 학습한 다음, "
        "두 실행의 시간과 정확도를 비교해 주세요. 배치의 너비가 어디에서 정해지는지는 노트북의 힌트와 확인 "
        "셀이 도와줍니다.",
        f"Fill in the blanks from {at.en} on: {first.en}train a freshly loaded model under the same settings "
        "with less padding per batch, and compare time and accuracy of both runs. The notebook's hints and "
        "checks help to find where the width of a batch is decided.",
    )
