"""The recorded witness on outputs written here in the formats that the libraries really store."""

# Stored outputs have the lines they have.
# ruff: noqa: E501

import pytest

from grader.facts import Kind
from grader.recorded import printed, read
from grader.records import Cell, Ending, Output, Start, Submission

PARAMETERS = 85_648_130


def stream(text, name="stdout"):
    return Output(kind="stream", name=name, text=text)


def result(text, html=""):
    return Output(kind="result", text=text, html=html)


def error(name, value=""):
    return Output(kind="error", name=name, text=value)


def bar(value, total, epochs, *, shown=None, elapsed="10:00", left="", rate="", header=(), rows=(), inner=""):
    """A Trainer's display as transformers.utils.notebook writes it."""
    label = f"[{value:>{len(str(total))}}/{total} {elapsed}" + (f" < {left}, {rate} it/s" if left else "")
    shown = shown if shown is not None else f"{epochs * value / total:g}"
    html = (
        f"\n    <div>\n      \n      <progress value='{value}' max='{total}' style='width:300px; height:20px; "
        f"vertical-align: middle;'></progress>\n      {label}, Epoch {shown}/{epochs}]\n    </div>\n    "
    )
    html += '<table border="1" class="dataframe">\n  <thead>\n <tr style="text-align: left;">\n'
    html += "".join(f"      <th>{name}</th>\n" for name in header) + "    </tr>\n  </thead>\n  <tbody>\n"
    for row in rows:
        html += "    <tr>\n" + "".join(f"      <td>{cell}</td>\n" for cell in row) + "    </tr>\n"
    html += "  </tbody>\n</table><p>" + inner
    return Output(kind="display", text="<IPython.core.display.HTML object>", html=html)


def child_bar(value, total):
    return (
        f"\n    <div>\n      \n      <progress value='{value}' max='{total}' style='width:300px; height:20px; "
        f"vertical-align: middle;'></progress>\n      [{value}/{total} 00:31 < 01:10, 7.10 it/s]\n    </div>\n    "
    )


def train_output(steps, runtime, rows, epochs, planned_epochs, planned_steps, tokens, loss=0.2101):
    """TrainOutput as the Trainer computes it: speeds on planned work, operations on real work."""
    flos = 6.0 * PARAMETERS * tokens * rows * epochs
    return (
        f"TrainOutput(global_step={steps}, training_loss={loss}, metrics={{'train_runtime': {runtime}, "
        f"'train_samples_per_second': {rows * planned_epochs / runtime:.3f}, "
        f"'train_steps_per_second': {planned_steps / runtime:.3f}, 'total_flos': {flos!r}, "
        f"'train_loss': {loss}, 'epoch': {float(epochs)}}})"
    )


def running(rows, epochs, batch, steps):
    return stream(
        "***** Running training *****\n"
        f"  Num examples = {rows}\n  Num Epochs = {epochs}\n  Instantaneous batch size per device = {batch}\n"
        f"  Total train batch size (w. parallel, distributed & accumulation) = {batch}\n"
        f"  Gradient Accumulation steps = 1\n  Total optimization steps = {steps}\n",
        "stderr",
    )


HEADER = ("Epoch", "Training Loss", "Validation Loss", "Accuracy")


def rows_of(*accuracies):
    return [(i + 1, f"0.{300 - 50 * i}000", "0.261200", f"{a:.6f}") for i, a in enumerate(accuracies)]


def recorded_of(*cells, sources=()):
    """Testimony on code cells that have these outputs; a cell is a list of outputs."""
    made = [
        Cell(
            index=i,
            kind="code",
            source=sources[i] if i < len(sources) else "run()",
            execution_count=i + 1,
            outputs=tuple(outputs),
        )
        for i, outputs in enumerate(cells)
    ]
    return read(Submission(name="x.ipynb", sha256="", cells=tuple(made)))


def kinds(testimony, kind):
    return [observation for observation in testimony.observations if observation.kind == kind]


# ---------------------------------------------------------------- Trainer


def test_completed_run():
    (run,) = recorded_of(
        [
            running(120000, 3, 32, 11250),
            bar(11250, 11250, 3, elapsed="45:10", header=HEADER, rows=rows_of(0.8951, 0.9013, 0.9027)),
            result(train_output(11250, 2711.5, 120000, 3, 3, 11250, 128)),
        ]
    ).runs
    assert (run.kind, run.executed, run.ending) == ("trainer", True, Ending.COMPLETED)
    assert (run.rows, run.batch_size, run.steps, run.steps_planned) == (120000, 32, 11250, 11250)
    assert (run.epochs, run.epochs_planned, run.tokens_per_row) == (3.0, 3, 128.0)
    assert run.seconds == 2711.5
    assert run.examples_per_second == pytest.approx(120000 * 3 / 2711.5, rel=1e-4)
    assert [e.accuracy for e in run.evaluations] == [0.8951, 0.9013, 0.9027]
    assert [e.epoch for e in run.evaluations] == [1, 2, 3] and run.evaluations[0].split == "unknown"
    assert run.losses == (0.3, 0.25, 0.2)


