"""The classroom as a folder: made once, whole or not at all, labels kept apart, sources checked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grader import classroom
from grader.classroom import assemble, data, layout, models
from grader.errors import ClassroomError, UsageError

POCKET_MODEL = assemble.POCKET / "model"


@pytest.fixture(scope="module")
def pocket(tmp_path_factory) -> classroom.Classroom:
    """The real pocket classroom, with all its rows."""
    return classroom.prepare("pocket", home=tmp_path_factory.mktemp("home"))


@pytest.fixture
def own(tmp_path) -> Path:
    """A small folder of NSMC-format files."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name, rows in (("ratings_train.txt", 60), ("ratings_test.txt", 40)):
        data.write(folder / name, [(str(i), f"{name} 리뷰 {i}", str(i % 2)) for i in range(rows)])
    return folder


def test_pocket_has_the_official_row_counts(pocket):
    assert {name: len(data.read(pocket.data / name)) for name in data.FILES} == data.OFFICIAL_ROWS
    assert len(data.read(pocket.hidden)) == data.HIDDEN_ROWS
    assert (pocket.profile, pocket.data_from, pocket.hidden_from) == ("pocket", "generated", "apart")


def test_hidden_rows_are_nowhere_a_sandbox_may_look(pocket):
    assert not pocket.hidden.is_relative_to(pocket.root)
    secret = {text for _, text, _ in data.read(pocket.hidden)}
    public = {text for name in data.FILES for _, text, _ in data.read(pocket.data / name)}
    assert not secret & public
    mounted = [path.name for folder in (pocket.hub, pocket.data) for path in folder.rglob("*")]
    assert data.HIDDEN not in mounted


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_only_the_grader_reads_hidden_rows_everyone_reads_the_rest(pocket):
    assert pocket.hidden.parent.stat().st_mode & 0o077 == 0
    for path in pocket.root.rglob("*"):
        assert path.stat().st_mode & 0o004, path


def test_second_call_makes_nothing(pocket):
    home = pocket.root.parent.parent
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.suffix != ".lock"}
    said = []
    again = classroom.prepare("pocket", home=home, progress=said.append)
    assert again == pocket
    assert said == []
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.suffix != ".lock"} == before


def test_tokens_have_their_ends_whatever_reads_the_file(pocket):
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer.from_file(str(pocket.model / "tokenizer.json"))
    tokens = tokenizer.encode("정말 재미있는 영화").tokens
    assert (tokens[0], tokens[-1]) == ("[CLS]", "[SEP]")
    assert "[UNK]" not in tokens


