"""Cases about what bucketing did: correct, without effect, by other means, absent, stale."""

from __future__ import annotations

from tests.corpus import snippets as s
from tests.corpus.stored import (
    NEW_WEIGHTS,
    Run,
    dataset_dict,
    evaluate,
    progress_table,
    result,
    stream,
    train_output,
)

BASE = Run(
    rows=24_000,
    batch=32,
    epochs=3,
    seconds=1204.6,
    tokens=64.0,
    losses=((0.3312, 0.2704, 0.8897), (0.2215, 0.2561, 0.9013), (0.1502, 0.2918, 0.9037)),
)
FAST = Run(
    rows=24_000,
    batch=32,
    epochs=3,
    seconds=618.2,
    tokens=21.4,
    losses=((0.3334, 0.2698, 0.8890), (0.2231, 0.2577, 0.9008), (0.1527, 0.2902, 0.9028)),
)


def _outputs(run: Run):
    return progress_table(run), lambda n: train_output(run, n)


def _opening(nb, title: str, *, train: int = 24_000, valid: int = 4_000, repo: str = "e9t/nsmc") -> None:
    nb.md(f"# {title}\nKLUE-BERT를 NSMC로 fine-tuning하고 bucketing을 적용해 비교합니다.")
    nb.code(s.IMPORTS)
    nb.md("## 1. 데이터와 모델")
    nb.code(s.data(train, valid, repo), lambda n: result(dataset_dict(train=train, validation=valid), n))
    nb.code(s.MODEL, NEW_WEIGHTS)


def correct(nb) -> str:
    """Everything done: fixed padding first, then real bucketing, compared and analysed."""
    nb.md("# GD08. NSMC 감성 분류와 bucketing\n목표: 검증 정확도 90 %, bucketing 전후의 속도와 정확도 비교")
    nb.code(s.IMPORTS)
    nb.md("## 1. 데이터와 모델")
    nb.code(s.data(24_000, 4_000), lambda n: result(dataset_dict(train=24_000, validation=4_000), n))
    nb.code(
        "# 빈 리뷰와 중복 리뷰는 학습에 도움이 되지 않으므로 지운다\n"
        "seen = set()\n"
        "def is_new(row):\n"
        "    text = row['document']\n"
        "    if not text or text in seen:\n"
        "        return False\n"
        "    seen.add(text)\n"
        "    return True\n"
        "dataset['train'] = dataset['train'].filter(is_new)\n"
        "len(dataset['train'])",
        lambda n: result("23916", n),
    )
    nb.code(s.MODEL, NEW_WEIGHTS)
    nb.code(
        "# 토큰 길이 분포를 보고 max_length를 정한다\n"
        "lengths = [len(tokenizer(text)['input_ids']) for text in dataset['train']['document'][:5000] if text]\n"
        "print('95 %:', np.percentile(lengths, 95), '99 %:', np.percentile(lengths, 99))",
        stream("95 %: 55.0 99 %: 72.0\n"),
    )
    nb.md("95 %가 55 토큰 이하여서 `max_length=64`로 정했습니다.")
    nb.code(s.METRICS)
    nb.md("## 2. 고정 길이 패딩으로 학습 (기준)")
    nb.code(s.tokenize(pad="max_length", max_length=64, name="tokenize_fixed"))
    nb.code("encoded = dataset.map(tokenize_fixed, batched=True)")
    nb.code(s.arguments("./fixed"))
    base = Run(23_916, 32, 3, 1198.4, 64.0, BASE.losses)
    nb.code(s.trainer("baseline"), *_outputs(base))
    nb.code("baseline.evaluate()", lambda n: evaluate(n, 0.2918, 0.90375, 4_000, 18.2, 3.0))
    nb.md("## 3. Bucketing\n패딩을 collator에 맡기고, 길이가 비슷한 문장끼리 묶습니다.")
    nb.code(s.tokenize(pad=None, max_length=64, name="tokenize_dynamic"))
    nb.code(
        "encoded_dynamic = dataset.map(tokenize_dynamic, batched=True)\n"
        "collator = DataCollatorWithPadding(tokenizer)  # 배치에서 가장 긴 문장에 맞춰 패딩\n"
        "# 공정한 비교를 위해 사전학습 가중치에서 다시 시작한다\n"
        "model = AutoModelForSequenceClassification.from_pretrained(model_name, num_labels=2)",
        NEW_WEIGHTS,
    )
    nb.code(
        s.arguments(
            "./bucketed",
            extra='\n    train_sampling_strategy="group_by_length",  # 길이가 비슷한 문장끼리',
            variable="bucket_args",
        )
    )
    nb.code(
        s.trainer(
            "bucketed", args="bucket_args", data="encoded_dynamic", extra="\n    data_collator=collator,"
        ),
        *_outputs(Run(23_916, 32, 3, 611.7, 21.4, FAST.losses)),
    )
    nb.code("bucketed.evaluate()", lambda n: evaluate(n, 0.2902, 0.90275, 4_000, 9.1, 3.0))
    nb.md(
        "## 4. 비교와 분석\n"
        "| | 학습 시간 | 검증 정확도 |\n|---|---|---|\n| 고정 64 | 1198 s | 0.9038 |\n"
        "| bucketing | 612 s | 0.9028 |\n\n"
        "bucketing을 쓰면 학습 시간이 약 절반(1.96배 빠름)으로 줄었습니다. 리뷰 대부분이 20 토큰 안팎이라 64로 "
        "맞추면 3분의 2가 패딩이었는데, 그 계산이 사라졌기 때문입니다. 정확도는 0.1 %p 낮아졌지만 시드에 따른 "
        "차이 안이라고 봅니다. 길이가 비슷한 문장끼리 묶으면 배치가 덜 섞이는 대신 속도를 얻는 trade-off가 있습니다."
    )
    nb.md(
        "## 회고\n- 배운 점: 패딩을 어디서 하느냐가 속도를 결정한다는 것을 배웠다.\n"
        "- 아쉬운 점: 시드를 바꿔 가며 여러 번 실험하지 못했다."
    )
    return """
[no_run]
r1 = "PASS"
r2 = "PASS"
r3 = "PASS"
bucketing = "effective"
best_accuracy = 0.9037
[run]
r1 = "PASS"
r2 = "PASS"
r3 = "PASS"
bucketing = "effective"
ending = "completed"
"""


