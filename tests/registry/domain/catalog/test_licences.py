"""Licences: SPDX where it can be read so, kept as written where not, never guessed."""

from __future__ import annotations

import pytest

from registry.domain.catalog.licences import (
    LicenceClass,
    combine_licences,
    is_known,
    licence_class,
    normalise_licence,
)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("MIT", "MIT"),
        ("mit", "MIT"),
        ("pddl", "PDDL-1.0"),
        ("MIT and Apache-2.0", "MIT AND Apache-2.0"),
        ("  cc-by-4.0 ", "CC-BY-4.0"),
        ("our own terms", "our own terms"),
    ],
)
def test_a_licence_is_read_as_spdx_where_it_can_be(written: str, read: str) -> None:
    assert normalise_licence(written) == read


@pytest.mark.parametrize("text", ["other", "unknown", "", "NOASSERTION", "our own terms", "Apache-9.9"])
def test_a_licence_that_is_on_no_list_counts_as_unknown(text: str) -> None:
    assert not is_known(text)


@pytest.mark.parametrize("text", ["MIT", "Apache-2.0 OR MIT", "LicenseRef-scancode-gemma-tou-2024-04-01"])
def test_a_listed_licence_is_known(text: str) -> None:
    assert is_known(text)


def test_a_child_owes_what_all_its_parents_ask() -> None:
    assert combine_licences(["MIT", "Apache-2.0", "MIT"]) == "MIT AND Apache-2.0"
    assert combine_licences(["MIT OR GPL-2.0-only", "Apache-2.0"]) == "(MIT OR GPL-2.0-only) AND Apache-2.0"
    assert combine_licences(["MIT"]) == "MIT"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIT", LicenceClass.PERMISSIVE),
        ("CC0-1.0", LicenceClass.PERMISSIVE),
        ("Apache-2.0 AND GPL-3.0-only", LicenceClass.SHARE_ALIKE),
        ("MIT AND CC-BY-NC-SA-4.0", LicenceClass.NON_COMMERCIAL),
        ("CC-BY-ND-4.0", LicenceClass.RESTRICTED),
        ("LicenseRef-llama-3", LicenceClass.RESTRICTED),
        ("whatever we like", LicenceClass.UNKNOWN),
    ],
)
def test_the_class_of_a_licence_is_that_of_its_strictest_part(text: str, expected: LicenceClass) -> None:
    assert licence_class(text) is expected
