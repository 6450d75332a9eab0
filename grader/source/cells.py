"""Cell text → ast. Magics and shell lines are taken out line by line (the line count stays), so that
every line number is the student's. A cell that is no Python becomes a syntax error, not an exception.

What this is not: nothing here knows libraries or values. Called by `grader.source.read`.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from dataclasses import dataclass, field

from grader.records import Submission

MAX_CELL_CHARACTERS = 400_000
"""A longer cell (pasted data) is not parsed."""

_LINE_MAGIC = re.compile(r"^(\s*)(%{1,2}\w|!|\?\w|%%)")
_ASSIGNED = re.compile(r"^(\s*)([A-Za-z_][\w\s,.]*?)\s*=\s*(!|%\w)(.*)$")
_HELP = re.compile(r"^\s*\??[\w.]+\?{1,2}\s*$")
_OTHER_LANGUAGE = {"%%bash", "%%sh", "%%html", "%%javascript", "%%js", "%%latex", "%%writefile", "%%markdown",
                   "%%script", "%%cmd", "%%R", "%%svg", "%%perl", "%%ruby", "%%file"}  # fmt: skip
_UNREAD = ("SyntaxError", "IndentationError", "TabError")
_SHELL_CELLS = {"%%bash", "%%sh", "%%script", "%%cmd"}


@dataclass(frozen=True)
class Code:
    """One code cell, parsed."""

    index: int
    source: str
    tree: ast.Module
    shell: tuple[tuple[int, str], ...] = ()
    """(line, command) of `!…`, `%pip …`, `%%bash` lines; lines count from 1."""
    error: tuple[int, str] | None = None
    """(line, message) where Python can't read it."""
    executed: bool = False
    count: int | None = None
    lines: tuple[str, ...] = field(default=(), repr=False)

    def quote(self, node: ast.AST | int, limit: int = 300) -> str:
        """The verbatim lines of `node` (or one line by number), at most `limit` characters."""
        if isinstance(node, int):
            first = last = node
        else:
            first = getattr(node, "lineno", 1)
            last = getattr(node, "end_lineno", first) or first
        text = "\n".join(self.lines[first - 1 : min(last, first + 5)]).strip()
        if len(text) <= limit:
            return text
        kept = text[:limit]
        return kept[: kept.rfind("\n")].rstrip() if "\n" in kept else kept


def parse(submission: Submission) -> tuple[Code, ...]:
    """Every code cell, in file order; a cell that can't be read has an empty tree and `error`."""
    found = []
    for cell in submission.cells:
        if cell.kind != "code" or not cell.source.strip():
            continue
        # A stored SyntaxError: Python refused the whole cell, nothing of it ran.
        unread = any(o.kind == "error" and o.name in _UNREAD for o in cell.outputs)
        found.append(_parse(cell.index, cell.source, cell.execution_count, bool(cell.outputs), unread))
    return tuple(found)


def _parse(index: int, source: str, count: int | None, outputs: bool, unread: bool) -> Code:
    source = source.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", " ")
    plain, shell = _without_magics(source)
    error = None
    tree = ast.Module(body=[], type_ignores=[])
    if len(plain) > MAX_CELL_CHARACTERS:
        error = (1, "cell too long to read")
    else:
        tree, error = _best_effort(plain)
    return Code(
        index=index,
        source=source,
        tree=tree,
        shell=tuple(shell),
        error=error,
        executed=(count is not None or outputs) and not unread,
        count=count,
        lines=tuple(source.split("\n")),
    )


