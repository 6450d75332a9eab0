"""What a notebook finds inside: mounts, environment variables, the first line the kernel runs.

What it is not: it starts nothing. Called by `observe`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from grader.classroom import Classroom
from grader.observed.preload import INLINE, preload
from grader.records import Budget, Limits
from grader.sandbox import Bind, Isolation

INSIDE = Path(__file__).parents[1] / "inside"
PROBE, DATA, HUB = "/opt/probe", "/opt/data", "/opt/hf/hub"

REAL_LAYERS = 12
"""Of klue/bert-base, for which the pocket profile's small model stands in."""

LOOP_SECONDS = 20.0
"""Wall clock of one training or evaluation loop where batches are capped but no time was given: a
batch of 256 rows padded to 192 tokens takes seconds on one core."""

STARTUP = """
def _start():
    import importlib.util, sys
    folder = {folder!r}
    spec = importlib.util.spec_from_file_location(
        "_grader_inside", folder + "/__init__.py", submodule_search_locations=[folder])
    module = importlib.util.module_from_spec(spec)
    sys.modules["_grader_inside"] = module
    spec.loader.exec_module(module)
    from _grader_inside import entry
    entry.install()
_start()
del _start
"""

LAST = (-1, "__import__('sys').modules['_grader_inside'].entry.finish()")
"""Run after the student's last cell: whatever is still open is reported and saved."""

_ROOTS = re.compile(
    r"""['"=\s(](/(?:content|kaggle|aiffel|workspace|data|mnt|root|Users|home/(?!student\b)[\w.-]+))(?=[/'"\s)])"""
)

_TENSORFLOW = re.compile(
    r"""\bTF(?:Bert|Auto|Trainer)|\b(?:tf|tensorflow)\.(?:keras|data)\b|return_tensors=['"]tf|['"]tensorflow['"]"""
    r"""|to_tf_dataset|prepare_tf_dataset"""
)


class Setting:
    """Of one notebook. `binds`, `env`, `startup` and `preload` are what `run_notebook` takes."""

    def __init__(
        self,
        classroom: Classroom,
        budget: Budget,
        limits: Limits,
        isolation: Isolation,
        cells: Sequence[tuple[int, str]],
        scratch: Path,
        runtime: str,
    ) -> None:
        mounted = isolation.mounts
        probe, data, hub = (
            (PROBE, DATA, HUB) if mounted else (str(INSIDE), str(classroom.data), str(classroom.hub))
        )
        self.binds = (
            Bind(INSIDE, probe),
            Bind(classroom.data, data),
            Bind(classroom.hub, hub),
            *(_other_machines(cells, scratch) if mounted else ()),
        )
        self.startup = STARTUP.format(folder=probe)
        self.env = {
            "GRADER_DATA": data,
            "HF_HUB_CACHE": hub,
            "HUGGINGFACE_HUB_CACHE": hub,
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            "HF_DATASETS_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "WANDB_MODE": "disabled",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            # torch 2.6 refuses what transformers 4.44 saved a minute ago; in here is nothing to protect
            "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
            "GRADER_WEIGHTS_MB": str(max(64, limits.disk_mb // 2)),
            "MPLBACKEND": INLINE,
            **_tensorflow(cells),
            "GRADER_LAYERS": str(REAL_LAYERS if classroom.profile == "pocket" else 0),
            "GRADER_OLD": str(int(runtime != "current")),
            **_caps(budget),
            # Of several GPUs the one that batch grading gave this notebook.
            **{name: os.environ[name] for name in ("CUDA_VISIBLE_DEVICES",) if name in os.environ},
        }
        self.preload = preload(cells, self.env)


def _caps(budget: Budget) -> dict[str, str]:
    caps = {}
    seconds = budget.seconds
    if budget.train_batches is not None:
        caps["GRADER_TRAIN_BATCHES"] = str(budget.train_batches)
        seconds = LOOP_SECONDS if seconds is None else seconds
    if budget.eval_batches is not None:
        caps["GRADER_EVAL_BATCHES"] = str(budget.eval_batches)
    if seconds is not None:
        caps["GRADER_LOOP_SECONDS"] = str(seconds)
    return caps


def _tensorflow(cells: Sequence[tuple[int, str]]) -> dict[str, str]:
    """transformers imports TensorFlow wherever it lies, which takes seconds; most notebooks only print
    its version. `USE_TF=0` stops transformers and datasets from it, not the notebook."""
    if any(_TENSORFLOW.search(source) for _, source in cells):
        # transformers switches to tf_keras when it is imported; before that a notebook may have got keras
        return {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_USE_LEGACY_KERAS": "1"}
    return {"USE_TF": "0", "TF_CPP_MIN_LOG_LEVEL": "2"}


def _other_machines(cells: Sequence[tuple[int, str]], scratch: Path) -> list[Bind]:
    """/content, /kaggle, another home, …: an empty writable folder for each that the code names."""
    roots = sorted({match for _, source in cells for match in _ROOTS.findall(source)})
    binds = []
    for place, root in enumerate(roots[:8]):
        folder = scratch / str(place)
        folder.mkdir()
        folder.chmod(0o755)
        binds.append(Bind(folder, root, writable=True))
    return binds
