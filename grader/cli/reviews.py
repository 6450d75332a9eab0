"""`grader collect`, `reflect`, `merge`: a peer-review round once people have written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader import rubric as rubrics
from grader.cli import options
from grader.cli.language import say
from grader.cli.terminal import plain

Collected = Annotated[
    Path,
    typer.Argument(
        help=say(
            "라운드 폴더, 리뷰가 든 폴더 또는 collected.json", "Round, folder of reviews or collected.json"
        )
    ),
]


def collect(
    folder: Annotated[Path, typer.Argument(help=say("리뷰가 든 폴더", "Folder with the reviews"))],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help=say("결과 파일 (기본: FOLDER/collected.json)", "Result file")),
    ] = None,
    lang: options.Lang = "ko",
    debug: options.Debug = False,
) -> int:
    """사람이 쓴 리뷰를 읽습니다. 읽지 못한 곳은 줄 번호와 함께 보여 주고, 원본은 건드리지 않습니다."""
    from grader.peers import pages
    from grader.peers.collect import collect as read_all
    from grader.publish import write_whole
    from grader.records import to_json

    lang = options.language_name(lang)
    found = read_all(folder)
    path = out or folder / "collected.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, to_json(found).decode())
    counts = pages.counts(found)
    typer.echo(
        say(
            f"리뷰 {counts['reviews']}개, 표시 {counts['marks']}개를 읽었습니다. "
            f"아직 없는 리뷰 {counts['missing']}개, 읽지 못한 곳 {counts['unread']}군데.\n{path}",
            f"{counts['reviews']} reviews with {counts['marks']} marks read; {counts['missing']} reviews "
            f"missing, {counts['unread']} places not readable.\n{path}",
        )
    )
    for review in found.reviews:
        for line in pages.unread(review, lang):
            typer.echo(plain(f"  {line}"))
    return 1 if counts["unread"] or counts["missing"] else 0


collect.__doc__ = say(
    collect.__doc__ or "", "Read reviews as people wrote them; what can't be read is listed."
)


def reflect(
    source: Collected,
    results: options.Results,
    out: Annotated[
        Path, typer.Option("--out", "-o", help=say("피드백을 둘 폴더", "Folder for the feedback"))
    ],
    seed: Annotated[int, typer.Option("--seed", min=0, help=say("무작위 점검의 씨앗값", "Seed"))] = 0,
    rubric: options.RubricPath = None,
    lang: options.Lang = "ko",
    debug: options.Debug = False,
) -> int:
    """리뷰를 노트북의 기록과 견주어, 리뷰어에게 줄 글과 강사용 요약을 씁니다."""
    from grader.naming import folder_name
    from grader.peers import feedback, pages, standing
    from grader.publish import write_whole

    lang = options.language_name(lang)
    collected, reflections, unknown = _reflections(source, results, rubric)
    out.mkdir(parents=True, exist_ok=True)
    for reflection in reflections:
        review = reflection.review
        work = collected.works.get(review.coder, review.coder)
        place = out / "reviewers" / folder_name(review.reviewer or "unknown")
        place.mkdir(parents=True, exist_ok=True)
        write_whole(place / f"{folder_name(work)}.feedback.md", feedback.write(reflection, work, lang))
    whole = standing.standing(reflections, collected, seed=seed)
    write_whole(out / "instructor.md", pages.instructor(whole, collected, reflections, lang))
    write_whole(out / "reviewers.csv", standing.table(whole))
    counts = pages.counts(collected, reflections)
    typer.echo(
        say(
            f"리뷰 {len(reflections)}개: 확인됨 {counts['confirmed']}, 기록과 다름 {counts['contradicted']}, "
            f"사람이 판단 {counts['undecided']}\n먼저 볼 곳: {out / 'instructor.md'}",
            f"{len(reflections)} reviews: {counts['confirmed']} claims confirmed, {counts['contradicted']} "
            f"contradicted, {counts['undecided']} for a person\nLook first at: {out / 'instructor.md'}",
        )
    )
    for name in unknown:
        typer.echo(plain(say(f"  증거를 찾지 못한 노트북: {name}", f"  no evidence for: {name}")))
    return 1 if unknown else 0


reflect.__doc__ = say(
    reflect.__doc__ or "", "Set reviews beside the evidence: feedback, and the round at a glance."
)


def _reflections(source: Path, results: Path, rubric: Path | None):
    """(collected, reflections, coders without evidence)."""
    from grader.peers import collect as collecting
    from grader.peers.reflect import reflect as reflect_on
    from grader.peers.works import Works

    collected = collecting.load(source) if source.is_file() else collecting.collect(source)
    known = Works(results, rubrics.load(rubric))
    found, unknown = [], []
    for review in collected.reviews:
        if review.blank:
            continue
        pair = known(review.coder)
        if pair is None:
            unknown.append(review.coder or review.file)
            continue
        others = tuple(
            other
            for other in collected.reviews
            if other.reviewer == review.reviewer and other is not review and review.reviewer
        )
        found.append(reflect_on(review, *pair, others))
    return collected, tuple(found), sorted(set(unknown))


def merge(
    coder: Annotated[str, typer.Argument(metavar="ID", help=say("코더의 이름", "The coder's name"))],
    source: Collected,
    results: options.Results,
    out: Annotated[Path, typer.Option("--out", "-o", help=say("결과 폴더", "Folder for the result"))],
    gradebook: Annotated[
        str, typer.Option("--gradebook", help=say("강사의 결정이 든 성적부", "Gradebook with the decisions"))
    ] = "",
    rubric: options.RubricPath = None,
    lang: options.Lang = "ko",
    debug: options.Debug = False,
) -> int:
    """채점기의 증거, 동료 리뷰, 강사의 결정을 출처가 적힌 최종 리뷰 하나로 모읍니다."""
    from grader.errors import UsageError
    from grader.naming import folder_name
    from grader.peers import merge as merging
    from grader.peers import standing
    from grader.peers.weigh import weigh
    from grader.peers.works import Works
    from grader.publish import write_whole
    from grader.records import Status, to_json

    lang = options.language_name(lang)
    known = Works(results, rubrics.load(rubric))
    pair = known(coder)
    if pair is None:
        names = ", ".join(known.names()[:8])
        raise UsageError(
            ko=f"{results}에 {coder}의 증거가 없습니다. 있는 이름: {names} …",
            en=f"No evidence for {coder} in {results}. It has: {names} …",
        )
    _, reflections, _ = _reflections(source, results, rubric)
    mine = tuple(r for r in reflections if r.review.coder == coder)
    settled: dict[str, list[float]] = {}
    for reflection in reflections:
        settled.setdefault(reflection.review.reviewer or "?", []).extend(reflection.gaps)
    weights = weigh(settled, standing.open_questions(reflections))
    merged = merging.merge(coder, *pair, mine, weights, _decisions(gradebook, results, coder))
    out.mkdir(parents=True, exist_ok=True)
    page = write_whole(out / f"{folder_name(coder)}.final.md", merging.page(merged, pair[1], len(mine), lang))
    write_whole(out / f"{folder_name(coder)}.merged.json", to_json(merged).decode())
    typer.echo(str(page))
    return 1 if Status.UNDECIDED in merged.statuses.values() else 0


merge.__doc__ = say(merge.__doc__ or "", "One final review from grader, peers and instructor, with sources.")


def _decisions(gradebook: str, results: Path, coder: str):
    """The instructor's decisions on `coder`, oldest first; () where there is no gradebook."""
    place = gradebook or results / "gradebook.sqlite"
    if not gradebook and not Path(place).is_file():
        return ()
    from grader.batch.gradebook import Gradebook
    from grader.peers.merge import Decision
    from grader.records import Status

    with Gradebook(place) as book:
        return tuple(
            Decision(item=d.item, status=Status(d.status), who=d.who, why=d.why, at=d.at, points=d.points)
            for d in book.overrides()
            if d.student == coder
        )
