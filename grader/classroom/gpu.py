"""Is there a GPU that really computes? Asked in a subprocess, so that the grader never imports torch.

nvidia-smi answering proves nothing: a driver can be too old for the CUDA build of torch, or the
device not passed into the container. Only a tensor on the device counts.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

ASK = "import torch; t = torch.zeros(1, device='cuda') + 1; print(torch.cuda.get_device_name(0), float(t))"

SECONDS = 90.0
"""For importing torch and starting CUDA on a cold, busy machine."""


class Gpu(NamedTuple):
    """The answer."""

    works: bool
    detail: str
    """The device's name, or the last line of the error."""


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
