"""docs/threat-model.md may only claim what a test proves."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from tests.sandbox_boxes import BOXES

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


BEFORE, _, AFTER = PAGE.partition("\n## Contained\n")
MODES = BEFORE.partition("## Which isolation gives what")[2]
CONTAINED, _, REST = AFTER.partition("## Not contained")
CONTROL = re.compile(r"\boutside\(|\bcontrol\b|\bbare\[|[Tt]he control")
"""How a test's text shows its positive control."""


def rows(part: str) -> list[str]:
    return [line for line in part.splitlines() if re.match(r"\| (\d+|–) \|", line)]


def test_the_count_is_that_of_the_rows():
    """And that of the README, where it gives one."""
    detected = [row for row in rows(REST) if "| detected |" in row]
    free = [row for row in rows(REST) if "| not preventable |" in row]
    contained = rows(CONTAINED)
    tried = len(contained) + len(detected) + len(free)
    assert len(detected) + len(free) == len(rows(REST))
    said = (
        f"**Attacks tried: {tried}. Contained: {len(contained)}. Detected: {len(detected)}. "
        f"Not preventable: {len(free)}.**"
    )
    assert said in PAGE, said


def test_every_contained_attack_has_a_positive_control():
    """In the test itself: the same attack works without the protection."""
    bodies = {}
    for file in (ROOT / "tests").glob("test_*.py"):
        text = file.read_text("utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef):
                bodies[node.name] = ast.get_source_segment(text, node)
    for row in rows(CONTAINED):
        named = re.findall(r"\b(test_\w+)`", row)
        assert any(CONTROL.search(bodies[name]) for name in named), row
        for name in named:
            if re.match(r"test_\d\d_", name):
                assert CONTROL.search(bodies[name]), name


def test_every_row_names_its_test():
    found = rows(CONTAINED) + rows(REST)
    assert len(found) > 25
    assert [row for row in found if "test_" not in row] == []


def test_every_contained_attack_is_in_the_table_of_isolations():
    """And the counts below that table are those of its columns."""
    numbers = Counter(row.split("|")[1].strip() for row in rows(CONTAINED))
    table = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows(MODES)]
    assert Counter(row[0] for row in table) == numbers
    assert all(re.match(r"yes|no|\*\*not\*\*", cell) for row in table for cell in row[2:])
    bwrap, container, landlock, _ = (sum(r[n].startswith("yes") for r in table) for n in (2, 3, 4, 5))
    said = f"Contained: bubblewrap {bwrap}, containers {container}, Landlock {landlock} of {len(table)}."
    assert said in MODES, said


def test_the_attacks_run_in_every_isolation_that_the_table_names():
    for name in ("test_sandbox_attacks.py", "test_sandbox_limits.py", "test_sandbox_batch.py"):
        assert (
            "params=BOXES" in (text := (ROOT / "tests" / name).read_text("utf-8")) or '"box", BOXES' in text
        )
    assert BOXES == ("bubblewrap", "warm", "podman", "docker", "landlock")


def test_every_hostile_test_is_on_the_page():
    """A numbered row of the tests that the page does not mention is a claim we forgot to make."""
    numbered = {
        name
        for file in (ROOT / "tests").glob("test_sandbox_*.py")
        for name in re.findall(r"^def (test_\d\d_\w+)", file.read_text("utf-8"), re.M)
    }
    assert {name for name in numbered if name not in PAGE} == set()
