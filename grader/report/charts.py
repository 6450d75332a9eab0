"""Pictures of the runs as SVG: padding per row, accuracy and loss, time against accuracy.

matplotlib is imported only here and only when something is drawn. Each picture becomes an `<img>` with
a data address, so that nothing in it can reach the page; its numbers are repeated in the alt text.
"""

from __future__ import annotations

import base64
import io
import logging
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from grader import wording as words
from grader.records import Facts, TrainingRun

COLOURS = ("#64748b", "#e8590c", "#1971c2", "#2f9e44", "#9c36b5", "#c2255c", "#0b7285", "#846358")
"""One for each run; slate for the baseline, orange for the run with bucketing."""
REAL, PAD = "#1971c2", "#ffc9c9"
MAX_RUNS = 6
HEIGHT = 2.9
"""Inches, at a width of 5.2."""
LEAST_SPAN = 0.03
"""Accuracy axes cover at least this much, so that a gap of noise doesn't look like a cliff."""
FONTS = [
    "Pretendard",
    "Apple SD Gothic Neo",
    "Malgun Gothic",
    "Noto Sans CJK KR",
    "NanumGothic",
    "DejaVu Sans",
]


@dataclass(frozen=True)
class Chart:
    """A picture, what it shows in one sentence, and the same in numbers."""

    title: str
    note: str
    source: str
    """data:image/svg+xml;base64,…"""
    alt: str


def charts(facts: Facts, goal: float | None, lang: str) -> list[Chart]:
    """The pictures there is something to draw for. `goal`: the accuracy to reach, if the rubric has one."""
    lines = _lines(facts.runs, facts.baseline, facts.bucketed, lang)
    made = (_padding(lines, lang), _accuracy(lines, goal, lang), _loss(lines, lang), _time(lines, lang))
    return [chart for chart in made if chart is not None]


@dataclass(frozen=True)
class _Line:
    run: TrainingRun
    label: str
    colour: str


def _lines(runs: Sequence[TrainingRun], baseline: int | None, bucketed: int | None, lang: str) -> list[_Line]:
    """At most `MAX_RUNS` in notebook order, the compared pair always among them."""
    drawn = [i for i, r in enumerate(runs) if r.tokens_per_row or r.evaluations or r.losses or r.seconds]
    pair = [i for i in (baseline, bucketed) if i in drawn]
    kept = sorted((pair + [i for i in drawn if i not in pair])[:MAX_RUNS])
    spare = iter(COLOURS[2:] if pair else COLOURS)
    colours = {baseline: COLOURS[0], bucketed: COLOURS[1]}
    made, seen = [], dict[int, int]()
    for i in kept:
        cell = runs[i].cell
        again = seen[cell] = seen.get(cell, 0) + 1
        label = words.cells([cell], lang) + (f" #{again}" if again > 1 else "")
        made.append(_Line(runs[i], label, colours[i] if i in pair else next(spare)))
    return made


def _padding(every: list[_Line], lang: str) -> Chart | None:
    """A bar for each run: real tokens, then padding."""
    lines = [line for line in every if line.run.tokens_per_row]
    if not lines:
        return None
    ko = lang == "ko"
    figure, axes = _canvas(max(HEIGHT, 0.45 * len(lines) + 0.9), left=0.17)
    widest = max(line.run.tokens_per_row for line in lines)
    told = []
    for i, line in enumerate(reversed(lines)):
        total = line.run.tokens_per_row
        real = _real(line.run)
        axes.barh(i, total, color=PAD if real is not None else line.colour, height=0.5)
        if real is not None:
            axes.barh(i, real, color=REAL, height=0.5)
        axes.text(total + widest * 0.015, i, words.number(total), va="center", fontsize=11, color="#212529")
    for line in lines:
        part = words.padding(line.run)
        padded = f", {'패딩' if ko else 'padding'} {part}" if part else ""
        told.append(f"{line.label}: {words.number(line.run.tokens_per_row)}{padded}")
    axes.set_yticks(range(len(lines)), [line.label for line in reversed(lines)])
    axes.set_xlim(0, widest * 1.14)
    axes.set_ylim(-0.8, max(len(lines), 2) - 0.2)
    axes.grid(axis="x", color="#e9ecef")
    axes.set_xlabel("행당 토큰" if ko else "tokens per row")
    known = any(_real(line.run) is not None for line in lines)
    note = (
        (
            "파랑은 실제 글자에서 온 토큰, 분홍은 패딩입니다."
            if ko
            else "Blue: tokens of the text. Pink: padding."
        )
        if known
        else (
            "한 줄을 처리할 때 계산되는 토큰 수(패딩 포함)입니다."
            if ko
            else "Tokens computed for one row, padding included."
        )
    )
    return Chart(
        "행당 토큰과 패딩" if ko else "Tokens and padding per row",
        note,
        _svg(figure, "padding"),
        "; ".join(told),
    )


def _real(run: TrainingRun) -> float | None:
    share = words.padding_share(run)
    return None if share is None else run.tokens_per_row * (1 - share)


