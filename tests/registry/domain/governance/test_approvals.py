"""Quorum is counted as well as can be: no way of giving people their roles fills more places."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from registry.domain.governance.approvals import count

ROLES = ("developer", "validator", "risk-owner")
_wanted = st.dictionaries(st.sampled_from(ROLES), st.integers(1, 3), min_size=1)
_eligible = st.dictionaries(
    st.sampled_from(["ana", "ben", "cleo", "dan"]), st.sets(st.sampled_from(ROLES), min_size=1).map(sorted)
)


def _best(wanted: dict[str, int], eligible: dict[str, list[str]]) -> int:
    """By trying every way of giving each person one of their roles, or none."""
    best = 0
    for choice in product(*([None, *roles] for roles in eligible.values())):
        best = max(best, sum(min(quorum, choice.count(role)) for role, quorum in wanted.items()))
    return best


@given(wanted=_wanted, eligible=_eligible)
def test_law_as_many_places_are_filled_as_possible(wanted: dict[str, int], eligible: dict[str, list[str]]) -> None:
    filled = count(wanted, eligible, distinct=True)
    assert sum(filled.values()) == _best(wanted, eligible)
    assert all(filled[role] <= quorum for role, quorum in wanted.items())


@given(wanted=_wanted, eligible=_eligible)
def test_law_one_more_voter_never_makes_it_worse(wanted: dict[str, int], eligible: dict[str, list[str]]) -> None:
    before = sum(count(wanted, eligible, distinct=True).values())
    assert sum(count(wanted, eligible | {"eve": list(ROLES)}, distinct=True).values()) >= before


def test_without_distinct_people_one_person_fills_each_of_their_roles_once() -> None:
    filled = count({"validator": 2, "risk-owner": 1}, {"ana": ["validator", "risk-owner"]}, distinct=False)
    assert filled == {"validator": 1, "risk-owner": 1}
