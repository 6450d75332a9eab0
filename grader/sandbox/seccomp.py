"""The system-call filter: what namespaces do not cover, refused.

A deny-list (default: allow), because the programs inside are whole Python stacks. It closes what is not
namespaced (vsock, io_uring, keyrings), the usual first steps of kernel exploits (user namespaces, bpf,
userfaultfd) and memory that neither rlimits nor the watchdog see (memfd, System V shared memory).
Called by `jail`. Linux only; pyseccomp needs libseccomp.so.2.
"""

from __future__ import annotations

import errno
import functools
import json
import os
import tempfile
from collections.abc import Sequence

from grader.errors import SandboxError

DENIED = (  # noqa: SIM905
    # asynchronous rings create sockets of any family, vsock too, past the socket rule below
    "io_uring_setup io_uring_enter io_uring_register "
    # keyrings are shared between boxes; debugging and tracing others
    "keyctl add_key request_key bpf perf_event_open userfaultfd ptrace process_vm_readv process_vm_writev "
    "pidfd_getfd kcmp "
    # mounts and namespaces
    "mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr "
    "setns unshare open_by_handle_at name_to_handle_at fanotify_init "
    # the machine itself
    "init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff "
    "settimeofday clock_settime clock_adjtime adjtimex acct quotactl syslog vhangup iopl ioperm "
    "sethostname setdomainname lookup_dcookie nfsservctl personality"
).split()
"""Answered with EPERM."""

NESTING = ("mount", "umount2", "pivot_root", "setns", "unshare", "sethostname")
"""What one bubblewrap inside another needs; only `zygote`, our own program, ever has them."""

UNACCOUNTED = ("memfd_create", "memfd_secret", "shmget")
"""Answered with ENOSYS where there is no GPU: memory no watchdog sees. CUDA needs memfd_create."""

NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x80)
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWTIME."""

TIOCSTI, TIOCLINUX = 0x5412, 0x541C
"""Typing into the terminal of whoever started us (CVE-2017-5226)."""

FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: ipykernel and libzmq abort without the last three. They
lead nowhere: the network namespace is empty."""


STREAM, TCP, FASTOPEN = 1, 6, 0x20000000
"""SOCK_STREAM, IPPROTO_TCP, MSG_FASTOPEN."""


@functools.cache
def program(*, gpu: bool = False, host_network: bool = False, nest: bool = False) -> bytes:
    """The filter as a BPF program for `bwrap --seccomp`. Raises SandboxError without libseccomp.

    `host_network`: there is no network of one's own, and Landlock refuses TCP alone. So no UDP, no raw
    sockets, no MPTCP and no connection made by sending (TCP fast open), which pass Landlock by.
    `nest` leaves NESTING and new namespaces to a program of ours, which must load the whole filter itself
    before it lets a student's in.
    """
    try:
        import pyseccomp as sc
    except Exception as error:  # ImportError without the package, RuntimeError/OSError without the library
        raise SandboxError(
            ko=f"시스템 콜 필터를 만들 수 없어요({error}). "
            "`pip install pyseccomp`와 `apt install libseccomp2`로 설치해 주세요.",
            en=f"The system-call filter can't be made ({error}). Install it: `pip install pyseccomp` and "
            "`apt install libseccomp2`.",
        ) from error
    rules = sc.SyscallFilter(sc.ALLOW)
    refuse, absent = sc.ERRNO(errno.EPERM), sc.ERRNO(errno.ENOSYS)

    def add(action: int, name: str, *arguments: object) -> None:
        try:
            rules.add_rule(action, name, *arguments)
        except (OSError, ValueError, RuntimeError):
            if arguments:  # a name unknown to an old libseccomp or this architecture is no loss, a rule is
                raise

    for name in DENIED:
        if not (nest and name in NESTING):
            add(refuse, name)
    for name in ("clone3", *(() if gpu else UNACCOUNTED)):
        add(absent, name)  # clone3's flags lie in memory, out of a filter's sight; libc falls back to clone
    for flag in (
        () if nest else NAMESPACES[:-1]
    ):  # clone's lowest byte is the exit signal, so NEWTIME can't be asked of it
        add(refuse, "clone", sc.Arg(0, sc.MASKED_EQ, flag, flag))
    for request in (TIOCSTI, TIOCLINUX):
        add(refuse, "ioctl", sc.Arg(1, sc.MASKED_EQ, 0xFFFFFFFF, request))
    for family in range(max(FAMILIES) + 1):
        if family not in FAMILIES:
            add(sc.ERRNO(errno.EAFNOSUPPORT), "socket", sc.Arg(0, sc.EQ, family))
    add(sc.ERRNO(errno.EAFNOSUPPORT), "socket", sc.Arg(0, sc.GT, max(FAMILIES)))
    if host_network:
        for name in ("msgget", "semget", "mq_open"):  # as much the host's
            add(refuse, name)
        for family in (2, 10):
            inet = sc.Arg(0, sc.EQ, family)
            for kind in (n for n in range(16) if n != STREAM):
                add(sc.ERRNO(errno.EACCES), "socket", inet, sc.Arg(1, sc.MASKED_EQ, 0xF, kind))
            for protocol in range(1, TCP):
                add(sc.ERRNO(errno.EACCES), "socket", inet, sc.Arg(2, sc.EQ, protocol))
            add(sc.ERRNO(errno.EACCES), "socket", inet, sc.Arg(2, sc.GT, TCP))
        for name, place in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)):
            add(refuse, name, sc.Arg(place, sc.MASKED_EQ, FASTOPEN, FASTOPEN))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def profile(*, gpu: bool = False) -> str:
    """The same rules as `program`, as the JSON profile that container engines read."""

    def rule(names: Sequence[str], error: int, *arguments: tuple[int, str, int, int]) -> dict[str, object]:
        keys = ("index", "op", "value", "valueTwo")
        args = [dict(zip(keys, argument, strict=True)) for argument in arguments]
        return {"names": [*names], "action": "SCMP_ACT_ERRNO", "errnoRet": error, "args": args}

    masked, equal, above = "SCMP_CMP_MASKED_EQ", "SCMP_CMP_EQ", "SCMP_CMP_GT"
    rules = [rule(DENIED, errno.EPERM), rule(("clone3", *(() if gpu else UNACCOUNTED)), errno.ENOSYS)]
    rules += [rule(("clone",), errno.EPERM, (0, masked, flag, flag)) for flag in NAMESPACES[:-1]]
    rules += [
        rule(("ioctl",), errno.EPERM, (1, masked, 0xFFFFFFFF, request)) for request in (TIOCSTI, TIOCLINUX)
    ]
    unknown = [family for family in range(max(FAMILIES) + 1) if family not in FAMILIES]
    rules += [rule(("socket",), errno.EAFNOSUPPORT, (0, equal, family, 0)) for family in unknown]
    rules.append(rule(("socket",), errno.EAFNOSUPPORT, (0, above, max(FAMILIES), 0)))
    return json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules})


def as_fd(code: bytes) -> int:
    """`code` behind a file descriptor at position 0, not inherited unless passed on by number."""
    fd = os.memfd_create("seccomp", os.MFD_CLOEXEC)
    os.write(fd, code)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
