"""Verdicts → one self-contained HTML page. Decides nothing, computes no verdict, asks no network.

`page` gathers what the template may say, `charts` draws the runs (SVG, matplotlib), `cells` shows the
cited cells (pygments) with their outputs (nh3), `markup` turns sentences into HTML. The student's
notebook is hostile HTML until one of these has handled it; the page's own Content-Security-Policy
forbids scripts, connections and foreign files besides. Words and layout: `templates/report/`.
Called by the pipeline.
"""

from __future__ import annotations

from grader.records import Evidence, Judgement
from grader.report.page import page
from grader.templating import environment

__all__ = ["write"]


def write(evidence: Evidence, judgement: Judgement, *, lang: str) -> str:
    """The report as HTML in `lang`, 'ko' or 'en'."""
    return (
        environment(html=True).get_template("report/report.html.j2").render(page(evidence, judgement, lang))
    )
