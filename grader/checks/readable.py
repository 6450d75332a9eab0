"""Is all of the code there to be read? Only then does "no training was found" mean that there was none.

Not covered: what the readable code does; the source witness says that. Used by items 1 to 3.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator

from grader.records import Cell, Evidence

_LIBRARIES = """
    numpy pandas torch torchvision torchaudio transformers datasets tokenizers evaluate accelerate
    sklearn scipy matplotlib seaborn plotly tqdm IPython ipywidgets tensorflow keras tf_keras
    huggingface_hub konlpy google PIL requests wandb psutil pyarrow safetensors sentencepiece
    koreanize_matplotlib wordcloud
"""
KNOWN = frozenset(_LIBRARIES.split())
"""Libraries whose calls that train are known by name (`_TRAINS`); any other import is unread code."""

_ELSEWHERE = {"runpy", "importlib", "subprocess", "imp", "ctypes", "multiprocessing"}
"""Modules of Python that run code which doesn't stand in the notebook."""

_BUILTINS_ELSEWHERE = {
    "exec",
    "eval",
    "compile",
    "__import__",
    "getattr",
    "notebook_launcher",
    "import_module",
}
_METHODS_ELSEWHERE = {
    "import_module", "system", "popen", "run_cell", "run_line_magic", "run_cell_magic", "safe_execfile",
}  # fmt: skip

_TRAINS = re.compile(
    r"(?<!pre)train(?!_test_split|able|ing_?arg|er$)|(?<![a-z])fit|backward|minimize|fine_?tun", re.I
)
"""Names of calls that may train; `Trainer(...)`, `train_test_split` and `from_pretrained` don't."""

_HARMLESS_SHELL = re.compile(
    r"\s*(?:[!%]\s*)?(?:pip3?|apt(?:-get)?|conda|python3? -m pip|python3? (?:-V|--version)|ls|nvidia-smi"
    r"|wget|curl|git|cat|head|tail|wc|unzip|tar|mkdir|cp|mv|rm|echo|pwd|df|free|du|cd|lscpu|gdown|fc-\w+)\b"
)
_MAGIC = re.compile(r"^[ \t]*(?:\w[\w, ]*=[ \t]*)?((?:!|%%?(?=[A-Za-z])).*)$", re.M)
_HARMLESS_MAGIC = re.compile(
    r"\s*%%?(?:time|timeit|matplotlib|capture|config|env|set_env|autoreload|load_ext|cd|pwd|ls|reload_ext|who"
    r"|whos|reset|mkdir)\b"
)


def unread(evidence: Evidence) -> tuple[int, ...]:
    """Executed cells that run code which can't be read here: an unknown module, a script, a name that no
    cell defines. Such a cell may train; a cell of readable code that calls something that trains counts
    as well."""
    cells = [c for c in evidence.submission.cells if c.kind == "code" and c.source.strip()]
    trees = {c.index: _parse(c.source) for c in cells}
    known = set(dir(builtins)) | {"display", "get_ipython"}
    for tree in trees.values():
        known |= set(_defined(tree)) if tree is not None else set()
    return tuple(c.index for c in cells if _ran(c) and not _is_read(c, trees[c.index], known))


def _ran(cell: Cell) -> bool:
    return cell.execution_count is not None or bool(cell.outputs)


def _parse(source: str) -> ast.Module | None:
    """The tree without the lines of IPython; None where it isn't Python."""
    kept = _MAGIC.sub(lambda line: re.match(r"\s*", line.group()).group() + "pass", source)
    try:
        return ast.parse(kept)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _defined(tree: ast.Module) -> Iterator[str]:
    """Names that a cell binds, in any scope."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name


def _is_read(cell: Cell, tree: ast.Module | None, known: set[str]) -> bool:
    """Does all that this cell runs stand in the notebook, or in a library, and train nothing?"""
    if tree is None or not all(_is_harmless(line) for line in _MAGIC.findall(cell.source)):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = ["." if node.level else node.module or "."]
        else:
            modules = []
        if not all(_is_known(module) for module in modules):
            return False
        if isinstance(node, ast.Call) and not _is_known_call(node.func, known):
            return False
    return True


def _is_known(module: str) -> bool:
    root = module.split(".")[0]
    return root in KNOWN or (root in sys.stdlib_module_names and root not in _ELSEWHERE)


def _is_known_call(called: ast.expr, known: set[str]) -> bool:
    if isinstance(called, ast.Name):
        return called.id in known - _BUILTINS_ELSEWHERE and not _TRAINS.search(called.id)
    if isinstance(called, ast.Attribute):
        return called.attr not in _METHODS_ELSEWHERE and not _TRAINS.search(called.attr)
    return True


def starts_programs(evidence: Evidence, cells: tuple[int, ...]) -> bool:
    """Does one of `cells` start a program of the system? Our own run doesn't see inside those."""
    sources = [c.source for c in evidence.submission.cells if c.index in cells]
    return any(not _is_harmless(line) for source in sources for line in _MAGIC.findall(source))


def _is_harmless(line: str) -> bool:
    return bool(_HARMLESS_SHELL.match(line) or _HARMLESS_MAGIC.match(line))
