"""One file from the web to the disk: resumable, with progress, never half-made under its final name.

What this is not: it doesn't know what it fetches nor whether the content is right; data.py checks that.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from grader.classroom.layout import Progress
from grader.errors import ClassroomError
from grader.records import Text

CHUNK = 1 << 20
TIMEOUT = 60.0
"""Seconds without a byte before a try is given up."""
TRIES = 4


def download(url: str, target: Path, progress: Progress, *, wait: float = 2.0) -> None:
    """Fetch `url` into `target`. A broken-off try goes on where it stopped, also in a later session.

    `wait`: seconds before the second try, doubled for each further one. Raises ClassroomError.
    """
    part = target.with_name(target.name + ".part")
    reason = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(wait * 2 ** (attempt - 1))
        try:
            if _go_on(url, part, target.name, progress):
                part.replace(target)
                return
            reason = "connection closed early"
        except urllib.error.HTTPError as error:
            reason = f"HTTP {error.code}"
            if error.code == 416:  # what lies there is no beginning of this file
                part.unlink(missing_ok=True)
            elif error.code < 500:
                break
        except (HTTPException, OSError) as error:  # URLError and time-outs are OSErrors
            reason = str(getattr(error, "reason", error)) or type(error).__name__
    raise ClassroomError(
        ko=f"{url} 를 내려받지 못했습니다 ({reason}). 다시 실행하면 이어서 받습니다. "
        "파일이 이미 있으면 --data PATH, --model PATH 로 알려 주세요.",
        en=f"Could not download {url} ({reason}). Run it again to resume, or give local files by "
        "--data PATH and --model PATH.",
    )


def _go_on(url: str, part: Path, name: str, progress: Progress) -> bool:
    """One try; True when the whole file has arrived."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        if have and response.status != 206:  # the server began anew
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with part.open("ab" if have else "wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                have += len(chunk)
                progress(_step(name, have, total))
    return total is None or have == total


def _step(name: str, have: int, total: int | None) -> Text:
    share = f"{have / 1e6:.0f}" + (f"/{total / 1e6:.0f} MB" if total else " MB")
    return Text(ko=f"{name} 내려받는 중: {share}", en=f"downloading {name}: {share}")
