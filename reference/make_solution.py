"""Writes solution.ipynb: the exercise as a good student would hand it in, with Hugging Face's Trainer.

    python -m reference.make_solution && grader release reference/solution.ipynb

The notebook is generated so that a change to it can be reviewed; edit this file, never the notebook.
Regions between `### BEGIN SOLUTION` and `### END SOLUTION` (nbgrader's convention; inside an HTML
comment in Markdown) are what the exercise leaves to the student; everything else the student gets:
goals, hints that ask instead of telling, and cells that check the own step without a network. It runs
unmodified on transformers 4.44 to 5.x. On a GPU it trains on all rows; without one, on a tenth, so that
the process can be tried.

A check may refuse mistakes, never another right solution: bounds leave room for collators that pad to a
multiple of 8 or 16, for smaller windows, for any `max_length` that a person would call sensible. Words that
a chapter on Transformers doesn't bring (padding, collator, step, warm-up …) are explained where they first
stand. Labels of pictures are English, because Colab has no Korean font.

Outputs stay empty. Those of klue/bert-base can't be had without a GPU and a download, and those of a small
stand-in, stored here, would be read as klue/bert-base's by whoever opens it, and by the grader. What the
notebook is worth is shown by running all of it: `python -m benchmarks.solution`.
"""

# ruff: noqa: E501  (Korean text: a line of 70 characters counts as 130)
from __future__ import annotations

from pathlib import Path

import nbformat

TARGET = Path(__file__).with_name("solution.ipynb")

CELLS: list[tuple[str, str, str]] = []
"""(kind, id, source) in order; kind is "markdown", "code", "check" for code with which students check their
own step, or "solution" for either with a region to strip."""


def cell(kind: str, name: str, source: str) -> None:
    CELLS.append((kind, name, source.strip("\n")))


cell(
    "markdown",
    "title",
    """
# NSMC 감성 분류: klue/bert-base fine-tuning과 bucketing

사전학습한 BERT를 영화 리뷰로 이어서 학습(fine-tuning)해 긍정과 부정을 가려냅니다. 그런 다음 배치를 만드는 방법만 바꾸어 같은 학습을 다시 합니다.

**목표**
1. `klue/bert-base`와 NSMC를 불러와 작동을 확인합니다.
2. 전처리를 개선하고 fine-tuning으로 검증 정확도 90% 이상에 도달합니다.
3. bucketing을 적용해 다시 학습하고, 속도와 정확도를 비교·분석합니다.

**진행 방법**
- 위에서 아래로 한 단계씩 진행합니다. 단계마다 `확인` 셀이 있고, 통과하면 `✔`가 나옵니다. 확인 셀은 인터넷 없이 바로 실행됩니다.
- 주석에 나오는 이름(`raw`, `fixed_trainer` 등)은 그대로 쓰세요. 확인 셀이 그 이름을 찾습니다.
- 막히면 `힌트`를 하나씩 펼쳐 보세요. 처음 보는 함수는 `help(함수)`로 설명을 읽을 수 있습니다.
- 시간은 두 번의 학습에 거의 다 들어갑니다. 한 번에 한 시간을 넘기는 일도 흔하니, 리뷰를 조금만 골라 끝까지 한 번 돌려 본 뒤 전체로 학습하세요.
- GPU가 있는 환경(예: Colab의 런타임 유형 GPU)에서 실행하고, **출력을 지우지 말고 저장해** 제출합니다.
- 제출하기 전에 스스로 점검할 수 있습니다: `grader check exercise.ipynb`
""",
)

cell(
    "code",
    "setup",
    """
import inspect
import re
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import transformers
from datasets import Dataset, load_dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

SEED = 42
MODEL = "klue/bert-base"
print("transformers", transformers.__version__, "| torch", torch.__version__, "| GPU", torch.cuda.is_available())
""",
)

cell(
    "markdown",
    "load-text",
    """
## 1. 모델과 데이터 불러오기

**할 일** NSMC를 `raw`에, 토크나이저를 `tokenizer`에 담고, 부를 때마다 사전학습 가중치에서 새로 시작하는 함수 `new_model()`을 만듭니다.
NSMC(Naver sentiment movie corpus)는 영화 리뷰(`document`)와 긍정 1 / 부정 0(`label`)으로 이루어진 데이터로, train 15만 건과 test 5만 건입니다.
분류 모델은 사전학습한 BERT 위에 클래스마다 점수(logit)를 하나씩 내는 층을 새로 얹은 것입니다.

<details><summary>힌트</summary>

- Hugging Face 허브의 `e9t/nsmc`는 `revision="refs/convert/parquet"`에서 읽을 수 있습니다.
- 두 실험의 출발점이 같으려면 모델을 만들기 직전에 무엇을 정해 두어야 할까요? 새로 붙는 분류 층의 값은 어디에서 오나요?
</details>
""",
)

