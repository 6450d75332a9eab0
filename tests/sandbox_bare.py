"""The positive controls of the attacks on a kernel's client: an ordinary kernel, an ordinary client.

No sandbox, no clock, no byte budget, no limit on messages: what grading tools do that read a kernel
with jupyter_client's defaults. Run as a program, so that the memory it loses is its own; prints what
each attack achieved as one JSON object. Not a test file: `test_sandbox_limits` reads its answers.
"""

from __future__ import annotations

import json
import queue
import re
import sys
import time
from pathlib import Path

FORGED_IDLE = """
import time
kernel = get_ipython().kernel
asked = kernel.get_parent("shell")
kernel.session.send(kernel.iopub_socket, "status", {"execution_state": "idle"}, parent=asked)
time.sleep(1.0)
"""


def main() -> None:
    from jupyter_client.manager import KernelManager

    said = {}
    manager = KernelManager()
    manager.start_kernel()
    try:
        said |= with_one_kernel(manager)
    finally:
        manager.shutdown_kernel(now=True)
    json.dump(said, sys.stdout)


def with_one_kernel(manager) -> dict[str, object]:
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    said: dict[str, object] = {}

    began, asked = time.monotonic(), client.execute(FORGED_IDLE)
    while (message := client.get_iopub_msg(timeout=20))["parent_header"].get("msg_id") != asked or (
        message["content"].get("execution_state") != "idle"
    ):
        pass
    said["idle believed after"] = time.monotonic() - began
    answer(client, asked, 20)  # a second later

    asked = client.execute("while True:\n    print('x' * 10_000)")
    took, until = 0, time.monotonic() + 1.0
    while time.monotonic() < until:
        took += len(str(client.get_iopub_msg(timeout=20)["content"]))
    said["bytes of endless output"] = took
    manager.interrupt_kernel()
    answer(client, asked, 20)

    asked = client.execute("answer = input('password? ')", allow_stdin=True)
    said["input answered"] = answer(client, asked, 1.5)
    manager.interrupt_kernel()
    answer(client, asked, 20)

    before = memory_mb()
    asked = client.execute("from IPython.display import display, HTML\ndisplay(HTML('x' * (200 << 20)))")
    answer(client, asked, 60)
    while client.get_iopub_msg(timeout=60)["msg_type"] != "display_data":
        pass
    said["mb of one display"] = memory_mb() - before

    asked = client.execute("while True: pass")
    said["loop ended"] = answer(client, asked, 1.5)
    manager.interrupt_kernel()
    answer(client, asked, 20)

    asked = client.execute("get_ipython().kernel.session.pack = lambda message: 1 / 0")
    said["patched answered"] = answer(client, asked, 1.5)
    said["patched alive"] = manager.is_alive()

    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=60)
    client.execute("import os; os._exit(0)")
    process = manager.provisioner.process
    process.wait(20)
    said["exit code of a dead kernel"] = process.returncode
    client.stop_channels()
    return said


def answer(client, asked: str, seconds: float) -> bool:
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
