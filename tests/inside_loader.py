"""Loads grader/inside the way a kernel does, for the tests of it: a package of its own, no grader around."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

INSIDE = Path(__file__).parents[1] / "grader" / "inside"
NAME = "_grader_inside"


def load(module: str) -> ModuleType:
    """`module` of grader/inside, without installing anything."""
    if NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            NAME, INSIDE / "__init__.py", submodule_search_locations=[str(INSIDE)]
        )
        package = importlib.util.module_from_spec(spec)
        sys.modules[NAME] = package
        spec.loader.exec_module(package)
    return importlib.import_module(f"{NAME}.{module}")