@pytest.mark.parametrize("tokens", [32, 40, 55, 60, 64, 81, 128, 192, 512])
@pytest.mark.parametrize(("rows", "batch"), [(150000, 16), (116945, 32), (12500, 8), (98243, 14)])
def test_padded_length_comes_out_exactly_without_any_log(tokens, rows, batch):
    """transformers 4.5x print no 'Num examples': rows come from the planned speed."""
    steps = 3 * -(-rows // batch)
    runtime = rows * 3 / 47.3
    (run,) = recorded_of(
        [bar(steps, steps, 3), result(train_output(steps, runtime, rows, 3, 3, steps, tokens))]
    ).runs
    assert run.rows == pytest.approx(rows, rel=2e-5)
    assert run.batch_size == batch
    assert run.tokens_per_row == pytest.approx(tokens, rel=1e-3) and round(run.tokens_per_row) == tokens


def test_early_stop_divides_by_epochs_really_run():
    (run,) = recorded_of(
        [
            bar(
                7310,
                18275,
                5,
                elapsed="1:25:59",
                left="2:09:01",
                rate="1.42",
                header=HEADER,
                rows=rows_of(0.9, 0.9),
            ),
            result(train_output(7310, 5160.0, 116945, 2, 5, 18275, 128)),
        ]
    ).runs
    assert run.ending is Ending.EARLY_STOPPED
    assert (run.epochs, run.epochs_planned, run.steps_planned) == (2.0, 5, 18275)
    assert run.rows == pytest.approx(116945, abs=8)
    assert run.tokens_per_row == pytest.approx(128, rel=1e-3)
    assert run.examples_per_second == pytest.approx(116945 * 2 / 5160, rel=1e-3)  # not the planned 113.3


def test_early_stop_without_a_bar():
    (run,) = recorded_of([result(train_output(4000, 1000.0, 64000, 2.0, 5, 10000, 24.0))]).runs
    assert run.ending is Ending.EARLY_STOPPED
    assert run.steps_planned == 10000 and run.epochs_planned == 5
    assert run.tokens_per_row == pytest.approx(24.0, rel=1e-3)


def test_row_count_seen_elsewhere_is_taken_exactly():
    shape = stream(
        "DatasetDict({\n    train: Dataset({\n        features: ['document', 'label'],\n        num_rows: 116945\n"
        "    })\n    test: Dataset({\n        features: ['document', 'label'],\n        num_rows: 49157\n    })\n})\n"
    )
    testimony = recorded_of(
        [shape], [bar(3655, 3655, 1), result(train_output(3655, 11000.7, 116945, 1, 1, 3655, 64))]
    )
    assert testimony.runs[0].rows == 116945 and testimony.runs[0].tokens_per_row == 64.0
    (seen,) = kinds(testimony, Kind.DATA_SHAPE)
    assert seen.value == {"rows": {"train": 116945, "test": 49157}}


def test_interrupted_run_has_what_the_bar_says():
    (run,) = recorded_of(
        [
            running(120000, 3, 16, 22500),
            bar(
                14703,
                22500,
                3,
                shown="1.96",
                elapsed="1:38:19",
                left="52:08",
                rate="2.49",
                header=HEADER,
                rows=rows_of(0.900467),
            ),
            error("KeyboardInterrupt"),
        ]
    ).runs
    assert run.ending is Ending.INTERRUPTED
    assert run.epochs == pytest.approx(1.9604, abs=1e-4) and run.seconds == 5899
    assert run.tokens_per_row is None and run.evaluations[0].accuracy == 0.900467


def test_interrupted_in_the_last_evaluation():
    (run,) = recorded_of(
        [bar(18750, 18750, 2, header=HEADER, rows=rows_of(0.893), inner=child_bar(233, 782))]
    ).runs
    assert run.ending is Ending.INTERRUPTED and run.steps == 18750


def test_out_of_memory_is_a_cell_error():
    testimony = recorded_of(
        [
            bar(3, 4689, 3, shown="0.00"),
            error("OutOfMemoryError", "CUDA out of memory. Tried to allocate 20 MiB"),
        ]
    )
    assert testimony.runs[0].ending is Ending.CELL_ERROR
    assert kinds(testimony, Kind.WARNING)[0].value["category"] == "memory"


def test_error_after_training_leaves_the_run_completed():
    (run,) = recorded_of(
        [bar(900, 900, 3, header=HEADER, rows=rows_of(0.88)), error("NameError", "plot")]
    ).runs
    assert run.ending is Ending.COMPLETED


def test_max_steps_shows_the_real_epoch():
    """max_steps=1000 of 9375 steps an epoch: the bar reads Epoch 0.11/1 although it is full."""
    (run,) = recorded_of([bar(1000, 1000, 1, shown="0.11", header=HEADER)]).runs
    assert run.epochs == 0.11


def test_floored_epochs_of_gradient_accumulation():
    rows = [(i, "0.1", "0.5", "0.87") for i in range(5)]
    (run,) = recorded_of(
        [running(15000, 5, 16, 4685), bar(4685, 4685, 5, shown="4", header=HEADER, rows=rows)]
    ).runs
    assert run.epochs == 5.0 and [e.epoch for e in run.evaluations] == [1, 2, 3, 4, 5]


def test_two_runs_in_one_cell():
    testimony = recorded_of(
        [
            running(1000, 1, 10, 100),
            bar(100, 100, 1, header=HEADER, rows=rows_of(0.81)),
            running(1000, 1, 10, 100),
            bar(100, 100, 1, header=HEADER, rows=rows_of(0.82)),
            result(train_output(100, 33.0, 1000, 1, 1, 100, 22.5)),
        ]
    )
    first, second = testimony.runs
    assert (first.order, second.order) == (0, 1)
    assert first.total_flos is None and second.tokens_per_row == pytest.approx(22.5, rel=1e-3)


def test_a_redrawn_bar_is_one_run():
    (run,) = recorded_of(
        [
            bar(221, 4688, 8, shown="0.38", elapsed="03:55", left="1:20:11", rate="0.93"),
            bar(756, 4688, 8, shown="1.29", elapsed="17:29", left="1:31:11", rate="0.72", header=HEADER),
            error("KeyboardInterrupt"),
        ]
    ).runs
    assert run.steps == 756


def test_nested_accuracy_dict_in_the_table():
    rows = [(1, "0.283200", "0.262883", "{'accuracy': 0.8954065054554161}")]
    (run,) = recorded_of([bar(10, 10, 1, header=HEADER, rows=rows)]).runs
    assert run.evaluations[0].accuracy == pytest.approx(0.8954065, abs=1e-7)


def test_step_tables():
    header = ("Step", "Training Loss", "Validation Loss", "Accuracy")
    rows = [(500, "No log", "0.31", "0.870000"), (1000, "0.301200", "0.29", "0.881200")]
    (run,) = recorded_of([running(32000, 1, 16, 2000), bar(2000, 2000, 1, header=header, rows=rows)]).runs
    assert [(e.step, e.epoch) for e in run.evaluations] == [(500, 0.25), (1000, 0.5)]
    assert run.losses == (0.3012,)


def test_lora_parameters_are_counted_where_peft_printed_them():
    flos = 6 * (PARAMETERS + 296_450) * 192 * 150000 * 10
    output = (
        "TrainOutput(global_step=5860, training_loss=0.25, metrics={'train_runtime': 8137.5765, "
        f"'train_samples_per_second': {1.5e6 / 8137.5765:.3f}, 'train_steps_per_second': 0.72, "
        f"'total_flos': {float(flos)}, 'train_loss': 0.25, 'epoch': 10.0}})"
    )
    peft = stream("trainable params: 296,450 || all params: 110,915,332 || trainable%: 0.2673\n")
    testimony = recorded_of([peft], [running(150000, 10, 256, 5860), result(output)])
    assert testimony.runs[0].tokens_per_row == 192.0


def test_a_large_model_is_not_guessed():
    loaded = stream(
        "Some weights of RobertaForSequenceClassification were not initialized from the model checkpoint at "
        "klue/roberta-large and are newly initialized: ['classifier.dense.bias']\n",
        "stderr",
    )
    (run,) = recorded_of(
        [loaded, running(100, 1, 10, 10), result(train_output(10, 9.0, 100, 1, 1, 10, 64))]
    ).runs
    assert run.tokens_per_row is None and run.total_flos and run.start is Start.PRETRAINED


def test_train_output_shown_in_a_later_cell_joins_its_run():
    testimony = recorded_of(
        [bar(300, 300, 3, header=HEADER, rows=rows_of(0.85)), stream("done\n")],
        [result(train_output(300, 100.0, 1600, 3, 3, 300, 21.0))],
    )
    (run,) = testimony.runs
    assert run.cell == 0 and run.tokens_per_row == pytest.approx(21, rel=2e-3)


def test_log_metrics_block():
    text = (
        "***** train metrics *****\n  epoch                    =        3.0\n"
        f"  total_flos               = {int(6 * PARAMETERS * 512 * 12500 * 3) >> 30}GF\n"
        "  train_loss               =     0.2573\n  train_runtime            = 1:04:56.23\n"
        "  train_samples            =      12500\n  train_samples_per_second =      9.625\n"
        "  train_steps_per_second   =      1.203\n"
    )
    (run,) = recorded_of([bar(4689, 4689, 3), stream(text)]).runs
    assert run.seconds == pytest.approx(3896.23) and run.rows == 12500
    assert run.tokens_per_row == pytest.approx(512, rel=1e-4)


def test_plain_terminal_logs():
    """The Trainer outside a notebook front end; transformers 5 writes the numbers as strings."""
    text = (
        "{'loss': '0.3512', 'grad_norm': '4.2', 'learning_rate': '1.5e-05', 'epoch': '0.5'}\n"
        "{'eval_loss': '0.2712', 'eval_accuracy': '0.8931', 'eval_runtime': '30.5', "
        "'eval_samples_per_second': '983.6', 'epoch': '1'}\n"
        "{'train_runtime': '100', 'train_samples_per_second': '320', 'train_steps_per_second': '10', "
        "'train_loss': '0.33', 'epoch': '1'}\n"
    )
    progress = stream("100%|██████████| 1000/1000 [01:40<00:00, 10.00it/s]\n", "stderr")
    (run,) = recorded_of([stream(text), progress]).runs
    assert run.learning_rates == (1.5e-05,) and run.losses == (0.3512,)
    assert run.evaluations[0].accuracy == 0.8931 and run.evaluations[0].rows == 30000
    assert run.seconds == 100 and run.rows == 32000 and run.steps == 1000


def test_resumed_training_claims_no_speed():
    rows = [(3, "0.2324", "0.2959", "0.899160")]
    (run,) = recorded_of([bar(28125, 28125, 3, header=HEADER, rows=rows)]).runs
    assert run.start is Start.CHECKPOINT and run.examples_per_second is None


def test_wandb_summary():
    html = (
        "<h3>Run summary:</h3><br/><table class='wandb'><tr><td>eval/accuracy</td><td>0.90145</td></tr>"
        "<tr><td>total_flos</td><td>3.7e+15</td></tr><tr><td>train/global_step</td><td>11250</td></tr></table>"
    )
    testimony = recorded_of(
        [running(120000, 3, 32, 11250), bar(11250, 11250, 3)],
        [Output(kind="display", html=html, text="View run at https://wandb.ai/me/huggingface/runs/abc")],
    )
    (run,) = testimony.runs
    assert run.total_flos == 3.7e15 and 15 < run.tokens_per_row < 25
    assert testimony.evaluations[0].accuracy == 0.90145
    assert kinds(testimony, Kind.LINK)


# ---------------------------------------------------------------- evaluate


def test_evaluate_dict_with_rows_from_its_speed():
    text = (
        "{'eval_loss': 0.2515,\n 'eval_accuracy': {'accuracy': 0.9015603067721789},\n 'eval_runtime': 342.2997,\n"
        " 'eval_samples_per_second': 143.608,\n 'eval_steps_per_second': 4.49,\n 'epoch': 3.0}"
    )
    (evaluation,) = recorded_of([result(text)]).evaluations
    assert evaluation.accuracy == pytest.approx(0.9015603, abs=1e-7)
    assert evaluation.rows == 49157 and evaluation.seconds == 342.2997 and evaluation.epoch == 3.0
    assert evaluation.split == "unknown"


def test_evaluate_of_a_subset_says_its_rows():
    log = stream("***** Running Evaluation *****\n  Num examples = 2500\n  Batch size = 8\n", "stderr")
    (evaluation,) = recorded_of(
        [log, result("{'eval_loss': 0.7, 'eval_accuracy': 0.8848, 'epoch': 3.0}")]
    ).evaluations
    assert evaluation.rows == 2500


@pytest.mark.parametrize(
    "text",
    [
        "{'eval_loss': np.float64(0.3), 'eval_accuracy': np.float64(0.9021)}",
        "{'test_loss': nan, 'test_accuracy': tensor(0.9021, device='cuda:0')}",
        "PredictionOutput(predictions=array([[1.2, -0.3]]), metrics={'test_loss': 0.3, 'test_accuracy': 0.9021})",
        'result: {"eval_loss": 0.3, "eval_acc": "0.9021"}',
    ],
)
def test_spellings_of_metric_dicts(text):
    assert recorded_of([stream(text)]).evaluations[0].accuracy == pytest.approx(0.9021)


def test_trying_a_metric_is_no_evaluation():
    assert recorded_of([result("{'accuracy': 0.5}")]).evaluations == ()
    assert recorded_of([result("{'accuracy': 1.0}")]).evaluations == ()


def test_printed_repetition_is_not_a_second_evaluation():
    testimony = recorded_of(
        [bar(10, 10, 1, header=HEADER, rows=rows_of(0.90706)), stream("Final Accuracy: 0.9071\n")]
    )
    assert testimony.evaluations == ()
    assert kinds(testimony, Kind.PRINTED_METRIC)[0].value["value"] == 0.9071


# ---------------------------------------------------------------- typed, not measured


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('print("Accuracy: 0.9512")', "Accuracy: 0.9512\n"),
        ("acc = 0.9512\nprint(f'Accuracy: {acc}')", "Accuracy: 0.9512\n"),
        ("acc = 95.12\nprint(f'정확도: {acc}%')", "정확도: 95.12%\n"),
        (
            "print({'eval_accuracy': 0.9512, 'eval_loss': 0.2})",
            "{'eval_accuracy': 0.9512, 'eval_loss': 0.2}\n",
        ),
        (
            "for i, a in enumerate([0.8811, 0.9512]):\n    print(f'Epoch {i+1}/2 loss: 0.3 Accuracy: {a}')",
            "Epoch 1/2 loss: 0.3 Accuracy: 0.8811\nEpoch 2/2 loss: 0.3 Accuracy: 0.9512\n",
        ),
    ],
)
def test_typed_numbers_are_no_evaluations(source, text):
    testimony = recorded_of([stream(text)], sources=(source,))
    assert testimony.evaluations == () and not any(run.evaluations for run in testimony.runs)


