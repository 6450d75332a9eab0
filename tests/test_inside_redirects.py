"""What the classroom serves instead of a network: shell commands, paths, data sets, metrics, imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.inside_loader import INSIDE, load

HEAD = "id\tdocument\tlabel\n"


@pytest.fixture
def classroom(tmp_path, monkeypatch):
    """A classroom of six and four rows, a home and a working folder."""
    data = tmp_path / "data"
    data.mkdir()
    train = "".join(f"{i}\t좋은 영화 {i}\t{i % 2}\n" for i in range(5)) + "5\t\t0\n"
    (data / "ratings_train.txt").write_text(HEAD + train, encoding="utf-8")
    test = "".join(f"9{i}\t나쁜 영화 {i}\t{i % 2}\n" for i in range(4))
    (data / "ratings_test.txt").write_text(HEAD + test, encoding="utf-8")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("GRADER_DATA", str(data))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    return work


URL = "https://raw.githubusercontent.com/e9t/nsmc/master/"


@pytest.mark.parametrize(
    ("command", "made"),
    [
        (f"wget {URL}ratings_train.txt", "ratings_train.txt"),
        (f"wget -q -O train.txt {URL}ratings_train.txt?raw=true", "train.txt"),
        (f"wget {URL}ratings_test.txt -P data", "data/ratings_test.txt"),
        (f"curl -L -o t.tsv {URL}ratings_test.txt", "t.tsv"),
        (f"mkdir -p d && cd d && wget {URL}ratings_test.txt", "d/ratings_test.txt"),
        ("git clone https://github.com/e9t/nsmc.git", "nsmc/ratings.txt"),
        ("git clone --depth 1 https://github.com/e9t/nsmc data2", "nsmc/ratings_train.txt"),
    ],
)
def test_downloads_in_the_shell(classroom, command, made):
    passed = []

    def otherwise(text):
        passed.append(text)
        return subprocess.run(text, shell=True, check=False).returncode

    assert load("shell").run(command, otherwise) == 0
    if "data2" in command:
        made = made.replace("nsmc/", "data2/")
    assert (classroom / made).read_text(encoding="utf-8").startswith(HEAD)
    assert not any("wget" in text or "git" in text for text in passed)


def test_ratings_txt_holds_all_rows_once(classroom):
    path = load("paths").served("/content/nsmc/ratings.txt")
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 6 + 4
    assert sum(line.startswith("id\t") for line in lines) == 1


def test_other_commands_run_as_they_are_and_unknown_downloads_fail(classroom, capsys):
    shell = load("shell")
    assert shell.run("echo hi && ls", lambda text: text) == "echo hi && ls"
    assert shell.run("pip list", lambda text: "ran") == "ran"
    assert shell.run("pip install -q transformers", lambda text: pytest.fail("ran")) == 0
    assert shell.run("wget https://example.org/other.zip", lambda text: pytest.fail("ran")) == 1
    assert "[classroom]" in capsys.readouterr().out


@pytest.mark.parametrize(
    "path",
    [
        "/aiffel/data/ratings_train.txt",
        "~/aiffel/nsmc/ratings_train.txt",
        r"C:\Users\me\ratings_train.txt",
        "./ratings_train (1).txt",
        URL + "ratings_train.txt",
    ],
)
def test_paths_of_other_machines(classroom, path):
    assert load("paths").served(path).endswith("data/ratings_train.txt")


def test_other_files_are_not_ours(classroom):
    paths = load("paths")
    assert paths.served("ratings_valid.txt") is None
    assert paths.served("/content/train.csv") is None


RUN = f"""
import sys
sys.path.insert(0, {str(INSIDE.parents[1])!r})
from tests.inside_loader import load
load("entry").install()
"""


def run(code, classroom):
    done = subprocess.run([sys.executable, "-c", RUN + code], cwd=classroom, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_an_unchanged_notebook_reads_the_classrooms_files(classroom):
    """In a process of its own: this patches `open`, `urlopen` and imports."""
    code = f"""
import urllib.request, importlib.util
assert importlib.util.find_spec("tensorflow") is None
import tensorflow as tf
tf.random.set_seed(1)
assert tf.config.list_physical_devices("GPU") == [] and isinstance(tf.__version__, str)
try:
    tf.constant([1])
except NotImplementedError as error:
    assert "[classroom]" in str(error)
else:
    raise SystemExit("computed without TensorFlow")
import wandb
wandb.login(); wandb.init(project="x", config={{}}).log({{"a": 1}})
from google.colab import drive
drive.mount("/content/drive")
print(open("/content/drive/MyDrive/ratings_test.txt", encoding="utf-8").readline().strip())
urllib.request.urlretrieve("{URL}ratings_train.txt", filename="mine.txt")
print(sum(1 for _ in open("mine.txt", encoding="utf-8")))
print(urllib.request.urlopen("{URL}ratings_test.txt").read().count(b"\\n"))
try:
    urllib.request.urlopen("https://example.org/x.zip")
