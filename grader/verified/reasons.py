"""Why there is no score, in words for people. One function or entry per reason; nothing is decided here."""

from __future__ import annotations

import re

from grader.records import Text


def nothing_left() -> Text:
    """The notebook trained nothing, or ended before it had."""
    return Text(
        ko="노트북이 학습한 모델을 남기지 않아 다시 평가하지 못했습니다.",
        en="The notebook left no trained model, so there is nothing to evaluate again.",
    )


def rows_from_test_file() -> Text:
    """Own or official data have no further labelled rows."""
    return Text(
        ko="숨긴 리뷰는 시험 파일(ratings_test.txt)에서 뽑았습니다. 노트북도 이 파일을 볼 수 있으므로, "
        "시험 데이터로 학습한 모델은 이 점수로 가려낼 수 없습니다.",
        en="The hidden reviews were drawn from the test file (ratings_test.txt), which the notebook can read "
        "too: this score can't tell a model that was trained on the test data.",
    )


def refused(name: str, code: str, detail: str = "") -> Text:
    """Why the weights in file `name` were not scored. `code`: a key of REASONS.
    `detail` may be a word of the student's: it becomes one line without backticks."""
    ko, en = REASONS[code]
    detail = re.sub(r"[\s\x00-\x1f\x7f`]+", " ", detail.encode("utf-8", "replace").decode()).strip()[:200]
    shown = f" ({detail})" if detail else ""
    return Text(ko=f"{name}: {ko}{shown}", en=f"{name}: {en}{shown}")


REASONS = {
    "pickle": (
        "피클 형식의 가중치는 여는 것만으로 코드가 실행될 수 있어 열지 않습니다. safetensors 만 평가합니다.",
        "pickled weights are not opened, since opening alone can run code; only safetensors are evaluated",
    ),
    "not-a-file": ("보통 파일이 아니어서 열지 않았습니다.", "not opened: it is no regular file"),
    "too-large": ("너무 커서 평가하지 않았습니다.", "too large to be evaluated"),
    "damaged": ("safetensors 파일로 읽을 수 없습니다.", "can't be read as a safetensors file"),
    "metadata": ("설명 파일(.json)을 읽을 수 없습니다.", "its description (.json) can't be read"),
    "withheld": ("모델을 꺼낼 수 없었습니다.", "the model could not be taken out"),
    "architecture": (
        "BertForSequenceClassification 이 아니어서 구조를 다시 만들 수 없습니다. 사람이 확인해야 합니다.",
        "not a BertForSequenceClassification, so it can't be rebuilt; a person must look",
    ),
    "own-module": (
        "직접 만든 모듈의 구조를 가중치만으로 다시 만들 수 없습니다. 사람이 확인해야 합니다.",
        "a module of its own whose structure can't be rebuilt from its weights; a person must look",
    ),
    "labels": ("긍정/부정 2개 클래스 모델이 아닙니다.", "not a model of two classes"),
    "vocabulary": (
        "어휘 크기가 교실의 토크나이저와 다릅니다.",
        "its vocabulary doesn't fit the classroom's tokenizer",
    ),
    "shapes": ("가중치의 크기가 서로 맞지 않습니다.", "its weights don't fit together"),
    "not-finite": ("가중치에 NaN 또는 무한대가 있습니다.", "its weights hold NaN or infinity"),
    "failed": ("평가 중 오류가 났습니다.", "evaluating it failed"),
    "no-answer": ("평가가 끝나지 않았습니다.", "its evaluation did not end"),
    "bad-answer": ("평가 결과의 형식이 맞지 않습니다.", "its evaluation gave no usable answer"),
    "too-many": ("모델이 너무 많아 평가하지 않았습니다.", "not evaluated: too many models"),
}
"""code → (Korean, English). The evaluator's own codes are among them."""
