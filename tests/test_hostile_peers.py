"""A peer-review round where names, notebooks and reviews are hostile: every page of it is inert.

The real commands, on notebooks full of scripts, links and markup, with sheets filled in by somebody who
writes the same. What comes out is read as a viewer would that lets raw HTML through, opened in a real
browser where there is one, and its tables are read as a spreadsheet reads them.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

pytest.importorskip("ortools", reason="needs the peers extra")
pytest.importorskip("sqlalchemy", reason="needs the batch extra")

from grader.cli.app import run
from grader.peers import round as rounds
from tests.test_hostile_pages import (
    ATTACKS,
    CHROMIUM,
    PORT,
    RAN,
    UNSEEN,
    Listener,
    inert,
    opened,
    poisoned,
    rendered,
    title,
)

pytestmark = pytest.mark.slow

NAMES = ("=cmd|' /C calc'!A0", "kim<svg onload=alert(1)>\x1b[31m\u202e`](", "나래 @everyone <!--")
DONE = ("assign", "prepare", "collect", "reflect", "merge")


@pytest.fixture(scope="module")
def listener():
    found = Listener()
    yield found
    found.server.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory, listener) -> Path:
    """The round, run once."""
    here = tmp_path_factory.mktemp("peers")
    everything = "\n".join(ATTACKS).replace(PORT, listener.port)
    with (here / "roster.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("student", "path", "status", "conflicts"))
        for number, name in enumerate(NAMES):
            (here / f"{number}.ipynb").write_bytes(poisoned("pads-to-max", listener.port))
            table.writerow((name, f"{number}.ipynb", "", ""))
    roster, peers, results = here / "roster.csv", here / "peers", here / "class"
    common = ["--results", results]
    commands = [
        ["batch", here, "--roster", roster, "--no-run", "--out", results, "--jobs", "1"],
        ["assign", roster, "--reviews-per-student", "2", "--out", peers],
        ["prepare", peers, *common],
        ["collect", peers],
        ["reflect", peers, *common, "--out", here / "feedback"],
        *(["merge", name, peers, *common, "--out", here / "final"] for name in NAMES),
    ]
    for command in commands:
        if command[0] == "collect":
            for duty in rounds.load(peers).duties:
                sheet = peers / duty.sheet
                text = sheet.read_text("utf-8").replace("- [ ]  **", "- [x]  **").replace("[ ] 예", "[x] 예")
                at = text.index("\n- [", text.index("**1."))
                indented = everything.replace("\n", "\n    ")
                sheet.write_text(f"{text[:at]}\n    - {indented}\n{text[at:]}\n{everything}\n", "utf-8")
        assert run([str(word) for word in command]) in (0, 1), command[0]
    return here


def pages(place: Path) -> dict[str, str]:
    """What we wrote ourselves: not the sheets, which their reviewers wrote in."""
    found = {}
    for folder in ("feedback", "final", "class"):
        for path in (place / folder).rglob("*"):
            if path.suffix in (".md", ".html"):
                found[str(path.relative_to(place))] = path.read_text("utf-8")
    return found


def test_every_page_of_the_round_is_inert(place):
    made = pages(place)
    assert {name.split("/")[0] for name in made} == {"feedback", "final", "class"}
    assert any("instructor" in name for name in made) and any("final" in name for name in made)
    for name, text in made.items():
        page = rendered(text) if name.endswith(".md") else text
        soup = inert(page, own_scripts=name.endswith("class.html"))
        if name.endswith(".md"):
            assert soup.find(id="end") is not None, f"{name}: nothing swallows what follows"
            assert not soup.find_all("img"), name


def test_the_sheets_as_handed_out_are_inert(place, tmp_path):
    """Before anybody wrote in them."""
    again = tmp_path / "again"
    roster = str(place / "roster.csv")
    assert run(["assign", roster, "--reviews-per-student", "2", "--out", str(again)]) == 0
    assert run(["prepare", str(again), "--results", str(place / "class")]) == 0
    sheets = [again / duty.sheet for duty in rounds.load(again).duties]
    assert len(sheets) == 6
    for sheet in sheets:
        inert(rendered(sheet.read_text("utf-8")))


def test_the_tables_start_no_formula(place):
    tables = [place / "peers" / "assignment.csv", place / "feedback" / "reviewers.csv"]
    tables += [place / "class" / name for name in ("gradebook.csv", "canvas.csv", "moodle.csv")]
    assert NAMES[0] in (place / "roster.csv").read_text("utf-8"), "the control: the roster would"
    for table in tables:
        text = table.read_text("utf-8-sig")
        assert "'=cmd|" in text, table.name
        for delimiter in ",;":
            cells = [cell for row in csv.reader(text.splitlines(), delimiter=delimiter) for cell in row]
            assert not [cell for cell in cells if re.match(r"[=+@\t]|-[^\d]", cell)], table.name


def test_no_file_is_named_by_a_hostile_name(place):
    for path in place.rglob("*"):
        assert not UNSEEN.search(path.name) and "<" not in path.name, repr(path.name)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: the pages are parsed, not opened")
def test_a_real_browser_runs_nothing_of_the_round(place, listener, tmp_path):
    control = f"<title>calm</title><script>{RAN}</script>".replace(PORT, listener.port)
    assert title(opened(control, tmp_path)) == "RAN", "the control: its script ran"
    listener.asked.clear()
    made = pages(place)
    chosen = [next(n for n in made if "instructor" in n), next(n for n in made if n.endswith(".final.md"))]
    chosen.append(next(n for n in made if n.endswith(".feedback.md")))
    for name in chosen:
        assert title(opened(rendered(made[name]), tmp_path)) != "RAN", name
        assert listener.asked == [], name
