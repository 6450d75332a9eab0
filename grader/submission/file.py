"""Path → parsed JSON of a notebook, or a refusal in one sentence.

Not here: what a cell or an output means (`cells`, `outputs`). Called by `load` only.
"""

from __future__ import annotations

import codecs
import difflib
import hashlib
import json
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from grader.errors import UnreadableSubmission
from grader.records import Text

CHECKPOINTS = ".ipynb_checkpoints"


def refuse(ko: str, en: str) -> NoReturn:
    """Raise UnreadableSubmission with these words, safe to print anywhere."""
    clean = [text.encode("utf-8", "replace").decode() for text in (ko, en)]
    raise UnreadableSubmission(ko=clean[0], en=clean[1])


def read_bytes(path: Path, *, max_bytes: int) -> bytes:
    """The file's bytes, once it is known to be a regular, not too large, not empty file."""
    name = path.name or str(path)
    try:
        if path.is_dir():
            _refuse_directory(path)
        if not path.exists():
            _refuse_missing(path)
        if not path.is_file():
            refuse(
                f"{name}은(는) 일반 파일이 아니에요. .ipynb 파일을 지정해 주세요.",
                f"{name} is not a regular file. Name an .ipynb file.",
            )
        if path.absolute().parent.name == CHECKPOINTS:
            _refuse_checkpoint(path)
        size = path.stat().st_size
        if size > max_bytes:
            _refuse_large(name, size, max_bytes)
        with path.open("rb") as stream:
            raw = stream.read(max_bytes + 1)
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or str(problem)
        refuse(
            f"{name}을(를) 열 수 없어요({why}). 경로와 읽기 권한을 확인해 주세요.",
            f"{name} can't be opened ({why}). Check the path and the permissions.",
        )
    if len(raw) > max_bytes:
        _refuse_large(name, len(raw), max_bytes)
    if not raw.strip(b" \t\r\n\x00"):
        refuse(
            f"{name}은(는) 빈 파일이에요. Jupyter에서 노트북을 다시 저장한 뒤 제출해 주세요.",
            f"{name} is an empty file. Save the notebook again in Jupyter and hand that in.",
        )
    return raw


def digest(raw: bytes) -> str:
    """SHA-256 of the file, in hex."""
    return hashlib.sha256(raw).hexdigest()


def parse(raw: bytes, name: str, notes: list[Text]) -> dict[str, Any]:
    """The JSON object in `raw`, whatever its encoding; refuses what is no JSON object."""
    _refuse_lookalikes(raw, name)
    try:
        content = _utf8(raw, name, notes)
        try:
            parsed = msgspec.json.decode(content)
        except (msgspec.DecodeError, ValueError):
            # The standard library accepts NaN and lone surrogates, and knows the line of an error.
            parsed = json.loads(content.decode("utf-8", "replace"))
    except json.JSONDecodeError as problem:
        refuse(
            f"{name}은(는) 올바른 JSON이 아니에요({problem.lineno}번째 줄). 파일이 잘렸거나 손으로 고쳐진 것 "
            "같으니 Jupyter에서 열어 다시 저장하거나 다시 내려받아 주세요.",
            f"{name} is not valid JSON (line {problem.lineno}: {problem.msg}). It was cut off or edited by "
            "hand; save it again in Jupyter or download it again.",
        )
    except (RecursionError, ValueError, OverflowError):
        refuse(
            f"{name}은(는) JSON이 너무 깊게 중첩되어 읽을 수 없어요. Jupyter에서 열어 다시 저장해 주세요.",
            f"{name} is nested too deeply to be a notebook. Open it in Jupyter and save it again.",
        )
    if not isinstance(parsed, dict) or not ("cells" in parsed or "worksheets" in parsed):
        refuse(
            f"{name}은(는) JSON이지만 노트북이 아니에요('cells'가 없음). .ipynb 파일을 지정해 주세요.",
            f"{name} is JSON but not a Jupyter notebook (it has no 'cells'). Name an .ipynb file.",
        )
    return parsed


