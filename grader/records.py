"""Every data type that crosses a file boundary: frozen, and to and from JSON with a version.

What this is: the vocabulary of the project. A witness reports `TrainingRun`s and `Observation`s in
a `Testimony`; `Evidence` holds all testimonies; checks turn one `Evidence` into `Verdict`s.
What this is not: nothing here reads a file, runs code or decides anything.

Read it top to bottom; each type uses only those above it. All cell numbers are 0-based over all
cells of the notebook, markdown included; those of a second notebook of the same submission begin at a
round hundred (see `Part`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

import msgspec

EVIDENCE_VERSION = 2
"""Raised whenever a change here makes an older evidence.json unreadable or mean something else."""


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of every type here: immutable, defaults left out of the JSON. Build with keywords."""


# ---------------------------------------------------------------- words shown to people


class Text(Record, omit_defaults=False):
    """One sentence or short paragraph (markdown allowed) in both languages of the project."""

    ko: str
    en: str

    def in_(self, lang: str) -> str:
        """The text in `lang`, 'ko' or 'en'."""
        return self.en if lang == "en" else self.ko


# ---------------------------------------------------------------- the notebook


class Output(Record):
    """One stored output of a cell, reduced to what a witness can read."""

    kind: str
    """'stream', 'result', 'display' or 'error'."""
    name: str = ""
    """'stdout'/'stderr' of a stream, the exception's class of an error."""
    text: str = ""
    """text/plain, the stream's text or the error's value; ANSI codes removed, length capped."""
    html: str = ""
    """text/html as stored (hostile until sanitised), length capped; '' if none."""
    traceback: str = ""
    """Of an error: its traceback, ANSI codes removed."""
    images: int = 0
    """How many images it holds (never their bytes)."""


class Cell(Record):
    """One cell as it lies in the file."""

    index: int
    kind: str
    """'code', 'markdown' or 'raw'."""
    source: str
    execution_count: int | None = None
    """The stored `In [n]`; None if never run (or outputs cleared)."""
    outputs: tuple[Output, ...] = ()
    attachments: int = 0
    """Images pasted into a markdown cell (attachments and base64 data URIs)."""


class Part(Record):
    """One of several notebooks that are read as one submission. Cell 107 is cell 7 of the part whose
    `first` is 100."""

    name: str
    """File name without folder."""
    sha256: str
    first: int
    """What its own cell numbers are raised by: 0, 100, 200, … (thousands where a part is longer)."""


class Submission(Record):
    """A notebook that could be read; or several of one student that belong together."""

    name: str
    """File name without folder."""
    sha256: str
    """Of the file's bytes."""
    cells: tuple[Cell, ...]
    language: str = "python"
    """The kernel's language as declared in the metadata."""
    python_version: str = ""
    nbformat: int = 4
    notes: tuple[Text, ...] = ()
    """What had to be repaired or was cut while reading; shown in the review."""
    parts: tuple[Part, ...] = ()
    """The notebooks it is made of, in order; () for the usual one."""

    def cell(self, number: int | None) -> Cell | None:
        """The cell of that number; None where there is none."""
        if number is None or number < 0:
            return None
        if number < len(self.cells) and self.cells[number].index == number:
            return self.cells[number]
        return next((cell for cell in self.cells if cell.index == number), None)


# ---------------------------------------------------------------- what a witness reports


class Witness(StrEnum):
    """Who says it."""

    SOURCE = "source"
    """What is written: code, and the student's words."""
    RECORDED = "recorded"
    """What the stored outputs say."""
    OBSERVED = "observed"
    """What happened when the grader ran it."""
    VERIFIED = "verified"
    """What the model left behind scores on hidden rows."""


class Citation(Record):
    """A place in the notebook that a statement rests on."""

    cell: int
    quote: str = ""
    """At most a few lines, verbatim."""
    witness: Witness = Witness.SOURCE


class Observation(Record):
    """One fact, no opinion. `kind` is a member of `facts.Kind`, whose comment gives `value`'s shape."""

    witness: Witness
    kind: str
    cell: int | None = None
    value: dict[str, Any] = {}
    quote: str = ""
    """The line(s) it rests on, verbatim, at most about 300 characters."""


