"""A GPU in a sandbox, as far as it can be tested without one: nodes, options, lock, the look from outside."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
import types

import pytest

from grader import sandbox
from grader.records import Ending, Limits
from grader.sandbox import driver, gpu, seccomp
from grader.sandbox.watch import Watch
from tests.sandbox_boxes import isolation_or_skip, notebook


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


def test_devices_may_be_named_by_uuid(dev, monkeypatch):
    """As batch grading hands them on: else a notebook would run on the CPU and nobody would know."""
    mark = f"uuid-{os.getpid()}-"
    said = "0, GPU-8932f937-aa\n1, GPU-8932ffff-bb\n"
    for allowed, expected in {
        "GPU-8932ffff-bb": [1],
        "GPU-8932ff, GPU-8932f9": [1, 0],
        "GPU-8932f": [],
        "1,7,0": [1],
        "-1": [],
    }.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
        assert gpu.offered(dev, lambda arguments: said) == expected, allowed
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-8932ffff-bb")
    lent = gpu.borrow(dev, mark, ask=lambda arguments: said)
    assert lent.index == 1
    lent.give_back()
    notes = []
    assert gpu.borrow(dev, mark, ask=lambda arguments: "", tell=notes.append) is None
    assert notes == [gpu.UNKNOWN]


def test_as_many_notebooks_share_a_device_as_it_has_seats(dev, monkeypatch):
    mark = f"seats-{os.getpid()}-"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv(gpu.SEATS, "3")
    sitting = [gpu.borrow(dev, mark, patience=0) for _ in range(4)]
    assert [lent and (lent.index, lent.seats) for lent in sitting] == [(1, 3)] * 3 + [None]
    memory = gpu.Memory(1, lambda arguments: "24000\n", seats=sitting[0].seats)
    assert memory.limit_mb == pytest.approx(gpu.SHARE * 8000)
    sitting[1].give_back()
    monkeypatch.setenv(gpu.SEATS, "1")
    assert gpu.borrow(dev, mark, patience=0) is None, "the whole device is not to be had beside the others"
    for lent in (sitting[0], sitting[2]):
        lent.give_back()
    whole = gpu.borrow(dev, mark, patience=0)
    assert whole.seats == 1
    whole.give_back()


def test_waiting_in_vain_is_told(dev, monkeypatch):
    mark, notes = f"vain-{os.getpid()}-", []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with contextlib.closing(gpu.borrow(dev, mark).locks[0]):
        assert gpu.borrow(dev, mark, patience=0, tell=notes.append) is None
    assert notes == [gpu.none_free(0)]


@pytest.mark.kernel
@pytest.mark.clock
def test_waiting_for_a_gpu_is_nobodys_time_and_is_noted(monkeypatch):
    """It counted against the program's own limit, and a notebook's kernel "did not answer in time"."""
    isolation = isolation_or_skip()

    def busy(*, tell):
        time.sleep(9)
        tell(gpu.none_free(3600))

    monkeypatch.setattr(gpu, "borrow", busy)
    done = sandbox.run_process(
        [sys.executable, "-c", "print(1)"],
        isolation=isolation,
        limits=Limits(total_seconds=8, memory_mb=512, processes=64),
    )
    assert (done.ending, done.stdout) == (Ending.COMPLETED, b"1\n")
    ran = notebook(isolation, "print(1)")
    assert gpu.none_free(3600) in ran.notes


def test_a_kernels_time_to_start_begins_once_it_has_its_gpu(monkeypatch):
    room = types.SimpleNamespace(control=None, control_inside="")
    drive = driver._Drive(room, Limits(), None)
    drive._launched = time.monotonic() - 1000
    monkeypatch.setattr(driver, "listening", lambda control: False)
    deadlines = []
    monkeypatch.setattr(drive, "_still_starting", lambda deadline: deadlines.append(deadline) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        drive.wait_ready()
    assert deadlines[0] > time.monotonic() + driver.KERNEL_START / 2


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
