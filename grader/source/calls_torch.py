"""Trainings written by hand (torch, accelerate) and Keras `fit`.

A training loop is known by its backward pass: the loader gone through around it is what it trains on.
Called by calls.py and, at the end of each loop, by the interpreter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.source.call import Call
from grader.source.calls_train import report
from grader.source.collators import DEFAULT
from grader.source.derivation import cells_of, in_order, rows_in
from grader.source.events import Draft
from grader.source.given_rows import dataset_rows
from grader.source.models import model_in, settle_model
from grader.source.values import (
    Collator,
    Const,
    Encoded,
    Instance,
    Loader,
    Optimizer,
    Rows,
    Sampler,
    Seq,
    Shape,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from grader.source.interpret import Interpreter
    from grader.source.loops import Turn
from grader.source.loaders import seq_rows


def backward(interp: Interpreter, call: Call, kind: str) -> None:
    """A backward pass inside a loop: there is a training here."""
    if not interp.turns or interp.muted:
        return
    innermost = None
    for n in range(len(interp.turns) - 1, -1, -1):
        if interp.turns[n].loader is not None:
            innermost = n
            break
    if innermost is None:
        innermost = len(interp.turns) - 1
    root = innermost
    while root > 0 and interp.turns[root - 1].kind == "range":
        root -= 1
    turn = interp.turns[root]
    loader = interp.turns[innermost].loader
    site = interp.turns[innermost].node
    if any(draft.site is site for draft in turn.drafts):
        return
    epochs = next((t.count for t in interp.turns[root:innermost] if t.kind == "range"), None)
    draft = Draft(
        cell=interp.cell.index,
        kind=kind,
        quote=interp.cell.quote(interp.statement) if interp.statement is not None else "",
        loader=loader if isinstance(loader, Loader) else None,
        inside=interp.unsure > 0,
        site=site,
    )
    if interp.code is interp.cell and site is not None:
        draft.quote = interp.cell.quote(site).split("\n")[0]
    if draft.loader is None:
        source = interp.turns[innermost].source
        draft.rows, draft.grouping = rows_in(source), "unknown"
        draft.collator = Collator("unknown")
        if isinstance(source, Sampler) or in_order(source):
            draft.grouping, draft.tries = "length", ("own-sampler",)
    elif draft.loader is not None and _one_of_several(interp):
        # One loader per bucket, perhaps: what was put into each can't be told from here.
        draft.several = True
    draft.made_in_loop = interp.last_input
    if epochs is not None:
        draft.epochs = Const(epochs)
    draft.values = [v for v in (interp.last_model,) if v is not None]
    draft.cells = interp.now
    turn.drafts.append(draft)
    for outer in interp.turns:
        outer.trains = True


def loop_ended(interp: Interpreter, turn: Turn) -> None:
    """Settle the trainings whose outermost loop is over."""
    for draft in turn.drafts:
        loader = draft.loader
        if loader is not None:
            _from_loader(draft, loader)
        if draft.several and draft.grouping == "none":
            draft.grouping = "unknown"
            draft.tries += ("own-sampler",)
        if draft.made_in_loop is not None:
            _encoded_in_loop(draft, draft.made_in_loop)
        model = draft.values[0] if draft.values else None
        settle_model(interp, model, draft)
        for other in turn.loaders:
            if other is not loader and isinstance(other, Loader) and other.rows is not None:
                draft.eval_rows = other.rows
                draft.cells |= other.cells
        if isinstance(interp.last_optimizer, Optimizer):
            draft.extra.update(dict(interp.last_optimizer.fields))
        report(interp, draft)
    turn.drafts = []
    if not turn.loaders or interp.muted or turn.trains:
        return
    # An evaluation loop after the training loop of the same cell.
    last = interp.runs[-1] if interp.runs else None
    if last is None or last.cell != interp.cell.index or last.eval_rows is not None:
        return
    other = turn.loaders[-1]
    if (
        last.kind in ("torch-loop", "accelerate")
        and turn.loader is not last.loader
        and other is not last.loader
    ):
        last.eval_rows = rows_in(other)


def _one_of_several(interp: Interpreter) -> bool:
    """Is the loader one of an unlisted number, gone through one after another inside each epoch?"""
    sources = [t.source for t in interp.turns if isinstance(t.source, Seq)]
    return any(not s.complete and any(isinstance(v, Loader) for v in s.items) for s in sources)


def _encoded_in_loop(draft: Draft, made: Encoded) -> None:
    """Each batch is tokenised or padded inside the loop: the model is called with what that gives."""
    rows = draft.rows or made.rows
    if rows is None and made.truncation is not None:
        rows = Rows()
    if rows is None or rows.shape not in (Shape.RAW, Shape.OWN):
        return
    padding = {"longest": "dynamic", "max_length": "max_length"}.get(made.padding, "unknown")
    draft.rows = rows
    draft.collator = Collator(
        padding, "", True, made.max_length if padding == "max_length" else None, made.cells
    )
    draft.cells |= made.cells


def _from_loader(draft: Draft, loader: Loader) -> None:
    draft.rows = loader.rows
    draft.collator = loader.collator
    draft.grouping = loader.grouping
    draft.tries += loader.tries
    draft.batch_size = loader.batch_size
    draft.cells |= loader.cells | cells_of(loader.rows)


def keras_fit(interp: Interpreter, model: Value, call: Call) -> Value:
    """`model.fit(…)`."""
    source = call.arg(0, "x")
    held = call.arg(None, "validation_data")
    draft = Draft(
        cell=interp.cell.index,
        kind="keras",
        quote=interp.cell.quote(call.node) if interp.code is interp.cell and call.node is not None else "",
        inside=interp.unsure > 0,
        site=call.node,
        batch_size=call.arg(None, "batch_size"),
        epochs=call.arg(None, "epochs") or Const(1),
        cells=interp.now,
    )
    if isinstance(source, Loader):
        size = draft.batch_size
        _from_loader(draft, source)
        draft.batch_size = draft.batch_size or size
    else:
        draft.rows = dataset_rows(interp, source) if not isinstance(source, Seq) else seq_rows(interp, source)
        draft.collator = DEFAULT
        if isinstance(source, Instance):  # a Sequence of the student's makes whole batches
            draft.collator = collator_of_batches(draft.rows)
        draft.cells |= cells_of(draft.rows, source)
        if draft.batch_size is None:
            draft.batch_size = Const(32)
    share = call.const(None, "validation_split", default=None)
    if isinstance(share, float) and draft.rows is not None:
        count = draft.rows.rows
        keep = None if count is None else int(count * (1 - share))
        whole = draft.rows
        draft.eval_rows = whole.step(
            "keras-split", share, "test", rows=None if count is None else count - (keep or 0)
        )
        draft.rows = whole.step("keras-split", share, "train", rows=keep)
    elif held is not None:
        draft.eval_rows = dataset_rows(interp, held) if not isinstance(held, Seq) else seq_rows(interp, held)
        draft.cells |= cells_of(draft.eval_rows)
    else:
        draft.eval_known = True
    settle_model(interp, model, draft)
    report(interp, draft)
    return Unknown(cells=interp.now)


def collator_of_batches(rows: Rows | None) -> Collator:
    """A class that yields batches: rows padded inside one batch are padded dynamically."""
    padded = rows is not None and rows.shape is Shape.OWN
    return Collator("dynamic" if padded else "unknown", "", True)


def keras_evaluate(interp: Interpreter, model: Value, call: Call) -> Value:
    """`model.evaluate(…)` after a fit that had nothing to validate on."""
    rows = rows_in(call.arg(0, "x"))
    found = model_in(model)
    for draft in reversed(interp.runs):
        if draft.kind == "keras" and found is not None and draft.model_uid == found.uid:
            if draft.eval_rows is None and rows is not None and not interp.muted:
                draft.eval_rows, draft.eval_after = rows, True
            break
    return Unknown(cells=interp.now)
