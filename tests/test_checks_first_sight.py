"""What notebooks written without a look at the grader got wrong at first sight, one small case each."""

# ruff: noqa: E501

import pytest

from grader import pipeline, rubric
from grader.recorded import read
from grader.records import Cell, Output, Submission
from tests.corpus.stored import display, error, evaluate, stream, train_output
from tests.test_checks_styles import (
    COLLATOR,
    FRESH,
    GROUP,
    MAPPED,
    MAX_COLLATOR,
    NO_GAIN,
    PLAIN,
    SAME,
    a_run,
    judge,
    outputs,
    trainer,
)

FAST = a_run(22.6, 2600, 0.9034)
BOTH = [
    (MAPPED, []),
    (trainer("padded"), outputs(PLAIN, True)),
    (FRESH + trainer("free", GROUP, COLLATOR), outputs(FAST, True)),
]


def verdict(tmp_path, cells):
    """The verdict on item 3."""
    judge(tmp_path, cells)  # leaves the notebook behind
    return pipeline.check(tmp_path / "a.ipynb", None, rubric.load())[1].items[2]


# ------------------------------------------------------------------ words


@pytest.mark.parametrize(
    "text",
    [
        "시간 2.9배 단축(7600→2600초), 정확도 차이 0.0006. 패딩 토큰이 없어지면 이렇게 빨라진다.",
        "훈련시간 1/3로 감소, 정확도 0.1% 하락",
        "확실히 쾌적해졌다. 학습 시간이 반토막 났고 성능은 동등한 수준.",
        "The second run was about 2.9 times faster, and accuracy hardly changed.",
    ],
)
def test_text_below_both_runs_interprets_them_without_naming_bucketing(tmp_path, text):
    assert judge(tmp_path, [*BOTH, text]) == ("effective", "both", "PASS")
    # The same words above the runs, or below another training, speak of something else.
    assert judge(tmp_path, [text, *BOTH])[2] == "PARTIAL"
    third = (FRESH + trainer("padded", "seed=7"), outputs(PLAIN, True))
    assert judge(tmp_path, [*BOTH, third, text])[2] == "PARTIAL"


def test_text_that_cannot_be_made_out_is_for_a_person(tmp_path):
    found = verdict(tmp_path, [*BOTH, "후자가 전자보다 시간 측면에서 월등한 것은 자명했다."])
    assert (found.status, found.points) == ("UNDECIDED", None)
    assert "셀 7" in found.person.ko


@pytest.mark.parametrize(
    "text",
    [
        "허깅페이스를 처음 써 봤는데 편했다. OOM이 나서 배치를 줄였다.",
        "시간이 오래 걸려서 epoch을 3에서 1로 줄였다. 정확도 90%를 넘겨서 다행이다.",
        "데이터를 3만개로 줄이니 학습 시간이 2시간에서 20분으로 줄었다.",
    ],
)
def test_other_words_below_the_runs_interpret_nothing(tmp_path, text):
    assert judge(tmp_path, [*BOTH, text]) == ("effective", "both", "PARTIAL")


def test_reaching_the_goal_is_no_comparison(tmp_path):
    text = "bucketing을 적용하여 90%가 넘는 성능을 확인하였다."
    assert judge(tmp_path, [*BOTH, text]) == ("effective", "both", "PARTIAL")


# ------------------------------------------------------------------ what was tried


def test_rows_sorted_by_a_column_made_from_lengths_are_an_attempt(tmp_path):
    counted = """def mark(b):
    out = tok(b['document'], truncation=True, padding='max_length', max_length=128)
    out['bucket'] = [sum(m) // 16 for m in out['attention_mask']]
    return out
padded = ds.map(mark, batched=True)
padded['train'] = padded['train'].sort('bucket')"""
    by_label = counted.replace("sort('bucket')", "sort('label')")
    for made, wanted in ((counted, "no-op"), (by_label, "absent")):
        cells = [
            (MAPPED, []),
            (trainer("padded"), outputs(PLAIN, True)),
            (made, []),
            (FRESH + trainer("padded"), outputs(SAME, True)),
            NO_GAIN,
        ]
        assert judge(tmp_path, cells)[0] == wanted


