"""`grader check FILE...`: one submission -> review, report, results, evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grader import rubric as rubrics
from grader.cli import options
from grader.cli.language import say
from grader.cli.terminal import json_text, one_line, progress, summary
from grader.pipeline import Plan
from grader.pipeline import check as check_notebook
from grader.publish import publish
from grader.results import as_dict, exit_code


def check(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help=say(
                "제출한 노트북 (.ipynb). 여러 개를 적으면 한 제출물로 함께 읽습니다.",
                "The submitted notebook (.ipynb); several are read as one submission.",
            ),
        ),
    ],
    run: options.Run = None,
    out: options.Out = None,
    template: options.Template = "v0",
    lang: options.Lang = "ko",
    as_json: Annotated[
        bool, typer.Option("--json", help=say("results.json을 화면에 출력합니다.", "Print results.json."))
    ] = False,
    budget: options.BudgetText = "24",
    timeout: options.Timeout = 900.0,
    profile: options.Profile = "auto",
    runtime: options.Runtime = "auto",
    isolation: options.IsolationName = "auto",
    home: options.Home = None,
    data: options.Data = None,
    model: options.Model = None,
    rubric: options.RubricPath = None,
    debug: options.Debug = False,
) -> int:
    """노트북 하나를 확인하고 PRT 리뷰를 씁니다."""
    lang, template = options.language_name(lang), options.template_name(template)
    plan = None
    if run is not False:
        plan = Plan(
            profile=options.one_of("--profile", profile, ("auto", "pocket", "full")),
            runtime=runtime,
            isolation=isolation,
            budget=options.budget(budget),
            limits=options.limits(timeout),
            home=str(home or ""),
            data=str(data or ""),
            model=str(model or ""),
            insist=run is True,
        )
    items = rubrics.load(rubric)
    with progress(Console(stderr=True, highlight=False), lang, shown=not as_json) as tell:
        evidence, judgement = check_notebook(files, plan, items, tell)
    stem = one_line(files[0].stem)
    written = publish(evidence, judgement, out or files[0].parent, stem, template=template, lang=lang)
    if as_json:
        typer.echo(json_text(as_dict(evidence, judgement, lang)))
    else:
        summary(Console(highlight=False), evidence, judgement, written, lang)
    return exit_code(evidence, judgement)


check.__doc__ = say(check.__doc__ or "", "Check one notebook and write its PRT review.")
