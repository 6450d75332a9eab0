"""Training once more: which cell loads its model, sets its arguments, makes its Trainer; in whose names.

Not covered: what is to be changed before that (`advice`, `unpadding`).
"""

from __future__ import annotations

import re

from grader.checks import say
from grader.checks.join import Joined, observations
from grader.checks.settle import Case
from grader.facts import Kind
from grader.records import Evidence, Grouping, Observation, Text, Witness

_ARGUMENTS = re.compile(r"^[^#\n]*\b\w*TrainingArguments\s*\(", re.M)
_TRAINER = re.compile(r"^(?!\s*class\b)[^#\n]*\b\w*Trainer\s*\(", re.M)
_METRICS = re.compile(r"^[^#\n]*\bcompute_metrics\s*=", re.M)
_EVALUATES = ("eval_strategy", "evaluation_strategy")


def fresh_model(case: Case, joined: Joined | None) -> Text:
    """'셀 5에서 모델을 새로 불러온 뒤': without it a second training goes on with trained weights.

    Empty where the training cell itself loads its model; no cell where none is known.
    """
    cells = _model_cells(case, joined)
    if cells is None:
        return say.text("모델을 새로 불러온 뒤", "load the model afresh")
    if joined is not None and cells == (joined.run.cell,):
        return say.text("", "")
    at = say.cells(cells)
    return say.text(f"{at.ko}에서 모델을 새로 불러온 뒤", f"load the model afresh ({at.en})")


def fresh_model_first(case: Case, joined: Joined) -> Text:
    """The same as a sentence of its own, after a step that ends in running it again."""
    cells = _model_cells(case, joined)
    if cells == (joined.run.cell,):
        return say.text("", "")
    at, made = say.cells(cells) if cells else None, trainer_cell(case, joined)
    there, there_en = (f"{at.ko}에서 ", f" ({at.en})") if at else ("", "")
    if made == joined.run.cell:
        return say.text(
            f"실행하기 전에 {there}모델을 새로 불러와 주세요.",
            f"Before that, load the model afresh{there_en}.",
        )
    of = say.cell(made)
    return say.text(
        f"실행하기 전에 {there}모델을 새로 불러오고 {of.ko}의 `Trainer`를 다시 만들어 주세요.",
        f"Before that, load the model afresh{there_en} and make the `Trainer` of {of.en} again.",
    )


def _model_cells(case: Case, joined: Joined | None) -> tuple[int, ...] | None:
    """The cells that make the model a run begins with; None where they aren't known."""
    loaded = _model_load(case, joined)
    if loaded is None or loaded.cell is None:
        return None
    return (loaded.cell, *_changed_later(case, joined, loaded))


def _model_load(case: Case, joined: Joined | None) -> Observation | None:
    """The pretrained model a run begins with; weights already fine-tuned only where there is no other."""
    found = [
        o
        for o in observations(case.evidence, Kind.MODEL_LOAD)
        if o.witness == Witness.SOURCE and o.cell is not None
    ]
    if joined is not None:
        above = [o for o in found if o.cell <= joined.run.cell]
        own = [o for o in above if o.cell in joined.run.cells]
        found = [o for o in own if _pretrained(o)] or [o for o in above if _pretrained(o)] or own or above
    return found[-1] if found else None


def _pretrained(load: Observation) -> bool:
    return load.value.get("pretrained") is not False


def _changed_later(case: Case, joined: Joined | None, load: Observation) -> list[int]:
    """Cells between loading and training that replace a part of the model, such as its classifier."""
    name = str(load.value.get("variable") or "")
    if joined is None or not name.isidentifier():
        return []
    part = re.compile(rf"^{name}\.[\w.]+\s*=[^=]", re.M)
    between = range(load.cell + 1, joined.run.cell)
    return [c.index for c in case.evidence.submission.cells if c.index in between and part.search(c.source)]


def arguments_cell(case: Case, joined: Joined) -> int:
    """Where a run's `TrainingArguments` are written; the training cell where that isn't known."""
    return _written(case, joined, _ARGUMENTS)


