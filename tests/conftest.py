"""Fixtures that several test files share."""

from __future__ import annotations

import importlib.util

import pytest

RERUNS = 2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What runs against a real clock is tried again: a shared machine stands still for seconds now and then.
    A test that fails every time fails, and the summary names each that was tried again. Never a test of what
    gets out of a sandbox: once is too often."""
    if config.pluginmanager.hasplugin("rerunfailures"):
        for item in items:
            if any(item.iter_markers("clock")):
                item.add_marker(pytest.mark.flaky(reruns=RERUNS, reruns_delay=2))


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