class Evaluation(Record):
    """One measurement of accuracy on held-out rows."""

    cell: int
    accuracy: float | None = None
    """0..1."""
    loss: float | None = None
    rows: int | None = None
    """How many rows it was measured on, if known."""
    split: str = "unknown"
    """'validation', 'test', 'train' or 'unknown': which rows they were, by where they came from,
    never by the variable's name alone."""
    epoch: float | None = None
    step: int | None = None
    seconds: float | None = None
    quote: str = ""


class Padding(StrEnum):
    """How the rows of a batch get one length."""

    MAX_LENGTH = "max-length"
    """Every row padded to one fixed length before batching."""
    MAP_BATCH = "map-batch"
    """`padding=True` inside a batched `map`: to the longest of about 1,000 rows."""
    DYNAMIC = "dynamic"
    """To the longest row of the training batch (collator)."""
    UNKNOWN = "unknown"


class Grouping(StrEnum):
    """Which rows come into a batch together."""

    NONE = "none"
    """At random or in file order."""
    LENGTH = "length"
    """By length: group_by_length, LengthGroupedSampler, own bucketing sampler, tf.data bucketing."""
    UNKNOWN = "unknown"


class Start(StrEnum):
    """Which weights a run begins with."""

    PRETRAINED = "pretrained"
    RANDOM = "random"
    CONTINUED = "continued"
    """Weights an earlier run of this notebook has already trained."""
    CHECKPOINT = "checkpoint"
    """Loaded from a folder of fine-tuned weights."""
    UNKNOWN = "unknown"


class Ending(StrEnum):
    """How a run, a cell or a whole execution ended. Ordered from best to worst."""

    COMPLETED = "completed"
    EARLY_STOPPED = "early-stopped"
    """By the student's own early stopping."""
    BUDGET = "budget"
    """Cut short by our own budget: not the student's doing."""
    CELL_ERROR = "cell-error"
    INTERRUPTED = "interrupted"
    """KeyboardInterrupt in the stored output."""
    CELL_TIMEOUT = "cell-timeout"
    TOTAL_TIMEOUT = "total-timeout"
    OUT_OF_MEMORY = "out-of-memory"
    DISK_LIMIT = "disk-limit"
    OUTPUT_FLOOD = "output-flood"
    KERNEL_DIED = "kernel-died"
    KILLED = "killed-by-watchdog"
    SANDBOX_FAULT = "sandbox-fault"
    """Our failure, never the student's."""
    UNKNOWN = "unknown"

    @property
    def stopped(self) -> bool:
        """Did a training end halfway, by its author's hand or an error? Its time is then no training's."""
        return self in (Ending.INTERRUPTED, Ending.CELL_ERROR, Ending.OUT_OF_MEMORY)


class TrainingRun(Record):
    """One training, the unit of comparison. The same type whichever witness reports it; None or
    UNKNOWN where that witness can't know."""

    witness: Witness
    cell: int
    """The cell that starts it (`trainer.train()`, the loop, `fit`)."""
    order: int = 0
    """0, 1, … among the runs of this witness in this cell."""
    cells: tuple[int, ...] = ()
    """All cells it depends on: tokenisation, arguments, collator, dataset, model."""
    name: str = ""
    """What the notebook calls it (output_dir, variable), for people only."""
    kind: str = "trainer"
    """'trainer', 'torch-loop', 'accelerate', 'keras', 'unknown'."""
    executed: bool | None = None
    """Did it run? (source: has the cell an execution count or output)."""
    ending: Ending = Ending.UNKNOWN

    padding: Padding = Padding.UNKNOWN
    grouping: Grouping = Grouping.UNKNOWN
    attempts: tuple[str, ...] = ()
    """Ways of bucketing that were tried: 'group_by_length', 'collator', 'own-sampler',
    'own-collator', 'tf.data', 'map-batch', 'sorted-rows'; whether they take effect or not."""
    max_length: int | None = None
    """Tokens a row is cut or padded to."""

    rows: int | None = None
    """Training rows."""
    distinct_rows: int | None = None
    batch_size: int | None = None
    """Rows per optimizer step and device."""
    steps: int | None = None
    """Optimizer steps really made."""
    steps_planned: int | None = None
    epochs: float | None = None
    """Epochs really run."""
    epochs_planned: float | None = None
    tokens_per_row: float | None = None
    """Padded tokens per training row, padding included."""
    real_tokens_per_row: float | None = None
    padding_share: float | None = None
    """0..1 of the processed tokens that are padding."""
    stand_in: tuple[str, ...] = ()
    """Of a merged run: the fields counted in the classroom's stand-in reviews instead of NSMC."""
    total_flos: float | None = None
    seconds: float | None = None
    """Of training as the notebook or the clock gives it."""
    examples_per_second: float | None = None
    """Observed: padded tokens a second over `tokens_per_row`, as if all batches had been run."""
    examples_per_second_spread: float | None = None
    """Half the inter-quartile range over batches, in examples/s."""
    learning_rates: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()
    """Training losses in order (logged, or per batch when observed; at most 200, thinned)."""
    evaluations: tuple[Evaluation, ...] = ()
    start: Start = Start.UNKNOWN
    continued_from: int | None = None
    """Cell of the run whose weights it goes on with."""
    model: str = ""
    """Hub id or class of the model."""
    trainable_share: float | None = None
    """0..1 of its weights that are trained: below 1 an adapter, or frozen layers."""
    arguments: dict[str, str] = {}
    """Hyperparameters as written or passed, by TrainingArguments' names."""
    leaked_rows: int | None = None
    """Rows trained on that also occur in the evaluation rows."""
    eval_split: str = "unknown"
    """Which split its evaluation uses: 'validation', 'test', 'train', 'unknown'."""
    precision: str = ""
    device: str = ""
    peak_memory_mb: float | None = None
    quote: str = ""


