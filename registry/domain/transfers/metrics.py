"""Metrics by name: which way is better, and what a comparison with the simplest possible answers shows."""

from __future__ import annotations

import math
from collections.abc import Iterable

from lineage import Digest
from registry.domain.catalog.models import MetricValue

LESS_IS_BETTER = frozenset({"loss", "mae", "mse", "rmse", "perplexity", "alignment", "uniformity"})
"""Of all other metrics, more is better."""
BASELINE = "baseline_"
"""A metric of this beginning is what the same answer to every row reaches: the most frequent class, or the mean."""
SOURCE_ONLY, SOURCE = "source_only_", "source_"
"""Metrics of these beginnings: what the same training without adaptation reaches, and what the source itself does."""
MAJORITY_CLASS = frozenset({"accuracy", "balanced_accuracy", "macro_f1"})
"""Metrics whose constant answer is a class."""


def beyond_baseline(measured: Iterable[MetricValue]) -> tuple[str, ...]:
    """A sentence for each metric on test data (else on any) that is no better than the baseline measured beside it.

    Empty for a model that is better than every baseline, and where no baseline was measured.
    """
    values = list(measured)
    tested = [value for value in values if value.role == "test"] or values
    baselines: dict[tuple[str, str, str, Digest], float] = {}
    for value in tested:
        if value.name.startswith(BASELINE):
            baselines[value.name.removeprefix(BASELINE), value.role, value.split, value.data] = value.value
    sentences = []
    for value in tested:
        baseline = baselines.get((value.name, value.role, value.split, value.data))
        if baseline is not None and (sentence := _compared(value, baseline)):
            sentences.append(sentence)
    return tuple(dict.fromkeys(sentences))


def below_source(measured: Iterable[MetricValue]) -> tuple[str, ...]:
    """A sentence for each final metric that is worse than that of the source, or of training without adaptation."""
    values = list(measured)
    by_place = {(value.name, value.role, value.split, value.data): value.value for value in values}
    sentences = []
    for value in values:
        for start in (SOURCE_ONLY, SOURCE):
            before = by_place.get((f"{start}{value.name}", value.role, value.split, value.data))
            if before is not None and (sentence := _worse(value, before, start)):
                sentences.append(sentence)
    return tuple(dict.fromkeys(sentences))


def remarks(measured: Iterable[MetricValue]) -> tuple[str, ...]:
    """What people must know of the final metrics of a step: where it is no better than something simpler."""
    values = list(measured)
    return (*below_source(values), *beyond_baseline(values))


def _worse(value: MetricValue, before: float, start: str) -> str:
    less = value.name in LESS_IS_BETTER
    lost = value.value - before if less else before - value.value
    if lost <= 0:
        return ""
    reached = f"{value.name.replace('_', ' ')} on {value.role} data is {value.value:.3f}, {lost:.3f} worse than"
    if start == SOURCE_ONLY:
        return f"{reached} the {before:.3f} of the same training without adaptation: adapting has done harm"
    return f"{reached} the {before:.3f} of its source"


def _compared(value: MetricValue, baseline: float) -> str:
    """The sentence on one metric; empty when it is better than its baseline."""
    equal = math.isclose(value.value, baseline, rel_tol=1e-9, abs_tol=1e-12)
    less = value.name in LESS_IS_BETTER
    if not equal and (value.value < baseline) == less:
        return ""
    kind = "majority-class baseline" if value.name in MAJORITY_CLASS else "baseline of one constant answer"
    how = "equals" if equal else "is above" if less else "is below"
    name = value.name.replace("_", " ")
    return f"{name} {value.value:.3f} {how} the {kind} {baseline:.3f}: the model has learnt nothing beyond it"
