"""What the READMEs show is what happens."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from grader.cli.app import app

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.ko.md")


def example(name: str) -> tuple[list[str], str]:
    """The example's command and its output as printed in `name`."""
    text = (ROOT / name).read_text("utf-8")
    block = re.search(r"<!-- example.*?```console\n\$ grader (.*?)\n(.*?)```", text, re.S)
    return shlex.split(block[1]), block[2]


@pytest.mark.parametrize("name", READMES)
def test_the_example_is_real(name, tmp_path):
    arguments, shown = example(name)
    out = arguments.index("--out") + 1
    command = [*arguments[:out], str(tmp_path), *arguments[out + 1 :]]
    environment = os.environ | {"COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
    environment.pop("GRADER_LANG", None)
    done = subprocess.run(
        [sys.executable, "-m", "grader.cli", *command], cwd=ROOT, env=environment, capture_output=True
    )
    real = done.stdout.decode().replace(str(tmp_path), arguments[out])
    assert [line.rstrip() for line in real.strip().splitlines()] == [
        line.rstrip() for line in shown.strip().splitlines()
    ]


@pytest.mark.parametrize("name", READMES)
def test_every_command_shown_exists_and_every_public_command_is_shown(name):
    text = (ROOT / name).read_text("utf-8")
    shown = set(re.findall(r"^grader ([a-z]+)", text, re.M))
    assert shown == {command.name for command in app.registered_commands}


@pytest.mark.parametrize("name", READMES)
def test_every_folder_in_the_tree_and_every_link_exists(name):
    text = (ROOT / name).read_text("utf-8")
    tree = re.search(r"```text\n(.*?)```", text, re.S)[1]
    for line in tree.splitlines():
        root = ROOT / "grader" if line.startswith("  ") else ROOT
        names = re.match(r"\s*((?:[\w.]+(?:/|\.py) ?)+)  ", line)[1].split()
        assert names
        for name_ in names:
            assert (root / name_).exists(), name_
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / link).exists(), link
