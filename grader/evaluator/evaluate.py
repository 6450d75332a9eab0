"""Predict the labels of unlabelled reviews with weights that a notebook left behind.

    python evaluate.py < job.json > answers.jsonl

Job: {"model": folder of the base model, "texts": [...], "weights": [{"file": path, "max_length": 128,
"config": {...}}, ...], "seconds": 60}. One line is answered per entry of `weights`, in order, as soon as
it is done: {"predictions": "0110…", "changed": 0.97} or {"error": code, "detail": text}. There may be
fewer predictions than texts: after `seconds` it stops at the end of a chunk, so that a large model on a
CPU is scored on the first rows, not on the shortest.

What this is not: it never sees a label, never unpickles anything a student made, and trusts no word of
the answer's reader. Runs in every runtime (transformers 4.11 to 5); imports nothing of the grader.
"""

import json
import os
import sys
import time

CHUNK = 256
"""Rows sorted and batched together, and the step at which the clock is looked at."""
BATCH = 64


class Refused(Exception):
    """These weights can't be scored. `args`: code (see grader/verified/reasons.py), detail."""


def main():
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not come between the answers
    job = json.load(sys.stdin)
    import torch
    from transformers import AutoTokenizer

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    base = base_weights(job["model"])
    for entry in job["weights"]:
        try:
            weights = load(entry["file"], entry.get("own"))
            model = rebuild(weights, entry["config"], entry.get("own")).to(device).eval()
            answer = {"changed": changed_share(weights, base)}
            answer["predictions"] = predict(
                model, tokenizer, job["texts"], entry["max_length"], device, time.monotonic() + job["seconds"]
            )
        except Refused as refused:
            answer = {"error": refused.args[0], "detail": refused.args[1]}
        except Exception as error:  # one bad file must not cost the others their score
            answer = {"error": "failed", "detail": f"{type(error).__name__}: {error}"[:300]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def load(path, own=None):
    """name → tensor, without the wrappers' prefixes; the encoder of a module of its own under `bert.`."""
    import torch
    from safetensors.torch import load_file

    weights = {}
    for name, tensor in load_file(path).items():
        while name.startswith(("module.", "_orig_mod.")):
            name = name.split(".", 1)[1]
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise Refused("not-finite", name)
        if own and name.startswith(own["prefix"]):
            name = "bert." + name[len(own["prefix"]) :]
        weights[name] = tensor
    return weights


def rebuild(weights, config, own=None):
    """A BertForSequenceClassification holding `weights`; every size follows from their shapes. `own`: what
    grader/verified/structure.py found of a notebook's own module."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    words = weights["bert.embeddings.word_embeddings.weight"]
    layers = {name.split(".")[3] for name in weights if name.startswith("bert.encoder.layer.")}
    settings = BertConfig(
        vocab_size=words.shape[0],
        hidden_size=words.shape[1],
        num_hidden_layers=len(layers),
        num_attention_heads=config["num_attention_heads"],
        intermediate_size=weights["bert.encoder.layer.0.intermediate.dense.weight"].shape[0],
        max_position_embeddings=weights["bert.embeddings.position_embeddings.weight"].shape[0],
        type_vocab_size=weights["bert.embeddings.token_type_embeddings.weight"].shape[0],
        hidden_act=config["hidden_act"],
        layer_norm_eps=config["layer_norm_eps"],
        pad_token_id=config["pad_token_id"],
        num_labels=2,
    )
    if own:
        return rebuild_own(weights, settings, own)
    model = BertForSequenceClassification(settings)
    own = model.state_dict()
    wrong = [name for name in own if name in weights and own[name].shape != weights[name].shape]
    missing = [name for name in own if name not in weights and not name.endswith("position_ids")]
    if wrong or missing:
        raise Refused("shapes", (wrong + missing)[0])
    model.load_state_dict(
        {name: weights[name].to(torch.float32) for name in own if name in weights}, strict=False
    )
    return model


def rebuild_own(weights, settings, own):
    """See own_module.py, which lies beside this file."""
    import importlib.util

    import torch
    from transformers import BertModel

    place = os.path.join(os.path.dirname(os.path.abspath(__file__)), "own_module.py")
    spec = importlib.util.spec_from_file_location("own_module", place)  # an isolated Python doesn't look here
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    encoder = BertModel(settings, add_pooling_layer="bert.pooler.dense.weight" in weights)
    mine = {n[5:]: t.to(torch.float32) for n, t in weights.items() if n.startswith("bert.")}
    shapes = encoder.state_dict()
    wrong = [n for n in shapes if n not in mine and not n.endswith("position_ids")]
    wrong += [n for n in shapes if n in mine and mine[n].shape != shapes[n].shape]
    if wrong:
        raise Refused("shapes", wrong[0])
    encoder.load_state_dict({n: mine[n] for n in shapes if n in mine}, strict=False)
    model = module.build(encoder, weights, own["linears"], own["example"])
    if model is None:
        raise Refused("own-module", "no usual head gives its logits")
    return model


def predict(model, tokenizer, texts, max_length, device, deadline):
    """One character, '0' or '1', per text, for as many texts from the start as there was time for."""
    import torch

    labels = []
    limit = min(max_length, model.config.max_position_embeddings)
    with torch.no_grad():
        for start in range(0, len(texts), CHUNK):
            if labels and time.monotonic() > deadline:
                break
            rows = tokenizer(texts[start : start + CHUNK], truncation=True, max_length=limit)["input_ids"]
            order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
            found = [""] * len(rows)
            for first in range(0, len(rows), BATCH):
                chosen = order[first : first + BATCH]
                padded = tokenizer.pad({"input_ids": [rows[i] for i in chosen]}, return_tensors="pt")
                batch = padded.to(device)
                logits = model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
                for place, label in enumerate(logits.argmax(-1).tolist()):
                    found[chosen[place]] = str(label)
            labels += found
    return "".join(labels)


def base_weights(folder):
    """name → tensor of the base model's encoder. Ours, so its own format is trusted, but not unpickled
    beyond tensors."""
    import torch
    from safetensors.torch import load_file

    safe = os.path.join(folder, "model.safetensors")
    if os.path.exists(safe):
        weights = load_file(safe)
    else:
        weights = torch.load(os.path.join(folder, "pytorch_model.bin"), map_location="cpu", weights_only=True)
    named = {name if name.startswith("bert.") else "bert." + name: tensor for name, tensor in weights.items()}
    old = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
    for ending, now in old.items():
        named = {name.replace(ending, now): tensor for name, tensor in named.items()}
    return named


def changed_share(weights, base):
    """Share of the encoder's numbers that differ from the base model's, 0..1. The head is left out: it
    is new in every fine-tuning."""
    differ = total = 0
    for name, tensor in weights.items():
        if name.startswith("bert.") and tensor.is_floating_point():
            total += tensor.numel()
            origin = base.get(name)
            if origin is None or origin.shape != tensor.shape:
                differ += tensor.numel()
            else:  # a model kept in half precision differs by rounding alone
                differ += int((origin.to(tensor.dtype) != tensor).sum())
    return differ / total if total else 0.0


if __name__ == "__main__":
    main()
