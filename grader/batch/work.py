"""One entry -> Done. Runs in a worker process; the only batch file that runs the pipeline.

Whatever happens to one entry stays in its Done: an unreadable notebook is a problem of the submission,
an exception of ours is ours, and neither is a zero.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

import msgspec

import grader
from grader import checks, pipeline, report, results, review, sandbox, templating
from grader import rubric as rubrics
from grader.batch.entries import Done, Entry
from grader.errors import GraderError, UnreadableSubmission
from grader.records import Record, RubricItem, Text, to_json

DETAIL = 300
"""Characters of an exception's own words that are shown."""


class Order(Record):
    """How all entries of a batch are to be done; picklable, and part of each entry's key."""

    plan: pipeline.Plan | None
    rubric: tuple[RubricItem, ...]
    template: str = "v0"
    lang: str = "ko"
    base: str = ""
    """Folder that the entries' paths are relative to. No part of a key."""
    warm: bool = True
    """Keep kernels whose imports are done. No part of a key: the results are the same."""


def order(
    plan: pipeline.Plan | None, rubric: Path | None, template: str, lang: str, *, warm: bool = True
) -> Order:
    """An Order with the rubric loaded."""
    return Order(plan=plan, rubric=rubrics.load(rubric), template=template, lang=lang, warm=warm)


def at(order: Order, base: Path) -> Order:
    """`order` for entries that lie in `base`."""
    return msgspec.structs.replace(order, base=str(base))


def key(entry: Entry, order: Order, classroom: str = "") -> str:
    """A name for everything the result depends on: notebook, order, classroom, the grader's own code.

    Same key, same result: such an entry need not be done again.
    """
    digest = hashlib.sha256()
    for path in entry.notebooks:
        digest.update(hashlib.sha256(Path(order.base, path).read_bytes()).digest())
    digest.update(to_json(msgspec.structs.replace(order, base="", warm=True), pretty=False))
    digest.update(to_json(entry, pretty=False))
    digest.update(classroom.encode())
    digest.update(own_code())
    return digest.hexdigest()


@cache
def own_code() -> bytes:
    """Hash over the grader's own files, templates included: a changed check is a changed result."""
    digest = hashlib.sha256(grader.__version__.encode())
    for root in (Path(grader.__file__).parent, *templating.PLACES):
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.name.encode() + path.read_bytes())
    return digest.digest()


def do(entry: Entry, order: Order, progress: pipeline.Progress = pipeline.quiet) -> Done:
    """Check one entry, telling `progress` what is being done. Never raises."""
    if not entry.path:
        return Done(student=entry.student, problem=entry.why)
    try:
        if order.warm and order.plan is not None:
            sandbox.keep_warm()  # for this worker's life
        read = pipeline.read([Path(order.base, path) for path in entry.notebooks])
        evidence = pipeline.gather(read, order.plan, progress)
        judgement = checks.judge(evidence, order.rubric)
        found = results.as_dict(evidence, judgement, order.lang)
        texts = {
            "review.md": review.write(evidence, judgement, template=order.template, lang=order.lang),
            "report.html": report.write(evidence, judgement, lang=order.lang),
            "results.json": json.dumps(found, ensure_ascii=False, indent=1) + "\n",
        }
        files = {name: text.encode("utf-8", "replace") for name, text in texts.items()}
        files["evidence.json"] = to_json(evidence)
        return Done(student=entry.student, results=found, files=files)
    except UnreadableSubmission as error:
        return Done(student=entry.student, problem=error.text)
    except GraderError as error:
        return Done(student=entry.student, problem=error.text, ours=True)
    except MemoryError:
        return crashed(entry, OUT_OF_MEMORY)
    except Exception as error:
        return unforeseen(entry, error)


OUT_OF_MEMORY = Text(
    ko="채점하는 데 메모리가 모자랐습니다. 한꺼번에 보는 수(--jobs)를 줄여 다시 실행해 주세요.",
    en="There was not enough memory to grade it. Run again with fewer at once (--jobs).",
)


def unforeseen(entry: Entry, error: Exception) -> Done:
    """An exception of ours that nobody thought of."""
    why = Text(
        ko="채점기에서 예상하지 못한 오류가 났습니다. "
        "같은 명령을 다시 실행해 보고, 또 나오면 괄호 안의 내용을 알려 주세요.",
        en="The grader failed in a way nobody foresaw. Run the same command again; if it comes back, "
        "report what is in parentheses.",
    )
    return crashed(entry, why, f"{type(error).__name__}: {error}")


def crashed(entry: Entry, why: Text, detail: str = "") -> Done:
    """The grader failed on this entry: said plainly, counted as undecided.

    `why`: what happened and what to do. `detail`: what there is of it in English only, for who looks into it.
    """
    words = " ".join(detail.split())
    last = f" ({words[:DETAIL]}{'…' if len(words) > DETAIL else ''})" if words else ""
    problem = Text(
        ko=f"채점기 쪽 문제로 판단하지 못했습니다. {why.ko} 학생의 점수와는 무관합니다.{last}",
        en=f"The grader failed on it. {why.en} This says nothing of the student's work.{last}",
    )
    return Done(student=entry.student, problem=problem, ours=True)
