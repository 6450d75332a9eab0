"""Quality facts of built notebooks: each test has one property of the code in mind."""

from __future__ import annotations

import pytest

from grader import quality
from grader.facts import Kind
from grader.quality import ruff_rules
from grader.records import Cell, Submission, Witness


def submission(*sources: str) -> Submission:
    """A notebook of these cells; a source that begins with '#md ' is markdown."""
    cells = tuple(
        Cell(index=i, kind="markdown" if source.startswith("#md ") else "code", source=source)
        for i, source in enumerate(sources)
    )
    return Submission(name="quality.ipynb", sha256="0" * 64, cells=cells)


def of_kind(kind: Kind, *sources: str):
    return [o for o in quality.read(submission(*sources)) if o.kind == kind]


ARGUMENTS = """\
args = TrainingArguments(
    output_dir="{out}",
    learning_rate=2e-5,  # 학습률
    per_device_train_batch_size=32,
    num_train_epochs=3,
    weight_decay=0.01,
    {extra}
)
"""


def test_every_observation_is_the_source_witness_and_no_cell_is_invented():
    seen = quality.read(submission("#md 제목", "x = 1", "", "for (", "!pip install x"))
    assert seen and {o.witness for o in seen} == {Witness.SOURCE}
    assert {o.cell for o in seen} <= {None, 1, 4}


def test_comments_count_words_not_rulers_and_not_disabled_code():
    source = "# ==========\n# 토큰화한다\n# x = tokenize(y)\n"
    source += "def f():\n    '''문장을 자른다.'''\n    return 1  # 하나\n"
    (seen,) = of_kind(Kind.COMMENTS, source)
    assert seen.value == {
        "comment_lines": 2,
        "docstrings": 1,
        "code_lines": 3,
        "commented_out": 1,
        "dead_lines": [3],
    }


def test_a_call_that_was_commented_out_over_several_lines_explains_nothing():
    old = "# args = TrainingArguments(\n#     out,    # 저장할 곳\n#     seed=1,\n#     weight_decay=0.1\n"
    old += "# )\n"
    new = "args = TrainingArguments(\n    out,    # 저장할 곳\n    seed=1,\n)\n"
    words = "# 학습 조건을 정한다\n# 배치 크기, 에폭\n# 1. 데이터\n# 2. 모델 (BERT)\n"
    (seen,) = of_kind(Kind.COMMENTS, old + new)
    assert seen.value["comment_lines"] == 1 and seen.value["dead_lines"] == [1, 2, 3, 4, 5]
    assert seen.quote == "out,    # 저장할 곳"
    (seen,) = of_kind(Kind.COMMENTS, words + new)
    assert seen.value["comment_lines"] == 5 and "dead_lines" not in seen.value
    (seen,) = of_kind(Kind.COMMENTS, "# 전에 쓰던 것\n" + old + new)
    assert seen.value["comment_lines"] == 2 and seen.value["dead_lines"] == [2, 3, 4, 5, 6]


def test_a_hash_in_a_string_is_no_comment():
    (seen,) = of_kind(Kind.COMMENTS, "x = '# 주석 아님'")
    assert seen.value["comment_lines"] == 0


def test_core_cells_put_bucketing_first_and_say_why():
    tokenise = "def t(b):\n    return tok(b['document'], truncation=True, padding='max_length')"
    plain, grouped = (
        ARGUMENTS.format(out="a", extra="group_by_length=False"),
        ARGUMENTS.format(out="b", extra="group_by_length=True"),
    )
    loop = "for batch in loader:\n    loss.backward()"
    seen = of_kind(Kind.CORE_CELL, tokenise, plain, grouped, loop)
    expected = [(2, "bucketing"), (3, "training-loop"), (1, "training-arguments"), (0, "tokenise")]
    assert [(o.cell, o.value["why"]) for o in seen] == expected
    assert seen[0].value["comments"] == 1 and "TrainingArguments" in seen[0].quote


@pytest.mark.parametrize(
    "code",
    [
        "class LengthSampler(Sampler):\n    pass",
        "def make_buckets(rows):\n    return rows",
        "class MyCollator:\n    pass",
    ],
)
def test_hand_made_bucketing_is_a_core_cell(code):
    (seen,) = of_kind(Kind.CORE_CELL, "x = 1", code)
    assert (seen.cell, seen.value["why"]) == (1, "bucketing")


