"""The wires to a kernel: ZeroMQ over unix sockets, the probe's pipe, stderr; all with byte counts.

What it is: connecting once, early and only to real sockets; taking apart what arrives, never trusting
its shape. What it is not: it decides nothing; `driver` does. The kernel is the student: every message
here may be forged, which can only mislead about what happened inside.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

PORTS = {"shell": 1, "iopub": 2, "stdin": 3, "control": 4, "hb": 5}
"""With transport ipc, port n is the socket file 'k-n'."""
WIRES = ("shell", "iopub", "control")
"""Those we connect to. Input is refused by the kernel itself, a heartbeat would prove nothing."""
RECEIVE_QUEUE = 200
"""Messages ZeroMQ may hold for us, each up to `Limits.message_bytes`."""
MAX_LINE = 1_000_000
"""Bytes of one event."""
PARTS = b"[{,:"
PART_COST = 32
"""Bytes charged for each part of an event beside its length: `[],[],…` takes 20 times its size as objects."""
STDERR_KEPT = 4096


class Message(NamedTuple):
    """One message of the Jupyter protocol, taken apart. Every field may be forged."""

    wire: str
    kind: str
    parent: str
    """Message id of the request it answers."""
    content: dict[str, Any]


def connection_file(folder: Path, inside: str) -> str:
    """Write the kernel's connection file into `folder`; returns the key. `inside`: its path there."""
    key = secrets.token_hex(32)
    info: dict[str, Any] = {f"{name}_port": port for name, port in PORTS.items()}
    info |= {"transport": "ipc", "ip": f"{inside}/k", "key": key, "signature_scheme": "hmac-sha256"}
    path = folder / "k.json"
    path.write_text(json.dumps(info))
    path.chmod(0o644)
    return key


def listening(folder: Path) -> bool:
    """Are all sockets there, sockets (not links to the host's), and answering?"""
    for port in PORTS.values():
        path = folder / f"k-{port}"
        try:
            if not stat.S_ISSOCK(path.lstat().st_mode):
                return False
        except OSError:
            return False
    for wire in WIRES:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as test:
            try:
                test.connect(str(folder / f"k-{PORTS[wire]}"))
            except OSError:
                return False
    return True