class Testimony(Record):
    """All that one witness says."""

    witness: Witness
    runs: tuple[TrainingRun, ...] = ()
    """In order of cell, then of execution."""
    evaluations: tuple[Evaluation, ...] = ()
    """Those that belong to no run (a later `trainer.evaluate`, `evaluate` of a loaded model)."""
    observations: tuple[Observation, ...] = ()


# ---------------------------------------------------------------- running


class Limits(Record, omit_defaults=False):
    """What a notebook may use. The human name stands beside each number where it is shown."""

    total_seconds: float = 900.0
    cell_seconds: float = 600.0
    memory_mb: int = 4096
    disk_mb: int = 2048
    processes: int = 512
    output_bytes_per_cell: int = 4_000_000
    output_bytes: int = 16_000_000
    message_bytes: int = 8_388_608
    """ZMQ_MAXMSGSIZE."""
    event_bytes: int = 32_000_000
    """Everything the probe may send."""


class Budget(Record, omit_defaults=False):
    """How much of each training or evaluation loop is really run. None = no cap."""

    train_batches: int | None = 24
    eval_batches: int | None = 8
    seconds: float | None = None
    """Per loop; whichever is reached first."""


class Lack(StrEnum):
    """What our classroom hasn't got."""

    THING = "thing"
    """A file, data set, model or metric; `CellRun.why` names it."""
    PACKAGE = "package"
    GPU = "gpu"
    GPU_MEMORY = "gpu-memory"
    MEMORY = "memory"
    """The author's machine had more than our limit."""
    PERSON = "person"
    """Somebody to answer input()."""
    NETWORK = "network"
    LAYERS = "layers"
    """The stand-in model has fewer than the real one."""
    BATCHES = "batches"
    """Our budget ended a loop before it had what comes after."""
    EARLIER = "earlier-cell"
    """A name of a cell that failed for one of these reasons."""


class CellRun(Record):
    """One cell as we ran it."""

    index: int
    ending: Ending
    seconds: float
    error_name: str = ""
    error_value: str = ""
    lack: Lack | None = None
    """What it wanted in vain, where it failed for a reason of our classroom and not of the notebook."""
    why: str = ""
    """The thing it wanted, or the words of the error (English, short)."""
    output_tail: str = ""
    """Last 2,000 characters of text output."""
    execution_order: int | None = None

    @property
    def environment(self) -> bool:
        """Did it fail for a reason of our classroom?"""
        return self.lack is not None


