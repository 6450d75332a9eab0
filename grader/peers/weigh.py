"""How much each reviewer's word counts where the machine can't decide. Pure arithmetic.

Hamer, Ma and Kwong, "A method of automatic grade calibration in peer assessment", ACE 2005: a reviewer's
weight is the class's mean squared distance from the truth over the reviewer's own, damped above 2 by
2 + ln(w - 1). Their truth is the weighted mean of all grades, found by iteration. Ours is known in part:
on what the evidence settles, the distance is to the evidence; on the rest it is to the weighted mean, as
theirs. Inter-reviewer agreement: Krippendorff, "Content Analysis", alpha for nominal data.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from grader.records import Record

PRIOR = 5.0
"""Imagined answers, as far off as the class, that everybody starts with: few answers, weight near 1."""
FLOOR = 0.02
"""Mean squared distance that counts as perfect: nobody's weight grows without bound."""
ROUNDS, STILL = 100, 1e-6

Opinions = Mapping[tuple[str, str], Mapping[str, float]]
"""(work, question) -> reviewer -> 0..1."""


class Weights(Record):
    """Weights around 1, and the consensus they make."""

    weights: dict[str, float]
    consensus: dict[tuple[str, str], float]
    """Weighted mean by (work, question)."""


def weigh(settled: Mapping[str, Sequence[float]], opinions: Opinions) -> Weights:
    """`settled`: by reviewer, distances (0..1) to what the evidence settles. `opinions`: the rest."""
    reviewers = sorted({*settled, *(name for given in opinions.values() for name in given)})
    weights = dict.fromkeys(reviewers, 1.0)
    consensus: dict[tuple[str, str], float] = {}
    for _ in range(ROUNDS):
        consensus = {where: _mean(given, weights) for where, given in opinions.items() if given}
        squares: dict[str, list[float]] = {
            name: [gap * gap for gap in settled.get(name, ())] for name in reviewers
        }
        for where, given in opinions.items():
            if len(given) > 1:
                for name, value in given.items():
                    squares[name].append((value - consensus[where]) ** 2)
        new = _weights(squares)
        change = max((abs(new[name] - weights[name]) for name in reviewers), default=0.0)
        weights = new
        if change < STILL:
            break
    return Weights(weights=weights, consensus=consensus)


def _mean(given: Mapping[str, float], weights: Mapping[str, float]) -> float:
    total = sum(weights[name] for name in given)
    return sum(weights[name] * value for name, value in given.items()) / total


def _weights(squares: Mapping[str, Sequence[float]]) -> dict[str, float]:
    everything = [square for values in squares.values() for square in values]
    overall = max(FLOOR, sum(everything) / len(everything)) if everything else 1.0
    found = {}
    for name, values in squares.items():
        own = max(FLOOR, (sum(values) + PRIOR * overall) / (len(values) + PRIOR))
        ratio = overall / own
        found[name] = ratio if ratio <= 2 else 2 + math.log(ratio - 1)
    return found


def alpha(opinions: Opinions) -> float | None:
    """Krippendorff's alpha, nominal; None where no question was answered twice or nobody ever differs
    in any way (one single value everywhere)."""
    counts: dict[float, float] = defaultdict(float)
    disagreeing = pairable = 0.0
    for given in opinions.values():
        values = list(given.values())
        if len(values) < 2:
            continue
        pairable += len(values)
        for i, value in enumerate(values):
            counts[value] += 1
            disagreeing += sum(value != other for j, other in enumerate(values) if j != i) / (len(values) - 1)
    if pairable < 2 or len(counts) < 2:
        return None
    expected = sum(n * (pairable - n) for n in counts.values()) / (pairable - 1)
    return 1 - disagreeing / expected
