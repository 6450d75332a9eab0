"""Where torch shows what happens: DataLoader, the model's call, Optimizer.step.

It changes no result: no random number is drawn, no tensor is written, nothing is kept that holds a
graph. On a GPU nothing is read back before a run or an evaluation ends. Called once by entry.py
through imports.py.
"""

from . import batches, budget, models, runs, wire

_inside = []
_model = None
_latest = {}
"""id of a model of the notebook's own → its latest call."""


def install(torch):
    """After `import torch`."""
    from torch.optim import optimizer

    optimizer.register_optimizer_step_pre_hook(_before_step)
    optimizer.register_optimizer_step_post_hook(_after_step)
    _loaders(torch.utils.data.DataLoader)
    _own_modules(torch.nn.Module)


def _before_step(optimizer, args, kwargs):
    wire.guarded(runs.before_step)(optimizer, _model)


def _after_step(optimizer, args, kwargs):
    wire.guarded(runs.after_step)(optimizer)
    budget.stepped()


def _loaders(DataLoader):
    iterate = DataLoader.__iter__

    def __iter__(self):
        wire.guarded(runs.new_loop)()
        return _Batches(self, iterate(self))

    DataLoader.__iter__ = __iter__


class _Batches:
    """The iterator of a DataLoader, seen and capped."""

    def __init__(self, loader, inner):
        self._loader, self._inner = loader, inner
        self._cap = budget.Cap(loader)

    def __iter__(self):
        return self

    def __len__(self):
        return len(self._inner)

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def __next__(self):
        if self._cap.reached():
            raise StopIteration
        batch = next(self._inner)
        self._cap.count()
        batches.delivered(batch, self._loader)
        return batch


def _own_modules(Module):
    """nn.Module subclasses defined in the notebook: the outermost one is the model."""

    def __init_subclass__(cls, **kwargs):
        super(Module, cls).__init_subclass__(**kwargs)
        if cls.__module__ == "__main__" and "__call__" not in cls.__dict__:
            watch(cls)

    Module.__init_subclass__ = classmethod(__init_subclass__)


def watch(cls):
    """See the calls of this class of models."""
    call = cls.__call__

    def __call__(self, *args, **kwargs):
        if _inside:
            if len(_inside) == 1 and _ids(args, kwargs)[0] is not None:
                _inside.append((args, kwargs))
            return call(self, *args, **kwargs)
        _inside.append(self)
        try:
            out = call(self, *args, **kwargs)
            inner = _inside[1] if len(_inside) > 1 else None
        finally:
            del _inside[:]
        _saw(self, args, kwargs, inner, out)
        return out

    cls.__call__ = __call__


def _ids(args, kwargs):
    """(input_ids, attention_mask) of a call; None each where there is none."""
    ids = kwargs.get("input_ids")
    rest = list(args)
    if ids is None and rest and _is_ids(rest[0]):
        ids = rest.pop(0)
    if ids is None:
        ids = next((v for v in kwargs.values() if _is_ids(v)), None)
    if not _is_ids(ids):
        return None, None
    mask = kwargs.get("attention_mask")
    if mask is None and rest and getattr(rest[0], "shape", None) == ids.shape:
        mask = rest[0]
    return ids, mask


def _attends(model, args, kwargs, inner):
    """Was attention kept from padding? True: by a mask of that name; False: certainly not; None: unknown.

    A student's module may make its mask inside, or take it under any name: then only a transformers model
    called without one tells.
    """
    if kwargs.get("attention_mask") is not None:
        return True
    calls = [(args, kwargs)] if type(model).__module__.startswith("transformers.") else []
    calls += [inner] if inner is not None else []
    bare = [len(a) <= 1 and k.get("attention_mask") is None for a, k in calls]
    return False if bare and all(bare) else None


def _is_ids(thing):
    return getattr(thing, "dim", None) is not None and thing.dim() == 2 and not thing.is_floating_point()


@wire.guarded
def _saw(model, args, kwargs, inner, out):
    """One outermost forward pass."""
    global _model
    import torch

    if type(model).__module__ == "__main__":
        _latest.clear()
        _latest[id(model)] = (args, kwargs, inner)
    ids, mask = _ids(args, kwargs)
    if ids is None and inner is not None:
        ids, mask = _ids(*inner)
    if ids is None:
        return
    attends = _attends(model, args, kwargs, inner)
    facts = batches.look(ids, mask, kwargs.get("labels"), models.pad_id(model), attends)
    logits, loss = _outputs(out, facts.rows)
    if loss is not None:
        facts.loss = loss.detach()
        if facts.loss.device.type == "cpu":
            facts.loss = facts.loss.item()
    if torch.is_grad_enabled() and model.training:
        _model = model
        facts.labels = None
        runs.settle()
        runs.trained_on(facts)
        return
    if logits is not None and facts.labels is not None and facts.labels.numel() == facts.rows:
        labels = facts.labels.reshape(-1).to(logits.device)
        right = (logits.detach().argmax(-1) == labels).sum()
        facts.correct = right.item() if right.device.type == "cpu" else right
        facts.counted = facts.rows
    facts.labels = None
    if torch.is_grad_enabled() and loss is not None and loss.requires_grad and not runs.trainer_run:
        runs.perhaps(model, facts)
    else:
        runs.evaluated(model, facts)
    budget.evaluated()


def _outputs(out, rows):
    """(logits, loss) from whatever a model returns."""
    logits = getattr(out, "logits", None)
    loss = getattr(out, "loss", None)
    parts = (
        [out]
        if hasattr(out, "dim")
        else list(out.values() if hasattr(out, "values") else out)
        if isinstance(out, (tuple, list, dict))
        else []
    )
    for part in parts:
        if not hasattr(part, "dim") or not part.is_floating_point():
            continue
        if logits is None and part.dim() == 2 and part.shape[0] == rows and 2 <= part.shape[1] <= 64:
            logits = part
        if loss is None and part.dim() == 0:
            loss = part
    return logits, loss


def example(model, most=8):
    """{'ids', 'mask', 'logits'} of a few rows of the latest batch, by `model` as it is now, without dropout;
    None where that can't be had. For a module of the notebook's own: see verified/structure.py."""
    import torch

    if id(model) not in _latest:
        return None
    args, kwargs, inner = _latest[id(model)]
    ids, mask = _ids(args, kwargs)
    if ids is None and inner is not None:
        ids, mask = _ids(*inner)
    if ids is None:
        return None
    training = model.training
    _inside.append(model)  # what happens now is nobody's evaluation
    try:
        model.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            logits, _ = _outputs(model.forward(*args, **kwargs), ids.shape[0])
    finally:
        del _inside[:]
        model.train(training)
    if logits is None or logits.shape[-1] != 2:
        return None
    mask = (ids != models.pad_id(model)).long() if mask is None else mask
    parts = {"ids": ids, "mask": mask.long(), "logits": logits.float()}
    return {name: part[:most].detach().cpu().tolist() for name, part in parts.items()}
