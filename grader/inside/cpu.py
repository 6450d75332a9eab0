"""A notebook that insists on a GPU, on a machine without one: CPU instead, each use noted.

`torch.cuda.is_available()` keeps telling the truth, so code that asks decides for itself. Code that
does not ask, `.cuda()`, `.to("cuda")`, `device="cuda"`, fp16, bf16, tf32, gets the CPU in 32 bits.
Nothing is touched where CUDA works. Called once by entry.py.
"""

from . import imports, wire, without_cuda

FLAGS = ("fp16", "bf16", "tf32", "fp16_full_eval", "bf16_full_eval", "half_precision_backend")
FACTORIES = (
    "tensor", "as_tensor", "zeros", "ones", "empty", "full", "arange", "rand", "randn", "randint", "linspace",
    "eye", "zeros_like", "ones_like",
)  # fmt: skip


def install():
    """Before the first cell."""
    imports.after("transformers.training_args", _arguments)
    imports.after("accelerate.accelerator", _accelerator)


def _arguments(module):
    arguments = module.TrainingArguments
    check = arguments.__post_init__

    def __post_init__(self):
        import torch

        asked = {flag: True for flag in FLAGS[:-1] if getattr(self, flag, None)}
        if not torch.cuda.is_available():
            for flag in asked:
                setattr(self, flag, None if flag == "tf32" else False)
                wire.standin("%s=True on a CPU" % flag)
            optim = str(getattr(self.optim, "value", getattr(self, "optim", "")))
            if "bnb" in optim or "8bit" in optim or "apex" in optim:
                wire.standin("optim=%s on a CPU" % optim)
                self.optim = "adamw_torch"
        check(self)
        self._grader_asked = asked

    arguments.__post_init__ = __post_init__


def _accelerator(module):
    begin = module.Accelerator.__init__

    def __init__(self, *args, **kwargs):
        import torch

        wanted = str(getattr(kwargs.get("mixed_precision"), "value", kwargs.get("mixed_precision")))
        if wanted in ("fp16", "fp8") and not torch.cuda.is_available():
            wire.standin("Accelerator(mixed_precision=%s) on a CPU" % wanted)
            kwargs["mixed_precision"] = "no"
        begin(self, *args, **kwargs)

    __init__.__wrapped__ = begin
    module.Accelerator.__init__ = __init__


def after_torch(torch):
    """After `import torch`."""
    if torch.cuda.is_available():
        return
    for owner in (torch.Tensor, torch.nn.Module):
        owner.cuda = _stay(owner, "cuda")
        owner.to = _moved(owner.to)
    _remember_factories()
    for name in FACTORIES:
        setattr(torch, name, _made(getattr(torch, name)))
    load = torch.load

    def watched_load(f, map_location=None, *args, **kwargs):
        if _is_cuda(map_location):
            wire.standin("torch.load(map_location='cuda')")
            map_location = "cpu"
        return load(f, map_location, *args, **kwargs)

    watched_load.__wrapped__ = load
    torch.load = watched_load
    _cuda(torch.cuda)
    wire.guarded(without_cuda.install)(torch)


@wire.guarded
def _remember_factories():
    """`with torch.device("meta")` knows factories by identity, from a cached set: fill it before we wrap
    them, or transformers builds its models on the wrong device."""
    from torch.utils import _device

    _device._device_constructors()


def _is_cuda(device):
    return device is not None and str(device).startswith("cuda")


def _stay(owner, name):
    def stay(self, *args, **kwargs):
        wire.standin(".cuda() on a CPU")
        return self

    return stay


def _moved(to):
    def moved(self, *args, **kwargs):
        if (args and isinstance(args[0], str) and args[0].startswith("cuda")) or (
            args and _is_device(args[0])
        ):
            wire.standin(".to('cuda') on a CPU")
            args = ("cpu", *args[1:])
        if "device" in kwargs and _is_cuda(kwargs["device"]):
            wire.standin(".to('cuda') on a CPU")
            kwargs["device"] = "cpu"
        return to(self, *args, **kwargs)

    moved.__doc__ = to.__doc__
    return moved


def _is_device(thing):
    return getattr(thing, "type", None) == "cuda" and hasattr(thing, "index")


def _made(factory):
    def made(*args, **kwargs):
        if _is_cuda(kwargs.get("device")):
            wire.standin("device='cuda' on a CPU")
            kwargs["device"] = "cpu"
        return factory(*args, **kwargs)

    made.__doc__, made.__name__, made.__wrapped__ = factory.__doc__, factory.__name__, factory
    return made


class _Properties:
    name, total_memory, major, minor, multi_processor_count = "CPU (stand-in)", 0, 0, 0, 0
    gcnArchName = ""


def _cuda(cuda):
    answers = {
        "get_device_name": "CPU (stand-in)", "get_device_properties": _Properties(), "current_device": 0,
        "get_device_capability": (0, 0), "mem_get_info": (0, 0), "memory_summary": "", "synchronize": None,
        "max_memory_allocated": 0, "memory_allocated": 0, "max_memory_reserved": 0, "memory_reserved": 0,
        "reset_peak_memory_stats": None, "reset_max_memory_allocated": None, "set_device": None,
        "ipc_collect": None,
    }  # fmt: skip
    for name, answer in answers.items():
        if hasattr(cuda, name):
            setattr(cuda, name, _answer(name, answer))


def _answer(name, answer):
    def standin(*args, **kwargs):
        wire.standin("torch.cuda.%s on a CPU" % name)
        return answer

    return standin