def trainer_cell(case: Case, joined: Joined) -> int:
    """Where its Trainer is made; the training cell where that isn't known."""
    return _written(case, joined, _TRAINER)


def _written(case: Case, joined: Joined, what: re.Pattern[str]) -> int:
    for number in sorted({*joined.run.cells, joined.run.cell}, reverse=True):
        cell = case.evidence.submission.cell(number)
        if cell is not None and number <= joined.run.cell and what.search(cell.source):
            return number
    return joined.run.cell


def training_cells(case: Case, *runs: Joined) -> Text:
    """The cells to run again for a training: that of its Trainer, which holds the model, and its own."""
    return say.cells(c for j in runs for c in (trainer_cell(case, j), j.run.cell))


def collator(case: Case, joined: Joined | None) -> Text:
    """`data_collator=DataCollatorWithPadding(…)` with the notebook's own name for its tokeniser; a loop of
    the student's own takes it as `collate_fn`."""
    name, kind = tokenizer_name(case, joined), joined.run.kind if joined is not None else "trainer"
    argument = "data_collator" if kind == "trainer" else "collate_fn"
    tensors = ', return_tensors="tf"' if kind == "keras" else ""
    made = f"`{argument}=DataCollatorWithPadding({name or '…'}{tensors})`"
    if name:
        return say.text(made, made)
    return say.text(f"{made}(괄호 안에는 토크나이저)", f"{made} (of your tokeniser)")


def tokenizer_name(case: Case, joined: Joined | None) -> str:
    """What the notebook calls the tokeniser of a run; '' where it isn't known."""
    if joined is None:
        return named_tokenizer(case.evidence, None)
    return named_tokenizer(case.evidence, joined.run.cell, joined.run.cells)


def named_tokenizer(evidence: Evidence, before: int | None, cells: tuple[int, ...] = ()) -> str:
    """The name of the last tokeniser loaded up to a cell, rather in one of `cells`; '' for none."""
    found = [o for o in observations(evidence, Kind.TOKENIZER_LOAD) if o.value.get("variable")]
    if before is not None:
        found = [o for o in found if (o.cell or 0) <= before]
    found = [o for o in found if o.cell in cells] or found
    name = str(found[-1].value["variable"]) if found else ""
    return name if name.isidentifier() else ""


def written_grouping(joined: Joined) -> bool | None:
    """`group_by_length` as the run's own arguments have it; None where they don't name it.

    Our own run reports every argument, defaults too, so its False isn't written by anybody.
    """
    own = joined.source.arguments if joined.source is not None else {}
    value = own.get("group_by_length")
    if value is not None:
        return str(value) == "True"
    if str(own.get("train_sampling_strategy", "")) == "group_by_length":
        return True
    return True if str(joined.run.arguments.get("group_by_length")) == "True" else None


def groups(joined: Joined) -> bool:
    """Does a run set grouping by length, whether or not that takes effect?"""
    return joined.run.grouping == Grouping.LENGTH or written_grouping(joined) is True


def evaluation_argument(case: Case, joined: Joined | None) -> tuple[str, str]:
    """(name, value) of the argument that says when to evaluate; the value is '' where this run hasn't got it.

    The name is the one that the notebook writes elsewhere, or that its transformers knows: `eval_strategy`
    came with 4.41, `evaluation_strategy` went with 4.46.
    """
    for run in (joined, *case.runs):
        if run is None or run.source is None:
            continue
        for name in _EVALUATES:
            if name in run.source.arguments:
                return name, (str(run.source.arguments[name]) if run is joined else "")
    shown = [o for o in observations(case.evidence, Kind.VERSION) if o.value.get("package") == "transformers"]
    numbers = re.findall(r"\d+", str(shown[-1].value.get("version", ""))) if shown else []
    old = len(numbers) >= 2 and (int(numbers[0]), int(numbers[1])) < (4, 41)
    return ("evaluation_strategy" if old else "eval_strategy"), ""


def computes_metrics(case: Case, joined: Joined) -> bool:
    """Has its Trainer a `compute_metrics` already, outside comments?"""
    cell = case.evidence.submission.cell(trainer_cell(case, joined))
    return cell is not None and _METRICS.search(cell.source) is not None
