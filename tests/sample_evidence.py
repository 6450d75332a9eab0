"""A made-up submission with everything a review can show: its cells, what four witnesses say of it, and
a judgement. All of it was invented for these tests; no student wrote it.

The notebook turns bucketing on over rows that are already padded to 60 tokens, so nothing changes.
"""

from __future__ import annotations

from grader.facts import Kind
from grader.records import (
    EVIDENCE_VERSION,
    Bucketing,
    Budget,
    Cell,
    CellRun,
    Citation,
    Ending,
    Evaluation,
    Evidence,
    Facts,
    Finding,
    Grouping,
    Judgement,
    ModelScore,
    Observation,
    Observed,
    Output,
    Padding,
    RubricItem,
    Start,
    Status,
    Submission,
    Testimony,
    Text,
    TrainingRun,
    Verdict,
    Verified,
    Witness,
)

TOKENISE = '''\
def transform(batch):
    """리뷰 목록을 토큰 id로 바꾼다: {"document": [str]} → {"input_ids": [[int]]}"""
    # 길이를 하나로 맞춰 두지 않으면 배치를 만들 수 없기 때문에 여기서 패딩까지 한다
    return tokenizer(
        batch["document"],
        truncation=True,
        padding="max_length",
        max_length=60,
    )

train_set = train.map(transform, batched=True)
valid_set = valid.map(transform, batched=True)'''

ARGUMENTS = """\
args = TrainingArguments(
    output_dir="out/{name}",
    num_train_epochs=3,
    learning_rate=2e-5,
    per_device_train_batch_size=32,
    eval_strategy="epoch",{extra}
)
trainer = Trainer(model=model, args=args, train_dataset=train_set, eval_dataset=valid_set,
                  compute_metrics=compute_metrics{collator})"""

PROGRESS = """\
<table border="1" class="dataframe"><thead><tr><th>Epoch</th><th>Training Loss</th><th>Validation Loss</th>
<th>Accuracy</th></tr></thead><tbody><tr><td>1</td><td>0.2951</td><td>0.2488</td><td>0.8991</td></tr>
<tr><td>2</td><td>0.2010</td><td>0.2603</td><td>0.9043</td></tr></tbody></table>"""

CELLS: tuple[tuple[str, str, int | None, tuple[Output, ...]], ...] = (
    (
        "markdown",
        "# NSMC 감성 분석과 bucketing\n\n리뷰 20만 건으로 `klue/bert-base`를 미세조정한다.",
        None,
        (),
    ),
    ("code", "import torch\nimport numpy as np\nfrom datasets import load_dataset, load_metric", 1, ()),
    (
        "code",
        'data = load_dataset("e9t/nsmc")\nprint(data)',
        2,
        (Output(kind="stream", name="stdout", text="DatasetDict({\n    train: 150000\n    test: 50000\n})"),),
    ),
    (
        "code",
        "# 빈 리뷰와 같은 리뷰를 지운다: 검증 데이터로 새어 나가지 않도록\n"
        'train = data["train"].filter(lambda row: row["document"])\n'
        "print(len(train))",
        3,
        (Output(kind="stream", name="stdout", text="149995"),),
    ),
    (
        "code",
        "split = train.train_test_split(test_size=0.2)\ntrain, valid = split['train'], split['test']",
        4,
        (),
    ),
    ("markdown", "## 토크나이징\n\n길이 분포를 보니 95 %가 56토큰 이하라서 60으로 자른다.", None, ()),
    ("code", TOKENISE, 5, ()),
    (
        "code",
        'model = AutoModelForSequenceClassification.from_pretrained("klue/bert-base", num_labels=2).cuda()',
        6,
        (),
    ),
    ("code", "def compute_metrics(p):\n    return {'accuracy': (p[0].argmax(-1) == p[1]).mean()}", 7, ()),
    ("code", ARGUMENTS.format(name="base", extra="", collator=""), 8, ()),
    (
        "code",
        "trainer.train()",
        9,
        (
            Output(kind="display", text="Epoch Training Loss …", html=PROGRESS),
            Output(kind="result", text="TrainOutput(global_step=7500, training_loss=0.21, metrics={…})"),
        ),
    ),
    ("markdown", "## Bucketing\n\n같은 길이끼리 묶으면 패딩이 줄어 빨라질 것이다.", None, ()),
    (
        "code",
        ARGUMENTS.format(
            name="bucket",
            extra="\n    group_by_length=True,  # 길이가 비슷한 리뷰끼리 묶는다",
            collator=",\n                  data_collator=DataCollatorWithPadding(tokenizer)",
        ),
        14,
        (),
    ),
    (
        "code",
        "trainer.train()",
        12,
        (Output(kind="result", text="TrainOutput(global_step=7500, training_loss=0.21, metrics={…})"),),
    ),
    (
        "markdown",
        "## 결과\n\n| | 시간 | 정확도 |\n|---|---|---|\n| 전 | 4015초 | 0.9043 |\n| 후 | 4016초 | 0.9038 "
        "|\n\n"
        "차이가 거의 없다. 묶었는데도 빨라지지 않아서 이유가 궁금하다.\n\n"
        "**회고** collator의 역할을 배웠다. 시간이 부족해 원인을 찾지 못한 점이 아쉽다.",
        None,
        (),
    ),
)