def test_typed_in_an_earlier_cell():
    frame = "         Accuracy\nBaseline   0.9016\nBucket     0.8984\n"
    sources = ("r = [{'Accuracy': 0.9016}, {'Accuracy': 0.8984}]", "pd.DataFrame(r)")
    testimony = recorded_of([], [result(frame)], sources=sources)
    assert testimony.evaluations == ()
    assert all(o.value.get("typed") for o in kinds(testimony, Kind.PRINTED_METRIC))


def test_a_target_is_no_result():
    text = "정확도 90% 이상: 달성\ntarget accuracy: 0.90\n목표 정확도: 90.0%\n"
    assert recorded_of([stream(text)]).evaluations == ()


@pytest.mark.parametrize(
    ("line", "losses"),
    [
        ("두 손실의 손실차이=0.0830", []),
        ("손실차이 0.15 이하: 미달성", []),
        ("손실 차이: 0.2600", []),
        ("Loss gap: 0.1500", []),
        ("loss_gap=0.15", []),
        ("목표 손실: 0.15", []),
        ("손실 0.15 이하: 달성", []),
        ("train loss < 0.15: no", []),
        ("학습 손실: 0.0770", [0.077]),
        ("Train Loss: 0.0770, 손실차이=0.26", [0.077]),
        ("목표 정확도 0.9, train loss 0.21", [0.21]),
    ],
)
def test_a_difference_of_losses_or_a_threshold_is_no_loss(line, losses):
    assert [m.value for m in printed.metrics(line) if m.name == "loss"] == losses