class Channels:
    """Connected to one kernel. Connects before any of the student's code runs, and never again."""

    def __init__(self, folder: Path, key: str, *, message_bytes: int) -> None:
        import zmq
        from jupyter_client.session import Session

        self._zmq = zmq
        self._context = zmq.Context()
        self._session = Session(key=key.encode(), signature_scheme="hmac-sha256", username="grader")
        self._poller = zmq.Poller()
        self._sockets: dict[Any, str] = {}
        self._monitors: list[Any] = []
        self._raw: dict[int, str] = {}
        self.broken = False
        """A connection is gone: the kernel is dead, or sent more than `message_bytes` at once."""
        for wire in WIRES:
            wire_socket = self._context.socket(zmq.SUB if wire == "iopub" else zmq.DEALER)
            wire_socket.set(zmq.LINGER, 0)
            wire_socket.set(zmq.MAXMSGSIZE, message_bytes)
            wire_socket.set(zmq.RCVHWM, RECEIVE_QUEUE)
            wire_socket.set(zmq.RECONNECT_IVL, -1)
            if wire == "iopub":
                wire_socket.set(zmq.SUBSCRIBE, b"")
            monitor = wire_socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            wire_socket.connect(f"ipc://{folder}/k-{PORTS[wire]}")
            self._sockets[wire_socket] = wire
            self._monitors.append(monitor)
            self._poller.register(wire_socket, zmq.POLLIN)
            self._poller.register(monitor, zmq.POLLIN)

    def watch_fd(self, fd: int, name: str) -> None:
        """Let `poll` report `fd` as `name` when it can be read."""
        self._raw[fd] = name
        self._poller.register(fd, self._zmq.POLLIN)

    def unwatch_fd(self, fd: int) -> None:
        if self._raw.pop(fd, None):
            self._poller.unregister(fd)

    def send(self, wire: str, kind: str, content: dict[str, Any]) -> str:
        """Send a request; returns its id. A wire that does not take it is `broken`."""
        wire_socket = next(s for s, name in self._sockets.items() if name == wire)
        message = self._session.msg(kind, content)
        wire_socket.set(self._zmq.SNDTIMEO, 2000)
        try:
            self._session.send(wire_socket, message)
        except self._zmq.ZMQError:
            self.broken = True
        return message["header"]["msg_id"]

    def poll(self, seconds: float) -> set[str]:
        """Wait; the names of what can be read: wires and descriptors."""
        ready = set()
        for item, _ in self._poller.poll(max(0.0, seconds) * 1000):
            if isinstance(item, int):
                ready.add(self._raw[item])
            elif item in self._sockets:
                ready.add(self._sockets[item])
            else:
                with contextlib.suppress(self._zmq.ZMQError):
                    item.recv_multipart(self._zmq.NOBLOCK)
                self.broken = True
                self._poller.unregister(item)
        return ready

    def receive(self, wire: str, most: int = 1 << 16) -> tuple[int, Message | None] | None:
        """Size and content of the next message, None if there is none.

        The content is None if it can't be taken apart or is larger than `most` bytes: what is over the
        budget anyway is not even parsed.
        """
        wire_socket = next(s for s, name in self._sockets.items() if name == wire)
        try:
            parts = wire_socket.recv_multipart(self._zmq.NOBLOCK)
        except self._zmq.ZMQError:
            return None
        size = sum(len(part) for part in parts)
        return size, self._take_apart(wire, parts) if size <= most else None

    def _take_apart(self, wire: str, parts: list[bytes]) -> Message | None:
        try:
            _, rest = self._session.feed_identities(parts)
            found = self._session.deserialize(rest)
            content, parent = found["content"], found["parent_header"]
            if not isinstance(content, dict):
                return None
            asked = parent.get("msg_id", "") if isinstance(parent, dict) else ""
            return Message(wire, str(found["header"]["msg_type"]), str(asked), content)
        except Exception:  # forged, cut or absurd: any error of the parser means the same
            return None

    def close(self) -> None:
        for wire_socket in self._sockets:
            wire_socket.disable_monitor()
            wire_socket.close(0)
        for monitor in self._monitors:
            monitor.close(0)
        self._context.destroy(0)


class Lines:
    """The probe's pipe: JSON objects, one a line, counted and cut to size."""

    def __init__(self, fd: int, most: int) -> None:
        os.set_blocking(fd, False)
        self.fd, self._left = fd, most
        self._rest = bytearray()
        self._skip = False  # inside a line that is already too long
        self.malformed = 0
        self.cut = False

    def read(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """What has arrived, each with the monotonic time of its arrival."""
        while not self.cut and self.fd >= 0:
            try:
                chunk = os.read(self.fd, 65536)
            except BlockingIOError:
                return
            except OSError:
                chunk = b""
            received = time.monotonic()
            if not chunk:
                self.close()
                return
            self._left -= len(chunk)
            self.cut = self._left < 0
            yield from ((received, data) for data in self._split(chunk))
        if self.cut:
            self.close()  # the writer gets EPIPE: cheaper for us than reading on

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _split(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        self._rest += chunk
        *lines, tail = self._rest.split(b"\n")
        for line in lines:
            if self._skip:
                self._skip = False
            elif not self.cut and (data := self._parse(bytes(line))) is not None:
                yield data
        self._rest = bytearray(tail)
        if len(self._rest) > MAX_LINE:
            self._rest.clear()
            self.malformed += not self._skip
            self._skip = True

    def _parse(self, line: bytes) -> dict[str, Any] | None:
        self._left -= PART_COST * sum(line.count(part) for part in PARTS)
        self.cut = self._left < 0
        try:
            data = None if self.cut else json.loads(line)
            if isinstance(data, dict):
                return data
        except (ValueError, RecursionError):
            pass
        self.malformed += not self.cut
        return None
