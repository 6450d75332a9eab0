"""Lesson 3: the model, and what one token costs.

A BERT encoder with a classification head on [CLS]. The same code takes `klue/bert-base` (12 layers,
width 768) and the pocket model (2 layers, width 128): only the folder differs.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging


def load(folder: str | Path, *, seed: int = 0, pretrained: bool = True) -> torch.nn.Module:
    """A two-class model from a folder or hub id, ready to be fine-tuned; its `logits` are [rows, 2].

    The head is new and therefore random, so `seed` is set first. With `pretrained=False` everything
    is random: the honest baseline for the question whether pretraining was worth it. Raises OSError where
    there is no such model.
    """
    torch.manual_seed(seed)
    if pretrained:
        return AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    return AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(folder, num_labels=2))


def load_tokenizer(folder: str | Path):
    """The tokenizer that belongs to the model. Always from the folder: a vocabulary has no default."""
    return AutoTokenizer.from_pretrained(folder)


def non_embedding_parameters(model: torch.nn.Module) -> int:
    """Weights that multiply something for every token; an embedding table is only looked up.

    85.65 M for klue/bert-base with its head, 0.41 M for the pocket model.
    """
    embeddings = (m.weight for m in model.modules() if isinstance(m, torch.nn.Embedding))
    return sum(p.numel() for p in model.parameters()) - sum(w.numel() for w in embeddings)


def training_flops(model: torch.nn.Module, padded_tokens: int) -> int:
    """About how many floating-point operations training on `padded_tokens` takes.

    For every token each weight is multiplied and added once forward (2 operations) and twice backward (4).
    The factor 6 is from Kaplan et al. 2020, "Scaling laws for neural language models", section 2.1;
    attention's own products are left out, as in Trainer's `total_flos`. That is why `total_flos` gives
    away how much padding a run computed on.
    """
    return 6 * non_embedding_parameters(model) * padded_tokens


def quiet() -> None:
    """No load reports or bars from transformers: the commands here load the same model many times."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
