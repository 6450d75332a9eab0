"""Where a model's weights come from, by looking at a few of them.

A fingerprint is a hash over a thin sample of the weights' bytes; copying, wrapping or renaming a
model doesn't change it, training does. Called by runs.py, and by hub.py when a model is loaded.
"""

import hashlib

_loaded = {}
_ended = {}


def _bytes(tensor, samples):
    flat = tensor.detach().reshape(-1)
    return flat[:: max(1, flat.numel() // samples)][: samples + 1].float().cpu().numpy().tobytes()


def encoder_print(model):
    """Of the word embeddings and the first attention layer: untouched by a new head or an adapter."""
    digest = hashlib.blake2b(digest_size=8)
    for name, weight in model.named_parameters():
        if weight.dim() == 2 and weight.shape[0] >= 1000 and "lora" not in name:
            digest.update(_bytes(weight, 256))
            break
    for name, weight in model.named_parameters():
        if ("layer.0." in name or "layers.0." in name) and weight.dim() == 2 and "lora" not in name:
            digest.update(_bytes(weight, 256))
            break
    return digest.hexdigest()


def whole_print(model):
    """Of every parameter."""
    digest = hashlib.blake2b(digest_size=8)
    for _, weight in model.named_parameters():
        digest.update(_bytes(weight, 16))
    return digest.hexdigest()


def loaded(model, name, local):
    """`from_pretrained(name)` returned `model`."""
    _loaded.setdefault(encoder_print(model), ("checkpoint" if local else "pretrained", str(name)))


def ended(model, run):
    """Training run `run` leaves `model` like this."""
    _ended[whole_print(model)] = run
    mark(model, run)


def mark(model, run):
    """Evaluations of `model` belong to `run` from now on."""
    for part in {id(m): m for m in (model, unwrapped(model))}.values():
        part.__dict__["_grader_run"] = run


def run_of(model):
    """The run that trained this very object last, or None."""
    return model.__dict__.get("_grader_run", unwrapped(model).__dict__.get("_grader_run"))


def loaded_run(model):
    """The run whose final weights `model` has, or None (a model loaded from a saved folder)."""
    return _ended.get(whole_print(model))


def unwrapped(model):
    """Without DataParallel, torch.compile or an adapter's shell."""
    for name in ("module", "_orig_mod"):
        inner = getattr(model, name, None)
        if inner is not None and hasattr(inner, "named_parameters"):
            return inner
    return model


def start(model):
    """(kind, what): 'continued' and the run, 'pretrained'/'checkpoint' and the name, 'random', ''."""
    earlier = _ended.get(whole_print(model))
    if earlier is not None:
        return "continued", earlier
    known = _loaded.get(encoder_print(model))
    trained = run_of(model) is not None
    # an encoder that could have moved and lies where it was loaded: the weights were put back
    if known is not None and (not trained or _encoder_trains(model)):
        return known
    if trained:
        return "continued", run_of(model)
    return known or ("random", "")


def _encoder_trains(model):
    return any(weight.requires_grad and "embeddings" in name for name, weight in model.named_parameters())


def describe(model):
    """Facts of a model for the wire."""
    base = unwrapped(model)
    config = getattr(base, "config", None)
    weights = list(base.parameters())
    first = weights[0] if weights else None
    return {
        "model": type(base).__name__,
        "name": str(getattr(config, "_name_or_path", "") or ""),
        "parameters": sum(w.numel() for w in weights),
        "trainable": sum(w.numel() for w in weights if w.requires_grad),
        "device": str(first.device) if first is not None else "",
        "dtype": str(first.dtype).replace("torch.", "") if first is not None else "",
    }


def pad_id(model):
    """The padding token's id as the model's configuration has it; 0 if it doesn't say."""
    for part in (model, *list(model.children())[:3]):
        pad = getattr(getattr(part, "config", None), "pad_token_id", None)
        if isinstance(pad, int):
            return pad
    return 0
