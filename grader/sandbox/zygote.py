"""Runs inside the outer sandbox: imports what notebooks import, then forks one box after the other.

    python zygote.py FD        FD: a SOCK_SEQPACKET socket; `warm` is at its other end

What it is: imports, and nothing else, in the parent: nothing is computed, no thread pool is used, no event
loop, no ZeroMQ context and no IPython shell exists, because none of them survives a fork. For each child a
bubblewrap is started inside the outer one (all mounts are bubblewrap's, none are ours); the child *joins*
that box: user, mount, process, network, message-queue and host-name namespaces. Only when it has given up
every capability and loaded the system-call filter does it run the program it was asked for.
What it is not: a judge of anything. Up to that moment it runs our code only, and nothing of a student's
ever comes back to the parent: one child at a time, and the parent reads nothing from it but its end.

Mounted alone, under another name; imports nothing of ours. Python 3.9 to 3.13, x86-64 and arm64.
"""

import array
import atexit
import contextlib
import ctypes
import fcntl
import gc
import importlib
import json
import os
import resource
import runpy
import select
import signal
import socket
import struct
import sys

BWRAP_FDS = {"args": 102, "filter": 100, "info": 101}
"""The numbers that the options of the inner bubblewrap were written with."""
HOLDER = "/usr/bin/cat"
"""Keeps the box open until we are in it; what it reads it says, so we know that the box is ready."""
BOX_TIMEOUT = 20.0
JOINED = ("mnt", "ipc", "uts", "net", "cgroup")
NAMESPACES = (*JOINED, "user", "pid")
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
NS_GET_USERNS = 0xB701
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAP_AMBIENT = 1, 4, 22, 47
PR_CAPBSET_READ, PR_CAPBSET_DROP = 23, 24
SECCOMP_MODE_FILTER, PR_CAP_AMBIENT_CLEAR_ALL, CAPABILITY_VERSION_3 = 2, 4, 0x20080522
PIDFD_OPEN = 434

libc = ctypes.CDLL(None, use_errno=True)


def main():
    control = socket.socket(fileno=int(sys.argv[1]))
    own_namespaces()
    if first := os.fork():
        control.close()
        os.waitpid(first, 0)
        return
    if libc.mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None):
        fail("mount /proc")
    own = os.open("/proc/self/ns/pid", os.O_RDONLY)
    boxes, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        control.close()
        boxes.close()
        start_boxes(theirs)
        os._exit(0)
    theirs.close()
    while True:
        request, fds = receive(control)
        if not request:
            return
        asked = json.loads(request)
        if "imports" in asked:
            failed = warm_up(asked["imports"], asked["kernel_imports"])
            gc.collect()
            gc.freeze()  # so that a child's collector does not touch, and thereby copy, all of it
            control.send(json.dumps({"failed": failed}).encode())
            continue
        try:
            serve(control, boxes, own, asked, fds)
        except OSError as error:
            sys.stderr.write(f"{error}\n")
        control.send(b"free")


def own_namespaces():
    """Users, mounts and, for the next child, processes: a child can be put into the processes of a box, and
    we come back from them, only with rights over both; and bubblewrap wants a /proc of its own numbers."""
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID):
        fail("unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def receive(control):
    """One message and the descriptors that came with it."""
    room = socket.CMSG_SPACE(32 * 4)
    data, ancillary, _, _ = control.recvmsg(1 << 17, room)
    fds = array.array("i")
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    return data, list(fds)


def send(talk, data, fds):
    """One message with descriptors."""
    talk.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"{len(fds)}i", *fds))])


# ---------------------------------------------------------------- imports


def warm_up(names, as_kernel):
    """Import `names`; 'module:attribute' also looks the attribute up, for packages that load lazily.

    Those in `as_kernel` decide while they are imported how to draw progress bars: by whether a kernel's
    shell is there. In the kernel there will be one, so there is one in name for as long as they load.
    """
    failed = []
    for chosen, pretend in ((as_kernel, True), (names, False)):
        undo = pretend_kernel() if pretend and chosen else None
        for name in chosen:
            module, _, attribute = name.partition(":")
            try:
                loaded = importlib.import_module(module)
                if attribute:
                    getattr(loaded, attribute)
            except BaseException as error:  # whatever is broken or absent is the notebook's own business
                failed.append(f"{name}: {type(error).__name__}")
        if undo:
            undo()
    return failed