@pytest.mark.slow
def test_from_pretrained_finds_it_by_its_real_name(pocket):
    pytest.importorskip("transformers")
    code = (
        "from transformers import AutoTokenizer, AutoModelForSequenceClassification as M\n"
        "t = AutoTokenizer.from_pretrained('klue/bert-base'); m = M.from_pretrained('klue/bert-base')\n"
        "print(m(**t('영화', return_tensors='pt')).logits.shape)"
    )
    environment = {**os.environ, "HF_HUB_CACHE": str(pocket.hub), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert "torch.Size([1, 2])" in done.stdout, done.stderr


def test_own_data_takes_the_place_of_the_generated(own, tmp_path):
    room = classroom.prepare("pocket", data=own, home=tmp_path / "home")
    for name in data.FILES:
        assert (room.data / name).read_bytes() == (own / name).read_bytes()
    assert (room.data_from, room.hidden_from) == ("own", "test-file")
    assert len(room.notes) == 2 and "60" in room.notes[0].en
    hidden = data.read(room.hidden)
    assert set(hidden) == set(data.read(own / "ratings_test.txt"))
    assert hidden != data.read(own / "ratings_test.txt"), "drawn, not copied in order"


def test_hidden_rows_from_the_test_file_are_few_and_even(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "HIDDEN_ROWS", 20)
    rows = [(str(i), f"리뷰 {i}" if i % 9 else " ", str(int(i < 30))) for i in range(100)]
    data.write(tmp_path / "ratings_test.txt", rows)
    assert data.hide(tmp_path, tmp_path / "hidden") == "test-file"
    hidden = data.read(tmp_path / "hidden")
    assert sorted(label for *_, label in hidden) == ["0"] * 10 + ["1"] * 10
    assert set(hidden) <= set(rows) and all(text.strip() for _, text, _ in hidden)


def test_own_hidden_rows_are_used(own, tmp_path):
    rows = [("1", "숨긴 리뷰", "1"), ("2", "다른 리뷰", "0")]
    data.write(own / data.HIDDEN, rows)
    room = classroom.prepare("pocket", data=own, home=tmp_path / "home")
    assert (data.read(room.hidden), room.hidden_from) == (rows, "apart")


def test_changed_data_make_another_classroom(own, tmp_path):
    first = classroom.prepare("pocket", data=own, home=tmp_path / "home")
    data.write(own / "ratings_train.txt", [("1", "새 리뷰", "1")])
    second = classroom.prepare("pocket", data=own, home=tmp_path / "home")
    assert first.root != second.root
    assert data.read(second.data / "ratings_train.txt") == [("1", "새 리뷰", "1")]


def test_classrooms_of_older_versions_go_after_a_month(own, tmp_path):
    rooms = []
    for text in ("하나", "둘", "셋"):
        data.write(own / "ratings_train.txt", [("1", text, "1")])
        rooms.append(classroom.prepare("pocket", data=own, home=tmp_path / "home"))
        age = 31 * 86_400 if text == "하나" else 86_400
        made = rooms[-1].root / assemble.MADE
        os.utime(made, (made.stat().st_mtime - age,) * 2)
    assert [room.root.exists() for room in rooms] == [False, True, True]
    assert [room.hidden.exists() for room in rooms] == [False, True, True]


@pytest.mark.parametrize(
    "content, where",
    [
        ("id,document,label\n1,a,0\n", "line 1"),
        ("id\tdocument\tlabel\n1\ta\t0\n2\tb\t2\n", "line 3"),
        ("id\tdocument\tlabel\n1\ta\n", "line 2"),
        ("", "line 1"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_damaged_data_are_named(own, tmp_path, content, where):
    content = content if isinstance(content, bytes) else content.encode()
    (own / "ratings_test.txt").write_bytes(content)
    with pytest.raises(ClassroomError, match=where):
        classroom.prepare("pocket", data=own, home=tmp_path / "home")
    assert not list((tmp_path / "home").glob("[ch]*/pocket-*")), "nothing half-made is left"


def test_missing_data_are_named(own, tmp_path):
    (own / "ratings_test.txt").unlink()
    with pytest.raises(ClassroomError, match=r"ratings_test\.txt"):
        classroom.prepare("pocket", data=own, home=tmp_path / "home")


def test_reviews_may_hold_odd_line_characters(tmp_path):
    text = "한 줄\x0b\x1c\u2028 다음"
    data.write(tmp_path / "a.txt", [("1", text, "1")])
    assert data.read(tmp_path / "a.txt") == [("1", text, "1")]


def test_broken_off_leaves_nothing_and_can_be_repeated(own, tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setattr(
        data, "hide", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(ClassroomError, match="No space left"):
        classroom.prepare("pocket", data=own, home=home)
    assert not list(home.glob("classrooms/*")) and not list(home.glob("hidden/*"))
    monkeypatch.undo()
    assert classroom.prepare("pocket", data=own, home=home).hidden.is_file()


def test_two_at_once_make_one(own, tmp_path):
    code = (
        "import sys; from pathlib import Path; from grader import classroom\n"
        "room = classroom.prepare('pocket', data=Path(sys.argv[1]), home=Path(sys.argv[2]),"
        " progress=lambda text: print('made'))\nprint(room.root.name, room.hidden.is_file())"
    )
    command = [sys.executable, "-c", code, str(own), str(tmp_path / "home")]
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: subprocess.run(command, capture_output=True, text=True), range(2)))
    lines = [run.stdout.split("\n") for run in done]
    assert sum(line == "made" for said in lines for line in said) == 1, [run.stderr for run in done]
    assert lines[0][-2] == lines[1][-2] and lines[0][-2].endswith("True")


@pytest.mark.parametrize(
    "arguments, named",
    [
        ({"profile": "huge"}, "huge"),
        ({"data": Path("no-such")}, "--data no-such"),
        ({"model": Path("x")}, "--model x"),
    ],
)
def test_wrong_calls_are_usage_errors(tmp_path, arguments, named):
    with pytest.raises(UsageError, match=named):
        classroom.prepare(**arguments, home=tmp_path)


def test_unwritable_home_is_one_sentence(tmp_path, own):
    (tmp_path / "file").write_text("")
    with pytest.raises(ClassroomError, match="GRADER_HOME"):
        classroom.prepare("pocket", data=own, home=tmp_path / "file" / "home")


def test_home_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADER_HOME", str(tmp_path))
    assert classroom.find_home() == tmp_path.resolve()
    assert classroom.find_home(tmp_path / "b") == (tmp_path / "b").resolve()
    monkeypatch.delenv("GRADER_HOME")
    assert classroom.find_home().name == "bucketing-grader"


def test_blob_ids_are_gits(tmp_path):
    (tmp_path / "a").write_bytes(b"hello\n")
    assert data.blob_id(tmp_path / "a") == "ce013625030ba8dba906f756967f9e9ca394464a"


@pytest.fixture
def model(tmp_path) -> Path:
    """A copy of the embedded model to spoil."""
    return Path(shutil.copytree(POCKET_MODEL, tmp_path / "model"))


def test_a_hub_cache_is_a_model_folder_too(model, tmp_path):
    models.install(model, tmp_path / "hub")
    found = models.resolve(tmp_path / "hub")
    assert found == layout.snapshot(tmp_path / "hub")
    assert models.check(found)["model_type"] == "bert"


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_large_private_weights_become_readable(model, own, tmp_path, mode):
    """safetensors writes files that only their owner can read; a sandbox runs as somebody else."""
    with (model / "model.safetensors").open("r+b") as file:
        file.truncate(40_000_000)
    (model / "model.safetensors").chmod(mode)
    room = classroom.prepare("pocket", model=model, data=own, home=tmp_path / "home")
    weights = room.model / "model.safetensors"
    assert weights.stat().st_size == 40_000_000 and weights.stat().st_mode & 0o004
    assert (model / "model.safetensors").stat().st_mode & 0o777 == mode, "the user's own file is left alone"


@pytest.mark.parametrize("lost", ["config.json", "model.safetensors"])
def test_incomplete_models_are_named(model, lost):
    (model / lost).unlink()
    with pytest.raises(ClassroomError, match=lost.split(".")[0]):
        models.check(model)


def test_tokenizer_must_fit_the_model(model):
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "vocab_size": 100}))
    with pytest.raises(ClassroomError, match="100 embeddings"):
        models.check(model)


def test_other_architectures_are_refused(model):
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "model_type": "roberta"}))
    with pytest.raises(ClassroomError, match="roberta"):
        models.check(model)
