"""Where a tokenizer shows which text became which row, so that a row of ids can be traced to its file.

Called once by entry.py through imports.py.
"""

import itertools

from . import rows, wire

settings = {}
"""The latest max_length, padding and truncation a list of texts was tokenised with."""


def install(module):
    """After `transformers.tokenization_utils_base` was imported."""
    base = module.PreTrainedTokenizerBase
    for name in ("__call__", "batch_encode_plus"):
        if name in base.__dict__:
            setattr(base, name, _watched(getattr(base, name)))


def _watched(encode):
    busy = []

    def watched(self, *args, **kwargs):
        if busy:
            return encode(self, *args, **kwargs)
        busy.append(1)
        try:
            out = encode(self, *args, **kwargs)
        finally:
            busy.clear()
        _saw(self, args, kwargs, out)
        return out

    watched.__wrapped__, watched.__name__, watched.__doc__ = encode, encode.__name__, encode.__doc__
    return watched


@wire.guarded
def _saw(tokenizer, args, kwargs, out):
    texts = args[0] if args else kwargs.get("text", kwargs.get("batch_text_or_text_pairs"))
    if "input_ids" not in out:
        return
    ids = out["input_ids"]
    for name in ("max_length", "padding", "truncation"):
        if name in kwargs:
            settings[name] = str(kwargs[name])
    if isinstance(texts, str):
        if isinstance(ids, list) and ids and type(ids[0]) is int:
            # The short way: some notebooks call it so for each of 150,000 rows.
            rows.remember([texts], [rows.of_list(ids, tokenizer.pad_token_id or 0)])
            return
        texts = [texts]
        ids = ids if _nested(ids) else [ids]
    texts = [t for t in texts] if hasattr(texts, "__iter__") else []
    if not texts or not isinstance(texts[0], str) or len(texts) != len(ids):
        return
    import numpy

    pad = tokenizer.pad_token_id or 0
    if hasattr(ids, "shape"):
        array = numpy.asarray(ids.numpy() if hasattr(ids, "numpy") else ids)
        rows.remember(texts, rows.of_matrix(array, None, pad).tolist())
        return
    counts = [len(row) for row in ids]
    offsets = numpy.concatenate([[0], numpy.cumsum(counts)]).astype(numpy.int64)
    values = numpy.fromiter(itertools.chain.from_iterable(ids), numpy.int64, int(offsets[-1]))
    rows.remember(texts, rows.of_lists(values, offsets, pad).tolist())


def _nested(ids):
    return len(ids) > 0 and hasattr(ids[0], "__len__")