def test_several_fixed_widths_in_one_cell_are_not_called_no_bucketing(tmp_path):
    # Buckets of the student's own: read as a plain run each, so a person has to look.
    code = "for width in widths:\n    " + trainer("parts[width]").replace("\n", "\n    ")
    runs = [o for width in (16, 128) for o in outputs(a_run(width, 900, 0.9), True)]
    told = "버킷별로 나누어 학습하니 7600초에서 1800초로 줄었고 정확도는 0.904에서 0.9로 조금 낮아졌다."
    cells = [(MAPPED, []), (trainer("padded"), outputs(PLAIN, True)), (code, runs), told]
    assert judge(tmp_path, cells)[::2] == ("unknown", "UNDECIDED")


def test_a_run_that_was_stopped_is_said_to_have_been_stopped(tmp_path):
    bar = "<div><progress value='2812' max='14064'></progress>\n[ 2812/14064 08:40 < 34:40, 5.41 it/s, Epoch 0.60/3]</div>"
    stopped = [display(bar)]
    cells = [
        *BOTH[:2],
        (
            FRESH + trainer("free", GROUP, COLLATOR),
            [*stopped, error("KeyboardInterrupt", "", "trainer.train()")],
        ),
    ]
    found = verdict(tmp_path, cells)
    assert "20 %쯤에서 멈춰" in found.actual.ko


# ------------------------------------------------------------------ the next step fits the code


def test_next_step_uses_the_unpadded_rows_that_are_there(tmp_path):
    apart = MAPPED.split("\n")
    cells = [
        ("\n".join((apart[0], apart[2])), []),
        (trainer("padded"), outputs(PLAIN, True)),
        ("\n".join((apart[1], apart[3])), []),
        (FRESH + trainer("padded", GROUP, COLLATOR), outputs(SAME, True)),
        NO_GAIN,
    ]
    step = verdict(tmp_path, cells).next_step
    assert "셀 6에서 패딩 없이" in step.ko and "train_dataset" in step.ko


def test_next_step_frees_the_collator_that_pads(tmp_path):
    cells = [*BOTH[:2], (FRESH + trainer("free", GROUP, MAX_COLLATOR), outputs(SAME, True)), NO_GAIN]
    found = verdict(tmp_path, cells)
    assert "collator" in found.actual.ko and "셀 6의 collator에서" in found.next_step.ko


def test_next_step_names_the_argument_as_written_and_what_is_lacking(tmp_path):
    whole = "whole = ds.map(lambda b: tok(b['document'], truncation=True, padding=True), batched=True, batch_size=None)"
    cells = [
        *BOTH[:2],
        (whole, []),
        (FRESH + trainer("whole", GROUP), outputs(a_run(142, 8300, 0.9036), True)),
        NO_GAIN,
    ]
    step = verdict(tmp_path, cells).next_step.ko
    assert "`padding=True` 인자를 빼고" in step
    assert "DataCollatorWithPadding" in step and "group_by_length" not in step


# ------------------------------------------------------------------ stored numbers


def shown(source: str, text: str, *before: str) -> list[float]:
    cells = [Cell(index=i, kind="code", source=s, execution_count=1) for i, s in enumerate(before)]
    out = (Output(kind="stream", name="stdout", text=text),)
    cells.append(Cell(index=len(cells), kind="code", source=source, execution_count=2, outputs=out))
    found = read(Submission(name="x.ipynb", sha256="", cells=tuple(cells)))
    return [e.accuracy for e in found.evaluations] + [e.accuracy for r in found.runs for e in r.evaluations]


PRINTS = """def run(name):
    trainer.train()
    res = trainer.evaluate()
    print(name, {shown})"""


@pytest.mark.parametrize(
    ("expression", "line", "wanted"),
    [
        ('res["eval_accuracy"]', "baseline 0.9046", [0.9046]),
        ('f"{res[\'eval_accuracy\']:.4f}", "완료"', "baseline 0.9046 완료", [0.9046]),
        ('"끝 %.4f" % (hits / n)', "baseline 끝 0.9046", []),
        ('res["eval_loss"]', "baseline 0.9046", []),
        ('"0.9046"', "baseline 0.9046", []),
    ],
)
def test_a_printed_number_is_what_its_print_shows(expression, line, wanted):
    assert shown("run('baseline')", line, PRINTS.format(shown=expression)) == wanted


