"""The same work on a Ray cluster: `grader batch … --ray ADDRESS`. A scheduler, nothing else differs.

Entries go to the workers with their notebook's bytes, results come back by value: no shared file system
is needed, and the gradebook stays with the driver. A lost worker's entries are done again elsewhere.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from grader.batch.entries import Done, Entry
from grader.batch.work import Order, at, crashed, do
from grader.errors import UsageError

RETRIES = 3
"""How often an entry is tried again when the node that had it is lost."""


def do_by_value(entry: Entry, order: Order, notebooks: tuple[bytes, ...]) -> Done:
    """`do`, on a machine that has the notebooks only as bytes."""
    if not entry.path:
        return do(entry, order)
    with tempfile.TemporaryDirectory(prefix="grader-") as folder:
        # The same file names as at home: they stand in the results.
        names = []
        for place, (path, content) in enumerate(zip(entry.notebooks, notebooks, strict=True)):
            local = Path(folder, str(place), Path(path).name)
            local.parent.mkdir()
            local.write_bytes(content)
            names.append(local.relative_to(folder).as_posix())
        here = msgspec.structs.replace(entry, path=names[0], parts=tuple(names) if entry.parts else ())
        done = do(here, at(order, Path(folder)))
    return msgspec.structs.replace(done, student=entry.student)


def ray_scheduler(
    address: str,
    *,
    cpus: float = 1.0,
    gpus: float = 0.0,
    started: Callable[[Entry], None] = lambda entry: None,
):
    """A scheduler for run_batch that works on the cluster at `address` ('local' starts one here).

    `cpus` and `gpus`: what one notebook takes, in Ray's units; 0.25 GPUs puts four on one device.
    Raises UsageError when Ray isn't installed or the address doesn't answer.
    """
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            ko="--ray 를 쓰려면 `pip install 'bucketing-grader[cluster]'` 로 Ray를 설치해 주세요.",
            en="--ray needs Ray: `pip install 'bucketing-grader[cluster]'`.",
        ) from error
    if not ray.is_initialized():
        try:
            _knock(address)
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
        except (OSError, ValueError, RuntimeError) as error:
            raise UsageError(
                ko=f"--ray {address}: 클러스터에 연결할 수 없습니다 ({error}).",
                en=f"--ray {address}: no cluster answers there ({error}).",
            ) from error
    remote = ray.remote(do_by_value).options(
        num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES, retry_exceptions=False
    )

    def schedule(entries: Iterable[Entry], order: Order) -> Iterator[tuple[Entry, Done]]:
        waiting, running = iter(entries), {}
        room = max(4, int(2 * ray.cluster_resources().get("CPU", 1) / max(cpus, 0.1)))
        while True:
            for entry in islice(waiting, room - len(running)):
                notebooks = tuple(Path(order.base, path).read_bytes() for path in entry.notebooks)
                running[remote.remote(entry, order, notebooks)] = entry
                started(entry)
            if not running:
                return
            ready, _ = ray.wait(list(running), num_returns=1)
            for reference in ready:
                entry = running.pop(reference)
                try:
                    yield entry, ray.get(reference)
                except ray.exceptions.RayError as error:
                    yield entry, crashed(entry, f"{type(error).__name__} after {RETRIES} retries")

    return schedule


def _knock(address: str) -> None:
    """Ray waits minutes for an address where nobody is; a socket knows in seconds. Raises OSError."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=5).close()
