"""Ask the evaluator, and believe nothing about the shape of its answers.

One clean sandbox for all models of a notebook: importing torch takes longer than evaluating. Weights are
mounted read-only; the reviews go in by standard input, without labels; one JSON line per model comes out.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from grader.classroom import Classroom
from grader.classroom.runtime import CURRENT
from grader.errors import ClassroomError
from grader.records import Ending, Interval, Limits, Text
from grader.verified import reasons
from grader.verified.intake import Weights

EVALUATOR = Path(__file__).parents[1] / "evaluator"
SECONDS_EACH = 60.0
"""Of predicting, per model; then it stops after whole chunks and the score is of fewer rows."""
SECONDS_START = 120.0
"""For importing torch and transformers on a busy machine."""
IMPORTS = (
    "torch",
    "safetensors.torch",
    *(f"transformers:{name}" for name in ("AutoTokenizer", "BertConfig", "BertForSequenceClassification")),
    "transformers:BertTokenizerFast",
)
"""The evaluator's, done before where a batch keeps it warm."""
LEAST_ROWS = 200
"""Fewer say nothing: the interval would be wider than ±4 points."""


class Answer(NamedTuple):
    """What the evaluator says of one model."""

    predictions: str
    """'0' or '1' for each of the first rows."""
    changed: float
    """Share of the encoder's numbers that differ from the base model's."""


def ask(
    weights: Sequence[Weights], texts: Sequence[str], classroom: Classroom, isolation
) -> list[Answer | Text]:
    """An answer, or the reason why there is none, for each of `weights`.

    Raises SandboxError, and ClassroomError where there is no Python that could evaluate.
    """
    from grader.sandbox import Bind, Preload, run_process

    open_air = not isolation.mounts  # nothing is mounted: the real paths are the paths
    places = {"evaluator": EVALUATOR, "model": classroom.model, "weights": weights[0].path.parent}
    inside = {name: source if open_air else Path("/opt", name) for name, source in places.items()}
    job = {
        "model": str(inside["model"]),
        "texts": list(texts),
        "seconds": SECONDS_EACH,
        "weights": [
            {
                "file": f"{inside['weights'] / entry.path.name}",
                "max_length": entry.max_length,
                "config": entry.config,
                "own": entry.own and entry.own._asdict(),
            }
            for entry in weights
        ],
    }
    seconds = SECONDS_START + 2 * SECONDS_EACH * len(weights)
    env = environment(classroom)
    result = run_process(
        [python_of(classroom), "-I", "-B", str(inside["evaluator"] / "evaluate.py")],
        isolation=isolation,
        binds=[Bind(source, str(inside[name])) for name, source in places.items()],
        env=env,
        preload=Preload(imports=IMPORTS, env=env, late=("/opt/weights",)),
        limits=Limits(total_seconds=seconds, cell_seconds=seconds, output_bytes=8_000_000),
        stdin=json.dumps(job).encode(),
    )
    lines = result.stdout.split(b"\n")[:-1]  # what follows the last newline was cut off
    return [
        read(entry.name, lines[number], len(texts))
        if number < len(lines)
        else reasons.refused(entry.name, "no-answer", _ending(result))
        for number, entry in enumerate(weights)
    ]


def read(name: str, line: bytes, rows: int) -> Answer | Text:
    """One line of the evaluator's, if it is what it has to be."""
    try:
        said = json.loads(line)
        code = said.get("error")
    except (ValueError, RecursionError, AttributeError):
        return reasons.refused(name, "bad-answer")
    if code is not None:
        known = code if isinstance(code, str) and code in reasons.REASONS else "bad-answer"
        return reasons.refused(name, known, str(said.get("detail", "")))
    predictions, changed = said.get("predictions"), said.get("changed")
    if not isinstance(predictions, str) or not re.fullmatch("[01]+", predictions):
        return reasons.refused(name, "bad-answer", "predictions")
    if not min(LEAST_ROWS, rows) <= len(predictions) <= rows:
        return reasons.refused(name, "bad-answer", f"{len(predictions)} / {rows}")
    if not isinstance(changed, float | int) or not 0 <= changed <= 1:
        return reasons.refused(name, "bad-answer", "changed")
    return Answer(predictions, float(changed))


def wilson(right: int, rows: int) -> Interval:
    """95 % interval of a share (Wilson 1927; z = 1.96): honest near 0 and 1 and for few rows."""
    z, share = 1.959964, right / rows
    middle = share + z * z / (2 * rows)
    half = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    return Interval(max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale))


def python_of(classroom: Classroom) -> str:
    """The interpreter to evaluate with: the newest there is; any can load BERT."""
    runtimes = classroom.runtimes
    name = CURRENT if CURRENT in runtimes else max(runtimes, default="")
    if name:
        return runtimes[name]
    raise ClassroomError(
        ko="모델을 다시 평가할 런타임이 없습니다: grader setup --runtime current",
        en="No runtime to evaluate models with: grader setup --runtime current",
    )


def environment(classroom: Classroom) -> dict[str, str]:
    """Of a program that evaluates."""
    return {
        "OMP_NUM_THREADS": _threads(classroom),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "false",
    }


def _threads(classroom: Classroom) -> str:
    """A small model is fastest on one thread (on a busy machine two were 3.5 times slower)."""
    return "1" if classroom.profile == "pocket" else str(os.cpu_count() or 1)


def _ending(result) -> str:
    """How the evaluator ended, in a few words."""
    if result.ending is not Ending.COMPLETED:
        return str(result.ending)
    last = result.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    return f"exit {result.returncode}" + (f": {last[0][:120]}" if last else "")
