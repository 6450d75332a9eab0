"""`grader setup` and `grader doctor`: prepare what notebooks need, and say what is there."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text as RichText

from grader.cli import options
from grader.cli.language import say
from grader.cli.terminal import plain, progress


def setup(
    profile: options.Profile = "pocket",
    runtime: Annotated[
        list[str] | None,
        typer.Option(
            "--runtime", help=say("만들어 둘 런타임 (여러 번 가능)", "Runtime to build (repeatable)")
        ),
    ] = None,
    home: options.Home = None,
    data: options.Data = None,
    model: options.Model = None,
    lang: options.Lang = "ko",
    debug: options.Debug = False,
) -> int:
    """교실(모델, 데이터, 런타임)을 한 번 준비합니다."""
    from grader import classroom

    lang = options.language_name(lang)
    with progress(Console(stderr=True, highlight=False), lang, shown=True) as tell:
        room = classroom.prepare(profile, data=data, model=model, home=home, progress=tell)
        for name in runtime or ():
            classroom.setup_runtime(name, home=home, progress=tell)
    typer.echo(say(f"준비되었습니다: {room.root} ({room.profile})", f"Ready: {room.root} ({room.profile})"))
    return 0


setup.__doc__ = say(setup.__doc__ or "", "Prepare the classroom (models, data, runtimes) once.")


def doctor(home: options.Home = None, lang: options.Lang = "ko", debug: options.Debug = False) -> int:
    """무엇이 준비되어 있고 무엇이 빠졌는지 한 화면에 보여 줍니다."""
    from grader import classroom

    lang = options.language_name(lang)
    table = Table(box=None, show_header=False, padding=(0, 1))
    lines = classroom.doctor(home)
    for line in lines:
        mark = RichText("○", style="green") if line.ok else RichText("×", style="red")
        fix = "" if line.fix is None else f"\n→ {line.fix.in_(lang)}"
        table.add_row(mark, line.name.in_(lang), plain(line.found.in_(lang) + fix))
    Console(highlight=False).print(table)
    return 0 if all(line.ok for line in lines) else 1


doctor.__doc__ = say(
    doctor.__doc__ or "", "Say in one screen what is there, and the fix for what is missing."
)
