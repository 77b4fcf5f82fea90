"""The types of the facts are those of the facts themselves: neither knows a field that the other does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from registry.domain.catalog.models import Status
from registry.domain.governance.ancestry import MODEL, AncestorFact, Ancestry, Restriction
from registry.domain.governance.case import expression_facts
from registry.domain.governance.conditions.expressions import VARIABLES
from registry.domain.governance.conditions.problems import Untold
from registry.domain.governance.conditions.types import Kind, Many, Record, Single, Type
from registry.services.governance.policies.environment import fact_types
from tests.registry.policy_cases import case, policy

LISTED = (AncestorFact("models:/a/b/1", MODEL, Status.ACTIVE, "MIT", ("attribution",), "observed"),)
TYPES = fact_types(policy().evidence_types.values(), policy().params, {"accuracy"})


def fits(value: object, kind: Type) -> bool:
    """Whether `value` is of this type, with no field that the type does not know."""
    if isinstance(value, Untold):
        return True
    if isinstance(kind, Record):
        names = set(value) if isinstance(value, Mapping) else {object()}
        if kind.others is None and (not names <= kind.fields.keys() or (kind.sure and names != kind.fields.keys())):
            return False
        assert isinstance(value, Mapping)
        return all(
            fits(item, kind.fields.get(name) or kind.others or Single(Kind.NULL)) for name, item in value.items()
        )
    if isinstance(kind, Many):
        return isinstance(value, list) and all(fits(item, kind.of) for item in value)
    wanted = {Kind.INT: int, Kind.DOUBLE: float, Kind.TEXT: str, Kind.BOOL: bool}
    return kind.kind is Kind.ANY or type(value) is wanted.get(kind.kind) or isinstance(value, wanted[kind.kind])


def test_every_fact_of_a_case_has_the_type_that_conditions_are_checked_against() -> None:
    rules = policy()
    found = case(rules)
    clause = Restriction("notice", "models:/a/b/1", "Apache-2.0")
    conflicts = {"commercial": 0, "derivatives": 1}
    read = Ancestry(LISTED, restrictions=(clause,), conflicts=conflicts, flops=2.0)
    found = replace(found, candidate=replace(found.candidate, ancestry=read))
    facts = expression_facts(found, rules.admissible(found), rules.params)
    assert set(facts) == set(VARIABLES) == set(TYPES)
    for name, value in facts.items():
        assert fits(value, TYPES[name]), name
