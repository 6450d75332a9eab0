"""What a variable can hold, as far as code tells: the abstract values of the interpreter.

Frozen types are facts about data (`Rows`, `Encoded`); mutable ones have an identity that later code
can change (`Args`, `Model`, `Trainer`, dicts, lists). Everything carries `cells`: the cells it rests on.
What can't be resolved is `Unknown`, never a guess. Nothing here interprets or decides.
"""

from __future__ import annotations

import ast
import copy
import itertools
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

Cells = frozenset[int]
NONE: Cells = frozenset()
_ids = itertools.count(1)


class Shape(StrEnum):
    """How long the rows of a data set are."""

    RAW = "raw"
    """Not tokenised."""
    OWN = "own"
    """Each row its own length."""
    FIXED = "fixed"
    """All rows one length."""
    BATCH = "batch"
    """Padded to the longest of each map batch."""
    UNKNOWN = "unknown"


class Value:
    """Base of all; `cells` are the cells the value rests on."""

    cells: Cells = NONE

    def __deepcopy__(self, memo: dict) -> Value:
        if type(self).__dataclass_params__.frozen:  # type: ignore[attr-defined]
            return self
        made = object.__new__(type(self))
        memo[id(self)] = made
        made.__dict__.update({k: copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        return made


@dataclass(frozen=True)
class Rows(Value):
    """A data set (Dataset, DataFrame, encodings, tensors): which rows, how long, how many."""

    origin: frozenset[str] = frozenset({"unknown"})
    """Files or hub splits the rows come from: 'train', 'test', 'validation', 'unknown'."""
    parts: frozenset[tuple] = frozenset()
    """Which rows: one path of derivations per source; equal paths mean equal rows."""
    rows: int | None = None
    shape: Shape = Shape.RAW
    max_length: int | None = None
    """Tokens a row is cut or padded to, if tokenised."""
    ordered: bool = False
    """Sorted by length."""
    lengths: frozenset[str] = frozenset()
    """Columns computed from how long a row is."""
    source: str = ""
    """Hub id, path or URL."""
    cells: Cells = NONE

    def step(self, *how: Any, rows: int | None = None, cells: Cells = NONE) -> Rows:
        """Other rows of these: each path grows by `how`."""
        parts = frozenset((*path, how) for path in self.parts)
        return replace(self, parts=parts, rows=rows, ordered=False, cells=self.cells | cells)


@dataclass(frozen=True)
class Unknown(Value):
    """Not resolved. `rows`: the data it was made from, if any; `hint`: the known part of a string."""

    rows: Rows | None = None
    hint: str = ""
    cells: Cells = NONE


@dataclass(frozen=True)
class Const(Value):
    """A number, string, bool or None."""

    value: Any
    cells: Cells = NONE


@dataclass(frozen=True)
class Lib(Value):
    """Something imported: 'transformers.Trainer'."""

    path: str
    cells: Cells = NONE

    @property
    def last(self) -> str:
        return self.path.rsplit(".", 1)[-1]


@dataclass(frozen=True)
class Column(Value):
    """One column of rows. `over`: of 'all' rows, of one map 'batch', or of 'one' row."""

    rows: Rows
    name: str = ""
    over: str = "all"
    cells: Cells = NONE


@dataclass(frozen=True)
class Item(Value):
    """What `map` hands to its function, a loader to a loop, a collator its features."""

    rows: Rows
    over: str = "one"
    cells: Cells = NONE


@dataclass(frozen=True)
class Encoded(Value):
    """What a tokenizer call returns. padding: 'max_length', 'longest', 'none' or 'unknown'."""

    padding: str
    max_length: int | None
    truncation: bool | None
    over: str
    rows: Rows | None = None
    cells: Cells = NONE


@dataclass(eq=False)
class Seq(Value):
    items: list[Value] = field(default_factory=list)
    complete: bool = True
    """False: holds more items than listed here."""
    cells: Cells = NONE
    ordered: bool = False
    """Sorted by length."""


@dataclass(eq=False)
class Mapping(Value):
    """dict or DatasetDict."""

    items: dict[Any, Value] = field(default_factory=dict)
    complete: bool = True
    split: tuple | None = None
    """Made by train_test_split: its id."""
    cells: Cells = NONE


@dataclass(eq=False)
class Loop(Value):
    """Something to iterate that is not listed: `range(n)`, enumerate and zip around others."""

    how: str
    """'range', 'enumerate' or 'zip'."""
    inner: tuple[Value, ...] = ()
    count: int | None = None
    """Of a range: how many turns."""
    cells: Cells = NONE


@dataclass(eq=False)
class Tokenizer(Value):
    name: str = ""
    model_max_length: int | None = None
    cells: Cells = NONE


@dataclass(eq=False)
class Function(Value):
    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scopes: tuple[dict[str, Value], ...] = ()
    defaults: dict[str, Value] = field(default_factory=dict)
    owner: Value | None = None
    kind: str = ""
    """'static', 'class', 'property' or ''."""
    code: Any = None
    """The `cells.Code` it is written in."""
    cells: Cells = NONE

    def __deepcopy__(self, memo: dict) -> Function:
        return self


@dataclass(eq=False)
class Class(Value):
    name: str
    node: ast.ClassDef
    bases: tuple[Value, ...] = ()
    attrs: dict[str, Value] = field(default_factory=dict)
    code: Any = None
    cells: Cells = NONE

    def __deepcopy__(self, memo: dict) -> Class:
        return self


@dataclass(eq=False)
class Instance(Value):
    cls: Class
    attrs: dict[str, Value] = field(default_factory=dict)
    cells: Cells = NONE


@dataclass(eq=False)
class Partial(Value):
    func: Value
    args: list[Value] = field(default_factory=list)
    kwargs: dict[str, Value] = field(default_factory=dict)
    cells: Cells = NONE


@dataclass(frozen=True)
class Method(Value):
    """`value.name`, not yet called."""

    owner: Value
    name: str
    cells: Cells = NONE


@dataclass(eq=False)
class Args(Value):
    """TrainingArguments."""

    fields: dict[str, Value] = field(default_factory=dict)
    cells: Cells = NONE


@dataclass(frozen=True)
class Collator(Value):
    """padding: 'dynamic', 'max_length', 'none' (stacks only) or 'unknown'."""

    padding: str
    name: str = ""
    own: bool = False
    max_length: int | None = None
    cells: Cells = NONE


@dataclass(eq=False)
class Model(Value):
    name: str = ""
    cls: str = ""
    start: str = "unknown"
    """'pretrained', 'random', 'checkpoint', 'unknown'."""
    framework: str = "pt"
    cells: Cells = NONE
    uid: int = field(default_factory=lambda: next(_ids))


@dataclass(frozen=True)
class Weights(Value):
    """A state_dict. `live`: shares memory with the model (no copy made)."""

    start: str
    trained: tuple[tuple[int, Rows | None], ...] | None
    model: Model | None = None
    live: bool = True
    cells: Cells = NONE


@dataclass(eq=False)
class Trainer(Value):
    fields: dict[str, Value] = field(default_factory=dict)
    cls: Class | None = None
    name: str = "Trainer"
    cells: Cells = NONE
    run: Any = None
    """The events.Draft of its last train()."""


@dataclass(eq=False)
class Loader(Value):
    """DataLoader, or a batched tf.data pipeline. grouping: 'none', 'length', 'unknown'."""

    rows: Rows | None
    collator: Collator | None = None
    batch_size: Value | None = None
    grouping: str = "none"
    shuffle: bool | None = False
    tries: tuple[str, ...] = ()
    framework: str = "pt"
    cells: Cells = NONE


@dataclass(frozen=True)
class Sampler(Value):
    """grouping as in Loader; `own`: written by the student."""

    grouping: str
    own: bool = False
    name: str = ""
    batch_size: Value | None = None
    rows: Rows | None = None
    batches: bool = False
    cells: Cells = NONE


@dataclass(frozen=True)
class Optimizer(Value):
    model: Model | None
    name: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    cells: Cells = NONE