def test_a_threshold_or_a_comment_in_the_code_does_not_make_a_result_typed():
    source = "# last time: 0.9043\nif acc >= 0.90: print('ok')\nprint(acc)"
    (evaluation,) = recorded_of([stream("test accuracy: 0.9043\n")], sources=(source,)).evaluations
    assert evaluation.accuracy == 0.9043 and evaluation.split == "test"


# ---------------------------------------------------------------- Keras


def keras_epoch(n, of, seconds, loss, acc, val_loss=None, val=None, steps=4688):
    text = f"Epoch {n}/{of}\n{steps}/{steps} [==============================] - {seconds}s 464ms/step - loss: {loss} "
    text += f"- accuracy: {acc}"
    return text + (f" - val_loss: {val_loss} - val_accuracy: {val}\n" if val is not None else "\n")


def test_keras_fit():
    text = keras_epoch(1, 2, 2357, 0.27, 0.8851, 0.244, 0.8985) + keras_epoch(
        2, 2, 2347, 0.18, 0.9282, 0.267, 0.9007
    )
    testimony = recorded_of([stream(text)])
    (run,) = testimony.runs
    assert (run.kind, run.ending, run.epochs, run.steps, run.seconds) == (
        "keras",
        Ending.COMPLETED,
        2.0,
        9376,
        4704,
    )
    assert [e.accuracy for e in run.evaluations] == [0.8985, 0.9007]
    assert testimony.evaluations == ()  # training accuracy is no evaluation


