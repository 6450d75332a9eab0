"""One call as the interpreter meets it, and how its arguments are found by position or name."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from grader.source.derivation import const
from grader.source.values import Value


@dataclass
class Call:
    func: Value
    args: list[Value] = field(default_factory=list)
    kwargs: dict[str, Value] = field(default_factory=dict)
    node: ast.AST | None = None
    scopes: tuple[dict[str, Value], ...] = ()
    loose: bool = False
    """Some arguments (`**unknown`) are not known: an absent one may be there."""

    def arg(self, position: int | None, *names: str) -> Value | None:
        """The argument by any of `names`, or by position; None if not given."""
        for name in names:
            if name in self.kwargs:
                return self.kwargs[name]
        if position is not None and position < len(self.args):
            return self.args[position]
        return None

    def const(self, position: int | None, *names: str, default: Any = None) -> Any:
        """The constant given, `default` if not given; None if given but not known."""
        value = self.arg(position, *names)
        return default if value is None else const(value)

    @property
    def site(self) -> tuple[int, int]:
        """Where the call is written, to tell unseeded draws apart."""
        return getattr(self.node, "lineno", 0), getattr(self.node, "col_offset", 0)

    @property
    def receiver(self) -> ast.expr | None:
        """The expression before the dot of a method call."""
        func = getattr(self.node, "func", None)
        return func.value if isinstance(func, ast.Attribute) else None