def evaluations(cell: int, *scores: tuple[float, float]) -> tuple[Evaluation, ...]:
    """One evaluation for each (accuracy, loss), after epochs 1, 2, ….."""
    return tuple(
        Evaluation(cell=cell, accuracy=a, loss=loss, rows=29_999, split="validation", epoch=float(i))
        for i, (a, loss) in enumerate(scores, 1)
    )


BASE = TrainingRun(
    witness=Witness.RECORDED,
    cell=10,
    cells=(6, 9, 10),
    name="out/base",
    executed=True,
    ending=Ending.COMPLETED,
    padding=Padding.MAX_LENGTH,
    grouping=Grouping.NONE,
    max_length=60,
    rows=119_996,
    batch_size=32,
    steps=7500,
    epochs=2.0,
    tokens_per_row=60.0,
    padding_share=0.667,
    seconds=4014.9,
    examples_per_second=59.8,
    learning_rates=(2e-5,),
    losses=(0.41, 0.33, 0.295, 0.24, 0.21, 0.201),
    evaluations=evaluations(10, (0.8991, 0.2488), (0.9043, 0.2603)),
    start=Start.PRETRAINED,
    model="klue/bert-base",
    eval_split="validation",
    quote="trainer.train()",
)
BUCKETED = TrainingRun(
    witness=Witness.RECORDED,
    cell=13,
    cells=(6, 12, 13),
    name="out/bucket",
    executed=True,
    ending=Ending.COMPLETED,
    padding=Padding.MAX_LENGTH,
    grouping=Grouping.LENGTH,
    attempts=("group_by_length", "collator"),
    max_length=60,
    rows=119_996,
    batch_size=32,
    steps=7500,
    epochs=2.0,
    tokens_per_row=60.0,
    padding_share=0.667,
    seconds=4016.1,
    examples_per_second=59.7,
    learning_rates=(2e-5,),
    losses=(0.40, 0.32, 0.29, 0.24, 0.22, 0.20),
    evaluations=evaluations(13, (0.8987, 0.2510), (0.9038, 0.2622)),
    start=Start.CONTINUED,
    model="klue/bert-base",
    eval_split="validation",
    quote="trainer.train()",
)


def observation(kind: Kind, cell: int | None, quote: str = "", **value) -> Observation:
    """What the source witness would say."""
    return Observation(witness=Witness.SOURCE, kind=kind, cell=cell, value=value, quote=quote)