except OSError as error:
    print("[classroom]" in str(error))
try:
    open("nothing.txt")
except FileNotFoundError:
    print("still missing")
"""
    if sys.modules.get("tensorflow") or __import__("importlib.util").util.find_spec("tensorflow"):
        pytest.skip("TensorFlow is installed here")
    lines = run(code, classroom).splitlines()
    assert lines == ["id\tdocument\tlabel", "7", "5", "True", "still missing"]


def test_data_sets_as_the_hub_has_them(classroom):
    pytest.importorskip("datasets")
    code = """
from datasets import load_dataset, load_metric
whole = load_dataset("nsmc", trust_remote_code=True)
print({name: len(part) for name, part in whole.items()}, whole["train"].features["label"].names)
print(whole["train"][5])
print(len(load_dataset("e9t/nsmc", split="train[:3]")), len(load_dataset("nsmc", split="train[50%:]+test")))
both = load_dataset("e9t/nsmc", split=["train", "test"], revision="refs/convert/parquet")
print([len(part) for part in both])
print(load_dataset("Blpeng/nsmc")["train"].column_names, load_dataset("Blpeng/nsmc")["train"][5]["document"])
files = {"train": "https://raw.githubusercontent.com/e9t/nsmc/master/ratings_train.txt"}
files["test"] = "/x/ratings_test.txt"
print({k: len(v) for k, v in load_dataset("csv", data_files=files, delimiter="\\t").items()})
print(load_metric("accuracy").compute(predictions=[1, 0, 1], references=[1, 1, 1])["accuracy"])
try:
    load_dataset("imdb")
except FileNotFoundError as error:
    print("[classroom]" in str(error))
"""
    lines = run(code, classroom).splitlines()
    assert lines == [
        "{'train': 6, 'test': 4} ['negative', 'positive']",
        "{'id': '5', 'document': '', 'label': 0}",
        "3 7",
        "[6, 4]",
        "['Unnamed: 0', 'id', 'document', 'label'] None",
        "{'train': 6, 'test': 4}",
        "0.6666666666666666",
        "True",
    ]


def test_metrics_are_scikit_learns(classroom):
    sklearn = pytest.importorskip("sklearn.metrics")
    metrics = load("metrics")
    truth, guess = [0, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1]
    both = metrics.load("glue", "mrpc").compute(predictions=guess, references=truth)
    assert both == {"accuracy": sklearn.accuracy_score(truth, guess), "f1": sklearn.f1_score(truth, guess)}
    one = metrics.load("f1")
    one.add_batch(predictions=guess[:3], references=truth[:3])
    one.add_batch(predictions=guess[3:], references=truth[3:])
    assert one.compute(average="macro") == {"f1": sklearn.f1_score(truth, guess, average="macro")}
    with pytest.raises(ValueError, match="Mismatch"):
        one.compute(predictions=[1], references=[1, 0])
    with pytest.raises(FileNotFoundError, match="classroom"):
        metrics.load("bleu")


def test_a_font_that_is_not_here_is_the_default_one(classroom):
    pytest.importorskip("matplotlib")
    code = """
import matplotlib
matplotlib.use("agg")
import matplotlib.font_manager as fm
import matplotlib.pyplot as plt
path = "/usr/share/fonts/truetype/nanum/NanumGothicNotHere.ttf"
fm.fontManager.addfont(path)
fm._rebuild()
plt.rc("font", family=fm.FontProperties(fname=path).get_name())
plt.title("x")
plt.savefig("plot.png")
print(fm.FontProperties(fname=path).get_name(), fm.FontProperties(family="serif").get_file())
"""
    assert run(code, classroom).splitlines() == ["DejaVu Sans None"]


def test_a_hook_waits_for_a_module_that_is_still_being_executed(tmp_path, monkeypatch):
    """transformers' auto_factory imports torch, whose hooks then acted on it without its classes."""
    imports, wire = load("imports"), load("wire")
    (tmp_path / "outer_half.py").write_text("import inner_whole\nclass Late: ...\n", encoding="utf-8")
    (tmp_path / "inner_whole.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(imports, "_after", {})
    failed, seen = [], []
    monkeypatch.setattr(wire, "emit", lambda kind, **facts: failed.append((kind, facts)))
    imports.install()
    imports.after("outer_half", lambda module: seen.append("first"))
    imports.after(
        "inner_whole",
        lambda _: imports.after("outer_half", lambda module: seen.append(module.Late.__name__)),
    )
    import outer_half  # noqa: F401

    assert (seen, failed) == (["first", "Late"], [])
    imports.after("outer_half", lambda module: seen.append("at once"))
    assert seen[-1] == "at once"
    for name in ("outer_half", "inner_whole"):
        del sys.modules[name]
