"""report.html: self-contained, hostile notebooks inert, pictures that say what the numbers say."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from xml.etree import ElementTree

import msgspec
import pytest
from bs4 import BeautifulSoup

from grader import report
from grader.records import Citation, Facts, Finding, Judgement, Output, Status, Text, TrainingRun, Witness
from grader.report import cells
from grader.report.charts import MAX_RUNS, charts
from grader.report.markup import prose
from tests import sample_evidence as sample

replace = msgspec.structs.replace
ALLOWED_TAGS = set(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "header",
        "footer",
        "section",
        "article",
        "div",
        "p",
        "h1",
        "h2",
        "h3",
        "span",
        "b",
        "strong",
        "em",
        "code",
        "pre",
        "a",
        "ul",
        "ol",
        "li",
        "figure",
        "figcaption",
        "img",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "br",
    ]
)


def html(evidence=None, judgement=None, lang="ko") -> str:
    evidence = evidence or sample.evidence()
    return report.write(evidence, judgement or sample.judgement(evidence), lang=lang)


def soup(page: str) -> BeautifulSoup:
    return BeautifulSoup(page, "html.parser")


def svg(source: str) -> str:
    assert source.startswith("data:image/svg+xml;base64,")
    return base64.b64decode(source.partition(",")[2]).decode()


# ---------------------------------------------------------------- the page


def test_the_page_fetches_nothing_and_runs_nothing():
    page = soup(html())
    policy = page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    assert "default-src 'none'" in policy and "script" not in policy
    assert {tag.name for tag in page.find_all(True)} <= ALLOWED_TAGS
    addresses = [tag.get(key) for tag in page.find_all(True) for key in ("src", "href") if tag.get(key)]
    assert addresses and all(a.startswith(("#", "data:image/svg+xml;base64,")) for a in addresses)
    assert "url(" not in html() and "@import" not in html()


def test_every_link_to_a_cell_leads_somewhere():
    page = soup(html())
    targets = {a["href"][1:] for a in page.find_all("a")}
    assert targets and targets <= {tag["id"] for tag in page.find_all(id=True)}


def test_it_is_made_for_phones_and_paper():
    page = html()
    assert 'name="viewport"' in page and "@media print" in page and "@media (max-width" in page


def test_verdicts_questions_and_how_it_was_checked_are_there():
    text = soup(html()).get_text(" ", strip=True)
    for said in (
        "항목 3",
        "부분 통과",
        "다음 한 걸음",
        "코더에게 물어볼 것",
        "bubblewrap 격리",
        "대역 모델",
        "0.9043",
    ):
        assert said in text
    assert len(soup(html()).select("ol.ask li")) == 3
    assert [b.get_text() for b in soup(html()).select(".card .badge")] == ["통과", "통과", "부분 통과"]


def test_a_real_model_needs_no_warning_about_a_stand_in():
    evidence = sample.evidence()
    full = replace(evidence, observed=replace(evidence.observed, profile="full"))
    assert "대역" in html() and "대역" not in html(full, sample.judgement(evidence))


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_nothing_unknown_is_printed(lang):
    nothing = Judgement(items=(), questions=(), facts=Facts())
    for page in (html(lang=lang), html(judgement=nothing, lang=lang)):
        text = soup(page).get_text(" ")
        assert not re.search(r"\b(None|nan|NaN|Undefined|inf)\b|Text\(", text)


def test_english_is_english_but_for_the_notebook_itself():
    page = soup(html(lang="en"))
    for own in page.select("pre, code, h1, title, style"):
        own.decompose()
    pictures = " ".join(svg(img["src"]) + img["alt"] for img in page.find_all("img"))
    assert not re.search("[가-힣]", page.get_text() + pictures)


def test_a_cited_cell_shows_its_code_coloured_and_its_table():
    cell = soup(html()).find(id="cell-10")
    assert [td.get_text() for td in cell.select("td")][:4] == ["1", "0.2951", "0.2488", "0.8991"]
    assert soup(html()).find(id="cell-6").find("span", class_="k-k").get_text() == "def"


def test_long_cells_and_outputs_are_cut_and_say_so():
    long = Output(kind="stream", name="stdout", text="\n".join(f"줄 {i}" for i in range(500)))
    evidence = sample.evidence()
    changed = list(evidence.submission.cells)
    changed[6] = replace(changed[6], source="\n".join(f"x{i} = {i}" for i in range(200)), outputs=(long,))
    evidence = replace(evidence, submission=replace(evidence.submission, cells=tuple(changed)))
    cell = soup(html(evidence, sample.judgement())).find(id="cell-6")
    assert "140줄 더 있음" in cell.get_text()
    assert len(cell.select_one("pre.out").get_text().splitlines()) == cells.MAX_OUTPUT_LINES


# ---------------------------------------------------------------- pictures


def test_pictures_are_wellformed_and_their_numbers_are_in_the_alt_text():
    drawn = charts(sample.FACTS, 0.9, "ko")
    assert len(drawn) == 4
    for chart in drawn:
        ElementTree.fromstring(svg(chart.source))
    assert "셀 10: 60, 패딩 67 %" in drawn[0].alt and "0.9043" in drawn[1].alt
    assert "0.90" in drawn[1].note


def test_the_same_facts_give_the_same_bytes():
    assert charts(sample.FACTS, 0.9, "en") == charts(sample.FACTS, 0.9, "en")


def test_nothing_is_drawn_for_what_nobody_knows():
    bare = TrainingRun(witness=Witness.SOURCE, cell=3)
    assert charts(Facts(runs=(bare,)), 0.9, "ko") == []
    assert "<img" not in html(judgement=replace(sample.judgement(), facts=Facts()))


def test_many_runs_are_thinned_but_the_compared_pair_stays():
    runs = tuple(replace(sample.BASE, cell=i) for i in range(20))
    facts = replace(sample.FACTS, runs=runs, baseline=3, bucketed=19)
    padding = charts(facts, 0.9, "en")[0].alt
    assert padding.count("cell") == MAX_RUNS and "cell 3:" in padding and "cell 19:" in padding


def test_runs_of_one_cell_are_told_apart():
    facts = replace(sample.FACTS, runs=(sample.BASE, replace(sample.BUCKETED, cell=10)))
    assert "cell 10 #2" in charts(facts, 0.9, "en")[0].alt


def test_odd_numbers_draw_without_a_crash():
    odd = replace(
        sample.BASE, tokens_per_row=0.5, padding_share=1.0, seconds=0.1, losses=(0.0, 1e9), epochs=None
    )
    one = replace(odd, cell=11, evaluations=odd.evaluations[:1], padding_share=None)
    same = replace(odd, cell=12, evaluations=tuple(replace(e, epoch=None) for e in odd.evaluations))
    assert len(charts(Facts(runs=(odd, one, same)), None, "ko")) == 4


def test_drawing_is_put_off_until_it_is_needed():
    code = "import sys, grader.report; sys.exit('matplotlib' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ---------------------------------------------------------------- hostile notebooks

ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</style><script>alert(1)</script>",
    "</pre></article><iframe src=https://evil.example></iframe>",
    "[click](javascript:alert(1)) ![p](https://evil.example/p.png)",
    "{{ 1234 * 1000 }}{% include 'x' %}",
    "\u202egnirts\u202c \x1b]8;;https://evil.example\x07x\x1b]8;;\x07",
    "<svg/onload=alert(1)><style>*{display:none}</style>",
    "&lt;script&gt;",
    "` <b onclick=x>",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_student_text_is_inert_everywhere(attack):
    evidence, judgement = sample.evidence(), sample.judgement()
    table = f"<table onclick=x><tr><td style='x' title=\"{attack}\">{attack}</td></tr></table>{attack}"
    outputs = (
        Output(kind="display", html=table, text=attack),
        Output(kind="stream", name="stdout", text=attack),
        Output(kind="error", name=attack, text=attack, traceback=attack),
    )
    hostile_cells = tuple(
        replace(c, source=f"{attack}\n{c.source}", outputs=outputs) for c in evidence.submission.cells
    )
    said = Text(ko=attack, en=attack)
    finding = Finding(id="x", severity=attack, text=said, citations=(Citation(cell=0), Citation(cell=3)))
    verdicts = tuple(
        replace(
            v,
            actual=said,
            reason=said,
            praise=said,
            next_step=said,
            person=said,
            code=said,
            questions=(said,),
        )
        for v in (*judgement.items, *judgement.questions)
    )
    run = replace(sample.BASE, name=attack, model=attack)
    hostile = replace(
        judgement,
        items=verdicts[:3],
        questions=verdicts[3:],
        findings=(finding,),
        facts=replace(judgement.facts, runs=(run,), eval_split=f"subset:{attack}", baseline=0, bucketed=None),
    )
    submission = replace(evidence.submission, name=attack, notes=(said,), cells=hostile_cells, sha256=attack)
    text = html(replace(evidence, submission=submission, grader_version=attack), hostile)
    page = soup(text)
    assert {tag.name for tag in page.find_all(True)} <= ALLOWED_TAGS | {"i"}
    for tag in page.find_all(True):
        assert not [key for key in tag.attrs if key.startswith("on")], tag
        for key in ("src", "href"):
            assert tag.get(key, "#").startswith(("#", "data:image/svg+xml;base64,")), tag
        assert tag.name == "div" or not tag.get("style"), tag
    assert len(page.find_all("style")) == 1 and not page.find_all("script")
    assert "1234000" not in text and not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)


def test_a_table_keeps_its_cells_and_loses_everything_else():
    stored = Output(
        kind="display", html="<div><style>x</style><table class=a><tr><td bgcolor=red>1</td></tr></table>"
    )
    shown = str(cells._output(stored))
    assert (
        "<td>1</td>" in shown and "class=a" not in shown and "style>" not in shown and "bgcolor" not in shown
    )


def test_prose_keeps_bold_code_and_lists_only():
    assert (
        prose("**a** `<b>` <u>x</u>")
        == "<p><strong>a</strong> <code>&lt;b&gt;</code> &lt;u&gt;x&lt;/u&gt;</p>\n"
    )
    assert "<li>" in prose("- a\n- b") and "<a" not in prose("https://x.example [y](https://x.example)")


def test_an_undecided_item_is_no_fail():
    judgement = sample.judgement()
    items = tuple(replace(v, status=Status.UNDECIDED, points=None) for v in judgement.items)
    page = soup(html(judgement=replace(judgement, items=items)))
    assert len(page.select(".card.undecided")) == 3 and not page.select(".card.fail")
