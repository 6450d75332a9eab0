"""A zip of submissions -> a folder, taking notebooks and nothing else.

Names are checked before anything is written (no absolute path, no `..`, no link), sizes while reading,
since a zip's own table may lie. Called by run.py.
"""

from __future__ import annotations

import hashlib
import re
import stat
import unicodedata
import zipfile
from pathlib import Path, PurePosixPath

from grader.errors import UsageError

MAX_FILES = 5_000
MAX_FILE_BYTES = 100 * 2**20
MAX_BYTES = 2 * 2**30
TAKEN = {".ipynb", ".csv", ".md"}
"""Notebooks, a roster, and reviews. Everything else stays in the archive."""
UTF8_MARK = 0x800
"""Flag bit 11 of a zip's entry: its name is UTF-8 (APPNOTE.TXT, 4.4.4)."""
LONGEST = 240
"""Bytes of a file name; most file systems take 255."""


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack the notebooks of `archive` into `folder`; returns `folder`. Raises UsageError."""
    try:
        with zipfile.ZipFile(archive) as opened:
            _unpack(opened, folder)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise UsageError(
            ko=f"{archive}을(를) 풀 수 없습니다 ({error}). 암호 없는 zip으로 다시 저장해 주세요.",
            en=f"Can't unpack {archive} ({error}). Save it again as a zip without a password.",
        ) from error
    return folder


def _unpack(opened: zipfile.ZipFile, folder: Path) -> None:
    wanted = [info for info in opened.infolist() if _wanted(info)]
    if len(wanted) > MAX_FILES:
        raise _too_large(f"{len(wanted)} > {MAX_FILES}")
    total = 0
    for info, target in zip(wanted, _targets([_path(info) for info in wanted], folder), strict=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        size = 0
        with opened.open(info) as source, target.open("wb") as file:
            while chunk := source.read(1 << 20):
                size += len(chunk)
                total += len(chunk)
                if size > MAX_FILE_BYTES or total > MAX_BYTES:
                    raise _too_large(f"{info.filename}: {size >> 20} MiB, {total >> 20} MiB")
                file.write(chunk)


def _targets(paths: list[PurePosixPath], folder: Path) -> list[Path]:
    """Where in `folder` each of `paths` goes. Two names that are alike once cleaned get a number, so that
    neither a file nor a student's folder takes the other's place; a name that needs no cleaning keeps it."""
    given: dict[tuple[Path, str], Path] = {}
    plain = [[unicodedata.normalize("NFC", part) for part in path.parts] for path in paths]
    for parts in plain:
        place = folder
        for part in parts:
            if _part(part) != part:
                break
            place = given.setdefault((place, part), place / part)
    taken = set(given.values())
    found = []
    for parts in plain:
        place = folder
        for part in parts:
            if (place, part) not in given:
                given[place, part] = _free(place / _part(part), taken)
                taken.add(given[place, part])
            place = given[place, part]
        found.append(place)
    return found


def _free(path: Path, taken: set[Path]) -> Path:
    """`path`, or with the first number that is not taken: 'hw (2).ipynb'."""
    suffix = path.suffix if path.suffix.lower() in TAKEN else ""
    stem = path.name.removesuffix(suffix)
    number, found = 2, path
    while found in taken:
        found = path.with_name(f"{stem} ({number}){suffix}")
        number += 1
    return found


def _wanted(info: zipfile.ZipInfo) -> bool:
    path = _path(info)
    kind = stat.S_IFMT(info.external_attr >> 16)
    return (
        not info.is_dir()
        and path.suffix.lower() in TAKEN
        and not path.is_absolute()
        and ".." not in path.parts
        and not re.match(r"[A-Za-z]:", path.parts[0])
        and kind in (0, stat.S_IFREG)
    )


def _path(info: zipfile.ZipInfo) -> PurePosixPath:
    """The member's path. Some programs on Windows write backslashes; and names without the UTF-8 mark are
    read by zipfile as code page 437, while macOS means UTF-8 and a Korean Windows code page 949."""
    name = info.filename
    if not info.flag_bits & UTF8_MARK:
        try:
            raw = name.encode("cp437")
        except UnicodeEncodeError:
            raw = b""
        for encoding in ("utf-8", "cp949") if raw else ():
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return PurePosixPath(name.replace("\\", "/"))


def _part(name: str) -> str:
    """One part of a path (NFC) as any file system takes it: no sign Windows refuses, 255 bytes at most."""
    name = re.sub(r'[<>:"|?*\x00-\x1f]', "_", name).rstrip(" .") or "_"
    if len(name.encode("utf-8", "replace")) <= LONGEST:
        return name
    # Told apart by a hash, with the suffix that says what it is.
    suffix = PurePosixPath(name).suffix
    mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
    head = name.encode("utf-8", "replace")[: LONGEST - 20].decode("utf-8", "ignore")
    return f"{head}-{mark}{suffix if suffix.lower() in TAKEN else ''}"


def _too_large(what: str) -> UsageError:
    return UsageError(
        ko=f"압축을 푼 크기가 한도를 넘습니다 ({what}). 여러 개로 나누어 주세요.",
        en=f"The archive unpacks to more than the limit ({what}). Split it.",
    )
