"""The full profile without the real network: a loopback server and a stand-in for the hub's client."""

from __future__ import annotations

import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from grader import classroom
from grader.classroom import assemble, data, fetching, gpu, models
from grader.errors import ClassroomError

POCKET_MODEL = assemble.POCKET / "model"


class Server(ThreadingHTTPServer):
    """Serves `files` from memory; `cut` ends the next answers after so many bytes."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cut: list[int] = []
        self.ranges = True
        self.asked: list[tuple[str, str | None]] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name, wanted = self.path.rsplit("/", 1)[1], self.headers["Range"]
        self.server.asked.append((name, wanted))
        content = self.server.files.get(name)
        if content is None:
            return self.send_error(404)
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.ranges else 0
        if begin and begin >= len(content):
            return self.send_error(416)
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        body = content[begin:]
        self.wfile.write(body[: self.server.cut.pop(0)] if self.server.cut else body)
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def fetch(server, target, progress=lambda text: None):
    fetching.download(server.url(target.name), target, progress, wait=0.01)


def test_download_arrives_whole(server, tmp_path):
    server.files["a"] = bytes(range(256)) * 10_000
    said = []
    fetch(server, tmp_path / "a", said.append)
    assert (tmp_path / "a").read_bytes() == server.files["a"]
    assert "3/3 MB" in said[-1].en
    assert list(tmp_path.iterdir()) == [tmp_path / "a"], "no .part is left"


def test_broken_connection_goes_on_where_it_stopped(server, tmp_path):
    server.files["a"] = bytes(range(256)) * 10_000
    server.cut = [1_000_000, 500_000]
    fetch(server, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == server.files["a"]
    assert [wanted for _, wanted in server.asked] == [None, "bytes=1000000-", "bytes=1500000-"]


def test_a_later_session_goes_on_too(server, tmp_path):
    server.files["a"] = b"0123456789"
    (tmp_path / "a.part").write_bytes(b"01234")
    fetch(server, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"0123456789"
    assert server.asked == [("a", "bytes=5-")]


def test_a_server_without_ranges_begins_anew(server, tmp_path):
    server.files["a"], server.ranges = b"0123456789", False
    (tmp_path / "a.part").write_bytes(b"01234")
    fetch(server, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_a_beginning_of_something_else_is_thrown_away(server, tmp_path):
    server.files["a"] = b"0123456789"
    (tmp_path / "a.part").write_bytes(b"x" * 20)
    fetch(server, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_what_is_not_there_is_said_at_once(server, tmp_path):
    with pytest.raises(ClassroomError, match="HTTP 404"):
        fetch(server, tmp_path / "a")
    assert len(server.asked) == 1 and not list(tmp_path.iterdir())


def test_no_server_is_one_sentence(server, tmp_path):
    server.shutdown()
    server.server_close()
    with pytest.raises(ClassroomError, match="Run it again to resume"):
        fetch(server, tmp_path / "a")


@pytest.fixture
def web(server, monkeypatch):
    """NSMC's home and the hub, both on this machine; a pocket-sized model plays the real one."""
    hub = pytest.importorskip("huggingface_hub")
    for name, rows in (("ratings_train.txt", 60), ("ratings_test.txt", 40)):
        lines = "".join(f"{i}\t리뷰 {i}\t{i % 2}\n" for i in range(rows))
        server.files[name] = (data.HEADER + "\n" + lines).encode()
    monkeypatch.setattr(data, "HOME", server.url("{owner}-{repository}/{name}"))
    monkeypatch.setattr(models, "FULL_SHAPE", {"hidden_size": 128, "vocab_size": 8_000})
    server.calls, server.broken = [], False

    def snapshot_download(name, *, revision, local_dir, allow_patterns):
        server.calls.append(name)
        Path(local_dir).mkdir(parents=True, exist_ok=True)
        for pattern in allow_patterns:
            if (POCKET_MODEL / pattern).is_file():
                shutil.copy(POCKET_MODEL / pattern, local_dir)
            if server.broken:
                raise ConnectionError("connection reset\nby peer")

    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    return server


