"""What the interpreter writes down while it reads: events (→ observations) and drafts of runs.

Plain data between interpret/calls (who write it) and runs/hazards (who read it).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from grader.source.values import NONE, Args, Cells, Collator, Loader, Rows, Value


@dataclass(frozen=True)
class Event:
    kind: str
    """facts.Kind."""
    cell: int
    """Where it is written."""
    value: dict[str, Any]
    quote: str
    by: int
    """The cell that was running."""


@dataclass(frozen=True)
class Measuring:
    """A later `trainer.evaluate(…)` or `trainer.predict(…)`."""

    cell: int
    rows: Rows | None
    trained: Rows | None
    """What its Trainer trains on."""
    chosen_by: Rows | None
    """What its Trainer evaluates on while training."""


@dataclass
class Draft:
    """A training as it was met, before it becomes a TrainingRun."""

    cell: int
    kind: str
    quote: str
    name: str = ""
    rows: Rows | None = None
    eval_rows: Rows | None = None
    collator: Collator | None = None
    loader: Loader | None = None
    args: Args | None = None
    grouping: str = "none"
    tries: tuple[str, ...] = ()
    batch_size: Any = None
    epochs: Any = None
    start: str = "unknown"
    continued_from: int | None = None
    model: str = ""
    model_uid: int | None = None
    model_variable: str = ""
    eval_known: bool = False
    """True where no evaluation during training is meant (eval_rows None is a fact)."""
    eval_after: bool = False
    """Evaluated only once it was trained: nothing was chosen by it."""
    earlier_rows: tuple[Rows, ...] = ()
    """What the same weights were trained on before."""
    extra: dict[str, str] = field(default_factory=dict)
    optimizer: dict[str, str] = field(default_factory=dict)
    """Arguments of an optimizer handed to Trainer: they win over TrainingArguments."""
    cells: Cells = NONE
    inside: bool = False
    """In a branch that may not be taken."""
    several: bool = False
    """Its loader is one of several that are gone through in turn."""
    made_in_loop: Any = None
    """The Encoded the model is called with, where the loop itself tokenises."""
    site: Any = None
    """The ast node of the training, to tell the same one from another."""
    values: list[Value] = field(default_factory=list)