cell(
    "solution",
    "load",
    """
# raw, tokenizer, new_model()
### BEGIN SOLUTION
raw = load_dataset("e9t/nsmc", revision="refs/convert/parquet")
tokenizer = AutoTokenizer.from_pretrained(MODEL)


def new_model():
    \"\"\"사전학습 가중치에서 새로 시작하는 분류 모델. 실험마다 같은 시드로 불러 출발점을 같게 한다.\"\"\"
    set_seed(SEED)
    return AutoModelForSequenceClassification.from_pretrained(MODEL, num_labels=2)


### END SOLUTION
raw
""",
)

cell(
    "solution",
    "works",
    """
# 작동 확인: 문장 하나를 토큰화해 모델에 넣고, 모델이 낸 점수를 logits에 담는다. 모양은 (문장 수, 클래스 수)
### BEGIN SOLUTION
example = raw["train"][0]
inputs = tokenizer(example["document"], return_tensors="pt")
with torch.no_grad():
    logits = new_model()(**inputs).logits
print(example)
print(tokenizer.convert_ids_to_tokens(inputs["input_ids"][0]))
print("logits:", tuple(logits.shape), "| 클래스별 행 수:", np.bincount(raw["train"]["label"]))
### END SOLUTION
""",
)

cell(
    "check",
    "check-works",
    """
# 확인 1: 문장 하나를 넣으면 클래스마다 점수가 하나씩 나온다
assert tuple(logits.shape) == (1, 2), f"logits의 모양이 {tuple(logits.shape)}입니다. 문장 하나에 클래스 두 개여야 합니다."
print("✔ 확인 1")
""",
)

cell(
    "markdown",
    "clean-text",
    """
## 2. 전처리 개선

**할 일** `clean`을 완성해 빈 리뷰와 중복 리뷰를 없애고, 네 번 이상 이어지는 같은 문자를 세 번으로 줄입니다. 그런 다음 train을 학습용과 검증용으로 나누고,
토큰 수의 분포를 보고 `MAX_LENGTH`(리뷰 하나의 최대 토큰 수)를 정합니다. 검증(validation) 데이터는 학습률이나 epoch를 고를 때 쓰고, test는 마지막에 한 번만 씁니다.

<details><summary>힌트</summary>

- 중복은 나누기 전과 후 가운데 언제 지워야 할까요? 같은 글이 양쪽에 들어가면 검증 정확도는 어떻게 될까요?
- 반복 문자는 정규식의 역참조(`\\1`: 첫째 괄호가 찾은 것과 같은 글자)로 찾을 수 있습니다.
- 공백만 다른 두 리뷰도 중복입니다. 무엇을 먼저 해야 할까요?
</details>
""",
)

cell(
    "solution",
    "clean",
    """
def clean(frame):
    \"\"\"빈 행과 중복을 없애고, 공백과 반복 문자를 정리한 새 DataFrame을 돌려준다.\"\"\"
    ### BEGIN SOLUTION
    frame = frame[["document", "label"]].dropna()
    text = frame["document"].str.split().str.join(" ")
    text = text.map(lambda t: re.sub(r"(.)\\1{3,}", r"\\1\\1\\1", t))
    frame = frame.assign(document=text)
    return frame[frame["document"] != ""].drop_duplicates("document")
    ### END SOLUTION


train_frame, test_frame = clean(raw["train"].to_pandas()), clean(raw["test"].to_pandas())
print(f"train {len(raw['train']):,} -> {len(train_frame):,} | test {len(raw['test']):,} -> {len(test_frame):,}")
""",
)

cell(
    "check",
    "check-clean",
    """
# 확인 2: 작은 예로 clean을 시험한다
texts = ["좋다", " 좋다 ", None, "  ", "최고ㅋㅋㅋㅋㅋㅋㅋ"]
tiny = pd.DataFrame({"id": list("12345"), "document": texts, "label": [1, 1, 0, 0, 1]})
cleaned = list(clean(tiny)["document"])
assert cleaned == ["좋다", "최고ㅋㅋㅋ"], f"{texts}에서 ['좋다', '최고ㅋㅋㅋ']만 남아야 하는데 {cleaned}가 남았습니다."
print("✔ 확인 2")
""",
)

