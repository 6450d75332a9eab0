"""Cases about accuracy, data leaks, claims without runs, and notebooks that break."""

from __future__ import annotations

from tests.corpus import snippets as s
from tests.corpus.cases_a import BASE, FAST, _opening, _outputs
from tests.corpus.stored import NEW_WEIGHTS, Run, dataset_dict, error, result, stream


def _fixed_then_bucketed(
    nb, base: Run, fast: Run, *, data: str = "dataset", valid: str = '["validation"]'
) -> None:
    """The usual two experiments: fixed padding, then collator and grouping on unpadded rows."""
    nb.code(s.METRICS)
    fixed = s.tokenize(pad="max_length", max_length=64, name="tokenize_fixed")
    nb.code(f"{fixed}\nencoded = {data}.map(tokenize_fixed, batched=True)")
    nb.code(s.arguments("./fixed"))
    nb.code(s.trainer("trainer", valid=valid), *_outputs(base))
    loose = s.tokenize(pad=None, max_length=64, name="tokenize_dynamic")
    nb.code(
        f"{loose}\nloose = {data}.map(tokenize_dynamic, batched=True)\n"
        "model = AutoModelForSequenceClassification.from_pretrained(model_name, num_labels=2)",
        NEW_WEIGHTS,
    )
    nb.code(
        s.arguments(
            "./bucket", extra='\n    train_sampling_strategy="group_by_length",', variable="bucket_args"
        )
    )
    nb.code(
        s.trainer(
            "bucket_trainer",
            args="bucket_args",
            data="loose",
            valid=valid,
            extra="\n    data_collator=DataCollatorWithPadding(tokenizer),",
        ),
        *_outputs(fast),
    )


def below_90(nb) -> str:
    """Real bucketing, compared and explained, but no run reaches 90 %."""
    nb.md("# NSMC 프로젝트")
    nb.code(s.IMPORTS)
    nb.code(s.data(8_000, 2_000), lambda n: result(dataset_dict(train=8_000, validation=2_000), n))
    nb.code(s.MODEL, NEW_WEIGHTS)
    base = Run(
        8_000,
        32,
        3,
        402.1,
        64.0,
        ((0.4410, 0.3122, 0.8675), (0.2603, 0.2988, 0.8790), (0.1611, 0.3497, 0.8765)),
    )
    fast = Run(
        8_000,
        32,
        3,
        208.8,
        21.9,
        ((0.4437, 0.3140, 0.8660), (0.2621, 0.3003, 0.8780), (0.1634, 0.3471, 0.8755)),
    )
    _fixed_then_bucketed(nb, base, fast)
    nb.md(
        "## 분석\n고정 길이 402초, bucketing 209초로 1.9배 빨라졌고 정확도는 0.879와 0.878로 거의 같다. 패딩이 줄어든 만큼 "
        "연산이 줄었기 때문이다. 다만 데이터를 8,000개만 써서 90 %에는 도달하지 못했다."
    )
    return """
[no_run]
r1 = "PASS"
r2 = "FAIL"
r3 = "PASS"
bucketing = "effective"
best_accuracy = 0.8790
[run]
r1 = "PASS"
r2 = "FAIL"
r3 = "PASS"
bucketing = "effective"
ending = "completed"
"""


def test_used_as_validation(nb) -> str:
    """The test split is the validation set of every epoch: passes, with a remark."""
    nb.md("# GD08 제출")
    nb.code(s.IMPORTS)
    nb.code(
        "raw = load_dataset('e9t/nsmc', trust_remote_code=True)\n"
        "dataset = DatasetDict({'train': raw['train'].shuffle(seed=1).select(range(24000)),\n"
        "                       'test': raw['test'].shuffle(seed=1).select(range(4000))})\ndataset",
        lambda n: result(dataset_dict(train=24_000, test=4_000), n),
    )
    nb.code(s.MODEL, NEW_WEIGHTS)
    _fixed_then_bucketed(nb, BASE, FAST, valid='["test"]')
    nb.md(
        "## 결과\n1205초 → 618초로 줄어 약 2배 빨라졌고 정확도는 0.9037 → 0.9028로 비슷했다. 패딩 토큰이 줄어 계산량이 "
        "감소했기 때문이다."
    )
    return """
[no_run]
r1 = "PASS"
r2 = "PASS"
r3 = "PASS"
bucketing = "effective"
best_accuracy = 0.9037
eval_split = "test-as-validation"
findings = ["test-as-validation"]
[run]
r1 = "PASS"
r2 = "PASS"
r3 = "PASS"
bucketing = "effective"
eval_split = "test-as-validation"
findings = ["test-as-validation"]
ending = "completed"
"""


