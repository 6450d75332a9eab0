"""What a kernel that is kept warm has imported before a notebook comes, and which notebooks may have it.

Named by what students of this exercise import, in every runtime; what a runtime lacks is left out there.
Nothing here is patched or computed by importing it. Called by `setting`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from grader.sandbox import Preload

INLINE = "module://matplotlib_inline.backend_inline"
"""What ipykernel sets MPLBACKEND to when it starts; matplotlib reads it when it is imported."""

_NAMES = (  # noqa: SIM905
    "AutoConfig AutoModel AutoModelForSequenceClassification AutoTokenizer BertConfig BertModel "
    "BertForSequenceClassification BertTokenizer BertTokenizerFast DataCollatorWithPadding "
    "EarlyStoppingCallback Trainer TrainingArguments get_linear_schedule_with_warmup set_seed"
).split()
# transformers and tqdm choose their progress bars while they are imported, by whether this is a notebook.
_IN_A_KERNEL = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "torch",
    "torch.utils.data",
    "tqdm.auto",
    "tqdm.notebook",
    "datasets",
    *(f"transformers:{name}" for name in _NAMES),
    "evaluate",
    "safetensors.torch",
)
_ANYWHERE = (
    "IPython.display",
    "matplotlib_inline.config",
    "numpy",
    "pandas",
    "sklearn.metrics",
    "sklearn.model_selection",
    "scipy.stats",
    "matplotlib.pyplot",
)

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
    early = {name: env[name] for name in IMPORT_TIME if name in env}
    return Preload(imports=_ANYWHERE, kernel_imports=_IN_A_KERNEL, env=early)
