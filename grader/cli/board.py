"""A batch as it goes on: how far, how long still, what each student's worker does, what went wrong.

On a terminal a board that is redrawn; elsewhere (a log, CI) a line as students end. Student text reaches
either only through `plain`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text as RichText

from grader.batch.entries import Done, Entry
from grader.cli.language import say
from grader.cli.terminal import COLOUR, one_line, plain
from grader.records import Status, Text

QUIET = 5.0
"""Seconds between two lines in a log, problems and the last one excepted."""
TRUST = 3
"""Time left is an estimate; from fewer ended entries it isn't shown."""
NAME = 24


class _Doing(NamedTuple):
    since: float
    text: Text


class Board:
    """Follows one batch; a context manager. Its methods are what run_batch's Progress calls."""

    def __init__(
        self, console: Console, lang: str, jobs: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console, self._lang, self._jobs, self._clock = console, lang, jobs, clock
        self._began = self._spoke = clock()
        self._todo = self._kept = self._ended = self._problems = 0
        self._doing: dict[str, _Doing] = {}
        self._live = Live(console=console, get_renderable=self.render, refresh_per_second=4, transient=True)

    def __enter__(self) -> Board:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def total(self, todo: int, kept: int) -> None:
        """How many are to be done, and how many are kept from before."""
        self._todo, self._kept, self._began = todo, kept, self._clock()
        if kept:
            self._console.print(
                RichText(say(f"이미 확인한 {kept}명은 그대로 둡니다.", f"{kept} kept from before."))
            )

    def begun(self, entry: Entry) -> None:
        """A student was handed to a worker that doesn't tell what it does."""
        self.staged(entry, Text(ko="확인하는 중", en="being checked"))

    def staged(self, entry: Entry, text: Text) -> None:
        """What a student's worker does now."""
        was = self._doing.get(entry.student)
        self._doing[entry.student] = _Doing(was.since if was else self._clock(), text)

    def ended(self, entry: Entry, done: Done) -> None:
        """A student is done, or has a problem."""
        self._doing.pop(entry.student, None)
        self._ended += 1
        if done.problem is not None:
            self._problems += 1
            line = f"× {one_line(entry.student)}: {plain(done.problem.in_(self._lang))}"
            self._console.print(RichText(line, style="yellow"))
        last, now = self._ended == self._todo, self._clock()
        if not self._console.is_terminal and (last or now - self._spoke >= QUIET):
            self._spoke = now
            self._console.print(
                RichText(f"{self._how_far()} · {one_line(entry.student)} ").append(_marks(done))
            )

    def seconds_left(self) -> float | None:
        """Wall clock to the end if the rest goes like what has ended; None while too little has."""
        if self._ended < min(TRUST, self._todo) or not self._ended:
            return None
        return (self._clock() - self._began) / self._ended * (self._todo - self._ended)

    def render(self) -> RenderableType:
        """The board: a line and a bar, then what is being done."""
        table = Table(box=None, show_header=False, padding=(0, 1))
        table.add_column(no_wrap=True, max_width=NAME)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        now = self._clock()
        for student, doing in sorted(self._doing.items(), key=lambda one: one[1].since)[: self._jobs]:
            table.add_row(
                RichText(one_line(student)),
                RichText(_clock_time(now - doing.since), style="dim"),
                RichText(one_line(doing.text.in_(self._lang)), style="dim"),
            )
        bar = ProgressBar(total=max(self._todo, 1), completed=self._ended, width=40)
        return Group(RichText(self._how_far(), style="bold"), bar, table)

    def _how_far(self) -> str:
        parts = [f"{self._ended}/{self._todo}"]
        if self._problems:
            parts.append(say(f"문제 {self._problems}", f"{self._problems} with a problem"))
        if (left := self.seconds_left()) is not None and self._ended < self._todo:
            parts.append(say(f"남은 시간 약 {_clock_time(left)}", f"about {_clock_time(left)} left"))
        elif self._todo and self._ended == self._todo:
            parts.append(say("학급 페이지를 만드는 중", "making the class page"))
        return " · ".join(parts)


def _marks(done: Done) -> RichText:
    """The items' standing, a letter each, as `r1 P  r2 F`."""
    text = RichText()
    for item, verdict in done.results.get("items", {}).items():
        text.append(f"{item} {verdict['status']} ", style=COLOUR.get(Status(verdict["status"]), ""))
    return text


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
