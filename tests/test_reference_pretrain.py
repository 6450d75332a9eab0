"""reference/pretrain.py: the shipped files suit transformers 4 and 5; a killed run goes on."""

from __future__ import annotations

import json
import shutil

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")
pytest.importorskip("sklearn")

from reference import model, pretrain  # noqa: E402
from reference.compare import POCKET_MODEL  # noqa: E402


def write_reviews(folder, count: int = 400):
    letters = [chr(0xAC00 + 28 * i) for i in range(150)]
    texts = (
        f"{letters[i % 150]}{letters[i * 7 % 149]} {letters[i * 11 % 150]} 영화 {i % 10}"
        for i in range(count)
    )
    lines = [f"{i}\t{text}\t{i % 2}\n" for i, text in enumerate(texts)]
    folder.mkdir()
    (folder / "ratings_train.txt").write_text("id\tdocument\tlabel\n" + "".join(lines), encoding="utf-8")
    return folder


def test_the_shipped_model_is_small_and_complete():
    files = {path.name: path.stat().st_size for path in POCKET_MODEL.iterdir()}
    assert {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    } <= set(files)
    assert sum(files.values()) < 10_000_000
    config = json.loads((POCKET_MODEL / "config.json").read_text())
    assert (config["model_type"], config["num_hidden_layers"], config["hidden_size"]) == ("bert", 2, 128)
    assert config["max_position_embeddings"] == 512


def test_the_tokenizer_file_alone_frames_a_text():
    """transformers 4 uses the file as it is; 5 adds the frame itself, and would hide that it is missing."""
    alone = tokenizers.Tokenizer.from_file(str(POCKET_MODEL / "tokenizer.json"))
    loaded = model.load_tokenizer(POCKET_MODEL)
    for text in ("정말 재미있는 영화ㅋㅋㅋ", "OST 좋았어요!! 2번 봄", ""):
        ids = alone.encode(text).ids
        assert (ids[0], ids[-1]) == (2, 3)
        assert loaded(text)["input_ids"] == ids
    assert loaded.is_fast and loaded.pad_token_id == 0 and loaded.model_max_length == 512
    assert loaded.decode(alone.encode("강추 영화").ids, skip_special_tokens=True) == "강추 영화"


def test_vocabulary_serves_korean():
    tokenizer = model.load_tokenizer(POCKET_MODEL)
    ids = tokenizer("스토리는 뻔하지만 배우들 연기가 너무 좋았어요ㅠㅠ 꼭 보세요")["input_ids"]
    assert pretrain.UNK not in ids and len(ids) < 24


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(tmp_path, monkeypatch):
    folder = write_reviews(tmp_path / "reviews")
    how = {"steps": 12, "tokens": 256, "rate": 1e-3}
    monkeypatch.setattr(pretrain, "SAVE_EVERY", 5)
    pretrain.pretrain([folder], tmp_path / "whole", **how)

    # The same vocabulary for both: WordPiece breaks ties between equally frequent words by chance.
    shutil.copytree(tmp_path / "whole", tmp_path / "killed", ignore=shutil.ignore_patterns("*.safetensors"))
    losses, calls = pretrain.losses, []

    def killed_at_step_8(*given):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return losses(*given)

    monkeypatch.setattr(pretrain, "losses", killed_at_step_8)
    with pytest.raises(KeyboardInterrupt):
        pretrain.pretrain([folder], tmp_path / "killed", **how)
    monkeypatch.setattr(pretrain, "losses", losses)
    pretrain.pretrain([folder], tmp_path / "killed", **how)

    whole, resumed = (
        model.load(tmp_path / name).bert.embeddings.word_embeddings.weight for name in ("whole", "killed")
    )
    assert torch.allclose(whole, resumed, atol=1e-6)
    assert not (tmp_path / "killed" / "checkpoint.pt").exists()


def test_masking_hides_fifteen_percent_and_never_a_special_token():
    ids = torch.randint(5, 50, (400, 30))
    ids[:, 0], ids[:, -1] = pretrain.CLS, pretrain.SEP
    changed, hidden = pretrain.mask(ids, 50, torch.Generator().manual_seed(0))
    assert not hidden[:, 0].any() and not hidden[:, -1].any()
    assert 0.13 < hidden[:, 1:-1].float().mean() < 0.17
    assert torch.equal(changed[~hidden], ids[~hidden])
    masked = (changed[hidden] == pretrain.MASK).float().mean()
    kept = (changed[hidden] == ids[hidden]).float().mean()
    assert 0.75 < masked < 0.85 and 0.07 < kept < 0.15


def test_start_vectors_put_words_that_keep_the_same_company_together():
    """Words 5 and 6 appear between the same neighbours, 7 between others."""
    rows = [[10, 5, 11], [10, 6, 11], [12, 7, 13]] * 50
    vectors = torch.nn.functional.normalize(pretrain.start_vectors(rows, 14, 4, reach=1), dim=1)
    assert vectors[5] @ vectors[6] > 0.9 > vectors[5] @ vectors[7]