class NoteKind(StrEnum):
    """What a note about an isolation says."""

    CGROUP = "memory-cgroup"
    """The memory limit is a control group's."""
    SCOPE = "memory-scope"
    """… a systemd scope's."""
    ENGINE_LIMIT = "memory-engine"
    """… the container engine's."""
    WATCHDOG = "memory-watchdog"
    """… kept by rlimits and a watchdog alone."""
    SECCOMP_ALONE = "namespaces-by-seccomp-alone"
    UNSIZED = "temporary-folders-unsized"
    OPEN = "not-covered"
    """A hole that every isolation of this name has."""
    OPEN_SOCKETS = "not-covered-abstract-sockets"
    OPEN_SHM = "not-covered-shared-memory"
    NO_ISOLATION = "no-isolation"
    ENGINE = "engine"
    """Its name, version and kind: 'podman 4.3.1, rootless'."""
    WARM_FAILED = "warm-kernel-failed"
    NOT_WARM = "not-warm"
    """Warm kernels can't be had here, by design."""
    GPU_BUSY = "gpu-busy"
    GPU_UNKNOWN = "gpu-unknown"


class Note(Record):
    """One thing about how a notebook was isolated."""

    kind: NoteKind
    detail: str = ""
    """For staff (English)."""


class Observed(Record):
    """The observed witness: its testimony and how it came about."""

    testimony: Testimony
    cells: tuple[CellRun, ...]
    ending: Ending
    reason: Text | None = None
    """Why it ended, for people, when not COMPLETED."""
    profile: str = "pocket"
    """'pocket' (stand-in model and data) or 'full'."""
    runtime: str = "current"
    isolation: str = "none"
    """'bubblewrap', 'landlock', 'container' or 'none'."""
    isolation_notes: tuple[Note, ...] = ()
    budget: Budget = Budget()
    limits: Limits = Limits()
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    unverified: tuple[str, ...] = ()
    """Reasons why the probe's word is not enough here (forged or implausible events)."""
    replaced: tuple[int, ...] = ()
    """Cells that replace functions which train or measure, or whose own accuracy disagrees with a count over
    the same forward passes: an accuracy this notebook prints proves nothing."""


class ModelScore(Record):
    """One model left behind, scored outside the student's reach."""

    run_cell: int | None
    accuracy: float | None
    """On hidden rows, 0..1."""
    low: float | None = None
    high: float | None = None
    """95 % Wilson interval."""
    rows: int = 0
    parameters_changed: float | None = None
    """Share of weights that differ from the base model, 0..1."""
    label: str = "last"
    """'best' or 'last'."""
    claimed: float | None = None
    """What the notebook itself measured for this model under the same budget."""
    reference: float | None = None
    """What an honest fine-tuning reaches on the same rows at the same budget: mean over seeds."""
    reference_low: float | None = None
    reference_high: float | None = None
    """95 % interval of one more such run."""


class Verified(Record):
    """The verified witness."""

    scores: tuple[ModelScore, ...] = ()
    reason: Text | None = None
    """Why there is no score, where there is none."""
    notes: tuple[Text, ...] = ()
    """What else a reader must know: models that were refused, where the hidden rows come from."""
    seconds: float = 0.0


class Evidence(Record, omit_defaults=False):
    """Everything known about one submission; the only argument of a check."""

    version: int
    submission: Submission
    source: Testimony
    recorded: Testimony
    observed: Observed | None = None
    """None: it was not run."""
    not_run: Text | None = None
    """Why it was not run."""
    verified: Verified | None = None
    grader_version: str = ""
    faults: tuple[str, ...] = ()
    """Stages of the grader that failed, with the reason (English, for staff). What they would have
    said is missing, so an item that needs it is UNDECIDED."""


# ---------------------------------------------------------------- judging


class Status(StrEnum):
    """A verdict. UNDECIDED: a person must look, and the reason says why; never a zero."""

    PASS = "PASS"
    PARTIAL = "PARTIAL"
    FAIL = "FAIL"
    UNDECIDED = "UNDECIDED"


class Bucketing(StrEnum):
    """What bucketing did, over the whole notebook."""

    EFFECTIVE = "effective"
    NO_OP = "no-op"
    """Tried and executed, padding did not fall."""
    ABSENT = "absent"
    UNEXECUTED = "unexecuted"
    """Written, never run."""
    UNKNOWN = "unknown"


class RubricItem(Record):
    """One line of rubric.toml."""

    id: str
    """'r1'…'r3'."""
    text: Text
    points: float = 1.0
    thresholds: dict[str, float] = {}


