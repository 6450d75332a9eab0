"""The command line as people use it: exit codes, sentences instead of tracebacks, files where they belong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from grader.cli.app import run

CORPUS = Path(__file__).parent / "corpus"


@pytest.fixture
def notebook(tmp_path):
    return Path(shutil.copy(CORPUS / "correct" / "submission.ipynb", tmp_path / "GD08.ipynb"))


def test_a_check_writes_its_files_beside_the_notebook(notebook, capsys):
    assert run(["check", str(notebook), "--no-run"]) == 0
    names = {path.name for path in notebook.parent.iterdir()}
    assert names == {
        "GD08.ipynb",
        "GD08.review.md",
        "GD08.report.html",
        "GD08.results.json",
        "GD08.evidence.json",
    }
    assert "통과" in capsys.readouterr().out


def test_exit_code_1_when_something_did_not_pass(tmp_path):
    sample = CORPUS / "no-bucketing" / "submission.ipynb"
    assert run(["check", str(sample), "--no-run", "--out", str(tmp_path / "o")]) == 1


def test_json_is_all_that_stdout_holds(notebook, capsys):
    assert run(["check", str(notebook), "--no-run", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["facts"]["bucketing"] == "effective"
    assert set(results["items"]) == {"r1", "r2", "r3"} and set(results["questions"]) == {
        f"q{n}" for n in range(1, 6)
    }
    for verdict in results["items"].values():
        assert verdict["cells"] and all(
            0 <= cell < results["submission"]["cells"] for cell in verdict["cells"]
        )


def test_english_on_demand_before_or_after_the_command(notebook, capsys):
    assert run(["check", str(notebook), "--no-run", "--lang", "en"]) == 0
    assert "pass" in capsys.readouterr().out
    assert run(["--lang", "en", "check", str(notebook), "--no-run"]) == 0
    assert "pass" in capsys.readouterr().out


def test_score_decides_again_from_the_evidence_alone(notebook, tmp_path):
    run(["check", str(notebook), "--no-run", "--out", str(tmp_path / "a")])
    notebook.unlink()
    evidence = tmp_path / "a" / "GD08.evidence.json"
    assert run(["score", str(evidence), "--out", str(tmp_path / "b")]) == 0
    for name in ("GD08.review.md", "GD08.results.json", "GD08.evidence.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "nowhere.ipynb"], "nowhere.ipynb"),
        (["check", "."], "폴더"),
        (["check", "x.ipynb", "--budget", "lots"], "lots"),
        (["check", "x.ipynb", "--template", "v9"], "v9"),
        (["check", "x.ipynb", "--lang", "fr"], "fr"),
        (["check", "x.ipynb", "--profile", "huge"], "huge"),
        (["check", "x.ipynb", "--unknown"], "--unknown"),
        (["batch", ".", "--out", "o", "--run", "--profile", "ful"], "ful"),
        (["check"], "grader --help"),
        (["score", "nowhere.evidence.json"], "nowhere"),
    ],
)
def test_wrong_calls_are_one_sentence_and_exit_2(arguments, words, capsys, tmp_path, monkeypatch):
    if arguments[0] == "batch":
        pytest.importorskip("copydetect", reason="needs the batch extra")
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    said = capsys.readouterr().err
    assert words in said and "Traceback" not in said
    assert len(said.strip().splitlines()) == 1


def test_evidence_of_another_version_is_refused(tmp_path, notebook, capsys):
    run(["check", str(notebook), "--no-run"])
    path = notebook.with_name("GD08.evidence.json")
    stored = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(stored | {"version": 99}), encoding="utf-8")
    assert run(["score", str(path)]) == 2
    assert "99" in capsys.readouterr().err


def test_evidence_of_another_shape_is_refused_for_its_version(tmp_path, notebook, capsys):
    """Version 1 had sentences where there are kinds now: not a broken file, and said so."""
    run(["check", str(notebook), "--no-run"])
    path = notebook.with_name("GD08.evidence.json")
    stored = json.loads(path.read_text("utf-8"))
    seen = {
        "testimony": {"witness": "observed"},
        "cells": [],
        "ending": "completed",
        "isolation_notes": ["x"],
    }
    path.write_text(json.dumps(stored | {"version": 1, "observed": seen}), encoding="utf-8")
    assert run(["score", str(path)]) == 2
    said = capsys.readouterr().err
    assert "버전은 1" in said and "evidence.json이 아닙니다" not in said


def test_a_folder_that_cannot_be_written_is_said(notebook, tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    assert run(["check", str(notebook), "--no-run", "--out", str(blocked / "sub")]) == 2
    assert "--out" in capsys.readouterr().err


def test_our_own_failure_is_exit_3_and_says_so(notebook, monkeypatch, capsys):
    def broken(*_args, **_kwargs):
        raise RuntimeError("boom")

    monkeypatch.setattr("grader.cli.check.check_notebook", broken)
    assert run(["check", str(notebook), "--no-run"]) == 3
    said = capsys.readouterr().err
    assert "boom" in said and "Traceback" not in said


def test_a_broken_stage_is_a_fault_and_no_failed_student(notebook, monkeypatch, capsys):
    def broken(_submission):
        raise RuntimeError("source exploded")

    monkeypatch.setattr("grader.source.read", broken)
    assert run(["check", str(notebook), "--no-run", "--json"]) == 1
    results = json.loads(capsys.readouterr().out)
    assert any("source exploded" in fault for fault in results["faults"])
    assert all(verdict["status"] != "FAIL" for verdict in results["items"].values())
    assert {results["questions"][name]["status"] for name in ("q3", "q5")} == {"UNDECIDED"}


def test_run_insists(notebook, monkeypatch, capsys):
    from grader import sandbox
    from grader.errors import SandboxError

    def refuses(*_args, **_kwargs):
        raise SandboxError(ko="격리할 수 없습니다.", en="No isolation.")

    monkeypatch.setattr(sandbox, "choose", refuses)
    assert run(["check", str(notebook), "--run"]) == 3
    assert "격리" in capsys.readouterr().err
    assert run(["check", str(notebook)]) == 0, "without --run it is judged by reading"


@pytest.mark.parametrize("command", ["check", "score", "batch", "grade", "release", "setup", "doctor"])
def test_every_command_explains_itself(command, capsys):
    assert run([command, "--help"]) == 0
    assert "--lang" in capsys.readouterr().out
