"""While a batch goes on: the board, GPU slots, and an orderly end."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the batch extra")
pytest.importorskip("pebble", reason="needs the batch extra")

import msgspec
from rich.console import Console

from grader.batch import live, schedule
from grader.batch.entries import Done, Entry
from grader.batch.slots import Device, one_each, slots, visible
from grader.batch.work import order
from grader.cli.app import run
from grader.cli.board import Board
from grader.errors import UsageError
from grader.pipeline import Plan
from grader.records import Text
from grader.sandbox.gpu import SEATS

CORPUS = Path(__file__).parent / "corpus"
NOTHING = Text(ko="", en="")


def entry(student: str, path: str = "") -> Entry:
    return Entry(student=student, path=path, why=NOTHING)


# ---------------------------------------------------------------- GPU slots


def test_slots_fill_the_freest_device_first_and_never_overfill():
    account = slots((Device("0", 24_000), Device("1", 16_000)), memory_gib=7.5)
    taken = [account.take() for _ in range(account.room)]
    assert (account.room, sorted(taken)) == (5, ["0", "0", "0", "1", "1"]) and taken[0] == "0"
    assert account.take() is None
    account.give("1")
    assert (account.take(), account.take()) == ("1", None)


@pytest.mark.parametrize(("fraction", "room"), [(0.25, 8), (0.3, 6), (0.34, 4), (0.6, 2), (1.0, 2)])
def test_a_fraction_of_a_device_packs_so_many(fraction, room):
    assert slots((Device("0", 24_564), Device("1", 24_564)), fraction=fraction).room == room


def test_what_does_not_fit_is_said_with_the_largest_device():
    with pytest.raises(UsageError, match=r"--gpu-memory 30.*24\.0 GiB"):
        slots((Device("0", 24_576),), memory_gib=30)
    with pytest.raises(UsageError, match="found no GPU"):
        slots((), fraction=0.5)
    with pytest.raises(UsageError, match="0 to 1"):
        slots((Device("0", 1),), fraction=2)
    assert slots(()) is None, "without the options nothing is asked for"


def test_devices_are_those_this_process_may_use():
    said = "0, GPU-aa, 24564\n1, GPU-bb, 16384\n2, GPU-cc, [N/A]\n"
    assert [d.name for d in visible(said, None)] == ["0", "1"]
    assert visible(said, "1,0") == (Device("1", 16384), Device("0", 24564))
    assert visible(said, "GPU-bb") == (Device("GPU-bb", 16384),)
    assert visible(said, "") == visible(said, "7,0") == ()


def test_without_a_word_each_device_gets_one_notebook():
    account = one_each((Device("0", 24_000), Device("1", 16_000)))
    assert (account.room, account.seats("0"), account.seats("1")) == (2, 1, 1)
    assert one_each(()) is None, "no device: as many as --jobs says, on the CPU"


@pytest.mark.parametrize(
    ("options", "room"),
    [
        (["--run"], 2),
        (["--run", "--profile", "pocket"], 2),
        (["--run", "--gpus-per-job", "0.25"], 8),
        (["--run", "--isolation", "container"], None),
        (["--no-run"], None),
    ],
)
def test_a_batch_that_runs_hands_out_the_gpus(options, room, tmp_path, monkeypatch):
    asked = []

    def stop(*_, slots, **__):
        asked.append(slots and slots.room)
        raise KeyboardInterrupt

    monkeypatch.setattr("grader.batch.slots.devices", lambda: (Device("0", 24_000), Device("1", 24_000)))
    monkeypatch.setattr("grader.batch.surroundings.surroundings", lambda plan, tell: "")
    monkeypatch.setattr("grader.batch.run.run_batch", stop)
    monkeypatch.setattr("grader.cli.batch.signal.signal", lambda *_: None)
    assert run(["batch", str(tmp_path), "--out", str(tmp_path / "o"), *options]) == 130
    assert asked == [room]


def _held(entry: Entry, folder: Path) -> Done:
    device = os.environ["CUDA_VISIBLE_DEVICES"]
    mark = folder / f"{device}-{entry.student}"
    mark.touch()
    time.sleep(0.1)
    beside = len(list(folder.glob(f"{device}-*")))
    mark.unlink()
    seats = os.environ[SEATS]
    return Done(student=entry.student, results={"device": device, "beside": beside, "seats": seats})


def test_workers_see_their_device_and_no_more_share_it_than_fit(tmp_path, monkeypatch):
    """Real worker processes on two made-up devices, one of which holds two notebooks and one a single one."""
    (tmp_path / "sitecustomize.py").write_text(
        "import grader.batch.schedule as s\n"
        "import os\n"
        "from pathlib import Path\n"
        "from tests.test_batch_live import _held\n"
        "s.do = lambda entry, order, tell: _held(entry, Path(order.base))\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{CORPUS.parents[1]}")
    held = tmp_path / "held"
    held.mkdir()
    orders = msgspec.structs.replace(order(Plan(), None, "v0", "ko"), base=str(held))
    places = slots((Device("0", 10_000), Device("1", 5_000)), memory_gib=4.5)
    entries = [entry(f"s{n}") for n in range(9)]
    done = [one for _, one in schedule.run_local(entries, orders, 8, 60, slots=places)]
    assert len(done) == 9 and {one.results["device"] for one in done} == {"0", "1"}
    most = {
        device: max(d.results["beside"] for d in done if d.results["device"] == device) for device in "01"
    }
    assert most["0"] <= 2 and most["1"] == 1
    assert {(one.results["device"], one.results["seats"]) for one in done} == {("0", "2"), ("1", "1")}
    assert places.take() is not None, "all were given back"


# ---------------------------------------------------------------- the board


def board(*, terminal: bool, jobs: int = 2):
    now = [0.0]
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None)
    return Board(console, "en", jobs, clock=lambda: now[0]), console, now


def test_the_board_shows_stage_time_left_and_problems(monkeypatch):
    monkeypatch.setattr("grader.cli.language.LANG", "en", raising=False)
    shown, console, now = board(terminal=True)
    shown.total(10, 3)
    for nth in range(4):
        now[0] += 30
        problem = Text(ko="깨짐", en="broken \x1b[2J") if nth == 2 else None
        shown.ended(entry(f"s{nth}"), Done(student=f"s{nth}", problem=problem))
    shown.staged(entry("kim"), Text(ko="셀", en="code cell 7/31"))
    now[0] += 12
    console.print(shown.render())
    said = console.file.getvalue()
    assert shown.seconds_left() == pytest.approx(132 / 4 * 6)
    assert "4/10" in said and "3:18" in said
    assert "kim" in said and "0:12" in said and "code cell 7/31" in said
    assert "broken" in said and "\x1b[2J" not in said


def test_a_log_gets_a_line_now_and_then_and_every_problem():
    shown, console, now = board(terminal=False)
    with shown:
        shown.total(100, 0)
        for nth in range(100):
            now[0] += 0.1
            problem = Text(ko="깨짐", en="broken") if nth == 1 else None
            shown.ended(entry(f"s{nth}"), Done(student=f"s{nth}", problem=problem))
    lines = console.file.getvalue().splitlines()
    assert [line for line in lines if "broken" in line] and len(lines) <= 4
    assert lines[-1].startswith("100/100")


def test_a_worker_tells_its_stages(tmp_path):
    (tmp_path / "kim.ipynb").write_bytes((CORPUS / "correct" / "submission.ipynb").read_bytes())
    orders = msgspec.structs.replace(order(None, None, "v0", "ko"), base=str(tmp_path))
    told: list[str] = []
    schedule.POLL, before = 0.01, schedule.POLL
    try:
        for _, done in schedule.run_local(
            [entry("kim", "kim.ipynb")], orders, 1, 60, staged=lambda _, text: told.append(text.en)
        ):
            assert done.results
    finally:
        schedule.POLL = before
    assert "reading code and stored outputs" in told


def test_what_a_killed_driver_left_is_cleared_up_and_a_living_ones_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, foreign = tmp_path / f"{live.PREFIX}dead", tmp_path / "grader-other"
    for place in (left, foreign):
        (place / "scratch").mkdir(parents=True)
        os.utime(place, (0, 0))
    with live.folder() as held:
        assert not left.exists() and foreign.exists()
        os.utime(held, (0, 0))
        with live.folder() as second:
            assert Path(held).is_dir() and second != held
    assert [place.name for place in tmp_path.iterdir()] == ["grader-other"]


# ---------------------------------------------------------------- Ctrl-C


def of(marker: str) -> list[int]:
    """Processes that have `marker` on their command line, their own starter left out."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def until(true, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.clock
