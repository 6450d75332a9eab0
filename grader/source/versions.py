"""Code that asks which version of a library it meets: `{"new": v} if "new" in parameters else {"old": v}`.

Both branches mean the same under two names. Reading takes the one with the new name, and the old name is
no fault: the code has an answer for both.
"""

from __future__ import annotations

import ast


def asks_for_its_own_key(node: ast.IfExp) -> bool:
    """Is the condition `"name" in …`, and `name` a key of the first branch but not of the second?"""
    test = node.test
    if not (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.In)
        and isinstance(test.left, ast.Constant)
    ):
        return False
    return test.left.value in _keys(node.body) and bool(_keys(node.orelse) - {test.left.value})


def _keys(node: ast.expr) -> set[object]:
    """Constant keys of a dict display; empty for anything else."""
    if not isinstance(node, ast.Dict):
        return set()
    return {key.value for key in node.keys if isinstance(key, ast.Constant)}
