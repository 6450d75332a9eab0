"""Names a cell uses before any cell above it defines them: restart-and-run-all stops there.

Static, over the syntax tree: module-level uses of a cell, and the globals a function needs once it is
called in a cell. Called by witness.py.
"""

from __future__ import annotations

import ast
import builtins

from grader.facts import Kind
from grader.records import Observation, Witness
from grader.source.cells import Code

KNOWN = set(dir(builtins)) | {"get_ipython", "display", "In", "Out", "_", "__", "___", "exit", "quit",
                              "__file__",
                              "__name__", "_i", "_ii", "_oh", "_ih", "_dh"}  # fmt: skip


def undefined_names(codes: tuple[Code, ...]) -> list[Observation]:
    defined: set[str] = set()
    needs: dict[str, set[str]] = {}
    found: list[Observation] = []
    reported: set[tuple[int, str]] = set()
    removed: dict[str, int] = {}
    for code in codes:
        if any(
            isinstance(n, ast.ImportFrom) and any(a.name == "*" for a in n.names) for n in ast.walk(code.tree)
        ):
            return found  # from here on anything may be defined
        if code.error is not None:
            # What the unread rest of a broken cell would define is not known.
            defined |= _words_assigned(code.source)
        for statement in code.tree.body:
            reader = _Reader()
            try:
                reader.visit(statement)
            except RecursionError:
                continue
            missing = {n: line for n, line in reader.uses.items() if n not in defined and n not in KNOWN}
            for name in reader.called:
                for need in needs.get(name, ()):
                    if need not in defined and need not in KNOWN and need not in reader.stores:
                        missing.setdefault(need, reader.uses.get(name, statement.lineno))
            for name, line in missing.items():
                if name in reader.guarded or (code.index, name) in reported:
                    continue
                reported.add((code.index, name))
                value = {"name": name, "line": line}
                if name in removed:
                    value["deleted_in"] = removed[name]
                found.append(_say(code, name, line, value))
            defined |= reader.stores
            for name in reader.stores:
                removed.pop(name, None)
            for name in reader.deletes:
                defined.discard(name)
                removed[name] = code.index
            for name, wants in reader.functions.items():
                needs[name] = wants
    return found


def _say(code: Code, name: str, line: int, value: dict) -> Observation:
    return Observation(witness=Witness.SOURCE, kind=Kind.UNDEFINED_NAME, cell=code.index, value=value,
                       quote=code.quote(line))  # fmt: skip


def _words_assigned(source: str) -> set[str]:
    found = set()
    for row in source.split("\n"):
        left = row.split("=")[0].strip() if "=" in row else ""
        found |= {part.strip() for part in left.split(",") if part.strip().isidentifier()}
        words = row.split()
        if len(words) > 1 and words[0] in ("def", "class", "import"):
            found.add(words[1].split("(")[0].split(":")[0].split(".")[0])
        if len(words) > 3 and words[0] == "from" and "import" in words:
            found |= {w.strip(",()") for w in words[words.index("import") + 1 :]}
    return found


class _Reader(ast.NodeVisitor):
    """Uses, stores and functions of one module-level statement. Order inside it: uses before stores,
    except in blocks, where what the block itself stores anywhere counts as stored."""

    def __init__(self) -> None:
        self.uses: dict[str, int] = {}
        self.stores: set[str] = set()
        self.deletes: set[str] = set()
        self.called: set[str] = set()
        self.functions: dict[str, set[str]] = {}
        self.guarded: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            if node.id not in self.stores:
                self.uses.setdefault(node.id, node.lineno)
        elif isinstance(node.ctx, ast.Store):
            self.stores.add(node.id)
            self.deletes.discard(node.id)
        else:
            self.deletes.add(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name) and node.target.id not in self.stores:
            self.uses.setdefault(node.target.id, node.lineno)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self.visit(node.target)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self.visit(node.target)
        for part in (*node.body, *node.orelse):
            self.visit(part)

    visit_AsyncFor = visit_For  # type: ignore[assignment]

    def visit_Import(self, node: ast.Import) -> None:
        self.stores |= {a.asname or a.name.split(".")[0] for a in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.stores |= {a.asname or a.name for a in node.names}

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name):
            self.called.add(node.func.id)
        for arg in node.args:
            if isinstance(arg, ast.Name):
                self.called.add(arg.id)  # handed on to be called: map(transform)
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        caught = {
            n.id
            for h in node.handlers
            if h.type is not None
            for n in ast.walk(h.type)
            if isinstance(n, ast.Name)
        }
        bare = any(h.type is None for h in node.handlers)
        before = set(self.uses)
        for part in node.body:
            self.visit(part)
        if bare or caught & {"NameError", "Exception", "BaseException"}:
            self.guarded |= set(self.uses) - before
        for handler in node.handlers:
            if handler.name:
                self.stores.add(handler.name)
            for part in handler.body:
                self.visit(part)
        for part in (*node.orelse, *node.finalbody):
            self.visit(part)

    visit_TryStar = visit_Try  # type: ignore[assignment]

    def visit_If(self, node: ast.If) -> None:
        text = ast.dump(node.test)
        if "globals" in text or "locals" in text:
            self.guarded |= {
                n.value
                for n in ast.walk(node.test)
                if isinstance(n, ast.Constant) and isinstance(n.value, str)
            }
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for decorator in node.decorator_list:
            self.visit(decorator)
        for default in (*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)):
            self.visit(default)
        self.functions[node.name] = free_names(node)
        self.stores.add(node.name)

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for default in node.args.defaults:
            self.visit(default)
        for name in free_names(node):
            if name not in self.stores:
                self.uses.setdefault(name, node.lineno)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases):
            self.visit(part)
        wants: set[str] = set()
        for part in node.body:
            if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                wants |= free_names(part)
        own = {n.name for n in node.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
        self.functions[node.name] = wants - own - {node.name}
        self.stores.add(node.name)

    def _comprehension(self, node: ast.AST) -> None:
        for name in free_names(node):
            if name not in self.stores:
                self.uses.setdefault(name, getattr(node, "lineno", 1))
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name):
                self.called.add(inner.func.id)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension


def names_stored(tree: ast.Module) -> set[str]:
    """Names the module level of a cell defines."""
    reader = _Reader()
    try:
        reader.visit(tree)
    except RecursionError:
        return set()
    return reader.stores


def names_used(tree: ast.Module) -> set[str]:
    """Names the module level of a cell reads before it defines them itself."""
    reader = _Reader()
    try:
        reader.visit(tree)
    except RecursionError:
        return set()
    return set(reader.uses)


def free_names(node: ast.AST) -> set[str]:
    """Names read in a function, lambda or comprehension that it does not bind itself."""
    bound: set[str] = set()
    read: set[str] = set()
    outside: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            (read if isinstance(inner.ctx, ast.Load) else bound).add(inner.id)
        elif isinstance(inner, ast.arg):
            bound.add(inner.arg)
        elif isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if inner is not node:
                bound.add(inner.name)
        elif isinstance(inner, (ast.Import, ast.ImportFrom)):
            bound |= {(a.asname or a.name).split(".")[0] for a in inner.names}
        elif isinstance(inner, ast.ExceptHandler) and inner.name:
            bound.add(inner.name)
        elif isinstance(inner, ast.Global):
            outside |= set(inner.names)
    return read - (bound - outside)