def pads_to_max(nb) -> str:
    """group_by_length and a collator on rows that map has already padded: nothing changes."""
    nb.python = "3.9.7"
    nb.md("# [GD08] huggingface custom project")
    nb.code(
        "import os\nimport numpy as np\nimport datasets\nfrom datasets import load_dataset\n"
        "import transformers\nfrom transformers import AutoTokenizer, AutoModelForSequenceClassification\n"
        "from transformers import Trainer, TrainingArguments, DataCollatorWithPadding\n"
        "print(datasets.__version__)\nprint(transformers.__version__)",
        stream("1.14.0\n4.11.3\n"),
    )
    nb.code(
        "huggingface_nsmc_dataset = load_dataset('nsmc')\n"
        "train = huggingface_nsmc_dataset['train'].train_test_split(test_size=0.2)\n"
        "hf_train_dataset = train['train']\nhf_val_dataset = train['test']\n"
        "print(len(hf_train_dataset), len(hf_val_dataset))",
        stream("120000 30000\n"),
    )
    nb.code(
        "huggingface_tokenizer = AutoTokenizer.from_pretrained('klue/bert-base')\n"
        "huggingface_model = AutoModelForSequenceClassification.from_pretrained('klue/bert-base', num_labels = 2)",
        NEW_WEIGHTS,
    )
    nb.code(
        "def transform(data):\n"
        "    return huggingface_tokenizer(\n"
        "        data['document'],\n"
        "        truncation = True,\n"
        "        padding = 'max_length',\n"
        "        max_length = 60,\n"
        "        return_token_type_ids = False,\n"
        "        )"
    )
    nb.code(
        "hf_train_dataset = hf_train_dataset.map(transform, batched=True)\n"
        "hf_val_dataset = hf_val_dataset.map(transform, batched=True)"
    )
    nb.code(
        "from datasets import load_metric\nmetric = load_metric('accuracy')\n\n"
        "def compute_metrics(eval_pred):\n    predictions, labels = eval_pred\n"
        "    predictions = np.argmax(predictions, axis=1)\n"
        "    return metric.compute(predictions=predictions, references=labels)"
    )
    arguments = """
training_arguments = TrainingArguments(
    '{out}',
    evaluation_strategy="epoch",           # 에폭마다 평가
    learning_rate = 2e-5,
    per_device_train_batch_size = 32,
    per_device_eval_batch_size = 32,
    num_train_epochs = 3,
    weight_decay = 0.01,{extra}
)
"""
    trainer = """
trainer = Trainer(
    model=huggingface_model,
    args=training_arguments,
    train_dataset=hf_train_dataset,
    eval_dataset=hf_val_dataset,
    compute_metrics=compute_metrics,{extra}
)
trainer.train()
"""
    first = Run(
        120_000,
        32,
        3,
        4015.2,
        60.0,
        ((0.2934, 0.2551, 0.8968), (0.2077, 0.2503, 0.9031), (0.1391, 0.2967, 0.9043)),
    )
    second = Run(
        120_000,
        32,
        3,
        4016.9,
        60.0,
        ((0.2941, 0.2560, 0.8961), (0.2083, 0.2516, 0.9027), (0.1402, 0.2958, 0.9038)),
    )
    nb.code(arguments.format(out="./base", extra=""))
    nb.code(trainer.format(extra=""), *_outputs(first))
    nb.md("## Bucketing 적용")
    nb.code(
        "huggingface_model = AutoModelForSequenceClassification.from_pretrained('klue/bert-base', num_labels = 2)\n"
        "data_collator = DataCollatorWithPadding(tokenizer=huggingface_tokenizer)\n"
        + arguments.format(out="./bucketing", extra="\n    group_by_length = True,").strip()
    )
    nb.code(trainer.format(extra="\n    data_collator=data_collator,"), *_outputs(second))
    nb.md(
        "## 결과 분석\n기본 학습은 4015초, bucketing 적용 후는 4016초로 학습 시간에 차이가 거의 없었다. 정확도도 "
        "0.9043과 0.9038로 비슷하다. 문장 길이가 대체로 짧아서 bucketing의 효과가 작았던 것으로 보인다."
    )
    return """
[no_run]
r1 = "PASS"
r2 = "PASS"
r3 = "PARTIAL"
bucketing = "no-op"
best_accuracy = 0.9043
[run]
r1 = "PASS"
r2 = "PASS"
r3 = "PARTIAL"
bucketing = "no-op"
ending = "completed"
runtime = "2024"
"""