def test_keras_stopping_early_and_being_interrupted():
    one = keras_epoch(1, 5, 100, 0.3, 0.87, 0.3, 0.88)
    assert (
        recorded_of([stream(one + keras_epoch(2, 5, 99, 0.2, 0.9, 0.4, 0.87))]).runs[0].ending
        is Ending.EARLY_STOPPED
    )
    half = (
        "Epoch 2/5\n 812/4688 [====>.........................] - ETA: 29:01 - loss: 0.2111 - accuracy: 0.9100"
    )
    run = recorded_of([stream(one + half), error("KeyboardInterrupt")]).runs[0]
    assert run.ending is Ending.INTERRUPTED and run.epochs == pytest.approx(1.173, abs=0.001)


def test_keras_3_and_verbose_2():
    three = (
        "Epoch 1/1\n\x1b4688/4688 ━━━━━━━━━━━━━━━━━━━━ 2100s 445ms/step - accuracy: 0.8854 - loss: 0.2728 "
        "- val_accuracy: 0.9033 - val_loss: 0.2374\n"
    ).replace("\x1b", "")
    two = "Epoch 1/1\n4688/4688 - 2100s - loss: 0.2728 - accuracy: 0.8854 - val_loss: 0.2374 - val_accuracy: 0.9033\n"
    for text in (three, two):
        (run,) = recorded_of([stream(text)]).runs
        assert run.evaluations[0].accuracy == 0.9033 and run.seconds == 2100


