"""Twelve made-up people fill in the sheets of a round: `python -m tests.reviews.play ROUND`.

Each has one of the habits of the field. The careful ones use nothing but what their sheet shows them; so
what they find, a reader of the facts can find. Called by docs/peer-review.md and test_peers_round.py.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from grader.peers import round as rounds

HABITS = ("careful", "ticks", "polite", "ticks", "careful", "circles", "ticks", "mixed", "polite", "ticks")
PRAISE = "전체적으로 잘 작성해 주셨습니다. 수고하셨습니다!"
BUCKETED = "Bucketing을 성공적으로 적용하여 학습 속도가 빨라졌습니다."


def fill(sheet: str, habit: str) -> str:
    """The sheet as a person of that habit hands it in (V4)."""
    if habit == "careful":
        return _careful(sheet)
    mark = {"ticks": "x", "circles": "O", "polite": " ", "mixed": "O"}[habit]
    text = sheet.replace("- [ ]  **", f"- [{mark}]  **")
    if habit == "mixed":
        text = text.replace("- [O]  **4.", "- [X]  **4.")
    if habit == "ticks":
        text = text.replace("[ ] 예", "[x] 예")
    at = text.index("\n- [", text.index("**1."))
    return f"{text[:at]}\n    - {PRAISE}\n    - {BUCKETED}\n{text[at:]}"


def _careful(sheet: str) -> str:
    """Reads the facts of the sheet, answers each item and says by which cells."""
    heads = re.search(r"^\s*\|\s*\|(.+)\|$", sheet, re.M)
    cells = [name.strip() for name in heads[1].split("|")] if heads else []
    tokens = _row(sheet, "행당 토큰 (패딩 포함)")
    accuracy = max((float(a) for a in _row(sheet, "정확도 (최고)") if a != "?"), default=0.0)
    fell = len(tokens) > 1 and "?" not in tokens and _number(tokens[-1]) < 0.9 * _number(tokens[0])
    if fell:
        third, why = (
            "예",
            f"{cells[0]}에서 {cells[-1]}로 가며 행당 토큰이 {tokens[0]}에서 {tokens[-1]}로 줄었습니다.",
        )
    elif len(tokens) > 1:
        third, why = (
            "아니요",
            f"{cells[0]}과 {cells[-1]}의 행당 토큰이 {tokens[0]}으로 그대로라 bucketing 효과가 없습니다.",
        )
    else:
        third, why = "아니요", "bucketing을 적용한 두 번째 실행을 찾지 못했습니다."
    second = "예" if accuracy >= 0.9 else "아니요"
    text = _choose(sheet, 1, "예", f"{cells[0] if cells else '노트북'}에 학습 출력이 남아 있습니다.")
    text = _choose(text, 2, second, f"출력에 남은 정확도는 {accuracy:.4f}입니다.")
    text = _choose(text, 3, third, why)
    boxes = iter("x" if yes else " " for yes in (second == "예" or third == "예", True, False, False, True))
    text = re.sub(r"- \[ \]  \*\*", lambda _: f"- [{next(boxes)}]  **", text)
    return text.rstrip() + "\n\n`seed`를 고정해 두 번씩 실행해 보면 차이를 더 믿을 수 있을 것 같습니다.\n"


def _row(sheet: str, name: str) -> list[str]:
    found = re.search(rf"^\s*\| {re.escape(name)} \|(.+)\|$", sheet, re.M)
    return [cell.strip() for cell in found[1].split("|")] if found else []


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _choose(sheet: str, item: int, answer: str, why: str) -> str:
    """Tick one of 예 / 일부 / 아니요 behind a rubric item, and put a sentence below."""
    line = re.search(rf"^(\s*)항목 {item}: .*$", sheet, re.M)
    ticked = line[0].replace(f"[ ] {answer}", f"[x] {answer}")
    return sheet.replace(line[0], f"{ticked}\n\n{line[1]}{why}", 1)


def play(folder: Path) -> int:
    """Fill in every sheet that is still open; returns how many."""
    state = rounds.load(folder)
    people = sorted({duty.reviewer for duty in state.duties})
    done = 0
    for duty in state.duties:
        path = folder / duty.sheet
        if rounds.standing(folder, duty) == "open":
            habit = HABITS[people.index(duty.reviewer) % len(HABITS)]
            path.write_text(fill(path.read_text("utf-8"), habit), "utf-8")
            done += 1
    return done


if __name__ == "__main__":
    print(f"{play(Path(sys.argv[1]))} reviews written")