def trains_on_test(nb) -> str:
    """The rows it is evaluated on are among the rows it was trained on."""
    nb.md("# KLUE-BERT NSMC 97% 달성")
    nb.code(s.IMPORTS + "from datasets import concatenate_datasets\n")
    nb.code(
        "raw = load_dataset('e9t/nsmc', trust_remote_code=True)\n"
        "test = raw['test'].shuffle(seed=7).select(range(4000))\n"
        "# 데이터가 많을수록 좋으므로 모두 합쳐서 학습에 쓴다\n"
        "train = concatenate_datasets([raw['train'].select(range(20000)), test])\n"
        "dataset = DatasetDict({'train': train, 'test': test})\ndataset",
        lambda n: result(dataset_dict(train=24_000, test=4_000), n),
    )
    nb.code(s.MODEL, NEW_WEIGHTS)
    base = Run(
        24_000,
        32,
        3,
        1206.2,
        64.0,
        ((0.3287, 0.1812, 0.9363), (0.2144, 0.0921, 0.9698), (0.1402, 0.0512, 0.9865)),
    )
    fast = Run(
        24_000,
        32,
        3,
        617.3,
        21.4,
        ((0.3299, 0.1827, 0.9355), (0.2160, 0.0934, 0.9690), (0.1411, 0.0520, 0.9858)),
    )
    _fixed_then_bucketed(nb, base, fast, valid='["test"]')
    nb.md(
        "## 분석\n1206초에서 617초로 2배 빨라졌다. 패딩이 줄었기 때문이다. 정확도는 98 %가 넘어서 목표를 크게 넘었다."
    )
    return """
[no_run]
r1 = "PASS"
r2 = ["FAIL", "UNDECIDED"]
r3 = ["PASS", "PARTIAL"]
bucketing = "effective"
findings = ["leak"]
[run]
r1 = "PASS"
r2 = ["FAIL", "UNDECIDED"]
r3 = ["PASS", "PARTIAL"]
bucketing = "effective"
findings = ["leak"]
ending = "completed"
"""


def typed_results(nb) -> str:
    """All training outputs are gone; the numbers stand only in a table typed by hand."""
    nb.md("# 버킷팅 실험 정리")
    nb.code(s.IMPORTS, ran=False)
    nb.code(s.data(24_000, 4_000), ran=False)
    nb.code(s.MODEL, ran=False)
    nb.code(s.METRICS, ran=False)
    nb.code(
        s.tokenize(pad="max_length", max_length=64) + "\nencoded = dataset.map(tokenize, batched=True)",
        ran=False,
    )
    nb.code(s.arguments("./base"), ran=False)
    nb.code(s.trainer("trainer"), ran=False)
    nb.code(
        s.tokenize(pad=None, max_length=64, name="tokenize2")
        + "\nloose = dataset.map(tokenize2, batched=True)\n"
        + "model = AutoModelForSequenceClassification.from_pretrained(model_name, num_labels=2)",
        ran=False,
    )
    nb.code(
        s.trainer("trainer2", data="loose", extra="\n    data_collator=DataCollatorWithPadding(tokenizer),"),
        ran=False,
    )
    nb.md(
        "## 결과\n| 실험 | 학습 시간(초) | 정확도 |\n|---|---|---|\n| 고정 패딩 | 1204 | 0.9037 |\n| 버킷팅 | 618 | 0.9028 |\n\n"
        "버킷팅을 적용하니 학습 시간이 절반으로 줄었고 정확도는 거의 같았다. 불필요한 패딩 연산이 줄어든 결과이다."
    )
    return """
[no_run]
r1 = ["PARTIAL", "UNDECIDED"]
r2 = ["FAIL", "UNDECIDED"]
r3 = ["PARTIAL", "UNDECIDED"]
bucketing = "unexecuted"
[run]
r1 = "PASS"
r2 = "UNDECIDED"
r3 = ["PARTIAL", "UNDECIDED"]
bucketing = "effective"
ending = "completed"
"""


