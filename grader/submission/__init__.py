"""Path → Submission: the only place that opens a student's file.

What this is: `load`, which reads any Python notebook that can be read at all, repairs what can be
repaired (and says so in `Submission.notes`), and refuses the rest in one sentence with the fix.
What this is not: it doesn't run, judge or understand anything.

`file` turns a path into parsed JSON; `cells` turns parsed JSON into cells; `outputs` reduces stored
outputs to what a witness can read. Called by the pipeline and by batch.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

from grader.errors import UnreadableSubmission
from grader.records import Submission, Text
from grader.submission import file
from grader.submission.cells import MAX_CELLS, read_cells, tidy

MAX_BYTES = 100_000_000
"""A real submission is under 1 MB, with many pictures under 20 MB."""


def load(path: Path | str, *, max_bytes: int = MAX_BYTES) -> Submission:
    """Read the notebook at `path`.

    Raises UnreadableSubmission (and nothing else) with one sentence that names the file, what is
    wrong and what to do about it.
    """
    path = Path(path)
    name = unicodedata.normalize("NFC", tidy(path.name))
    raw = file.read_bytes(path, max_bytes=max_bytes)
    notes: list[Text] = []
    notebook = file.parse(raw, name, notes)
    notebook = file.as_format_4(notebook, name, notes)
    language, python_version = _language(notebook, name)
    listed = notebook["cells"]
    if len(listed) > MAX_CELLS:
        notes.append(
            Text(
                ko=f"셀이 {len(listed)}개라 앞의 {MAX_CELLS}개만 읽었어요.",
                en=f"It has {len(listed)} cells; only the first {MAX_CELLS} were read.",
            )
        )
    cells = read_cells(listed[:MAX_CELLS], notebook.get("metadata"), notes)
    if not any(cell.kind == "code" and cell.source.strip() for cell in cells):
        file.refuse_empty(path, name, len(cells))
    return Submission(
        name=name,
        sha256=file.digest(raw),
        cells=cells,
        language=language,
        python_version=python_version,
        nbformat=4,
        notes=tuple(notes),
    )


def _language(notebook: dict[str, Any], name: str) -> tuple[str, str]:
    """The declared language, refused if it isn't Python, and its version ('' if not said)."""
    metadata = notebook.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    info = metadata.get("language_info")
    info = info if isinstance(info, dict) else {}
    kernel = metadata.get("kernelspec")
    kernel = kernel if isinstance(kernel, dict) else {}
    # language_info is written by the kernel that ran; kernelspec by whoever saved the file.
    said = [info.get("name"), kernel.get("language"), kernel.get("name")]
    said = [tidy(word).strip().lower() for word in said if isinstance(word, str) and word.strip()]
    known = {"ir": "R", "r": "R", "julia": "Julia", "scala": "Scala", "javascript": "JavaScript"}
    language = said[0] if said else "python"
    other = known.get(language.split("-")[0])
    named = bool(info.get("name") or kernel.get("language"))
    if other or (named and "python" not in language and language not in {"pyodide", "xpython", "sage"}):
        label = other or language[:40]
        raise UnreadableSubmission(
            ko=f"{name}은(는) {label} 노트북이에요. 이 채점기는 Python 노트북만 읽으니 "
            "Python 커널로 작성한 노트북을 지정해 주세요.",
            en=f"{name} is a notebook in {label}; only Python notebooks can be checked. "
            "Name a notebook with a Python kernel.",
        )
    version = info.get("version")
    return "python", tidy(version)[:20] if isinstance(version, str) else ""
