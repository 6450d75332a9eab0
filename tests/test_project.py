"""Tests about the code base itself: who may import whom, and what may not be in the tree at all."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "grader").rglob("*.py"))
FOUNDATION = {
    "records",
    "facts",
    "errors",
    "templating",
    "wording",
    "parts",
    "replacing",
    "spreadsheet",
}
READING = {"submission", "source", "prose", "quality", "recorded", "checks", "rubric", "review", "report"}
"""Stages that work without torch, on any platform, and never import each other."""


def room(path: Path) -> str:
    """The part of the grader that a file belongs to: grader/checks/items.py -> 'checks'."""
    if not path.is_relative_to(ROOT / "grader"):
        return ""
    first = path.relative_to(ROOT / "grader").parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Dotted names of all modules that `path` imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                # What enters a sandbox lies at another place there, so its files name each other relatively.
                assert room(path) in {"inside", "evaluator"} and node.level == 1, f"{path}: relative import"
                continue
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported(path) if name.startswith("grader.")} - {room(path)}


def our_rooms(path: Path) -> set[str]:
    known = {p.stem if p.is_file() else p.name for p in (ROOT / "grader").iterdir()}
    return rooms_imported(path) & known


@pytest.mark.parametrize(
    "path", [p for p in MODULES if room(p) in READING], ids=lambda p: str(p.relative_to(ROOT))
)
def test_reading_stages_import_only_the_foundation(path):
    assert our_rooms(path) <= FOUNDATION


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) in FOUNDATION], ids=lambda p: p.name)
def test_the_foundation_imports_nothing_above_it(path):
    assert our_rooms(path) <= FOUNDATION


@pytest.mark.parametrize(
    "path", [p for p in MODULES if room(p) in {"inside", "evaluator"}], ids=lambda p: str(p.relative_to(ROOT))
)
def test_what_enters_a_sandbox_imports_nothing_of_ours(path):
    assert not {name for name in imported(path) if name.split(".")[0] in {"grader", "reference"}}


def test_nobody_imports_what_enters_a_sandbox():
    for path in MODULES:
        if room(path) not in {"inside", "evaluator"}:
            assert not our_rooms(path) & {"inside", "evaluator"}, path


def test_reference_and_grader_do_not_know_each_other():
    for path in MODULES:
        assert not {name for name in imported(path) if name.split(".")[0] == "reference"}, path
    for path in (ROOT / "reference").rglob("*.py"):
        assert not {name for name in imported(path) if name.split(".")[0] == "grader"}, path


def test_reading_a_notebook_imports_nothing_heavy():
    code = (
        "import sys; from pathlib import Path; from grader import pipeline, publish, rubric\n"
        "evidence, judgement = pipeline.check(Path(sys.argv[1]), None, rubric.load())\n"
        "publish.publish(evidence, judgement, Path(sys.argv[2]), 'x')\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pandas', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        notebook = ROOT / "tests/corpus/correct/submission.ipynb"
        done = subprocess.run(
            [sys.executable, "-c", code, str(notebook), folder], capture_output=True, text=True, cwd=ROOT
        )
    assert done.returncode == 0, done.stderr


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_nothing_of_one_machine_is_in_the_tree():
    # Written in pieces, so that this file doesn't find itself.
    forbidden = re.compile(
        rb"/wo" rb"rk/(main|shared)|\.lib" rb"rary|\.mir" rb"ror/|/ro" rb"ot/\.py" rb"env|pypi\.(org|io)"
    )
    for path in tracked():
        if path.suffix not in {".safetensors", ".png"}:
            found = forbidden.search(path.read_bytes())
            assert not found, f"{path}: {found.group()!r}"


def test_no_file_is_large():
    for path in tracked():
        assert path.stat().st_size < 8 * 2**20, path


def test_modules_stay_one_room():
    """300 lines is where we think again; a longer file needs a reason here."""
    reasons: dict[str, str] = {
        "records.py": "every data type, read top to bottom as one page",
        "make_solution.py": "the text of a notebook, cell by cell",
    }
    long = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for folder in ("grader", "reference")
        for path in (ROOT / folder).rglob("*.py")
        if path.name not in reasons
    }
    assert not {name: lines for name, lines in long.items() if lines > 400}
