"""Pages for the instructor: the round's summary, and the list of what could not be read. Decides nothing.

Called by `grader.cli.peers`.
"""

from __future__ import annotations

from grader import wording as words
from grader.peers.compare import Result
from grader.peers.reflect import Reflection
from grader.peers.reviews import Collected, PeerReview, Says
from grader.peers.standing import Standing
from grader.review.markdown import cell, inline, prose, tidied
from grader.templating import environment

READ = (Says.YES, Says.NO, Says.PARTIAL, Says.NOT_APPLICABLE)


def counts(collected: Collected, reflections: tuple[Reflection, ...] = ()) -> dict[str, int]:
    """The round in numbers."""
    by = {result: sum(len(r.of(result)) for r in reflections) for result in Result}
    return {
        "reviews": sum(not r.blank for r in collected.reviews),
        "missing": len(collected.missing),
        "marks": sum(a.says in READ for r in collected.reviews for a in r.answers),
        "confirmed": by[Result.CONFIRMED],
        "contradicted": by[Result.CONTRADICTED],
        "undecided": by[Result.UNDECIDED],
        "unread": sum(len(r.unread) for r in collected.reviews),
    }


def instructor(
    standing: Standing, collected: Collected, reflections: tuple[Reflection, ...], lang: str
) -> str:
    """The summary as markdown."""
    page = {
        "t": (lambda ko, en: ko) if lang == "ko" else (lambda ko, en: en),
        "counts": counts(collected, reflections),
        "alpha": "–" if standing.alpha is None else f"{standing.alpha:.2f}",
        "spot_checks": [
            {"coder": prose(check.coder), "why": prose(check.why.in_(lang))} for check in standing.spot_checks
        ],
        "talk": [
            {"name": prose(r.name), "why": prose(" · ".join(why.in_(lang) for why in r.talk))}
            for r in standing.reviewers
            if r.talk
        ],
        "reviewers": [
            {
                "name": cell(r.name),
                "weight": f"{r.weight:.2f}",
                "agreement": words.share(r.agreement) or "–",
                "pointed": words.share(r.pointed) or "–",
                **{
                    key: getattr(r, key)
                    for key in ("confirmed", "contradicted", "noticed", "missed", "beyond")
                },
            }
            for r in standing.reviewers
        ],
        "unread": [line for review in collected.reviews for line in unread(review, lang)],
    }
    return tidied(environment(html=False).get_template("peers/instructor.md.j2").render(page))


def unread(review: PeerReview, lang: str) -> list[str]:
    """What of one review could not be read, a line each."""
    return [
        f"{inline(review.file)}:{u.line} {inline(u.what)} {prose(u.why.in_(lang))}" for u in review.unread
    ]
