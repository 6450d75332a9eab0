"""Starts one program as another user under Landlock and the system-call filter, and ends all of it.

Run by `landlock` as root: `python -I -S confine.py SPEC FILTER LEASH [FD …]`, descriptors all: a JSON
object, a BPF program, a pipe that closes when the grader lets go or is gone, and what the program keeps.
Imports nothing of ours. It trusts SPEC: nothing of a student's has been read yet.

Two processes: the first stays root, adopts and reaps orphans, and kills every process of the user once
the program or the grader ends; the user is this sandbox's alone. The second gives up everything and execs.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV, MS_RDONLY = 4096, 16384, 1 << 18, 2, 4, 1
SUBREAPER, NO_NEW_PRIVS, PDEATHSIG, SECCOMP, BOUNDING_DROP = 36, 38, 1, 22, 24
CREATE, ADD, RESTRICT = 444, 445, 446
"""System calls of Landlock; the same numbers on every architecture."""
FILE = 0b111 | 1 << 14 | 1 << 15
"""Rights that files have: execute, write, read, truncate, ioctl."""
READ = 1 | 1 << 2 | 1 << 3
"""Execute, read a file, list a folder."""
RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights to files from that version on."""
BIND_TCP, CONNECT_TCP, ABSTRACT, SIGNAL = 1, 2, 1, 2

libc = ctypes.CDLL(None, use_errno=True)


class Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("fd", ctypes.c_int32))


class Port(ctypes.Structure):
    _fields_ = (("rights", ctypes.c_uint64), ("port", ctypes.c_uint64))


class Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("code", ctypes.c_void_p))


def check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def own_mounts(spec: dict) -> bool:
    """Where root may: /dev/shm of one's own, the grader's code out of sight, and paths below folders that
    the user can't enter made reachable. Nobody else sees these mounts."""
    if libc.unshare(CLONE_NEWNS):
        return False
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount / private")
    size = f"mode=1777,size={spec['shm_mb']}m".encode()
    check(libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", MS_NOSUID | MS_NODEV, size), "mount /dev/shm")
    paths = [path for path in (*spec["read"], *spec["write"]) if os.path.exists(path)]
    opened = {path: os.open(path, os.O_PATH) for path in paths}
    closed = {folder for path in paths if (folder := closed_above(path, spec["uid"]))}
    for folder in sorted(closed):
        check(
            libc.mount(b"tmpfs", folder.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=0711,size=1m"),
            folder,
        )
    for path, fd in sorted(opened.items()):
        if any(path.startswith(folder + "/") for folder in closed) and not os.path.exists(path):
            if os.path.isdir(f"/proc/self/fd/{fd}"):
                os.makedirs(path, 0o755)
            else:
                os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
            source = f"/proc/self/fd/{fd}".encode()
            check(libc.mount(source, path.encode(), None, MS_BIND | MS_REC, None), path)
        os.close(fd)
    for folder in spec["masked"]:
        check(libc.mount(b"tmpfs", folder.encode(), b"tmpfs", MS_RDONLY, b"size=4k"), folder)
    return True


def closed_above(path: str, uid: int) -> str:
    """The topmost folder above `path` that `uid` may not enter, '' if there is none."""
    parts = os.path.realpath(path).split("/")[1:-1]
    for depth in range(1, len(parts) + 1):
        folder = "/" + "/".join(parts[:depth])
        status = os.stat(folder)
        if not status.st_mode & 0o001 and status.st_uid != uid:
            return folder
    return ""


def restrict(spec: dict) -> None:
    """From here on only what is named can be opened. Negotiated with the kernel's version."""
    abi = spec["abi"]
    everything = next(RIGHTS[version] for version in sorted(RIGHTS, reverse=True) if abi >= version)
    rules = Ruleset(
        everything, BIND_TCP | CONNECT_TCP if abi >= 4 else 0, ABSTRACT | SIGNAL if abi >= 6 else 0
    )
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = check(libc.syscall(CREATE, ctypes.byref(rules), size, 0), "landlock_create_ruleset")
    own = [f"/proc/{os.getpid()}"]  # /proc/self of the program; not of its children, not of anybody else
    for paths, rights in ((spec["read"] + own, READ), (spec["write"], everything)):
        for path in paths:
            try:
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            allowed = rights & everything if os.path.isdir(path) else rights & everything & FILE
            rule = Beneath(allowed, fd)
            check(libc.syscall(ADD, ruleset, 1, ctypes.byref(rule), 0), f"landlock_add_rule {path}")
            os.close(fd)
    if abi >= 4:  # port 0 is any free one: ipykernel wants one for the output of its children
        check(libc.syscall(ADD, ruleset, 2, ctypes.byref(Port(BIND_TCP, 0)), 0), "landlock_add_rule")
    check(libc.syscall(RESTRICT, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def become(spec: dict, program: bytes, keep: list[int]) -> None:
    """Give up everything and exec. Only returns by an exception."""
    uid = spec["uid"]
    if not own_mounts(spec) and spec["masked"]:
        raise OSError("the grader's own code can't be hidden here: no mount namespace to be had")
    for capability in range(64):
        libc.prctl(BOUNDING_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    check(libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    libc.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.chdir(spec["cwd"])
    restrict(spec)
    code = ctypes.create_string_buffer(program, len(program))
    rules = Filter(len(program) // 8, ctypes.cast(code, ctypes.c_void_p))
    check(libc.prctl(SECCOMP, 2, ctypes.byref(rules), 0, 0), "seccomp")
    for fd in keep:
        os.set_inheritable(fd, True)
    os.execve(spec["argv"][0], spec["argv"], spec["env"])


def end(uid: int) -> None:
    """Kill every process of `uid` by one call that no fork can slip through, until none is left."""
    while True:
        killer = os.fork()
        if killer == 0:
            with contextlib.suppress(OSError):
                os.setresuid(uid, uid, uid)
                os.kill(-1, signal.SIGKILL)  # only reached as `uid`; spares the caller
            os._exit(0)
        os.waitpid(killer, 0)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:  # all that was adopted
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def main() -> None:
    spec_fd, filter_fd, leash, *keep = (int(argument) for argument in sys.argv[1:])
    with os.fdopen(spec_fd) as file, os.fdopen(filter_fd, "rb") as code:
        spec, program = json.load(file), code.read()
    libc.prctl(SUBREAPER, 1, 0, 0, 0)
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    child = os.fork()
    if child == 0:
        try:
            for procs in filter(None, spec["procs"]):
                with open(procs, "w") as file:
                    file.write(str(os.getpid()))
            os.close(leash)
            become(spec, program, keep)
        except BaseException as error:
            os.write(2, f"confine: {error}\n".encode())
        os._exit(126)
    for fd in (*keep, 0, 1, 2):  # ours would keep them open after the program's end
        os.close(fd)
    code = 137
    while True:
        ready = select.select([leash, wake], [], [])[0]
        if wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)
            ended = None
            with contextlib.suppress(ChildProcessError):
                while (found := os.waitpid(-1, os.WNOHANG))[0]:
                    if found[0] == child:
                        ended = os.waitstatus_to_exitcode(found[1])
            if ended is not None:
                code = ended if ended >= 0 else 128 - ended
                break
        if leash in ready:
            break
    end(spec["uid"])
    os._exit(code)


if __name__ == "__main__":
    main()