def test_a_share_of_hits_is_an_accuracy():
    code = """def score(loader):
    hits = n = 0
    for x, y in loader:
        hits += (model(x).argmax(1) == y).sum().item(); n += len(y)
    print('결과:', round(hits / n, 4))"""
    assert shown("score(val)", "결과: 0.9046", code) == [0.9046]
    assert shown("score(val)", "결과: 0.9046", code.replace("==", "+")) == []


KERAS = "4688/4688 [==============================] - 2410s 511ms/step - loss: 0.2831 - accuracy: 0.8790"


def test_a_keras_fit_of_one_epoch_has_no_header():
    whole = KERAS + " - val_loss: 0.2421 - val_accuracy: 0.9007"
    assert shown("build().fit(base, validation_data=val, epochs=1)", whole) == [0.9007]
    assert shown("model.fit(base)", KERAS) == []  # the rows trained on
    assert shown("model.evaluate(val)", KERAS) == [0.879]


def test_a_training_time_beside_an_accuracy_is_a_run():
    out = (Output(kind="stream", name="stdout", text="train time: 2710.4 sec, test accuracy: 0.9013\n"),)
    cell = Cell(index=0, kind="code", source="go()", execution_count=1, outputs=out)
    (run,) = read(Submission(name="x.ipynb", sha256="", cells=(cell,))).runs
    assert (run.seconds, run.evaluations[0].accuracy) == (2710.4, 0.9013)


def test_rows_per_second_of_max_steps_are_of_the_steps():
    # 6,000 steps of 32 rows, 1.32 epochs of 145,000 rows: Trainer shows 'Epoch 1.32/2'.
    flos = 6.0 * 85_648_130 * 128 * 6000 * 32
    text = (
        "TrainOutput(global_step=6000, training_loss=0.25, metrics={'train_runtime': 2411.3, "
        "'train_samples_per_second': 79.625, 'train_steps_per_second': 2.488, "
        f"'total_flos': {flos!r}, 'train_loss': 0.25, 'epoch': 1.32}})"
    )
    bar = "<div><progress value='6000' max='6000'></progress>\n[6000/6000 40:11, Epoch 1.32/2]</div>"
    out = (Output(kind="display", html=bar), Output(kind="result", text=text))
    cell = Cell(index=0, kind="code", source="trainer.train()", execution_count=1, outputs=out)
    (run,) = read(Submission(name="x.ipynb", sha256="", cells=(cell,))).runs
    assert (run.batch_size, run.tokens_per_row) == (32, 128.0)


# ------------------------------------------------------------------ no false sentence


def text_of(tmp_path, cells) -> str:
    """Everything the review says, in Korean."""
    judge(tmp_path, cells)
    judgement = pipeline.check(tmp_path / "a.ipynb", None, rubric.load())[1]
    said = [*judgement.items, *judgement.questions]
    parts = [t.ko for v in said for t in (v.actual, v.reason, v.next_step, v.praise) if t is not None]
    return "\n".join([*parts, *(q.ko for v in said for q in v.questions)])


def test_the_review_says_one_thing_of_an_interpretation(tmp_path):
    told = "## 회고\n7600초에서 2600초로 줄었고 정확도는 0.904, 0.9034로 비슷해서 좋았다."
    said = text_of(tmp_path, [*BOTH, told])
    assert "결과를 해석한 글: 셀 7" in said and "해석한 글은 찾지 못" not in said


def test_what_is_said_of_a_length_after_training_is_no_reason_for_it(tmp_path):
    said = text_of(tmp_path, [*BOTH, "버킷팅으로 7600초가 2600초가 됐다. 길이를 128로 맞추는 건 낭비였다."])
    assert "근거로 삼을 수" not in said and "`max_length=128` 값은 고른 근거가 적혀 있지 않습니다" in said


def test_a_function_used_at_once_in_a_loop_is_no_hazard(tmp_path):
    loop = "parts = [ds['train'].filter(lambda r: r['n'] > low) for low in (0, 16)]"
    late = "later = [lambda: low for low in (0, 16)]"
    assert "반복 변수" not in text_of(tmp_path, [(loop, [])])
    assert "반복 변수" in text_of(tmp_path, [(late, [])])


def test_durations_that_read_alike_are_told_in_seconds(tmp_path):
    cells = [*BOTH[:2], (FRESH + trainer("padded", GROUP, COLLATOR), outputs(SAME, True)), NO_GAIN]
    assert "7,600초 → 7,610초" in verdict(tmp_path, cells).actual.ko


