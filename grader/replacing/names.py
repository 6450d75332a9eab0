"""Which names of a notebook stand for a Trainer, a function or a string, over all its cells.

Called by `replacing`.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence

TRAINERS_OWN = frozenset(
    {"evaluate", "prediction_step", "evaluation_loop", "prediction_loop", "training_step"}
)
SHARED = frozenset({"predict", "train"})
"""Names that a table of predictions or a folder of splits may have as well."""
METHODS = TRAINERS_OWN | SHARED
MEASURES = frozenset({"accuracy_score", "load_metric"})
"""Functions of sklearn and datasets that count."""
FOLDED = 200
"""Characters of a name put together from pieces."""
_MAGIC = re.compile(r"^(\s*)[!%].*$", re.M)
_SHELL = re.compile(r"^(\s*[\w., ]+=\s*)[!%].*$", re.M)

Function = ast.FunctionDef | ast.Lambda


def parsed(source: str) -> ast.Module | None:
    """The syntax tree, magics left out; None if there is none."""
    plain = _SHELL.sub(r"\1None", _MAGIC.sub(r"\1pass", source))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class Names:
    """Of one notebook, in whatever order its cells are: once a Trainer, always one to be careful of."""

    def __init__(self, trees: Sequence[ast.Module]) -> None:
        self.trainers: set[str] = {"Trainer"}
        """Classes."""
        self.instances: set[str] = set()
        self.functions: dict[str, Function] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self.strings: dict[str, str] = {}
        self.given_as_metrics: set[str] = {"compute_metrics"}
        """Functions that are handed to a Trainer to count."""
        nodes = [node for tree in trees for node in ast.walk(tree)]
        for node in nodes:
            match node:
                case ast.FunctionDef(name=name):
                    self.functions[name] = node
                case ast.ClassDef(name=name):
                    self.classes[name] = node
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda() as value):
                    self.functions[name] = value
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if text := self.text(value):
                    self.strings[name] = text
                case ast.keyword(arg="compute_metrics", value=ast.Name(id=name)):
                    self.given_as_metrics.add(name)
                case ast.Assign(targets=[ast.Attribute(attr="compute_metrics")], value=ast.Name(id=name)):
                    self.given_as_metrics.add(name)
                case ast.ImportFrom(names=imported):
                    self.trainers |= {a.asname or a.name for a in imported if a.name.endswith("Trainer")}
        for _ in range(4):  # an alias of a subclass of an alias
            before = len(self.trainers) + len(self.instances)
            for node in nodes:
                self._spread(node)
            if len(self.trainers) + len(self.instances) == before:
                break

    def _spread(self, node: ast.AST) -> None:
        match node:
            case ast.ClassDef(name=name, bases=bases) if any(map(self.is_trainer_class, bases)):
                self.trainers.add(name)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if self.is_trainer_class(value):
                    self.trainers.add(name)
                elif (isinstance(value, ast.Call) and self.is_trainer_class(value.func)) or (
                    isinstance(value, ast.Name) and value.id in self.instances
                ):
                    self.instances.add(name)
                elif isinstance(value, ast.Call) and _calls(value, "type") and len(value.args) == 3:
                    bases = value.args[1].elts if isinstance(value.args[1], ast.Tuple) else []
                    if any(map(self.is_trainer_class, bases)):
                        self.trainers.add(name)

    def is_trainer_class(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self.trainers or name.endswith("Trainer")
            case ast.Attribute(attr=name):
                return name.endswith("Trainer") or name in self.trainers
        return False

    def is_trainer(self, node: ast.expr) -> bool:
        """A Trainer, its class, or something called so."""
        if self.is_trainer_class(node) or (isinstance(node, ast.Name) and node.id in self.instances):
            return True
        match node:
            case ast.Call(func=ast.Name("type"), args=[inner]):
                return self.is_trainer(inner)
            case ast.Attribute(value=inner, attr="__class__"):
                return self.is_trainer(inner)
        written = ast.unparse(node).lower()
        return "trainer" in written and not written.endswith(("args", "arguments", "config"))

    def text(self, node: ast.expr) -> str:
        """A string put together from constants and names of constants; '' if it isn't one."""
        match node:
            case ast.Constant(str(value)):
                return value[:FOLDED]
            case ast.Name(id=name):
                return self.strings.get(name, "")
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                left_text, right_text = self.text(left), self.text(right)
                return (left_text + right_text)[:FOLDED] if left_text and right_text else ""
        return ""

    def made(self, value: ast.expr) -> bool:
        """Is `value` a function of the notebook's own?"""
        match value:
            case ast.Lambda():
                return True
            case ast.Name(id=name):
                return name in self.functions
            case ast.Call(func=function):
                return ast.unparse(function).split(".")[-1] in ("MethodType", "partial", "partialmethod")
        return False


def _calls(call: ast.Call, name: str) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == name
