"""Trainer's length-grouped sampler under a budget: lengths at once, and batches of every length.

It reads every row through Python to learn its length; the Arrow table knows them. And it hands out
each 50 batches longest first, so that a run cut after 24 would have seen only the long half: under a
budget those 50 come in a fixed order that spreads over all lengths. Without a budget the order is
untouched. Called once by entry.py.
"""

from . import batches, budget, imports, wire

MEGA = 50
"""Batches that transformers sorts at a time."""
STRIDE = 21
"""Coprime to 50: 0, 21, 42, 13, … any first few are spread over the whole."""


def install():
    """Patch when the module is imported."""
    imports.after("transformers.trainer_pt_utils", _samplers)


def _samplers(module):
    for name in ("LengthGroupedSampler", "DistributedLengthGroupedSampler"):
        if hasattr(module, name):
            _known_lengths(getattr(module, name))
    if budget.TRAIN is not None and hasattr(module, "LengthGroupedSampler"):
        _spread(module.LengthGroupedSampler)


def _known_lengths(sampler):
    original = sampler.__init__

    def __init__(self, batch_size, dataset=None, *args, **kwargs):
        column = kwargs.get("model_input_name") or "input_ids"
        if dataset is not None and not args and kwargs.get("lengths") is None and column == "input_ids":
            lengths = wire.guarded(_lengths)(dataset)
            if lengths is not None:
                kwargs["lengths"] = lengths
        original(self, batch_size, dataset, *args, **kwargs)

    __init__.__wrapped__ = original
    sampler.__init__ = __init__


def _spread(sampler):
    original = sampler.__iter__

    def __iter__(self):
        return iter(spread(list(original(self)), self.batch_size))

    sampler.__iter__ = __iter__


def spread(indices, size):
    """`indices` with whole batches of the first MEGA * `size` in the order of STRIDE."""
    if len(indices) < MEGA * size:
        return indices
    order = [place * STRIDE % MEGA for place in range(MEGA)]
    first = [index for place in order for index in indices[place * size : (place + 1) * size]]
    return first + indices[MEGA * size :]


def _lengths(dataset):
    """The stored length of every row, padding included, or None."""
    if not hasattr(dataset, "_data") or type(dataset).__module__.split(".")[0] != "datasets":
        return None
    whole = batches.dataset(dataset)
    return None if whole is None else whole["stored"].tolist()
