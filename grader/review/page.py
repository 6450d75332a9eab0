"""What a template may say, gathered once: safe markdown strings, no records.

Every student-written character that reaches a template has gone through `markdown` here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grader.records import Bucketing, Evidence, Finding, Judgement, Status, Text, Verdict
from grader.review import tables, words
from grader.review.how import how_checked
from grader.review.markdown import fenced, inline, prose
from grader.review.quotes import best as best_quote

PEN = "✍️"
SHOWN_FINDINGS = 5
SEVERITY = {"contradiction": 0, "warning": 1, "note": 2}
LINKS = {
    Bucketing.NO_OP: (
        Text(
            ko="Hugging Face 문서: 패딩과 자르기 (어디에서 길이가 정해지는가)",
            en="Hugging Face docs: padding and truncation (where the length is fixed)",
        ),
        "https://huggingface.co/docs/transformers/pad_truncation",
    ),
    Bucketing.ABSENT: (
        Text(
            ko="Hugging Face 문서: `DataCollatorWithPadding` (배치 안에서만 패딩하기)",
            en="Hugging Face docs: `DataCollatorWithPadding` (padding within the batch only)",
        ),
        "https://huggingface.co/docs/transformers/main_classes/data_collator",
    ),
}
"""Reference worth giving for what was found; both are the library's own pages."""


@dataclass(frozen=True)
class Answer:
    """A verdict as a template sees it. '' where there is nothing to say."""

    item: str
    text: str
    """The rubric line; '' for a question (its words stand in the template)."""
    status: str
    label: str
    """'통과' / 'pass'; with a pen where a person must decide."""
    passed: bool
    failed: bool
    """FAIL or PARTIAL: the answer is 'no' or 'in part'."""
    open: bool
    """UNDECIDED."""
    expected: str
    actual: str
    reason: str
    praise: str
    next_step: str
    person: str
    quote: str

    @property
    def box(self) -> str:
        """'x' for yes, ' ' for everything else."""
        return "x" if self.passed else " "

    @property
    def circle(self) -> str:
        """V1's marks: 'o' yes, 'x' no, ' ' open."""
        return "o" if self.passed else "x" if self.failed else " "


def page(evidence: Evidence, judgement: Judgement, lang: str) -> dict[str, Any]:
    """Everything a template under `templates/prt/` may use."""
    items = [_answer(v, evidence, judgement, lang) for v in judgement.items]
    questions = {v.item: _answer(v, evidence, judgement, lang) for v in judgement.questions}
    more = {v.item: _answer(v, evidence, judgement, lang) for v in judgement.more}
    verdicts = (*judgement.items, *judgement.questions)
    asked = [q for v in verdicts for q in v.questions]
    code = [c for c in (*(v.code for v in verdicts), *(f.code for f in judgement.findings)) if c]
    ranked = sorted(
        (f for f in judgement.findings if f.severity != "praise"),
        key=lambda f: (
            ("contradiction", "warning", "note").index(f.severity)
            if f.severity in ("contradiction", "warning", "note")
            else 3
        ),
    )
    return {
        "lang": lang,
        "t": _translator(lang),
        "pen": PEN,
        "name": inline(evidence.submission.name),
        "items": items,
        "q": _Answers(questions),
        "more": _Answers(more),
        "glance": _glance(judgement, lang),
        "how": how_checked(evidence, lang),
        "notes": [prose(note.in_(lang)) for note in evidence.submission.notes],
        "tuning": tables.tuning(evidence, judgement.facts, lang),
        "bucketing": tables.bucketing(judgement.facts, lang),
        "first": _first(ranked, lang),
        "findings": [_finding(f, lang) for f in _beside(ranked, judgement)[:SHOWN_FINDINGS]],
        "praises": [_finding(f, lang) for f in judgement.findings if f.severity == "praise"],
        "asked": [prose(question.in_(lang)) for question in asked],
        "improved": _improved(code, lang),
        "link": _link(judgement, lang),
    }


