"""One PRT sheet to fill in: the format's own words, the facts with their cells, and room for the reviewer.

The words of each PRT version stand in `templates/prt/`, and only there. The macros those files fill
their sections with are exchanged here for `templates/peers/_parts.md.j2`, which shows facts and open
questions where a machine's review shows verdicts. Called by `grader.peers.handout`.
"""

from __future__ import annotations

import re
from typing import Any

import jinja2

from grader import review
from grader.errors import UsageError
from grader.peers import facts
from grader.records import Evidence, Judgement, RubricItem, Text
from grader.review.markdown import prose, tidied
from grader.templating import environment

ASSIST = ("facts", "draft", "none")
TOPICS = ("q1", "q2", "q3", "q4", "q5")
BOXES = {"ko": "[ ] 예 [ ] 일부 [ ] 아니요", "en": "[ ] yes [ ] in part [ ] no"}
"""Behind each rubric item: the one mark the PRT has no place of its own for."""
_CODER, _REVIEWER = re.compile(r"^(- 코더[^:\n]*:).*$", re.M), re.compile(r"^(- 리뷰어[^:\n]*:).*$", re.M)


def sheet(
    rubric: tuple[RubricItem, ...],
    *,
    template: str,
    lang: str,
    assist: str,
    coder: str,
    reviewer: str,
    evidence: Evidence | None = None,
    judgement: Judgement | None = None,
) -> str:
    """The sheet as markdown. Without evidence there are no facts in it, whatever `assist` says.

    'facts': numbers with cells and what to look at. 'none': the bare PRT. 'draft': the machine's whole
    review, for instructors. Raises UsageError for others.
    """
    if assist not in ASSIST:
        raise UsageError(
            ko=f"--assist {assist}: {', '.join(ASSIST)} 중에서 골라 주세요.",
            en=f"--assist {assist}: choose one of {', '.join(ASSIST)}.",
        )
    if assist == "draft" and evidence is not None and judgement is not None:
        text = review.write(evidence, judgement, template=template, lang=lang)
    else:
        if assist != "facts":
            evidence = judgement = None
        page = _page(rubric, lang, evidence, judgement, shown=assist == "facts")
        text = tidied(_environment().get_template(f"prt/{template}.md.j2").render(page))
    text = _CODER.sub(lambda m: f"{m[1]} {prose(coder)}", text, count=1)
    return _REVIEWER.sub(lambda m: f"{m[1]} {prose(reviewer)}", text, count=1)


def _environment() -> jinja2.Environment:
    """The project's environment with the other macros under the name that the PRT files import."""
    base = environment(html=False)

    def load(name: str):
        return base.loader.get_source(base, "peers/_parts.md.j2" if name == "prt/_parts.md.j2" else name)

    return base.overlay(loader=jinja2.FunctionLoader(load), cache_size=0)


def _page(
    rubric: tuple[RubricItem, ...],
    lang: str,
    evidence: Evidence | None,
    judgement: Judgement | None,
    *,
    shown: bool,
) -> dict[str, Any]:
    """What the PRT files ask for, every answer open."""

    def blank(topic: str, text: str = "") -> dict[str, Any]:
        known = evidence is not None and judgement is not None
        return {
            "item": topic,
            "text": text,
            "label": BOXES[lang] if text else "",
            "expected": "",
            "actual": "",
            "box": " ",
            "circle": " ",
            "passed": False,
            "failed": False,
            # Only question 3 of V0 and V1 prints something for an answer that isn't open.
            "open": topic == "q3",
            "facts": [prose(f) for f in facts.facts(topic, evidence, judgement, lang)] if known else [],
            "look": [prose(f) for f in facts.look(topic, evidence, judgement, lang)] if shown else [],
        }

    table = facts.runs_table(judgement, lang) if judgement is not None else ""
    more = ("tried", "reflected", "split", "hyperparameters", "visualised", "recorded")
    more += ("learned", "regret", "feeling", "difficulty")
    return {
        "lang": lang,
        "t": (lambda ko, en: ko) if lang == "ko" else (lambda ko, en: en),
        "pen": "",
        "items": [blank(item.id, item.text.in_(lang)) for item in rubric],
        "q": {topic: blank(topic) for topic in TOPICS},
        "more": {topic: blank(topic) for topic in more},
        "glance": _how_to(lang, bool(table)) if shown else [],
        "tuning": "",
        "bucketing": table,
        **dict.fromkeys(("first", "how", "name", "improved", "link"), ""),
        **{name: [] for name in ("notes", "findings", "praises", "asked")},
    }


def _how_to(lang: str, facts_known: bool) -> list[str]:
    """How to fill the sheet in; with a line on the facts where it holds some."""
    told = [
        Text(
            ko="**쓰는 법** 각 `[ ]`에 `x` 또는 `아니요`를 적고, 그 이유와 셀 번호를 한 줄 이상 적어 주세요.",
            en="**How to fill this in** Mark each `[ ]` with `x` or `no`; say why, and in which cell.",
        ),
        Text(
            ko="📌 는 채점기가 노트북에서 읽은 사실입니다(셀 번호는 0부터). 그 뜻은 리뷰어가 판단해 주세요.",
            en="📌 is what the grader read in the notebook (cells count from 0). What it means is for you.",
        ),
    ]
    return [text.in_(lang) for text in told[: 1 + facts_known]]
