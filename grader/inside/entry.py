"""What the startup snippet runs: connect the wire, install every hook. START HERE.

    import importlib.util, sys
    spec = importlib.util.spec_from_file_location("_grader_inside", FOLDER + "/__init__.py",
                                                  submodule_search_locations=[FOLDER])
    …; from _grader_inside import entry; entry.install()

Nothing heavy is imported here. Environment: PROBE_FD (the wire), GRADER_DATA (ratings_*.txt),
GRADER_TRAIN_BATCHES, GRADER_EVAL_BATCHES, GRADER_LOOP_SECONDS (budget), OUTBOX (weights).
"""

import sys

from . import imports, wire


def install():
    """Once per kernel, before the first cell."""
    wire.connect()
    imports.install()
    _cells()
    imports.after("torch", _torch)
    imports.after("transformers.trainer", lambda module: _lazily("trainer_hooks").install(module))
    imports.after(
        "transformers.tokenization_utils_base", lambda module: _lazily("tokenizer_hooks").install(module)
    )
    imports.after("transformers.modeling_utils", _models)
    imports.after("peft.peft_model", lambda module: _lazily("torch_hooks").watch(module.PeftModel))
    imports.after("accelerate.accelerator", _accelerate)
    for name in (
        "data",
        "paths",
        "hub",
        "shell",
        "metrics",
        "lenient",
        "cpu",
        "shortcuts",
        "shims",
        "fonts",
        "keras_hooks",
        "depth",
        "intervals",
        "uploads",
    ):
        try:
            _lazily(name).install()
        except Exception as error:
            wire.emit("probe-error", where=name, error="%s: %s" % (type(error).__name__, error))
    wire.emit("ready", python=sys.version.split()[0])


def _lazily(name):
    import importlib

    return importlib.import_module("." + name, __package__)


def _torch(torch):
    _lazily("torch_hooks").install(torch)
    _lazily("weights").install()
    _lazily("cpu").after_torch(torch)
    wire.guarded(_lazily("depth").after_torch)(torch)
    wire.emit(
        "torch",
        version=str(torch.__version__),
        cuda=bool(torch.cuda.is_available()),
        threads=torch.get_num_threads(),
    )


def _models(module):
    _lazily("torch_hooks").watch(module.PreTrainedModel)
    _lazily("hub").after_models(module)
    wire.emit("transformers", version=sys.modules["transformers"].__version__)


def _accelerate(module):
    """Outside of Trainer, `accelerator.backward` tells a run of Accelerate from a plain loop."""
    runs = _lazily("runs")
    backward = module.Accelerator.backward

    def watched(self, *args, **kwargs):
        runs.accelerated = True
        return backward(self, *args, **kwargs)

    watched.__wrapped__ = backward
    module.Accelerator.backward = watched


def _cells():
    """Learn where cells begin and end."""
    try:
        from IPython import get_ipython

        shell = get_ipython()
    except ImportError:
        shell = None
    if shell is None:
        return
    shell.events.register("pre_run_cell", wire.next_cell)
    shell.events.register("post_run_cell", lambda *_: finish())


def finish():
    """The end of a cell: whatever is still open is reported."""
    if "torch" in sys.modules:
        wire.guarded(_lazily("runs").end_of_cell)()
