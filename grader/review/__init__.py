"""Verdicts → a PRT review in markdown. Decides nothing, computes no verdict, measures nothing.

`page` gathers what the templates may say, `tables` sets the runs side by side, `quotes` shows a few
lines of code, `markdown` keeps the student's text from being anything but text. The words and the
headings stand in `templates/prt/`. Called by the pipeline.
"""

from __future__ import annotations

from grader.errors import UsageError
from grader.records import Evidence, Judgement
from grader.review.markdown import tidied
from grader.review.page import page
from grader.templating import environment

__all__ = ["LANGUAGES", "TEMPLATES", "write"]

TEMPLATES = ("v0", "v1", "v2", "v3", "v4")
LANGUAGES = ("ko", "en")


def write(evidence: Evidence, judgement: Judgement, *, template: str = "v0", lang: str = "ko") -> str:
    """The review as markdown, ending in a newline.

    `template`: a version of the PRT format, 'v0' (4th online cohort) to 'v4' (2024–25). `lang`: 'ko' or
    'en'; the format's own headings stay Korean, with an English gloss. Raises UsageError for others.
    """
    if template not in TEMPLATES:
        raise UsageError(
            ko=f"템플릿 {template!r}은 없습니다. {', '.join(TEMPLATES)} 중에서 골라 주세요.",
            en=f"There is no template {template!r}; choose one of {', '.join(TEMPLATES)}.",
        )
    if lang not in LANGUAGES:
        raise UsageError(
            ko=f"언어 {lang!r}은 ko 또는 en이어야 합니다.", en=f"Language {lang!r}: use ko or en."
        )
    filled = (
        environment(html=False).get_template(f"prt/{template}.md.j2").render(page(evidence, judgement, lang))
    )
    return tidied(filled)
