"""Hostile text in every place of a notebook, all pages made of it by the real commands: all inert.

Two notebooks full of scripts, handlers, links, terminal sequences, bidirectional overrides and markup go
through `grader check` and `grader batch`. What comes out is parsed, and opened in a real headless
Chromium, with the pages' own Content-Security-Policy and without it: no script of theirs may run and no
request may be made. The control is a page that does both.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import unicodedata
from pathlib import Path

import msgspec
import pytest
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from rich.console import Console

from grader import report, review, rubric
from grader.cli.terminal import summary
from grader.naming import folder_name
from grader.pipeline import check
from grader.records import (
    Citation,
    Ending,
    Finding,
    Judgement,
    Note,
    NoteKind,
    Observed,
    Testimony,
    Text,
    Witness,
)
from grader.review import TEMPLATES

CORPUS = Path(__file__).parent / "corpus"
PORT = "@PORT@"
"""Stands for the listening socket's port until the notebook is written."""
RAN = "document.title='RAN';new Image().src='http://127.0.0.1:@PORT@/ran'"
MARKUP = (
    f"<script>{RAN}</script>",
    f'<img src="http://127.0.0.1:@PORT@/img" onerror="{RAN}">',
    f"</pre></code></style></title></textarea></script><script>{RAN}</script>",
    f"<svg onload={RAN}><animate onbegin={RAN}>",
    "<iframe src=http://127.0.0.1:@PORT@/frame></iframe>",
    "<link rel=stylesheet href=http://127.0.0.1:@PORT@/css>",
    '<meta http-equiv=refresh content="0;url=http://127.0.0.1:@PORT@/refresh">',
    "<base href=http://127.0.0.1:@PORT@/base>",
    "<style>@import url(http://127.0.0.1:@PORT@/import); * {display: none}</style>",
    f'<details open ontoggle="{RAN}"><body onload="{RAN}">',
    f'<a href="javascript:{RAN}" autofocus onfocus="{RAN}">x</a>',
    f'" autofocus onfocus="{RAN}" x="',
)
MARKDOWN = (
    f"[click](javascript:{RAN})",
    "![pixel](http://127.0.0.1:@PORT@/pixel)",
    "<http://127.0.0.1:@PORT@/auto> www.evil.example http://127.0.0.1:@PORT@/bare",
    "<!-- swallowed: everything after this",
    "--> <![CDATA[ <?php",
    "```",
    "````python",
    "~~~",
    "` `` ``` <b>bold</b>",
    "# injected heading",
    "| a | b |",
    "[ref]: http://127.0.0.1:@PORT@/ref 'x'",
    "[ref] ping @everyone",
    "{{ 1234 * 1000 }} {% include 'x' %} {# x #}",
)
CONTROL = (
    "\x1b[2J\x1b[31mred\x1b]0;TITLE\x07\x1b]8;;http://127.0.0.1:@PORT@/osc\x07link\x1b]8;;\x07",
    "\x9b31m \x1b]52;c;ZXZpbA==\x07 \x1bP1;2|x\x1b\\ \x08\x08\x08 \x00",
    "\u202egnp.exe\u202c \u2066iso\u2069 \u200bzero\u200d \u2028line \ufeff",
)
ATTACKS = (*MARKUP, *MARKDOWN, *CONTROL)
NAME = f"n<img src=x onerror={RAN.split(';')[0]}>\x1b]0;TITLE\x07\u202e`[a](javascript:x)\n# h.ipynb"
STUDENT = f"kim<svg onload={RAN.split(';')[0]}>\x1b[31m\u202e`]("
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync
--disable-background-networking --disable-component-update --virtual-time-budget=1500""".split()  # noqa: SIM905


class Listener:
    """A socket on 127.0.0.1 that notes what asks it for something."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = str(self.server.getsockname()[1])
        self.asked: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.server.accept()
                with connection:
                    connection.settimeout(2)
                    said = b""
                    with contextlib.suppress(OSError):
                        said = connection.recv(1000)
                        connection.sendall(b"HTTP/1.0 204 No Content\r\n\r\n")
                    self.asked.append(said.split(b"\r\n")[0].decode(errors="replace"))


