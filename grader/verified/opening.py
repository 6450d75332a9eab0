"""Opening what came out of a student's sandbox: no link, no pipe, no size that doesn't add up.

What this is not: it doesn't know what a model is; intake.py does. A safetensors header is plain JSON, so
it can be checked without any library, and nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

MOST_METADATA = 262_144
"""Bytes of one .json."""
MOST_HEADER = 8_388_608
"""Bytes; BERT-base's header has about 25 kB."""
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
"""Per element, by safetensors' dtype names."""


class Bad(Exception):
    """The file can't be used. `args`: a key of reasons.REASONS, and a detail."""


def open_plain(path: Path) -> tuple[int, int]:
    """(file descriptor, size) of a regular file that is no link, without ever waiting for a pipe."""
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):  # where the system has no O_NOFOLLOW
            raise Bad("not-a-file")
        descriptor = os.open(path, flags)
    except OSError as error:
        raise Bad("not-a-file", error.strerror or "") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(descriptor)
        raise Bad("not-a-file")
    return descriptor, status.st_size


def metadata(path: Path) -> dict[str, Any]:
    """The probe's description; {} if there is none."""
    if not os.path.lexists(path):
        return {}
    descriptor, size = open_plain(path)
    with os.fdopen(descriptor, "rb") as file:
        if size > MOST_METADATA:
            raise Bad("metadata", f"{size:,} bytes")
        try:
            about = json.loads(file.read(MOST_METADATA))
        except (ValueError, RecursionError) as error:
            raise Bad("metadata", type(error).__name__) from error
    if not isinstance(about, dict):
        raise Bad("metadata", "no object")
    return about


def header(path: Path, biggest: int, copy: Path) -> tuple[dict[str, tuple[int, ...]], str]:
    """Tensor name → shape, and the SHA-256 of the copy made after header, sizes and file length agreed.

    Format: 8 bytes little-endian length of the header, the header (JSON), the tensors without gaps.
    https://huggingface.co/docs/safetensors
    """
    descriptor, size = open_plain(path)
    with os.fdopen(descriptor, "rb") as file:
        if size > biggest:
            raise Bad("too-large", f"{size / 1e6:,.0f} MB")
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MOST_HEADER, size - 8):
            raise Bad("damaged", "header")
        try:
            about = json.loads(file.read(length))
            tensors = {key: value for key, value in about.items() if key != "__metadata__"}
            spans = [_span(entry) for entry in tensors.values()]
        except (ValueError, RecursionError, AttributeError, TypeError, KeyError) as error:
            raise Bad("damaged", "header") from error
        end = 0
        for begin, stop in sorted(spans):
            if begin != end:
                raise Bad("damaged", "offsets")
            end = stop
        if end != size - 8 - length:
            raise Bad("damaged", "length")
        file.seek(0)
        digest = _copy(file, copy)
    return {_bare(name): tuple(entry["shape"]) for name, entry in tensors.items()}, digest


def _copy(source: BinaryIO, copy: Path) -> str:
    """SHA-256 of what was copied."""
    digest = hashlib.sha256()
    with copy.open("wb") as target:
        while chunk := source.read(1 << 20):
            digest.update(chunk)
            target.write(chunk)
    copy.chmod(0o644)  # the sandbox's user is another one
    return digest.hexdigest()


def _span(entry: dict) -> tuple[int, int]:
    """Where a tensor lies. Raises ValueError, TypeError or KeyError where the entry doesn't add up."""
    begin, stop = entry["data_offsets"]
    shape = entry["shape"]
    sizes = [begin, stop, *shape]
    if not all(isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**48 for size in sizes):
        raise ValueError(sizes)
    if len(shape) > 4 or stop - begin != math.prod(shape) * BYTES[entry["dtype"]]:
        raise ValueError(shape)
    return begin, stop


def _bare(name: str) -> str:
    """Without the prefixes of torch.nn.DataParallel and torch.compile."""
    while name.startswith(("module.", "_orig_mod.")):
        name = name.split(".", 1)[1]
    return name