OBSERVATIONS = (
    observation(
        Kind.TOKENIZE,
        6,
        "def transform(batch):",
        padding="max-length",
        max_length=60,
        truncation=True,
        batched=True,
        function="transform",
    ),
    observation(
        Kind.DEPRECATED,
        1,
        "from datasets import load_dataset, load_metric",
        name="load_metric",
        gone_in="datasets 3",
        use="evaluate.load",
    ),
    observation(
        Kind.SPLIT, 4, "split = train.train_test_split(test_size=0.2)", how="train_test_split", seeded=False
    ),
    observation(
        Kind.DEVICE_UNCHECKED,
        7,
        'model = AutoModelForSequenceClassification.from_pretrained("klue',
        call=".cuda()",
    ),
    observation(
        Kind.ANALYSIS,
        14,
        "차이가 거의 없다. 묶었는데도 빨라지지 않아서 이유가 궁금하다.",
        words=9,
        about=["bucketing", "speed"],
        depth="short",
    ),
    observation(
        Kind.REFLECTION, 14, "**회고** collator의 역할을 배웠다.", words=12, about=["learned", "regret"]
    ),
    observation(Kind.COMMENTS, 1, comment_lines=0, docstrings=0, code_lines=3),
    observation(Kind.COMMENTS, 3, comment_lines=1, docstrings=0, code_lines=2),
    observation(Kind.COMMENTS, 4, comment_lines=0, docstrings=0, code_lines=2),
    observation(Kind.COMMENTS, 6, comment_lines=1, docstrings=1, code_lines=9),
    observation(Kind.COMMENTS, 9, comment_lines=0, docstrings=0, code_lines=9),
    observation(Kind.COMMENTS, 12, comment_lines=1, docstrings=0, code_lines=11),
    observation(Kind.CORE_CELL, 12, "args = TrainingArguments(", why="bucketing", comments=1, line=1),
    observation(
        Kind.FUNCTIONS,
        None,
        count=2,
        classes=0,
        names=["transform", "compute_metrics"],
        class_names=[],
        cells=[6, 8],
    ),
    observation(
        Kind.DUPLICATE_CODE,
        12,
        "args = TrainingArguments(",
        cells=[9, 12],
        lines=7,
        changed=2,
        examples=["group_by_length=True,"],
    ),
    observation(
        Kind.LINT, 1, "import numpy as np", rule="F401", message="`numpy` imported but unused", line=2
    ),
    observation(Kind.COMPLEXITY, 8, "def compute_metrics(p):", function="compute_metrics", rank="B", value=6),
)
RECORDED = (
    Observation(
        witness=Witness.RECORDED,
        kind=Kind.EXECUTION_ORDER,
        value={
            "counts": [[10, 9], [12, 14], [13, 12]],
            "out_of_order": True,
            "repeated": False,
            "missing": [10, 11, 13],
        },
    ),
)


def submission() -> Submission:
    """The notebook."""
    cells = tuple(
        Cell(index=i, kind=kind, source=source, execution_count=count, outputs=outputs)
        for i, (kind, source, count, outputs) in enumerate(CELLS)
    )
    note = Text(
        ko="출력이 아주 긴 셀은 앞뒤만 읽었어요: 10.",
        en="Very long outputs were cut in the middle: cells 10.",
    )
    return Submission(name="bucketing 실습.ipynb", sha256="5a" * 32, cells=cells, notes=(note,))


