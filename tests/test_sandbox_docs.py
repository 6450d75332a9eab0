"""docs/threat-model.md may only claim what a test proves."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "threat-model.md").read_text("utf-8")


def test_every_test_named_exists():
    defined = {
        name
        for file in (ROOT / "tests").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.M)
    }
    named = set(re.findall(r"\b(test_\w+)`", PAGE))
    assert named - defined == set() and len(named) > 35


def test_every_row_names_its_test():
    rows = [line for line in PAGE.splitlines() if re.match(r"\| (\d+|–) \|", line)]
    assert len(rows) > 25
    assert [row for row in rows if "test_" not in row] == []


def test_every_hostile_test_is_on_the_page():
    """A numbered row of the tests that the page does not mention is a claim we forgot to make."""
    numbered = {
        name
        for file in (ROOT / "tests").glob("test_sandbox_*.py")
        for name in re.findall(r"^def (test_\d\d_\w+)", file.read_text("utf-8"), re.M)
    }
    assert {name for name in numbered if name not in PAGE} == set()
