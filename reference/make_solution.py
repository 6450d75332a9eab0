"""Writes solution.ipynb: the exercise as a good student would hand it in, with Hugging Face's Trainer.

    python -m reference.make_solution

The notebook is generated so that a change to it can be reviewed; edit this file, never the notebook.
Regions between `### BEGIN SOLUTION` and `### END SOLUTION` (nbgrader's convention; inside an HTML
comment in Markdown) are what the exercise leaves to the student. It runs unmodified on transformers
4.44 to 5.x. Outputs stay empty: whoever runs it gets their own.
"""

# ruff: noqa: E501  (Korean text: a line of 70 characters counts as 130)
from __future__ import annotations

from pathlib import Path

import nbformat

TARGET = Path(__file__).with_name("solution.ipynb")

CELLS: list[tuple[str, str, str]] = []
"""(kind, id, source) in order; kind is "markdown", "code", or "solution" for either with a region to strip."""


def cell(kind: str, name: str, source: str) -> None:
    CELLS.append((kind, name, source.strip("\n")))


cell("markdown", "title", """
# NSMC 감성 분류: klue/bert-base fine-tuning과 bucketing

**목표**
1. `klue/bert-base`와 NSMC를 불러와 작동을 확인한다.
2. 전처리를 개선하고 fine-tuning으로 검증 정확도 90 % 이상에 도달한다.
3. bucketing을 적용해 다시 학습하고, 속도와 정확도를 비교·분석한다.

**전체 흐름**

```
NSMC ─ 정리(빈 행·중복·반복 문자) ─ train / validation / test
        │
        ├─ map에서 max_length까지 패딩 ──────────────────── Trainer ─┐
        └─ 패딩 없이 토큰화 ─ 길이별로 묶기 ─ 배치마다 패딩 ─ Trainer ─┴─ 비교표 ─ 분석
```
""")  # fmt: skip

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
    DataCollatorWithPadding,
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

한국어로 사전학습된 BERT 가운데 `klue/bert-base`를 씁니다. NSMC는 리뷰(`document`)와 긍정 1 / 부정 0(`label`)으로
이루어진 데이터로, 학습 15만 건과 테스트 5만 건입니다.
""",
)

cell(
    "solution",
    "load",
    """
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
# 불러온 것이 작동하는지 한 번 통과시켜 본다: logits는 (문장 수, 클래스 수)
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
    "markdown",
    "clean-text",
    """
## 2. 전처리 개선

그대로 쓰면 빈 리뷰와 중복 리뷰가 섞이고, 같은 글이 학습과 검증 양쪽에 들어가 정확도가 부풀 수 있습니다.
그래서 **나누기 전에** 중복을 지웁니다. `ㅋㅋㅋㅋㅋㅋ`처럼 길게 반복된 문자는 세 번까지만 남깁니다.
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
    "solution",
    "split",
    """
# test는 마지막에 한 번만 쓰고, 모델을 고르는 데는 train에서 떼어 낸 validation을 쓴다
### BEGIN SOLUTION
split = Dataset.from_pandas(train_frame, preserve_index=False).train_test_split(test_size=0.1, seed=SEED)
train_set, validation_set = split["train"], split["test"]
test_set = Dataset.from_pandas(test_frame, preserve_index=False)
### END SOLUTION
print(len(train_set), len(validation_set), len(test_set))
""",
)

cell(
    "solution",
    "lengths",
    """
# 길이 분포를 보고 max_length를 정한다
### BEGIN SOLUTION
sample = train_set.select(range(min(20_000, len(train_set))))
lengths = np.array([len(ids) for ids in tokenizer(sample["document"][:])["input_ids"]])
MAX_LENGTH = int(np.ceil(np.percentile(lengths, 99.5) / 8) * 8)  # 8의 배수가 GPU에서 빠르다
plt.figure(figsize=(7, 2.5))
plt.hist(lengths, bins=60)
plt.axvline(MAX_LENGTH, color="red", label=f"max_length = {MAX_LENGTH}")
plt.xlabel("tokens per review")
plt.legend()
plt.show()
print("median", np.median(lengths), "| 95 %", np.percentile(lengths, 95), "| max", lengths.max())
print(f"MAX_LENGTH에서 잘리는 리뷰: {(lengths > MAX_LENGTH).mean():.2%}")
### END SOLUTION
""",
)

cell(
    "markdown",
    "baseline-text",
    """
리뷰 대부분은 짧고 꼬리만 깁니다. 99.5 %가 잘리지 않는 길이를 `max_length`로 정했습니다.

## 3. 기준 실험: 고정 길이 패딩

두 실험은 **패딩 방식만** 다르고 데이터, 시드, 배치 크기, epoch, 학습률은 같습니다. 평가 지표는 클래스가 반반이라
정확도로 충분합니다. 손실은 모델에 든 cross-entropy를 씁니다.
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
    \"\"\"학습 step에 쓴 시간만 잰다. train_runtime에는 평가와 저장 시간이 섞여 있어 비교에 쓰지 않는다.\"\"\"

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
""",
)

cell(
    "code",
    "arguments",
    """
