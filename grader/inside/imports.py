"""Act on imports: after a module was loaded, or in place of one that can't be found.

What it is not: it puts nothing into sys.modules before somebody imports it, so
`importlib.util.find_spec("tensorflow")` keeps telling libraries the truth.
"""

import importlib.abc
import importlib.machinery
import sys

from .wire import guarded

_after = {}
_standins = {}
_instead = {}


def after(name, function):
    """Call `function(module)` right after module `name` was executed, or now if it was already.

    A module that is only being executed has not got its names yet: it imports torch, say, whose own hooks
    want to act on it. They have to wait; the end of it is seen where somebody waits for it already.
    """
    module = sys.modules.get(name)
    executing = getattr(getattr(module, "__spec__", None), "_initializing", False)
    if module is not None and not (executing and name in _after):
        guarded(function)(module)
    else:
        _after.setdefault(name, []).append(guarded(function))


def standin(name, make):
    """If the notebook itself imports `name` or below and it can't be found: `make(fullname)` instead."""
    _standins[name] = make


def instead(name, needs, make):
    """If the notebook imports `name`, which is there but needs package `needs`, which isn't: `make(name)`."""
    _instead[name] = (needs, make)


def install():
    """Once, at the start of the kernel."""
    sys.meta_path.insert(0, _After())
    sys.meta_path.append(_Standin())


class _After(importlib.abc.MetaPathFinder):
    """First in line: finds nothing itself, only adds to what the others find."""

    def __init__(self):
        self.busy = set()

    def find_spec(self, name, path=None, target=None):
        if name in _instead and _asked_by_notebook() and not _there(_instead[name][0]):
            return importlib.machinery.ModuleSpec(name, _Maker(_instead[name][1]), is_package=True)
        if name not in _after or name in self.busy:
            return None
        self.busy.add(name)
        try:
            spec = None
            for finder in list(sys.meta_path):
                if finder is not self and not isinstance(finder, _Standin) and hasattr(finder, "find_spec"):
                    spec = finder.find_spec(name, path, target)
                    if spec is not None:
                        break
        finally:
            self.busy.discard(name)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            _extend(name, spec.loader)
        return spec


def _extend(name, loader):
    execute = loader.exec_module

    def exec_module(module):
        execute(module)
        for function in _after.pop(name, ()):
            function(sys.modules.get(name, module))  # transformers replaces itself by a lazy module

    try:
        loader.exec_module = exec_module
    except AttributeError:  # a loader with slots or a class as loader: then not
        pass


class _Standin(importlib.abc.MetaPathFinder):
    """Last in line: only asked for what nobody found."""

    def find_spec(self, name, path=None, target=None):
        make = _standins.get(name) or _standins.get(name.partition(".")[0])
        if make is None or not _asked_by_notebook():
            return None
        return importlib.machinery.ModuleSpec(name, _Maker(make), is_package=True)


class _Maker(importlib.abc.Loader):
    def __init__(self, make):
        self.make = make

    def create_module(self, spec):
        return self.make(spec.name)

    def exec_module(self, module):
        pass


def _there(package):
    finders = [f for f in sys.meta_path if not isinstance(f, (_After, _Standin))]
    return any(f.find_spec(package, None) is not None for f in finders if hasattr(f, "find_spec"))


def _asked_by_notebook():
    """Is it an import statement of the notebook, not a library's or `find_spec`'s question?"""
    frame = sys._getframe(2)
    importing = False
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib") or frame.f_globals.get("__name__", "").startswith(
            "importlib._boot"
        ):
            importing = importing or frame.f_code.co_name == "_find_and_load"
        elif frame.f_globals.get("__name__") == "importlib":
            importing = True  # importlib.import_module
        else:
            break
        frame = frame.f_back
    return importing and frame is not None and frame.f_globals.get("__name__") == "__main__"
