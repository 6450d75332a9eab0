"""What a folder of submissions may look like, and which notebook is taken from it."""

from __future__ import annotations

import json
import unicodedata
import zipfile

import pytest

from grader.batch.archive import unpack
from grader.batch.find import find
from grader.errors import UsageError
from grader.naming import folder_name

EXERCISE = "from transformers import Trainer\nload_dataset('nsmc')\nm = 'klue/bert-base'\nTrainer(m)"


def write(path, *sources):
    cells = [
        {"cell_type": "code", "source": s, "metadata": {}, "outputs": [], "execution_count": None}
        for s in sources
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}), encoding="utf-8"
    )
    return path


def test_the_exercise_is_found_among_a_students_other_notebooks(tmp_path):
    write(tmp_path / "kim" / "GD01" / "mnist.ipynb", "import tensorflow")
    write(tmp_path / "kim" / "GD08" / "main.ipynb", EXERCISE)
    write(tmp_path / "kim" / "GD08" / ".ipynb_checkpoints" / "main-checkpoint.ipynb", EXERCISE)
    write(tmp_path / "kim" / "GD08" / "empty.ipynb")
    (entry,) = find(tmp_path)
    assert (entry.student, entry.path) == ("kim", "kim/GD08/main.ipynb")
    assert "3" in entry.why.ko and "klue/bert-base" in entry.why.ko
    assert entry.siblings == ()


def test_a_second_notebook_of_the_exercise_is_named(tmp_path):
    write(tmp_path / "lee" / "base.ipynb", EXERCISE)
    write(tmp_path / "lee" / "base-Copy1.ipynb", EXERCISE)
    (entry,) = find(tmp_path)
    assert entry.path == "lee/base.ipynb"
    assert entry.siblings == ("lee/base-Copy1.ipynb",)


@pytest.mark.parametrize(
    ("name", "student", "lms_id", "late"),
    [
        ("kimminsu_12345_67890_GD08.ipynb", "kimminsu", "12345", False),
        ("leejieun_LATE_222_333_quest (2).ipynb", "leejieun", "222", True),
        ("김민수_77001_assignsubmission_file_GD08.ipynb", "김민수", "77001", False),
        ("GD08.ipynb", "GD08", "", False),
    ],
)
def test_flat_folder_and_lms_names(tmp_path, name, student, lms_id, late):
    write(tmp_path / name, EXERCISE)
    (entry,) = find(tmp_path)
    assert (entry.student, entry.lms_id, entry.late) == (student, lms_id, late)


def test_moodle_folder_names(tmp_path):
    write(tmp_path / "이지은_88_assignsubmission_file_" / "a.ipynb", EXERCISE)
    (entry,) = find(tmp_path)
    assert (entry.student, entry.lms_id) == ("이지은", "88")


def test_two_students_of_one_name_stay_two(tmp_path):
    write(tmp_path / "kim_1_10_a.ipynb", EXERCISE)
    write(tmp_path / "kim_2_11_a.ipynb", EXERCISE)
    assert [entry.student for entry in find(tmp_path)] == ["kim", "kim (2)"]


def test_a_number_that_a_student_already_has_is_not_given_twice(tmp_path):
    write(tmp_path / "kim" / "a.ipynb", EXERCISE)
    write(tmp_path / "kim.ipynb", EXERCISE)
    write(tmp_path / "kim (2).ipynb", EXERCISE)
    assert sorted(entry.student for entry in find(tmp_path)) == ["kim", "kim (2)", "kim (3)"]


def test_a_roster_names_who_has_handed_in_nothing(tmp_path):
    write(tmp_path / "repo1" / "x.ipynb", EXERCISE)
    roster = tmp_path / "roster.csv"
    roster.write_text("student,path\n김,repo1\n이,repo2\n", encoding="utf-8")
    kim, lee = find(tmp_path, roster)
    assert kim.path == "repo1/x.ipynb"
    assert lee.path == "" and "repo2" in lee.why.ko


def test_a_roster_without_its_column_says_what_to_write(tmp_path):
    roster = tmp_path / "roster.csv"
    roster.write_text("name\nkim\n", encoding="utf-8")
    with pytest.raises(UsageError, match="student,path"):
        find(tmp_path, roster)


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    secret = write(tmp_path / "elsewhere" / "secret.ipynb", EXERCISE)
    inbox = tmp_path / "inbox"
    write(inbox / "kim" / "a.ipynb", EXERCISE)
    (inbox / "kim" / "b.ipynb").symlink_to(secret)
    (inbox / "lee").symlink_to(secret.parent)
    (entry,) = find(inbox)
    assert entry.siblings == () and entry.student == "kim"


def test_nothing_to_grade_is_said(tmp_path):
    with pytest.raises(UsageError, match="no notebook"):
        find(tmp_path)


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return path


