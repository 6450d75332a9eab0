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
from grader.batch.work import Order, crashed, do, unforeseen
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
                    task = pool.schedule(
                        do_here, args=(entry, order, live, device, seats), timeout=_most(entry, seconds)
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
                    yield entry, _outcome(task, entry, _most(entry, seconds))
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


def _most(entry: Entry, seconds: float) -> float:
    """Of wall clock: its notebooks run one after another."""
    return seconds * max(1, len(entry.notebooks))


def _outcome(future: Future, entry: Entry, seconds: float) -> Done:
    try:
        return future.result()
    except TimeoutError:
        why = Text(
            ko=f"{seconds:.0f}초가 지나도 결과가 나오지 않아 멈췄습니다. "
            "한꺼번에 보는 수(--jobs)를 줄여 다시 실행해 주세요.",
            en=f"It was stopped with no result after {seconds:.0f} s. Run again with fewer at once (--jobs).",
        )
        return crashed(entry, why)
    except ProcessExpired as death:
        why = Text(
            ko="채점하던 프로세스가 갑자기 끝났습니다. 메모리가 모자라면 그럴 수 있으니, "
            "한꺼번에 보는 수(--jobs)를 줄여 다시 실행해 주세요.",
            en="The process that graded it died, as happens when memory runs out. "
            "Run again with fewer at once (--jobs).",
        )
        return crashed(entry, why, f"exit code {death.exitcode}")
    except Exception as error:
        return unforeseen(entry, error)