cell(
    "solution",
    "split",
    """
# train_set, validation_set, test_set: datasets의 Dataset. validation은 train_frame에서 떼어 낸다
### BEGIN SOLUTION
# CPU로 15만 건을 두 번 학습할 수는 없다. 적은 행으로 과정과 비교를 확인하고, 최종 결과는 GPU에서 얻는다
rows = len(train_frame) if torch.cuda.is_available() else min(14_000, len(train_frame))
train_frame = train_frame.sample(rows, random_state=SEED)
split = Dataset.from_pandas(train_frame, preserve_index=False).train_test_split(test_size=0.1, seed=SEED)
train_set, validation_set = split["train"], split["test"]
test_set = Dataset.from_pandas(test_frame, preserve_index=False)
### END SOLUTION
print(len(train_set), len(validation_set), len(test_set))
""",
)

cell(
    "check",
    "check-split",
    """
# 확인 3: 학습에 쓴 글이 검증에 다시 나오지 않는다
shared = set(train_set["document"][:]) & set(validation_set["document"][:])
assert not shared, f"양쪽에 있는 글 {len(shared)}개, 예: {min(shared)!r}"
print("✔ 확인 3")
""",
)

cell(
    "solution",
    "lengths",
    """
# 길이 분포를 그려 보고 MAX_LENGTH를 정한다. lengths는 리뷰마다 자르기 전의 토큰 수를 담은 배열
### BEGIN SOLUTION
sample = train_set.select(range(min(20_000, len(train_set))))
lengths = np.array([len(ids) for ids in tokenizer(sample["document"][:])["input_ids"]])
MAX_LENGTH = int(np.ceil(np.percentile(lengths, 99.5) / 8) * 8)  # 8의 배수가 GPU에서 빠르다
plt.figure(figsize=(7, 2.5))
plt.hist(lengths, bins=60)
plt.axvline(MAX_LENGTH, color="red", label=f"max_length = {MAX_LENGTH}")
plt.xlabel("tokens per review")
plt.ylabel("reviews")
plt.legend()
plt.show()
print("median", np.median(lengths), "| 95 %", np.percentile(lengths, 95), "| max", lengths.max())
### END SOLUTION
""",
)

cell(
    "check",
    "check-lengths",
    """
# 확인 4: 잘리는 리뷰가 거의 없으면서, 필요 이상으로 길지 않다
longest = int(np.max(lengths))
cut = float((np.asarray(lengths) > MAX_LENGTH).mean())
assert cut < 0.02, f"리뷰의 {cut:.1%}가 잘립니다. MAX_LENGTH를 늘려 보세요."
assert MAX_LENGTH <= -(-longest // 64) * 64, f"가장 긴 리뷰도 {longest}토큰인데 MAX_LENGTH가 {MAX_LENGTH}입니다."
print(f"✔ 확인 4: MAX_LENGTH {MAX_LENGTH}에서 잘리는 리뷰 {cut:.2%}")
""",
)

cell(
    "solution",
    "baseline-text",
    """
**선택한 이유** `MAX_LENGTH`, 평가 지표, 손실을 그렇게 고른 이유를 적습니다.

<!-- ### BEGIN SOLUTION -->
리뷰는 대부분 짧고 아주 긴 것은 드뭅니다. 그래서 99.5%가 잘리지 않는 길이를 `max_length`로 정했습니다. 두 실험은 **패딩 방식만** 다르고
데이터, 시드, 배치 크기, epoch, 학습률은 같습니다. 평가 지표는 클래스가 반반이라 정확도로 충분합니다. 손실은 모델에 내장된
cross-entropy를 씁니다.
<!-- ### END SOLUTION -->
""",
)