def dynamic_only(nb) -> str:
    """Dynamic padding by the collator alone, no grouping: a real effect all the same."""
    _opening(nb, "NSMC 분류 프로젝트")
    nb.code(s.METRICS)
    nb.code(s.tokenize(pad="max_length", max_length=128) + "\nencoded = dataset.map(tokenize, batched=True)")
    nb.code(s.arguments("./out1"))
    nb.code(s.trainer("trainer"), *_outputs(Run(24_000, 32, 3, 2210.4, 128.0, BASE.losses)))
    nb.md("### 동적 패딩(dynamic padding)으로 다시 학습")
    nb.code(
        "def tokenize2(batch):\n    # 패딩은 하지 않고 자르기만\n"
        "    return tokenizer(batch['document'], truncation=True, max_length=128)\n\n"
        "encoded2 = dataset.map(tokenize2, batched=True, remove_columns=['id', 'document'])\n"
        "model = AutoModelForSequenceClassification.from_pretrained(model_name, num_labels=2)",
        NEW_WEIGHTS,
    )
    nb.code(s.arguments("./out2"))
    nb.code(
        s.trainer(
            "trainer2", data="encoded2", extra="\n    data_collator=DataCollatorWithPadding(tokenizer),"
        ),
        *_outputs(Run(24_000, 32, 3, 1103.9, 56.3, FAST.losses)),
    )
    nb.md(
        "### 분석\n128로 고정했을 때 2210초, 동적 패딩은 1104초로 두 배 빨라졌다. 배치마다 가장 긴 문장까지만 "
        "패딩하기 때문에 불필요한 연산이 줄었다. 정확도는 0.9037 → 0.9028로 큰 차이가 없어서, 속도를 위해 "
        "동적 패딩을 쓰는 것이 이득이라고 판단했다."
    )
    return """
[no_run]
r1 = "PASS"
r2 = "PASS"
r3 = "PASS"
bucketing = "effective"
best_accuracy = 0.9037
[run]
r1 = "PASS"
r2 = "PASS"
r3 = "PASS"
bucketing = "effective"
ending = "completed"
"""