def test_keras_evaluate():
    text = "1563/1563 [==============================] - 64s 41ms/step - loss: 0.2811 - accuracy: 0.8933\n"
    (evaluation,) = recorded_of([stream(text), result("[0.2811, 0.8933]")]).evaluations
    assert (evaluation.accuracy, evaluation.loss, evaluation.seconds) == (0.8933, 0.2811, 64)


# ---------------------------------------------------------------- loops by hand


def test_the_classic_torch_loop():
    text = ""
    for epoch, accuracy in ((1, 0.86), (2, 0.87)):
        text += (
            f"\n======== Epoch {epoch} / 2 ========\nTraining...\n  Batch   500  of  4,688.    Elapsed: 0:02:10.\n\n"
            f"  Average training loss: 0.3{epoch}\n  Training epcoh took: 0:20:30\n\nRunning Validation...\n"
            f"  Accuracy: {accuracy}\n  Validation took: 0:00:41\n"
        )
    (run,) = recorded_of([stream(text + "\nTraining complete!\n")]).runs
    assert run.kind == "torch-loop" and run.ending is Ending.COMPLETED
    assert (run.epochs, run.epochs_planned, run.seconds) == (2.0, 2.0, 2 * 1230)
    assert [(e.epoch, e.accuracy) for e in run.evaluations] == [(1, 0.86), (2, 0.87)]


def test_tqdm_loop_with_early_stop():
    outputs = [stream("배치 크기: 24\n훈련 샘플 수: 119996\n학습 시작\nEpoch 1/5\n")]
    for epoch, accuracy in ((1, 0.9019), (2, 0.9055)):
        outputs += [
            stream(
                "Training: 100%|██████████| 5000/5000 [24:26<00:00,  3.41it/s]\n"
                "Validation: 100%|██████████| 469/469 [02:11<00:00,  3.56it/s]\n",
                "stderr",
            ),
            stream(f"Train Loss: 0.2899, Val Loss: 0.2396, Accuracy: {accuracy}\n\nEpoch {epoch + 1}/5\n"),
        ]
    outputs[-1] = stream(
        "Train Loss: 0.1905, Val Loss: 0.2454, Accuracy: 0.9055\nEarly stopping at epoch 2\n훈련 시간: 53.3분\n"
    )
    (run,) = recorded_of(outputs).runs
    assert run.ending is Ending.EARLY_STOPPED and (run.rows, run.batch_size) == (119996, 24)
    assert (run.steps, run.epochs, run.epochs_planned) == (10000, 2.0, 5.0)
    assert run.seconds == pytest.approx(53.3 * 60)
    assert run.examples_per_second == pytest.approx(10000 * 24 / (2 * 1466), rel=1e-3)
    assert [e.accuracy for e in run.evaluations] == [0.9019, 0.9055]
    assert run.evaluations[0].loss == 0.2396


def test_two_loops_in_one_cell():
    text = ""
    for base in (0.88, 0.89):
        for epoch in (1, 2):
            text += f"[Epoch {epoch}/2] train loss: 0.31 | val acc: {base + epoch / 100:.4f} | time: 310.2s\n"
    first, second = recorded_of([stream(text)]).runs
    assert [e.accuracy for e in first.evaluations] == [0.89, 0.90]
    assert [e.accuracy for e in second.evaluations] == [0.90, 0.91]
    assert first.seconds == pytest.approx(620.4)


