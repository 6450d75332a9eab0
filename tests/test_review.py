"""Reviews: the PRT formats word for word, every statement with its cell, hostile text inert."""

from __future__ import annotations

import re

import jinja2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from grader import report, templating
from grader.errors import UsageError
from grader.records import (
    Bucketing,
    Cell,
    Citation,
    Facts,
    Finding,
    Judgement,
    Padding,
    Status,
    Submission,
    Text,
    Verdict,
    Witness,
)
from grader.review import TEMPLATES, markdown, quotes, write
from tests import sample_evidence as sample

replace = msgspec.structs.replace
HANGUL = re.compile("[가-힣]+")

V0 = """\
# AIFFEL Campus Online 4th Code Peer Review Templete
- 코더 :
- 리뷰어 :
# PRT(PeerReviewTemplate)
각 항목을 스스로 확인하고 토의하여 작성한 코드에 적용합니다.
1.코드가 정상적으로 동작하고 주어진 문제를 해결했나요?
2.주석을 보고 작성자의 코드가 이해되었나요?
3.코드가 에러를 유발할 가능성이 있나요?
4.코드 작성자가 코드를 제대로 이해하고 작성했나요?
5.코드가 간결한가요?
# 근거
## Section 1
### item 1
평가 항목: 모델과 데이터를 정상적으로 불러오고, 작동하는 것을 확인하였다.
### item 2
평가 항목: Preprocessing을 개선하고, fine-tuning을 통해 모델의 성능을 개선시켰다.
### item 3
평가 항목: 모델 학습에 Bucketing을 성공적으로 적용하고, 그 결과를 비교분석하였다.
## Section 2
## Section 3
## Section 4
## Section 5
# 참고 링크 및 코드 개선"""

V1 = """\
| 평가문항 | 상세기준 | 평가결과 |
PRT(PeerReviewTemplate)
코드가 정상적으로 동작하고 주어진 문제를 해결했나요?
주석을 보고 작성자의 코드가 이해되었나요?
코드가 에러를 유발할 가능성이 있나요?
코드 작성자가 코드를 제대로 이해하고 작성했나요? (직접 인터뷰해보기)
코드가 간결한가요?
참고 링크 및 코드 개선"""

V2 = """\
# AIFFEL Campus Online Code Peer Review Templete
- 코더 : 코더의 이름을 작성하세요.
- 리뷰어 : 리뷰어의 이름을 작성하세요.
# PRT(Peer Review Template)
**1. 주어진 문제를 해결하는 완성된 코드가 제출되었나요?**
문제를 해결하는 완성된 코드란 프로젝트 루브릭 3개 중 2개, 퀘스트 문제 요구조건 등을 지칭
해당 조건을 만족하는 코드를 캡쳐해 근거로 첨부
**2. 전체 코드에서 가장 핵심적이거나 가장 복잡하고 이해하기 어려운 부분에 작성된
주석 또는 doc string을 보고 해당 코드가 잘 이해되었나요?**
해당 코드가 무슨 기능을 하는지, 왜 그렇게 짜여진건지, 작동 메커니즘이 뭔지 기술.
잘 작성되었다고 생각되는 부분을 캡쳐해 근거로 첨부합니다.
**3. 에러가 난 부분을 디버깅하여 문제를 “해결한 기록을 남겼거나”
”새로운 시도 또는 추가 실험을 수행”해봤나요?**
문제에서 요구하는 조건에 더해
**4. 회고를 잘 작성했나요?**
**5. 코드가 간결하고 효율적인가요?**
하드코딩을 하지않고 함수화, 모듈화가 가능한 부분은 함수를 만들거나 클래스로 짰는지
참고 링크 및 코드 개선"""

