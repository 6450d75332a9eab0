"""The gradebook on a real PostgreSQL server: the same class, the same pages, nothing lost."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the batch extra")
pytest.importorskip("pebble", reason="needs the batch extra")

from grader.batch.gradebook import Gradebook, GradebookError
from grader.batch.run import run_batch, summarise
from grader.batch.work import do, order
from grader.records import Status
from tests import postgres

CORPUS = Path(__file__).parent / "corpus"
NAMES = ("correct", "pads-to-max", "no-bucketing")


@pytest.fixture(scope="module")
def url():
    with postgres.server() as place:
        yield place


@pytest.fixture
def inbox(tmp_path):
    for name in NAMES:
        (tmp_path / "inbox" / name).mkdir(parents=True)
        shutil.copy(CORPUS / name / "submission.ipynb", tmp_path / "inbox" / name)
    return tmp_path / "inbox"


def in_process(entries, orders):
    for entry in entries:
        yield entry, do(entry, orders)


def published(out: Path) -> dict[str, bytes]:
    files = (path for path in sorted(out.rglob("*")) if path.is_file())
    return {
        str(p.relative_to(out)): p.read_bytes() for p in files if not p.name.startswith(("gradebook.sq", "."))
    }


def test_the_class_is_the_same_in_either_database(url, inbox, tmp_path):
    orders = order(None, None, "v0", "ko")
    run_batch(inbox, tmp_path / "a", orders, scheduler=in_process)
    outcome = run_batch(inbox, tmp_path / "b", orders, database=url, scheduler=in_process)
    assert (outcome.done, outcome.problems) == (3, 0)
    assert published(tmp_path / "a") == published(tmp_path / "b")
    again = run_batch(inbox, tmp_path / "b", orders, database=url, scheduler=in_process)
    assert (again.done, again.kept) == (0, 3)
    # Lost files come back from the database, without running anything.
    shutil.rmtree(tmp_path / "b" / "students")
    assert run_batch(inbox, tmp_path / "b", orders, database=url, scheduler=in_process).done == 0
    assert published(tmp_path / "a") == published(tmp_path / "b")


def test_an_override_counts_and_stays(url, inbox, tmp_path):
    orders = order(None, None, "v0", "ko")
    run_batch(inbox, tmp_path / "out", orders, database=url, scheduler=in_process)
    with Gradebook(url) as book:
        book.override("no-bucketing", "r3", Status.PASS, None, "강사", "보충 제출")
        summarise(tmp_path / "out", book, orders.rubric, "ko")
    run_batch(inbox, tmp_path / "out", orders, database=url, scheduler=in_process, force=True)
    with Gradebook(url) as book:
        rows = {row.student: row for row in book.rows()}
    assert rows["no-bucketing"].overrides["r3"].why == "보충 제출"
    assert rows["no-bucketing"].results["items"]["r3"]["status"] == "FAIL", "the machine's verdict stays"


def test_a_server_that_goes_away_is_a_sentence_and_loses_nothing(inbox, tmp_path):
    orders = order(None, None, "v0", "ko")
    out = tmp_path / "out"
    with postgres.server() as place:
        folder = place.rpartition("=")[2]

        def interrupted(entries, orders):
            for nth, entry in enumerate(entries):
                if nth == 1:
                    subprocess.run(["pkill", "-9", "-f", f"postgres -D {folder}/data"], check=False)
                    subprocess.run(["pkill", "-9", "-f", f"{folder}/data"], check=False)
                yield entry, do(entry, orders)

        with pytest.raises(GradebookError) as failed:
            run_batch(inbox, out, orders, database=place, scheduler=interrupted)
    assert len(failed.value.text.ko.splitlines()) == 1
    assert (out / "students" / "correct" / "review.md").is_file(), "what was done before is published"


def test_a_password_is_not_repeated_in_a_message():
    with pytest.raises(GradebookError) as failed, Gradebook("postgresql://kim:s3cret@127.0.0.1:1/x"):
        pass
    assert "s3cret" not in str(failed.value) + failed.value.text.ko


def test_a_database_nobody_knows_is_a_sentence():
    with pytest.raises(GradebookError, match="oracle"):
        Gradebook("oracle9://nobody@nowhere/x")