def test_korean_loop():
    text = (
        "에폭 1/2: 학습 손실 0.3121, 훈련 정확도 91.2%, 검증 정확도 89.4%\n"
        "에폭 2/2: 학습 손실 0.2011, 훈련 정확도 95.0%, 검증 정확도 90.2%\n총 학습 시간: 1시간 3분\n"
    )
    (run,) = recorded_of([stream(text)]).runs
    assert [e.accuracy for e in run.evaluations] == [0.894, 0.902]
    assert run.seconds == 3780 and run.losses == (0.3121, 0.2011)


def test_the_courses_own_accelerate_loop():
    """tqdm over all steps, and a metric dict after each epoch, counted from 0."""
    outputs = [stream(f"epoch {i}: {{'accuracy': {a}}}\n") for i, a in enumerate((0.8955, 0.9021))]
    progress = stream("100%|██████████| 9376/9376 [45:10<00:00,  3.46it/s]\n", "stderr")
    (run,) = recorded_of([*outputs, progress]).runs
    assert [(e.epoch, e.accuracy) for e in run.evaluations] == [(0, 0.8955), (1, 0.9021)]
    assert (run.epochs, run.steps, run.ending) == (2.0, 9376, Ending.COMPLETED)
    assert recorded_of([*outputs, progress]).evaluations == ()


def test_evaluating_behind_a_progress_bar_is_no_training():
    progress = stream("100%|██████████| 3125/3125 [02:10<00:00, 24.0it/s]\n", "stderr")
    text = "{'eval_loss': 0.3, 'eval_accuracy': 0.9021, 'eval_runtime': 130.0, 'epoch': 3.0}"
    testimony = recorded_of([progress, result(text)])
    assert testimony.runs == () and testimony.evaluations[0].accuracy == 0.9021


@pytest.mark.parametrize("sign", [": ", " = ", " "])
def test_metrics_printed_one_a_line(sign):
    text = f"train_runtime{sign}3072.16\ntrain_samples_per_second{sign}146.477\ntotal_flos{sign}1.7e+16\nepoch{sign}3.0\n"
    (run,) = recorded_of([bar(14064, 14064, 3), stream(text)]).runs
    assert run.seconds == 3072.16 and run.rows == 150000 and run.total_flos == 1.7e16


def test_progress_of_tokenising_is_no_training():
    text = "100%|██████████| 149995/149995 [00:41<00:00, 3612.44it/s]\n"
    download = "model.safetensors: 100%|██████████| 445M/445M [00:02<00:00, 158MB/s]\n"
    mapped = "Map: 100%|██████████| 150000/150000 [00:40<00:00, 4150.70 examples/s]\n"
    assert (
        recorded_of([stream(text, "stderr")], [stream(download, "stderr")], [stream(mapped, "stderr")]).runs
        == ()
    )


def test_classification_report():
    text = (
        "              precision    recall  f1-score   support\n\n           0     0.9012    0.8951    0.8981     24827\n"
        "    accuracy                         0.8993     50000\n"
    )
    (evaluation,) = recorded_of([stream(text)]).evaluations
    assert (evaluation.accuracy, evaluation.rows) == (0.8993, 50000)


def test_data_frame_of_measured_values():
    html = (
        "<table><thead><tr><th></th><th>model</th><th>eval_accuracy</th></tr></thead><tbody>"
        "<tr><th>0</th><td>baseline</td><td>0.90123</td></tr><tr><th>1</th><td>bucketing</td><td>0.90044</td></tr></tbody></table>"
    )
    testimony = recorded_of([result("df", html)])
    assert [e.accuracy for e in testimony.evaluations] == [0.90123, 0.90044]
    assert "bucketing" in testimony.evaluations[1].quote


# ---------------------------------------------------------------- everything else


def test_execution_order():
    cells = [
        Cell(index=0, kind="code", source="a", execution_count=3, outputs=(stream("x"),)),
        Cell(index=1, kind="code", source="b", execution_count=2),
        Cell(index=2, kind="code", source="c", execution_count=2),
        Cell(index=3, kind="code", source="d"),
        Cell(index=4, kind="code", source=" "),
        Cell(index=5, kind="markdown", source="text"),
        Cell(index=6, kind="code", source="e", outputs=(stream("ran"),)),
    ]
    (order,) = kinds(read(Submission(name="x", sha256="", cells=tuple(cells))), Kind.EXECUTION_ORDER)
    assert order.value["out_of_order"] and order.value["repeated"] and order.value["missing"] == [3]


def test_model_and_data_traces():
    text = (
        "Some weights of BertForSequenceClassification were not initialized from the model checkpoint at klue/bert-base"
        " and are newly initialized: ['classifier.bias', 'classifier.weight']\n"
    )
    frame = "        id   document  label\n0  9976970   x      0\n\n[150000 rows x 3 columns]"
    testimony = recorded_of([stream(text, "stderr")], [result(frame)])
    assert kinds(testimony, Kind.MODEL_LOAD)[0].value["name"] == "klue/bert-base"
    assert kinds(testimony, Kind.DATA_LOAD)[0].value == {
        "name": "nsmc",
        "how": "unknown",
        "rows": {"unnamed": 150000},
    }