V3 = """\
🔑 **PRT(Peer Review Template)**
**1. 주어진 문제를 해결하는 완성된 코드가 제출되었나요? (완성도)**
문제를 해결하는 완성된 코드란 프로젝트 루브릭 3개 중 2개, 퀘스트 문제 요구조건 등을 지칭
해당 조건을 만족하는 부분의 코드 및 결과물을 캡쳐하여 사진으로 첨부
**2. 프로젝트에서 핵심적인 부분에 대한 설명이 주석(닥스트링) 및 마크다운 형태로 잘 기록되어있나요? (설명)**
[ ] 모델 선정 이유
[ ] Metrics 선정 이유
[ ] Loss 선정 이유
**3. 체크리스트에 해당하는 항목들을 모두 수행하였나요? (문제 해결)**
데이터를 분할하여 프로젝트를 진행했나요? (train, validation, test 데이터로 구분)
하이퍼파라미터를 변경해가며 여러 시도를 했나요? (learning rate, dropout rate, unit, batch size, epoch 등)
각 실험을 시각화하여 비교하였나요?
모든 실험 결과가 기록되었나요?
**4. 프로젝트에 대한 회고가 상세히 기록 되어 있나요? (회고, 정리)**
배운 점
아쉬운 점
느낀 점
어려웠던 점"""

V4 = """\
# AIFFEL Campus Online Code Peer Review Templete
- 코더 : 코더의 이름을 작성하세요.
- 리뷰어 : 리뷰어의 이름을 작성하세요.
# PRT(Peer Review Template)
**1. 주어진 문제를 해결하는 완성된 코드가 제출되었나요?**
- 문제에서 요구하는 최종 결과물이 첨부되었는지 확인
- 중요! 해당 조건을 만족하는 부분을 캡쳐해 근거로 첨부
**2. 전체 코드에서 가장 핵심적이거나 가장 복잡하고 이해하기 어려운 부분에 작성된
주석 또는 doc string을 보고 해당 코드가 잘 이해되었나요?**
- 해당 코드 블럭을 왜 핵심적이라고 생각하는지 확인
- 해당 코드 블럭에 doc string/annotation이 달려 있는지 확인
- 해당 코드의 기능, 존재 이유, 작동 원리 등을 기술했는지 확인
- 주석을 보고 코드 이해가 잘 되었는지 확인
- 중요! 잘 작성되었다고 생각되는 부분을 캡쳐해 근거로 첨부
**3. 에러가 난 부분을 디버깅하여 문제를 해결한 기록을 남겼거나
새로운 시도 또는 추가 실험을 수행해봤나요?**
- 문제 원인 및 해결 과정을 잘 기록하였는지 확인
- 프로젝트 평가 기준에 더해 추가적으로 수행한 나만의 시도, 실험이 기록되어 있는지 확인
**4. 회고를 잘 작성했나요?**
- 주어진 문제를 해결하는 완성된 코드 내지 프로젝트 결과물에 대해 배운점과 아쉬운점, 느낀점 등이 기록되어 있는지 확인
- 전체 코드 실행 플로우를 그래프로 그려서 이해를 돕고 있는지 확인
**5. 코드가 간결하고 효율적인가요?**
- 파이썬 스타일 가이드 (PEP8) 를 준수하였는지 확인
- 코드 중복을 최소화하고 범용적으로 사용할 수 있도록 함수화/모듈화했는지 확인
# 회고(참고 링크 및 코드 개선)
# 리뷰어의 회고를 작성합니다."""  # noqa: E501
FORMATS = {"v0": V0, "v1": V1, "v2": V2, "v3": V3, "v4": V4}


def review(template="v0", lang="ko", evidence=None, judgement=None) -> str:
    evidence = evidence or sample.evidence()
    return write(evidence, judgement or sample.judgement(evidence), template=template, lang=lang)


def outside_code(text: str) -> str:
    """`text` without fences and inline code."""
    text = re.sub(r"(?ms)^\s*(`{3,})[^\n]*\n.*?^\s*\1\s*$", "", text)
    return re.sub(r"(`+)(.+?)\1", "", text)


def html(text: str) -> str:
    """As GitHub would read it: tables, raw HTML kept so that a test sees it."""
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


# ---------------------------------------------------------------- the formats


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_format_is_there_word_for_word_and_in_order(template):
    text, at = review(template), 0
    for line in FORMATS[template].splitlines():
        found = text.find(line, at)
        assert found >= 0, f"{line!r} is missing or out of order in {template}"
        at = found + len(line)


