"""A model folder becomes a hub cache, so that `from_pretrained('klue/bert-base')` finds it offline.

What this is not: it neither loads nor judges a model; it checks that the files belong together.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from grader.classroom.layout import MODEL_FOLDER, MODEL_ID, Progress, snapshot, version_of
from grader.errors import ClassroomError
from grader.records import Text

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""In order of preference; one of them is taken."""
TOKENIZER = ("tokenizer.json", "vocab.txt")
"""At least one of them."""
EXTRAS = ("tokenizer_config.json", "special_tokens_map.json", "generation_config.json")

REVISION = os.environ.get("GRADER_MODEL_REVISION", "main")
"""Which revision of MODEL_ID is downloaded."""

FULL_SHAPE = {"hidden_size": 768, "num_hidden_layers": 12, "vocab_size": 32_000}
"""What config.json of the real klue/bert-base says."""


def fetch(folder: Path, progress: Progress) -> None:
    """Download MODEL_ID's needed files into `folder`, going on where an earlier try stopped.

    Raises ClassroomError.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ClassroomError(
            ko="모델을 내려받으려면 huggingface_hub 가 필요합니다: pip install 'bucketing-grader[run]'",
            en="Downloading the model takes huggingface_hub: pip install 'bucketing-grader[run]'",
        ) from error
    progress(
        Text(ko=f"{MODEL_ID} 모델을 내려받는 중 (약 450 MB)", en=f"downloading {MODEL_ID} (about 450 MB)")
    )
    wanted = ["config.json", *TOKENIZER, *EXTRAS]
    try:
        snapshot_download(MODEL_ID, revision=REVISION, local_dir=folder, allow_patterns=[*wanted, WEIGHTS[0]])
        if not (folder / WEIGHTS[0]).is_file():
            snapshot_download(MODEL_ID, revision=REVISION, local_dir=folder, allow_patterns=[WEIGHTS[1]])
    except Exception as error:  # the hub's own errors, network and disk errors have no common base
        raise ClassroomError(
            ko=f"{MODEL_ID} 를 내려받지 못했습니다 ({_first_line(error)}). 다시 실행하면 이어서 받습니다. "
            "모델이 이미 있으면 --model PATH 로 알려 주세요.",
            en=f"Could not download {MODEL_ID} ({_first_line(error)}). Run it again to resume, or give a "
            "local folder by --model PATH.",
        ) from error
    config = check(folder)
    wrong = {key: config.get(key) for key, value in FULL_SHAPE.items() if config.get(key) != value}
    if wrong:
        raise ClassroomError(
            ko=f"내려받은 {MODEL_ID} 의 config.json 이 다릅니다: {wrong} (예상 {FULL_SHAPE}).",
            en=f"The downloaded {MODEL_ID} has another config.json: {wrong} (expected {FULL_SHAPE}).",
        )


def resolve(path: Path) -> Path:
    """The folder with config.json: `path` itself, or the snapshot in a hub cache at or above it."""
    if (path / "config.json").is_file():
        return path
    for hub in (path, path / "hub", path.parent):
        if (hub / MODEL_FOLDER / "refs" / "main").is_file():
            return snapshot(hub)
    return path


def files_of(folder: Path) -> list[Path]:
    """The files of the model in `folder` that a notebook needs, in a fixed order."""
    weights = [folder / name for name in WEIGHTS if (folder / name).is_file()][:1]
    others = [folder / name for name in ("config.json", *TOKENIZER, *EXTRAS) if (folder / name).is_file()]
    return others + weights


def check(folder: Path) -> dict:
    """config.json of the BERT model in `folder`. Raises ClassroomError where a file is missing or
    the vocabulary doesn't fit the config."""
    names = {file.name for file in files_of(folder)}
    missing = [
        " | ".join(choice)
        for choice in (("config.json",), WEIGHTS, TOKENIZER)
        if not names.intersection(choice)
    ]
    if missing:
        raise ClassroomError(
            ko=f"모델 폴더 {folder} 에 없는 파일: {', '.join(missing)}.",
            en=f"The model folder {folder} lacks {', '.join(missing)}.",
        )
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind, size = config.get("model_type"), int(config.get("vocab_size", 0))
        words = _vocabulary(folder)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ClassroomError(
            ko=f"모델 폴더 {folder} 의 설정을 읽을 수 없습니다 ({error}).",
            en=f"Can't read the settings in the model folder {folder} ({error}).",
        ) from error
    if kind != "bert" or not 0 < words <= size:
        raise ClassroomError(
            ko=f"모델 폴더 {folder}: model_type {kind}, 어휘 {words:,}/{size:,}. "
            "어휘가 맞는 BERT 모델이 필요합니다.",
            en=f"The model folder {folder} has model_type {kind} and {words:,} words for {size:,} "
            "embeddings. It takes a BERT model with its own vocabulary.",
        )
    return config


def install(folder: Path, hub: Path) -> None:
    """Lay the model in `folder` out as MODEL_ID in the hub cache `hub` (a new folder).

    Files are linked where the disk allows it, so that 440 MB aren't there twice, else copied.
    """
    files = files_of(folder)
    small = [file for file in files if file.name not in WEIGHTS]
    sizes = [(file.name, file.stat().st_size) for file in files]
    revision = (version_of(sizes, files=small) * 4)[:40]  # a commit id has 40 hex digits
    target = hub / MODEL_FOLDER / "snapshots" / revision
    target.mkdir(parents=True)
    for file in files:
        _link_or_copy(file.resolve(), target / file.name)
    if (target / "tokenizer.json").is_file():
        _complete(target / "tokenizer.json")
    reference = hub / MODEL_FOLDER / "refs" / "main"
    reference.parent.mkdir()
    reference.write_text(revision, encoding="ascii")


def _vocabulary(folder: Path) -> int:
    """Number of words the tokenizer knows."""
    if (folder / "tokenizer.json").is_file():
        tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        added = {token["content"] for token in tokenizer.get("added_tokens", ())}
        return len(added.union(tokenizer["model"]["vocab"]))
    with (folder / "vocab.txt").open(encoding="utf-8") as file:
        return sum(1 for _ in file)


def _complete(path: Path) -> None:
    """Let tokenizer.json say itself that a row is [CLS] … [SEP]: transformers 5 adds them for any BERT
    tokenizer, 4 only where the file has a post-processor, and both must see the same tokens."""
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    words = tokenizer["model"]["vocab"]
    if (
        tokenizer.get("post_processor") is None
        and isinstance(words, dict)
        and {"[CLS]", "[SEP]"} <= words.keys()
    ):
        ends = {name: [token, words[token]] for name, token in (("cls", "[CLS]"), ("sep", "[SEP]"))}
        tokenizer["post_processor"] = {"type": "BertProcessing", **ends}
        path.write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")


def _link_or_copy(source: Path, target: Path) -> None:
    status = source.stat()
    # Small files are copied: a link shares later edits. So are those a sandbox's user couldn't read.
    if status.st_size > 32_000_000 and status.st_mode & 0o004:
        try:
            os.link(source, target)
            return
        except OSError:
            pass
    shutil.copyfile(source, target)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
