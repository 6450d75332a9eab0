"""Builds tests/corpus/<fault>/{submission.ipynb, expect.toml}: `python -m tests.corpus.build`.

Every notebook is written here, none is anybody's homework. Each has one realistic fault, named by its
folder. The generated files are committed, so that a reader can open them and a diff shows a change;
test_corpus.py checks that they are what this script makes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.corpus import cases_a, cases_b

HERE = Path(__file__).parent


@dataclass
class Notebook:
    """Collects cells top to bottom and counts executions as Jupyter does."""

    python: str = "3.11.9"
    cells: list[dict] = field(default_factory=list)
    count: int = 0

    def md(self, text: str) -> None:
        self._add("markdown", text)

    def code(self, source: str, *outputs: dict | Callable[[int], dict], ran: bool = True) -> int:
        """A code cell; an output may be a function of the execution count. Returns the cell's index."""
        if ran:
            self.count += 1
        made = [output(self.count) if callable(output) else output for output in outputs]
        return self._add("code", source, execution_count=self.count if ran else None, outputs=made)

    def _add(self, kind: str, source: str, **more) -> int:
        index = len(self.cells)
        lines = source.strip("\n").splitlines(keepends=True)
        self.cells.append(
            {"cell_type": kind, "id": f"cell{index:02d}", "metadata": {}, "source": lines, **more}
        )
        return index

    def to_json(self) -> str:
        notebook = {
            "cells": self.cells,
            "metadata": {
                "kernelspec": {
                    "display_name": "Python 3 (ipykernel)",
                    "language": "python",
                    "name": "python3",
                },
                "language_info": {"name": "python", "version": self.python},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def build_all() -> dict[str, tuple[str, str]]:
    """Folder name -> (submission.ipynb, expect.toml) of every case."""
    built = {}
    for make in (*cases_a.CASES, *cases_b.CASES):
        notebook = Notebook()
        expect = make(notebook)
        built[make.__name__.replace("_", "-")] = (notebook.to_json(), f"# {make.__doc__}\n{expect.strip()}\n")
    return built


def main() -> None:
    for name, (notebook, expect) in build_all().items():
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        (folder / "submission.ipynb").write_text(notebook, encoding="utf-8")
        (folder / "expect.toml").write_text(expect, encoding="utf-8")
    print(f"{len(build_all())} cases", file=sys.stderr)


if __name__ == "__main__":
    main()
