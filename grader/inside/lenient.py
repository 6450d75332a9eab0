"""Packages that many notebooks import and few need: tensorflow, wandb, google.colab.

Served only for an import statement of the notebook itself that fails. A lenient module takes any
attribute. TensorFlow's may be asked for its version, seeds, devices; computing with it is refused in
one sentence. wandb and google.colab take any call quietly. Called once by entry.py.
"""

import importlib.util
import os
import sys
import types

from . import imports, wire

QUIET = (
    "wandb",
    "google",
    "google.colab",
    "tensorboard",
    "comet_ml",
    "mlflow",
    "nvidia_smi",
    "pynvml",
    "GPUtil",
    "koreanize_matplotlib",
    "pyvirtualdisplay",
    "dotenv",
)
TF_HARMLESS = (
    "random.set_seed", "set_random_seed", "config.", "test.is", "test.gpu", "get_logger", "sysconfig.",
    "autograph.set_verbosity", "compat.v1.logging", "compat.v1.set_random_seed", "logging.set_verbosity",
    "keras.backend.clear_session", "keras.utils.set_random_seed", "debugging.set_log_device_placement",
)  # fmt: skip

TF_MADE = ("keras.losses.", "keras.optimizers.", "keras.callbacks.", "keras.metrics.")


def install():
    """Stand-ins for failing imports; and no report to a package that isn't there."""
    os.environ.setdefault("WANDB_MODE", "disabled")
    imports.standin("tensorflow", _tensorflow)
    for name in QUIET:
        imports.standin(name, _quiet)
    imports.standin("gdown", _gdown)
    imports.instead("torch.utils.tensorboard", "tensorboard", _quiet)
    imports.after("transformers.training_args", _reports)
    imports.after("transformers.integrations.integration_utils", _callbacks)


class Lenient(types.ModuleType):
    """A module, class, function and value in one: any attribute, any call, no effect."""

    def __init__(self, name, call):
        super().__init__(name)
        self.__dict__["_call"] = call
        self.__path__ = []

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        child = Lenient("%s.%s" % (self.__name__, name), self.__dict__["_call"])
        self.__dict__[name] = child
        return child

    def __call__(self, *args, **kwargs):
        return self.__dict__["_call"](self.__name__, self, args, kwargs)

    def __instancecheck__(self, instance):
        return False

    def __mro_entries__(self, bases):
        return (object,)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0

    def __bool__(self):
        return False

    def __setitem__(self, key, value):
        pass

    def __getitem__(self, key):
        return self

    def __repr__(self):
        return "<classroom stand-in for %s>" % self.__name__


def _tensorflow(name):
    wire.standin("import %s" % name)
    module = Lenient(name, _tensorflow_call)
    module.__version__ = "2.0.0 (classroom stand-in)"
    return module


def _tensorflow_call(name, itself, args, kwargs):
    short = name.partition(".")[2]
    if "list_" in short:
        return []
    if short.endswith("gpu_device_name"):
        return ""
    if short.startswith("test.is"):
        return False
    if any(short.startswith(harmless) for harmless in TF_HARMLESS):
        return None
    if short.startswith(TF_MADE):  # made in one cell, used (or never used) in another
        return itself
    raise wire.lacks(
        "TensorFlow (%s)" % name, NotImplementedError, "only its version, seeds and devices are answered"
    )


def _gdown(name):
    """Files by number from a drive: the classroom can't know them."""
    return Lenient(name, _gdown_call)


def _gdown_call(name, itself, args, kwargs):
    wanted = str(kwargs.get("url") or kwargs.get("id") or (args[0] if args else name))
    raise wire.lacks(wanted, OSError, "no network")


def _quiet(name):
    wire.standin("import %s" % name)
    module = Lenient(name, _quiet_call)
    if name.startswith("google.colab"):
        for place in ("/content/drive/MyDrive", "/content/drive/My Drive"):
            try:
                os.makedirs(place, exist_ok=True)
            except OSError:
                pass
    return module


def _quiet_call(name, itself, args, kwargs):
    wire.standin("%s()" % name)
    if name.endswith(("login", "finish")):
        return True
    if name == "google.colab.files.upload":
        return {}
    if args and len(args) == 1 and callable(args[0]) and not isinstance(args[0], Lenient):
        return args[0]  # used as a decorator
    return itself


def _reports(module):
    """`report_to="wandb"` where there is no wandb: nothing to report to."""
    arguments = module.TrainingArguments
    check = arguments.__post_init__

    def __post_init__(self):
        wanted = [self.report_to] if isinstance(self.report_to, str) else list(self.report_to or [])
        kept = [w for w in wanted if w in ("all", "none") or _installed("azureml" if w == "azure_ml" else w)]
        if kept != wanted:
            wire.standin("report_to=%s" % wanted)
            self.report_to = kept or "none"
        check(self)

    arguments.__post_init__ = __post_init__


def _installed(name):
    """Really, not as one of the stand-ins above."""
    if isinstance(sys.modules.get(name), Lenient):
        return False
    return importlib.util.find_spec(name) is not None


def _callbacks(module):
    if hasattr(module, "WandbCallback") and not _installed("wandb"):
        from transformers import TrainerCallback

        class WandbCallback(TrainerCallback):
            """In the classroom: does nothing."""

            def __init__(self, *args, **kwargs):
                wire.standin("WandbCallback")

        module.WandbCallback = WandbCallback
        if "wandb" in getattr(module, "INTEGRATION_TO_CALLBACK", {}):
            module.INTEGRATION_TO_CALLBACK["wandb"] = WandbCallback
