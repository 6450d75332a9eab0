"""A program that `zygote` forked, as the driver looks at it; what is said on the way there, word by word.

Called by `warmbox`. Until the program begins the other side is our own code; process ids are still the
kernel's word (SCM_CREDENTIALS, a pidfd), never the sender's.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from grader.sandbox.jail import NotStarted

ANSWER = 40.0
"""Seconds for a child to be in its box."""


class Child:
    """The program in the box, as far as the driver looks at a `subprocess.Popen`."""

    def __init__(self, talk: socket.socket, streams: Sequence[IO[bytes] | None]) -> None:
        self._talk = talk
        self.stdin, self.stdout, self.stderr = streams
        self.pid = 0
        """Here, outside."""
        self.roots: tuple[int, ...] = ()
        """Every process of the box is one of these or below: what a student's process leaves behind
        becomes a child of the box's first one."""
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._talk], [], [], 0)[0]:
            self._read()
        return self.returncode

    def end(self) -> None:
        """After its box was killed: take its exit code, or else kill it."""
        if self.returncode is None and select.select([self._talk], [], [], 1.0)[0]:
            self._read()
        if self.returncode is None:
            if self.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
            self.returncode = 137
        self._talk.close()

    def _read(self) -> None:
        try:
            data = self._talk.recv(4096)
            self.returncode = int(json.loads(data)["code"]) if data else 137
        except (OSError, ValueError, KeyError, TypeError):
            self.returncode = 137


def roots_of(process: subprocess.Popen[bytes] | Child) -> tuple[int, ...]:
    """Process ids below which all of its sandbox is."""
    return process.roots if isinstance(process, Child) else (process.pid,)


def stream(number: int, how: int, stack: contextlib.ExitStack) -> tuple[int, IO[bytes] | None]:
    """A descriptor for the child, closed here when `stack` is, and our end of the pipe if there is one."""
    if how == subprocess.DEVNULL:
        fd = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        stack.callback(os.close, fd)
        return fd, None
    read, write = os.pipe2(os.O_CLOEXEC)
    inside, outside = (read, write) if number == 0 else (write, read)
    stack.callback(os.close, inside)
    return inside, os.fdopen(outside, "wb" if number == 0 else "rb", buffering=0)


def without_flags(argv: Sequence[str]) -> list[str]:
    rest = list(argv[1:])
    while rest and rest[0].startswith("-") and rest[0] not in ("-m", "-c"):
        del rest[0]
    return rest


def receive(talk: socket.socket, what: bytes) -> list[tuple[int, int, bytes]]:
    if not select.select([talk], [], [], ANSWER)[0]:
        raise NotStarted("no answer in time")
    try:
        data, ancillary, _, _ = talk.recvmsg(64, 256)
    except OSError as error:
        raise NotStarted(str(error)) from error
    if data != what:
        raise NotStarted("its child ended")
    return ancillary


def stamped(talk: socket.socket) -> int:
    """Process id of the sender, as it is here: the kernel's word."""
    for level, kind, content in receive(talk, b"here"):
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid = struct.unpack("3i", content[:12])[0]
            if pid > 0:
                return pid
    raise NotStarted("no credentials")


def pid_fd_of(talk: socket.socket) -> int:
    """A handle on pid 1 of the box; it can't come to mean another process."""
    for level, kind, content in receive(talk, b"box"):
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds = array.array("i", content[:4])
            return fds[0]
    raise NotStarted("no handle on the box")


def pid_of(pid_fd: int) -> int:
    """Whose handle it is, as numbered here; -1 if it has ended."""
    text = Path(f"/proc/self/fdinfo/{pid_fd}").read_text()
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pid:")), -1)


def send(talk: socket.socket, data: bytes) -> None:
    try:
        talk.send(data)
    except OSError as error:
        raise NotStarted(str(error)) from error
