"""The sandbox for an isolation: bubblewrap's (and none's), a container, or Landlock's. Called by `driver`
and `process`."""

from __future__ import annotations

from collections.abc import Sequence

from grader.records import Limits
from grader.sandbox.jail import Jail
from grader.sandbox.types import Bind, Isolation


def box(isolation: Isolation, *, limits: Limits, binds: Sequence[Bind] = (), python: str = "") -> Jail:
    """A fresh one, not yet started. Raises SandboxError where it can't be had."""
    if isolation.name == "container":
        from grader.sandbox.container import Container

        return Container(isolation, limits=limits, binds=binds, python=python)
    if isolation.name == "landlock":
        from grader.sandbox.landlock import Confined

        return Confined(isolation, limits=limits, binds=binds, python=python)
    return Jail(isolation, limits=limits, binds=binds, python=python)
