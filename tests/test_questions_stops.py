"""Q3 on cells that stop when the notebook runs from the top: once for each error, and with a way out."""

from __future__ import annotations

import msgspec

from grader.checks.questions import hazards
from grader.facts import Kind
from grader.records import Cell, CellRun, Ending, Observation, Status, Witness
from tests import sample_evidence as sample

replace = msgspec.structs.replace


def failed(cell: int, name: str, value: str) -> CellRun:
    return CellRun(index=cell, ending=Ending.CELL_ERROR, seconds=0.1, error_name=name, error_value=value)


def lines(sources, *ran, seen=(), stored=()) -> list[str]:
    """The spots of a notebook of code cells; a source with its execution count, where that matters."""
    made = [s if isinstance(s, tuple) else (s, i + 1) for i, s in enumerate(sources)]
    found = sample.evidence()
    evidence = replace(
        found,
        submission=replace(
            found.submission,
            cells=tuple(
                Cell(index=i, kind="code", source=source, execution_count=count)
                for i, (source, count) in enumerate(made)
            ),
        ),
        source=replace(found.source, observations=seen),
        recorded=replace(found.recorded, observations=stored),
        observed=replace(
            found.observed, cells=ran, testimony=replace(found.observed.testimony, observations=())
        ),
    )
    verdict = hazards.decide(evidence, ())
    assert verdict.status is Status.FAIL or not ran
    for text in (verdict.reason.ko, verdict.reason.en):
        assert "이 셀까지 위에서부터" not in text and "run from the top down to" not in text
    return verdict.reason.ko.splitlines()


def see(kind: Kind, cell: int, **value) -> Observation:
    return Observation(witness=Witness.SOURCE, kind=kind, cell=cell, value=value)


def test_rows_of_several_lengths_want_a_collator_and_are_told_once():
    tokenizer = see(Kind.TOKENIZER_LOAD, 0, variable="hf_tok")
    (line,) = lines(
        ["hf_tok = load()", "t = Trainer(net)\nt.train()", "trainer.evaluate(rows)"],
        failed(1, "ValueError", "expected sequence of length 12 at dim 1 (got 18)"),
        failed(2, "ValueError", "expected sequence of length 13 at dim 1 (got 6)"),
        seen=(tokenizer,),
    )
    assert line.startswith("- 셀 1, 2:") and "위에서부터 다시 실행했을 때 `ValueError`" in line
    assert "`Trainer`에 `data_collator=DataCollatorWithPadding(hf_tok)`" in line


def test_a_loop_batches_with_a_collate_function():
    (line,) = lines(
        ["for b in loader: ..."], failed(0, "RuntimeError", "stack expects each tensor to be equal size, but")
    )
    assert "`DataLoader`에 `collate_fn=DataCollatorWithPadding(…)`" in line


def test_a_name_that_a_later_run_cell_made_is_told_with_both_cells():
    error = "Failed to convert a NumPy array to a Tensor (Unsupported object type list)."
    sources = [("x = padded()", 12), ("x = ragged()", 7), ("m = load()\nm.fit(x)", 39), ("m.fit(x)", 41)]
    (line,) = lines(sources, failed(2, "ValueError", error), failed(3, "ValueError", error))
    assert "셀 2, 3" in line and "`x` 이름을 셀 0과 셀 1에서 모두 만들어" in line
    assert "셀 0 대신 셀 1의 값" in line


def test_counts_in_order_blame_no_name():
    error = "setting an array element with a sequence."
    (line,) = lines(["x = padded()", "x = ragged()", "m.fit(x)"], failed(2, "ValueError", error))
    assert "모두 만들어" not in line and "`padding='max_length'`로 토큰화한" in line


def test_any_other_error_wants_its_variables_made_again():
    (line,) = lines(["x = 1", "x.go()"], failed(1, "AttributeError", "no attribute 'go'"))
    assert "쓰는 변수를 바로 앞에서 다시 만든 뒤" in line


def test_an_error_that_follows_from_another_points_there():
    first, second = lines(
        ["ok = 1", "t = Trainer(oops)", "t.train()"],
        failed(2, "NameError", "name 't' is not defined"),
        failed(1, "TypeError", "oops"),
    )
    assert "셀 1:" in first and "셀 2:" in second and "셀 1이 먼저 멈춰 `t`를" in second


def test_what_reading_tells_is_not_told_again():
    (line,) = lines(
        ["gone"],
        failed(0, "NameError", "name 'gone' is not defined"),
        seen=(see(Kind.UNDEFINED_NAME, 0, name="gone", line=1),),
    )
    assert "정의하는 셀이" in line


def test_the_same_stored_error_in_several_cells_is_one_spot():
    errors = tuple(
        Observation(
            witness=Witness.RECORDED, kind=Kind.ERROR, cell=n, value={"ename": "ImportError", "evalue": "x"}
        )
        for n in (0, 1)
    )
    (line,) = lines(["a", "b"], stored=errors)
    assert line.startswith("- 셀 0, 1:")
