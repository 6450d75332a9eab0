"""What each lint rule means to a student, and what to do about it. Data, not code.

Rules about tidiness (unused or repeated imports) are not here: they belong to Q5 (concise.py).
"""

from __future__ import annotations

from grader.records import Text

CERTAIN = frozenset({"F821", "F823", "A001"})
"""Rules whose message names the name; one line each."""

LINT: dict[str, tuple[int, Text, Text]] = {
    "F821": (
        3,
        Text(
            ko="어디에서도 정의되지 않은 이름 {name} 때문에 NameError가 납니다.",
            en="{name} is defined nowhere: a NameError",
        ),
        Text(ko="오타인지 확인하고 정의하거나 지우기", en="check for a typo; define or delete it"),
    ),
    "F823": (
        3,
        Text(
            ko="{name}에 값을 넣기 전에 읽어서 UnboundLocalError가 납니다.",
            en="{name} is read before it is assigned: an UnboundLocalError",
        ),
        Text(ko="함수 안에서 먼저 값을 정하기", en="assign it first"),
    ),
    "A001": (
        1,
        Text(
            ko="파이썬 내장 이름({name})을 덮어써서, 뒤의 셀에서 그 이름을 쓰면 엉뚱하게 동작합니다.",
            en="{name} covers up the builtin of that name; later cells that need it will misbehave",
        ),
        Text(ko="다른 변수 이름 쓰기", en="use another name"),
    ),
    "E722": (
        2,
        Text(
            ko="`except:`가 모든 오류를 삼켜서 실패해도 알 수 없습니다.",
            en="a bare `except:` swallows every error, so a failure goes unseen",
        ),
        Text(ko="`except 오류이름 as e:`로 받고 출력하기", en="name the exception and print it"),
    ),
    "E711": (
        1,
        Text(ko="`None`을 `==`로 비교합니다.", en="compares with `None` by `==`"),
        Text(ko="`is None`", en="`is None`"),
    ),
    "F632": (
        1,
        Text(ko="값을 `is`로 비교합니다.", en="compares values by `is`"),
        Text(ko="`==`", en="`==`"),
    ),
    "B006": (
        1,
        Text(
            ko="기본값으로 둔 목록이 호출할 때마다 공유됩니다.",
            en="a mutable default argument is shared between calls",
        ),
        Text(ko="기본값을 `None`으로 두고 안에서 만들기", en="default to `None` and build it inside"),
    ),
    "B015": (
        1,
        Text(ko="비교만 하고 결과를 쓰지 않습니다.", en="compares and drops the result"),
        Text(ko="`assert`나 대입인지 확인", en="was an `assert` or an assignment meant?"),
    ),
    "B023": (
        1,
        Text(
            ko="반복문 안의 함수가 반복 변수의 마지막 값만 보게 됩니다.",
            en="a function made in a loop will see only the loop variable's last value",
        ),
        Text(ko="인자로 넘기기", en="pass it as an argument"),
    ),
}
"""Rule → (weight as in `hazards.Hazard`, what it means, what to do). `{name}` is the name concerned."""