def pretend_kernel():
    """`get_ipython().config` says IPKernelApp until what is returned is called."""
    try:
        from IPython.core.interactiveshell import InteractiveShell
    except Exception:
        return None
    kind = type("ZMQInteractiveShell", (InteractiveShell,), {"config": {"IPKernelApp": {}}})
    InteractiveShell._instance = kind.__new__(kind)  # never initialised: a name and a setting

    def undo():
        InteractiveShell._instance = None

    return undo


# ---------------------------------------------------------------- boxes


def start_boxes(asked):
    """In a process of its own, forked before anything was imported: one box after the other.

    Small, so that starting one costs little.
    """
    while True:
        request, fds = receive(asked)
        if not request:
            return
        opened = list(fds)
        try:
            bwrap, init, holder = start_box(request.decode(), *fds)
            opened += holder
            pid_fd = libc.syscall(PIDFD_OPEN, init, 0)
            if pid_fd < 0:
                fail("pidfd_open")
            opened.append(pid_fd)
            found = [os.open(f"/proc/{init}/ns/{name}", os.O_RDONLY) for name in NAMESPACES]
            opened += found
            send(asked, b"box", [pid_fd, *found])
            os.waitpid(bwrap, 0)  # the grader ends it
        except OSError as error:
            sys.stderr.write(f"{error}\n")
        finally:
            for fd in opened:
                os.close(fd)
        asked.send(b"gone")


def start_box(bwrap, options, system_calls):
    """Start the inner bubblewrap: its process, the first one in its box, and the holder's pipes."""
    info, info_in = os.pipe()
    from_us, to_holder = os.pipe()
    from_holder, to_us = os.pipe()
    moved = {
        "args": fcntl.fcntl(options, fcntl.F_DUPFD, 200),
        "filter": fcntl.fcntl(system_calls, fcntl.F_DUPFD, 200),
        "info": fcntl.fcntl(info_in, fcntl.F_DUPFD, 200),
    }
    actions = [(os.POSIX_SPAWN_DUP2, moved[name], BWRAP_FDS[name]) for name in BWRAP_FDS]
    actions += [(os.POSIX_SPAWN_DUP2, from_us, 0), (os.POSIX_SPAWN_DUP2, to_us, 1)]
    actions += [(os.POSIX_SPAWN_CLOSE, fd) for fd in moved.values()]
    command = [bwrap, "--args", str(BWRAP_FDS["args"]), "--", HOLDER]
    started = os.posix_spawn(bwrap, command, {}, file_actions=actions)
    for fd in (info_in, from_us, to_us, *moved.values()):
        os.close(fd)
    text = b""
    while b"}" not in text:
        chunk = read(info)
        if not chunk:
            raise OSError("the inner bubblewrap did not start")
        text += chunk
    os.write(to_holder, b".")
    if read(from_holder) != b".":
        raise OSError("the inner bubblewrap ended at once")
    os.close(info)
    return started, json.loads(text)["child-pid"], (to_holder, from_holder)


def read(fd):
    if not select.select([fd], [], [], BOX_TIMEOUT)[0]:
        raise OSError("the inner bubblewrap takes too long")
    return os.read(fd, 4096)


# ---------------------------------------------------------------- one child


def serve(control, boxes, own, request, fds):
    """Fork a child into a new box, tell the grader how it ended, and wait for the end of the box."""
    talk = socket.socket(fileno=fds[0])
    opened = list(fds[1:])
    try:
        send(boxes, request["bwrap"].encode(), fds[1:3])
        word, found = receive(boxes)
        if word != b"box":
            raise OSError("no box")
        opened += found
        pid_fd, namespaces = found[0], dict(zip(NAMESPACES, found[1:]))  # noqa: B905 (Python 3.9)
        send(talk, b"box", [pid_fd])
        if libc.setns(namespaces["pid"], 0):  # of the children to come, not of this process
            fail("setns(pid)")
        child = os.fork()
        if child == 0:
            try:
                control.close()
                join(talk, namespaces)
                enter(request, fds)
                leave(run, request["argv"])
            except BaseException as error:
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(126)
        if libc.setns(own, 0):
            fail("setns(own pid)")
        while opened:  # an end of the child's pipes held here would keep the grader waiting
            os.close(opened.pop())
        _, status = os.waitpid(child, 0)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        with contextlib.suppress(OSError):
            talk.send(json.dumps({"code": code}).encode())
        receive(boxes)
    finally:
        talk.close()
        for fd in opened:
            os.close(fd)


