"""What else stored outputs say: errors, order of execution, versions, warnings, pictures, links.

Pure; called by `read`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from grader.facts import Kind
from grader.records import Cell, Observation, Witness

_WARNINGS = (
    (
        "deprecated",
        r"(?:is deprecated|will be removed in|is now deprecated|has been removed)[^\n]*",
    ),
    ("max-length-ignored", r"`max_length` is ignored when `padding`=`True`[^\n]*"),
    (
        "truncation",
        r"Asking to (?:truncate|pad) to max_length but[^\n]*|Token indices sequence length is longer[^\n]*",
    ),
    ("collator-pads", r"[Uu]sing the `__call__` method is faster than using a method to encode[^\n]*"),
    ("ragged-array", r"Creating an ndarray from ragged nested sequences[^\n]*"),
    ("ignored-columns", r"don't have a corresponding argument in[^\n]*have been ignored: [^\n]*"),
    ("not-finite", r"Non-finite norm encountered[^\n]*|loss is nan[^\n]*"),
    ("already-downloaded", r"Loading cached (?:processed|split)[^\n]*"),
    ("undefined-metric", r"UndefinedMetricWarning: [^\n]*"),
    ("early-stopping-metric", r"early stopping required metric_for_best_model[^\n]*"),
    ("no-labels", r"No label_names provided for model class[^\n]*"),
    ("memory", r"CUDA out of memory[^\n]*|OutOfMemoryError[^\n]*"),
    ("retracing", r"triggered tf\.function retracing[^\n]*"),
)
_ANY_WARNING = [(category, re.compile(pattern)) for category, pattern in _WARNINGS]

PACKAGES = (
    "transformers",
    "datasets",
    "torch",
    "tensorflow",
    "accelerate",
    "evaluate",
    "numpy",
    "pandas",
    "peft",
    "scikit-learn",
    "tokenizers",
    "keras",
)
_NAMES = "|".join(PACKAGES)
_VERSIONS = (
    re.compile(rf"Requirement already satisfied: ({_NAMES})(?:\[\w+\])?[^\n]{{0,200}}?\((\d[\w.+]*)\)"),
    re.compile(rf"(?<![\w-])({_NAMES})==(\d[\w.+]*)"),
    re.compile(
        rf"^[ \t]*({_NAMES})[ \t]*(?:version|버전)?[ \t]*[:=]?[ \t]*v?(\d+\.\d+[\w.+]*)[ \t]*$",
        re.MULTILINE | re.IGNORECASE,
    ),
    re.compile(r'"(transformers)_version": "(\d[\w.+]*)"'),
    re.compile(r"(PyTorch)\s*(?:version|버전)?\s*:\s*(\d[\w.+]*)", re.IGNORECASE),
)
_INSTALLED = re.compile(r"Successfully installed ([^\n]+)")
_PRINTED = re.compile(r"(\w+)\.__version__")
_LINK = re.compile(
    r"https?://(?:wandb\.ai/\w|[\w.-]*neptune\.ai|tensorboard\.dev|drive\.google\.com|[\w.-]*notion\.\w+)[^\s'\"<>)\]]*"
)


def read_cell(cell: Cell) -> Iterator[Observation]:
    """ERROR, VERSION, WARNING, IMAGE and LINK of one cell."""
    warned: set[str] = set()
    linked: set[str] = set()
    versions: dict[str, str] = {}
    images = 0
    for output in cell.outputs:
        images += output.images
        if output.kind == "error":
            value = {"ename": output.name, "evalue": output.text[:500]}
            yield _observation(Kind.ERROR, cell.index, value, f"{output.name}: {output.text}")
            if "out of memory" in output.text and "memory" not in warned:
                warned.add("memory")
                yield _warning(cell.index, "memory", output.text)
            continue
        text = output.text
        if len(text) > 40:
            for category, pattern in _ANY_WARNING:
                match = pattern.search(text) if category not in warned else None
                if match:
                    warned.add(category)
                    begin = max(text.rfind("\n", 0, match.start()) + 1, match.start() - 200)
                    yield _warning(cell.index, category, text[begin : match.end()].strip())
        for url in _LINK.findall(text + " " + output.html[:20_000]):
            if (
                url not in linked
                and len(linked) < 10
                and "/authorize" not in url
                and "wandb-server" not in url
            ):
                linked.add(url)
                yield _observation(Kind.LINK, cell.index, {"url": url[:300], "where": "output"}, url)
        _versions(cell.source, output.text, versions)
    for package, version in versions.items():
        yield _observation(
            Kind.VERSION, cell.index, {"package": package, "version": version}, f"{package} {version}"
        )
    if images:
        yield _observation(Kind.IMAGE, cell.index, {"where": "output", "count": images}, "")


def order(cells: tuple[Cell, ...]) -> Observation:
    """EXECUTION_ORDER of the whole notebook. `missing`: code that has neither a count nor an output."""
    code = [cell for cell in cells if cell.kind == "code" and cell.source.strip()]
    counts = [[cell.index, cell.execution_count] for cell in code if cell.execution_count is not None]
    numbers = [count for _, count in counts]
    value = {
        "counts": counts,
        "out_of_order": numbers != sorted(numbers),
        "repeated": len(set(numbers)) < len(numbers),
        "missing": [cell.index for cell in code if cell.execution_count is None and not cell.outputs],
    }
    return Observation(witness=Witness.RECORDED, kind=Kind.EXECUTION_ORDER, value=value)


def _versions(source: str, text: str, versions: dict[str, str]) -> None:
    if not text or not re.search(r"\d\.\d", text[:20_000]):
        return
    for pattern in _VERSIONS:
        for package, version in pattern.findall(text):
            name = {"pytorch": "torch"}.get(package.lower(), package.lower())
            versions[name] = version
    for line in _INSTALLED.findall(text):
        for package, version in re.findall(rf"(?<!\S)({_NAMES})-(\d[\w.+]*)", line):
            versions[package] = version
    asked = [
        name
        for line in source.split("\n")
        if "print" in line
        for name in _PRINTED.findall(line.split("#")[0])
    ]
    said = re.findall(r"^[ \t]*(\d+\.\d+(?:\.\w+)*(?:\+\w+)?)[ \t]*$", text, re.MULTILINE)
    if asked and len(asked) == len(said):
        versions.update(
            (name, version) for name, version in zip(asked, said, strict=True) if name in PACKAGES
        )


def _warning(cell: int, category: str, message: str) -> Observation:
    return _observation(Kind.WARNING, cell, {"category": category, "message": message[:300]}, message)


def _observation(kind: Kind, cell: int, value: dict[str, Any], quote: str) -> Observation:
    return Observation(witness=Witness.RECORDED, kind=kind, cell=cell, value=value, quote=quote.strip()[:300])
