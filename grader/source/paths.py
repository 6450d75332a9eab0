"""Paths of one machine that the notebook reads: `pd.read_csv('/content/drive/…')`, `from_pretrained(path)`.

Followed by names over the whole notebook, without order. What the notebook makes itself (`output_dir`, what
it saves) is no hazard on another machine, nor is a path that nobody is seen to read; in doubt nothing is
said.
Called by witness.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from grader.facts import Kind
from grader.records import Observation, Witness
from grader.source.cells import Code

READS = {
    "open", "read_csv", "read_table", "read_json", "read_excel", "read_parquet", "read_pickle",
    "read_feather", "load_from_disk", "load_dataset", "from_pretrained", "from_csv", "from_json", "from_text",
    "from_parquet", "load", "loadtxt", "genfromtxt", "imread", "load_model", "load_weights", "load_file",
    "load_adapter", "TextLineDataset", "listdir", "scandir", "iglob", "glob", "walk", "chdir", "ZipFile",
    "unpack_archive", "addfont", "FontProperties", "truetype", "pipeline",
}  # fmt: skip
MOVES = {"copy", "copyfile", "copytree", "move"}
"""Read their first argument, make their second."""
ON_ITSELF = {"read_text", "read_bytes", "open", "iterdir", "glob", "rglob"}
"""Read the path they are called on: `Path('…').read_text()`."""
READ_KEYWORDS = {"resume_from_checkpoint", "model_name_or_path", "data_files", "data_dir"}
WRITTEN_KEYWORDS = {
    "output_dir", "logging_dir", "cache_dir", "save_dir", "local_dir", "log_dir", "dst", "filepath",
}  # fmt: skip
WRITES = {
    "TrainingArguments", "Seq2SeqTrainingArguments", "makedirs", "mkdir", "savefig", "dump", "to_csv",
    "to_json", "to_excel", "to_parquet", "to_pickle", "push_to_hub", "urlretrieve", "SummaryWriter",
    "ModelCheckpoint",
}  # fmt: skip
_PATH = re.compile(
    r"^(?:~|/?aiffel/|/(?:content|aiffel|root|home|kaggle|mnt|workspace|data|Users|tmp|usr|drive|opt)\b|[A-Za-z]:[\\/])"
)
_SHELL_PATH = re.compile(r"(?:~|/(?:content|aiffel|home|root))/\S+")
_SHELL_WRITES = re.compile(r"^[\s!%]*(?:mkdir|wget|curl|git|unzip|tar|touch|gdown|rm|kaggle|pip)\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def find(codes: tuple[Code, ...]) -> list[Observation]:
    """HARD_CODED_PATH, each path once a cell."""
    nodes = [(code, node) for code in codes for node in ast.walk(code.tree)]
    calls = [node for _, node in nodes if isinstance(node, ast.Call)]
    given = [pair for _, node in nodes for pair in _given(node)]
    own = {node.name: node for _, node in nodes if isinstance(node, Function)}
    for call in calls:
        if (function := own.get(_called(call))) is not None:
            given += _passed(call, function)
    read, written = _Reach(given), _Reach(given)
    for call in calls:
        for node, is_read in _uses(call):
            (read if is_read else written).take(node)
    read.follow()
    written.follow()
    made = {text for text in written.texts if len(text) > 2}
    found = []
    for code in codes:
        told: set[str] = set()
        for line, command in code.shell:
            match = _SHELL_PATH.search(command)
            if match and not _SHELL_WRITES.match(command) and match[0] not in told:
                told.add(match[0])
                found.append(_say(code, line, match[0]))
        for node in ast.walk(code.tree):
            if isinstance(node, ast.Constant) and id(node) in read.constants and node.value not in told:
                text = node.value
                if _is_path(text) and not any(f"{text}/".startswith(f"{m.rstrip('/')}/") for m in made):
                    told.add(text)
                    found.append(_say(code, node, text))
    return found


def _say(code: Code, node: ast.AST | int, path: str) -> Observation:
    return Observation(
        witness=Witness.SOURCE,
        kind=Kind.HARD_CODED_PATH,
        cell=code.index,
        value={"path": path},
        quote=code.quote(node),
    )


def _is_path(text: str) -> bool:
    return 2 < len(text) < 300 and "\n" not in text and _PATH.match(text) is not None


class _Reach:
    """Names and texts that reach a use, through what was assigned to the names."""

    def __init__(self, given: list[tuple[str, ast.AST]]) -> None:
        self._given = given
        self.names: set[str] = set()
        self.texts: set[str] = set()
        self.constants: set[int] = set()

    def take(self, node: ast.AST) -> None:
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                self.texts.add(part.value)
                self.constants.add(id(part))
            elif isinstance(part, ast.Name):
                self.names.add(part.id)

    def follow(self) -> None:
        done: set[str] = set()
        while new := self.names - done:
            done |= new
            for name, value in self._given:
                if name in new and not _computed(value):
                    self.take(value)


def _given(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """(name, what it is given), of assignments and loops."""
    match node:
        case ast.Assign(targets=targets, value=value):
            pairs = [(target, value) for target in targets]
        case ast.AnnAssign(target=target, value=value) if value is not None:
            pairs = [(target, value)]
        case ast.NamedExpr(target=target, value=value):
            pairs = [(target, value)]
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            pairs = [(target, value)]
        case _:
            pairs = []
    for target, value in pairs:
        parts = [(target, value)]
        both = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
        if both and len(target.elts) == len(value.elts):
            parts = list(zip(target.elts, value.elts, strict=True))
        for one, gets in parts:
            for name in ast.walk(one):
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                    yield name.id, gets


def _passed(call: ast.Call, function: Function) -> Iterator[tuple[str, ast.AST]]:
    """(parameter, what it is given), of a call of the notebook's own function."""
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    yield from zip(names, call.args, strict=False)
    yield from ((word.arg, word.value) for word in call.keywords if word.arg)


def _computed(value: ast.AST) -> bool:
    """Is it something read or made, rather than a path put together? `df = pd.read_csv('…')` is no path."""
    return isinstance(value, ast.Call) and _called(value) in (READS | WRITES) - {"glob", "iglob", "listdir"}


def _uses(call: ast.Call) -> Iterator[tuple[ast.AST, bool]]:
    """What a call reads (True) or makes (False)."""
    name = _called(call)
    writes = name in WRITES or name.startswith("save") or (name == "open" and _opens_to_write(call))
    reads = name in READS and not writes
    if name in ON_ITSELF and isinstance(call.func, ast.Attribute) and not writes:
        yield call.func.value, True
    if name in MOVES:
        yield from ((node, n == 0) for n, node in enumerate(call.args))
        return
    if name == "save" and call.args and len(call.args) > 1:  # torch.save(what, where)
        yield call.args[1], False
        return
    for node in call.args if reads or writes else ():
        yield node, reads
    for word in call.keywords:
        if word.arg in WRITTEN_KEYWORDS:
            yield word.value, False
        elif reads or writes or word.arg in READ_KEYWORDS:
            yield word.value, not writes


def _opens_to_write(call: ast.Call) -> bool:
    mode = next((w.value for w in call.keywords if w.arg == "mode"), None)
    if mode is None:
        place = 0 if isinstance(call.func, ast.Attribute) and len(call.args) == 1 else 1
        mode = call.args[place] if len(call.args) > place else None
    text = mode.value if isinstance(mode, ast.Constant) and isinstance(mode.value, str) else ""
    return len(text) <= 3 and any(letter in text for letter in "wax")


def _called(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))