def as_format_4(notebook: dict[str, Any], name: str, notes: list[Text]) -> dict[str, Any]:
    """`notebook` with a list under 'cells': itself, or upgraded from format 1 to 3 by nbformat."""
    version = notebook.get("nbformat")
    if isinstance(notebook.get("cells"), list):
        if isinstance(version, int) and version > 4:
            notes.append(
                Text(
                    ko=f"노트북 형식이 {version}이라 형식 4로 읽었어요.",
                    en=f"The notebook's format is {version}; it was read as format 4.",
                )
            )
        return notebook
    shown = version if isinstance(version, int) else "?"
    try:
        import nbformat  # slow to import, and rarely needed

        upgraded = nbformat.convert(nbformat.from_dict(notebook), 4)
        if not isinstance(upgraded.get("cells"), list):
            raise TypeError("no list of cells")
    except Exception:  # whatever nbformat raises on a damaged old notebook, the fix is the same
        refuse(
            f"{name}은(는) 노트북 형식 {shown}이고 자동으로 바꿀 수 없어요. "
            f"`jupyter nbconvert --to notebook --nbformat 4 {name}`으로 바꾸거나 "
            "Jupyter에서 다시 저장해 주세요.",
            f"{name} has notebook format {shown} and can't be upgraded here. Convert it with "
            f"`jupyter nbconvert --to notebook --nbformat 4 {name}`, or save it again in Jupyter.",
        )
    notes.append(
        Text(
            ko=f"옛 노트북 형식 {shown}을(를) 형식 4로 바꾸어 읽었어요.",
            en=f"The old notebook format {shown} was upgraded to format 4 for reading.",
        )
    )
    return upgraded


def refuse_empty(path: Path, name: str, cells: int) -> NoReturn:
    """Refuse a notebook without code, naming the other notebooks that lie beside it."""
    try:
        beside = sorted(other.name for other in path.parent.glob("*.ipynb") if other.name != path.name)
    except OSError:
        beside = []
    what = ("셀이 하나도 없어요", "has no cells") if not cells else ("코드가 없어요", "has no code")
    if beside:
        shown = ", ".join(beside[:3]) + (" …" if len(beside) > 3 else "")
        refuse(
            f"{name}에는 {what[0]}. 같은 폴더에 있는 다른 노트북({shown})이 제출물인지 확인해 주세요.",
            f"{name} {what[1]}. Perhaps the work is in another notebook beside it: {shown}.",
        )
    refuse(
        f"{name}에는 {what[0]}. 작업한 내용을 저장한 노트북을 지정해 주세요.",
        f"{name} {what[1]}. Name the notebook that holds the work.",
    )


def _refuse_directory(path: Path) -> NoReturn:
    found = sorted(child.name for child in path.glob("*.ipynb") if child.is_file())
    if found:
        refuse(
            f"{path}은(는) 폴더예요. 안에 노트북이 {len(found)}개 있으니 하나를 지정해 주세요. "
            f"예: {path / found[0]}",
            f"{path} is a folder with {len(found)} notebook{'s' if len(found) > 1 else ''} in it. "
            f"Name one, e.g. {path / found[0]}",
        )
    refuse(
        f"{path}은(는) 폴더이고 안에 노트북이 0개예요. .ipynb 파일을 지정해 주세요.",
        f"{path} is a folder with 0 notebooks in it. Name an .ipynb file.",
    )


def _refuse_missing(path: Path) -> NoReturn:
    siblings = [child.name for child in path.parent.glob("*.ipynb")] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, siblings, n=1)
    hint = (f" 혹시 {close[0]}인가요?", f" Did you mean {close[0]}?") if close else ("", "")
    refuse(
        f"{path} 파일이 없어요. 경로를 확인해 주세요.{hint[0]}",
        f"There is no file {path}. Check the path.{hint[1]}",
    )


