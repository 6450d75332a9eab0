"""Brings files out of a dead sandbox without being led astray by what a student put there.

Each file is opened by the kernel's own rule (openat2: stay beneath, no symbolic links, no other file
system), must be a plain file with one name, and is copied byte for byte up to a limit. Nothing is
parsed or unpickled here. Only called once everything inside is dead, so there is nobody to race with.
"""

from __future__ import annotations

import ctypes
import errno
import fnmatch
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

RESOLVE = 0x01 | 0x02 | 0x04 | 0x08
"""NO_XDEV | NO_MAGICLINKS | NO_SYMLINKS | BENEATH, include/uapi/linux/openat2.h"""
SYS_OPENAT2 = 437
"""The same number on every architecture."""
PLAIN = re.compile(r"[\w.+=@,\- ()]+(/[\w.+=@,\- ()]+)*")
MAX_SEEN, MAX_DEPTH = 10_000, 12
CHUNK = 1 << 20


def collect(
    outbox: Path, patterns: Sequence[str], to: Path, *, max_mb: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Copy what matches `patterns` (relative globs, `*` crosses folders) from `outbox` to `to`.

    Returns the paths taken, relative to `to`, and a sentence for each that was refused.
    """
    taken: list[str] = []
    refused: list[str] = []
    left = max_mb * 1024 * 1024
    try:
        root = os.open(outbox, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        return (), (f"the outbox can't be opened: {error.strerror}",)
    try:
        for name in _names(root):
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
                continue
            if not PLAIN.fullmatch(name) or ".." in name.split("/"):
                refused.append(f"{name!r}: odd name")
                continue
            try:
                copied = _take(root, name, to / name, left)
            except OSError as error:
                refused.append(f"{name}: {error.strerror or error}")
                continue
            left -= copied
            taken.append(name)
    finally:
        os.close(root)
    return tuple(taken), tuple(refused)


def _names(root: int) -> Iterator[str]:
    """Relative paths of everything below that is no folder, sorted, links included (to be refused aloud)."""
    seen = 0
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            fd = _open(root, folder, os.O_DIRECTORY) if folder else os.dup(root)
        except OSError:
            continue
        try:
            with os.scandir(fd) as entries:
                for entry in sorted(entries, key=lambda e: e.name):
                    seen += 1
                    if seen > MAX_SEEN:
                        return
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if path.count("/") < MAX_DEPTH:
                            waiting.append(path)
                    else:
                        yield path
        finally:
            os.close(fd)


def _take(root: int, name: str, target: Path, limit: int) -> int:
    fd = _open(root, name, os.O_NONBLOCK)  # NONBLOCK: a fifo must not hold us
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a plain file")
        if status.st_nlink != 1:
            raise OSError(errno.EMLINK, "has another name (hard link)")
        if status.st_size > limit:
            raise OSError(errno.EFBIG, f"{status.st_size} bytes, {limit} left of what may be collected")
        target.parent.mkdir(parents=True, exist_ok=True)
        copied = 0
        out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(out, "wb") as file:
            while copied < status.st_size and (chunk := os.read(fd, min(CHUNK, status.st_size - copied))):
                file.write(chunk)
                copied += len(chunk)
        return copied
    finally:
        os.close(fd)


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def _open(root: int, path: str, flags: int) -> int:
    """Open `path` below `root` for reading, through no link of any kind. Raises OSError."""
    flags |= os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    how = _OpenHow(flags=flags, mode=0, resolve=RESOLVE)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_OPENAT2, root, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
    if fd >= 0:
        return fd
    code = ctypes.get_errno()
    if code != errno.ENOSYS:
        raise OSError(code, os.strerror(code))
    return _open_stepwise(root, path, flags)


def _open_stepwise(root: int, path: str, flags: int) -> int:
    """The same where the kernel has no openat2 (before Linux 5.6): one component after another."""
    fd = os.dup(root)
    *folders, last = path.split("/")
    try:
        for part in folders:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
            os.close(fd)
            fd = below
        return os.open(last, flags, dir_fd=fd)
    finally:
        os.close(fd)
