"""Files out of a dead sandbox: what a student may have put there must lead nowhere (row 18)."""

from __future__ import annotations

import os
import pickle
import socket
import sys

import pytest

if not sys.platform.startswith("linux"):
    pytest.skip("the sandbox runs on Linux only", allow_module_level=True)

from grader.sandbox import collect as module
from grader.sandbox.collect import collect


@pytest.fixture
def outbox(tmp_path):
    (tmp_path / "labels.csv").write_text("secret labels")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "model.safetensors").write_text("secret weights")
    box = tmp_path / "out"
    box.mkdir()
    (box / "good.safetensors").write_bytes(b"weights")
    (box / "sub").mkdir()
    (box / "sub" / "also.safetensors").write_bytes(b"more")
    return box


@pytest.fixture(params=["openat2", "stepwise"])
def opener(request, monkeypatch):
    """Both ways of opening: the kernel's rule, and the one for kernels without it."""
    if request.param == "stepwise":
        monkeypatch.setattr(
            module,
            "_open",
            lambda root, path, flags: module._open_stepwise(
                root, path, flags | os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
            ),
        )


def test_plain_files_come_out(outbox, tmp_path, opener):
    taken, refused = collect(outbox, ["*.safetensors"], tmp_path / "to", max_mb=1)
    assert set(taken) == {"good.safetensors", "sub/also.safetensors"} and refused == ()
    assert (tmp_path / "to" / "sub" / "also.safetensors").read_bytes() == b"more"


@pytest.mark.parametrize(
    "trap", ["link", "link to folder", "fifo", "hard link", "socket", "sparse", "device"]
)
def test_18_traps_are_refused(outbox, tmp_path, opener, trap):
    name = "predictions.csv"
    path = outbox / name
    if trap == "link":
        path.symlink_to(tmp_path / "labels.csv")
        assert path.read_text() == "secret labels", "the control: a plain open() reads them"
    elif trap == "link to folder":
        (outbox / "dir").symlink_to(tmp_path / "elsewhere")
        name = "dir/model.safetensors"
        assert (outbox / name).read_text() == "secret weights"
    elif trap == "fifo":
        os.mkfifo(path)
    elif trap == "hard link":
        os.link(tmp_path / "labels.csv", path)
        assert path.read_text() == "secret labels"
    elif trap == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    elif trap == "sparse":
        with path.open("wb") as file:
            file.truncate(1 << 30)
    elif trap == "device":
        try:
            os.mknod(path, 0o20666, os.makedev(1, 5))
        except PermissionError:
            pytest.skip("only root makes devices")
    taken, refused = collect(outbox, ["*.csv", "dir/*"], tmp_path / "to", max_mb=4)
    assert taken == ()
    assert not (tmp_path / "to" / name).exists()
    assert len(refused) == 1 or trap == "link to folder"


def test_the_outbox_itself_may_be_a_link(outbox, tmp_path):
    moved = tmp_path / "out2"
    moved.symlink_to(tmp_path / "elsewhere")
    assert (moved / "model.safetensors").read_text() == "secret weights", "the control"
    taken, refused = collect(moved, ["*"], tmp_path / "to", max_mb=4)
    assert taken == () and refused


def test_odd_names_are_refused(outbox, tmp_path):
    for name in ("a\nb.csv", "\x1b[31m.csv", "\u202egpj.csv", "..."):
        (outbox / name).write_text("x")
    assert len(list(outbox.glob("*.csv"))) == 3, "the control: a plain glob takes them"
    taken, refused = collect(outbox, ["*.csv"], tmp_path / "to", max_mb=1)
    assert taken == () and len(refused) == 3 and all(line.isascii() for line in refused)


class Evil:
    """Unpickled, it makes the folder `made`."""

    made = ""

    def __reduce__(self):
        return os.mkdir, (self.made,)


def test_25_a_pickle_comes_out_as_bytes_that_nobody_loads(outbox, tmp_path, monkeypatch):
    monkeypatch.setattr(Evil, "made", str(tmp_path / "made by a pickle"))
    raw = pickle.dumps(Evil())
    (outbox / "model.bin").write_bytes(raw)
    assert collect(outbox, ["*.bin"], tmp_path / "to", max_mb=1) == (("model.bin",), ())
    assert (tmp_path / "to" / "model.bin").read_bytes() == raw and not os.path.exists(Evil.made)
    pickle.loads(raw)
    assert os.path.isdir(Evil.made), "the control: to load it is to run it"


def test_what_is_already_there_is_not_overwritten(outbox, tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "good.safetensors").write_bytes(b"ours")
    taken, refused = collect(outbox, ["good*"], tmp_path / "to", max_mb=1)
    assert taken == () and len(refused) == 1
    assert (tmp_path / "to" / "good.safetensors").read_bytes() == b"ours"


def test_the_limit_is_on_all_files_together(outbox, tmp_path):
    for number in range(4):
        (outbox / f"{number}.bin").write_bytes(bytes(400_000))
    taken, refused = collect(outbox, ["*.bin"], tmp_path / "to", max_mb=1)
    assert len(taken) == 2 and len(refused) == 2