def evidence(*, run: bool = True) -> Evidence:
    """What the witnesses say; with `run` also the two that run it."""
    source = Testimony(witness=Witness.SOURCE, runs=(BASE, BUCKETED), observations=OBSERVATIONS)
    before = Evaluation(cell=8, accuracy=0.4971, rows=29_999, split="validation")
    recorded = Testimony(
        witness=Witness.RECORDED, runs=(BASE, BUCKETED), evaluations=(before,), observations=RECORDED
    )
    executed = tuple(
        CellRun(index=i, ending=Ending.BUDGET if i in (10, 13) else Ending.COMPLETED, seconds=1.0)
        for i, cell in enumerate(CELLS)
        if cell[0] == "code"
    )
    capped = TrainingRun(
        witness=Witness.OBSERVED,
        cell=10,
        steps=40,
        steps_planned=11250,
        tokens_per_row=60.0,
        padding_share=0.67,
    )
    observed = Observed(
        testimony=Testimony(witness=Witness.OBSERVED, runs=(capped,)),
        cells=executed,
        ending=Ending.BUDGET,
        profile="pocket",
        isolation="bubblewrap",
        budget=Budget(train_batches=40, eval_batches=8),
        seconds=71.0,
    )
    score = ModelScore(run_cell=13, accuracy=0.712, low=0.69, high=0.733, rows=2000, label="last")
    return Evidence(
        version=EVIDENCE_VERSION,
        submission=submission(),
        source=source,
        recorded=recorded,
        observed=observed if run else None,
        not_run=None
        if run
        else Text(ko="실행하지 않고 읽기만 했습니다 (--no-run).", en="Read only (--no-run)."),
        verified=Verified(scores=(score,)) if run else None,
        grader_version="0.0.test",
    )


RUBRIC = (
    RubricItem(
        id="r1",
        text=Text(
            ko="모델과 데이터를 정상적으로 불러오고, 작동하는 것을 확인하였다.",
            en="Model and data are loaded and shown to work.",
        ),
    ),
    RubricItem(
        id="r2",
        thresholds={"accuracy": 0.9},
        text=Text(
            ko="Preprocessing을 개선하고, fine-tuning을 통해 모델의 성능을 개선시켰다.",
            en="Preprocessing is improved and fine-tuning raises accuracy.",
        ),
    ),
    RubricItem(
        id="r3",
        text=Text(
            ko="모델 학습에 Bucketing을 성공적으로 적용하고, 그 결과를 비교분석하였다.",
            en="Bucketing is applied to training, and the results are compared and analysed.",
        ),
    ),
)

ITEMS = (
    Verdict(
        item="r1",
        status=Status.PASS,
        points=1.0,
        expected=Text(ko="모델과 데이터를 불러오고 학습이 돈다.", en="Model and data load, training runs."),
        actual=Text(
            ko="셀 2에서 NSMC 150,000 / 50,000건을, 셀 7에서 `klue/bert-base`를 불러왔고, "
            "셀 10의 학습 로그(2 에폭, 손실 0.295 → 0.201)로 학습된 것을 확인했습니다.",
            en="Cell 2 loads NSMC (150,000 / 50,000), cell 7 `klue/bert-base`, and the log of cell 10 "
            "(2 epochs, loss 0.295 → 0.201) shows that it trains.",
        ),
        reason=Text(ko="불러오기와 학습이 모두 확인됩니다.", en="Loading and training are both confirmed."),
        citations=(Citation(cell=7, quote="model = AutoModelForSequenceClassification"), Citation(cell=10)),
    ),
    Verdict(
        item="r2",
        status=Status.PASS,
        points=1.0,
        expected=Text(ko="0.90 이상", en="at least 0.90"),
        actual=Text(
            ko="셀 10: 최고 정확도 0.9043 (검증 데이터).", en="Cell 10: best accuracy 0.9043 (validation)."
        ),
        reason=Text(
            ko="셀 10의 검증 정확도는 0.9043으로 기준 0.90을 넘었습니다.",
            en="The validation accuracy in cell 10 is 0.9043, above 0.90.",
        ),
        praise=Text(
            ko="셀 3에서 빈 리뷰를 먼저 지운 점이 좋았습니다.",
            en="Cell 3 drops empty reviews first; well done.",
        ),
        citations=(
            Citation(cell=3, quote='train = data["train"].filter('),
            Citation(cell=10, quote="2  0.2010  0.2603  0.9043", witness=Witness.RECORDED),
        ),
    ),
    Verdict(
        item="r3",
        status=Status.PARTIAL,
        points=0.5,
        expected=Text(ko="패딩이 줄고 두 실행을 비교한다.", en="Padding falls and both runs are compared."),
        actual=Text(
            ko="셀 12에서 `group_by_length=True`를 켰지만, 학습에 들어간 행은 셀 6의 `map`에서 이미 모두 "
            "60토큰으로 "
            "패딩된 것입니다. 그래서 묶는 순서만 바뀌고 계산량은 그대로입니다.",
            en="Cell 12 sets `group_by_length=True`, but the rows it trains on were all padded to 60 "
            "tokens by the "
            "`map` of cell 6. Only the order changes; the work stays the same.",
        ),
        reason=Text(
            ko="세 가지(효과, 저장된 전후 비교, 해석) 가운데 확인된 것: 전후 비교, 글로 쓴 해석.",
            en="Of the three parts (effect, stored comparison, interpretation) shown: comparison, "
            "interpretation.",
        ),
        citations=(
            Citation(cell=6, quote='padding="max_length",'),
            Citation(cell=12, quote="group_by_length=True,"),
        ),
        next_step=Text(
            ko='셀 6에서 `padding="max_length"`를 빼고 셀 12–13만 다시 실행해 보세요.',
            en='Take `padding="max_length"` out of cell 6 and run cells 12–13 again.',
        ),
    ),
)

