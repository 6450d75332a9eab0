"""The batch as a whole, with the real pipeline on small notebooks, reading only."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import types
from concurrent.futures import Future, TimeoutError
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("sqlalchemy", reason="needs the batch extra")
pytest.importorskip("pebble", reason="needs the batch extra")

from pebble import ProcessExpired

from grader.batch import cluster, schedule, work
from grader.batch.entries import Done, Entry
from grader.batch.find import find
from grader.batch.gradebook import Gradebook, GradebookError
from grader.batch.run import OutputError, run_batch, summarise
from grader.batch.work import crashed, do, order
from grader.errors import UsageError
from grader.records import Status, Text
from grader.sandbox.gpu import SEATS

CORPUS = Path(__file__).parent / "corpus"
NAMES = ("correct", "pads-to-max", "no-bucketing", "below-90")


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        shutil.copy(CORPUS / name / "submission.ipynb", folder / name / "main.ipynb")
    (folder / "broken").mkdir()
    (folder / "broken" / "main.ipynb").write_text("{ this is no notebook", encoding="utf-8")
    return folder


@pytest.fixture
def orders():
    return order(None, None, "v0", "ko")


def in_process(entries, orders):
    """A scheduler without processes: what it does is the same."""
    for entry in entries:
        yield entry, do(entry, orders)


def table(out: Path) -> dict[str, dict[str, str]]:
    rows = csv.DictReader(io.StringIO((out / "gradebook.csv").read_text("utf-8-sig")))
    return {row["student"]: row for row in rows}


def contents(out: Path) -> dict[str, bytes]:
    """Everything published, byte for byte; the database is compared by what it exports."""
    skipped = {"gradebook.sqlite", "gradebook.sqlite-wal", "gradebook.sqlite-shm", ".batch.lock"}
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in skipped
    }


def test_a_class_gets_its_verdicts_and_the_broken_one_no_zero(inbox, tmp_path, orders):
    outcome = run_batch(inbox, tmp_path / "out", orders, jobs=2)
    rows = table(tmp_path / "out")
    assert (outcome.done, outcome.problems) == (5, 1)
    assert rows["correct"]["r3"] == "PASS"
    assert rows["pads-to-max"]["bucketing"] == "no-op"
    assert rows["no-bucketing"]["r3"] == "FAIL"
    assert rows["broken"]["total"] == "" and rows["broken"]["look"] == "unreadable"
    assert (tmp_path / "out/students/correct/review.md").is_file()
    assert "pads-to-max" in (tmp_path / "out/class.html").read_text("utf-8")


def test_only_what_changed_is_done_again(inbox, tmp_path, orders):
    out = tmp_path / "out"
    run_batch(inbox, out, orders, scheduler=in_process)
    before = contents(out)
    assert run_batch(inbox, out, orders, scheduler=in_process).done == 0
    assert contents(out) == before
    shutil.copy(CORPUS / "stale-output" / "submission.ipynb", inbox / "correct" / "main.ipynb")
    assert run_batch(inbox, out, orders, scheduler=in_process).done == 1
    assert run_batch(inbox, out, order(None, None, "v4", "ko"), scheduler=in_process).done == 5
    assert run_batch(inbox, out, order(None, None, "v4", "ko"), scheduler=in_process, force=True).done == 5


def test_the_batch_is_the_same_wherever_it_lies(inbox, tmp_path, orders):
    moved = tmp_path / "moved"
    shutil.copytree(inbox, moved)
    run_batch(inbox, tmp_path / "a", orders, scheduler=in_process)
    run_batch(moved, tmp_path / "b", orders, scheduler=in_process)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_published_file_that_was_lost_or_changed_comes_back(inbox, tmp_path, orders):
    out = tmp_path / "out"
    run_batch(inbox, out, orders, scheduler=in_process)
    before = contents(out)
    (out / "students/correct/review.md").unlink()
    (out / "students/below-90/report.html").write_text("half", encoding="utf-8")
    assert run_batch(inbox, out, orders, scheduler=in_process).done == 0
    assert contents(out) == before


@pytest.mark.parametrize(("gpus", "seats"), [(0.25, "4"), (0.3, "3"), (1.0, "1"), (2.0, "1"), (0.0, None)])
def test_a_node_of_a_cluster_knows_how_many_share_its_gpu(gpus, seats, inbox, monkeypatch):
    """By a made-up Ray that does all at once, here."""
    seen = []
    done = {}

    def at_once(*args, **kw):
        done[len(done)] = cluster.do_by_value(*args, **kw)
        return len(done) - 1

    task = types.SimpleNamespace(remote=at_once)
    fake = types.SimpleNamespace(
        is_initialized=lambda: True,
        cluster_resources=dict,
        put=lambda one: one,
        remote=lambda function: types.SimpleNamespace(options=lambda **_: task),
        wait=lambda tasks, num_returns: (tasks[:1], tasks[1:]),
        get=done.get,
    )
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setattr(
        cluster, "do", lambda entry, order: seen.append(os.environ.get(SEATS)) or work.crashed(entry, NOTHING)
    )
    monkeypatch.setenv(SEATS, "")
    monkeypatch.delenv(SEATS)
    (entry, *_) = find(inbox)
    orders = msgspec.structs.replace(order(None, None, "v0", "ko"), base=str(inbox))
    list(cluster.ray_scheduler("local", gpus=gpus)([entry], orders))
    assert seen == [seats]


NOTHING = Text(ko="", en="")
HANGUL = re.compile("[가-힣]")


def failures():
    """Every way the grader itself may fail on an entry, with the detail that is there in English only."""
    entry = Entry(student="kim", path="a.ipynb", why=NOTHING, parts=("a.ipynb", "b.ipynb"))
    for error, detail in (
        (TimeoutError(), ""),
        (ProcessExpired("Abnormal termination", code=-9), "exit code -9"),
        (KeyError("x\ny" + "z" * 999), "KeyError: 'x"),
    ):
        future = Future()
        future.set_exception(error)
        yield schedule._outcome(future, entry, 20), detail
    yield cluster.do_by_value(entry, order(None, None, "v0", "ko"), "0123"), "not 0123"
    yield crashed(entry, cluster.LOST, "NodeDiedError"), "NodeDiedError"
    yield crashed(entry, work.OUT_OF_MEMORY), ""


def test_our_own_failures_are_said_in_the_readers_language():
    for done, detail in failures():
        ko, _, last = done.problem.ko.partition(" (" if detail else "\0")
        en = done.problem.en.partition(" (" + detail if detail else "\0")[0]
        assert done.ours and detail in last and len(last) <= 302, "the detail stands at the end"
        assert "다시 실행" in ko and "again" in en, "what to do"
        assert not re.findall("[A-Za-z]{3,}", ko.replace("--jobs", "")) and not HANGUL.search(en)


def test_our_own_failure_is_tried_again_and_is_no_zero(inbox, tmp_path, orders):
    def failing(entries, orders):
        for entry in entries:
            yield entry, crashed(entry, NOTHING, "boom") if entry.student == "correct" else do(entry, orders)

    out = tmp_path / "out"
    run_batch(inbox, out, orders, scheduler=failing)
    row = table(out)["correct"]
    assert row["total"] == "" and row["look"] == "grader-failed"
    assert run_batch(inbox, out, orders, scheduler=in_process).done == 1
    assert table(out)["correct"]["r1"] == "PASS"


def test_a_result_that_the_grader_half_failed_on_is_tried_again(inbox, tmp_path, orders):
    def faulty(entries, orders):
        for entry in entries:
            done = do(entry, orders)
            if entry.student == "correct":
                done = msgspec.structs.replace(done, results=done.results | {"faults": ["observed: boom"]})
            yield entry, done

    out = tmp_path / "out"
    run_batch(inbox, out, orders, scheduler=faulty)
    assert "grader-fault" in table(out)["correct"]["look"]
    assert run_batch(inbox, out, orders, scheduler=in_process).done == 1
    assert "grader-fault" not in table(out)["correct"]["look"]


def test_another_classroom_is_another_result(inbox, tmp_path, orders):
    out = tmp_path / "out"
    run_batch(inbox, out, orders, scheduler=in_process, classroom="bubblewrap pocket-1 current")
    assert (
        run_batch(inbox, out, orders, scheduler=in_process, classroom="bubblewrap pocket-1 current").done == 0
    )
    assert (
        run_batch(inbox, out, orders, scheduler=in_process, classroom="bubblewrap full-1 current").done == 5
    )


def test_an_override_is_a_new_entry_and_survives_a_new_run(inbox, tmp_path, orders):
    out = tmp_path / "out"
    run_batch(inbox, out, orders, scheduler=in_process)
    with Gradebook(out / "gradebook.sqlite") as book:
        book.override("no-bucketing", "r3", Status.PARTIAL, 0.5, "강사", "구두로 설명함")
        book.override("no-bucketing", "r3", Status.PASS, None, "강사", "보충 제출")
        assert [decision.why for decision in book.overrides()] == ["구두로 설명함", "보충 제출"]
        summarise(out, book, orders.rubric, "ko")
    assert table(out)["no-bucketing"]["r3"] == "PASS"
    assert table(out)["no-bucketing"]["overridden_by"] == "강사"
    run_batch(inbox, out, orders, scheduler=in_process, force=True)
    assert table(out)["no-bucketing"]["r3"] == "PASS"
    stored = json.loads((out / "students/no-bucketing/results.json").read_text("utf-8"))
    assert stored["items"]["r3"]["status"] == "FAIL", "the machine's verdict stays as it was"


def test_an_override_of_nobody_is_refused(tmp_path):
    with Gradebook(tmp_path / "g.sqlite") as book, pytest.raises(UsageError, match="no kim"):
        book.override("kim", "r1", Status.PASS, None, "x", "y")


def test_a_locked_gradebook_is_a_sentence_and_loses_nothing(inbox, tmp_path, orders, monkeypatch):
    out = tmp_path / "out"
    run_batch(inbox, out, orders, scheduler=in_process)
    before = contents(out)
    holder = sqlite3.connect(out / "gradebook.sqlite")
    holder.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr("grader.batch.gradebook.LOCK_SECONDS", 0.2)
    try:
        with pytest.raises(GradebookError, match="locked"):
            run_batch(inbox, out, orders, scheduler=in_process, force=True)
    finally:
        holder.rollback()
        holder.close()
    assert run_batch(inbox, out, orders, scheduler=in_process).problems == 1, "the broken one"
    assert contents(out) == before


@pytest.mark.clock
def test_a_worker_that_dies_costs_its_own_entry_only(inbox, tmp_path, orders, monkeypatch):
    """The notebook is fine; the process that reads it is killed."""
    killer = tmp_path / "killer"
    killer.mkdir()
    (killer / "sitecustomize.py").write_text(
        "import os, signal\nimport grader.submission as s\nreal = s.load\n"
        "def load(path, **more):\n"
        "    if 'below-90' in str(path) and 'spawn_main' in ' '.join(__import__('sys').orig_argv):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(path, **more)\n"
        "s.load = load\nimport grader.batch.work as w\nw.load = load\n",
        encoding="utf-8",
    )
    # This checkout's grader in the workers too, wherever another one is installed.
    monkeypatch.setenv("PYTHONPATH", f"{killer}{os.pathsep}{CORPUS.parents[1]}")
    run_batch(inbox, tmp_path / "out", orders, jobs=2)
    rows = table(tmp_path / "out")
    assert rows["below-90"]["look"] == "grader-failed" and rows["below-90"]["total"] == ""
    assert rows["correct"]["r3"] == "PASS"


def mount(folder: Path, options: str) -> None:
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("no small disk can be mounted here (needs root)")


@pytest.mark.parametrize("size", ["100k", "300k", "500k"])
def test_a_full_disk_is_a_sentence_and_the_next_run_completes(inbox, tmp_path, orders, size):
    """In the gradebook, in the first student's pages, in a later one's: wherever the room ends."""
    out = tmp_path / "out"
    out.mkdir()
    mount(out, f"size={size}")
    try:
        with pytest.raises((GradebookError, OutputError), match=r"full|No space"):
            run_batch(inbox, out, orders, scheduler=in_process)
        assert not list(out.rglob(".partial-*")), "half a file was left"
        mount(out, "remount,size=16m")
        assert run_batch(inbox, out, orders, scheduler=in_process).problems == 1, "the broken one"
        run_batch(inbox, tmp_path / "undisturbed", orders, scheduler=in_process)
        assert contents(out) == contents(tmp_path / "undisturbed")
    finally:
        subprocess.run(["umount", str(out)], check=True)


def test_two_batches_in_one_folder_are_refused(inbox, tmp_path, orders):
    def meddling(entries, orders):
        with pytest.raises(UsageError, match="Another batch"):
            run_batch(inbox, tmp_path / "out", orders, scheduler=in_process)
        yield from in_process(entries, orders)

    run_batch(inbox, tmp_path / "out", orders, scheduler=meddling)


@pytest.mark.clock
def test_killed_at_any_moment_and_run_again_the_result_is_the_same(inbox, tmp_path):
    """SIGKILL of the driver after growing delays; the next run ends as if nothing had happened."""

    def start(out: Path) -> subprocess.Popen:
        command = [sys.executable, "-m", "grader.cli", "batch", str(inbox), "--out", str(out), "--no-run"]
        return subprocess.Popen(
            [*command, "--jobs", "2"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=CORPUS.parents[1],
        )

    began = time.monotonic()
    assert start(tmp_path / "undisturbed").wait(timeout=120) == 1
    span = time.monotonic() - began
    for nth in range(4):
        process = start(tmp_path / "killed")
        time.sleep(span * (0.25 + 0.2 * nth))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert start(tmp_path / "killed").wait(timeout=120) == 1
    assert contents(tmp_path / "killed") == contents(tmp_path / "undisturbed")


@pytest.mark.parametrize("victim", ["class.html", "review.md"])
@pytest.mark.clock
def test_killed_in_the_middle_of_a_write_leaves_no_half_file(inbox, tmp_path, orders, victim):
    """The moment that random kills rarely hit: the file is written and hasn't got its name yet."""
    out = tmp_path / "out"
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom grader import publish\n"
        "from grader.batch.run import run_batch\nfrom grader.batch.work import do, order\n"
        "real = os.replace\n"
        "def replace(old, new):\n"
        f"    if Path(new).name == {victim!r}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    real(old, new)\n"
        "publish.os.replace = replace\n"
        "run_batch(Path(sys.argv[1]), Path(sys.argv[2]), order(None, None, 'v0', 'ko'),\n"
        "          scheduler=lambda entries, orders: ((e, do(e, orders)) for e in entries))\n"
    )
    died = subprocess.run([sys.executable, "-c", program, inbox, out], cwd=CORPUS.parents[1])
    assert died.returncode == -signal.SIGKILL and list(out.rglob(".partial-*")), "the kill missed its moment"
    run_batch(inbox, out, orders, scheduler=in_process)
    run_batch(inbox, tmp_path / "undisturbed", orders, scheduler=in_process)
    assert contents(out) == contents(tmp_path / "undisturbed")


def test_a_comparison_that_fails_costs_a_hint_and_nothing_else(inbox, tmp_path, orders, monkeypatch):
    monkeypatch.setattr("grader.batch.similarity.sys.executable", shutil.which("false"))
    run_batch(inbox, tmp_path / "out", orders, scheduler=in_process)
    page = (tmp_path / "out" / "class.html").read_text("utf-8")
    assert "비교하지 못했습니다" in page and table(tmp_path / "out")["correct"]["r3"] == "PASS"


def test_a_done_without_result_is_never_a_zero():
    assert Done(student="x").results == {}
