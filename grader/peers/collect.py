"""A folder of reviews -> Collected. Reads every file as it lies there and changes none.

In a round's folder it is known who was to write what; elsewhere the names in the reviews are all there
is. Called by `grader.cli.peers`.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from grader.errors import UsageError
from grader.peers import round as rounds
from grader.peers.reading import read
from grader.peers.reviews import VERSION, Collected, PeerReview, Unread
from grader.records import Text, from_json

MAX_BYTES = 2_000_000
"""A review with its pictures inside is larger than one with links, and still no book."""
SKIPPED = {".git", ".ipynb_checkpoints", "node_modules"}


def collect(folder: Path) -> Collected:
    """All reviews below `folder`. Raises UsageError when it isn't there."""
    if not folder.is_dir():
        raise UsageError(ko=f"{folder} 폴더가 없습니다.", en=f"There is no folder {folder}.")
    reviews: list[PeerReview] = []
    others: list[str] = []
    for path in sorted(folder.rglob("*.md")):
        if path.is_symlink() or SKIPPED & set(path.relative_to(folder).parts):
            continue
        name = path.relative_to(folder).as_posix()
        found = _file(path, name)
        reviews += found
        if not found:
            others.append(name)
    if (folder / rounds.STATE).is_file():
        return _of_round(folder, reviews, others)
    return Collected(version=VERSION, reviews=tuple(reviews), not_reviews=tuple(others))


def load(path: Path) -> Collected:
    """A collected.json. Raises UsageError."""
    try:
        return from_json(path.read_bytes(), Collected)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(
            ko=f"{path}을(를) 읽을 수 없습니다 ({error}). `grader collect`를 먼저 실행해 주세요.",
            en=f"Can't read {path} ({error}). Run `grader collect` first.",
        ) from error


def _file(path: Path, name: str) -> tuple[PeerReview, ...]:
    """The reviews in one file; bytes that are no UTF-8 are read as Korean Windows text, and that is said."""
    data = path.read_bytes()[:MAX_BYTES]
    digest = rounds.digest(path)
    try:
        return read(data.decode("utf-8-sig"), name, digest)
    except UnicodeDecodeError:
        text = data.decode("cp949", "replace")
    why = Text(ko="UTF-8이 아니라 CP949로 읽었습니다.", en="Not UTF-8; read as CP949.")
    note = Unread(line=0, what=name, why=why)
    return tuple(msgspec.structs.replace(r, unread=(note, *r.unread)) for r in read(text, name, digest))


def _of_round(folder: Path, reviews: list[PeerReview], others: list[str]) -> Collected:
    """Reviews with the names the round knows; who still owes one."""
    state = rounds.load(folder)
    by_sheet = {duty.sheet: duty for duty in state.duties}
    by_reviewer = {Path(duty.sheet).parent.as_posix(): duty.reviewer for duty in state.duties}
    named: list[PeerReview] = []
    for review in reviews:
        duty = by_sheet.get(review.file)
        owner = by_reviewer.get(Path(review.file).parent.as_posix())
        if duty is None and owner:
            # Some write a README.md of their own beside the sheets: the name in it says about whom.
            mine = [d for d in state.duties if d.reviewer == owner and review.coder in (d.work, d.coder)]
            duty = mine[0] if mine else None
        if duty is None:
            named.append(_stranger(review))
        else:
            named.append(msgspec.structs.replace(review, reviewer=duty.reviewer, coder=duty.coder))
    written = {(r.reviewer, r.coder) for r in named if not r.blank}
    owed = tuple((d.reviewer, d.coder) for d in state.duties if (d.reviewer, d.coder) not in written)
    kept = tuple(r for r in named if not (r.blank and (r.reviewer, r.coder) in set(owed)))
    return Collected(
        version=VERSION, reviews=kept, not_reviews=tuple(others), missing=owed, works=dict(state.works)
    )


def _stranger(review: PeerReview) -> PeerReview:
    """A review that nobody was asked for: kept, and said."""
    why = Text(
        ko="이 라운드의 배정에 없는 리뷰입니다. 누구의 것인지 확인해 주세요.",
        en="No such review was assigned in this round; see whose it is.",
    )
    return msgspec.structs.replace(
        review, unread=(Unread(line=review.line, what=review.file, why=why), *review.unread)
    )
