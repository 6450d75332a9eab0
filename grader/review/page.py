"""What a template may say, gathered once: safe markdown strings, no records.

Every student-written character that reaches a template has gone through `markdown` here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grader import wording as words
from grader.records import Bucketing, Evidence, Facts, Finding, Judgement, Status, Text, Verdict
from grader.review import tables
from grader.review.markdown import fenced, inline, prose
from grader.review.quotes import best as best_quote
from grader.wording.how import how_checked

PEN = "✍️"
SHOWN_FINDINGS = 5
ABOUT = {
    "r1": frozenset(["classroom-lacks"]),
    "r2": frozenset(
        [
            "overfitting",
            "leak",
            "test-as-validation",
            "subset-evaluation",
            "printed-without-training",
            "verified-below-claim",
            "verified-below-honest",
            "verified-above-honest",
            "checkpoint-evaluated",
            "random-weights",
            "at-the-threshold",
            "short-max-length",
            "length-study",
            "cleaned-data",
            "preprocessing",
            "seeded-split",
        ]
    ),
    "r3": frozenset(
        [
            "stale-output",
            "no-op-bucketing",
            "weak-bucketing",
            "narrower-not-faster",
            "dynamic-baseline",
            "confounded",
            "speed-after-early-stopping",
            "rerun-speed",
            "observed-differs",
            "speedup-not-measured",
            "typed-differs-from-stored",
            "same-score",
            "mask-missing",
            "odd-padding",
            "earlier-model-evaluated",
            "continued-training",
            "real-speedup",
            "honest-comparison",
            "fresh-model",
            "ablation",
            "fair-comparison",
        ]
    ),
    "q3": frozenset(("stored-error",)),
}
"""Where a finding is told: under this item or question. One that is not listed gets a place of its own."""
TOLD = frozenset(("no-op-bucketing", "stored-error", "at-the-threshold"))
"""Findings whose content the verdict itself says (item 3, question 3, item 2)."""
SEVERITY = {"contradiction": 0, "warning": 1, "note": 2, "praise": 3}
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
    beside: tuple[str, ...]
    """Findings that belong to it, one sentence or two each."""
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
    ranked = sorted(judgement.findings, key=lambda f: SEVERITY.get(f.severity, len(SEVERITY)))
    first = ranked[0] if ranked and ranked[0].severity == "contradiction" else None
    ranked = [f for f in ranked if f is not first]

    def answer(verdict: Verdict) -> Answer:
        return _answer(verdict, evidence, judgement, ranked, lang)

    items = [answer(v) for v in judgement.items]
    questions = {v.item: answer(v) for v in judgement.questions}
    more = {v.item: answer(v) for v in judgement.more}
    placed = frozenset().union(*ABOUT.values())
    if any(v.person and "이미지" in v.person.ko for v in judgement.items):
        placed |= {"evidence-in-images"}  # an item says already which pictures to look at
    loose = [f for f in ranked if f.id not in placed]
    verdicts = (*judgement.items, *judgement.questions)
    asked = [q for v in verdicts for q in v.questions]
    code = _offered(judgement)
    return {
        "lang": lang,
        "t": _translator(lang),
        "pen": PEN,
        "name": inline(evidence.submission.name),
        "items": items,
        "q": _Answers(questions),
        "more": _Answers(more),
        "glance": _glance(judgement, lang),
        "how": _how(evidence, lang),
        "notes": [prose(note.in_(lang)) for note in evidence.submission.notes],
        "tuning": tables.tuning(evidence, judgement.facts, lang),
        "bucketing": tables.bucketing(judgement.facts, lang),
        "first": _finding(first, lang) if first else "",
        "findings": [_finding(f, lang) for f in loose if f.severity != "praise"][:SHOWN_FINDINGS],
        "praises": [_finding(f, lang) for f in loose if f.severity == "praise"],
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
            beside=(),
            next_step="",
            person="",
            quote="",
        )


def _translator(lang: str) -> Callable[[str, str], str]:
    return (lambda ko, en: ko) if lang == "ko" else (lambda ko, en: en)


def _answer(
    verdict: Verdict, evidence: Evidence, judgement: Judgement, findings: list[Finding], lang: str
) -> Answer:
    def said(text: Text | None) -> str:
        return prose(text.in_(lang).lstrip(f" {PEN}")) if text else ""

    rubric = next((r.text for r in judgement.rubric if r.id == verdict.item), None)
    undecided = verdict.status is Status.UNDECIDED
    own = [f for f in findings if f.id in ABOUT.get(verdict.item, ()) and f.id not in TOLD]
    praise = [said(verdict.praise), *(_finding(f, lang) for f in own if f.severity == "praise")]
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
        actual=_ended(said(verdict.actual)),
        reason=said(verdict.reason),
        praise=" ".join(p for p in praise if p),
        beside=tuple(_finding(f, lang) for f in own if f.severity != "praise"),
        next_step=said(verdict.next_step),
        person=said(verdict.person),
        quote=best_quote(evidence.submission, verdict.citations, lang, numbers_first=verdict.item == "r2"),
    )


def _ended(said: str) -> str:
    """With a full stop, so that another sentence can follow."""
    return said if not said or said[-1] in ".!?:。" else f"{said}."


def _finding(finding: Finding, lang: str) -> str:
    """Its text; its cells after it where the text names none."""
    said = prose(finding.text.in_(lang))
    where = words.cells((c.cell for c in finding.citations), lang)
    named = ("셀 " if lang == "ko" else "cell") in said.lower()
    return said if named or not where else f"{said} ({where})"


def _glance(judgement: Judgement, lang: str) -> str:
    """One line: each item with its status and the one number that matters."""
    facts, parts = judgement.facts, []
    for number, verdict in enumerate(judgement.items, 1):
        label = words.STATUS[verdict.status].in_(lang)
        head = f"항목 {number} {label}" if lang == "ko" else f"item {number} {label}"
        if verdict.item == "r2" and facts.best_accuracy is not None:
            shown = words.accuracy(facts.best_accuracy)
            ko, en = (", 대역 모델", ", stand-in model") if facts.stand_in else ("", "")
            head += f" (정확도 {shown}{ko})" if lang == "ko" else f" (accuracy {shown}{en})"
        if verdict.item == "r3":
            head += f": {words.bucketing(facts).in_(lang)}{_widths(facts, lang)}"
        parts.append(head)
    return " · ".join(parts)


def _how(evidence: Evidence, lang: str) -> str:
    """'코드 읽기 ○ · 저장된 출력 ○ · 다시 실행 ✕ (…) · 숨긴 데이터 재평가 ✕'."""
    ways = how_checked(evidence, lang)
    return " · ".join(
        f"{way.name} {'○' if way.done else '✕'}" + (f" ({prose(way.detail)})" if way.detail else "")
        for way in ways
    )


def _widths(facts: Facts, lang: str) -> str:
    """' (행당 토큰 512 → 23.2)' where both are known and bucketing took effect."""
    pair = tables.pair(facts)
    if facts.bucketing is not Bucketing.EFFECTIVE or pair is None:
        return ""
    before, after = (words.number(run.tokens_per_row) for run in pair)
    if before is None or after is None:
        return ""
    ko = lang == "ko"
    ours = any("tokens_per_row" in run.stand_in for run in pair)
    where = (", 대역 데이터 포함" if ko else ", partly stand-in data") if ours else ""
    if all("tokens_per_row" in run.stand_in for run in pair):
        where = ", 대역 데이터" if ko else ", stand-in data"
    return f" ({'행당 토큰' if ko else 'tokens per row'} {before} → {after}{where})"


def _offered(judgement: Judgement) -> list[Text]:
    """The improved code there is. A verdict's is made of the student's own, so a finding's on the same
    matter (item 3) is not shown beside it."""
    own = [v.code for v in (*judgement.items, *judgement.questions) if v.code]
    spare = ABOUT["r3"] if own else frozenset()
    return own + [f.code for f in judgement.findings if f.code and f.id not in spare]


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
