"""Gradebook -> class.html: where an instructor should look. One file, no network; computes no verdict."""

from __future__ import annotations

import base64
import hashlib
import io
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from grader.batch.gradebook import Row
from grader.batch.labels import BUCKETING, REASONS, STATUS, finding_name
from grader.batch.similarity import Pair
from grader.batch.standing import reasons_to_look, standings, total
from grader.naming import folder_name
from grader.records import RubricItem
from grader.templating import environment

SORT_SCRIPT = """
document.querySelectorAll('th[data-sort]').forEach((th, column) => th.addEventListener('click', () => {
  const body = th.closest('table').tBodies[0], up = th.dataset.up !== '1';
  th.dataset.up = up ? '1' : '0';
  const value = row => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  const number = text => text === '' ? NaN : Number(text);
  [...body.rows].sort((a, b) => {
    const x = value(a), y = value(b), nx = number(x), ny = number(y);
    const order = isNaN(nx) || isNaN(ny) ? x.localeCompare(y, 'ko') : nx - ny;
    return up ? order : -order;
  }).forEach(row => body.append(row));
}));
"""
"""The page's only script. The policy in the page names its hash, so nothing else can run."""


def write(rows: Sequence[Row], rubric: tuple[RubricItem, ...], pairs: tuple[Pair, ...], lang: str) -> str:
    """The page for `rows`, texts in `lang`."""
    students = [_student(row, rubric, lang) for row in rows]
    digest = base64.b64encode(hashlib.sha256(SORT_SCRIPT.encode()).digest()).decode()
    return (
        environment(html=True)
        .get_template("class.html.j2")
        .render(
            lang=lang,
            en=lang == "en",
            students=students,
            first=sorted((s for s in students if s["reasons"]), key=lambda s: -s["urgency"]),
            items=[_distribution(item, students, lang) for item in rubric],
            bucketing=_bucketing(rows, lang),
            common=_common(rows, lang),
            pairs=[pair._asdict() for pair in pairs],
            plot=_plot(rows, lang),
            script=Markup(SORT_SCRIPT),
            script_hash=digest,
        )
    )


def _student(row: Row, rubric: tuple[RubricItem, ...], lang: str) -> dict[str, Any]:
    items = standings(row, rubric)
    reasons = reasons_to_look(row, items)
    facts = row.results.get("facts", {})
    return {
        "name": row.student,
        "folder": folder_name(row.student),
        "has_report": bool(row.results),
        "items": [
            {"status": item.status, "name": STATUS[item.status].in_(lang), "by": item.by, "why": item.why}
            for item in items
        ],
        "total": total(items),
        "accuracy": facts.get("best_accuracy"),
        "bucketing": BUCKETING[facts["bucketing"]].in_(lang) if facts else "",
        "tokens": list(facts.get("tokens_per_row", {}).values()),
        "reasons": [REASONS[r].in_(lang) if r in REASONS else finding_name(r, lang) for r in reasons],
        "urgency": sum({"grader-failed": 100, "unreadable": 50, "undecided": 10}.get(r, 3) for r in reasons),
        "problem": row.problem.in_(lang) if row.problem else "",
        "why": row.why.in_(lang),
        "notebook": row.path,
    }


def _distribution(item: RubricItem, students: list[dict[str, Any]], lang: str) -> dict[str, Any]:
    place = int(item.id.removeprefix("r")) - 1
    counts = Counter(student["items"][place]["status"] for student in students)
    return {
        "id": item.id,
        "text": item.text.in_(lang),
        "parts": [
            {"status": status, "name": name.in_(lang), "count": counts[status]}
            for status, name in STATUS.items()
            if counts[status]
        ],
    }


def _bucketing(rows: Sequence[Row], lang: str) -> list[tuple[str, int]]:
    counts = Counter(row.results["facts"]["bucketing"] for row in rows if row.results)
    return [(BUCKETING[name].in_(lang), count) for name, count in counts.most_common()]


def _common(rows: Sequence[Row], lang: str) -> list[tuple[str, int]]:
    """What several students have in common: (finding, number of students), praise left out."""
    counts: Counter[str] = Counter()
    for row in rows:
        found = row.results.get("findings", [])
        counts.update({finding["id"] for finding in found if finding["severity"] != "praise"})
    return [(finding_name(name, lang), count) for name, count in counts.most_common(12) if count > 1]


def _plot(rows: Sequence[Row], lang: str) -> Markup:
    """Best accuracies of the class as an inline SVG; '' without matplotlib or with under three values."""
    found = [row.results["facts"]["best_accuracy"] for row in rows if row.results]
    accuracies = [value for value in found if value is not None]
    if len(accuracies) < 3:
        return Markup("")
    try:
        import matplotlib
    except ImportError:
        return Markup("")
    from matplotlib.figure import Figure

    # Fixed ids and no date: the same class gives the same bytes.
    style = {"svg.hashsalt": "class", "svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif"}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # Text stays text and the reader's browser has the font, so it need not be here.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(6.4, 2.4), layout="constrained")
        axes = figure.subplots()
        axes.hist(accuracies, bins=20, color="#4c72b0")
        axes.axvline(0.9, color="#c44e52", linewidth=1)
        axes.set_xlabel("best stored accuracy" if lang == "en" else "저장된 최고 정확도")
        axes.set_ylabel("students" if lang == "en" else "학생 수")
        axes.spines[["top", "right"]].set_visible(False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    return Markup(svg[svg.index("<svg") :])
