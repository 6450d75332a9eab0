"""Fixtures that several test files share."""

from __future__ import annotations

import importlib.util

import pytest


@pytest.fixture(scope="session")
def isolation() -> str:
    """The name of an isolation that works here; skips where a notebook can't be run safely."""
    if importlib.util.find_spec("torch") is None:
        pytest.skip("needs the run extra (torch is not installed)")
    from grader import sandbox
    from grader.errors import SandboxError

    try:
        return sandbox.choose("auto").name
    except SandboxError as error:
        pytest.skip(f"no isolation here: {error}")
