"""`doctor`: what is there, what is missing, and the one thing to do about each. Changes nothing.

What this is not: it prints nothing; the command line shows the lines.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from grader.classroom import assemble, gpu, models, runtime
from grader.classroom.layout import Classroom, find_home
from grader.errors import GraderError
from grader.records import Text

DISK_NEEDED = 4e9
"""Bytes: one runtime (about 2 GB), the real model twice (cache and classroom), scratch of a run."""


class DoctorLine(NamedTuple):
    """One thing looked at."""

    name: Text
    ok: bool
    found: Text
    fix: Text | None = None
    """What to do where it isn't ok, or would be better."""


def doctor(home: Path | None = None) -> tuple[DoctorLine, ...]:
    """Look at everything a run needs. Takes seconds: it starts CUDA and tests the isolation."""
    home = find_home(home)
    return (
        _isolation(),
        _gpu(),
        *_runtimes(home),
        *_profiles(home),
        _disk(home),
    )


def _isolation() -> DoctorLine:
    name = Text(ko="격리", en="isolation")
    try:
        from grader import sandbox

        isolation = sandbox.choose("auto")
    except GraderError as error:
        return DoctorLine(name, False, Text(ko="없음", en="none"), error.text)
    except ImportError as error:
        found = Text(ko=f"불러올 수 없음 ({error.name})", en=f"can't be loaded ({error.name})")
        return DoctorLine(name, False, found, _install_run())
    except Exception as error:  # a doctor must outlive what it looks at
        found = Text(
            ko=f"확인하다 멈춤 ({type(error).__name__}: {error})",
            en=f"looking at it failed ({type(error).__name__}: {error})",
        )
        return DoctorLine(name, False, found)
    notes = "; ".join(note.detail for note in isolation.notes)
    found = f"{isolation.name}" + (f" ({notes})" if notes else "")
    return DoctorLine(name, True, Text(ko=found, en=found))


def _gpu() -> DoctorLine:
    """A missing GPU is no fault: everything runs on a CPU with the pocket profile."""
    name = Text(ko="GPU", en="GPU")
    if not gpu.device_present():
        found = Text(ko="없음: CPU 로 실행 (pocket 프로필)", en="none: runs on the CPU (pocket profile)")
        return DoctorLine(name, True, found)
    answer, versions = gpu.try_cuda(sys.executable), gpu.versions(sys.executable)
    if answer.works:
        found = Text(
            ko=f"{answer.detail}: 텐서 계산 확인 ({versions})",
            en=f"{answer.detail}: computed a tensor ({versions})",
        )
        return DoctorLine(name, True, found)
    return DoctorLine(
        name,
        False,
        Text(
            ko=f"장치는 있지만 계산 못 함: {answer.detail} ({versions})",
            en=f"a device, but no tensor: {answer.detail} ({versions})",
        ),
        Text(
            ko="드라이버에 맞는 CUDA 빌드 torch 를 설치해 주세요 (nvidia-smi 의 CUDA 버전 이하).",
            en="Install a CUDA build of torch that fits the driver (at most nvidia-smi's CUDA version).",
        ),
    )


def _runtimes(home: Path) -> list[DoctorLine]:
    there = runtime.available(home)
    lines = []
    for name in runtime.requirement_files(home):
        title = Text(ko=f"런타임 {name}", en=f"runtime {name}")
        if name in there:
            versions = runtime.versions(name, home)
            found = ", ".join(f"{package} {versions[package]}" for package in sorted(versions)) or there[name]
            lines.append(DoctorLine(title, True, Text(ko=found, en=found)))
        else:
            fix = f"grader setup --runtime {name}"
            lines.append(DoctorLine(title, False, Text(ko="없음", en="none"), Text(ko=fix, en=fix)))
    return lines


def _profiles(home: Path) -> list[DoctorLine]:
    lines = [_embedded_model()]
    full = assemble.known_full(home)
    title = Text(ko="full 프로필", en="profile full")
    if full:
        lines.append(DoctorLine(title, True, _described(full)))
    else:
        fix = "grader setup --profile full [--model PATH --data PATH]"
        found = Text(ko="아직 없음: pocket 으로 채점", en="not there yet: graded with pocket")
        lines.append(DoctorLine(title, True, found, Text(ko=fix, en=fix)))
    pocket = [room for room in assemble.rooms(home) if room.profile == "pocket"]
    pocket.sort(key=lambda room: (room.root / assemble.MADE).stat().st_mtime)
    title = Text(ko="pocket 프로필", en="profile pocket")
    if pocket:
        lines.append(DoctorLine(title, True, _described(pocket[-1])))
    else:
        found = Text(ko="처음 쓸 때 만듦 (수 초)", en="made at first use (seconds)")
        lines.append(DoctorLine(title, True, found))
    return lines


def _embedded_model() -> DoctorLine:
    title = Text(ko="모델 (내장)", en="model (embedded)")
    try:
        config = models.check(assemble.POCKET / "model")
    except GraderError as error:
        return DoctorLine(title, False, Text(ko="없음", en="none"), error.text)
    found = f"BERT {config['num_hidden_layers']}×{config['hidden_size']}, {config['vocab_size']:,}"
    return DoctorLine(title, True, Text(ko=f"{found} 단어", en=f"{found} words"))


def _described(room: Classroom) -> Text:
    config = models.check(room.model)
    model = f"BERT {config['num_hidden_layers']}×{config['hidden_size']}"
    return Text(
        ko=f"{model}, 데이터: {room.data_from}, 숨긴 행: {room.hidden_from} ({room.root.name})",
        en=f"{model}, data: {room.data_from}, hidden rows: {room.hidden_from} ({room.root.name})",
    )


def _disk(home: Path) -> DoctorLine:
    place = home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB ({home})"
    ok = free >= DISK_NEEDED
    fix = Text(
        ko=f"{DISK_NEEDED / 1e9:.0f} GB 이상 비우거나 GRADER_HOME 을 다른 디스크로 정해 주세요.",
        en=f"Free {DISK_NEEDED / 1e9:.0f} GB or set GRADER_HOME to another disk.",
    )
    return DoctorLine(Text(ko="빈 디스크", en="free disk"), ok, Text(ko=found, en=found), None if ok else fix)


def _install_run() -> Text:
    fix = "pip install 'bucketing-grader[run]'"
    return Text(ko=fix, en=fix)
