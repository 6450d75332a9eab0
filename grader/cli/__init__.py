"""The command line: parses, calls, prints. `grader check submission.ipynb`.

One file per command; nothing here knows how a notebook is judged. Exit codes: 0 all pass,
1 something failed or undecided, 2 usage, 3 the grader itself failed.
"""

from __future__ import annotations

import sys

from grader.cli.language import language, say


def main(argv: list[str] | None = None) -> None:
    """Entry point of `grader`. Ends in SystemExit with the exit codes of the module docstring."""
    from grader.cli.app import run

    raise SystemExit(run(sys.argv[1:] if argv is None else argv))


__all__ = ["language", "main", "say"]
