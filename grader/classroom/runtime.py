"""Runtimes: virtual environments in which notebooks of different years run unmodified.

One requirements file is one runtime: `runtimes/NAME.txt` here, or in $GRADER_HOME/runtimes.d, with
two kinds of special comments: `# python: 3.11, 3.10` (versions that will do, best first) and
`# about-ko:` / `# about-en:`. `current` is the grader's own interpreter where the run extra is there;
only a grader without it builds `current` from its file.

What this is not: which runtime a notebook needs is decided in generation.py.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import msgspec
from msgspec import field

from grader.classroom import generation, gpu
from grader.classroom.layout import Classroom, Progress, find_home, locked, quiet, unwritable
from grader.errors import ClassroomError, UsageError
from grader.records import Record, Submission, Text, from_json, to_json

CURRENT = "current"
NEEDED = ("torch", "transformers", "datasets", "ipykernel")
"""What a runtime must be able to import."""

CPU_TORCH = "torch==2.13.0"
"""Seen to run transformers 4.44 and 5.23. Where a wheel folder with CPU builds is configured for pip,
this version finds one."""

FILES = Path(__file__).parent / "runtimes"
MADE = "runtime.json"


class Made(Record, omit_defaults=False):
    """runtime.json: how the environment beside it was built. Written last."""

    requirements: str
    """SHA-256 of the requirements file."""
    torch: str
    versions: dict[str, str] = field(default_factory=dict)


def requirement_files(home: Path) -> dict[str, Path]:
    """Name → requirements file of every runtime that can be built; the user's own come last and win."""
    folders = (FILES, home / "runtimes.d")
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.txt"))}


def available(home: Path | None = None) -> dict[str, str]:
    """Name → python executable of every runtime that is there now."""
    home = find_home(home)
    found = {}
    for folder in sorted((home / "runtimes").glob("*")):
        if (folder / MADE).is_file() and python_of(folder).exists():
            found[folder.name] = str(python_of(folder))
    if _grader_can_run():
        found[CURRENT] = sys.executable
    return found


def pick_runtime(submission: Submission, classroom: Classroom, wanted: str = "auto") -> generation.Choice:
    """The runtime for `submission` among `classroom.runtimes`, and why (see generation.py).

    Raises ClassroomError where there is none at all, or not the one `wanted` by name.
    """
    home = classroom.root.parent.parent
    known = {name: _pins(file) for name, file in requirement_files(home).items()}
    for name in classroom.runtimes:
        known[name] = known.get(name, {}) | _installed(name, home)
    choice = generation.choose(submission, known, classroom.runtimes, wanted)
    if choice:
        return choice
    name = wanted if wanted != "auto" else CURRENT
    there = ", ".join(classroom.runtimes) or "-"
    raise ClassroomError(
        ko=f"런타임 {name} 이 없습니다 (있는 것: {there}). grader setup --runtime {name} 으로 만들어 주세요.",
        en=f"There is no runtime {name} (there is: {there}). Build it with grader setup --runtime {name}.",
    )