cell(
    "markdown",
    "fixed-text",
    """
## 3. 기준 실험: 고정 길이 패딩

**할 일** 모든 리뷰를 `MAX_LENGTH`까지 패딩해 학습합니다. `fixed_trainer`를 만들고, 확인 셀을 통과한 다음 학습합니다.
아래 도구는 그대로 씁니다. `common`에는 두 실험이 **똑같이** 쓸 인자를 담습니다.

- **패딩**: 배치는 텐서 하나, 즉 직사각형입니다. 그래서 짧은 리뷰는 뒤를 `[PAD]` 토큰으로 채워 길이를 맞춥니다. attention mask는 진짜 토큰에 1, 패딩에 0을 두어
  다른 토큰이 패딩을 보지 않게 하지만, 계산은 패딩 자리에서도 똑같이 일어납니다.
- **step과 epoch**: step은 배치 하나로 가중치를 한 번 갱신하는 것이고, epoch는 학습 데이터를 한 번 다 쓰는 것입니다.
- **callback**: `Trainer`가 step의 시작과 끝 같은 정해진 때에 불러 주는 코드입니다.

<details><summary>힌트</summary>

- `fixed_timer = StepTimer()`를 만들어 `Trainer`의 `callbacks`에 넣으면 step에 쓴 시간만 잴 수 있습니다.
- 90%에 못 미치면 학습률, epoch, warmup(처음에 학습률을 0에서 조금씩 올리는 구간) 가운데 하나씩만 바꿔 보고 기록하세요. 사전학습 모델의 학습률은 얼마가 흔한가요?
- `CUDA out of memory`가 나면 무엇을 줄일 수 있을까요? 줄였다면 다음 실험에도 똑같이 적용해야 합니다.
- 인자의 이름은 transformers 버전마다 조금 다릅니다. `help(TrainingArguments)`에서 찾아보세요.
</details>
""",
)

cell(
    "code",
    "tools",
    """
def compute_metrics(prediction):
    \"\"\"logits (행 수, 2)와 정답 (행 수,)에서 정확도를 구한다.\"\"\"
    logits, labels = prediction
    return {"accuracy": float((np.argmax(logits, axis=-1) == labels).mean())}


class StepTimer(TrainerCallback):
    \"\"\"학습 step에 쓴 시간(초)만 잰다: forward, backward, 가중치 갱신. 배치를 꺼내는 시간은 들어가지 않는다.

    train_runtime에는 평가와 저장 시간이 섞여 있어 비교에 쓰지 않는다.
    \"\"\"

    def __init__(self):
        self.seconds, self.steps = 0.0, 0

    def on_step_begin(self, args, state, control, **kwargs):
        self.started = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        if torch.cuda.is_available():
            torch.cuda.synchronize()  # GPU 연산은 비동기라서 끝날 때까지 기다려야 시간이 맞다
        self.seconds += time.perf_counter() - self.started
        self.steps += 1


def padding_of(trainer, batches=200):
    \"\"\"학습 배치를 실제로 꺼내 (리뷰당 토큰 수, 그중 패딩의 비율)을 센다.\"\"\"
    rows = tokens = real = 0
    for number, batch in enumerate(trainer.get_train_dataloader()):
        if number == batches:
            break
        rows += batch["input_ids"].shape[0]
        tokens += batch["input_ids"].numel()
        real += int(batch["attention_mask"].sum())
    return tokens / rows, 1 - real / tokens


def first_loss(trainer):
    \"\"\"학습하기 전 모델의 손실. 두 클래스 가운데 하나를 무작위로 찍는 것과 같으므로 ln 2 = 0.693 근처여야 한다.\"\"\"
    batch = next(iter(trainer.get_train_dataloader()))
    with torch.no_grad():
        return float(trainer.model(**batch).loss)
""",
)

cell(
    "solution",
    "arguments",
    """
# common: 두 실험이 똑같이 쓸 TrainingArguments의 인자를 담은 dict
### BEGIN SOLUTION
# klue/bert-base(너비 768)에는 2e-5~5e-5가 흔하다. 훨씬 작은 모델로 시험할 때는 그 학습률로 거의 배우지 못한다
LEARNING_RATE = 3e-5 if new_model().config.hidden_size >= 768 else 1e-3
EPOCHS = 2
common = dict(
    num_train_epochs=EPOCHS,
    per_device_train_batch_size=32,
    per_device_eval_batch_size=128,
    learning_rate=LEARNING_RATE,
    weight_decay=0.01,
    warmup_steps=EPOCHS * len(train_set) // 32 // 10,  # 전체 step의 10 %
    lr_scheduler_type="linear",
    fp16=torch.cuda.is_available(),
    logging_steps=100,
    save_strategy="epoch",
    save_total_limit=1,
    load_best_model_at_end=True,
    metric_for_best_model="accuracy",
    seed=SEED,
    report_to="none",
    eval_strategy="epoch",
)
### END SOLUTION
""",
)

