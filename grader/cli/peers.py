"""`grader assign`, `prepare`, `calibrate`: a peer-review round up to the moment people write."""

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
    lost = [person.name for person in people if person.path and not Path(person.path).is_file()]
    if lost:
        names = plain(", ".join(lost))
        typer.echo(say(f"노트북 파일이 없는 사람: {names}", f"No notebook file for: {names}"))
    if short:
        names = plain(", ".join(short))
        typer.echo(say(f"리뷰가 {each}개보다 적은 사람: {names}", f"Fewer than {each} reviews for: {names}"))
    return 1 if short else 0


assign.__doc__ = say(assign.__doc__ or "", "Decide who reviews whom; one folder with PRTs a reviewer.")


def _gets(people, name: str) -> bool:
    return any(person.name == name and person.reviewed for person in people)


def prepare(
    folder: RoundFolder,
    results: options.Results,
    assist: Annotated[str, typer.Option("--assist", help="facts · draft · none")] = "facts",
    rubric: options.RubricPath = None,
    lang: options.Lang = "ko",
    debug: options.Debug = False,
) -> int:
    """아직 시작하지 않은 PRT에, 노트북에서 읽은 사실과 볼 곳을 적어 줍니다."""
    from grader.peers import handout
    from grader.peers.works import Works

    items = rubrics.load(rubric)
    done = handout.prepare(folder, items, Works(results, items), assist)
    typer.echo(
        say(
            f"PRT {done.written}개를 준비했습니다. 이미 시작한 {done.begun}개는 그대로 두었습니다.",
            f"{done.written} sheets prepared; {done.begun} already begun were left alone.",
        )
    )
    if done.unknown:
        names = plain(", ".join(done.unknown))
        typer.echo(say(f"증거가 없어 사실을 못 적은 노트북: {names}", f"No evidence for: {names}"))
    return 1 if done.unknown else 0


prepare.__doc__ = say(prepare.__doc__ or "", "Put facts and where to look into sheets nobody has begun.")


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
