"""What older libraries did and the runtime's don't, where doing it the old way harms nobody.

Only with GRADER_OLD=1 (a runtime for notebooks of earlier years) and only for calls of the notebook's
own code, so that in a current runtime a notebook meets what its author would. Called once by entry.py.
"""

import os
import sys

from . import imports, wire


def install():
    """Patch when the libraries are imported."""
    if os.environ.get("GRADER_OLD") == "1":
        imports.after("numpy", _numpy)
        imports.after("transformers.trainer", _trainer)


def _numpy(module):
    """Rows of different lengths made an array of lists, with a warning, until numpy 1.24."""
    original = module.array

    def array(*args, **kwargs):
        try:
            return original(*args, **kwargs)
        except ValueError as error:
            caller = sys._getframe(1).f_globals.get("__name__")
            if caller != "__main__" or "inhomogeneous" not in str(error) or kwargs.get("dtype") is not None:
                raise
        wire.standin("numpy.array of rows of different lengths, as before numpy 1.24")
        return original(*args, **{**kwargs, "dtype": object})

    array.__doc__, array.__wrapped__ = original.__doc__, original
    module.array = array


def _trainer(module):
    """From 4.46 on Trainer passes the loss's row count to models whose forward takes any keyword. It looks
    through one adapter; a model adapted twice (a cell run again) then fails, which it didn't before."""
    begin = module.Trainer.__init__

    def __init__(self, *args, **kwargs):
        begin(self, *args, **kwargs)
        wire.guarded(_innermost)(self)

    __init__.__wrapped__, __init__.__doc__ = begin, begin.__doc__
    module.Trainer.__init__ = __init__


def _innermost(trainer):
    import inspect

    model, shells = trainer.model, 0
    while hasattr(model, "get_base_model") and shells < 8:
        model, shells = model.get_base_model(), shells + 1
    if shells < 2 or not getattr(trainer, "model_accepts_loss_kwargs", False):
        return
    parameters = inspect.signature(model.forward).parameters.values()
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        trainer.model_accepts_loss_kwargs = False
        wire.standin("a model adapted twice is trained as before transformers 4.46")
