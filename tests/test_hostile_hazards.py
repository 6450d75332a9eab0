"""Ten hazards that the tools in use fall for, each through the whole pipeline to its named end.

A notebook that hangs, eats memory, dies, rewrites the gradebook, swallows the tests, types its losses in;
and two honest ones that only print to stderr. In those tools they hang, cost earned points, or earn full
marks (studied before this grader was written). Here every end has its name in both languages, what ran
before it is kept, what can't be judged is UNDECIDED, and no other student's file changes.
"""

from __future__ import annotations

import html
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from grader import report, review, rubric
from grader.pipeline import Checked, Plan, check
from grader.records import Budget, Ending, Limits, Status, Text
from grader.sandbox import driver, endings, watch
from tests import sample_evidence as sample
from tests.checks_evidence import BASE, CLEARED, REAL_GROUP, cleared, observed
from tests.checks_evidence import judged as by_hand
from tests.sandbox_boxes import outside
from tests.test_hostile_verdicts import LOAD, TRAIN, cell, statuses

LIMITS = Limits(total_seconds=90, cell_seconds=60, memory_mb=3072)
PATIENT = Limits(total_seconds=90, cell_seconds=60, memory_mb=1024)
QUICK = Limits(total_seconds=60, cell_seconds=3, memory_mb=1024)

