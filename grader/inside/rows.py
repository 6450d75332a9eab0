"""Which row is it? Hashes of token ids, and which of the official files a text comes from.

A row's hash is Σ id_j · w_j mod 2^64 with fixed random odd weights w_j, over the tokens without
padding, so that padding changes nothing and a whole matrix is hashed at once. Called by batches.py
and the hooks; consumes no random numbers of the notebook (it has a generator of its own).
"""

import csv
import os
import re

_weights = None
_plain = []
TRAIN, TEST = 1, 2
_texts = None
_tokens = {}


def weights(length):
    """uint64 weights, at least `length` of them."""
    global _weights
    import numpy

    if _weights is None or len(_weights) < length:
        size = max(1024, length)
        _weights = numpy.random.RandomState(20260101).randint(1, 2**62, size=size, dtype=numpy.int64)
        _weights = _weights.astype(numpy.uint64) * numpy.uint64(2) + numpy.uint64(1)
    return _weights[:length]


def of_matrix(ids, mask=None, pad=0):
    """ids (rows, width) integers → (rows,) uint64. Padding is where `mask` is 0, else where id == pad."""
    import numpy

    keep = mask != 0 if mask is not None else ids != pad
    # left padding would shift the weights, so such rows are moved to the left first
    if ids.shape[1] and not keep[:, 0].all():
        order = numpy.argsort(~keep, axis=1, kind="stable")
        ids = numpy.take_along_axis(ids, order, 1)
        keep = numpy.take_along_axis(keep, order, 1)
    return ((ids * keep).astype(numpy.uint64) * weights(ids.shape[1])).sum(axis=1, dtype=numpy.uint64)


def of_lists(values, offsets, pad=0):
    """Rows laid end to end: `values` (n,), `offsets` (rows + 1,) → (rows,) uint64. Padding: id == pad."""
    import numpy

    lengths = numpy.diff(offsets)
    if not len(lengths):
        return numpy.zeros(0, numpy.uint64)
    position = numpy.arange(len(values)) - numpy.repeat(offsets[:-1] - offsets[0], lengths)
    product = (
        numpy.where(values == pad, 0, values).astype(numpy.uint64)
        * weights(int(lengths.max(initial=1)))[position]
    )
    sums = numpy.concatenate([numpy.zeros(1, numpy.uint64), numpy.cumsum(product, dtype=numpy.uint64)])
    ends = offsets - offsets[0]
    return sums[ends[1:]] - sums[ends[:-1]]


def of_list(ids, pad=0):
    """One row of Python integers → its hash as one: numpy takes ten times as long for twenty tokens."""
    while len(_plain) < len(ids):
        _plain[:] = weights(max(1024, len(ids))).tolist()
    return sum(i * w for i, w in zip(ids, _plain) if i != pad) & 0xFFFFFFFFFFFFFFFF


def real_lengths(values, offsets, pad=0):
    """Tokens without padding of each row laid end to end: (rows,) int64."""
    import numpy

    sums = numpy.concatenate([numpy.zeros(1, numpy.int64), numpy.cumsum(values != pad)])
    ends = offsets - offsets[0]
    return sums[ends[1:]] - sums[ends[:-1]]


_LETTERS = re.compile(r"[^0-9a-z가-힣]+")


def key(text):
    """What survives the usual cleaning of a review: letters and digits."""
    return _LETTERS.sub("", str(text).lower()) or str(text)


def official():
    """Text key → TRAIN | TEST, of the classroom's files. Read once."""
    global _texts
    if _texts is None:
        _texts = {}
        folder = os.environ.get("GRADER_DATA", "")
        for name, bit in (("ratings_train.txt", TRAIN), ("ratings_test.txt", TEST)):
            path = os.path.join(folder, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", newline="") as file:
                    for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                        where = key(row.get("document") or "")
                        _texts[where] = _texts.get(where, 0) | bit
    return _texts


def remember(texts, hashes):
    """These texts were tokenised to rows with these hashes (Python integers)."""
    known = official()
    for text, mark in zip(texts, hashes):
        _tokens[mark] = _tokens.get(mark, 0) | known.get(key(text), 0)


def votes(hashes):
    """How many rows come from the train file only, the test file only, both, or neither."""
    count = [0, 0, 0, 0]
    for mark in hashes:
        count[_tokens.get(mark, 0)] += 1
    return {"train": count[TRAIN], "test": count[TEST], "both": count[TRAIN | TEST], "neither": count[0]}