def test_load_report_of_transformers_5():
    testimony = recorded_of(
        [stream("BertForSequenceClassification LOAD REPORT from: klue/bert-base\nKey | Status |\n")]
    )
    assert kinds(testimony, Kind.MODEL_LOAD)[0].value["class"] == "BertForSequenceClassification"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Epoch 1 | loss 0.3300 | val acc 0.8940 | 402.1s", 402.1),
        ("Epoch 1/3: train loss 0.3 (6m 42s)", 402.0),
        ("에폭 2: 정확도 0.9012, 손실 0.21, 3분 20초", 200.0),
        ("Epoch 1 loss 0.31 lr 2e-5s", None),
        ("Epoch 1/3 - loss: 0.31 - 12ms/step", None),
    ],
)
def test_a_duration_at_the_end_of_an_epochs_line(line, expected):
    found = [m.value for m in printed.metrics(line) if m.name == "seconds"]
    assert found == ([] if expected is None else [expected])


def test_versions_printed_in_order():
    source = "print(transformers.__version__)\nprint(datasets.__version__)"
    testimony = recorded_of([stream("4.11.3\n1.14.0\n")], sources=(source,))
    assert {o.value["package"]: o.value["version"] for o in kinds(testimony, Kind.VERSION)} == {
        "transformers": "4.11.3",
        "datasets": "1.14.0",
    }


def test_layer_shapes_are_no_rows():
    text = "(query): Linear(in_features=768, out_features=768, bias=True)\ntrainable params: 296,450 || all params: 1\n"
    assert kinds(recorded_of([stream(text)]), Kind.DATA_SHAPE) == []


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ('trainer.evaluate()["eval_accuracy"]', "0.90195", 0.90195),
        ("accuracy_score(labels, predicted)", "0.90246", 0.90246),
        ("test_acc", "np.float64(0.9031)", 0.9031),
        ("round(test_acc * 100, 2)", "90.31", 0.9031),
        ("f1_score(labels, predicted)", "0.90246", None),
        ("train_acc", "0.95123", None),
        ("history['accuracy']", "0.90246 0.91", None),
    ],
)
def test_a_bare_number_is_an_accuracy_where_its_expression_says_so(source, text, expected):
    testimony = recorded_of([result(text)], sources=(source,))
    assert [e.accuracy for e in testimony.evaluations] == ([] if expected is None else [expected])


def test_bare_numbers_that_are_printed():
    source = "print(len(rows))\nprint(f1)\nprint(accuracy_score(a, b))\nprint(acc.item())"
    testimony = recorded_of([stream("120\n0.8911\n0.9012\n0.9034\n")], sources=(source,))
    assert [e.accuracy for e in testimony.evaluations] == []  # which line is which can't be told
    source = "print(f1)\nprint(accuracy_score(a, b))"
    testimony = recorded_of([stream("0.8911\n0.9012\n")], sources=(source,))
    assert [e.accuracy for e in testimony.evaluations] == [0.9012]


def test_a_bar_whose_label_was_escaped():
    drawn = bar(800, 1000, 2, left="02:30", rate="1.33", header=HEADER, rows=rows_of(0.9))
    html = drawn.html.replace(" < ", " &lt; ")
    run = recorded_of([Output(kind="display", html=html), error("KeyboardInterrupt")]).runs[0]
    assert (run.ending, run.steps) == (Ending.INTERRUPTED, 800)


def test_two_trainings_of_equal_steps_without_a_stored_display_stay_two():
    first = result(train_output(4219, 2310.0, 135_000, 1, 1, 4219, 55))
    second = result(train_output(4219, 2308.0, 135_000, 1, 1, 4219, 55))
    again = recorded_of([first], [second])
    assert [(r.cell, r.seconds) for r in again.runs] == [(0, 2310.0), (1, 2308.0)]
    assert len(recorded_of([first], [first]).runs) == 1  # shown again


def test_trainings_that_left_only_their_run_times_and_evaluations():
    said = "{{'train_runtime': {0}, 'train_samples_per_second': 71.0, 'train_loss': 0.27, 'epoch': 1.0}}\n{{'eval_loss': 0.25, 'eval_accuracy': {1}, 'epoch': 1.0}}"
    found = recorded_of([stream(said.format(1901.2, 0.9028))], [stream(said.format(750.4, 0.9039))])
    assert [(r.cell, r.seconds) for r in found.runs] == [(0, 1901.2), (1, 750.4)]
    assert [e.accuracy for e in found.evaluations] == [0.9028, 0.9039]
