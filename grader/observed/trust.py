"""How far the probe can be believed: its lines against the grader's own clocks and the source.

Everything inside the kernel is the student's, the probe included: a doubt here makes evidence
*unverified* and a person look. It is never called cheating. Called by `observe`.
"""

from __future__ import annotations

import re
import statistics

from grader.observed.fold import Lines, gather
from grader.observed.shapes import legible
from grader.records import Submission, Testimony
from grader.replacing import replacing
from grader.sandbox import Event, Execution

SKEW = 20.0
"""Seconds between a line's own time and its receipt, after taking off what all lines have."""
TOKENS_PER_SECOND = 5e6
"""More than any single GPU of 2026 trains a 110M-parameter BERT with; a 2-layer model on a CPU makes
about 2e4."""
CPU_PER_STEP = 5e-4
"""CPU seconds that the smallest optimizer step of a transformer takes, GPU or not."""

APART = 0.06
"""Between a metric and the probe's count: Trainer drops a few rows of a cut evaluation's last batch."""

ACCURACY = re.compile(r"(?:^|[_/ .])(?:acc|accuracy|정확도)(?:_score)?$", re.IGNORECASE)
"""Names of a metric that `recorded` takes for an accuracy (stages don't import each other), and a nested
one's ('eval_accuracy.accuracy')."""

FAILURES = 3
"""Of the probe itself, that are named."""

ASSIGNS = "assigns attributes of torch"
FLAGS = {
    r"PROBE_FD|_grader_inside": "names the probe",
    r"/proc/self|/proc/1\b": "looks into /proc",
    r"\bctypes\b": "uses ctypes",
    r"\bgc\.(get_objects|get_referrers)": "walks through the interpreter's objects",
    r"\bos\.(writev?|pwritev?|sendfile|fdopen|dup2?|closerange)\(": "writes to raw file descriptors",
    r"^\s*torch\.(?!manual_seed|backends|cuda\.empty)[\w.]+\s*=(?!=)": ASSIGNS,
    r"\.events\.(unregister|register)\(": "changes IPython's cell hooks",
}


def doubts(submission: Submission, execution: Execution, testimony: Testimony) -> tuple[str, ...]:
    """Reasons (English, for staff) why the observed evidence needs a person's look; () if none."""
    found: list[str] = []
    sources = {cell.index: cell.source for cell in submission.cells if cell.kind == "code"}
    for index, source in sources.items():
        for pattern, what in FLAGS.items():
            if re.search(pattern, source, re.MULTILINE):
                found.append(f"cell {index} {what}")
    found += [f"cell {cell} {what}" for cell, said in replacing(sources).items() for what, _ in said]
    events = legible(execution.events)
    if len(events) < len(execution.events):
        found.append(
            f"{len(execution.events) - len(events)} probe lines have a shape that the probe never gives"
        )
    runs = gather(events)
    for number, lines in runs.items():
        found += [f"run {number} (cell {lines.cell}): {doubt}" for doubt in _doubts_of(lines, sources)]
    steps = sum(len(lines.steps) for lines in runs.values())
    if steps and execution.cpu_seconds < CPU_PER_STEP * steps:
        found.append(f"{steps} optimizer steps in {execution.cpu_seconds:.1f} s of CPU time")
    offsets = [event.data["at"] - event.received for event in events if "at" in event.data]
    if offsets:
        middle = statistics.median(offsets)
        late = sum(abs(offset - middle) > SKEW for offset in offsets)
        if late:
            found.append(f"{late} probe lines carry a time of their own")
        if len(offsets) < len(events):
            found.append("some probe lines carry no time")
    found += _failures(events)
    if execution.malformed_events:
        found.append(f"{execution.malformed_events} lines on the probe's pipe are no JSON objects")
    if execution.events_cut:
        found.append("the probe said more than it may; later lines are missing")
    found += [doubt for _, doubt in _claims(execution)]
    if len(runs) > len(testimony.runs):
        found.append("some training runs were reported in a way the probe never does")
    return tuple(dict.fromkeys(found))


def _failures(events: list[Event]) -> list[str]:
    """Where the probe itself failed: what it would have said is missing."""
    failed = [event.data for event in events if event.data.get("t") == "probe-error"]
    said = [f"the probe failed in {data.get('where')}: {data.get('error')}" for data in failed]
    distinct = list(dict.fromkeys(" ".join(one.split())[:200] for one in said))
    more = [f"the probe failed in {len(distinct) - FAILURES} other ways"] if len(distinct) > FAILURES else []
    return distinct[:FAILURES] + more


def replaced(submission: Submission, execution: Execution) -> tuple[int, ...]:
    """See `Observed.replaced`."""
    (assigns,) = (pattern for pattern, what in FLAGS.items() if what == ASSIGNS)
    sources = {cell.index: cell.source for cell in submission.cells if cell.kind == "code"}
    found = {index for index, source in sources.items() if re.search(assigns, source, re.MULTILINE)}
    return tuple(sorted(found | set(replacing(sources)) | {cell for cell, _ in _claims(execution)}))


def _claims(execution: Execution) -> list[tuple[int, str]]:
    """Where the notebook's own metric and a count over the same forward passes disagree: cell, doubt."""
    found = []
    for event in legible(execution.events):
        data = event.data
        claims, counted = data.get("claims"), data.get("accuracy")
        if data.get("t") != "eval" or not isinstance(claims, dict) or not isinstance(counted, float):
            continue
        for name, value in claims.items():
            share = value / 100 if 1 < value <= 100 else value
            if ACCURACY.search(name) and abs(share - counted) > APART:
                said = f"cell {event.cell} computes {name} {share:.3f}, the probe counts {counted:.3f}"
                found.append((event.cell, said))
    return found


def _doubts_of(lines: Lines, sources: dict[int, str]) -> list[str]:
    found = []
    try:
        claimed = sum(step[2] or 0.0 for step in lines.steps)
        tokens = sum(step[1] or 0 for step in lines.steps)
    except (TypeError, IndexError):
        return ["its lines are malformed"]
    span = lines.last - lines.first
    if claimed > span + 5.0:
        found.append(f"claims {claimed:.0f} s of training within {span:.0f} s")
    if tokens and tokens / max(span, 1e-3) > TOKENS_PER_SECOND:
        found.append(f"{tokens / max(span, 1e-3):.0f} tokens per second")
    above = "\n".join(source for index, source in sources.items() if index <= lines.cell)
    if not re.search(r"\.train\w*\(|\.step\(|\.fit\(|hyperparameter_search", above):
        found.append("no training call in the source up to this cell")
    return found