cell(
    "solution",
    "fixed-data",
    """
# fixed_train, fixed_validation: 모든 리뷰를 MAX_LENGTH까지 패딩한다
### BEGIN SOLUTION
def tokenize_fixed(batch):
    \"\"\"모든 리뷰를 MAX_LENGTH까지 패딩한다.\"\"\"
    return tokenizer(batch["document"], truncation=True, padding="max_length", max_length=MAX_LENGTH)


fixed_train = train_set.map(tokenize_fixed, batched=True, remove_columns=["document"])
fixed_validation = validation_set.map(tokenize_fixed, batched=True, remove_columns=["document"])
### END SOLUTION
""",
)

cell(
    "solution",
    "fixed-trainer",
    """
# fixed_timer, fixed_trainer: 모델은 new_model()로 새로 시작하고, 평가에는 compute_metrics를 쓴다
### BEGIN SOLUTION
fixed_timer = StepTimer()
fixed_trainer = Trainer(
    model=new_model(),
    args=TrainingArguments(output_dir="fixed", **common),
    train_dataset=fixed_train,
    eval_dataset=fixed_validation,
    compute_metrics=compute_metrics,
    callbacks=[fixed_timer],
)
### END SOLUTION
""",
)

cell(
    "check",
    "check-fixed",
    """
# 확인 5: 학습하기 전에 배치의 모양과 첫 손실을 본다
tokens, padding = padding_of(fixed_trainer, batches=50)
loss = first_loss(fixed_trainer)
assert tokens == MAX_LENGTH, f"리뷰당 {tokens:.1f}토큰입니다. 고정 길이라면 모두 {MAX_LENGTH}토큰이어야 합니다."
assert 0.4 < loss < 1.1, f"첫 손실이 {loss:.3f}입니다. 정답(label)이 제대로 들어가는지 보세요."
print(f"✔ 확인 5: 리뷰당 {tokens:.0f}토큰, 그중 패딩 {padding:.1%}, 첫 손실 {loss:.3f}")
""",
)

cell(
    "solution",
    "fixed-train",
    """
# 기준 학습
### BEGIN SOLUTION
fixed_trainer.train()
### END SOLUTION
""",
)

cell(
    "solution",
    "fixed-evaluate",
    """
# fixed_scores: 검증 점수
### BEGIN SOLUTION
fixed_scores = fixed_trainer.evaluate()
fixed_scores
### END SOLUTION
""",
)

cell(
    "markdown",
    "bucketing-text",
    """
## 4. Bucketing

bucketing은 길이가 비슷한 것끼리 같은 통(bucket)에 담는 방법입니다.

**할 일** 길이가 비슷한 리뷰끼리 한 배치에 담고, 배치마다 그 안에서 가장 긴 리뷰까지만 패딩해 다시 학습합니다. `bucketed_trainer`를 만들고,
확인 셀을 통과한 다음 학습합니다. 나머지 조건은 3번과 같아야 합니다.

<details><summary>힌트 1</summary>

확인 5에서 본 패딩 비율을 떠올려 보세요. 배치의 너비(한 행의 토큰 수)는 누가, 언제 정하나요?
</details>
<details><summary>힌트 2</summary>

리뷰의 길이를 맞추는 일은 토큰화할 때, 배치에 담을 리뷰를 고를 때, 배치를 텐서로 만들 때 일어날 수 있습니다. 3번 실험은 어디에서 맞추었나요?
그대로 두면 다른 두 곳에서 무엇을 해도 남는 것은 무엇인가요?
</details>
<details><summary>힌트 3</summary>

배치에 담을 리뷰는 `TrainingArguments`의 인자로 고를 수 있습니다. 설명에 length라는 말이 나오는 것을 찾아보세요. 고른 리뷰를 텐서 하나로 만드는 함수는
data collator라고 합니다. transformers 문서에 있는 data collator 가운데 이 일에 맞는 것은 무엇일까요?
</details>
""",
)

cell(
    "solution",
    "bucketing-plan",
    """
**계획** 코드를 쓰기 전에, 세 곳에서 각각 무엇을 할지 적습니다.

<!-- ### BEGIN SOLUTION -->
세 가지가 모두 있어야 효과가 있습니다.
1. `map`에서는 패딩하지 **않는다**. 여기서 길이를 맞추면 뒤에서 무엇을 해도 모든 리뷰가 같은 길이다.
2. 길이가 비슷한 리뷰끼리 배치로 묶는다 (`group_by_length`).
3. 배치마다 그 안의 가장 긴 리뷰에 맞춰 패딩한다 (`DataCollatorWithPadding`).
<!-- ### END SOLUTION -->
""",
)

