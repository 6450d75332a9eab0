"""Stored outputs → `Output`s a witness can read: no colours, no overwritten progress, no pictures.

Everything is linear in the size of the file and capped, so that megabytes of base64 or of progress
bars cost milliseconds. Never raises. Called by `cells` only.
"""

from __future__ import annotations

import html as html_entities
import re
from typing import Any

from grader.records import Output

TEXT_CAP = 200_000
"""Characters of text kept of one cell, from both ends."""
HTML_CAP = 300_000
RAW_CAP = 20_000_000
"""Characters looked at at all."""
MAX_OUTPUTS = 400

DATA_URI = re.compile(
    r"data:([\w.+-]{1,40}/[\w.+-]{1,60})(?:;[\w=.+-]{1,60}){0,3};base64,"
    r"[A-Za-z0-9+/=%]*+(?:\r?\n[A-Za-z0-9+/=%]{40,}+)*+"
)
_ESCAPE = re.compile(r"\x1b(?:\[[0-9:;<=>?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TAG = re.compile(r"<[^<>]{0,2000}>")


def tidy(text: str) -> str:
    """`text` without what UTF-8 can't hold."""
    return _SURROGATE.sub("\ufffd", text) if _SURROGATE.search(text) else text


def read_outputs(value: Any, widgets: dict[str, Any]) -> tuple[tuple[Output, ...], bool]:
    """The outputs of one cell, and whether something was cut.

    `widgets` is the notebook's saved widget state by model id.
    """
    entries = [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
    entries = _merged_streams(entries)
    cut = len(entries) > MAX_OUTPUTS
    if cut:
        entries = entries[: MAX_OUTPUTS // 2] + entries[-MAX_OUTPUTS // 2 :]
    outputs = [_read(entry, widgets) for entry in entries]
    for field, cap in (("text", TEXT_CAP), ("html", HTML_CAP), ("traceback", TEXT_CAP)):
        if sum(len(getattr(output, field)) for output in outputs) <= cap:
            continue
        cut = True
        each = max(cap // len(outputs), 1_000)
        outputs = [_shortened(output, field, each) for output in outputs]
    return tuple(outputs), cut


def plain(text: str) -> str:
    """What a terminal would show in the end: colours gone, overwritten progress collapsed.

    >>> plain("10%|#   |\\r100%|####|\\ndone")
    '100%|####|\\ndone'
    """
    text = clipped(text, RAW_CAP)
    if "\x1b" in text:
        text = _ESCAPE.sub("", text)
    if "\x08" in text:  # Keras rewinds its bar with backspaces
        text = re.sub(r"\x08{3,}", "\r", text).replace("\x08", "")
    if "\r" in text:
        lines = text.replace("\r\n", "\n").split("\n")
        text = "\n".join(_final_state(line) if "\r" in line else line for line in lines)
    return tidy(_CONTROL.sub("", text))


def clipped(text: str, cap: int) -> str:
    """At most about `cap` characters from both ends: a training log's verdict is at its end."""
    if len(text) <= cap:
        return text
    return text[: cap // 2] + "\n…\n" + text[-cap // 2 :]


def _final_state(line: str) -> str:
    """The last thing written on a line that was rewritten with carriage returns."""
    for part in reversed(line.split("\r")):
        if part.strip():
            return part
    return ""


def _merged_streams(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring pieces of one stream joined: a rewritten line may be spread over many of them."""
    merged: list[dict[str, Any]] = []
    pieces: list[str] = []
    for entry in entries:
        if entry.get("output_type") != "stream":
            merged.append(entry)
            continue
        last = merged[-1] if merged else {}
        if last.get("output_type") == "stream" and last.get("name") == entry.get("name"):
            last["pieces"].append(_joined(entry.get("text")))
        else:
            pieces = [_joined(entry.get("text"))]
            merged.append({"output_type": "stream", "name": entry.get("name"), "pieces": pieces})
    return merged


def _read(entry: dict[str, Any], widgets: dict[str, Any]) -> Output:
    kind = entry.get("output_type")
    if kind == "stream":
        name = "stderr" if entry.get("name") == "stderr" else "stdout"
        return Output(kind="stream", name=name, text=plain("".join(entry["pieces"])))
    if kind in ("error", "pyerr"):
        trace = entry.get("traceback")
        lines = [line for line in trace if isinstance(line, str)] if isinstance(trace, list) else []
        return Output(
            kind="error",
            name=plain(_joined(entry.get("ename")))[:200],
            text=plain(_joined(entry.get("evalue"))),
            traceback=plain("\n".join(lines) if lines else _joined(trace)),
        )
    data = entry.get("data")
    data = data if isinstance(data, dict) else {}
    html, pictures = DATA_URI.subn("data:removed", _joined(data.get("text/html"))[:RAW_CAP])
    pictures += sum(1 for mime in data if isinstance(mime, str) and mime.startswith("image/"))
    text = _joined(data.get("text/plain")) or _joined(data.get("text/markdown"))
    view = data.get("application/vnd.jupyter.widget-view+json")
    shown = _widget_text(view.get("model_id"), widgets) if isinstance(view, dict) else ""
    return Output(
        kind="result" if kind in ("execute_result", "pyout") else "display",
        text=shown or plain(text),
        html=tidy(html),
        images=pictures,
    )


def _widget_text(model_id: Any, widgets: dict[str, Any], depth: int = 0) -> str:
    """A saved progress-bar widget as one line, e.g. 'Map: 100% 150000/150000 [00:12<00:00, …]'."""
    model = widgets.get(model_id) if isinstance(model_id, str) else None
    state = model.get("state") if isinstance(model, dict) else None
    if not isinstance(state, dict) or depth > 3:
        return ""
    children = state.get("children")
    if isinstance(children, list):
        ids = [str(child).removeprefix("IPY_MODEL_") for child in children[:20]]
        return " ".join(filter(None, (_widget_text(child, widgets, depth + 1) for child in ids)))
    value = state.get("value")
    if not isinstance(value, str):
        return ""
    return plain(html_entities.unescape(_TAG.sub("", value[:5_000]))).strip()


def _joined(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return ""


def _shortened(output: Output, field: str, cap: int) -> Output:
    text = getattr(output, field)
    if len(text) <= cap:
        return output
    values = {name: getattr(output, name) for name in output.__struct_fields__}
    values[field] = clipped(text, cap)
    return Output(**values)
