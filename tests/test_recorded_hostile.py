# ruff: noqa: E501
"""Reading never raises and stays linear, whatever the file holds. Seeded, so that a failure repeats.

The hostile texts were found by fuzzing; each once took seconds in one of the patterns.
"""

import copy
import json
import random
import time

import pytest

from grader import prose, recorded
from grader.errors import UnreadableSubmission
from grader.records import Cell, Output, Submission, to_json
from grader.submission import load

TABLE = (
    "<div><progress value='300' max='900'></progress>[300/900 01:00 < 02:00, 5.00 it/s, Epoch 1/3]</div>"
    "<table><thead><tr><th>Epoch</th><th>Training Loss</th><th>Validation Loss</th><th>Accuracy</th></tr></thead>"
    "<tbody><tr><td>1</td><td>0.30</td><td>0.27</td><td>0.8951</td></tr></tbody></table>"
)
OUTPUT = (
    "TrainOutput(global_step=900, training_loss=0.2, metrics={'train_runtime': 100.5, 'train_samples_per_second': 95.5, "
    "'train_steps_per_second': 8.9, 'total_flos': 3.1e15, 'train_loss': 0.2, 'epoch': 3.0})"
)
KERAS = "Epoch 1/2\n99/99 [====] - 35s 46ms/step - loss: 0.27 - accuracy: 0.88 - val_loss: 0.24 - val_accuracy: 0.89\n"
LOOP = "Epoch 1/2\nTraining: 100%|██| 500/500 [02:26<00:00, 3.4it/s]\nTrain Loss: 0.28, Val Loss: 0.23, Accuracy: 0.9019\n"
TEXT = "## 결과\n| 모델 | 시간 | 정확도 |\n|---|---|---|\n| 기본 | 51 min | 0.90 |\n\n버킷팅으로 시간이 40분에서 19분으로 줄었다."

HOSTILE = {
    "newlines": "\n" * 31_000,
    "digits": "1" * 52_000,
    "letters": "x" * 52_000,
    "open dicts": "{'a': " * 7_000,
    "open evaluate dicts": "{'eval_accuracy': 0.9, " * 3_000,
    "tables": "<table>" * 10_000,
    "cells": "<table><tr><td>" * 4_000,
    "bars": "<progress value='1' max='2'" * 2_000,
    "dataset dicts": "DatasetDict({" * 4_000,
    "images": "![" * 10_000,
    "durations": "시간 1" * 7_000,
    "amounts": "1초" * 10_000,
    "times": "time 1 " * 7_000,
    "pipes": "a | b\n--|--\n" * 2_000,
    "epochs": "Epoch 1/3\n" * 4_000,
    "mapped": "Map: 1% " * 6_000,
}


def code(source, *outputs):
    return {"cell_type": "code", "source": source, "execution_count": 1, "outputs": list(outputs)}


def sample():
    display = {
        "output_type": "display_data",
        "data": {"text/html": [TABLE], "text/plain": "<IPython.core.display.HTML>"},
    }
    result = {"output_type": "execute_result", "data": {"text/plain": OUTPUT}}
    streams = [{"output_type": "stream", "name": "stdout", "text": text} for text in (KERAS, LOOP)]
    stopped = {"output_type": "error", "ename": "KeyboardInterrupt", "evalue": "", "traceback": ["a", "b"]}
    return {
        "nbformat": 4,
        "metadata": {"language_info": {"name": "python"}},
        "cells": [
            {"cell_type": "markdown", "source": TEXT},
            code("r = {'accuracy': [0.9, 0.91], 'time': [10, 20]}  # 동적 패딩", display, result),
            code("model.fit()", streams[0]),
            code("for e in range(2): pass", streams[1], stopped),
        ],
    }


def paths(node, path=()):
    yield path
    for key, value in (
        node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    ):
        yield from paths(value, (*path, key))


def mutated(text, chance):
    if not text:
        return chance.choice(["Accuracy", "|", "{"])
    i = chance.randrange(len(text))
    j = min(len(text), i + chance.randrange(1, 60))
    return chance.choice(
        [
            text[:i],
            text[i:],
            text[:i] + text[j:],
            text[:j] + text[i:j] * 200 + text[j:],
            text[:i] + chance.choice("<>{}[]()'|%/:,.0eE-\n\r\x08가\ud83d") * 30 + text[i:],
            "".join(chance.choice("0123456789") if c.isdigit() else c for c in text),
            text.replace(chance.choice(text), chance.choice(["", "0", "-", "9" * 30])),
        ]
    )


JUNK = [
    None,
    -1,
    1.5,
    True,
    [],
    {},
    "",
    ["a", 1, None],
    {"a": {}},
    10**40,
    "\ud800",
    "Accuracy: 1e999",
    "Epoch 1/0",
]


@pytest.mark.parametrize("seed", range(20))
def test_mutated_notebooks(seed, tmp_path):
    chance = random.Random(seed)
    path = tmp_path / "x.ipynb"
    for _ in range(6):
        notebook = copy.deepcopy(sample())
        for _ in range(chance.choice([1, 4, 15])):
            *parents, last = chance.choice([p for p in paths(notebook) if p])
            parent = notebook
            for key in parents:
                parent = parent[key]
            value = parent[last]
            parent[last] = (
                mutated(value, chance) if isinstance(value, str) else copy.deepcopy(chance.choice(JUNK))
            )
        path.write_text(json.dumps(notebook), encoding="utf-8")
        try:
            submission = load(path)
        except UnreadableSubmission as refusal:
            assert refusal.text.ko and refusal.text.en
            continue
        to_json(recorded.read(submission))
        for observation in prose.read(submission):
            to_json(observation)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("where", ["stream", "html", "code", "markdown"])
def test_hostile_texts_take_no_time(text, where):
    output = Output(
        kind="stream",
        name="stdout",
        text=text if where == "stream" else "",
        html=text if where == "html" else "",
    )
    cells = (
        Cell(
            index=0,
            kind="code",
            source=text if where == "code" else "x",
            execution_count=1,
            outputs=(output,),
        ),
        Cell(index=1, kind="markdown", source=text if where == "markdown" else "y"),
    )
    submission = Submission(name="x", sha256="", cells=cells)
    # What is read is cut, so 0.7 s is the most it takes alone; beside other programs CPU seconds double.
    # Time that grows with the square would be minutes.
    assert min(_cpu_seconds(submission) for _ in range(2)) < 3.0, (
        "twice, as a collection of garbage may fall in"
    )


def _cpu_seconds(submission: Submission) -> float:
    start = time.process_time()
    recorded.read(submission)
    prose.read(submission)
    return time.process_time() - start