@pytest.mark.parametrize("template", TEMPLATES)
def test_headings_stay_korean_in_english(template):
    text = review(template, "en")
    headings = [
        line for line in FORMATS[template].splitlines() if line.startswith(("#", "**")) or "?" in line
    ]
    assert headings and all(line in text for line in headings)


@pytest.mark.parametrize("template", TEMPLATES)
def test_english_has_no_other_korean(template):
    own = (templating.PLACES[1] / "prt" / f"{template}.md.j2").read_text(encoding="utf-8")
    allowed = set(HANGUL.findall(re.sub(r"\bt\([^)]*\)", "", own)))
    assert set(HANGUL.findall(outside_code(review(template, "en")))) <= allowed


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_nothing_unknown_is_printed(template, lang):
    bare = Judgement(items=(), questions=(), facts=Facts())
    for text in (review(template, lang), review(template, lang, judgement=bare)):
        assert not re.search(r"\b(None|nan|NaN|Undefined|inf)\b|Text\(|<grader", text)
        assert text.endswith("\n") and "\n\n\n" not in text and not re.search(r"[ \t]$", text, re.M)


def test_unknown_template_or_language_is_one_sentence():
    with pytest.raises(UsageError, match="v9"):
        review("v9")
    with pytest.raises(UsageError, match="fr"):
        review(lang="fr")


def test_an_undefined_name_in_a_template_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        templating.environment(html=False).from_string("{{ surprise }}").render()


def test_the_packaged_templates_come_before_a_strangers_folder():
    assert templating.PLACES[0].parent.name == "grader"


# ---------------------------------------------------------------- what is said


def test_every_paragraph_about_the_notebook_has_its_cell():
    body = review().partition("# 근거")[2].partition("# 참고 링크")[0]
    body = re.sub(r"(?ms)^```.*?^```$", "", body)
    for paragraph in re.split(r"\n\n+|\n(?=- )", body):
        said = paragraph.strip()
        if not said or said.startswith(("#", "|", "✍️", "**함께", "평가 항목")):
            continue
        assert re.search(r"셀 \d+|실행 번호", said), said


@pytest.mark.parametrize(
    ("template", "boxes"),
    [("v0", "xxx x"), ("v2", "xx xx"), ("v4", "xx xx")],
)
def test_boxes_follow_the_verdicts_and_open_ones_have_a_pen(template, boxes):
    lines = re.findall(r"^- \[(.)\] .*$", review(template), re.M)
    assert "".join(lines) == boxes
    for line in re.findall(r"^- \[ \] .*(?:\n[^ -].*)?", review(template), re.M):
        assert "✍️" in line


def test_v0_asks_question_3_the_other_way_round():
    evidence, judgement = sample.evidence(), sample.judgement()
    clean = replace(
        judgement.questions[2], status=Status.PASS, actual=Text(ko="눈에 띄는 곳 없음", en="none")
    )
    calm = replace(judgement, questions=(*judgement.questions[:2], clean, *judgement.questions[3:]))
    assert "- [x] 3.코드가 에러를 유발할 가능성이 있나요? → 확인할 곳" in review()
    assert "- [ ] 3.코드가 에러를 유발할 가능성이 있나요? → 눈에 띄는 곳 없음" in review(
        "v0", "ko", evidence, calm
    )


def test_an_undecided_item_stays_open_and_says_what_a_person_decides():
    judgement = sample.judgement()
    person = Text(ko="✍️ 실행된 노트북을 받아 확인해 주세요.", en="✍️ Ask for the notebook as run.")
    open_ = replace(judgement.items[1], status=Status.UNDECIDED, points=None, person=person)
    text = review(judgement=replace(judgement, items=(judgement.items[0], open_, judgement.items[2])))
    assert "→ **판단 보류 ✍️**" in text and "\n✍️ 실행된 노트북을 받아 확인해 주세요.\n" in text
    assert "✍️ ✍️" not in text


def test_a_fail_comes_with_its_next_step():
    assert '**다음 한 걸음** 셀 6에서 `padding="max_length"`를 빼고' in review()


