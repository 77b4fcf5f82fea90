"""The overall word of a verdict from its facets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from registry.domain.comparison.verdict import Answer, Facet, FacetName, Outcome

_VETOES = (FacetName.BENEFIT, FacetName.PRODUCTION, FacetName.CONSTANT)
"""Refuted, they make a verdict negative."""


def conclude(facets: Iterable[Facet], worse: Sequence[str]) -> tuple[Outcome, tuple[str, ...]]:
    """The outcome with its reasons; `worse` says on which slices the transfer is worse than from scratch.

    Positive takes a transfer that is better than the linear probe, not one that may equal it (ADR 42); verdicts of
    rule 2 have no such facet, and take one that is not worse by more than the margin.
    """
    by_name = {facet.name: facet for facet in facets}

    def words(names: Iterable[FacetName], *answers: Answer) -> list[str]:
        return [by_name[name].words for name in names if name in by_name and by_name[name].answer in answers]

    if vetoes := words(_VETOES, Answer.REFUTED):
        return Outcome.NEGATIVE, (*vetoes, *words((FacetName.BENEFIT,), Answer.SHOWN))
    needed = words((FacetName.BENEFIT, FacetName.CONSTANT), Answer.OPEN)
    unlike = (Answer.OPEN, Answer.REFUTED)
    short = words((FacetName.NON_INFERIOR,), *unlike) or words((FacetName.BETTER_THAN_PROBE,), *unlike)
    short += words((FacetName.PRODUCTION,), *unlike)
    same = words((FacetName.EQUIVALENT,), Answer.SHOWN)
    if same and not worse and words((FacetName.BENEFIT,), Answer.OPEN):
        return Outcome.EQUIVALENT, (*same, *words((FacetName.CONSTANT,), Answer.OPEN))
    if needed or worse:
        size = words((FacetName.DETECTABLE,), Answer.OPEN) if needed else []
        return Outcome.INCONCLUSIVE, (*needed, *worse, *short, *size)
    probe = words((FacetName.BETTER_THAN_PROBE,), Answer.SHOWN) or words((FacetName.NON_INFERIOR,), Answer.SHOWN)
    shown = [
        *words((FacetName.BENEFIT,), Answer.SHOWN),
        *probe,
        *words((FacetName.PRODUCTION, FacetName.CONSTANT), Answer.SHOWN),
    ]
    return (Outcome.HELPFUL if short else Outcome.POSITIVE), (*shown[:1], *short, *shown[1:])
