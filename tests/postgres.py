"""A PostgreSQL server of the tests' own: in a temporary folder, on a unix socket only, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def binaries() -> Path | None:
    """The folder of initdb and postgres, the newest version first; None where there is no server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if found:
        return found[0].parent
    there = shutil.which("initdb")
    return Path(there).resolve().parent if there else None


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The URL of a fresh, empty server; skips where none can be started."""
    pytest.importorskip("psycopg", reason="needs psycopg")
    tools = binaries()
    if tools is None:
        pytest.skip("no PostgreSQL server is installed here")
    # PostgreSQL refuses to run as root.
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        as_whom = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        data = f"{folder}/data"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        subprocess.run(
            [tools / "initdb", "-D", data, "-U", "grader", "--auth=trust", "--no-sync"],
            check=True,
            **quiet,
            **as_whom,
        )
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        control = [tools / "pg_ctl", "-D", data, "-o", options, "-w", "-t", "60"]
        subprocess.run([*control, "start"], check=True, **quiet, **as_whom)
        try:
            yield f"postgresql://grader@/postgres?host={folder}"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet, **as_whom)
