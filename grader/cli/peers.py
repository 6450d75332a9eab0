"""`grader assign`, `prepare`, `collect`, `reflect`, `calibrate`, `merge`: a peer-review round."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader import rubric as rubrics
from grader.cli import options
from grader.cli.language import say
from grader.cli.terminal import plain

RoundFolder = Annotated[
    Path, typer.Argument(help=say("`grader assign`이 만든 폴더", "Folder made by `grader assign`"))
]
Results = Annotated[
    Path,
    typer.Option(
        "--results",
        "-r",
        help=say("`grader batch` 또는 `grader check`의 결과 폴더", "Results of `grader batch` or `check`"),
    ),
]


def assign(
    roster: Annotated[
        Path,
        typer.Argument(
            help=say("명단 CSV: student[,path,status,conflicts]", "CSV: student[,path,status,conflicts]")
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help=say("라운드 폴더", "Folder of the round"))],
    each: Annotated[
        int,
        typer.Option("--reviews-per-student", "-k", min=1, help=say("한 사람이 쓸 리뷰 수", "Reviews each")),
    ] = 2,
    seed: Annotated[int, typer.Option("--seed", min=0, help=say("배정의 씨앗값", "Seed"))] = 0,
    earlier: Annotated[
        list[Path] | None,
        typer.Option("--earlier", help=say("지난 라운드의 assignment.csv", "Earlier assignment.csv")),
    ] = None,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help=say("코더의 이름을 숨깁니다.", "Hide the coders' names."))
    ] = False,
    template: options.Template = "v4",
    lang: options.Lang = "ko",
    rubric: options.RubricPath = None,
    debug: options.Debug = False,
) -> int:
    """누가 누구를 리뷰할지 정하고, 리뷰어마다 PRT가 든 폴더를 만듭니다. 다시 실행하면 바뀐 것만 고칩니다."""
    from grader.peers import handout
    from grader.peers import roster as rosters
    from grader.peers.round import Round

    wanted = Round(
        each=each,
        seed=seed,
        template=options.template_name(template),
        lang=options.language_name(lang),
        anonymous=anonymous,
    )
    people = rosters.read(roster)
    done = handout.assign(out, people, rubrics.load(rubric), wanted, rosters.earlier(earlier or []))
    short = [name for name, count in done.allocation.got.items() if count < each and _gets(people, name)]
    typer.echo(
        say(
            f"{len(done.state.duties)}개 배정 (새로 {done.added}, 시작한 것 {done.kept}개는 그대로, "
            f"거둔 것 {done.dropped}) · 서로 리뷰 {len(done.allocation.swaps)}쌍 · "
            f"지난 라운드와 같은 쌍 {len(done.allocation.repeated)}개\n{out / 'assignment.csv'}",
            f"{len(done.state.duties)} reviews assigned ({done.added} new, {done.kept} begun and kept, "
            f"{done.dropped} withdrawn) · {len(done.allocation.swaps)} pairs review each other · "
            f"{len(done.allocation.repeated)} as in an earlier round\n{out / 'assignment.csv'}",
        )
    )
    if short:
        names = ", ".join(short)
        typer.echo(say(f"리뷰가 {each}개보다 적은 사람: {names}", f"Fewer than {each} reviews for: {names}"))
    return 1 if short else 0


assign.__doc__ = say(assign.__doc__ or "", "Decide who reviews whom; one folder with PRTs a reviewer.")


def _gets(people, name: str) -> bool:
    return any(person.name == name and person.reviewed for person in people)


def prepare(
    folder: RoundFolder,
    results: Results,
    assist: Annotated[str, typer.Option("--assist", help="facts · draft · none")] = "facts",
    rubric: options.RubricPath = None,
    lang: options.Lang = "ko",
    debug: options.Debug = False,
) -> int:
    """아직 시작하지 않은 PRT에, 노트북에서 읽은 사실과 볼 곳을 적어 줍니다."""
    from grader.peers import handout
    from grader.peers.works import Works

    items = rubrics.load(rubric)
    written, left = handout.prepare(folder, items, Works(results, items), assist)
    typer.echo(
        say(
            f"PRT {written}개를 준비했습니다. 이미 시작한 {left}개는 그대로 두었습니다.",
            f"{written} sheets prepared; {left} already begun were left alone.",
        )
    )
    return 0


prepare.__doc__ = say(prepare.__doc__ or "", "Put facts and where to look into sheets nobody has begun.")


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
    results: Results,
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
    collected, reflections, unknown, works = _reflections(source, results, rubric)
    out.mkdir(parents=True, exist_ok=True)
    for reflection in reflections:
        review = reflection.review
        work = works.get(review.coder, review.coder)
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
    """(collected, reflections, coders without evidence, work names of an anonymous round)."""
    from grader.peers import collect as collecting
    from grader.peers import round as rounds
    from grader.peers.reflect import reflect as reflect_on
    from grader.peers.works import Works

    collected = collecting.load(source) if source.is_file() else collecting.collect(source)
    folder = source.parent if source.is_file() else source
    works = rounds.load(folder).works if (folder / rounds.STATE).is_file() else {}
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
    return collected, tuple(found), sorted(set(unknown)), works


def calibrate(
    folder: Annotated[Path, typer.Argument(help=say("연습 폴더", "Folder to practise in"))],
    score: Annotated[
        bool,
        typer.Option("--score", help=say("써 넣은 리뷰를 채점 기록과 견줍니다.", "Score what was written.")),
    ] = False,
    reviewer: Annotated[str, typer.Option("--reviewer", help=say("리뷰어 이름", "Reviewer's name"))] = "",
    template: options.Template = "v4",
    rubric: options.RubricPath = None,
    lang: options.Lang = "ko",
    debug: options.Debug = False,
) -> int:
    """진짜 라운드 전에, 결함이 알려진 연습 노트북을 리뷰해 봅니다."""
    from grader.peers import calibrate as practice
    from grader.peers import feedback
    from grader.publish import write_whole

    lang, items = options.language_name(lang), rubrics.load(rubric)
    if not score:
        template = options.template_name(template)
        new = practice.hand_out(folder, items, template=template, lang=lang, reviewer=reviewer)
        typer.echo(
            say(
                f"{folder}에 연습 노트북과 PRT를 두었습니다 (새 PRT {new}개). "
                f"다 쓴 뒤에: grader calibrate {folder} --score",
                f"Samples and {new} new sheets are in {folder}. When done: grader calibrate {folder} --score",
            )
        )
        return 0
    done = practice.score(folder, items)
    for name, reflection in done.reflections:
        write_whole(folder / f"{name}.feedback.md", feedback.write(reflection, name, lang))
        agreement = f"{reflection.agreement:.0%}" if reflection.agreement is not None else "–"
        missed = ", ".join(fact.id for fact in reflection.missed) or "–"
        typer.echo(
            say(
                f"{name}: 기록과 같은 정도 {agreement}, 놓친 점: {missed}",
                f"{name}: agreement {agreement}, overlooked: {missed}",
            )
        )
    for name in done.unwritten:
        typer.echo(say(f"{name}: 아직 쓰지 않았습니다.", f"{name}: not written yet."))
    if done.score is not None:
        typer.echo(say(f"전체 {done.score:.0%}", f"overall {done.score:.0%}"))
    return 0 if not done.unwritten else 1


calibrate.__doc__ = say(calibrate.__doc__ or "", "Practise on notebooks whose faults are known.")


def merge(
    coder: Annotated[str, typer.Argument(metavar="ID", help=say("코더의 이름", "The coder's name"))],
    source: Collected,
    results: Results,
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
    _, reflections, _, _ = _reflections(source, results, rubric)
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
