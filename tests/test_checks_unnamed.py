"""A computed number that nothing names an accuracy is for a person to read, never a zero; a typed one is."""

from __future__ import annotations

import pytest

from tests.test_checks_unread import graded

LOAD = (
    "from datasets import load_dataset\n"
    "from transformers import AutoModelForSequenceClassification, Trainer\n"
    "data = load_dataset('nsmc')\n"
    "model = AutoModelForSequenceClassification.from_pretrained('klue/bert-base')"
)
TRAIN = (
    "trainer = Trainer(model=model, train_dataset=data['train'], eval_dataset=data['test'])\ntrainer.train()"
)
RAN = (
    "TrainOutput(global_step=4688, training_loss=0.2634, metrics={'train_runtime': 1204.1, "
    "'train_samples_per_second': 124.57, 'total_flos': 1.0e+15, 'train_loss': 0.2634, 'epoch': 1.0})"
)


@pytest.mark.parametrize(
    ("source", "printed", "shown"),
    [
        (
            "p = trainer.predict(data['test'])\n(p.predictions.argmax(-1) == p.label_ids).mean()",
            "",
            "0.90432",
        ),
        (
            "p = trainer.predict(data['test'])\n(p.predictions.argmax(-1) == p.label_ids).mean()",
            "",
            "np.float64(0.90432)",
        ),
        ("def ev(m):\n    return count(m) / 50000\nprint(ev(model))", "0.90432\n", ""),
        ("print('맞은 비율', right / total)", "맞은 비율 0.9043\n", ""),
    ],
)
def test_a_computed_number_without_a_name_is_undecided(tmp_path, source, printed, shown):
    judgement = graded(tmp_path, (LOAD, "", ""), (TRAIN, "", RAN), (source, printed, shown))
    verdict = judgement.items[1]
    assert str(verdict.status) != "FAIL"
    assert 2 in {citation.cell for citation in verdict.citations}


@pytest.mark.parametrize(
    ("source", "printed"),
    [("print(0.90432)", "0.90432\n"), ("print('끝')", "끝\n"), ("print(loss.item())", "0.2103\n")],
)
def test_a_typed_number_or_none_still_fails(tmp_path, source, printed):
    judgement = graded(tmp_path, (LOAD, "", ""), (TRAIN, "", RAN), (source, printed, ""))
    assert str(judgement.items[1].status) == "FAIL"
