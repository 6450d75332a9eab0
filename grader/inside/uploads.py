"""Logging in to the Hugging Face hub and uploading to it: answered quietly, nothing leaves the sandbox.

Called once by entry.py.
"""

from . import imports, wire

LOGINS = ("login", "notebook_login", "interpreter_login", "logout")
UPLOADS = (
    ("transformers.trainer", "Trainer", ("push_to_hub", "init_hf_repo", "init_git_repo")),
    ("transformers.modeling_utils", "PreTrainedModel", ("push_to_hub",)),
    ("transformers.tokenization_utils_base", "PreTrainedTokenizerBase", ("push_to_hub",)),
    ("datasets", "Dataset", ("push_to_hub",)),
    ("datasets", "DatasetDict", ("push_to_hub",)),
    ("huggingface_hub", "HfApi", ("create_repo", "upload_folder", "upload_file", "whoami")),
)


def install():
    """Patch when the libraries are imported."""
    imports.after("huggingface_hub", _logins)
    for module, cls, names in UPLOADS:
        imports.after(
            module, lambda loaded, cls=cls, names=names: _uploads(getattr(loaded, cls, None), names)
        )
    imports.after("transformers.training_args", _arguments)


def _logins(module):
    for name in LOGINS:
        setattr(module, name, _answer("huggingface_hub.%s" % name, None))  # its names are lazy: set all
    for name in ("create_repo", "upload_folder", "upload_file"):
        setattr(module, name, _answer("huggingface_hub.%s" % name, None))


def _uploads(cls, names):
    for name in names:
        if cls is not None and hasattr(cls, name):
            answer = {"name": "student"} if name == "whoami" else None
            setattr(cls, name, _answer("%s.%s" % (cls.__name__, name), answer))


def _answer(what, value):
    def quiet(*args, **kwargs):
        wire.standin("%s: nothing is sent" % what)
        return value

    quiet.__name__ = what.rpartition(".")[2]
    return quiet


def _arguments(module):
    """`push_to_hub=True` would upload every checkpoint."""
    arguments = module.TrainingArguments
    check = arguments.__post_init__

    def __post_init__(self):
        if getattr(self, "push_to_hub", False):
            wire.standin("push_to_hub=True: nothing is sent")
            self.push_to_hub = False
        check(self)

    arguments.__post_init__ = __post_init__
