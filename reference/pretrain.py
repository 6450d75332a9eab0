"""Making the pocket model: a Korean BERT small enough for two CPU cores and a git repository.

    python -m reference.pretrain --data DIR [DIR ...] --out DIR [--steps N]

Each DIR holds NSMC-format files; only the text of `ratings_train.txt` is read, never a label. Three
steps, each a function below: a WordPiece vocabulary, start vectors for it, masked-language-model
training. What is done differently from a textbook BERT, and why:

- *Start vectors.* With random ones, a small model spends its first hour finding out which words are
  alike. Counting does that in seconds: words that keep the same company get similar vectors
  (`start_vectors`).
- *The sentence vector learns too.* BERT taught its pooled [CLS] with next-sentence prediction;
  reviews have no next sentence. Here it guesses the masked words of its own review, without their
  positions: it has to know what the review is about and how it feels.
- *No padding.* Batches are bucketed with a token budget (lesson 2).

Killed runs go on from the last checkpoint in the output folder.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import scipy.sparse
import torch
from sklearn.utils.extmath import randomized_svd
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer, BertConfig, BertForPreTraining

from reference import batching, data
from reference.train import parameter_groups, schedule

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
"""In klue/bert-base's order, so that the ids agree: 0 padding, 2 start, 3 end."""
PAD, UNK, CLS, SEP, MASK = range(5)
SAVE_EVERY = 1_000
"""Steps between checkpoints."""


# ---------------------------------------------------------------- 1. vocabulary


def make_tokenizer(texts: list[str], folder: Path, *, words: int = 8_000, alphabet: int = 1_400):
    """Train a WordPiece vocabulary and save it as `AutoTokenizer` of transformers 4 and 5 finds it.

    A word with a letter outside the `alphabet` most frequent ones becomes [UNK] as a whole, and each
    letter costs two entries ("ㅋ" and "##ㅋ"), hence 1,400: 2,800 entries for letters, the rest words.
    """
    trained = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    # Cased, and accents kept: taking accents off would take Hangul syllables apart into letters.
    trained.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trained.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=words, limit_alphabet=alphabet, special_tokens=SPECIAL, show_progress=False
    )
    trained.train_from_iterator(texts, trainer)
    # transformers 5 adds [CLS] and [SEP] by itself; transformers 4 only if this file says so.
    trained.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)],
    )
    folder.mkdir(parents=True, exist_ok=True)
    trained.save(str(folder / "tokenizer.json"))
    trained.model.save(str(folder))
    named = {
        f"{name}_token": token
        for name, token in zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL, strict=True)
    }
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "strip_accents": False}
    settings |= {"tokenize_chinese_chars": True, "model_max_length": 512, **named}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    (folder / "special_tokens_map.json").write_text(json.dumps(named, indent=2) + "\n", encoding="utf-8")
    return AutoTokenizer.from_pretrained(folder)


# ---------------------------------------------------------------- 2. start vectors


def start_vectors(rows: list[list[int]], words: int, width: int, *, reach: int = 5) -> torch.Tensor:
    """[words, width]: a singular value decomposition of which words stand near which.

    Counts pairs up to `reach` tokens apart (a pair d apart counts 1/d), takes the positive pointwise
    mutual information max(0, log p(a,b) / p(a)p(b)), and keeps the `width` largest directions, each
    scaled by the root of its singular value (Levy & Goldberg 2014, "Neural word embedding as implicit
    matrix factorization", sections 3 and 4).
    """
    stream = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
    counts = scipy.sparse.csr_matrix((words, words), dtype=np.float64)
    for distance in range(1, reach + 1):
        left, right = stream[:-distance], stream[distance:]
        weight = np.full(len(left), 1 / distance)
        counts = counts + scipy.sparse.coo_matrix((weight, (left, right)), (words, words)).tocsr()
    counts = (counts + counts.T).tocoo()
    totals = np.asarray(counts.sum(axis=1)).ravel() ** 0.75  # smoothed, or rare words would dominate
    expected = totals[counts.row] * totals[counts.col] / totals.sum() ** 2
    information = np.maximum(0, np.log(counts.data / counts.data.sum() / expected))
    matrix = scipy.sparse.coo_matrix((information, (counts.row, counts.col)), (words, words)).tocsr()
    u, s, _ = randomized_svd(matrix, width, n_iter=4, random_state=0)
    vectors = u * np.sqrt(s)
    vectors *= 0.05 / vectors.std()
    return torch.tensor(vectors, dtype=torch.float32)


# ---------------------------------------------------------------- 3. masked-language-model training


def mask(ids: torch.Tensor, words: int, generator: torch.Generator, *, share: float = 0.15):
    """Hide `share` of the real tokens: 80 % become [MASK], 10 % a random word, 10 % stay.

    Returns the changed ids and a boolean tensor of the places to guess, both [rows, width]
    (Devlin et al. 2019, section 3.1).
    """
    chance = torch.rand(ids.shape, generator=generator)
    hidden = (chance < share) & (ids > MASK)
    changed = torch.where(hidden & (chance < share * 0.8), MASK, ids)
    noise = torch.randint(MASK + 1, words, ids.shape, generator=generator)
    return torch.where(hidden & (chance >= share * 0.9), noise, changed), hidden


