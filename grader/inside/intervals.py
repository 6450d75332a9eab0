"""`if step % 2500 == 0: evaluate()` in a hand-written loop that our budget ends after 12 steps.

Trainer's own interval is answered in budget.py. Here the student's modulo is: while a hand-written training
runs under a budget, an interval that the budget never reaches counts as half the budget, and each is noted.
Anything else (no budget, no training going on, a small interval such as gradient accumulation) is left alone:
the expression gives what it would give. The cell's source is not touched, only what Python compiles.
Called once by entry.py.
"""

import ast
import builtins

from . import budget, runs, wire

NAME = "_grader_interval"
LEAST = 3
"""Steps: a loop gets at least 4 batches (budget.py), whether it counts from 0 or from 1."""


def install():
    """Under a budget only."""
    if budget.TRAIN is None and budget.SECONDS is None:
        return
    try:
        from IPython import get_ipython

        shell = get_ipython()
    except ImportError:
        shell = None
    if shell is not None and hasattr(shell, "ast_transformers"):
        setattr(builtins, NAME, interval)
        shell.ast_transformers.append(Intervals())


def interval(number):
    """`number`, or half the budget where the loop will never get that far."""
    run = runs.current()
    if run is None or runs.trainer_run is not None or type(number) is not int:
        return number
    most = max(LEAST, (budget.TRAIN or 0) // 2)
    if number <= max(most, budget.TRAIN or 0):
        return number
    wire.redirect("interval", number, "%d steps, by the budget" % most)
    return most


class Intervals(ast.NodeTransformer):
    """`x % n == 0` and `not x % n` inside a `for` become `x % _grader_interval(n) == 0`."""

    def __init__(self):
        self.depth = 0

    def _loop(self, node):
        self.depth += 1
        try:
            return self.generic_visit(node)
        finally:
            self.depth -= 1

    visit_For = visit_While = visit_FunctionDef = _loop

    def visit_Compare(self, node):
        """`x % n == 0`"""
        self.generic_visit(node)
        zero = len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq) and _zero(node.comparators[0])
        if zero and self.depth:
            node.left = _wrapped(node.left)
        return node

    def visit_UnaryOp(self, node):
        """`not x % n`"""
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and self.depth:
            node.operand = _wrapped(node.operand)
        return node


def _zero(node):
    return isinstance(node, ast.Constant) and node.value == 0 and node.value is not False


def _wrapped(node):
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod)):
        return node
    if isinstance(node.left, (ast.Constant, ast.JoinedStr)):  # a format string
        return node
    call = ast.Call(func=ast.Name(id=NAME, ctx=ast.Load()), args=[node.right], keywords=[])
    node.right = ast.copy_location(call, node.right)
    return ast.fix_missing_locations(node)
