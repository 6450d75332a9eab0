"""Facts of one batch: rows, width, real tokens, lengths, hashes. On the CPU side, without a GPU sync.

A batch on a GPU was a CPU batch a moment ago, when the DataLoader handed it out; that one is looked
at. Where it never was, only its shape is known. Called by torch_hooks.py.
"""

from collections import deque

from . import rows

_delivered = deque(maxlen=8)


class Loader:
    """What is known of the DataLoader a batch came from."""

    __slots__ = ("batch", "loader")

    def __init__(self, batch, loader):
        self.batch = batch
        self.loader = loader


def delivered(batch, loader):
    """A DataLoader hands out `batch`."""
    _delivered.append(Loader(batch, loader))


def tensors(batch):
    """Name → tensor of a batch that is a mapping or a sequence; {} otherwise."""
    if hasattr(batch, "items"):
        return {str(k): v for k, v in batch.items() if hasattr(v, "shape")}
    if isinstance(batch, (list, tuple)):
        named = {}
        for place, part in enumerate(batch):
            if hasattr(part, "items"):
                named.update(tensors(part))
            elif hasattr(part, "shape"):
                named[str(place)] = part
        return named
    return {}


class Facts:
    """One batch as the model saw it. Arrays are numpy; None where not known."""

    __slots__ = (
        "correct", "counted", "hashes", "labels", "lengths", "loader", "loss", "odd", "rows", "unmasked",
        "width",
    )  # fmt: skip

    def __init__(self, count, width):
        self.rows, self.width = count, width
        self.lengths = self.hashes = self.labels = self.loss = self.correct = self.loader = None
        self.counted = self.unmasked = self.odd = 0


def look(ids, mask, labels, pad, attends=None):
    """Facts of a batch given as tensors on any device. `ids` (rows, width). `attends`: True if `mask` is
    what attention was kept from padding with, False if nothing was, None if that can't be told."""
    facts = Facts(int(ids.shape[0]), int(ids.shape[1]))
    source = _source(ids)
    if source is not None:
        facts.loader = source.loader
    if ids.device.type != "cpu":
        found = tensors(source.batch) if source is not None else {}
        host = [t for t in found.values() if _same(t, ids) and t.device.type == "cpu"]
        named = found.get("input_ids")
        ids = named if named is not None and named.device.type == "cpu" else (host[0] if host else None)
        mask = found.get("attention_mask", _mask_of(host, ids))
    if labels is None and source is not None:
        labels = _labels_of(tensors(source.batch), facts.rows)
    facts.labels = labels
    if ids is None:
        return facts
    array = ids.detach().numpy()
    keep = (
        mask.detach().numpy() if mask is not None and mask.device.type == "cpu" and mask.dim() == 2 else None
    )
    if keep is not None and keep.shape != array.shape:
        keep = None
    if attends is False:  # whatever lies in the batch, the model was called without it
        facts.unmasked = int((array == pad).sum())
    elif attends and keep is not None:
        facts.unmasked = int(((array == pad) & (keep != 0)).sum())
        facts.odd = int(((array != pad) & (keep == 0)).sum())
    facts.lengths = (keep != 0).sum(axis=1) if keep is not None else (array != pad).sum(axis=1)
    facts.hashes = rows.of_matrix(array, keep, pad)
    return facts


def _same(tensor, ids):
    return tuple(tensor.shape) == tuple(ids.shape) and not tensor.is_floating_point()


def _source(ids):
    """The delivered batch that holds `ids`: the very tensor, else the oldest of the same shape."""
    for item in reversed(_delivered):
        if any(tensor is ids for tensor in tensors(item.batch).values()):
            return item
    for item in list(_delivered):
        if any(_same(tensor, ids) for tensor in tensors(item.batch).values()):
            if ids.device.type != "cpu":
                _delivered.remove(item)
            return item
    return None


def _mask_of(host, ids):
    for tensor in host:
        if tensor is not ids and int(tensor.max()) <= 1:
            return tensor
    return None


def _labels_of(found, count):
    for name in ("labels", "label"):
        if name in found:
            return found[name]
    flat = [
        t for t in found.values() if tuple(t.shape) in ((count,), (count, 1)) and not t.is_floating_point()
    ]
    return flat[-1] if flat else None


def dataset(data, pad=0):
    """All rows of a tokenised data set: {'hashes', 'lengths', 'stored'} arrays (rows,), or None.

    Only where that needs no call of the notebook's own code: datasets.Dataset, TensorDataset, Subset,
    or an object that holds a mapping with all `input_ids`. 'stored' is the length with whatever padding
    lies in it.
    """
    import numpy

    inner = getattr(data, "dataset", None)
    if inner is not None and hasattr(data, "indices"):
        whole = dataset(inner, pad)
        return whole and {name: value[numpy.asarray(data.indices)] for name, value in whole.items()}
    if hasattr(data, "_data") and hasattr(data, "_indices"):
        return _arrow(data, pad)
    matrix = None
    if hasattr(data, "tensors") and len(data.tensors) and data.tensors[0].dim() == 2:
        matrix = data.tensors[0]
    else:
        for value in list(vars(data).values() if hasattr(data, "__dict__") else ()):
            if hasattr(value, "_data") and hasattr(value, "_indices"):
                whole = _arrow(value, pad)
                return whole if whole and len(whole["hashes"]) == len(data) else None
            if hasattr(value, "keys") and "input_ids" in value:
                matrix = value["input_ids"]
    if matrix is None or len(matrix) != len(data):
        return None
    if hasattr(matrix, "device"):
        array = matrix.detach().cpu().numpy()
        width = numpy.full(len(array), array.shape[1])
        return {"hashes": rows.of_matrix(array, None, pad), "lengths": (array != pad).sum(1), "stored": width}
    counts = [len(row) for row in matrix]
    offsets = numpy.concatenate([[0], numpy.cumsum(counts)]).astype(numpy.int64)
    return _laid(numpy.fromiter((i for row in matrix for i in row), numpy.int64, offsets[-1]), offsets, pad)


def _laid(values, offsets, pad):
    import numpy

    return {
        "hashes": rows.of_lists(values, offsets, pad),
        "lengths": rows.real_lengths(values, offsets, pad),
        "stored": numpy.diff(offsets),
    }


_known = {}


def _arrow(data, pad):
    """Of the table below, once, then picked by the data set's indices."""
    import numpy

    table = data._data
    place = id(table)
    if place not in _known or _known[place][0] is not table:
        parts = _columns(table, pad)
        if parts is None:
            return None
        while len(_known) > 8:
            _known.pop(next(iter(_known)))
        _known[place] = (table, parts)
    whole = _known[place][1]
    if data._indices is None:
        return whole
    picked = data._indices.column(0).to_numpy()
    return {name: numpy.asarray(value)[picked] for name, value in whole.items()}


def _columns(table, pad):
    import numpy

    if "input_ids" not in table.column_names:
        return None
    parts = []
    for chunk in table.column("input_ids").chunks:
        for start in range(0, len(chunk), 10_000):
            piece = chunk.slice(start, 10_000)
            if not hasattr(piece, "offsets") or piece.null_count:
                return None
            values = piece.flatten().to_numpy(zero_copy_only=False)
            parts.append(_laid(values, piece.offsets.to_numpy().astype(numpy.int64), pad))
    if not parts:
        return None
    return {name: numpy.concatenate([part[name] for part in parts]) for name in parts[0]}
