"""The positive controls of the attacks on a kernel's client: an ordinary kernel, an ordinary client.

No sandbox, no clock, no byte budget, no limit on messages: what grading tools do that read a kernel
with jupyter_client's defaults. Run as a program, so that the memory it loses is its own; prints what
each attack achieved as one JSON object. Not a test file: `test_sandbox_limits` reads its answers.

A control shows that an attack can succeed, so once is enough: on a shared machine that stalls for
seconds, an attack that didn't is tried again, each time on a kernel of its own.
"""

from __future__ import annotations

import json
import queue
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TRIES = 3
_at_first = 0.0
PATIENCE = 60.0  # seconds for what an ordinary kernel does at once
FORGED_IDLE = """
import time
kernel = get_ipython().kernel
asked = kernel.get_parent("shell")
kernel.session.send(kernel.iopub_socket, "status", {"execution_state": "idle"}, parent=asked)
time.sleep(1.0)
"""


def main() -> None:
    global _at_first
    said, _at_first = {}, memory_mb()
    for attack, achieved in ATTACKS.items():
        for _ in range(TRIES):
            try:
                with kernel() as (manager, client):
                    said[attack.__name__] = attack(manager, client)
            except (RuntimeError, OSError, queue.Empty, TimeoutError, subprocess.TimeoutExpired):
                traceback.print_exc()
            if attack.__name__ in said and achieved(said[attack.__name__]):
                break
    json.dump(said, sys.stdout)
    sys.exit(len(said) < len(ATTACKS))


@contextmanager
def kernel() -> Iterator[tuple]:
    from jupyter_client.manager import KernelManager

    manager = KernelManager()
    manager.start_kernel()
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def seconds_until_idle_is_believed(manager, client) -> float:
    began, asked = time.monotonic(), client.execute(FORGED_IDLE)
    while (message := client.get_iopub_msg(timeout=PATIENCE))["parent_header"].get("msg_id") != asked or (
        message["content"].get("execution_state") != "idle"
    ):
        pass
    return time.monotonic() - began


def bytes_of_endless_output(manager, client) -> int:
    client.execute("while True:\n    print('x' * 10_000)")
    took, until = 0, time.monotonic() + 1.0
    while time.monotonic() < until:
        took += len(str(client.get_iopub_msg(timeout=PATIENCE)["content"]))
    return took


def input_answered(manager, client) -> bool:
    return answered(client, client.execute("answer = input('password? ')", allow_stdin=True))


def megabytes_of_one_display(manager, client) -> float:
    """The peak over what it was at first, for a second try finds it as high as the first one left it."""
    before = _at_first
    client.execute("from IPython.display import display, HTML\ndisplay(HTML('x' * (200 << 20)))")
    while client.get_iopub_msg(timeout=PATIENCE)["msg_type"] != "display_data":
        pass
    return memory_mb() - before


def loop_ended(manager, client) -> bool:
    return answered(client, client.execute("while True: pass"))


def patched_answered(manager, client) -> tuple[bool, bool]:
    """Does it answer, and does it seem alive?"""
    asked = client.execute("get_ipython().kernel.session.pack = lambda message: 1 / 0")
    return answered(client, asked), manager.is_alive()


def exit_code_of_a_dead_kernel(manager, client) -> int:
    client.execute("import os; os._exit(0)")
    return manager.provisioner.process.wait(PATIENCE)


# What each has to come to, for the attack to have succeeded.
ATTACKS: dict[Callable, Callable[..., bool]] = {
    megabytes_of_one_display: lambda size: size > 150,  # first: memory is a peak
    seconds_until_idle_is_believed: lambda seconds: seconds < 0.9,
    bytes_of_endless_output: lambda size: size > 10_000_000,
    input_answered: lambda yes: not yes,
    loop_ended: lambda yes: not yes,
    patched_answered: lambda said: said == (False, True),
    exit_code_of_a_dead_kernel: lambda code: code == 0,
}


def answered(client, asked: str, seconds: float = 1.5) -> bool:
    """Does the shell answer this request in time?"""
    until = time.monotonic() + seconds
    try:
        while client.get_shell_msg(timeout=until - time.monotonic())["parent_header"]["msg_id"] != asked:
            pass
    except (queue.Empty, ValueError):
        return False
    return True


def memory_mb() -> float:
    """Peak of this program's own memory. Not ru_maxrss: that starts with the peak of whoever started it."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


if __name__ == "__main__":
    main()
