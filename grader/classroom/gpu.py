"""Is there a GPU that really computes? Asked in a subprocess, so that the grader never imports torch.

nvidia-smi answering proves nothing: a driver can be too old for the CUDA build of torch, or the
device not passed into the container. Only a tensor on the device counts.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

ASK = """
import torch
tensor = torch.zeros(1, device="cuda") + 1
print(torch.cuda.get_device_name(0), float(tensor))
"""

VERSIONS = "import torch; print('torch %s, CUDA %s' % (torch.__version__, torch.version.cuda or 'none'))"

SECONDS = 90.0
"""For importing torch and starting CUDA on a cold, busy machine."""


class Gpu(NamedTuple):
    """The answer."""

    works: bool
    detail: str
    """The device's name, or the last line of the error."""


def versions(python: str) -> str:
    """What a driver and a torch must agree on: 'driver 570.1 (CUDA 12.8), torch 2.9.0, CUDA 12.6'."""
    said = [_driver(), _said([python, "-c", VERSIONS])]
    return ", ".join(part for part in said if part)


def _driver() -> str:
    """The driver's version and the newest CUDA it runs, from the head of nvidia-smi's table."""
    table = _said(["nvidia-smi"])
    driver = re.search(r"Driver Version:\s*([\d.]+)", table)
    cuda = re.search(r"CUDA Version:\s*([\d.]+)", table)
    if driver is None:
        return ""
    return f"driver {driver[1]}" + (f" (CUDA {cuda[1]})" if cuda else "")


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def device_present() -> bool:
    """Does the system show an NVIDIA device at all? Cheap; says nothing about whether it works."""
    nodes = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg")
    return any(Path(node).exists() for node in nodes) or shutil.which("nvidia-smi") is not None


def try_cuda(python: str) -> Gpu:
    """Compute on the GPU with the torch of `python`."""
    try:
        done = subprocess.run(
            [python, "-c", ASK], capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Gpu(False, type(error).__name__)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return Gpu(done.returncode == 0, lines[-1].removesuffix(" 1.0") if lines else "no answer")