cell(
    "solution",
    "bucketed-data",
    """
# bucketed_train, bucketed_validation, 그리고 배치를 만드는 데 필요한 것
### BEGIN SOLUTION
from transformers import DataCollatorWithPadding


def tokenize_unpadded(batch):
    \"\"\"자르기만 하고 패딩은 하지 않는다. 패딩은 배치를 만들 때 collator가 한다.\"\"\"
    return tokenizer(batch["document"], truncation=True, max_length=MAX_LENGTH)


bucketed_train = train_set.map(tokenize_unpadded, batched=True, remove_columns=["document"])
bucketed_validation = validation_set.map(tokenize_unpadded, batched=True, remove_columns=["document"])
collator = DataCollatorWithPadding(tokenizer)
### END SOLUTION
""",
)

cell(
    "solution",
    "bucketed-trainer",
    """
# bucketed_timer, bucketed_trainer: common은 그대로 두고 필요한 것만 더한다
### BEGIN SOLUTION
# 같은 뜻의 인자인데 transformers 5에서 이름과 꼴이 바뀌었다
parameters = inspect.signature(TrainingArguments).parameters
group_by_length = (
    {"train_sampling_strategy": "group_by_length"}
    if "train_sampling_strategy" in parameters
    else {"group_by_length": True}
)
bucketed_timer = StepTimer()
bucketed_trainer = Trainer(
    model=new_model(),
    args=TrainingArguments(output_dir="bucketed", **common, **group_by_length),
    train_dataset=bucketed_train,
    eval_dataset=bucketed_validation,
    data_collator=collator,
    compute_metrics=compute_metrics,
    callbacks=[bucketed_timer],
)
### END SOLUTION
""",
)

cell(
    "check",
    "check-bucketed",
    """
# 확인 6: 학습하기 전에 패딩이 정말 줄었는지 본다
tokens, padding = padding_of(bucketed_trainer, batches=50)
loss = first_loss(bucketed_trainer)
assert padding < 0.4, f"배치의 {padding:.1%}가 패딩입니다. 배치 하나를 꺼내 input_ids를 눈으로 보세요."
assert 0.4 < loss < 1.1, f"첫 손실이 {loss:.3f}입니다. 이미 학습된 모델에서 시작하지 않았나요?"
print(f"✔ 확인 6: 리뷰당 {tokens:.1f}토큰, 그중 패딩 {padding:.1%}, 첫 손실 {loss:.3f}")
""",
)

cell(
    "solution",
    "bucketed-train",
    """
# bucketing 학습
### BEGIN SOLUTION
bucketed_trainer.train()
### END SOLUTION
""",
)

cell(
    "solution",
    "bucketed-evaluate",
    """
# bucketed_scores: 검증 점수
### BEGIN SOLUTION
bucketed_scores = bucketed_trainer.evaluate()
bucketed_scores
### END SOLUTION
""",
)

cell(
    "markdown",
    "compare-text",
    """
## 5. 비교

**할 일** 두 실험의 속도와 정확도를 표와 그림으로 비교합니다. 값은 손으로 적지 말고 위의 실행 결과에서 계산합니다.

<details><summary>힌트</summary>

- 두 실험의 조건이 다르면 결과가 무엇 때문에 달라졌는지 말할 수 없습니다. 아래 확인 셀이 그것부터 살펴봅니다.
- `train_runtime`에는 무엇의 시간이 섞여 있나요? `StepTimer`가 잰 것과 견주어 보세요.
</details>
""",
)

cell(
    "check",
    "check-fair",
    """
# 확인 7: 패딩 말고는 조건이 같다
same = ("learning_rate", "lr_scheduler_type", "warmup_steps", "weight_decay", "num_train_epochs", "max_steps")
same += ("per_device_train_batch_size", "gradient_accumulation_steps", "seed", "fp16", "bf16")
for name in same:
    a, b = getattr(fixed_trainer.args, name), getattr(bucketed_trainer.args, name)
    assert a == b, f"{name}: 기준 실험은 {a}, bucketing 실험은 {b}입니다."
assert len(fixed_trainer.train_dataset) == len(bucketed_trainer.train_dataset), "학습한 행 수가 다릅니다."
assert fixed_trainer.model is not bucketed_trainer.model, "두 번째 실험이 이미 학습된 모델에서 시작했습니다."
print("✔ 확인 7")
""",
)

