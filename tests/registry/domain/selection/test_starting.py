"""The method of a recipe, by rows, distance and cost."""

from __future__ import annotations

import pytest

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.recipe import Method
from registry.domain.selection.likeness import LikenessVerdict
from registry.domain.selection.starting import Way, way

EVERY = frozenset({Method.FEATURE_EXTRACTION, Method.FINE_TUNING, Method.ADAPTER})


def chosen(distance: LikenessVerdict | None, *, offered: frozenset[Method] = EVERY, **more: float) -> Way:
    wanted = {"fewest": 100, "seconds": 1.0, "parameters": 10} | more
    return way(
        labels=LabelKind.CLASS,
        rows=400,
        fewest=int(wanted["fewest"]),
        seconds=wanted["seconds"],
        epochs=5,
        parameters=int(wanted["parameters"]),
        modality=Modality.TEXT,
        offered=offered,
        distance=distance,
    )


@pytest.mark.parametrize(
    ("distance", "method"),
    [
        (LikenessVerdict.SAME, Method.FEATURE_EXTRACTION),
        (LikenessVerdict.NEAR, Method.ADAPTER),
        (LikenessVerdict.FAR, Method.FINE_TUNING),
        (None, Method.FINE_TUNING),
    ],
)
def test_the_nearer_the_data_the_fewer_layers_change(distance: LikenessVerdict | None, method: Method) -> None:
    found = chosen(distance)
    assert found.method is method
    assert ("Yosinski" in found.source) == (distance is not None)
    assert distance is None or "The source learnt from data" in found.reason


def test_few_rows_and_too_long_a_training_decide_before_the_distance_does() -> None:
    assert "The smallest class has 9 rows" in chosen(LikenessVerdict.FAR, fewest=9).reason
    assert "hours" in chosen(LikenessVerdict.FAR, seconds=9_999.0).reason


def test_far_data_is_worth_a_training_of_all_layers_of_a_large_encoder_too() -> None:
    assert chosen(None, parameters=2e8).method is Method.ADAPTER
    assert chosen(LikenessVerdict.FAR, parameters=2e8).method is Method.FINE_TUNING


def test_what_the_adapter_does_not_offer_is_not_recommended() -> None:
    heads = frozenset({Method.FEATURE_EXTRACTION})
    assert chosen(LikenessVerdict.FAR, offered=heads).method is Method.FEATURE_EXTRACTION
    without = frozenset({Method.FEATURE_EXTRACTION, Method.FINE_TUNING})
    assert chosen(LikenessVerdict.NEAR, offered=without).method is Method.FINE_TUNING
