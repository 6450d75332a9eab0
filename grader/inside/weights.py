"""The last and the best model of the notebook, as safetensors with a json beside it, in the outbox.

Written right after each training run, so that a later crash loses nothing. LoRA is merged into a
copy. Files: last.safetensors, last.json, best.safetensors, best.json. What the json says: run,
label, architecture, config, what the notebook measured, how it tokenised. Listens to runs.py.
"""

import copy
import json
import os
import shutil

from . import runs, tokenizer_hooks, torch_hooks, wire

LIMIT_MB = int(os.environ.get("GRADER_WEIGHTS_MB", "1024"))
_best = None


def install():
    """Save whatever a run leaves."""
    if os.environ.get("OUTBOX") and save not in runs.listeners:
        runs.listeners.append(save)


def save(run, model):
    """`model` as `run` left it."""
    global _best
    folder = os.environ["OUTBOX"]
    size = sum(w.numel() * w.element_size() for w in model.parameters()) / 2**20
    free = shutil.disk_usage(folder).free / 2**20
    if size * 2 > LIMIT_MB or size * 2 > free:
        _withhold(folder, run, "%.0f MB of weights" % size)
        return
    measured = run.best
    about = _write(folder, run, model, measured)
    if _best is None or measured is None or measured >= _best:
        _best = measured if measured is not None else _best
        shutil.copyfile(os.path.join(folder, "last.safetensors"), os.path.join(folder, "best.safetensors"))
        _describe(folder, {**about, "label": "best"})
        wire.emit("weights", run=run.number, label="best", measured=measured)


def _withhold(folder, run, reason):
    """No weights; the json says why. Those of an earlier run stay what they were."""
    wire.emit("weights", run=run.number, label="last", refused=reason)
    if not os.path.exists(os.path.join(folder, "last.safetensors")):
        _describe(folder, {"label": "last", "run": run.number, "reason": reason})


def _describe(folder, about):
    with open(os.path.join(folder, about["label"] + ".json"), "w", encoding="utf-8") as file:
        json.dump(about, file, ensure_ascii=False, default=str)


def _write(folder, run, model, measured):
    from safetensors.torch import save_file

    plain, merged = _plain(model)
    tensors = {}
    for name, tensor in plain.state_dict().items():
        tensors[name] = (
            tensor.detach().to("cpu", copy=True).contiguous()
        )  # own memory: shared weights are refused
    path = os.path.join(folder, "last.safetensors")
    save_file(tensors, path + ".part", metadata={"format": "pt"})
    os.replace(path + ".part", path)
    config = getattr(plain, "config", None)
    own = None
    if not hasattr(config, "to_json_string"):
        inner = [m.config for m in plain.modules() if hasattr(getattr(m, "config", None), "to_json_string")]
        config = inner[0] if inner else None
    if type(plain).__module__ == "__main__":
        own = wire.guarded(torch_hooks.example)(plain)
    about = {
        "run": run.number,
        "label": "last",
        "class": type(plain).__name__,
        "module": type(plain).__module__,
        "config": json.loads(config.to_json_string(use_diff=False))
        if hasattr(config, "to_json_string")
        else None,
        "merged": merged,
        "measured": measured,
        "steps": run.steps,
        "example": own,
        "tokenizer": dict(tokenizer_hooks.settings),
    }
    _describe(folder, about)
    wire.emit(
        "weights", run=run.number, label="last", measured=measured, merged=merged, mb=round(_mb(path), 1)
    )
    return about


def _mb(path):
    return os.path.getsize(path) / 2**20


def _plain(model):
    """(model without shells, was an adapter merged?)"""
    for name in ("module", "_orig_mod"):
        inner = getattr(model, name, None)
        if inner is not None and hasattr(inner, "state_dict"):
            model = inner
    if hasattr(model, "merge_and_unload"):
        return copy.deepcopy(model).merge_and_unload(), True
    return model, False