def losses(model: BertForPreTraining, ids, attention, hidden, targets) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy of the hidden tokens, guessed from their places and from the sentence vector.

    The output layer runs on the hidden places and once per sentence only: with 8,000 words it would
    otherwise cost more than the whole encoder.
    """
    out = model.bert(ids, attention_mask=attention)
    guess = model.cls.predictions
    from_places = cross_entropy(guess(out.last_hidden_state[hidden]), targets)
    by_sentence = guess(out.pooler_output).log_softmax(-1)  # [rows, words]
    row = hidden.nonzero()[:, 0]
    return from_places, -by_sentence[row, targets].mean()


def pretrain(folders: list[Path], out: Path, *, steps: int, tokens: int, rate: float, seed: int = 0) -> None:
    """The whole recipe; the finished model and tokenizer lie in `out`."""
    torch.manual_seed(seed)
    texts = read_texts(folders)
    made = (out / "vocab.txt").exists()
    tokenizer = AutoTokenizer.from_pretrained(out) if made else make_tokenizer(texts, out)
    rows = [ids for ids in tokenizer(texts, truncation=True, max_length=128)["input_ids"] if len(ids) > 3]
    words, mean = len(tokenizer), sum(map(len, rows)) / len(rows)
    print(f"{len(rows):,} reviews, {words:,} words, {mean:.1f} tokens a review", flush=True)

    model = new_model(words)
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.01), lr=rate, betas=(0.9, 0.98), fused=True)
    checkpoint, done = out / "checkpoint.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        done = state["done"]
    else:
        model.bert.embeddings.word_embeddings.weight.data.copy_(start_vectors(rows, words, 128))

    examples = [data.Example(ids, 0) for ids in rows]
    batches = batching.Batches(examples, partial(batching.bucketed, tokens=tokens), seed=seed)
    start, seen, averages = time.perf_counter(), 0, [math.log(words)] * 2
    for step, numbers in enumerate(steps_of(batches, steps), start=1):
        if step <= done:
            continue
        batch = batching.pad([examples[n] for n in numbers], pad_id=PAD)
        # Seeded by the step, so that a resumed run hides the same words as one that was never killed.
        ids, hidden = mask(batch["input_ids"], words, torch.Generator().manual_seed(seed * 10**9 + step))
        for group in optimizer.param_groups:
            group["lr"] = rate * schedule(step / steps, 0.06)
        both = losses(model, ids, batch["attention_mask"], hidden, batch["input_ids"][hidden])
        sum(both).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seen += ids.numel()
        averages = [0.98 * a + 0.02 * float(b.detach()) for a, b in zip(averages, both, strict=True)]
        if step % 100 == 0:
            speed = seen / (time.perf_counter() - start)
            loss = f"loss {averages[0]:.3f} by place, {averages[1]:.3f} by sentence"
            print(f"step {step}/{steps}  {loss}  {speed:,.0f} tokens/s", flush=True)
        if step % SAVE_EVERY == 0:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "done": step}
            torch.save(state, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").replace(checkpoint)
    # Dropout is for fine-tuning, where each row is seen often; as in klue/bert-base.
    model.config.update({"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1})
    model.save_pretrained(out)
    checkpoint.unlink(missing_ok=True)


def read_texts(folders: list[Path]) -> list[str]:
    """Each text once, white space folded, nothing else changed: students will not clean theirs either."""
    reviews = (review for folder in folders for review in data.read(folder / data.TRAIN))
    return list(dict.fromkeys(" ".join(r.text.split()) for r in reviews if r.text.strip()))


def new_model(words: int) -> BertForPreTraining:
    """Two layers, 128 wide, random: 1.5 M weights, 1.0 M of them word vectors."""
    config = BertConfig(
        vocab_size=words,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=512,
        max_position_embeddings=512,
        initializer_range=0.05,  # 0.02 is for widths near 768
        hidden_dropout_prob=0.0,  # every row is seen about ten times: nothing to overfit
        attention_probs_dropout_prob=0.0,
    )
    return BertForPreTraining(config)


def steps_of(batches: batching.Batches, steps: int) -> Iterator[list[int]]:
    """The row numbers of `steps` batches, epoch after epoch."""
    plans = (batches.plan(epoch) for epoch in itertools.count())
    return itertools.islice(itertools.chain.from_iterable(plans), steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders with ratings_train.txt")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=16_000)
    parser.add_argument("--tokens", type=int, default=2_048, help="token budget of a step")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="highest learning rate")
    arguments = parser.parse_args()
    pretrain(
        arguments.data, arguments.out, steps=arguments.steps, tokens=arguments.tokens, rate=arguments.rate
    )


if __name__ == "__main__":
    main()
