"""Which notebooks may have a warm kernel, and what it imports for them."""

from __future__ import annotations

import pytest

from grader.observed.preload import preload

ENV = {"USE_TF": "0", "OMP_NUM_THREADS": "1", "GRADER_TRAIN_BATCHES": "24"}


def of(*sources: str, env: dict[str, str] = ENV):
    return preload(list(enumerate(sources)), env)


def test_only_what_the_notebook_names_is_imported():
    found = of(
        "import torch, numpy as np\nfrom transformers import (BertConfig,\n  Trainer)", "import os, secrets"
    )
    modules = (*found.kernel_imports, *found.imports)
    assert {"torch", "transformers", "numpy", "transformers:BertConfig", "transformers:Trainer"} <= set(
        modules
    )
    assert not {"datasets", "pandas", "os", "secrets", "transformers:AutoTokenizer"} & set(modules)
    assert found.env == {"USE_TF": "0", "OMP_NUM_THREADS": "1"}, "not the budget: it is each notebook's own"


def test_plots_are_imported_where_no_kernel_is_pretended():
    found = of("    import matplotlib.pyplot as plt")
    assert found.imports == ("matplotlib.pyplot",) and "matplotlib.pyplot" not in found.kernel_imports


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['HF_HOME'] = '/content'",
        "%env OMP_NUM_THREADS=4",
        "os.putenv('TRANSFORMERS_CACHE', 'x')",
        "os.environ.update({'USE_TORCH': '1'})",
    ],
)
def test_variables_read_by_imports_want_a_kernel_of_its_own(source):
    assert of(source) is None


def test_other_variables_do_not():
    assert of("os.environ['TOKENIZERS_PARALLELISM'] = 'false'\nos.environ['CUDA_VISIBLE_DEVICES'] = '0'")


def test_tensorflow_wants_a_kernel_of_its_own():
    assert of("import torch", env={"TF_USE_LEGACY_KERAS": "1"}) is None


def test_a_notebook_can_not_choose_what_is_imported():
    """Names that are no part of our list never reach the zygote."""
    found = of("import evil_package, sitecustomize\nfrom transformers import Evil")
    assert not [name for name in (*found.imports, *found.kernel_imports) if "vil" in name or "site" in name]
