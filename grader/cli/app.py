"""The typer application, and the one place where an exception becomes a sentence and an exit code."""

from __future__ import annotations

import os
import sys
import traceback

import typer
from rich.console import Console
from rich.text import Text as RichText

from grader import __version__
from grader.cli import batch, check, classroom, options, peers, release, reviews, score
from grader.cli.language import language, say
from grader.cli.terminal import plain
from grader.errors import GraderError

# Newer typers carry a click of their own: take the classes from whichever it is.
ClickException = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=say(
        "노트북이 실제로 한 일을 보고 채점하고, PRT 형식의 리뷰를 써 줍니다.",
        "Grades a notebook by what it did, and writes the review in PRT format.",
    ),
)
app.command("check")(check.check)
app.command("score")(score.score)
app.command("batch")(batch.batch)
app.command("grade")(batch.grade)
app.command("release")(release.release)
app.command("assign")(peers.assign)
app.command("prepare")(peers.prepare)
app.command("collect")(reviews.collect)
app.command("reflect")(reviews.reflect)
app.command("calibrate")(peers.calibrate)
app.command("merge")(reviews.merge)
app.command("setup")(classroom.setup)
app.command("doctor")(classroom.doctor)


@app.callback(invoke_without_command=True)
def root(
    version: bool = typer.Option(False, "--version", help=say("버전을 보여 줍니다.", "Show the version.")),
    lang: options.Lang = "ko",
) -> None:
    # Here or after the command: both are where people write it.
    os.environ["GRADER_LANG"] = options.language_name(lang)
    if version:
        typer.echo(f"grader {__version__}")
        raise typer.Exit(0)


def run(argv: list[str]) -> int:
    """Run one command; returns the exit code."""
    debug = "--debug" in argv
    before = os.environ.get("GRADER_LANG")
    stderr = Console(stderr=True, highlight=False)
    try:
        return app(args=argv, standalone_mode=False, prog_name="grader") or 0
    except GraderError as error:
        if debug:
            traceback.print_exc()
        return _fail(stderr, error.text.in_(language(argv)), error.exit_code)
    except typer.Exit as done:
        return done.exit_code
    except ClickException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            return 2
        said = error.format_message()
        return _fail(stderr, say(f"명령을 이해하지 못했습니다: {said} `grader --help`를 봐 주세요.", said), 2)
    except (typer.Abort, KeyboardInterrupt):
        return _fail(stderr, say("중단했습니다.", "Stopped."), 130)
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except Exception as error:
        if debug:
            traceback.print_exc()
        text = say(
            f"채점기 내부 오류입니다 ({type(error).__name__}: {error}). 제출물의 점수와는 무관합니다. "
            "--debug 를 붙여 다시 실행한 출력을 알려 주세요.",
            f"The grader itself failed ({type(error).__name__}: {error}). This says nothing of the "
            "submission. Please report the output with --debug.",
        )
        return _fail(stderr, text, 3)
    finally:
        os.environ.pop("GRADER_LANG", None)
        if before is not None:
            os.environ["GRADER_LANG"] = before


def _fail(stderr: Console, sentence: str, code: int) -> int:
    stderr.print(RichText("grader: ", style="bold red") + RichText(plain(sentence)), soft_wrap=True)
    return code
