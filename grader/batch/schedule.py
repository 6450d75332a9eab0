"""Entries -> Done, several at a time, in worker processes; results come as they are ready.

A worker that dies or hangs costs its own entry only (pebble kills and replaces it). At most two entries
a worker are in flight, so memory doesn't grow with the batch.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, TimeoutError, wait
from itertools import islice

from pebble import ProcessExpired, ProcessPool

from grader.batch.entries import Done, Entry
from grader.batch.work import Order, crashed, do

TASKS_PER_WORKER = 50
"""A worker is replaced after so many entries: what a library leaks doesn't add up over a course."""


def run_local(
    entries: Iterable[Entry],
    order: Order,
    jobs: int,
    seconds: float,
    started: Callable[[Entry], None] = lambda entry: None,
) -> Iterator[tuple[Entry, Done]]:
    """Do `entries` with `jobs` processes; each may take `seconds` of wall clock.

    `started` is called when an entry is handed to a worker. On KeyboardInterrupt, or when the caller stops
    iterating, all workers and what they started are killed.
    """
    waiting = iter(entries)
    running: dict[Future, Entry] = {}
    # spawn: a fork of a process that has threads (progress, database) can hang.
    pool = ProcessPool(
        max_workers=jobs, max_tasks=TASKS_PER_WORKER, context=multiprocessing.get_context("spawn")
    )
    try:
        while True:
            for entry in islice(waiting, 2 * jobs - len(running)):
                running[pool.schedule(do, args=(entry, order), timeout=seconds)] = entry
                started(entry)
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                entry = running.pop(future)
                yield entry, _outcome(future, entry, seconds)
    finally:
        pool.stop()
        pool.join()


def _outcome(future: Future, entry: Entry, seconds: float) -> Done:
    try:
        return future.result()
    except TimeoutError:
        return crashed(entry, f"no result after {seconds:.0f} s")
    except ProcessExpired as death:
        return crashed(entry, f"worker died, exit code {death.exitcode}")
    except Exception as error:
        return crashed(entry, f"{type(error).__name__}: {error}")
