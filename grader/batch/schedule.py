"""Entries -> Done, several at a time, in worker processes; results come as they are ready.

A worker that dies or hangs costs its own entry only (pebble kills and replaces it). At most two entries
a worker are in flight, so memory doesn't grow with the batch. With GPU slots an entry is handed out when
there is room on a device, and its worker sees that device alone.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, TimeoutError, wait
from typing import NamedTuple

from pebble import ProcessExpired, ProcessPool

from grader.batch.entries import Done, Entry
from grader.batch.live import Teller, folder, stage
from grader.batch.slots import Slots
from grader.batch.work import Order, crashed, do
from grader.records import Text
from grader.sandbox.gpu import SEATS

TASKS_PER_WORKER = 50
"""A worker is replaced after so many entries: what a library leaks doesn't add up over a course."""
POLL = 0.5
"""Seconds between two looks at what the workers are doing."""


class _Running(NamedTuple):
    entry: Entry
    device: str | None


def run_local(
    entries: Iterable[Entry],
    order: Order,
    jobs: int,
    seconds: float,
    started: Callable[[Entry], None] = lambda entry: None,
    staged: Callable[[Entry, Text], None] = lambda entry, text: None,
    slots: Slots | None = None,
) -> Iterator[tuple[Entry, Done]]:
    """Do `entries` with `jobs` processes; each may take `seconds` of wall clock.

    `started` is called when an entry's worker begins, `staged` as it tells what it does. On
    KeyboardInterrupt, or when the caller stops iterating, all workers and what they started are killed.
    """
    waiting = iter(entries)
    running: dict[Future, _Running] = {}
    jobs = min(jobs, slots.room) if slots else jobs
    # Reading takes a tenth of a second: the next entry lies ready. A run holds memory, perhaps a GPU.
    most = 2 * jobs if order.plan is None else jobs
    # spawn: a fork of a process that has threads (progress, database) can hang.
    pool = ProcessPool(
        max_workers=jobs, max_tasks=TASKS_PER_WORKER, context=multiprocessing.get_context("spawn")
    )
    with folder() as live:
        try:
            begun: set[str] = set()
            while True:
                while len(running) < most and (entry := next(waiting, None)) is not None:
                    # `jobs` is at most what fits, so there is always a device free here.
                    device = slots.take() if slots else None
                    seats = slots.seats(device) if slots and device is not None else 1
                    most_seconds = seconds * max(1, len(entry.notebooks))  # they run one after another
                    task = pool.schedule(
                        do_here, args=(entry, order, live, device, seats), timeout=most_seconds
                    )
                    running[task] = _Running(entry, device)
                if not running:
                    break
                ended = wait(running, timeout=POLL, return_when=FIRST_COMPLETED).done
                for entry in [one.entry for task, one in running.items() if task not in ended]:
                    if said := stage(live, entry.student):
                        if entry.student not in begun:
                            begun.add(entry.student)
                            started(entry)
                        staged(entry, said)
                for task in ended:
                    entry, device = running.pop(task)
                    if slots and device is not None:
                        slots.give(device)
                    yield entry, _outcome(task, entry, seconds)
        finally:
            pool.stop()
            pool.join()


def do_here(entry: Entry, order: Order, live: str, device: str | None, seats: int = 1) -> Done:
    """`do` in a worker process: told to the driver as it goes on, on `device` where one was given, which
    `seats` notebooks share."""
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"], os.environ[SEATS] = device, str(seats)
    # What a killed worker leaves lies where the driver clears up.
    tempfile.tempdir = live
    tell = Teller(live, entry.student)
    tell(Text(ko="시작", en="beginning"))
    return do(entry, order, tell)


def _outcome(future: Future, entry: Entry, seconds: float) -> Done:
    try:
        return future.result()
    except TimeoutError:
        return crashed(entry, f"no result after {seconds:.0f} s")
    except ProcessExpired as death:
        return crashed(entry, f"worker died, exit code {death.exitcode}")
    except Exception as error:
        return crashed(entry, f"{type(error).__name__}: {error}")
