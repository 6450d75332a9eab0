"""`grader release SOLUTION`: the exercise students get, made from the solution."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader.cli import options
from grader.cli.language import say

EXERCISE = Path("exercises/nsmc-bucketing/exercise.ipynb")


def release(
    solution: Annotated[Path, typer.Argument(help=say("정답 노트북", "The solution notebook"))],
    out: Annotated[
        Path, typer.Option("--out", "-o", help=say("과제 노트북을 쓸 곳", "Where the exercise goes"))
    ] = EXERCISE,
    lang: options.Lang = "ko",
    debug: options.Debug = False,
) -> int:
    """정답 노트북에서 학생용 과제를 만듭니다."""
    from grader.release import release as make

    regions = make(solution, out)
    typer.echo(say(f"{out}: 빈칸 {regions}개", f"{out}: {regions} regions to fill in"))
    return 0


release.__doc__ = say(release.__doc__ or "", "Make the students' exercise from the solution.")
