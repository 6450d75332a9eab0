"""Does a cell replace what trains or measures? Decided by the syntax tree, however the line is spelt.

What it is not: no proof of anything. An override that hands on to `super()` adds something and replaces
nothing, and other methods of Trainer (`compute_loss`, `get_train_dataloader`) are there to be overridden.
Called by trust.
"""

from __future__ import annotations

import ast
import re

TRAINERS_OWN = frozenset(
    {"evaluate", "prediction_step", "evaluation_loop", "prediction_loop", "training_step"}
)
SHARED = frozenset({"predict", "train"})
"""Names that a table of predictions or a folder of splits may have as well."""
METHODS = TRAINERS_OWN | SHARED
_MAGIC = re.compile(r"^(\s*)[!%].*$", re.M)
_UNPARSED = re.compile(rf"\.(?:{'|'.join(sorted(TRAINERS_OWN))})\s*=(?!=)")


def replaces(source: str) -> bool:
    """Is a method of Trainer or of an optimizer replaced in this cell?"""
    try:
        tree = ast.parse(_MAGIC.sub(r"\1pass", source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return bool(_UNPARSED.search(source))
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return any(_replaces(node, functions) for node in ast.walk(tree))


def _replaces(node: ast.AST, functions: set[str]) -> bool:
    match node:
        case ast.Assign(targets=targets, value=value):
            attributes = [target for target in targets if isinstance(target, ast.Attribute)]
            return any(_set(target.attr, target.value, value, functions) for target in attributes)
        case ast.Call(func=ast.Name("setattr"), args=[receiver, ast.Constant(str(name)), value]):
            return _set(name, receiver, value, functions)
        case ast.ClassDef(bases=bases, body=body) if any(map(_is_trainer, bases)):
            return any(map(_overrides, body))
    return False


def _set(name: str, receiver: ast.expr, value: ast.expr, functions: set[str]) -> bool:
    """`receiver.name = value`. In a class of one's own `self.train = rows` replaces nothing."""
    on = ast.unparse(receiver)
    if on == "self" or isinstance(value, ast.Constant):
        return False
    if name == "step":
        return bool(re.search("optim|adam|sgd", on, re.IGNORECASE))
    if name == "compute_metrics":  # usual; what a function counts is set against the probe's own count
        return isinstance(value, ast.Lambda) and not _looks_at_its_argument(value)
    made = isinstance(value, ast.Lambda) or (isinstance(value, ast.Name) and value.id in functions)
    return name in TRAINERS_OWN or (name in SHARED and (made or "trainer" in on.lower()))


def _looks_at_its_argument(function: ast.Lambda) -> bool:
    names = {argument.arg for argument in function.args.args}
    return any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(function.body))


def _is_trainer(base: ast.expr) -> bool:
    return ast.unparse(base).endswith("Trainer")


def _overrides(member: ast.stmt) -> bool:
    match member:
        case ast.FunctionDef(name=name):
            return name in METHODS and not any(map(_hands_on, ast.walk(member)))
        case ast.Assign(targets=targets):
            return any(isinstance(target, ast.Name) and target.id in METHODS for target in targets)
    return False


def _hands_on(node: ast.AST) -> bool:
    """`super().…(…)` or `Trainer.…(self, …)`"""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name("super")))):
            return True
        case ast.Call(func=ast.Attribute(value=base)):
            return _is_trainer(base)
    return False