def test_the_tables_set_the_runs_side_by_side():
    text = review()
    assert "| 행당 토큰 (패딩 포함) | 60 | **60** |" in text
    assert "| 학습 시간 | 4,015초 (67분) | 4,016초 (67분) |" in text
    assert "| 학습 전 | 0.4971 | train에서 나눈 검증 데이터 29,999건 | 셀 8 |" in text
    assert html(text).count("<table>") == 2


def test_what_was_counted_in_stand_in_reviews_is_marked_and_never_paired_with_what_was_not():
    """23 stored tokens beside 23 % padding of other reviews: together nobody's."""
    ours = ("tokens_per_row", "padding_share")
    base = replace(
        sample.BASE, padding=Padding.DYNAMIC, tokens_per_row=45.1, padding_share=0.6, stand_in=ours
    )
    late = replace(
        sample.BUCKETED, padding=Padding.DYNAMIC, tokens_per_row=23.2, padding_share=0.23, stand_in=ours[1:]
    )
    facts = replace(sample.FACTS, runs=(base, late), bucketing=Bucketing.EFFECTIVE, baseline=0, bucketed=1)
    judgement = replace(sample.judgement(), facts=facts)
    text = review(judgement=judgement)
    assert "| 행당 토큰 (패딩 포함) | 45.1† | **23.2** |" in text
    assert "| 그중 패딩 | 60 %† | – |" in text
    assert "† 채점기가 대역 데이터로" in text and "45.1 → 23.2, 대역 데이터 포함" in text
    both = replace(facts, runs=(base, replace(late, stand_in=ours)))
    assert "45.1 → 23.2, 대역 데이터)" in review(judgement=replace(judgement, facts=both))
    page = report.write(sample.evidence(), judgement, lang="en")
    assert "45.1†" in page and "† Counted when the grader ran it" in page
    assert "†" not in review() and "†" not in report.write(sample.evidence(), sample.judgement(), lang="ko")


def test_batches_that_changed_are_not_called_unchanged():
    assert "아무것도 바뀌지 않았습니다" in review()
    runs = (*sample.FACTS.runs[:1], replace(sample.FACTS.runs[1], padding=Padding.DYNAMIC))
    assert sample.FACTS.bucketed == 1
    text = review(judgement=replace(sample.judgement(), facts=replace(sample.FACTS, runs=runs)))
    assert "아무것도 바뀌지" not in text and "패딩이 줄지 않았습니다" in text


def test_without_a_settled_pair_all_runs_are_shown_and_unknown_is_a_dash():
    unknown = replace(sample.BUCKETED, tokens_per_row=None, seconds=None)
    facts = replace(sample.FACTS, baseline=None, bucketed=None, runs=(sample.BASE, unknown))
    text = review(judgement=replace(sample.judgement(), facts=facts))
    assert "| 행당 토큰 (패딩 포함) | 60 | – |" in text


def test_a_contradiction_comes_first_and_only_once():
    found = Finding(
        id="stale-output",
        severity="contradiction",
        text=Text(ko="셀 13의 출력은 지금 코드보다 오래되었습니다.", en="Cell 13 is stale."),
        citations=(Citation(cell=13),),
    )
    text = review(judgement=replace(sample.judgement(), findings=(found, *sample.FINDINGS)))
    assert text.count(found.text.ko) == 1
    assert text.index(found.text.ko) < text.index("# 근거")


def test_what_item_3_says_is_not_said_again_as_a_finding():
    assert "행당 토큰이 60에서 60으로" not in review()


def test_how_it_was_checked_names_budget_stand_in_and_isolation():
    line = next(row for row in review().splitlines() if "확인 방법" in row)
    assert (
        "배치 40개까지" in line and "전체의 0.36 %" in line and "pocket" in line and "bubblewrap 격리" in line
    )
    read_only = review(evidence=sample.evidence(run=False))
    assert "다시 실행 ✕ (실행하지 않고 읽기만 했습니다 (--no-run))" in read_only


def test_without_isolation_it_says_so():
    evidence = sample.evidence()
    bare = replace(evidence, observed=replace(evidence.observed, isolation="none"))
    assert "격리 없이" in review(evidence=bare)


