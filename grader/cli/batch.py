"""`grader batch FOLDER` and `grader grade STUDENT`: a class of submissions, and an instructor's decisions."""

from __future__ import annotations

import getpass
import importlib.util
import os
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grader import rubric as rubrics
from grader.cli import options
from grader.cli.language import say
from grader.cli.terminal import progress
from grader.errors import UsageError
from grader.pipeline import Plan
from grader.records import Status

GPU_INSIDE = ("auto", "bubblewrap", "none")
"""Isolations that a GPU is seen in; others compute on the CPU."""

Database = Annotated[
    str,
    typer.Option(
        "--database",
        help=say("성적부: 파일 또는 postgresql://… (기본: OUT/gradebook.sqlite)", "Gradebook: file or URL"),
    ),
]
Run = Annotated[
    bool,
    typer.Option(
        "--run/--no-run",
        help=say(
            "--run: 노트북을 격리해서 실행합니다 (한 권에 1분쯤). 기본: 읽기만 합니다.",
            "--run: run each notebook isolated too (about a minute each). Default: read only.",
        ),
    ),
]


def batch(
    source: Annotated[Path, typer.Argument(help=say("제출물 폴더 또는 zip", "Folder or zip of submissions"))],
    out: Annotated[Path, typer.Option("--out", "-o", help=say("결과 폴더", "Folder for the results"))],
    run: Run = False,
    roster: Annotated[
        Path | None, typer.Option("--roster", help=say("student,path 열이 있는 CSV", "CSV with student,path"))
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help=say("동시에 볼 노트북 수", "At once"))] = 0
    or max(1, os.cpu_count() or 1),
    database: Database = "",
    force: Annotated[
        bool, typer.Option("--force", help=say("바뀌지 않은 것도 다시 합니다.", "Redo the unchanged too."))
    ] = False,
    ray: Annotated[
        str, typer.Option("--ray", help=say("Ray 클러스터 주소 (local도 가능)", "Ray address, or local"))
    ] = "",
    gpus: Annotated[
        float,
        typer.Option(
            "--gpus-per-job",
            "--gpus",
            min=0,
            help=say(
                "노트북 하나가 쓰는 GPU: 0.25면 하나에 네 권 (기본: GPU마다 한 권)",
                "GPUs a notebook takes: 0.25 puts four on one (default: one each)",
            ),
        ),
    ] = 0.0,
    gpu_memory: Annotated[
        float,
        typer.Option(
            "--gpu-memory",
            min=0,
            help=say("노트북 하나가 쓰는 GPU 메모리(GiB)", "GPU memory a notebook takes, GiB"),
        ),
    ] = 0.0,
    exercise: Annotated[
        Path | None,
        typer.Option(
            "--exercise",
            exists=True,
            dir_okay=False,
            help=say(
                "학생들이 받은 노트북: 그 코드는 비슷한 코드에서 뺍니다.",
                "The notebook students were given: its code counts for nobody in the comparison.",
            ),
        ),
    ] = None,
    template: options.Template = "v0",
    lang: options.Lang = "ko",
    budget: options.BudgetText = "24",
    timeout: options.Timeout = 900.0,
    profile: options.Profile = "auto",
    runtime: options.Runtime = "auto",
    isolation: options.IsolationName = "auto",
    cold: Annotated[
        bool,
        typer.Option(
            "--cold",
            help=say(
                "노트북마다 라이브러리를 새로 불러옵니다(느림).", "Import libraries anew for each notebook."
            ),
        ),
    ] = False,
    home: options.Home = None,
    rubric: options.RubricPath = None,
    debug: options.Debug = False,
) -> int:
    """폴더에 모인 제출물을 한꺼번에 확인하고 성적부와 학급 페이지를 만듭니다."""
    _needs_extra()
    from grader.batch.cluster import ray_scheduler
    from grader.batch.run import Progress, run_batch
    from grader.batch.slots import devices, one_each, slots
    from grader.batch.surroundings import surroundings
    from grader.batch.work import order
    from grader.cli.board import Board

    places = None
    if ray and gpu_memory:
        raise UsageError(
            ko="--ray 와 함께라면 --gpu-memory 대신 --gpus-per-job 을 써 주세요 (예: 0.25).",
            en="With --ray use --gpus-per-job (such as 0.25) in place of --gpu-memory.",
        )
    if (gpus or gpu_memory) and not ray:
        places = slots(devices(), fraction=gpus, memory_gib=gpu_memory)
    elif run and not ray and isolation in GPU_INSIDE:
        places = one_each(devices())
    plan = None
    if run:
        plan = Plan(
            profile=options.one_of("--profile", profile, ("auto", "pocket", "full")),
            runtime=runtime,
            isolation=isolation,
            budget=options.budget(budget),
            limits=options.limits(timeout),
            home=str(home or ""),
            insist=True,
        )
    with progress(Console(stderr=True, highlight=False), lang, shown=plan is not None) as tell:
        around = surroundings(plan, tell)
    names = (options.template_name(template), options.language_name(lang))
    orders = order(plan, rubric, *names, warm=not cold)
    console = Console(stderr=True, highlight=False)
    # A closed terminal and a shutdown end it as cleanly as Ctrl-C does.
    for ending in ("SIGTERM", "SIGHUP"):
        # Not under nohup, which asks for just that to be ignored.
        if hasattr(signal, ending) and signal.getsignal(getattr(signal, ending)) is not signal.SIG_IGN:
            signal.signal(getattr(signal, ending), signal.default_int_handler)
    try:
        with Board(console, lang, jobs) as board:
            outcome = run_batch(
                source,
                out,
                orders,
                roster=roster,
                database=database,
                jobs=jobs,
                force=force,
                classroom=around,
                slots=places,
                exercise=exercise,
                scheduler=ray_scheduler(ray, gpus=gpus, started=board.begun) if ray else None,
                progress=Progress(total=board.total, staged=board.staged, ended=board.ended),
            )
    except KeyboardInterrupt:
        text = say(
            "중단했습니다. 끝난 것은 저장되어 있으니 같은 명령으로 이어서 할 수 있습니다.",
            "Stopped. What is done is kept: run the same command again to go on.",
        )
        console.print(text)
        return 130
    typer.echo(
        say(
            f"{outcome.done}명 확인, {outcome.kept}명 그대로, 결과를 내지 못한 제출물 {outcome.problems}개\n"
            f"먼저 볼 곳: {outcome.out / 'class.html'}",
            f"{outcome.done} checked, {outcome.kept} kept, {outcome.problems} without a result\n"
            f"Look first at: {outcome.out / 'class.html'}",
        )
    )
    return 1 if outcome.problems else 0


