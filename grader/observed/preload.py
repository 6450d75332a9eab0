"""What a kernel that is kept warm imports before a notebook runs, and which notebooks may have one.

Of the packages that students of this exercise use, those that the notebook names in its import statements;
the kernel keeps them for the next one. What a runtime lacks is left out there. Nothing here computes
anything while it is imported. Called by `setting`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from grader.sandbox import Preload

INLINE = "module://matplotlib_inline.backend_inline"
"""What ipykernel sets MPLBACKEND to when it starts; matplotlib reads it when it is imported."""

# transformers and tqdm choose their progress bars while they are imported, by whether this is a notebook.
_KERNEL = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "IPython.display")
_OF_TRANSFORMERS = {
    *("AutoConfig", "AutoModel", "AutoModelForSequenceClassification", "AutoTokenizer"),
    *("BertConfig", "BertModel", "BertForSequenceClassification", "BertTokenizer", "BertTokenizerFast"),
    *("DataCollatorWithPadding", "EarlyStoppingCallback", "Trainer", "TrainingArguments"),
    *("default_data_collator", "get_linear_schedule_with_warmup", "get_scheduler", "set_seed"),
}
"""Looked up beforehand where a notebook names them: transformers loads the modules behind them lazily."""
_MODULES = {
    "torch": ("torch", "torch.utils.data"),
    "transformers": ("torch", "transformers"),
    "datasets": ("datasets",),
    "evaluate": ("evaluate",),
    "tqdm": ("tqdm.auto", "tqdm.notebook"),
    "safetensors": ("safetensors.torch",),
    "accelerate": ("accelerate",),
    "peft": ("peft",),
    "numpy": ("numpy",),
    "pandas": ("pandas",),
    "sklearn": ("sklearn.metrics", "sklearn.model_selection"),
    "scipy": ("scipy.stats",),
    "matplotlib": ("matplotlib.pyplot",),
    "seaborn": ("matplotlib.pyplot", "seaborn"),
}
"""What is imported beforehand where a notebook imports the package on the left. Nothing else ever is."""
_PLOTS = ("matplotlib", "seaborn")
"""Never while a kernel is pretended: pyplot would take it for the real one."""
_IMPORTS = re.compile(r"^\s*(?:from|import)\s+(.+?)\s*$", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w*")

IMPORT_TIME = (
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_DATASETS_OFFLINE",
    "HF_HUB_DISABLE_TELEMETRY",
    "WANDB_MODE",
    "PYTHONDONTWRITEBYTECODE",
    "OMP_NUM_THREADS",
    "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD",
    "USE_TF",
    "TF_CPP_MIN_LOG_LEVEL",
    "MPLBACKEND",
)
"""Variables that libraries read while they are imported."""

_SETS_ONE = re.compile(
    r"""(?:environ|env\b|putenv).{0,40}?\b(?:HF_|HUGGINGFACE_|TRANSFORMERS_|DATASETS_|USE_T|USE_FLAX|OMP_|MKL_"""
    r"""|OPENBLAS_|KMP_|TORCH_|MPL|PYTHON)"""
)


def preload(cells: Sequence[tuple[int, str]], env: Mapping[str, str]) -> Preload | None:
    """For a notebook of `cells` under `env`; None where imports done before it would not be its own:
    it wants TensorFlow, or sets variables that libraries read while they are imported."""
    if env.get("USE_TF") != "0" or any(_SETS_ONE.search(source) for _, source in cells):
        return None
    named = {word for _, source in cells for line in _IMPORTS.findall(source) for word in _WORD.findall(line)}
    packages = [package for package in _MODULES if package in named]
    plain = [module for p in packages if p not in _PLOTS for module in _MODULES[p]]
    if "transformers" in packages:
        words = {word for _, source in cells for word in _WORD.findall(source)}
        lazy = sorted(_OF_TRANSFORMERS & words)
        plain += [f"transformers:{name}" for name in lazy]
    plots = [module for p in packages if p in _PLOTS for module in _MODULES[p]]
    early = {name: env[name] for name in IMPORT_TIME if name in env}
    return Preload(imports=tuple(plots), kernel_imports=(*_KERNEL, *dict.fromkeys(plain)), env=early)