def test_full_is_downloaded_once_and_then_known(web, tmp_path):
    room = classroom.prepare("full", home=tmp_path)
    assert (room.profile, room.data_from, room.hidden_from) == ("full", "own", "test-file")
    assert (room.data / "ratings_test.txt").read_bytes() == web.files["ratings_test.txt"]
    assert (room.model / "model.safetensors").stat().st_size > 1_000_000
    asked, calls = len(web.asked), len(web.calls)
    assert classroom.prepare("full", home=tmp_path) == room
    assert (len(web.asked), len(web.calls)) == (asked, calls), "nothing is asked of the network again"


def test_halves_of_two_files_are_fetched_again_whole(web, tmp_path):
    """What an earlier session left is the beginning of another file of the same kind."""
    folder = tmp_path / "downloads" / "nsmc"
    folder.mkdir(parents=True)
    other = web.files["ratings_train.txt"].replace("리뷰".encode(), "댓글".encode())[:300]
    (folder / "ratings_train.txt.part").write_bytes(other)
    room = classroom.prepare("full", home=tmp_path)
    assert (room.data / "ratings_train.txt").read_bytes() == web.files["ratings_train.txt"]


def test_broken_model_download_can_be_repeated(web, tmp_path):
    web.broken = True
    with pytest.raises(ClassroomError, match="connection reset"):
        classroom.prepare("full", home=tmp_path)
    web.broken = False
    assert classroom.prepare("full", home=tmp_path).profile == "full"


def test_another_model_under_the_real_name_is_refused(web, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "FULL_SHAPE", {"hidden_size": 768})
    with pytest.raises(ClassroomError, match="768"):
        classroom.prepare("full", home=tmp_path)


def test_published_files_are_recognised(web, tmp_path, monkeypatch):
    from grader.classroom import data

    (tmp_path / "x").mkdir()
    for name in data.FILES:
        (tmp_path / "x" / name).write_bytes(web.files[name])
    ids = {name: data.blob_id(tmp_path / "x" / name) for name in data.FILES}
    monkeypatch.setattr(data, "OFFICIAL_BLOBS", ids)
    room = classroom.prepare("full", home=tmp_path / "home")
    assert (room.data_from, room.notes) == ("official", ())


def test_a_rebuilt_copy_is_accepted_with_a_warning(web, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "OFFICIAL_ROWS", {"ratings_train.txt": 60, "ratings_test.txt": 40})
    room = classroom.prepare("full", home=tmp_path)
    assert room.data_from == "rebuilt"
    assert "rebuilt copy" in room.notes[0].en and "다시 만든 사본" in room.notes[0].ko


def test_local_paths_need_no_network(web, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    for name in data.FILES:
        (own / name).write_bytes(web.files[name])
    room = classroom.prepare("full", model=POCKET_MODEL, data=own, home=tmp_path / "home")
    assert (web.asked, web.calls) == ([], [])
    assert classroom.prepare("full", home=tmp_path / "home") == room, "remembered"


def test_auto_takes_full_only_where_a_gpu_computes(web, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "device_present", lambda: True)
    monkeypatch.setattr(gpu, "try_cuda", lambda python: gpu.Gpu(True, "GPU"))
    own = tmp_path / "own"
    own.mkdir()
    for name in data.FILES:
        (own / name).write_bytes(web.files[name])
    home = tmp_path / "home"
    assert classroom.prepare("auto", data=own, home=home).profile == "pocket", "not prepared yet"
    classroom.prepare("full", model=POCKET_MODEL, data=own, home=home)
    assert classroom.prepare("auto", home=home).profile == "full"
    monkeypatch.setattr(gpu, "try_cuda", lambda python: gpu.Gpu(False, "driver too old"))
    assert classroom.prepare("auto", data=own, home=home).profile == "pocket"
    assert (web.asked, web.calls) == ([], []), "auto never downloads"


def test_a_given_model_means_full(web, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    for name in data.FILES:
        (own / name).write_bytes(web.files[name])
    assert classroom.prepare("auto", model=POCKET_MODEL, data=own, home=tmp_path / "home").profile == "full"