def join(talk, namespaces):
    """Into the control group, then into all other namespaces of the box."""
    talk.send(b"here")  # the kernel stamps it with our process id; the grader puts us into a control group
    if talk.recv(16) != b"go":
        raise OSError("the grader is gone")
    outer = fcntl.ioctl(namespaces["mnt"], NS_GET_USERNS)  # owns the mounts; the second one owns nothing
    for fd in (outer, *(namespaces[name] for name in JOINED), namespaces["user"]):
        if libc.setns(fd, 0):
            fail("setns")


def enter(request, fds):
    """In the child, process 3 of its box: nothing that follows can be undone from inside."""
    os.setsid()
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        fail("prctl(PDEATHSIG)")
    os.chdir(request["work"])
    system_calls, streams, given = fds[2], fds[3:6], fds[6:]
    program = os.pread(system_calls, 1 << 16, 0)
    high = {number: fcntl.fcntl(fd, fcntl.F_DUPFD, 300) for number, fd in zip(request["pass_fds"], given)}  # noqa: B905
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
    close_others({0, 1, 2, *high.values()})
    for number, fd in high.items():
        os.dup2(fd, number, inheritable=True)
    close_others({0, 1, 2, *high})
    os.environ.clear()
    os.environ.update(request["env"])
    for name, value in request["rlimits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python has them at its start
    drop_capabilities()
    if libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0):  # joining took it away, and with it our own /proc/self
        fail("prctl(DUMPABLE)")
    load_filter(program)
    reseed()


def drop_capabilities():
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            break  # beyond the last one the kernel knows
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
    if libc.capset(header, bytes(24)):
        fail("capset")
    left = ctypes.create_string_buffer(24)
    if libc.capget(ctypes.create_string_buffer(header), left) or any(left.raw):
        fail("capget")
    if any(libc.prctl(PR_CAPBSET_READ, n, 0, 0, 0) > 0 for n in range(64)):
        raise OSError("capabilities are left")


def load_filter(program):
    """The whole deny-list, for this process and all it starts, for ever (no_new_privs is set already)."""
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]

    asked = Program(len(program) // 8, ctypes.addressof(code))
    if not program or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(asked), 0, 0):
        fail("prctl(SECCOMP)")


def close_others(keep):
    """Every descriptor but those in `keep`; whatever /proc shows."""
    begin = 0
    for fd in sorted(keep):
        if begin < fd:  # closerange(0, 0) closes everything (Python 3.11)
            os.closerange(begin, fd)
        begin = fd + 1
    os.closerange(begin, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def reseed():
    """Chance as in a fresh process, not what the parent happened to hold. (The hash seed is the parent's.)"""
    if "random" in sys.modules:
        sys.modules["random"].seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].default_generator.seed()


def fail(what):
    code = ctypes.get_errno()
    raise OSError(code, f"{what}: {os.strerror(code)}")


# ---------------------------------------------------------------- what was asked for


def leave(function, *arguments):
    """`function(*arguments)`, then end this process as Python ends."""
    code = 0
    try:
        function(*arguments)
    except SystemExit as wish:
        code = wish.code if isinstance(wish.code, int) else int(wish.code is not None)
        if isinstance(wish.code, str):
            sys.stderr.write(wish.code + "\n")
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    atexit._run_exitfuncs()
    os._exit(code & 0xFF)


def run(argv):
    """`python *argv`, as far as -c, -m and a script go."""
    if argv[0] == "-m":
        sys.argv = argv[1:]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    elif argv[0] == "-c":
        sys.argv = ["-c", *argv[2:]]
        exec(compile(argv[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = list(argv)
        runpy.run_path(argv[0], run_name="__main__")


if __name__ == "__main__":
    if sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
        del sys.path[0]
    main()
