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
    "only-a-person": Text(ko="사람만 확인할 수 있는 근거", en="evidence only a person can read"),
    "near-miss": Text(ko="목표에 아주 조금 모자람", en="just below the goal"),
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
FINDINGS = {
    "weak-bucketing": Text(ko="패딩이 조금만 줄어든 bucketing", en="bucketing with a weak effect"),
    "narrower-not-faster": Text(ko="패딩은 줄었는데 빨라지지 않음", en="less padding, no more speed"),
    "no-op-bucketing": Text(ko="효과가 없는 bucketing", en="bucketing without effect"),
    "dynamic-baseline": Text(ko="기준 실행도 이미 동적 패딩", en="baseline already pads dynamically"),
    "typed-differs-from-stored": Text(ko="적은 숫자와 출력이 다름", en="typed numbers differ from outputs"),
    "test-as-validation": Text(ko="test를 검증 데이터로 사용", en="test used as validation"),
    "subset-evaluation": Text(ko="일부 행으로만 평가", en="evaluated on a subset"),
    "speed-after-early-stopping": Text(
        ko="조기 종료 뒤의 속도 값", en="speed figure distorted by early stopping"
    ),
    "speedup-not-measured": Text(
        ko="출력에서 확인되지 않는 속도 향상", en="speed-up not borne out by outputs"
    ),
    "short-max-length": Text(ko="짧은 max_length", en="short max_length"),
    "run-not-trusted": Text(ko="실행 증거를 믿기 어려움", en="evidence of the run not trusted"),
    "printed-without-training": Text(ko="학습 없이 출력된 정확도", en="accuracy printed without training"),
    "overfitting": Text(ko="검증 손실이 다시 올라감", en="validation loss rises again"),
    "mask-missing": Text(ko="attention mask 없는 패딩", en="padding without an attention mask"),
    "odd-padding": Text(ko="다른 토큰으로 패딩", en="padded with another token"),
    "random-weights": Text(ko="무작위 가중치에서 학습", en="trained from random weights"),
    "earlier-model-evaluated": Text(
        ko="bucketing 모델 대신 앞 모델을 평가", en="evaluated the earlier model"
    ),
    "continued-training": Text(ko="앞 실행의 모델을 이어서 학습", en="went on training the same model"),
    "confounded": Text(ko="bucketing 말고도 다른 조건", en="runs differ in more than bucketing"),
    "at-the-threshold": Text(ko="90 % 경계의 정확도", en="accuracy at the 90 % threshold"),
    "verified-below-claim": Text(ko="다시 평가한 정확도가 낮음", en="re-evaluated accuracy below the claim"),
    "verified-below-honest": Text(
        ko="같은 양의 정상적인 학습보다 낮음", en="below honest trainings of the same budget"
    ),
    "verified-above-honest": Text(
        ko="같은 양의 정상적인 학습보다 높음", en="above honest trainings of the same budget"
    ),
    "stored-error": Text(ko="오류 출력이 남아 있음", en="errors stored in outputs"),
    "stale-output": Text(ko="지금 코드의 출력이 아님", en="outputs of other code"),
    "observed-differs": Text(ko="다시 실행한 결과가 다름", en="behaves differently when run"),
    "leak": Text(ko="학습한 행으로 평가", en="evaluated on training rows"),
    "evidence-in-images": Text(ko="이미지 속 증거", en="evidence in images"),
    "checkpoint-evaluated": Text(ko="다른 체크포인트를 평가", en="another checkpoint evaluated"),
    "classroom-lacks": Text(ko="채점 환경에서 실행하지 못한 곳", en="could not be run in the classroom"),
    "same-score": Text(ko="두 실행의 점수가 똑같음", en="identical scores"),
    "bucketing-absent": Text(ko="bucketing을 시도하지 않음", en="bucketing absent"),
    "bucketing-unexecuted": Text(ko="bucketing을 쓰고 실행하지 않음", en="bucketing written, never run"),
    "not-compared": Text(ko="두 실행의 비교가 출력에 없음", en="no stored comparison of two runs"),
    "not-analysed": Text(ko="결과를 글로 해석하지 않음", en="the result not interpreted in words"),
}
"""Names of findings that are no praise, and of the tags of common.py; tests hold the list against both."""


def finding_name(name: str, lang: str) -> str:
    """What the class page calls a finding."""
    return FINDINGS[name].in_(lang) if name in FINDINGS else name.replace("-", " ")