def _pins(requirements: Path) -> dict[str, generation.Version]:
    """Package versions that a requirements file pins."""
    pinned = re.findall(r"^([\w-]+)==([\d.]+)", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    # tensorflow-cpu is TensorFlow.
    return {package.removesuffix("-cpu"): generation.as_version(version) for package, version in pinned}


def versions(name: str, home: Path) -> dict[str, str]:
    """Versions of the needed packages in a runtime that is there."""
    if name == CURRENT and _grader_can_run():
        return {package: metadata.version(package) for package in NEEDED}
    try:
        return from_json((home / "runtimes" / name / MADE).read_bytes(), Made).versions
    except (OSError, msgspec.MsgspecError):
        return {}


def _installed(name: str, home: Path) -> dict[str, generation.Version]:
    return {package: generation.as_version(version) for package, version in versions(name, home).items()}


def python_of(folder: Path) -> Path:
    """The interpreter of the virtual environment `folder`."""
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def torch_requirement() -> str:
    """What pip is asked for: GRADER_TORCH if set; with a GPU the newest CUDA build; else CPU_TORCH."""
    return os.environ.get("GRADER_TORCH") or ("torch" if gpu.device_present() else CPU_TORCH)


def setup_runtime(name: str, home: Path | None = None, progress: Progress = quiet) -> str:
    """Build the runtime `name` unless it is there and up to date; returns its python executable.

    Takes minutes and about 2 GB. Raises UsageError (no such runtime), ClassroomError (no fitting
    Python, pip failed, disk).
    """
    home = find_home(home)
    if name == CURRENT and _grader_can_run():
        return sys.executable
    files = requirement_files(home)
    if name not in files:
        known = ", ".join(files)
        raise UsageError(
            ko=f"런타임 {name}: 그런 런타임이 없습니다. 있는 것: {known}.",
            en=f"No runtime is called {name}. There is {known}.",
        )
    folder = home / "runtimes" / name
    with locked(home, f"runtime-{name}"):
        digest = hashlib.sha256(files[name].read_bytes()).hexdigest()
        if _made(folder) != digest:
            _build(folder, files[name], digest, progress)
    return str(python_of(folder))


def _build(folder: Path, requirements: Path, digest: str, progress: Progress) -> None:
    """In place (environments can't be moved); runtime.json, written last, says it is whole."""
    base = _find_python(requirements)
    torch = torch_requirement()
    name = folder.name
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder.parent, error) from error
    progress(Text(ko=f"런타임 {name}: 가상 환경을 만드는 중", en=f"runtime {name}: making the environment"))
    _run([base, "-m", "venv", str(folder)], name)
    python = str(python_of(folder))
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--progress-bar", "off"]
    progress(Text(ko=f"런타임 {name}: {torch} 설치 중", en=f"runtime {name}: installing {torch}"))
    _run([*pip, "--upgrade", "pip"], name)
    _run([*pip, torch], name)
    progress(Text(ko=f"런타임 {name}: 나머지 패키지 설치 중", en=f"runtime {name}: installing the rest"))
    _run([*pip, "-r", str(requirements)], name)
    ask = f"import json; print(json.dumps({{m: __import__(m).__version__ for m in {NEEDED!r}}}))"
    versions = msgspec.json.decode(_run([python, "-c", ask], name).splitlines()[-1])
    (folder / MADE).write_bytes(to_json(Made(requirements=digest, torch=torch, versions=versions)))


def _run(command: list[str], name: str) -> str:
    """stdout of `command`. Raises ClassroomError with the last line it said."""
    environment = {**os.environ, "PYTHONNOUSERSITE": "1", "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        last = said[-1][:300] if said else "?"
        raise ClassroomError(
            ko=f"런타임 {name} 을 만들지 못했습니다: {last}",
            en=f"Could not build the runtime {name}: {last}",
        ) from error
    return done.stdout


def _find_python(requirements: Path) -> str:
    """An interpreter of a version that `requirements` names. Raises ClassroomError.

    One that every user can read is preferred: a sandbox run by a service user can't use one that
    lies in root's own folder.
    """
    match = re.search(r"^# python:\s*(.+)$", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    versions = [part.strip() for part in match[1].split(",")] if match else ["3.11", "3.12", "3.13"]
    for version in versions:
        names = [
            f"/usr/bin/python{version}",
            f"/usr/local/bin/python{version}",
            shutil.which(f"python{version}"),
        ]
        if version == f"{sys.version_info.major}.{sys.version_info.minor}":
            names.append(sys.executable)
        for name in filter(None, names):
            if Path(name).exists() and _has_venv(name, version):
                return name
    raise ClassroomError(
        ko=f"런타임 {requirements.stem} 에는 venv 를 갖춘 Python 이 필요합니다 ({', '.join(versions)}). "
        "설치한 뒤 다시 해 주세요.",
        en=f"The runtime {requirements.stem} takes a Python with venv, one of {', '.join(versions)}. "
        "Install it and try again.",
    )


def _has_venv(python: str, version: str) -> bool:
    """Is it really that version (pyenv's shims may not be), able to make environments?"""
    ask = "import ensurepip, venv, sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", ask], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == version


def _made(folder: Path) -> str:
    """The digest `folder` was built from; '' if it isn't whole."""
    try:
        made = from_json((folder / MADE).read_bytes(), Made)
    except (OSError, msgspec.MsgspecError):
        return ""
    return made.requirements if python_of(folder).exists() else ""


def _grader_can_run() -> bool:
    """Is the run extra there? Looked up, not imported."""
    return all(importlib.util.find_spec(module) for module in NEEDED)