# transformers 버전에 따라 이름이 다른 인자를 고른다
parameters = inspect.signature(TrainingArguments).parameters
evaluate_each_epoch = {"eval_strategy" if "eval_strategy" in parameters else "evaluation_strategy": "epoch"}
group_by_length = (
    {"train_sampling_strategy": "group_by_length"}
    if "train_sampling_strategy" in parameters
    else {"group_by_length": True}
)
common = dict(
    num_train_epochs=2,
    per_device_train_batch_size=32,
    per_device_eval_batch_size=128,
    learning_rate=3e-5,
    weight_decay=0.01,
    warmup_steps=500,
    lr_scheduler_type="linear",
    fp16=torch.cuda.is_available(),
    logging_steps=200,
    save_strategy="epoch",
    save_total_limit=1,
    load_best_model_at_end=True,
    metric_for_best_model="accuracy",
    seed=SEED,
    report_to="none",
    **evaluate_each_epoch,
)
""",
)

cell(
    "solution",
    "fixed-data",
    """
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
    "fixed-train",
    """
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
fixed_trainer.train()
### END SOLUTION
""",
)

cell(
    "solution",
    "fixed-evaluate",
    """
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

세 가지가 모두 있어야 효과가 있습니다.
1. `map`에서는 패딩하지 **않는다**. 여기서 길이를 맞추면 뒤에서 무엇을 해도 모든 리뷰가 같은 길이다.
2. 길이가 비슷한 리뷰끼리 배치로 묶는다 (`group_by_length`).
3. 배치마다 그 안의 가장 긴 리뷰에 맞춰 패딩한다 (`DataCollatorWithPadding`).
""",
)

cell(
    "solution",
    "bucketed-data",
    """
### BEGIN SOLUTION
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
    "bucketed-train",
    """
### BEGIN SOLUTION
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
bucketed_trainer.train()
### END SOLUTION
""",
)

cell(
    "solution",
    "bucketed-evaluate",
    """
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

아래 표의 값은 모두 위 실행에서 계산합니다. 속도는 step 시간만으로 구한 초당 리뷰 수입니다.
""",
)

cell(
    "solution",
    "compare",
    """
### BEGIN SOLUTION
def summary(trainer, timer, scores):
    \"\"\"한 실험의 비용과 결과를 한 줄로.\"\"\"
    tokens, padding = padding_of(trainer)
    return {
        "리뷰당 토큰": round(tokens, 1),
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
print(f"속도 {bucketed['초당 리뷰'] / fixed['초당 리뷰']:.2f}배, 토큰 {fixed['리뷰당 토큰'] / bucketed['리뷰당 토큰']:.2f}분의 1")
print(f"정확도 차이 {100 * (bucketed['검증 정확도'] - fixed['검증 정확도']):+.2f} %p")
### END SOLUTION
""",
)

cell(
    "markdown",
    "extra-text",
    """
### 추가 실험: 세 조건 가운데 하나가 빠지면?

처음에는 `padding="max_length"`를 둔 채 `group_by_length`와 collator만 더했고, 두 실험의 시간이 똑같았습니다.
원인을 찾으려고 배치를 직접 꺼내 패딩을 세어 보았습니다. 학습하지 않고도 확인할 수 있습니다.
""",
)

cell(
    "solution",
    "extra",
    """
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

<!-- ### BEGIN SOLUTION -->
- **속도.** 리뷰당 토큰이 줄어든 만큼 계산이 줄었고, 초당 리뷰 수가 늘었습니다. 다만 속도는 토큰만큼 늘지 않습니다. 배치를
  만들고 가중치를 갱신하는 시간은 패딩과 상관없이 step마다 들기 때문입니다.
- **정확도.** 두 실험의 차이는 시드를 바꿀 때 생기는 차이(NSMC에서 보통 0.3 %p 안팎) 정도라서, bucketing이 정확도를
  올리거나 내렸다고 말할 수 없습니다. attention mask가 패딩을 가리므로 한 리뷰의 출력은 패딩 길이와 상관없이 같고,
  달라지는 것은 배치에 함께 들어가는 리뷰뿐입니다.
- **trade-off.** 길이로 묶으면 배치가 덜 섞입니다. 짧은 리뷰는 감탄사가 많고 긴 리뷰는 설명이 많아 한 배치의 gradient가 한쪽으로
  치우칠 수 있습니다. Trainer는 50배치 분량을 섞은 뒤 그 안에서만 정렬해 이를 줄입니다. 창을 넓히면 패딩은 더
  줄지만 덜 섞이고, 좁히면 그 반대입니다.
- **추가 실험의 결론.** 동적 패딩만으로는 부족합니다. 무작위 배치에는 긴 리뷰가 하나쯤 끼어 나머지가 모두 그 길이로
  패딩됩니다. 반대로 길이별로 묶어도 `map`에서 미리 패딩했다면 아무 효과가 없습니다. 둘이 함께 있어야 합니다.
- **언제 쓸까.** NSMC처럼 길이가 짧고 꼬리가 긴 데이터에서 이득이 크고, 길이가 고르거나 모두 잘리는 긴 문서에서는 이득이 작습니다.
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
        text = kind == "markdown" or source.startswith("## ")
        made = (nbformat.v4.new_markdown_cell if text else nbformat.v4.new_code_cell)(source, id=name)
        if kind == "solution":
            made.metadata["nbgrader"] = {
                "schema_version": 3,
                "grade_id": name,
                "solution": True,
                "grade": text,
                "locked": False,
                "task": False,
                **({"points": 0} if text else {}),
            }
        cells.append(made)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


if __name__ == "__main__":
    notebook = build()
    nbformat.validate(notebook)
    TARGET.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {len(notebook.cells)} cells")
