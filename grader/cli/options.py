"""Options that several commands share, declared once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.language import say
from grader.errors import UsageError
from grader.records import Budget, Limits

TEMPLATES = ("v0", "v1", "v2", "v3", "v4")

Lang = Annotated[
    str, typer.Option("--lang", help=say("ko 또는 en", "ko or en"), envvar="GRADER_LANG", metavar="ko|en")
]
Template = Annotated[
    str,
    typer.Option(
        "--template",
        help=say("PRT 양식 버전: v0(기본) … v4", "PRT version: v0 (default) … v4"),
        metavar="v0…v4",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help=say("결과를 둘 폴더 (기본: 노트북 옆)", "Folder for the results (default: beside the notebook)"),
    ),
]
RubricPath = Annotated[
    Path | None, typer.Option("--rubric", help=say("다른 rubric.toml", "Another rubric.toml"))
]
Debug = Annotated[
    bool, typer.Option("--debug", help=say("내부 오류의 자세한 내용을 보여 줍니다.", "Show tracebacks."))
]
Results = Annotated[
    Path,
    typer.Option(
        "--results",
        "-r",
        help=say("`grader batch` 또는 `grader check`의 결과 폴더", "Results of `grader batch` or `check`"),
    ),
]
Run = Annotated[
    bool | None,
    typer.Option(
        "--run/--no-run",
        help=say(
            "--no-run: 읽기만 합니다. --run: 실행할 수 없으면 멈춥니다. 기본: 할 수 있으면 실행",
            "--no-run: read only. --run: stop if it can't be run. Default: run where possible",
        ),
    ),
]
BudgetText = Annotated[
    str,
    typer.Option(
        "--budget",
        help=say(
            "학습·평가 루프마다 돌릴 양: 배치 수(24), 시간(90s, 5m) 또는 none",
            "How much of each loop to run: batches (24), time (90s, 5m) or none",
        ),
    ),
]
Profile = Annotated[str, typer.Option("--profile", help="auto · pocket · full")]
Runtime = Annotated[str, typer.Option("--runtime", help="auto · current · 2024")]
IsolationName = Annotated[
    str,
    typer.Option(
        "--isolation",
        help=say(
            "auto(=bubblewrap) · container(podman, 없으면 docker) · podman · docker · landlock(제한된 격리, "
            "root로 시작할 때만) · none(격리 없이 내 계정으로 실행: 믿을 수 있는 노트북에만)",
            "auto (bubblewrap) · container (podman, else docker) · podman · docker · landlock (reduced, only "
            "when started as root) · none (runs it as you, unprotected: only for notebooks you trust)",
        ),
    ),
]
Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help=say("교실 폴더 (모델, 데이터, 런타임)", "Classroom folder (models, data, runtimes)"),
        envvar="GRADER_HOME",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help=say(
            "ratings_train.txt, ratings_test.txt가 있는 폴더",
            "Folder with ratings_train.txt and ratings_test.txt",
        ),
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(
        "--model", help=say("klue/bert-base 대신 쓸 모델 폴더", "Model folder to serve as klue/bert-base")
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        help=say("노트북 전체의 최대 시간(초)", "Wall clock for the whole notebook, seconds"),
        min=1,
    ),
]


def one_of(option: str, value: str, known: tuple[str, ...]) -> str:
    """`value` if it is one of `known`. Raises UsageError."""
    if value in known:
        return value
    choices = ", ".join(known)
    raise UsageError(
        ko=f"{option} {value}: {choices} 중에서 골라 주세요.",
        en=f"{option} {value}: choose one of {choices}.",
    )


def template_name(name: str) -> str:
    """A known PRT version. Raises UsageError."""
    if name.lower() in TEMPLATES:
        return name.lower()
    known = ", ".join(TEMPLATES)
    raise UsageError(
        ko=f"--template {name}: 그런 양식은 없습니다. {known} 중에서 골라 주세요.",
        en=f"--template {name}: no such template. Choose one of {known}.",
    )


def language_name(name: str) -> str:
    """'ko' or 'en'. Raises UsageError."""
    if name in ("ko", "en"):
        return name
    raise UsageError(ko=f"--lang {name}: ko 또는 en 만 쓸 수 있습니다.", en=f"--lang {name}: use ko or en.")


def budget(text: str) -> Budget:
    """`--budget`: '24' batches (evaluation a third of it), '90s'/'5m' per loop, 'none'. Raises UsageError."""
    if text == "none":
        return Budget(train_batches=None, eval_batches=None)
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", text):
        seconds = float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
        return Budget(train_batches=None, eval_batches=None, seconds=seconds)
    if text.isdecimal() and int(text) > 0:
        return Budget(train_batches=int(text), eval_batches=max(2, int(text) // 3))
    raise UsageError(
        ko=f"--budget {text}: 배치 수(예: 24), 시간(예: 90s, 5m) 또는 none 으로 적어 주세요.",
        en=f"--budget {text}: give a number of batches (24), a time (90s, 5m) or none.",
    )


def limits(timeout: float) -> Limits:
    """Limits with `timeout` seconds for the whole notebook, and memory to suit this machine.

    40 % of its memory, 4 to 12 GiB: 150,000 rows padded in memory take 5 GiB, as students do on Colab.
    """
    import psutil

    default = Limits()
    share = int(0.4 * psutil.virtual_memory().total / 2**20)
    return Limits(
        total_seconds=timeout,
        cell_seconds=min(default.cell_seconds, timeout),
        memory_mb=min(max(share, default.memory_mb), 12 * 1024),
    )
