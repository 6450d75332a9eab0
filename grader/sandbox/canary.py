"""Runs inside the sandbox, in the self-test only: tries what must fail and says what happened.

Its text is passed to `python -c` by `choosing`; imports nothing of ours. Reads a JSON object from
stdin (names of canaries outside), writes {"worked": [...], "facts": {...}} to stdout.
"""

import ctypes
import errno
import json
import os
import socket
import sys

CLONE_NEWUSER = 0x10000000


def connect(family: int, address: object) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        client.connect(address)


def read(path: str) -> None:
    with open(path) as file:
        file.read()


def write(folder: str) -> None:
    with open(os.path.join(folder, "grader-canary"), "w") as file:
        file.write("x")


def find(secret: bytes) -> None:
    listed = filter(str.isdecimal, os.listdir("/proc")) if processes() else range(1, 100_000)
    for pid in listed:
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if secret in file.read():
                    return
        except OSError:
            continue
    raise OSError("not found")


def fast_open(port: int) -> None:
    with socket.socket() as client:  # blocking: else it connects and says that it didn't
        client.sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", port))


def multipath(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262) as client:
        client.settimeout(2)
        client.connect(("127.0.0.1", port))


def new_namespace() -> None:
    if ctypes.CDLL(None).unshare(CLONE_NEWUSER):
        raise OSError("refused")


def processes() -> int:
    try:
        return sum(name.isdecimal() for name in os.listdir("/proc"))
    except OSError:
        return 0


def no_filter() -> None:
    """A call that only the filter answers with EPERM: by itself it would complain of the descriptor."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.setns(-1, 0)
    if ctypes.get_errno() == errno.EPERM:
        raise OSError("refused")


def main() -> None:
    asked = json.load(sys.stdin)
    attempts = {
        "reading a hidden file": lambda: read(asked["file"]),
        "reaching a server on 127.0.0.1": lambda: connect(socket.AF_INET, ("127.0.0.1", asked["port"])),
        "reaching a unix socket": lambda: connect(socket.AF_UNIX, asked["socket"]),
        "reaching an abstract socket": lambda: connect(socket.AF_UNIX, "\0" + asked["abstract"]),
        "finding the grader's environment": lambda: find(asked["secret"].encode()),
    }
    if asked["pid"]:  # a number means something only where process numbers are the host's
        attempts["signalling the grader"] = lambda: os.kill(asked["pid"], 0)
    if asked["harmful"]:  # left out where it is run outside, as the positive control
        attempts["opening a vsock"] = lambda: socket.socket(40, socket.SOCK_STREAM).close()
        attempts["reaching a server by TCP fast open"] = lambda: fast_open(asked["port"])
        attempts["reaching a server by MPTCP"] = lambda: multipath(asked["port"])
        attempts["making a user namespace"] = new_namespace
        attempts["meeting no filter"] = no_filter
        for folder in ("/", "/etc", "/dev", "/usr", "/home", "/run", sys.prefix):
            attempts[f"writing to {folder}"] = lambda folder=folder: write(folder)
    worked = []
    for name, attempt in attempts.items():
        try:
            attempt()
            worked.append(name)
        except OSError:
            pass
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file)
    facts = {key: status[key].strip() for key in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")}
    facts["processes"] = processes()
    facts["shm"] = os.stat("/dev/shm").st_dev
    if asked["harmful"]:
        write(os.environ["OUTBOX"])
    json.dump({"worked": worked, "facts": facts}, sys.stdout)


if __name__ == "__main__":
    main()
