"""Reflection, records of debugging, flow diagrams, pictures and links in the student's text.

Pure; called by `read`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from grader.facts import Kind
from grader.prose import lexicon as lex
from grader.prose.units import Unit
from grader.records import Cell, Observation, Witness

_REFLECTION = lex.words(
    r"회고|느낀\s*점|배운\s*점|아쉬운\s*점|소감|마무리|후기|retrospect|reflection|lessons|어려웠던"
    r"|개선할\s*점"
)
_ABOUT = (
    ("learned", lex.words(r"배[웠운우]|알게|알았|이해[하했]|익[힌혔]|learned|understood|처음\s*접")),
    (
        "regret",
        lex.words(r"아쉬|못\s?했|못\s?한|부족했|더\s*(?:해|시도).{0,10}싶|regret|다음에|개선할|시간이\s*없"),
    ),
    (
        "feeling",
        lex.words(
            r"느[낀꼈끼]|좋았|좋[음은]|재미|재밌|뿌듯|신기|편[안했]|신세계|효능감|놀라|생각이\s*[들듬듦]|싶"
        ),
    ),
    (
        "difficulty",
        lex.words(
            r"어려[웠움운]|힘들|오래\s*걸|막[혔막]|고생|당황|헤[맸매]|갈팡질팡|difficult|hard\b"
            r"|메모리\s*부족|오류|에러"
        ),
    ),
)
_PROBLEM = lex.words(
    r"오류|에러|error|문제\s*(?:발생|점|가|를|:)|메모리\S*\s*부족|out of memory|oom|안\s?되|안\s?됨|안되었"
    r"|되지\s*않|실패|이슈|충돌|끊[겨기]|잘못|겹치는|디버깅|debug"
)
_SOLVED = lex.words(
    r"해결|수정|변경|고[쳤침치]|바[꿔꾸꿨]|삭제|제거|추가[했하]|낮[췄춰]|줄였|줄여|적용[했하]|선언"
    r"|정상\s*작동|fixed|solved|대신|다시\s*(?:고|실행|진행)|변환"
)
_URL = re.compile(r"https?://[^\s)\]>\"'|]+")
_PICTURE = re.compile(r"!\[[^\[\]]{0,300}\]\(([^()]{0,500})\)|<img[^<>]{0,300}?src=[\"']?([^\"'<>\s]{1,500})")
_FLOW = re.compile(
    r"```\s*mermaid|graph\s+(?:TD|LR|TB)\b|flowchart|digraph\s|플로우\s*차트|순서도|흐름도"
    r"|파이프라인\s*(?:도|그림)"
)
_ARROWS = re.compile(r"(?:\S[^\n]{0,60}?(?:→|-->|->|⇒|↓)\s*){3,}")


def reflection(units: list[Unit]) -> Iterator[Observation]:
    """REFLECTION per cell: what stands under 회고 and the like, or reads as one."""
    cells: dict[int, list[str]] = {}
    last = max((unit.cell for unit in units), default=0)
    for unit in units:
        if unit.kind not in ("markdown", "heading") or lex.INSTRUCTION.search(unit.text):
            continue
        named = bool(_REFLECTION.search(unit.heading)) or bool(_REFLECTION.search(unit.text[:40]))
        felt = sum(bool(pattern.search(unit.text)) for name, pattern in _ABOUT if name != "difficulty")
        if (named and unit.kind == "markdown") or (felt and unit.cell >= last - 1 and len(unit.text) > 25):
            cells.setdefault(unit.cell, []).append(unit.text)
    for cell, texts in sorted(cells.items()):
        whole = "\n".join(texts)
        about = [name for name, pattern in _ABOUT if pattern.search(whole)]
        value = {"words": sum(len(text.split()) for text in texts), "about": about}
        yield _observation(Kind.REFLECTION, cell, value, max(texts, key=len))


def debugging(units: list[Unit]) -> Iterator[Observation]:
    """DEBUG_RECORD per cell: a problem and, in the same or the next text, what was done about it."""
    written = [unit for unit in units if unit.kind != "print" and not lex.INSTRUCTION.search(unit.text)]
    reported: set[int] = set()
    for i, unit in enumerate(written):
        if unit.cell in reported or not _PROBLEM.search(unit.text) or not re.search(r"[가-힣]", unit.text):
            continue
        if unit.text.rstrip(" *_").endswith(("까요?", "나요?")):
            continue  # asked, as an exercise asks, and not met
        reach = 0 if unit.kind == "comment" else 1
        near = [u for u in written[i : i + 8] if u.cell - unit.cell <= reach]
        if unit.kind == "markdown":  # the answer may stand below the cells that tried it out
            matter = _matter(unit.text)
            near += [
                u for u in written[i + 1 : i + 40] if 0 < u.cell - unit.cell <= 5 and matter & _matter(u.text)
            ]
        solution = next((u for u in near if _SOLVED.search(u.text) and re.search(r"[가-힣]", u.text)), None)
        if solution:
            reported |= {unit.cell, solution.cell}
            quote = unit.text if solution is unit else f"{unit.text} … {solution.text}"
            yield _observation(Kind.DEBUG_RECORD, unit.cell, {"about": unit.text[:160]}, quote)


def _matter(text: str) -> set[str]:
    """What a sentence is about, as beginnings of its nouns: '메모리가' and '메모리 부족' share one."""
    return {word[:3] for word in re.findall(r"[가-힣]{3,}|[A-Za-z_]{4,}", text)}


def outside(cell: Cell) -> Iterator[Observation]:
    """IMAGE, LINK and FLOW_DIAGRAM of a markdown cell: evidence that a person must look at."""
    text = cell.source[:200_000]
    shown = [first or second for first, second in _PICTURE.findall(text)]
    linked = [url for url in shown if not url.startswith(("attachment:", "data:"))]
    count = max(cell.attachments, len(shown) - len(linked)) + len(linked)
    if count:
        value: dict[str, Any] = {"where": "markdown", "count": count}
        yield _observation(Kind.IMAGE, cell.index, value, text[:200])
    for url in dict.fromkeys(_URL.findall(text)):
        yield _observation(Kind.LINK, cell.index, {"url": url[:300], "where": "markdown"}, url)
    if _FLOW.search(text) or _ARROWS.search(text):
        match = _FLOW.search(text) or _ARROWS.search(text)
        yield _observation(
            Kind.FLOW_DIAGRAM, cell.index, {"where": "markdown"}, match.group() if match else ""
        )


def _observation(kind: Kind, cell: int, value: dict[str, Any], quote: str) -> Observation:
    return Observation(witness=Witness.SOURCE, kind=kind, cell=cell, value=value, quote=quote.strip()[:300])