class Verdict(Record):
    """One item or question, decided."""

    item: str
    """'r1'…'r3' (rubric) or 'q1'…'q5' (PRT questions)."""
    status: Status
    expected: Text
    actual: Text
    reason: Text
    """For the student: two or three sentences."""
    points: float | None = None
    """None when UNDECIDED."""
    citations: tuple[Citation, ...] = ()
    next_step: Text | None = None
    """One thing the student can do in the notebook; there for every FAIL and PARTIAL."""
    praise: Text | None = None
    """What was done well, with its cell."""
    person: Text | None = None
    """What a person must still decide (✍️)."""
    staff_note: str = ""
    """For staff only (English): tracebacks of a crashed check, internal doubts."""
    questions: tuple[Text, ...] = ()
    """Questions to ask the coder, made from this notebook's own facts (q4: three of them)."""
    code: Text | None = None
    """Improved code (Python) that a reviewer may hand on, beginning with a comment line that names the
    cell and says why; None where there is none to offer."""


class Finding(Record):
    """Something worth a reader's attention that is no verdict: a contradiction, a hazard, a good idea."""

    id: str
    """kebab-case name, e.g. 'stale-output', 'confounded', 'test-as-validation'."""
    severity: str
    """'praise', 'note', 'warning' or 'contradiction'."""
    text: Text
    citations: tuple[Citation, ...] = ()
    question: Text | None = None
    """A question to ask the coder that this finding suggests."""
    code: Text | None = None
    """Improved code (Python) that a reviewer may hand on, beginning with a comment line that names the
    cell and says why; None where there is none to offer."""


class Facts(Record, omit_defaults=False):
    """The settled facts, after the witnesses were compared; what results.json calls `facts`."""

    bucketing: Bucketing = Bucketing.UNKNOWN
    tokens_per_row: dict[str, float] = {}
    """By run, key 'cell N' or 'cell N #k'."""
    best_accuracy: float | None = None
    best_accuracy_cell: int | None = None
    goal: float | None = None
    """The accuracy that was asked for, of the profile it was measured on."""
    stand_in: bool = False
    """Was it measured on the stand-in model, in a whole run of our own?"""
    eval_split: str = "unknown"
    """'validation', 'test-as-validation', 'subset:N', 'train', 'unknown'."""
    runs: tuple[TrainingRun, ...] = ()
    """Merged over the witnesses, in notebook order (each field from the most trustworthy witness)."""
    baseline: int | None = None
    """Index into `runs` of the run without bucketing in the comparison, if settled."""
    bucketed: int | None = None
    """Index into `runs` of the run with bucketing."""
    compared: str = "none"
    """'both' (time and accuracy of both runs stored), 'one', 'typed', 'none'."""
    analysed: str = "no"
    """'yes', 'short' or 'no': does the student interpret the result in words?"""
    leak: bool | None = None
    test_as_validation: bool | None = None
    confounded: tuple[str, ...] = ()
    """What differs between the compared runs besides bucketing: 'rows', 'epochs', 'batch_size',
    'start', 'learning_rate', 'precision', …"""


class Judgement(Record):
    """The result of deciding: all that review and report are made from."""

    items: tuple[Verdict, ...]
    """r1, r2, r3."""
    questions: tuple[Verdict, ...]
    """q1…q5 of the V0 template (other templates map onto these and `findings`)."""
    facts: Facts
    findings: tuple[Finding, ...] = ()
    rubric: tuple[RubricItem, ...] = ()
    more: tuple[Verdict, ...] = ()
    """What only some templates ask (`checks.questions.beyond`): 'tried', 'reflected', 'split', …; PASS
    where the notebook shows it, UNDECIDED where a person must look."""


class Interval(NamedTuple):
    """A 95 % confidence interval."""

    low: float
    high: float


# ---------------------------------------------------------------- JSON


R = TypeVar("R", bound=Record)


def to_json(record: Record, *, pretty: bool = True) -> bytes:
    """`record` as UTF-8 JSON."""
    raw = msgspec.json.encode(record)
    return msgspec.json.format(raw, indent=1) if pretty else raw


def from_json(raw: bytes, kind: type[R]) -> R:
    """`raw` as a `kind`. Raises msgspec.ValidationError with the JSON path of what is wrong."""
    return msgspec.json.decode(raw, type=kind)
