"""Builds tests/reviews/*.md and expected.json: `python -m tests.reviews.build`.

Reviews as people write them, in every PRT version and with every marking habit seen in the field; every
sentence is ours. The words of the PRT come from the project's own blank sheets; which mark stands where,
and what it says, stands here and is not read back from anything. test_peers_collect.py checks the files.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from grader import rubric
from grader.peers import sheets

HERE = Path(__file__).parent
ORDER = {
    "v0": ("q1", "q2", "q3", "q4", "q5"),
    "v1": ("q1", "q2", "q3", "q4", "q5"),
    "v2": ("q1", "q2", "tried", "reflected", "q5"),
    "v3": (
        *("why1", "why2", "why3", "split", "hyperparameters", "visualised", "recorded"),
        *("learned", "regret", "feeling", "difficulty"),
    ),
    "v4": ("q1", "q2", "tried", "reflected", "q5"),
}
"""The questions with a box, top to bottom."""
PRAISE = (
    "모델과 데이터를 불러와 끝까지 학습한 결과가 잘 나와 있습니다.",
    "함수마다 주석이 있어 흐름을 이해하기 좋았습니다.",
    "학습률을 바꿔 가며 여러 번 시도한 기록이 있습니다.",
    "느낀 점을 솔직하게 잘 정리했습니다.",
    "되풀이되는 부분을 함수로 묶어 깔끔합니다.",
)
BLAME = (
    "마지막 학습이 중간에 멈춰 결과가 남아 있지 않습니다.",
    "핵심 셀에 주석이 없어 따라가기 어려웠습니다.",
    "추가로 시도한 실험은 찾지 못했습니다.",
    "회고가 아직 작성되지 않았습니다.",
    "같은 코드가 세 번 나와 아쉽습니다.",
)
YES = {"x": "yes", "X": "yes", "O": "yes", "o": "yes", "ㅇ": "yes", "*": "yes", "v": "yes", "✓": "yes"}
MEANS = {**YES, "": "open", " ": "open", "해당 없음": "n/a", "△": "partial", "네": "yes", "아니요": "no"}


@dataclass
class Case:
    """One file and what is in it."""

    text: str
    version: str
    answers: dict[str, str]
    more: list[dict] = field(default_factory=list)
    """Further reviews in the same file."""
    images: int = 0
    unread: bool = False


@cache
def blank(version: str) -> str:
    """The bare PRT without the boxes that only our own sheets have."""
    text = sheets.sheet(
        rubric.load(), template=version, lang="ko", assist="none", coder="코더 가", reviewer="리뷰어 나"
    )
    text = text.replace("→ **[ ] 예 [ ] 일부 [ ] 아니요**", "").replace("[ ] 예 [ ] 일부 [ ] 아니요", "⭐")
    return "\n".join(line for line in text.splitlines() if not re.match(r"\s*항목 \d:", line)) + "\n"


def fill(version: str, marks: list[str], words: tuple[str, ...] = (), under: str = "        - ") -> str:
    """The blank PRT with `marks` in its boxes, top to bottom, and `words` under the questions."""
    out, at, wait = [], -1, ""
    lines = blank(version).splitlines()
    for index, line in enumerate(lines):
        if re.match(r"\s*- \[ \]", line):
            at += 1
            line = line.replace("[ ]", f"[{marks[at]}]", 1)
            wait = words[at] if at < len(words) else ""
        out.append(line)
        following = lines[index + 1] if index + 1 < len(lines) else ""
        ended = not following.strip() or re.match(r"- \[ \]|#", following)
        if wait and ended and version not in ("v0", "v3"):
            out.append(under + wait)
            wait = ""
    text = "\n".join(out) + "\n"
    if version == "v0":
        for number, sentence in enumerate(words[1:], 2):
            text = text.replace(f"## Section {number}\n", f"## Section {number}\n\n{sentence}\n")
    return text


def case(version: str, marks: list[str], words=(), says: list[str] | None = None, **more) -> Case:
    """A filled sheet; `says` where the marks mean something else than usual."""
    meant = says or [MEANS[mark] for mark in marks]
    return Case(fill(version, marks, words), version, dict(zip(ORDER[version], meant, strict=True)), **more)


def changed(base: Case, *pairs: tuple[str, str], **more) -> Case:
    """`base` with its text altered."""
    text = base.text
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return Case(text, more.pop("version", base.version), more.pop("answers", base.answers), **more)


def cases() -> dict[str, Case]:
    """All cases by file name."""
    found: dict[str, Case] = {}
    for version in ("v2", "v4"):
        for name, mark in (
            *(("small-x", "x"), ("big-x", "X"), ("big-o", "O"), ("small-o", "o"), ("ieung", "ㅇ")),
            *(("star", "*"), ("tick", "✓"), ("letter-v", "v")),
        ):
            found[f"{version}-{name}"] = case(version, [mark] * 5, PRAISE)
        found[f"{version}-some-open"] = case(
            version, ["x", "x", "", "", "x"], (*PRAISE[:2], *BLAME[2:4], PRAISE[4])
        )
        found[f"{version}-open-but-positive"] = case(version, [""] * 5, PRAISE)
        found[f"{version}-not-applicable"] = case(version, ["x", "x", "해당 없음", "x", "x"], PRAISE)
        found[f"{version}-in-part"] = case(version, ["x", "△", "x", "△", "x"], PRAISE)
        found[f"{version}-words-in-the-box"] = case(version, ["네", "네", "아니요", "아니요", "네"])
        found[f"{version}-never-filled"] = case(version, [""] * 5)
    found |= _v4_habits()
    found |= _others()
    return found


def _v4_habits() -> dict[str, Case]:
    """V4, the commonest, with everything people do to it."""
    plain = case("v4", ["x"] * 5, PRAISE)
    hints = [line for line in blank("v4").splitlines() if re.match(r"\s+- ", line)]
    bare = Case("\n".join(ln for ln in plain.text.splitlines() if ln not in hints), "v4", plain.answers)
    words = case(
        "v4", [""] * 5, ("네, 확인했습니다.", "네 이해됩니다.", "아니요.", "아니오, 없습니다.", "네.")
    )
    picture = '<img width="736" alt="image" src="https://example.org/a.png" />'
    other = fill("v4", ["x", "", "x", "", "x"]).replace("코더 가", "코더 다")
    return {
        "v4-hints-deleted": bare,
        "v4-plain-yes-and-no-under-empty-boxes": Case(
            words.text, "v4", dict(zip(ORDER["v4"], ["yes", "yes", "no", "no", "yes"], strict=True))
        ),
        "v4-numbers-removed": Case(re.sub(r"\*\*\d\. ", "**", plain.text), "v4", plain.answers),
        "v4-bold-removed": Case(plain.text.replace("**", ""), "v4", plain.answers),
        "v4-typos-in-headings": changed(
            plain,
            ("완성된 코드가 제출되었나요?", "완성 된 코드가 제출 되었나요"),
            ("회고를 잘 작성했나요?", "회고를 잘 작성 하였나요?"),
            ("코드가 간결하고 효율적인가요?", "코드가 간결하고 효율적 인가요 ?"),
        ),
        "v4-questions-on-one-line": changed(
            plain, ("작성된\n주석", "작성된 주석"), ("남겼거나\n새로운", "남겼거나 새로운")
        ),
        "v4-fullwidth-brackets": Case(plain.text.replace("[x]", "［x］"), "v4", plain.answers),
        "v4-escaped-brackets": Case(plain.text.replace("[x]", "\\[x\\]"), "v4", plain.answers),
        "v4-spaces-in-the-box": Case(plain.text.replace("[x]", "[ x ]"), "v4", plain.answers),
        "v4-tabs": Case(plain.text.replace("    ", "\t"), "v4", plain.answers),
        "v4-windows-line-ends": Case(plain.text.replace("\n", "\r\n"), "v4", plain.answers),
        "v4-byte-order-mark": Case("\ufeff" + plain.text, "v4", plain.answers),
        "v4-pictures-by-link": changed(plain, (PRAISE[0], f"{picture}\n        - {PRAISE[0]}"), images=1),
        "v4-pictures-by-file": changed(
            plain, (PRAISE[1], f"![근거](./img/근거 1.png) {PRAISE[1]}"), images=1
        ),
        "v4-below-a-readme": Case(
            "# GD08\n\n허깅페이스로 NSMC를 분류한 기록\n\n- [링크](https://example.org)\n\n" + plain.text,
            "v4",
            plain.answers,
        ),
        "v4-words-in-the-last-fence": changed(
            plain, ("# 리뷰어의 회고를 작성합니다.", "많이 배웠습니다. 수고하셨습니다!")
        ),
        "v4-a-fence-nobody-closed": Case(plain.text.rsplit("```", 1)[0], "v4", plain.answers),
        "v4-code-as-evidence": changed(
            plain,
            (
                PRAISE[4],
                f"{PRAISE[4]}\n        ```python\n        def f(batch):\n            ...\n        ```",
            ),
        ),
        "v4-two-in-one-file": Case(
            plain.text + "\n\n" + other,
            "v4",
            plain.answers,
            more=[{"q1": "yes", "q2": "open", "tried": "yes", "reflected": "open", "q5": "yes"}],
        ),
        "v4-rubric-with-o-and-x": Case(
            fill(
                "v4",
                [""] * 5,
                (
                    "\n        - ".join(
                        item.text.ko + mark
                        for item, mark in zip(rubric.load(), ("(o)", "(x)", " (x)"), strict=True)
                    ),
                ),
            ),
            "v4",
            {**dict.fromkeys(ORDER["v4"], "open"), "r1": "yes", "r2": "no", "r3": "no"},
        ),
        "v4-circles-and-crosses-mixed": case(
            "v4", ["O", "O", "X", "O", "O"], says=["yes", "yes", "unclear", "yes", "yes"], unread=True
        ),
        "v4-unknown-marks": case(
            "v4",
            ["x", "?", "ㅌ", "x", "50"],
            says=["yes", "unclear", "unclear", "yes", "unclear"],
            unread=True,
        ),
        "v4-mark-and-words-disagree": case(
            "v4",
            ["x"] * 5,
            ("아니요, 아직 완성되지 않았습니다.",),
            says=["unclear", "yes", "yes", "yes", "yes"],
            unread=True,
        ),
    }


def _others() -> dict[str, Case]:
    """V0, V1 and V3."""
    v0 = case("v0", ["x"] * 5, PRAISE)
    safe = ("코드가 에러를 유발할 가능성이 있나요?", "코드가 에러를 유발할 가능성이 없나요?")
    mixed = case("v1", ["o", "o", "x", "o", "x"], says=["yes", "yes", "no", "yes", "no"])
    round_marks = "모델 학습에 Bucketing을 성공적으로 적용하고, 그 결과를 비교분석하였다."
    eleven = len(ORDER["v3"])
    return {
        "v0-all-ticked": v0,
        "v0-big-x": case("v0", ["X"] * 5, PRAISE),
        "v0-question-three-open": case("v0", ["x", "x", "", "x", "x"], PRAISE),
        "v0-open-but-positive": case("v0", [""] * 5, PRAISE),
        "v0-items-with-words": changed(
            v0,
            (round_marks, f"{round_marks} → 아니요"),
            answers={**v0.answers, "r1": "open", "r2": "open", "r3": "no"},
        ),
        "v1-circles-and-crosses": mixed,
        "v1-negative-question-turned": changed(mixed, safe),
        "v1-all-circles": case("v1", ["o"] * 5, PRAISE),
        "v1-ieung": case("v1", ["ㅇ", "ㅇ", "x", "ㅇ", "ㅇ"], says=["yes", "yes", "no", "yes", "yes"]),
        "v1-only-crosses": case("v1", ["x"] * 5, PRAISE, says=["unclear"] * 5, unread=True),
        "v1-open": case("v1", [""] * 5, PRAISE),
        "v3-all-ticked": case("v3", ["x"] * eleven),
        "v3-big-o": case("v3", ["O"] * eleven),
        "v3-some": case("v3", ["x", "", "", "x", "x", "", "x", "x", "", "x", ""]),
        "v3-never-filled": case("v3", [""] * eleven),
    }


def expected(found: Case) -> dict:
    """What expected.json says of one file."""
    return {
        "version": found.version,
        "answers": [found.answers, *found.more],
        "images": found.images,
        "unread": found.unread,
    }


def main() -> None:
    made = cases()
    for old in HERE.glob("*.md"):
        old.unlink()
    for name, found in made.items():
        (HERE / f"{name}.md").write_text(found.text, encoding="utf-8", newline="")
    table = {name: expected(found) for name, found in made.items()}
    (HERE / "expected.json").write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", "utf-8")
    print(f"{len(made)} reviews")


if __name__ == "__main__":
    main()