def _refuse_checkpoint(path: Path) -> NoReturn:
    original = path.absolute().parent.parent / path.name.replace("-checkpoint.ipynb", ".ipynb")
    if original.exists():
        refuse(
            f"{path.name}은(는) Jupyter의 자동 저장 사본이에요. 원본 {original}을(를) 지정해 주세요.",
            f"{path.name} is an autosaved copy of Jupyter's. Name the original, {original}",
        )
    refuse(
        f"{path.name}은(는) Jupyter의 자동 저장 사본이에요. 원본({original.name})을 찾아 지정하거나 "
        f"사본을 {CHECKPOINTS} 폴더 밖으로 옮겨 주세요.",
        f"{path.name} is an autosaved copy of Jupyter's. Name the original ({original.name}), or move "
        f"the copy out of {CHECKPOINTS}.",
    )


def _refuse_large(name: str, size: int, limit: int) -> NoReturn:
    def shown(n: int) -> str:
        return f"{n / 1e6:.0f} MB" if n >= 1e6 else f"{n} bytes"

    refuse(
        f"{name}은(는) {shown(size)}이고 한도는 {shown(limit)}예요. 출력을 지우고 다시 저장해 주세요.",
        f"{name} is {shown(size)}; the limit is {shown(limit)}. Clear the outputs and save again.",
    )


def _refuse_lookalikes(raw: bytes, name: str) -> None:
    """Things that are often saved under the name of a notebook, each with its own fix."""
    head = raw[:2000].lstrip(codecs.BOM_UTF8 + b" \t\r\n")
    if head.startswith(b"version https://git-lfs"):
        refuse(
            f"{name}은(는) Git LFS 포인터일 뿐이에요. `git lfs pull`로 실제 파일을 받아 주세요.",
            f"{name} is only a Git LFS pointer. Fetch the file itself with `git lfs pull`.",
        )
    if head[:1] == b"<" and not head.startswith(b"<<<<<<<"):
        refuse(
            f"{name}은(는) 웹 페이지를 저장한 파일이에요. GitHub의 'Raw' 또는 'Download'로 받아 주세요.",
            f"{name} is a saved web page. Use GitHub's 'Raw' or 'Download' to get the notebook.",
        )
    if head.startswith(b"PK\x03\x04"):
        refuse(
            f"{name}은(는) ZIP 압축 파일이에요. 압축을 풀고 안의 .ipynb 파일을 지정해 주세요.",
            f"{name} is a ZIP archive. Unpack it and name the .ipynb file inside.",
        )
    if b"\n<<<<<<< " in raw and b"\n=======" in raw and b"\n>>>>>>> " in raw:
        refuse(
            f"{name}에는 풀지 않은 Git 병합 충돌(<<<<<<<)이 있어요. 해결하고 다시 저장해 주세요.",
            f"{name} holds an unresolved git merge conflict (<<<<<<<). Resolve it and save again.",
        )


def _utf8(raw: bytes, name: str, notes: list[Text]) -> bytes:
    """`raw` as UTF-8 without a byte order mark; a note where it was something else."""
    marks = (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
        (b"{\x00", "utf-16-le"),
        (b"\x00{", "utf-16-be"),
    )
    if raw.startswith(codecs.BOM_UTF8):
        notes.append(
            Text(ko="파일 앞의 BOM 표시를 빼고 읽었어요.", en="A byte order mark at the start was skipped.")
        )
        raw = raw[len(codecs.BOM_UTF8) :]
    encoding = next((name_ for mark, name_ in marks if raw.startswith(mark)), "")
    if not encoding:
        try:
            raw.decode("utf-8")
            return raw
        except UnicodeDecodeError:
            encoding = "cp949"  # what Korean Windows editors save
    try:
        text = raw.decode(encoding)
        said = encoding.upper()
    except UnicodeDecodeError:
        text, said = raw.decode("utf-8", "replace"), ""
    if said:
        notes.append(
            Text(
                ko=f"파일 인코딩이 {said}라서 UTF-8로 바꾸어 읽었어요.",
                en=f"The file is encoded in {said}; it was converted to UTF-8 for reading.",
            )
        )
    else:
        notes.append(
            Text(
                ko="UTF-8이 아닌 글자가 있어 �로 바꾸어 읽었어요.",
                en="Some bytes are not UTF-8; they were read as �.",
            )
        )
    return text.encode("utf-8", "replace")