def _ast(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _best_effort(text: str) -> tuple[ast.Module, tuple[int, str] | None]:
    """The tree, or, after a syntax error, the tree of what can be read: the broken statement is mended
    where a comma or a stray word is all that is wrong, else it only binds its names to something unknown."""
    try:
        return _ast(text), None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        line = getattr(problem, "lineno", None) or 1
        error = (line, str(getattr(problem, "msg", "") or problem)[:200])
    body: list[ast.stmt] = []
    for first, chunk in _chunks(text):
        body += _read_chunk(chunk, first)
    return ast.Module(body=body, type_ignores=[]), error


def _chunks(text: str) -> list[tuple[int, str]]:
    """(first line number, text) of the module-level statements, by indentation and brackets."""
    lines = text.split("\n")
    inside = _string_lines(lines)
    starts = [
        n
        for n, row in enumerate(lines)
        if row[:1].strip()
        and row[0] not in "#)]}"
        and n + 1 not in inside
        and not re.match(r"(else|elif|except|finally)\b", row)
    ]
    starts = [n for k, n in enumerate(starts) if k == 0 or not lines[starts[k - 1]].startswith("@")]
    ends = [*starts[1:], len(lines)]
    return [(n, "\n".join(lines[n:end])) for n, end in zip(starts, ends, strict=False)][:400]


def _read_chunk(chunk: str, first: int) -> list[ast.stmt]:
    for candidate in (chunk, *_mended(chunk)):
        try:
            tree = _ast(candidate)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        return list(ast.increment_lineno(tree, first).body)
    assigned = re.match(r"([A-Za-z_]\w*)\s*=[^=]", chunk)
    if assigned and not keyword.iskeyword(assigned[1]):
        return list(ast.increment_lineno(_ast(f"{assigned[1]} = __unreadable__()"), first).body)
    return []


def _mended(chunk: str) -> list[str]:
    """Small repairs around the place Python points at."""
    try:
        _ast(chunk)
        return []
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        last = getattr(problem, "end_lineno", None) or getattr(problem, "lineno", None) or 1
        first = getattr(problem, "lineno", None) or 1
    lines = chunk.split("\n")
    tries = []
    for n in range(max(0, first - 2), min(len(lines), last + 1)):
        code, _, remark = lines[n].partition("#")
        for mended in (code.rstrip() + ",", re.sub(r"([,)\]])\s*\w+\s*$", r"\1", code)):
            tries.append("\n".join([*lines[:n], mended, *lines[n + 1 :]]))
        del remark
    return tries[:12]


def _without_magics(source: str) -> tuple[str, list[tuple[int, str]]]:
    """The cell with magics replaced by `pass` (or a call of None), and the shell commands."""
    lines = source.split("\n")
    first = next((n for n, row in enumerate(lines) if row.strip()), 0)
    head = lines[first].strip().split() if lines else []
    if head and head[0].startswith("%%"):
        if head[0] in _OTHER_LANGUAGE:
            body = "\n".join(lines[first + 1 :]).strip()
            return "", [(first + 1, body[:300])] if head[0] in _SHELL_CELLS else []
        lines[first] = ""  # %%time, %%capture …: the rest is Python
    out: list[str] = []
    shell: list[tuple[int, str]] = []
    inside = _string_lines(lines)
    continued = False
    for number, row in enumerate(lines, 1):
        if continued:
            continued = row.rstrip().endswith("\\")
            out.append("")
            continue
        if number in inside:
            out.append(row)
            continue
        assigned = _ASSIGNED.match(row)
        if _LINE_MAGIC.match(row) and not _is_modulo(row, out):
            indent = row[: len(row) - len(row.lstrip())]
            command = row.strip()
            if command[0] == "!" or re.match(r"%(pip|conda|sh|sx|system|bash|cd|env)\b", command):
                shell.append((number, command[:300]))
            inner = re.match(r"\s*%(?:time|timeit|prun)\s+(?!-)(.+)$", row)
            out.append(indent + (inner.group(1) if inner else "pass"))
            continued = row.rstrip().endswith("\\") and not inner
        elif assigned and "(" not in assigned.group(2):
            shell.append((number, row.strip()[:300]))
            out.append(f"{assigned.group(1)}{assigned.group(2)} = None")
        elif _HELP.match(row):
            out.append("")
        else:
            out.append(row)
    return "\n".join(out), shell


def _is_modulo(row: str, above: list[str]) -> bool:
    """`% name` that continues an expression (`"..."\\n % x`) is no magic."""
    if not row.lstrip().startswith("%") or not row[:1].isspace():
        return False
    before = next((line for line in reversed(above) if line.strip()), "")
    return before.rstrip().endswith(("(", ",", "\\", "'", '"')) and not before.rstrip().endswith(":")


def _string_lines(lines: list[str]) -> set[int]:
    """Numbers of the lines that begin inside a triple-quoted string (never magics)."""
    inside: set[int] = set()
    quote = ""
    for number, row in enumerate(lines, 1):
        if quote:
            inside.add(number)
        pos = 0
        while pos < len(row):
            if quote:
                end = row.find(quote, pos)
                if end < 0:
                    break
                pos, quote = end + 3, ""
            elif row.startswith(('"""', "'''"), pos):
                quote, pos = row[pos : pos + 3], pos + 3
            elif row[pos] == "#":
                break
            elif row[pos] in "\"'":
                end = _string_end(row, pos)
                pos = end + 1
            else:
                pos += 1
    return inside


def _string_end(row: str, start: int) -> int:
    pos = start + 1
    while pos < len(row):
        if row[pos] == "\\":
            pos += 2
            continue
        if row[pos] == row[start]:
            return pos
        pos += 1
    return len(row)
