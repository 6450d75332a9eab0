"""The runs side by side, as markdown tables: before and after tuning, before and after bucketing.

Which two runs are compared was settled by the checks (`Facts.baseline`, `Facts.bucketed`); a table only
sets them beside each other, and shows a dash where nobody knows.
"""

from __future__ import annotations

from grader import wording as words
from grader.records import Bucketing, Evaluation, Evidence, Facts, TrainingRun

DASH = "–"


def best(run: TrainingRun) -> Evaluation | None:
    """Its evaluation with the highest accuracy."""
    scored = [e for e in run.evaluations if e.accuracy is not None]
    return max(scored, key=lambda e: e.accuracy, default=None)


def tuning(evidence: Evidence, facts: Facts, lang: str) -> str:
    """Accuracy before training, of the first run and at its best; '' when there is only one number."""
    ko = lang == "ko"
    rows: list[tuple[str, Evaluation, str]] = []
    runs = [(run, best(run)) for run in facts.runs]
    runs = [(run, score) for run, score in runs if score is not None]
    first_cell = min((run.cell for run, _ in runs), default=None)
    for score in evidence.recorded.evaluations:
        if score.accuracy is not None and first_cell is not None and score.cell < first_cell:
            rows.append(("학습 전" if ko else "before training", score, score.split))
            break
    if runs:
        rows.append(("첫 학습" if ko else "first training", runs[0][1], _split(*runs[0])))
        run, top = max(runs, key=lambda entry: entry[1].accuracy)
        if run is not runs[0][0]:
            rows.append(("가장 높은 값" if ko else "best", top, _split(run, top)))
    if len(rows) < 2:
        return ""
    highest = max(score.accuracy for _, score, _ in rows)
    head = ("", "정확도", "평가 데이터", "근거") if ko else ("", "accuracy", "measured on", "where")
    body = []
    for label, score, split in rows:
        shown = words.accuracy(score.accuracy)
        shown = f"**{shown}**" if score.accuracy == highest else shown
        on = words.split(split).in_(lang)
        if score.rows:
            on += f" {score.rows:,}건" if ko else f", {score.rows:,} rows"
        body.append((label, shown, on, words.cells([score.cell], lang)))
    return table(head, body)


def bucketing(facts: Facts, lang: str) -> str:
    """The two compared runs, or, where no pair was settled, all runs there are; '' for none."""
    compared = pair(facts)
    if compared:
        ko = lang == "ko"
        labels = ("bucketing 전", "bucketing 후") if ko else ("before bucketing", "with bucketing")
        heads = [
            f"{label} ({words.cells([run.cell], lang)})" for label, run in zip(labels, compared, strict=True)
        ]
        return _columns(facts, compared, heads, lang)
    known = tuple(run for run in facts.runs if _known(run))
    # What its author never ran has no column beside what was run: those figures are our own run's.
    runs = (tuple(run for run in known if run.executed) or known)[:4]
    return _columns(facts, runs, [words.cells([run.cell], lang) for run in runs], lang) if runs else ""


def pair(facts: Facts) -> tuple[TrainingRun, TrainingRun] | None:
    """(without, with) bucketing, as the checks settled it."""
    known = [i for i in (facts.baseline, facts.bucketed) if i is not None and 0 <= i < len(facts.runs)]
    return (facts.runs[known[0]], facts.runs[known[1]]) if len(known) == 2 else None


def _known(run: TrainingRun) -> bool:
    return any((run.tokens_per_row, run.seconds, run.examples_per_second, best(run)))


def _columns(facts: Facts, runs: tuple[TrainingRun, ...], heads: list[str], lang: str) -> str:
    ko = lang == "ko"
    scores = [best(run) for run in runs]
    loud = facts.bucketing in (Bucketing.NO_OP, Bucketing.EFFECTIVE) and len(runs) == 2
    rows = [
        (
            "행당 토큰 (패딩 포함)" if ko else "tokens per row, padding included",
            [words.tokens(run) for run in runs],
        ),
        ("그중 패딩" if ko else "of which padding", [words.padding(run) for run in runs]),
        ("학습 시간" if ko else "training time", [_time(run, lang) for run in runs]),
        (
            "초당 행 수" if ko else "rows per second",
            [words.number(run.examples_per_second) for run in runs],
        ),
        (
            "정확도" if ko else "accuracy",
            [words.accuracy(score.accuracy) if score else None for score in scores],
        ),
    ]
    body = []
    for i, (label, values) in enumerate(rows):
        if any(value is not None for value in values):
            shown = [value or DASH for value in values]
            if loud and i < 2:
                shown[-1] = f"**{shown[-1]}**" if shown[-1] != DASH else DASH
            body.append((label, *shown))
    if not body:
        return ""
    daggers = any(words.DAGGER in cell for row in body for cell in row)
    return table(("", *heads), body) + (f"\n\n{words.dagger_note(lang)}" if daggers else "")


def _time(run: TrainingRun, lang: str) -> str | None:
    """A run that was stopped is no shorter run: say so."""
    shown = words.seconds(run.seconds, lang)
    if shown is None or not run.ending.stopped:
        return shown
    return shown + (", 중단됨" if lang == "ko" else ", stopped")


def _split(run: TrainingRun, score: Evaluation) -> str:
    return score.split if score.split != "unknown" else run.eval_split


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A GitHub table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)
