"""Which runtime a notebook gets, how one is built, and what `doctor` says about all of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from grader import classroom, sandbox
from grader.classroom import generation, gpu, health, runtime
from grader.errors import ClassroomError, SandboxError, UsageError
from grader.records import Cell, Output, Submission, to_json

PYTHONS = {"2024": "/a/python", "2025": "/b/python", "current": "/c/python"}
PACKAGES = {
    "2024": {"transformers": (4, 44, 2), "datasets": (2, 21, 0)},
    "2024-tf": {"transformers": (4, 44, 2), "datasets": (2, 21, 0), "tensorflow": (2, 15, 1)},
    "2025": {"transformers": (4, 57, 1), "datasets": (4, 0, 0)},
    "current": {"transformers": (5, 23, 0), "datasets": (5, 2, 0)},
}


def notebook(*sources: str, output: str = "") -> Submission:
    stored = (Output(kind="stream", name="stdout", text=output),) if output else ()
    cells = [Cell(index=i, kind="code", source=source, outputs=stored) for i, source in enumerate(sources)]
    return Submission(name="a.ipynb", sha256="0", cells=tuple(cells))


@pytest.mark.parametrize(
    "source, expected",
    [
        ("TrainingArguments('out', evaluation_strategy='epoch')", "2024"),
        ("settings = {'evaluation_strategy': 'epoch'}", "2024"),
        ("TrainingArguments('out', eval_strategy='epoch', group_by_length=True)", "2024"),
        ("Trainer(model, args, tokenizer=tokenizer)", "2024"),
        ("from datasets import load_metric", "2024"),
        ("import datasets\nm = datasets.load_metric('accuracy')", "2024"),
        ("from transformers import AdamW, AutoTokenizer", "2024"),
        ("from transformers import TFBertModel", "2024"),
        ("x = tokenizer.encode_plus('a')", "2024"),
        ("TrainingArguments('o', group_by_length=True)\nTrainer(m, a, processing_class=t)", "2025"),
        ("TrainingArguments('o', eval_strategy='epoch')\nTrainer(m, a, processing_class=t)", "current"),
        ("TrainingArguments('o', train_sampling_strategy='group_by_length')", "current"),
        ("from torch.optim import AdamW\nAdamW(m.parameters())", "current"),
        ("tokenizer(texts, tokenizer=None)  # evaluation_strategy=", "current"),
        ("print('evaluation_strategy')", "current"),
        ("!pip install transformers\n%matplotlib inline\nload_metric = 1", "current"),
        ("def broken(:", "current"),
    ],
)
def test_runtime_follows_from_names(source, expected):
    choice = generation.choose(notebook(source), PACKAGES, PYTHONS)
    assert choice.name == expected, choice.reason.en


def test_reason_names_only_what_decides():
    used = "TrainingArguments('o', eval_strategy='epoch', group_by_length=True)"
    reason = generation.choose(notebook(used), PACKAGES, PYTHONS).reason
    assert "group_by_length" in reason.en and "eval_strategy" not in reason.en
    assert "group_by_length" in reason.ko


@pytest.mark.parametrize(
    "source, output, expected",
    [
        ("!pip install -q transformers==4.56.1", "", "2025"),
        ("import transformers\nprint(transformers.__version__)", "4.11.3\n", "2024"),
        ("print(transformers.__version__, datasets.__version__)", "4.11.3 4.0.0", "current"),
        ("print(torch.__version__)", "4.11.3", "current"),
    ],
)
def test_recorded_version_breaks_a_tie(source, output, expected):
    assert generation.choose(notebook(source, output=output), PACKAGES, PYTHONS).name == expected


def test_names_outweigh_the_recorded_version():
    new = notebook("!pip install transformers==4.44.2", "TrainingArguments('o', train_sampling_strategy='x')")
    assert generation.choose(new, PACKAGES, PYTHONS).name == "current"


def test_falls_back_to_what_is_there_and_says_so():
    old = notebook("TrainingArguments('o', evaluation_strategy='epoch')")
    choice = generation.choose(old, PACKAGES, {"current": "/c/python"})
    assert choice.name == "current"
    assert "doesn't understand evaluation_strategy=" in choice.reason.en
    assert "grader setup --runtime 2024" in choice.reason.en and "--runtime 2024" in choice.reason.ko


def test_every_change_separates_the_shipped_runtimes():
    for key in generation.CHANGES:
        understood = [name for name, packages in PACKAGES.items() if not generation.misfits({key}, packages)]
        if key != "eval_strategy=":  # for notebooks on a runtime older than the shipped ones
            assert 0 < len(understood) < len(PACKAGES), key


@pytest.fixture
def room(tmp_path) -> classroom.Classroom:
    root = tmp_path / "classrooms" / "pocket-0"
    paths = {"hub": root / "hub", "data": root / "data", "hidden": tmp_path / "hidden.txt"}
    return classroom.Classroom(root=root, profile="pocket", **paths, runtimes={"2024": "/a/python"})


def test_pick_by_hand_and_by_lack(room):
    plain = notebook("print(1)")
    assert classroom.pick_runtime(plain, room, "2024").name == "2024"
    name, reason = classroom.pick_runtime(plain, room)
    assert name == "2024" and reason.en and reason.ko
    with pytest.raises(ClassroomError, match="grader setup --runtime 2025"):
        classroom.pick_runtime(plain, room, "2025")


def test_shipped_files_pin_what_their_names_say():
    files = runtime.requirement_files(Path("nowhere"))
    assert {"2024", "2025", "current"} <= set(files)
    for name in ("2024", "2025", "current"):
        pins = runtime._pins(files[name])
        assert pins["transformers"] == PACKAGES[name]["transformers"]
        assert pins["datasets"] == PACKAGES[name]["datasets"]


def test_one_file_more_is_one_runtime_more(room, tmp_path):
    (tmp_path / "runtimes.d").mkdir()
    (tmp_path / "runtimes.d" / "2021.txt").write_text(
        "# python: 3.9\ntransformers==4.11.3\ndatasets==1.14.0\n"
    )
    assert "2021" in runtime.requirement_files(tmp_path)
    old = notebook("!pip install transformers==4.11.3", "TrainingArguments('o', evaluation_strategy='epoch')")
    assert classroom.pick_runtime(old, room).name == "2024", "the new one isn't built"


@pytest.fixture
def pip(monkeypatch):
    """Stands in for every program that building starts; answers with versions; `fail` is refused."""

    class Pip:
        commands: list[list[str]] = []
        fail = ""

        def __call__(self, command, **_):
            self.commands.append(command)
            if self.fail and self.fail in command:
                raise subprocess.CalledProcessError(
                    1, command, stderr="noise\nERROR: No matching distribution"
                )
            if "venv" in command:
                python = runtime.python_of(Path(command[-1]))
                python.parent.mkdir(parents=True)
                python.touch()
            return subprocess.CompletedProcess(command, 0, stdout='{"transformers": "4.44.2"}\n', stderr="")

    pip = Pip()
    pip.commands = []
    monkeypatch.setattr(runtime.subprocess, "run", pip)
    monkeypatch.setattr(runtime, "_find_python", lambda requirements: sys.executable)
    return pip


def test_built_once_torch_first(pip, tmp_path, monkeypatch):
    monkeypatch.delenv("GRADER_TORCH", raising=False)
    monkeypatch.setattr(gpu, "device_present", lambda: False)
    python = classroom.setup_runtime("2024", tmp_path)
    assert python == str(runtime.python_of(tmp_path / "runtimes" / "2024"))
    installs = [command for command in pip.commands if "install" in command]
    assert installs[1][-1] == "torch==2.13.0" and installs[2][-1].endswith("2024.txt")
    assert runtime.available(tmp_path)["2024"] == python
    made = len(pip.commands)
    assert classroom.setup_runtime("2024", tmp_path) == python
    assert len(pip.commands) == made, "nothing is done twice"


@pytest.mark.parametrize(
    "gpu_there, wanted, expected",
    [(True, "", "torch"), (False, "", "torch==2.13.0"), (True, "torch==2.9.1", "torch==2.9.1")],
)
def test_torch_fits_the_machine(monkeypatch, gpu_there, wanted, expected):
    monkeypatch.setattr(gpu, "device_present", lambda: gpu_there)
    monkeypatch.setenv("GRADER_TORCH", wanted)
    assert runtime.torch_requirement() == expected


def test_changed_requirements_are_built_again(pip, tmp_path):
    (tmp_path / "runtimes.d").mkdir()
    file = tmp_path / "runtimes.d" / "mine.txt"
    file.write_text("transformers==4.44.2\n")
    classroom.setup_runtime("mine", tmp_path)
    before = len(pip.commands)
    file.write_text("transformers==4.44.1\n")
    classroom.setup_runtime("mine", tmp_path)
    assert len(pip.commands) == 2 * before


def test_failed_build_is_no_runtime(pip, tmp_path):
    pip.fail = "-r"
    with pytest.raises(ClassroomError, match="No matching distribution"):
        classroom.setup_runtime("2024", tmp_path)
    assert "2024" not in runtime.available(tmp_path)
    pip.fail = ""
    classroom.setup_runtime("2024", tmp_path)
    assert "2024" in runtime.available(tmp_path)


def test_unknown_runtime_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="2024"):
        classroom.setup_runtime("1999", tmp_path)


def test_python_of_another_version_is_not_taken(tmp_path):
    (tmp_path / "x.txt").write_text("# python: 2.7, 3.2\n")
    with pytest.raises(ClassroomError, match=r"2\.7, 3\.2"):
        runtime._find_python(tmp_path / "x.txt")
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    (tmp_path / "x.txt").write_text(f"# python: 2.7, {here}\n")
    found = runtime._find_python(tmp_path / "x.txt")
    said = subprocess.run([found, "-V"], capture_output=True, text=True).stdout
    assert said.startswith(f"Python {here}.")


@pytest.mark.parametrize(
    "error, found, fix",
    [
        (SandboxError(ko="격리 없음", en="no bwrap: apt install it"), "none", "no bwrap: apt install it"),
        (RecursionError("deep"), "looking at it failed (RecursionError: deep)", None),
    ],
)
def test_doctor_outlives_a_broken_sandbox(monkeypatch, error, found, fix):
    def choose(requested):
        raise error

    monkeypatch.setattr(sandbox, "choose", choose)
    line = health._isolation()
    assert (line.ok, line.found.en, line.fix and line.fix.en) == (False, found, fix)


def by_name(lines: tuple[health.DoctorLine, ...]) -> dict[str, health.DoctorLine]:
    return {line.name.en: line for line in lines}


def test_doctor_on_an_empty_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "device_present", lambda: False)
    monkeypatch.setattr(runtime, "_grader_can_run", lambda: False)
    lines = by_name(classroom.doctor(tmp_path / "home"))
    for name in ("2024", "current"):
        line = lines[f"runtime {name}"]
        assert not line.ok and f"grader setup --runtime {name}" in line.fix.ko
    assert lines["GPU"].ok and "CPU" in lines["GPU"].found.en
    assert lines["model (embedded)"].ok and "2×128" in lines["model (embedded)"].found.en
    assert "--profile full" in lines["profile full"].fix.en
    assert "isolation" in lines and "GB" in lines["free disk"].found.en
    assert not (tmp_path / "home").exists(), "looking makes nothing"


def test_doctor_shows_what_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "device_present", lambda: False)
    folder = tmp_path / "runtimes" / "2024"
    runtime.python_of(folder).parent.mkdir(parents=True)
    runtime.python_of(folder).touch()
    made = runtime.Made(requirements="0", torch="torch", versions={"transformers": "4.44.2"})
    (folder / runtime.MADE).write_bytes(to_json(made))
    line = by_name(classroom.doctor(tmp_path))["runtime 2024"]
    assert line.ok and line.found.en == "transformers 4.44.2"


def test_doctor_tells_a_small_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(health, "DISK_NEEDED", 1e18)
    line = health._disk(tmp_path / "not" / "yet")
    assert not line.ok and "GRADER_HOME" in line.fix.en


def test_a_device_that_does_not_compute_is_no_gpu(monkeypatch):
    """What a driver too old for torch looks like: nodes and nvidia-smi are there, tensors aren't."""
    monkeypatch.setattr(gpu, "device_present", lambda: True)
    monkeypatch.setattr(gpu, "ASK", "raise RuntimeError('CUDA driver version is insufficient')")
    line = health._gpu()
    assert not line.ok and "insufficient" in line.found.en and "driver" in line.fix.en
    monkeypatch.setattr(gpu, "ASK", "print('NVIDIA X', 1.0)")
    line = health._gpu()
    assert line.ok and line.found.en.startswith("NVIDIA X: ")


@pytest.mark.gpu
def test_a_real_gpu_computes():
    if not gpu.device_present():
        pytest.skip("no NVIDIA device here")
    assert gpu.try_cuda(sys.executable).works