def own_length_sampler(nb) -> str:
    """A batch sampler of the student's own inside a Trainer subclass."""
    _opening(nb, "버킷팅을 직접 구현해 보기")
    nb.code(s.METRICS)
    nb.code(
        s.tokenize(pad="max_length", max_length=64, name="encode_fixed")
        + "\nfixed = dataset.map(encode_fixed, batched=True)"
    )
    nb.code(s.arguments("./fixed"))
    nb.code(s.trainer("trainer", data="fixed"), *_outputs(BASE))
    nb.md("### 길이별로 묶는 BatchSampler")
    nb.code(
        "import random\nfrom torch.utils.data import DataLoader, Sampler\n\n"
        "class BucketBatchSampler(Sampler):\n"
        "    '''길이 순으로 정렬한 뒤 batch_size개씩 자르고, 배치의 순서만 섞는다.'''\n"
        "    def __init__(self, lengths, batch_size):\n"
        "        self.lengths, self.batch_size = lengths, batch_size\n\n"
        "    def __iter__(self):\n"
        "        order = sorted(range(len(self.lengths)), key=lambda i: self.lengths[i])\n"
        "        batches = [order[i:i + self.batch_size] for i in range(0, len(order), self.batch_size)]\n"
        "        random.shuffle(batches)\n"
        "        return iter(batches)\n\n"
        "    def __len__(self):\n"
        "        return (len(self.lengths) + self.batch_size - 1) // self.batch_size"
    )
    nb.code(
        "def encode(batch):\n    return tokenizer(batch['document'], truncation=True, max_length=64)\n\n"
        "loose = dataset.map(encode, batched=True, remove_columns=['id', 'document'])\n"
        "lengths = [len(ids) for ids in loose['train']['input_ids']]\n"
        "collate = DataCollatorWithPadding(tokenizer)\n\n"
        "class BucketTrainer(Trainer):\n"
        "    def get_train_dataloader(self):\n"
        "        sampler = BucketBatchSampler(lengths, self.args.per_device_train_batch_size)\n"
        "        return DataLoader(loose['train'], batch_sampler=sampler, collate_fn=collate)\n\n"
        "model = AutoModelForSequenceClassification.from_pretrained(model_name, num_labels=2)",
        NEW_WEIGHTS,
    )
    nb.code(s.arguments("./bucket"))
    nb.code(
        "bucket_trainer = BucketTrainer(\n    model=model, args=args, train_dataset=loose['train'],\n"
        "    eval_dataset=loose['validation'], data_collator=collate, compute_metrics=compute_metrics)\n"
        "bucket_trainer.train()",
        *_outputs(FAST),
    )
    nb.md(
        "### 결과\n고정 길이는 1205초, 직접 만든 버킷팅은 618초가 걸려 1.95배 빨라졌습니다. 정확도는 0.9037에서 0.9028로 "
        "거의 같았습니다. 같은 길이끼리 모여 패딩이 거의 없어진 덕분이고, 대신 배치 안의 문장이 늘 비슷한 길이라 "
        "학습이 조금 치우칠 수 있다는 점이 trade-off라고 생각합니다."
    )
    return """
[no_run]
r1 = "PASS"
r2 = "PASS"
r3 = "PASS"
bucketing = "effective"
best_accuracy = 0.9037
[run]
r1 = "PASS"
r2 = "PASS"
r3 = "PASS"
bucketing = "effective"
ending = "completed"
"""


