"""The class page's two plots as inline SVG: accuracies, and what bucketing cost and gained."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup

from grader.batch.gradebook import Row

NAMED = 40
"""Up to so many points carry their student's name."""
FEWEST = 3
"""Fewer values are read faster in the table."""
COLOUR = {"effective": "#2e7d4f", "no-op": "#b83232"}


def accuracies(rows: Sequence[Row], goal: float | None, lang: str) -> Markup:
    """Best stored accuracies of the class, `goal` as a line; '' with under three values."""
    found = [row.results["facts"]["best_accuracy"] for row in rows if row.results]
    values = [value for value in found if value is not None]

    def draw(axes) -> None:
        axes.hist(values, bins=20, color="#4c72b0")
        if goal is not None:
            axes.axvline(goal, color="#b83232", linewidth=1)
        axes.set_xlabel("best stored accuracy" if lang == "en" else "저장된 최고 정확도")
        axes.set_ylabel("students" if lang == "en" else "학생 수")
        axes.yaxis.get_major_locator().set_params(integer=True)

    return _svg(draw) if len(values) >= FEWEST else Markup("")


def trade_off(rows: Sequence[Row], lang: str) -> Markup:
    """Each student's two runs: how many times faster, how much more accurate; '' with under three."""
    points = [(row, *point) for row in rows if (point := gain(row.results.get("facts", {})))]

    def draw(axes) -> None:
        axes.axvline(1, color="#9aa0a8", linewidth=0.8)
        axes.axhline(0, color="#9aa0a8", linewidth=0.8)
        for row, speed, accuracy in points:
            colour = COLOUR.get(row.results["facts"]["bucketing"], "#6a7079")
            axes.plot(speed, 100 * accuracy, "o", color=colour, markersize=5)
            if len(points) <= NAMED:
                # Nothing in a name is markup: matplotlib would read $ as the start of a formula.
                axes.annotate(
                    row.student[:12].replace("$", "\\$"),
                    (speed, 100 * accuracy),
                    xytext=(4, 3),
                    textcoords="offset points",
                    fontsize=7,
                )
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
        axes.set_xlabel(
            "rows per second, with bucketing ÷ without" if lang == "en" else "초당 행: bucketing ÷ 기준"
        )
        axes.set_ylabel("accuracy, points" if lang == "en" else "정확도 차이 (%p)")

    return _svg(draw) if len(points) >= FEWEST else Markup("")


def gain(facts: dict[str, Any]) -> tuple[float, float] | None:
    """(rows per second with ÷ without bucketing, accuracy with - without) of a stored comparison.

    None where a run, its rate or its accuracy isn't stored. Rows per second, not time: runs differ in rows.
    """
    first, second = facts.get("baseline"), facts.get("bucketed")
    if first is None or second is None or first == second:
        return None
    pair = [facts["runs"][first], facts["runs"][second]]
    rates = [run.get("examples_per_second") for run in pair]
    scores = [_best(run) for run in pair]
    if None in scores or not all(rates):
        return None
    return rates[1] / rates[0], scores[1] - scores[0]


def _best(run: dict[str, Any]) -> float | None:
    found = [e.get("accuracy") for e in run.get("evaluations", []) if e.get("split") != "train"]
    return max((value for value in found if value is not None), default=None)


def _svg(draw: Callable[[Any], None]) -> Markup:
    import matplotlib
    from matplotlib.figure import Figure

    # Fixed ids and no date: the same class gives the same bytes.
    style = {"svg.hashsalt": "class", "svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif"}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # Text stays text and the reader's browser has the font, so it need not be here.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(5.2, 2.7), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    return Markup(svg[svg.index("<svg") :])
