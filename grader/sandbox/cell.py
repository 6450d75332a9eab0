"""One cell while it runs: what has arrived about it, and the record made of that.

Called by `driver`. Everything here comes from inside and may be forged.
"""

from __future__ import annotations

import re
import time
from typing import Any

from grader.records import CellRun, Ending, Limits
from grader.sandbox.channels import Message

IDLE_LOST = 4.0
"""Seconds of silence after the answer: the kernel drops messages, 'idle' too, when it sends too many."""
TAIL = 2000
"""Characters of text output kept."""
ANSI = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
OUT_OF_MEMORY = re.compile(r"can't allocate memory|cannot allocate memory|out of memory", re.IGNORECASE)


class Cell:
    """Feed it messages by `take`; it is `done` when the kernel has both answered and gone idle."""

    def __init__(self, index: int, limits: Limits, *, silent: bool = False) -> None:
        self.index, self.limits, self.silent = index, limits, silent
        self.request = ""
        self.bytes = 0
        """Of all messages that arrived while it ran."""
        self.error_name = self.error_value = ""
        self.stopped: Ending | None = None
        """Why we interrupted it, or what ended the kernel under it."""
        self.stopped_at = 0.0
        self._tail = ""
        self._replied = self._idle = False
        self._last = 0.0

    @property
    def done(self) -> bool:
        return self._replied and (self._idle or time.monotonic() - self._last > IDLE_LOST)

    def take(self, size: int, message: Message | None) -> None:
        """One message of `size` bytes; None if it could not be taken apart."""
        self.bytes += size
        self._last = time.monotonic()
        if message is None or message.parent != self.request:
            return  # output of a thread that an earlier cell left behind counts, but is not this cell's
        content = message.content
        if message.wire == "shell" and message.kind == "execute_reply":
            self._replied = True
            if content.get("status") == "error":
                self._fail(content)
        elif message.kind == "status":
            self._idle |= content.get("execution_state") == "idle"
        elif message.kind == "stream":
            self._say(content.get("text"))
        elif message.kind in ("execute_result", "display_data"):
            data = content.get("data")
            self._say(data.get("text/plain") if isinstance(data, dict) else None, own_line=True)
        elif message.kind == "error":
            self._fail(content)

    def run(self, order: int, seconds: float) -> CellRun:
        """The record."""
        ending = Ending.COMPLETED
        if self.stopped is not None:
            ending = self.stopped
        elif self.error_name:
            ending = Ending.CELL_ERROR
            if self.error_name.endswith("MemoryError") or OUT_OF_MEMORY.search(self.error_value):
                ending = Ending.OUT_OF_MEMORY
        return CellRun(
            index=self.index,
            ending=ending,
            seconds=seconds,
            error_name=self.error_name,
            error_value=self.error_value,
            output_tail=plain(self._tail)[-TAIL:],
            execution_order=order,
        )

    def _say(self, text: Any, *, own_line: bool = False) -> None:
        if isinstance(text, str):
            if own_line and self._tail and not self._tail.endswith("\n"):
                self._tail += "\n"
            self._tail = (self._tail + text[-4 * TAIL :])[-4 * TAIL :]

    def _fail(self, content: dict[str, Any]) -> None:
        name, value = content.get("ename"), content.get("evalue")
        self.error_name = plain(name[:400] if isinstance(name, str) else "Error")[:100]
        self.error_value = plain(value[: 4 * TAIL] if isinstance(value, str) else "")[:TAIL]


def plain(text: str) -> str:
    """`text` as a terminal would leave it: no colours, no overwritten progress bars, no control codes."""
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in ANSI.sub("", text).split("\n"))
    return CONTROL.sub("", "\n".join(lines))