def own_torch_loop(nb) -> str:
    """A hand-written PyTorch loop, first padded to 64, then by length with a collate function."""
    nb.md("# NSMC 감성분석 (PyTorch 학습 루프)")
    nb.code(
        "import random, time\nimport numpy as np\nimport pandas as pd\nimport torch\n"
        "from torch.utils.data import DataLoader, TensorDataset\n"
        "from transformers import AutoTokenizer, AutoModelForSequenceClassification, get_linear_schedule_with_warmup\n\n"
        "seed = 42\nrandom.seed(seed); np.random.seed(seed); torch.manual_seed(seed)\n"
        "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')\nprint(device)",
        stream("cuda\n"),
    )
    nb.code(
        "df = pd.read_csv('https://raw.githubusercontent.com/e9t/nsmc/master/ratings_train.txt', sep='\\t').dropna()\n"
        "df = df.sample(28000, random_state=42)\ntrain_df, val_df = df[:24000], df[24000:]\nlen(train_df), len(val_df)",
        lambda n: result("(24000, 4000)", n),
    )
    nb.code(
        "tokenizer = AutoTokenizer.from_pretrained('klue/bert-base')\n\n"
        "def new_model():\n"
        "    return AutoModelForSequenceClassification.from_pretrained('klue/bert-base', num_labels=2).to(device)"
    )
    nb.code(
        "# 1) 모든 문장을 64 토큰으로 패딩\n"
        "def to_tensors(frame):\n"
        "    enc = tokenizer(list(frame['document']), padding='max_length', truncation=True, max_length=64, return_tensors='pt')\n"
        "    return TensorDataset(enc['input_ids'], enc['attention_mask'], torch.tensor(list(frame['label'])))\n\n"
        "fixed_loader = DataLoader(to_tensors(train_df), batch_size=32, shuffle=True)\n"
        "val_loader = DataLoader(to_tensors(val_df), batch_size=32)"
    )
    nb.code(
        "def evaluate(model):\n"
        "    model.eval()\n    right = total = 0\n"
        "    for ids, mask, labels in val_loader:\n"
        "        with torch.no_grad():\n"
        "            logits = model(ids.to(device), attention_mask=mask.to(device)).logits\n"
        "        right += (logits.argmax(-1).cpu() == labels).sum().item()\n"
        "        total += len(labels)\n"
        "    return right / total\n\n"
        "def train(model, loader, epochs=2):\n"
        "    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-5, weight_decay=0.01)\n"
        "    scheduler = get_linear_schedule_with_warmup(optimizer, 100, len(loader) * epochs)\n"
        "    for epoch in range(epochs):\n"
        "        model.train()\n        start, total = time.time(), 0.0\n"
        "        for ids, mask, labels in loader:\n"
        "            loss = model(ids.to(device), attention_mask=mask.to(device), labels=labels.to(device)).loss\n"
        "            loss.backward()\n"
        "            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # 기울기 폭발 방지\n"
        "            optimizer.step(); scheduler.step(); optimizer.zero_grad()\n"
        "            total += loss.item()\n"
        "        print(f'Epoch {epoch + 1}/{epochs} loss {total / len(loader):.4f} '\n"
        "              f'val_accuracy {evaluate(model):.4f} time {time.time() - start:.1f}s')"
    )
    nb.code(
        "model = new_model()\ntrain(model, fixed_loader)",
        stream(
            "Epoch 1/2 loss 0.3217 val_accuracy 0.8922 time 402.3s\n"
            "Epoch 2/2 loss 0.2096 val_accuracy 0.9025 time 401.8s\n"
        ),
    )
    nb.md("## Bucketing: 길이로 정렬해 묶고, 배치 안에서만 패딩")
    nb.code(
        "rows = [(tokenizer(t, truncation=True, max_length=64)['input_ids'], y) for t, y in zip(train_df['document'], train_df['label'])]\n"
        "rows.sort(key=lambda row: len(row[0]))\n"
        "buckets = [rows[i:i + 32] for i in range(0, len(rows), 32)]\n"
        "random.shuffle(buckets)\n\n"
        "def collate(bucket):\n"
        "    bucket = bucket[0]\n"
        "    width = max(len(ids) for ids, _ in bucket)\n"
        "    ids = torch.tensor([ids + [tokenizer.pad_token_id] * (width - len(ids)) for ids, _ in bucket])\n"
        "    return ids, (ids != tokenizer.pad_token_id).long(), torch.tensor([y for _, y in bucket])\n\n"
        "bucket_loader = DataLoader(buckets, batch_size=1, shuffle=True, collate_fn=collate)"
    )
    nb.code(
        "model = new_model()\ntrain(model, bucket_loader)",
        stream(
            "Epoch 1/2 loss 0.3229 val_accuracy 0.8910 time 205.4s\n"
            "Epoch 2/2 loss 0.2103 val_accuracy 0.9018 time 204.9s\n"
        ),
    )
    nb.md(
        "## 비교\n에폭당 402초에서 205초로 줄어 1.96배 빨라졌다. 정확도는 0.9025와 0.9018로 차이가 거의 없다. 정렬해서 묶으면 "
        "패딩이 거의 사라져 연산량이 줄지만, 배치 구성이 에폭마다 같아져 무작위성이 줄어든다는 단점이 있다."
    )
    return """
[no_run]
r1 = "PASS"
r2 = "PASS"
r3 = "PASS"
bucketing = "effective"
best_accuracy = 0.9025
[run]
r1 = "PASS"
r2 = "PASS"
r3 = "PASS"
bucketing = "effective"
ending = "completed"
"""