def _accuracy(every: list[_Line], goal: float | None, lang: str) -> Chart | None:
    """Accuracy after each epoch (or step), one line for each run, and the goal."""
    lines = [line for line in every if _scored(line.run, "accuracy")]
    if not lines:
        return None
    ko = lang == "ko"
    figure, axes = _canvas(HEIGHT)
    told = []
    for line in lines:
        xs, ys = zip(*_scored(line.run, "accuracy"), strict=True)
        axes.plot(xs, ys, "o-", color=line.colour, label=line.label, linewidth=2, markersize=5)
        told.append(f"{line.label}: " + ", ".join(words.accuracy(y) for y in ys))
    _span(axes, [y for line in lines for _, y in _scored(line.run, "accuracy")] + ([goal] if goal else []))
    if goal:
        axes.axhline(goal, color="#adb5bd", linestyle="--", linewidth=1)
        place = axes.get_yaxis_transform()
        axes.text(1.0, goal, f" {goal:.2f}", transform=place, va="center", fontsize=9, color="#868e96")
    _label(axes, "에폭" if ko else "epoch", legend=True)
    title = "검증 정확도" if ko else "Validation accuracy"
    note = (
        (f"점선은 목표 {goal:.2f}입니다." if ko else f"The dashed line is the goal of {goal:.2f}.")
        if goal
        else ""
    )
    return Chart(title, note, _svg(figure, "accuracy"), "; ".join(told))


def _loss(every: list[_Line], lang: str) -> Chart | None:
    """Training loss as logged (dotted) and validation loss (solid)."""
    lines = [line for line in every if _scored(line.run, "loss") or len(line.run.losses) > 1]
    if not lines:
        return None
    ko = lang == "ko"
    figure, axes = _canvas(HEIGHT)
    told = []
    for line in lines:
        run, scored = line.run, _scored(line.run, "loss")
        end = run.epochs or (scored[-1][0] if scored else None) or 1.0
        if len(run.losses) > 1:
            xs = [end * (i + 1) / len(run.losses) for i in range(len(run.losses))]
            axes.plot(xs, run.losses, ":", color=line.colour, linewidth=2)
        if scored:
            xs, ys = zip(*scored, strict=True)
            axes.plot(xs, ys, "o-", color=line.colour, linewidth=2, markersize=5)
            told.append(f"{line.label}: " + ", ".join(f"{y:.3f}" for y in ys))
        axes.plot([], [], "-", color=line.colour, label=line.label, linewidth=2)
    _label(axes, "에폭" if ko else "epoch", legend=True)
    title = "손실" if ko else "Loss"
    note = (
        "점선은 학습 손실, 실선은 검증 손실입니다."
        if ko
        else "Dotted: training loss. Solid: validation loss."
    )
    return Chart(title, note, _svg(figure, "loss"), "; ".join(told) or title)


def _time(every: list[_Line], lang: str) -> Chart | None:
    """Training time against best accuracy, a point for each run."""
    points = []
    for line in every:
        scored = _scored(line.run, "accuracy")
        if line.run.seconds and scored:
            points.append((line, line.run.seconds / 60, max(y for _, y in scored)))
    if len(points) < 2:
        return None
    ko = lang == "ko"
    figure, axes = _canvas(HEIGHT)
    for line, minutes, best in points:
        axes.plot(minutes, best, "o", color=line.colour, markersize=10, label=line.label)
    axes.set_xlim(0, 1.15 * max(minutes for _, minutes, _ in points))
    _span(axes, [best for _, _, best in points])
    _label(axes, "학습 시간(분)" if ko else "training time (min)", legend=True)
    axes.xaxis.get_major_locator().set_params(integer=False)
    title = "시간과 정확도" if ko else "Time against accuracy"
    note = "왼쪽 위로 갈수록 좋습니다." if ko else "Up and to the left is better."
    unit = "분" if ko else " min"
    told = (f"{line.label}: {minutes:.0f}{unit}, {words.accuracy(best)}" for line, minutes, best in points)
    return Chart(title, note, _svg(figure, "time"), "; ".join(told))


def _scored(run: TrainingRun, name: str) -> list[tuple[float, float]]:
    """(epoch, value) of each evaluation that has `name`; numbered where no epoch is known."""
    known = [(e.epoch, getattr(e, name)) for e in run.evaluations if getattr(e, name) is not None]
    if any(epoch is None for epoch, _ in known):
        return [(float(i), value) for i, (_, value) in enumerate(known, 1)]
    return sorted(known)


def _canvas(height: float, left: float = 0.13):
    """A figure of phone width, so that its letters stay readable there."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    with rc_context({"font.family": FONTS, "font.size": 11, "axes.edgecolor": "#adb5bd"}):
        figure = Figure(figsize=(5.2, height))
        low = 0.53 / height
        axes = figure.add_axes((left, low, 0.92 - left, 0.95 - low))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors="#495057", length=0)
    axes.set_axisbelow(True)
    return figure, axes


def _span(axes, values: list[float]) -> None:
    """Show all values with some air, over at least `LEAST_SPAN`."""
    low, high = min(values), max(values)
    air = max(0.15 * (high - low), (LEAST_SPAN - (high - low)) / 2)
    axes.set_ylim(low - air, high + air)


def _label(axes, x: str, *, legend: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel(x, color="#495057")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    axes.grid(color="#e9ecef")
    if legend:
        axes.legend(frameon=False, fontsize=10, loc="best")


def _svg(figure, salt: str) -> str:
    """The figure as a data address: letters stay letters, and the same figure gives the same bytes."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    drawn = io.StringIO()
    options = {"svg.fonttype": "none", "svg.hashsalt": salt, "font.family": FONTS}
    with rc_context(options), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # glyphs that this machine lacks are the browser's business
        FigureCanvasSVG(figure).print_svg(drawn, metadata={"Date": None, "Creator": None})
    text = re.sub(r"(?s)^.*?(?=<svg)", "", drawn.getvalue())
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()