def poisoned(name: str, port: str) -> bytes:
    """The corpus notebook `name` with every attack in every place of it."""
    attacks = [attack.replace(PORT, port) for attack in ATTACKS]
    notebook = json.loads((CORPUS / name / "submission.ipynb").read_bytes())
    everything = "\n".join(attacks)
    as_code = "\n".join(f"# {a}".replace("\n", " ") for a in attacks) + f"\nhostile = {everything!r}\n"
    table = f'<table onclick="x"><tr><td title="x">{everything}</td></tr></table>{everything}'
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": everything},
        {"output_type": "stream", "name": "stderr", "text": attacks},
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {
                "text/html": table,
                "text/plain": everything,
                "text/markdown": everything,
                "application/javascript": RAN,
                "image/svg+xml": f"<svg onload={RAN}></svg>",
            },
        },
        {"output_type": "error", "ename": attacks[0], "evalue": everything, "traceback": attacks},
    ]
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            cell["source"] = f"{source}\n{as_code}"
            cell["outputs"] = [*cell["outputs"], *outputs]
        else:
            cell["source"] = f"{source}\n\n{everything}"
    for place in (0, len(notebook["cells"])):
        notebook["cells"].insert(place, {"cell_type": "markdown", "metadata": {}, "source": everything})
    return json.dumps(notebook).encode()


@pytest.fixture(scope="module")
def listener():
    found = Listener()
    yield found
    found.server.close()


class Made:
    """Where the commands wrote, and what they said on the terminal."""

    def __init__(self, folder: Path, terminal: str) -> None:
        self.folder, self.terminal = folder, terminal
        self.pages = {str(p.relative_to(folder)): p.read_text("utf-8") for p in folder.rglob("*.html")}
        self.reviews = {str(p.relative_to(folder)): p.read_text("utf-8") for p in folder.rglob("*.md")}


@pytest.fixture(scope="module")
def made(tmp_path_factory, listener):
    """`grader check` on one file and `grader batch` on two students with the same code."""
    folder = tmp_path_factory.mktemp("hostile")
    notebook = folder / NAME
    notebook.write_bytes(poisoned("pads-to-max", listener.port))
    out = folder / "out"
    said = ""
    commands = [["check", str(notebook), "--no-run", "--out", str(out / "one")]]
    with contextlib.suppress(ImportError):
        import pebble
        import sqlalchemy

        assert pebble and sqlalchemy
        for student in (STUDENT, "b" + STUDENT):
            inbox = folder / "inbox" / student
            inbox.mkdir(parents=True)
            (inbox / NAME).write_bytes(poisoned("pads-to-max", listener.port))
        commands.append(["batch", str(folder / "inbox"), "--out", str(out / "class"), "--jobs", "1"])
    commands.append(["check", str(folder / f"missing{NAME}"), "--no-run"])
    commands.append(["check", str(notebook), "--no-run", "--json", "--out", str(folder / "again")])
    for command in commands:
        program = "import sys; from grader.cli.app import run; sys.exit(run(sys.argv[1:]))"
        done = subprocess.run(
            [sys.executable, "-c", program, *command], capture_output=True, cwd=folder, timeout=300
        )
        assert done.returncode != 3, done.stderr.decode(errors="replace")
        said += (done.stdout + done.stderr).decode("utf-8", "replace")
    return Made(out, said)