def test_a_zip_gives_notebooks_and_nothing_else(tmp_path):
    archive = zipped(
        tmp_path / "a.zip",
        {
            "kim/a.ipynb": "{}",
            "kim/run.py": "x",
            "../../evil.ipynb": "x",
            "/abs.ipynb": "x",
            "c:\\d.ipynb": "x",
        },
    )
    folder = unpack(archive, tmp_path / "out")
    assert [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()] == ["kim/a.ipynb"]
    assert not (tmp_path.parent / "evil.ipynb").exists()


def test_names_that_are_alike_once_cleaned_are_both_kept(tmp_path):
    """Two students 'kim:b' and 'kim?b', and a file of each spelling: nothing takes another's place."""
    names = [
        "kim:b/hw?.ipynb",
        "kim?b/hw:.ipynb",
        "kim?b/hw?.ipynb",
        "kim_b/hw_.ipynb",
        "kim_b/hw<.ipynb",
        "kim_b/hw|.ipynb",
    ]
    folder = unpack(zipped(tmp_path / "a.zip", {name: name for name in names}), tmp_path / "out")
    found = {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*.ipynb")}
    assert found == {
        "kim_b/hw_.ipynb": "kim_b/hw_.ipynb",  # what needs no cleaning keeps its name
        "kim_b/hw_ (2).ipynb": "kim_b/hw<.ipynb",
        "kim_b/hw_ (3).ipynb": "kim_b/hw|.ipynb",
        "kim_b (2)/hw_.ipynb": "kim:b/hw?.ipynb",
        "kim_b (3)/hw_.ipynb": "kim?b/hw:.ipynb",
        "kim_b (3)/hw_ (2).ipynb": "kim?b/hw?.ipynb",
    }


def test_a_zip_bomb_is_refused_while_reading(tmp_path, monkeypatch):
    monkeypatch.setattr("grader.batch.archive.MAX_FILE_BYTES", 1 << 20)
    archive = zipped(tmp_path / "bomb.zip", {"a.ipynb": b"0" * (5 << 20)})
    assert archive.stat().st_size < 1 << 20
    zipfile.ZipFile(archive).extractall(tmp_path / "plain")
    assert (tmp_path / "plain" / "a.ipynb").stat().st_size == 5 << 20, (
        "the control: Python's own takes it all"
    )
    with pytest.raises(UsageError, match="limit"):
        unpack(archive, tmp_path / "out")


def test_what_is_no_zip_is_said(tmp_path):
    broken = tmp_path / "x.zip"
    broken.write_bytes(b"no zip")
    with pytest.raises(UsageError, match="unpack"):
        unpack(broken, tmp_path / "out")


def test_work_for_other_lessons_is_no_failed_submission(tmp_path):
    """Without this exercise in a repository, judging the nearest notebook fails what nobody handed in."""
    write(tmp_path / "kim" / "GD01" / "tokenizer.ipynb", "load_dataset('nsmc')\nmodel.fit(x)")
    write(tmp_path / "kim" / "GD02" / "mnist.ipynb", "import tensorflow")
    (entry,) = find(tmp_path)
    assert entry.path == "" and entry.notebooks == ()
    assert "tokenizer.ipynb" in entry.why.ko and "--roster" in entry.why.en


def test_the_only_notebook_is_judged_whatever_it_holds(tmp_path):
    write(tmp_path / "kim" / "main.ipynb", "print('hello')")
    assert find(tmp_path)[0].path == "kim/main.ipynb"


def test_files_of_one_student_in_an_lms_download_are_one_student(tmp_path):
    write(tmp_path / "kimminsu_12345_67890_GD08.ipynb", EXERCISE)
    write(tmp_path / "kimminsu_12345_67891_notes.ipynb", "print(1)")
    write(tmp_path / "leejieun_22222_67892_GD08.ipynb", EXERCISE)
    assert [(e.student, e.lms_id) for e in find(tmp_path)] == [("kimminsu", "12345"), ("leejieun", "22222")]


# ---------------------------------------------------------------- names

NFC, NFD = (unicodedata.normalize(form, "김민수") for form in ("NFC", "NFD"))


def test_capitals_alone_do_not_tell_two_students_apart_on_every_disk(tmp_path):
    write(tmp_path / "Kim" / "a.ipynb", EXERCISE)
    write(tmp_path / "kim" / "a.ipynb", EXERCISE)
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this disk itself holds only one of the two")
    entries = find(tmp_path)
    assert [entry.student for entry in entries] == ["Kim", "kim (2)"]
    assert len({folder_name(entry.student).lower() for entry in entries}) == 2


def test_one_korean_name_written_in_two_ways_is_one_student(tmp_path):
    write(tmp_path / NFC / "GD08" / "base.ipynb", EXERCISE)
    write(tmp_path / NFD / "GD08" / "bucketing.ipynb", EXERCISE)
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this disk itself makes them one")
    (entry,) = find(tmp_path)
    assert entry.student == NFC
    assert len({entry.path, *entry.parts, *entry.siblings}) == 2, "both notebooks are accounted for"


def test_a_roster_finds_what_macos_decomposed(tmp_path):
    write(tmp_path / NFD / "a.ipynb", EXERCISE)
    roster = tmp_path / "roster.csv"
    roster.write_text(f"student,path\n{NFC},{NFC}\n", encoding="utf-8")
    (entry,) = find(tmp_path, roster)
    assert entry.student == NFC and entry.path


def test_a_roster_saved_by_a_korean_excel(tmp_path):
    write(tmp_path / "repo1" / "a.ipynb", EXERCISE)
    roster = tmp_path / "roster.csv"
    roster.write_bytes("학생,경로\n김민수,repo1\n".encode("cp949"))
    (entry,) = find(tmp_path, roster)
    assert (entry.student, entry.path) == ("김민수", "repo1/a.ipynb")


def test_anonymous_students_are_told_apart_by_their_number(tmp_path):
    write(tmp_path / "anon_111_901_a.ipynb", EXERCISE)
    write(tmp_path / "anon_222_902_a.ipynb", EXERCISE)
    assert [(e.student, e.lms_id) for e in find(tmp_path)] == [("anon 111", "111"), ("anon 222", "222")]


@pytest.mark.parametrize("name", ["CON", "nul.txt", "a:b?", "x" * 200, "가" * 100, "..", "~", "=1+1", "a/b"])
def test_a_folder_for_any_name_on_any_disk(name):
    made = folder_name(name)
    assert len(made.encode()) < 255 and made not in (".", "..") and made == made.strip(" .")
    assert not set(made) & set('<>:"/\\|?*') and made.split(".")[0].lower() not in ("con", "nul")
    assert folder_name(name + "x") != made


def test_a_notebook_with_a_capital_suffix_counts(tmp_path):
    write(tmp_path / "kim" / "GD08.IPYNB", EXERCISE)
    assert find(tmp_path)[0].path == "kim/GD08.IPYNB"


# ---------------------------------------------------------------- zips of other systems


def raw_zip(path, names, *, flag=0):
    """A zip whose names are these bytes, as a program without the UTF-8 mark writes them."""
    with zipfile.ZipFile(path, "w") as opened:
        for nth in range(len(names)):
            opened.writestr(f"{nth:0{len(names[nth])}d}", "{}")
    data = path.read_bytes()
    for nth, name in enumerate(names):
        data = data.replace(f"{nth:0{len(name)}d}".encode(), name)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("encoding", ["cp949", "utf-8"])
def test_korean_names_of_a_zip_without_the_utf8_mark(tmp_path, encoding):
    archive = raw_zip(tmp_path / "a.zip", ["김민수/과제.ipynb".encode(encoding)])
    with zipfile.ZipFile(archive) as opened:
        assert "김" not in opened.namelist()[0], "the control: Python's own reading is garbled"
    folder = unpack(archive, tmp_path / "out")
    assert [p.relative_to(folder).as_posix() for p in folder.rglob("*.ipynb")] == ["김민수/과제.ipynb"]


def test_a_macos_zip_is_composed_and_its_resource_forks_are_nobodys(tmp_path):
    archive = zipped(
        tmp_path / "a.zip", {f"{NFD}/a.ipynb": "{}", "__MACOSX/._a.ipynb": "x", f"{NFD}/._a.ipynb": "x"}
    )
    (entry,) = find(unpack(archive, tmp_path / "out"))
    assert (entry.student, entry.path) == (NFC, f"{NFC}/a.ipynb")


def test_names_that_another_disk_refuses_lose_nobody(tmp_path):
    long = "긴" * 90
    archive = zipped(
        tmp_path / "a.zip",
        {"kim/12:30?.ipynb": "{}", "lee\\GD08\\b.ipynb": "{}", f"{long}/{long}.ipynb": "{}"},
    )
    folder = unpack(archive, tmp_path / "out")
    found = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.ipynb"))
    assert found[:2] == ["kim/12_30_.ipynb", "lee/GD08/b.ipynb"]
    assert len(found) == 3 and all(len(part.encode()) <= 255 for part in found[2].split("/"))


def test_a_file_name_that_is_not_utf8_costs_its_own_student_only(tmp_path):
    write(tmp_path / "kim" / "main.ipynb", EXERCISE)
    try:
        write(tmp_path / "lee" / "\udcff.ipynb", EXERCISE)
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system has no such names")
    kim, lee = find(tmp_path)
    assert kim.path == "kim/main.ipynb"
    assert lee.path == "" and "UTF-8" in lee.why.ko
