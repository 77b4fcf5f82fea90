"""How a thing went into another, by its edge."""

from __future__ import annotations

import pytest

from registry.domain.catalog import clauses
from registry.domain.transfers.ways import way_of


@pytest.mark.parametrize(
    ("role", "makes_data", "way"),
    [
        ("source", False, clauses.WEIGHTS),
        ("base", False, clauses.WEIGHTS),
        ("source", True, clauses.OUTPUTS),
        ("teacher", False, clauses.OUTPUTS),
        ("train", False, clauses.DATA),
        ("train.digits", False, clauses.DATA),
        ("unlabelled", False, clauses.DATA),
        ("train", True, clauses.WEIGHTS),
        ("test", False, None),
        ("validation", False, None),
    ],
)
def test_the_role_of_an_edge_says_how_a_thing_went_into_another(role: str, makes_data: bool, way: str | None) -> None:
    assert way_of(role, makes_data=makes_data) == way
