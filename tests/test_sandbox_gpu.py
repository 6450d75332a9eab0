"""A GPU in a sandbox, as far as it can be tested without one: nodes, options, lock, the look from outside."""

from __future__ import annotations

import os
import shutil
import threading

import pytest

from grader.records import Ending, Limits
from grader.sandbox import gpu, seccomp
from grader.sandbox.watch import Watch


@pytest.fixture
def dev(tmp_path):
    """Device nodes of two GPUs, made of plain files."""
    folder = tmp_path / "dev"
    folder.mkdir()
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-caps", "null"):
        (folder / name).touch()
    return folder


def test_only_one_device_and_the_shared_nodes_are_lent(dev, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    mark = f"test-{os.getpid()}-"
    first, second = (gpu.borrow(dev, mark) for _ in range(2))
    assert first.nodes == tuple(str(dev / name) for name in ("nvidia0", "nvidiactl", "nvidia-uvm"))
    assert second.index == 1 and str(dev / "nvidia0") not in second.nodes
    assert gpu.borrow(dev, mark, patience=0) is None, "both are taken"
    threading.Timer(0.3, first.give_back).start()
    third = gpu.borrow(dev, mark, patience=30)
    assert third.index == 0, "waited until it was given back"
    second.give_back()
    third.give_back()


def test_only_allowed_devices_are_lent(dev, monkeypatch):
    mark = f"allowed-{os.getpid()}-"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpu.borrow(dev, mark) is None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    lent = gpu.borrow(dev, mark)
    assert lent.index == 1
    lent.give_back()


def test_a_machine_without_a_gpu_waits_for_nothing(tmp_path):
    assert gpu.borrow(tmp_path) is None
    assert gpu.options(()) == []


def test_options_are_device_binds_before_dev_is_closed(monkeypatch):
    from grader.sandbox import arguments

    monkeypatch.setattr(arguments, "version", lambda: (0, 8, 0))
    built = arguments.build("", [], [], {}, seccomp_fd=9, info_fd=10, devices=["/dev/nvidia0"])
    place = built.index("--dev-bind")
    assert built[place : place + 3] == ["--dev-bind", "/dev/nvidia0", "/dev/nvidia0"]
    assert built[place + 3 : place + 6] == ["--ro-bind", "/sys", "/sys"]
    assert built.index("/dev") < place < built.index("--remount-ro")
    assert "--dev-bind" not in arguments.build("", [], [], {}, seccomp_fd=9, info_fd=10)


def test_cuda_gets_the_calls_it_needs():
    pytest.importorskip("pyseccomp")
    assert len(seccomp.program(gpu=True)) < len(seccomp.program())


def test_memory_above_the_limit_ends_it_by_name():
    said = {"--query-gpu=memory.total": "1000\n", gpu.ASK[0]: "7, 600\n8, 500\n9, [N/A]\nNo devices\n"}
    memory = gpu.Memory(0, lambda arguments: said[arguments[1]])
    assert memory.above([7], at_once=True) is None
    assert memory.above([7, 8], at_once=True) == 1100 and memory.peak_mb == 1100
    assert memory.above([7, 8]) is None, "keeps its pace"
    watch = Watch((), Limits(), (), gpu=memory)
    watch.processes = lambda: [7, 8]
    watch._memory_mb = lambda: 0.0
    ending, reason = watch.look(at_once=True)
    assert ending is Ending.OUT_OF_MEMORY and "GPU memory" in reason.en and "GPU 메모리" in reason.ko


def test_without_nvidia_smi_there_is_no_limit():
    assert gpu.Memory(0, lambda arguments: "").above([1], at_once=True) is None


@pytest.mark.gpu
def test_a_tensor_is_computed_inside():
    """Only on a machine with a GPU; never run so far."""
    import sys

    from grader import sandbox

    if not gpu.indices():
        pytest.skip("no NVIDIA device on this machine")
    assert shutil.which("nvidia-smi")
    code = "import torch; print(float(torch.zeros(1, device='cuda') + 1))"
    done = sandbox.run_process(
        [sys.executable, "-c", code],
        isolation=sandbox.choose("bubblewrap"),
        binds=[],
        env={},
        limits=Limits(total_seconds=120, memory_mb=16_000),
    )
    assert done.stdout.strip() == b"1.0", done.stderr[-500:]
