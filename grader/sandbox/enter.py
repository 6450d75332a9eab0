"""The last steps before bubblewrap, in a process of its own: cgroup, mounts, another user, exec.

Run by `jail` as `python -I -S enter.py FD`, where FD holds groups of NUL-separated strings (see `main`);
imports nothing of ours, and little else, because every kernel's start waits for it. It trusts its input:
nothing of a student's has been read yet. Needed as root, and wherever there is a cgroup to
join; an ordinary user without one starts bwrap directly.

As root: opens each source while still root, stages it by bind mount under a tmpfs on /tmp in a mount
namespace of its own (so an interpreter below a 0700 /root is reachable), then becomes an unprivileged
user for good, and only then starts bwrap, which from there on is the ordinary user's bwrap.
"""

import ctypes
import os
import sys

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV = 4096, 16384, 1 << 18, 2, 4
PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, SIGKILL = 38, 1, 9


def fail(what: str) -> None:
    code = ctypes.get_errno()
    raise OSError(code, f"{what}: {os.strerror(code)}")


def stage(libc: ctypes.CDLL, sources: list[str], at: str) -> None:
    """Bind-mount `sources[i]` at `at`/i. A folder that others may not enter is staged entry by entry."""
    if libc.unshare(CLONE_NEWNS):
        fail("unshare")
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        fail("mount / private")
    opened = [os.open(source, os.O_PATH) for source in sources]  # before the next line covers some of them
    if libc.mount(b"tmpfs", at.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=0755,size=1m"):
        fail(f"mount {at}")

    def bind(fd: int, target: str, folder: bool) -> None:
        if folder:
            os.mkdir(target, 0o755)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        if libc.mount(f"/proc/self/fd/{fd}".encode(), target.encode(), None, MS_BIND | MS_REC, None):
            fail(f"bind {target}")

    for number, fd in enumerate(opened):
        mode = os.fstat(fd).st_mode
        target, folder = f"{at}/{number}", (mode & 0o170000) == 0o040000
        if not folder or mode & 0o005 == 0o005 or os.fstat(fd).st_uid != 0:
            bind(fd, target, folder)
            continue
        os.mkdir(target, 0o755)
        for name in os.listdir(f"/proc/self/fd/{fd}"):
            if not os.path.islink(f"/proc/self/fd/{fd}/{name}"):
                child = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=fd)
                bind(child, f"{target}/{name}", (os.fstat(child).st_mode & 0o170000) == 0o040000)
                os.close(child)
            else:
                os.symlink(os.readlink(f"/proc/self/fd/{fd}/{name}"), f"{target}/{name}")
    for fd in opened:
        os.close(fd)


def main() -> None:
    with os.fdopen(int(sys.argv[1]), "rb") as file:
        groups = [part.decode().split("\0") for part in file.read().split(b"\0\0", 3)]
    (user, parent, at), cgroups, sources, argv = groups
    for procs in filter(None, cgroups):
        with open(procs, "w") as file:
            file.write(str(os.getpid()))
    if user:
        uid = int(user)
        libc = ctypes.CDLL(None, use_errno=True)
        stage(libc, sources, at)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit("the grader is gone")
    os.chdir("/")
    os.execve(argv[0], argv, {})


if __name__ == "__main__":
    main()
