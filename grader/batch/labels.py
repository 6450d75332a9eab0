"""Short names for the class page, in both languages. Words only."""

from __future__ import annotations

from grader.records import Text

STATUS = {
    "PASS": Text(ko="통과", en="pass"),
    "PARTIAL": Text(ko="부분 통과", en="partial"),
    "FAIL": Text(ko="미통과", en="fail"),
    "UNDECIDED": Text(ko="판단 보류", en="undecided"),
}
BUCKETING = {
    "effective": Text(ko="효과 있음", en="effective"),
    "no-op": Text(ko="켰지만 효과 없음", en="without effect"),
    "absent": Text(ko="시도하지 않음", en="absent"),
    "unexecuted": Text(ko="작성만 하고 실행하지 않음", en="written, never run"),
    "unknown": Text(ko="알 수 없음", en="unknown"),
}
REASONS = {
    "grader-failed": Text(ko="채점기 오류", en="the grader failed"),
    "grader-fault": Text(ko="채점기 일부 오류", en="a part of the grader failed"),
    "unreadable": Text(ko="읽을 수 없는 제출물", en="unreadable"),
    "undecided": Text(ko="판단 보류 항목", en="undecided items"),
    "unverified": Text(ko="확인되지 않은 증거", en="unverified evidence"),
    "several-notebooks": Text(ko="노트북 여러 개", en="several notebooks"),
    "late": Text(ko="늦은 제출", en="late"),
    "cell-timeout": Text(ko="끝나지 않는 셀", en="a cell never ended"),
    "total-timeout": Text(ko="시간 초과", en="out of time"),
    "out-of-memory": Text(ko="메모리 초과", en="out of memory"),
    "disk-limit": Text(ko="디스크 초과", en="out of disk"),
    "output-flood": Text(ko="출력 폭주", en="output flood"),
    "kernel-died": Text(ko="커널 종료", en="kernel died"),
    "killed-by-watchdog": Text(ko="감시 장치가 중단", en="killed by the watchdog"),
    "sandbox-fault": Text(ko="샌드박스 오류 (학생과 무관)", en="sandbox fault (not the student's)"),
}
FINDINGS: dict[str, Text] = {}
"""Names of findings; one without a name shows its id."""


def finding_name(name: str, lang: str) -> str:
    """What the class page calls a finding."""
    return FINDINGS[name].in_(lang) if name in FINDINGS else name.replace("-", " ")