LOOP = "while True:\n    pass"
STUBBORN = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + LOOP
TOUCHED = "import numpy\nones = numpy.ones(2**30)"
TOGETHER = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        block = bytearray(400 << 20)
        block[::4096] = bytes([1]) * (len(block) // 4096)
        time.sleep(6)
        os._exit(0)
time.sleep(6)
"""
EXITS = "import os\nos._exit(1)"
GRADEBOOK = """
import glob, os, sqlite3
changed = []
for folder in (".", "..", "../..", "../../..", FOLDER):
    for path in glob.glob(os.path.join(folder, "gradebook.db")):
        try:
            with sqlite3.connect(path) as db:
                db.execute("UPDATE grades SET score = 5")
            changed.append(path)
        except (OSError, sqlite3.Error):
            pass
print("changed", len(changed))
"""
SWALLOWS = """
get_ipython().input_transformers_cleanup.append(lambda lines: ["pass\\n"])
get_ipython().ast_transformers.clear()
"""
TYPED = "losses = [0.7 - 0.01 * i for i in range(60)]\naccuracy = 0.95\nprint({'eval_accuracy': accuracy})"
NOISY = """
import sys, warnings
from tqdm.auto import tqdm
warnings.warn("a library is getting old")
for _ in tqdm(range(3)):
    print("to stderr", file=sys.stderr)
"""


class Hazard(NamedTuple):
    cells: tuple[str, ...]
    ending: Ending
    says: str
    """A word of the reason, in English; '' where the notebook ends well."""
    limits: Limits = QUICK
    runs_on: bool | None = True
    """The cells after the hostile one are run; None: only where a cgroup kills a child and not the watchdog
    everything."""
    r1: tuple[str, ...] = ("UNDECIDED", "FAIL")


HAZARDS = {
    "endless loop": Hazard((LOOP,), Ending.CELL_TIMEOUT, "3 s"),
    "loop that ignores interrupts": Hazard((STUBBORN,), Ending.CELL_TIMEOUT, "killed", runs_on=False),
    "8 GiB touched": Hazard((TOUCHED,), Ending.OUT_OF_MEMORY, "memory"),
    "memory of children, in a cgroup": Hazard((TOGETHER,), Ending.OUT_OF_MEMORY, "memory", PATIENT, None),
    "os._exit after an honest training": Hazard(
        (LOAD, TRAIN, EXITS), Ending.KERNEL_DIED, "died", LIMITS, runs_on=False, r1=("PASS", "PARTIAL")
    ),
    "writes the grader's files": Hazard((GRADEBOOK,), Ending.COMPLETED, ""),
    "swallows the tests": Hazard((SWALLOWS, LOAD, TRAIN), Ending.COMPLETED, ""),
    "types its losses in": Hazard((TYPED,), Ending.COMPLETED, ""),
    "a warning and a progress bar": Hazard(
        (NOISY, LOAD, NOISY + TRAIN), Ending.COMPLETED, "", LIMITS, r1=("PASS", "PARTIAL")
    ),
}
"""The tenth is told by two: a warning in a test cell and a bar in a test cell are one notebook here."""


def gradebook(folder: Path) -> Path:
    path = folder / "gradebook.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE IF NOT EXISTS grades (student TEXT, score REAL)")
        db.execute("INSERT INTO grades VALUES ('another student', 3)")
    return path


def run(folder: Path, cells: tuple[str, ...], limits: Limits) -> Checked:
    path = folder / "hazard.ipynb"
    sources = [source.replace("FOLDER", repr(str(folder))) for source in ("print('before')", *cells)]
    found = {"cells": [cell(s) for s in (*sources, "print('after')")], "metadata": {}}
    path.write_text(json.dumps({**found, "nbformat": 4, "nbformat_minor": 5}))
    plan = Plan(
        profile="pocket",
        home=os.environ.get("GRADER_HOME") or str(folder.parent / "home"),
        budget=Budget(train_batches=4, eval_batches=2),
        limits=limits,
        insist=True,
    )
    return check(path, plan, rubric.load())


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.parametrize("name", HAZARDS)
def test_a_hazard_ends_as_it_should(name, isolation, tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "GRACE", 1.0)
    hazard, before = HAZARDS[name], gradebook(tmp_path).read_bytes()
    checked = run(tmp_path, hazard.cells, hazard.limits)
    seen = checked.evidence.observed
    assert not checked.evidence.faults and seen.ending is hazard.ending, (seen.ending, seen.reason)
    assert (seen.reason is not None) is bool(hazard.says)
    if hazard.says:
        assert hazard.says in seen.reason.en and seen.reason.ko, "named in both languages"
        for lang in ("ko", "en"):
            page = review.write(checked.evidence, checked.judgement, lang=lang)
            assert seen.reason.in_(lang).rstrip(".") in page
    cells = {c.index: c for c in seen.cells}
    assert cells[0].ending is Ending.COMPLETED and cells[0].output_tail == "before\n", "what ran is kept"
    if hazard.runs_on is not None:
        assert (len(hazard.cells) + 1 in cells) is hazard.runs_on
    said = statuses(checked)
    assert said["r1"] in hazard.r1, checked.judgement.items[0].reason.en
    assert said["r2"] is not Status.PASS and said["r3"] is not Status.PASS, "nothing of it was earned"
    assert (tmp_path / "gradebook.db").read_bytes() == before, "another student's grade"


def test_the_hazards_are_hazards(tmp_path):
    """The controls: as an ordinary program each of them does what it is feared for."""
    gradebook(tmp_path)
    assert "changed 2" in outside(GRADEBOOK.replace("FOLDER", repr(str(tmp_path))), cwd=tmp_path)
    with sqlite3.connect(tmp_path / "gradebook.db") as db:
        assert db.execute("SELECT score FROM grades").fetchone() == (5.0,)
    for source, deaf in ((LOOP, False), (STUBBORN, True)):
        program = subprocess.Popen(
            [sys.executable, "-c", "print(flush=True)\n" + source],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Tests that run in a shell's background inherit that it is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        program.stdout.read(1)
        time.sleep(0.3)
        assert program.poll() is None, "it does not end"
        program.send_signal(signal.SIGINT)
        if deaf:
            time.sleep(0.5)
            assert program.poll() is None, "it hears nothing"
        else:
            program.wait(timeout=20)  # at once, but for a machine that stands still
        program.kill()
        program.communicate()
    done = subprocess.run([sys.executable, "-c", EXITS.replace("1)", "0)")], capture_output=True)
    assert done.returncode == 0, "its exit code says that all went well"


# ---------------------------------------------------------------- every end has its name and its words

LIMIT = Limits()
ENDS = {
    Ending.CELL_ERROR: endings.of_limit(Ending.CELL_ERROR, LIMIT),
    Ending.CELL_TIMEOUT: endings.of_limit(Ending.CELL_TIMEOUT, LIMIT),
    Ending.TOTAL_TIMEOUT: endings.total_timeout(LIMIT),
    Ending.OUT_OF_MEMORY: watch.out_of_memory(LIMIT, 5000.0)[1],
    Ending.DISK_LIMIT: Text(
        ko="디스크 사용량이 한도(2048 MB)를 넘어서 멈췄어요.",
        en="Stopped: files took more than the limit of 2048 MB.",
    ),
    Ending.OUTPUT_FLOOD: endings.flood(LIMIT),
    Ending.KERNEL_DIED: endings.died(1),
    Ending.KILLED: endings.cpu_spent(1920),
    Ending.SANDBOX_FAULT: endings.startup_failed("ImportError: torch"),
}
NAMED = {
    Ending.OUT_OF_MEMORY: "4096 MB",
    Ending.TOTAL_TIMEOUT: "900",
    Ending.CELL_TIMEOUT: "600",
    Ending.DISK_LIMIT: "2048 MB",
    Ending.OUTPUT_FLOOD: "16 MB",
    Ending.KERNEL_DIED: "1)",
    Ending.KILLED: "CPU",
}
"""The limit (which one, how much) stands in the words of both languages."""


@pytest.mark.parametrize("ending", ENDS, ids=str)
def test_every_end_is_worded_and_costs_nothing_by_itself(ending):
    """It came before the training: the review says why, and what isn't known is UNDECIDED, no bare zero."""
    reason = ENDS[ending]
    seen = msgspec.structs.replace(observed(), ending=ending, reason=reason)
    judgement = by_hand([cleared(BASE), cleared(REAL_GROUP)], cells=CLEARED, observed=seen)
    assert {v.status for v in judgement.items} == {Status.UNDECIDED}
    assert all(v.points is None and v.person is not None for v in judgement.items)
    sampled = sample.evidence()
    shown = msgspec.structs.replace(
        sampled, observed=msgspec.structs.replace(sampled.observed, ending=ending, reason=reason)
    )
    for lang in ("ko", "en"):
        words = reason.in_(lang).rstrip(".")
        assert NAMED.get(ending, "") in words
        assert words in review.write(shown, sample.judgement(shown), lang=lang).replace("\\", "")
        assert words in html.unescape(report.write(shown, sample.judgement(shown), lang=lang))


def test_every_end_that_stops_a_notebook_is_in_the_table():
    stored_only = {Ending.COMPLETED, Ending.EARLY_STOPPED, Ending.BUDGET, Ending.INTERRUPTED, Ending.UNKNOWN}
    assert set(ENDS) == set(Ending) - stored_only
