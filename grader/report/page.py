"""What the report's template may say: plain strings (escaped by the template) and safe markup."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from grader import wording as words
from grader.records import Evidence, Finding, Grouping, Judgement, Padding, Start, Text, TrainingRun, Verdict
from grader.report.cells import highlighted, shown, styles
from grader.report.charts import charts
from grader.report.markup import prose, sentence
from grader.templating import clean
from grader.wording.how import how_checked

SEVERITY = {
    "contradiction": Text(ko="서로 맞지 않음", en="contradiction"),
    "warning": Text(ko="주의", en="warning"),
    "note": Text(ko="참고", en="note"),
    "praise": Text(ko="좋은 점", en="praise"),
}
QUESTIONS = {
    "q1": Text(
        ko="코드가 정상적으로 동작하고 주어진 문제를 해결했나요?",
        en="Does the code work and solve the problem?",
    ),
    "q2": Text(ko="주석을 보고 작성자의 코드가 이해되었나요?", en="Did the comments make the code clear?"),
    "q3": Text(ko="코드가 에러를 유발할 가능성이 있나요?", en="Could the code cause errors?"),
    "q4": Text(
        ko="코드 작성자가 코드를 제대로 이해하고 작성했나요?", en="Did the coder understand the code?"
    ),
    "q5": Text(ko="코드가 간결한가요?", en="Is the code concise?"),
}
PADDING = {
    Padding.MAX_LENGTH: Text(ko="고정 길이", en="fixed length"),
    Padding.MAP_BATCH: Text(ko="map 묶음마다", en="per map batch"),
    Padding.DYNAMIC: Text(ko="배치마다", en="per batch"),
}
GROUPING = {Grouping.NONE: Text(ko="–", en="–"), Grouping.LENGTH: Text(ko="길이별", en="by length")}
START = {
    Start.PRETRAINED: Text(ko="사전학습", en="pretrained"),
    Start.RANDOM: Text(ko="무작위", en="random"),
    Start.CONTINUED: Text(ko="이어서 학습", en="continued"),
    Start.CHECKPOINT: Text(ko="체크포인트", en="checkpoint"),
}


@dataclass(frozen=True)
class Card:
    """A verdict as the template sees it."""

    item: str
    number: int
    title: Markup
    status: str
    """'pass', 'partial', 'fail' or 'undecided': a class name."""
    label: str
    actual: Markup
    reason: Markup
    praise: Markup
    next_step: Markup
    person: Markup
    cells: tuple[int, ...]


@dataclass(frozen=True)
class Note:
    """A finding as the template sees it."""

    severity: str
    label: str
    text: Markup
    cells: tuple[int, ...]


def page(evidence: Evidence, judgement: Judgement, lang: str) -> dict[str, Any]:
    """Everything `templates/report/report.html.j2` may use."""
    facts = judgement.facts
    texts = {item.id: item.text for item in judgement.rubric}
    verdicts = (*judgement.items, *judgement.questions)
    cited = {c.cell for v in verdicts for c in v.citations} | {
        c.cell for f in judgement.findings for c in f.citations
    }
    cells = shown(evidence.submission, cited)
    listed = frozenset(cell.index for cell in cells)
    observed = evidence.observed
    return {
        "lang": lang,
        "t": _translator(lang),
        "name": clean(evidence.submission.name),
        "notes": [sentence(note.in_(lang)) for note in evidence.submission.notes],
        "items": [_card(v, n, texts.get(v.item), listed, lang) for n, v in enumerate(judgement.items, 1)],
        "questions": [
            _card(v, n, QUESTIONS.get(v.item), listed, lang) for n, v in enumerate(judgement.questions, 1)
        ],
        "asked": [sentence(q.in_(lang)) for v in verdicts for q in v.questions],
        "findings": [_note(f, listed, lang) for f in judgement.findings],
        "bucketing": sentence(words.bucketing(facts).in_(lang)),
        "best": words.accuracy(facts.best_accuracy),
        "best_on": words.split(facts.eval_split).in_(lang),
        "charts": charts(facts, facts.goal, lang),
        "runs": [_run(run, i, judgement, lang) for i, run in enumerate(facts.runs)],
        "dagger": words.dagger_note(lang) if any(run.stand_in for run in facts.runs) else "",
        "how": how_checked(evidence, lang),
        "stand_in": observed is not None and observed.profile != "full",
        "cells": cells,
        "listed": listed,
        "code_style": styles(),
        "version": evidence.grader_version,
        "sha": evidence.submission.sha256[:12],
        "code": _code(judgement, lang),
    }


def _translator(lang: str) -> Callable[[str, str], str]:
    return (lambda ko, en: ko) if lang == "ko" else (lambda ko, en: en)


def _card(verdict: Verdict, number: int, title: Text | None, listed: frozenset[int], lang: str) -> Card:
    def said(text: Text | None) -> Markup:
        return prose(text.in_(lang).lstrip(" ✍️")) if text else Markup("")

    return Card(
        item=verdict.item,
        number=number,
        title=sentence(title.in_(lang)) if title else Markup(""),
        status=verdict.status.value.lower(),
        label=words.STATUS[verdict.status].in_(lang),
        actual=said(verdict.actual),
        reason=said(verdict.reason),
        praise=said(verdict.praise),
        next_step=said(verdict.next_step),
        person=said(verdict.person),
        cells=tuple(sorted({c.cell for c in verdict.citations} & listed)),
    )


def _note(finding: Finding, listed: frozenset[int], lang: str) -> Note:
    severity = finding.severity if finding.severity in SEVERITY else "note"
    return Note(
        severity=severity,
        label=SEVERITY[severity].in_(lang),
        text=sentence(finding.text.in_(lang)),
        cells=tuple(sorted({c.cell for c in finding.citations} & listed)),
    )


def _run(run: TrainingRun, index: int, judgement: Judgement, lang: str) -> dict[str, str]:
    """A row of the table of runs; '–' where nobody knows."""

    def named(table: dict[Any, Text], key: Any) -> str | None:
        return table[key].in_(lang) if key in table else None

    best = max((e.accuracy for e in run.evaluations if e.accuracy is not None), default=None)
    ko = lang == "ko"
    role = {
        judgement.facts.baseline: "bucketing 전" if ko else "before",
        judgement.facts.bucketed: "bucketing 후" if ko else "with bucketing",
    }.get(index, "")
    row = {
        "cell": words.cells([run.cell], lang),
        "role": role,
        "padding": named(PADDING, run.padding),
        "grouping": named(GROUPING, run.grouping),
        "rows": words.number(run.rows),
        "epochs": f"{run.epochs:.2f}".rstrip("0").rstrip(".") if run.epochs is not None else None,
        "batch": words.number(run.batch_size),
        "tokens": words.tokens(run),
        "share": words.padding(run),
        "seconds": words.seconds(run.seconds, lang),
        "speed": words.number(run.examples_per_second),
        "accuracy": words.accuracy(best),
        "start": named(START, run.start),
    }
    return {key: "–" if value is None else value for key, value in row.items()}


def _code(judgement: Judgement, lang: str) -> Markup:
    """The improved code that is offered, highlighted; '' for none."""
    own = [v.code for v in (*judgement.items, *judgement.questions) if v.code]
    offered = own or [f.code for f in judgement.findings if f.code]
    distinct = list(dict.fromkeys(clean(c.in_(lang)) for c in offered))
    return highlighted("\n\n".join(distinct)) if distinct else Markup("")
