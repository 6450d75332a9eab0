"""A whole round from the command line, as docs/peer-review.md shows it, and repairs to one under way."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

pytest.importorskip("ortools", reason="needs the peers extra")

from grader import rubric
from grader.cli.app import run
from grader.errors import UsageError
from grader.peers import handout, roster
from grader.peers import round as rounds
from grader.peers.collect import load
from grader.peers.merge import Merged
from grader.peers.round import Round
from grader.records import Status, from_json
from tests.reviews import play

ROOT = Path(__file__).parents[1]
SHOWN = re.compile(r"<!-- round: .*?-->\n```sh\n(.*?)```", re.S)


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> tuple[Path, dict[str, int]]:
    """The round of the documentation, run once; exit codes by command."""
    place = tmp_path_factory.mktemp("round")
    (block,) = SHOWN.findall((ROOT / "docs" / "peer-review.md").read_text("utf-8"))
    codes = {}
    for line in block.strip().splitlines():
        words = shlex.split(
            line.replace("runs/round", str(place)).replace("tests/reviews", str(ROOT / "tests/reviews"))
        )
        if words[0] == "python":
            assert play.play(Path(words[-1])) == 24
            continue
        words = [*words[1:], "--jobs", "1"] if words[1] == "batch" else words[1:]
        codes[words[0]] = run(words)
    return place, codes


def test_every_command_ends_as_it_should(done):
    _, codes = done
    # collect: two marks of one person can't be read, and that is said in the exit code too.
    assert codes == {
        **dict.fromkeys(("batch", "assign", "prepare", "reflect", "grade", "merge"), 0),
        "collect": 1,
    }


def test_twelve_people_write_and_get_two_reviews_each(done):
    place, _ = done
    rows = list(csv.DictReader((place / "peers" / "assignment.csv").read_text("utf-8-sig").splitlines()))
    assert len(rows) == 24
    for column in ("reviewer", "coder"):
        names = [row[column] for row in rows]
        assert len(set(names)) == 12 and all(names.count(name) == 2 for name in names)
    pairs = {(row["reviewer"], row["coder"]) for row in rows}
    assert not {(b, a) for a, b in pairs} & pairs
    assert not pairs & {("다온", "마루"), ("마루", "다온")}
    assert len(list((place / "peers" / "reviews").glob("*/*.ipynb"))) == 24


def test_an_anonymous_sheet_does_not_name_its_coder(done):
    place, _ = done
    for duty in rounds.load(place / "peers").duties:
        assert duty.coder not in (place / "peers" / duty.sheet).read_text("utf-8")
        assert re.fullmatch(r"work-\d\d", duty.work)


def test_all_24_reviews_are_read_and_only_the_mixed_marks_are_not(done):
    place, _ = done
    found = load(place / "peers" / "collected.json")
    assert len(found.reviews) == 24 and not found.missing
    unread = [u for review in found.reviews for u in review.unread]
    assert len(unread) == 2 and {u.what for u in unread} == {"[X] reflected"}
    assert len({r.reviewer for r in found.reviews if r.unread}) == 1


def test_careful_reviewers_weigh_more_and_empty_praise_is_seen(done):
    place, _ = done
    table = csv.DictReader((place / "feedback" / "reviewers.csv").read_text("utf-8-sig").splitlines())
    rows = {row["name"]: row for row in table}
    habits = dict(zip(sorted(rows), play.HABITS + play.HABITS[:2], strict=True))
    careful = [float(rows[name]["weight"]) for name, habit in habits.items() if habit == "careful"]
    ticking = [float(rows[name]["weight"]) for name, habit in habits.items() if habit == "ticks"]
    assert sum(careful) / len(careful) > 1.2 * sum(ticking) / len(ticking)
    assert all(rows[n]["talk"] for n, habit in habits.items() if habit in ("ticks", "polite"))
    assert not any(rows[n]["talk"] for n, habit in habits.items() if habit == "careful")
    assert len(list((place / "feedback" / "reviewers").glob("*/*.feedback.md"))) == 24
    page = (place / "feedback" / "instructor.md").read_text("utf-8")
    assert "**나래**" in page and "60 토큰" in page  # nobody saw that nothing changed


def test_the_final_review_has_a_source_behind_every_line(done):
    place, _ = done
    merged = from_json((place / "final" / "나래.merged.json").read_bytes(), Merged)
    assert merged.statuses["r3"] is Status.PASS and merged.decided_by["r3"] == "instructor"
    page = (place / "final" / "나래.final.md").read_text("utf-8")
    said = [line for line in page.splitlines() if line.startswith("- ") and "✍️" not in line]
    assert len(said) > 5 and all("〔" in line for line in said)
    # The coder learns what peers said, not who they are.
    peers = {d.reviewer for d in rounds.load(place / "peers").duties if d.coder == "나래"}
    assert not [name for name in peers if name in page]


# ---------------------------------------------------------------- repairs


def write_roster(
    folder: Path, away: Mapping[str, str] = MappingProxyType({}), count: int = 8
) -> tuple[roster.Person, ...]:
    rows = [f"s{i},{away.get(f's{i}', '')}" for i in range(count)]
    path = folder / "class.csv"
    path.write_text("student,status\n" + "\n".join(rows) + "\n", "utf-8")
    return roster.read(path)


def make(folder: Path, people, **more) -> handout.Assigned:
    return handout.assign(folder / "round", people, rubric.load(), Round(each=2, seed=4, **more))


def test_somebody_leaves_and_what_is_begun_stays_to_the_byte(tmp_path):
    first = make(tmp_path, write_roster(tmp_path))
    place = tmp_path / "round"
    begun = first.state.duties[::3]
    for duty in begun:
        with (place / duty.sheet).open("a", encoding="utf-8") as sheet:
            sheet.write("\n셀 3을 보는 중\n")
    before = {duty.sheet: (place / duty.sheet).read_bytes() for duty in begun}
    gone = next(d.coder for d in first.state.duties if d not in begun)
    again = make(tmp_path, write_roster(tmp_path, {gone: "left"}))
    assert {s: (place / s).read_bytes() for s in before} == before
    assert {(d.reviewer, d.coder) for d in begun} <= {(d.reviewer, d.coder) for d in again.state.duties}
    new = {(d.reviewer, d.coder) for d in again.state.duties} - {(d.reviewer, d.coder) for d in begun}
    assert not [pair for pair in new if gone in pair]
    assert all(again.allocation.got[f"s{i}"] >= 2 for i in range(8) if f"s{i}" != gone)
    sheets = {p.relative_to(place).as_posix() for p in place.rglob("*.md")}
    assert sheets == {d.sheet for d in again.state.duties}


def test_late_work_gets_its_reviewers_and_nobody_elses_sheet_changes(tmp_path):
    first = make(tmp_path, write_roster(tmp_path, {"s7": "missing"}), anonymous=True)
    assert "s7" not in {d.coder for d in first.state.duties}
    place = tmp_path / "round"
    before = {d.sheet: (place / d.sheet).read_bytes() for d in first.state.duties}
    again = make(tmp_path, write_roster(tmp_path), anonymous=True)
    assert again.allocation.got["s7"] == 2
    kept = {d.sheet for d in again.state.duties} & set(before)
    assert len(kept) >= len(before) - 2
    assert all((place / sheet).read_bytes() == before[sheet] for sheet in kept)
    assert {c: w for c, w in again.state.works.items() if c in first.state.works} == first.state.works


def test_a_round_can_not_turn_anonymous_midway(tmp_path):
    people = write_roster(tmp_path)
    first = make(tmp_path, people)
    with pytest.raises(UsageError, match="--anonymous"):
        make(tmp_path, people, anonymous=True)
    assert rounds.load(tmp_path / "round") == first.state


def test_work_without_evidence_and_lost_notebooks_are_named(tmp_path, capsys):
    path = tmp_path / "class.csv"
    corpus = ROOT / "tests/corpus"
    names = ("correct", "pads-to-max", "gone")
    rows = [f"{name},{corpus / name / 'submission.ipynb'}" for name in names]
    path.write_text("student,path\n" + "\n".join(rows) + "\n", "utf-8")
    place, results = str(tmp_path / "round"), str(tmp_path / "out")
    assert run(["assign", str(path), "-k", "1", "--out", place]) == 0
    assert "gone" in capsys.readouterr().out
    run(["check", str(corpus / "correct/submission.ipynb"), "--no-run", "--out", results])
    (tmp_path / "out" / "submission.evidence.json").rename(tmp_path / "out" / "correct.evidence.json")
    capsys.readouterr()
    assert run(["prepare", place, "--results", results]) == 1
    assert "pads-to-max" in capsys.readouterr().out
    sheet = next((tmp_path / "round").rglob("correct.md")).read_text("utf-8")
    assert "📌" in sheet and "통과" not in sheet  # facts, no verdicts


def test_the_same_list_and_seed_give_the_same_round_and_nothing_to_do(tmp_path):
    people = write_roster(tmp_path)
    first = make(tmp_path, people)
    again = make(tmp_path, people)
    assert (again.added, again.dropped) == (0, 0) and again.state == first.state


@pytest.mark.parametrize(
    "text, says",
    [
        ("name\nkim\n", "student"),
        ("student,status\nkim,\nlee,gone\n", "gone"),
        ("student\nkim\nkim\n", "kim"),
        ("student,conflicts\nkim,park\nlee,\n", "park"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused_by_its_line(tmp_path, capsys, text, says):
    path = tmp_path / "class.csv"
    path.write_text(text, "utf-8")
    assert run(["assign", str(path), "--out", str(tmp_path / "round")]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "round").exists()


def test_commands_without_their_input_say_what_to_run_first(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run(["prepare", str(tmp_path / "empty"), "--results", str(tmp_path)]) == 2
    assert "grader batch" in capsys.readouterr().err
    assert run(["collect", str(tmp_path / "nowhere")]) == 2
    assert run(["calibrate", str(tmp_path / "empty"), "--score"]) == 2
    assert "calibrate" in capsys.readouterr().err