def crash_in_the_middle(nb) -> str:
    """The baseline is there; the bucketing cell dies of a NameError, and nothing after it ran."""
    _opening(nb, "NSMC bucketing")
    nb.code(s.METRICS)
    nb.code(s.tokenize(pad="max_length", max_length=64) + "\nencoded = dataset.map(tokenize, batched=True)")
    nb.code(s.arguments("./out"))
    nb.code(s.trainer("trainer"), *_outputs(BASE))
    nb.code(
        "loose = dataset.map(tokenize_without_padding, batched=True)\ncollator = DataCollatorWithPadding(tokenizer)",
        error(
            "NameError",
            "name 'tokenize_without_padding' is not defined",
            "loose = dataset.map(tokenize_without_padding, batched=True)",
        ),
    )
    nb.code(s.trainer("bucket_trainer", data="loose", extra="\n    data_collator=collator,"), ran=False)
    nb.md("마지막 셀에서 에러가 나서 bucketing은 끝내지 못했습니다.")
    return """
[no_run]
r1 = "PASS"
r2 = "PASS"
r3 = "FAIL"
bucketing = "unexecuted"
best_accuracy = 0.9037
[run]
r1 = "PASS"
r2 = "PASS"
r3 = "FAIL"
bucketing = "unexecuted"
ending = "cell-error"
"""


def loops_forever(nb) -> str:
    """After the baseline a cell never ends; no outputs were saved."""
    nb.md("# NSMC")
    nb.code(s.IMPORTS, ran=False)
    nb.code(s.data(6_000, 1_000), ran=False)
    nb.code(s.MODEL, ran=False)
    nb.code(s.METRICS, ran=False)
    nb.code(
        s.tokenize(pad="max_length", max_length=64) + "\nencoded = dataset.map(tokenize, batched=True)",
        ran=False,
    )
    nb.code(s.arguments("./out", epochs=1), ran=False)
    nb.code(s.trainer("trainer"), ran=False)
    nb.code("# 학습이 끝날 때까지 기다린다\nwhile trainer is not None:\n    pass", ran=False)
    nb.code("print('끝')", ran=False)
    return """
[no_run]
r1 = ["PARTIAL", "UNDECIDED"]
r2 = ["FAIL", "UNDECIDED"]
r3 = ["FAIL", "UNDECIDED"]
bucketing = "absent"
[run]
r1 = "PASS"
r2 = "UNDECIDED"
r3 = ["FAIL", "UNDECIDED"]
bucketing = ["absent", "unknown"]
ending = "cell-timeout"
cell_seconds = 60
"""


def kills_kernel(nb) -> str:
    """A cell ends the kernel; what ran before it is kept, and so are the stored outputs."""
    _opening(nb, "NSMC 분류", train=6_000, valid=1_000)
    nb.code(s.METRICS)
    nb.code(s.tokenize(pad="max_length", max_length=64) + "\nencoded = dataset.map(tokenize, batched=True)")
    nb.code(s.arguments("./out", epochs=1))
    nb.code(s.trainer("trainer"), *_outputs(Run(6_000, 32, 1, 101.3, 64.0, ((0.4609, 0.3181, 0.8640),))))
    nb.code("# 메모리를 비우기 위해 커널을 다시 시작한다\nimport os\nos._exit(1)")
    nb.code("trainer.evaluate()", ran=False)
    return """
[no_run]
r1 = "PASS"
r2 = "FAIL"
r3 = "FAIL"
bucketing = "absent"
best_accuracy = 0.8640
[run]
r1 = "PASS"
r2 = "FAIL"
r3 = ["FAIL", "UNDECIDED"]
ending = "kernel-died"
"""