cell(
    "solution",
    "compare",
    """
# 비교표
### BEGIN SOLUTION
def summary(trainer, timer, scores):
    \"\"\"한 실험의 비용과 결과를 한 줄로.\"\"\"
    tokens, padding = padding_of(trainer)
    return {
        "리뷰당 토큰": round(tokens, 1),  # 패딩 포함
        "패딩 비율": round(padding, 3),
        "step": timer.steps,
        "학습 시간(초)": round(timer.seconds, 1),
        "초당 리뷰": round(timer.steps * common["per_device_train_batch_size"] / timer.seconds, 1),
        "검증 손실": round(scores["eval_loss"], 4),
        "검증 정확도": round(scores["eval_accuracy"], 4),
    }


table = pd.DataFrame(
    {
        "고정 길이": summary(fixed_trainer, fixed_timer, fixed_scores),
        "bucketing": summary(bucketed_trainer, bucketed_timer, bucketed_scores),
    }
).T
table
### END SOLUTION
""",
)

cell(
    "solution",
    "picture",
    """
# 비교 그림
### BEGIN SOLUTION
figure, axes = plt.subplots(1, 3, figsize=(10, 2.8))
for axis, (column, label) in zip(
    axes, {"리뷰당 토큰": "tokens per review", "초당 리뷰": "reviews per second", "검증 정확도": "accuracy"}.items()
):
    axis.bar(["fixed", "bucketing"], table[column], color=["lightsteelblue", "tab:blue"])
    axis.set_title(label)
plt.tight_layout()
plt.show()

fixed, bucketed = table.loc["고정 길이"], table.loc["bucketing"]
print(f"속도 {bucketed['초당 리뷰'] / fixed['초당 리뷰']:.2f}배 | 리뷰당 토큰 {fixed['리뷰당 토큰']} -> {bucketed['리뷰당 토큰']}")
print(f"정확도 차이 {100 * (bucketed['검증 정확도'] - fixed['검증 정확도']):+.2f} %p")
### END SOLUTION
""",
)

cell(
    "solution",
    "extra-text",
    """
### 추가 실험

**할 일** 궁금한 것을 하나 골라 실험하거나, 진행하면서 만난 문제와 그 원인을 어떻게 찾았는지 기록합니다.

<!-- ### BEGIN SOLUTION -->
#### 세 조건 가운데 하나가 빠지면?

처음에는 `padding="max_length"`를 둔 채 `group_by_length`와 collator만 더했고, 두 실험의 시간이 똑같았습니다.
원인을 찾으려고 배치를 직접 꺼내 패딩을 세어 보았습니다. 학습하지 않고도 확인할 수 있습니다.
<!-- ### END SOLUTION -->
""",
)

cell(
    "solution",
    "extra",
    """
# 추가 실험의 코드
### BEGIN SOLUTION
def count(dataset, **sampling):
    \"\"\"이 데이터와 sampling으로 만든 배치의 리뷰당 토큰 수와 패딩 비율.\"\"\"
    arguments = TrainingArguments(output_dir="count", per_device_train_batch_size=32, report_to="none", **sampling)
    trainer = Trainer(model=fixed_trainer.model, args=arguments, train_dataset=dataset, data_collator=collator)
    return padding_of(trainer, batches=100)


part = range(min(20_000, len(bucketed_train)))
pd.DataFrame(
    {
        "map에서 패딩, 무작위": count(fixed_train.select(part)),
        "map에서 패딩, 길이별 (효과 없음)": count(fixed_train.select(part), **group_by_length),
        "배치마다 패딩, 무작위": count(bucketed_train.select(part)),
        "배치마다 패딩, 길이별": count(bucketed_train.select(part), **group_by_length),
    },
    index=["리뷰당 토큰", "패딩 비율"],
).T.round(3)
### END SOLUTION
""",
)