def test_improved_code_of_one_cell_is_offered_once():
    offer = Text(ko="# 셀 6: 다른 말\nx = 1", en="# cell 6: other words\nx = 1")
    finding = replace(sample.FINDINGS[0], code=offer)
    text = review(judgement=replace(sample.judgement(), findings=(finding,)))
    assert "def transform_unpadded(batch):" in text and "다른 말" not in text


def test_every_bucketing_fact_has_words():
    for kind in Bucketing:
        facts = replace(sample.FACTS, bucketing=kind)
        assert "bucketing" in review(judgement=replace(sample.judgement(), facts=facts)).split("확인 방법")[0]


# ---------------------------------------------------------------- quotes


def test_a_quoted_argument_is_shown_with_the_call_around_it():
    shown = quotes.best(sample.submission(), [Citation(cell=6, quote='padding="max_length",')], "ko")
    assert shown.splitlines()[3].startswith("return tokenizer(") and shown.count("\n") <= 12


def cells(*sources):
    made = tuple(Cell(index=i, kind="code", source=source) for i, source in enumerate(sources))
    return Submission(name="x.ipynb", sha256="0", cells=made)


def test_a_long_statement_keeps_the_row_this_exercise_is_about():
    rows = [f"    argument_{i}={i}," for i in range(12)]
    rows[9] = "    group_by_length=True,"
    source = "args = TrainingArguments(\n" + "\n".join(rows) + "\n)\nnext_statement()"
    shown = quotes.best(cells(source), [Citation(cell=0, quote="args = TrainingArguments(")], "ko")
    assert "group_by_length=True," in shown and "    # …\n" in shown and "next_statement" not in shown
    assert shown.rstrip("`\n").endswith(")") and shown.count("\n") - 4 <= quotes.MAX_LINES


def test_of_two_equal_first_lines_the_quoted_one_is_shown():
    source = "'''\nargs = A(\n    old=1,\n)\n'''\nargs = A(\n    new=2,\n)"
    shown = quotes.best(cells(source), [Citation(cell=0, quote="args = A(\n    new=2,")], "ko")
    assert "new=2" in shown and "old=1" not in shown


def test_a_quote_is_shown_without_the_indentation_of_its_cell():
    source = "class A:\n    def f(self):\n        a = 1\n        b = 2\n        c = 3\n        d = 4"
    quote = "a = 1\n        b = 2\n        c = 3\n        d = 4"
    shown = quotes.best(cells(source), [Citation(cell=0, quote=quote)], "ko")
    assert "\na = 1\nb = 2\nc = 3\nd = 4\n" in shown


def test_quotes_are_at_most_eight_lines():
    long = Citation(cell=12, quote="\n".join(f"line {i}" for i in range(40)), witness=Witness.RECORDED)
    body = quotes.best(sample.submission(), [long], "ko").splitlines()
    assert len(body) - 4 == quotes.MAX_LINES


def test_a_citation_of_a_missing_cell_is_no_crash():
    assert quotes.best(sample.submission(), [Citation(cell=999)], "ko") == ""
    assert "999" in quotes.best(sample.submission(), [Citation(cell=999, quote="x")], "ko")


# ---------------------------------------------------------------- hostile text

ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![pixel](https://evil.example/p.png)",
    "```\n# injected heading\n```",
    "````\n<b>x</b>\n````",
    "`` ` `` <i>",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "# injected heading",
    "> injected quote",
    "- [x] 4.코드 작성자가",
    "https://evil.example/phish",
    "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
    "\u202egnirts desrever\u202c \u200bzero",
    "{{ 1234 * 1000 }} {% for x in y %}",
    "ping @everyone",
    "&lt;script&gt; &#60;b&#62;",
    "`a\n\n<img src=x onerror=alert(1)>\n\n`",
    "`a\n- <img src=x onerror=alert(1)>`",
    "\\`<img src=x onerror=alert(1)>`",
    "\n```<img src=x onerror=alert(1)>```",
    "``www.a.b```<img src=x onerror=alert(1)>```",
    "\n\na|`b|<img src=x onerror=alert(1)>`\n-|-\n",
)