def test_lint_maps_hits_back_over_markdown_magics_and_broken_cells():
    bad = "!pip install datasets\nimport os\ntry:\n    x = undefined_name\nexcept:\n    x = None\n"
    seen = of_kind(Kind.LINT, "#md a", "def broken(:", "%matplotlib inline", bad)
    assert {(o.cell, o.value["rule"], o.value["line"]) for o in seen} == {
        (3, "F401", 2),
        (3, "F821", 4),
        (3, "E722", 5),
    }
    assert next(o for o in seen if o.value["rule"] == "F821").quote == "x = undefined_name"


def test_last_expression_of_a_cell_is_not_a_useless_one():
    assert of_kind(Kind.LINT, "x = 1\nx", "y = 2\ny == 2\nz = y") != []
    assert {o.cell for o in of_kind(Kind.LINT, "x = 1\nx", "y = 2\ny == 2\nz = y")} == {1}


def test_without_ruff_everything_else_is_still_there(monkeypatch):
    monkeypatch.setattr(ruff_rules, "_executable", lambda: None)
    kinds = {o.kind for o in quality.read(submission("import os\n# 말\nx = 1"))}
    assert Kind.LINT not in kinds and {Kind.COMMENTS, Kind.FUNCTIONS} <= kinds


def test_a_ruff_that_fails_is_silent(monkeypatch):
    monkeypatch.setattr(ruff_rules, "_executable", lambda: "/nonexistent/ruff")
    assert of_kind(Kind.LINT, "import os") == []


def test_complexity_names_the_method():
    branches = "\n".join(f"        if x == {i}:\n            return {i}" for i in range(11))
    (seen,) = of_kind(Kind.COMPLEXITY, f"class A:\n    def pick(self, x):\n{branches}\n        return None")
    assert seen.value == {"function": "A.pick", "rank": "C", "value": 12}


def test_two_argument_lists_that_differ_in_one_line_are_a_copy():
    first, second = (
        ARGUMENTS.format(out="same", extra=""),
        ARGUMENTS.format(out="same", extra="group_by_length=True,  # 길이별로"),
    )
    (seen,) = of_kind(Kind.DUPLICATE_CODE, first, "x = 1", second)
    assert seen.value["cells"] == [0, 2] and seen.value["changed"] == 1
    assert seen.value["examples"] == ["group_by_length=True,  # 길이별로"]


LOOP = """
for batch in loader:
    optimizer.zero_grad()
    loss = model(**batch).loss
    loss.backward()
    optimizer.step()
    scheduler.step()
    total += loss.item()
mean = total / len(loader)
"""


def test_a_loop_repeated_inside_different_cells_is_seen_though_the_cells_are_no_copies():
    more = "\n".join(f"other_{n} = prepare({n}, 'x')" for n in range(20))
    again = "\n".join(f"plot_{n} = draw({n}, 'y')" for n in range(20))
    sources = (more + LOOP, "x = 1", LOOP.replace("    loss.", "    loss .") + again)
    (seen,) = of_kind(Kind.REPEATED_CODE, *sources)
    assert of_kind(Kind.DUPLICATE_CODE, *sources) == []
    assert seen.value == {"blocks": [{"cells": [0, 2], "lines": 8}]}
    (none,) = of_kind(Kind.REPEATED_CODE, more, again)
    assert none.value == {"blocks": []} and none.cell is None
    (same,) = of_kind(Kind.REPEATED_CODE, "x = 1\n" * 12)
    assert len(same.value["blocks"]) <= 1


def test_different_cells_and_short_cells_are_no_copies():
    other = "\n".join(f"value_{i} = compute({i}, 'a')" for i in range(8))
    assert of_kind(Kind.DUPLICATE_CODE, ARGUMENTS.format(out="a", extra=""), other, "x = 1", "x = 1") == []


def test_functions_are_counted_at_top_level_only():
    (seen,) = of_kind(
        Kind.FUNCTIONS, "def f():\n    def g(): pass\nclass C:\n    def m(self): pass", "def h(): pass"
    )
    assert (seen.value["count"], seen.value["classes"], seen.value["cells"]) == (2, 1, [0, 1])


@pytest.mark.parametrize(
    "source", ["%%bash\nls", "x = !ls", "model?", "def f(:\n", "\x00", "(" * 500, "!wget a \\\n  -O b\nx = 1"]
)
def test_odd_cells_never_raise(source):
    quality.read(submission(source, "import os\nos.getcwd()"))