cell(
    "solution",
    "analysis",
    """
## 6. 분석

**할 일** 속도와 정확도가 어떻게 달라졌는지, 왜 그런지, 둘 사이에 trade-off(하나를 얻으려면 다른 하나를 내주어야 하는 관계)가 있는지를 위의 값을 들어 설명합니다.

<!-- ### BEGIN SOLUTION -->
- **속도.** 리뷰당 토큰이 줄어든 만큼 계산이 줄었고, 초당 리뷰 수가 늘었습니다. 다만 속도는 토큰이 줄어든 배수만큼 늘지 않습니다.
  가중치를 갱신하는 시간처럼 패딩과 상관없이 step마다 드는 시간이 있기 때문입니다.
- **정확도.** 두 실험의 차이는 시드를 바꿀 때 생기는 차이(NSMC에서 보통 0.3 %p 안팎) 정도라서, bucketing이 정확도를
  올리거나 내렸다고 말할 수 없습니다. attention mask가 패딩을 가리므로 한 리뷰의 출력은 반올림 오차를 빼면 패딩 길이와
  상관없이 같고, 달라지는 것은 배치에 함께 들어가는 리뷰뿐입니다.
- **trade-off.** 길이로 묶으면 배치가 덜 섞입니다. 짧은 리뷰는 감탄사가 많고 긴 리뷰는 설명이 많아 한 배치의 gradient가 한쪽으로
  치우칠 수 있습니다. Trainer는 전체를 섞은 다음 50배치 분량씩 나누어 그 안에서만 정렬해 이를 줄입니다. 정렬하는 범위를
  넓히면 패딩은 더 줄지만 덜 섞이고, 좁히면 그 반대입니다.
- **추가 실험의 결론.** 동적 패딩만으로는 부족합니다. 무작위 배치에는 긴 리뷰가 하나쯤 끼어 나머지가 모두 그 길이로
  패딩됩니다. 반대로 길이별로 묶어도 `map`에서 미리 패딩했다면 아무 효과가 없습니다. 둘이 함께 있어야 합니다.
- **언제 쓸까.** NSMC처럼 대부분 짧고 일부만 긴 데이터에서 이득이 크고, 길이가 고르거나 모두 잘리는 긴 문서에서는 이득이 작습니다.
<!-- ### END SOLUTION -->
""",
)

cell(
    "solution",
    "test",
    """
# 마지막으로, 한 번도 쓰지 않은 test로 확인한다
### BEGIN SOLUTION
bucketed_test = test_set.map(tokenize_unpadded, batched=True, remove_columns=["document"])
test_scores = bucketed_trainer.evaluate(bucketed_test, metric_key_prefix="test")
print(f"test 정확도 {test_scores['test_accuracy']:.4f} | 검증 정확도 {bucketed_scores['eval_accuracy']:.4f}")
### END SOLUTION
""",
)

cell(
    "solution",
    "retrospect",
    """
## 7. 회고

**할 일** 배운 점, 어려웠던 점, 아쉬운 점, 느낀 점을 적습니다.

<!-- ### BEGIN SOLUTION -->
- **배운 점**: bucketing은 인자 하나가 아니라 토큰화, sampler, collator가 맞물려야 작동한다. 코드를 믿지 말고 배치의
  모양을 세어 보는 것이 가장 빠른 확인이었다.
- **어려웠던 점**: `train_runtime`에 평가 시간이 섞여 있어 처음에는 속도 차이가 작아 보였다. step 시간만 따로 재고 나서야
  토큰 수와 맞는 결과가 나왔다.
- **아쉬운 점**: 시드 하나로만 비교했다. 정확도 차이를 말하려면 시드를 바꿔 여러 번 돌려야 한다.
- **느낀 점**: 같은 정확도를 더 적은 계산으로 얻는 것도 모델을 개선하는 일이다.
<!-- ### END SOLUTION -->
""",
)


def build() -> nbformat.NotebookNode:
    """The notebook, with nbgrader's metadata on the cells a student fills in."""
    cells = []
    for kind, name, source in CELLS:
        text = kind == "markdown" or "<!-- ### BEGIN SOLUTION -->" in source
        made = (nbformat.v4.new_markdown_cell if text else nbformat.v4.new_code_cell)(source, id=name)
        if kind in ("solution", "check"):
            solution = kind == "solution"
            made.metadata["nbgrader"] = {
                "schema_version": 3,
                "grade_id": name,
                "solution": solution,
                "grade": text or not solution,
                "locked": not solution,
                "task": False,
                **({"points": 0} if text or not solution else {}),
            }
        cells.append(made)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


if __name__ == "__main__":
    notebook = build()
    nbformat.validate(notebook)
    TARGET.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {len(notebook.cells)} cells")