batch.__doc__ = say(batch.__doc__ or "", "Check a folder of submissions; make a gradebook and a class page.")


def grade(
    student: Annotated[str, typer.Argument(help=say("성적부의 학생 이름", "Student as in the gradebook"))],
    item: Annotated[str, typer.Option("--item", help="r1 · r2 · r3")],
    status: Annotated[str, typer.Option("--status", help="PASS · PARTIAL · FAIL · UNDECIDED")],
    why: Annotated[str, typer.Option("--why", help=say("이유 (꼭 필요합니다)", "Reason (required)"))],
    out: Annotated[Path, typer.Option("--out", "-o", help=say("batch의 결과 폴더", "The batch's folder"))],
    points: Annotated[float | None, typer.Option("--points", help=say("점수", "Points"))] = None,
    who: Annotated[str, typer.Option("--who", help=say("판단한 사람", "Who decides"))] = "",
    database: Database = "",
    rubric: options.RubricPath = None,
    lang: options.Lang = "ko",
    debug: options.Debug = False,
) -> int:
    """강사의 판단을 새 기록으로 더합니다. 기존 기록은 고치지 않습니다."""
    _needs_extra()
    from grader.batch.gradebook import Gradebook
    from grader.batch.run import summarise

    items = rubrics.load(rubric)
    if status not in set(Status):
        raise UsageError(
            ko=f"--status {status}: PASS, PARTIAL, FAIL, UNDECIDED 중에서 골라 주세요.",
            en=f"--status {status}: choose one of PASS, PARTIAL, FAIL, UNDECIDED.",
        )
    if item not in {line.id for line in items}:
        known = ", ".join(line.id for line in items)
        raise UsageError(
            ko=f"--item {item}: {known} 중에서 골라 주세요.", en=f"--item {item}: choose one of {known}."
        )
    if status == Status.PARTIAL and points is None:
        raise UsageError(ko="PARTIAL은 --points 로 점수를 함께 적어 주세요.", en="PARTIAL needs --points.")
    with Gradebook(database or out / "gradebook.sqlite") as book:
        book.override(student, item, Status(status), points, who or getpass.getuser(), why)
        summarise(out, book, items, options.language_name(lang))
    typer.echo(say(f"기록했습니다: {student} {item} → {status}", f"Recorded: {student} {item} → {status}"))
    return 0


grade.__doc__ = say(grade.__doc__ or "", "Append an instructor's decision; nothing is edited.")


def _needs_extra() -> None:
    """Raises UsageError where batch grading's own packages aren't installed."""
    absent = [name for name in ("copydetect", "pebble", "sqlalchemy") if not importlib.util.find_spec(name)]
    if absent:
        raise UsageError(
            ko=f"학급 채점에 필요한 {', '.join(absent)} 패키지가 없습니다. "
            "`pip install 'bucketing-grader[batch]'`로 설치해 주세요.",
            en=f"Batch grading needs {', '.join(absent)}: `pip install 'bucketing-grader[batch]'`.",
        )