def forged(port: str) -> tuple:
    """Evidence and judgement where everything that is text at all is hostile, the verdicts' words too."""
    notebook = Path(CORPUS / "correct" / "submission.ipynb")
    evidence, judgement = check(notebook, None, rubric.load())
    everything = "\n".join(ATTACKS).replace(PORT, port)
    said = Text(ko=everything, en=everything)
    cited = tuple(Citation(cell=c.index, quote=everything) for c in evidence.submission.cells)
    replace = msgspec.structs.replace
    verdicts = [
        replace(v, actual=said, reason=said, praise=said, next_step=said, person=said, questions=(said,))
        for v in (*judgement.items, *judgement.questions)
    ]
    verdicts = [replace(v, citations=cited, code=said) for v in verdicts]
    finding = Finding(id="x", severity="warning", text=said, citations=cited, question=said, code=said)
    runs = tuple(
        replace(run, name=everything, model=everything, quote=everything) for run in judgement.facts.runs
    )
    observed = Observed(
        testimony=Testimony(witness=Witness.OBSERVED),
        cells=(),
        ending=Ending.CELL_ERROR,
        reason=said,
        isolation_notes=(Note(kind=NoteKind.ENGINE, detail=everything),),
        unverified=(everything,),
        profile=everything,
        runtime=everything,
    )
    evidence = replace(
        evidence,
        observed=observed,
        faults=(everything,),
        submission=replace(evidence.submission, name=everything, notes=(said,), sha256=everything),
    )
    return evidence, Judgement(
        items=tuple(verdicts[:3]),
        questions=tuple(verdicts[3:]),
        facts=replace(judgement.facts, runs=runs),
        findings=(finding,),
        rubric=judgement.rubric,
        more=judgement.more,
    )


def rendered(markdown: str) -> str:
    """A review as a viewer shows it that lets raw HTML through and makes links of addresses."""
    reader = MarkdownIt("gfm-like", {"html": True, "linkify": False})
    return f"<title>review</title>{reader.render(markdown)}<p id=end>the end</p>"


def inert(page: str, *, own_scripts: int = 0) -> BeautifulSoup:
    """`page`, parsed, with nothing in it that does anything."""
    soup = BeautifulSoup(page, "html.parser")
    assert len(soup.find_all("script")) == own_scripts
    forbidden = ("iframe", "object", "embed", "link", "base", "form", "input", "audio", "video", "animate")
    # The class page's own search field belongs to no form and has nowhere to send to.
    assert [tag for tag in soup.find_all(forbidden) if tag.get("id") != "search"] == []
    assert len(soup.find_all("style")) <= 2 and not soup.find_all("meta", {"http-equiv": "refresh"})
    for tag in soup.find_all(True):
        assert not [key for key in tag.attrs if key.startswith("on")], tag
        for key in ("src", "href", "xlink:href", "action", "background", "srcset"):
            value = tag.get(key, "")
            known = r"$|#|data:image/svg\+xml|students/|[a-z]+\.csv$|https://huggingface\.co/docs/"
            assert re.match(known, value), tag
    assert not UNSEEN.search(page), UNSEEN.search(page)
    assert "1234000" not in page
    return soup


# ---------------------------------------------------------------- read


@pytest.mark.slow
def test_reports_and_the_class_page_are_inert(made):
    assert len(made.pages) in (1, 4), "check's report, and the batch's three pages where it is installed"
    for name, page in made.pages.items():
        soup = inert(page, own_scripts=name.endswith("class.html"))
        assert len(soup.find_all("title")) == 1 + len(soup.select("svg title"))


@pytest.mark.slow
def test_reviews_are_inert(made):
    assert len(made.reviews) in (1, 3)
    for text in made.reviews.values():
        soup = inert(rendered(text))
        assert soup.find(id="end") is not None, "no comment or fence swallows what follows"
        assert "injected heading" not in [h.get_text() for h in soup.find_all(re.compile("h[1-6]"))]
        assert not soup.find_all("img")


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_every_template_is_inert_with_every_word_hostile(template, lang):
    evidence, judgement = forged("9")
    soup = inert(rendered(review.write(evidence, judgement, template=template, lang=lang)))
    assert soup.find(id="end") is not None and not soup.find_all("img")
    assert "injected heading" not in [h.get_text().strip() for h in soup.find_all(re.compile("h[1-6]"))]


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_report_is_inert_with_every_word_hostile(lang):
    evidence, judgement = forged("9")
    inert(report.write(evidence, judgement, lang=lang))


