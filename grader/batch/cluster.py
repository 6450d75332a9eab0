"""The same work on a Ray cluster: `grader batch … --ray ADDRESS`. A scheduler, nothing else differs.

Notebooks go to the workers by content (each once into the object store, under its hash), results come back
by value: no shared file system is needed, and the gradebook stays with the driver. A lost worker's entries
are done again elsewhere. A node whose grader or classroom is another one grades nothing: the same hashes
that are part of every result's key are compared there first.
"""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from grader.batch.entries import Done, Entry
from grader.batch.surroundings import surroundings
from grader.batch.work import Order, at, crashed, do, own_code
from grader.errors import UsageError
from grader.pipeline import Plan
from grader.records import Text
from grader.sandbox.gpu import SEATS

RETRIES = 3
"""How often an entry is tried again when the node that had it is lost."""
LOST = Text(
    ko=f"클러스터에서 결과를 받지 못했습니다(노드를 잃으면 {RETRIES}번까지 다시 합니다). "
    "노드들이 살아 있는지 확인하고 같은 명령을 다시 실행해 주세요.",
    en=f"The cluster gave no result (after the loss of a node it is tried {RETRIES} times more). "
    "See that its nodes are alive and run the same command again.",
)


def do_by_value(entry: Entry, order: Order, expected: str, *notebooks: bytes, seats: int = 0) -> Done:
    """`do`, on a machine that has the notebooks only as bytes and must be like the driver's (`expected`).

    `seats`: so many notebooks share the GPU that Ray gave this one; 0 where none was asked for.
    """
    if seats:
        os.environ[SEATS] = str(seats)
    if (found := _alike(order.plan)) != expected:
        why = Text(
            ko="다른 버전의 채점기나 교실이 있는 노드라서 채점하지 않았습니다. "
            "모든 노드에 같은 버전을 준비한 뒤 같은 명령을 다시 실행해 주세요.",
            en="The node has another grader or classroom, so it graded nothing. "
            "Prepare the same version on every node and run the same command again.",
        )
        return crashed(entry, why, f"{socket.gethostname()}: {found}, not {expected}")
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
        num_cpus=cpus,
        num_gpus=gpus,
        max_retries=RETRIES,
        retry_exceptions=False,
    )

    seats = max(1, int(1 / gpus)) if gpus else 0

    def schedule(entries: Iterable[Entry], order: Order) -> Iterator[tuple[Entry, Done]]:
        waiting = iter(entries)
        running: dict[Any, tuple[Entry, set[str]]] = {}
        # Once for all, not with every entry.
        shared, expected = ray.put(order), _alike(order.plan)
        held: dict[str, Any] = {}
        room = max(4, int(2 * ray.cluster_resources().get("CPU", 1) / max(cpus, 0.1)))
        while True:
            for entry in islice(waiting, room - len(running)):
                contents = _by_digest([Path(order.base, path).read_bytes() for path in entry.notebooks])
                for digest, content in contents:
                    held[digest] = held.get(digest) or ray.put(content)
                parts = [held[digest] for digest, _ in contents]
                task = remote.remote(entry, shared, expected, *parts, seats=seats)
                running[task] = (entry, {digest for digest, _ in contents})
                started(entry)
            if not running:
                return
            ready, _ = ray.wait(list(running), num_returns=1)
            for task in ready:
                entry, _ = running.pop(task)
                # The object store forgets what nobody holds: memory doesn't grow with the batch.
                needed = {digest for _, digests in running.values() for digest in digests}
                held = {digest: one for digest, one in held.items() if digest in needed}
                try:
                    yield entry, ray.get(task)
                except ray.exceptions.RayError as error:
                    yield entry, crashed(entry, LOST, type(error).__name__)

    return schedule


def _by_digest(contents: list[bytes]) -> list[tuple[str, bytes]]:
    return [(hashlib.sha256(content).hexdigest(), content) for content in contents]


@cache
def _alike(plan: Plan | None) -> str:
    """The grader's code, and the classroom and isolation that `plan` gets here; one short text."""
    around = surroundings(plan, lambda text: None)
    return hashlib.sha256(own_code() + around.encode()).hexdigest()[:12] + (f" ({around})" if around else "")


def _knock(address: str) -> None:
    """Ray waits minutes for an address where nobody is; a socket knows in seconds. Raises OSError."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=5).close()