@pytest.mark.kernel
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_all_and_says_how_to_go_on(tmp_path, isolation, sign):
    """Two notebooks that sleep in their sandboxes, a third that has ended: then the signal."""
    marker = f"slept-{os.getpid()}-{sign}"
    sleep = f"[sys.executable, '-c', 'import time; time.sleep(600)', '{marker}']"
    sleeper = f"import subprocess, sys\nsubprocess.run({sleep})"
    inbox, scratch = tmp_path / "in", Path(tempfile.mkdtemp(prefix="interrupt-"))
    scratch.chmod(0o755)
    for name, source in {"a": "print(1)", "b": sleeper, "c": sleeper, "d": "print(2)"}.items():
        cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
        (inbox / name).mkdir(parents=True)
        (inbox / name / "x.ipynb").write_text(
            json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}), "utf-8"
        )
    command = [sys.executable, "-m", "grader.cli", "--lang", "en", "batch", str(inbox)]
    command += ["--out", str(tmp_path / "out"), "--run", "--profile", "pocket", "--jobs", "2"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        cwd=CORPUS.parents[1],
        env=os.environ | {"TMPDIR": str(scratch)},
        # Tests that run in a shell's background inherit that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(sign, signal.SIG_DFL),
    )
    try:
        assert until(lambda: len(of(marker)) >= 2, 240), "both sleepers run"
        # As a terminal does it: the whole group.
        os.killpg(process.pid, sign)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130 and "run the same command again" in said
    assert until(lambda: not of(marker), 10), "nothing of the notebooks is left"
    assert until(lambda: not of(str(inbox)), 10), "and nothing of the grader"
    assert list(scratch.iterdir()) == [], "no scratch folder either"
    from grader.batch.gradebook import Gradebook

    with Gradebook(tmp_path / "out" / "gradebook.sqlite") as book:
        assert list(book.keys()) == ["a"], "what had ended is kept"


def test_folders_of_any_depth_do_not_end_a_batch():
    """A notebook without bubblewrap's own folder can leave more levels than shutil goes down."""
    with live.folder() as place:
        inside = os.open(place, os.O_RDONLY)
        for _ in range(1500):
            os.mkdir("d", dir_fd=inside)
            deeper = os.open("d", os.O_RDONLY, dir_fd=inside)
            os.close(inside)
            inside = deeper
        os.close(inside)
    assert not os.path.exists(place)
