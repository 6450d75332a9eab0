"""results.json: the verdicts and settled facts for other programs. Decides nothing.

The keys are a promise to instructors' scripts; they only ever grow.
"""

from __future__ import annotations

from typing import Any

import msgspec

from grader.records import Evidence, Finding, Judgement, Status, Verdict

RESULTS_VERSION = 1


def as_dict(evidence: Evidence, judgement: Judgement, lang: str = "ko") -> dict[str, Any]:
    """The content of results.json, texts in `lang`; plain JSON types only."""
    observed = evidence.observed
    return {
        "version": RESULTS_VERSION,
        "grader": evidence.grader_version,
        "lang": lang,
        "submission": {
            "name": evidence.submission.name,
            "sha256": evidence.submission.sha256,
            "cells": len(evidence.submission.cells),
            "notes": [note.in_(lang) for note in evidence.submission.notes],
        },
        "items": {verdict.item: _verdict(verdict, lang) for verdict in judgement.items},
        "questions": {verdict.item: _verdict(verdict, lang) for verdict in judgement.questions},
        "facts": msgspec.to_builtins(judgement.facts),
        "findings": [_finding(finding, lang) for finding in judgement.findings],
        "points": points(judgement),
        "profile": observed.profile if observed else None,
        "runtime": observed.runtime if observed else None,
        "isolation": observed.isolation if observed else None,
        "budget": msgspec.to_builtins(observed.budget) if observed else None,
        "ending": str(observed.ending) if observed else None,
        "unverified": list(observed.unverified) if observed else [],
        "cells_run": msgspec.to_builtins(observed.cells) if observed else [],
        "not_run": evidence.not_run.in_(lang) if evidence.not_run else None,
        "verified": msgspec.to_builtins(evidence.verified) if evidence.verified else None,
        "faults": list(evidence.faults),
    }


def points(judgement: Judgement) -> dict[str, Any]:
    """Points earned, points possible, and how many items nobody has decided yet.

    An undecided item is in neither sum: it is not a zero.
    """
    decided = [v for v in judgement.items if v.status is not Status.UNDECIDED]
    worth = {item.id: item.points for item in judgement.rubric}
    return {
        "earned": sum(v.points or 0.0 for v in decided),
        "possible": sum(worth.get(v.item, 1.0) for v in decided),
        "undecided": len(judgement.items) - len(decided),
    }


def exit_code(evidence: Evidence, judgement: Judgement) -> int:
    """0 when every rubric item passed and every stage of the grader worked, else 1."""
    passed = all(verdict.status is Status.PASS for verdict in judgement.items)
    return 0 if passed and not evidence.faults else 1


def _verdict(verdict: Verdict, lang: str) -> dict[str, Any]:
    optional = {"next_step": verdict.next_step, "praise": verdict.praise, "person": verdict.person}
    return {
        "status": str(verdict.status),
        "points": verdict.points,
        "expected": verdict.expected.in_(lang),
        "actual": verdict.actual.in_(lang),
        "reason": verdict.reason.in_(lang),
        "cells": sorted({citation.cell for citation in verdict.citations}),
        **{key: text.in_(lang) if text else None for key, text in optional.items()},
        "questions": [question.in_(lang) for question in verdict.questions],
        "staff_note": verdict.staff_note,
    }


def _finding(finding: Finding, lang: str) -> dict[str, Any]:
    return {
        "id": finding.id,
        "severity": finding.severity,
        "text": finding.text.in_(lang),
        "cells": sorted({citation.cell for citation in finding.citations}),
        "question": finding.question.in_(lang) if finding.question else None,
    }