PIECES = (
    *("`", "``", "```", "\\", "\n", "\n\n", " ", "    ", "|", "-|-", "- ", "> ", "# ", "~~~", "a", "www.a.b"),
    *("<img src=x>", "[a](x)", "![p](http://x)"),
)
"""What CommonMark gives a meaning to."""


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("template", ["v0", "v4"])
def test_student_text_is_inert_everywhere(attack, template):
    evidence, judgement = sample.evidence(), sample.judgement()
    said = Text(ko=f"셀 3: {attack}", en=f"cell 3: {attack}")
    finding = Finding(
        id="x", severity="warning", text=said, citations=(Citation(cell=3, quote=attack),), question=said
    )
    cited = (Citation(cell=3, quote=attack), Citation(cell=3, quote=attack, witness=Witness.RECORDED))
    items = tuple(
        replace(v, reason=said, actual=said, praise=said, next_step=said, person=said, citations=cited)
        for v in judgement.items
    )
    asked = tuple(
        replace(v, reason=said, actual=said, praise=said, citations=cited, questions=(said,))
        for v in judgement.questions
    )
    submission = replace(evidence.submission, name=attack + ".ipynb", notes=(said,))
    hostile = replace(judgement, items=items, questions=asked, findings=(finding,))
    page = html(write(replace(evidence, submission=submission), hostile, template=template))
    calm = html(review(template))
    for tag in ("script", "img", "i", "b"):
        assert f"<{tag}>" not in page and f"<{tag} " not in page
    assert "<h1>injected" not in page and "evil.example" not in "".join(
        re.findall(r'(?:href|src)="[^"]*"', page)
    )
    assert "javascript:" not in "".join(re.findall(r'href="[^"]*"', page))
    assert page.count("<h1>") == calm.count("<h1>")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u200b]", page)
    assert "1234000" not in page and "@everyone" not in re.sub("(?s)<code[^>]*>.*?</code>", "", page)


@pytest.mark.parametrize("run", ["`", "```", "``````", "~~~", "a\n```\nb\n````"])
def test_a_fence_is_longer_than_what_it_holds(run):
    page = html(markdown.fenced(run + "\n<b>x</b>"))
    assert page.count("<pre>") == 1 and "<b>" not in page


def test_prose_keeps_what_the_checks_use():
    said = "**굵게** `code <b>` 셀 3 → 67 %\n- 셀 4: `x`"
    assert markdown.prose(said) == said


@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
@pytest.mark.parametrize("around", ["{}", "- x: {}", "a ({}) `b`"])
def test_no_mix_of_backticks_and_line_ends_lets_markup_out(around, pieces):
    page = html(markdown.prose(around.format(pieces)))
    assert "<img" not in page and "<a " not in page


@pytest.mark.parametrize("raw", ["a|b", "a`b", "``", "\n", "`", "x" * 500])
def test_inline_code_stays_inline(raw):
    shown = markdown.inline(raw)
    assert "\n" not in shown and "|" not in shown and len(shown) < 140
    assert html(f"a {shown} b").count("<code>") == 1


def test_tidied_leaves_code_alone():
    page = "# a\ntext\n\n\n\n```python\nx\n\n\n\ny\n```\n\n\nend  \n\n"
    assert markdown.tidied(page) == "# a\ntext\n\n```python\nx\n\n\n\ny\n```\n\nend\n"


def test_a_verdict_made_of_nothing_is_still_a_review():
    nothing = Text(ko="", en="")
    empty = Verdict(item="r1", status=Status.UNDECIDED, expected=nothing, actual=nothing, reason=nothing)
    text = review(judgement=Judgement(items=(empty,), questions=(), facts=Facts()))
    assert "### item 1" in text and "판단 보류" in text


def test_an_accuracy_of_the_stand_in_says_so_at_a_glance():
    seen, shown = sample.evidence(), sample.judgement()
    stand_in = replace(shown, facts=replace(shown.facts, stand_in=True))
    for lang, word in (("ko", ", 대역 모델)"), ("en", ", stand-in model)")):
        assert word in write(seen, stand_in, lang=lang)
        assert word not in write(seen, shown, lang=lang)
