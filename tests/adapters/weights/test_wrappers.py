"""Names that torch's wrappers put before tensors are removed where that is unambiguous."""

from __future__ import annotations

import pytest

from adapters.weights.wrappers import unwrapped_names


@pytest.mark.parametrize(
    ("name", "short", "notes"),
    [
        ("_orig_mod.layer.weight", "layer.weight", 1),
        ("module._orig_mod.layer.weight", "layer.weight", 2),
        ("_orig_mod.module.layer.weight", "layer.weight", 2),
        ("encoder._orig_mod.layer.weight", "encoder.layer.weight", 1),
        ("layer.weight", "layer.weight", 0),
    ],
)
def test_names_lose_the_prefixes_of_compile_and_data_parallel(name: str, short: str, notes: int) -> None:
    names, told = unwrapped_names([name])
    assert names == {name: short}
    assert len(told) == notes


@pytest.mark.parametrize("names", [["module.a", "b"], ["_orig_mod.a", "a"]])
def test_names_stay_where_removing_a_prefix_would_be_ambiguous(names: list[str]) -> None:
    assert unwrapped_names(names) == ({name: name for name in names}, [])