class _Answers(dict[str, Answer]):
    """Answers by item; one that a judgement lacks is open, so that every template can be filled."""

    def __missing__(self, item: str) -> Answer:
        return Answer(
            item=item,
            text="",
            status=Status.UNDECIDED,
            label=PEN,
            passed=False,
            failed=False,
            open=True,
            expected="",
            actual="",
            reason="",
            praise="",
            next_step="",
            person="",
            quote="",
        )


def _translator(lang: str) -> Callable[[str, str], str]:
    return (lambda ko, en: ko) if lang == "ko" else (lambda ko, en: en)


def _answer(verdict: Verdict, evidence: Evidence, judgement: Judgement, lang: str) -> Answer:
    def said(text: Text | None) -> str:
        return prose(text.in_(lang).lstrip(f" {PEN}")) if text else ""

    rubric = next((r.text for r in judgement.rubric if r.id == verdict.item), None)
    undecided = verdict.status is Status.UNDECIDED
    label = words.STATUS[verdict.status].in_(lang)
    return Answer(
        item=verdict.item,
        text=said(rubric),
        status=str(verdict.status),
        label=f"{label} {PEN}" if undecided else label,
        passed=verdict.status is Status.PASS,
        failed=verdict.status in (Status.FAIL, Status.PARTIAL),
        open=undecided,
        expected=said(verdict.expected),
        actual=said(verdict.actual),
        reason=said(verdict.reason),
        praise=said(verdict.praise),
        next_step=said(verdict.next_step),
        person=said(verdict.person),
        quote=best_quote(evidence.submission, verdict.citations, lang),
    )


def _finding(finding: Finding, lang: str) -> str:
    """Its text; its cells after it where the text names none."""
    said = prose(finding.text.in_(lang))
    where = words.cells((c.cell for c in finding.citations), lang)
    named = ("셀 " if lang == "ko" else "cell") in said.lower()
    return said if named or not where else f"{said} ({where})"


def _first(ranked: list[Finding], lang: str) -> str:
    """The contradiction a reader must know before anything else; '' if there is none."""
    return _finding(ranked[0], lang) if ranked and ranked[0].severity == "contradiction" else ""


def _beside(ranked: list[Finding], judgement: Judgement) -> list[Finding]:
    """Without what stands elsewhere on the page: at the top, or as the reason of item 3."""
    told = "no-op-bucketing" if judgement.facts.bucketing is Bucketing.NO_OP else ""
    rest = ranked[1:] if ranked and ranked[0].severity == "contradiction" else ranked
    return [f for f in rest if f.id != told]


def _glance(judgement: Judgement, lang: str) -> str:
    """One line: each item with its status and the one number that matters."""
    facts, parts = judgement.facts, []
    for number, verdict in enumerate(judgement.items, 1):
        label = words.STATUS[verdict.status].in_(lang)
        head = f"항목 {number} {label}" if lang == "ko" else f"item {number} {label}"
        if verdict.item == "r2" and facts.best_accuracy is not None:
            shown = words.accuracy(facts.best_accuracy)
            head += f" (정확도 {shown})" if lang == "ko" else f" (accuracy {shown})"
        if verdict.item == "r3":
            head += f": {words.BUCKETING[facts.bucketing].in_(lang)}"
        parts.append(head)
    return " · ".join(parts)


def _improved(code: list[Text], lang: str) -> str:
    """The code offered, in one fence, one piece for each cell its first line names; '' for none."""
    first: dict[str, str] = {}
    for piece in code:
        said = piece.in_(lang)
        first.setdefault(said.partition("\n")[0].partition(":")[0], said)
    return fenced("\n\n".join(first.values())) if first else ""


def _link(judgement: Judgement, lang: str) -> str:
    found = LINKS.get(judgement.facts.bucketing)
    return f"- [{found[0].in_(lang)}]({found[1]})" if found else ""
