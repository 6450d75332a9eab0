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
