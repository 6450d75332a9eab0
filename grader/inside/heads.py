"""What a run's lines say: time marks, one line per batch, facts of the training DataLoader.

Called by runs.py.
"""

import time

from . import batches, models, rows, wire


class Clock:
    """Time marks without a synchronisation: CUDA events on a GPU, else the wall clock."""

    def __init__(self, device):
        self.cuda = device.startswith("cuda")

    def mark(self):
        if not self.cuda:
            return time.perf_counter()
        import torch

        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def between(self, first, second):
        """Seconds, or None if the second has not been reached on the device yet."""
        if not self.cuda:
            return second - first
        return first.elapsed_time(second) / 1000 if second.query() else None


def batch_line(facts):
    """[rows, width, real tokens, shortest, longest, sum of squared lengths]"""
    if facts.lengths is None or not len(facts.lengths):
        return [facts.rows, facts.width]
    lengths = facts.lengths.astype(float)
    squares = int((lengths * lengths).sum())
    return [facts.rows, facts.width, int(lengths.sum()), int(lengths.min()), int(lengths.max()), squares]


def loader_facts(loader, run):
    """Of the training DataLoader and its whole data set."""
    import numpy

    facts = {"collator": _name(loader.collate_fn), "batch_size": loader.batch_size}
    sampler = getattr(loader.batch_sampler, "sampler", None) if loader.batch_size is None else loader.sampler
    facts["sampler"] = type(sampler).__name__
    if loader.batch_sampler is not None:
        facts["batch_sampler"] = type(loader.batch_sampler).__name__
    samplers = (sampler, loader.batch_sampler, getattr(loader.batch_sampler, "batch_sampler", None))
    facts["own"] = ["sampler"] if any(type(s).__module__ == "__main__" for s in samplers) else []
    if _module(loader.collate_fn) == "__main__":
        facts["own"].append("collator")
    for name, what in (("dataset_rows", loader.dataset), ("loader_batches", loader)):
        try:
            facts[name] = len(what)
        except TypeError:
            pass
    whole = wire.guarded(batches.dataset)(loader.dataset, models.pad_id(run.model))
    if whole:
        run.dataset = whole["hashes"]
        lengths, stored = whole["lengths"], whole["stored"]
        facts["distinct_in_dataset"] = len(numpy.unique(run.dataset))
        facts["lengths"] = {
            "mean": float(lengths.mean()),
            "var": float(lengths.var()),
            "max": int(lengths.max()),
        }
        facts["stored"] = {
            "mean": float(stored.mean()),
            "min": int(stored.min()),
            "max": int(stored.max()),
            "padded": float((stored > lengths).mean()),
        }
        facts["votes"] = rows.votes(run.dataset[:: max(1, len(run.dataset) // 2000)].tolist())
    return facts


def _name(thing):
    return getattr(thing, "__qualname__", None) or type(thing).__name__


def _module(function):
    return getattr(function, "__module__", None) or type(function).__module__
