"""Models and tokenizers: what was loaded, what the classroom lacks, checkpoints named by step.

Under a budget a run ends at another step than it did for its author, so `checkpoint-18750` means "the
run's latest checkpoint". Called once by entry.py.
"""

import os
import re

from . import imports, models, paths, wire

_STEP = re.compile(r"(^|[/\\])checkpoint-\d+[/\\]?$")
_saved = []


def install():
    """Patch the loaders when they are imported."""
    imports.after("transformers.tokenization_utils_base", lambda m: _loader(m.PreTrainedTokenizerBase))
    imports.after("transformers.configuration_utils", lambda m: _config(m))
    imports.after("transformers.models.auto.auto_factory", lambda m: _loader(m._BaseAutoModelClass))
    imports.after("transformers.models.auto.tokenization_auto", lambda m: _loader(m.AutoTokenizer))
    imports.after("transformers.models.auto.configuration_auto", lambda m: _loader(m.AutoConfig))
    imports.after("transformers.modeling_tf_utils", _tensorflow)
    imports.after("transformers.trainer", _trainer)
    imports.after("peft.config", lambda m: _loader(m.PeftConfigMixin))


def after_models(module):
    """After `transformers.modeling_utils` was imported: note what every loaded model looks like."""
    _loader(module.PreTrainedModel, note=True)


def _tensorflow(module):
    """`from_pt=True` asks for pytorch_model.bin; the classroom holds the same weights as safetensors."""
    _loader(module.TFPreTrainedModel)
    load = module.TFPreTrainedModel.from_pretrained.__func__

    def from_pretrained(kind, name=None, *args, **kwargs):
        if kwargs.get("from_pt") and not os.path.isdir(str(name)):
            kwargs.pop("from_pt")
        return load(kind, name, *args, **kwargs)

    module.TFPreTrainedModel.from_pretrained = classmethod(from_pretrained)


def _config(module):
    for name in ("PretrainedConfig", "PreTrainedConfig"):
        if hasattr(module, name):
            _loader(getattr(module, name))
            return


_depth = []


def _loader(cls, note=False):
    original = cls.__dict__.get("from_pretrained")
    if original is None:
        return
    function = original.__func__

    def from_pretrained(kind, name=None, *args, **kwargs):
        if name is None:
            name = kwargs.pop("pretrained_model_name_or_path", None)
        name = checkpoint(name)
        _depth.append(1)
        try:
            out = function(kind, name, *args, **kwargs)
        except (OSError, ValueError) as error:
            if len(_depth) == 1 and _unknown(name, error):
                what = "the folder %s" if _folder_like(name) else "the model %s"
                raise wire.lacks(
                    what % name, OSError, "left by an earlier session" if _folder_like(name) else ""
                ) from error
            raise
        finally:
            _depth.pop()
        if note:
            wire.guarded(_note)(out, name)
        return out

    from_pretrained.__doc__ = function.__doc__
    from_pretrained.__wrapped__ = function
    cls.from_pretrained = classmethod(from_pretrained)


def _note(out, name):
    model = out[0] if isinstance(out, tuple) else out
    local = os.path.isdir(str(name))
    models.loaded(model, name, local)
    run = models.loaded_run(model) if local else None
    if run is not None:
        models.mark(model, run)
    wire.emit("model", name=str(name)[:300], local=local, run=run, **{"class": type(model).__name__})


def _folder_like(name):
    text = str(name)
    return text.startswith((".", "/", "~")) or text.count("/") > 1 or ("/" not in text and "\\" in text)


def _unknown(name, error):
    """Is it the classroom that has no such model? A folder that lacks a file is the notebook's affair, and so
    is an option that a model which is there doesn't take."""
    if not isinstance(name, (str, os.PathLike)) or os.path.exists(str(name)) or wire.MARK in str(error):
        return False
    folder = "models--" + str(name).replace("/", "--")
    return not os.path.isdir(os.path.join(os.environ.get("HF_HUB_CACHE", ""), folder))


def checkpoint(name):
    """`name`, or the latest checkpoint there is if it names one by a step that wasn't reached."""
    if not isinstance(name, (str, os.PathLike)) or not _STEP.search(str(name)) or os.path.isdir(str(name)):
        return name
    parent = os.path.dirname(str(name).rstrip("/\\"))
    found = latest(parent) if os.path.isdir(parent or ".") else None
    if found is None:
        live = [path for path in _saved if os.path.isdir(path)]
        same = [p for p in live if paths.base_name(os.path.dirname(p)) == paths.base_name(parent)]
        found = (same or live or [None])[-1]
    if found is None:
        return name
    wire.redirect("checkpoint", name, found)
    return found


def latest(folder):
    """The checkpoint of the highest step in `folder`, or None."""
    steps = []
    for entry in os.listdir(folder or "."):
        if re.match(r"^checkpoint-\d+$", entry) and os.path.isdir(os.path.join(folder, entry)):
            steps.append((int(entry.split("-")[1]), os.path.join(folder, entry)))
    return max(steps)[1] if steps else None


def _trainer(module):
    Trainer = module.Trainer
    save, train = Trainer._save_checkpoint, Trainer.train

    def _save_checkpoint(self, *args, **kwargs):
        out = save(self, *args, **kwargs)
        place = os.path.join(self.args.output_dir, "checkpoint-%d" % self.state.global_step)
        _saved.append(os.path.abspath(place))
        return out

    def watched(self, resume_from_checkpoint=None, *args, **kwargs):
        return train(self, checkpoint(resume_from_checkpoint), *args, **kwargs)

    watched.__wrapped__, watched.__doc__ = train, train.__doc__
    Trainer._save_checkpoint, Trainer.train = _save_checkpoint, watched