# ------------------------------------------------------------------ round three


def test_a_loop_that_takes_its_own_time_and_prints_one_line_is_a_run(tmp_path):
    code = """def loop(how):
    t = time.perf_counter()
    for b in loader(how):
        model(**b).loss.backward(); opt.step()
    t = time.perf_counter() - t
    print(f"{how}: {t:.1f} s, acc {s:.4f}")"""
    out = (Output(kind="stream", name="stdout", text="longest: 301.7 s, acc 0.9015\n"),)
    cells = (
        Cell(index=0, kind="code", source=code, execution_count=1),
        Cell(index=1, kind="code", source="loop('longest')", execution_count=2, outputs=out),
    )
    (run,) = read(Submission(name="x.ipynb", sha256="", cells=cells)).runs
    assert (run.seconds, run.evaluations[0].accuracy) == (301.7, 0.9015)
    # The time of what doesn't train is none of a training.
    only = Cell(index=0, kind="code", source=code.replace(".loss.backward()", ""), execution_count=1)
    assert not read(Submission(name="x.ipynb", sha256="", cells=(only, cells[1]))).runs


def test_two_durations_below_both_runs_are_the_two_runs(tmp_path):
    text = "The static version needed 40 minutes, the other one 21.5 minutes. Accuracy is the same (0.904 / 0.903)."
    assert judge(tmp_path, [*BOTH, text])[2] == "PASS"


def test_an_evaluation_below_a_training_whose_output_is_gone_shows_that_it_works(tmp_path):
    cells = [
        (MAPPED, []),
        (trainer("padded"), []),
        ("trainer.evaluate()", [lambda n: evaluate(n, 0.25, 0.904, 50000, 60.0, 3.0)]),
    ]
    judge(tmp_path, cells)
    items = pipeline.check(tmp_path / "a.ipynb", None, rubric.load())[1].items
    assert [str(v.status) for v in items[:2]] == ["PASS", "PASS"]


RECTANGLE = """def to_batch(rows, width=None):
    width = width or max(len(r[0]) for r in rows)
    x = torch.zeros(len(rows), width, dtype=torch.long)
    return x, torch.tensor([r[1] for r in rows])
class Texts(torch.utils.data.Dataset):
    def __init__(self, split):
        self.ids = tok(split['document'], truncation=True, max_length=128)['input_ids']; self.y = split['label']
    def __len__(self): return len(self.ids)
    def __getitem__(self, i): return self.ids[i], self.y[i]
class Buckets:
    def __init__(self, data): self.data = data
    def __iter__(self):
        order = sorted(range(len(self.data)), key=lambda i: len(self.data[i][0]))
        for at in range(0, len(order), 32):
            yield to_batch([self.data[i] for i in order[at:at + 32]]WIDTH)
def fit(batches):
    model = AutoModelForSequenceClassification.from_pretrained('klue/bert-base')
    for x, y in batches:
        model(x, labels=y).loss.backward()
data = Texts(ds['train'])"""


@pytest.mark.parametrize(("width", "wanted"), [("", "effective"), (", 128", "no-op")])
def test_an_iterator_of_batches_pads_as_the_function_that_makes_them(tmp_path, width, wanted):
    done = [
        [stream(f"epoch 1 loss 0.31 val acc {a} {t:.1f}s\n")] for a, t in ((0.904, 811.0), (0.903, 800.0))
    ]
    fixed = "fit(DataLoader(data, batch_size=32, shuffle=True, collate_fn=lambda r: to_batch(r, 128)))"
    cells = [(RECTANGLE.replace("WIDTH", width), []), (fixed, done[0]), ("fit(Buckets(data))", done[1])]
    assert judge(tmp_path, cells)[0] == wanted


def test_times_counted_from_the_start_are_not_added_up():
    def seconds(*told):
        text = "".join(
            f"epoch {i} | loss 0.2 | val acc 0.90{i} | {t}s\n" for i, t in enumerate(told, start=1)
        )
        out = (Output(kind="stream", name="stdout", text=text),)
        cell = Cell(index=0, kind="code", source="fit()", execution_count=1, outputs=out)
        (run,) = read(Submission(name="x.ipynb", sha256="", cells=(cell,))).runs
        return run.seconds

    assert seconds(991.2, 1983.0, 2970.0) == 2970.0
    assert seconds(991.2, 989.0, 995.0) == pytest.approx(2975.2)


