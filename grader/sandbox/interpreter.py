"""What a Python interpreter needs to run inside: which folders, and which of them must be masked.

Called by `jail`. Asks the interpreter itself (trusted, outside, before anything of a student's runs).
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from grader.errors import SandboxError

ALWAYS_THERE = ("/usr",)


class Interpreter(NamedTuple):
    """An interpreter as it must look inside."""

    folders: tuple[Path, ...]
    """To be mounted read-only under their own names."""
    masked: tuple[Path, ...]
    """Folders below those that must be empty inside: the grader's own package."""


@functools.cache
def needs(python: str) -> Interpreter:
    """What `python` needs. Raises SandboxError if it does not start, or would expose a home folder."""
    if Path(python) == Path(sys.executable):
        prefixes = [sys.prefix, sys.base_prefix]
    else:
        question = "import sys, json; print(json.dumps([sys.prefix, sys.base_prefix]))"
        try:
            answer = subprocess.run(
                [python, "-I", "-c", question], capture_output=True, timeout=30, check=True, env={}
            )
            prefixes = json.loads(answer.stdout)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise SandboxError(
                ko=f"파이썬 {python}을(를) 실행할 수 없어요({error}). `grader setup`으로 다시 만들어 주세요.",
                en=f"The interpreter {python} does not start ({error}). Make it again with `grader setup`.",
            ) from error
    folders: dict[Path, None] = {}
    for prefix in prefixes:
        for folder in (Path(prefix), Path(os.path.realpath(prefix))):
            if not any(folder.is_relative_to(there) for there in (*ALWAYS_THERE, *folders)):
                folders[folder] = None
    for folder in folders:
        if any(private.is_relative_to(folder) for private in (Path.home(), Path.cwd())):
            raise SandboxError(
                ko=f"파이썬 환경이 {folder} 전체를 차지해서 샌드박스에 넣을 수 없어요. "
                "`.venv`처럼 따로 된 폴더에 만들어 주세요.",
                en=f"The interpreter's folder is {folder}, which holds your own files too; mounting it would "
                "show them to the notebook. Make the virtual environment in a folder of its own, `.venv`.",
            )
    package = Path(__file__).resolve().parents[1]
    masked = tuple(p for p in _packages(package) if any(p.is_relative_to(folder) for folder in folders))
    return Interpreter(tuple(folders), masked)


def _packages(package: Path) -> list[Path]:
    """The grader, when it is installed into the interpreter's own site-packages (it knows how hidden rows
    are made); a checkout beside the environment is not mounted at all."""
    return [package] if package.parent.name in ("site-packages", "dist-packages") else []