FINDINGS = (
    Finding(
        id="no-op-bucketing",
        severity="warning",
        text=Text(
            ko="셀 12에서 bucketing을 켰지만 행당 토큰이 60에서 60으로 그대로입니다.",
            en="Cell 12 turns bucketing on, but rows stay 60 tokens wide.",
        ),
        citations=(Citation(cell=12),),
        question=Text(
            ko="셀 12에서 `group_by_length=True`를 켰는데 학습 시간이 1초밖에 다르지 않았습니다. "
            "배치 안의 길이가 실제로 어떻게 되어 있었을까요?",
            en="Cell 12 sets `group_by_length=True`, yet the time differs by one second. "
            "How long were the rows inside a batch?",
        ),
    ),
    Finding(
        id="confounded",
        severity="warning",
        text=Text(
            ko="셀 10과 셀 13의 실행은 시작 가중치가 다릅니다. 뒤의 실행은 이미 학습한 모델을 이어서 "
            "학습합니다.",
            en="The runs in cells 10 and 13 start from different weights: the second goes on with a "
            "trained model.",
        ),
        citations=(Citation(cell=10), Citation(cell=13)),
    ),
    Finding(
        id="honest-comparison",
        severity="praise",
        text=Text(
            ko="셀 14에서 차이가 없다는 결과를 숨기지 않고 그대로 적었습니다.",
            en="Cell 14 reports plainly that nothing changed.",
        ),
        citations=(Citation(cell=14),),
    ),
)

FACTS = Facts(
    bucketing=Bucketing.NO_OP,
    tokens_per_row={"cell 10": 60.0, "cell 13": 60.0},
    best_accuracy=0.9043,
    best_accuracy_cell=10,
    eval_split="validation",
    runs=(BASE, BUCKETED),
    baseline=0,
    bucketed=1,
    compared="both",
    analysed="short",
    leak=False,
    test_as_validation=False,
    confounded=("start",),
)


def judgement(seen: Evidence | None = None) -> Judgement:
    """The judgement: items by hand, questions by the real checks."""
    from grader.checks.questions import decide, more

    seen = seen or evidence()
    questions = decide(seen, FACTS, FINDINGS, ITEMS)
    return Judgement(
        items=ITEMS,
        questions=questions,
        facts=FACTS,
        findings=FINDINGS,
        rubric=RUBRIC,
        more=more(seen, FACTS),
    )