@pytest.mark.slow
def test_the_terminal_shows_text_and_no_more(made):
    """Every byte of standard output and error, file names and error sentences included."""
    for line in made.terminal.split("\n"):
        odd = [c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") and c != "\t"]
        assert odd == [], line
    assert "missing" in made.terminal


def test_square_brackets_are_no_markup_of_the_terminals(tmp_path):
    """rich would make a link of the first, and stop with an error at the second."""
    evidence, judgement = forged("9")
    said = Text(ko="[link=http://evil.example]click[/link] [red]", en="[/nothing]")
    verdicts = tuple(msgspec.structs.replace(v, actual=said, next_step=said) for v in judgement.items)
    for lang in ("ko", "en"):
        shown = io.StringIO()
        console = Console(file=shown, force_terminal=True, width=200)
        hostile = msgspec.structs.replace(judgement, items=verdicts)
        summary(console, evidence, hostile, {"report": tmp_path / "[/x]\x1b]0;TITLE\x07"}, lang)
        assert said.in_(lang) in shown.getvalue()
        assert "\x1b]" not in shown.getvalue(), "colours are ours, titles and links would not be"


def test_json_on_the_terminal_is_json_still():
    from grader.cli.terminal import json_text

    data = {"text": "가\u202e\x7f\x9b\x1b[31m\u2066\U000e0001\ud800", "n": [1.5, None]}
    text = json_text(data)
    assert json.loads(text) == data and "가" in text
    assert not [c for c in text if unicodedata.category(c)[0] == "C" and c != "\n"]


@pytest.mark.slow
def test_folder_names_hold_no_hostile_characters(made):
    for path in made.folder.rglob("*"):
        assert not UNSEEN.search(path.name), repr(path.name)
    assert not UNSEEN.search(folder_name(STUDENT))


@pytest.mark.slow
def test_a_line_of_ten_megabytes_is_cut(tmp_path):
    """In the source, in an output and in a markdown cell: pages stay small, and quickly made."""
    line = "x" * 10_000_000
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": f"# NSMC {line}"},
        {
            "cell_type": "code",
            "metadata": {},
            "execution_count": 1,
            "source": f"print(1)  # {line}",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": line}],
        },
    ]
    path = tmp_path / "long.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    began = time.monotonic()
    evidence, judgement = check(path, None, rubric.load())
    cited = Finding(
        id="x",
        severity="note",
        text=Text(ko="줄", en="line"),
        citations=(Citation(cell=0, quote=line), Citation(cell=1, quote=line)),
    )
    page = report.write(evidence, msgspec.structs.replace(judgement, findings=(cited,)), lang="ko")
    text = review.write(evidence, judgement)
    assert time.monotonic() - began < 60
    assert len(text) < 200_000
    page_without_findings = report.write(evidence, judgement, lang="ko")
    assert len(page_without_findings) < 2_000_000 and "xxxx" in page


# ---------------------------------------------------------------- opened


def opened(page: str, folder: Path) -> str:
    """The document as Chromium has it once it has loaded `page`."""
    file = folder / "page.html"
    file.write_text(page, "utf-8")
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", file.as_uri()],
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:].decode(errors="replace")
    return done.stdout.decode("utf-8", "replace")


def title(dom: str) -> str:
    return re.search(r"<title>(.*?)</title>", dom, re.S)[1]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: the pages are parsed, not opened")
def test_a_real_browser_runs_nothing_and_asks_for_nothing(made, listener, tmp_path):
    control = f"<title>calm</title><script>{RAN}</script><img src=http://127.0.0.1:{PORT}/img>"
    dom = opened(control.replace(PORT, listener.port), tmp_path)
    assert title(dom) == "RAN", "the control: its script ran"
    assert {"GET /ran HTTP/1.1", "GET /img HTTP/1.1"} <= set(listener.asked), "and its requests arrived"
    listener.asked.clear()

    evidence, judgement = forged(listener.port)
    pages = {name: page for name, page in made.pages.items() if "class" not in name or "class.html" in name}
    pages["forged"] = report.write(evidence, judgement, lang="ko")
    pages |= {
        f"{name} without its policy": re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
        for name, page in pages.items()
    }
    pages["review"] = rendered(next(iter(made.reviews.values())))
    pages["forged review"] = rendered(review.write(evidence, judgement))
    for name, page in pages.items():
        assert "Content-Security-Policy" not in page or "without" not in name
        assert title(opened(page, tmp_path)) != "RAN", name
        assert listener.asked == [], name
