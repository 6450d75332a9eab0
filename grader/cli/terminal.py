"""What the terminal shows: progress while it runs, a short coloured summary after.

Student text reaches the terminal only through `plain`, which leaves no control characters in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as RichText

from grader.cli.language import say
from grader.records import Evidence, Judgement, Status, Text
from grader.results import points
from grader.templating import clean

COLOUR = {
    Status.PASS: "bold green",
    Status.PARTIAL: "bold yellow",
    Status.FAIL: "bold red",
    Status.UNDECIDED: "bold cyan",
}
NAME = {
    Status.PASS: Text(ko="통과", en="pass"),
    Status.PARTIAL: Text(ko="부분 통과", en="partial"),
    Status.FAIL: Text(ko="미통과", en="fail"),
    Status.UNDECIDED: Text(ko="판단 보류", en="undecided"),
}


def plain(text: str) -> str:
    """`text` with nothing in it that a terminal would act on."""
    return clean(text)


def json_text(data: object) -> str:
    """`data` as JSON that is safe to look at, too: what a terminal acts on is written as escapes."""
    text = json.dumps(data, ensure_ascii=False, indent=1)
    return "".join(c if c == "\n" or clean(c) else _escaped(c) for c in text)


def _escaped(c: str) -> str:
    return json.dumps(c)[1:-1] if ord(c) != 0x7F else "\\u007f"


@contextmanager
def progress(console: Console, lang: str, *, shown: bool) -> Iterator[Callable[[Text], None]]:
    """A callback that shows what is being done now; lines instead of a spinner where there is no terminal."""
    if not shown:
        yield lambda text: None
    elif console.is_terminal:
        with console.status("…") as status:
            yield lambda text: status.update(RichText(plain(text.in_(lang))))
    else:
        yield lambda text: console.print(RichText(f"· {plain(text.in_(lang))}", style="dim"))


def summary(console: Console, evidence: Evidence, judgement: Judgement, written: dict[str, Path], lang: str):
    """The verdicts in a few lines, the finding that matters, and where the files are."""
    console.print()
    console.print(
        RichText(one_line(evidence.submission.name), style="bold"),
        RichText(plain(_how(evidence)), style="dim"),
    )
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for verdict in judgement.items:
        table.add_row(
            verdict.item,
            RichText(NAME[verdict.status].in_(lang), style=COLOUR[verdict.status]),
            RichText(plain(_unmarked(verdict.actual.in_(lang)))),  # a str would be read as rich's markup
        )
    console.print(table)
    for verdict in judgement.items:
        if verdict.next_step is not None:
            step = RichText.assemble(
                (f"→ {verdict.item} ", "bold"), plain(_unmarked(verdict.next_step.in_(lang)))
            )
            console.print(Padding(step, (0, 0, 0, 1)))
    tally = points(judgement)
    line = say(
        f"{tally['earned']:g} / {tally['possible']:g}점",
        f"{tally['earned']:g} of {tally['possible']:g} points",
    )
    if tally["undecided"]:
        line += say(
            f" · 사람이 봐야 할 항목 {tally['undecided']}개",
            f" · {tally['undecided']} for a person to decide",
        )
    console.print(RichText(line, style="bold"))
    for fault in evidence.faults:
        broken = say("채점기 일부가 작동하지 않았습니다", "a part of the grader failed")
        console.print(RichText(f"! {broken}: {plain(fault)}", style="yellow"))
    for path in written.values():
        console.print(RichText(f"  {one_line(str(path))}", style="dim"), soft_wrap=True)


def _how(evidence: Evidence) -> str:
    seen = evidence.observed
    if seen is None:
        return say(" (실행하지 않음)", " (not run)")
    weak = {
        "none": say("⚠ 격리 없음", "⚠ not isolated"),
        "landlock": say("⚠ 제한된 격리: landlock", "⚠ reduced isolation: landlock"),
    }
    isolation = weak.get(seen.isolation, seen.isolation)
    return f" ({seen.profile} · {seen.runtime} · {isolation} · {seen.seconds:.0f} s)"


def one_line(name: str) -> str:
    """A file's name: it may hold anything but a slash, line ends too."""
    return " ".join(plain(name).split("\n"))


def _unmarked(text: str) -> str:
    """Markdown emphasis and code marks off: the terminal shows none of it."""
    return text.replace("**", "").replace("`", "")
