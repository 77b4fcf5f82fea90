"""How well an order of candidates agrees with what the candidates then achieved.

All functions take, in the same order of candidates, what was expected of each (larger is better) and what came out.
"""

from __future__ import annotations

from collections.abc import Sequence


def regret(expected: Sequence[float], achieved: Sequence[float]) -> float:
    """What choosing the candidate with the highest expectation loses to the best one; of equals, their mean loss."""
    top = max(expected)
    chosen = [value for value, hope in zip(achieved, expected, strict=True) if hope == top]
    return max(achieved) - sum(chosen) / len(chosen)


def recall(expected: Sequence[float], achieved: Sequence[float], *, first: int = 3) -> float:
    """1 where one of the best is among the `first` expected, else 0; of equals at the edge, the share that would be."""
    best = max(achieved)
    edge = sorted(expected, reverse=True)[min(first, len(expected)) - 1]
    pairs = list(zip(expected, achieved, strict=True))
    if any(hope > edge and value == best for hope, value in pairs):
        return 1.0
    at_edge = [value for hope, value in pairs if hope == edge]
    room = first - sum(hope > edge for hope, _ in pairs)
    hits = sum(value == best for value in at_edge)
    return 1.0 - _none_of(hits, len(at_edge), min(room, len(at_edge)))


def _none_of(hits: int, among: int, drawn: int) -> float:
    """The chance that `drawn` of `among`, without return, hold none of `hits`."""
    chance = 1.0
    for number in range(drawn):
        chance *= max(among - hits - number, 0) / (among - number)
    return chance


def weighted_tau(expected: Sequence[float], achieved: Sequence[float]) -> float | None:
    """Vigna's weighted tau (WWW 2015) with hyperbolic weights, the mean over both orders; None where one is constant.

    A pair of ranks r and s (from 0) weighs 1/(r+1) + 1/(s+1). As SciPy's `weightedtau`, and as the tables of the
    literature.
    """
    found = [_tau(expected, achieved, _ranks(*order)) for order in ((expected, achieved), (achieved, expected))]
    return None if found[0] is None or found[1] is None else (found[0] + found[1]) / 2


def _ranks(first: Sequence[float], then: Sequence[float]) -> list[int]:
    """The rank of each, from 0 for the largest by `first`, then by `then`."""
    order = sorted(range(len(first)), key=lambda n: (first[n], then[n]), reverse=True)
    ranks = [0] * len(order)
    for rank, place in enumerate(order):
        ranks[place] = rank
    return ranks


def _tau(x: Sequence[float], y: Sequence[float], ranks: Sequence[int]) -> float | None:
    total, in_x, in_y = 0.0, 0.0, 0.0
    for i in range(len(x)):
        for j in range(i):
            weight = 1 / (ranks[i] + 1) + 1 / (ranks[j] + 1)
            a, b = (x[i] > x[j]) - (x[i] < x[j]), (y[i] > y[j]) - (y[i] < y[j])
            total, in_x, in_y = total + weight * a * b, in_x + weight * a * a, in_y + weight * b * b
    return total / (in_x * in_y) ** 0.5 if in_x and in_y else None
