"""Which language the command line speaks. Korean unless asked: `--lang en` or GRADER_LANG=en."""

from __future__ import annotations

import os
import sys

from grader.records import Text


def language(argv: list[str] | None = None) -> str:
    """'ko' or 'en', from `argv` (help texts are made before options are parsed) or the environment."""
    words = sys.argv[1:] if argv is None else argv
    for here, word in enumerate(words):
        if word.startswith("--lang="):
            return _known(word.removeprefix("--lang="))
        if word == "--lang" and here + 1 < len(words):
            return _known(words[here + 1])
    return _known(os.environ.get("GRADER_LANG", "ko"))


def say(ko: str, en: str) -> str:
    """The one of two texts that is in the command line's language."""
    return Text(ko=ko, en=en).in_(language())


def _known(name: str) -> str:
    return "en" if name.lower().startswith("en") else "ko"
