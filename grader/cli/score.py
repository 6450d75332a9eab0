"""`grader score NAME.evidence.json`: judge again, without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grader import checks
from grader import rubric as rubrics
from grader.cli import options
from grader.cli.language import say
from grader.cli.terminal import json_text, summary
from grader.publish import EVIDENCE_SUFFIX, publish, read_evidence
from grader.results import as_dict, exit_code


def score(
    file: Annotated[Path, typer.Argument(help=say("NAME.evidence.json", "NAME.evidence.json"))],
    out: options.Out = None,
    template: options.Template = "v0",
    lang: options.Lang = "ko",
    as_json: Annotated[
        bool, typer.Option("--json", help=say("results.json을 화면에 출력합니다.", "Print results.json."))
    ] = False,
    rubric: options.RubricPath = None,
    debug: options.Debug = False,
) -> int:
    """저장된 증거로 다시 판단합니다. 아무것도 실행하지 않습니다."""
    lang, template = options.language_name(lang), options.template_name(template)
    evidence = read_evidence(file)
    judgement = checks.judge(evidence, rubrics.load(rubric))
    stem = file.name.removesuffix(EVIDENCE_SUFFIX)
    written = publish(evidence, judgement, out or file.parent, stem, template=template, lang=lang)
    if as_json:
        typer.echo(json_text(as_dict(evidence, judgement, lang)))
    else:
        summary(Console(highlight=False), evidence, judgement, written, lang)
    return exit_code(evidence, judgement)


score.__doc__ = say(score.__doc__ or "", "Judge stored evidence again; nothing is run.")