def test_a_run_that_learned_nothing_is_not_the_baseline(tmp_path):
    stuck, three = a_run(128, 7590, 0.502), a_run(128, 7600, 0.904)
    cells = [
        (MAPPED, []),
        (trainer("padded", "warmup_steps=0"), outputs(stuck, True)),
        (FRESH + trainer("padded", "seed=1"), outputs(three, True)),
        (FRESH + trainer("free", GROUP, COLLATOR), outputs(FAST, True)),
    ]
    assert "0.9040 → 0.9034" in verdict(tmp_path, cells).actual.ko


def test_map_batches_are_told_by_their_size(tmp_path):
    small = (
        "b = ds.map(lambda x: tok(x['document'], padding=True, truncation=True), batched=True, batch_size=32)"
    )
    cells = [
        *BOTH[:2],
        (small, []),
        (FRESH + trainer("b", GROUP, COLLATOR), outputs(a_run(58.9, 3500, 0.9), True)),
    ]
    judge(tmp_path, cells)
    found = pipeline.check(tmp_path / "a.ipynb", None, rubric.load())[1].findings
    assert any("32행 가운데" in f.text.ko for f in found)


def test_a_baseline_whose_output_is_gone_is_to_be_run_again_not_written_again(tmp_path):
    cells = [
        (MAPPED, []),
        (trainer("padded"), []),
        BOTH[2],
        "버킷팅으로 7600초에서 2600초로 줄었고 정확도는 같았다.",
    ]
    step = verdict(tmp_path, cells).next_step.ko
    assert "셀 5, 6의 학습을 출력이 남도록" in step


def test_accuracies_shown_together_below_their_runs_are_those_of_the_runs(tmp_path):
    timed = "s = time.time()\n{}\nspent = time.time() - s"
    bare = display(
        "<div><progress value='14064' max='14064'></progress>\n[14064/14064 43:20, Epoch 3/3]</div>"
    )
    first = timed.format(trainer("padded")), [bare]
    second = timed.format(FRESH + trainer("free", GROUP, COLLATOR)), [bare]
    both = "print(f'A: {x:.0f}초 / 정확도 {a:.4f}')\nprint(f'B: {y:.0f}초 / 정확도 {b:.4f}')"
    lines = [stream("A: 7600초 / 정확도 0.9040\n"), stream("B: 2600초 / 정확도 0.9034\n")]
    cells = [(MAPPED, []), first, second, (both, lines)]
    assert judge(tmp_path, cells)[1] == "both"
    assert judge(tmp_path, [*cells[:3], (both, lines[:1])])[1] == "one"


def test_next_step_asks_for_the_accuracy_where_only_that_is_lacking(tmp_path):
    def bare(data, more=""):
        return f"t = Trainer(model, args({more}), train_dataset={data}['train'], eval_dataset={data}['test'], data_collator=c)\nt.train()"

    def timed(run):
        return [display("<div><progress value='14064' max='14064'></progress>\n[14064/14064 43:20, Epoch 3/3]</div>"),
                lambda n: train_output(run, n)]  # fmt: skip

    cells = [
        (MAPPED + "\nc = DataCollatorWithPadding(tok)", []),
        (bare("padded"), timed(PLAIN)),
        (FRESH + bare("free", GROUP), timed(FAST)),
        "버킷팅으로 7600초에서 2600초로 줄었다. 불필요한 패딩이 빠졌기 때문이다.",
    ]
    step = verdict(tmp_path, cells).next_step.ko
    assert "셀 5, 6의 학습에 `compute_metrics`를 넣어" in step


def test_next_step_does_not_trust_a_collator_that_never_saw_two_lengths(tmp_path):
    own = """def stack(rows):
    longest = max(len(r['input_ids']) for r in rows)
    return {k: torch.stack([torch.tensor(r[k])[:longest] for r in rows]) for k in ('input_ids', 'attention_mask')}"""
    cells = [
        *BOTH[:2],
        (own, []),
        (FRESH + trainer("padded", GROUP, ", data_collator=stack"), outputs(SAME, True)),
        NO_GAIN,
    ]
    assert "DataCollatorWithPadding(tok)" in verdict(tmp_path, cells).next_step.ko
