"""What must be done once a sandbox is over, done even if the grader is killed first.

bubblewrap's processes die with their parent; those of a container engine or of a plain user don't. So a
shell beside them waits for the end of a pipe that only the grader holds, and then runs one command.
Called by `container` and `landlock`.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping, Sequence

TIMEOUT = 30.0
"""Seconds an engine may take to remove a container."""


class Leash:
    """`command` runs when `pull` is called, or when this process is gone."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            # `read` ends with the pipe. A session of its own: Ctrl-C is the grader's affair.
            ["/bin/sh", "-c", 'read _; exec "$@" >/dev/null 2>&1', "leash", *command],
            env=dict(env),
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.set_inheritable(self._process.stdin.fileno(), False)

    def pull(self) -> None:
        """Run it now and wait."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