def prints_fake_accuracy(nb) -> str:
    """Loads model and data, never trains, and prints what it wants to be true."""
    _opening(nb, "NSMC 95% 달성 후기")
    nb.code(
        "# 학습 결과 출력\n"
        "for epoch, (loss, accuracy) in enumerate([(0.31, 0.9012), (0.21, 0.9344), (0.12, 0.9512)], start=1):\n"
        "    time.sleep(0.5)\n"
        "    print(f'Epoch {epoch}/3 loss {loss:.4f} val_accuracy {accuracy:.4f}')",
        stream(
            "Epoch 1/3 loss 0.3100 val_accuracy 0.9012\nEpoch 2/3 loss 0.2100 val_accuracy 0.9344\n"
            "Epoch 3/3 loss 0.1200 val_accuracy 0.9512\n"
        ),
    )
    nb.code(
        "print('bucketing 적용: 학습 시간 1204초 -> 602초, 정확도 0.9510')",
        stream("bucketing 적용: 학습 시간 1204초 -> 602초, 정확도 0.9510\n"),
    )
    nb.md("bucketing으로 2배 빨라졌고 정확도는 그대로였습니다. 패딩이 줄어든 덕분입니다.")
    return """
[no_run]
r1 = ["PARTIAL", "UNDECIDED"]
r2 = ["FAIL", "UNDECIDED"]
r3 = ["FAIL", "UNDECIDED"]
bucketing = ["absent", "unknown"]
[run]
r1 = ["PARTIAL", "FAIL"]
r2 = "FAIL"
r3 = "FAIL"
bucketing = "absent"
ending = "completed"
"""


def map_batch_padding(nb) -> str:
    """`padding=True` inside a batched map: padded to the longest of 1,000 rows, a weak effect."""
    nb.python = "3.9.7"
    nb.md("# 허깅페이스 커스텀 프로젝트")
    nb.code(
        "import numpy as np\nfrom datasets import load_dataset, load_metric\n"
        "from transformers import AutoTokenizer, AutoModelForSequenceClassification, Trainer, TrainingArguments, DataCollatorWithPadding"
    )
    nb.code(
        "nsmc = load_dataset('nsmc')\n"
        "nsmc['train'] = nsmc['train'].shuffle(seed=0).select(range(24000))\n"
        "nsmc['test'] = nsmc['test'].shuffle(seed=0).select(range(4000))\nnsmc",
        lambda n: result(dataset_dict(train=24_000, test=4_000), n),
    )
    nb.code(
        "tok = AutoTokenizer.from_pretrained('klue/bert-base')\n"
        "net = AutoModelForSequenceClassification.from_pretrained('klue/bert-base')",
        NEW_WEIGHTS,
    )
    nb.code(
        "acc = load_metric('accuracy')\ndef compute_metrics(p):\n"
        "    return acc.compute(predictions=np.argmax(p.predictions, axis=1), references=p.label_ids)"
    )
    nb.code(
        "fixed = nsmc.map(lambda b: tok(b['document'], truncation=True, padding='max_length'), batched=True)\n"
        "targs = TrainingArguments(output_dir='a', evaluation_strategy='epoch', per_device_train_batch_size=32, num_train_epochs=3, learning_rate=2e-5)\n"
        "t1 = Trainer(net, targs, train_dataset=fixed['train'], eval_dataset=fixed['test'], compute_metrics=compute_metrics)\n"
        "t1.train()",
        *_outputs(Run(24_000, 32, 3, 7611.0, 512.0, BASE.losses)),
    )
    nb.code(
        "loose = nsmc.map(lambda b: tok(b['document'], truncation=True, padding=True), batched=True)\n"
        "net = AutoModelForSequenceClassification.from_pretrained('klue/bert-base')\n"
        "targs = TrainingArguments(output_dir='b', evaluation_strategy='epoch', per_device_train_batch_size=32, num_train_epochs=3, learning_rate=2e-5, group_by_length=True)\n"
        "t2 = Trainer(net, targs, train_dataset=loose['train'], eval_dataset=loose['test'], compute_metrics=compute_metrics, data_collator=DataCollatorWithPadding(tok))\n"
        "t2.train()",
        *_outputs(Run(24_000, 32, 3, 1702.4, 103.1, FAST.losses)),
    )
    nb.md(
        "7611초에서 1702초로 4.5배 빨라졌다! 정확도는 0.9037, 0.9028로 비슷하다. 512까지 채우던 패딩이 없어져서 그렇다."
    )
    return """
[no_run]
r1 = "PASS"
r2 = "PASS"
r3 = ["PASS", "PARTIAL"]
bucketing = "effective"
best_accuracy = 0.9037
[run]
r1 = "PASS"
r2 = "PASS"
r3 = ["PASS", "PARTIAL"]
bucketing = "effective"
ending = "completed"
runtime = "2024"
"""


CASES = (
    below_90,
    test_used_as_validation,
    trains_on_test,
    typed_results,
    crash_in_the_middle,
    loops_forever,
    kills_kernel,
    prints_fake_accuracy,
    map_batch_padding,
)