def no_bucketing(nb) -> str:
    """A good fine-tuning, and nothing about bucketing."""
    _opening(nb, "KLUE-BERT fine-tuning")
    nb.code(s.METRICS)
    nb.code(s.tokenize(pad="max_length", max_length=64) + "\nencoded = dataset.map(tokenize, batched=True)")
    nb.code(s.arguments("./out"))
    nb.code(s.trainer("trainer"), *_outputs(BASE))
    nb.code("trainer.evaluate()", lambda n: evaluate(n, 0.2918, 0.9037, 4_000, 18.2, 3.0))
    nb.md("## 회고\n시간이 부족해서 bucketing은 해 보지 못했다. 다음에 시도해 보고 싶다.")
    return """
[no_run]
r1 = "PASS"
r2 = "PASS"
r3 = "FAIL"
bucketing = "absent"
best_accuracy = 0.9037
[run]
r1 = "PASS"
r2 = "PASS"
r3 = "FAIL"
bucketing = "absent"
ending = "completed"
"""


def stale_output(nb) -> str:
    """The code pads dynamically, the outputs under it come from an older version that padded to 512."""
    _opening(nb, "Bucketing 비교 실험")
    nb.code(s.METRICS)
    nb.code(
        "def tokenize(batch):\n    return tokenizer(batch['document'], truncation=True)\n\n"
        "encoded = dataset.map(tokenize, batched=True)\ncollator = DataCollatorWithPadding(tokenizer)"
    )
    slow = ((0.3307, 0.2709, 0.8893), (0.2219, 0.2566, 0.9010), (0.1507, 0.2921, 0.9035))
    nb.code(s.arguments("./base", variable="base_args"))
    nb.code(
        s.trainer("trainer", args="base_args", extra="\n    data_collator=collator,"),
        *_outputs(Run(24_000, 32, 3, 7602.8, 512.0, BASE.losses)),
    )
    nb.code(
        "model = AutoModelForSequenceClassification.from_pretrained(model_name, num_labels=2)\n"
        + s.arguments(
            "./bucket", extra='\n    train_sampling_strategy="group_by_length",', variable="bucket_args"
        ).strip(),
        NEW_WEIGHTS,
    )
    nb.code(
        s.trainer("trainer2", args="bucket_args", extra="\n    data_collator=collator,"),
        *_outputs(Run(24_000, 32, 3, 7605.1, 512.0, slow)),
    )
    nb.md(
        "## 결과\n두 실험의 시간이 7603초와 7605초로 거의 같고 정확도도 0.9037, 0.9035로 비슷했다. 기대와 다르게 빨라지지 않았다."
    )
    return """
[no_run]
r1 = "PASS"
r2 = "PASS"
r3 = ["PARTIAL", "UNDECIDED"]
bucketing = "no-op"
best_accuracy = 0.9037
findings = ["stale-output"]
[run]
r1 = "PASS"
r2 = "PASS"
r3 = ["PARTIAL", "UNDECIDED"]
findings = ["stale-output"]
ending = "completed"
"""


CASES = (correct, pads_to_max, dynamic_only, own_length_sampler, own_torch_loop, no_bucketing, stale_output)
