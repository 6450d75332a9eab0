"""What a notebook asks of a GPU's software where there is no GPU: compiled, quantised, fused, timed.

torch.compile, flash attention, 8-bit loading, `device_map="cuda"`, `pipeline(device=0)`, CUDA events and
generators: plain PyTorch on the CPU instead, each use noted. The numbers differ by rounding at most, except
for quantised weights, which are loaded whole. Nothing is touched where CUDA works. Called by cpu.py.
"""

import time

from . import imports, wire

FAST_ATTENTION = ("flash_attention_2", "flash_attention_3", "flex_attention")
QUANTISED = ("load_in_8bit", "load_in_4bit")


def install(torch):
    """After `import torch`, on a machine without CUDA."""
    _compile(torch)
    _events(torch.cuda)
    generator = torch.Generator

    class Generator(generator):
        """On the CPU, whatever was asked for."""

        def __new__(cls, device="cpu"):
            if str(device).startswith("cuda"):
                wire.standin("torch.Generator('cuda') on a CPU")
                device = "cpu"
            return generator.__new__(cls, device)

    torch.Generator = Generator
    imports.after("transformers.training_args", _arguments)
    imports.after("transformers.modeling_utils", lambda m: _loading(m.PreTrainedModel))
    imports.after("transformers.models.auto.auto_factory", lambda m: _loading(m._BaseAutoModelClass))
    imports.after("transformers.pipelines.base", lambda m: _pipeline(m.Pipeline))


def _compile(torch):
    """Needs a compiler for minutes, and gains nothing over a few steps."""

    def compile(model=None, **kwargs):
        wire.standin("torch.compile on a CPU: not compiled")
        if model is None:
            return lambda function: function
        return model

    compile.__doc__ = torch.compile.__doc__
    torch.compile = compile
    torch.nn.Module.compile = lambda self, *args, **kwargs: wire.standin(
        "torch.compile on a CPU: not compiled"
    )


def _arguments(module):
    arguments = module.TrainingArguments
    check = arguments.__post_init__

    def __post_init__(self):
        for name in ("torch_compile", "torch_compile_backend", "torch_compile_mode"):
            if getattr(self, name, None):
                wire.standin("%s on a CPU: not compiled" % name)
                setattr(self, name, False if name == "torch_compile" else None)
        check(self)

    arguments.__post_init__ = __post_init__


def _loading(cls):
    """`from_pretrained(…, device_map="cuda", attn_implementation="flash_attention_2", load_in_8bit=True)`"""
    function = cls.__dict__["from_pretrained"].__func__

    def from_pretrained(kind, *args, **kwargs):
        return function(kind, *args, **wire.guarded(plain)(kwargs) or kwargs)

    from_pretrained.__doc__, from_pretrained.__wrapped__ = function.__doc__, function
    cls.from_pretrained = classmethod(from_pretrained)


def plain(options):
    """`options` of from_pretrained without what only a GPU has."""
    options = dict(options)
    if options.get("attn_implementation") in FAST_ATTENTION:
        wire.standin("attn_implementation=%s on a CPU" % options.pop("attn_implementation"))
    if options.pop("use_flash_attention_2", None):
        wire.standin("use_flash_attention_2=True on a CPU")
    for name in QUANTISED:
        if options.pop(name, None):
            wire.standin("%s=True on a CPU: loaded whole" % name)
    if options.get("quantization_config") is not None:
        wire.standin("quantization_config on a CPU: loaded whole")
        del options["quantization_config"]
    if _wants_gpu(options.get("device_map")):
        wire.standin("device_map=%s on a CPU" % (options.pop("device_map"),))
    return options


def _wants_gpu(where):
    if isinstance(where, dict):
        return any(_wants_gpu(part) for part in where.values())
    if where in ("auto", "balanced", "sequential"):
        return True  # all of them measure GPU memory first
    return (type(where) is int) or str(where).startswith("cuda")


def _pipeline(cls):
    begin = cls.__init__

    def __init__(self, *args, **kwargs):
        if _wants_gpu(kwargs.get("device")) and kwargs["device"] != -1:
            wire.standin("pipeline(device=%s) on a CPU" % kwargs["device"])
            kwargs["device"] = -1
        begin(self, *args, **kwargs)

    __init__.__wrapped__ = begin
    cls.__init__ = __init__


def _events(cuda):
    class Event:
        """A CUDA event by the wall clock."""

        def __init__(self, *args, **kwargs):
            wire.standin("torch.cuda.Event on a CPU")
            self.at = None

        def record(self, stream=None):
            """Now."""
            self.at = time.perf_counter()

        def synchronize(self):
            """Nothing to wait for."""

        wait = synchronize

        def query(self):
            """It was reached."""
            return True

        def elapsed_time(self, other):
            """Milliseconds."""
            return 1000 * (other.at - self.at)

    cuda.Event = Event
