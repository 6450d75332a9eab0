"""Ruff over a notebook: one subprocess, only rules that matter to someone who reads or reruns it.

What this is not: a style check. Nobody's review gets better by E501. Without a ruff executable there
are no LINT observations, and nothing else changes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from grader.facts import Kind
from grader.quality.cells import CodeCell
from grader.records import Observation, Witness

RULES = (
    # names: undefined, imported twice or never used, a builtin covered up
    "F821,F823,F811,F401,F841,A001,"
    # swallowed errors, comparisons that don't say what is meant
    "E722,E711,E712,E721,F632,"
    # shared default lists, loop variables caught late, statements without effect
    "B006,B015,B018,B023,PLE,"
    # code that was commented out (counted with the comments, not reported as lint)
    "ERA001"
)
"""Rule codes, see https://docs.astral.sh/ruff/rules/."""
TIMEOUT_SECONDS = 10.0
MAX_OBSERVATIONS = 200


def lint(cells: Sequence[CodeCell]) -> tuple[Observation, ...]:
    """One LINT observation per hit, in notebook order; () where ruff is absent or fails."""
    ruff = _executable()
    if ruff is None or not cells:
        return ()
    notebook = {
        "cells": [
            {"cell_type": "code", "source": c.code, "metadata": {}, "outputs": [], "execution_count": None}
            for c in cells
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    command = [ruff, "check", "--isolated", "--no-cache", "--quiet", "--select", RULES]
    command += [
        "--target-version",
        "py311",
        "--output-format",
        "json",
        "--stdin-filename",
        "notebook.ipynb",
        "-",
    ]
    try:
        done = subprocess.run(
            command, input=json.dumps(notebook).encode(), capture_output=True, timeout=TIMEOUT_SECONDS
        )
        hits = json.loads(done.stdout or b"[]")
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()
    return tuple(filter(None, (_observation(hit, cells) for hit in hits[:MAX_OBSERVATIONS])))


def _observation(hit: dict, cells: Sequence[CodeCell]) -> Observation | None:
    """`hit`'s cell is 1-based over the cells we sent; ours is 0-based over the notebook."""
    number, line, rule = hit.get("cell"), (hit.get("location") or {}).get("row"), hit.get("code")
    if not (isinstance(number, int) and isinstance(line, int) and rule and 0 < number <= len(cells)):
        return None
    cell = cells[number - 1]
    value = {"rule": rule, "message": str(hit.get("message", ""))[:300], "line": line}
    return Observation(
        witness=Witness.SOURCE, kind=Kind.LINT, cell=cell.index, value=value, quote=cell.line(line)
    )


def _executable() -> str | None:
    """Ruff's path: beside this interpreter's package first, then on PATH; None if there is none."""
    try:
        from ruff import find_ruff_bin

        path = find_ruff_bin()
        if Path(path).exists():
            return str(path)
    except (ImportError, OSError):
        pass
    return shutil.which("ruff")
